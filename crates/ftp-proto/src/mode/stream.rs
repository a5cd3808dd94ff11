//! Stream mode (RFC 959 section 3.4.1).
//!
//! Structure F has no framing at all. Structure R escapes with 0xFF: `FF 01` end of record,
//! `FF 02` end of file, `FF 03` both, `FF FF` the byte itself.

use super::simd::{self, Job, Width};
use super::{End, Event, Malformed, Output, malformed};

const ESCAPE: u8 = 0xFF;
const END_OF_RECORD: u8 = 1;
const END_OF_FILE: u8 = 2;
const BOTH: u8 = END_OF_RECORD | END_OF_FILE;

/// So many 0xFF among 64 bytes are doubled together, in a copy; fewer are each the end of one part
/// of the payload and the beginning of the next.
const DENSE: u32 = 4;

/// Structure R.
struct Encode<'p, 'o, O> {
    piece: &'p [u8],
    out: &'o mut O,
}

impl<'p, O: Output<'p>> Job for Encode<'p, '_, O> {
    type Output = ();
    #[inline(always)]
    fn run<W: Width>(self, width: W) {
        let Self { piece, out } = self;
        // All before `from` is in the output, all before `at` is looked through.
        let (mut from, mut at) = (0, 0);
        while let Some(window) = simd::window(piece, at) {
            let mut escapes = width.equal_to(window, ESCAPE);
            if escapes.count_ones() >= DENSE {
                if from < at {
                    out.payload(&piece[from..at]);
                }
                at += double(width, &piece[at..], |wire| out.framing(wire));
                from = at;
                continue;
            }
            while escapes != 0 {
                // This goes up to the byte and takes it along; the next part begins with it again.
                let escape = at + escapes.trailing_zeros() as usize;
                out.payload(&piece[from..=escape]);
                from = escape;
                escapes &= escapes - 1;
            }
            at += simd::BYTES;
        }
        for escape in memchr::memchr_iter(ESCAPE, &piece[at..]).map(|found| at + found) {
            out.payload(&piece[from..=escape]);
            from = escape;
        }
        if from < piece.len() {
            out.payload(&piece[from..]);
        }
    }
}

/// Hands windows from the front of `data` on, with 0xFF doubled, as long as it is dense in them. Says
/// how many bytes that were.
#[inline(always)]
fn double(width: impl Width, data: &[u8], mut wire: impl FnMut(&[u8])) -> usize {
    const WINDOWS: usize = 8;
    let dense = |at| {
        let window = simd::window(data, at)?;
        let escapes = width.equal_to(window, ESCAPE);
        (escapes.count_ones() >= DENSE).then_some((window, escapes))
    };
    let mut at = 0;
    while let Some(first) = dense(at) {
        let (mut doubled, mut len) = ([0; WINDOWS * 2 * simd::BYTES], 0);
        let mut next = Some(first);
        for _ in 0..WINDOWS {
            let Some((window, escapes)) = next else { break };
            let room = doubled[len..].first_chunk_mut().expect("as many windows");
            len += width.double(window, escapes, room);
            at += simd::BYTES;
            next = dense(at);
        }
        wire(&doubled[..len]);
    }
    at
}

/// Structure R.
pub(super) fn encode<'p>(piece: &'p [u8], end: End, out: &mut impl Output<'p>) {
    simd::widest(Encode { piece, out });
    let code = (u8::from(end.record) * END_OF_RECORD) | (u8::from(end.file) * END_OF_FILE);
    if code != 0 {
        out.framing(&[ESCAPE, code]);
    }
}

/// The data before the next code, as far as it is surely whole in `input` and has surely room in
/// `data` after `filled`.
struct Data<'d, 'i> {
    input: &'d mut &'i [u8],
    data: &'d mut [u8],
    filled: &'d mut usize,
}

