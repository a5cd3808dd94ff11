//! Transmission modes (RFC 959 section 3.4) as incremental codecs without I/O.
//!
//! An [`Encoder`] turns pieces of payload into wire bytes, a [`Decoder`] turns any split of wire
//! bytes into [`Event`]s. Both live as long as their data connection: in block and compressed mode
//! several files follow one another on it, and the codec is ready for the next one after
//! [`Event::EndOfFile`]. To RFC 959's three modes comes deflate mode (draft-preston-ftpext-deflate-02).

mod block;
mod compressed;
mod deflate;
#[cfg(feature = "codec")]
pub mod framed;
mod runs;
mod simd;
mod stream;

pub use deflate::{DeflateLevel, MAX_EXPANSION, NoDeflateLevel};

/// RFC 959 section 5.3.1, MODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum TransmissionMode {
    /// S: bytes as they are; the close ends the file (RFC 959 section 3.4.1).
    Stream,
    /// B: blocks with a header that marks ends (section 3.4.2).
    Block,
    /// C: byte strings, runs shortened, ends marked (section 3.4.3).
    Compressed,
    /// Z: what stream mode would send, as a zlib stream, whose end is the file's
    /// (draft-preston-ftpext-deflate-02); the connection is closed after it, as in stream mode.
    Deflate,
}

impl TransmissionMode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Stream, Self::Block, Self::Compressed, Self::Deflate];

    /// As the command line and the columns call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Block => "block",
            Self::Compressed => "compressed",
            Self::Deflate => "deflate",
        }
    }

    /// Whether files are framed, so that the data connection outlives them (RFC 959 section 3.3) and
    /// restart markers can stand among their bytes (section 3.5). In the other modes each file has a data
    /// connection of its own, and a restart is at an offset (RFC 3659 section 5, and section 3.7 of the
    /// draft).
    pub fn is_framed(self) -> bool {
        match self {
            Self::Stream | Self::Deflate => false,
            Self::Block | Self::Compressed => true,
        }
    }
}

/// RFC 959 section 5.3.1, STRU (page structure is not supported).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Structure {
    /// F: bytes without inner structure.
    File,
    /// R: a sequence of records.
    Record,
}

/// What ends together with a piece of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// A record; with `file`, the last one.
    pub record: bool,
    /// The file.
    pub file: bool,
}

/// Where an encoder puts its wire bytes; `payload` is handed through without a copy. Neither is called
/// with nothing.
pub trait Output<'p> {
    /// A few bytes of framing, copied.
    fn framing(&mut self, bytes: &[u8]);
    /// Payload as it is, borrowed.
    fn payload(&mut self, bytes: &'p [u8]);
}

impl Output<'_> for Vec<u8> {
    fn framing(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    fn payload(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What a decoder found. `suspect` says that the sender marked the bytes as doubtful (block and
/// compressed mode descriptor 32).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Payload.
    Data {
        /// Borrowed from the input, or from the decoder where it made them (deflate mode).
        bytes: &'a [u8],
        /// The sender marked it as doubtful.
        suspect: bool,
    },
    /// `len` times `byte` (a replicated or filler string of compressed mode).
    Run {
        /// The byte that is repeated.
        byte: u8,
        /// How often.
        len: usize,
        /// The sender marked it as doubtful.
        suspect: bool,
    },
    /// The record that came before is whole.
    EndOfRecord,
    /// The file that came before is whole.
    EndOfFile,
    /// A restart marker's text (RFC 959 section 3.5).
    Marker(Box<[u8]>),
}

/// What the end of the data connection means for the file under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The end of file was marked in-band (or no file had begun, where the connection may be kept).
    Complete,
    /// Stream mode, file structure: the close *is* the end of file; nothing more can be known.
    Closed,
    /// The connection ended inside a file.
    Truncated,
}

/// A byte that the mode does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{mode:?} mode, byte {offset}: found {found}, expected {expected}")]
pub struct DecodeError {
    /// MODE.
    pub mode: TransmissionMode,
    /// Offset in the bytes of this data connection.
    pub offset: u64,
    /// What stood there, in words.
    pub found: String,
    /// What the mode asks for, in words.
    pub expected: &'static str,
}

/// What both ends agreed on by MODE, STRU and TYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// MODE.
    pub mode: TransmissionMode,
    /// STRU; decides whether ends of records are marked.
    pub structure: Structure,
    /// The filler byte of compressed mode: space for TYPE A (0x20) and E (0x40), zero for I and L.
    pub filler: u8,
}

