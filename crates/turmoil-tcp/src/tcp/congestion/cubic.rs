//! CUBIC as Linux has it (RFC 9438; bictcp_update): after a loss the window returns to where it was on a cubic
//! curve of time, and never slower than a sender that adds nine segments in seventeen round trips. Unlike RFC
//! 9438 section 4.3 that sender does not speed up once it has regained the window.

use super::hystart::HyStart;
use super::{CongestionAvoidance, RttSample, Window};

/// Linux's beta, 0.7, in 1024ths.
const BETA: u64 = 717;
const BETA_SCALE: u64 = 1024;
/// Eight times the acknowledgements for which the friendly window grows by a segment, per segment of the window:
/// 8 (1 + beta) / (3 (1 - beta)).
const FRIENDLY_EIGHTHS: u64 = 8 * (BETA_SCALE + BETA) / 3 / (BETA_SCALE - BETA);
/// C of RFC 9438 is 0.4: 410 / 1024, with time in 1024ths of a second.
const C: u64 = 410;
/// Linux's tick: the curve is looked up once in it.
const TICK_US: u64 = 4_000;
/// With an unmoved window it is looked up as often.
const UPDATE_US: u64 = 31_250;
/// Round trips so soon after a loss say nothing of the path.
const UNSETTLED_US: u64 = 1_000_000;

/// CUBIC's growth since its last reduction.
#[derive(Clone, Debug)]
struct Epoch {
    start_us: u64,
    /// K of RFC 9438 section 4.2, in 1024ths of a second.
    k: u64,
    /// The window the cubic function aims at.
    origin: u64,
    /// W_est of RFC 9438 section 4.3, and acknowledgements that have not yet moved it.
    friendly: u64,
    acked: u64,
}

#[derive(Debug, Default)]
pub(super) struct Cubic {
    /// The window before the last reduction, lowered by fast convergence; 0: there was none.
    w_max: u64,
    epoch: Option<Epoch>,
    /// Window and time of the last look at the curve, and what came of it: acknowledgements for a segment.
    last: (u64, u64),
    per: u64,
    delay_min_us: Option<u64>,
    hystart: HyStart,
}

impl Cubic {
    fn start_epoch(&self, now_us: u64, window: u64) -> Epoch {
        let k = cube_root((u128::from(self.w_max.saturating_sub(window)) << 40) / u128::from(C));
        Epoch { start_us: now_us, k, origin: self.w_max.max(window), friendly: window, acked: 0 }
    }

    /// For how many acknowledged segments the window is to grow by one.
    fn update(&mut self, now_us: u64, acked: u64, window: u64) -> u64 {
        let (last_window, last_us) = self.last;
        let mut epoch = match self.epoch.take() {
            Some(epoch) => epoch,
            None => Epoch { acked: 0, ..self.start_epoch(now_us, window) },
        };
        let is_new = epoch.start_us == now_us && epoch.acked == 0;
        epoch.acked += acked;
        if !is_new && last_window == window && now_us - last_us <= UPDATE_US {
            self.epoch = Some(epoch);
            return self.per;
        }
        if is_new || now_us / TICK_US != last_us / TICK_US {
            self.last = (window, now_us);
            self.per = self.on_curve(&epoch, now_us, window);
        }
        // RFC 9438 section 4.3.
        let per_segment = (window * FRIENDLY_EIGHTHS) >> 3;
        while epoch.acked > per_segment {
            epoch.acked -= per_segment;
            epoch.friendly += 1;
        }
        if epoch.friendly > window {
            self.per = self.per.min(window / (epoch.friendly - window));
        }
        // At most half as many segments are added as are acknowledged.
        self.per = self.per.max(2);
        self.epoch = Some(epoch);
        self.per
    }

    fn on_curve(&self, epoch: &Epoch, now_us: u64, window: u64) -> u64 {
        let t_us = now_us - epoch.start_us + self.delay_min_us.unwrap_or(0);
        let t = t_us * 1024 / 1_000_000;
        let off = u128::from(t.abs_diff(epoch.k));
        let delta = ((off * off * off * u128::from(C)) >> 40) as u64;
        let target =
            if t < epoch.k { epoch.origin.saturating_sub(delta) } else { epoch.origin.saturating_add(delta) };
        let per = if target > window { window / (target - window) } else { 100 * window };
        // While no loss has shown what the path holds, five per cent a round trip are the least.
        if self.w_max == 0 { per.min(20) } else { per }
    }
}

