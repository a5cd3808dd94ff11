//! Errors of scenario files: file, line, key, what was found and what is accepted.

use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No scenario of that name comes with the program.
    #[error("no scenario `{name}`{hint}; there are: {known}; or give the path of a .toml file")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The name that may have been meant, as a part of the sentence; empty where none comes near.
        hint: String,
        /// The names that there are, separated by commas.
        known: String,
    },
    /// The file could not be read.
    #[error("{file}: {source}")]
    Unreadable {
        /// Its path.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What a command line sets makes no sense.
    #[error("--set {setting}: {message}")]
    Setting {
        /// As it was given.
        setting: String,
        /// What is wrong, and what was expected.
        message: String,
    },
    /// `key` is the path of the key (`faults.2.loss_ppm`, counted from 0), when there is one.
    #[error("{file}:{line}: {}{message}\n  {line:>4} | {source_line}", key_prefix(.key))]
    Invalid {
        /// The path of the file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The path of the key; empty when there is none.
        key: String,
        /// What is wrong, and what was expected.
        message: String,
        /// The line as it stands in the file.
        source_line: String,
    },
}

/// ` (did you mean ...?)`, if one of the known words comes near.
pub(crate) fn hint<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Of words that have little in common, none was meant.
    const NEAR: f64 = 0.8;
    let near = known.into_iter().map(|word| (strsim::jaro_winkler(given, word), word));
    match near.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, word)) if likeness >= NEAR => format!(" (did you mean `{word}`?)"),
        _ => String::new(),
    }
}

/// serde's message about a word that it does not know, with the one that may have been meant: it names the word
/// and those that it knows in backticks.
pub(crate) fn with_hint(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match words.next() {
        Some(given) if is_unknown => format!("{message}{}", hint(given, words)),
        _ => message.to_owned(),
    }
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("key `{key}`: ") }
}

/// A value that is well-formed but makes no sense; found later than the parser runs, so that it
/// knows its key and not its line.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", key_prefix(.key), self.message())]
pub struct Problem {
    key: String,
    expected: String,
    found: Option<String>,
    cause: Option<String>,
}

impl Problem {
    pub(in crate::sim) fn new(key: &str, expected: &str) -> Self {
        Self { key: key.to_owned(), expected: expected.to_owned(), found: None, cause: None }
    }

    pub(in crate::sim) fn found(mut self, found: &str) -> Self {
        self.found = Some(found.to_owned());
        self
    }

    pub(super) fn because(self, cause: &ScenarioError) -> Self {
        Self { cause: Some(cause.to_string()), ..self }
    }

    fn message(&self) -> String {
        let found = self.found.as_ref().map(|found| format!("found {found}, ")).unwrap_or_default();
        let cause = self.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{found}expected {}{cause}", self.expected)
    }

    pub(super) fn locate(self, text: &str, file: &str) -> ScenarioError {
        let message = self.message();
        let at = DeTable::parse(text).ok().and_then(|table| span_of(&table, &self.key)).unwrap_or(0..0);
        invalid(text, file, self.key, message, at)
    }
}

pub(super) fn parse_toml<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, ScenarioError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        let key = DeTable::parse(text).ok().map(|table| key_at(&table, &at)).unwrap_or_default();
        invalid(text, file, key, with_hint(error.message()), at)
    })
}

fn invalid(text: &str, file: &str, key: String, message: String, at: Range<usize>) -> ScenarioError {
    let start = at.start.min(text.len());
    let line = text[..start].matches('\n').count() + 1;
    let source_line = text.lines().nth(line - 1).unwrap_or("").trim_end();
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let source_line = source_line.chars().map(shown).collect();
    ScenarioError::Invalid { file: file.to_owned(), line, key, message, source_line }
}

/// Where the value of `key` stands; where its deepest existing parent stands if it does not.
fn span_of(table: &Spanned<DeTable<'_>>, key: &str) -> Option<Range<usize>> {
    let mut parts = key.split('.');
    let mut value = table.get_ref().get(parts.next()?)?;
    for part in parts {
        let child = match part.parse::<usize>() {
            Ok(index) => value.get_ref().get(index),
            Err(_) => value.get_ref().get(part),
        };
        match child {
            Some(child) => value = child,
            None => break,
        }
    }
    Some(value.span())
}

/// The path of the deepest key whose name or value holds the span.
fn key_at(table: &Spanned<DeTable<'_>>, at: &Range<usize>) -> String {
    let mut path = Vec::new();
    descend_table(table.get_ref(), at, &mut path);
    path.join(".")
}

fn descend_table(table: &DeTable<'_>, at: &Range<usize>, path: &mut Vec<String>) {
    for (key, value) in table.iter() {
        if holds(&key.span(), at) || holds(&value.span(), at) {
            path.push(key.get_ref().to_string());
            return descend(value.get_ref(), at, path);
        }
    }
    // The span of `[a]` ends with its header: look into tables for a closer match.
    for (key, value) in table.iter() {
        let before = path.len();
        path.push(key.get_ref().to_string());
        descend(value.get_ref(), at, path);
        if path.len() > before + 1 {
            return;
        }
        path.truncate(before);
    }
}

fn descend(value: &DeValue<'_>, at: &Range<usize>, path: &mut Vec<String>) {
    match value {
        DeValue::Table(table) => descend_table(table, at, path),
        DeValue::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let before = path.len();
                path.push(i.to_string());
                if holds(&item.span(), at) {
                    return descend(item.get_ref(), at, path);
                }
                descend(item.get_ref(), at, path);
                if path.len() > before + 1 {
                    return;
                }
                path.truncate(before);
            }
        }
        _ => {}
    }
}

fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
