//! A connection as it is, or under TLS: what control and data connections are made of.

use super::{Pace, Stream};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
#[cfg(feature = "tls")]
use {
    gathered::Gathered,
    rustls::pki_types::ServerName,
    std::future::poll_fn,
    std::sync::Arc,
    std::task::ready,
    tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream},
};

#[cfg(feature = "tls")]
mod gathered;

/// Longer writes under TLS are not held back by [`Pace::Together`]: they fill a record (RFC 8446 section 5.1).
#[cfg(feature = "tls")]
const RECORD_BYTES: usize = 16 * 1024;
/// So much is encrypted and written at a time: a piece of a file with its framing, and the last bytes of the one
/// before it. rustls' own 64 KiB would cut a block of 65,535 bytes and its header into five records, the last of two
/// bytes, and two writes.
#[cfg(feature = "tls")]
const WRITE_BYTES: usize = 320 * 1024;

/// A connection, with TLS over it or without. Under TLS, `poll_shutdown` sends close_notify before FIN
/// (RFC 8446 section 6.1); the end that reading finds is close_notify, and an end without one is
/// [`io::ErrorKind::UnexpectedEof`]: somebody else may have made it.
pub enum Channel<S> {
    /// As it is.
    Clear(S),
    /// Under TLS.
    #[cfg(feature = "tls")]
    Tls(Box<Tls<S>>),
    /// Nothing any more: a handshake has not come to its end.
    Gone,
}

/// A connection under TLS.
#[cfg(feature = "tls")]
pub struct Tls<S> {
    stream: TlsStream<Gathered<S>>,
    pace: Pace,
    /// Written, but not yet in a record: [`Pace::Together`].
    held: Vec<u8>,
}

#[cfg(feature = "tls")]
impl<S: Stream> Tls<S> {
    fn new(mut stream: TlsStream<Gathered<S>>) -> Self {
        stream.get_mut().0.agreed();
        if S::HEEDS_PACE {
            match &mut stream {
                TlsStream::Client(stream) => stream.get_mut().1.set_buffer_limit(Some(WRITE_BYTES)),
                TlsStream::Server(stream) => stream.get_mut().1.set_buffer_limit(Some(WRITE_BYTES)),
            }
        }
        Self { stream, pace: Pace::Now, held: Vec::new() }
    }

    fn into_inner(self) -> S {
        match self.stream {
            TlsStream::Client(stream) => stream.into_inner().0.into_inner(),
            TlsStream::Server(stream) => stream.into_inner().0.into_inner(),
        }
    }

    fn poll_send_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.held))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => drop(self.held.drain(..sent)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        let holds = S::HEEDS_PACE && self.pace == Pace::Together && bytes < RECORD_BYTES;
        if !holds || self.held.len() + bytes > RECORD_BYTES {
            ready!(self.poll_send_held(cx))?;
        }
        if !holds {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        }
        for slice in slices {
            self.held.extend_from_slice(slice);
        }
        Poll::Ready(Ok(bytes))
    }
}

#[cfg(feature = "tls")]
impl<S: Stream> Channel<S> {
    /// The handshake of the side that has the certificate, over a connection on which nothing is said yet.
    /// After an error, or when dropped, the connection is gone. Errors: the connection's; `InvalidData` where
    /// TLS cannot be agreed on; `UnexpectedEof`.
    pub async fn accept_tls(&mut self, config: Arc<rustls::ServerConfig>) -> io::Result<()> {
        let stream = Gathered::handshaking(self.take_clear()?);
        match TlsAcceptor::from(config).accept(stream).into_fallible().await {
            Ok(stream) => *self = Self::Tls(Box::new(Tls::new(stream.into()))),
            Err((error, stream)) => return Err(failed(error, stream).await),
        }
        Ok(())
    }

