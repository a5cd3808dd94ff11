//! A session of the scripted server.

use super::server::{Scripted, TRAP};
use ftp_proto::{address, name};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// For the client to open a data connection.
const DATA_LIMIT: Duration = Duration::from_secs(10);
/// A client that uploads without end is not read any more.
const MAX_UPLOAD_BYTES: u64 = 8 << 20;
const MAX_COMMAND_BYTES: u64 = 64 * 1024;
/// Of `trickle`.
const PIECE_BYTES: usize = 1500;

const FEATURES: &str = " EPSV\r\n SIZE\r\n MDTM\r\n REST STREAM\r\n UTF8\r\n";
const MLST: &str = " MLST type*;size*;modify*;\r\n";
/// What a stranger sends.
pub(super) const STRANGE: &[u8] = b"these are a stranger's bytes";

pub(super) struct Session {
    server: Arc<Scripted>,
    control: BufReader<TcpStream>,
    passive: Option<TcpListener>,
    active: Option<SocketAddr>,
    offset: usize,
    directory: Vec<String>,
}

impl Session {
    pub(super) fn new(server: Arc<Scripted>, stream: TcpStream) -> Self {
        let control = BufReader::new(stream);
        Self { server, control, passive: None, active: None, offset: 0, directory: Vec::new() }
    }

