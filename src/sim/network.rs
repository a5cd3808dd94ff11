//! The simulated network: two hosts and a router in turmoil, on which the real client and server
//! run. Turmoil owns the hosts, the clock and the datagrams; their TCP and the path between them
//! are [`crate::sim::tcp`] and [`crate::sim::path`].
//!
//! A packet takes half of the one-way delay from its host to the router, and half from there. A
//! turmoil tick is a little shorter than that, and every message carries the exact time of its
//! arrival: it is at its receiver before that time, whatever the order of the hosts, so every
//! packet is handled at its exact time and the length of the tick changes nothing.

use super::path::router::{LinkCounters, Router, RouterHandle};
use super::path::{Direction, PathConfig, PathObserver};
use super::tcp::clock::{Clock, dilated};
use super::tcp::net::Host;
use super::tcp::stack::{Stack, TcpConfig, TcpCounters};
use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use turmoil::net::UdpSocket;

pub use super::path::{Cut, CutKind, Fate};
pub use super::tcp::net::{SimListener, SimNet, SimStream, Tap};

/// The hosts' addresses on the simulated network.
pub const CLIENT_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const SERVER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    pub path: PathConfig,
    pub tcp: TcpConfig,
    /// Decides loss, initial sequence numbers and ports, each in a stream of its own.
    pub seed: u64,
    /// The run ends then, finished or not.
    pub limit_us: u64,
    /// After the client has finished, connections may take so long to close.
    pub grace_us: u64,
}