    /// The handshake of the side that asks for TLS with a server of this name. Errors: as
    /// [`Self::accept_tls`], and `InvalidData` where the certificate is not to be trusted.
    pub async fn connect_tls(
        &mut self,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<()> {
        let stream = Gathered::handshaking(self.take_clear()?);
        match TlsConnector::from(config).connect(name, stream).into_fallible().await {
            Ok(stream) => *self = Self::Tls(Box::new(Tls::new(stream.into()))),
            Err((error, stream)) => return Err(failed(error, stream).await),
        }
        Ok(())
    }

    fn take_clear(&mut self) -> io::Result<S> {
        match std::mem::replace(self, Self::Gone) {
            Self::Clear(stream) => Ok(stream),
            other => {
                *self = other;
                Err(gone())
            }
        }
    }

    /// What the handshake has agreed on, and whether a session was resumed; none without TLS.
    pub fn agreed(&self) -> Option<&rustls::CommonState> {
        match self {
            Self::Tls(tls) => Some(tls.stream.get_ref().1),
            Self::Clear(_) | Self::Gone => None,
        }
    }
}

/// Sends what TLS has to say about it, an alert (RFC 8446 section 6.2).
#[cfg(feature = "tls")]
async fn failed<S: Stream>(error: io::Error, mut stream: Gathered<S>) -> io::Error {
    // The peer may be gone.
    let _ = poll_fn(|cx| stream.poll_send_held(cx)).await;
    error
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<S: Stream> Channel<S> {
    /// Whether it is under TLS.
    pub fn is_tls(&self) -> bool {
        !matches!(self, Self::Clear(_))
    }

    fn inner(&self) -> io::Result<&S> {
        match self {
            Self::Clear(stream) => Ok(stream),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Ok(tls.stream.get_ref().0.get_ref()),
            Self::Gone => Err(gone()),
        }
    }

    /// Gives back memory that an idle connection does not need.
    pub fn rest(&mut self) {
        #[cfg(feature = "tls")]
        if let Self::Tls(tls) = self {
            tls.stream.get_mut().0.rest();
        }
    }

    /// After writes that were to leave at once: under TLS a record may wait for room, and nobody flushes it.
    pub async fn settle(&mut self) -> io::Result<()> {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(tls) if !(S::HEEDS_PACE && tls.pace == Pace::Together) => self.flush().await,
            _ => Ok(()),
        }
    }
}

impl<S: Stream> Stream for Channel<S> {
    const HEEDS_PACE: bool = S::HEEDS_PACE;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner()?.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner()?.peer_addr()
    }

    fn abort(self) {
        match self {
            Self::Clear(stream) => stream.abort(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.into_inner().abort(),
            Self::Gone => {}
        }
    }

    fn read_past_mark(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read_past_mark(buffer),
            // Records do not care for urgent data (RFC 4217 section 14).
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn prompt(&self) -> io::Result<()> {
        self.inner()?.prompt()
    }

    fn acknowledge(&self) {
        // Of one that is gone nothing is waited for.
        let _ = self.inner().map(Stream::acknowledge);
    }

    fn control(&self) -> io::Result<()> {
        self.inner()?.control()
    }

    fn pace(&mut self, pace: Pace) {
        match self {
            Self::Clear(stream) => stream.pace(pace),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => {
                tls.pace = pace;
                // What is held back is held back here, so that it shares a record.
                let below = if pace == Pace::Together { Pace::Now } else { pace };
                tls.stream.get_mut().0.pace(below);
            }
            Self::Gone => {}
        }
    }

    async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.finish().await,
            _ => self.shutdown().await,
        }
    }
}

impl<S: Stream> AsyncRead for Channel<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(&mut tls.stream).poll_read(cx, buffer),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }
}

impl<S: Stream> AsyncWrite for Channel<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.poll_write(cx, &[IoSlice::new(bytes)]),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.poll_write(cx, slices),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Clear(stream) => stream.is_write_vectored(),
            _ => true,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => {
                ready!(tls.poll_send_held(cx))?;
                Pin::new(&mut tls.stream).poll_flush(cx)
            }
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => {
                ready!(tls.poll_send_held(cx))?;
                Pin::new(&mut tls.stream).poll_shutdown(cx)
            }
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }
}
