//! Files on their way out.

use super::marks::checked;
use super::pieces::Pieces;
use super::{DataConnection, TransferError, TransferStats};
use crate::net::{Net, Pace, Stream, at_once};
use crate::observe::Event as Seen;
use crate::store::ReadFile;
use ftp_proto::mode::End;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::repr::{Converted, Outgoing};
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use tokio::io::AsyncWriteExt;

impl<N: Net> DataConnection<N> {
    /// Sends one file; the caller then closes the connection that does not outlive it.
    pub async fn send_file(
        &mut self,
        name: &str,
        file: &mut impl ReadFile,
    ) -> Result<TransferStats, TransferError> {
        let mut moved = TransferStats::default();
        #[cfg(feature = "tls")]
        if let Err(error) = self.secured().await {
            let failed = Err(error);
            self.told_end(name, moved, &failed);
            return failed.map(|()| moved);
        }
        let (local, peer, wire_offset) = (self.local, self.peer, self.written_bytes);
        self.watch
            .tell(self.net.now(), Seen::SendBegins { name, local, peer, wire_offset, coding: self.coding });
        let mut buffer = std::mem::take(&mut self.piece);
        let result = self.send_pieces(file, &mut buffer, &mut moved).await;
        self.piece = buffer;
        if self.ends_unfinished && matches!(result, Err(TransferError::Store(_))) {
            self.end().await;
        }
        self.told_end(name, moved, &result);
        result.map(|()| moved)
    }

    async fn send_pieces(
        &mut self,
        file: &mut impl ReadFile,
        buffer: &mut Vec<u8>,
        moved: &mut TransferStats,
    ) -> Result<(), TransferError> {
        self.floor.begin_file();
        buffer.resize(N::PIECE_BYTES.min(file.remaining_bytes() as usize).max(1), 0);
        let restarts = self.conversion.is_none_or(|it| it.restarts_anywhere());
        let interval = self.marker_interval_bytes.filter(|_| self.coding.mode.is_framed() && restarts);
        let interval = interval.map(NonZeroU64::get);
        let mut outgoing = self.conversion.map(Outgoing::new);
        let mut before_marker = interval.unwrap_or(u64::MAX);
        loop {
            let wanted = N::PIECE_BYTES.min(file.remaining_bytes() as usize);
            if wanted > buffer.len() {
                // There is more than there was.
                buffer.resize(wanted, 0);
            }
            // A marker that is due and could not be had waits for the next piece's end.
            let room = match usize::try_from(before_marker) {
                Ok(0) | Err(_) => buffer.len(),
                Ok(bytes) => bytes.min(buffer.len()),
            };
            let mut read = self.read(file, &mut buffer[..room]).await?;
            let last = read == 0 || file.remaining_bytes() == 0;
            if mutant::is(Mutant::LastPieceDropped) && last && moved.payload_bytes > 0 {
                read = 0;
            }
            if last && !self.outlives_file() {
                self.stream.pace(Pace::WithClose);
            }
            match &mut outgoing {
                None => {
                    let end = End { record: false, file: last };
                    self.send_piece(&buffer[..read], end, moved).await?;
                }
                Some(outgoing) => {
                    let mut converted = Converted::default();
                    outgoing.convert(&buffer[..read], last, &mut converted)?;
                    self.send_converted(&converted, last, moved).await?;
                }
            }
            if last {
                return Ok(());
            }
            before_marker = before_marker.saturating_sub(read as u64);
            if let (0, Some(interval), Some(marker)) = (before_marker, interval, file.marker()) {
                before_marker = interval;
                let marker = checked(marker)?;
                let mut pieces = Pieces::default();
                self.encoder.marker(marker.as_bytes(), &mut pieces);
                self.write(pieces, 0, moved).await?;
            }
        }
    }

    /// A source that lets itself be waited for does not keep from the peer what is written: under TLS the end of
    /// the handshake.
    async fn read(&mut self, file: &mut impl ReadFile, buffer: &mut [u8]) -> Result<usize, TransferError> {
        let mut reading = std::pin::pin!(file.read(buffer));
        if let Some(read) = at_once(reading.as_mut()).await {
            return Ok(read?);
        }
        if self.stream.is_tls() && self.pace == Pace::Now {
            self.flush().await?;
        }
        Ok(reading.await?)
    }

    async fn send_piece(
        &mut self,
        piece: &[u8],
        end: End,
        moved: &mut TransferStats,
    ) -> Result<(), TransferError> {
        let mut pieces = Pieces::default();
        self.encoder.encode(piece, end, &mut pieces);
        self.write(pieces, piece.len() as u64, moved).await
    }

    async fn send_converted(
        &mut self,
        converted: &Converted,
        last: bool,
        moved: &mut TransferStats,
    ) -> Result<(), TransferError> {
        let mut pieces = Pieces::default();
        for (piece, end) in converted.pieces(last) {
            self.encoder.encode(piece, end, &mut pieces);
        }
        self.write(pieces, converted.bytes.len() as u64, moved).await
    }

    async fn write(
        &mut self,
        pieces: Pieces<'_>,
        payload_bytes: u64,
        moved: &mut TransferStats,
    ) -> Result<(), TransferError> {
        let mut slices = pieces.slices();
        let mut rest = slices.as_mut_slice();
        let mut wire_bytes = 0;
        while !rest.is_empty() {
            let (begun, limit) = (self.net.now(), self.floor.limit(self.idle_limit));
            let written = self
                .net
                .timeout(limit, self.stream.write_vectored(rest))
                .await
                .map_err(|_| self.floor.overrun(limit, self.idle_limit))?
                .map_err(TransferError::Connection)?;
            self.floor.moved(self.net.now().saturating_sub(begun), written as u64)?;
            if written == 0 && rest.iter().any(|slice| !slice.is_empty()) {
                return Err(TransferError::Connection(io::ErrorKind::WriteZero.into()));
            }
            IoSlice::advance_slices(&mut rest, written);
            wire_bytes += written as u64;
            // The bytes of a piece that will not go out whole count, too.
            self.total.wire_bytes += written as u64;
        }
        if self.stream.is_tls() {
            let settled = self.net.timeout(self.idle_limit, self.stream.settle()).await;
            settled
                .map_err(|_| TransferError::Silent(self.idle_limit))?
                .map_err(TransferError::Connection)?;
        }
        self.written_bytes += wire_bytes;
        self.total.payload_bytes += payload_bytes;
        moved.payload_bytes += payload_bytes;
        moved.wire_bytes += wire_bytes;
        self.watch.tell(self.net.now(), Seen::Progress { payload_bytes, wire_bytes });
        Ok(())
    }
}
