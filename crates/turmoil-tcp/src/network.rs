//! The simulated network: two hosts and a router in turmoil, on which the real client and server
//! run. Turmoil owns the hosts, the clock and the datagrams; their TCP and the path between them
//! are [`crate::tcp`] and [`crate::path`].
//!
//! A packet takes half of the one-way delay from its host to the router, and half from there. A
//! turmoil tick is a little shorter than that, and every message carries the exact time of its
//! arrival: it is at its receiver before that time, whatever the order of the hosts, so every
//! packet is handled at its exact time and the length of the tick changes nothing.

mod encapsulation;
mod pump;
mod time_skip;

use crate::path::router::{LinkCounters, Router, RouterHandle};
use crate::path::{Direction, PathConfig, PathObserver};
use crate::tcp::clock::{Clock, dilated};
use crate::tcp::net::Host;
use crate::tcp::stack::{Held, Stack, TcpConfig, TcpCounters};
use encapsulation::{Addresses, Encapsulation};
use pump::{run_host, run_router};
use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use time_skip::TimeSkips;

pub use crate::path::{Cut, CutKind, Fate, Order};
pub use crate::tcp::net::{SimListener, SimNet, SimStream, Tap};

/// The client's address on the simulated network.
pub const CLIENT_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The server's address on the simulated network.
pub const SERVER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// What decides a run, beside its applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The path between the hosts.
    pub path: PathConfig,
    /// The TCP of both hosts.
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

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The path is shorter than [`PathConfig::MIN_RTT_US`].
    #[error("a round-trip time of {rtt_us} us is too short to simulate (at least {least} us)", least = PathConfig::MIN_RTT_US)]
    RttTooShort {
        /// What was asked for.
        rtt_us: u64,
    },
    /// Turmoil or a host of it failed; the text says how.
    #[error("a simulated host failed: {0}")]
    Host(String),
}

/// Ticks are no longer than this, so that runs end soon after their end.
const LONGEST_TICK_US: u64 = 100_000;

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
    let mut world = World::new(config, observer)?;
    let finished = world.finished.clone();
    // The order in which turmoil runs its hosts.
    world.spawn_host(0, move |net, handle, clock| async move {
        client(net, handle).await;
        finished.set(Some(clock.now_us()));
    });
    world.spawn_router();
    world.spawn_host(1, |net, handle, _| server(net, handle));
    let quiet = world.run_to_end()?;
    Ok(world.end(quiet))
}

/// The two end hosts: turmoil's name (the stack's random streams are named so, too) and address.
const ENDS: [(&str, Ipv4Addr); 2] = [("client", CLIENT_IP), ("server", SERVER_IP)];
const ROUTER: &str = "router";

/// One run: turmoil's simulation, and what the hosts in it share with the loop outside.
struct World {
    sim: turmoil::Sim<'static>,
    config: NetworkConfig,
    tick_us: u64,
    /// From a host to the router, or back.
    hop_ns: u64,
    addresses: Addresses,
    handle: RouterHandle,
    router: Rc<RefCell<Router>>,
    /// The client and the server, once they are up.
    hosts: [Rc<OnceCell<Arc<Host>>>; 2],
    /// When the client finished.
    finished: Rc<Cell<Option<u64>>>,
    skips: Rc<TimeSkips>,
}

impl World {
    fn new(config: &NetworkConfig, observer: Arc<dyn PathObserver>) -> Result<Self, NetworkError> {
        let rtt_us = config.path.rtt_us;
        if rtt_us < PathConfig::MIN_RTT_US {
            return Err(NetworkError::RttTooShort { rtt_us });
        }
        let hop_ns = rtt_us * 1000 / 4;
        // Events lie up to a microsecond before the instant at which they are handled.
        let tick_us = (hop_ns / 1000 - 2).min(LONGEST_TICK_US);
        let sim = turmoil::Builder::new()
            .tick_duration(dilated(tick_us))
            .simulation_duration(Duration::from_secs(u32::MAX.into()))
            .min_message_latency(Duration::ZERO)
            .max_message_latency(Duration::ZERO)
            .udp_capacity(1 << 20)
            .rng_seed(config.seed)
            .build();
        let encapsulation = |name: &str| match sim.lookup(name) {
            std::net::IpAddr::V4(ip) => Ok(ip),
            std::net::IpAddr::V6(_) => {
                Err(NetworkError::Host("turmoil must number its hosts by IPv4".into()))
            }
        };
        let addresses = Addresses {
            client: encapsulation(ENDS[0].0)?,
            router: encapsulation(ROUTER)?,
            server: encapsulation(ENDS[1].0)?,
        };
        let handle = RouterHandle::default();
        let router = Router::new(&config.path, hop_ns, config.seed, handle.clone(), observer);
        Ok(Self {
            sim,
            config: *config,
            tick_us,
            hop_ns,
            addresses,
            handle,
            router: Rc::new(RefCell::new(router)),
            hosts: Default::default(),
            finished: Rc::default(),
            skips: Rc::default(),
        })
    }

