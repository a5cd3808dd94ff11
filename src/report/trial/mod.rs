//! What trials have found: in the terminal, for CI (JUnit), as a page.

pub mod html;
pub mod junit;
pub mod terminal;
pub mod truth;

use crate::trial::{Row, Tried, with_settings};

/// A trial, as it is told.
pub struct Told<'a> {
    /// What it has brought.
    pub tried: &'a Tried,
    /// What nobody can know of fails, too.
    pub hidden_fails: bool,
}

impl Told<'_> {
    /// Runs that lost something, and nobody said so though somebody could have known.
    pub fn failures(&self) -> impl Iterator<Item = &Row> {
        self.tried.failures(self.hidden_fails)
    }

    /// In a line: how many runs, how many of them lost something silently.
    pub fn summary(&self) -> String {
        let rows = self.tried.rows.iter().filter(|row| row.trigger != "never");
        let (mut runs, mut silent, mut hidden, mut unstruck) = (0, 0, 0, 0);
        for row in rows {
            runs += 1;
            silent += usize::from(row.is_failure(false));
            hidden += usize::from(row.silent && row.hidden);
            unstruck += usize::from(row.verdict == "not_struck");
        }
        let mut text = format!("{silent} of {runs} runs lost something silently");
        if hidden > 0 {
            text += &format!("; {hidden} more by corruption, which nobody can see without a hash");
        }
        if unstruck > 0 {
            text += &format!("; in {unstruck} the fault found no place");
        }
        text
    }
}

fn client(row: &Row) -> String {
    with_settings(&row.client, &row.client_settings)
}

fn server(row: &Row) -> String {
    with_settings(&row.server, &row.server_settings)
}

/// Client, server, and which way.
fn pair_of(row: &Row) -> (String, String, &'static str) {
    (client(row), server(row), row.direction)
}

/// Each value once, in the order in which they first come.
fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    for value in values {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

/// Runs of a cell, and how many of them lost something silently. Where the fault found no place, there was none.
fn counted<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<(usize, usize)> {
    let (mut silent, mut all) = (0, 0);
    for row in rows.filter(|row| row.verdict != "not_struck") {
        silent += usize::from(row.silent);
        all += 1;
    }
    (all > 0).then_some((silent, all))
}

#[cfg(test)]
mod tests;
