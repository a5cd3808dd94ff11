//! A network that breaks data connections.

use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::net::real::{RealListener as TcpListener, RealStream as TcpStream};
use ftp_endpoint::net::{Listener, Net, Stream, Time};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Real sockets, but each connection after the first (the control connection) is reset after so
/// many bytes in both directions together, as long as cuts are left.
#[derive(Clone)]
pub(crate) struct CutNet {
    real: RealNet,
    opened: Arc<AtomicU64>,
    cuts: Arc<AtomicU64>,
    after_bytes: u64,
}

impl CutNet {
    pub(crate) fn new(cuts: u64, after_bytes: u64) -> Self {
        let (opened, cuts) = (Arc::default(), Arc::new(AtomicU64::new(cuts)));
        Self { real: RealNet::new(), opened, cuts, after_bytes }
    }

    pub(crate) fn cuts_left(&self) -> u64 {
        self.cuts.load(Relaxed)
    }
}

pub(crate) struct CutStream {
    stream: Option<TcpStream>,
    /// `None`: never cut.
    left_bytes: Option<u64>,
    cuts: Arc<AtomicU64>,
}

impl CutStream {
    /// Bytes that may still pass; when there are none, the connection is reset.
    fn room(&mut self, wanted: usize) -> io::Result<usize> {
        match self.left_bytes {
            None => Ok(wanted),
            Some(0) => {
                if let Some(stream) = self.stream.take() {
                    self.cuts.fetch_sub(1, Relaxed);
                    // RST takes away what the peer has not read yet: let it read.
                    tokio::spawn(async move {
                        RealNet::new().sleep(Duration::from_millis(100)).await;
                        stream.abort();
                    });
                }
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(left) => Ok(wanted.min(left as usize)),
        }
    }

    fn passed(&mut self, bytes: usize) {
        if let Some(left) = &mut self.left_bytes {
            *left -= bytes as u64;
        }
    }

    fn inner(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = self.room(buf.remaining())?;
        let mut bytes = vec![0; room.min(65_536)];
        let mut part = ReadBuf::new(&mut bytes);
        std::task::ready!(self.inner()?.poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.put_slice(part.filled());
        self.passed(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = self.room(bytes.len())?;
        let written = std::task::ready!(self.inner()?.poll_write(cx, &bytes[..room]))?;
        self.passed(written);
        Poll::Ready(Ok(written))
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_shutdown(cx)
    }
}

impl Stream for CutStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.as_ref().map_or_else(|| Err(io::ErrorKind::NotConnected.into()), TcpStream::local_addr)
    }
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.as_ref().map_or_else(|| Err(io::ErrorKind::NotConnected.into()), TcpStream::peer_addr)
    }
    fn abort(self) {
        if let Some(stream) = self.stream {
            stream.abort();
        }
    }
}

pub(crate) struct CutListener(TcpListener, CutNet);

impl Listener for CutListener {
    type Stream = CutStream;
    async fn accept(&self) -> io::Result<(CutStream, SocketAddr)> {
        let (stream, peer) = Listener::accept(&self.0).await?;
        Ok((self.1.wrap(stream), peer))
    }
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Listener::local_addr(&self.0)
    }
}

impl CutNet {
    fn wrap(&self, stream: TcpStream) -> CutStream {
        let is_control = self.opened.fetch_add(1, Relaxed) == 0;
        let left_bytes = (!is_control && self.cuts_left() > 0).then_some(self.after_bytes);
        CutStream { stream: Some(stream), left_bytes, cuts: self.cuts.clone() }
    }
}

impl Net for CutNet {
    type Stream = CutStream;
    type Listener = CutListener;

    async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<CutStream> {
        Ok(self.wrap(self.real.connect(from, to).await?))
    }
    async fn listen(&self, on: SocketAddr) -> io::Result<CutListener> {
        Ok(CutListener(self.real.listen(on).await?, self.clone()))
    }
    async fn sleep(&self, duration: Duration) {
        self.real.sleep(duration).await;
    }
    fn now(&self) -> Time {
        self.real.now()
    }
}
