//! Exposure: where the end of file is marked in-band, a reader of the receiver's directory never
//! sees a part of a file under its final name, but where the receiver writes in place, or loses its power
//! without having synced.

use super::{End, Oracle, loses_unsynced, marks_end_of_file};
use crate::sim::others::{Deed, Rival, RivalUser};

/// Finds files that could be seen incomplete under their final names.
pub struct Exposure;

impl Oracle for Exposure {
    fn name(&self) -> &'static str {
        "exposure"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        // A byte changed on the way or lost by the disk stands in a file that is whole for all that its
        // receiver can know before it publishes it.
        let unknowable = end.case.fault.kind.about().hidden;
        // A name may be on the disk before its bytes, which a loss of power shows.
        let unknowable = unknowable || loses_unsynced(end.case);
        if let Some(name) = end.joined.first()
            && !may_join(end)
        {
            return Some(format!("{name} stood joined of two under its final name"));
        }
        if !marks_end_of_file(end.case) || end.case.writes_in_place || unknowable {
            return None;
        }
        let exposed = end.outcome.files.iter().find(|file| file.exposed && !may_join(end))?;
        Some(format!("{} stood incomplete under its final name", exposed.name))
    }
}

/// In place, two write into one file; and see [`may_join_own`].
fn may_join(end: &End<'_>) -> bool {
    may_join_own(end) || end.case.writes_in_place
}

/// What a failed upload has left is its user's, and the store cannot know from which of the user's clients
/// it came: one that goes on from another's finds out by HASH, when the whole stands under its name.
pub(super) fn may_join_own(end: &End<'_>) -> bool {
    let by_own = |rival: Rival| rival.user == RivalUser::Same && rival.deed == Deed::LeavesPart;
    end.case.policy.resume && end.case.rival.is_some_and(by_own)
}
