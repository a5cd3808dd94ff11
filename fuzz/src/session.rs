//! A whole session over the in-memory network and store, in virtual time: every line is answered
//! by exactly one completion reply, in well-formed replies; nothing is left behind.
//!
//! The input is a script of lines, each ended by LF; its first byte says what the line does:
//!
//! | first byte | the rest |
//! |---|---|
//! | `+` | a data connection is opened to the port of the last 227 or 229 reply |
//! | `<` | is sent on the newest data connection |
//! | `.` | the newest data connection is closed |
//! | `!` | the newest data connection is reset |
//! | `=` | is sent on the control connection as it is |
//! | `~` | nothing happens for as many seconds as the second byte says |
//! | else | the whole line is a command, sent with CR LF |
//!
//! A script that begins with `-` does so before the login.

use ftp_endpoint::net::{Listener, Net, Stream};
use ftp_proto::address::{parse_extended_passive, parse_passive};
use ftp_proto::command::MAX_LINE_BYTES;
use ftp_proto::reply::ReplyParser;
use ftp_proto::telnet::{Item, LineSplitter};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use testkit::memory_net::{MemoryListener, MemoryNet, MemoryStream};
use testkit::server::{Client, SERVER, settle, world};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// More lines make a script slow, not different.
const MAX_LINES: usize = 60;
/// More than any wait of the server for the end of a transfer, less than its patience with an idle
/// client.
const QUIET: Duration = Duration::from_secs(250);
/// Where the client takes data connections after `PORT 10,0,0,2,19,136`.
const ACTIVE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 5000);

pub(super) fn check(input: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(script(input));
}

async fn script(input: &[u8]) {
    let world = world().await;
    world.put("/f", b"0123456789\r\nline\n\xff\x00");
    world.put("/d/x", b"");
    let (client, script, greeted) = match input.strip_prefix(b"-") {
        Some(script) => (world.connect().await, script, false),
        None => (world.client().await, input, true),
    };
    let active = client.net.listen(ACTIVE).await.expect("nobody else listens");
    let mut dialogue = Dialogue::new(client, active, greeted);
    for line in script.split(|&byte| byte == b'\n').take(MAX_LINES) {
        dialogue.perform(line).await;
        settle().await;
        dialogue.attend().await;
    }
    dialogue.end().await;
    settle().await;
    let notes = &world.notes;
    assert_eq!(notes.count("begin"), notes.count("end"), "{:?}", notes.all());
    let opened = notes.count("data opens");
    assert_eq!(opened, notes.count("data ") - opened, "{:?}", notes.all());
    assert_eq!(world.net.listening(), 1, "no passive port is left open");
}

struct Dialogue {
    net: MemoryNet,
    reading: ReadHalf<MemoryStream>,
    writing: WriteHalf<MemoryStream>,
    parser: ReplyParser,
    /// Of the last 227 or 229 reply.
    port: Option<u16>,
    /// For PORT and EPRT.
    active: MemoryListener,
    data: Option<MemoryStream>,
    /// What the server has to answer.
    lines: LineSplitter,
    owed: usize,
    completed: usize,
    ended: bool,
}

impl Dialogue {
    fn new(client: Client, active: MemoryListener, greeted: bool) -> Self {
        let (reading, writing) = tokio::io::split(client.stream);
        Self {
            net: client.net,
            reading,
            writing,
            parser: ReplyParser::new(),
            port: None,
            active,
            data: None,
            lines: LineSplitter::new(MAX_LINE_BYTES),
            owed: usize::from(!greeted),
            completed: 0,
            ended: false,
        }
    }

    async fn perform(&mut self, line: &[u8]) {
        let Some((&first, rest)) = line.split_first() else { return self.send(b"\r\n").await };
        match first {
            b'+' => {
                if let Some(port) = self.port {
                    let server = SocketAddr::new(SERVER.ip(), port);
                    self.data = self.net.connect(None, server).await.ok();
                }
            }
            b'<' => {
                // A write that waits for the server would wait for ever.
                let Some(data) = &mut self.data else { return };
                let _ = tokio::time::timeout(Duration::from_secs(1), data.write_all(rest)).await;
            }
            b'.' => self.data = None,
            b'!' => {
                if let Some(data) = self.data.take() {
                    data.abort();
                }
            }
            b'=' => self.send(rest).await,
            b'~' => {
                let seconds = rest.first().copied().unwrap_or_default();
                tokio::time::sleep(Duration::from_secs(seconds.into())).await;
            }
            _ => self.send(&[line, b"\r\n"].concat()).await,
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        let mut input = bytes;
        while let Some(item) = self.lines.next(&mut input) {
            self.owed += usize::from(matches!(item, Item::Line(_) | Item::TooLong));
        }
        self.ended |= self.writing.write_all(bytes).await.is_err();
    }

    /// Takes what has come.
    async fn attend(&mut self) {
        if let Some(Ok((stream, _))) = at_once(self.active.accept()).await {
            self.data = Some(stream);
        }
        let mut buffer = [0; 4096];
        while let Some(read) = at_once(self.reading.read(&mut buffer)).await {
            if self.took(read, &buffer) {
                break;
            }
        }
    }

    /// Whether the connection has ended.
    fn took(&mut self, read: io::Result<usize>, buffer: &[u8]) -> bool {
        let Ok(read @ 1..) = read else {
            self.ended = true;
            return true;
        };
        let mut input = &buffer[..read];
        while let Some(reply) = self.parser.parse(&mut input).expect("a well-formed reply") {
            assert!((110..560).contains(&reply.code), "{reply}");
            self.completed += usize::from(!reply.is_preliminary());
            self.port = match reply.code {
                227 => parse_passive(&reply.text()).ok().map(|address| address.port()),
                229 => parse_extended_passive(&reply.text()).ok(),
                _ => self.port,
            };
        }
        false
    }

    /// Waits until nothing more comes, compares, and closes.
    async fn end(mut self) {
        self.data = None;
        let mut buffer = [0; 4096];
        while let Ok(read) = tokio::time::timeout(QUIET, self.reading.read(&mut buffer)).await {
            if self.took(read, &buffer) {
                break;
            }
        }
        assert!(!self.parser.in_reply(), "the last reply is whole");
        if self.ended {
            // 421 comes unasked.
            assert!(self.completed <= self.owed + 1, "{} replies for {}", self.completed, self.owed);
        } else {
            assert_eq!(self.completed, self.owed, "one completion reply a command");
        }
        let _ = self.writing.shutdown().await;
        while let Ok(1..) = self.reading.read(&mut buffer).await {}
    }
}

/// The result of `work` if it has one without waiting.
async fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = std::future::ready(()) => None,
    }
}
