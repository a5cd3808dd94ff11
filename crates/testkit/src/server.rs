//! The server on a network in memory, and a client that says exactly what a test writes.

use crate::memory_net::{MemoryNet, MemoryStream};
use ftp_endpoint::net::{Net, Time};
use ftp_endpoint::observe::{Event, Observer, Who};
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_proto::path::VirtualPath;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

/// Where servers listen.
pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 21);
/// Writes down what the server reports, without addresses.
#[derive(Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
    pub fn count(&self, start: &str) -> usize {
        self.all().iter().filter(|note| note.starts_with(start)).count()
    }
}

impl Observer for Notes {
    fn event(&self, _at: Time, _who: Who, session: u64, event: &Event<'_>) {
        let note = match event {
            Event::SessionBegins { .. } => format!("begin {session}"),
            Event::SessionEnds { reason } => format!("end {session} {reason}"),
            Event::Command { line } => format!("> {line}"),
            Event::Reply { code, .. } => format!("< {code}"),
            Event::DataOpens { .. } => "data opens".to_owned(),
            Event::DataCloses { how, .. } => format!("data {how}"),
            Event::SendBegins { name, wire_offset, .. } => format!("send {name} at {wire_offset}"),
            Event::ReceiveBegins { name, .. } => format!("receive {name}"),
            Event::Progress { .. } => return,
            Event::FileEnds { payload_bytes, error, .. } => format!("file {payload_bytes} {error:?}"),
            Event::FileReported { .. } => return,
            #[allow(unreachable_patterns)]
            _ => return,
        };
        self.0.lock().unwrap().push(note);
    }
}

pub type TestConfig = Config<Table<MemoryStore>>;

pub struct World {
    pub net: MemoryNet,
    pub store: MemoryStore,
    pub notes: Arc<Notes>,
    _server: JoinHandle<io::Result<()>>,
}

/// User `u` with password `p` may do all; anonymous may read.
pub async fn world() -> World {
    world_with(|_| {}).await
}

pub async fn world_with(change: impl FnOnce(&mut TestConfig)) -> World {
    let store = MemoryStore::new();
    let table = Table::new().with_user("u", "p", store.clone(), Rights::ALL).with_anonymous(store.clone());
    let mut config = Config::new(table);
    change(&mut config);
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let notes = Arc::new(Notes::default());
    let server = tokio::spawn(serve(net.clone(), listener, Arc::new(config), notes.clone()));
    World { net, store, notes, _server: server }
}

impl World {
    pub async fn connect(&self) -> Client {
        Client::of(&self.net, [10, 0, 0, 2]).await
    }

    /// Greeted and logged in.
    pub async fn client(&self) -> Client {
        let mut client = self.connect().await;
        client.expect(220).await;
        client.ask("USER u", 331).await;
        client.ask("PASS p", 230).await;
        client
    }

    pub fn put(&self, path: &str, content: &[u8]) {
        self.store.insert(&path_of(path), content);
    }

    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.store.get(&path_of(path)).map(|content| content.to_vec())
    }
}

pub fn path_of(path: &str) -> VirtualPath {
    VirtualPath::root().join(path).unwrap()
}

pub struct Client {
    pub net: MemoryNet,
    pub stream: MemoryStream,
    unread: Vec<u8>,
}

/// Longest wait for anything, in virtual time: more than every timeout of the server.
pub const PATIENCE: Duration = Duration::from_secs(1000);

pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("the server hangs")
}

impl Client {
    /// Connected from that address.
    pub async fn of(net: &MemoryNet, ip: impl Into<IpAddr>) -> Self {
        let net = net.host(ip);
        let stream = net.connect(None, SERVER).await.unwrap();
        Self { net, stream, unread: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// A reply as it came, all lines; empty when the connection is closed.
    pub async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = soon(self.line()).await;
            if line.is_empty() {
                return reply;
            }
            let last = line.as_bytes().get(3) == Some(&b' ')
                && line.as_bytes()[..3].iter().all(u8::is_ascii_digit)
                && (reply.is_empty() || reply.starts_with(&line[..3]));
            reply.push_str(&line);
            if last {
                return reply;
            }
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).collect();
                return ftp_proto::name::decode(&line).into_owned();
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return String::new(),
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
            }
        }
    }

    pub async fn expect(&mut self, code: u16) -> String {
        let reply = self.reply().await;
        assert!(reply.starts_with(&code.to_string()), "expected {code}, got {reply:?}");
        reply
    }

    pub async fn ask(&mut self, command: &str, code: u16) -> String {
        self.send(format!("{command}\r\n").as_bytes()).await;
        let reply = self.reply().await;
        assert!(reply.starts_with(&code.to_string()), "{command}: expected {code}, got {reply:?}");
        reply
    }

    /// Each command with the codes of its replies.
    pub async fn script(&mut self, lines: &[(&str, &[u16])]) {
        for (command, codes) in lines {
            self.send(format!("{command}\r\n").as_bytes()).await;
            for code in *codes {
                let reply = self.reply().await;
                assert!(reply.starts_with(&code.to_string()), "{command}: expected {codes:?}, got {reply:?}");
            }
        }
    }

    /// Takes exactly these bytes, which come before the next reply.
    pub async fn stream_prefix(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        soon(self.stream.read_exact(&mut got)).await.unwrap();
        assert_eq!(got, bytes);
    }

    /// Whether the server has closed the control connection.
    pub async fn is_closed(&mut self) -> bool {
        self.reply().await.is_empty()
    }

    /// EPSV and a connection to the port.
    pub async fn passive(&mut self) -> MemoryStream {
        let port = self.epsv().await;
        self.net.connect(None, SocketAddr::new(SERVER.ip(), port)).await.unwrap()
    }

    pub async fn epsv(&mut self) -> u16 {
        let reply = self.ask("EPSV", 229).await;
        ftp_proto::address::parse_extended_passive(reply.trim_end()).unwrap()
    }
}

/// Everything until the end; an error when the connection is reset.
pub async fn read_all(mut stream: MemoryStream) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    soon(stream.read_to_end(&mut out)).await?;
    Ok(out)
}

/// Nothing else is under way.
pub async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
