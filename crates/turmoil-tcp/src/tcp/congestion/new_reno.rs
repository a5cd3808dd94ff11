//! NewReno: a segment more per round trip, half the window at a loss (RFC 5681 section 3.1; RFC 6582
//! changes when a sender recovers, which `flow` decides for every algorithm, by SACK).

use super::{Acked, CongestionAvoidance};

#[derive(Debug, Default)]
pub(super) struct NewReno {
    /// Bytes acknowledged that have not yet moved the window, times a segment.
    rest: u128,
}

impl CongestionAvoidance for NewReno {
    fn grown(&mut self, acked: &Acked) -> u64 {
        let window = u128::from(acked.window);
        self.rest += u128::from(acked.bytes) * u128::from(acked.mss);
        let grown = self.rest / window;
        self.rest -= grown * window;
        acked.window + grown as u64
    }

    fn reduced(&mut self, window: u64) -> u64 {
        self.rest = 0;
        window / 2
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, Congestion};

    fn new_reno(initial_segments: u32) -> Congestion {
        Congestion::new(Algorithm::NewReno, 1000, initial_segments)
    }

    /// Computed by hand: the window grows by the whole bytes of 1000 * 1000 / window, and what is over
    /// counts for the next acknowledgement.
    #[test]
    fn windows_of_a_loss_and_a_timeout() {
        let mut cc = new_reno(10);
        assert_eq!(cc.window(), 10_000);
        cc.on_loss();
        assert_eq!(cc.window(), 5_000);
        let mut windows = Vec::new();
        for _ in 0..3 {
            cc.on_ack(0, 1000, 50_000, None, true);
            windows.push(cc.window());
        }
        // 1000000 / 5000 = 200; 1000000 / 5200 = 192, rest 1600; 1001600 / 5392 = 185.
        assert_eq!(windows, [5_200, 5_392, 5_577]);
        cc.on_timeout(true);
        assert_eq!(cc.window(), 1_000, "the threshold is 5577 / 2 = 2788");
        cc.on_ack(0, 1000, 50_000, None, true);
        assert_eq!(cc.window(), 2_000);
        // 788 bytes of slow start up to the threshold, the other 212 above it: 212000 / 2788 = 76.
        cc.on_ack(0, 1000, 50_000, None, true);
        assert_eq!(cc.window(), 2_864);
    }

    #[test]
    fn a_window_is_never_less_than_two_segments_after_a_loss() {
        let mut cc = new_reno(3);
        cc.on_loss();
        assert_eq!(cc.window(), 2_000);
    }

    #[test]
    fn an_application_that_sends_little_does_not_grow_the_window() {
        let mut cc = new_reno(10);
        cc.on_loss();
        cc.on_ack(0, 5000, 50_000, None, false);
        assert_eq!(cc.window(), 5_000);
    }
}
