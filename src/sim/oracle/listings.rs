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
    use crate::sim::scenario::TlsSpec;
    use TransmissionMode::{Block, Deflate, Stream};
    use ftp_endpoint::client::Direction;

    const CLOSE: FaultKind = FaultKind::EarlyClose;
    const BEHIND_A_LINE: Trigger = Trigger::AfterLine(1);

    /// Of a download in file structure whose listing has two lines, and one of whose files was not asked for.
    fn says_of(change: impl FnOnce(&mut Case)) -> Option<String> {
        let mut ended = ended();
        ended.case.listed = true;
        (ended.case.policy.direction, ended.case.policy.structure) = (Direction::Get, Structure::File);
        (ended.case.policy.takes_cut_deflate, ended.case.server.ends_unfinished) = (false, false);
        change(&mut ended.case);
        ended.outcome.files[0].forgotten = true;
        let mut oracle =
            Listings { text: b"type=file; a\r\ntype=file; b\r\n".to_vec(), ..Listings::default() };
        oracle.conclude(&ended.borrow())
    }

    fn says(kind: FaultKind, trigger: Trigger, mode: TransmissionMode) -> Option<String> {
        says_of(|case| strike(case, kind, trigger, mode))
    }

    fn strike(case: &mut Case, kind: FaultKind, trigger: Trigger, mode: TransmissionMode) {
        case.policy.mode = mode;
        case.fault = Fault { kind, target: case.files.len() as u32, trigger };
    }

    #[test]
    fn a_close_between_lines_of_stream_mode_is_the_only_excuse() {
        for kind in [CLOSE, FaultKind::SplitClose] {
            assert_eq!(says(kind, BEHIND_A_LINE, Stream), None);
        }
        for (byte, is_excuse) in [(0, true), (13, false), (14, true), (15, false), (28, true), (29, true)] {
            assert_eq!(says(CLOSE, Trigger::PayloadByte(byte), Stream).is_none(), is_excuse, "{byte}");
        }
        for mode in [Block, TransmissionMode::Compressed, Deflate] {
            assert!(says(CLOSE, BEHIND_A_LINE, mode).is_some(), "{mode:?}");
        }
        for kind in [FaultKind::None, FaultKind::Reset, FaultKind::SenderDies { restart_after_us: 1 }] {
            assert!(says(kind, BEHIND_A_LINE, Stream).is_some(), "{kind:?}");
        }
        let records = says_of(|case| {
            strike(case, CLOSE, BEHIND_A_LINE, Stream);
            case.policy.structure = Structure::Record;
        });
        assert!(records.is_some(), "records have a mark of their own");
    }

    /// Whoever looks for none has no mark; and where a middlebox sees no bytes, it closes between whole records.
    #[test]
    fn a_mark_counts_where_the_client_looks_for_it() {
        let deflate = |takes_cut: bool| {
            says_of(|case| {
                strike(case, CLOSE, Trigger::PayloadByte(13), Deflate);
                case.policy.takes_cut_deflate = takes_cut;
            })
        };
        assert!(deflate(false).is_some() && deflate(true).is_none());
        let under_tls = |kind: FaultKind, client_end: TlsEnd, ends_unfinished: bool| {
            says_of(|case| {
                strike(case, kind, Trigger::PayloadByte(13), Stream);
                case.tls = Some(TlsSpec { client_end, ..TlsSpec::default() });
                case.server.ends_unfinished = ends_unfinished;
            })
        };
        assert!(under_tls(CLOSE, TlsEnd::Strict, false).is_some());
        assert!(under_tls(CLOSE, TlsEnd::Strict, true).is_none(), "its server makes the mark anywhere");
        assert!(under_tls(CLOSE, TlsEnd::Lax, false).is_none(), "a listing has no size to be asked for");
        assert!(under_tls(FaultKind::Reset, TlsEnd::Lax, false).is_some());
        assert!(under_tls(FaultKind::Reset, TlsEnd::Any, false).is_none(), "who takes a reset for an end");
    }

    #[test]
    fn a_changed_byte_is_an_excuse_where_no_checksum_tells() {
        let corrupt = FaultKind::Corrupt { xor: 1 };
        assert_eq!(says(corrupt, BEHIND_A_LINE, Block), None);
        assert!(says(corrupt, BEHIND_A_LINE, Deflate).is_some());
        let loses = FaultKind::Blackhole { for_us: None };
        assert!(says(loses, BEHIND_A_LINE, Block).is_some());
    }

    #[test]
    fn what_nobody_forgot_is_no_business_of_its() {
        assert_eq!(Listings::default().conclude(&ended().borrow()), None);
    }

    /// What the server writes on its connection until it has ended, and of no other.
    #[test]
    fn the_text_is_that_of_the_first_listing() {
        use crate::sim::names::FileNames;
        use crate::sim::time::SimTime;
        let mut oracle = Listings::default();
        let names = FileNames::new(["f".to_owned()]);
        let [one, other, client] = [20, 21, 22].map(|port| SocketAddr::from(([10, 0, 0, 1], port)));
        let coding = ended().case.policy.coding();
        let begins = |name, local| Event::SendBegins { name, local, peer: client, wire_offset: 0, coding };
        let ends = |name| Event::FileEnds { name, payload_bytes: 3, error: None };
        let mut tell = |who, event: Event<'_>, text: &[u8], on| {
            oracle.event(&Heard::new(SimTime::default(), who, 1, &event, &names));
            oracle.written(who, on, client, text);
            String::from_utf8(oracle.text.clone()).unwrap()
        };
        assert_eq!(tell(Who::Server, begins("f", one), b"file", one), "");
        assert_eq!(tell(Who::Server, begins(LISTING, one), b"one\r\n", one), "one\r\n");
        assert_eq!(tell(Who::Client, ends(LISTING), b"mine", one), "one\r\n");
        assert_eq!(tell(Who::Server, ends("f"), b"other", other), "one\r\n");
        assert_eq!(tell(Who::Server, ends("f"), b"two\r\n", one), "one\r\ntwo\r\n");
        assert_eq!(tell(Who::Server, ends(LISTING), b"file", one), "one\r\ntwo\r\n");
        assert_eq!(tell(Who::Server, begins(LISTING, other), b"again", other), "one\r\ntwo\r\n");
    }
}
