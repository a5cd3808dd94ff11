//! The clock of a simulated host, and the only place that asks tokio for the time.
//!
//! Tokio's timers count milliseconds. Time is dilated, so that they count microseconds of modelled
//! time: a millisecond of the host's runtime is a modelled microsecond.
#![allow(clippy::disallowed_methods)] // Here modelled time is made.

use std::time::Duration;
use tokio::time::Instant;

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

    /// Waits until `at_ns` has come (the first whole microsecond); for ever if there is none.
    pub async fn until(&self, at_ns: Option<u64>) {
        match at_ns {
            Some(at_ns) => tokio::time::sleep_until(self.start + dilated(at_ns.div_ceil(1000))).await,
            None => std::future::pending().await,
        }
    }

    pub async fn sleep_us(us: u64) {
        tokio::time::sleep(dilated(us)).await;
    }
}
