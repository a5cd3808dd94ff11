//! Framing: what a sender writes on a data connection is, decoded in the mode it announced, the
//! payload it has under that name: all of it with its end when the sender says that it is done,
//! and else a part from the front. Nothing is written between files.

use super::payload::Payload;
use super::{End, Oracle};
use crate::sim::heard::Heard;
use crate::sim::names::FileId;
use crate::sim::truth::{Contents, same_bytes};
use ftp_endpoint::observe::{Event, Who};
use ftp_proto::command::Command;
use ftp_proto::mode::{self, Coding, Decoder, Structure, TransmissionMode};
use ftp_proto::repr::Representation;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// A file as it stands on the wire.
struct Sent {
    who: Who,
    name: String,
    coding: Coding,
    payload: Payload,
    /// Its in-band end has been written.
    ended: bool,
    /// The sender calls it sent.
    done: bool,
}

type Key = (Who, SocketAddr, SocketAddr);

/// A data connection as its sender writes it.
struct Connection {
    session: u64,
    coding: Coding,
    decoder: Decoder,
    /// The file under way, an index into [`Framing::sent`]; `None` between files.
    current: Option<usize>,
}

/// Decodes what senders write on data connections, and finds what is not the payload they announced.
#[derive(Default)]
pub struct Framing {
    /// What will probably be sent.
    truth: Arc<[Contents]>,
    connections: BTreeMap<Key, Connection>,
    /// Those with a file under way, by their sessions: in stream mode each file has left a connection.
    busy: BTreeMap<(Who, u64), BTreeSet<Key>>,
    sent: Vec<Sent>,
    /// Where files may begin on the wire: at 0, where REST has said, and where a sender's own restart marker is, of which
    /// the receiver may have less than was sent before it.
    offsets: BTreeSet<usize>,
    violation: Option<String>,
}

impl Framing {
    /// Of files with these contents.
    pub fn new(truth: Arc<[Contents]>) -> Self {
        Self { truth, ..Self::default() }
    }

    fn wrong(&mut self, why: String) {
        self.violation.get_or_insert(why);
    }

