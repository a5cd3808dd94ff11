//! A connected socket.

use super::super::{Pace, Stream};
#[cfg(unix)]
use super::busy_poll;
use socket2::SockRef;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A socket that has been read or written so often is watched: tokio sees to it that it does not
/// keep a thread for itself.
const RAW_CALLS: u32 = 16;
/// Longer writes are not held back.
const MAX_HELD_WRITE_BYTES: usize = 16 * 1024;
/// What is held back at most.
const MAX_HELD_BYTES: usize = 64 * 1024;

/// A TCP connection of the machine.
pub struct RealStream {
    io: Io,
    /// If known.
    local: Option<SocketAddr>,
    peer: SocketAddr,
    pace: Pace,
    /// What has come is acknowledged before a wait.
    acknowledges: AtomicBool,
    /// Written, but not sent: see [`Pace::Together`].
    held: Vec<u8>,
}

enum Io {
    /// Does not block; so often tried.
    Raw(std::net::TcpStream, u32),
    /// By the reactor, since it had to be waited for. Only the looks before a sleep (`busy_poll`) share it.
    Watched(Arc<Mutex<TcpStream>>),
    /// Could not be watched.
    Gone,
}

fn locked(socket: &Mutex<TcpStream>) -> MutexGuard<'_, TcpStream> {
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// What does not come from waiting.
fn done<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
        other => Some(other),
    }
}

/// So that what is sent next, or the FIN, leaves with it.
fn send_with_next(socket: &SockRef<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    let flags = rustix::net::SendFlags::MORE.bits().cast_signed();
    #[cfg(not(target_os = "linux"))]
    let flags = 0;
    socket.send_vectored_with_flags(slices, flags)
}

impl RealStream {
    /// Of a socket that does not block.
    pub(super) fn raw(socket: std::net::TcpStream, local: Option<SocketAddr>, peer: SocketAddr) -> Self {
        Self::of(Io::Raw(socket, 0), local, peer)
    }

    pub(super) fn watched(socket: TcpStream, local: Option<SocketAddr>, peer: SocketAddr) -> Self {
        Self::of(Io::Watched(Arc::new(Mutex::new(socket))), local, peer)
    }

