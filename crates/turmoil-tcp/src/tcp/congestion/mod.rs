//! Congestion control, pure: bytes and microseconds in, a window out. CUBIC (`cubic`) or NewReno
//! (`new_reno`) above the slow start threshold, for both an initial window of ten segments (RFC 6928), HyStart (Ha and Rhee 2011, as in Linux),
//! restart after idle (RFC 5681 section 4.1, with RFC 2861's decay as in Linux). Integers only, so
//! that every machine computes the same.

mod cubic;
mod new_reno;

/// How the congestion window grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 9438, with HyStart, as Linux by default.
    Cubic,
    /// RFC 5681 and the window of RFC 6582.
    NewReno,
}

impl Algorithm {
    fn start(self) -> Box<dyn CongestionAvoidance> {
        match self {
            Algorithm::Cubic => Box::<cubic::Cubic>::default(),
            Algorithm::NewReno => Box::<new_reno::NewReno>::default(),
        }
    }
}

/// Bytes acknowledged in congestion avoidance.
pub(crate) struct Acked {
    pub now_us: u64,
    pub bytes: u64,
    /// The smoothed round-trip time.
    pub srtt_us: u64,
    /// The congestion window and a full segment, in bytes.
    pub window: u64,
    pub mss: u64,
}

/// What algorithms differ in: how the window grows above the slow start threshold, and what a loss
/// makes of it. Slow start, timeouts and idleness are [`Congestion`]'s and the same for all.
pub(crate) trait CongestionAvoidance: std::fmt::Debug + Send {
    /// The window after an acknowledgement, in bytes.
    fn grown(&mut self, acked: &Acked) -> u64;

    /// A window of so many bytes met a loss; the window to go on with.
    fn reduced(&mut self, window: u64) -> u64;

    /// The application, and not the window, was the limit: this time is none of growth.
    fn paused(&mut self) {}
}

/// HyStart watches only windows of at least so many segments.
const HYSTART_LOW_SEGMENTS: u64 = 16;
/// Acknowledgements at most so far apart belong to one train.
const HYSTART_TRAIN_GAP_US: u64 = 2_000;
const HYSTART_SAMPLES: u32 = 8;
const HYSTART_DELAY_US: std::ops::RangeInclusive<u64> = 4_000..=16_000;

#[derive(Clone, Debug)]
struct HyStart {
    round_start_us: u64,
    last_ack_us: u64,
    round_min_us: u64,
    samples: u32,
    found: bool,
}

#[derive(Debug)]
pub(crate) struct Congestion {
    avoidance: Box<dyn CongestionAvoidance>,
    mss: u64,
    initial: u64,
    window: u64,
    ssthresh: u64,
    min_rtt_us: u64,
    hystart: HyStart,
}

impl Congestion {
    pub(crate) fn new(algorithm: Algorithm, mss: u32, initial_segments: u32) -> Self {
        let (mss, initial) = (u64::from(mss), u64::from(mss) * u64::from(initial_segments));
        Self {
            avoidance: algorithm.start(),
            mss,
            initial,
            window: initial,
            ssthresh: u64::MAX,
            min_rtt_us: u64::MAX,
            hystart: HyStart {
                round_start_us: 0,
                last_ack_us: 0,
                round_min_us: u64::MAX,
                samples: 0,
                found: false,
            },
        }
    }

    /// The congestion window in bytes.
    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    pub(crate) fn in_slow_start(&self) -> bool {
        self.window < self.ssthresh
    }

    /// The peer's segments are smaller than thought; only before data flows.
    pub(crate) fn set_mss(&mut self, mss: u32) {
        let segments = self.initial / self.mss;
        self.mss = u64::from(mss);
        self.initial = segments * self.mss;
        self.window = self.initial;
    }

    /// A SYN was lost more than once: begin with one segment (RFC 5681 section 3.1).
    pub(crate) fn syn_was_lost(&mut self) {
        self.window = self.mss;
    }

    /// A round trip begins: what is sent from now on will be acknowledged in the next.
    pub(crate) fn round_begins(&mut self, now_us: u64) {
        self.hystart.round_start_us = now_us;
        self.hystart.last_ack_us = now_us;
        self.hystart.round_min_us = u64::MAX;
        self.hystart.samples = 0;
    }

    pub(crate) fn rtt_sample(&mut self, rtt_us: u64) {
        self.min_rtt_us = self.min_rtt_us.min(rtt_us.max(1));
    }

