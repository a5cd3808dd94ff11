//! Wire bytes of a window of data at once, where the machine's instructions allow.

use super::super::Output;
use super::super::runs::{MAX_RUN_BYTES, Strings as Parsed};
use super::super::simd::{self, Width, Window, strings::Merge};
use super::MAX_STRING_BYTES;
use super::encode::{STRIDE, Strings, WIRE_BYTES};

/// Windows looked at together for the ends of long runs.
const RUN_WINDOWS: usize = 32;
/// Of them, and the byte after.
const CHUNK: usize = RUN_WINDOWS * STRIDE + 1;

/// A single run, most likely, is measured faster.
#[inline(always)]
fn seems_one_run(chunk: &[u8; CHUNK]) -> bool {
    (1..5).all(|quarter| chunk[quarter * RUN_WINDOWS * STRIDE / 4 - 1] == chunk[0])
}

impl<'p, O: Output<'p>> Strings<'_, O> {
    /// Strings of `data` from `at` on. Says from where on there are none yet, and up to where that is
    /// looked through and has no run for a string.
    ///
    /// Where a window ends in a byte string, that goes on in the next: its header is written again.
    #[inline(always)]
    pub(super) fn windows(
        &mut self,
        width: impl Width,
        data: &[u8],
        mut at: usize,
        filler: u8,
    ) -> (usize, usize) {
        // These are the bytes of the byte string that is open.
        let mut open = 0;
        while let (Some(bytes), Some(next)) = (simd::window(data, at), simd::window(data, at + 1)) {
            let (equal, fillers) = (width.equal(bytes, next), width.equal_to(bytes, filler));
            if let Some(parsed) = Parsed::of(equal, fillers, open > 0) {
                let open_len = open + parsed.begun_len;
                if open_len > MAX_STRING_BYTES {
                    break;
                }
                let begun = open + usize::from(open > 0);
                self.keep_room(begun);
                self.wire[self.len - begun] = open_len as u8;
                self.merged(width, bytes, parsed.merge());
                open = parsed.open_len(open);
                at += parsed.len;
            } else {
                let ended =
                    if equal == u64::MAX { at + self.long_runs(width, &data[at..], filler) } else { at };
                if ended == at {
                    break;
                }
                (at, open) = (ended, 0);
            }
        }
        self.len -= open + usize::from(open > 0);
        (at - open, at)
    }

    /// Makes room for the bytes of a window; the last `begun` bytes stay.
    #[inline(always)]
    fn keep_room(&mut self, begun: usize) {
        if self.len + STRIDE + 1 > WIRE_BYTES {
            let from = self.len - begun;
            self.out.framing(&self.wire[..from]);
            self.wire.copy_within(from..self.len, 0);
            self.len = begun;
        }
    }

    #[inline(always)]
    fn merged(&mut self, width: impl Width, bytes: &Window, (merge, last): (Merge, bool)) {
        let room: &mut [u8; STRIDE + 1] = self.wire[self.len..].first_chunk_mut().expect("room");
        *room.first_chunk_mut().expect("room") = width.merge(bytes, merge);
        let len = merge.places().count_ones() as usize;
        room[len] = bytes[STRIDE - 1];
        self.len += len + usize::from(last);
    }

    /// Runs that `data` begins with, most of them long; says how many bytes they are. First all ends are
    /// found, then the strings are made: no branch hangs on where a run ends.
    #[inline(always)]
    fn long_runs(&mut self, width: impl Width, data: &[u8], filler: u8) -> usize {
        let Some(chunk) = data.first_chunk::<CHUNK>() else { return 0 };
        if seems_one_run(chunk) {
            return 0;
        }
        let (mut ends, mut len) = ([0; RUN_WINDOWS], 0);
        for at in (0..RUN_WINDOWS).map(|window| window * STRIDE) {
            let bytes: &Window = chunk[at..at + STRIDE].first_chunk().expect("window");
            let next: &Window = chunk[at + 1..at + 1 + STRIDE].first_chunk().expect("window");
            let here = !width.equal(bytes, next);
            ends[len % RUN_WINDOWS] = at + here.trailing_zeros() as usize;
            len += usize::from(here != 0);
            if here & here.wrapping_sub(1) != 0 {
                break;
            }
        }
        let mut from = 0;
        for &end in ends.iter().take(len) {
            let (run, byte) = (end + 1 - from, chunk[from]);
            // An odd byte belongs in a byte string.
            if run % MAX_RUN_BYTES == 1 && byte != filler {
                break;
            }
            self.run(byte, run, filler);
            from = end + 1;
        }
        from
    }
}
