//! Compressed mode (RFC 959 section 3.4.3).
//!
//! `0nnnnnnn` and n bytes: byte string. `10nnnnnn d`: n times d. `11nnnnnn`: n fillers. `00` and
//! a descriptor: an escape, whose codes apply to the string that follows.
//!
//! Where the RFC leaves room, the encoder writes what every reading of it gives the same meaning:
//! the end of a record is `00 80 C0`, of a file `00 40 C0`, of both `00 C0 C0`, that is, the codes
//! apply to a filler string of length zero, so it does not matter whether a peer acts on them at
//! the escape or after the string. A restart marker is `00 10` and one byte string.
//!
//! The decoder acts after the string, whatever its kind. Codes of several escapes before one
//! string are combined. An escape without its string is an unfinished file.

use super::descriptor::{self, END_OF_FILE, END_OF_RECORD, MARKER, SUSPECT};
use super::lanes::{self, Job, Width};
use super::runs::{self, MAX_RUN_BYTES, Parse, Parts};
use super::{End, Event, MAX_MARKER_BYTES, Malformed, Output, gather_marker, malformed, marker_byte};
use crate::planted::{self, Bug};

/// Longest byte string (a 7-bit count).
pub const MAX_STRING_BYTES: usize = 127;
const ESCAPE: u8 = 0;
const REPLICATED: u8 = 0x80;
const FILLER: u8 = 0xC0;
const KIND: u8 = 0xC0;

/// Wire bytes on their way to the output: one call there for many short strings.
struct Strings<'o, O> {
    out: &'o mut O,
    wire: [u8; WIRE_BYTES],
    len: usize,
}

/// Several of the longest strings.
const WIRE_BYTES: usize = 2048;
const _: () = assert!(REPLICATED | 1 << 6 == FILLER);
/// Bytes moved at a time, without a care for those after the end of a string.
const STRIDE: usize = lanes::BYTES;
/// The longest strings of a run, as many as are written at a time.
const FULL_STRINGS: usize = STRIDE / 2;

impl<'p, O: Output<'p>> Strings<'_, O> {
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
            // Both strings without a branch: what is written too far is written over.
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

    fn flush(&mut self) {
        self.out.framing(&self.wire[..self.len]);
        self.len = 0;
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
    fn run(&mut self, byte: u8, len: usize, filler: u8) {
        let (kind, bytes) = if byte == filler { (FILLER, 1) } else { (REPLICATED, 2) };
        let short = planted::is(Bug::RunOf64) && byte == filler && len == MAX_RUN_BYTES + 1;
        let len = len - usize::from(short);
        let string = |count: usize| [kind | count as u8, if bytes == 1 { kind | count as u8 } else { byte }];
        let (mut full, last) = (len / MAX_RUN_BYTES, len % MAX_RUN_BYTES);
        loop {
            let count = full.min(FULL_STRINGS);
            let room = self.room(STRIDE + 2);
            // As a rule these are all there are, and too many: written over.
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
struct Encode<'e, 'o, O> {
    piece: &'e [u8],
    filler: u8,
    strings: &'e mut Strings<'o, O>,
}

impl<'p, O: Output<'p>> Parts for Encode<'_, '_, O> {
    #[inline(always)]
    fn part(&mut self, part: Parse) {
        self.strings.part(self.piece, part, self.filler);
    }
}

impl<'p, O: Output<'p>> Job for Encode<'_, '_, O> {
    type Output = ();
    #[inline(always)]
    fn run(mut self, width: impl Width) {
        runs::parse(width, self.piece, self.filler, &mut self);
    }
}

pub fn encode<'p>(piece: &'p [u8], end: End, filler: u8, out: &mut impl Output<'p>) {
    let mut strings = Strings { out, wire: [0; WIRE_BYTES], len: 0 };
    lanes::widest(Encode { piece, filler, strings: &mut strings });
    let codes = descriptor::of(end);
    if codes != 0 {
        strings.room(3)[..3].copy_from_slice(&[ESCAPE, codes, FILLER]);
        strings.len += 3;
    }
    if strings.len > 0 {
        strings.flush();
    }
}

pub fn marker<'p>(text: &[u8], out: &mut impl Output<'p>) {
    const { assert!(MAX_MARKER_BYTES <= MAX_STRING_BYTES) };
    out.framing(&[ESCAPE, MARKER, text.len() as u8]);
    out.framing(text);
}

/// The strings that [`Decoder::decode_strings`] takes.
struct WholeStrings<'d, 'i> {
    input: &'d mut &'i [u8],
    data: &'d mut [u8],
    filled: &'d mut usize,
    filler: u8,
}

impl Job for WholeStrings<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Width) {
        const WINDOW: usize = 1 + MAX_STRING_BYTES;
        let (wire, mut at, mut to) = (*self.input, 0, *self.filled);
        while let Some((from, into)) = wire.get(at..at + WINDOW).zip(self.data.get_mut(to..to + WINDOW)) {
            let head = from[0];
            let count = usize::from(head & !KIND);
            match head {
                ESCAPE => break,
                1..REPLICATED => {
                    let count = usize::from(head);
                    into[..STRIDE].copy_from_slice(&from[1..=STRIDE]);
                    if count > STRIDE {
                        into[STRIDE..MAX_STRING_BYTES].copy_from_slice(&from[1 + STRIDE..]);
                    }
                    at += 1 + count;
                    to += count;
                }
                REPLICATED..FILLER => {
                    into[..MAX_RUN_BYTES + 1].fill(from[1]);
                    at += 2;
                    to += count;
                }
                FILLER.. => {
                    into[..MAX_RUN_BYTES + 1].fill(self.filler);
                    at += 1;
                    to += count;
                }
            }
        }
        *self.input = &wire[at..];
        *self.filled = to;
    }
}

