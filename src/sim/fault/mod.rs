//! The fault of a case: what goes wrong, and where, drawn before the run and written into its case.
//!
//! `kind` has a row for each kind, which scenarios, cases, tables, reports, oracles and
//! `ftpsim scenarios` read; `trigger` one for each trigger; `strike` says what the middlebox and the
//! disks are told to do.

mod about;
mod disk;
mod kind;
mod rows;
mod strike;
mod trigger;

pub use about::{About, Need, Place, Side};
pub use disk::{Act, DiskFault};
pub use kind::{FaultKind, FaultName, Given};
pub use trigger::{Trigger, TriggerName};

use serde::{Deserialize, Serialize};

/// A fault, materialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    #[serde(rename = "fault")]
    pub kind: FaultKind,
    /// The index of the file, among the case's, whose first attempt is struck.
    pub target: u32,
    /// When or where it goes wrong.
    pub trigger: Trigger,
}
