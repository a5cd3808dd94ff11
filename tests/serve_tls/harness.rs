//! Certificates in files, a client that says what a test writes under TLS, and ours.

pub(crate) use crate::common::certificate::{Made, write_secret};
use crate::common::described::Described;
use crate::common::*;
use ftp_endpoint::client::{Client, ClientError, ClientTls, Login, Options, TlsWhen, Trust, fingerprint};
use ftp_endpoint::net::real::RealNet;
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

pub(crate) type Versions = &'static [&'static SupportedProtocolVersion];
pub(crate) const TLS12: Versions = &[&rustls::version::TLS12];
pub(crate) const TLS13: Versions = &[&rustls::version::TLS13];

/// The configuration of one user, [`USER`], with this certificate in its files.
pub(crate) fn with_files(here: &Path, more: &str) -> String {
    let (chain, key) = (here.join("etc/chain.pem"), here.join("etc/key.pem"));
    users(here, &format!("tls-certificate = {chain:?}\ntls-key = {key:?}\n{more}"))
}

pub(crate) fn users(here: &Path, more: &str) -> String {
    crate::common::described::users(here, &[(USER, PASSWORD)], more)
}

pub(crate) fn pin(made: &Made) -> [u8; 32] {
    fingerprint(&made.certificate)
}

/// A server whose certificate is in files.
pub(crate) fn started(made: &Made, options: &[&str]) -> Described {
    Described::start(options, |here| {
        made.write(&here.join("etc"));
        with_files(here, "")
    })
}

/// Our own client: whoever has not this pin is not the server.
pub(crate) fn tls(pin: [u8; 32], versions: Versions) -> ClientTls {
    let name = ServerName::try_from("localhost").unwrap();
    ClientTls::new(Arc::new(default_provider()), versions, &Trust::Pinned(pin), name).unwrap()
}

pub(crate) async fn connect(
    to: SocketAddr,
    pin: [u8; 32],
    versions: Versions,
    when: TlsWhen,
) -> Result<Client<RealNet>, ClientError> {
    let login = Login::new(USER, PASSWORD).with_tls(tls(pin, versions));
    let options = Options { tls: when, ..Options::default() };
    Client::connect(RealNet::new(), to, &login, &options).await
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Says what a test writes, over rustls and std alone.
pub(crate) struct Secure {
    lines: BufReader<Stream>,
    config: Arc<ClientConfig>,
}

impl Secure {
    pub(crate) fn config(made: &Made, versions: Versions) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(made.certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth()
    }

    pub(crate) fn without_resumption(made: &Made) -> ClientConfig {
        let mut config = Self::config(made, TLS13);
        config.resumption = Resumption::disabled();
        config
    }

    /// AUTH TLS and a login, data protected.
    pub(crate) fn log_in(to: SocketAddr, config: ClientConfig) -> Self {
        let mut raw = Raw::connect(to);
        raw.expect("220");
        raw.ask("AUTH TLS", "234");
        let mut secure = Self::over(raw.lines.into_inner(), config).unwrap();
        secure.ask(&format!("USER {USER}"), "331");
        secure.ask(&format!("PASS {PASSWORD}"), "230");
        secure.ask("PBSZ 0", "200");
        secure.ask("PROT P", "200");
        secure
    }

    /// A handshake over a connection on which nothing else is said.
    pub(crate) fn over(stream: TcpStream, config: ClientConfig) -> std::io::Result<Self> {
        let config = Arc::new(config);
        Ok(Self { lines: BufReader::new(handshake(stream, &config)?), config })
    }

    pub(crate) fn expect(&mut self, code: &str) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(line.starts_with(code), "{line}");
        line
    }

    /// The lines of a reply.
    pub(crate) fn ask_all(&mut self, command: &str, code: &str) -> String {
        let mut all = self.ask(command, &format!("{code}-"));
        while !all.lines().last().unwrap().starts_with(&format!("{code} ")) {
            self.lines.read_line(&mut all).unwrap();
        }
        all
    }

    pub(crate) fn ask(&mut self, command: &str, code: &str) -> String {
        self.lines.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.expect(code)
    }

    /// A connection that has begun no handshake yet.
    pub(crate) fn passive(&mut self) -> TcpStream {
        let reply = self.ask("EPSV", "229");
        let port = ftp_proto::address::parse_extended_passive(reply.trim_end()).unwrap();
        let mut to = self.lines.get_ref().sock.peer_addr().unwrap();
        to.set_port(port);
        TcpStream::connect(to).unwrap()
    }

    /// An upload that is ended by FIN, behind close_notify or not; then `code`.
    pub(crate) fn store(&mut self, name: &str, bytes: &[u8], notifies: bool, code: &str) {
        let stream = self.passive();
        self.ask(&format!("STOR {name}"), "150");
        let mut data = handshake(stream, &self.config).unwrap();
        data.write_all(bytes).unwrap();
        if notifies {
            data.conn.send_close_notify();
        }
        data.flush().unwrap();
        drop(data);
        self.expect(code);
    }

    /// The handshake of a data connection behind a command.
    pub(crate) fn secure(&self, stream: TcpStream) -> std::io::Result<Stream> {
        handshake(stream, &self.config)
    }
}

fn handshake(mut stream: TcpStream, config: &Arc<ClientConfig>) -> std::io::Result<Stream> {
    stream.set_read_timeout(Some(LIMIT))?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut conn = ClientConnection::new(config.clone(), name).unwrap();
    while conn.is_handshaking() {
        conn.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(conn, stream))
}
