//! Real sockets: tokio's TCP with TCP_NODELAY, and the machine's monotonic clock.
#![allow(clippy::disallowed_methods, reason = "the one place that reads the real clock")]

use super::{Listener, Net, Stream, Time};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// As many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

#[derive(Clone, Copy, Debug)]
pub struct RealNet {
    start: Instant,
}

impl RealNet {
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for RealNet {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream for TcpStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpStream::local_addr(self)
    }
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        TcpStream::peer_addr(self)
    }
    fn abort(self) {
        // A close with zero linger time sends RST; if the option cannot be set, the drop still closes.
        let _ = self.set_zero_linger();
    }
    fn read_past_mark(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Not by way of tokio: it takes a read cut short by the mark for all there is.
        io::Read::read(&mut &*socket2::SockRef::from(&*self), buffer)
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

fn socket(for_addr: &SocketAddr) -> io::Result<TcpSocket> {
    match for_addr {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
}

impl Net for RealNet {
    type Stream = TcpStream;
    type Listener = TcpListener;

    async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = socket(&to)?;
        if let Some(ip) = from {
            socket.bind(SocketAddr::new(ip, 0))?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn listen(&self, on: SocketAddr) -> io::Result<TcpListener> {
        let socket = socket(&on)?;
        socket.set_reuseaddr(true)?;
        // Telnet's Synch sends urgent data (RFC 854): clients send part of ABOR so. Accepted
        // connections inherit that it is read with the rest.
        socket2::SockRef::from(&socket).set_out_of_band_inline(true)?;
        socket.bind(on)?;
        socket.listen(BACKLOG)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn now(&self) -> Time {
        self.start.elapsed()
    }
}
