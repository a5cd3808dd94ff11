//! The determinism audit: the same case again gives the same trace, the same stores, the same
//! record.

use super::pool;
use crate::sim::case::Case;
use crate::sim::scenario::SeedRange;
use crate::sim::swarm;
use crate::sim::trace::TraceEvent;
use crate::sim::world;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::num::NonZeroUsize;

/// All of a run that must be the same again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The seed of the run.
    pub seed: u64,
    /// The id of its case ([`Case::id`]).
    pub case_id: String,
    /// The hash of its trace, in hexadecimal.
    pub trace_hash: String,
    /// The hash of what both stores held at the end.
    pub stores_hash: String,
    /// Every figure of the outcome.
    pub figures: String,
}

fn digest(case: &Case) -> Digest {
    let (trace_hash, stores_hash, figures) = match world::run_hashed(case) {
        Ok(outcome) => (outcome.trace_hash.clone(), outcome.stores_hash.clone(), format!("{outcome:?}")),
        Err(error) => (error.to_string(), String::new(), String::new()),
    };
    Digest { seed: case.seed, case_id: case.id(), trace_hash, stores_hash, figures }
}

/// The digests of the sweep's cases, in order of seed.
pub fn digests(seeds: SeedRange, jobs: NonZeroUsize, finished: impl FnMut()) -> Vec<Digest> {
    let mut digests = Vec::new();
    let done: Result<(), Infallible> = pool::in_order(
        jobs,
        seeds.count(),
        |index| Ok(digest(&swarm::draw(seeds.start + index))),
        finished,
        |digest| {
            digests.push(digest);
            Ok(())
        },
    );
    match done {
        Ok(()) => digests,
        Err(never) => match never {},
    }
}

/// Where two runs of the seed's case part, if they do.
pub fn first_difference(seed: u64) -> Option<String> {
    let case = swarm::draw(seed);
    let events = || world::run_with_events(&case).map(|outcome| outcome.events).unwrap_or_default();
    difference(&events(), &events())
}

fn difference(one: &[TraceEvent], other: &[TraceEvent]) -> Option<String> {
    let tell = |event: Option<&TraceEvent>| match event {
        Some(event) => format!("{} us {}: {}", event.at_us, event.place.name(), event.text),
        None => "nothing".to_owned(),
    };
    let longest = one.len().max(other.len());
    let at = (0..longest).find(|at| one.get(*at) != other.get(*at))?;
    Some(format!("number {at}: {} | {}", tell(one.get(at)), tell(other.get(at))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::trace::Place;
    use std::sync::atomic::{AtomicU64, Ordering};

    const SEEDS: SeedRange = SeedRange { start: 0, end: 20 };

    #[test]
    fn runs_are_the_same_again_and_on_more_threads() {
        let one = digests(SEEDS, NonZeroUsize::MIN, || ());
        assert_eq!(one, digests(SEEDS, NonZeroUsize::new(4).unwrap(), || ()));
    }

    /// The audit can fail: a draw that no seed decides changes the case, and with it the digest.
    #[test]
    fn an_unseeded_draw_is_found() {
        static DRAWS: AtomicU64 = AtomicU64::new(0);
        let unseeded = || {
            let mut case = swarm::draw(3);
            case.path.rtt_us += DRAWS.fetch_add(1, Ordering::Relaxed);
            digest(&case)
        };
        assert_ne!(unseeded().trace_hash, unseeded().trace_hash);
    }

    #[test]
    fn the_first_differing_event_is_told() {
        let event = |text: &str| TraceEvent { at_us: 5, place: Place::Client, text: text.to_owned() };
        let told = difference(&[event("a"), event("b")], &[event("a"), event("c")]);
        assert_eq!(told.as_deref(), Some("number 1: 5 us client: b | 5 us client: c"));
        assert_eq!(difference(&[event("a")], &[event("a")]), None);
    }
}
