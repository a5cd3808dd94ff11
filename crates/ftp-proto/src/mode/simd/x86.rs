//! The instructions of x86-64 beyond its first. A token of a width exists only on machines that
//! have its instructions; all of them work on registers, which windows are moved to and from as
//! plain values.

use super::strings::{Expanded, FILLER, Merge, REPLICATED};
use super::{BYTES, Job, Width, Window, Word};
use std::arch::x86_64::*;

pub(super) fn widest<J: Job>(job: J) -> J::Output {
    if Avx512::is_here() {
        // SAFETY: the machine has the features, as just asked.
        unsafe { run_avx512(job) }
    } else if Avx2::is_here() {
        // SAFETY: the machine has the features, as just asked.
        unsafe { run_avx2(job) }
    } else {
        job.run(Word)
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx2<J: Job>(job: J) -> J::Output {
    job.run(Avx2(()))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx512<J: Job>(job: J) -> J::Output {
    job.run(Avx512(()))
}

/// AVX2. Made in [`run_avx2`] only: whoever has one may use the instructions.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn is_here() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
    }

    #[inline(always)]
    fn halves(bytes: &Window) -> [__m256i; 2] {
        // SAFETY: same size, and every value of either is one of the other.
        unsafe { std::mem::transmute::<Window, [__m256i; 2]>(*bytes) }
    }

    #[inline(always)]
    fn mask(one: [__m256i; 2], other: [__m256i; 2]) -> u64 {
        // SAFETY: called by methods of a token, which says that AVX2 is there.
        unsafe {
            let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(one[0], other[0]));
            let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(one[1], other[1]));
            u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
        }
    }
}

impl Width for Avx2 {
    #[inline(always)]
    fn equal(self, one: &Window, other: &Window) -> u64 {
        Self::mask(Self::halves(one), Self::halves(other))
    }

    #[inline(always)]
    fn equal_to(self, bytes: &Window, byte: u8) -> u64 {
        // SAFETY: the token says that AVX2 is there.
        let all = unsafe { _mm256_set1_epi8(byte.cast_signed()) };
        Self::mask(Self::halves(bytes), [all, all])
    }
}

/// AVX-512 with byte compression (VBMI2). Made in [`run_avx512`] only: whoever has one may use the
/// instructions.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn is_here() -> bool {
        Avx2::is_here()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
    }

    #[inline(always)]
    fn load(bytes: &Window) -> __m512i {
        // SAFETY: same size, and every value of either is one of the other.
        unsafe { std::mem::transmute::<Window, __m512i>(*bytes) }
    }

    #[inline(always)]
    fn store(lanes: __m512i) -> Window {
        // SAFETY: same size, and every value of either is one of the other.
        unsafe { std::mem::transmute::<__m512i, Window>(lanes) }
    }
}

/// Twice each of the first 32 bytes, and of the last.
const EACH_TWICE: [Window; 2] = {
    let mut lanes = [[0; BYTES]; 2];
    let mut at = 0;
    while at < BYTES {
        lanes[0][at] = (at / 2) as u8;
        lanes[1][at] = (BYTES / 2 + at / 2) as u8;
        at += 1;
    }
    lanes
};
const PLACES: Window = {
    let mut lanes = [0; BYTES];
    let mut at = 0;
    while at < BYTES {
        lanes[at] = at as u8;
        at += 1;
    }
    lanes
};
/// The place before each.
const BEFORE: Window = {
    let mut lanes = [BYTES as u8 - 1; BYTES];
    let mut at = 1;
    while at < BYTES {
        lanes[at] = at as u8 - 1;
        at += 1;
    }
    lanes
};
const EVEN: u64 = 0x5555_5555_5555_5555;

impl Width for Avx512 {
    const MERGES: bool = true;
    const EXPANDS: bool = true;

    #[inline(always)]
    fn equal(self, one: &Window, other: &Window) -> u64 {
        // SAFETY: the token says that the features are there.
        unsafe { _mm512_cmpeq_epi8_mask(Self::load(one), Self::load(other)) }
    }

