//! Names as text, without the loss of a byte. A pathname is bytes (RFC 2640 section 3.1 asks for UTF-8
//! and for care with what is not), but commands, replies and paths are handled as `str`. A byte that is
//! no part of valid UTF-8 becomes a character of a private range of its own, and comes out of it as that
//! byte; what is text stays as it is. The UTF-8 form of a character of that range counts as four such
//! bytes, so that no two byte strings become the same text.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// The byte 0x80 + n is the character U+10FE80 + n, at the end of the last private plane.
const BASE: u32 = 0x10_FE00;
/// The first byte of each character of the range in UTF-8; text without it has none of them.
const LEAD: u8 = 0xf4;

fn char_of(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that `c` stands for, if it is of the range.
fn byte_of(c: char) -> Option<u8> {
    u32::from(c).checked_sub(BASE).and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte >= 0x80)
}

/// Bytes as they came, as text.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if memchr::memchr(LEAD, bytes).is_none() => return Cow::Borrowed(text),
        _ => {}
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match byte_of(c) {
                Some(_) => out.extend(c.encode_utf8(&mut [0; 4]).bytes().map(char_of)),
                None => out.push(c),
            }
        }
        out.extend(chunk.invalid().iter().copied().map(char_of));
    }
    Cow::Owned(out)
}

/// Text as bytes: what [`decode`] was given.
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if memchr::memchr(LEAD, text.as_bytes()).is_none() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(out)
}

/// A name of this machine's file system as text.
pub fn from_os(name: &OsStr) -> Cow<'_, str> {
    #[cfg(unix)]
    return decode(std::os::unix::ffi::OsStrExt::as_bytes(name));
    #[cfg(not(unix))]
    return name.to_string_lossy();
}

/// Text as a name of this machine's file system.
pub fn to_os(text: &str) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(encode(text).into_owned());
    #[cfg(not(unix))]
    return text.into();
}

/// What another machine has said, to be shown to people: control characters (C0, DEL, C1), those that
/// turn the direction of writing or end a line, and bytes that are no text are shown as escapes.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

/// Whether a terminal, or who reads it, could take `c` for something else than it is.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || byte_of(c).is_some()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_deceptive) {
            f.write_str(&rest[..at])?;
            let c = rest[at..].chars().next().unwrap_or_default();
            match (byte_of(c), u32::from(c)) {
                (Some(byte), _) => write!(f, "\\x{byte:02x}")?,
                (None, code @ ..=0xff) => write!(f, "\\x{code:02x}")?,
                (None, code) => write!(f, "\\u{{{code:x}}}")?,
            }
            rest = &rest[at + c.len_utf8()..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_stays_and_other_bytes_come_back() {
        assert!(matches!(decode("grün".as_bytes()), Cow::Borrowed("grün")));
        assert_eq!(encode(&decode(b"gr\xfcn")), &b"gr\xfcn"[..]);
        // These are the range's own characters, and a real one beside it.
        for text in ["\u{10fefc}", "\u{10ffff}", "\u{1f600}"] {
            assert_eq!(encode(&decode(text.as_bytes())), text.as_bytes());
        }
        assert_ne!(decode(b"\xfc"), decode("\u{10fefc}".as_bytes()));
    }

    #[test]
    fn what_deceives_is_shown_as_it_is() {
        let shown = |bytes: &[u8]| Printable(&decode(bytes)).to_string();
        assert_eq!(shown(b"a\x1b[2J\r\n\x7f"), "a\\x1b[2J\\x0d\\x0a\\x7f");
        assert_eq!(shown("\u{9b}31m".as_bytes()), "\\x9b31m");
        assert_eq!(shown("a\u{202e}txt.exe\u{2069}".as_bytes()), "a\\u{202e}txt.exe\\u{2069}");
        assert_eq!(shown(b"gr\xfcn"), "gr\\xfcn");
        assert_eq!(shown("größer 日本".as_bytes()), "größer 日本");
    }

    proptest! {
        #[test]
        fn every_byte_string_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = decode(&bytes);
            prop_assert_eq!(&encode(&text)[..], &bytes[..]);
            let os = to_os(&text);
            prop_assert_eq!(from_os(&os), text);
        }

        /// The range is dense in bytes that begin as its characters do.
        #[test]
        fn near_the_range_too(bytes in proptest::collection::vec(
            prop_oneof![Just(0xf4u8), Just(0x8f), Just(0xba), Just(0xbb), 0x80..=0xbf_u8], 0..12)) {
            let text = decode(&bytes);
            prop_assert_eq!(&encode(&text)[..], &bytes[..]);
        }
    }
}
