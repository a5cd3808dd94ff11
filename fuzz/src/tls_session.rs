//! A whole session under TLS over the in-memory network and store, in virtual time, whatever comes before, in
//! and after the handshakes: nobody is logged in without TLS, all replies are well-formed, nothing but TLS is
//! said in clear once it was agreed to, and nothing is left behind. The draws are seeded: a finding stays one.
//!
//! The input is a script of lines, each ended by LF; its first byte says what the line does:
//!
//! | first byte | the rest |
//! |---|---|
//! | `^` | TLS begins on the control connection at this end, whatever the server thinks |
//! | `%` | of what TLS has to say, after as many times as the fourth byte says, the byte at the second one's place is changed by the third |
//! | `@` | is sent on the control connection below TLS |
//! | `=` | is sent on the control connection as it is, under TLS if that has begun |
//! | `\|` | the same at once, each further `\|` and the end as CR LF |
//! | `+` | a data connection is opened to the port of the last 229 reply |
//! | `$` | the handshake of the newest data connection |
//! | `<` | is sent on the newest data connection |
//! | `.` | the newest data connection is closed |
//! | `!` | the newest data connection is reset |
//! | `~` | nothing happens for as many seconds as the second byte says |
//! | else | the whole line is a command, sent with CR LF |
//!
//! A script that begins with `-` has a server with implicit TLS.

