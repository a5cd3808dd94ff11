//! Strings of compressed mode, many at once: what widths are told of them, and tell.

use super::{BYTES, Window};

/// What the headers of replicated and filler strings begin with.
pub(crate) const REPLICATED: u8 = 0x80;
pub(crate) const FILLER: u8 = 0xC0;

/// The strings of a window of data, as wire bytes are made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merge {
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
    pub(crate) fn places(&self) -> u64 {
        self.headers | self.begun | self.data
    }

    /// Headers and data at their places, byte by byte.
    pub(crate) fn placed(&self, bytes: &Window) -> Window {
        let told = |mask: u64, at: usize| (mask >> at & 1) as u8;
        let (mut headers, mut begin) = ([0; BYTES], self.begin);
        for (header, end) in headers.iter_mut().zip((0..BYTES).filter(|&at| told(self.ends, at) == 1)) {
            let kind = (told(self.runs, end) * REPLICATED) | (told(self.fillers, end) * FILLER);
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

/// What [`Width::expand`](super::Width::expand) took and gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub wire: usize,
    pub data: usize,
}

impl Expanded {
    #[inline(always)]
    pub(crate) fn add(&mut self, wire: usize, data: usize) {
        self.wire += wire;
        self.data += data;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Job;
    use super::super::tests::{SLOW, each};
    use super::super::{BYTES, Width, Window};
    use super::{FILLER, REPLICATED};

    /// Strings, short ones most often, taken from windows as one by one.
    struct Expansions;
    impl Job for Expansions {
        type Output = ();
        fn run<W: Width>(self, width: W) {
            let (mut noise, mut expanded) = (0x9E37_79B9_7F4A_7C15u64, 0);
            for round in 0..if SLOW { 20 } else { 20_000u32 } {
                let wire: Window = std::array::from_fn(|_| {
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    let byte = (noise >> 32) as u8;
                    if noise >> 40 & 15 < u64::from(round % 16) { byte } else { byte & 0xC3 }
                });
                let mut to = [0; 2 * BYTES];
                let took = width.expand(&wire, b' ', &mut to);
                let (mut data, mut at) = (Vec::new(), 0);
                while at < took.wire {
                    let (head, count) = (wire[at], usize::from(wire[at] & 0x3F));
                    let (string, len) = match head {
                        0 => panic!("an escape in {wire:?}"),
                        1..REPLICATED => {
                            (wire[at + 1..=at + usize::from(head)].to_vec(), 1 + usize::from(head))
                        }
                        REPLICATED..FILLER => (vec![wire[at + 1]; count], 2),
                        FILLER.. => (vec![b' '; count], 1),
                    };
                    data.extend(string);
                    at += len;
                }
                assert_eq!((at, &to[..took.data]), (took.wire, &data[..]), "{wire:?}");
                expanded += took.wire;
            }
            assert_eq!(expanded > 0, W::EXPANDS);
        }
    }

    #[test]
    fn strings_are_expanded() {
        each(|| Expansions);
    }
}
