//! The modes as [`tokio_util::codec`], for whoever frames a connection with them.

use super::{Coding, DecodeError, Decoder, Encoder, End, Event, Finish, Output, TransmissionMode};
use bytes::{Bytes, BytesMut};
use std::io;

/// Something to send: payload, and what ends with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Payload; may be empty.
    pub bytes: Bytes,
    /// What ends with it.
    pub end: End,
}

/// A restart marker to send; see [`Encoder::marker`] for what it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker(pub Bytes);

/// An [`Event`] that owns its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Payload.
    Data {
        /// Payload, as it came.
        bytes: Bytes,
        /// The sender marked it as doubtful.
        suspect: bool,
    },
    /// `len` times `byte`.
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

/// Why a connection cannot be framed or read further.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer does not speak this mode.
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    /// The connection ended inside a file.
    #[error("connection closed before the end of file")]
    Truncated,
    /// Not a restart marker: see [`Encoder::marker`].
    #[error("not a restart marker")]
    BadMarker,
}

/// Both directions of a data connection in one mode. In stream mode with structure F the end of
/// the stream of frames is the end of the file; in all others [`Frame::EndOfFile`] is, and a
/// connection that ends without it is [`CodecError::Truncated`].
#[derive(Debug)]
pub struct ModeCodec {
    encoder: Encoder,
    decoder: Decoder,
    /// Data stands in the decoder, not in the input.
    inflates: bool,
    /// [`CodecError::Truncated`] has been told.
    truncated: bool,
}

impl ModeCodec {
    /// At the start of a data connection.
    pub fn new(coding: Coding) -> Self {
        Self {
            encoder: Encoder::new(coding),
            decoder: Decoder::new(coding),
            inflates: coding.mode == TransmissionMode::Deflate,
            truncated: false,
        }
    }
}

impl Output<'_> for BytesMut {
    fn framing(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    fn payload(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl tokio_util::codec::Encoder<Piece> for ModeCodec {
    type Error = CodecError;

    fn encode(&mut self, piece: Piece, wire: &mut BytesMut) -> Result<(), CodecError> {
        self.encoder.encode(&piece.bytes, piece.end, wire);
        Ok(())
    }
}

impl tokio_util::codec::Encoder<Marker> for ModeCodec {
    type Error = CodecError;

    fn encode(&mut self, Marker(text): Marker, wire: &mut BytesMut) -> Result<(), CodecError> {
        if !super::is_marker(&text) {
            return Err(CodecError::BadMarker);
        }
        self.encoder.marker(&text, wire);
        Ok(())
    }
}

impl tokio_util::codec::Decoder for ModeCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, wire: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        let mut rest = &wire[..];
        let event = self.decoder.decode(&mut rest)?;
        let taken = wire.len() - rest.len();
        let frame = match event {
            Some(Event::Data { bytes, suspect }) if self.inflates => {
                Some(Frame::Data { bytes: Bytes::copy_from_slice(bytes), suspect })
            }
            Some(Event::Data { bytes, suspect }) => {
                // This is where the data stands in the buffer, so that it is split off and not copied.
                let from = bytes.as_ptr() as usize - wire.as_ptr() as usize;
                let len = bytes.len();
                let bytes = wire.split_to(taken).freeze().slice(from..from + len);
                return Ok(Some(Frame::Data { bytes, suspect }));
            }
            Some(Event::Run { byte, len, suspect }) => Some(Frame::Run { byte, len, suspect }),
            Some(Event::EndOfRecord) => Some(Frame::EndOfRecord),
            Some(Event::EndOfFile) => Some(Frame::EndOfFile),
            Some(Event::Marker(text)) => Some(Frame::Marker(text)),
            None => None,
        };
        bytes::Buf::advance(wire, taken);
        Ok(frame)
    }

    fn decode_eof(&mut self, wire: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        let frame = self.decode(wire)?;
        if frame.is_none() && !self.truncated && self.decoder.finish() == Finish::Truncated {
            self.truncated = true;
            return Err(CodecError::Truncated);
        }
        Ok(frame)
    }
}
