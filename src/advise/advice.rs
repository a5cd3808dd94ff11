//! What is advised, as data: a function of the question.

use super::amount::Path;
use super::estimate::Estimate;
use super::features::{Features, Missing};
use super::files::Compressibility;
use super::plan::Plan;
use crate::lab::claims::LOSSLESS_RUNS;
use crate::sim::scenario::{Direction, VariantSpec};
use serde::Serialize;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Which way the files go.
    pub direction: Direction,
    /// The path.
    pub path: Path,
    /// What the server has.
    pub features: Features,
    /// What is delivered.
    pub own: super::files::Own,
    /// The first seed; each of them draws losses, files' contents and what faults strike.
    pub seed: u64,
    /// Runs of each fault and contender; as many as there is time for where absent.
    pub fault_runs: Option<u64>,
}

/// All ways, the best first.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// Which way the files go.
    pub direction: Direction,
    /// The path.
    pub path: Path,
    /// What the server has.
    pub features: Features,
    /// Files, bytes, and what of them was simulated.
    pub files: Plan,
    /// Directories among them.
    pub directories: u64,
    /// The size of the largest.
    pub largest_bytes: u64,
    /// What modes that compress make of the files that were read.
    pub compressibility: Compressibility,
    /// The first seed.
    pub seed: u64,
    /// Files, and their bytes, in a run with a fault.
    pub faulty_files: u64,
    /// See [`Self::faulty_files`].
    pub faulty_bytes: u64,
    /// Those that lose nothing silently first, the faster before the slower; then the others likewise.
    pub ways: Vec<Way>,
    /// Those that are not open.
    pub closed: Vec<Closed>,
}

/// A way that is open.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// The contender as the scenario has it.
    #[serde(flatten)]
    pub variant: VariantSpec,
    /// How long the whole delivery takes; absent where no run has come to its end.
    pub time: Option<Estimate>,
    /// What each fault does to it.
    pub risks: Vec<Risk>,
    /// Files that a reader could see in part under their names, in runs without a fault and with one that is
    /// ranked.
    pub exposed_files: u64,
    /// Files in those runs.
    pub seen_files: u64,
}

/// A way that this server, or whoever asks, does not have.
#[derive(Clone, Debug, Serialize)]
pub struct Closed {
    /// The contender.
    #[serde(flatten)]
    pub variant: VariantSpec,
    /// Why.
    #[serde(flatten)]
    pub missing: Missing,
}

/// What a fault does to a way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// The fault's name in the scenario.
    pub fault: String,
    /// Runs in which it struck.
    pub runs: u64,
    /// Those of them in which a file ended up short, wrong or missing and nobody was told.
    pub lost: u64,
}

/// What faults have in common, for whoever decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Harm {
    /// The data connection is closed early, by a FIN that its sender has not sent.
    Closed,
    /// It breaks visibly, or goes silent.
    Broken,
    /// The sending program dies.
    Dies,
    /// A byte is changed and no checksum of TCP tells.
    Changed,
    /// The receiver's power fails a second after the reply.
    Power,
}

impl Harm {
    /// All, in the order of the columns.
    pub const ALL: [Self; 5] = [Self::Closed, Self::Broken, Self::Dies, Self::Changed, Self::Power];

    /// Of a fault of the scenario.
    pub fn of(fault: &str) -> Option<Self> {
        Some(match fault {
            "early_close" | "split_close" => Self::Closed,
            "reset" | "blackhole" => Self::Broken,
            "sender_dies" | "sender_dies_watched" => Self::Dies,
            "corrupt" => Self::Changed,
            "receiver_power_loss" => Self::Power,
            _ => return None,
        })
    }

    /// Whether it decides over the order: the others hang on more than the way, and are told beside it.
    pub fn is_ranked(self) -> bool {
        matches!(self, Self::Closed | Self::Broken | Self::Dies)
    }
}

impl Way {
    /// The runs in which a fault of this kind struck, and those that lost a file silently.
    pub fn under(&self, harm: Harm) -> Risk {
        let mut sum = Risk { fault: String::new(), runs: 0, lost: 0 };
        for risk in self.risks.iter().filter(|risk| Harm::of(&risk.fault) == Some(harm)) {
            (sum.runs, sum.lost) = (sum.runs + risk.runs, sum.lost + risk.lost);
        }
        sum
    }

    /// The same of all that decides over the order.
    pub fn ranked(&self) -> Risk {
        let mut sum = Risk { fault: String::new(), runs: 0, lost: 0 };
        for risk in Harm::ALL.into_iter().filter(|harm| harm.is_ranked()).map(|harm| self.under(harm)) {
            (sum.runs, sum.lost) = (sum.runs + risk.runs, sum.lost + risk.lost);
        }
        sum
    }

    /// Nothing was lost silently, in runs enough to say so.
    pub fn is_safe(&self) -> bool {
        let ranked = self.ranked();
        ranked.lost == 0 && ranked.runs >= LOSSLESS_RUNS
    }

    /// For the order: what loses nothing before what does, then by time.
    pub(super) fn rank(&self) -> (bool, u64) {
        (self.ranked().lost > 0, self.time.map_or(u64::MAX, |time| time.us))
    }
}
