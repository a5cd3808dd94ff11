//! A data connection carrying files: the same code sends and receives in client and server.
//!
//! In block and compressed mode the connection outlives its file (RFC 959 section 3.3), and so
//! does this value, with its codecs and the bytes read ahead.

use crate::net::{Net, Stream};
use crate::observe::{Event as Seen, Watch};
use crate::proto::mode::{
    Coding, DecodeError, Decoder, Encoder, End, Event, Finish, Output, TransmissionMode,
};
use crate::store::{ReadFile, StoreError, WriteFile};
use bytes::{Buf, BytesMut};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

pub mod ascii;

/// Payload read from the store and encoded at a time; a block of block mode is at most one short.
const PIECE_BYTES: usize = 65_535;
/// Wire bytes read from the connection at a time.
const READ_BYTES: usize = 64 * 1024;
/// Payload shorter than this is copied: a slice more in the vectored write costs more than that
/// (the byte strings of compressed mode have up to 127 bytes).
const MIN_BORROWED_BYTES: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The data connection failed (reset, broken pipe ...).
    #[error("data connection: {0}")]
    Connection(io::Error),
    /// The data connection closed before the mode's end of file.
    #[error("data connection closed before the end of file")]
    Truncated,
    /// Nothing moved for the data timeout.
    #[error("data connection silent for {0:?}")]
    Silent(Duration),
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What has been moved of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub payload_bytes: u64,
    pub wire_bytes: u64,
}

/// An open data connection with the codecs of the mode it was opened for.
pub struct DataConnection<N: Net> {
    net: N,
    stream: N::Stream,
    watch: Watch,
    local: SocketAddr,
    peer: SocketAddr,
    coding: Coding,
    encoder: Encoder,
    decoder: Decoder,
    unread: BytesMut,
    written_bytes: u64,
    /// Of all files so far.
    total: Moved,
    idle_limit: Duration,
}

/// Wire bytes of one piece: framing copied, payload borrowed, in order, for one vectored write.
#[derive(Default)]
struct Pieces<'p> {
    framing: Vec<u8>,
    /// Either `len` bytes of `framing`, or borrowed payload.
    parts: Vec<Part<'p>>,
}

enum Part<'p> {
    Framing(usize),
    Payload(&'p [u8]),
}

impl<'p> Output<'p> for Pieces<'p> {
    fn framing(&mut self, bytes: &[u8]) {
        self.framing.extend_from_slice(bytes);
        match self.parts.last_mut() {
            Some(Part::Framing(len)) => *len += bytes.len(),
            _ => self.parts.push(Part::Framing(bytes.len())),
        }
    }
    fn payload(&mut self, bytes: &'p [u8]) {
        if bytes.len() < MIN_BORROWED_BYTES {
            return self.framing(bytes);
        }
        self.parts.push(Part::Payload(bytes));
    }
}

impl Pieces<'_> {
    fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut framing = self.framing.as_slice();
        self.parts
            .iter()
            .map(|part| match part {
                Part::Framing(len) => {
                    let (now, rest) = framing.split_at(*len);
                    framing = rest;
                    IoSlice::new(now)
                }
                Part::Payload(bytes) => IoSlice::new(bytes),
            })
            .collect()
    }
}

impl<N: Net> DataConnection<N> {
    /// `idle_limit`: longest silence before a transfer fails with [`TransferError::Silent`].
    pub fn new(
        net: N,
        stream: N::Stream,
        coding: Coding,
        idle_limit: Duration,
        watch: Watch,
    ) -> io::Result<Self> {
        let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
        watch.tell(net.now(), Seen::DataOpens { local, peer });
        Ok(Self {
            net,
            stream,
            watch,
            local,
            peer,
            coding,
            encoder: Encoder::new(coding),
            decoder: Decoder::new(coding),
            unread: BytesMut::new(),
            written_bytes: 0,
            total: Moved::default(),
            idle_limit,
        })
    }

    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether the connection stays open after a file: block, compressed and never stream mode.
    pub fn outlives_file(&self) -> bool {
        self.coding.mode != TransmissionMode::Stream
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What has been moved of all files, the one under way and failed ones included.
    pub fn total(&self) -> Moved {
        self.total
    }

    /// Whether, as far as this side has heard, the peer still holds the connection: between two
    /// files neither FIN, RST nor a byte has come.
    pub async fn is_quiet(&mut self) -> bool {
        if !self.unread.is_empty() {
            return false;
        }
        let (stream, unread) = (&mut self.stream, &mut self.unread);
        poll_fn(|cx| {
            let mut bytes = [0; 64];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Pending => Poll::Ready(true),
                Poll::Ready(_) => {
                    unread.extend_from_slice(buffer.filled());
                    Poll::Ready(false)
                }
            }
        })
        .await
    }

    /// Whether, as far as this side has heard, the peer has not closed the connection between two
    /// files. Bytes that have come are kept: a pipelining peer sends its next file ahead.
    pub async fn is_open(&mut self) -> bool {
        self.is_quiet().await || !self.unread.is_empty()
    }

    /// Compressed mode's filler for the files to come (TYPE may change between two files).
    pub fn set_filler(&mut self, filler: u8) {
        if self.coding.filler != filler {
            self.coding.filler = filler;
            self.encoder = Encoder::new(self.coding);
            self.decoder = Decoder::new(self.coding);
        }
    }

