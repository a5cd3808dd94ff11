//! A data connection carrying files: the same code sends and receives in client and server.
//!
//! In block and compressed mode the connection outlives its file (RFC 959 section 3.3), and so
//! does this value, with its codecs and the bytes read ahead.

use crate::net::{Channel, Net, Pace, Stream, is_quiet};
use crate::observe::{Event as Seen, Watch};
use crate::store::WriteFile;
use bytes::{Buf, BytesMut};
pub use closing::{DISBELIEVED, TlsEnd};
pub use error::TransferError;
use floor::Floor;
pub use floor::MinRate;
use ftp_proto::mode::{
    Coding, Decoder, DeflateLevel, Encoder, Event, FULL_BYTES, Finish, Structure, TransmissionMode,
};
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::repr::{Conversion, Incoming};
#[cfg(feature = "tls")]
pub use handshake::Handshake;
use local::{Local, Nowhere};
use marks::{Marks, checked};
pub use marks::{OF_PARTIAL, RestartMarker};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

pub mod ascii;
mod closing;
mod error;
mod floor;
#[cfg(feature = "tls")]
mod handshake;
pub mod limited;
mod local;
mod marks;
mod pieces;
mod sending;
pub mod throttle;

/// Payload converted is written at a time.
const PIECE_BYTES: usize = 65_535;
/// Wire bytes read from the connection at a time, until so many have come at once.
const READ_BYTES: usize = 64 * 1024;
/// Where the short strings of compressed mode, the data between the escapes of records in stream mode,
/// and what deflate mode inflates are decoded to.
const STRINGS_BYTES: usize = 64 * 1024 + FULL_BYTES;

/// What has been moved of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferStats {
    /// Of the file, as its type represents it.
    pub payload_bytes: u64,
    /// On the data connection, framing included.
    pub wire_bytes: u64,
}

/// An open data connection with the codecs of the mode it was opened for.
pub struct DataConnection<N: Net> {
    net: N,
    stream: Channel<N::Stream>,
    watch: Watch,
    local: SocketAddr,
    peer: SocketAddr,
    coding: Coding,
    encoder: Encoder,
    decoder: Decoder,
    unread: BytesMut,
    /// So much is read at a time: more, once so much has come at once.
    read_bytes: usize,
    /// Where a piece of a file is read to before it is sent.
    piece: Vec<u8>,
    /// What is decoded in small parts: [`STRINGS_BYTES`], or none.
    strings: Vec<u8>,
    /// Received bytes on their way into the file; empty between two calls.
    waiting: Vec<u8>,
    conversion: Option<Conversion>,
    written_bytes: u64,
    /// Of all files so far.
    total: TransferStats,
    idle_limit: Duration,
    floor: Floor,
    marker_interval_bytes: Option<NonZeroU64>,
    marks: Marks,
    tls_end: TlsEnd,
    takes_cut_deflate: bool,
    ends_unfinished: bool,
    /// A file has ended by an end of the connection without close_notify.
    unmarked: bool,
    /// No more is sent.
    ended: bool,
    /// The peer has read what was sent here, and nobody else.
    read_by_peer: bool,
    pace: Pace,
    /// Owed before anything moves.
    #[cfg(feature = "tls")]
    handshake: Option<Handshake>,
}

/// Payload that the decoder has left where it was `received`, right before what is `left` of that.
fn lent<'r>(bytes: &[u8], received: &'r [u8], left: &[u8]) -> Option<&'r [u8]> {
    let end = received.len() - left.len();
    let there = received.get(end.checked_sub(bytes.len())?..end)?;
    std::ptr::eq(there, bytes).then_some(there)
}

