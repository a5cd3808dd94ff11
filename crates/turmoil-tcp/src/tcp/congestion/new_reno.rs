//! NewReno: a segment more per round trip, half the window at a loss (RFC 5681 section 3.1; RFC 6582
//! changes when a sender recovers, which `flow` decides for every algorithm, by SACK). No HyStart, as in Linux.

use super::{CongestionAvoidance, Window};

#[derive(Debug, Default)]
pub(super) struct NewReno;

impl CongestionAvoidance for NewReno {
    fn grow(&mut self, _: u64, acked: u64, window: &mut Window) {
        window.add(window.segments, acked);
    }

    fn ssthresh(&mut self, window: &Window) -> u64 {
        window.segments / 2
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, Congestion};

    fn new_reno(initial_segments: u32) -> Congestion {
        Congestion::new(Algorithm::NewReno, 1000, initial_segments, 0)
    }

    #[test]
    fn windows_of_a_loss_and_a_timeout() {
        let mut cc = new_reno(10);
        cc.begin_recovery();
        cc.end_recovery();
        assert_eq!(cc.window(), 5_000);
        let windows: Vec<u64> = (0..12)
            .map(|_| {
                cc.grow(0, 1);
                cc.segments()
            })
            .collect();
        // Five acknowledgements for the sixth segment, six for the seventh.
        assert_eq!(windows, [5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7, 7]);
        cc.on_timeout(true, 0);
        assert_eq!(cc.segments(), 1, "the threshold is 7 / 2 = 3");
        cc.grow(0, 1);
        cc.grow(0, 1);
        assert_eq!(cc.segments(), 3);
        cc.grow(0, 2);
        assert_eq!(cc.segments(), 3);
        cc.grow(0, 1);
        assert_eq!(cc.segments(), 4);
    }

    #[test]
    fn a_window_is_never_less_than_two_segments_after_a_loss() {
        let mut cc = new_reno(3);
        cc.begin_recovery();
        cc.end_recovery();
        assert_eq!(cc.segments(), 2);
    }
}