/// Longest restart marker read or written, in both modes that have them: one byte string of
/// compressed mode.
pub const MAX_MARKER_BYTES: usize = 127;

/// With less room than this for data, [`Decoder::decode_into`] takes no more.
pub const FULL_BYTES: usize = 128;

/// Descriptor codes of block and compressed mode (RFC 959 section 3.4.2), combinable.
mod descriptor {
    pub(super) const END_OF_RECORD: u8 = 128;
    pub(super) const END_OF_FILE: u8 = 64;
    pub(super) const SUSPECT: u8 = 32;
    pub(super) const MARKER: u8 = 16;
    pub(super) const KNOWN: u8 = END_OF_RECORD | END_OF_FILE | SUSPECT | MARKER;

    pub(super) fn of(end: super::End) -> u8 {
        (u8::from(end.record) * END_OF_RECORD) | (u8::from(end.file) * END_OF_FILE)
    }

    pub(super) fn checked(byte: u8) -> Result<u8, super::Malformed> {
        if byte & !KNOWN == 0 {
            Ok(byte)
        } else {
            super::malformed(byte, "a descriptor of codes 128, 64, 32, 16")
        }
    }
}

/// Encodes pieces of payload. The wire form of a file depends on its pieces and on nothing else. But in
/// deflate mode nothing is held back: when a call returns, all of its piece is in the output.
///
/// Wire bytes beyond the payload:
/// - stream, structure F: none; `end` leaves no trace.
/// - stream, structure R: one for each 0xFF, two for each call with an end.
/// - block: three for each 65,535 bytes begun of a piece, three for an empty piece with an end.
/// - compressed: at most one for each 127 bytes begun of a piece, three for an end.
/// - deflate: where nothing can be compressed, five for each 16 KiB begun and eleven for the stream.
#[derive(Debug)]
pub struct Encoder {
    coding: Coding,
    level: DeflateLevel,
    /// Within a file of deflate mode: some hundred KiB.
    deflate: Option<Box<deflate::Encoder>>,
}

impl Encoder {
    /// At the start of a data connection.
    pub fn new(coding: Coding) -> Self {
        Self { coding, level: DeflateLevel::default(), deflate: None }
    }

    /// How files of deflate mode are compressed that begin from now on.
    pub fn set_level(&mut self, level: DeflateLevel) {
        self.level = level;
    }

    /// Encodes one piece. With `end.file` the encoder is ready for the next file afterwards.
    pub fn encode<'p>(&mut self, piece: &'p [u8], end: End, out: &mut impl Output<'p>) {
        match (self.coding.mode, self.coding.structure) {
            (TransmissionMode::Stream, Structure::File) if piece.is_empty() => {}
            (TransmissionMode::Stream, Structure::File) => out.payload(piece),
            (TransmissionMode::Stream, Structure::Record) => stream::encode(piece, end, out),
            (TransmissionMode::Block, _) => block::encode(piece, end, out),
            (TransmissionMode::Compressed, _) => compressed::encode(piece, end, self.coding.filler, out),
            (TransmissionMode::Deflate, _) => self.deflate(piece, end, out),
        }
    }

    // Kept apart, so that it costs the other modes nothing but a branch.
    #[cold]
    #[inline(never)]
    fn deflate<'p>(&mut self, piece: &'p [u8], end: End, out: &mut impl Output<'p>) {
        if piece.is_empty() && end == End::default() {
            return;
        }
        let level = self.level;
        let encoder = self.deflate.get_or_insert_with(|| Box::new(deflate::Encoder::new(level)));
        encoder.encode(piece, end, self.coding.structure, out);
        if end.file {
            self.deflate = None;
        }
    }

    /// A restart marker: 1 to [`MAX_MARKER_BYTES`] printable characters without space (RFC 959
    /// section 3.4.2). Stream and deflate mode have none, and write nothing.
    ///
    /// # Panics
    /// If `text` is none of these: [`is_marker`] tells.
    pub fn marker<'p>(&mut self, text: &[u8], out: &mut impl Output<'p>) {
        assert!(is_marker(text), "not a restart marker: {text:?}");
        match self.coding.mode {
            TransmissionMode::Stream | TransmissionMode::Deflate => {}
            TransmissionMode::Block => block::marker(text, out),
            TransmissionMode::Compressed => compressed::marker(text, out),
        }
    }
}