#[derive(Clone, Copy, Debug)]
enum Expect {
    String,
    Descriptor,
    /// The byte to be replicated so many times.
    Byte(usize),
    /// So many bytes of a byte string, more than none.
    Literal(usize),
    /// Nothing: the string has ended, its codes are to be told.
    Told,
}

#[derive(Clone, Debug)]
pub struct Decoder {
    filler: u8,
    expect: Expect,
    /// Codes that apply to the string under way, or else to the next.
    codes: u8,
    marker: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(filler: u8) -> Self {
        Self { filler, expect: Expect::String, codes: 0, marker: Vec::new() }
    }

    pub(super) fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Malformed> {
        loop {
            if let Expect::Told = self.expect {
                match self.told() {
                    Some(event) => return Ok(Some(event)),
                    None => continue,
                }
            }
            let Some((&byte, rest)) = input.split_first() else { return Ok(None) };
            let event = match self.expect {
                Expect::String => {
                    let count = usize::from(byte & !KIND);
                    match byte {
                        ESCAPE => self.expect = Expect::Descriptor,
                        1..REPLICATED => self.expect = Expect::Literal(usize::from(byte)),
                        REPLICATED..FILLER => self.expect = Expect::Byte(count),
                        FILLER.. => {
                            let event = self.run(self.filler, count, byte)?;
                            *input = rest;
                            if let Some(event) = event {
                                return Ok(Some(event));
                            }
                            continue;
                        }
                    }
                    None
                }
                Expect::Descriptor => {
                    self.codes |= descriptor::checked(byte)?;
                    self.expect = Expect::String;
                    None
                }
                Expect::Byte(count) => self.run(byte, count, byte)?,
                Expect::Literal(left) => match self.literal(left, input)? {
                    Some(event) => return Ok(Some(event)),
                    None => continue,
                },
                Expect::Told => unreachable!("told above"),
            };
            *input = rest;
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// Strings without codes, as many as are surely whole in `input` and have surely room in
    /// `data` after `filled`.
    pub(super) fn decode_strings(&mut self, input: &mut &[u8], data: &mut [u8], filled: &mut usize) {
        if self.codes != 0 || !matches!(self.expect, Expect::String | Expect::Told) {
            return;
        }
        self.expect = Expect::String;
        lanes::widest(WholeStrings { input, data, filled, filler: self.filler });
    }

    /// Part of a byte string, `left` bytes of which are to come; `input` is not empty.
    fn literal<'a>(&mut self, left: usize, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Malformed> {
        if self.codes & MARKER != 0 {
            let mut left = left;
            gather_marker(&mut self.marker, &mut left, input)?;
            self.expect = if left == 0 { Expect::Told } else { Expect::Literal(left) };
            return Ok(None);
        }
        let (bytes, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        self.expect = if bytes.len() == left { Expect::Told } else { Expect::Literal(left - bytes.len()) };
        Ok(Some(Event::Data { bytes, suspect: self.codes & SUSPECT != 0 }))
    }

    /// A whole replicated or filler string; `found` is the byte to blame.
    fn run(&mut self, byte: u8, len: usize, found: u8) -> Result<Option<Event<'static>>, Malformed> {
        if self.codes & MARKER != 0 {
            if len == 0 || !marker_byte(byte) {
                return malformed(found, "a restart marker of printable characters");
            }
            self.marker.resize(len, byte);
        }
        self.expect = Expect::Told;
        let data = len > 0 && self.codes & MARKER == 0;
        Ok(data.then_some(Event::Run { byte, len, suspect: self.codes & SUSPECT != 0 }))
    }

    /// What the codes of the string that has ended say, one at a time; `None` makes ready for
    /// the next string.
    fn told(&mut self) -> Option<Event<'static>> {
        if self.codes & MARKER != 0 {
            self.codes &= !MARKER;
            return Some(Event::Marker(std::mem::take(&mut self.marker).into()));
        }
        if self.codes & END_OF_RECORD != 0 {
            self.codes &= !END_OF_RECORD;
            return Some(Event::EndOfRecord);
        }
        self.expect = Expect::String;
        let codes = std::mem::take(&mut self.codes);
        (codes & END_OF_FILE != 0).then_some(Event::EndOfFile)
    }
}
