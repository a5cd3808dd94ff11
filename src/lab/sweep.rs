//! The hunt: a whole case at random from each seed, every oracle at its heels.

use super::pool;
use crate::sim::case::Case;
use crate::sim::outcome::Violation;
use crate::sim::phase::Phase;
use crate::sim::swarm;
use crate::sim::world;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::ops::Range;

/// A seed whose run violated an invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The seed.
    pub seed: u64,
    /// What was violated, by one oracle after the other.
    pub violations: Vec<Violation>,
    /// The case that the seed draws.
    pub case: Case,
}

/// What a sweep has seen; sums of parts are the part of sums, so that shards can be merged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// How many seeds were run.
    pub runs: u64,
    /// How many files their cases had.
    pub files: u64,
    /// The virtual time of the runs in which the client came to its end.
    pub virtual_us: u64,
    /// Packets that the hosts sent, lost ones included.
    pub packets: u64,
    /// How often each fault was drawn and struck nowhere.
    pub not_fired: BTreeMap<String, u64>,
    /// How often each fault struck while the dialogue stood where.
    pub struck: BTreeMap<String, BTreeMap<Phase, u64>>,
    /// The seeds whose runs violated something, in order.
    pub findings: Vec<Finding>,
}

impl Sweep {
    /// Faults that strike at one place, with a phase in which none of the runs had them.
    pub fn never_struck(&self) -> Vec<(String, Phase)> {
        let phases = |fault: &String, by: &BTreeMap<Phase, u64>| {
            let missing = Phase::ALL.into_iter().filter(|phase| !by.contains_key(phase));
            missing.map(|phase| (fault.clone(), phase)).collect::<Vec<_>>()
        };
        self.struck.iter().flat_map(|(fault, by)| phases(fault, by)).collect()
    }

    /// Adds a sweep of later seeds.
    pub fn merge(&mut self, later: Sweep) {
        self.runs += later.runs;
        self.files += later.files;
        self.virtual_us += later.virtual_us;
        self.packets += later.packets;
        for (fault, count) in later.not_fired {
            *self.not_fired.entry(fault).or_default() += count;
        }
        for (fault, phases) in later.struck {
            let by = self.struck.entry(fault).or_default();
            phases.into_iter().for_each(|(phase, count)| *by.entry(phase).or_default() += count);
        }
        self.findings.extend(later.findings);
    }

    fn add(&mut self, run: Run) {
        self.runs += 1;
        self.files += run.case.files.len() as u64;
        self.virtual_us += run.virtual_us;
        self.packets += run.packets;
        if run.case.fault.kind.has_trigger() {
            let fault = run.case.fault.kind.name().to_owned();
            match run.phase {
                Some(phase) => *self.struck.entry(fault).or_default().entry(phase).or_default() += 1,
                None => *self.not_fired.entry(fault).or_default() += 1,
            }
        }
        if !run.violations.is_empty() {
            self.findings.push(Finding { seed: run.case.seed, violations: run.violations, case: run.case });
        }
    }
}

struct Run {
    case: Case,
    violations: Vec<Violation>,
    phase: Option<Phase>,
    virtual_us: u64,
    packets: u64,
}

/// A run that cannot be made or that panics is a finding, too: the oracle is `run`.
fn run(seed: u64) -> Run {
    let case = swarm::draw(seed);
    let outcome = std::panic::catch_unwind(|| world::judge(&case));
    let failed = |why: String| vec![Violation { oracle: "run".to_owned(), why }];
    match outcome {
        Ok(Ok(outcome)) => Run {
            case,
            violations: outcome.violations,
            phase: outcome.fault_phase,
            virtual_us: outcome.duration_us.unwrap_or_default(),
            packets: outcome.packets,
        },
        Ok(Err(error)) => {
            Run { case, violations: failed(error.to_string()), phase: None, virtual_us: 0, packets: 0 }
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            Run {
                case,
                violations: failed(format!("panicked: {text}")),
                phase: None,
                virtual_us: 0,
                packets: 0,
            }
        }
    }
}

/// Runs every seed of `seeds` on `jobs` threads and adds to `sweep`, in order of seed.
pub fn sweep(seeds: Range<u64>, jobs: NonZeroUsize, sweep: &mut Sweep, finished: impl FnMut()) {
    let how = How { jobs, goes_on: || true, begins: |_| () };
    let done: Result<u64, Infallible> = sweep_while(seeds, &how, sweep, finished, |_| Ok(()));
    match done {
        Ok(_) => {}
        Err(never) => match never {},
    }
}

/// How seeds are run.
pub struct How<G, B> {
    /// How many threads run them.
    pub jobs: NonZeroUsize,
    /// Asked before each seed whether it is to be run.
    pub goes_on: G,
    /// Told of each seed before it is run, on the thread that runs it.
    pub begins: B,
}

/// The same, as long as it goes on; returns the first seed that was not run. `found` is told of each
/// finding, in order of seed.
pub fn sweep_while<E: Send>(
    seeds: Range<u64>,
    how: &How<impl Fn() -> bool + Sync, impl Fn(u64) + Sync>,
    sweep: &mut Sweep,
    finished: impl FnMut(),
    mut found: impl FnMut(&Finding) -> Result<(), E>,
) -> Result<u64, E> {
    let mut next = seeds.start;
    let work = |index| {
        (how.begins)(seeds.start + index);
        Ok(run(seeds.start + index))
    };
    let count = seeds.end.saturating_sub(seeds.start);
    pool::in_order_while(how.jobs, count, &how.goes_on, work, finished, |run| {
        let known = sweep.findings.len();
        sweep.add(run);
        next += 1;
        sweep.findings[known..].iter().try_for_each(&mut found)
    })?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_the_same_on_any_number_of_threads() {
        let (mut one, mut three) = (Sweep::default(), Sweep::default());
        sweep(0..12, NonZeroUsize::MIN, &mut one, || ());
        sweep(0..12, NonZeroUsize::new(3).unwrap(), &mut three, || ());
        assert_eq!(one, three);
        let (mut front, mut back) = (Sweep::default(), Sweep::default());
        sweep(0..5, NonZeroUsize::MIN, &mut front, || ());
        sweep(5..12, NonZeroUsize::MIN, &mut back, || ());
        front.merge(back);
        assert_eq!(one, front);
        assert_eq!(one.runs, 12);
    }

    #[test]
    fn nothing_is_found_in_a_few_seeds() {
        let mut found = Sweep::default();
        sweep(0..150, NonZeroUsize::new(2).unwrap(), &mut found, || ());
        assert_eq!(found.findings, []);
    }
}
