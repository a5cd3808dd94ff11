//! Receivers that promise to survive a loss of power, and lose it: one seed of eight, whatever else it has,
//! so that the other seeds keep their cases.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::scenario::DiskSpec;
use rand::RngExt;
use turmoil_tcp::seeds;

const EVERY: u64 = 8;
const AMONG: u64 = 5;

/// Gives the case of one seed of eight a durable receiver, or a receiver without syncs, whose power goes.
pub(super) fn apply(seed: u64, case: &mut Case) {
    if seed % EVERY != AMONG {
        return;
    }
    let turn = seed / EVERY;
    let rng = &mut seeds::stream(seed, "swarm power");
    let sync_us = one_of(rng, &[2_000, 20_000, 20_000, 500_000]);
    let files = case.files.len() as u64;
    let delivery_us = (8 + 2 * files) * case.path.rtt_us + 2 * files * sync_us;
    let at = Trigger::AtTimeUs(rng.random_range(1..=delivery_us));
    let moments = [
        Trigger::AfterReply(0),
        at,
        Trigger::AfterReply(rng.random_range(0..=4 * sync_us)),
        at,
        Trigger::AfterReply(rng.random_range(0..=Trigger::LONGEST_AFTER_REPLY_US)),
        Trigger::BeforeReply(rng.random_range(0..2)),
    ];
    case.durable = turn % 4 != 3;
    // Each restart marker is a sync; one a byte, on a slow disk, outlasts every run.
    let sync_us = if case.policy.marker_interval_bytes.is_some() { sync_us.min(2_000) } else { sync_us };
    case.disk = DiskSpec { sync_us };
    case.fault = Fault {
        kind: FaultKind::ReceiverPowerLoss { restart_after_us: one_of(rng, &[None, Some(500_000)]) },
        target: case.fault.target,
        trigger: moments[(turn % moments.len() as u64) as usize],
    };
    case.fault_name = case.fault.kind.name().to_owned();
}
