//! What a 226 is worth when the receiver's power goes.

use super::{Evidence, SAFE, Share, untested};
use crate::lab::claim::{Claim, Standing};
use crate::sim::fault::FaultName;
use crate::sim::scenario::VariantSpec;

impl Evidence<'_> {
    /// Judged where the power is cut after the reply.
    pub(super) fn safe(&self) -> Option<Claim> {
        let faults = &self.comparison.scenario.faults;
        faults.iter().find(|fault| is_power_cut(fault.kind) && fault.after_reply_us.is_some())?;
        let of = |durable: bool| -> Vec<&VariantSpec> {
            self.comparison.scenario.variants.iter().filter(|v| v.durable == durable).collect()
        };
        let contenders = (of(false), of(true));
        if contenders.0.is_empty() {
            return Some(untested(SAFE, self.compare_command()));
        }
        let plain = self.lost_by(&contenders.0, is_power_cut);
        let durable = self.lost_by(&contenders.1, is_power_cut);
        if let Err(open) = self.enough_faults(SAFE, plain, is_power_cut) {
            return Some(open);
        }
        let figure = figure(plain, durable);
        for (contenders, share) in [(&contenders.0, plain), (&contenders.1, durable)] {
            let together = (contenders.len(), is_power_cut);
            // What any of them lost contradicts it, whatever the others have shown.
            if !contenders.is_empty()
                && durable.lost == 0
                && let Err(open) = self.enough_to_say_none(SAFE, &figure, share, together)
            {
                return Some(open);
            }
        }
        Some(safe(SAFE, plain, durable, self.compare_command()))
    }
}

/// What takes of a receiver's files what it has not synced.
pub(super) fn is_power_cut(kind: FaultName) -> bool {
    kind == FaultName::ReceiverPowerLoss
}

/// What may cut a file short. What a loss of power takes of a file that was whole has nothing to do with how
/// its end is marked.
pub(super) fn is_cut(kind: FaultName) -> bool {
    kind != FaultName::None && !is_power_cut(kind)
}

/// Of runs whose receiver lost its power, by whether it had promised to sync before it answers.
pub(super) fn safe(claim: &'static str, plain: Share, durable: Share, command: String) -> Claim {
    let standing = match (plain.lost, durable.lost, durable.runs) {
        (0, 0, _) => Standing::Holds,
        (_, 0, 1..) => Standing::Conditional,
        _ => Standing::Fails,
    };
    Claim { claim, standing, figure: figure(plain, durable), command }
}

/// The shares that it is judged by.
pub(super) fn figure(plain: Share, durable: Share) -> String {
    let plain = format!("Of files that had been reported delivered, some were lost in {plain} power cuts");
    match durable.runs {
        0 => format!("{plain}."),
        _ => format!("{plain}; where the receiver syncs file and directory before it answers, in {durable}."),
    }
}
