//! The clock of a simulated host, and the only place that asks tokio for the time.
//!
//! Tokio's timers count milliseconds. Time is dilated, so that they count microseconds of modelled
//! time: a millisecond of the host's runtime is a modelled microsecond.
#![allow(clippy::disallowed_methods)] // Here modelled time is made.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Tokio's time for `us` of modelled time.
pub(crate) const fn dilated(us: u64) -> Duration {
    Duration::from_millis(us)
}

/// To be used on its own host only: each has a runtime of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Time zero is now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn now_us(&self) -> u64 {
        u64::try_from((Instant::now() - self.start).as_millis()).unwrap_or(u64::MAX)
    }

    pub fn now_ns(&self) -> u64 {
        self.now_us() * 1000
    }

    fn instant(&self, at_ns: u64) -> Instant {
        self.start + dilated(at_ns.div_ceil(1000))
    }

    /// Waits until `at_ns` has come (the first whole microsecond); for ever if there is none.
    pub async fn until(&self, at_ns: Option<u64>) {
        match at_ns {
            Some(at_ns) => tokio::time::sleep_until(self.instant(at_ns)).await,
            None => std::future::pending().await,
        }
    }

    pub async fn sleep_us(us: u64) {
        tokio::time::sleep(dilated(us)).await;
    }
}

/// A timer that is set again and again.
pub(crate) struct Alarm {
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
    set_ns: Option<u64>,
}

impl Alarm {
    pub fn new(clock: Clock) -> Self {
        Self { clock, sleep: Box::pin(tokio::time::sleep_until(clock.start)), set_ns: None }
    }

    /// Ready when `at_ns` has come; never if there is none.
    pub fn poll(&mut self, cx: &mut Context<'_>, at_ns: Option<u64>) -> Poll<()> {
        let Some(at_ns) = at_ns else { return Poll::Pending };
        if self.set_ns != Some(at_ns) {
            self.set_ns = Some(at_ns);
            self.sleep.as_mut().reset(self.clock.instant(at_ns));
        }
        let due = self.sleep.as_mut().poll(cx);
        if due.is_ready() {
            self.set_ns = None;
        }
        due
    }
}
