//! Wire bytes to data.

use super::super::descriptor::{self, END_OF_FILE, END_OF_RECORD, MARKER, SUSPECT};
use super::super::lanes::{self, Job, Width};
use super::super::runs::MAX_RUN_BYTES;
use super::super::{Event, Malformed, gather_marker, malformed, marker_byte};
use super::{ESCAPE, FILLER, KIND, MAX_STRING_BYTES, REPLICATED};

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
                    into[..lanes::BYTES].copy_from_slice(&from[1..=lanes::BYTES]);
                    if count > lanes::BYTES {
                        into[lanes::BYTES..MAX_STRING_BYTES].copy_from_slice(&from[1 + lanes::BYTES..]);
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
    pub(in super::super) fn new(filler: u8) -> Self {
        Self { filler, expect: Expect::String, codes: 0, marker: Vec::new() }
    }

    pub(in super::super) fn decode<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Event<'a>>, Malformed> {
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
    pub(in super::super) fn decode_strings(
        &mut self,
        input: &mut &[u8],
        data: &mut [u8],
        filled: &mut usize,
    ) {
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
