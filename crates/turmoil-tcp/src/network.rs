//! The simulated network: hosts and a router on which real clients and servers run. They live on one host of
//! turmoil's, whose runtime and clock they share; their TCP and the path between them are [`crate::tcp`] and
//! [`crate::path`].
//!
//! A packet takes half of the one-way delay from its host to the router, and half from there. Hosts and router
//! take turns at windows of time that are a little shorter than that: whatever their order, every packet is
//! there before its time, and is handled at it exactly; the length of the windows changes nothing.

mod driver;
mod member;
mod world;

use crate::path::router::{LinkCounters, RouterHandle};
use crate::path::{Direction, PathConfig, PathObserver};
use crate::tcp::stack::{Held, TcpConfig, TcpCounters};
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;

pub use crate::path::{Cut, CutKind, Fate, Order};
pub use crate::tcp::net::{SimListener, SimNet, SimStream, Tap};

/// The client's address on the simulated network.
pub const CLIENT_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The server's address on the simulated network.
pub const SERVER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// What decides a run, beside its applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The path between clients and servers.
    pub path: PathConfig,
    /// The TCP of every host.
    pub tcp: TcpConfig,
    /// Decides loss, initial sequence numbers and ports, each in a stream of its own.
    pub seed: u64,
    /// The run ends then, finished or not.
    pub limit_us: u64,
    /// After the client has finished, connections may take so long to close.
    pub grace_us: u64,
}

impl NetworkConfig {
    /// Hosts with buffers that fit `path`, and two seconds for connections to close.
    pub fn new(path: PathConfig, seed: u64, limit_us: u64) -> Self {
        let tcp = TcpConfig::for_bytes_in_flight(path.most_bytes_in_flight());
        Self { path, tcp, seed, limit_us, grace_us: 2_000_000 }
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The client finished then.
    Finished {
        /// Virtual time.
        at_us: u64,
    },
    /// It had not finished at the limit.
    TimeLimit,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Why it ended.
    pub end: RunEnd,
    /// All connections were closed when the run ended.
    pub quiet: bool,
    /// Sockets that the client's processes held then.
    pub client_held: Held,
    /// Sockets that the server's processes held then.
    pub server_held: Held,
    /// TCP of the client's host.
    pub client: TcpCounters,
    /// TCP of the server's host.
    pub server: TcpCounters,
    /// The link from client to server.
    pub up: LinkCounters,
    /// The link from server to client.
    pub down: LinkCounters,
}

impl RunReport {
    /// IP bytes on the links, both ways.
    pub fn wire_bytes(&self) -> u64 {
        self.up.bytes + self.down.bytes
    }

