//! Estimators. They use IEEE addition, multiplication, division and square root only, which are
//! exact to the last bit on every platform, so that golden files may hold their results.

use hdrhistogram::Histogram;
use rand::{Rng, RngExt};
use serde::Serialize;

/// The 97.5 % quantile of the standard normal distribution: intervals are of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Bootstrap resamples; the ends of a 95 % interval then stand on 50 resamples each.
const RESAMPLES: usize = 2_000;

/// An interval of confidence, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Wilson's 95 % score interval of a proportion (Wilson 1927; Newcombe 1998, method 3): right
/// near 0 and 1 too, where the losses of a reliable mode are. `None` without trials.
pub fn wilson(hits: u64, trials: u64) -> Option<Interval> {
    if trials == 0 {
        return None;
    }
    let (n, p) = (trials as f64, hits as f64 / trials as f64);
    let z2 = Z * Z;
    let middle = p + z2 / (2.0 * n);
    let half = Z * ((p * (1.0 - p) + z2 / (4.0 * n)) / n).sqrt();
    let scale = 1.0 + z2 / n;
    Some(Interval {
        low: if hits == 0 { 0.0 } else { (middle - half) / scale },
        high: if hits == trials { 1.0 } else { (middle + half) / scale },
    })
}

/// What a share is below with 95 % confidence where none of so many trials showed it: the exact one-sided bound of
/// Clopper and Pearson (1934), `1 - 0.05^(1/n)`. Wilson's upper end is a two-sided interval's, and of fewer than nine
/// trials it is too low. `None` without trials.
pub fn bound_of_none(trials: u64) -> Option<f64> {
    if trials == 0 {
        return None;
    }
    // The root is found by halving: a library's powers differ between platforms in the last bits.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..64 {
        let kept = (low + high) / 2.0;
        *(if power(kept, trials) < 0.05 { &mut low } else { &mut high }) = kept;
    }
    Some(1.0 - high)
}

/// `base` multiplied with itself, in an order that `exponent` alone decides.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            product *= base;
        }
        base *= base;
        exponent /= 2;
    }
    product
}

/// McNemar's exact two-sided test of paired outcomes: `only_a` and `only_b` count the pairs where
/// one of the two alone lost. The probability of a split at least as uneven if both were alike.
pub fn mcnemar_exact(only_a: u64, only_b: u64) -> f64 {
    let n = only_a + only_b;
    let least = only_a.min(only_b);
    if n == 0 || only_a == only_b {
        return 1.0;
    }
    // C(n, least) / 2^n, halved as it grows so that it neither overflows nor loses precision.
    let mut term = 1.0f64;
    let mut halvings = n;
    for i in 1..=least {
        term = term * (n - least + i) as f64 / i as f64;
        while term > 1.0 && halvings > 0 {
            term /= 2.0;
            halvings -= 1;
        }
    }
    for _ in 0..halvings.min(1_100) {
        term /= 2.0;
    }
    // The tail below: C(n, i - 1) = C(n, i) * i / (n - i + 1).
    let mut sum = 0.0;
    for i in (0..=least).rev() {
        sum += term;
        term = term * i as f64 / (n - i + 1) as f64;
    }
    (2.0 * sum).min(1.0)
}

/// The median; of an even number the mean of the two in the middle. `None` of nothing.
/// Reorders `values`.
pub fn median(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return Some(upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some((lower + upper) / 2.0)
}

/// The distribution-free interval of the median, of 95 % at least: between the order statistics that leave a
/// binomial tail of 2.5 % at most on either side (Conover 1999, section 3.2). `None` of fewer than six values.
/// Sorts `values`.
pub fn median_interval(values: &mut [u64]) -> Option<(u64, u64)> {
    values.sort_unstable();
    let n = values.len() as u64;
    // The tail grows with the rank; ranks below `within` leave little enough.
    let (mut within, mut beyond) = (0, n / 2 + 1);
    while within + 1 < beyond {
        let middle = (within + beyond) / 2;
        let tails = mcnemar_exact(middle - 1, n - middle + 1);
        *(if tails <= 0.05 { &mut within } else { &mut beyond }) = middle;
    }
    let rank = usize::try_from(within).ok()?.checked_sub(1)?;
    Some((values[rank], values[values.len() - 1 - rank]))
}

/// Pairs that an interval of 95 % takes: the true median lies beyond all of five values with a probability of 2 / 2^5,
/// so that not even their ends are far enough apart.
pub const MIN_PAIRS: usize = 6;

/// A ratio of two contenders' figures, over pairs of runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The median of the pairs' ratios.
    pub median: f64,
    /// Its 95 % interval; `None` of fewer than [`MIN_PAIRS`] pairs.
    pub interval: Option<Interval>,
}

