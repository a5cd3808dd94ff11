//! Bytes compared several at a time: SSE2 where the build's target has it (every x86-64), and
//! plain 64-bit arithmetic elsewhere; the tests hold one against the other.

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub use sse2::Lanes;
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub use word::Lanes;

/// Calls the inlined function named, compiled for AVX2 where the machine has it.
#[cfg(target_arch = "x86_64")]
macro_rules! wide {
    ($body:ident($($argument:ident: $type:ty),*) -> $output:ty) => {{
        #[target_feature(enable = "avx2")]
        fn avx2($($argument: $type),*) -> $output {
            $body($($argument),*)
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the machine has AVX2.
            unsafe { avx2($($argument),*) }
        } else {
            $body($($argument),*)
        }
    }};
}
#[cfg(not(target_arch = "x86_64"))]
macro_rules! wide {
    ($body:ident($($argument:ident: $type:ty),*) -> $output:ty) => { $body($($argument),*) };
}

/// What is known of each of 64 neighbouring bytes, the first in the lowest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masks {
    /// It equals the next byte.
    pub equal: u64,
    /// It is the filler.
    pub fillers: u64,
}

impl Masks {
    /// Bytes looked at: 64 and the next.
    pub const BYTES: usize = 65;

    #[inline(always)]
    pub fn of(bytes: &[u8; Self::BYTES], filler: u8) -> Self {
        let filler = Lanes::splat(filler);
        let mut masks = Self { equal: 0, fillers: 0 };
        let mut at = 0;
        while at < 64 {
            let lanes = Lanes::load(&bytes[at..]);
            masks.equal |= u64::from(lanes.equal(Lanes::load(&bytes[at + 1..]))) << at;
            masks.fillers |= u64::from(lanes.equal(filler)) << at;
            at += Lanes::COUNT;
        }
        masks
    }
}

/// Goes on from `at` while 64 bytes together hold no two fillers nor three of any byte (either of
/// which may end after them).
pub fn skip_runless(data: &[u8], at: usize, filler: u8) -> usize {
    #[inline(always)]
    fn skip(data: &[u8], mut at: usize, filler: u8) -> usize {
        while let Some(window) = data.get(at..at + 66) {
            let (one, two, three) = (&window[..64], &window[1..65], &window[2..66]);
            let mut run = false;
            for lane in 0..64 {
                run |= (one[lane] == two[lane]) & ((one[lane] == three[lane]) | (one[lane] == filler));
            }
            if run {
                break;
            }
            at += 64;
        }
        at
    }
    wide!(skip(data: &[u8], at: usize, filler: u8) -> usize)
}

