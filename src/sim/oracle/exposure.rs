//! Exposure: where the end of file is marked in-band, a reader of the receiver's directory never
//! sees a part of a file under its final name, but where the receiver writes in place.

use super::{End, Oracle, marks_end_of_file};

pub struct Exposure;

impl Oracle for Exposure {
    fn name(&self) -> &'static str {
        "exposure"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        if !marks_end_of_file(end.case) || end.case.writes_in_place {
            return None;
        }
        let exposed = end.outcome.files.iter().find(|file| file.exposed)?;
        Some(format!("{} stood incomplete under its final name", exposed.name))
    }
}