    /// `acked` bytes were acknowledged outside recovery. `limited`: the window, and not the
    /// application, held the sender back.
    pub(crate) fn on_ack(
        &mut self,
        now_us: u64,
        acked: u64,
        srtt_us: u64,
        rtt_us: Option<u64>,
        limited: bool,
    ) {
        if self.in_slow_start() {
            self.hystart(now_us, rtt_us);
        }
        if !limited {
            // RFC 9438 section 5.8: time during which the application was the limit must not
            // count as time for growth.
            self.avoidance.paused();
            return;
        }
        let mut acked = acked;
        if self.in_slow_start() {
            let grown = acked.min(self.ssthresh - self.window);
            self.window += grown;
            acked -= grown;
        }
        if acked == 0 {
            return;
        }
        let ack = Acked { now_us, bytes: acked, srtt_us, window: self.window, mss: self.mss };
        self.window = self.avoidance.grown(&ack);
    }

    /// Leaves slow start before the queue overflows: when the train of acknowledgements is as
    /// long as half the round trip, or when the round trip has grown by an eighth.
    fn hystart(&mut self, now_us: u64, rtt_us: Option<u64>) {
        if self.min_rtt_us == u64::MAX || self.hystart.found {
            return;
        }
        let h = &mut self.hystart;
        if now_us.saturating_sub(h.last_ack_us) <= HYSTART_TRAIN_GAP_US {
            h.last_ack_us = now_us;
            h.found = now_us - h.round_start_us > self.min_rtt_us / 2;
        }
        if let Some(rtt_us) = rtt_us {
            h.round_min_us = h.round_min_us.min(rtt_us);
            if h.samples < HYSTART_SAMPLES {
                h.samples += 1;
            } else {
                let eta = (self.min_rtt_us / 8).clamp(*HYSTART_DELAY_US.start(), *HYSTART_DELAY_US.end());
                h.found |= h.round_min_us > self.min_rtt_us + eta;
            }
        }
        if h.found && self.window >= HYSTART_LOW_SEGMENTS * self.mss {
            self.ssthresh = self.window;
        } else {
            h.found = false;
        }
    }

    /// Segments were lost: one reduction per round trip (the caller's care).
    pub(crate) fn on_loss(&mut self) {
        self.ssthresh = self.avoidance.reduced(self.window).max(2 * self.mss);
        self.window = self.ssthresh;
    }

    /// The retransmission timer expired: begin with one segment again (RFC 5681 section 3.1).
    /// `first`: not another expiry for the same segment.
    pub(crate) fn on_timeout(&mut self, first: bool) {
        if first {
            self.on_loss();
        }
        self.window = self.mss;
        self.hystart.found = false;
    }

    /// Nothing was sent for `idle_us`: halve the window for each retransmission timeout of it, down
    /// to the initial window.
    pub(crate) fn on_idle(&mut self, idle_us: u64, rto_us: u64) {
        let restart = self.initial.min(self.window);
        if idle_us > rto_us {
            self.ssthresh =
                if self.in_slow_start() { self.ssthresh } else { self.ssthresh.max(self.window / 4 * 3) };
            self.avoidance.paused();
        }
        let mut left = idle_us.saturating_sub(rto_us);
        while left > 0 && self.window > restart {
            self.window = (self.window / 2).max(restart);
            left = left.saturating_sub(rto_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u64 = 1460;

    #[test]
    fn slow_start_doubles_per_round_trip() {
        let mut cc = Congestion::new(Algorithm::Cubic, MSS as u32, 10);
        assert_eq!(cc.window(), 10 * MSS);
        cc.rtt_sample(50_000);
        cc.on_ack(50_000, 10 * MSS, 50_000, Some(50_000), true);
        assert_eq!(cc.window(), 20 * MSS);
        cc.on_ack(100_000, 20 * MSS, 50_000, Some(50_000), false);
        assert_eq!(cc.window(), 20 * MSS, "the application was the limit");
    }

    #[test]
    fn an_idle_connection_starts_again_with_the_initial_window() {
        let mut cc = Congestion::new(Algorithm::Cubic, MSS as u32, 10);
        cc.on_ack(0, 70 * MSS, 50_000, None, true);
        assert_eq!(cc.window(), 80 * MSS);
        cc.on_idle(200_000, 250_000);
        assert_eq!(cc.window(), 80 * MSS);
        cc.on_idle(600_000, 250_000);
        assert_eq!(cc.window(), 20 * MSS);
        cc.on_idle(10_000_000, 250_000);
        assert_eq!(cc.window(), 10 * MSS);
    }
}
