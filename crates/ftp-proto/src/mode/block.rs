//! Block mode (RFC 959 section 3.4.2): a header of descriptor and 16-bit count, then the data.

use super::descriptor::{self, END_OF_FILE, END_OF_RECORD, MARKER, SUSPECT};
use super::{End, Event, MAX_MARKER_BYTES, Malformed, Output, gather_marker};
use crate::mutant::{self, Mutant};

/// The header counts in 16 bits.
pub(super) const MAX_BLOCK_BYTES: usize = u16::MAX as usize;
const HEADER_BYTES: usize = 3;

fn header(descriptor: u8, count: usize) -> [u8; HEADER_BYTES] {
    debug_assert!(count <= MAX_BLOCK_BYTES);
    let count = if mutant::is(Mutant::CountOf15Bits) { count & 0x7FFF } else { count };
    [descriptor, (count >> 8) as u8, count as u8]
}

/// The descriptor stands on the last block of the piece; an empty piece has a block only where
/// it ends something.
pub(super) fn encode<'p>(mut piece: &'p [u8], end: End, out: &mut impl Output<'p>) {
    let descriptor = descriptor::of(end);
    while piece.len() > MAX_BLOCK_BYTES {
        let (block, rest) = piece.split_at(MAX_BLOCK_BYTES);
        out.framing(&header(0, block.len()));
        out.payload(block);
        piece = rest;
    }
    if !piece.is_empty() {
        out.framing(&header(descriptor, piece.len()));
        out.payload(piece);
    } else if descriptor != 0 && !mutant::is(Mutant::EmptyFileUnmarked) {
        out.framing(&header(descriptor, 0));
    }
}

pub(super) fn marker<'p>(text: &[u8], out: &mut impl Output<'p>) {
    out.framing(&header(MARKER, text.len()));
    out.framing(text);
}

#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    /// Bytes of the header that have come; all of them while inside the block.
    header_bytes: usize,
    /// Data bytes of the block still to come.
    left: usize,
    /// Codes of the block not yet told.
    codes: u8,
    marker: Vec<u8>,
}

impl Decoder {
    pub(super) fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Malformed> {
        loop {
            if self.header_bytes < HEADER_BYTES && !self.take_header(input)? {
                return Ok(None);
            }
            if self.left > 0 {
                if input.is_empty() {
                    return Ok(None);
                }
                if self.codes & MARKER == 0 {
                    let (bytes, rest) = input.split_at(self.left.min(input.len()));
                    *input = rest;
                    self.left -= bytes.len();
                    return Ok(Some(Event::Data { bytes, suspect: self.codes & SUSPECT != 0 }));
                }
                gather_marker(&mut self.marker, &mut self.left, input)?;
                continue;
            }
            if let Some(event) = self.told() {
                return Ok(Some(event));
            }
        }
    }

    /// What the block says at its end, one at a time; `None` makes ready for the next header.
    fn told(&mut self) -> Option<Event<'static>> {
        if self.codes & MARKER != 0 {
            self.codes &= !MARKER;
            return Some(Event::Marker(std::mem::take(&mut self.marker).into()));
        }
        if self.codes & END_OF_RECORD != 0 {
            self.codes &= !END_OF_RECORD;
            return Some(Event::EndOfRecord);
        }
        self.header_bytes = 0;
        if self.codes & END_OF_FILE != 0 {
            self.codes = 0;
            return Some(Event::EndOfFile);
        }
        None
    }

    /// Whether the header is whole now.
    fn take_header(&mut self, input: &mut &[u8]) -> Result<bool, Malformed> {
        while self.header_bytes < HEADER_BYTES {
            let Some((&byte, rest)) = input.split_first() else { return Ok(false) };
            match self.header_bytes {
                0 => self.codes = descriptor::checked(byte)?,
                1 => self.left = usize::from(byte) << 8,
                _ => {
                    let count = self.left | usize::from(byte);
                    if self.codes & MARKER != 0 && !(1..=MAX_MARKER_BYTES).contains(&count) {
                        let found = format!("a restart marker of {count} bytes");
                        return Err(Malformed { found, expected: "one of 1 to 127 bytes" });
                    }
                    self.left = count;
                }
            }
            self.header_bytes += 1;
            *input = rest;
        }
        Ok(true)
    }
}