    fn of(io: Io, local: Option<SocketAddr>, peer: SocketAddr) -> Self {
        Self { io, local, peer, pace: Pace::Now, acknowledges: AtomicBool::new(false), held: Vec::new() }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn with_socket<T>(&self, f: impl FnOnce(SockRef<'_>) -> io::Result<T>) -> io::Result<T> {
        match &self.io {
            Io::Raw(socket, _) => f(SockRef::from(socket)),
            Io::Watched(socket) => f(SockRef::from(&*locked(socket))),
            Io::Gone => Err(gone()),
        }
    }

    /// The socket, if it may be tried before it is watched.
    fn tried_first(&mut self) -> Option<&mut std::net::TcpStream> {
        match &mut self.io {
            Io::Raw(socket, calls) if *calls < RAW_CALLS => {
                *calls += 1;
                Some(socket)
            }
            _ => None,
        }
    }

    fn watch(&mut self) -> io::Result<Arc<Mutex<TcpStream>>> {
        if let Io::Raw(..) = self.io
            && let Io::Raw(socket, _) = std::mem::replace(&mut self.io, Io::Gone)
        {
            self.io = Io::Watched(Arc::new(Mutex::new(TcpStream::from_std(socket)?)));
        }
        match &self.io {
            Io::Watched(socket) => Ok(socket.clone()),
            Io::Raw(..) | Io::Gone => Err(gone()),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let with_next = self.pace == Pace::WithClose;
        if let Some(socket) = self.tried_first() {
            let sent = match with_next {
                true => send_with_next(&SockRef::from(&*socket), slices),
                false => socket.write_vectored(slices),
            };
            if let Some(result) = done(sent) {
                return Poll::Ready(result);
            }
        }
        let socket = self.watch()?;
        let mut socket = locked(&socket);
        if !with_next {
            return Pin::new(&mut *socket).poll_write_vectored(cx, slices);
        }
        loop {
            ready!(socket.poll_write_ready(cx))?;
            let send = || send_with_next(&SockRef::from(&*socket), slices);
            if let Some(result) = done(socket.try_io(Interest::WRITABLE, send)) {
                return Poll::Ready(result);
            }
        }
    }

    fn poll_send_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            let sent = self.poll_send(cx, &[IoSlice::new(&held)]);
            self.held = held;
            match ready!(sent)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => drop(self.held.drain(..sent)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream for RealStream {
    const HEEDS_PACE: bool = true;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match self.local {
            Some(local) => Ok(local),
            None => self.with_socket(|socket| {
                socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
            }),
        }
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    fn abort(mut self) {
        self.held.clear();
        // A close with zero linger time sends RST; if the option cannot be set, the drop still closes.
        let _ = self.with_socket(|socket| socket.set_linger(Some(std::time::Duration::ZERO)));
    }

    fn read_past_mark(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The read does not go by way of tokio, which takes a read cut short by the mark for all there is.
        self.with_socket(|socket| Read::read(&mut &*socket, buffer))
    }

    fn prompt(&self) -> io::Result<()> {
        self.with_socket(|socket| socket.set_tcp_nodelay(true))
    }

    fn acknowledge(&self) {
        self.acknowledges.store(true, Relaxed);
    }

    fn control(&self) -> io::Result<()> {
        // Telnet's Synch sends urgent data (RFC 854): clients send part of ABOR so. They are read
        // with the rest.
        self.with_socket(|socket| {
            socket.set_tcp_nodelay(true)?;
            socket.set_out_of_band_inline(true)
        })
    }

    fn pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.flush().await
    }
}

impl AsyncRead for RealStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(socket) = self.tried_first()
            && let Some(result) = done(socket.read(buffer.initialize_unfilled()))
        {
            return Poll::Ready(result.map(|read| buffer.advance(read)));
        }
        let socket = self.watch()?;
        let read = Pin::new(&mut *locked(&socket)).poll_read(cx, buffer);
        #[cfg(target_os = "linux")]
        if read.is_pending() && self.acknowledges.load(Relaxed) {
            // The kernel takes it for this once; where it does not, it is slower.
            let _ = SockRef::from(&*locked(&socket)).set_tcp_quickack(true);
        }
        #[cfg(unix)]
        if read.is_pending() {
            busy_poll::awaits(&socket);
        }
        read
    }
}

impl AsyncWrite for RealStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        let holds = self.pace == Pace::Together && bytes <= MAX_HELD_WRITE_BYTES;
        if !holds || self.held.len() + bytes > MAX_HELD_BYTES {
            ready!(self.poll_send_held(cx))?;
        }
        if !holds {
            return self.poll_send(cx, slices);
        }
        for slice in slices {
            self.held.extend_from_slice(slice);
        }
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send_held(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send_held(cx))?;
        Poll::Ready(self.with_socket(|socket| socket.shutdown(std::net::Shutdown::Write)))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    /// Whoever has answered is taken by the kernel for one that will answer again, with which the acknowledgement can
    /// go; that is what an upload's server is not.
    #[tokio::test]
    async fn a_stream_that_acknowledges_does_not_wait_for_an_answer_to_do_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, peer) = listener.accept().await.unwrap();
        let mut server = RealStream::watched(socket, None, peer);
        let acknowledges_at_once =
            |server: &RealStream| server.with_socket(|socket| socket.tcp_quickack()).unwrap();
        for _ in 0..20 {
            client.write_all(b"?").await.unwrap();
            server.read_u8().await.unwrap();
            server.write_all(b"!").await.unwrap();
            client.read_u8().await.unwrap();
        }
        let wait = async |server: &mut RealStream| {
            tokio::select! {
                biased;
                _ = server.read_u8() => panic!("nothing was sent"),
                () = tokio::task::yield_now() => {}
            }
        };
        wait(&mut server).await;
        assert!(!acknowledges_at_once(&server), "without being asked");
        server.acknowledge();
        wait(&mut server).await;
        assert!(acknowledges_at_once(&server));
    }

    /// Urgent data, of which a client sends part of ABOR, come with the rest (RFC 854), and replies do not wait.
    #[tokio::test]
    async fn hints_are_told_to_the_system() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hints = |stream: &RealStream| {
            stream.with_socket(|socket| Ok((socket.tcp_nodelay()?, socket.out_of_band_inline()?))).unwrap()
        };
        let connected = async || {
            let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (socket, peer) = listener.accept().await.unwrap();
            RealStream::watched(socket, None, peer)
        };
        let (data, control) = (connected().await, connected().await);
        assert_eq!((hints(&data), hints(&control)), ((false, false), (false, false)));
        data.prompt().unwrap();
        control.control().unwrap();
        assert_eq!((hints(&data), hints(&control)), ((true, false), (true, true)));
    }
}
