//! Congestion control, pure: bytes and microseconds in, a window out. CUBIC (RFC 9438) or NewReno
//! (RFC 5681), initial window of ten segments (RFC 6928), HyStart (Ha and Rhee 2011, as in Linux),
//! restart after idle (RFC 5681 section 4.1, with RFC 2861's decay as in Linux). Integers only, so
//! that every machine computes the same.

/// How the congestion window grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 9438, with HyStart, as Linux by default.
    Cubic,
    /// RFC 5681.
    NewReno,
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

/// CUBIC's growth since its last reduction.
#[derive(Clone, Debug)]
struct Epoch {
    start_us: u64,
    /// K of RFC 9438 section 4.2.
    k_us: u64,
    /// The window the cubic function aims at, bytes.
    origin: u64,
    /// W_est, bytes.
    reno: u64,
    reno_rest: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Congestion {
    algorithm: Algorithm,
    mss: u64,
    initial: u64,
    window: u64,
    ssthresh: u64,
    /// Bytes acknowledged that have not yet moved the window.
    rest: u128,
    w_max: u64,
    cwnd_prior: u64,
    epoch: Option<Epoch>,
    min_rtt_us: u64,
    hystart: HyStart,
}

impl Congestion {
    pub fn new(algorithm: Algorithm, mss: u32, initial_segments: u32) -> Self {
        let (mss, initial) = (u64::from(mss), u64::from(mss) * u64::from(initial_segments));
        Self {
            algorithm,
            mss,
            initial,
            window: initial,
            ssthresh: u64::MAX,
            rest: 0,
            w_max: 0,
            cwnd_prior: 0,
            epoch: None,
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
    pub fn window(&self) -> u64 {
        self.window
    }

    pub fn in_slow_start(&self) -> bool {
        self.window < self.ssthresh
    }

    /// The peer's segments are smaller than thought; only before data flows.
    pub fn set_mss(&mut self, mss: u32) {
        let segments = self.initial / self.mss;
        self.mss = u64::from(mss);
        self.initial = segments * self.mss;
        self.window = self.initial;
    }

    /// A SYN was lost more than once: begin with one segment (RFC 5681 section 3.1).
    pub fn syn_was_lost(&mut self) {
        self.window = self.mss;
    }

    /// A round trip begins: what is sent from now on will be acknowledged in the next.
    pub fn round_begins(&mut self, now_us: u64) {
        self.hystart.round_start_us = now_us;
        self.hystart.last_ack_us = now_us;
        self.hystart.round_min_us = u64::MAX;
        self.hystart.samples = 0;
    }

    pub fn rtt_sample(&mut self, rtt_us: u64) {
        self.min_rtt_us = self.min_rtt_us.min(rtt_us.max(1));
    }

    /// `acked` bytes were acknowledged outside recovery. `limited`: the window, and not the
    /// application, held the sender back.
    pub fn on_ack(&mut self, now_us: u64, acked: u64, srtt_us: u64, rtt_us: Option<u64>, limited: bool) {
        if self.in_slow_start() {
            self.hystart(now_us, rtt_us);
        }
        if !limited {
            // RFC 9438 section 5.8: time during which the application was the limit must not
            // count as time for growth.
            self.epoch = None;
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
        match self.algorithm {
            Algorithm::NewReno => self.additive(acked),
            Algorithm::Cubic => self.cubic(now_us, acked, srtt_us),
        }
    }

    fn additive(&mut self, acked: u64) {
        self.rest += u128::from(acked) * u128::from(self.mss);
        let grown = self.rest / u128::from(self.window);
        self.rest -= grown * u128::from(self.window);
        self.window += grown as u64;
    }

    fn cubic(&mut self, now_us: u64, acked: u64, srtt_us: u64) {
        let (window, mss, w_max) = (self.window, self.mss, self.w_max);
        let epoch = self.epoch.get_or_insert_with(|| {
            let below = w_max.saturating_sub(window);
            // K = cbrt((W_max - cwnd) / C), C = 0.4 segments per cubic second.
            let k_us = cube_root(u128::from(below) * 2_500_000_000_000_000_000 / u128::from(mss));
            Epoch { start_us: now_us, k_us, origin: w_max.max(window), reno: window, reno_rest: 0 }
        });
        // RFC 9438 section 4.3: alpha is 3 (1 - beta) / (1 + beta) = 9/17 until W_est has regained
        // the window before the reduction, then 1.
        let (alpha, per) = if epoch.reno < self.cwnd_prior { (9, 17) } else { (1, 1) };
        let grown = acked * mss * alpha + epoch.reno_rest;
        epoch.reno += grown / (window * per);
        epoch.reno_rest = grown % (window * per);

        let t = i128::from(now_us - epoch.start_us) + i128::from(srtt_us) - i128::from(epoch.k_us);
        let rise = (t * t * t * i128::from(mss) * 2) / 5_000_000_000_000_000_000;
        let target = (i128::from(epoch.origin) + rise)
            .clamp(i128::from(window), i128::from(window + window / 2)) as u64;
        let regained = epoch.reno;
        self.rest += u128::from(target - window) * u128::from(acked);
        let grown = self.rest / u128::from(window);
        self.rest -= grown * u128::from(window);
        self.window = (window + grown as u64).max(regained);
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
    pub fn on_loss(&mut self) {
        self.cwnd_prior = self.window;
        self.epoch = None;
        self.rest = 0;
        let floor = 2 * self.mss;
        self.ssthresh = match self.algorithm {
            Algorithm::NewReno => self.window / 2,
            Algorithm::Cubic => {
                // Fast convergence (RFC 9438 section 4.7).
                self.w_max = if self.window < self.w_max { self.window * 17 / 20 } else { self.window };
                self.window * 7 / 10
            }
        }
        .max(floor);
        self.window = self.ssthresh;
    }

    /// The retransmission timer expired: begin with one segment again (RFC 5681 section 3.1).
    /// `first`: not another expiry for the same segment.
    pub fn on_timeout(&mut self, first: bool) {
        if first {
            self.on_loss();
        }
        self.window = self.mss;
        self.hystart.found = false;
    }

    /// Nothing was sent for `idle_us`: halve the window for each retransmission timeout of it, down
    /// to the initial window.
    pub fn on_idle(&mut self, idle_us: u64, rto_us: u64) {
        let restart = self.initial.min(self.window);
        if idle_us > rto_us {
            self.ssthresh =
                if self.in_slow_start() { self.ssthresh } else { self.ssthresh.max(self.window / 4 * 3) };
            self.epoch = None;
        }
        let mut left = idle_us.saturating_sub(rto_us);
        while left > 0 && self.window > restart {
            self.window = (self.window / 2).max(restart);
            left = left.saturating_sub(rto_us);
        }
    }
}

/// The largest integer whose cube is at most `n`.
fn cube_root(n: u128) -> u64 {
    let (mut low, mut high) = (0u64, 1 << 42);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if u128::from(middle).pow(3) <= n {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u64 = 1460;

    #[test]
    fn cube_roots() {
        for n in [0u64, 1, 2, 7, 8, 26, 27, 1_000_000, 999_999_999_999] {
            let root = u128::from(cube_root(u128::from(n)));
            assert!(root.pow(3) <= u128::from(n) && (root + 1).pow(3) > u128::from(n), "{n}");
        }
    }

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
    fn new_reno_adds_a_segment_per_round_trip_and_halves() {
        let mut cc = Congestion::new(Algorithm::NewReno, MSS as u32, 10);
        cc.on_loss();
        assert_eq!(cc.window(), 5 * MSS);
        for _ in 0..5 {
            cc.on_ack(0, MSS, 50_000, None, true);
        }
        assert!((6 * MSS - 200..=6 * MSS).contains(&cc.window()), "{}", cc.window());
    }

    /// RFC 9438 section 4.2: after a loss at W_max the window is back at W_max K seconds later, K =
    /// cbrt(W_max * 0.3 / 0.4). The round trip is so long that Reno would not be faster.
    #[test]
    fn cubic_regains_its_window_after_k() {
        let mut cc = Congestion::new(Algorithm::Cubic, MSS as u32, 1000);
        cc.on_loss();
        assert_eq!(cc.window(), 700 * MSS);
        let rtt_us = 100_000;
        let mut now_us = 0;
        let k_us = cube_root(750 * 1_000_000_000_000_000_000);
        assert!((9_000_000..9_100_000).contains(&k_us), "{k_us}");
        while now_us < k_us {
            let window = cc.window();
            cc.on_ack(now_us, window, rtt_us, Some(rtt_us), true);
            now_us += rtt_us;
        }
        let off = cc.window().abs_diff(1000 * MSS);
        assert!(off < 20 * MSS, "{} segments", cc.window() / MSS);
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
