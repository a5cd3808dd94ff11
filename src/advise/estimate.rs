//! From the times of simulated files to the time of all, with an interval.

use super::plan::Plan;
use serde::Serialize;

/// No interval is narrower than this share on either side: so far the simulation's times have been from those of
/// a kernel's TCP (`docs/advise.md`).
pub const LEAST_SPREAD: f64 = 0.1;
/// The 97.5 % quantiles of Student's distribution, by degrees of freedom from 1.
const STUDENT: [f64; 10] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];

/// A predicted time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// What it is likely to be.
    pub us: u64,
    /// The lower end of its interval.
    pub low_us: u64,
    /// The upper end.
    pub high_us: u64,
}

/// The times of one contender, in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// All simulated files, a seed each.
    pub whole: Vec<u64>,
    /// Every other one, of the same seeds; empty where each file stands for itself.
    pub half: Vec<u64>,
    /// Some large files in each session, and files of half their size, of the same seeds; empty where no byte is
    /// missing.
    pub bulk: Vec<(u64, u64)>,
    /// How many bytes the larger have more.
    pub bulk_bytes: u64,
    /// All simulated files at the best and at the worst of the path that was measured.
    pub ends: Option<(u64, u64)>,
    /// What comes before the first file and is not simulated.
    pub before_us: u64,
}

impl Times {
    /// `None` where no run has come to its end.
    pub(super) fn estimate(&self, plan: &Plan) -> Option<Estimate> {
        let bytes_us = self.missing_bytes_us(plan);
        let mut all: Vec<f64> = match plan.is_whole() {
            true => self.whole.iter().map(|us| *us as f64).collect(),
            false => {
                let (simulated, half) = (plan.sizes_bytes.len() as f64, plan.half().len() as f64);
                let more = (plan.files as f64 - simulated) / (simulated - half);
                let pairs = self.whole.iter().zip(&self.half);
                pairs.map(|(whole, half)| *whole as f64 + more * (*whole as f64 - *half as f64)).collect()
            }
        };
        all.iter_mut().for_each(|us| *us += bytes_us);
        all.sort_unstable_by(f64::total_cmp);
        let (first, last) = (*all.first()?, *all.last()?);
        let n = all.len() as f64;
        let mean = all.iter().sum::<f64>() / n;
        let (us, low, high) = match plan.is_whole() {
            true => (all[all.len() / 2], first, last),
            // Many files even out what single ones meet, so that all of them take the mean.
            false => {
                let variance =
                    all.iter().map(|us| (us - mean) * (us - mean)).sum::<f64>() / (n - 1.0).max(1.0);
                let quantile = STUDENT[(all.len().max(2) - 2).min(STUDENT.len() - 1)];
                let half = quantile * (variance / n).sqrt();
                (mean, mean - half, mean + half)
            }
        };
        let middle = self.whole.iter().sum::<u64>() as f64 / self.whole.len() as f64;
        let (best, worst) = self.ends.map_or((1.0, 1.0), |(best, worst)| {
            (best as f64 / middle.max(1.0), worst as f64 / middle.max(1.0))
        });
        let before = self.before_us as f64;
        let us = us.max(0.0) + before;
        let low = (low.max(0.0) * best.min(1.0) + before).min(us * (1.0 - LEAST_SPREAD));
        let high = (high * worst.max(1.0) + before).max(us * (1.0 + LEAST_SPREAD));
        let [us, low_us, high_us] = [us, low, high].map(|us| us.round() as u64);
        Some(Estimate { us, low_us, high_us })
    }

    /// What bytes take that no simulated file stands for.
    fn missing_bytes_us(&self, plan: &Plan) -> f64 {
        if self.bulk.is_empty() || self.bulk_bytes == 0 {
            return 0.0;
        }
        let more: f64 = self.bulk.iter().map(|(large, small)| *large as f64 - *small as f64).sum();
        let byte_us = (more / self.bulk.len() as f64 / self.bulk_bytes as f64).max(0.0);
        plan.missing_bytes() as f64 * byte_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::plan::{MOST_BYTES, SAMPLED, WHOLE};

    #[test]
    fn what_is_simulated_whole_is_what_it_takes() {
        let plan = Plan::of(&[10, 20, 30], WHOLE, MOST_BYTES);
        let times = Times { whole: vec![1_000, 1_010, 2_000], before_us: 500, ..Times::default() };
        let estimate = times.estimate(&plan).unwrap();
        assert_eq!(estimate, Estimate { us: 1_510, low_us: 1_359, high_us: 2_500 });
        assert_eq!(Times::default().estimate(&plan), None);
    }

    #[test]
    fn more_files_take_what_the_second_half_takes() {
        // 1 s to begin with, 10 ms a file.
        let plan = Plan::of(&[100; 10_000], SAMPLED, MOST_BYTES);
        let times = Times { whole: vec![2_000_000; 3], half: vec![1_500_000; 3], ..Times::default() };
        let estimate = times.estimate(&plan).unwrap();
        assert_eq!(estimate.us, 101_000_000);
        assert_eq!((estimate.low_us, estimate.high_us), (90_900_000, 111_100_000));
        let noisy = Times { whole: vec![2_000_000, 2_200_000, 1_800_000], ..times };
        let noisy = noisy.estimate(&plan).unwrap();
        assert!(noisy.us == 101_000_000 && noisy.high_us > 150_000_000, "{noisy:?}");
    }

    #[test]
    fn bytes_that_were_cut_off_take_the_bulk_rate() {
        // 100 bytes of 2^30 + 100 are simulated in 5 s; a byte takes 1 us.
        let plan = Plan {
            files: 1,
            bytes: (1 << 30) + 100,
            sizes_bytes: vec![100],
            stands_for: vec![0],
            cap_bytes: Some(100),
        };
        let times = Times {
            whole: vec![5_000_000],
            bulk: vec![(3_000, 2_000)],
            bulk_bytes: 1_000,
            ..Times::default()
        };
        assert_eq!(times.estimate(&plan).unwrap().us, 5_000_000 + (1 << 30));
    }

    #[test]
    fn the_ends_of_the_path_widen_the_interval() {
        let plan = Plan::of(&[10], WHOLE, MOST_BYTES);
        let times = Times { whole: vec![1_000], ends: Some((800, 1_500)), ..Times::default() };
        assert_eq!(times.estimate(&plan).unwrap(), Estimate { us: 1_000, low_us: 800, high_us: 1_500 });
    }
}
