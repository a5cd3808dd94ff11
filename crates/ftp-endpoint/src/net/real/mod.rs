//! Real sockets, and the machine's monotonic clock.
//!
//! A delivery of small files in stream mode opens a data connection for each, so that what a
//! connection costs in system calls is what a file costs. Sockets are tried before they are
//! watched: many a data connection is accepted, moves its file and is closed without having
//! waited for anything, and then tokio's reactor never hears of it.
#![allow(clippy::disallowed_methods, reason = "the one place that reads the real clock")]

#[cfg(unix)]
mod busy_poll;
mod listener;
mod nonblocking;
mod stream;
#[cfg(test)]
mod tests;

use super::{Net, Time};
pub use listener::RealListener;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
pub use stream::RealStream;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};

/// The machine's sockets and its monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct RealNet {
    start: Instant,
}

impl RealNet {
    /// Its time begins now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for RealNet {
    fn default() -> Self {
        Self::new()
    }
}

/// Less than any timeout of use.
const TICK: Duration = Duration::from_millis(500);

/// For one thread's sockets. Before it sleeps, it looks for a moment whether what it waits for comes
/// at once: on a loopback, or a fast local network, the answer is there before a processor has
/// fallen asleep and been woken (on a virtual machine some 30 us). Where answers take longer it
/// soon stops looking.
pub fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all();
    #[cfg(unix)]
    if std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
        builder.on_thread_park(busy_poll::before_park);
    }
    let runtime = builder.build()?;
    // A timer that is due before all others makes tokio wake its own driver by an eventfd: two system
    // calls for each wait of a transfer, which is shorter than the idle session's. This one always
    // comes first.
    runtime.spawn(async {
        loop {
            tokio::time::sleep(TICK).await;
        }
    });
    Ok(runtime)
}

fn socket(for_addr: &SocketAddr) -> io::Result<TcpSocket> {
    match for_addr {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
}

impl Net for RealNet {
    const PIECE_BYTES: usize = 4 * 65_535;
    const MAX_READ_BYTES: usize = 256 * 1024;
    type Stream = RealStream;
    type Listener = RealListener;

    async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<RealStream> {
        let from = from.map(|ip| SocketAddr::new(ip, 0));
        if let Some(begun) = nonblocking::connect(from, to)? {
            return match begun {
                nonblocking::Connecting::Done(socket) => Ok(RealStream::raw(socket, None, to)),
                nonblocking::Connecting::Begun(socket) => {
                    let stream = tokio::net::TcpStream::from_std(socket)?;
                    stream.writable().await?;
                    match stream.take_error()? {
                        Some(error) => Err(error),
                        None => Ok(RealStream::watched(stream, None, to)),
                    }
                }
            };
        }
        let socket = socket(&to)?;
        if let Some(from) = from {
            socket.bind(from)?;
        }
        Ok(RealStream::watched(socket.connect(to).await?, None, to))
    }

    async fn listen(&self, on: SocketAddr) -> io::Result<RealListener> {
        RealListener::open(on)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn now(&self) -> Time {
        self.start.elapsed()
    }
}
