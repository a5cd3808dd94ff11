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
use super::runs::{self, MAX_RUN_BYTES};
use super::{End, Event, MAX_MARKER_BYTES, Malformed, Output, gather_marker, malformed, marker_byte};

/// Longest byte string (a 7-bit count).
pub const MAX_STRING_BYTES: usize = 127;
const ESCAPE: u8 = 0;
const REPLICATED: u8 = 0x80;
const FILLER: u8 = 0xC0;
const KIND: u8 = 0xC0;

pub fn encode<'p>(mut piece: &'p [u8], end: End, filler: u8, out: &mut impl Output<'p>) {
    while !piece.is_empty() {
        let parse = runs::next(piece, filler);
        let (literal, rest) = piece.split_at(parse.literal);
        for string in literal.chunks(MAX_STRING_BYTES) {
            out.framing(&[string.len() as u8]);
            out.payload(string);
        }
        let (run, rest) = rest.split_at(parse.run);
        encode_run(run, filler, out);
        piece = rest;
    }
    let codes = descriptor::of(end);
    if codes != 0 {
        out.framing(&[ESCAPE, codes, FILLER]);
    }
}

fn encode_run<'p>(run: &'p [u8], filler: u8, out: &mut impl Output<'p>) {
    for string in run.chunks(MAX_RUN_BYTES) {
        let (count, byte) = (string.len() as u8, string[0]);
        if byte == filler {
            out.framing(&[FILLER | count]);
        } else {
            out.framing(&[REPLICATED | count, byte]);
        }
    }
}

pub fn marker<'p>(text: &[u8], out: &mut impl Output<'p>) {
    const { assert!(MAX_MARKER_BYTES <= MAX_STRING_BYTES) };
    out.framing(&[ESCAPE, MARKER, text.len() as u8]);
    out.framing(text);
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
