//! The control connection, byte by byte: what came is kept as it came, and nothing of it is believed.

use super::target::Tls;
use ftp_proto::name;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Of a reply, all of its lines together.
const MAX_REPLY_BYTES: usize = 256 * 1024;
/// Lines of a dialogue that are kept, and bytes of each.
const MAX_LINES: usize = 200;
const MAX_LINE_BYTES: usize = 400;
/// A shorter password would be found in every other word.
const MIN_SECRET_BYTES: usize = 4;

/// A connection, in clear or under TLS.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Io for T {}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection has ended.
    Closed,
    Silent,
    /// No reply of RFC 959 section 4.2.
    Malformed(String),
    Io(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed"),
            Self::Silent => f.write_str("nothing came"),
            Self::Malformed(line) => write!(f, "no reply: {line}"),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// A reply as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub code: u16,
    /// Without their ends.
    pub lines: Vec<Vec<u8>>,
    /// Each ended with CR LF.
    pub has_crlf: bool,
}

impl Reply {
    /// All lines, the code of the first and last left out.
    pub(super) fn text(&self) -> String {
        let last = self.lines.len().saturating_sub(1);
        let body = |(index, line): (usize, &Vec<u8>)| {
            let line =
                if index == 0 || index == last { line.get(4..).unwrap_or_default() } else { &line[..] };
            name::decode(line).into_owned()
        };
        self.lines.iter().enumerate().map(body).collect::<Vec<_>>().join("\n")
    }

    /// In a line, for people.
    pub(super) fn brief(&self) -> String {
        format!("{} {}", self.code, clipped(&self.text().replace('\n', " / ")))
    }
}

/// Of a text that may be long.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_LINE_BYTES) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A control connection and all that was said on it.
pub(super) struct Control {
    io: Option<Box<dyn Io>>,
    /// For urgent data: the socket itself, in clear.
    raw: Option<TcpStream>,
    buffer: Vec<u8>,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub transcript: Vec<String>,
    pub timeout: Duration,
    secret: String,
}

impl Control {
    pub(super) async fn connect(peer: SocketAddr, timeout: Duration, secret: &str) -> Result<Self, Trouble> {
        let stream = tokio::time::timeout(timeout, TcpStream::connect(peer)).await;
        let stream = stream.map_err(|_| Trouble::Silent)??;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let secret = secret.to_owned();
        let (buffer, transcript) = (Vec::new(), Vec::new());
        Ok(Self { io: None, raw: Some(stream), buffer, peer, local, transcript, timeout, secret })
    }

    pub(super) fn note(&mut self, line: &str) {
        if self.transcript.len() < MAX_LINES {
            let line = if self.secret.len() < MIN_SECRET_BYTES {
                line.to_owned()
            } else {
                line.replace(&self.secret, "****")
            };
            self.transcript.push(clipped(&line));
        }
    }

