//! Shrinking: the smallest case that still goes wrong in the same way.

use crate::sim::case::Case;
use crate::sim::fault::{FaultKind, Trigger};
use crate::sim::others::{Rival, Stranger};
use crate::sim::scenario::{DiskSpec, PathSpec};
use crate::sim::workload::Content;
use crate::sim::world;
use ftp_endpoint::client::{Opening, Policy, Publish, Verify};
use ftp_proto::repr::Representation;
use std::collections::BTreeSet;

pub use crate::sim::signature::Signature;

/// How far a shrinking has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Cases tried so far.
    pub runs: u32,
    /// Files of the smallest case so far.
    pub files: usize,
    /// The sum of their sizes.
    pub payload_bytes: u64,
}

/// Tries smaller cases, greedily and in a fixed order, until none of them keeps the signature or
/// `max_runs` have been tried. The result is a function of the case and of `max_runs`.
pub fn shrink(case: &Case, max_runs: u32, mut progress: impl FnMut(Progress)) -> (Case, Signature) {
    shrink_by(case, max_runs, &mut signature, &mut progress)
}

/// The same, keeping only that `oracle` is violated: others may fall silent, or join.
pub fn shrink_for(case: &Case, oracle: &str, max_runs: u32) -> Case {
    let mut judge = |case: &Case| {
        let oracles = signature(case).oracles.into_iter().filter(|name| name == oracle).collect();
        Signature { oracles, fates: BTreeSet::new() }
    };
    shrink_by(case, max_runs, &mut judge, &mut |_| ()).0
}

/// A case that cannot be run at all goes wrong in a way of its own.
fn signature(case: &Case) -> Signature {
    match world::judge(case) {
        Ok(outcome) => Signature::of(&outcome),
        Err(error) => Signature { oracles: BTreeSet::from([error.to_string()]), fates: BTreeSet::new() },
    }
}

fn shrink_by(
    case: &Case,
    max_runs: u32,
    judge: &mut impl FnMut(&Case) -> Signature,
    progress: &mut impl FnMut(Progress),
) -> (Case, Signature) {
    let wanted = judge(case);
    let mut best = Case { expected: None, ..case.clone() };
    let mut runs = 1;
    'again: loop {
        for smaller in candidates(&best) {
            if runs >= max_runs {
                break 'again;
            }
            runs += 1;
            let keeps = judge(&smaller) == wanted;
            if keeps {
                best = smaller;
            }
            let payload_bytes = best.files.iter().map(|file| file.size_bytes).sum();
            progress(Progress { runs, files: best.files.len(), payload_bytes });
            if keeps {
                continue 'again;
            }
        }
        break;
    }
    (best, wanted)
}

/// Smaller cases, the boldest steps first.
fn candidates(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    fewer_files(case, &mut found);
    smaller_files(case, &mut found);
    simpler_fault(case, &mut found);
    simpler_policy(case, &mut found);
    simpler_world(case, &mut found);
    simpler_path(case, &mut found);
    found.retain(|smaller| smaller != case);
    found
}

fn with(case: &Case, change: impl FnOnce(&mut Case)) -> Case {
    let mut changed = case.clone();
    change(&mut changed);
    changed
}

/// Leaves out half, a quarter ... of the files, down to one; the target stays.
fn fewer_files(case: &Case, found: &mut Vec<Case>) {
    let total = case.files.len();
    let mut chunk = total.div_ceil(2);
    while chunk > 0 && total > 1 {
        for start in (0..total).step_by(chunk) {
            let end = (start + chunk).min(total);
            let target = case.fault.target as usize;
            let anchored = case.fault.kind.has_trigger() || case.rival.is_some();
            if anchored && (start..end).contains(&target) || end - start == total {
                continue;
            }
            found.push(with(case, |smaller| {
                smaller.files.drain(start..end);
                if target >= end {
                    smaller.fault.target -= (end - start) as u32;
                } else {
                    let last = smaller.files.len() as u32 - u32::from(!smaller.listed);
                    smaller.fault.target = smaller.fault.target.min(last);
                }
            }));
        }
        chunk /= 2;
    }
}

