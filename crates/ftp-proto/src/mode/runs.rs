//! The run-length parse of compressed mode: which bytes go into byte strings, which into
//! replicated and filler strings.
//!
//! A byte string costs its bytes and one, a replicated string two, a filler string one. Going
//! from front to back, it is enough to know whether a byte string is open: a run is taken out of
//! an open byte string where that is shorter even with the count of the byte string that may
//! follow, and otherwise left in. Apart from the limit of 127 bytes to a byte string, that is the
//! shortest parse there is: an open byte string is worth at most the one byte that opening
//! another costs, so the cheaper of both choices is never worse later, and where both cost the
//! same the open byte string is at least as good. With the limit, every 127 bytes of data can
//! cost one byte more than the shortest parse.

mod strings;

use super::simd::{self, BYTES, Width};
pub(super) use strings::Strings;

/// Longest replicated or filler string (a 6-bit count).
pub(super) const MAX_RUN_BYTES: usize = 63;

/// Part of the data: a stretch for byte strings, and the run after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parse {
    pub at: usize,
    /// Bytes from `at` for byte strings; any number.
    pub literal: usize,
    /// Bytes of the run that follows; 0 at the end of the data only, where both may be.
    pub run: usize,
}

/// Who is told the parts.
pub(super) trait Parts {
    /// To be `#[inline(always)]`: as often called as the data has runs.
    fn part(&mut self, part: Parse);

    /// May take more than a part, by itself, of `data` from `at` on, before which all is told. Says up
    /// to where that was, and from where on there may be another run that is worth it.
    fn windows(&mut self, width: impl Width, data: &[u8], at: usize) -> (usize, usize);
}

/// Positions of a block that are decided: of the last one it is not known whether three are equal.
const DECIDED: usize = 63;

/// Goes on from `at` while 64 bytes together hold no two fillers nor three of any byte (either of
/// which may end after them).
#[inline(always)]
fn skip_runless(data: &[u8], mut at: usize, filler: u8) -> usize {
    while let Some(window) = data.get(at..at + BYTES + 2) {
        let (one, two, three) = (&window[..BYTES], &window[1..=BYTES], &window[2..]);
        let mut run = false;
        for lane in 0..BYTES {
            run |= (one[lane] == two[lane]) & ((one[lane] == three[lane]) | (one[lane] == filler));
        }
        if run {
            break;
        }
        at += BYTES;
    }
    at
}

/// Where to look on from `block`: farther, where the last that was found is far behind.
#[inline(always)]
fn look_ahead(data: &[u8], at: usize, block: usize, filler: u8) -> usize {
    if at + DECIDED <= block { skip_runless(data, block, filler) } else { block }
}

/// Tells `parts` those of `data` from front to back.
#[inline(always)]
pub(super) fn parse<W: Width>(width: W, data: &[u8], filler: u8, parts: &mut impl Parts) {
    // All before `block` is looked through; from `at` on it is not told.
    let (mut at, mut block) = (0, 0);
    'blocks: loop {
        if W::MERGES && at == block {
            (at, block) = parts.windows(width, data, at);
        }
        let (Some(bytes), Some(next)) = (simd::window(data, block), simd::window(data, block + 1)) else {
            break;
        };
        let (equal, fillers) = (width.equal(bytes, next), width.equal_to(bytes, filler));
        let worth_opened = equal & (equal >> 1 | fillers);
        let mut from = 0;
        loop {
            // With no byte string open, two of a byte are worth a string of their own, or one filler.
            let worth_here = (equal | fillers) & (u64::from(at == block + from) << from);
            let found = ((worth_opened & (u64::MAX << from)) | worth_here).trailing_zeros() as usize;
            if found >= DECIDED {
                break;
            }
            let run = 1 + (!(equal >> found)).trailing_zeros() as usize;
            let literal = block + found - at;
            if found + run >= 64 {
                at = long_run(width, data, at, literal, filler, parts);
                block = at;
                continue 'blocks;
            }
            parts.part(Parse { at, literal, run });
            from = found + run;
            at = block + from;
            if W::MERGES {
                block = at;
                continue 'blocks;
            }
        }
        block = look_ahead(data, at, block + DECIDED, filler);
    }
    rest(width, data, at, block, filler, parts);
}

/// A run that may go beyond the block. Says where it has ended.
#[inline(always)]
fn long_run(
    width: impl Width,
    data: &[u8],
    at: usize,
    literal: usize,
    filler: u8,
    parts: &mut impl Parts,
) -> usize {
    let byte = data[at + literal];
    let run = simd::run_length(width, &data[at + literal..], byte);
    // The odd byte of a run of 64, 127 ... is cheaper in a byte string, the one before or else
    // the one after. A run of one is a filler.
    let odd = usize::from(run % MAX_RUN_BYTES == 1 && byte != filler);
    let literal = if literal > 0 { literal + odd } else { 0 };
    parts.part(Parse { at, literal, run: run - odd });
    at + literal + run - odd
}

/// The end of the data, byte by byte. Inlined for what it tells: all of data without a run.
#[inline(always)]
fn rest(width: impl Width, data: &[u8], mut at: usize, block: usize, filler: u8, parts: &mut impl Parts) {
    let mut next = block.max(at);
    while next < data.len() {
        let byte = data[next];
        let two = data.get(next + 1) == Some(&byte);
        let worth = if at == next {
            two || byte == filler
        } else {
            two && (byte == filler || data.get(next + 2) == Some(&byte))
        };
        if worth {
            at = long_run(width, data, at, next - at, filler, parts);
            next = at;
        } else {
            next += 1;
        }
    }
    parts.part(Parse { at, literal: data.len() - at, run: 0 });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_is_skipped() {
        let plain: Vec<u8> = (0..300).map(|at| 1 + (at % 199) as u8).collect();
        assert!(skip_runless(&plain, 0, 0) > 300 - 66);
        // Neither a filler alone nor a byte that comes again behind another is a run.
        let again: Vec<u8> = plain.iter().flat_map(|&byte| [byte, 0, byte]).collect();
        assert!([0, 250].iter().all(|&filler| skip_runless(&again, 0, filler) > again.len() - 66));
        for at in 0..298 {
            for (byte, len) in [(0, 2), (250, 3)] {
                let mut data = plain.clone();
                data[at..at + len].fill(byte);
                let skipped = skip_runless(&data, 0, 0);
                assert!(skipped <= at && (skipped + 64 > at || skipped + 66 > 300), "{skipped} for {at}");
            }
        }
    }
}
