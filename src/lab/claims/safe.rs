//! What a 226 is worth when the receiver's power goes.

use super::{Evidence, LOSSLESS_RUNS, SAFE, Share};
use crate::lab::claim::{Claim, Standing};
use crate::sim::fault::FaultName;

impl Evidence<'_> {
    /// Judged where the power is cut after the reply.
    pub(super) fn safe(&self) -> Option<Claim> {
        let faults = &self.comparison.scenario.faults;
        faults.iter().find(|fault| is_power_cut(fault.kind) && fault.after_reply_us.is_some())?;
        let share = |durable: bool| {
            let variants = self.comparison.scenario.variants.iter();
            self.lost_by(variants.filter(|v| v.durable == durable), is_power_cut)
        };
        let (plain, durable) = (share(false), share(true));
        if let Err(open) = self.enough_faults(SAFE, plain, is_power_cut) {
            return Some(open);
        }
        if durable.runs > 0 && durable.lost == 0 && durable.runs < LOSSLESS_RUNS {
            let runs = durable.runs;
            let why =
                format!("It takes {LOSSLESS_RUNS} runs to say that nothing evaporates; there are {runs}.");
            return Some(self.not_enough(SAFE, why, LOSSLESS_RUNS));
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
    let mut figure =
        format!("Of files that had been reported delivered, some were lost in {plain} power cuts");
    figure += &match durable.runs {
        0 => ".".to_owned(),
        _ => format!("; where the receiver syncs file and directory before it answers, in {durable}."),
    };
    let standing = match (plain.lost, durable.lost, durable.runs) {
        (0, 0, _) => Standing::Holds,
        (_, 0, 1..) => Standing::Conditional,
        _ => Standing::Fails,
    };
    Claim { claim, standing, figure, command }
}