    fn io(&mut self) -> Result<&mut dyn Io, Trouble> {
        match (&mut self.io, &mut self.raw) {
            (Some(io), _) => Ok(&mut **io),
            (None, Some(raw)) => Ok(raw),
            (None, None) => Err(Trouble::Closed),
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.io.is_some()
    }

    /// The handshake, over what was in clear.
    pub(super) async fn secure(&mut self, tls: &Tls) -> Result<(), Trouble> {
        let raw = self.raw.take().ok_or(Trouble::Closed)?;
        let connector = TlsConnector::from(tls.config.clone());
        let done = tokio::time::timeout(self.timeout, connector.connect(tls.name.clone(), raw)).await;
        let stream = done.map_err(|_| Trouble::Silent)?.map_err(Trouble::Io)?;
        self.note(&format!("* TLS {:?}", stream.get_ref().1.protocol_version()));
        self.io = Some(Box::new(stream));
        Ok(())
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let text = name::decode(bytes);
        let shown =
            if text.to_ascii_uppercase().starts_with("PASS ") { "PASS ****" } else { text.trim_end() };
        self.note(&format!("> {shown}"));
        let timeout = self.timeout;
        let io = self.io()?;
        let write = async {
            io.write_all(bytes).await?;
            io.flush().await
        };
        tokio::time::timeout(timeout, write).await.map_err(|_| Trouble::Silent)??;
        Ok(())
    }

    pub(super) async fn line(&mut self, line: &str) -> Result<(), Trouble> {
        let mut bytes = name::encode(line).into_owned();
        bytes.extend_from_slice(b"\r\n");
        self.send(&bytes).await
    }

    /// Bytes of which the last is urgent: Telnet's Synch (RFC 854). Under TLS there is none.
    #[cfg(unix)]
    pub(super) async fn send_urgent(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let Some(raw) = &self.raw else { return self.send(bytes).await };
        raw.writable().await?;
        rustix::net::send(raw, bytes, rustix::net::SendFlags::OOB).map_err(io::Error::from)?;
        self.note("> (urgent)");
        Ok(())
    }

    /// As any other.
    #[cfg(not(unix))]
    pub(super) async fn send_urgent(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.send(bytes).await
    }

    /// Sends FIN, and still hears.
    pub(super) async fn shutdown(&mut self) {
        if let Ok(io) = self.io() {
            let _ = io.shutdown().await;
        }
    }

    async fn read_line(&mut self, within: Duration) -> Result<(Vec<u8>, bool), Trouble> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                let has_crlf = line.last() == Some(&b'\r');
                if has_crlf {
                    line.pop();
                }
                // Telnet's refusals of what was offered stand before a reply (RFC 854).
                while let [0xff, 0xfb..=0xfe, _, ..] = line[..] {
                    line.drain(..3);
                }
                return Ok((line, has_crlf));
            }
            if self.buffer.len() > MAX_REPLY_BYTES {
                return Err(Trouble::Malformed(format!("a line of more than {MAX_REPLY_BYTES} bytes")));
            }
            let mut piece = [0; 4096];
            let read = tokio::time::timeout_at(deadline, self.io()?.read(&mut piece)).await;
            match read.map_err(|_| Trouble::Silent)?? {
                0 if !self.buffer.is_empty() => {
                    let begun = name::decode(&self.buffer).into_owned();
                    return Err(Trouble::Malformed(format!("a line without an end: {}", clipped(&begun))));
                }
                0 => return Err(Trouble::Closed),
                length => self.buffer.extend_from_slice(&piece[..length]),
            }
        }
    }

    pub(super) async fn reply(&mut self) -> Result<Reply, Trouble> {
        self.reply_within(self.timeout).await
    }

    pub(super) async fn reply_within(&mut self, within: Duration) -> Result<Reply, Trouble> {
        let mut reply = Reply { has_crlf: true, ..Reply::default() };
        let mut bytes = 0;
        let mut start = [0; 3];
        loop {
            let (line, has_crlf) = match self.read_line(within).await {
                Err(trouble) => {
                    self.note(&format!("* {trouble}"));
                    return Err(trouble);
                }
                read => read?,
            };
            self.note(&format!("< {}", name::decode(&line)));
            reply.has_crlf &= has_crlf;
            bytes += line.len();
            if bytes > MAX_REPLY_BYTES {
                return Err(Trouble::Malformed(format!("more than {MAX_REPLY_BYTES} bytes")));
            }
            let is_first = reply.lines.is_empty();
            if is_first {
                reply.code = code(&line).ok_or_else(|| Trouble::Malformed(clipped(&name::decode(&line))))?;
                start.copy_from_slice(&line[..3]);
            }
            let is_last = match line.get(3) {
                // Some servers leave out the space where no text follows.
                None => is_first || line == start,
                Some(mark) => line.starts_with(&start) && *mark == b' ',
            };
            reply.lines.push(line);
            if is_last {
                return Ok(reply);
            }
        }
    }
}

/// Three digits of RFC 959 section 4.2.1 (and 6yz of RFC 2228), then a space, a hyphen or nothing.
fn code(line: &[u8]) -> Option<u16> {
    let [first @ b'1'..=b'6', second @ b'0'..=b'9', third @ b'0'..=b'9', rest @ ..] = line else {
        return None;
    };
    matches!(rest.first(), None | Some(b' ' | b'-'))
        .then(|| [first, second, third].iter().fold(0, |code, digit| code * 10 + u16::from(*digit - b'0')))
}
