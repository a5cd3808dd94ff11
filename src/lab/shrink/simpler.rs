//! The same files, and less that happens to them.

use super::with;
use crate::sim::case::Case;
use crate::sim::fault::{FaultKind, Trigger};
use crate::sim::others::{Rival, Stranger};
use crate::sim::scenario::{DiskSpec, PathSpec};
use ftp_endpoint::client::{Opening, Policy, Publish, Verify};
use ftp_proto::repr::Representation;

pub(super) fn fault(case: &Case, found: &mut Vec<Case>) {
    if case.fault.kind != FaultKind::None {
        found.push(with(case, |simpler| simpler.fault.kind = FaultKind::None));
    }
    if case.fault.trigger.is_moment() {
        found.push(with(case, |simpler| simpler.fault.trigger = Trigger::BeforeFirstByte));
    }
    for trigger in sooner(case.fault.trigger) {
        found.push(with(case, |simpler| simpler.fault.trigger = trigger));
    }
}

/// The same kind of place or moment, earlier.
fn sooner(trigger: Trigger) -> Vec<Trigger> {
    let earlier = |n: u64| [0, n / 2, n.saturating_sub(1)];
    let counted = |n: u32| earlier(n.into()).map(|n| n as u32);
    match trigger {
        // There are too many microseconds to go one by one.
        Trigger::AfterReply(us) => [0, us / 2].map(Trigger::AfterReply).into(),
        Trigger::AtTimeUs(us) => vec![Trigger::AtTimeUs((us / 2).max(1))],
        Trigger::AfterLine(line) => counted(line).map(Trigger::AfterLine).into(),
        Trigger::BeforeCommand(nth) => counted(nth).map(Trigger::BeforeCommand).into(),
        Trigger::BeforeReply(nth) => counted(nth).map(Trigger::BeforeReply).into(),
        at_byte => {
            let byte = at_byte.payload_byte();
            byte.into_iter().flat_map(earlier).map(|byte| at_byte.at_byte(byte)).collect()
        }
    }
}

pub(super) fn policy(case: &Case, found: &mut Vec<Case>) {
    let mut policy = |change: fn(&mut Policy)| found.push(with(case, |simpler| change(&mut simpler.policy)));
    policy(|policy| policy.representation = Representation::Image);
    policy(|policy| policy.opening = Opening::Passive);
    policy(|policy| policy.resume = false);
    policy(|policy| policy.marker_interval_bytes = None);
    policy(|policy| policy.parallel = 1);
    policy(|policy| policy.parallel = policy.parallel.div_ceil(2));
    policy(|policy| policy.pipeline_depth = 1);
    policy(|policy| policy.asks_ahead = false);
    policy(|policy| policy.pipeline_depth = policy.pipeline_depth.div_ceil(2));
    policy(|policy| policy.reuse_data_connection = false);
    policy(|policy| policy.verify = Verify::Reply);
    policy(|policy| policy.publish = Publish::Direct);
    policy(|policy| policy.retries = 0);
    policy(|policy| policy.retries = policy.retries.min(1));
}

/// Less that stands, changes or acts beside the delivery.
pub(super) fn world(case: &Case, found: &mut Vec<Case>) {
    found.push(with(case, |simpler| simpler.old_files = false));
    found.push(with(case, |simpler| simpler.source_change = None));
    found.push(with(case, |simpler| simpler.ingest = None));
    found.push(with(case, |simpler| simpler.rival = None));
    found.push(with(case, |simpler| simpler.stranger = None));
    found.push(with(case, |simpler| simpler.writes_in_place = false));
    if !case.strikes_listing() {
        found.push(with(case, |simpler| simpler.listed = false));
    }
    found.push(with(case, |simpler| simpler.durable = false));
    found.push(with(case, |simpler| simpler.disk = DiskSpec::default()));
    if let Some(stranger) = case.stranger {
        let mut changed = |change: fn(&mut Stranger)| {
            let mut stranger = stranger;
            change(&mut stranger);
            found.push(with(case, |simpler| simpler.stranger = Some(stranger)));
        };
        changed(|stranger| stranger.tls = false);
        changed(|stranger| stranger.visits = 1);
        changed(|stranger| stranger.visits = stranger.visits.div_ceil(2));
        changed(|stranger| stranger.after_us = 0);
        changed(|stranger| stranger.after_us /= 2);
    }
    if let Some(rival) = case.rival {
        for at_us in [0, rival.at_us / 2] {
            found.push(with(case, |earlier| earlier.rival = Some(Rival { at_us, ..rival })));
        }
        for lasts_us in [0, rival.lasts_us / 2] {
            found.push(with(case, |shorter| shorter.rival = Some(Rival { lasts_us, ..rival })));
        }
    }
}

pub(super) fn path(case: &Case, found: &mut Vec<Case>) {
    let mut path = |change: fn(&mut PathSpec)| found.push(with(case, |simpler| change(&mut simpler.path)));
    path(|path| path.burst_loss = None);
    path(|path| (path.reorder_ppm, path.reorder_us) = (0, 0));
    path(|path| path.duplicate_ppm = 0);
    path(|path| path.jitter_us = 0);
    found.push(with(case, |simpler| simpler.path.loss_ppm = 0));
    found.push(with(case, |simpler| {
        simpler.path.bandwidth_bits_per_s = 100_000_000;
        simpler.path.queue_bytes = 1_000_000;
    }));
    found.push(with(case, |simpler| simpler.path.rtt_us = 20_000));
}