use ftp_endpoint::net::{Channel, Net, Stream};
use ftp_endpoint::server::{ServerTls, TlsUse};
use ftp_proto::address::parse_extended_passive;
use ftp_proto::reply::ReplyParser;
use ftpsim::sim::tls::{SERVER_NAME, Seeded, Versions, client_config, server_config};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, NoKeyLog};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::server::{SERVER, settle, world_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More lines make a script slow, not different.
const MAX_LINES: usize = 40;
/// Flights that one line may cause.
const MAX_FLIGHTS: usize = 16;
/// The session is over by then: longer than any wait of the server.
const QUIET: Duration = Duration::from_secs(1000);

pub(super) fn check(input: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let _seeded = Seeded::begin(0);
    runtime.expect("a runtime").block_on(script(input));
}

async fn script(input: &[u8]) {
    let (script, implicit) = match input.strip_prefix(b"-") {
        Some(script) => (script, true),
        None => (input, false),
    };
    let server = server_config(Versions::Both, 2, Arc::new(NoKeyLog)).expect("a sound configuration");
    let world = world_with(|config| {
        let mut tls = ServerTls::of(server);
        (tls.demand, tls.implicit) = (TlsUse::Required, implicit);
        config.tls = Some(tls);
    })
    .await;
    world.put("/f", b"0123456789\r\nline\n\xff\x00");
    let client = world.connect().await;
    let mut dialogue = Dialogue::new(client.net, client.stream, implicit);
    for line in script.split(|&byte| byte == b'\n').take(MAX_LINES) {
        dialogue.perform(line).await;
        dialogue.attend().await;
    }
    let was_secure = dialogue.was_secure;
    dialogue.end().await;
    settle().await;
    let notes = &world.notes;
    assert!(was_secure || notes.count("< 230") == 0, "nobody logs in in clear: {:?}", notes.all());
    assert_eq!(notes.count("begin"), notes.count("end"), "{:?}", notes.all());
    let opened = notes.count("data opens");
    assert_eq!(opened, notes.count("data ") - opened, "{:?}", notes.all());
    assert_eq!(world.net.listening(), 1, "no passive port is left open");
}

/// Of a byte on its way.
struct Change {
    at: usize,
    by: u8,
    flights_before: u8,
}

struct Dialogue {
    net: MemoryNet,
    stream: MemoryStream,
    config: Arc<ClientConfig>,
    tls: Option<ClientConnection>,
    was_secure: bool,
    change: Option<Change>,
    parser: ReplyParser,
    /// What is said in clear from now on is TLS's.
    agreed: bool,
    records: Records,
    port: Option<u16>,
    data: Option<Channel<MemoryStream>>,
    ended: bool,
}

impl Dialogue {
    fn new(net: MemoryNet, stream: MemoryStream, implicit: bool) -> Self {
        let config = client_config(Versions::Both, Arc::new(NoKeyLog)).expect("a sound configuration");
        let config = Arc::new(config);
        Self {
            net,
            stream,
            config,
            tls: None,
            was_secure: false,
            change: None,
            parser: ReplyParser::new(),
            agreed: implicit,
            records: Records::default(),
            port: None,
            data: None,
            ended: false,
        }
    }

    async fn perform(&mut self, line: &[u8]) {
        let Some((&first, rest)) = line.split_first() else { return self.say(b"\r\n").await };
        match first {
            b'^' if self.tls.is_none() => {
                self.tls = ClientConnection::new(self.config.clone(), name()).ok();
                self.send_flight().await;
            }
            b'^' => {}
            b'%' => {
                let change = |it: &[u8]| Change { at: it[0].into(), by: it[1], flights_before: it[2] };
                self.change = rest.get(..3).map(change);
            }
            b'@' => self.send(rest).await,
            b'=' => self.say(rest).await,
            b'|' => {
                let lines = rest.split(|&byte| byte == b'|').flat_map(|line| [line, b"\r\n"]);
                self.say(&lines.collect::<Vec<_>>().concat()).await;
            }
            b'+' => {
                if let Some(port) = self.port {
                    let server = SocketAddr::new(SERVER.ip(), port);
                    self.data = self.net.connect(None, server).await.ok().map(Channel::Clear);
                }
            }
            b'$' => self.secure_data().await,
            b'<' => {
                // A write that waits for the server would wait for ever.
                let Some(data) = &mut self.data else { return };
                let sending = async {
                    data.write_all(rest).await?;
                    data.flush().await
                };
                let _ = tokio::time::timeout(Duration::from_secs(1), sending).await;
            }
            b'.' => {
                if let Some(mut data) = self.data.take() {
                    let _ = tokio::time::timeout(Duration::from_secs(1), data.finish()).await;
                }
            }
            b'!' => {
                if let Some(data) = self.data.take() {
                    data.abort();
                }
            }
            b'~' => {
                let seconds = rest.first().copied().unwrap_or_default();
                tokio::time::sleep(Duration::from_secs(seconds.into())).await;
            }
            _ => self.say(&[line, b"\r\n"].concat()).await,
        }
    }

    async fn secure_data(&mut self) {
        let Some(data) = &mut self.data else { return };
        let handshake = data.connect_tls(self.config.clone(), name());
        if !matches!(tokio::time::timeout(Duration::from_secs(1), handshake).await, Ok(Ok(()))) {
            self.data = None;
        }
    }

    /// Under TLS, once that has begun.
    async fn say(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            Some(tls) => {
                let _ = tls.writer().write_all(bytes);
                self.send_flight().await;
            }
            None => self.send(bytes).await,
        }
    }

    async fn send_flight(&mut self) {
        let mut flight = Vec::new();
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
            tls.write_tls(&mut flight).expect("a vector takes all");
        }
        if flight.is_empty() {
            return;
        }
        match &mut self.change {
            Some(Change { flights_before: before @ 1.., .. }) => *before -= 1,
            Some(Change { at, by, .. }) => {
                let at = *at % flight.len();
                flight[at] ^= *by;
                self.change = None;
            }
            None => {}
        }
        self.send(&flight).await;
    }

    async fn send(&mut self, bytes: &[u8]) {
        let sent = tokio::time::timeout(Duration::from_secs(1), self.stream.write_all(bytes)).await;
        self.ended |= !matches!(sent, Ok(Ok(())));
    }

    /// Takes what has come, and answers as TLS has to, until nobody has anything to say.
    async fn attend(&mut self) {
        for _ in 0..MAX_FLIGHTS {
            settle().await;
            let mut buffer = [0; 16 * 1024];
            let came = tokio::select! {
                biased;
                read = self.stream.read(&mut buffer) => Some(read),
                () = std::future::ready(()) => None,
            };
            let Some(read) = came else { return };
            match read {
                Ok(read @ 1..) => self.took(&buffer[..read]),
                _ => return self.ended = true,
            }
            self.send_flight().await;
        }
    }

    fn took(&mut self, mut bytes: &[u8]) {
        let Some(tls) = &mut self.tls else { return self.took_clear(bytes) };
        while !bytes.is_empty() {
            // What is no TLS, or has been changed on the way, ends it; what comes then means nothing.
            if tls.read_tls(&mut bytes).is_err() || tls.process_new_packets().is_err() {
                return self.ended = true;
            }
            self.was_secure |= !tls.is_handshaking();
            let mut plain = Vec::new();
            // An end, or that there is no more for now.
            let _ = tls.reader().read_to_end(&mut plain);
            let mut input = &plain[..];
            while let Some(reply) = self.parser.parse(&mut input).expect("a well-formed reply") {
                assert!((110..560).contains(&reply.code), "{reply}");
                if reply.code == 229 {
                    self.port = parse_extended_passive(&reply.text()).ok();
                }
            }
        }
    }

    fn took_clear(&mut self, mut bytes: &[u8]) {
        while !self.agreed && !bytes.is_empty() {
            let Some(reply) = self.parser.parse(&mut bytes).expect("a well-formed reply") else { return };
            assert!((110..560).contains(&reply.code), "{reply}");
            self.agreed = reply.code == 234;
        }
        self.records.check(bytes);
    }

    /// Until the server is done with us.
    async fn end(mut self) {
        self.data = None;
        let mut buffer = [0; 4096];
        while !self.ended {
            match tokio::time::timeout(QUIET, self.stream.read(&mut buffer)).await {
                Ok(Ok(read @ 1..)) => self.took(&buffer[..read]),
                _ => break,
            }
            self.send_flight().await;
        }
        let _ = self.stream.shutdown().await;
        while let Ok(Ok(1..)) = tokio::time::timeout(QUIET, self.stream.read(&mut buffer)).await {}
    }
}

fn name() -> ServerName<'static> {
    ServerName::try_from(SERVER_NAME).expect("a name")
}

/// The records of TLS (RFC 8446 section 5.1), by their headers.
#[derive(Default)]
struct Records {
    header: Vec<u8>,
    rest: usize,
}

impl Records {
    fn check(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            let taken = (5 - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let &[kind, 3, 1..=4, high, low] = &self.header[..] {
                assert!((20..=23).contains(&kind), "in clear: {:?}", self.header);
                self.rest = u16::from_be_bytes([high, low]).into();
                self.header.clear();
            }
            assert!(self.header.len() < 5, "in clear: {:?}", self.header);
        }
    }
}
