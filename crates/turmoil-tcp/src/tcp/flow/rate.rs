//! How fast what was sent is delivered (draft-cheng-iccrg-delivery-rate-estimation; Linux: tcp_rate.c).

use crate::tcp::congestion::RateSample;

/// What was delivered when a segment was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamp {
    delivered: u64,
    delivered_us: u64,
    /// When the segment was sent whose delivery is the start of this one's interval.
    first_sent_us: u64,
    app_limited: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    /// Segments delivered in all.
    pub delivered: u64,
    delivered_us: u64,
    first_sent_us: u64,
    /// Until so many are delivered the application was the limit.
    app_limited: u64,
}

impl Rate {
    /// A segment is sent; `alone`: nothing was outstanding.
    pub(super) fn sent(&mut self, now_us: u64, alone: bool) -> Stamp {
        if alone {
            (self.first_sent_us, self.delivered_us) = (now_us, now_us);
        }
        Stamp {
            delivered: self.delivered,
            delivered_us: self.delivered_us,
            first_sent_us: self.first_sent_us,
            app_limited: self.app_limited > 0,
        }
    }

    /// So many segments were delivered; `newest`: of the one sent last, when that was and its stamp.
    pub(super) fn delivered(
        &mut self,
        now_us: u64,
        segments: u64,
        newest: Option<(u64, Stamp)>,
        min_rtt_us: u64,
    ) -> Option<RateSample> {
        self.delivered += segments;
        if self.app_limited > 0 && self.delivered > self.app_limited {
            self.app_limited = 0;
        }
        let (sent_us, stamp) = newest?;
        self.delivered_us = now_us;
        self.first_sent_us = sent_us;
        // The slower of the rates at which they were sent and acknowledged.
        let interval_us =
            (sent_us.saturating_sub(stamp.first_sent_us)).max(now_us.saturating_sub(stamp.delivered_us));
        (interval_us >= min_rtt_us.min(u64::MAX - 1)).then_some(RateSample {
            delivered: self.delivered - stamp.delivered,
            prior_delivered: stamp.delivered,
            interval_us,
            app_limited: stamp.app_limited,
        })
    }

    /// The application has nothing to send, though the window had room.
    pub(super) fn is_app_limited(&mut self, in_flight: u64) {
        self.app_limited = (self.delivered + in_flight).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten segments sent at once and acknowledged a millisecond apart after 50 ms: the tenth shows 10 in 59 ms.
    #[test]
    fn the_rate_is_what_was_delivered_in_the_longer_interval() {
        let mut rate = Rate::default();
        let stamps: Vec<Stamp> = (0..10).map(|n| rate.sent(1_000, n == 0)).collect();
        let samples: Vec<RateSample> = (0..10)
            .map(|n| {
                rate.delivered(51_000 + n * 1_000, 1, Some((1_000, stamps[n as usize])), 50_000).unwrap()
            })
            .collect();
        assert_eq!((samples[9].delivered, samples[9].interval_us), (10, 59_000));
        assert!(samples.iter().all(|sample| sample.prior_delivered == 0 && !sample.app_limited));
    }

    #[test]
    fn what_is_sent_while_the_application_is_the_limit_says_so() {
        let mut rate = Rate::default();
        rate.is_app_limited(2);
        let stamp = rate.sent(0, true);
        assert!(rate.delivered(50_000, 2, Some((0, stamp)), 50_000).unwrap().app_limited);
        let _ = rate.delivered(60_000, 1, None, 50_000);
        assert!(!rate.sent(60_000, true).app_limited, "more is delivered than was in flight then");
    }

    #[test]
    fn an_interval_shorter_than_any_round_trip_says_nothing() {
        let mut rate = Rate::default();
        let stamp = rate.sent(0, true);
        assert!(rate.delivered(10_000, 1, Some((0, stamp)), 50_000).is_none());
    }
}