/// Whether [`Encoder::marker`] takes `text`.
pub fn is_marker(text: &[u8]) -> bool {
    (1..=MAX_MARKER_BYTES).contains(&text.len()) && text.iter().all(|&byte| marker_byte(byte))
}

/// Control characters would reach the control connection in a `110 MARK` reply, and space is not
/// allowed; bytes over 0x7F may be EBCDIC's letters.
fn marker_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7F
}

/// What a mode's decoder says of the byte that `input` begins with when it fails.
#[derive(Debug)]
struct Malformed {
    found: String,
    expected: &'static str,
}

fn malformed<T>(byte: u8, expected: &'static str) -> Result<T, Malformed> {
    Err(Malformed { found: format!("0x{byte:02X}"), expected })
}

/// Gathers a restart marker from the front of `input`, `left` bytes to go.
fn gather_marker(marker: &mut Vec<u8>, left: &mut usize, input: &mut &[u8]) -> Result<(), Malformed> {
    let take = input.len().min(*left);
    for _ in 0..take {
        let byte = input[0];
        if !marker_byte(byte) {
            return malformed(byte, "a printable character of a restart marker");
        }
        marker.push(byte);
        *input = &input[1..];
        *left -= 1;
    }
    Ok(())
}

/// Decodes any split of the wire bytes into the same events, except that a split may cut
/// [`Event::Data`] in two. Allocates for restart markers and errors only, and within a file of deflate
/// mode what inflating takes: less than 100 KiB, whatever comes.
#[derive(Debug)]
pub struct Decoder {
    mode: TransmissionMode,
    state: State,
    /// Wire bytes taken so far.
    offset: u64,
    /// Whether a byte has been taken since the last end of file.
    begun: bool,
}

#[derive(Debug)]
enum State {
    StreamFile,
    StreamRecord(stream::Decoder),
    Block(block::Decoder),
    Compressed(compressed::Decoder),
    Deflate(Box<deflate::Decoder>),
}

impl Decoder {
    /// At the start of a data connection.
    pub fn new(coding: Coding) -> Self {
        let state = match (coding.mode, coding.structure) {
            (TransmissionMode::Stream, Structure::File) => State::StreamFile,
            (TransmissionMode::Stream, Structure::Record) => State::StreamRecord(Default::default()),
            (TransmissionMode::Block, _) => State::Block(Default::default()),
            (TransmissionMode::Compressed, _) => State::Compressed(compressed::Decoder::new(coding.filler)),
            (TransmissionMode::Deflate, _) => State::Deflate(Box::new(deflate::Decoder::new(coding))),
        };
        Self { mode: coding.mode, state, offset: 0, begun: false }
    }