/// How many bytes at the front of `data` are `byte`.
pub fn run_length(data: &[u8], byte: u8) -> usize {
    #[inline(always)]
    fn skip(data: &[u8], byte: u8) -> usize {
        let mut at = 0;
        while let Some(window) = data.get(at..at + 128) {
            if window.iter().fold(0, |other, each| other | (each ^ byte)) != 0 {
                break;
            }
            at += 128;
        }
        at
    }
    let mut at = wide!(skip(data: &[u8], byte: u8) -> usize);
    let bytes = Lanes::splat(byte);
    while let Some(window) = data.get(at..at + Lanes::COUNT) {
        let equal = Lanes::load(window).equal(bytes).trailing_ones() as usize;
        at += equal;
        if equal < Lanes::COUNT {
            return at;
        }
    }
    at + data[at..].iter().take_while(|&&other| other == byte).count()
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};

    #[derive(Clone, Copy)]
    pub struct Lanes(__m128i);

    impl Lanes {
        pub const COUNT: usize = 16;

        #[inline(always)]
        pub fn splat(byte: u8) -> Self {
            // SAFETY: as for all of these, SSE2 is there (the module's cfg); no memory is touched.
            Self(unsafe { _mm_set1_epi8(byte as i8) })
        }

        /// The first bytes of `bytes`, which has enough of them.
        #[inline(always)]
        pub fn load(bytes: &[u8]) -> Self {
            let (low, high) = (&bytes[..8], &bytes[8..16]);
            let word = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            // SAFETY: SSE2 is there; the words were read by safe code.
            Self(unsafe { _mm_set_epi64x(word(high), word(low)) })
        }

        /// A bit for each lane that is equal.
        #[inline(always)]
        pub fn equal(self, other: Self) -> u32 {
            // SAFETY: SSE2 is there; registers only.
            unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(self.0, other.0)) as u32 }
        }
    }
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod word {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;

    #[derive(Clone, Copy)]
    pub struct Lanes(u64);

    impl Lanes {
        pub const COUNT: usize = 8;

        pub fn splat(byte: u8) -> Self {
            Self(u64::from_le_bytes([byte; 8]))
        }

        /// The first bytes of `bytes`, which has enough of them.
        pub fn load(bytes: &[u8]) -> Self {
            Self(u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")))
        }

        /// A bit for each lane that is equal.
        pub fn equal(self, other: Self) -> u32 {
            let differ = self.0 ^ other.0;
            // Adding to seven bits carries into the eighth where any is set.
            let tops = !(((differ & LOW) + LOW) | differ | LOW);
            // The multiplication moves the lowest bit of lane i to bit 56 + i.
            ((tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every lane by itself: both implementations, held against byte by byte.
    #[test]
    fn lanes_compare_bytes() {
        for lane in 0..16 {
            for (one, other) in
                (0..=255u8).flat_map(|one| [(one, 0), (one, one), (one, one ^ 0x80), (0xFF, one)])
            {
                let (mut left, mut right) = ([7; 16], [9; 16]);
                (left[lane], right[lane]) = (one, other);
                let expected = u32::from(one == other) << lane;
                if lane < Lanes::COUNT {
                    assert_eq!(Lanes::load(&left).equal(Lanes::load(&right)), expected);
                }
                if lane < word::Lanes::COUNT {
                    assert_eq!(word::Lanes::load(&left).equal(word::Lanes::load(&right)), expected);
                }
            }
        }
        assert_eq!(Lanes::splat(3).equal(Lanes::splat(3)), (1 << Lanes::COUNT) - 1);
        assert_eq!(word::Lanes::splat(3).equal(word::Lanes::splat(3)), 0xFF);
        for mask in 0..=255u32 {
            let bytes: [u8; 8] = std::array::from_fn(|lane| if mask >> lane & 1 == 1 { 5 } else { 6 });
            assert_eq!(word::Lanes::load(&bytes).equal(word::Lanes::splat(5)), mask);
        }
    }

    #[test]
    fn masks_know_each_byte() {
        let bytes: [u8; Masks::BYTES] = std::array::from_fn(|at| (at * at / 7 % 3) as u8);
        let masks = Masks::of(&bytes, 1);
        for at in 0..64 {
            assert_eq!(masks.equal >> at & 1 == 1, bytes[at] == bytes[at + 1], "{at}");
            assert_eq!(masks.fillers >> at & 1 == 1, bytes[at] == 1, "{at}");
        }
    }

    #[test]
    fn no_run_is_skipped() {
        let plain: Vec<u8> = (0..300).map(|at| 1 + (at % 199) as u8).collect();
        assert!(skip_runless(&plain, 0, 0) > 300 - 66);
        for at in 0..298 {
            for (byte, len) in [(0, 2), (250, 3)] {
                let mut data = plain.clone();
                data[at..at + len].fill(byte);
                let skipped = skip_runless(&data, 0, 0);
                assert!(skipped <= at && (skipped + 64 > at || skipped + 66 > 300), "{skipped} for {at}");
            }
        }
    }

    #[test]
    fn runs_are_measured() {
        for len in 0..400 {
            let mut data = vec![5; len];
            assert_eq!(run_length(&data, 5), len);
            data.push(6);
            data.extend([5; 200]);
            assert_eq!(run_length(&data, 5), len);
        }
    }
}
