//! A network in memory, on tokio's clock: with the clock paused, waiting costs no time.

use ftp_endpoint::net::{Listener, Net, Stream, Time};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

/// What one direction of a connection holds before its writer waits.
const PIPE_BYTES: usize = 64 * 1024;

type Backlog = mpsc::UnboundedSender<MemoryStream>;

#[derive(Default)]
struct Fabric {
    listeners: Mutex<BTreeMap<SocketAddr, Backlog>>,
    next_port: AtomicU16,
    /// So many accepts fail before the next one succeeds.
    failing_accepts: AtomicU64,
}

impl Fabric {
    fn port(&self) -> u16 {
        20_000 + self.next_port.fetch_add(1, Ordering::Relaxed) % 40_000
    }
}

/// One host's view of the fabric.
#[derive(Clone)]
pub struct MemoryNet {
    fabric: Arc<Fabric>,
    ip: IpAddr,
    start: tokio::time::Instant,
}

impl MemoryNet {
    pub fn new(ip: IpAddr) -> Self {
        Self { fabric: Arc::default(), ip, start: tokio::time::Instant::now() }
    }

    pub fn host(&self, ip: impl Into<IpAddr>) -> Self {
        Self { ip: ip.into(), ..self.clone() }
    }

    /// The next accepts fail, as for want of descriptors.
    pub fn fail_accepts(&self, times: u64) {
        self.fabric.failing_accepts.store(times, Ordering::Relaxed);
    }

    pub fn listening(&self) -> usize {
        self.fabric.listeners.lock().unwrap().values().filter(|backlog| !backlog.is_closed()).count()
    }

    pub async fn connect_from_port(&self, port: u16, to: SocketAddr) -> io::Result<MemoryStream> {
        let backlog = self.fabric.listeners.lock().unwrap().get(&to).cloned();
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let backlog = backlog.ok_or_else(refused)?;
        let (here, there) = tokio::io::duplex(PIPE_BYTES);
        let reset = Arc::new(AtomicBool::new(false));
        let local = SocketAddr::new(self.ip, port);
        let stream = |pipe, local, peer| MemoryStream { pipe, local, peer, reset: reset.clone() };
        backlog.send(stream(there, to, local)).map_err(|_| refused())?;
        Ok(stream(here, local, to))
    }
}

pub struct MemoryStream {
    pipe: DuplexStream,
    local: SocketAddr,
    peer: SocketAddr,
    reset: Arc<AtomicBool>,
}

impl Stream for MemoryStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
    fn abort(self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let before = out.filled().len();
        let polled = Pin::new(&mut self.pipe).poll_read(cx, out);
        let ended = matches!(polled, Poll::Ready(Ok(()))) && out.filled().len() == before;
        if ended && self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        polled
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

pub struct MemoryListener {
    address: SocketAddr,
    fabric: Arc<Fabric>,
    backlog: tokio::sync::Mutex<mpsc::UnboundedReceiver<MemoryStream>>,
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        self.fabric.listeners.lock().unwrap().remove(&self.address);
    }
}

impl Listener for MemoryListener {
    type Stream = MemoryStream;
    async fn accept(&self) -> io::Result<(MemoryStream, SocketAddr)> {
        let failing = &self.fabric.failing_accepts;
        if failing.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(io::Error::other("too many open files"));
        }
        let stream = self.backlog.lock().await.recv().await.ok_or(io::ErrorKind::NotConnected)?;
        let peer = stream.peer;
        Ok((stream, peer))
    }
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Net for MemoryNet {
    type Stream = MemoryStream;
    type Listener = MemoryListener;

    async fn connect(&self, _from: Option<IpAddr>, to: SocketAddr) -> io::Result<MemoryStream> {
        self.connect_from_port(self.fabric.port(), to).await
    }

    async fn listen(&self, on: SocketAddr) -> io::Result<MemoryListener> {
        let port = if on.port() == 0 { self.fabric.port() } else { on.port() };
        let address = SocketAddr::new(on.ip(), port);
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut listeners = self.fabric.listeners.lock().unwrap();
        if listeners.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        listeners.insert(address, sender);
        let backlog = tokio::sync::Mutex::new(receiver);
        Ok(MemoryListener { address, fabric: self.fabric.clone(), backlog })
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn now(&self) -> Time {
        self.start.elapsed()
    }
}
