//! What a check has found.

use super::text::Level;
use std::collections::BTreeSet;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The requirement is kept, as far as the dialogue shows.
    Pass,
    /// It is not kept.
    Fail,
    /// What it is about is not offered.
    Skipped,
    /// It cannot be asked with these rights, or in this setting.
    Untestable,
}

impl Verdict {
    /// All of them, as they are counted.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::Skipped, Self::Untestable];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
            Self::Untestable => "untestable",
        }
    }
}

/// A check and what became of it. Texts of the other side are as they came; who prints them escapes them.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    /// The check's, as `959/5.4/name`.
    pub id: &'static str,
    /// RFC and section, or the family of a case: what stands before the last `/` of [`Self::id`].
    pub section: &'static str,
    /// How binding it is.
    pub level: Level,
    /// What is required, in our words.
    pub sentence: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// The evidence, in a line.
    pub seen: String,
    /// What was said and heard, a line each; passwords are masked.
    pub dialogue: Vec<String>,
}

/// The ids of a file of expected failures: one a line, `#` begins a comment. Errors: the first line that is no
/// id of `known`, with its number.
pub fn failures_expected(text: &str, known: &BTreeSet<&str>) -> Result<BTreeSet<String>, (usize, String)> {
    let mut ids = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let id = line.split('#').next().unwrap_or_default().trim();
        if id.is_empty() {
            continue;
        }
        if !known.contains(id) {
            return Err((index + 1, id.to_owned()));
        }
        ids.insert(id.to_owned());
    }
    Ok(ids)
}