/// The median of the paired ratios `of / to`, with its 95 % percentile-bootstrap interval over
/// the pairs (Efron and Tibshirani 1993, chapter 13).
///
/// Each pair is one seed: same files, same fault, same byte. The median of the pairs' ratios is
/// taken rather than the ratio of the means, because a single timeout of tens of seconds would
/// decide a mean; rather than the ratio of the medians, because that forgets the pairing; and
/// rather than their geometric mean, whose logarithms differ between platforms.
pub fn paired_ratio(pairs: &[(u64, u64)], rng: &mut impl Rng) -> Option<Ratio> {
    let ratios: Vec<f64> = pairs.iter().map(|&(of, to)| of as f64 / to as f64).collect();
    if ratios.iter().any(|r| !r.is_finite()) {
        return None;
    }
    let mut scratch = ratios.clone();
    let middle = median(&mut scratch)?;
    if ratios.len() < MIN_PAIRS {
        return Some(Ratio { median: middle, interval: None });
    }
    let mut medians: Vec<f64> =
        (0..RESAMPLES).filter_map(|_| resampled_median(&ratios, &mut scratch, rng)).collect();
    medians.sort_unstable_by(f64::total_cmp);
    let tail = RESAMPLES / 40;
    let interval = Interval { low: medians[tail - 1], high: medians[RESAMPLES - tail] };
    Some(Ratio { median: middle, interval: Some(interval) })
}

/// The median of as many values drawn with replacement.
fn resampled_median(values: &[f64], scratch: &mut [f64], rng: &mut impl Rng) -> Option<f64> {
    scratch.fill_with(|| values[rng.random_range(0..values.len())]);
    median(scratch)
}

/// Latencies in microseconds, kept to three significant digits (hdrhistogram).
#[derive(Clone)]
pub struct Latencies {
    histogram: Histogram<u64>,
    max_us: Option<u64>,
}

/// Three significant digits.
const DIGITS: u8 = 3;

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new(DIGITS).expect("three digits are within 0 to 5");
        Self { histogram, max_us: None }
    }
}

impl Latencies {
    /// Counts one more latency.
    pub fn record(&mut self, latency_us: u64) {
        // It resizes itself; only a value near u64::MAX could be refused, half a million years.
        let _ = self.histogram.record(latency_us);
        self.max_us = self.max_us.max(Some(latency_us));
    }

    /// The value that `percent` of the latencies do not exceed; `None` if there is none.
    pub fn percentile_us(&self, percent: u8) -> Option<u64> {
        let max = self.max_us?;
        Some(self.histogram.value_at_quantile(f64::from(percent) / 100.0).min(max))
    }

    /// The longest latency, exactly; `None` when none was recorded.
    pub fn max_us(&self) -> Option<u64> {
        self.max_us
    }
}

impl FromIterator<u64> for Latencies {
    fn from_iter<I: IntoIterator<Item = u64>>(latencies_us: I) -> Self {
        let mut all = Self::default();
        latencies_us.into_iter().for_each(|latency| all.record(latency));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha12Rng;

    fn close(a: f64, b: f64, by: f64) {
        assert!((a - b).abs() <= by, "{a} is not {b}");
    }

    /// Newcombe 1998, table I, method 3.
    #[test]
    fn wilson_as_published() {
        for (hits, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0000, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let i = wilson(hits, trials).unwrap();
            close(i.low, low, 5e-5);
            close(i.high, high, 5e-5);
        }
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(7, 7).unwrap().high, 1.0);
    }

    /// By hand for one and two trials; Hanley and Lippman-Hand 1983 (the rule of three's exact figures) for 10 and
    /// 100, and 58 and 59 on either side of one in twenty.
    #[test]
    fn bound_of_none_as_published() {
        for (trials, bound, by) in [
            (1, 0.95, 1e-15),
            (2, 1.0 - 0.05f64.sqrt(), 1e-15),
            (10, 0.2589, 5e-5),
            (100, 0.0295, 5e-5),
            (1_000_000, 2.995_73e-6, 1e-10),
        ] {
            close(bound_of_none(trials).unwrap(), bound, by);
        }
        assert!(bound_of_none(58).unwrap() > 0.05 && bound_of_none(59).unwrap() < 0.05);
        assert_eq!(bound_of_none(0), None);
    }

