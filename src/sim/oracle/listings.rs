//! Listings: a file that stands at the server, and that the client was to fetch with all that it lists there, is in
//! the listing that the client takes for whole, wherever the mode lets it know; what cannot be known in stream mode is
//! named here and nowhere else.

use super::{End, Oracle, is_hidden, receiver_end};
use crate::sim::case::Case;
use crate::sim::fault::{FaultKind, Trigger};
use crate::sim::heard::Heard;
use crate::sim::names::LISTING;
use crate::sim::scenario::TlsEnd;
use ftp_endpoint::observe::{Event, Who};
use ftp_proto::mode::{Structure, TransmissionMode};
use std::net::SocketAddr;

/// Finds files that nobody asked for, because a listing was taken for whole.
#[derive(Default)]
pub struct Listings {
    /// The connection of the listing that is under way: the server's address and the client's.
    connection: Option<(SocketAddr, SocketAddr)>,
    /// What the server wrote of the listing that came first.
    text: Vec<u8>,
}

impl Oracle for Listings {
    fn name(&self) -> &'static str {
        "listings"
    }

    fn event(&mut self, heard: &Heard<'_>) {
        match *heard.event {
            Event::SendBegins { name: LISTING, local, peer, .. } if self.text.is_empty() => {
                self.connection = Some((local, peer));
            }
            Event::FileEnds { name: LISTING, .. } if heard.who == Who::Server => self.connection = None,
            _ => {}
        }
    }

    fn written(&mut self, who: Who, local: SocketAddr, peer: SocketAddr, bytes: &[u8]) {
        if who == Who::Server && self.connection == Some((local, peer)) {
            self.text.extend_from_slice(bytes);
        }
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        let forgotten = end.outcome.files.iter().find(|file| file.forgotten)?;
        let excused = may_end_early(end.case, &self.text) || may_be_changed(end.case);
        (!excused).then(|| format!("{} was listed by nobody, and nobody said so", forgotten.name))
    }
}

/// In stream mode the close is the end of the listing as of a file, and there is no size to compare: one that a middlebox
/// closes behind a line is a shorter one. Within a line it is seen (RFC 3659 section 7.2). A server that dies owes its
/// reply, so its death is no excuse.
fn may_end_early(case: &Case, text: &[u8]) -> bool {
    let closes = matches!(case.fault.kind, FaultKind::EarlyClose | FaultKind::SplitClose);
    // Who takes a reset for the end takes whatever ends a connection for it, with or without a fault.
    receiver_end(case) == Some(TlsEnd::Any) || !marks_end(case) && closes && is_between_lines(case, text)
}

/// Whether a listing has a mark at its end, and the client looks for it: as [`super::marks_end_of_file`], but that no SIZE
/// makes up for one.
fn marks_end(case: &Case) -> bool {
    match (case.policy.mode, case.policy.structure) {
        (TransmissionMode::Stream, Structure::File) => {
            receiver_end(case) == Some(TlsEnd::Strict) && !case.server.ends_unfinished
        }
        (TransmissionMode::Deflate, _) => !case.policy.takes_cut_deflate,
        _ => true,
    }
}

fn is_between_lines(case: &Case, text: &[u8]) -> bool {
    match case.fault.trigger {
        // Records of TLS and of zlib pass whole or not at all.
        Trigger::PayloadByte(byte) if case.tls.is_none() && case.policy.mode == TransmissionMode::Stream => {
            let before = usize::try_from(byte).ok().and_then(|byte| text.get(..byte));
            before.is_none_or(|before| before.is_empty() || before.ends_with(b"\n"))
        }
        _ => true,
    }
}

/// A changed byte may make one name of another, or one line of two, where no checksum tells.
fn may_be_changed(case: &Case) -> bool {
    matches!(case.fault.kind, FaultKind::Corrupt { .. }) && is_hidden(case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::Fault;
    use crate::sim::oracle::tests::ended;
    use ftp_endpoint::client::Direction;

    fn says(kind: FaultKind, trigger: Trigger, mode: TransmissionMode) -> Option<String> {
        let mut ended = ended();
        ended.case.listed = true;
        (ended.case.policy.direction, ended.case.policy.structure) = (Direction::Get, Structure::File);
        ended.case.policy.mode = mode;
        ended.case.fault = Fault { kind, target: ended.case.files.len() as u32, trigger };
        ended.outcome.files[0].forgotten = true;
        let mut oracle =
            Listings { text: b"type=file; a\r\ntype=file; b\r\n".to_vec(), ..Listings::default() };
        oracle.conclude(&ended.borrow())
    }

    #[test]
    fn a_close_between_lines_of_stream_mode_is_the_only_excuse() {
        use TransmissionMode::{Block, Stream};
        let close = FaultKind::EarlyClose;
        assert_eq!(says(close, Trigger::AfterLine(1), Stream), None);
        assert_eq!(says(close, Trigger::PayloadByte(14), Stream), None);
        assert!(says(close, Trigger::PayloadByte(13), Stream).is_some());
        assert!(says(close, Trigger::AfterLine(1), Block).is_some());
        for kind in [FaultKind::None, FaultKind::Reset, FaultKind::SenderDies { restart_after_us: 1 }] {
            assert!(says(kind, Trigger::AfterLine(1), Stream).is_some(), "{kind:?}");
        }
        assert_eq!(says(FaultKind::Corrupt { xor: 1 }, Trigger::AfterLine(1), Block), None);
    }

    #[test]
    fn what_nobody_forgot_is_no_business_of_its() {
        assert_eq!(Listings::default().conclude(&ended().borrow()), None);
    }
}
