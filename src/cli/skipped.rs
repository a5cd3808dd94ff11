//! What a transfer leaves out, by why: `put -r`, `get -r` and `mirror` say it alike.

use super::out::{printable_line, stdout};
use crate::report::format::thousands;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Why a name is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Here,
    Unchanged,
    Excluded,
    LinkToDirectory,
    LinkOut,
    LinkRound,
    Special,
    Own,
    Untold,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here already (--no-clobber)",
            Self::Unchanged => "unchanged (--update)",
            Self::Excluded => "excluded",
            Self::LinkToDirectory => "a link to a directory",
            Self::LinkOut => "a link out of the tree, or to nowhere",
            Self::LinkRound => "a link round to a directory that it lies in",
            Self::Special => "neither a file nor a directory",
            Self::Own => "a name of ftpsim's own",
            Self::Untold => "the server does not tell what it is",
        }
    }
}

/// Names by why, each once.
#[derive(Debug, Default)]
pub(super) struct Skipped(BTreeMap<Reason, Vec<String>>);

impl Skipped {
    pub(super) fn add(&mut self, reason: Reason, name: String) {
        self.0.entry(reason).or_default().push(name);
    }

    pub(super) fn extend(&mut self, other: Self) {
        for (reason, names) in other.0 {
            self.0.entry(reason).or_default().extend(names);
        }
    }

    /// A line for each reason, in the summary.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut out = stdout();
        for (reason, names) in &self.0 {
            let n = thousands(names.len() as u64);
            writeln!(out, "skipped: {n}, {} ({})", reason.as_str(), few(names))?;
        }
        Ok(())
    }

    /// A line for each name, in a plan.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let line = |reason: Reason| move |name: &String| format!("leave {name} ({})", reason.as_str());
        self.0.iter().flat_map(move |(reason, names)| names.iter().map(line(*reason)))
    }

    /// All names, by why.
    pub(super) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|(reason, names)| (reason.as_str().to_owned(), Value::from(names.clone())))
            .collect()
    }
}

/// Of many names so many are shown.
const SHOWN_NAMES: usize = 3;

/// The first of many names.
fn few(names: &[String]) -> String {
    let mut few: Vec<String> = names.iter().take(SHOWN_NAMES).map(|name| printable_line(name)).collect();
    if names.len() > SHOWN_NAMES {
        few.push("...".to_owned());
    }
    few.join(", ")
}
