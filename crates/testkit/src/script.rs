//! A server that follows a script.

use crate::memory_net::{MemoryListener, MemoryNet, MemoryStream};
use crate::server::SERVER;
use ftp_endpoint::net::{Listener, Net};
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// The server's side of one control connection.
pub struct Script {
    net: MemoryNet,
    control: BufReader<MemoryStream>,
}

impl Script {
    /// Takes the next control connection of `listener`.
    pub async fn accept(net: MemoryNet, listener: &MemoryListener) -> Self {
        let (control, _) = listener.accept().await.unwrap();
        Self { net, control: BufReader::new(control) }
    }
    /// Any port of the server's host.
    pub async fn listen(&self) -> MemoryListener {
        self.net.listen(SocketAddr::new(SERVER.ip(), 0)).await.unwrap()
    }
    /// A data connection to the client, who listens there.
    pub async fn connect(&self, to: SocketAddr) -> MemoryStream {
        self.net.connect(None, to).await.unwrap()
    }
    /// The next command, whatever it is.
    pub async fn command(&mut self) -> String {
        let mut line = String::new();
        self.control.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }
    pub async fn expect(&mut self, command: &str) {
        let mut line = String::new();
        self.control.read_line(&mut line).await.unwrap();
        assert_eq!(line, format!("{command}\r\n"));
    }
    pub async fn say(&mut self, reply: &str) {
        self.control.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
    }
    pub async fn answer(&mut self, command: &str, reply: &str) {
        self.expect(command).await;
        self.say(reply).await;
    }
    pub async fn log_in(&mut self, mode: Option<&str>) {
        self.say("220 ready").await;
        self.answer("USER me", "331 password").await;
        self.answer("PASS secret", "230 in").await;
        self.answer("TYPE I", "200 ok").await;
        if let Some(mode) = mode {
            self.answer(&format!("MODE {mode}"), "200 ok").await;
        }
    }
    /// Answers EPSV and takes the connection.
    pub async fn passive(&mut self) -> MemoryStream {
        let listener = self.listen().await;
        let port = listener.local_addr().unwrap().port();
        self.answer("EPSV", &format!("229 Entering Extended Passive Mode (|||{port}|)")).await;
        listener.accept().await.unwrap().0
    }
    /// Takes PORT, and gives the address.
    pub async fn port(&mut self) -> SocketAddr {
        let line = self.command().await;
        let argument = line.strip_prefix("PORT ").unwrap();
        let address = ftp_proto::address::parse_host_port(argument).unwrap();
        self.say("200 ok").await;
        address.into()
    }
    /// That the client leaves without another command.
    pub async fn gone(&mut self) {
        let mut rest = Vec::new();
        let _ = self.control.read_to_end(&mut rest).await;
        assert_eq!(rest, b"");
    }
}
