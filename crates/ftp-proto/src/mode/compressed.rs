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

use super::descriptor::MARKER;
use super::simd::strings::{FILLER, REPLICATED};
use super::{MAX_MARKER_BYTES, Output};

mod decode;
mod encode;
#[cfg(test)]
mod tests;
mod windows;

pub(super) use decode::Decoder;
pub(super) use encode::encode;

/// Longest byte string (a 7-bit count).
pub(super) const MAX_STRING_BYTES: usize = 127;
const ESCAPE: u8 = 0;
const KIND: u8 = 0xC0;
const _: () = assert!(REPLICATED | 1 << 6 == FILLER);

pub(super) fn marker<'p>(text: &[u8], out: &mut impl Output<'p>) {
    const { assert!(MAX_MARKER_BYTES <= MAX_STRING_BYTES) };
    out.framing(&[ESCAPE, MARKER, text.len() as u8]);
    out.framing(text);
}
