//! HyStart as Linux has it (Ha and Rhee 2011; hystart_update): leaves slow start before the queue overflows, when the train
//! of acknowledgements of one round trip is long, or when the round trip has grown by an eighth.

use super::{RttSample, Window};
use crate::segment::after;

/// Only windows of at least so many segments are watched.
const LOW_SEGMENTS: u64 = 16;
/// Acknowledgements at most so far apart belong to one train.
const TRAIN_GAP_US: u64 = 2_000;
/// Linux allows so long for segments that leave and come in bunches (hystart_ack_delay; its most, which it is below
/// some 2 Gbit/s).
const BUNCHES_US: u64 = 1_000;
const SAMPLES: u32 = 8;
const DELAY_US: std::ops::RangeInclusive<u64> = 4_000..=16_000;

#[derive(Clone, Debug, Default)]
pub(super) struct HyStart {
    round: Option<Round>,
    pub(super) found: bool,
}

#[derive(Clone, Debug)]
struct Round {
    /// It ends when more than this is acknowledged.
    end: u32,
    start_us: u64,
    last_ack_us: u64,
    least_us: u64,
    samples: u32,
}

impl HyStart {
    /// In slow start. `delay_min_us`: the shortest round trip of all.
    pub(super) fn watch(&mut self, sample: &RttSample, delay_min_us: u64, window: &mut Window) {
        if self.found {
            return;
        }
        let now_us = sample.now_us;
        if self.round.as_ref().is_none_or(|round| after(sample.una, round.end)) {
            let (start_us, last_ack_us) = (now_us, now_us);
            self.round =
                Some(Round { end: sample.nxt, start_us, last_ack_us, least_us: u64::MAX, samples: 0 });
        }
        let Some(round) = self.round.as_mut().filter(|_| window.segments >= LOW_SEGMENTS) else { return };
        if now_us - round.last_ack_us <= TRAIN_GAP_US {
            round.last_ack_us = now_us;
            self.found = now_us - round.start_us > (delay_min_us + BUNCHES_US) / 2;
        }
        round.least_us = round.least_us.min(sample.rtt_us);
        if round.samples < SAMPLES {
            round.samples += 1;
        } else {
            let most_us = delay_min_us + (delay_min_us / 8).clamp(*DELAY_US.start(), *DELAY_US.end());
            self.found |= round.least_us > most_us;
        }
        if self.found {
            window.ssthresh = window.segments;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT_US: u64 = 100_000;

    /// `acks` of one segment each, `apart_us` apart, each measuring `rtt_us`: after which of them slow start ends.
    fn ends_after(segments: u64, acks: u32, apart_us: u64, rtt_us: u64) -> Option<u32> {
        let mut hystart = HyStart::default();
        let mut window = Window::new(segments);
        (0..acks).find(|n| {
            let now_us = RTT_US + u64::from(*n) * apart_us;
            let sample = RttSample { now_us, rtt_us, una: 1 + n, nxt: 1_000 };
            hystart.watch(&sample, RTT_US, &mut window);
            !window.in_slow_start()
        })
    }

    #[test]
    fn a_train_of_half_a_round_trip_ends_slow_start() {
        // (100 ms + 1 ms) / 2 is exceeded by the 51st millisecond.
        assert_eq!(ends_after(100, 100, 1_000, RTT_US), Some(51));
        assert_eq!(ends_after(15, 100, 1_000, RTT_US), None, "a small window is not watched");
        assert_eq!(ends_after(100, 100, 2_001, RTT_US), None, "too far apart for a train");
    }

    #[test]
    fn a_longer_round_trip_ends_slow_start_after_eight_samples() {
        assert_eq!(ends_after(100, 20, 10, RTT_US + 12_501), Some(8));
        assert_eq!(ends_after(100, 20, 10, RTT_US + 12_500), None);
    }

    #[test]
    fn a_round_begins_with_the_first_ack_beyond_the_last() {
        let mut hystart = HyStart::default();
        let mut window = Window::new(100);
        let mut watch = |now_us, una| {
            let sample = RttSample { now_us, rtt_us: RTT_US, una, nxt: una + 10 };
            hystart.watch(&sample, RTT_US, &mut window);
            hystart.round.as_ref().unwrap().start_us
        };
        assert_eq!(watch(0, 1), 0);
        assert_eq!(watch(50_000, 11), 0, "all of the round is acknowledged: it is still this round");
        assert_eq!(watch(100_000, 12), 100_000);
    }
}
