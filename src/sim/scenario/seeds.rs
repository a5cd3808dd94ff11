//! The seeds of a scenario, as they are written.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Seeds from `start` up to, not including, `end`; written `"0..960"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeedRange {
    /// The first seed.
    pub start: u64,
    /// The first seed that does not belong to it.
    pub end: u64,
}

impl SeedRange {
    /// The seeds, in order.
    pub fn iter(self) -> std::ops::Range<u64> {
        self.start..self.end
    }
    /// How many seeds there are.
    pub fn count(self) -> u64 {
        self.end - self.start
    }
    /// Whether it has no seed.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl fmt::Display for SeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A text that is no range of seeds; the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of seeds; expected FIRST..END (END not included), for instance 0..960")]
pub struct NotSeeds(String);

impl FromStr for SeedRange {
    type Err = NotSeeds;
    fn from_str(s: &str) -> Result<Self, NotSeeds> {
        let number = |n: &str| n.trim().replace('_', "").parse().ok();
        match s.split_once("..").map(|(a, b)| (number(a), number(b))) {
            Some((Some(start), Some(end))) if start < end => Ok(Self { start, end }),
            _ => Err(NotSeeds(s.to_owned())),
        }
    }
}

impl TryFrom<String> for SeedRange {
    type Error = NotSeeds;
    fn try_from(s: String) -> Result<Self, NotSeeds> {
        s.parse()
    }
}

impl From<SeedRange> for String {
    fn from(range: SeedRange) -> Self {
        range.to_string()
    }
}
