//! An FTP-aware split proxy over real sockets: between a client and a server, it puts itself in the place of
//! each side's data address, passes everything on, and commits one fault.

mod control;
mod data;
mod kernel;
mod leg;
mod lines;
mod tls;
mod watched;

pub(super) use tls::{Certificate, ProxyTls};
pub(super) use watched::{Plan, Seen, Victim, Watched};

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// So many connections a run may open, control and data each.
const CONNECTIONS: usize = 256;
/// Data ports, below Linux's ephemeral ones, so that no outgoing connection holds one, and beside those of the
/// servers that we start.
const PORTS: std::ops::Range<u16> = 12_000..20_000;

static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// The proxy of one run: it ends, with all its connections, when it is dropped.
pub(super) struct Proxy {
    /// Where clients connect to.
    pub address: SocketAddr,
    /// The run.
    pub watched: Arc<Watched>,
    _attending: JoinSet<()>,
}

impl Proxy {
    /// On a free port of the server's kind of loopback address.
    pub(super) async fn start(server: SocketAddr, plan: Plan) -> io::Result<Self> {
        let ip: IpAddr =
            if server.is_ipv4() { [127, 0, 0, 1].into() } else { [0, 0, 0, 0, 0, 0, 0, 1].into() };
        let listener = TcpListener::bind((ip, 0)).await?;
        let address = listener.local_addr()?;
        let watched = Arc::new(Watched::new(plan));
        let mut attending = JoinSet::new();
        attending.spawn(attend(listener, server, Arc::clone(&watched)));
        Ok(Self { address, watched, _attending: attending })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.watched.end();
    }
}

async fn attend(listener: TcpListener, server: SocketAddr, watched: Arc<Watched>) {
    for _ in 0..CONNECTIONS {
        let Ok((client, _)) = listener.accept().await else { return };
        // A session that cannot be had is one that has ended: the client sees it.
        if let Ok(server) = TcpStream::connect(server).await {
            watched.spawn(control::session(client, server, Arc::clone(&watched)));
        }
    }
}

/// A bound socket for one data connection: whoever connects before it listens is refused. Each port is tried by
/// one job only.
fn data_socket(ip: IpAddr) -> io::Result<TcpSocket> {
    let mut last = io::Error::other("no port is free");
    let start = (std::process::id() % 80) as u16 * 100;
    for _ in 0..200 {
        let offset = NEXT_PORT.fetch_add(1, Relaxed).wrapping_add(start) % (PORTS.end - PORTS.start);
        let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        match socket.bind((ip, PORTS.start + offset).into()) {
            Ok(()) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
