//! In which way a run went wrong.

use super::outcome::{FileFate, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const FORGOTTEN: &str = "forgotten";

/// The violated oracles, and the fates of files that are losses nobody reported. A shrunk case
/// keeps it, and a saved case says which it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The names of the oracles that were violated.
    pub oracles: BTreeSet<String>,
    /// The names of the verdicts that are silent losses and that some file came to; `forgotten` of one that no listing
    /// had ([`FileFate::forgotten`]).
    pub fates: BTreeSet<String>,
}

impl Signature {
    /// The signature of a run that has ended.
    pub fn of(outcome: &Outcome) -> Self {
        let lost = outcome.files.iter().filter(|file| file.verdict.is_silent_loss());
        let fate = |file: &FileFate| if file.forgotten { FORGOTTEN } else { file.verdict.name() };
        Self {
            oracles: outcome.violations.iter().map(|violation| violation.oracle.clone()).collect(),
            fates: lost.map(|file| fate(file).to_owned()).collect(),
        }
    }

    /// Whether no oracle was violated and no file lost silently.
    pub fn is_clean(&self) -> bool {
        self.oracles.is_empty() && self.fates.is_empty()
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_clean() {
            return f.write_str("clean");
        }
        let names: Vec<&str> = self.oracles.iter().chain(&self.fates).map(String::as_str).collect();
        f.write_str(&names.join(", "))
    }
}
