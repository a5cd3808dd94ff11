//! Bytes looked at 64 at a time, by the widest instructions the machine has: AVX-512 or AVX2 where
//! they are found at run time, 64-bit arithmetic elsewhere. The tests hold each against byte by byte.

pub(super) mod strings;
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "instructions beyond the baseline, behind the question whether they are there"
)]
mod x86;

use strings::{Expanded, Merge};

pub(super) const BYTES: usize = 64;
pub(super) type Window = [u8; BYTES];

/// How to look at a [`Window`]. Masks have a bit for each byte, the first in the lowest.
pub(super) trait Width: Copy {
    /// Whether [`Self::merge`] takes less time than strings one by one.
    const MERGES: bool = false;
    /// Which bytes of `one` equal the byte of `other` at their place.
    fn equal(self, one: &Window, other: &Window) -> u64;

    /// Which bytes are `byte`.
    fn equal_to(self, bytes: &Window, byte: u8) -> u64;

    /// Moves the bytes that `keep` tells together to the front of `to`; what comes after them there
    /// may be anything.
    #[inline(always)]
    fn compress(self, bytes: &Window, keep: u64, to: &mut Window) {
        let mut len = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            to[len % BYTES] = byte;
            len += (keep >> at & 1) as usize;
        }
    }

    /// Copies `bytes` to `to`, those that `twice` tells two times, and says how many came of it; after
    /// them there may be anything.
    #[inline(always)]
    fn double(self, bytes: &Window, twice: u64, to: &mut [u8; 2 * BYTES]) -> usize {
        let mut len = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            to[len..len + 2].fill(byte);
            len += 1 + (twice >> at & 1) as usize;
        }
        len
    }

    /// The headers and data of `strings`, together at the front; what comes after them there may be
    /// anything.
    #[inline(always)]
    fn merge(self, bytes: &Window, strings: Merge) -> Window {
        let mut to = [0; BYTES];
        self.compress(&strings.placed(bytes), strings.places(), &mut to);
        to
    }

    /// Whether [`Self::expand`] takes less time than strings one by one, where they are short.
    const EXPANDS: bool = false;

    /// The data of whole strings that `wire` begins with, without codes; after it there may be anything.
    /// How many are taken is up to the width, and may be none.
    #[inline(always)]
    fn expand(self, _wire: &Window, _filler: u8, _to: &mut [u8; 2 * BYTES]) -> Expanded {
        Expanded::default()
    }
}

/// Something to do with the widest instructions; `run` is to be `#[inline(always)]`, so that all of
/// it is compiled for them.
pub(super) trait Job {
    type Output;
    fn run<W: Width>(self, width: W) -> Self::Output;
}

#[inline]
pub(super) fn widest<J: Job>(job: J) -> J::Output {
    #[cfg(target_arch = "x86_64")]
    return x86::widest(job);
    #[cfg(not(target_arch = "x86_64"))]
    job.run(Word)
}

/// 64-bit arithmetic, on every machine.
#[derive(Clone, Copy)]
#[cfg_attr(all(target_arch = "x86_64", not(test)), allow(dead_code, reason = "of machines without AVX2"))]
pub(super) struct Word;

impl Word {
    /// Which of eight bytes are zero.
    #[inline(always)]
    fn zeros(word: u64) -> u64 {
        const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
        // Adding to seven bits carries into the eighth where any is set.
        let tops = !(((word & LOW) + LOW) | word | LOW);
        // The multiplication moves the lowest bit of byte i to bit 56 + i.
        (tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    }

    #[inline(always)]
    fn word(bytes: &Window, index: usize) -> u64 {
        u64::from_le_bytes(bytes[8 * index..8 * index + 8].try_into().expect("eight bytes"))
    }
}

impl Width for Word {
    #[inline(always)]
    fn equal(self, one: &Window, other: &Window) -> u64 {
        (0..8).map(|i| Self::zeros(Self::word(one, i) ^ Self::word(other, i)) << (8 * i)).sum()
    }

