//! The simulated network as client and server see it: [`ftp_endpoint::net::Net`] over a process of a
//! simulated host.

use ftp_endpoint::net::{Listener, Net, Stream, Time};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use turmoil_tcp::network::{SimListener, SimNet, SimStream};

/// The sockets and the clock of one process.
#[derive(Clone)]
pub struct ProcessNet(pub SimNet);

/// A listening socket of the process.
pub struct ProcessListener(SimListener);

/// A connection of the process.
pub struct ProcessStream(SimStream);

impl Net for ProcessNet {
    type Stream = ProcessStream;
    type Listener = ProcessListener;

    async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<ProcessStream> {
        self.0.connect(from, to).await.map(ProcessStream)
    }

    async fn listen(&self, on: SocketAddr) -> io::Result<ProcessListener> {
        self.0.listen(on).await.map(ProcessListener)
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    fn now(&self) -> Time {
        self.0.now()
    }

    /// A host's tasks are its own: it knows when none of them can run.
    fn spawn<T: Send + 'static>(
        &self,
        tasks: &mut JoinSet<T>,
        task: impl Future<Output = T> + Send + 'static,
    ) {
        tasks.spawn_local(task);
    }
}

impl Listener for ProcessListener {
    type Stream = ProcessStream;

    async fn accept(&self) -> io::Result<(ProcessStream, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((ProcessStream(stream), peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local_addr())
    }
}

impl Stream for ProcessStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local_addr())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.peer_addr())
    }

    fn abort(self) {
        self.0.abort();
    }
}

impl AsyncRead for ProcessStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for ProcessStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