    pub(super) async fn run(&mut self) -> io::Result<()> {
        self.control.get_ref().set_nodelay(true)?;
        self.reply("CONNECT", "220 Ready\r\n").await?;
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut self.control).take(MAX_COMMAND_BYTES);
            if limited.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            self.server.note('>', if line.starts_with(b"PASS") { b"PASS ****" } else { &line });
            let line = name::decode(&line).into_owned();
            let line = line.trim_end_matches(['\r', '\n']);
            let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
            let verb = verb.to_ascii_uppercase();
            self.server.hear(|heard| *heard.verbs.entry(verb.clone()).or_default() += 1);
            self.command(&verb, argument).await?;
            if verb == "QUIT" {
                return Ok(());
            }
        }
    }

    async fn command(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        let mut reply = self.ordinary(verb, argument);
        match verb {
            "EPSV" | "PASV" => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let port = listener.local_addr()?.port();
                (self.passive, self.active) = (Some(listener), None);
                reply = match verb {
                    "EPSV" => format!("229 {}\r\n", address::extended_passive_text(port)),
                    _ => format!("227 Entering Passive Mode (127,0,0,1,{},{})\r\n", port / 256, port % 256),
                };
            }
            "PORT" => self.active = address::parse_host_port(argument).ok().map(SocketAddr::V4),
            "EPRT" => self.active = address::parse_extended(argument).ok(),
            "REST" => self.offset = argument.parse().unwrap_or_default(),
            "CWD" => self.go(argument),
            "CDUP" => drop(self.directory.pop()),
            "RETR" | "STOR" | "APPE" | "STOU" | "LIST" | "NLST" | "MLSD" if reply.is_empty() => {
                return self.transfer(verb, argument).await;
            }
            _ => {}
        }
        self.reply(verb, &reply).await
    }

    fn go(&mut self, path: &str) {
        if path.starts_with('/') {
            self.directory.clear();
        }
        for part in path.split('/') {
            match part {
                "" | "." | "file.bin" => {}
                ".." => drop(self.directory.pop()),
                part => self.directory.push(part.to_owned()),
            }
        }
    }

    /// What an ordinary server says; nothing where a transfer follows.
    fn ordinary(&self, verb: &str, argument: &str) -> String {
        let is_file = argument.trim_start_matches('/').ends_with("file.bin");
        let mlsd = self.server.script.mlsd;
        let text = match verb {
            "USER" => "331 Password, please",
            "PASS" => "230 In",
            "SYST" => "215 UNIX Type: L8",
            "FEAT" => {
                return format!("211-Features\r\n{FEATURES}{}211 End\r\n", if mlsd { MLST } else { "" });
            }
            "PWD" | "XPWD" => {
                let path = format!("/{}", self.directory.join("/")).replace('"', "\"\"");
                return format!("257 \"{path}\"\r\n");
            }
            "CWD" if is_file => "550 Not a directory",
            "CWD" | "CDUP" | "DELE" | "RMD" | "RNTO" => "250 Done",
            "MKD" => "257 \"made\"",
            "SIZE" if is_file => return format!("213 {}\r\n", self.server.content.len()),
            "MDTM" if is_file => "213 20200101000000",
            "SIZE" | "MDTM" => match self.server.stored(argument) {
                Some(bytes) if verb == "SIZE" => return format!("213 {bytes}\r\n"),
                Some(_) => "213 20200101000000",
                None => "550 No such file",
            },
            "REST" | "RNFR" => "350 Go on",
            "TYPE" | "MODE" | "STRU" | "PORT" | "EPRT" | "NOOP" | "ALLO" | "OPTS" => "200 Done",
            "HELP" => "214 Help yourself",
            "ABOR" => "226 Nothing to break off",
            "QUIT" => "221 Bye",
            "STAT" if argument.is_empty() => "211 Fine",
            "MLSD" if !mlsd => "500 What?",
            "RETR" if is_file => return String::new(),
            "RETR" => "550 No such file",
            "STOR" | "APPE" | "STOU" | "LIST" | "NLST" | "MLSD" => return String::new(),
            _ => "500 What?",
        };
        format!("{text}\r\n")
    }

    /// What the case has for this verb, this time; `None` where it has nothing.
    fn scripted(&self, verb: &str) -> Option<Vec<u8>> {
        let all = self.server.script.replies.get(verb)?;
        let times = self.server.hear(|heard| heard.verbs.get(verb).copied().unwrap_or(1));
        let reply = all.get(times.saturating_sub(1)).or_else(|| all.last())?;
        let port = self.passive.as_ref().and_then(|listener| listener.local_addr().ok());
        let bytes = self.server.filled(reply, port.map(|address| address.port()));
        (!bytes.is_empty() || self.server.script.drops.contains(verb)).then_some(bytes)
    }

    async fn reply(&mut self, verb: &str, ordinary: &str) -> io::Result<()> {
        let bytes = self.scripted(verb).unwrap_or_else(|| ordinary.as_bytes().to_vec());
        self.pause(verb).await;
        self.say(&bytes).await?;
        if self.server.script.drops.contains(verb) {
            self.server.note('*', b"the control connection is closed");
            let _ = self.control.get_mut().shutdown().await;
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    async fn pause(&self, verb: &str) {
        if let Some(ms) = self.server.script.delays_ms.get(verb) {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.server.note('<', &bytes[..bytes.len().min(2000)]);
        let stream = self.control.get_mut();
        if !self.server.script.split {
            return stream.write_all(bytes).await;
        }
        for byte in bytes {
            stream.write_all(&[*byte]).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// The data connection, however it comes about.
    async fn open(&mut self) -> io::Result<TcpStream> {
        let late = |_| io::Error::from(ErrorKind::TimedOut);
        if let Some(to) = self.active.take() {
            self.server.hear(|heard| heard.is_active = true);
            let socket = TcpSocket::new_v4()?;
            if self.server.script.stranger {
                socket.bind((TRAP, 0).into())?;
            }
            return tokio::time::timeout(DATA_LIMIT, socket.connect(to)).await.map_err(late)?;
        }
        let listener = self.passive.take().ok_or(ErrorKind::NotConnected)?;
        let accepted = tokio::time::timeout(DATA_LIMIT, listener.accept()).await.map_err(late)?;
        Ok(accepted?.0)
    }

    async fn transfer(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        if let Some(refusal) = self.scripted(verb) {
            self.passive = None;
            self.pause(verb).await;
            self.say(&refusal).await?;
            return match self.server.script.drops.contains(verb) {
                true => Err(ErrorKind::ConnectionAborted.into()),
                false => Ok(()),
            };
        }
        let script = self.server.script;
        let data_first = script.together || script.delays_ms.contains_key("BEGIN");
        if !data_first {
            self.reply("BEGIN", "150 Go\r\n").await?;
        }
        if script.early {
            self.reply("DONE", "226 Done\r\n").await?;
        }
        let Ok(stream) = self.open().await else {
            return self.say(b"425 No data connection\r\n").await;
        };
        stream.set_nodelay(true)?;
        let moved = match verb {
            "STOR" | "APPE" | "STOU" => self.take(stream, argument).await,
            _ => self.give(verb, argument, stream).await,
        };
        if let Err(error) = moved {
            self.server.note('*', format!("data connection: {error}").as_bytes());
        }
        match () {
            () if script.together => self.say(b"150 Go\r\n226 Done\r\n").await,
            () if script.early => Ok(()),
            () => {
                if data_first {
                    self.reply("BEGIN", "150 Go\r\n").await?;
                }
                self.reply("DONE", "226 Done\r\n").await
            }
        }
    }

    async fn take(&mut self, stream: TcpStream, path: &str) -> io::Result<()> {
        if self.server.script.unread {
            // The file is to have left the client, which may have closed by then.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return stream.set_zero_linger();
        }
        let mut all = Vec::new();
        if self.server.script.trickle {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        stream.take(MAX_UPLOAD_BYTES).read_to_end(&mut all).await?;
        self.server.note('*', format!("{} bytes came", all.len()).as_bytes());
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let drops = self.server.script.drops.contains("DONE");
        let is_kept = !drops && self.scripted("DONE").is_none_or(|reply| reply.starts_with(b"2"));
        self.server.hear(|heard| {
            // Of one that is said to have failed nothing is to be seen: some clients look.
            if is_kept {
                heard.stored.insert(name, all.len());
            }
            heard.uploads.push(all);
        });
        Ok(())
    }

    async fn give(&mut self, verb: &str, path: &str, mut stream: TcpStream) -> io::Result<()> {
        let script = self.server.script;
        let given = |operand: Option<&str>| match operand {
            Some(operand) => self.server.filled(operand, None),
            None => self.server.listing(verb).into_bytes(),
        };
        // What a name is like is seen above it; a tree without an end is another matter.
        let is_below = |path: &str| path.contains("ftpsim-evil");
        let bytes = match verb {
            "LIST" | "MLSD" | "NLST" if is_below(path) || is_below(&self.directory.join("/")) => Vec::new(),
            "LIST" => given(script.listing),
            "MLSD" => given(script.machine),
            "NLST" => given(script.bare),
            _ if script.stranger && self.server.hear(|heard| heard.is_active) => STRANGE.to_vec(),
            _ => self.server.content[self.offset.min(self.server.content.len())..].to_vec(),
        };
        self.offset = 0;
        let is_file = verb == "RETR";
        let end = script.end.filter(|_| is_file).map_or(bytes.len(), |(end, _)| end.min(bytes.len()));
        self.server.note('*', format!("{end} of {} bytes go", bytes.len()).as_bytes());
        if script.trickle {
            for piece in bytes[..end].chunks(PIECE_BYTES) {
                stream.write_all(piece).await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } else {
            stream.write_all(&bytes[..end]).await?;
        }
        if is_file && matches!(script.end, Some((_, true))) {
            // What was sent is to arrive before the reset does.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return stream.set_zero_linger();
        }
        stream.shutdown().await
    }
}