    #[inline(always)]
    fn equal_to(self, bytes: &Window, byte: u8) -> u64 {
        // SAFETY: the token says that the features are there.
        unsafe { _mm512_cmpeq_epi8_mask(Self::load(bytes), _mm512_set1_epi8(byte.cast_signed())) }
    }

    #[inline(always)]
    fn compress(self, bytes: &Window, keep: u64, to: &mut Window) {
        // SAFETY: the token says that the features are there.
        *to = Self::store(unsafe { _mm512_maskz_compress_epi8(keep, Self::load(bytes)) });
    }

    #[inline(always)]
    fn double(self, bytes: &Window, twice: u64, to: &mut [u8; 2 * BYTES]) -> usize {
        let mut len = 0;
        for (half, lanes) in EACH_TWICE.iter().enumerate() {
            // SAFETY: the token says that the features are there.
            let (doubled, keep) = unsafe {
                let twice = twice >> (32 * half) & u64::from(u32::MAX);
                let doubled = _mm512_permutexvar_epi8(Self::load(lanes), Self::load(bytes));
                let keep = EVEN | _pdep_u64(twice, !EVEN);
                (_mm512_maskz_compress_epi8(keep, doubled), keep)
            };
            let room: &mut Window = to[len..].first_chunk_mut().expect("no more than half is taken");
            *room = Self::store(doubled);
            len += keep.count_ones() as usize;
        }
        len
    }

    #[inline(always)]
    fn merge(self, bytes: &Window, strings: Merge) -> Window {
        let places = strings.places();
        let Merge { begin, ends, runs, fillers, headers, begun, .. } = strings;
        // SAFETY: the token says that the features are there.
        Self::store(unsafe {
            let before = Self::load(&BEFORE);
            let behind = _mm512_add_epi8(Self::load(&PLACES), _mm512_set1_epi8(1));
            let kinds = _mm512_maskz_set1_epi8(runs, REPLICATED.cast_signed());
            let kinds = _mm512_mask_blend_epi8(fillers, kinds, _mm512_set1_epi8(FILLER.cast_signed()));
            let ends = _mm512_maskz_compress_epi8(ends, _mm512_add_epi8(kinds, behind));
            // A string begins where the one before it ends, which is not at the end of the window.
            let begins = _mm512_and_si512(ends, _mm512_set1_epi8(BYTES as i8 - 1));
            let begins = _mm512_mask_permutexvar_epi8(_mm512_set1_epi8(begin as i8), !1, before, begins);
            let counted = _mm512_sub_epi8(ends, begins);
            let bytes = Self::load(bytes);
            let placed = _mm512_mask_permutexvar_epi8(bytes, !begun, before, bytes);
            let merged = _mm512_mask_expand_epi8(placed, headers, counted);
            _mm512_maskz_compress_epi8(places, merged)
        })
    }

    #[inline(always)]
    fn expand(self, wire: &Window, filler: u8, to: &mut [u8; 2 * BYTES]) -> Expanded {
        let jumps = Jumps::of(self, wire);
        let expanded = jumps.all();
        if expanded.data > to.len() {
            return Expanded::default();
        }
        for (from, room) in [0, BYTES].into_iter().zip(to.as_chunks_mut().0) {
            // As a rule less than a window is all.
            if from < expanded.data.max(1) {
                *room = jumps.data(filler, from);
            }
        }
        expanded
    }
}

/// Where the strings in a window on the wire lead, for each of its places as if one began there: the
/// header behind 1, 2, 4, 8 and 16 strings, and the bytes of data in these, or 255. A string that is
/// not whole leads nowhere, nor does an escape.
struct Jumps {
    wire: __m512i,
    next: [__m512i; 5],
    sums: [__m512i; 5],
}

