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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::case::Case;
    use crate::sim::fault::FaultKind;
    use crate::sim::oracle::tests::{Ended, ended};
    use ftp_endpoint::client::Direction;
    use ftp_proto::mode::{Structure, TransmissionMode};

    fn told(mode: TransmissionMode, change: impl FnOnce(&mut Ended)) -> Option<String> {
        let mut end = ended();
        (end.case.policy.mode, end.case.policy.structure) = (mode, Structure::File);
        (end.case.writes_in_place, end.case.fault.kind) = (false, FaultKind::Reset);
        (end.case.server.takes_cut_deflate, end.case.policy.takes_cut_deflate) = (false, false);
        change(&mut end);
        Exposure.conclude(&end.borrow())
    }

    fn exposed(mode: TransmissionMode, change: impl FnOnce(&mut Case)) -> bool {
        let all = |end: &mut Ended| {
            end.outcome.files[0].exposed = true;
            change(&mut end.case);
        };
        told(mode, all).is_some_and(|why| why.contains("stood incomplete"))
    }

    #[test]
    fn a_part_under_the_final_name_is_found_where_the_receiver_knows_the_end() {
        use TransmissionMode::{Block, Deflate, Stream};
        assert_eq!(told(Block, |_| ()), None);
        assert!(exposed(Block, |_| ()) && !exposed(Stream, |_| ()));
        assert!(!exposed(Block, |case| case.writes_in_place = true));
        assert!(!exposed(Block, |case| case.fault.kind = FaultKind::Corrupt { xor: 1 }));
        // A zlib stream has an end, but for a receiver that takes one without.
        for (direction, of_server, of_client) in
            [(Direction::Put, true, false), (Direction::Get, false, true)]
        {
            let takes_cut = |server, client| {
                exposed(Deflate, |case| {
                    case.policy.direction = direction;
                    (case.server.takes_cut_deflate, case.policy.takes_cut_deflate) = (server, client);
                })
            };
            assert!(takes_cut(false, false) && takes_cut(of_client, of_server));
            assert!(!takes_cut(of_server, of_client));
        }
    }

    #[test]
    fn two_contents_joined_are_found_in_any_mode() {
        let joins = |end: &mut Ended| end.joined.push("f".to_owned());
        for mode in [TransmissionMode::Block, TransmissionMode::Stream] {
            assert!(told(mode, joins).unwrap().contains("joined of two"));
        }
        let in_place = |end: &mut Ended| {
            joins(end);
            end.case.writes_in_place = true;
        };
        assert_eq!(told(TransmissionMode::Block, in_place), None);
    }
}
