//! A moment of a run.

use ftp_endpoint::net::Time;
use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// Virtual time since the start of the run, to the nanosecond: what hosts, path and stores call now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimTime {
    ns: u64,
}

impl SimTime {
    /// Later than any run.
    pub const NEVER: Self = Self { ns: u64::MAX };

    /// The path counts so.
    pub const fn from_ns(ns: u64) -> Self {
        Self { ns }
    }

    /// Cases and results count so.
    pub const fn from_us(us: u64) -> Self {
        Self { ns: us.saturating_mul(1_000) }
    }

    /// What the path counts.
    pub const fn as_ns(self) -> u64 {
        self.ns
    }

    /// Whole microseconds, as traces and results have it.
    pub const fn as_us(self) -> u64 {
        self.ns / 1_000
    }

    /// How long it is until then from `now` on; nothing, when it is past.
    pub fn after(self, now: impl Into<Self>) -> Duration {
        Duration::from_nanos(self.ns.saturating_sub(now.into().ns))
    }
}

impl From<Time> for SimTime {
    fn from(time: Time) -> Self {
        Self { ns: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) }
    }
}

impl Add<Duration> for SimTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self { ns: self.ns.saturating_add(Self::from(duration).ns) }
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} us", self.as_us())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_converted_down() {
        let time = SimTime::from_ns(1_999);
        assert_eq!((time.as_ns(), time.as_us(), time.to_string()), (1_999, 1, "1 us".to_owned()));
        assert_eq!(SimTime::from(Duration::from_micros(2)), SimTime::from_us(2));
        assert_eq!(SimTime::from_us(2) + Duration::from_nanos(5), SimTime::from_ns(2_005));
        assert_eq!(SimTime::from_us(5).after(Duration::from_micros(2)), Duration::from_micros(3));
        assert_eq!(SimTime::from_us(1).after(SimTime::from_us(2)), Duration::ZERO);
    }

    #[test]
    fn no_time_overflows() {
        assert_eq!(SimTime::from(Duration::MAX), SimTime::NEVER);
        assert_eq!(SimTime::NEVER + Duration::from_secs(1), SimTime::NEVER);
        assert_eq!(SimTime::from_us(u64::MAX), SimTime::NEVER);
    }
}
