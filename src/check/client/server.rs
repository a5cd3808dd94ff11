//! The scripted server: what it is told of, and what it has heard.

use super::case::Script;
use super::session::Session;
use crate::check::text;
use ftp_proto::name;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Clients that connect without end are served no longer.
const MAX_SESSIONS: u32 = 200;
/// Lines of a dialogue that are kept, and characters of each.
const MAX_LINES: usize = 200;
const MAX_LINE_CHARS: usize = 300;

/// What the server has heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub sessions: u32,
    /// Verbs, in capitals, and how often each.
    pub verbs: BTreeMap<String, usize>,
    pub uploads: Vec<Vec<u8>>,
    /// Names of uploads, and how long they are: some clients look whether they are there.
    pub stored: BTreeMap<String, usize>,
    pub dialogue: Vec<String>,
    /// Somebody has come to where only a deceived client would.
    pub is_trapped: bool,
    /// The server has opened a data connection itself.
    pub is_active: bool,
}

/// One case's server.
pub(super) struct Scripted {
    pub script: &'static Script,
    pub content: Vec<u8>,
    pub trap: Option<SocketAddr>,
    /// An absolute name that only who leaves his directory writes to.
    pub outside: String,
    heard: Mutex<Heard>,
}

impl Scripted {
    pub(super) fn new(
        script: &'static Script,
        content: Vec<u8>,
        trap: Option<SocketAddr>,
        outside: String,
    ) -> Self {
        Self { script, content, trap, outside, heard: Mutex::default() }
    }

    pub(super) fn hear<T>(&self, what: impl FnOnce(&mut Heard) -> T) -> T {
        what(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, sign: char, bytes: &[u8]) {
        let text = name::decode(bytes);
        self.hear(|heard| {
            for line in text.trim_end().split('\n').map(str::trim_end) {
                if heard.dialogue.len() < MAX_LINES {
                    let shown: String = line.chars().take(MAX_LINE_CHARS).collect();
                    heard.dialogue.push(format!("{sign} {shown}"));
                }
            }
        });
    }

    /// A text of the case, its placeholders filled.
    pub(super) fn filled(&self, operand: &str, port: Option<u16>) -> Vec<u8> {
        let port = port.unwrap_or_default();
        let numbers = |ip: Ipv4Addr, port: u16| {
            let [a, b, c, d] = ip.octets();
            format!("{a},{b},{c},{d},{},{}", port / 256, port % 256)
        };
        let trap = self.trap.map_or(1, |trap| trap.port());
        let text = operand
            .replace("{pasv}", &numbers(Ipv4Addr::LOCALHOST, port))
            .replace("{port}", &port.to_string())
            .replace("{trap}", &numbers(TRAP, trap))
            .replace("{trapport}", &trap.to_string())
            .replace("{outside}", &self.outside);
        text::bytes(&text).unwrap_or_default()
    }

    /// What an ordinary server lists by LIST, NLST or MLSD: the file, and what was uploaded.
    pub(super) fn listing(&self, verb: &str) -> String {
        let mut files = vec![("file.bin".to_owned(), self.content.len())];
        files.extend(self.hear(|heard| heard.stored.clone()));
        let line = |(name, bytes): (String, usize)| match verb {
            "LIST" => format!("-rw-r--r--   1 ftp      ftp      {bytes:>8} Jan  1  2020 {name}\r\n"),
            "MLSD" => format!("type=file;size={bytes};modify=20200101000000; {name}\r\n"),
            _ => format!("{name}\r\n"),
        };
        files.into_iter().map(line).collect()
    }

    /// How long the upload of this name is, if there is one.
    pub(super) fn stored(&self, path: &str) -> Option<usize> {
        self.hear(|heard| heard.stored.get(path.rsplit('/').next().unwrap_or_default()).copied())
    }

    /// Serves until dropped.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, trap: Option<TcpListener>) {
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(()) = trapped(trap.as_ref()) => self.hear(|heard| heard.is_trapped = true),
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { return };
                    let number = self.hear(|heard| {
                        heard.sessions += 1;
                        heard.sessions
                    });
                    if number <= MAX_SESSIONS {
                        let server = self.clone();
                        sessions.spawn(async move {
                            // However it ends, the client is judged by what it did.
                            let _ = Session::new(server, stream).run().await;
                        });
                    }
                }
                Some(_) = sessions.join_next() => {}
            }
        }
    }
}

/// Another host than the server, on loopback.
pub(super) const TRAP: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

async fn trapped(trap: Option<&TcpListener>) -> Option<()> {
    match trap {
        Some(trap) => trap.accept().await.ok().map(drop),
        None => std::future::pending().await,
    }
}
