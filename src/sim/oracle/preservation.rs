//! Preservation: a delivery that fails leaves what stood under the name as it was, where the receiver
//! can know that it has failed.

use super::{End, Oracle, is_hidden, marks_end_of_file, may_be_displaced};
use crate::sim::outcome::Verdict;

/// See the module.
pub struct Preservation;

impl Oracle for Preservation {
    fn name(&self) -> &'static str {
        "preservation"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        // Written in place, the old file goes with the first byte of the new one. Else the receiver replaces
        // it by what it holds for whole: in stream mode whatever came before the close (RFC 959 section
        // 3.4.1), in any mode what nothing on the wire tells from the file.
        let unknowable = is_hidden(end.case) || may_be_displaced(end.case) || !marks_end_of_file(end.case);
        if end.case.writes_in_place || unknowable {
            return None;
        }
        let lost = end.outcome.files.iter().find(|file| file.verdict == Verdict::Destroyed)?;
        Some(format!("the delivery of {} failed, and the file that stood there is gone", lost.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::FaultKind;
    use crate::sim::oracle::tests::ended;
    use ftp_proto::mode::{Structure, TransmissionMode};

    #[test]
    fn only_where_the_receiver_cannot_know_is_an_old_file_lost() {
        let told = |mode, writes_in_place, kind| {
            let mut end = ended();
            end.case.policy.mode = mode;
            end.case.policy.structure = Structure::File;
            end.case.writes_in_place = writes_in_place;
            end.case.fault.kind = kind;
            end.outcome.files[0].verdict = Verdict::Destroyed;
            Preservation.conclude(&end.borrow()).is_some()
        };
        assert!(told(TransmissionMode::Block, false, FaultKind::Reset));
        assert!(!told(TransmissionMode::Block, true, FaultKind::Reset));
        assert!(!told(TransmissionMode::Stream, false, FaultKind::EarlyClose));
        assert!(!told(TransmissionMode::Block, false, FaultKind::Corrupt { xor: 1 }));
    }
}
