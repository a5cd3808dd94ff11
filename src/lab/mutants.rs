//! Do the oracles find what is wrong? Each planted bug against the sweep.

use super::records::VERSION;
use super::shrink;
use crate::sim::case::Case;
use crate::sim::signature::Signature;
use crate::sim::swarm;
use crate::sim::world;
use ftp_proto::mutant::Mutant;
use serde::{Deserialize, Serialize};

/// Cases tried at the most in shrinking one.
const SHRINK_RUNS: u32 = 400;

/// A row of `planted-bugs.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The planted bug.
    pub bug: Mutant,
    /// The oracle that is to find it, and did.
    pub oracle: String,
    /// The sweep from seed 0 on finds it at the last of so many seeds.
    pub seeds_to_find: u64,
    /// How many files the shrunk case has.
    pub files: u64,
    /// The sum of the sizes of the shrunk case's files.
    pub payload_bytes: u64,
    /// How many faults the shrunk case has: 0 or 1.
    pub faults: u32,
    /// The name of the shrunk case's fault.
    pub fault: String,
    /// All oracles that the shrunk case violates, and its files' fates.
    pub signature: String,
    /// The version of the program that made the row.
    pub version: String,
}

/// The oracle whose business the bug is.
pub fn oracle(bug: Mutant) -> &'static str {
    match bug {
        Mutant::CloseIsEndOfFile
        | Mutant::ResetIsEndOfFile
        | Mutant::AnyReplyIsSuccess
        | Mutant::SizeUnchecked
        | Mutant::HashUnchecked
        | Mutant::IacStripped
        | Mutant::ReadAheadDropped
        | Mutant::RetryAppends
        | Mutant::RenameForgotten
        | Mutant::SyncForgotten
        | Mutant::DirectoryNotSynced
        | Mutant::SourceChangeUnseen
        | Mutant::UploadsInterleave
        | Mutant::AppendLosesOther
        | Mutant::CarriageReturnDoubled
        | Mutant::UnmarkedEndTaken
        | Mutant::LaxEndUnasked
        | Mutant::CutDeflateTaken
        | Mutant::AdlerUnchecked
        | Mutant::ContestIgnored => "agreement",
        Mutant::LastPieceDropped | Mutant::RunOf64 | Mutant::CountOf15Bits | Mutant::EmptyFileUnmarked => {
            "framing"
        }
        Mutant::PartialPublished
        | Mutant::WrittenInPlace
        | Mutant::RenamedBeforeSync
        | Mutant::ResumedOntoVisible
        | Mutant::OthersPartJoined
        | Mutant::PartBelieved
        | Mutant::MarkerOneOff => "exposure",
        Mutant::OldFileEmptied => "preservation",
        Mutant::RetryUnderOtherName | Mutant::AnsweredSentAgain => "once",
        Mutant::HalfDeadReused | Mutant::NoDataTimeout | Mutant::RepliesOneOff => "liveness",
        Mutant::CompletionFirst
        | Mutant::CompletionTwice
        | Mutant::PreliminaryTwice
        | Mutant::RefusalTwice => "replies",
        Mutant::StrangerAccepted
        | Mutant::StrangerRemembered
        | Mutant::ClearCommandsKept
        | Mutant::ClearDataGranted
        | Mutant::BehindDeflateIgnored
        | Mutant::SeatsKept => "strangers",
        Mutant::ListingLimited | Mutant::ListingUnanswered | Mutant::UnreadLinesDropped => "listings",
        Mutant::SessionNeverEnds | Mutant::ListenerForgotten | Mutant::ActiveListenerKept => "leaks",
    }
}

/// The sweep's case for `seed`, with `bug`.
pub fn case(bug: Mutant, seed: u64) -> Case {
    Case { mutant: Some(bug), ..swarm::draw(seed) }
}

/// Whether the bug's oracle speaks up.
pub fn is_found(bug: Mutant, seed: u64) -> bool {
    world::judge(&case(bug, seed)).is_ok_and(|outcome| Signature::of(&outcome).oracles.contains(oracle(bug)))
}

/// How many seeds the sweep needs, at most `max_seeds`.
pub fn seeds_to_find(bug: Mutant, max_seeds: u64) -> Option<u64> {
    (0..max_seeds).find(|&seed| is_found(bug, seed)).map(|seed| seed + 1)
}

/// The table's row and the shrunk case for a bug that the sweep finds so.
pub fn row(bug: Mutant, seeds_to_find: u64) -> (Row, Case) {
    let found = case(bug, seeds_to_find - 1);
    let mut small = shrink::shrink_for(&found, oracle(bug), SHRINK_RUNS);
    let signature = world::judge(&small).map(|outcome| Signature::of(&outcome)).unwrap_or_default();
    let row = Row {
        bug,
        oracle: oracle(bug).to_owned(),
        seeds_to_find,
        files: small.files.len() as u64,
        payload_bytes: small.files.iter().map(|file| file.size_bytes).sum(),
        faults: u32::from(small.fault.kind.name() != "none"),
        fault: small.fault.kind.name().to_owned(),
        signature: signature.to_string(),
        version: VERSION.to_owned(),
    };
    small.expected = Some(signature);
    (row, small)
}

/// Gives the name that stands in file names and in the table.
pub fn name(bug: Mutant) -> String {
    match serde_json::to_value(bug) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{bug:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::all;
    use std::sync::Arc;

    #[test]
    fn there_is_the_oracle_that_a_planted_bug_is_for() {
        let names: Vec<&str> = all(&Arc::default()).iter().map(|oracle| oracle.name()).collect();
        for bug in Mutant::ALL {
            assert!(names.contains(&oracle(bug)), "{bug:?}: {names:?}");
        }
    }
}
