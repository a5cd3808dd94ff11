//! Replies (RFC 959 section 4.2): a three-digit code and one or more lines of text.

use crate::name;
use std::borrow::Cow;
use std::fmt;

/// Longest line taken, in bytes, its end included: a pathname and some text around it.
pub const MAX_LINE_BYTES: usize = 8 * 1024;
/// Text kept of one reply, in bytes, all lines together (STAT of a directory is the long one).
/// Further lines are read and dropped, as RFC 1123 section 4.1.2.11 asks.
pub const MAX_REPLY_BYTES: usize = 1024 * 1024;

/// A reply, single-line or multi-line. `lines` is never empty and holds no line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits (RFC 959 section 4.2).
    pub code: u16,
    /// The text of each line, without code and end.
    pub lines: Vec<String>,
}

/// What the first digit says (RFC 959 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 1yz: expect another reply.
    Preliminary,
    /// 2yz: what was asked for is done.
    Completion,
    /// 3yz: send the next command of the sequence.
    Intermediate,
    /// 4yz: may succeed when tried again.
    TransientNegative,
    /// 5yz: refused, and it would be refused again.
    PermanentNegative,
}

impl Reply {
    /// A reply of one line.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, lines: vec![text.into()] }
    }

    /// `lines` must not be empty.
    pub fn multi(code: u16, lines: Vec<String>) -> Self {
        debug_assert!(!lines.is_empty());
        Self { code, lines }
    }

    /// What the first digit says.
    pub fn class(&self) -> Class {
        match self.code / 100 {
            1 => Class::Preliminary,
            2 => Class::Completion,
            3 => Class::Intermediate,
            4 => Class::TransientNegative,
            _ => Class::PermanentNegative,
        }
    }

    /// Whether the command has been done: 2yz.
    pub fn is_completion(&self) -> bool {
        self.class() == Class::Completion
    }

    /// Whether a further reply follows: 1yz.
    pub fn is_preliminary(&self) -> bool {
        self.class() == Class::Preliminary
    }

    /// The lines joined by line feeds.
    pub fn text(&self) -> Cow<'_, str> {
        match self.lines.as_slice() {
            [line] => Cow::Borrowed(line),
            lines => Cow::Owned(lines.join("\n")),
        }
    }

    /// Appends the reply as it goes over the control connection. A line between the first and the
    /// last that begins with three digits is padded with a space, so that no client takes it for
    /// the last (RFC 959 section 4.2). CR becomes CR NUL (RFC 854); LF, which would end the line,
    /// becomes `?`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let last = self.lines.len().saturating_sub(1);
        let digits = digits_of(self.code);
        out.reserve(self.lines.iter().map(|line| line.len() + AROUND_BYTES).sum());
        for (index, line) in self.lines.iter().enumerate() {
            if index == last {
                out.extend_from_slice(&digits);
                out.push(b' ');
            } else if index == 0 {
                out.extend_from_slice(&digits);
                out.push(b'-');
            } else if code_of(line.as_bytes()).is_some() {
                out.push(b' ');
            }
            write_text(&name::encode(line), out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// As it goes over the control connection.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_to(&mut out);
        out
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text())
    }
}

/// Why what came is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// No server has a reason for it.
    #[error("reply line longer than {MAX_LINE_BYTES} bytes")]
    LineTooLong,
    /// The line, as far as it is text.
    #[error("reply does not begin with a code of three digits: {0:?}")]
    NoCode(String),
}

/// Puts replies together from any split of the control connection's bytes. After an error the
/// connection is out of step and only good for closing.
#[derive(Debug, Default)]
pub struct ReplyParser {
    /// The line under way, Telnet commands removed.
    line: Vec<u8>,
    telnet: Telnet,
    /// Code and lines of a multi-line reply under way.
    open: Option<Reply>,
    kept_bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Telnet {
    #[default]
    Text,
    /// After CR: LF ends the line, NUL makes it a CR of the text (RFC 854).
    Cr,
    /// After IAC.
    Iac,
    /// After WILL, WONT, DO or DONT: the option follows.
    Option,
}

const IAC: u8 = 255;
const WILL: u8 = 251;
const DONT: u8 = 254;

impl ReplyParser {
    /// At the start of a control connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a reply has begun and not ended.
    pub fn in_reply(&self) -> bool {
        self.open.is_some() || !self.line.is_empty()
    }

