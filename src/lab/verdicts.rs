//! How many files came to each verdict.

use crate::sim::outcome::Verdict;
use std::ops::AddAssign;

/// One list of the verdicts, [`Verdict::ALL`], so that a new one cannot be left out of a sum or a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictCounts([u64; Verdict::ALL.len()]);

impl VerdictCounts {
    /// How many files came to this verdict.
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.0[verdict as usize]
    }

    /// Counts `files` more of this verdict.
    pub fn add(&mut self, verdict: Verdict, files: u64) {
        self.0[verdict as usize] += files;
    }
}

impl FromIterator<Verdict> for VerdictCounts {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut counts = Self::default();
        verdicts.into_iter().for_each(|verdict| counts.add(verdict, 1));
        counts
    }
}

impl AddAssign for VerdictCounts {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, files)| *sum += files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_a_place_of_its_own() {
        for (index, verdict) in Verdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, index, "the order of the columns");
        }
        let mut counts: VerdictCounts = Verdict::ALL.into_iter().collect();
        counts += [Verdict::Stuck, Verdict::Stuck].into_iter().collect();
        assert_eq!((counts.of(Verdict::Stuck), counts.of(Verdict::Intact)), (3, 1));
    }
}
