//! What [`Width::merge`](super::Width::merge) is told.

use super::{BYTES, Window};

/// Strings of compressed mode that a window holds, as wire bytes are made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// Where the first string begins, and the last byte of each.
    pub begin: usize,
    pub ends: u64,
    /// The bytes in replicated and filler strings, and in filler strings.
    pub runs: u64,
    pub fillers: u64,
    /// Places of the window for the strings' headers, for data before them, which goes there as it is,
    /// and for their data: of each place the byte before.
    pub headers: u64,
    pub begun: u64,
    pub data: u64,
}

impl Merge {
    /// The places that are used.
    #[inline(always)]
    pub fn places(&self) -> u64 {
        self.headers | self.begun | self.data
    }

    /// Headers and data at their places, byte by byte.
    pub fn placed(&self, bytes: &Window) -> Window {
        let told = |mask: u64, at: usize| (mask >> at & 1) as u8;
        let (mut headers, mut begin) = ([0; BYTES], self.begin);
        for (header, end) in headers.iter_mut().zip((0..BYTES).filter(|&at| told(self.ends, at) == 1)) {
            let kind = told(self.runs, end) << 7 | told(self.fillers, end) << 6;
            *header = kind | (end + 1).wrapping_sub(begin) as u8;
            begin = end + 1;
        }
        let (mut merged, mut header) = (*bytes, headers.iter());
        for at in 0..BYTES {
            if told(self.headers, at) == 1 {
                merged[at] = *header.next().expect("no more headers than places");
            } else if told(self.data, at) == 1 {
                merged[at] = bytes[at - 1];
            }
        }
        merged
    }
}
