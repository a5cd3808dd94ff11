//! The least that a peer has to move: one that takes or gives a byte now and then is never silent, and
//! would hold its seat for ever.

use super::TransferError;
use std::num::NonZeroU64;
use std::time::Duration;

/// So many bytes a second, on the average of a window, while this side waits for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinRate {
    /// On the data connection, framing included.
    pub bytes_per_s: NonZeroU64,
    /// How long a peer may fall short of it.
    pub window: Duration,
}

impl MinRate {
    fn bytes(&self) -> u128 {
        u128::from(self.bytes_per_s.get()) * self.window.as_micros() / 1_000_000
    }
}

/// Judges one connection. Only waits for the peer are counted: what the disk and our own limit of the rate
/// take is not the peer's.
#[derive(Debug, Default)]
pub(super) struct Floor {
    min_rate: Option<MinRate>,
    waited: Duration,
    moved_bytes: u64,
}

impl Floor {
    pub(super) fn new(min_rate: Option<MinRate>) -> Self {
        Self { min_rate, ..Self::default() }
    }

    /// Another file: what small ones of a pipeline wait for is no reproach to those after them.
    pub(super) fn begin_file(&mut self) {
        (self.waited, self.moved_bytes) = (Duration::ZERO, 0);
    }

    /// How long the next wait may be, at most `idle_limit`.
    pub(super) fn limit(&self, idle_limit: Duration) -> Duration {
        match self.min_rate {
            Some(min_rate) if !self.has_enough(&min_rate) => {
                idle_limit.min(min_rate.window.saturating_sub(self.waited))
            }
            _ => idle_limit,
        }
    }

    /// A wait has ended, after so many bytes. Begins the next window at the end of one.
    pub(super) fn moved(&mut self, waited: Duration, bytes: u64) -> Result<(), TransferError> {
        let Some(min_rate) = self.min_rate else { return Ok(()) };
        self.waited += waited;
        self.moved_bytes = self.moved_bytes.saturating_add(bytes);
        if self.waited < min_rate.window {
            return Ok(());
        }
        if !self.has_enough(&min_rate) {
            return Err(TransferError::TooSlow(min_rate));
        }
        self.begin_file();
        Ok(())
    }

    /// A wait has reached [`Self::limit`]: why the transfer fails.
    pub(super) fn overrun(&self, limit: Duration, idle_limit: Duration) -> TransferError {
        match self.min_rate {
            Some(min_rate) if limit < idle_limit => TransferError::TooSlow(min_rate),
            _ => TransferError::Silent(idle_limit),
        }
    }

    fn has_enough(&self, min_rate: &MinRate) -> bool {
        u128::from(self.moved_bytes) >= min_rate.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(30);

    fn floor(bytes_per_s: u64, window_s: u64) -> Floor {
        let bytes_per_s = NonZeroU64::new(bytes_per_s).unwrap();
        Floor::new(Some(MinRate { bytes_per_s, window: Duration::from_secs(window_s) }))
    }

    #[test]
    fn a_wait_is_no_longer_than_what_is_left_of_the_window() {
        let mut floor = floor(10, 20);
        assert_eq!(floor.limit(IDLE), Duration::from_secs(20));
        assert_eq!(floor.limit(Duration::from_secs(5)), Duration::from_secs(5));
        floor.moved(Duration::from_secs(8), 199).unwrap();
        assert_eq!(floor.limit(IDLE), Duration::from_secs(12));
        // With what the window asks for, only silence is too long.
        floor.moved(Duration::from_secs(8), 1).unwrap();
        assert_eq!(floor.limit(IDLE), IDLE);
        // The next window begins empty.
        floor.moved(Duration::from_secs(4), 0).unwrap();
        assert_eq!(floor.limit(IDLE), Duration::from_secs(20));
        assert!(matches!(floor.moved(Duration::from_secs(20), 199), Err(TransferError::TooSlow(_))));
    }

    #[test]
    fn why_a_wait_was_too_long() {
        let slow = |floor: &Floor, limit_s: u64| match floor.overrun(Duration::from_secs(limit_s), IDLE) {
            TransferError::TooSlow(_) => true,
            TransferError::Silent(limit) if limit == IDLE => false,
            other => panic!("{other}"),
        };
        assert!(slow(&floor(1, 10), 10));
        assert!(!slow(&floor(1, 10), 30) && !slow(&floor(1, 40), 30), "the window was longer");
        assert!(!slow(&Floor::new(None), 10));
    }
}
