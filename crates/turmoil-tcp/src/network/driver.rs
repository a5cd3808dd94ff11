//! The driver: the software of turmoil's host, in which the modelled network lives. It leaps from event to
//! event.
//!
//! Time goes in windows that are a little shorter than the way from a host to the router, or back. What is
//! sent in a window reaches nobody before its end: so each host can live through a window alone, event by
//! event at its own time, and then the router. Windows without events are leapt over.

use super::member::{Member, receiver};
use super::{NetworkConfig, NetworkReport, RunEnd};
use crate::path::Direction;
use crate::path::router::{Departure, Router};
use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::runtime::RuntimeMetrics;

/// Turmoil's time for `us` of modelled time: tokio's timers count milliseconds, so that a millisecond of
/// the host's runtime is a modelled microsecond.
pub(super) const fn dilated(us: u64) -> Duration {
    Duration::from_millis(us)
}

/// Windows are no longer than this, so that runs end soon after their end.
const LONGEST_WINDOW_US: u64 = 100_000;

pub(super) struct Driver {
    config: NetworkConfig,
    /// In the order in which they live through a window; the router comes after the first.
    members: Vec<Member>,
    router: Router,
    /// From a host to the router, or back.
    hop_ns: u64,
    window_us: u64,
    /// Room for what a host has sent and what the router has passed; empty in between.
    sent: Vec<(u64, Vec<u8>)>,
    passed: Vec<Departure>,
    /// The window begins.
    now_us: u64,
    /// Of the runtime of turmoil's host.
    runtime: RuntimeMetrics,
}

impl Driver {
    /// To be called on turmoil's host.
    pub(super) fn new(config: NetworkConfig, members: Vec<Member>, router: Router, hop_ns: u64) -> Self {
        // Events lie up to a microsecond before the instant at which they are handled.
        let window_us = (hop_ns / 1000 - 2).min(LONGEST_WINDOW_US);
        let runtime = tokio::runtime::Handle::current().metrics();
        let (sent, passed) = (Vec::new(), Vec::new());
        Self { config, members, router, hop_ns, window_us, sent, passed, now_us: 0, runtime }
    }

    /// Runs until all clients have finished and everything is quiet, or time is up.
    pub(super) async fn run(mut self) -> NetworkReport {
        let NetworkConfig { limit_us, grace_us, .. } = self.config;
        let mut quiet = false;
        while self.now_us < limit_us {
            let end_us = self.finished_us().map_or(limit_us, |at_us| limit_us.min(at_us + grace_us));
            let windows = self.idle_windows().min((end_us - self.now_us).div_ceil(self.window_us)).max(1);
            self.live(self.now_us + self.window_us).await;
            self.advance(windows * self.window_us);
            if let Some(at_us) = self.finished_us() {
                quiet = self.is_quiet();
                if quiet || self.now_us >= at_us + grace_us {
                    break;
                }
            }
        }
        self.end(quiet)
    }

    /// How many windows from now on have no events.
    fn idle_windows(&mut self) -> u64 {
        self.router.hear();
        let router = self.router.next_ns().map(|at_ns| at_ns / 1000);
        let members = self.members.iter().filter_map(Member::next_us);
        let next_us = members.chain(router).min();
        next_us.map_or(u64::MAX, |next_us| {
            (next_us / self.window_us).saturating_sub(self.now_us / self.window_us)
        })
    }

    /// Everything that happens in the window that ends before `end_us`.
    async fn live(&mut self, end_us: u64) {
        for index in 0..self.members.len() {
            self.live_on(index, end_us).await;
            if index == 0 {
                self.pass(end_us);
            }
        }
    }

    async fn live_on(&mut self, index: usize, end_us: u64) {
        while let Some(next_us) = self.members[index].next_us().filter(|next_us| *next_us < end_us) {
            let member = &mut self.members[index];
            member.reach(next_us.max(self.now_us));
            // Tasks of the runtime are woken without their host's knowledge.
            let mut turn = self.runtime.num_alive_tasks() > 0;
            while std::mem::take(&mut turn) || member.is_woken() {
                member.run_tasks();
                others_turn(&self.runtime).await;
            }
            let mut sent = member.take_out(std::mem::take(&mut self.sent));
            for (at_ns, packet) in sent.drain(..) {
                self.router.enqueue(at_ns + self.hop_ns, member.sends, packet);
            }
            self.sent = sent;
        }
    }

    /// The router passes all packets of the window, each at its exact time.
    fn pass(&mut self, end_us: u64) {
        self.router.hear();
        self.router.advance(end_us * 1000 - 1);
        let mut passed = self.router.take_out(std::mem::take(&mut self.passed));
        for (direction, at_ns, packet) in passed.drain(..) {
            if let Some(to) = receiver(&self.members, direction, &packet) {
                self.members[to].host.arrive(at_ns, packet);
            }
        }
        self.passed = passed;
    }

    /// Time passes, on turmoil's clock, too: its host's, of which there are no timers that anybody waits
    /// for in modelled time.
    fn advance(&mut self, us: u64) {
        self.now_us += us;
        // It advances when polled first, and then only yields.
        let advance = std::pin::pin!(tokio::time::advance(dilated(us)));
        let _ = advance.poll(&mut Context::from_waker(Waker::noop()));
    }

    /// When the last client finished, if all have.
    fn finished_us(&self) -> Option<u64> {
        self.members.iter().try_fold(0, |last, member| member.finished_us().map(|at_us| at_us.max(last)))
    }

    fn is_quiet(&self) -> bool {
        self.router.is_quiet() && self.members.iter().all(|member| member.host.is_quiet())
    }

    fn end(self, quiet: bool) -> NetworkReport {
        let report = NetworkReport {
            end: self.finished_us().map_or(RunEnd::TimeLimit, |at_us| RunEnd::Finished { at_us }),
            quiet,
            hosts: self.members.iter().map(Member::report).collect(),
            up: self.router.counters(Direction::Up),
            down: self.router.counters(Direction::Down),
        };
        // What is dropped with the hosts must not use their stacks any more.
        self.members.iter().for_each(|member| member.host.halt());
        report
    }
}

/// Returns when everything but the caller has run that could run now: tasks that gave way to others
/// (tokio wakes them when the runtime has nothing else to do), and tasks of the runtime itself.
async fn others_turn(runtime: &RuntimeMetrics) {
    if runtime.num_alive_tasks() == 0 {
        tokio::task::yield_now().await;
    } else {
        // Turmoil's clock moves only when no task can run.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(dilated(1)).await;
    }
}