impl Job for Data<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<W: Width>(self, width: W) {
        let (wire, mut at, mut to) = (*self.input, 0, *self.filled);
        while let Some(bytes) = simd::window(wire, at)
            && let Some(into) = self.data.get_mut(to..).and_then(|data| data.first_chunk_mut())
        {
            let escapes = width.equal_to(bytes, ESCAPE);
            if escapes == 0 {
                *into = *bytes;
                at += simd::BYTES;
                to += simd::BYTES;
                continue;
            }
            let seconds = seconds(escapes);
            // A code follows, or it is not known what.
            let unpaired = escapes & !seconds & !(seconds >> 1);
            // It is a branch, so that the machine can go on with the next window before it knows.
            if unpaired == 0 {
                width.compress(bytes, !seconds, into);
                at += simd::BYTES;
                to += simd::BYTES - seconds.count_ones() as usize;
                continue;
            }
            let taken = unpaired.trailing_zeros();
            let keep = !seconds & ((1 << taken) - 1);
            width.compress(bytes, keep, into);
            at += taken as usize;
            to += keep.count_ones() as usize;
            if taken == 0 {
                break;
            }
        }
        *self.input = &wire[at..];
        *self.filled = to;
    }
}

/// Every second one of each run of `escapes`.
fn seconds(escapes: u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let starts = escapes & !(escapes << 1);
    // The sum clears the runs that start at even places, and touches no other.
    let from_even = escapes & !escapes.wrapping_add(starts & EVEN);
    (from_even & !EVEN) | (escapes & !from_even & EVEN)
}

/// Structure F: all bytes are data.
pub(super) fn decode_file<'a>(input: &mut &'a [u8]) -> Option<Event<'a>> {
    if input.is_empty() {
        return None;
    }
    let bytes = std::mem::take(input);
    Some(Event::Data { bytes, suspect: false })
}

/// Structure R.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Decoder {
    #[default]
    Data,
    /// After 0xFF.
    Escaped,
    /// After `FF 03`, its end of record told.
    EndOfFile,
}

impl Decoder {
    pub(super) fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Malformed> {
        loop {
            match *self {
                Self::Data => {
                    let Some(bytes) = self.data(input) else { return Ok(None) };
                    if !bytes.is_empty() {
                        return Ok(Some(Event::Data { bytes, suspect: false }));
                    }
                }
                Self::Escaped => {
                    let Some((&code, rest)) = input.split_first() else { return Ok(None) };
                    let (next, event) = match code {
                        END_OF_RECORD => (Self::Data, Event::EndOfRecord),
                        END_OF_FILE => (Self::Data, Event::EndOfFile),
                        BOTH => (Self::EndOfFile, Event::EndOfRecord),
                        ESCAPE => (Self::Data, Event::Data { bytes: &input[..1], suspect: false }),
                        _ => return malformed(code, "0x01, 0x02, 0x03 or 0xFF after the escape 0xFF"),
                    };
                    *self = next;
                    *input = rest;
                    return Ok(Some(event));
                }
                Self::EndOfFile => {
                    *self = Self::Data;
                    return Ok(Some(Event::EndOfFile));
                }
            }
        }
    }

    /// Data without a look at each of its parts; see [`Data`].
    pub(super) fn decode_data(&mut self, input: &mut &[u8], data: &mut [u8], filled: &mut usize) {
        if let Self::Data = self {
            simd::widest(Data { input, data, filled });
        }
    }

    /// Data up to an escape, which is taken off `input`; `None` when `input` is empty.
    fn data<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        if input.is_empty() {
            return None;
        }
        let all = *input;
        let Some(at) = memchr::memchr(ESCAPE, all) else {
            *input = &[];
            return Some(all);
        };
        if all.get(at + 1) == Some(&ESCAPE) {
            *input = &all[at + 2..];
            return Some(&all[..=at]);
        }
        *self = Self::Escaped;
        *input = &all[at + 1..];
        Some(&all[..at])
    }
}
