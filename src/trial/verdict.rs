//! Three witnesses, and what follows from them.

use crate::sim::outcome::Verdict;
use std::io::Read;
use std::path::Path;

/// What stands at the receiver under the final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// All of the file's bytes.
    Whole,
    /// Some of its first bytes.
    Prefix,
    /// A file of no bytes.
    Empty,
    /// Nothing.
    Absent,
    /// Anything else.
    Other,
}

impl Content {
    /// The word that tables have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Prefix => "prefix",
            Self::Empty => "empty",
            Self::Absent => "absent",
            Self::Other => "other",
        }
    }

    /// Reads no more than one byte beyond what is expected: a peer may have written without end.
    pub fn of(path: &Path, expected: &[u8]) -> Self {
        let Ok(file) = std::fs::File::open(path) else { return Self::Absent };
        let mut found = Vec::new();
        if file.take(expected.len() as u64 + 1).read_to_end(&mut found).is_err() {
            return Self::Other;
        }
        Self::held_against(&found, expected)
    }

    /// What `found` is of `expected`.
    pub fn held_against(found: &[u8], expected: &[u8]) -> Self {
        match found.len() {
            _ if found == expected => Self::Whole,
            0 => Self::Empty,
            _ if expected.starts_with(found) => Self::Prefix,
            _ => Self::Other,
        }
    }
}

/// Beside a file, so many others are looked at.
const MAX_OTHERS: usize = 100;

/// Whether the whole file lies in its directory under another name, which is not that of a file of another run
/// of this process: these have `shared` in them.
pub(super) fn lies_beside(path: &Path, expected: &[u8], shared: &str) -> bool {
    let Some(Ok(entries)) = path.parent().map(std::fs::read_dir) else { return false };
    let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_anothers = |other: &Path| {
        let name = other.file_name().unwrap_or_default().to_string_lossy();
        name.contains(shared) && !name.contains(&own)
    };
    let others = entries.flatten().map(|entry| entry.path());
    let mut others = others.filter(|other| other != path && !is_anothers(other)).take(MAX_OTHERS);
    others.any(|other| other.is_file() && Content::of(&other, expected) == Content::Whole)
}

/// How a client's process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status; `None` for a signal that was not ours.
    Exit(Option<i32>),
    /// The trial killed it: that was the fault.
    Struck,
    /// The time limit passed.
    TimeLimit,
}

/// What a run came to: the simulation's verdicts, and two that only real processes can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// As in the simulation.
    Of(Verdict),
    /// The client neither ended nor said anything before the time limit.
    Hang,
    /// The fault found no place to strike: nothing follows from the run.
    NotStruck,
}

impl Fate {
    /// The word that tables have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(verdict) => verdict.name(),
            Self::Hang => "hang",
            Self::NotStruck => "not_struck",
        }
    }

    /// Whether something was lost and nobody said so.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::Of(verdict) if verdict.is_silent_loss())
    }
}

/// Content decides, never size: `misfiled` is whether the whole file was found under another name.
pub fn judge(ended: Ended, content: Content, attempts: u32, misfiled: bool) -> Fate {
    let said_well = match ended {
        Ended::Exit(status) => status == Some(0),
        Ended::TimeLimit => return Fate::Hang,
        // The dead say nothing: what they leave under the final name passes for the file.
        Ended::Struck => matches!(content, Content::Prefix | Content::Empty | Content::Other),
    };
    Fate::Of(match (said_well, content) {
        (true, Content::Whole) if attempts > 1 => Verdict::Recovered,
        (true, Content::Whole) => Verdict::Intact,
        (true, _) if misfiled => Verdict::Misfiled,
        (true, Content::Other) => Verdict::SilentCorruption,
        (true, _) => Verdict::SilentTruncation,
        (false, Content::Whole) if ended == Ended::Struck => Verdict::Intact,
        (false, Content::Whole) => Verdict::FalseAlarm,
        (false, _) => Verdict::Detected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_never_size() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Content::of(&path, b"abc")
        };
        let found = [of(b"abc"), of(b"ab"), of(b""), of(b"abd"), of(b"abcd")];
        use Content::{Absent, Empty, Other, Prefix, Whole};
        assert_eq!(found, [Whole, Prefix, Empty, Other, Other]);
        assert_eq!(Content::of(&directory.path().join("none"), b"abc"), Absent);
    }

    #[test]
    fn what_lies_beside_is_misfiled_unless_it_is_another_runs() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let is_misfiled = || lies_beside(&path("trial-7-1.bin"), b"abc", "trial-7-");
        std::fs::write(path("trial-7-1.bin"), "abc").unwrap();
        std::fs::write(path("trial-7-11.bin"), "abc").unwrap();
        std::fs::write(path("other"), "ab").unwrap();
        assert!(!is_misfiled());
        std::fs::write(path(".in.trial-7-1.bin."), "abc").unwrap();
        assert!(is_misfiled());
    }

    #[test]
    fn three_witnesses() {
        let well = Ended::Exit(Some(0));
        for (ended, content, attempts, fate) in [
            (well, Content::Whole, 1, "intact"),
            (well, Content::Whole, 2, "recovered"),
            (well, Content::Prefix, 2, "silent_truncation"),
            (well, Content::Absent, 1, "silent_truncation"),
            (well, Content::Other, 1, "silent_corruption"),
            (Ended::Exit(Some(1)), Content::Prefix, 1, "detected"),
            (Ended::Exit(None), Content::Whole, 1, "false_alarm"),
            (Ended::Struck, Content::Prefix, 1, "silent_truncation"),
            (Ended::Struck, Content::Absent, 1, "detected"),
            (Ended::Struck, Content::Whole, 1, "intact"),
            (Ended::TimeLimit, Content::Whole, 1, "hang"),
        ] {
            assert_eq!(judge(ended, content, attempts, false).name(), fate, "{ended:?} {content:?}");
        }
        assert_eq!(judge(well, Content::Absent, 1, true).name(), "misfiled");
    }
}