impl NetworkConfig {
    pub fn new(path: PathConfig, seed: u64, limit_us: u64) -> Self {
        Self { path, tcp: TcpConfig::default(), seed, limit_us, grace_us: 2_000_000 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The client finished then.
    Finished { at_us: u64 },
    /// It had not finished at the limit.
    TimeLimit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunReport {
    pub end: RunEnd,
    /// All connections were closed when the run ended.
    pub quiet: bool,
    /// TCP of the client's and the server's host.
    pub client: TcpCounters,
    pub server: TcpCounters,
    /// The links from client to server and back.
    pub up: LinkCounters,
    pub down: LinkCounters,
}

impl RunReport {
    pub fn wire_bytes(&self) -> u64 {
        self.up.bytes + self.down.bytes
    }

    pub fn retransmits(&self) -> u64 {
        self.client.retransmits + self.server.retransmits
    }
}

#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("a round-trip time of {rtt_us} us is too short to simulate (at least {least} us)", least = PathConfig::MIN_RTT_US)]
    RttTooShort { rtt_us: u64 },
    #[error("a simulated host failed: {0}")]
    Host(String),
}

/// UDP ports of turmoil's hosts, below the modelled network.
const CARRIER_PORT: u16 = 9;
/// Ticks are no longer than this, so that runs end soon after their end.
const LONGEST_TICK_US: u64 = 100_000;
/// Departure or arrival time (8) and length (2) before each packet in a datagram.
const FRAME_BYTES: usize = 10;
const DATAGRAM_BYTES: usize = 256 * 1024;

/// Packets with their times, many in one datagram.
#[derive(Default)]
struct Carrier {
    buffer: Vec<u8>,
}

impl Carrier {
    fn send(
        &mut self,
        socket: &UdpSocket,
        to: Ipv4Addr,
        packets: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> io::Result<()> {
        self.buffer.clear();
        for (at_ns, packet) in packets {
            if self.buffer.len() + FRAME_BYTES + packet.len() > DATAGRAM_BYTES {
                self.flush(socket, to)?;
            }
            self.buffer.extend_from_slice(&at_ns.to_le_bytes());
            self.buffer.extend_from_slice(&(packet.len() as u16).to_le_bytes());
            self.buffer.extend_from_slice(&packet);
        }
        self.flush(socket, to)
    }

    fn flush(&mut self, socket: &UdpSocket, to: Ipv4Addr) -> io::Result<()> {
        if !self.buffer.is_empty() {
            socket.try_send_to(&self.buffer, (to, CARRIER_PORT))?;
            self.buffer.clear();
        }
        Ok(())
    }
}

fn unpack(mut datagram: &[u8]) -> impl Iterator<Item = (u64, Vec<u8>)> {
    std::iter::from_fn(move || {
        let (at, rest) = datagram.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (packet, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        datagram = rest;
        Some((u64::from_le_bytes(*at), packet.to_vec()))
    })
}

/// Turmoil's addresses of the three hosts.
#[derive(Clone, Copy)]
struct Carriers {
    client: Ipv4Addr,
    router: Ipv4Addr,
    server: Ipv4Addr,
}

/// Every host's first act. Time begins one tick later, when all of them are there to receive.
async fn carrier_socket(tick_us: u64) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, CARRIER_PORT)).await?;
    Clock::sleep_us(tick_us).await;
    Ok(socket)
}

/// Moves a host's packets between its stack and turmoil.
async fn pump_host(host: Arc<Host>, socket: UdpSocket, router: Ipv4Addr, hop_ns: u64) -> io::Result<()> {
    let mut datagram = vec![0; DATAGRAM_BYTES];
    let mut carrier = Carrier::default();
    let mut arrivals = Vec::new();
    loop {
        while let Ok((n, _)) = socket.try_recv_from(&mut datagram) {
            arrivals.extend(unpack(&datagram[..n]));
        }
        let (out, next_ns) = host.pump(&mut arrivals);
        carrier.send(&socket, router, out.into_iter().map(|(at, packet)| (at + hop_ns, packet)))?;
        tokio::select! {
            biased;
            ready = socket.readable() => ready?,
            () = host.kick.notified() => {}
            () = host.clock.until(next_ns) => {}
        }
    }
}

/// The router's host.
async fn pump_router(router: Rc<RefCell<Router>>, carriers: Carriers, tick_us: u64) -> io::Result<()> {
    let socket = carrier_socket(tick_us).await?;
    let clock = Clock::start();
    let mut datagram = vec![0; DATAGRAM_BYTES];
    let mut carrier = Carrier::default();
    loop {
        while let Ok((n, from)) = socket.try_recv_from(&mut datagram) {
            let direction = if from.ip() == carriers.client { Direction::Up } else { Direction::Down };
            for (at_ns, packet) in unpack(&datagram[..n]) {
                router.borrow_mut().enqueue(at_ns, direction, packet);
            }
        }
        let (out, next_ns) = {
            let mut router = router.borrow_mut();
            router.advance(clock.now_ns());
            (router.take_out(), router.next_ns())
        };
        let mut ways: [Vec<(u64, Vec<u8>)>; 2] = Default::default();
        for (direction, at_ns, packet) in out {
            ways[usize::from(direction == Direction::Down)].push((at_ns, packet));
        }
        let [up, down] = ways;
        carrier.send(&socket, carriers.server, up.into_iter())?;
        carrier.send(&socket, carriers.client, down.into_iter())?;
        tokio::select! {
            biased;
            ready = socket.readable() => ready?,
            () = clock.until(next_ns) => {}
        }
    }
}

/// Runs `client` and `server` on their hosts until the client has finished and the connections are
/// closed. What is left of the server then is dropped.
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
    let rtt_us = config.path.rtt_us;
    if rtt_us < PathConfig::MIN_RTT_US {
        return Err(NetworkError::RttTooShort { rtt_us });
    }
    let hop_ns = rtt_us * 1000 / 4;
    // Events lie up to a microsecond before the instant at which they are handled.
    let tick_us = (hop_ns / 1000 - 2).min(LONGEST_TICK_US);
    let longest = Duration::from_secs(u32::MAX.into());
    let mut sim = turmoil::Builder::new()
        .tick_duration(dilated(tick_us))
        .simulation_duration(longest)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::ZERO)
        .udp_capacity(1 << 20)
        .rng_seed(config.seed)
        .build();
    let carrier = |name: &str| match sim.lookup(name) {
        std::net::IpAddr::V4(ip) => Ok(ip),
        std::net::IpAddr::V6(_) => Err(NetworkError::Host("turmoil must number its hosts by IPv4".into())),
    };
    let carriers =
        Carriers { client: carrier("client")?, router: carrier("router")?, server: carrier("server")? };
    let handle = RouterHandle::default();
    let router =
        Rc::new(RefCell::new(Router::new(&config.path, hop_ns, config.seed, handle.clone(), observer)));
    let hosts: [Rc<OnceCell<Arc<Host>>>; 2] = Default::default();
    let finished = Rc::new(Cell::new(None));

    {
        let (stack, cell) = (Stack::new(config.tcp, CLIENT_IP, config.seed, "client"), hosts[0].clone());
        let (handle, finished) = (handle.clone(), finished.clone());
        sim.client("client", async move {
            let socket = carrier_socket(tick_us).await?;
            let host = cell.get_or_init(|| Host::new(stack)).clone();
            let net = host.boot();
            let app = async {
                client(net, handle).await;
                finished.set(Some(host.clock.now_us()));
                std::future::pending().await
            };
            beside(app, pump_host(host.clone(), socket, carriers.router, hop_ns)).await
        });
    }
    {
        let router = router.clone();
        sim.client("router", async move { pump_router(router, carriers, tick_us).await.map_err(Into::into) });
    }
    {
        let (stack, cell) = (Stack::new(config.tcp, SERVER_IP, config.seed, "server"), hosts[1].clone());
        sim.client("server", async move {
            let socket = carrier_socket(tick_us).await?;
            let host = cell.get_or_init(|| Host::new(stack)).clone();
            let net = host.boot();
            let app = async {
                server(net, handle).await;
                std::future::pending().await
            };
            beside(app, pump_host(host.clone(), socket, carriers.router, hop_ns)).await
        });
    }

    let mut quiet = false;
    let mut now_us = 0;
    let step = |sim: &mut turmoil::Sim<'_>| sim.step().map_err(|error| NetworkError::Host(error.to_string()));
    step(&mut sim)?;
    while now_us < config.limit_us {
        step(&mut sim)?;
        now_us += tick_us;
        if let Some(at_us) = finished.get() {
            quiet = router.borrow().is_quiet()
                && hosts.iter().all(|host| host.get().is_some_and(|h| h.is_quiet()));
            if quiet || now_us >= at_us + config.grace_us {
                break;
            }
        }
    }
    let counters = |index: usize| hosts[index].get().map(|host| host.counters()).unwrap_or_default();
    let report = RunReport {
        end: finished.get().map_or(RunEnd::TimeLimit, |at_us| RunEnd::Finished { at_us }),
        quiet,
        client: counters(0),
        server: counters(1),
        up: router.borrow().counters(Direction::Up),
        down: router.borrow().counters(Direction::Down),
    };
    // What is dropped with the hosts must not use their clocks any more.
    hosts.iter().filter_map(|host| host.get()).for_each(|host| host.halt());
    drop(sim);
    Ok(report)
}

/// Runs the application and the host's pump; the application first.
async fn beside(
    app: impl Future<Output = io::Result<()>>,
    pump: impl Future<Output = io::Result<()>>,
) -> turmoil::Result {
    tokio::select! {
        biased;
        done = app => done?,
        done = pump => done?,
    }
    Ok(())
}