    /// The binomial tails of 2^-n by hand, and Fay 2011 ("exact2x2"): 21 against 9.
    #[test]
    fn mcnemar_as_published() {
        assert_eq!(mcnemar_exact(0, 0), 1.0);
        assert_eq!(mcnemar_exact(5, 5), 1.0);
        assert_eq!(mcnemar_exact(0, 5), 2.0 / 32.0);
        assert_eq!(mcnemar_exact(1, 9), 2.0 * 11.0 / 1024.0);
        assert_eq!(mcnemar_exact(9, 1), mcnemar_exact(1, 9));
        close(mcnemar_exact(21, 9), 0.04277, 5e-6);
        // Agresti 2002, table 10.1 (approval asked twice): 150 against 86, summed in exact fractions.
        close(mcnemar_exact(150, 86), 3.715_936_14e-5, 1e-13);
        // Far beyond what 2^-n alone can be written as; summed in exact fractions.
        close(mcnemar_exact(1_000, 1_102), 0.027_574_409_413, 1e-11);
        assert_eq!(mcnemar_exact(0, 100_000), 0.0);
    }

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }

    /// Conover 1999, table A3: n = 16 gives the 4th and the 13th, n = 20 the 6th and the 15th; a hundred and one
    /// as below.
    #[test]
    fn interval_of_a_median_as_published() {
        for (n, low, high) in [(6, 1, 6), (16, 4, 13), (20, 6, 15), (101, 41, 61)] {
            let mut values: Vec<u64> = (1..=n).rev().collect();
            assert_eq!(median_interval(&mut values), Some((low, high)), "{n}");
        }
        assert_eq!((median_interval(&mut []), median_interval(&mut [1, 2, 3, 4, 5])), (None, None));
    }

    #[test]
    fn paired_ratio_sees_through_the_spread_between_pairs() {
        // The pairs differ by orders of magnitude, the ratio is always between 2 and 3.
        let pairs: Vec<(u64, u64)> = (0..101).map(|i| ((200 + i) * 1000, 100 * 1000)).collect();
        let ratio = paired_ratio(&pairs, &mut ChaCha12Rng::seed_from_u64(1)).unwrap();
        assert_eq!(ratio.median, 2.5);
        let interval = ratio.interval.unwrap();
        assert!(2.3 < interval.low && interval.low < 2.5, "{ratio:?}");
        assert!(2.5 < interval.high && interval.high < 2.7, "{ratio:?}");
        assert_eq!(paired_ratio(&pairs, &mut ChaCha12Rng::seed_from_u64(1)), Some(ratio));
        assert_eq!(paired_ratio(&[], &mut ChaCha12Rng::seed_from_u64(1)), None);
        assert_eq!(paired_ratio(&[(1, 0)], &mut ChaCha12Rng::seed_from_u64(1)), None);
    }

    /// The distribution-free interval of a median (order statistics of the binomial, n = 101: ranks
    /// 41 to 61; Conover 1999) is what the bootstrap converges to.
    #[test]
    fn bootstrap_agrees_with_order_statistics() {
        let pairs: Vec<(u64, u64)> = (1..=101).map(|i| (i, 1)).collect();
        let ratio = paired_ratio(&pairs, &mut ChaCha12Rng::seed_from_u64(2)).unwrap();
        assert_eq!(ratio.median, 51.0);
        let interval = ratio.interval.unwrap();
        close(interval.low, 41.0, 1.5);
        close(interval.high, 61.0, 1.5);
    }

    /// As the distribution-free interval of a median has none of fewer than six values.
    #[test]
    fn a_few_pairs_have_a_ratio_and_no_interval() {
        for few in 1..=12 {
            let pairs: Vec<(u64, u64)> = (1..=few).map(|i| (i, 1)).collect();
            let ratio = paired_ratio(&pairs, &mut ChaCha12Rng::seed_from_u64(1)).unwrap();
            let mut values: Vec<u64> = (1..=few).collect();
            assert_eq!(ratio.interval.is_some(), median_interval(&mut values).is_some(), "{few}");
            assert_eq!(ratio.median, (few + 1) as f64 / 2.0);
        }
    }

    /// The mouse data of Efron and Tibshirani 1993, table 2.1, treatment group. The bootstrap's median
    /// is at most the i-th of seven values with probability P(Bin(7, i/7) >= 4): 0.010, 0.098 ...
    /// 0.902, 0.990, so that its 2.5 % quantile is the second value, its 97.5 % quantile the sixth.
    #[test]
    fn bootstrap_of_the_mouse_data() {
        let days = [94, 197, 16, 38, 99, 141, 23].map(|days| (days, 1));
        for seed in 0..20 {
            let ratio = paired_ratio(&days, &mut ChaCha12Rng::seed_from_u64(seed)).unwrap();
            let interval = Interval { low: 23.0, high: 141.0 };
            assert_eq!(ratio, Ratio { median: 94.0, interval: Some(interval) }, "seed {seed}");
        }
    }

    /// How often each median comes up, against the same probabilities: the share of resamples at or
    /// below the second value is 0.0984 (four standard errors of 2,000 draws: 0.027).
    #[test]
    fn resamples_are_drawn_evenly_and_with_replacement() {
        let mut rng = ChaCha12Rng::seed_from_u64(3);
        let days = [94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0];
        let low = (0..RESAMPLES).filter(|_| resampled_median(&days, &mut [0.0; 7], &mut rng) <= Some(23.0));
        close(low.count() as f64 / RESAMPLES as f64, 0.0984, 0.027);
    }

    #[test]
    fn percentiles_to_three_digits() {
        let all: Latencies = (1..=10_000u64).map(|i| i * 100).collect();
        for (percent, exact) in [(50, 500_000u64), (90, 900_000), (99, 990_000)] {
            close(all.percentile_us(percent).unwrap() as f64, exact as f64, exact as f64 / 1000.0);
        }
        assert_eq!(all.max_us(), Some(1_000_000));
        assert_eq!(Latencies::default().percentile_us(50), None);
    }
}
