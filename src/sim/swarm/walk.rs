//! A walk over combinations: consecutive seeds cover every choice of each axis, and every pair of choices
//! of two axes, far more evenly than independent draws do, and each seed still knows its own place alone.
//!
//! Each axis goes round by steps of an irrational part of its length: of one whose continued fraction is
//! all small numbers, so that no few steps come back to where they began (Kronecker's sequence).

/// How many axes there are.
const AXES: usize = 4;

/// In parts of `2^64`: `(√5 - 1) / 2`, `(√13 - 3) / 2`, `√3 - 1`, `√2 - 1`.
const STEPS: [u64; AXES] =
    [0x9e37_79b9_7f4a_7c15, 0x4d82_b446_159f_360f, 0xbb67_ae85_84ca_a73b, 0x6a09_e667_f3bc_c909];

/// The place of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    seed: u64,
}

impl Walk {
    pub(super) fn of(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed's choice of an axis.
    pub(super) fn choose<T: Copy>(self, axis: usize, choices: &[T]) -> T {
        let at = self.seed.wrapping_add(1).wrapping_mul(STEPS[axis]);
        let index = (u128::from(at) * choices.len() as u128) >> 64;
        choices[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_hundred_seeds_meet_each_of_twenty_choices_and_most_pairs_of_seven() {
        let twenty: Vec<usize> = (0..20).collect();
        for axis in 0..AXES {
            let mut met: BTreeMap<usize, u32> = BTreeMap::new();
            (0..100).for_each(|seed| *met.entry(Walk::of(seed).choose(axis, &twenty)).or_default() += 1);
            assert_eq!(met.len(), 20, "axis {axis}: {met:?}");
            assert!(met.values().all(|times| (4..=6).contains(times)), "axis {axis}: {met:?}");
        }
        let seven: Vec<usize> = (0..7).collect();
        let pair = |seed| (Walk::of(seed).choose(0, &seven), Walk::of(seed).choose(1, &seven));
        let pairs: BTreeMap<_, u32> = (0..100).map(|seed| (pair(seed), 1)).collect();
        assert!(pairs.len() >= 46, "{}", pairs.len());
        // Of independent draws 63 in a hundred would be met.
        let many: Vec<usize> = (0..26).collect();
        let pair = |seed| (Walk::of(seed).choose(0, &many), Walk::of(seed).choose(1, &many));
        let pairs: BTreeMap<_, u32> = (0..676).map(|seed| (pair(seed), 1)).collect();
        assert!(pairs.len() >= 560, "{}", pairs.len());
    }
}