impl CongestionAvoidance for Cubic {
    fn measured(&mut self, sample: &RttSample, window: &mut Window) {
        if self.epoch.as_ref().is_some_and(|epoch| sample.now_us - epoch.start_us < UNSETTLED_US) {
            return;
        }
        let rtt_us = sample.rtt_us.max(1);
        let delay_min_us = self.delay_min_us.map_or(rtt_us, |least| least.min(rtt_us));
        self.delay_min_us = Some(delay_min_us);
        if window.in_slow_start() {
            self.hystart.watch(sample, delay_min_us, window);
        }
    }

    fn grow(&mut self, now_us: u64, acked: u64, window: &mut Window) {
        let per = self.update(now_us, acked, window.segments);
        window.add(per, acked);
    }

    fn ssthresh(&mut self, window: &Window) -> u64 {
        let window = window.segments;
        self.epoch = None;
        // This is fast convergence (RFC 9438 section 4.7).
        self.w_max =
            if window < self.w_max { window * (BETA_SCALE + BETA) / (2 * BETA_SCALE) } else { window };
        window * BETA / BETA_SCALE
    }

    /// All is forgotten (Linux: bictcp_reset), and slow start watched again.
    fn timed_out(&mut self) {
        *self = Self::default();
    }

    /// Time in which nothing was sent is none of growth (RFC 9438 section 5.8).
    fn resumed(&mut self, now_us: u64, idle_us: u64) {
        if let Some(epoch) = &mut self.epoch {
            epoch.start_us = (epoch.start_us + idle_us).min(now_us);
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
    use super::super::{Algorithm, Congestion};
    use super::*;

    const MSS: u32 = 1460;

    #[test]
    fn cube_roots() {
        for n in [0u64, 1, 2, 7, 8, 26, 27, 1_000_000, 999_999_999_999] {
            let root = u128::from(cube_root(u128::from(n)));
            assert!(root.pow(3) <= u128::from(n) && (root + 1).pow(3) > u128::from(n), "{n}");
        }
    }

    fn after_a_loss(segments: u32) -> Congestion {
        let mut cc = Congestion::new(Algorithm::Cubic, MSS, segments, 0);
        cc.begin_recovery();
        cc.end_recovery();
        cc
    }

    /// RFC 9438 section 4.2: after a loss at W_max the window is back at W_max K seconds later, K =
    /// cbrt(W_max * 0.3 / 0.4). The round trip is so long that Reno would not be faster.
    #[test]
    fn cubic_regains_its_window_after_k() {
        let mut cc = after_a_loss(1000);
        assert_eq!(cc.segments(), 700);
        let (rtt_us, k_us) = (100_000, 9_085_603);
        let mut now_us = 1_000_000;
        while now_us < 1_000_000 + k_us {
            for _ in 0..cc.segments() {
                cc.grow(now_us, 1);
                now_us += rtt_us / 700;
            }
        }
        assert!(cc.segments().abs_diff(1000) < 20, "{} segments", cc.segments());
    }

    /// RFC 9438 section 4.3: with a short round trip the window grows as that of a sender that adds 9/17 of a
    /// segment a round trip (8/15 in Linux's eighths), and goes on so beyond the window before the loss.
    #[test]
    fn over_a_short_round_trip_it_grows_as_reno_would() {
        let mut cc = after_a_loss(10);
        assert_eq!(cc.segments(), 7);
        let (rtt_us, rounds) = (10_000, 30);
        for round in 0..rounds {
            for _ in 0..cc.segments() {
                cc.grow(1_000_000 + round * rtt_us, 1);
            }
        }
        // Linux is late by what it takes to acknowledge a window.
        let most = 7 + rounds * 8 / 15;
        assert!((most - 4..=most).contains(&cc.segments()), "{} for {most}", cc.segments());
    }

    /// Linux's rule for a slow start that ended without loss: five per cent a round trip, whatever the curve.
    #[test]
    fn before_any_loss_it_grows_by_a_twentieth() {
        let mut cc = Congestion::new(Algorithm::Cubic, MSS, 100, 0);
        cc.window.ssthresh = 100;
        for _ in 0..100 {
            cc.grow(50_000, 1);
        }
        assert_eq!(cc.segments(), 105);
    }
}
