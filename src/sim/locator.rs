//! Where on the wire a fault strikes: the sender's bytes are decoded as it writes them, one at a
//! time, until the planned payload byte, or its header, would come out.

use super::fault::Trigger;
use super::tls::Record;
use ftp_proto::mode::{Coding, DecodeError, Decoder, Event, Structure, TransmissionMode};

/// RFC 959 section 3.4.2, descriptor codes; those of compressed mode are the same.
const END_OF_FILE: u8 = 64;
const RESTART_MARKER: u8 = 16;

/// Finds the wire byte of a trigger: the largest number of wire bytes that may pass.
pub(super) struct Locator {
    decoder: Decoder,
    headers: Headers,
    trigger: Trigger,
    /// As the file's type sends it.
    sent_bytes: u64,
    /// Where the next byte to be fed stands in the stream.
    offset: u64,
    payload_bytes: u64,
    lines: u32,
    /// No byte of the wire brings more; unknown where the wire's bits are shared.
    most_payload_per_byte: Option<u64>,
    found: Option<u64>,
}

impl Locator {
    /// `sent_bytes`: the file's size as its type sends it; `wire_offset`: bytes written on the connection before
    /// the file's first. A trigger that is a moment is at the next byte.
    pub(super) fn new(coding: Coding, trigger: Trigger, sent_bytes: u64, wire_offset: u64) -> Self {
        let at_once = trigger == Trigger::BeforeFirstByte
            || trigger == Trigger::AfterLine(0)
            || trigger.is_moment()
            || (trigger == Trigger::AfterLastByte && sent_bytes == 0);
        Self {
            decoder: Decoder::new(coding),
            headers: Headers::new(coding),
            trigger,
            sent_bytes,
            offset: wire_offset,
            payload_bytes: 0,
            lines: 0,
            most_payload_per_byte: match coding.mode {
                TransmissionMode::Stream | TransmissionMode::Block => Some(1),
                // RFC 959 section 3.4.3: a string that one byte stands for, or the last of two.
                TransmissionMode::Compressed => Some(63),
                TransmissionMode::Deflate => None,
            },
            found: at_once.then_some(wire_offset),
        }
    }

    /// The stream offset that is the first not to pass, once it is known.
    pub(super) fn found(&self) -> Option<u64> {
        self.found
    }

    /// Feeds what the sender writes next, beginning at stream offset `offset`; bytes known already
    /// are passed over. What is found lies in these bytes or at their end.
    pub(super) fn feed(&mut self, offset: u64, bytes: &[u8]) -> Result<Option<u64>, DecodeError> {
        let known = usize::try_from(self.offset.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = bytes.get(known..).unwrap_or_default();
        while let (None, [byte, rest @ ..]) = (self.found, bytes) {
            let before = usize::try_from(self.bytes_before()).unwrap_or(usize::MAX).min(bytes.len());
            if before > 1 {
                self.offset += before as u64;
                self.payload_bytes += payload_of(&mut self.decoder, &bytes[..before])?.bytes;
                bytes = &bytes[before..];
                continue;
            }
            bytes = rest;
            self.step(*byte, self.offset + 1)?;
            // The header may have begun in bytes that have passed.
            self.found = self.found.map(|found| found.max(offset));
        }
        Ok(self.found)
    }

    /// So many bytes can be fed at once, as what is looked for cannot come out of them.
    fn bytes_before(&self) -> u64 {
        let last = match self.trigger {
            Trigger::PayloadByte(byte) => byte,
            Trigger::AfterLastByte => self.sent_bytes.saturating_sub(1),
            _ => return 0,
        };
        match self.most_payload_per_byte {
            Some(most) => last.saturating_sub(self.payload_bytes) / most,
            None => 0,
        }
    }

    /// Feeds the next record of TLS. A byte in it has passed when all of it has.
    pub(super) fn feed_record(&mut self, record: &Record) -> Result<Option<u64>, DecodeError> {
        self.offset = record.data_begin;
        for byte in record.data.iter() {
            if self.found.is_some() {
                break;
            }
            self.step(*byte, record.end)?;
            self.found = self.found.map(|found| found.max(record.begin));
        }
        self.offset = record.end;
        Ok(self.found)
    }

    /// `passed`: the stream offset at which the byte has passed.
    fn step(&mut self, byte: u8, passed: u64) -> Result<(), DecodeError> {
        let header = self.headers.feed(byte);
        self.offset += 1;
        let before = self.payload_bytes;
        let payload = payload_of(&mut self.decoder, &[byte])?;
        self.payload_bytes += payload.bytes;
        self.lines += payload.lines;
        self.found = match self.trigger {
            Trigger::PayloadByte(byte) if self.payload_bytes > byte => Some(self.offset - 1),
            Trigger::AfterLastByte if self.payload_bytes >= self.sent_bytes => Some(passed),
            Trigger::AfterLine(line) if self.lines >= line => Some(passed),
            Trigger::InsideHeader(byte) => header.and_then(|header| header.torn(before, byte, self.offset)),
            Trigger::AfterHeader(byte) => header.and_then(|header| header.passed(before, byte, self.offset)),
            _ => None,
        };
        Ok(())
    }
}

#[derive(Clone, Copy, Default)]
struct Payload {
    bytes: u64,
    /// How many ends of line are among them.
    lines: u32,
}

fn payload_of(decoder: &mut Decoder, mut input: &[u8]) -> Result<Payload, DecodeError> {
    let mut payload = Payload::default();
    while let Some(event) = decoder.decode(&mut input)? {
        let (bytes, lines) = match event {
            Event::Data { bytes, .. } => (bytes.len(), bytes.iter().filter(|byte| **byte == b'\n').count()),
            Event::Run { byte, len, .. } => (len, if byte == b'\n' { len } else { 0 }),
            Event::EndOfRecord | Event::EndOfFile | Event::Marker(_) => (0, 0),
        };
        payload.bytes += bytes as u64;
        payload.lines += lines as u32;
    }
    Ok(payload)
}

/// A header whose extent is known with the byte just fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// How many bytes of it have been fed.
    fed: u64,
    /// It has two bytes or more.
    long: bool,
    /// How many payload bytes it governs.
    governs: u64,
    /// They follow it on the wire.
    followed: bool,
    ends_file: bool,
}

