//! Time in which nothing happens passes at once: a host with nothing to do in the coming tick skips to
//! its end, which spares tokio the stops of its timer wheel; when nothing happened in a whole tick,
//! all hosts skip over the ticks that end before the next timer of any of them.

use crate::tcp::clock::Clock;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::task::{Poll, Waker};

struct Host {
    addr: Ipv4Addr,
    clock: Clock,
    /// To skip in the next tick.
    us: Cell<u64>,
    waker: RefCell<Waker>,
}

#[derive(Default)]
pub(super) struct TimeSkips {
    hosts: RefCell<Vec<Rc<Host>>>,
    /// Messages on their way, by receiver.
    mail: RefCell<BTreeMap<Ipv4Addr, u64>>,
    /// Changes of timers on all hosts, at the end of the last tick.
    changes: Cell<u64>,
}

impl TimeSkips {
    /// A task of each host: skips when told to.
    pub(super) async fn take_part(self: Rc<Self>, addr: Ipv4Addr, clock: Clock) -> io::Result<()> {
        let host =
            Rc::new(Host { addr, clock, us: Cell::new(0), waker: RefCell::new(Waker::noop().clone()) });
        self.hosts.borrow_mut().push(host.clone());
        poll_fn(|cx| {
            let us = host.us.take();
            if us > 0 {
                Clock::skip(us);
            }
            host.waker.borrow_mut().clone_from(cx.waker());
            Poll::Pending
        })
        .await
    }

    pub(super) fn sent(&self, to: Ipv4Addr) {
        *self.mail.borrow_mut().entry(to).or_default() += 1;
    }

    pub(super) fn received(&self, by: Ipv4Addr) {
        if let Some(count) = self.mail.borrow_mut().get_mut(&by) {
            *count -= 1;
        }
    }

    /// Between two ticks, at `now_us`, before the next one; how many ticks pass in it, at most `most`.
    ///
    /// More than one only if nothing happened in the last tick, so that nobody has been woken who has
    /// not run since. A host to which a message is under way may have something to do in the coming
    /// tick; what will be sent to it in that tick is for a later one.
    pub(super) fn next(&self, now_us: u64, tick_us: u64, most: u64) -> u64 {
        let hosts = self.hosts.borrow();
        // Before the first tick of modelled time nobody takes part yet.
        if hosts.is_empty() {
            return 1;
        }
        let changes = hosts.iter().map(|host| host.clock.changes()).sum();
        let idle = self.changes.replace(changes) == changes;
        // What is due at the very end of a tick happens in the one after.
        let mail = self.mail.borrow();
        let free = |host: &Rc<Host>| match host.clock.next_us() {
            _ if mail.get(&host.addr).is_some_and(|count| *count > 0) => 0,
            Some(next_us) => (next_us / tick_us).saturating_sub(now_us / tick_us),
            None => u64::MAX,
        };
        let all_free = hosts.iter().map(free).min().unwrap_or_default();
        let ticks = if idle { all_free.min(most).max(1) } else { 1 };
        for host in hosts.iter().filter(|host| free(host) >= ticks) {
            host.us.set(ticks * tick_us);
            host.waker.borrow().wake_by_ref();
        }
        ticks
    }
}