    /// Takes a prefix off `input` and says what it was; `None` when more input is needed (`input`
    /// is empty then). One input may hold several events, and the last may leave `input` empty:
    /// call until `None` or an end of file.
    ///
    /// # Errors
    /// A byte that the mode does not allow; it is the first of `input` then (in deflate mode, one of
    /// the last taken off it), and the decoder cannot go on.
    pub fn decode<'d, 'i: 'd>(&'d mut self, input: &mut &'i [u8]) -> Result<Option<Event<'d>>, DecodeError> {
        let before = input.len();
        let result = match &mut self.state {
            State::StreamFile => Ok(stream::decode_file(input)),
            State::StreamRecord(decoder) => decoder.decode(input),
            State::Block(decoder) => decoder.decode(input),
            State::Compressed(decoder) => decoder.decode(input),
            State::Deflate(decoder) => decoder.decode(input),
        };
        let taken = before - input.len();
        self.offset += taken as u64;
        self.begun |= taken > 0;
        match result {
            Ok(event) => {
                if event == Some(Event::EndOfFile) {
                    self.begun = false;
                }
                Ok(event)
            }
            Err(Malformed { found, expected }) => {
                Err(DecodeError { mode: self.mode, offset: self.offset, found, expected })
            }
        }
    }

    /// Like [`Self::decode`], but gathers data in `data` from `filled` on, and only returns when
    /// there is something else to tell: faster than an event for each of compressed mode's short
    /// strings. `None` when `input` is empty and all is told, or else when `data` is full, that is,
    /// has fewer than [`FULL_BYTES`] left: empty it and call again. The suspect flag is not told.
    ///
    /// # Errors
    /// As [`Self::decode`]; `data` holds what came before.
    pub fn decode_into(
        &mut self,
        input: &mut &[u8],
        data: &mut [u8],
        filled: &mut usize,
    ) -> Result<Option<Event<'static>>, DecodeError> {
        while data.len() - *filled >= FULL_BYTES {
            let before = input.len();
            match &mut self.state {
                State::StreamFile | State::Block(_) => {}
                State::Deflate(_) => return self.inflate_into(input, data, filled),
                State::StreamRecord(decoder) => decoder.decode_data(input, data, filled),
                State::Compressed(decoder) => decoder.decode_strings(input, data, filled),
            }
            let taken = before - input.len();
            self.offset += taken as u64;
            self.begun |= taken > 0;
            if data.len() - *filled < FULL_BYTES {
                break;
            }
            // The part has no more wire bytes than there is room for data.
            let (mut part, rest) = input.split_at(input.len().min(data.len() - *filled));
            let event = self.decode(&mut part);
            *input = &input[input.len() - rest.len() - part.len()..];
            let free = &mut data[*filled..];
            match event? {
                Some(Event::Data { bytes, .. }) => {
                    free[..bytes.len()].copy_from_slice(bytes);
                    *filled += bytes.len();
                }
                Some(Event::Run { byte, len, .. }) => {
                    free[..len].fill(byte);
                    *filled += len;
                }
                Some(Event::EndOfRecord) => return Ok(Some(Event::EndOfRecord)),
                Some(Event::EndOfFile) => return Ok(Some(Event::EndOfFile)),
                Some(Event::Marker(text)) => return Ok(Some(Event::Marker(text))),
                None if rest.is_empty() => break,
                // The part held only headers.
                None => {}
            }
        }
        Ok(None)
    }

    /// [`Self::decode_into`] of deflate mode.
    fn inflate_into(
        &mut self,
        input: &mut &[u8],
        data: &mut [u8],
        filled: &mut usize,
    ) -> Result<Option<Event<'static>>, DecodeError> {
        let State::Deflate(decoder) = &mut self.state else { return Ok(None) };
        let before = input.len();
        let result = decoder.decode_into(input, data, filled);
        self.offset += (before - input.len()) as u64;
        result.map_err(|Malformed { found, expected }| DecodeError {
            mode: self.mode,
            offset: self.offset,
            found,
            expected,
        })
    }

    /// The data connection has ended.
    pub fn finish(&mut self) -> Finish {
        match &self.state {
            State::StreamFile => Finish::Closed,
            // An empty file has a stream, too.
            State::Deflate(decoder) => decoder.finish(),
            _ if self.begun => Finish::Truncated,
            _ => Finish::Complete,
        }
    }
}