    /// One of [`ENDS`], with `app` on it.
    fn spawn_host<A>(&mut self, end: usize, app: impl FnOnce(SimNet, RouterHandle, Clock) -> A + 'static)
    where
        A: Future<Output = ()> + 'static,
    {
        let (name, addr) = ENDS[end];
        let own = [self.addresses.client, self.addresses.server][end];
        let stack = Stack::new(self.config.tcp, addr, self.config.seed, name);
        let (cell, handle, skips) = (self.hosts[end].clone(), self.handle.clone(), self.skips.clone());
        let (router, tick_us, hop_ns) = (self.addresses.router, self.tick_us, self.hop_ns);
        self.sim.client(name, async move {
            let encapsulation = Encapsulation::open(own, tick_us, skips).await?;
            let host = cell.get_or_init(|| Host::new(stack)).clone();
            let app = app(host.boot(), handle, host.clock.clone());
            Ok(run_host(host, encapsulation, router, hop_ns, app).await?)
        });
    }

    fn spawn_router(&mut self) {
        let (router, skips) = (self.router.clone(), self.skips.clone());
        let (addresses, tick_us) = (self.addresses, self.tick_us);
        self.sim.client(ROUTER, async move { Ok(run_router(router, addresses, tick_us, skips).await?) });
    }

    fn step(&mut self) -> Result<(), NetworkError> {
        self.sim.step().map(drop).map_err(|error| NetworkError::Host(error.to_string()))
    }

    fn is_quiet(&self) -> bool {
        self.router.borrow().is_quiet()
            && self.hosts.iter().all(|host| host.get().is_some_and(|host| host.is_quiet()))
    }

    /// Runs until the client has finished and everything is quiet, or time is up; whether all was
    /// quiet then.
    fn run_to_end(&mut self) -> Result<bool, NetworkError> {
        let NetworkConfig { limit_us, grace_us, .. } = self.config;
        let tick_us = self.tick_us;
        let mut quiet = false;
        let mut now_us = 0;
        // Time begins when every host has opened its socket.
        self.step()?;
        while now_us < limit_us {
            let end_us = self.finished.get().map_or(limit_us, |at_us| limit_us.min(at_us + grace_us));
            let ticks = self.skips.next(now_us, tick_us, end_us.saturating_sub(now_us).div_ceil(tick_us));
            self.step()?;
            now_us += ticks * tick_us;
            if let Some(at_us) = self.finished.get() {
                quiet = self.is_quiet();
                if quiet || now_us >= at_us + grace_us {
                    break;
                }
            }
        }
        Ok(quiet)
    }

    fn end(self, quiet: bool) -> RunReport {
        let counters = |end: usize| self.hosts[end].get().map(|host| host.counters()).unwrap_or_default();
        let held = |end: usize| self.hosts[end].get().map(|host| host.held()).unwrap_or_default();
        let report = RunReport {
            end: self.finished.get().map_or(RunEnd::TimeLimit, |at_us| RunEnd::Finished { at_us }),
            quiet,
            client_held: held(0),
            server_held: held(1),
            client: counters(0),
            server: counters(1),
            up: self.router.borrow().counters(Direction::Up),
            down: self.router.borrow().counters(Direction::Down),
        };
        // What is dropped with the hosts must not use their clocks any more.
        self.hosts.iter().filter_map(|host| host.get()).for_each(|host| host.halt());
        drop(self.sim);
        report
    }
}
