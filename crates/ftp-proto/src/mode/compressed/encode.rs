//! Data to wire bytes.

use super::super::descriptor;
use super::super::runs::{self, MAX_RUN_BYTES, Parse, Parts};
use super::super::simd::{self, Job, Width};
use super::super::{End, Output};
use super::{ESCAPE, FILLER, MAX_STRING_BYTES, REPLICATED};
use crate::mutant::{self, Mutant};

/// Wire bytes on their way to the output: one call there for many short strings.
pub(super) struct Strings<'o, O> {
    pub(super) out: &'o mut O,
    pub(super) wire: [u8; WIRE_BYTES],
    pub(super) len: usize,
}

/// Several of the longest strings.
pub(super) const WIRE_BYTES: usize = 2048;
/// Bytes moved at a time, without a care for those after the end of a string.
pub(super) const STRIDE: usize = simd::BYTES;
/// The longest strings of a run, as many as are written at a time.
const FULL_STRINGS: usize = STRIDE / 2;

impl<'o, 'p, O: Output<'p>> Strings<'o, O> {
    pub(super) fn new(out: &'o mut O) -> Self {
        Self { out, wire: [0; WIRE_BYTES], len: 0 }
    }

    /// Room for `bytes`, no more than [`WIRE_BYTES`].
    #[inline(always)]
    fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.len + bytes > WIRE_BYTES {
            self.flush();
        }
        &mut self.wire[self.len..]
    }

    #[inline(always)]
    fn part(&mut self, piece: &[u8], Parse { at, literal, run }: Parse, filler: u8) {
        let data = &piece[at..];
        if literal <= STRIDE
            && (1..=MAX_RUN_BYTES).contains(&run)
            && let Some(stride) = data.first_chunk::<STRIDE>()
            && let Some(&byte) = data.get(literal)
        {
            // Both strings are written without a branch: what is written too far is written over.
            let room: &mut [u8; STRIDE + 3] = self.room(STRIDE + 3).first_chunk_mut().expect("room");
            room[0] = literal as u8;
            room[1..=STRIDE].copy_from_slice(stride);
            let (literal_bytes, is_filler) = (literal + usize::from(literal > 0), u8::from(byte == filler));
            room[literal_bytes] = REPLICATED | (is_filler << 6) | run as u8;
            room[literal_bytes + 1] = byte;
            self.len += literal_bytes + 2 - usize::from(is_filler);
            return;
        }
        self.literal(data, literal);
        if run > 0 {
            self.run(data[literal], run, filler);
        }
    }

    pub(super) fn flush(&mut self) {
        if self.len > 0 {
            self.out.framing(&self.wire[..self.len]);
            self.len = 0;
        }
    }

    /// Byte strings of the first `len` bytes of `data`.
    #[inline(always)]
    fn literal(&mut self, data: &[u8], len: usize) {
        let (mut from, mut left) = (data, len);
        while left >= MAX_STRING_BYTES {
            let room = self.room(1 + MAX_STRING_BYTES);
            room[0] = MAX_STRING_BYTES as u8;
            room[1..=MAX_STRING_BYTES].copy_from_slice(&from[..MAX_STRING_BYTES]);
            self.len += 1 + MAX_STRING_BYTES;
            from = &from[MAX_STRING_BYTES..];
            left -= MAX_STRING_BYTES;
        }
        if left == 0 {
            return;
        }
        let room = self.room(1 + MAX_STRING_BYTES.next_multiple_of(STRIDE));
        room[0] = left as u8;
        let room = &mut room[1..];
        let strides = left.div_ceil(STRIDE);
        if strides * STRIDE <= from.len() {
            for (to, from) in room.chunks_exact_mut(STRIDE).zip(from.chunks_exact(STRIDE)).take(strides) {
                to.copy_from_slice(from);
            }
        } else {
            room[..left].copy_from_slice(&from[..left]);
        }
        self.len += 1 + left;
    }

    /// Replicated or filler strings.
    #[inline(always)]
    pub(super) fn run(&mut self, byte: u8, len: usize, filler: u8) {
        let (kind, bytes) = if byte == filler { (FILLER, 1) } else { (REPLICATED, 2) };
        let short = mutant::is(Mutant::RunOf64) && byte == filler && len == MAX_RUN_BYTES + 1;
        let len = len - usize::from(short);
        let string = |count: usize| [kind | count as u8, if bytes == 1 { kind | count as u8 } else { byte }];
        let (mut full, last) = (len / MAX_RUN_BYTES, len % MAX_RUN_BYTES);
        loop {
            let count = full.min(FULL_STRINGS);
            let room = self.room(STRIDE + 2);
            // As a rule these are all there are; those too many are written over.
            room[..STRIDE].as_chunks_mut().0.fill(string(MAX_RUN_BYTES));
            room[count * bytes..][..2].copy_from_slice(&string(last));
            self.len += count * bytes;
            full -= count;
            if full == 0 {
                break;
            }
        }
        self.len += if last > 0 { bytes } else { 0 };
    }
}

/// Puts strings of `piece` into `strings`.
pub(super) struct Encode<'e, 'o, O> {
    pub(super) piece: &'e [u8],
    pub(super) filler: u8,
    pub(super) strings: &'e mut Strings<'o, O>,
}

impl<'p, O: Output<'p>> Parts for Encode<'_, '_, O> {
    #[inline(always)]
    fn part(&mut self, part: Parse) {
        self.strings.part(self.piece, part, self.filler);
    }

    #[inline(always)]
    fn windows(&mut self, width: impl Width, data: &[u8], at: usize) -> (usize, usize) {
        self.strings.windows(width, data, at, self.filler)
    }
}

impl<'p, O: Output<'p>> Job for Encode<'_, '_, O> {
    type Output = ();
    #[inline(always)]
    fn run<W: Width>(mut self, width: W) {
        runs::parse(width, self.piece, self.filler, &mut self);
    }
}

pub(crate) fn encode<'p>(piece: &'p [u8], end: End, filler: u8, out: &mut impl Output<'p>) {
    let mut strings = Strings::new(out);
    simd::widest(Encode { piece, filler, strings: &mut strings });
    let codes = descriptor::of(end);
    if codes != 0 {
        strings.room(3)[..3].copy_from_slice(&[ESCAPE, codes, FILLER]);
        strings.len += 3;
    }
    strings.flush();
}
