//! Which files stand for all of them in a simulation that has to end in a minute: strata of the sizes, and how
//! their time becomes everybody's.

use rand::seq::SliceRandom;
use serde::Serialize;
use turmoil_tcp::seeds;

/// So many files are simulated as they are; of more, [`SAMPLED`].
pub const WHOLE: usize = 150;
/// Of a delivery that is larger than [`WHOLE`].
pub const SAMPLED: usize = 100;
/// So many bytes are simulated, at most, in the files of one run.
pub const MOST_BYTES: u64 = 12 << 20;
/// Of a run with a fault.
pub const FAULTY_FILES: usize = 12;
/// Likewise; a file may have more than is under way at a time.
pub const FAULTY_BYTES: u64 = 6 << 20;
/// However many files there are, each keeps so many bytes of its own.
const LEAST_CAP_BYTES: u64 = 64 << 10;

/// Files that stand for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// All files.
    pub files: u64,
    /// All their bytes.
    pub bytes: u64,
    /// The size of each simulated file: the mean of those it stands for, but no more than [`Self::cap_bytes`].
    pub sizes_bytes: Vec<u64>,
    /// Where each simulated file's representative stands among all, sorted by size.
    #[serde(skip)]
    pub stands_for: Vec<usize>,
    /// What is simulated of one file at most; `None` where each is simulated whole.
    pub cap_bytes: Option<u64>,
}

impl Plan {
    /// `sorted`: all sizes, the smallest first; at least one. Simulates at most `most_files` and `most_bytes`.
    pub fn of(sorted: &[u64], most_files: usize, most_bytes: u64) -> Self {
        let (files, count) = (sorted.len(), sorted.len().min(most_files));
        let bounds = |index: usize| (index * files / count)..((index + 1) * files / count);
        let means = (0..count).map(|index| {
            let stratum = &sorted[bounds(index)];
            let sum: u128 = stratum.iter().map(|bytes| u128::from(*bytes)).sum();
            (sum / stratum.len() as u128) as u64
        });
        let means: Vec<u64> = means.collect();
        let cap = cap(&means, most_bytes);
        Self {
            files: files as u64,
            bytes: sorted.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes)),
            sizes_bytes: means.iter().map(|bytes| cap.map_or(*bytes, |cap| cap.min(*bytes))).collect(),
            stands_for: (0..count).map(|index| (bounds(index).start + bounds(index).end) / 2).collect(),
            cap_bytes: cap,
        }
    }

    /// The order in which simulated files go, as a directory's names have nothing to do with sizes.
    pub fn shuffled(&self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.sizes_bytes.len()).collect();
        order.shuffle(&mut seeds::stream(seed, "advise order"));
        order
    }

    /// Every other simulated file by size: the difference between all and these is what files cost that come on
    /// top. Empty where nothing has to be known of more files.
    pub fn half(&self) -> Vec<usize> {
        if self.is_whole() { Vec::new() } else { (0..self.sizes_bytes.len()).step_by(2).collect() }
    }

    /// Whether each file stands for itself alone.
    pub fn is_whole(&self) -> bool {
        self.files as usize == self.sizes_bytes.len()
    }

    /// Bytes of the simulated files.
    pub fn simulated_bytes(&self) -> u64 {
        self.sizes_bytes.iter().sum()
    }

    /// Bytes that neither the simulated files have, nor those for which they stand; negative where they have
    /// more than there are. What is less than a hundredth of all is nothing.
    pub fn missing_bytes(&self) -> i128 {
        let count = self.sizes_bytes.len() as u128;
        let stood_for = u128::from(self.simulated_bytes()) * u128::from(self.files) / count;
        let missing = i128::from(self.bytes) - stood_for as i128;
        if missing.unsigned_abs() * 100 < u128::from(self.bytes) { 0 } else { missing }
    }
}

/// The largest cap under which the sum is no more than `most_bytes`; `None` where none is needed.
fn cap(sizes: &[u64], most_bytes: u64) -> Option<u64> {
    let sum = |cap: u64| sizes.iter().fold(0u64, |sum, bytes| sum.saturating_add(cap.min(*bytes)));
    if sum(u64::MAX) <= most_bytes {
        return None;
    }
    let (mut within, mut beyond) = (0, most_bytes + 1);
    while within + 1 < beyond {
        let middle = within + (beyond - within) / 2;
        *(if sum(middle) <= most_bytes { &mut within } else { &mut beyond }) = middle;
    }
    Some(within.max(LEAST_CAP_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_are_simulated_as_they_are() {
        let plan = Plan::of(&[0, 1, 100, 5_000], WHOLE, MOST_BYTES);
        assert_eq!((plan.sizes_bytes.as_slice(), plan.cap_bytes), (&[0, 1, 100, 5_000][..], None));
        assert!(plan.is_whole() && plan.half().is_empty());
        assert_eq!((plan.missing_bytes(), plan.bytes), (0, 5_101));
        let mut order = plan.shuffled(1);
        assert_eq!(order, plan.shuffled(1));
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3]);
    }

    #[test]
    fn strata_keep_the_bytes_of_all() {
        let sorted: Vec<u64> = (0..10_000).map(|index| 100 + index * 3).collect();
        let plan = Plan::of(&sorted, SAMPLED, MOST_BYTES);
        assert_eq!((plan.files, plan.sizes_bytes.len(), plan.half().len()), (10_000, 100, 50));
        assert_eq!(plan.missing_bytes(), 0, "means stand for all bytes");
        assert!(plan.sizes_bytes.is_sorted() && plan.stands_for.iter().all(|index| *index < 10_000));
    }

    #[test]
    fn large_files_are_cut_and_what_is_missing_is_known() {
        let plan = Plan::of(&[10, 4 << 30], WHOLE, MOST_BYTES);
        assert_eq!(plan.sizes_bytes, [10, MOST_BYTES - 10]);
        assert_eq!(plan.missing_bytes(), (4i128 << 30) + 10 - i128::from(MOST_BYTES));
        assert!(plan.is_whole());
        // One of uneven strata: more is stood for than there is, or less.
        let mut sorted = vec![10; 199];
        sorted.push(1 << 20);
        let plan = Plan::of(&sorted, SAMPLED, MOST_BYTES);
        assert_eq!(plan.missing_bytes(), 0, "the largest shares its stratum with one other");
    }

    #[test]
    fn however_many_files_a_cap_is_never_next_to_nothing() {
        let plan = Plan::of(&vec![1 << 30; 400], 300, 1 << 20);
        assert_eq!(plan.cap_bytes, Some(LEAST_CAP_BYTES));
    }
}