    /// Sends one file; in stream mode the caller then closes the connection.
    pub async fn send_file(&mut self, name: &str, file: &mut impl ReadFile) -> Result<Moved, TransferError> {
        let (local, peer, wire_offset) = (self.local, self.peer, self.written_bytes);
        self.watch
            .tell(self.net.now(), Seen::SendBegins { name, local, peer, wire_offset, coding: self.coding });
        let mut moved = Moved::default();
        let result = self.send_pieces(file, &mut moved).await;
        self.told_end(name, moved, &result);
        result.map(|()| moved)
    }

    async fn send_pieces(
        &mut self,
        file: &mut impl ReadFile,
        moved: &mut Moved,
    ) -> Result<(), TransferError> {
        let mut buffer = vec![0; PIECE_BYTES.min(file.remaining_bytes() as usize).max(1)];
        loop {
            let read = file.read(&mut buffer).await?;
            let last = read == 0 || file.remaining_bytes() == 0;
            let end = End { record: false, file: last };
            self.send_piece(&buffer[..read], end, moved).await?;
            if last {
                return Ok(());
            }
        }
    }

    async fn send_piece(&mut self, piece: &[u8], end: End, moved: &mut Moved) -> Result<(), TransferError> {
        let mut pieces = Pieces::default();
        self.encoder.encode(piece, end, &mut pieces);
        let mut slices = pieces.slices();
        let mut rest = slices.as_mut_slice();
        let mut wire_bytes = 0;
        while !rest.is_empty() {
            let write = self.stream.write_vectored(rest);
            let written = self
                .net
                .timeout(self.idle_limit, write)
                .await
                .map_err(|_| TransferError::Silent(self.idle_limit))?
                .map_err(TransferError::Connection)?;
            if written == 0 && rest.iter().any(|slice| !slice.is_empty()) {
                return Err(TransferError::Connection(io::ErrorKind::WriteZero.into()));
            }
            IoSlice::advance_slices(&mut rest, written);
            wire_bytes += written as u64;
        }
        self.written_bytes += wire_bytes;
        self.total.payload_bytes += piece.len() as u64;
        self.total.wire_bytes += wire_bytes;
        moved.payload_bytes += piece.len() as u64;
        moved.wire_bytes += wire_bytes;
        self.watch.tell(self.net.now(), Seen::Progress { payload_bytes: piece.len() as u64, wire_bytes });
        Ok(())
    }

    /// Receives one file into `file`, which the caller publishes when this returns `Ok`.
    pub async fn receive_file(
        &mut self,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<Moved, TransferError> {
        let (local, peer) = (self.local, self.peer);
        self.watch.tell(self.net.now(), Seen::ReceiveBegins { name, local, peer });
        let mut moved = Moved::default();
        let result = self.receive_pieces(file, &mut moved).await;
        self.told_end(name, moved, &result);
        result.map(|()| moved)
    }

    async fn receive_pieces(
        &mut self,
        file: &mut impl WriteFile,
        moved: &mut Moved,
    ) -> Result<(), TransferError> {
        loop {
            if !self.unread.is_empty() && self.decode_unread(file, moved).await? {
                return Ok(());
            }
            self.unread.reserve(READ_BYTES);
            let read = self.stream.read_buf(&mut self.unread);
            let read = self
                .net
                .timeout(self.idle_limit, read)
                .await
                .map_err(|_| TransferError::Silent(self.idle_limit))?
                .map_err(TransferError::Connection)?;
            if read == 0 {
                return match self.decoder.finish() {
                    Finish::Closed => Ok(()),
                    // A connection that ends between files has not brought this one either.
                    Finish::Complete | Finish::Truncated => Err(TransferError::Truncated),
                };
            }
        }
    }

    /// Whether the file's end was among the bytes.
    async fn decode_unread(
        &mut self,
        file: &mut impl WriteFile,
        moved: &mut Moved,
    ) -> Result<bool, TransferError> {
        let before = *moved;
        let mut input = &self.unread[..];
        let mut ended = false;
        while let Some(event) = self.decoder.decode(&mut input)? {
            match event {
                Event::Data { bytes, .. } => {
                    file.write(bytes).await?;
                    moved.payload_bytes += bytes.len() as u64;
                }
                Event::Run { byte, len, .. } => {
                    file.write(&[byte; u8::MAX as usize][..len]).await?;
                    moved.payload_bytes += len as u64;
                }
                Event::EndOfRecord | Event::Marker(_) => {}
                Event::EndOfFile => {
                    ended = true;
                    break;
                }
            }
        }
        let taken = self.unread.len() - input.len();
        self.unread.advance(taken);
        moved.wire_bytes += taken as u64;
        self.total.payload_bytes += moved.payload_bytes - before.payload_bytes;
        self.total.wire_bytes += taken as u64;
        self.watch.tell(
            self.net.now(),
            Seen::Progress {
                payload_bytes: moved.payload_bytes - before.payload_bytes,
                wire_bytes: taken as u64,
            },
        );
        Ok(ended)
    }

    fn told_end(&self, name: &str, moved: Moved, result: &Result<(), TransferError>) {
        let error = result.as_ref().err().map(ToString::to_string);
        self.watch.tell(
            self.net.now(),
            Seen::FileEnds { name, payload_bytes: moved.payload_bytes, error: error.as_deref() },
        );
    }

    /// Sends FIN and lets the stack deliver what is queued.
    pub async fn close(mut self) {
        // The peer may be gone already; there is nothing left to do about it.
        let _ = self.stream.shutdown().await;
        self.told_close("closed");
    }

    /// Ends the connection with RST, so that the peer cannot take it for an end of file.
    pub fn abort(self) {
        self.told_close("aborted");
        self.stream.abort();
    }

    fn told_close(&self, how: &str) {
        let (local, peer) = (self.local, self.peer);
        self.watch.tell(self.net.now(), Seen::DataCloses { local, peer, how });
    }
}
