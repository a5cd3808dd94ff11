//! Exposure: where the end of file is marked in-band, a reader of the receiver's directory never
//! sees a part of a file under its final name, but where the receiver writes in place, or loses its power
//! without having synced.

use super::{End, Oracle, is_hidden, loses_unsynced, marks_end_of_file, may_be_displaced};

/// Finds files that could be seen incomplete under their final names.
pub struct Exposure;

impl Oracle for Exposure {
    fn name(&self) -> &'static str {
        "exposure"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        // A byte changed on the way or lost by the disk stands in a file that is whole for all that its
        // receiver can know before it publishes it.
        let unknowable = is_hidden(end.case);
        // A name may be on the disk before its bytes, which a loss of power shows.
        let unknowable = unknowable || loses_unsynced(end.case);
        // A stranger's file is whole for who takes it for the delivery's.
        let unknowable = unknowable || may_be_displaced(end.case);
        // In place, two write into one file.
        if end.case.writes_in_place {
            return None;
        }
        if let Some(name) = end.joined.first() {
            return Some(format!("{name} stood joined of two under its final name"));
        }
        if !marks_end_of_file(end.case) || unknowable {
            return None;
        }
        let exposed = end.outcome.files.iter().find(|file| file.exposed)?;
        Some(format!("{} stood incomplete under its final name", exposed.name))
    }
}