impl Jumps {
    #[inline(always)]
    fn of(_: Avx512, wire: &Window) -> Self {
        // SAFETY: the token says that the features are there.
        unsafe {
            let (wire, places) = (Avx512::load(wire), Avx512::load(&PLACES));
            let (one, last) = (_mm512_set1_epi8(1), _mm512_set1_epi8(BYTES as i8 - 1));
            let runs = _mm512_movepi8_mask(wire);
            let fillers = _mm512_cmpge_epu8_mask(wire, _mm512_set1_epi8(FILLER.cast_signed()));
            let counts = _mm512_mask_blend_epi8(runs, wire, _mm512_and_si512(wire, last));
            let behind = _mm512_mask_blend_epi8(runs, _mm512_add_epi8(wire, one), _mm512_set1_epi8(2));
            let behind = _mm512_add_epi8(_mm512_mask_blend_epi8(fillers, behind, one), places);
            let whole = _mm512_mask_cmple_epu8_mask(_mm512_test_epi8_mask(wire, wire), behind, last);
            let mut next = [_mm512_mask_blend_epi8(whole, places, behind); 5];
            let mut sums = [_mm512_maskz_mov_epi8(whole, counts); 5];
            for power in 1..5 {
                (next[power], sums[power]) = Self::twice(next[power - 1], sums[power - 1]);
            }
            Self { wire, next, sums }
        }
    }

    #[inline(always)]
    fn twice(next: __m512i, sums: __m512i) -> (__m512i, __m512i) {
        // SAFETY: called by methods that have a token, or were made with one.
        unsafe {
            let more = _mm512_permutexvar_epi8(next, sums);
            (_mm512_permutexvar_epi8(next, next), _mm512_adds_epu8(sums, more))
        }
    }

    /// 32 strings from the first place on, or as many as are whole.
    #[inline(always)]
    fn all(&self) -> Expanded {
        let (next, sums) = Self::twice(self.next[4], self.sums[4]);
        // SAFETY: made with a token, which says that the features are there.
        let first = |lanes| unsafe { _mm_cvtsi128_si32(_mm512_castsi512_si128(lanes)) } as u8;
        Expanded { wire: first(next).into(), data: first(sums).into() }
    }

    /// A window of their data: each of its places goes as many strings far as it can without
    /// passing it.
    #[inline(always)]
    fn data(&self, filler: u8, from: usize) -> Window {
        // SAFETY: made with a token, which says that the features are there.
        Avx512::store(unsafe {
            let places = _mm512_add_epi8(Avx512::load(&PLACES), _mm512_set1_epi8(from as i8));
            let (mut header, mut before) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            for (&next, &sums) in self.next.iter().zip(&self.sums).rev() {
                let farther = _mm512_adds_epu8(before, _mm512_permutexvar_epi8(header, sums));
                let reached = _mm512_cmple_epu8_mask(farther, places);
                before = _mm512_mask_mov_epi8(before, reached, farther);
                header = _mm512_mask_permutexvar_epi8(header, reached, header, next);
            }
            let heads = _mm512_permutexvar_epi8(header, self.wire);
            let literals = !_mm512_movepi8_mask(heads);
            let fillers = _mm512_cmpge_epu8_mask(heads, _mm512_set1_epi8(FILLER.cast_signed()));
            let source = _mm512_add_epi8(header, _mm512_set1_epi8(1));
            let source = _mm512_mask_add_epi8(source, literals, source, _mm512_sub_epi8(places, before));
            let data = _mm512_permutexvar_epi8(source, self.wire);
            _mm512_mask_mov_epi8(data, fillers, _mm512_set1_epi8(filler.cast_signed()))
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Does `job` by each width that the machine has.
    pub(crate) fn each<J: Job>(job: impl Fn() -> J) {
        if Avx2::is_here() {
            // SAFETY: as just asked.
            unsafe { run_avx2(job()) };
        }
        if Avx512::is_here() {
            // SAFETY: as just asked.
            unsafe { run_avx512(job()) };
        }
    }
}
