//! One run: turmoil's hosts, the loop that steps them, and its end.

use super::encapsulation::{Addresses, Encapsulation, End};
use super::pump::{run_host, run_router};
use super::time_skip::TimeSkips;
use super::{App, HostReport, NetworkConfig, NetworkError, NetworkReport, Plan, RunEnd, address};
use crate::path::router::{Router, RouterHandle};
use crate::path::{Direction, PathConfig, PathObserver};
use crate::tcp::clock::dilated;
use crate::tcp::net::Host;
use crate::tcp::stack::Stack;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Ticks are no longer than this, so that runs end soon after their end.
const LONGEST_TICK_US: u64 = 100_000;

const ROUTER: &str = "router";

/// A host of the run.
struct Member {
    name: String,
    addr: Ipv4Addr,
    /// Once it is up.
    host: Rc<OnceCell<Arc<Host>>>,
    /// When its application returned; `None` for a server, which nobody waits for.
    finished: Option<Rc<Cell<Option<u64>>>>,
}

/// One run: turmoil's simulation, and what the hosts in it share with the loop outside.
pub(super) struct World {
    sim: turmoil::Sim<'static>,
    config: NetworkConfig,
    tick_us: u64,
    /// From a host to the router, or back.
    hop_ns: u64,
    addresses: Rc<Addresses>,
    handle: RouterHandle,
    router: Rc<RefCell<Router>>,
    hosts: Vec<Member>,
    skips: Rc<TimeSkips>,
}

impl World {
    pub(super) fn new(
        config: &NetworkConfig,
        observer: Arc<dyn PathObserver>,
        plans: &[Plan],
    ) -> Result<Self, NetworkError> {
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
        let addresses = Rc::new(addresses(&sim, plans)?);
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
            hosts: plans.iter().enumerate().map(|(index, plan)| Member::new(index, plan)).collect(),
            skips: Rc::default(),
        })
    }

    /// The host with this index, with `app` on it.
    pub(super) fn spawn_host(&mut self, index: usize, app: App) {
        let Member { name, addr, host: cell, finished } = &self.hosts[index];
        let stack = Stack::new(self.config.tcp, *addr, self.config.seed, name);
        let (cell, finished) = (cell.clone(), finished.clone());
        let (handle, skips) = (self.handle.clone(), self.skips.clone());
        let (own, router) = (self.addresses.ends[index].underlay, self.addresses.router);
        let (tick_us, hop_ns) = (self.tick_us, self.hop_ns);
        self.sim.client(name.as_str(), async move {
            let encapsulation = Encapsulation::open(own, tick_us, skips).await?;
            let host = cell.get_or_init(|| Host::new(stack)).clone();
            let (app, clock) = (app(host.boot(), handle), host.clock.clone());
            let app = async move {
                app.await;
                if let Some(finished) = finished {
                    finished.set(Some(clock.now_us()));
                }
            };
            Ok(run_host(host, encapsulation, router, hop_ns, app).await?)
        });
    }

    pub(super) fn spawn_router(&mut self) {
        let (router, skips) = (self.router.clone(), self.skips.clone());
        let (addresses, tick_us) = (self.addresses.clone(), self.tick_us);
        self.sim.client(ROUTER, async move { Ok(run_router(router, addresses, tick_us, skips).await?) });
    }

    fn step(&mut self) -> Result<(), NetworkError> {
        self.sim.step().map(drop).map_err(|error| NetworkError::Host(error.to_string()))
    }

    fn is_quiet(&self) -> bool {
        self.router.borrow().is_quiet()
            && self.hosts.iter().all(|member| member.host.get().is_some_and(|host| host.is_quiet()))
    }

    /// Runs until all clients have finished and everything is quiet, or time is up; whether all was
    /// quiet then.
    pub(super) fn run_to_end(&mut self) -> Result<bool, NetworkError> {
        let NetworkConfig { limit_us, grace_us, .. } = self.config;
        let tick_us = self.tick_us;
        let mut quiet = false;
        let mut now_us = 0;
        // Time begins when every host has opened its socket.
        self.step()?;
        while now_us < limit_us {
            let end_us = self.finished().map_or(limit_us, |at_us| limit_us.min(at_us + grace_us));
            let ticks = self.skips.next(now_us, tick_us, end_us.saturating_sub(now_us).div_ceil(tick_us));
            self.step()?;
            now_us += ticks * tick_us;
            if let Some(at_us) = self.finished() {
                quiet = self.is_quiet();
                if quiet || now_us >= at_us + grace_us {
                    break;
                }
            }
        }
        Ok(quiet)
    }

    /// When the last client finished, if all have.
    fn finished(&self) -> Option<u64> {
        let mut clients = self.hosts.iter().filter_map(|member| member.finished.as_ref());
        clients.try_fold(0, |last, finished| finished.get().map(|at_us: u64| at_us.max(last)))
    }

    pub(super) fn end(self, quiet: bool) -> NetworkReport {
        let report = NetworkReport {
            end: self.finished().map_or(RunEnd::TimeLimit, |at_us| RunEnd::Finished { at_us }),
            quiet,
            hosts: self.hosts.iter().map(Member::report).collect(),
            up: self.router.borrow().counters(Direction::Up),
            down: self.router.borrow().counters(Direction::Down),
        };
        // What is dropped with the hosts must not use their clocks any more.
        self.hosts.iter().filter_map(|member| member.host.get()).for_each(|host| host.halt());
        drop(self.sim);
        report
    }
}

impl Member {
    fn new(index: usize, plan: &Plan) -> Self {
        let finished = (plan.sends == Direction::Up).then(Rc::default);
        Self { name: plan.name.clone(), addr: address(index), host: Rc::default(), finished }
    }

    fn report(&self) -> HostReport {
        let host = self.host.get();
        HostReport {
            name: self.name.clone(),
            ip: self.addr,
            finished_us: self.finished.as_ref().and_then(|finished| finished.get()),
            held: host.map(|host| host.held()).unwrap_or_default(),
            tcp: host.map(|host| host.counters()).unwrap_or_default(),
        }
    }
}

/// Turmoil numbers its hosts in the order in which it is asked for them: the first, the router, the
/// others.
fn addresses(sim: &turmoil::Sim<'static>, plans: &[Plan]) -> Result<Addresses, NetworkError> {
    let mut names = BTreeSet::from([ROUTER]);
    if let Some(twice) = plans.iter().find(|plan| !names.insert(plan.name.as_str())) {
        return Err(NetworkError::HostName(twice.name.clone()));
    }
    let underlay = |name: &str| match sim.lookup(name) {
        std::net::IpAddr::V4(ip) => Ok(ip),
        std::net::IpAddr::V6(_) => Err(NetworkError::Host("turmoil must number its hosts by IPv4".into())),
    };
    if let Some(first) = plans.first() {
        underlay(&first.name)?;
    }
    let router = underlay(ROUTER)?;
    let end = |(index, plan): (usize, &Plan)| {
        Ok(End { underlay: underlay(&plan.name)?, addr: address(index), sends: plan.sends })
    };
    Ok(Addresses { router, ends: plans.iter().enumerate().map(end).collect::<Result<_, NetworkError>>()? })
}
