//! Oracles: one invariant a file, judged from outside by one who knows the truth.

pub mod agreement;
pub mod exposure;
pub mod integrity;
pub mod liveness;
pub mod replies;

use super::case::Case;
use super::world::Outcome;
use crate::observe::{Event, Who};
use crate::proto::mode::{Structure, TransmissionMode};

/// An invariant of every run, whatever the faults.
pub trait Oracle: Send {
    fn name(&self) -> &'static str;
    /// What client and server told their observers, in order.
    fn event(&mut self, _who: Who, _session: u64, _event: &Event<'_>) {}
    /// After the run: one line why the invariant was violated.
    fn conclude(&mut self, end: &End<'_>) -> Option<String>;
}

/// What is known when a run has ended.
pub struct End<'a> {
    pub case: &'a Case,
    pub outcome: &'a Outcome,
}

/// A violated invariant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Violation {
    pub oracle: String,
    pub why: String,
}

/// Every oracle, fresh for a run.
pub fn all() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(agreement::Agreement),
        Box::new(exposure::Exposure),
        Box::new(liveness::Liveness),
        Box::<replies::Replies>::default(),
    ]
}

/// Whether the case's mode and structure mark the end of file in-band: all but stream mode with
/// file structure (RFC 959 section 3.4).
pub fn marks_end_of_file(case: &Case) -> bool {
    let policy = &case.policy;
    policy.mode != TransmissionMode::Stream || policy.structure == Structure::Record
}
