//! The clock of a simulated host, and the only place that asks tokio for the time.
//!
//! Tokio's timers count milliseconds. Time is dilated, so that they count microseconds of modelled
//! time: a millisecond of the host's runtime is a modelled microsecond.
#![allow(clippy::disallowed_methods)] // Here modelled time is made.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Tokio's time for `us` of modelled time.
pub(crate) const fn dilated(us: u64) -> Duration {
    Duration::from_millis(us)
}

/// What a host waits for.
#[derive(Debug, Default)]
struct Timers {
    /// Deadline (us) and a number, of each.
    set: BTreeSet<(u64, u64)>,
    last: u64,
    /// Timers that were set or ended so far.
    changes: u64,
}

/// To be used on its own host only: each has a runtime of its own. Clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    start: Instant,
    timers: Arc<Mutex<Timers>>,
}

/// One timer's entry among those of its host.
struct Timer {
    timers: Arc<Mutex<Timers>>,
    entry: (u64, u64),
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut timers = lock(&self.timers);
        timers.set.remove(&self.entry);
        timers.changes += 1;
    }
}

fn lock(timers: &Mutex<Timers>) -> MutexGuard<'_, Timers> {
    timers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clock {
    /// Time zero is now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), timers: Arc::default() }
    }

    fn timer(&self, at_us: u64) -> Timer {
        let mut timers = lock(&self.timers);
        timers.last += 1;
        timers.changes += 1;
        let entry = (at_us, timers.last);
        timers.set.insert(entry);
        Timer { timers: self.timers.clone(), entry }
    }

    /// When the host's next timer ends (us). Anywhere.
    pub(crate) fn next_us(&self) -> Option<u64> {
        lock(&self.timers).set.first().map(|(at_us, _)| *at_us)
    }

    /// How many timers were set or ended so far: as long as that is the same, nothing happens on the
    /// host by itself. Anywhere.
    pub(crate) fn changes(&self) -> u64 {
        lock(&self.timers).changes
    }

    /// Lets `us` pass at once on the host whose task calls; no timer may end within them.
    pub(crate) fn skip(us: u64) {
        // It advances when polled first, and then only yields.
        let advance = std::pin::pin!(tokio::time::advance(dilated(us)));
        let _ = advance.poll(&mut Context::from_waker(Waker::noop()));
    }

    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from((Instant::now() - self.start).as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now_us() * 1000
    }

    fn instant(&self, at_ns: u64) -> Instant {
        self.start + dilated(at_ns.div_ceil(1000))
    }

    /// Waits until `at_ns` has come (the first whole microsecond); for ever if there is none.
    pub(crate) async fn until(&self, at_ns: Option<u64>) {
        match at_ns {
            Some(at_ns) => {
                let _timer = self.timer(at_ns.div_ceil(1000));
                tokio::time::sleep_until(self.instant(at_ns)).await;
            }
            None => std::future::pending().await,
        }
    }

    pub(crate) async fn sleep_us(&self, us: u64) {
        let _timer = self.timer(self.now_us().saturating_add(us));
        tokio::time::sleep(dilated(us)).await;
    }
}

/// A timer that is set again and again.
pub(crate) struct Alarm {
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
    set_ns: Option<u64>,
    timer: Option<Timer>,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> Self {
        let sleep = Box::pin(tokio::time::sleep_until(clock.start));
        Self { clock, sleep, set_ns: None, timer: None }
    }

    /// Ready when `at_ns` has come; never if there is none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, at_ns: Option<u64>) -> Poll<()> {
        let Some(at_ns) = at_ns else {
            // Tokio's timer stays; when it wakes its task, there is nothing to do.
            self.timer = None;
            return Poll::Pending;
        };
        if self.set_ns != Some(at_ns) {
            self.set_ns = Some(at_ns);
            self.timer = None;
            self.sleep.as_mut().reset(self.clock.instant(at_ns));
        }
        if self.timer.is_none() {
            self.timer = Some(self.clock.timer(at_ns.div_ceil(1000)));
        }
        let due = self.sleep.as_mut().poll(cx);
        if due.is_ready() {
            self.set_ns = None;
            self.timer = None;
        }
        due
    }
}
