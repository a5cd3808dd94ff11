//! What people say about the modes, and whether it holds: plain data, which [`claims`](super::claims) judges
//! when an experiment has ended.

use serde::Serialize;

/// What a scenario says to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The runs bear it out.
    Holds,
    /// In some conditions, which the figure names.
    Conditional,
    /// A run contradicts it.
    Fails,
    /// Too few runs ended whose fault fired; the figure says how many it takes, the command runs them.
    NotEnough,
    /// The scenario has not the contenders or the faults to tell.
    Untested,
}

impl Standing {
    /// The name that JSON has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Conditional => "holds under conditions",
            Self::Fails => "does not hold",
            Self::NotEnough => "not enough evidence",
            Self::Untested => "not tested here",
        }
    }
}

/// A sentence with its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The sentence, as the report prints it.
    pub claim: &'static str,
    /// What the scenario says to it.
    pub standing: Standing,
    /// One or two sentences with numbers from this comparison.
    pub figure: String,
    /// The command that makes the figure again, or that brings the runs that are missing.
    pub command: String,
}