    /// Takes a prefix off `input`, up to the end of a reply; `None` when more is needed (`input`
    /// is empty then).
    pub fn parse(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, ReplyError> {
        loop {
            self.take_text(input)?;
            let Some((&byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            if let Some(line) = self.take(byte)? {
                let reply = self.line_ends(line)?;
                if reply.is_some() {
                    self.kept_bytes = 0;
                    return Ok(reply);
                }
            }
        }
    }

    /// What means nothing but itself, as most of a line does.
    fn take_text(&mut self, input: &mut &[u8]) -> Result<(), ReplyError> {
        if self.telnet != Telnet::Text {
            return Ok(());
        }
        let len = memchr::memchr3(b'\r', b'\n', IAC, input).unwrap_or(input.len());
        // One more is too long.
        let (text, rest) = input.split_at(len.min((MAX_LINE_BYTES + 1).saturating_sub(self.line.len())));
        self.line.extend_from_slice(text);
        *input = rest;
        self.is_short_enough()
    }

    fn is_short_enough(&self) -> Result<(), ReplyError> {
        if self.line.len() > MAX_LINE_BYTES { Err(ReplyError::LineTooLong) } else { Ok(()) }
    }

    /// Takes one byte; gives the line that it ends. A bare LF ends a line, too: some servers send it.
    fn take(&mut self, byte: u8) -> Result<Option<Vec<u8>>, ReplyError> {
        let state = std::mem::take(&mut self.telnet);
        match (state, byte) {
            (Telnet::Text | Telnet::Cr, b'\n') => return Ok(Some(std::mem::take(&mut self.line))),
            (Telnet::Cr, 0) => self.line.push(b'\r'),
            (Telnet::Cr, _) => {
                self.line.push(b'\r');
                return self.take(byte);
            }
            (Telnet::Text, b'\r') => self.telnet = Telnet::Cr,
            (Telnet::Text, IAC) => self.telnet = Telnet::Iac,
            (Telnet::Iac, IAC) | (Telnet::Text, _) => self.line.push(byte),
            (Telnet::Iac, WILL..=DONT) => self.telnet = Telnet::Option,
            (Telnet::Iac | Telnet::Option, _) => {}
        }
        self.is_short_enough().map(|()| None)
    }

    fn line_ends(&mut self, line: Vec<u8>) -> Result<Option<Reply>, ReplyError> {
        let code = code_of(&line);
        match (self.open.take(), code) {
            (Some(mut open), Some((code, Mark::Last))) if code == open.code => {
                open.lines.push(text_of(line.get(4..).unwrap_or_default()));
                Ok(Some(open))
            }
            (Some(mut open), _) => {
                // Some servers repeat the code and hyphen on every line; the RFC's text has neither.
                let repeated = matches!(code, Some((code, Mark::More)) if code == open.code);
                let text = if repeated { &line[4..] } else { &line };
                self.kept_bytes += text.len() + size_of::<String>();
                if self.kept_bytes <= MAX_REPLY_BYTES {
                    open.lines.push(text_of(text));
                }
                self.open = Some(open);
                Ok(None)
            }
            (None, Some((code @ 100..700, mark))) => {
                let reply = Reply::new(code, text_of(line.get(4..).unwrap_or_default()));
                if mark == Mark::Last {
                    return Ok(Some(reply));
                }
                self.open = Some(reply);
                Ok(None)
            }
            // Between replies some servers send empty lines, which mean nothing.
            (None, None) if line.is_empty() => Ok(None),
            (None, _) => Err(ReplyError::NoCode(text_of(&line[..line.len().min(80)]))),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Last,
    More,
}

/// Code, mark and end of a line.
const AROUND_BYTES: usize = 6;

fn digits_of(code: u16) -> [u8; 3] {
    debug_assert!(code < 1000, "a code of three digits");
    [code / 100, code / 10, code].map(|upto| b'0' + (upto % 10) as u8)
}

/// The text of a line, without what would end it or be taken for a Telnet command. Nearly all have no such byte.
fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr3(b'\r', b'\n', IAC, rest) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        match after[0] {
            b'\r' => out.extend_from_slice(b"\r\0"),
            b'\n' => out.push(b'?'),
            byte => out.extend_from_slice(&[byte, byte]),
        }
        rest = &after[1..];
    }
    out.extend_from_slice(rest);
}

/// The code that a line begins with: three digits, then space, hyphen or the line's end.
fn code_of(line: &[u8]) -> Option<(u16, Mark)> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match line.get(3) {
        None | Some(b' ') => Some((code, Mark::Last)),
        Some(b'-') => Some((code, Mark::More)),
        Some(_) => None,
    }
}

fn text_of(bytes: &[u8]) -> String {
    name::decode(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse_all(mut bytes: &[u8]) -> Result<Vec<Reply>, ReplyError> {
        let mut parser = ReplyParser::new();
        let mut replies = Vec::new();
        while let Some(reply) = parser.parse(&mut bytes)? {
            replies.push(reply);
        }
        Ok(replies)
    }

    /// RFC 959 section 4.2's own example: a line inside may begin with other numbers.
    #[test]
    fn the_rfc_example() {
        let text =
            b"123-First line\r\nSecond line\r\n  234 A line beginning with numbers\r\n123 The last line\r\n";
        let replies = parse_all(text).unwrap();
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].code, 123);
        assert_eq!(
            replies[0].lines,
            ["First line", "Second line", "  234 A line beginning with numbers", "The last line"]
        );
    }

    #[test]
    fn a_line_with_another_code_does_not_end_the_reply() {
        let replies = parse_all(b"211-Status\r\n226 not the end\r\n211-more\r\n211 End\r\n").unwrap();
        assert_eq!(replies[0].lines, ["Status", "226 not the end", "more", "End"]);
    }

    #[test]
    fn the_writer_pads_lines_that_begin_with_a_code() {
        let reply = Reply::multi(211, vec!["a".into(), "211 b".into(), "211".into(), "c".into()]);
        assert_eq!(reply.to_bytes(), b"211-a\r\n 211 b\r\n 211\r\n211 c\r\n");
    }

    #[test]
    fn a_pathname_cannot_forge_a_reply() {
        let reply = Reply::new(257, "\"a\r\n226 done\" created");
        assert_eq!(reply.to_bytes(), b"257 \"a\r\0?226 done\" created\r\n");
        assert_eq!(parse_all(&reply.to_bytes()).unwrap()[0].lines, ["\"a\r?226 done\" created"]);
    }

    #[test]
    fn bare_code_bare_line_feed_and_telnet_commands() {
        let replies = parse_all(b"\xff\xfb\x01220\r\n\xff\xf12\xff\xfd\x0630 ok\n").unwrap();
        assert_eq!(replies, [Reply::new(220, ""), Reply::new(230, "ok")]);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bytes in [&b"hello\r\n"[..], b"20 x\r\n", b"2260 x\r\n", b" \r\n", b"099 x\r\n"] {
            assert!(matches!(parse_all(bytes), Err(ReplyError::NoCode(_))), "{bytes:?}");
        }
    }

    #[test]
    fn whether_a_reply_is_under_way_is_known() {
        let mut parser = ReplyParser::new();
        for (bytes, inside) in [(&b""[..], false), (b"22", true), (b"0-a\r\n", true), (b"220 b\r\n", false)] {
            assert_eq!(parser.parse(&mut &*bytes).unwrap().is_some(), bytes.starts_with(b"220 "));
            assert_eq!(parser.in_reply(), inside, "{bytes:?}");
        }
    }

    #[test]
    fn empty_lines_between_replies_are_passed_over() {
        let replies = parse_all(b"\r\n\n220 a\r\n\r\n230-b\r\n\r\n230 c\r\n").unwrap();
        assert_eq!(replies[0], Reply::new(220, "a"));
        assert_eq!(replies[1].lines, ["b", "", "c"], "within a reply they belong to it");
    }

    #[test]
    fn bytes_that_are_no_text_come_back() {
        let wire = b"257 \"/gr\xfcn\xff\xff\" created\r\n";
        let reply = parse_all(wire).unwrap().remove(0);
        assert_eq!(reply.to_bytes(), wire);
    }

    #[test]
    fn lengths_are_bounded() {
        let mut long = b"220 ".to_vec();
        long.resize(MAX_LINE_BYTES + 2, b'x');
        assert_eq!(parse_all(&long), Err(ReplyError::LineTooLong));
        long.truncate(MAX_LINE_BYTES);
        long.extend_from_slice(b"\r\n");
        assert_eq!(parse_all(&long).unwrap().len(), 1);
        let mut endless = b"220-\r\n".to_vec();
        while endless.len() <= MAX_REPLY_BYTES {
            endless.extend_from_slice(b"line\r\n");
        }
        endless.extend_from_slice(b"220 end\r\n");
        let replies = parse_all(&endless).unwrap();
        // Short lines take more room than their text does.
        let kept: usize = replies[0].lines.iter().map(|line| line.len() + size_of::<String>()).sum();
        assert!(kept.abs_diff(MAX_REPLY_BYTES) < 100, "{kept}");
        assert_eq!(replies[0].lines.last().unwrap(), "end");
    }

    proptest! {
        /// Text is taken as it lies; where each byte is looked at alone, it is the same.
        #[test]
        fn what_comes_at_once_is_what_comes_byte_by_byte(
            pieces in proptest::collection::vec(
                prop_oneof![
                    "[ -~]{0,9}".prop_map(String::into_bytes),
                    "22[06][ -][a-z]{0,9}\r\n".prop_map(String::into_bytes),
                    proptest::collection::vec(proptest::sample::select(&b"\r\n\0\xff\xfb\xfe 2-"[..]), 0..5),
                    Just(vec![b'x'; MAX_LINE_BYTES / 2]),
                ],
                0..12,
            ),
        ) {
            let bytes = pieces.concat();
            let read = |split: usize| {
                let (mut parser, mut replies) = (ReplyParser::new(), Vec::new());
                for mut piece in bytes.chunks(split) {
                    loop {
                        match parser.parse(&mut piece) {
                            Ok(Some(reply)) => replies.push(reply),
                            Ok(None) => break,
                            Err(error) => return (replies, Some(error), false),
                        }
                    }
                }
                (replies, None, parser.in_reply())
            };
            let by_byte = || {
                let (mut parser, mut replies) = (ReplyParser::new(), Vec::new());
                for byte in &bytes {
                    let line = parser.take(*byte);
                    match line.and_then(|line| line.map_or(Ok(None), |line| parser.line_ends(line))) {
                        Ok(Some(reply)) => {
                            parser.kept_bytes = 0;
                            replies.push(reply);
                        }
                        Ok(None) => {}
                        Err(error) => return (replies, Some(error), false),
                    }
                }
                (replies, None, parser.in_reply())
            };
            let wanted = by_byte();
            for split in [1, 7, bytes.len().max(1)] {
                prop_assert_eq!(&read(split), &wanted);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_under_every_split(
            code in 100u16..600,
            lines in proptest::collection::vec("[^\n]{0,20}", 1..6),
            split in 1usize..7,
        ) {
            let reply = Reply::multi(code, lines);
            let mut expected = reply.clone();
            let last = expected.lines.len() - 1;
            for line in expected.lines.iter_mut().take(last).skip(1) {
                if code_of(line.as_bytes()).is_some() {
                    line.insert(0, ' ');
                }
            }
            let bytes = reply.to_bytes();
            let mut parser = ReplyParser::new();
            let mut got = Vec::new();
            for mut piece in bytes.chunks(split) {
                while let Some(reply) = parser.parse(&mut piece).unwrap() {
                    got.push(reply);
                }
            }
            prop_assert_eq!(got, [expected]);
            prop_assert!(!parser.in_reply());
        }

        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_all(&bytes);
        }
    }
}
