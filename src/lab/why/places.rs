//! Where else the fault could have struck: places of the same kind, and when each would have been come to.

use super::Fate;
use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::world::{self, WorldError};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use turmoil_tcp::seeds;

/// A fault, and how a run ends that has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Struck {
    pub(super) fault: Fault,
    pub(super) fate: Fate,
}

/// Draws places.
pub(super) struct Places<'a> {
    case: &'a Case,
    rng: ChaCha12Rng,
    /// Of the delivery, where the fault is of a wire byte.
    wire_bytes: u64,
}

impl<'a> Places<'a> {
    /// `None` where the fault has no place that could be another.
    pub(super) fn new(case: &'a Case, seed: u64) -> Result<Option<Self>, WorldError> {
        // A second strike has its place behind the first; both stay.
        if !case.fault.kind.has_trigger() || case.second_wire_byte.is_some() {
            return Ok(None);
        }
        let wire_bytes = match case.fault.trigger {
            Trigger::WireByte(_) => {
                // Nothing is struck there, so that all of it is charted.
                let fault = Fault { trigger: Trigger::WireByte(u64::MAX), ..case.fault };
                world::judge(&Case { fault, ..case.clone() })?.wire.len() as u64
            }
            _ => 0,
        };
        let rng = seeds::stream(seed, "why: places of the fault");
        Ok(Some(Self { case, rng, wire_bytes }))
    }

    /// A place of the same kind, in any of the files, as [`Case::draw`] draws it; of a listing, behind any of its lines.
    pub(super) fn draw(&mut self) -> Fault {
        let Self { case, rng, wire_bytes } = self;
        if case.strikes_listing() {
            let lines = Case::lines_of_listing(case.files.len());
            return Fault { trigger: Trigger::AfterLine(rng.random_range(0..=lines)), ..case.fault };
        }
        let target = rng.random_range(0..case.files.len());
        let byte = rng.random_range(0..case.files[target].size_bytes.max(1));
        let round_trips_us = (8 + case.files.len() as u64) * case.path.rtt_us;
        let trigger = match case.fault.trigger {
            Trigger::WireByte(_) => Trigger::WireByte(rng.random_range(0..(*wire_bytes).max(1))),
            Trigger::BeforeCommand(_) => Trigger::BeforeCommand(rng.random_range(0..2)),
            Trigger::BeforeReply(_) => Trigger::BeforeReply(rng.random_range(0..2)),
            Trigger::AtTimeUs(_) => Trigger::AtTimeUs(rng.random_range(1..=round_trips_us.max(1))),
            Trigger::AfterReply(_) => {
                Trigger::AfterReply(rng.random_range(0..=Trigger::LONGEST_AFTER_REPLY_US))
            }
            at_byte => at_byte.at_byte(byte),
        };
        Fault { target: u32::try_from(target).unwrap_or(u32::MAX), trigger, ..case.fault }
    }
}

/// The fault that does not come.
pub(super) fn none(case: &Case) -> Fault {
    Fault { kind: FaultKind::None, ..case.fault }
}