impl<N: Net> DataConnection<N> {
    /// `idle_limit`: longest silence before a transfer fails with [`TransferError::Silent`].
    pub fn new(
        net: N,
        stream: Channel<N::Stream>,
        coding: Coding,
        idle_limit: Duration,
        watch: Watch,
    ) -> io::Result<Self> {
        let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
        if coding.mode.is_framed() {
            // In the other modes the end of the file pushes out what waits for an acknowledgement.
            stream.prompt()?;
        }
        watch.tell(net.now(), Seen::DataOpens { local, peer });
        let marks = Marks::new(net.now());
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
            read_bytes: READ_BYTES,
            piece: Vec::new(),
            strings: Vec::new(),
            waiting: Vec::new(),
            conversion: None,
            written_bytes: 0,
            total: TransferStats::default(),
            idle_limit,
            floor: Floor::default(),
            marker_interval_bytes: None,
            marks,
            tls_end: TlsEnd::default(),
            takes_cut_deflate: false,
            ends_unfinished: false,
            unmarked: false,
            ended: false,
            read_by_peer: false,
            pace: Pace::Now,
            #[cfg(feature = "tls")]
            handshake: None,
        })
    }

    /// Of the mode it was opened for.
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether the connection stays open after a file: in block and compressed mode only.
    pub fn outlives_file(&self) -> bool {
        self.coding.mode.is_framed()
    }

    /// How the files to come are compressed in deflate mode.
    pub fn set_deflate_level(&mut self, level: DeflateLevel) {
        self.encoder.set_level(level);
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What has been moved of all files, the one under way and failed ones included.
    pub fn total(&self) -> TransferStats {
        self.total
    }

    /// Whether, as far as this side has heard, the peer still holds the connection: between two
    /// files neither FIN, RST nor a byte has come.
    pub async fn is_quiet(&mut self) -> bool {
        is_quiet(&mut self.stream, &mut self.unread).await
    }

    /// Whether, as far as this side has heard, the peer has not closed the connection between two
    /// files. Bytes that have come are kept: a pipelining peer sends its next file ahead.
    pub async fn is_open(&mut self) -> bool {
        self.is_quiet().await || !self.unread.is_empty()
    }

    /// Compressed mode's filler for the files to come (TYPE may change between two files).
    pub fn set_filler(&mut self, filler: u8) {
        if std::mem::replace(&mut self.coding.filler, filler) != filler
            && self.coding.mode == TransmissionMode::Compressed
        {
            self.encoder = Encoder::new(self.coding);
            self.decoder = Decoder::new(self.coding);
        }
    }

    /// A peer that moves less than this, either way, fails with [`TransferError::TooSlow`].
    pub fn demand(&mut self, min_rate: Option<MinRate>) {
        self.floor = Floor::new(min_rate);
    }

    /// What ends a file of stream mode under TLS.
    pub fn end_by(&mut self, tls_end: TlsEnd) {
        self.tls_end = tls_end;
    }

    /// In deflate mode, takes the end of the connection for the end of a file whose zlib stream has not come to
    /// its own, as proftpd and lftp do: for comparisons.
    pub fn take_cut_deflate(&mut self, takes_it: bool) {
        self.takes_cut_deflate = takes_it && self.coding.mode == TransmissionMode::Deflate;
    }

    /// A sender that cannot read its file to the end ends the connection in order, with close_notify under TLS,
    /// as at the end of the file, and not by RST: for comparisons.
    pub fn end_unfinished(&mut self, ends_it: bool) {
        self.ends_unfinished = ends_it;
    }

    fn takes_cut_deflate(&self) -> bool {
        let deflate = self.coding.mode == TransmissionMode::Deflate;
        self.takes_cut_deflate || deflate && mutant::is(Mutant::CutDeflateTaken)
    }

    /// Whether the last file ended by an end of the connection that anybody on the path can make, under TLS
    /// ([`TlsEnd::Lax`]).
    pub fn ended_unmarked(&self) -> bool {
        self.unmarked
    }

    /// How the files to come are represented; `None`: as they are.
    pub fn set_conversion(&mut self, conversion: Option<Conversion>) {
        self.conversion = conversion.filter(|conversion| !conversion.is_identity());
    }

    /// Sends a restart marker after each so many bytes of a file, where its reader has one
    /// ([`ReadFile::marker`](crate::store::ReadFile::marker)); block and compressed mode only.
    pub fn send_markers(&mut self, interval_bytes: Option<NonZeroU64>) {
        self.marker_interval_bytes = interval_bytes;
    }

    /// Where to tell of restart markers, after what came before them is on stable storage: not of all
    /// where they come thick, but of the last one when the transfer fails. A full channel loses them: they
    /// are a help, the transfer does not wait for them.
    pub fn tell_markers(&mut self, marks: Option<mpsc::Sender<RestartMarker>>) {
        self.marks.tell = marks;
    }

    /// Reads and drops what comes, up to and with the end of a file.
    pub async fn discard_file(&mut self) -> Result<(), TransferError> {
        self.receive_pieces(&mut Nowhere, &mut TransferStats::default()).await
    }

    /// Gives back the memory of an idle connection.
    pub fn rest(&mut self) {
        self.stream.rest();
        if self.pace == Pace::Now {
            self.piece = Vec::new();
        }
        if self.unread.is_empty() || mutant::is(Mutant::ReadAheadDropped) {
            self.unread = BytesMut::new();
            self.strings = Vec::new();
            self.waiting = Vec::new();
        }
    }

    /// How the files to come may be sent: together with others, if the caller flushes before it waits
    /// for the peer. Where each file has its own connection, its close is the way.
    pub fn pace(&mut self, pace: Pace) {
        if self.outlives_file() {
            self.pace = pace;
            self.stream.pace(pace);
        }
    }

    /// Sends what [`Pace::Together`] has held back.
    pub async fn flush(&mut self) -> Result<(), TransferError> {
        let flushed = self.net.timeout(self.idle_limit, self.stream.flush()).await;
        flushed.map_err(|_| TransferError::Silent(self.idle_limit))?.map_err(TransferError::Connection)
    }

    /// Receives one file into `file`, which the caller publishes when this returns `Ok`.
    pub async fn receive_file(
        &mut self,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<TransferStats, TransferError> {
        let (local, peer) = (self.local, self.peer);
        self.watch.tell(self.net.now(), Seen::ReceiveBegins { name, local, peer });
        let mut moved = TransferStats::default();
        let result = self.receive_pieces(file, &mut moved).await;
        if !matches!(result, Ok(()) | Err(TransferError::Store(_))) {
            self.tell_held(file).await;
        }
        self.told_end(name, moved, &result);
        result.map(|()| moved)
    }

    /// The last marker, of a transfer that has failed, is where the next one goes on.
    async fn tell_held(&mut self, file: &mut impl WriteFile) {
        let Some(mark) = self.marks.take_held() else { return };
        if file.checkpoint().await.is_ok() {
            self.marks.take(mark, true);
        }
    }

    async fn receive_pieces(
        &mut self,
        file: &mut impl WriteFile,
        moved: &mut TransferStats,
    ) -> Result<(), TransferError> {
        #[cfg(feature = "tls")]
        self.secured().await?;
        self.marks.begin_file();
        self.floor.begin_file();
        let mut incoming = self.conversion.map(Incoming::new);
        let mut ended = false;
        loop {
            if !self.unread.is_empty() && self.decode_unread(file, &mut incoming, moved).await? {
                // In deflate mode the connection ends with the file, and nothing may come before that.
                if self.coding.mode != TransmissionMode::Deflate {
                    return Ok(());
                }
                ended = true;
                continue;
            }
            self.unread.reserve(self.read_bytes);
            let idle_limit = if mutant::is(Mutant::NoDataTimeout) {
                Duration::from_secs(1 << 30)
            } else {
                self.idle_limit
            };
            let (begun, limit) = (self.net.now(), self.floor.limit(idle_limit));
            let read = self.net.timeout(limit, self.stream.read_buf(&mut self.unread)).await;
            let read = read.map_err(|_| self.floor.overrun(limit, idle_limit))?;
            if read.is_err() && mutant::is(Mutant::ResetIsEndOfFile) {
                return Ok(());
            }
            let read = match read {
                Err(error) => self.unmarked_end(error)?,
                Ok(read) => read,
            };
            if read > 0 {
                // An end that comes is an end, however late.
                self.floor.moved(self.net.now().saturating_sub(begun), read as u64)?;
            }
            if read >= READ_BYTES {
                self.read_bytes = N::MAX_READ_BYTES;
            }
            if read == 0 {
                return match self.decoder.finish() {
                    Finish::Closed => {
                        Local::new(file, &mut incoming, &mut self.waiting).end_of_file().await?;
                        Ok(())
                    }
                    Finish::Complete if ended => Ok(()),
                    Finish::Truncated if self.takes_cut_deflate() => {
                        Local::new(file, &mut incoming, &mut self.waiting).end_of_file().await?;
                        Ok(())
                    }
                    _ if mutant::is(Mutant::CloseIsEndOfFile) => Ok(()),
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
        incoming: &mut Option<Incoming>,
        moved: &mut TransferStats,
    ) -> Result<bool, TransferError> {
        let in_small_parts = match self.coding.mode {
            TransmissionMode::Stream => self.coding.structure == Structure::Record,
            TransmissionMode::Block => false,
            TransmissionMode::Compressed | TransmissionMode::Deflate => true,
        };
        if in_small_parts {
            self.strings.resize(STRINGS_BYTES, 0);
        }
        let mut local = Local::new(file, incoming, &mut self.waiting);
        let received = &self.unread[..];
        let mut input = received;
        let ended = loop {
            let mut filled = 0;
            let event = if self.strings.is_empty() {
                self.decoder.decode(&mut input)
            } else {
                self.decoder.decode_into(&mut input, &mut self.strings, &mut filled)
            };
            local.data(&self.strings[..filled]).await?;
            if event.is_err() {
                local.flush().await?;
            }
            match event? {
                Some(Event::Data { bytes, .. }) if mutant::is(Mutant::IacStripped) => {
                    let block = self.coding.mode == TransmissionMode::Block;
                    for plain in bytes.split(|byte| block && *byte == 0xFF) {
                        local.data(plain).await?;
                    }
                }
                Some(Event::Data { bytes, .. }) => match lent(bytes, received, input) {
                    Some(block) => local.block(block).await?,
                    None => local.data(bytes).await?,
                },
                Some(Event::Run { byte, len, .. }) => local.data(&[byte; u8::MAX as usize][..len]).await?,
                Some(Event::Marker(text)) => {
                    if self.marks.tell.is_some()
                        && let Some(receiver) = local.place().await?
                    {
                        let sender = String::from_utf8_lossy(&text).into_owned();
                        let mark = RestartMarker { sender, receiver: checked(receiver)? };
                        let is_due = self.marks.is_due(&mark, self.net.now());
                        if is_due {
                            local.checkpoint().await?;
                        }
                        self.marks.take(mark, is_due);
                    }
                }
                Some(Event::EndOfRecord) => local.end_of_record(),
                Some(Event::EndOfFile) => {
                    local.end_of_file().await?;
                    break true;
                }
                None if !self.strings.is_empty() && self.strings.len() - filled < FULL_BYTES => {
                    if self.coding.mode == TransmissionMode::Deflate {
                        // A read may have brought a thousand times its size: others have their turn.
                        tokio::task::yield_now().await;
                    }
                }
                None => break false,
            }
        };
        local.flush().await?;
        let (payload_bytes, wire_bytes) = (local.payload_bytes, received.len() - input.len());
        self.unread.advance(wire_bytes);
        self.received(payload_bytes, wire_bytes as u64, moved);
        Ok(ended)
    }

    fn received(&mut self, payload_bytes: u64, wire_bytes: u64, moved: &mut TransferStats) {
        moved.payload_bytes += payload_bytes;
        moved.wire_bytes += wire_bytes;
        self.total.payload_bytes += payload_bytes;
        self.total.wire_bytes += wire_bytes;
        self.watch.tell(self.net.now(), Seen::Progress { payload_bytes, wire_bytes });
    }

    fn told_end(&self, name: &str, moved: TransferStats, result: &Result<(), TransferError>) {
        let error = result.as_ref().err().map(ToString::to_string);
        self.watch.tell(
            self.net.now(),
            Seen::FileEnds { name, payload_bytes: moved.payload_bytes, error: error.as_deref() },
        );
    }
}
