//! Wire bytes to data.

use super::super::descriptor::{self, END_OF_FILE, END_OF_RECORD, MARKER, SUSPECT};
use super::super::runs::MAX_RUN_BYTES;
use super::super::simd::{self, BYTES, Job, Width, strings::Expanded};
use super::super::{Event, Malformed, gather_marker, malformed, marker_byte};
use super::{ESCAPE, FILLER, KIND, MAX_STRING_BYTES, REPLICATED};

/// The strings that [`Decoder::decode_strings`] takes.
struct WholeStrings<'d> {
    wire: &'d [u8],
    data: &'d mut [u8],
    filler: u8,
    done: Expanded,
}

/// The longest string on the wire, and more than the longest of data.
const WINDOW: usize = 1 + MAX_STRING_BYTES;
/// So many strings now and then tell whether they are short: in fewer bytes than these on the wire
/// and of data. To count them all would cost more than some of them.
const STRINGS: usize = 16;
const SHORT: Expanded = Expanded { wire: 80, data: 160 };
const UNCOUNTED: usize = 4096;
/// With fewer bytes of a window taken, strings are not short any more.
const FEW: usize = 32;

impl WholeStrings<'_> {
    /// The wire and the room for data after what is `done`, if it is enough for any string.
    #[inline(always)]
    fn next(&mut self, done: Expanded) -> Option<(&[u8; WINDOW], &mut [u8; WINDOW])> {
        let from = self.wire.get(done.wire..)?.first_chunk()?;
        Some((from, self.data.get_mut(done.data..)?.first_chunk_mut()?))
    }

    /// Says whether there was a whole string.
    #[inline(always)]
    fn string(&mut self, done: &mut Expanded) -> bool {
        let filler = self.filler;
        let Some((from, into)) = self.next(*done) else { return false };
        let head = from[0];
        let count = usize::from(head & !KIND);
        match head {
            ESCAPE => return false,
            1..REPLICATED => {
                let count = usize::from(head);
                into[..BYTES].copy_from_slice(&from[1..=BYTES]);
                if count > BYTES {
                    into[BYTES..MAX_STRING_BYTES].copy_from_slice(&from[1 + BYTES..]);
                }
                done.add(1 + count, count);
            }
            // Which of both it is cannot be foreseen.
            REPLICATED.. => {
                let is_filler = head >= FILLER;
                into[..MAX_RUN_BYTES + 1].fill(if is_filler { filler } else { from[1] });
                done.add(2 - usize::from(is_filler), count);
            }
        }
        true
    }
}

impl Job for WholeStrings<'_> {
    /// And whether it ended where strings are short.
    type Output = (Self, bool);
    #[inline(always)]
    fn run<W: Width>(mut self, _: W) -> (Self, bool) {
        let (wire, mut done) = (self.wire, self.done);
        let short = 'strings: loop {
            let before = done;
            for _ in 0..STRINGS {
                if !self.string(&mut done) {
                    break 'strings false;
                }
            }
            let short = done.wire - before.wire < SHORT.wire && done.data - before.data < SHORT.data;
            if W::EXPANDS && short {
                break true;
            }
            self.wire = &wire[..wire.len().min(done.wire + UNCOUNTED)];
            while self.string(&mut done) {}
            self.wire = wire;
        };
        (Self { done, ..self }, short)
    }
}

/// As long as they are short, the strings of a window at once. A job of its own: in one with the
/// other it slows that down.
struct ShortStrings<'d>(WholeStrings<'d>);

impl<'d> Job for ShortStrings<'d> {
    type Output = WholeStrings<'d>;
    #[inline(always)]
    fn run<W: Width>(self, width: W) -> WholeStrings<'d> {
        let Self(mut strings) = self;
        let (filler, mut done) = (strings.filler, strings.done);
        while let Some((from, into)) = strings.next(done) {
            let took = width.expand(from.first_chunk().expect("longer than a window"), filler, into);
            done.add(took.wire, took.data);
            if took.wire < FEW {
                break;
            }
        }
        WholeStrings { done, ..strings }
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
pub(crate) struct Decoder {
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
        let (wire, free) = (*input, &mut data[*filled..]);
        let mut strings = WholeStrings { wire, data: free, filler: self.filler, done: Expanded::default() };
        let done = loop {
            match simd::widest(strings) {
                (WholeStrings { done, .. }, false) => break done,
                (whole, true) => strings = simd::widest(ShortStrings(whole)),
            }
        };
        *input = &wire[done.wire..];
        *filled += done.data;
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
