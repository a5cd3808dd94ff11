//! Stream mode (RFC 959 section 3.4.1).
//!
//! Structure F has no framing at all. Structure R escapes with 0xFF: `FF 01` end of record,
//! `FF 02` end of file, `FF 03` both, `FF FF` the byte itself.

use super::{End, Event, Malformed, Output, malformed};

const ESCAPE: u8 = 0xFF;
const END_OF_RECORD: u8 = 1;
const END_OF_FILE: u8 = 2;
const BOTH: u8 = END_OF_RECORD | END_OF_FILE;

/// Structure R.
pub fn encode<'p>(piece: &'p [u8], end: End, out: &mut impl Output<'p>) {
    let mut from = 0;
    for at in memchr::memchr_iter(ESCAPE, piece) {
        // Up to and with the byte; the next part begins with it again.
        out.payload(&piece[from..=at]);
        from = at;
    }
    if from < piece.len() {
        out.payload(&piece[from..]);
    }
    let code = (u8::from(end.record) * END_OF_RECORD) | (u8::from(end.file) * END_OF_FILE);
    if code != 0 {
        out.framing(&[ESCAPE, code]);
    }
}

/// Structure F: all bytes are data.
pub fn decode_file<'a>(input: &mut &'a [u8]) -> Option<Event<'a>> {
    if input.is_empty() {
        return None;
    }
    let bytes = std::mem::take(input);
    Some(Event::Data { bytes, suspect: false })
}

/// Structure R.
#[derive(Clone, Copy, Debug, Default)]
pub enum Decoder {
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
