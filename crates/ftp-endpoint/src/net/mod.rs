//! Sockets and the clock behind one trait, so that the same client and server run over real
//! sockets ([`real`]) and over the simulated network.

use bytes::BytesMut;
#[cfg(any(feature = "client", feature = "server"))]
use ftp_proto::mutant::{self, Mutant};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::JoinSet;

mod channel;
pub mod real;

pub use channel::Channel;

/// As many connections may wait to be accepted.
const MAX_WAITING: u32 = 1024;

/// Time since an arbitrary start, the same for every clone of one `Net`.
pub type Time = Duration;

/// A TCP connection. `poll_shutdown` sends FIN and leaves the reading half open. Dropping it
/// closes it as a kernel does: queued data is sent, then FIN; RST if received data was unread.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// This end's address.
    fn local_addr(&self) -> io::Result<SocketAddr>;
    /// The other end's address.
    fn peer_addr(&self) -> io::Result<SocketAddr>;
    /// Ends the connection with RST; queued data is lost.
    fn abort(self);
    /// Reads what is there without waiting, past the mark of urgent data (RFC 854's Synch) at which
    /// the last read may have stopped; `WouldBlock` when there is nothing. For networks that have
    /// urgent data.
    fn read_past_mark(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
    /// Small writes leave at once, though what was sent before them has not been acknowledged.
    fn prompt(&self) -> io::Result<()> {
        Ok(())
    }
    /// What has come is acknowledged before it is waited for more: the peer may hold its next small write until then
    /// (RFC 896), and nothing goes its way that an acknowledgement could wait for. A hint.
    fn acknowledge(&self) {}
    /// This is a control connection: [`Self::prompt`], and urgent data are read in line.
    fn control(&self) -> io::Result<()> {
        Ok(())
    }
    /// Whether [`Self::pace`] is heeded.
    const HEEDS_PACE: bool = false;
    /// How the writes to come may be sent: a hint.
    fn pace(&mut self, _pace: Pace) {}
    /// Before a drop that is to close the connection gracefully: FIN behind what is queued. A network
    /// whose drop sends FIN by itself may leave it to that.
    fn finish(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        self.shutdown()
    }
}

/// When bytes that are written have to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At once.
    #[default]
    Now,
    /// By the next flush, close or shutdown: the writer has more to say, and flushes before it waits
    /// for the peer.
    Together,
    /// By the close that follows.
    WithClose,
}

/// Whether the peer has neither closed nor sent anything beyond `unread`, to which what has come is
/// added. Does not wait.
pub async fn is_quiet(stream: &mut impl Stream, unread: &mut BytesMut) -> bool {
    if !unread.is_empty() {
        return false;
    }
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

/// A socket that connections come to.
pub trait Listener: Send + Sync + 'static {
    /// Its connections.
    type Stream: Stream;
    /// The next connection, and who it is from.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
    /// A connection that has come already. Does not wait.
    fn accept_waiting(&self) -> impl Future<Output = io::Result<Option<(Self::Stream, SocketAddr)>>> + Send {
        async { at_once(Box::pin(self.accept())).await.transpose() }
    }
    /// The address listened on, with its port.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// What is in clear and comes from the right host is the data connection: if two have come, one is somebody
/// else's, and nothing tells which.
#[cfg(any(feature = "client", feature = "server"))]
#[derive(Debug, thiserror::Error)]
#[error("two connections came to the data port, and nothing tells whose is the right one")]
pub(crate) struct Contested;

/// Accepts a connection from the host `from`, if one is named; others that have found the port are reset
/// (RFC 2577 section 8).
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) async fn accept_from<L: Listener>(listener: &L, from: Option<IpAddr>) -> io::Result<L::Stream> {
    let from = from.filter(|_| !mutant::is(Mutant::StrangerAccepted));
    loop {
        let (stream, peer) = listener.accept().await?;
        if from.is_none_or(|from| canonical(from) == canonical(peer.ip())) {
            return Ok(stream);
        }
        #[cfg(feature = "server")]
        tracing::warn!(%peer, "data connection from a stranger refused");
        stream.abort();
    }
}

/// Whether another connection from the host `from` has come to a data port that has served. Whoever asks is sure
/// that its peer's has come, by what the peer has said since: the first one accepted need not be it.
///
/// # Errors
/// `AddrInUse`, around [`Contested`].
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) async fn uncontested<L: Listener>(listener: &L, from: Option<IpAddr>) -> io::Result<()> {
    if mutant::is(Mutant::ContestIgnored) {
        return Ok(());
    }
    for _ in 0..MAX_WAITING {
        let Ok(Some((stream, peer))) = listener.accept_waiting().await else { return Ok(()) };
        stream.abort();
        if from.is_none_or(|from| canonical(from) == canonical(peer.ip())) {
            return Err(contested());
        }
    }
    Ok(())
}

/// `AddrInUse`, around [`Contested`].
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn contested() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, Contested)
}

/// An IPv4 address behind an IPv6 socket is itself.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The limit of [`Net::timeout`] has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

/// A host's sockets and clock. Clones are the same host.
pub trait Net: Clone + Send + Sync + 'static {
    /// Of a long file so many bytes are read and sent at a time: whole blocks of block mode.
    const PIECE_BYTES: usize = 65_535;
    /// So many bytes are received at a time when they come fast.
    const MAX_READ_BYTES: usize = 64 * 1024;
    /// Its connections.
    type Stream: Stream;
    /// Its listening sockets.
    type Listener: Listener<Stream = Self::Stream>;

    /// Opens a connection; `from` binds the local address (not the port) when given.
    /// Errors: `ConnectionRefused` (RST), `TimedOut`, `AddrNotAvailable`.
    fn connect(
        &self,
        from: Option<IpAddr>,
        to: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Listens; port 0 lets the host choose. Errors: `AddrInUse`.
    fn listen(&self, on: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Waits by this network's clock.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Time of this network's clock.
    fn now(&self) -> Time;

    /// Begins `task` as one of `tasks`: on the runtime, unless this network has tasks of its own.
    fn spawn<T: Send + 'static>(
        &self,
        tasks: &mut JoinSet<T>,
        task: impl Future<Output = T> + Send + 'static,
    ) {
        tasks.spawn(task);
    }

    /// Runs `future` for at most `limit`.
    fn timeout<F>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        async move {
            tokio::select! {
                biased;
                out = future => Ok(out),
                () = self.sleep(limit) => Err(Elapsed),
            }
        }
    }
}

/// What a future gives that is ready now; `None`: it has to be waited for.
pub(crate) async fn at_once<F: Future + Unpin>(future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = std::future::ready(()) => None,
    }
}
