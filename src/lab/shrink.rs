//! Shrinking: the smallest case that still goes wrong in the same way.

mod simpler;
mod smaller;

use crate::sim::case::Case;
use crate::sim::world;
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

/// Ways to smaller cases, the boldest first.
const WAYS: [fn(&Case, &mut Vec<Case>); 6] = [
    smaller::fewer_files,
    smaller::smaller_files,
    simpler::fault,
    simpler::policy,
    simpler::world,
    simpler::path,
];

fn shrink_by(
    case: &Case,
    max_runs: u32,
    judge: &mut impl FnMut(&Case) -> Signature,
    progress: &mut impl FnMut(Progress),
) -> (Case, Signature) {
    let wanted = judge(case);
    // Of a case that can be read again, one that nobody could is no find, whatever comes of it.
    let can_be_read = case.is_valid();
    let mut best = Case { expected: None, ..case.clone() };
    let mut tried = BTreeSet::from([best.id()]);
    let mut runs = 1;
    loop {
        let before = best.clone();
        // Each is gone as far as it leads: another round of all of them for every file less would take the runs that
        // the later ones need.
        for way in WAYS {
            'again: loop {
                let mut found = Vec::new();
                way(&best, &mut found);
                for smaller in found {
                    if can_be_read && !smaller.is_valid() || !tried.insert(smaller.id()) {
                        continue;
                    }
                    if runs >= max_runs {
                        return (best, wanted);
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
        }
        if best == before {
            return (best, wanted);
        }
    }
}

fn with(case: &Case, change: impl FnOnce(&mut Case)) -> Case {
    let mut changed = case.clone();
    change(&mut changed);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::{Fault, FaultKind, Trigger};
    use crate::sim::scenario::Scenario;
    use crate::sim::workload::FileSpec;
    use ftp_endpoint::client::Direction;

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

    /// Many files, of which a fault strikes the listing.
    fn listed(trigger: Trigger) -> Case {
        let mut case = case();
        let file = case.files[0].clone();
        case.files = (0..36).map(|i| FileSpec { name: format!("file-{i:05}"), ..file.clone() }).collect();
        (case.listed, case.policy.direction) = (true, Direction::Get);
        case.fault = Fault { kind: FaultKind::EarlyClose, target: 36, trigger };
        case
    }

    /// It goes wrong when the listing is cut behind a line, or within one; each line has 60 bytes, the first is the
    /// directory's.
    #[test]
    fn a_listing_that_is_cut_grows_shorter_with_its_fault() {
        const LINE_BYTES: u64 = 60;
        let mut judge = |case: &Case| {
            let bytes = LINE_BYTES * (case.files.len() as u64 + 1);
            signature(
                case.strikes_listing()
                    && match case.fault.trigger {
                        Trigger::AfterLine(line) => (line as usize) < case.files.len() + 1 && line > 0,
                        Trigger::PayloadByte(byte) => byte < bytes && byte % LINE_BYTES > 0,
                        _ => false,
                    },
            )
        };
        for trigger in [Trigger::AfterLine(36), Trigger::PayloadByte(36 * LINE_BYTES + 30)] {
            let (small, _) = shrink_by(&listed(trigger), 400, &mut judge, &mut |_| ());
            assert_eq!((small.files.len(), small.fault.target), (1, 1), "{trigger:?}");
            assert_eq!(small.fault.trigger.payload_byte().unwrap_or(1), 1, "{trigger:?}");
        }
    }

    /// What only the last line shows goes with all lines before it.
    #[test]
    fn a_fault_behind_the_last_file_but_one_stays_there() {
        let mut judge =
            |case: &Case| signature(case.fault.trigger == Trigger::AfterLine(case.files.len() as u32));
        let (small, _) = shrink_by(&listed(Trigger::AfterLine(36)), 400, &mut judge, &mut |_| ());
        assert_eq!((small.files.len(), small.fault.trigger), (1, Trigger::AfterLine(1)));
    }

    /// A reset is known when it has gone through the path, and then other files are asked for.
    #[test]
    fn what_takes_many_files_for_the_time_of_a_fault_takes_few_with_another() {
        let mut judge = |case: &Case| {
            let behind = case.files.len() - case.fault.target as usize - 1;
            signature(match case.fault.kind {
                FaultKind::Reset => case.files.len() >= 8 && behind > 2,
                FaultKind::ReadError { .. } => behind > 1,
                _ => false,
            })
        };
        let mut case = listed(Trigger::BeforeFirstByte);
        case.fault = Fault { kind: FaultKind::Reset, target: 4, ..case.fault };
        let (small, _) = shrink_by(&case, 400, &mut judge, &mut |_| ());
        assert_eq!((small.files.len(), small.fault.target), (3, 0));
    }

    #[test]
    fn every_smaller_case_can_be_run_and_strikes_the_same_file_if_there_it_is() {
        for mut large in [case(), listed(Trigger::AfterLine(7)), listed(Trigger::PayloadByte(900))] {
            let next = (large.fault.target as usize + 1) % large.files.len();
            large.files[next].size_bytes = 2;
            let struck = large.target().map(|file| file.name.clone());
            for way in WAYS {
                let mut found = Vec::new();
                way(&large, &mut found);
                for smaller in found {
                    assert_eq!(Case::from_json(&smaller.to_json()).unwrap(), smaller);
                    assert!(
                        large.strikes_listing() == smaller.strikes_listing()
                            || !smaller.fault.kind.has_trigger()
                    );
                    let (Some(name), Some(target)) = (&struck, smaller.target()) else { continue };
                    let is_there = smaller.files.iter().any(|file| file.name == *name);
                    assert!(target.name == *name || !is_there, "{name} {}", target.name);
                    let byte = smaller.fault.trigger.payload_byte();
                    assert!(byte.is_none_or(|byte| byte < target.size_bytes), "{byte:?} of {target:?}");
                }
            }
        }
    }
}