    fn decode(&mut self, key: Key, mut bytes: &[u8]) -> Result<(), String> {
        let Some(connection) = self.connections.get_mut(&key) else { return Ok(()) };
        while !bytes.is_empty() {
            let sent = connection.current.and_then(|index| self.sent.get_mut(index));
            let Some(sent) = sent.filter(|sent| !sent.ended) else {
                return Err(format!("{:?} writes {} bytes outside a file", key.0, bytes.len()));
            };
            let malformed = |error: mode::DecodeError| format!("{:?} sends {}: {error}", key.0, sent.name);
            match connection.decoder.decode(&mut bytes).map_err(malformed)? {
                Some(mode::Event::Data { bytes, .. }) => sent.payload.extend(bytes),
                Some(mode::Event::Run { byte, len, .. }) => sent.payload.extend_run(byte, len),
                Some(mode::Event::EndOfFile) => sent.ended = true,
                Some(mode::Event::EndOfRecord | mode::Event::Marker(_)) | None => {}
            }
        }
        // The end of a record and of the file, and what deflate mode's last byte stood for, may wait in the
        // decoder for nothing but to be told.
        if let Some(sent) = connection.current.and_then(|index| self.sent.get_mut(index)) {
            while !sent.ended
                && let Ok(Some(event)) = connection.decoder.decode(&mut bytes)
            {
                match event {
                    mode::Event::Data { bytes, .. } => sent.payload.extend(bytes),
                    event => sent.ended = event == mode::Event::EndOfFile,
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, key: Key, session: u64, name: &str, file: Option<FileId>, coding: Coding) {
        // A session sends one file at a time; a process that died has not said so.
        let busy = self.busy.entry((key.0, session)).or_default();
        for other in std::mem::replace(busy, BTreeSet::from([key])) {
            let connection = self.connections.get_mut(&other);
            if let Some(connection) = connection.filter(|connection| connection.session == session) {
                connection.current = None;
            }
        }
        let fresh = || Connection { session, coding, decoder: Decoder::new(coding), current: None };
        let connection = self.connections.entry(key).or_insert_with(fresh);
        if connection.coding != coding {
            *connection = fresh();
        }
        connection.current = Some(self.sent.len());
        connection.session = session;
        let contents = file.and_then(|file| self.truth.get(file.0 as usize));
        let expected = contents.and_then(|contents| contents.versions.first()).cloned().unwrap_or_default();
        let (name, payload) = (name.to_owned(), Payload::of(expected));
        self.sent.push(Sent { who: key.0, name, coding, payload, ended: false, done: false });
    }

    /// One line why a file on the wire is not the sender's.
    fn judge(sent: &Sent, source: &[u8]) -> Option<String> {
        let (who, name) = (sent.who, &sent.name);
        let marked =
            sent.coding.mode != TransmissionMode::Stream || sent.coding.structure == Structure::Record;
        let payload = sent.payload.bytes();
        if !source.starts_with(payload) {
            let same = same_bytes(source, payload);
            return Some(format!("{who:?} sends {name} with a wrong payload byte {same}"));
        }
        let whole = payload.len() == source.len();
        if sent.ended && !whole {
            let (found, wanted) = (payload.len(), source.len());
            return Some(format!("{who:?} ends {name} after {found} of {wanted} bytes"));
        }
        if sent.done && (!whole || marked && !sent.ended) {
            return Some(format!("{who:?} calls {name} sent without its end on the wire"));
        }
        None
    }
}

impl Oracle for Framing {
    fn name(&self) -> &'static str {
        "framing"
    }

    fn event(&mut self, heard: &Heard<'_>) {
        let (who, session) = (heard.who, heard.session);
        if let Some(Command::Rest(marker)) = &heard.command {
            // Our markers are offsets; what may stand behind one is its sender's own affair.
            let offset = marker.trim_end_matches(|c: char| !c.is_ascii_digit());
            self.offsets.extend(offset.parse::<usize>());
        }
        match *heard.event {
            // RFC 959 section 4.2: `MARK yyyy = mmmm`, the sender's marker and the receiver's.
            Event::Reply { code: 110, text } => {
                let sender = text.strip_prefix("MARK ").and_then(|marks| marks.split(' ').next());
                self.offsets.extend(sender.and_then(|offset| offset.parse::<usize>().ok()));
            }
            // A new connection may have the addresses of an old one.
            Event::DataOpens { local, peer } => {
                self.connections.remove(&(who, local, peer));
            }
            Event::SendBegins { name, local, peer, coding, .. } => {
                self.begin((who, local, peer), session, name, heard.file, coding);
            }
            Event::FileEnds { name, error, .. } => {
                let Some(busy) = self.busy.get_mut(&(who, session)) else { return };
                busy.retain(|key| {
                    let connection = self.connections.get_mut(key);
                    let connection = connection.filter(|connection| connection.session == session);
                    let Some(connection) = connection else { return false };
                    let Some(index) = connection.current else { return false };
                    if self.sent[index].name == name {
                        self.sent[index].done = error.is_none();
                        connection.current = None;
                    }
                    connection.current.is_some()
                });
            }
            _ => {}
        }
    }

    fn written(&mut self, who: Who, local: SocketAddr, peer: SocketAddr, bytes: &[u8]) {
        if let Err(why) = self.decode((who, local, peer), bytes) {
            self.wrong(why);
        }
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        // Other representations are not on the wire as in the store.
        if self.violation.is_none() && end.case.policy.representation == Representation::Image {
            let mut indices = BTreeMap::new();
            for (index, file) in end.case.files.iter().enumerate() {
                indices.entry(file.name.as_str()).or_insert(index);
            }
            self.violation = self.sent.iter().find_map(|sent| {
                let index = *indices.get(sent.name.trim_start_matches('/'))?;
                let versions = &end.truth[index].versions;
                let from = |source: &[u8]| {
                    let rests = self.offsets.iter().filter_map(|offset| source.get(*offset..));
                    rests.into_iter().any(|rest| Self::judge(sent, rest).is_none())
                };
                let resumed = versions.iter().any(|source| from(source));
                let whole = versions.iter().skip(1).any(|source| Self::judge(sent, source).is_none());
                Self::judge(sent, &versions[0]).filter(|_| !resumed && !whole)
            });
        }
        self.violation.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::heard::tests::heard;
    use crate::sim::names::FileNames;
    use crate::sim::oracle::tests::ended;
    use crate::sim::time::SimTime;

    const CODING: Coding = Coding { mode: TransmissionMode::Block, structure: Structure::File, filler: 0 };

    fn addresses() -> (SocketAddr, SocketAddr) {
        ("10.0.0.1:40000".parse().unwrap(), "10.0.0.2:40001".parse().unwrap())
    }

    /// What the oracle says of these bytes, sent as a file of three bytes.
    fn verdict(wire: &[u8], done: bool) -> Option<String> {
        let mut oracle = Framing::default();
        let (local, peer) = addresses();
        oracle.event(&heard(Who::Client, &Event::DataOpens { local, peer }));
        let begins = Event::SendBegins { name: "f", local, peer, wire_offset: 0, coding: CODING };
        oracle.event(&heard(Who::Client, &begins));
        oracle.written(Who::Client, local, peer, wire);
        let error = (!done).then_some("reset");
        oracle.event(&heard(Who::Client, &Event::FileEnds { name: "f", payload_bytes: 3, error }));
        oracle.violation.or_else(|| Framing::judge(&oracle.sent[0], b"abc"))
    }

    #[test]
    fn a_file_or_its_beginning_passes() {
        assert_eq!(verdict(b"\x40\x00\x03abc", true), None);
        assert_eq!(verdict(b"\x00\x00\x01a\x40\x00\x02bc", true), None);
        assert_eq!(verdict(b"\x40\x00\x03ab", false), None);
        assert_eq!(verdict(b"", false), None);
    }

    #[test]
    fn rest_is_remembered() {
        let mut oracle = Framing::default();
        oracle.event(&heard(Who::Client, &Event::Command { line: "REST 17" }));
        oracle.event(&heard(Who::Client, &Event::Command { line: "STOR 18" }));
        oracle.event(&heard(Who::Client, &Event::Reply { code: 110, text: "MARK 1000 = 12p" }));
        assert_eq!(oracle.offsets, [17, 1000].into());
    }

    #[test]
    fn what_is_not_the_file_is_found() {
        let found = |wire, done, why: &str| {
            let told = verdict(wire, done).unwrap_or_default();
            assert!(told.contains(why), "{told}");
        };
        found(b"\x40\x00\x03abd", true, "wrong payload byte 2");
        found(b"\x40\x00\x02ab", true, "ends f after 2 of 3 bytes");
        found(b"\x00\x00\x03abc", true, "without its end");
        found(b"\x40\x00\x03abcx", true, "outside a file");
        found(b"\x07\x00\x03abc", true, "expected a descriptor");
    }

    /// A sender with connections to one peer, the number of each in its port.
    #[derive(Default)]
    struct Sender(Framing);

    impl Sender {
        fn tell(&mut self, session: u64, event: &Event<'_>) {
            let names = FileNames::new(["f".to_owned()]);
            self.0.event(&Heard::new(SimTime::default(), Who::Client, session, event, &names));
        }

        fn between(port: u16) -> (SocketAddr, SocketAddr) {
            let (mut local, peer) = addresses();
            local.set_port(port);
            (local, peer)
        }

        fn opens(&mut self, port: u16) {
            let (local, peer) = Self::between(port);
            self.tell(1, &Event::DataOpens { local, peer });
        }

        fn sends(&mut self, session: u64, port: u16, name: &str, coding: Coding, wire: &[u8]) {
            let (local, peer) = Self::between(port);
            self.tell(session, &Event::SendBegins { name, local, peer, wire_offset: 0, coding });
            self.writes(port, wire);
        }

        fn writes(&mut self, port: u16, wire: &[u8]) {
            let (local, peer) = Self::between(port);
            self.0.written(Who::Client, local, peer, wire);
        }

        fn ends(&mut self, name: &str, error: Option<&str>) {
            self.tell(1, &Event::FileEnds { name, payload_bytes: 3, error });
        }

        fn payloads(&self) -> Vec<&[u8]> {
            self.0.sent.iter().map(|sent| sent.payload.bytes()).collect()
        }
    }

    #[test]
    fn a_new_connection_with_the_addresses_of_an_old_one_is_read_from_its_beginning() {
        let mut sender = Sender::default();
        sender.opens(1);
        sender.sends(1, 1, "f", CODING, b"\x40\x00\x03a");
        sender.ends("f", Some("reset"));
        sender.opens(1);
        sender.sends(1, 1, "f", CODING, b"\x40\x00\x03abc");
        assert_eq!(sender.payloads(), [&b"a"[..], b"abc"]);
        assert_eq!(sender.0.violation, None);
    }

    #[test]
    fn a_file_on_a_kept_connection_is_read_in_the_mode_it_was_announced_in() {
        let mut sender = Sender::default();
        sender.opens(1);
        sender.sends(1, 1, "f", CODING, b"\x40\x00\x03abc");
        sender.ends("f", None);
        let compressed = Coding { mode: TransmissionMode::Compressed, ..CODING };
        sender.sends(1, 1, "g", compressed, b"\x83a\x00\x40\xC0");
        assert_eq!(sender.payloads(), [&b"abc"[..], b"aaa"]);
        assert_eq!(sender.0.violation, None);
    }

    #[test]
    fn a_session_that_begins_another_file_writes_no_more_of_the_first() {
        let mut sender = Sender::default();
        sender.opens(1);
        sender.opens(2);
        sender.sends(1, 1, "f", CODING, b"\x00\x00\x01a");
        sender.sends(1, 2, "g", CODING, b"\x00\x00\x01b");
        assert_eq!(sender.0.violation, None);
        sender.writes(1, b"\x00\x00\x01a");
        assert!(sender.0.violation.unwrap().contains("outside a file"));

        // But the connection may be another session's by now.
        let mut sender = Sender::default();
        sender.opens(1);
        sender.opens(2);
        sender.sends(1, 1, "f", CODING, b"");
        sender.sends(2, 1, "f", CODING, b"\x00\x00\x01a");
        sender.sends(1, 2, "g", CODING, b"\x00\x00\x01b");
        sender.writes(1, b"\x40\x00\x02bc");
        assert_eq!(sender.0.violation, None);
        assert_eq!(sender.payloads(), [&b""[..], b"abc", b"b"]);
    }

    /// What is concluded of the first file of a case, sent with this behind the whole of it.
    fn concluded(representation: Representation, behind: &[u8], more: &[u8]) -> Option<String> {
        let mut end = ended();
        end.case.policy.representation = representation;
        let name = end.case.files[0].name.clone();
        let stream = Coding { mode: TransmissionMode::Stream, ..CODING };
        let mut sender = Sender::default();
        sender.opens(1);
        sender.sends(1, 1, &name, stream, &[&end.truth[0].versions[0], behind].concat());
        sender.ends(&name, None);
        sender.writes(1, more);
        sender.0.conclude(&end.borrow())
    }

    #[test]
    fn what_was_sent_is_held_against_the_file_where_it_goes_as_it_is() {
        let image = |behind, more| concluded(Representation::Image, behind, more);
        assert_eq!(image(b"", b""), None);
        assert!(image(b"x", b"").unwrap().contains("wrong payload byte"));
        assert!(image(b"", b"x").unwrap().contains("outside a file"));
        assert_eq!(concluded(Representation::Ascii, b"x", b""), None);
        assert!(concluded(Representation::Ascii, b"x", b"x").unwrap().contains("outside a file"));
    }
}