    /// Segments that either host sent again, SYNs included.
    pub fn retransmits(&self) -> u64 {
        self.client.retransmits + self.server.retransmits
    }
}

/// Of the client that was added first, and the server that was added second.
impl From<NetworkReport> for RunReport {
    fn from(NetworkReport { end, quiet, hosts, up, down }: NetworkReport) -> Self {
        let of_host = |n| hosts.get(n).map(|host: &HostReport| (host.held, host.tcp)).unwrap_or_default();
        let ((client_held, client), (server_held, server)) = (of_host(0), of_host(1));
        Self { end, quiet, client_held, server_held, client, server, up, down }
    }
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The path is shorter than [`PathConfig::MIN_RTT_US`].
    #[error("a round-trip time of {rtt_us} us is too short to simulate (at least {least} us)", least = PathConfig::MIN_RTT_US)]
    RttTooShort {
        /// What was asked for.
        rtt_us: u64,
    },
    /// Two hosts have this name, or a host has the router's.
    #[error("a second host named {0:?}")]
    HostName(String),
    /// Turmoil or an application failed; the text says how.
    #[error("a simulated host failed: {0}")]
    Host(String),
}

/// Runs `client` and `server` on their hosts until the client has finished and the connections are
/// closed. What is left of the server then is dropped.
///
/// # Errors
///
/// [`NetworkError::RttTooShort`], or [`NetworkError::Host`] if turmoil fails.
pub fn run<C, S>(
    config: &NetworkConfig,
    observer: Arc<dyn PathObserver>,
    client: impl FnOnce(SimNet, RouterHandle) -> C + 'static,
    server: impl FnOnce(SimNet, RouterHandle) -> S + 'static,
) -> Result<RunReport, NetworkError>
where
    C: Future<Output = ()> + 'static,
    S: Future<Output = ()> + 'static,
{
    let mut network = Network::new(config, observer);
    network.client("client", client);
    network.server("server", server);
    network.run().map(RunReport::from)
}

type App = Box<dyn FnOnce(SimNet, RouterHandle) -> Pin<Box<dyn Future<Output = ()>>>>;

/// A host to be: its name (turmoil's, and that of its stack's random streams), its side of the path and
/// what runs on it.
struct Plan {
    name: String,
    sends: Direction,
    app: App,
}

/// Any number of clients and servers, with the path between them: all clients share its link up and all
/// servers its link down. They have the addresses 10.0.0.1, 10.0.0.2 and so on, in the order in which
/// they are added.
///
/// The path has two sides. What a client sends to another client, or a server to another server, is
/// delivered to nobody.
pub struct Network {
    config: NetworkConfig,
    observer: Arc<dyn PathObserver>,
    plans: Vec<Plan>,
}

/// What one host came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// The name it was added by.
    pub name: String,
    /// Its address.
    pub ip: Ipv4Addr,
    /// When its application returned; always `None` for a server.
    pub finished_us: Option<u64>,
    /// Sockets that its processes held when the run ended.
    pub held: Held,
    /// What its TCP has done.
    pub tcp: TcpCounters,
}

/// What a run of a [`Network`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkReport {
    /// Why it ended: all clients had finished (the last of them then), or time was up.
    pub end: RunEnd,
    /// All connections were closed when the run ended.
    pub quiet: bool,
    /// The hosts, in the order in which they were added.
    pub hosts: Vec<HostReport>,
    /// The link from the clients to the servers.
    pub up: LinkCounters,
    /// The link from the servers to the clients.
    pub down: LinkCounters,
}

impl Network {
    /// A network without hosts. `config.tcp` is the TCP of every host.
    pub fn new(config: &NetworkConfig, observer: Arc<dyn PathObserver>) -> Self {
        Self { config: *config, observer, plans: Vec::new() }
    }

    /// Adds a host on the clients' side of the path; its address. The run ends when the applications
    /// of all clients have returned.
    pub fn client<A>(&mut self, name: &str, app: impl FnOnce(SimNet, RouterHandle) -> A + 'static) -> Ipv4Addr
    where
        A: Future<Output = ()> + 'static,
    {
        self.add(name, Direction::Up, app)
    }

    /// Adds a host on the servers' side of the path; its address. What is left of its application when
    /// the run ends is dropped.
    pub fn server<A>(&mut self, name: &str, app: impl FnOnce(SimNet, RouterHandle) -> A + 'static) -> Ipv4Addr
    where
        A: Future<Output = ()> + 'static,
    {
        self.add(name, Direction::Down, app)
    }

    fn add<A>(
        &mut self,
        name: &str,
        sends: Direction,
        app: impl FnOnce(SimNet, RouterHandle) -> A + 'static,
    ) -> Ipv4Addr
    where
        A: Future<Output = ()> + 'static,
    {
        let app: App = Box::new(move |net, router| Box::pin(app(net, router)));
        self.plans.push(Plan { name: name.to_owned(), sends, app });
        address(self.plans.len() - 1)
    }

    /// Runs until all clients have finished and the connections are closed, or time is up.
    ///
    /// # Errors
    ///
    /// [`NetworkError::RttTooShort`]; [`NetworkError::HostName`] for two hosts of one name, or one named
    /// "router"; [`NetworkError::Host`] if turmoil fails.
    pub fn run(self) -> Result<NetworkReport, NetworkError> {
        world::run(&self.config, self.observer, self.plans)
    }
}

/// Of the host that was added after `before` others.
fn address(before: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(CLIENT_IP.to_bits() + before as u32)
}