impl Header {
    /// Where to tear it, if it governs payload byte `byte` or a later one; `before` payload bytes
    /// lie before it, `offset` is the stream offset after its last byte fed.
    fn torn(self, before: u64, byte: u64, offset: u64) -> Option<u64> {
        let governs = before + self.governs > byte || self.ends_file;
        (self.long && governs).then_some(offset - self.fed + 1)
    }

    /// Where it ends, if the byte is in the string behind it.
    fn passed(self, before: u64, byte: u64, offset: u64) -> Option<u64> {
        (self.followed && before + self.governs > byte).then_some(offset)
    }
}

/// Tells headers from what they govern (RFC 959 section 3.4).
enum Headers {
    /// Stream mode with file structure; deflate mode, where bits of many payload bytes share a wire byte.
    None,
    /// Stream mode with record structure: an escape's first byte has been fed.
    Escapes {
        escaped: bool,
    },
    Block {
        header: Vec<u8>,
        left: u64,
    },
    Compressed {
        state: Compressed,
        marker: bool,
    },
}

#[derive(Clone, Copy)]
enum Compressed {
    Between,
    Literal(u64),
    /// The byte to replicate comes.
    Replicated,
    /// The descriptor comes.
    Escape,
}

impl Headers {
    fn new(coding: Coding) -> Self {
        match (coding.mode, coding.structure) {
            (TransmissionMode::Stream, Structure::File) | (TransmissionMode::Deflate, _) => Self::None,
            (TransmissionMode::Stream, Structure::Record) => Self::Escapes { escaped: false },
            (TransmissionMode::Block, _) => Self::Block { header: Vec::new(), left: 0 },
            (TransmissionMode::Compressed, _) => {
                Self::Compressed { state: Compressed::Between, marker: false }
            }
        }
    }

    fn feed(&mut self, byte: u8) -> Option<Header> {
        match self {
            Self::None => None,
            Self::Escapes { escaped } => {
                *escaped = !*escaped && byte == 0xFF;
                // Data escaped or a mark: either way the next byte belongs to it.
                escaped.then_some(Header {
                    fed: 1,
                    long: true,
                    governs: 1,
                    followed: false,
                    ends_file: false,
                })
            }
            Self::Block { header, left } => block(header, left, byte),
            Self::Compressed { state, marker } => compressed(state, marker, byte),
        }
    }
}

fn block(header: &mut Vec<u8>, left: &mut u64, byte: u8) -> Option<Header> {
    if *left > 0 {
        *left -= 1;
        return None;
    }
    header.push(byte);
    let [descriptor, high, low] = header[..] else { return None };
    header.clear();
    *left = u64::from(u16::from_be_bytes([high, low]));
    let governs = if descriptor & RESTART_MARKER == 0 { *left } else { 0 };
    let ends_file = descriptor & END_OF_FILE != 0;
    Some(Header { fed: 3, long: true, governs, followed: governs > 0, ends_file })
}

