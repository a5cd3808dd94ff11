//! CUBIC (RFC 9438): after a loss the window returns to where it was on a cubic curve of time, and
//! never slower than a sender that adds a segment a round trip.

use super::{Acked, CongestionAvoidance};

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

#[derive(Debug, Default)]
pub(super) struct Cubic {
    /// Bytes acknowledged that have not yet moved the window, times the distance to the target.
    rest: u128,
    /// The window before the last reduction, lowered by fast convergence.
    w_max: u64,
    /// The window before the last reduction.
    cwnd_prior: u64,
    epoch: Option<Epoch>,
}

impl CongestionAvoidance for Cubic {
    fn grown(&mut self, acked: &Acked) -> u64 {
        let Acked { now_us, bytes: acked, srtt_us, window, mss } = *acked;
        let w_max = self.w_max;
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
        (window + grown as u64).max(regained)
    }

    fn reduced(&mut self, window: u64) -> u64 {
        self.cwnd_prior = window;
        self.epoch = None;
        self.rest = 0;
        // This is fast convergence (RFC 9438 section 4.7).
        self.w_max = if window < self.w_max { window * 17 / 20 } else { window };
        window * 7 / 10
    }

    /// RFC 9438 section 5.8.
    fn paused(&mut self) {
        self.epoch = None;
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

    const MSS: u64 = 1460;

    #[test]
    fn cube_roots() {
        for n in [0u64, 1, 2, 7, 8, 26, 27, 1_000_000, 999_999_999_999] {
            let root = u128::from(cube_root(u128::from(n)));
            assert!(root.pow(3) <= u128::from(n) && (root + 1).pow(3) > u128::from(n), "{n}");
        }
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
}