    #[inline(always)]
    fn equal_to(self, bytes: &Window, byte: u8) -> u64 {
        self.equal(bytes, &[byte; BYTES])
    }
}

/// The window of `data` that begins at `at`.
#[inline(always)]
pub(super) fn window(data: &[u8], at: usize) -> Option<&Window> {
    data.get(at..)?.first_chunk()
}

/// How many bytes at the front of `data` are `byte`.
#[inline(always)]
pub(super) fn run_length(width: impl Width, data: &[u8], byte: u8) -> usize {
    let mut at = 0;
    while let Some(window) = window(data, at) {
        let others = !width.equal_to(window, byte);
        if others != 0 {
            return at + others.trailing_zeros() as usize;
        }
        at += BYTES;
    }
    at + data[at..].iter().take_while(|&&other| other == byte).count()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An interpreter that looks for undefined behaviour takes its time.
    pub(crate) const SLOW: bool = cfg!(miri);

    /// Two neighbours of every value, at every place, in a window that is the same otherwise.
    struct EachByte;
    impl Job for EachByte {
        type Output = ();
        fn run<W: Width>(self, width: W) {
            for at in 0..BYTES {
                for (one, other) in (0..=255u8)
                    .step_by(if SLOW { 85 } else { 1 })
                    .flat_map(|one| [(one, 0), (one, one), (one, one ^ 0x80), (0xFF, one)])
                {
                    let (mut left, mut right) = ([7; BYTES], [9; BYTES]);
                    (left[at], right[at]) = (one, other);
                    assert_eq!(width.equal(&left, &right), u64::from(one == other) << at);
                    let sevens = !(1 << at) | u64::from(one == 7) << at;
                    assert_eq!(width.equal_to(&left, 7), sevens);
                }
            }
        }
    }

    struct Masks;
    impl Job for Masks {
        type Output = ();
        fn run<W: Width>(self, width: W) {
            let bytes: Window = std::array::from_fn(|at| at as u8 + 3);
            let mut mask = 0x9E37_79B9_7F4A_7C15u64;
            for round in 0..if SLOW { 20 } else { 2000u32 } {
                let mask = match round {
                    0 => 0,
                    1 => u64::MAX,
                    _ => {
                        mask ^= mask << 13;
                        mask ^= mask >> 7;
                        mask ^= mask << 17;
                        mask
                    }
                };
                let told = |at: usize| mask >> at & 1 == 1;
                let kept: Vec<u8> = (0..BYTES).filter(|&at| told(at)).map(|at| bytes[at]).collect();
                let mut to = [0; BYTES];
                width.compress(&bytes, mask, &mut to);
                assert_eq!(to[..kept.len()], kept);
                let doubled: Vec<u8> =
                    (0..BYTES).flat_map(|at| vec![bytes[at]; 1 + usize::from(told(at))]).collect();
                let mut to = [0; 2 * BYTES];
                let len = width.double(&bytes, mask, &mut to);
                assert_eq!(to[..len], doubled);
            }
        }
    }

    struct Runs;
    impl Job for Runs {
        type Output = ();
        fn run<W: Width>(self, width: W) {
            for len in (0..200).step_by(if SLOW { 21 } else { 1 }) {
                let mut data = vec![5; len];
                assert_eq!(run_length(width, &data, 5), len);
                data.push(6);
                data.extend([5; 100]);
                assert_eq!(run_length(width, &data, 5), len);
            }
        }
    }

    /// Does `job` by each width that the machine has.
    pub(crate) fn each<J: Job>(job: impl Fn() -> J) {
        job().run(Word);
        #[cfg(target_arch = "x86_64")]
        x86::tests::each(job);
    }

    #[test]
    fn bytes_are_compared() {
        each(|| EachByte);
    }

    #[test]
    fn masks_move_bytes() {
        each(|| Masks);
    }

    #[test]
    fn runs_are_measured() {
        each(|| Runs);
    }
}
