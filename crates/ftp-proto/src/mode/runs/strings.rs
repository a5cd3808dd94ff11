//! The parse of one window by arithmetic on masks, without a step for each of its strings.

use super::super::simd::strings::Merge;

/// The strings of a window, up to the run that may go on behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strings {
    /// Bytes in them.
    pub len: usize,
    /// The bytes in byte strings, those that go on with one begun before the window, and their number.
    literals: u64,
    begun: u64,
    pub begun_len: usize,
    /// The bytes in runs, and the first of each.
    runs: u64,
    begins: u64,
    fillers: u64,
}

impl Strings {
    /// `equal` has the bytes that are followed by the same, `open` says whether a byte string is. `None`
    /// for a window that holds nothing but a run.
    #[inline(always)]
    pub(crate) fn of(equal: u64, fillers: u64, open: bool) -> Option<Self> {
        if equal | 1 << 63 == u64::MAX {
            return None;
        }
        let begins = !(equal << 1);
        // Runs that are taken out of a byte string: the addition carries through those that it begins
        // in, to the last byte.
        let worth_opened = equal & begins & (equal >> 1 | fillers);
        let opened = equal ^ equal.wrapping_add(worth_opened);
        // The others are taken where no byte string is open, that is, as long as they follow one another
        // after a run, or at the beginning: so does the carry.
        let others = (equal | equal << 1 | fillers) & !opened;
        let here = others & (opened << 1 | u64::from(!open));
        let taken = opened | others & !others.wrapping_add(here);
        let undecided = equal.leading_ones();
        let decided = u64::MAX >> undecided;
        let (runs, literals) = (taken & decided, !taken & decided);
        let begun = literals & !literals.wrapping_add(u64::from(open));
        Self {
            len: 64 - undecided as usize,
            literals,
            begun,
            begun_len: begun.count_ones() as usize,
            runs,
            begins: begins & runs,
            fillers: fillers & runs,
        }
        .into()
    }

    /// How many bytes there are of the byte string that is open after the window, if `before` there
    /// were.
    #[inline(always)]
    pub(crate) fn open_len(&self, before: usize) -> usize {
        let last = (self.literals << (64 - self.len)).leading_ones() as usize;
        if self.begun_len == self.len { before + last } else { last }
    }

    /// How to make wire bytes, and whether the last byte comes after them. All others have their place
    /// in the window: a byte string is one place too long, and so the run after it begins one later, but
    /// that would not be taken if it were not longer than its wire bytes.
    #[inline(always)]
    pub(crate) fn merge(&self) -> (Merge, bool) {
        let &Self { len, literals, begun, begun_len, runs, begins, fillers } = self;
        let literals = literals ^ begun;
        let shifted = begins & literals << 1;
        let headers_of_runs = begins ^ shifted | shifted << 1;
        let literal_begins = literals & !(literals << 1);
        let all_begins = begins | literal_begins;
        let merge = Merge {
            begin: begun_len,
            ends: (all_begins & all_begins.wrapping_sub(1)) >> 1 | 1 << (len - 1),
            runs,
            fillers,
            headers: literal_begins | headers_of_runs,
            begun,
            data: (literals | headers_of_runs & !fillers) << 1,
        };
        (merge, literals >> 63 == 1)
    }
}
