//! What checks have found: in the terminal, for CI (JUnit), as a page.

pub mod html;
pub mod junit;
pub mod terminal;

use crate::check::{Outcome, Verdict};
use std::collections::BTreeSet;

/// A run of checks, as it is told.
pub struct Told<'a> {
    /// Of what: the server's greeting, or the client's command.
    pub title: &'a str,
    /// In the order in which they were asked.
    pub outcomes: &'a [Outcome],
    /// Ids that are expected to fail.
    pub expected: &'a BTreeSet<String>,
}

impl Told<'_> {
    /// Fails that nobody expected.
    pub fn failures(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| self.is_failure(outcome))
    }

    /// Whether it failed, unexpectedly.
    pub fn is_failure(&self, outcome: &Outcome) -> bool {
        outcome.verdict == Verdict::Fail && !self.expected.contains(outcome.id)
    }

    /// Whether anything has passed, or failed, expectedly or not.
    pub fn has_judged(&self) -> bool {
        self.outcomes.iter().any(|outcome| matches!(outcome.verdict, Verdict::Pass | Verdict::Fail))
    }

    /// Passes of what was expected to fail.
    pub fn surprises(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|o| o.verdict == Verdict::Pass && self.expected.contains(o.id))
    }

    /// Documents (or families of cases) in their order, each with its outcomes.
    fn by_document(&self) -> Vec<(&str, Vec<&Outcome>)> {
        let mut all: Vec<(&str, Vec<&Outcome>)> = Vec::new();
        for outcome in self.outcomes {
            let document = outcome.id.split('/').next().unwrap_or_default();
            match all.iter_mut().find(|(known, _)| *known == document) {
                Some((_, outcomes)) => outcomes.push(outcome),
                None => all.push((document, vec![outcome])),
            }
        }
        all
    }
}

/// As people know it.
fn document_name(document: &str) -> String {
    if document.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("RFC {document}")
    } else {
        document.to_owned()
    }
}

/// How many of each verdict.
fn counts<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> [usize; 4] {
    let mut counts = [0; 4];
    for outcome in outcomes {
        for (count, verdict) in counts.iter_mut().zip(Verdict::ALL) {
            *count += usize::from(verdict == outcome.verdict);
        }
    }
    counts
}

#[cfg(test)]
mod tests;
