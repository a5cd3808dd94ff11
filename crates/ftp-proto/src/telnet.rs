//! The control connection's bytes as lines: Telnet (RFC 854) as far as FTP needs it (RFC 959
//! section 4.1, RFC 1123 section 4.1.2.12), whatever way TCP has cut them (RFC 1123, 4.1.2.10).

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
/// Subnegotiation begins; it lasts until IAC SE.
const SB: u8 = 250;
/// Interrupt process.
const IP: u8 = 244;
/// Data mark, the end of a Synch.
const DM: u8 = 242;
const SE: u8 = 240;

/// What the bytes of a control connection come to (RFC 959 section 2.2, RFC 854).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A line without its end, Telnet's sequences taken out, CR NUL as CR.
    Line(Vec<u8>),
    /// A line longer than the limit was passed over.
    TooLong,
    /// Bytes to send back at once: the refusal of a Telnet option.
    Refuse([u8; 3]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// A CR has been seen: LF ends the line, NUL stands for nothing.
    Return,
    Command,
    /// The option of WILL, WONT, DO or DONT follows.
    Option(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

/// Splits bytes into lines; holds at most one line of `limit_bytes`.
#[derive(Debug)]
pub struct LineSplitter {
    line: Vec<u8>,
    limit_bytes: usize,
    overlong: bool,
    state: State,
    /// What IAC interrupted: a CR may stand before it.
    resume: State,
    /// An IP has been seen and no DM: a Synch whose IAC was lost as urgent data leaves a lone DM.
    interrupted: bool,
}

impl LineSplitter {
    /// At the start of a control connection; a line of more than `limit_bytes` is passed over.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            line: Vec::new(),
            limit_bytes,
            overlong: false,
            state: State::Text,
            resume: State::Text,
            interrupted: false,
        }
    }

    /// Takes a prefix off `input` and says what it was; `None` when more input is needed (`input`
    /// is empty then).
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Item> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if let Some(item) = self.take(byte) {
                return Some(item);
            }
        }
        None
    }

    fn take(&mut self, byte: u8) -> Option<Item> {
        match (self.state, byte) {
            (State::Text | State::Return, IAC) => {
                self.resume = self.state;
                self.state = State::Command;
                None
            }
            (State::Text, DM) if self.interrupted => {
                self.interrupted = false;
                None
            }
            (State::Text, b'\r') => {
                self.state = State::Return;
                None
            }
            // A bare LF ends a line too: people type commands into simpler tools than FTP clients.
            (State::Text | State::Return, b'\n') => Some(self.end_line()),
            (State::Text, _) => {
                self.push(byte);
                None
            }
            (State::Return, b'\r') => {
                self.push(b'\r');
                None
            }
            (State::Return, _) => {
                self.state = State::Text;
                self.push(b'\r');
                if byte != 0 {
                    self.push(byte);
                }
                None
            }
            (State::Command, _) => {
                self.command(byte);
                None
            }
            (State::Option(verb), option) => {
                self.state = self.resume;
                match verb {
                    WILL => Some(Item::Refuse([IAC, DONT, option])),
                    DO => Some(Item::Refuse([IAC, WONT, option])),
                    // Agreement to what is off already needs no answer.
                    _ => None,
                }
            }
            (State::Subnegotiation, IAC) => {
                self.state = State::SubnegotiationCommand;
                None
            }
            (State::Subnegotiation, _) => None,
            (State::SubnegotiationCommand, SE) => {
                self.state = self.resume;
                None
            }
            (State::SubnegotiationCommand, _) => {
                self.state = State::Subnegotiation;
                None
            }
        }
    }

    fn command(&mut self, byte: u8) {
        self.state = self.resume;
        match byte {
            IAC => {
                if self.resume == State::Return {
                    self.push(b'\r');
                    self.state = State::Text;
                }
                self.push(IAC);
            }
            WILL | WONT | DO | DONT => self.state = State::Option(byte),
            SB => self.state = State::Subnegotiation,
            IP => {
                // The command after IP is read by itself (RFC 959 section 4.1.3); a line cut short
                // by it is no command.
                self.line.clear();
                self.overlong = false;
                self.state = State::Text;
                self.interrupted = true;
            }
            DM => self.interrupted = false,
            _ => {}
        }
    }

    fn push(&mut self, byte: u8) {
        self.interrupted = false;
        if self.line.len() < self.limit_bytes {
            if self.line.capacity() == 0 {
                // Most lines need no more.
                self.line.reserve(self.limit_bytes.min(64));
            }
            self.line.push(byte);
        } else {
            self.overlong = true;
        }
    }

    fn end_line(&mut self) -> Item {
        self.state = State::Text;
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.overlong) { Item::TooLong } else { Item::Line(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(pieces: &[&[u8]]) -> Vec<Item> {
        let mut splitter = LineSplitter::new(20);
        let mut out = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while let Some(item) = splitter.next(&mut input) {
                out.push(item);
            }
            assert!(input.is_empty());
        }
        out
    }

    fn line(text: &[u8]) -> Item {
        Item::Line(text.to_vec())
    }

    #[test]
    fn joined_and_split_lines() {
        assert_eq!(items(&[b"NOOP\r\nQUIT\r\n"]), [line(b"NOOP"), line(b"QUIT")]);
        assert_eq!(items(&[b"NO", b"OP\r", b"\nQ"]), [line(b"NOOP")]);
        assert_eq!(items(&[b"NOOP\n"]), [line(b"NOOP")]);
    }

    #[test]
    fn every_split_gives_the_same() {
        let wire =
            b"\xff\xfd\x01ST\xff\xfaOR a\r\n\xff\xff\xff\xf0 x\r\0y\xff\xffz\r\n\xff\xf4\xff\xf2ABOR\r\n";
        let whole = items(&[wire]);
        assert_eq!(whole[0], Item::Refuse([255, 252, 1]));
        assert_eq!(whole[1], line(b"ST x\ry\xffz"));
        assert_eq!(whole[2], line(b"ABOR"));
        for cut in 0..wire.len() {
            assert_eq!(items(&[&wire[..cut], &wire[cut..]]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(items(&bytes), whole);
    }

    #[test]
    fn carriage_returns() {
        assert_eq!(items(&[b"a\rb\r\r\n"]), [line(b"a\rb\r")]);
        assert_eq!(items(&[b"a\r\xff\xf1\nb\n"]), [line(b"a"), line(b"b")]);
    }

    #[test]
    fn options_are_refused_and_agreements_ignored() {
        let got = items(&[b"\xff\xfb\x03\xff\xfc\x03\xff\xfe\x05NOOP\r\n"]);
        assert_eq!(got, [Item::Refuse([255, 254, 3]), line(b"NOOP")]);
    }

    #[test]
    fn interrupt_drops_the_line_under_way() {
        assert_eq!(items(&[b"STO\xff\xf4\xff\xf2ABOR\r\n"]), [line(b"ABOR")]);
        // The Synch's IAC went out of band.
        assert_eq!(items(&[b"\xff\xf4\xf2ABOR\r\n"]), [line(b"ABOR")]);
        // Without a Synch under way the same byte is one of a name's, as in Latin-1.
        assert_eq!(items(&[b"\xf2\r\n"]), [line(b"\xf2")]);
        assert_eq!(items(&[b"\xff\xf4\xff\xf2\xf2\r\n"]), [line(b"\xf2")]);
        assert_eq!(items(&[b"\xff\xf4N\xf2\r\n"]), [line(b"N\xf2")]);
    }

    #[test]
    fn long_lines_are_passed_over_and_the_next_one_is_read() {
        let long = [b'x'; 21];
        assert_eq!(items(&[&long, b"\r\n", b"NOOP\r\n"]), [Item::TooLong, line(b"NOOP")]);
        assert_eq!(items(&[&long[..20], b"\r\n"]), [line(&long[..20])]);
    }
}
