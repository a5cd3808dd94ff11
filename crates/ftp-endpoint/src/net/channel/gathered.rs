//! Between TLS and its connection: large reads, and small writes that leave together.
//!
//! rustls reads 4 KiB at a time and is written out piece by piece: four reads a record of 16 KiB, and of a small
//! file a segment each for the end of the handshake, the session's ticket, the file and close_notify. Here they are
//! one read, and one segment. Where [`Stream::HEEDS_PACE`] says that the network does not care, everything goes
//! through as it comes.

use crate::net::{Pace, Stream};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read at a time of a connection that has little to say.
const FEW_BYTES: usize = 8 * 1024;
/// What is read at a time at most, of one that has much.
const MANY_BYTES: usize = 256 * 1024;
/// Longer writes are not held back: a record and what may come before it (RFC 8446 section 5.2).
const MAX_HELD_BYTES: usize = 20 * 1024;

/// A connection under TLS, which reads ahead and holds back.
pub(super) struct Gathered<S> {
    stream: S,
    pace: Pace,
    /// TLS has not been agreed on: what it writes waits for what it reads.
    handshaking: bool,
    /// Written, but not sent: until something has to be waited for, or more is written that is not held back.
    held: Vec<u8>,
    /// Read from `taken` to `filled`, and not taken yet. None while nothing comes.
    ahead: Vec<u8>,
    taken: usize,
    filled: usize,
    read_bytes: usize,
}

impl<S: Stream> Gathered<S> {
    pub(super) fn handshaking(stream: S) -> Self {
        Self {
            stream,
            pace: Pace::Now,
            handshaking: true,
            held: Vec::new(),
            ahead: Vec::new(),
            taken: 0,
            filled: 0,
            read_bytes: FEW_BYTES,
        }
    }

    /// The handshake is over: the last of it leaves with what comes next, or is flushed.
    pub(super) fn agreed(&mut self) {
        self.handshaking = false;
    }

    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    pub(super) fn pace(&mut self, pace: Pace) {
        self.pace = pace;
        self.stream.pace(pace);
    }

    /// Whether the next read takes no call of the system.
    fn is_ahead(&self) -> bool {
        self.taken < self.filled
    }

    /// Gives back the memory of a connection on which nothing comes.
    pub(super) fn rest(&mut self) {
        if !self.is_ahead() {
            self.ahead = Vec::new();
            self.read_bytes = FEW_BYTES;
        }
    }

    /// Whether writes wait for what is written behind them.
    fn holds(&self) -> bool {
        S::HEEDS_PACE && (self.handshaking || self.pace == Pace::WithClose)
    }

    pub(super) fn poll_send_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.held))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => drop(self.held.drain(..sent)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ahead.resize(self.read_bytes, 0);
        let mut ahead = ReadBuf::new(&mut self.ahead);
        let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, &mut ahead) else {
            if self.read_bytes == FEW_BYTES {
                self.ahead = Vec::new();
            }
            // The peer may be waiting for it.
            ready!(self.poll_send_held(cx))?;
            return Poll::Pending;
        };
        let read = read.map(|()| ahead.filled().len())?;
        (self.taken, self.filled) = (0, read);
        if read == self.read_bytes {
            self.read_bytes = (2 * read).min(MANY_BYTES);
        } else if read < self.read_bytes / 4 {
            self.read_bytes = (self.read_bytes / 2).max(FEW_BYTES);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !S::HEEDS_PACE {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        if !self.is_ahead() {
            ready!(self.poll_fill(cx))?;
        }
        let bytes = buffer.remaining().min(self.filled - self.taken);
        buffer.put_slice(&self.ahead[self.taken..self.taken + bytes]);
        self.taken += bytes;
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.holds() && self.held.len() + bytes <= MAX_HELD_BYTES {
            for slice in slices {
                self.held.extend_from_slice(slice);
            }
            return Poll::Ready(Ok(bytes));
        }
        while !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            let both: Vec<_> = [IoSlice::new(&held)].into_iter().chain(slices.iter().copied()).collect();
            let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, &both);
            self.held = held;
            let sent = ready!(sent)?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_held = sent.min(self.held.len());
            self.held.drain(..of_held);
            if sent > of_held {
                return Poll::Ready(Ok(sent - of_held));
            }
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.holds() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send_held(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send_held(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