fn compressed(state: &mut Compressed, marker: &mut bool, byte: u8) -> Option<Header> {
    let length = u64::from(byte & 0x3F);
    let payload = |count: u64, marker: &mut bool| if std::mem::take(marker) { 0 } else { count };
    match *state {
        Compressed::Literal(left) => {
            *state = if left > 1 { Compressed::Literal(left - 1) } else { Compressed::Between };
            None
        }
        Compressed::Replicated => {
            *state = Compressed::Between;
            None
        }
        Compressed::Escape => {
            *state = Compressed::Between;
            *marker = byte & RESTART_MARKER != 0;
            let ends_file = byte & END_OF_FILE != 0;
            Some(Header { fed: 2, long: true, governs: 0, followed: false, ends_file })
        }
        Compressed::Between => match byte {
            0 => {
                *state = Compressed::Escape;
                None
            }
            1..=0x7F => {
                *state = Compressed::Literal(byte.into());
                let governs = payload(byte.into(), marker);
                Some(Header { fed: 1, long: false, governs, followed: governs > 0, ends_file: false })
            }
            0x80..=0xBF => {
                *state = Compressed::Replicated;
                let governs = payload(length, marker);
                Some(Header { fed: 1, long: true, governs, followed: governs > 0, ends_file: false })
            }
            0xC0.. => {
                let governs = payload(length, marker);
                Some(Header { fed: 1, long: false, governs, followed: false, ends_file: false })
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Structure = Structure::File;

    /// How many of the wire bytes of a file of `size` bytes pass; fed at once and byte by byte.
    fn passes(
        mode: TransmissionMode,
        structure: Structure,
        wire: &[u8],
        size: u64,
        trigger: Trigger,
    ) -> Option<u64> {
        let coding = Coding { mode, structure, filler: 0 };
        let mut whole = Locator::new(coding, trigger, size, 1_000);
        whole.feed(1_000, wire).unwrap();
        let mut single = Locator::new(coding, trigger, size, 1_000);
        for (index, byte) in wire.iter().enumerate() {
            // What was not taken comes again.
            single.feed(1_000 + index as u64, &[*byte]).unwrap();
            single.feed(1_000 + index as u64, &[*byte]).unwrap();
        }
        if !matches!(trigger, Trigger::InsideHeader(_)) {
            assert_eq!(whole.found(), single.found(), "{trigger:?}");
        }
        whole.found().map(|found| found - 1_000)
    }

    #[test]
    fn payload_bytes_in_every_mode() {
        use TransmissionMode::{Block, Compressed, Stream};
        let cases: [(TransmissionMode, Structure, &[u8], [u64; 4]); 4] = [
            (Stream, FILE, b"abc", [0, 0, 1, 3]),
            (Stream, Structure::Record, b"a\xff\xffc\xff\x02", [0, 0, 2, 4]),
            (Block, FILE, b"\x00\x00\x01a\x40\x00\x02bc", [0, 3, 7, 9]),
            (Compressed, FILE, b"\x01a\x82b\x00\x40\xc0", [0, 1, 3, 4]),
        ];
        for (mode, structure, wire, expected) in cases {
            let triggers = [
                Trigger::BeforeFirstByte,
                Trigger::PayloadByte(0),
                Trigger::PayloadByte(1),
                Trigger::AfterLastByte,
            ];
            for (trigger, expected) in triggers.into_iter().zip(expected) {
                assert_eq!(passes(mode, structure, wire, 3, trigger), Some(expected), "{mode:?} {trigger:?}");
            }
        }
    }

    #[test]
    fn a_header_is_torn_after_its_first_byte() {
        use TransmissionMode::{Block, Compressed, Stream};
        let inside = |mode, structure, wire: &[u8], byte| {
            passes(mode, structure, wire, 3, Trigger::InsideHeader(byte))
        };
        let block = b"\x00\x00\x01a\x40\x00\x02bc";
        assert_eq!(inside(Block, FILE, block, 0), Some(1));
        assert_eq!(inside(Block, FILE, block, 1), Some(5));
        assert_eq!(inside(Block, FILE, b"\x40\x00\x00", 0), Some(1), "an empty file has a header, too");
        let compressed = b"\x01a\x82b\x00\x40\xc0";
        assert_eq!(inside(Compressed, FILE, compressed, 0), Some(3), "a literal's has but one byte");
        assert_eq!(inside(Compressed, FILE, compressed, 2), Some(3));
        assert_eq!(inside(Compressed, FILE, b"\x03abc\x00\x40\xc0", 1), Some(5));
        let record = b"a\xff\xffc\xff\x02";
        assert_eq!(inside(Stream, Structure::Record, record, 1), Some(2));
        assert_eq!(inside(Stream, Structure::Record, record, 2), Some(5));
        assert_eq!(inside(Stream, FILE, b"abc", 1), None);
    }

    #[test]
    fn a_header_passes_and_its_string_does_not() {
        use TransmissionMode::{Block, Compressed, Stream};
        let after = |mode, wire: &[u8], byte| passes(mode, FILE, wire, 3, Trigger::AfterHeader(byte));
        let block = b"\x00\x00\x01a\x40\x00\x02bc";
        assert_eq!(after(Block, block, 0), Some(3));
        assert_eq!(after(Block, block, 2), Some(7));
        assert_eq!(after(Block, b"\x40\x00\x00", 0), None);
        let compressed = b"\x01a\x82b\x00\x40\xc0";
        assert_eq!(after(Compressed, compressed, 0), Some(1));
        assert_eq!(after(Compressed, compressed, 1), Some(3));
        assert_eq!(after(Stream, b"abc", 1), None);
    }

    #[test]
    fn lines_pass_whole_in_every_mode() {
        use TransmissionMode::{Block, Compressed, Stream};
        let after = |mode, wire: &[u8], line| passes(mode, FILE, wire, 7, Trigger::AfterLine(line));
        for (line, stream, block, compressed) in
            [(0, Some(0), Some(0), Some(0)), (1, Some(3), Some(6), Some(4)), (3, Some(7), Some(13), Some(9))]
        {
            assert_eq!(after(Stream, b"a\r\nb\r\n\n", line), stream);
            assert_eq!(after(Block, b"\x00\x00\x04a\r\nb\x40\x00\x03\r\n\n", line), block);
            assert_eq!(
                after(Compressed, b"\x05a\r\nb\r\x82\n\x00\x40\xc0", line),
                compressed.map(|at| at - u64::from(line == 3))
            );
        }
        assert_eq!(after(Stream, b"a\r\nb", 2), None);
    }

    #[test]
    fn restart_markers_are_no_payload() {
        let block = b"\x10\x00\x031:2\x40\x00\x03abc";
        let after = |mode, wire: &[u8]| passes(mode, FILE, wire, 3, Trigger::AfterHeader(0));
        assert_eq!(after(TransmissionMode::Block, block), Some(9));
        let compressed = b"\x00\x10\x031:2\x03abc\x00\x40\xc0";
        assert_eq!(after(TransmissionMode::Compressed, compressed), Some(7));
    }

    proptest::proptest! {
        /// However the wire is split, the place is the one that is found byte by byte.
        #[test]
        fn bytes_at_once_find_what_single_bytes_find(
            files in (proptest::collection::vec(0..4u8, 0..3_000), 0..6u8),
            trigger in (0..3_200u64, proptest::bool::ANY),
            pieces in proptest::collection::vec(1..900usize, 1..40),
        ) {
            use TransmissionMode::{Block, Compressed, Deflate, Stream};
            let (payload, coding) = files;
            let payload: Vec<u8> = payload.iter().map(|byte| [0xFF, 0, b'a', b'b'][usize::from(*byte)]).collect();
            let (mode, structure) = [
                (Stream, FILE),
                (Stream, Structure::Record),
                (Block, FILE),
                (Compressed, FILE),
                (Compressed, Structure::Record),
                (Deflate, FILE),
            ][usize::from(coding)];
            let coding = Coding { mode, structure, filler: 0 };
            let mut wire: Vec<u8> = Vec::new();
            let end = ftp_proto::mode::End { record: structure == Structure::Record, file: true };
            ftp_proto::mode::Encoder::new(coding).encode(&payload, end, &mut wire);
            let trigger = if trigger.1 { Trigger::PayloadByte(trigger.0) } else { Trigger::AfterLastByte };
            let mut single = Locator::new(coding, trigger, payload.len() as u64, 1_000);
            for (index, byte) in wire.iter().enumerate() {
                single.feed(1_000 + index as u64, &[*byte]).unwrap();
            }
            let mut split = Locator::new(coding, trigger, payload.len() as u64, 1_000);
            let (mut at, mut sizes) = (0, pieces.iter().cycle());
            while at < wire.len() {
                let end = wire.len().min(at + sizes.next().unwrap());
                split.feed(1_000 + at as u64, &wire[at..end]).unwrap();
                at = end;
            }
            proptest::prop_assert_eq!(split.found(), single.found());
            proptest::prop_assert!(split.found().is_some() || trigger != Trigger::AfterLastByte);
        }
    }
}
