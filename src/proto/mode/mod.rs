//! Transmission modes (RFC 959 section 3.4) as incremental codecs without I/O.
//!
//! An [`Encoder`] turns pieces of payload into wire bytes, a [`Decoder`] turns any split of wire
//! bytes into [`Event`]s. Both live as long as their data connection: in block and compressed mode
//! several files follow one another on it, and the codec is ready for the next one after
//! [`Event::EndOfFile`].

use serde::{Deserialize, Serialize};

/// RFC 959 section 5.3.1, MODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransmissionMode {
    Stream,
    Block,
    Compressed,
}

/// RFC 959 section 5.3.1, STRU (page structure is not supported).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Structure {
    File,
    Record,
}

/// What ends together with a piece of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    pub record: bool,
    pub file: bool,
}

/// Where an encoder puts its wire bytes; `payload` is handed through without a copy.
pub trait Output<'p> {
    /// A few bytes of framing, copied.
    fn framing(&mut self, bytes: &[u8]);
    /// Payload as it is, borrowed.
    fn payload(&mut self, bytes: &'p [u8]);
}

/// What a decoder found. `suspect` says that the sender marked the bytes as doubtful (block and
/// compressed mode descriptor 32).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    Data {
        bytes: &'a [u8],
        suspect: bool,
    },
    /// `len` times `byte` (a replicated or filler string of compressed mode).
    Run {
        byte: u8,
        len: usize,
        suspect: bool,
    },
    EndOfRecord,
    EndOfFile,
    /// A restart marker's text (RFC 959 section 3.5).
    Marker(Box<[u8]>),
}

/// What the end of the data connection means for the file under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The end of file was marked in-band (or no file had begun).
    Complete,
    /// Stream mode, file structure: the close *is* the end of file; nothing more can be known.
    Closed,
    /// The connection ended inside a file.
    Truncated,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{mode:?} mode, byte {offset}: found {found}, expected {expected}")]
pub struct DecodeError {
    pub mode: TransmissionMode,
    /// Offset in the bytes of this data connection.
    pub offset: u64,
    pub found: String,
    pub expected: &'static str,
}

/// What both ends agreed on by MODE, STRU and TYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    pub mode: TransmissionMode,
    pub structure: Structure,
    /// The filler byte of compressed mode: space for TYPE A (0x20) and E (0x40), zero for I and L.
    pub filler: u8,
}

pub struct Encoder;
impl Encoder {
    pub fn new(_coding: Coding) -> Self {
        todo!()
    }
    /// Encodes one piece. With `end.file` the encoder is ready for the next file afterwards.
    pub fn encode<'p>(&mut self, _piece: &'p [u8], _end: End, _out: &mut impl Output<'p>) {
        todo!()
    }
    /// A restart marker (block and compressed mode only).
    pub fn marker<'p>(&mut self, _text: &[u8], _out: &mut impl Output<'p>) {
        todo!()
    }
}

pub struct Decoder;
impl Decoder {
    pub fn new(_coding: Coding) -> Self {
        todo!()
    }
    /// Takes a prefix off `input` and says what it was; `None` when more input is needed (`input`
    /// is empty then).
    pub fn decode<'a>(&mut self, _input: &mut &'a [u8]) -> Result<Option<Event<'a>>, DecodeError> {
        todo!()
    }
    /// The data connection has ended.
    pub fn finish(&mut self) -> Finish {
        todo!()
    }
}