fn smaller_files(case: &Case, found: &mut Vec<Case>) {
    found.push(with(case, |smaller| {
        for index in 0..smaller.files.len() {
            let half = smaller.files[index].size_bytes / 2;
            resize(smaller, index, half);
        }
    }));
    for index in 0..case.files.len() {
        let size_bytes = case.files[index].size_bytes;
        for smaller_size in [1, size_bytes / 2, size_bytes.saturating_sub(1)] {
            if smaller_size < size_bytes {
                found.push(with(case, |smaller| resize(smaller, index, smaller_size)));
            }
        }
        if case.files[index].content != Content::Random {
            found.push(with(case, |simpler| simpler.files[index].content = Content::Random));
        }
    }
}

/// The trigger stays inside its file.
fn resize(case: &mut Case, index: usize, size_bytes: u64) {
    case.files[index].size_bytes = size_bytes;
    if let Some(byte) = case.fault.trigger.payload_byte()
        && case.fault.target as usize == index
        && byte >= size_bytes
    {
        case.fault.trigger = match size_bytes.checked_sub(1) {
            Some(last) => case.fault.trigger.at_byte(last),
            None => Trigger::BeforeFirstByte,
        };
    }
}

fn simpler_fault(case: &Case, found: &mut Vec<Case>) {
    if case.fault.kind != FaultKind::None {
        found.push(with(case, |simpler| simpler.fault.kind = FaultKind::None));
    }
    if case.fault.trigger.is_moment() {
        found.push(with(case, |simpler| simpler.fault.trigger = Trigger::BeforeFirstByte));
    }
    if let Trigger::AfterReply(us @ 1..) = case.fault.trigger {
        for sooner_us in [0, us / 2] {
            found.push(with(case, |simpler| simpler.fault.trigger = Trigger::AfterReply(sooner_us)));
        }
    }
    if let Trigger::AfterLine(line) = case.fault.trigger {
        for sooner in [0, line / 2, line.saturating_sub(1)] {
            found.push(with(case, |simpler| simpler.fault.trigger = Trigger::AfterLine(sooner)));
        }
    }
    if let Some(byte) = case.fault.trigger.payload_byte() {
        for earlier in [0, byte / 2, byte.saturating_sub(1)] {
            found.push(with(case, |simpler| simpler.fault.trigger = simpler.fault.trigger.at_byte(earlier)));
        }
    }
}

fn simpler_policy(case: &Case, found: &mut Vec<Case>) {
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
fn simpler_world(case: &Case, found: &mut Vec<Case>) {
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

fn simpler_path(case: &Case, found: &mut Vec<Case>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::Scenario;

    fn signature(wrong: bool) -> Signature {
        let oracles = if wrong { BTreeSet::from(["agreement".to_owned()]) } else { BTreeSet::new() };
        Signature { oracles, fates: BTreeSet::new() }
    }

    /// An anchored fault with a payload byte to shrink.
    fn case() -> Case {
        let scenario = Scenario::load("tiny").unwrap();
        (0..200)
            .map(|seed| Case::draw(&scenario, "block", seed).unwrap())
            .find(|case| matches!(case.fault.trigger, Trigger::PayloadByte(byte) if byte > 40))
            .unwrap()
    }

    #[test]
    fn what_does_not_matter_goes() {
        // It goes wrong whenever the target has more than ten bytes before its trigger.
        let mut judge = |case: &Case| {
            signature(
                matches!(case.fault.trigger, Trigger::PayloadByte(byte) if byte > 10)
                    && case.fault.kind != FaultKind::None,
            )
        };
        let (small, _) = shrink_by(&case(), 10_000, &mut judge, &mut |_| ());
        assert_eq!(small.files.len(), 1);
        assert_eq!(small.fault.target, 0);
        assert_eq!(small.fault.trigger, Trigger::PayloadByte(11));
        assert_eq!(small.files[0].size_bytes, 12);
        assert_eq!(small.policy.retries, 0);
    }

    #[test]
    fn the_number_of_runs_is_bounded() {
        let mut runs = 0;
        let mut judge = |_: &Case| {
            runs += 1;
            signature(true)
        };
        shrink_by(&case(), 7, &mut judge, &mut |_| ());
        assert_eq!(runs, 7);
    }
}
