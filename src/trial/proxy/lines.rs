//! Lines of a control connection, as they come, and which reply belongs to which command.

use super::leg::Leg;
use std::collections::VecDeque;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// A line may be no longer; whoever sends more is cut off.
const LINE_BYTES: u64 = 64 << 10;

/// One side of a control connection. What has been read of a line stays when the other side is first.
pub(super) struct Side {
    pub leg: BufReader<Leg>,
    half: Vec<u8>,
    pub ended: bool,
}

impl Side {
    pub(super) fn new(leg: Leg) -> Self {
        Self { leg: BufReader::new(leg), half: Vec::new(), ended: false }
    }

    /// The next line with its end, or `None` for the end of the connection.
    pub(super) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let room = LINE_BYTES.saturating_sub(self.half.len() as u64);
        (&mut self.leg).take(room).read_until(b'\n', &mut self.half).await?;
        match self.half.last() {
            Some(b'\n') => Ok(Some(std::mem::take(&mut self.half))),
            None => Ok(None),
            Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A command that waits for its final reply, as far as the proxy has to know.
pub(super) enum Awaited<P> {
    /// PASV or EPSV: the data connection to come.
    Passive(P),
    /// AUTH TLS.
    Auth,
    /// A transfer of the run's file.
    Transfer(super::watched::Purpose),
    /// Anything else, the greeting among it.
    Other,
}

/// Commands in the order in which they are answered.
pub(super) struct Replies<P> {
    awaited: VecDeque<Awaited<P>>,
    /// Between the lines of a reply of several: its code.
    several: Option<[u8; 3]>,
}

impl<P> Replies<P> {
    /// The greeting is awaited.
    pub(super) fn new() -> Self {
        Self { awaited: VecDeque::from([Awaited::Other]), several: None }
    }

    pub(super) fn await_one(&mut self, command: Awaited<P>) {
        self.awaited.push_back(command);
    }

    /// The code that a line ends a reply with, if it does.
    pub(super) fn ends_with(&mut self, line: &[u8]) -> Option<u16> {
        let code: Option<[u8; 3]> = line.get(..3).and_then(|code| code.try_into().ok());
        let code = code.filter(|code| code.iter().all(u8::is_ascii_digit));
        let is_last = line.get(3).is_none_or(|mark| *mark != b'-');
        match (self.several, code) {
            (Some(open), Some(code)) if open == code && line.get(3) == Some(&b' ') => self.several = None,
            (Some(_), _) | (None, None) => return None,
            (None, Some(code)) if !is_last => {
                self.several = Some(code);
                return None;
            }
            (None, Some(_)) => (),
        }
        code.map(|code| code.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
    }

    /// What is answered by the next reply.
    pub(super) fn next(&self) -> Option<&Awaited<P>> {
        self.awaited.front()
    }

    /// It has been answered for good.
    pub(super) fn answered(&mut self) -> Option<Awaited<P>> {
        self.awaited.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_several_lines() {
        let mut replies = Replies::<()>::new();
        let mut code = |line: &str| replies.ends_with(line.as_bytes());
        assert_eq!(code("220 Hello\r\n"), Some(220));
        for line in ["211-Features\r\n", " 200 no reply\r\n", "226 nor this\r\n", "211-\r\n"] {
            assert_eq!(code(line), None, "{line}");
        }
        assert_eq!(code("211 End\r\n"), Some(211));
        assert_eq!(code("226\r\n"), Some(226));
        assert_eq!(code("nonsense\r\n"), None);
    }
}
