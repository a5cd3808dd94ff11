//! Sinks and drivers that the tests share.

use ftp_proto::mode::*;

pub(crate) const SPACE: u8 = b' ';

pub(crate) fn coding(mode: TransmissionMode, structure: Structure) -> Coding {
    Coding { mode, structure, filler: SPACE }
}

pub(crate) const STREAM_F: (TransmissionMode, Structure) = (TransmissionMode::Stream, Structure::File);
pub(crate) const STREAM_R: (TransmissionMode, Structure) = (TransmissionMode::Stream, Structure::Record);
pub(crate) const BLOCK: (TransmissionMode, Structure) = (TransmissionMode::Block, Structure::Record);
pub(crate) const COMPRESSED: (TransmissionMode, Structure) =
    (TransmissionMode::Compressed, Structure::Record);

pub(crate) const DATA: End = End { record: false, file: false };
pub(crate) const RECORD: End = End { record: true, file: false };
pub(crate) const FILE: End = End { record: false, file: true };
pub(crate) const BOTH: End = End { record: true, file: true };

/// Wire bytes, and how many of them were handed over as payload.
#[derive(Default)]
pub(crate) struct Wire {
    pub bytes: Vec<u8>,
    pub payload_bytes: usize,
}

impl<'p> Output<'p> for Wire {
    fn framing(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty(), "framing of nothing");
        self.bytes.extend_from_slice(bytes);
    }
    fn payload(&mut self, bytes: &'p [u8]) {
        assert!(!bytes.is_empty(), "payload of nothing");
        self.payload_bytes += bytes.len();
        self.bytes.extend_from_slice(bytes);
    }
}

/// What a sender does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Piece(Vec<u8>, End),
    Marker(Vec<u8>),
}

pub(crate) fn piece(bytes: &[u8], end: End) -> Step {
    Step::Piece(bytes.to_vec(), end)
}

pub(crate) fn encode(coding: Coding, steps: &[Step]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding);
    let mut wire = Wire::default();
    for step in steps {
        match step {
            Step::Piece(bytes, end) => encoder.encode(bytes, *end, &mut wire),
            Step::Marker(text) => encoder.marker(text, &mut wire),
        }
    }
    wire.bytes
}

/// Events with their data joined: what does not depend on the split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Data(Vec<u8>, bool),
    EndOfRecord,
    EndOfFile,
    Marker(Vec<u8>),
}

pub(crate) fn see(seen: &mut Vec<Seen>, event: Event<'_>) {
    let (new, suspect) = match event {
        Event::Data { bytes, suspect } => {
            assert!(!bytes.is_empty(), "an event of no data");
            (bytes.to_vec(), suspect)
        }
        Event::Run { byte, len, suspect } => {
            assert!((1..=63).contains(&len), "a run of {len}");
            (vec![byte; len], suspect)
        }
        Event::EndOfRecord => return seen.push(Seen::EndOfRecord),
        Event::EndOfFile => return seen.push(Seen::EndOfFile),
        Event::Marker(text) => return seen.push(Seen::Marker(text.into())),
    };
    match seen.last_mut() {
        Some(Seen::Data(bytes, same)) if *same == suspect => bytes.extend(new),
        _ => seen.push(Seen::Data(new, suspect)),
    }
}

/// All that comes of wire bytes that arrive in these parts.
pub(crate) fn decode<'w>(
    coding: Coding,
    parts: impl IntoIterator<Item = &'w [u8]>,
) -> (Vec<Seen>, Result<Finish, DecodeError>) {
    let mut decoder = Decoder::new(coding);
    let mut seen = Vec::new();
    for mut part in parts {
        loop {
            match decoder.decode(&mut part) {
                Ok(Some(event)) => see(&mut seen, event),
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
            }
        }
        assert!(part.is_empty(), "asks for more with bytes left over");
    }
    (seen, Ok(decoder.finish()))
}
