//! AUTH, PBSZ, PROT and CCC at the server, in every order.

use ftp_endpoint::net::{Channel, Net};
use ftp_endpoint::server::{LogRecord, TlsUse};
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use testkit::memory_net::MemoryStream;
use testkit::server::*;
use testkit::tls::{Identity, NAME, TLS12, TLS13, Versions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) fn config(identity: &Identity, versions: Versions) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(identity.certificate.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A client that says what a test writes, under TLS.
pub(super) struct Secure {
    channel: Channel<MemoryStream>,
    config: Arc<ClientConfig>,
    net: testkit::memory_net::MemoryNet,
    unread: Vec<u8>,
}

impl Secure {
    pub(super) async fn begin(client: Client, config: Arc<ClientConfig>) -> Self {
        let (net, stream) = (client.net.clone(), client.stream);
        let channel = secured(stream, &config).await;
        Self { channel, config, net, unread: Vec::new() }
    }

    pub(super) async fn ask(&mut self, command: &str, code: u16) -> String {
        self.send(&format!("{command}\r\n")).await;
        let reply = self.reply().await;
        assert!(reply.starts_with(&code.to_string()), "{command}: expected {code}, got {reply:?}");
        reply
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.channel.write_all(text.as_bytes()).await.unwrap();
        self.channel.flush().await.unwrap();
    }

    pub(super) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8(self.unread.drain(..end + 2).collect()).unwrap();
                reply.push_str(&line);
                if line.as_bytes()[3] == b' ' && line.as_bytes()[0].is_ascii_digit() {
                    return reply;
                }
            }
            let read = soon(self.channel.read_buf(&mut self.unread)).await.unwrap_or(0);
            if read == 0 {
                return reply;
            }
        }
    }

    /// EPSV and a connection in clear to the port.
    pub(super) async fn passive(&mut self) -> MemoryStream {
        let reply = self.ask("EPSV", 229).await;
        let port = ftp_proto::address::parse_extended_passive(reply.trim_end()).unwrap();
        self.net.connect(None, (SERVER.ip(), port).into()).await.unwrap()
    }

    pub(super) async fn secured(&self, stream: MemoryStream) -> Channel<MemoryStream> {
        secured(stream, &self.config).await
    }
}

pub(super) async fn secured(stream: MemoryStream, config: &Arc<ClientConfig>) -> Channel<MemoryStream> {
    let mut channel = Channel::Clear(stream);
    soon(channel.connect_tls(config.clone(), ServerName::try_from(NAME).unwrap())).await.unwrap();
    channel
}

/// Under TLS, logged in, data protected.
pub(super) async fn protected(world: &World, config: Arc<ClientConfig>) -> Secure {
    let mut client = world.connect().await;
    client.expect(220).await;
    client.ask("AUTH TLS", 234).await;
    let mut client = Secure::begin(client, config).await;
    for (command, code) in [("USER u", 331), ("PASS p", 230), ("PBSZ 0", 200), ("PROT P", 200)] {
        client.ask(command, code).await;
    }
    client
}

#[tokio::test(start_paused = true)]
async fn without_a_certificate_there_is_no_tls() {
    let world = world().await;
    let mut client = world.client().await;
    assert!(!client.ask("FEAT", 211).await.contains("AUTH"));
    for (command, code) in [("AUTH TLS", 502), ("PBSZ 0", 503), ("PROT P", 503), ("CCC", 533)] {
        client.ask(command, code).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_order_of_rfc_4217_is_kept_to() {
    let identity = Identity::new();
    let world = world_with(|config| config.tls = Some(identity.server(TLS13))).await;
    let mut client = world.client().await;
    let features = client.ask("FEAT", 211).await;
    for feature in [" AUTH TLS\r\n", " PBSZ\r\n", " PROT\r\n"] {
        assert!(features.contains(feature), "{features}");
    }
    for (command, code) in
        [("AUTH KERBEROS_V4", 504), ("AUTH", 501), ("PBSZ 0", 503), ("PROT P", 503), ("AUTH tls", 234)]
    {
        client.ask(command, code).await;
    }
    let mut client = Secure::begin(client, config(&identity, TLS13)).await;
    // Whoever was logged in is not any more (RFC 4217 section 4.2).
    client.ask("PWD", 530).await;
    client.ask("USER u", 331).await;
    client.ask("PASS p", 230).await;
    client.ask("PROT P", 503).await;
    assert!(client.ask("PBSZ 4096", 200).await.contains("PBSZ=0"));
    for (command, code) in [
        ("PROT S", 536),
        ("PROT E", 536),
        ("PROT X", 504),
        ("PROT P", 200),
        ("PROT C", 200),
        ("AUTH TLS", 503),
        ("CCC", 533),
        ("REIN", 502),
        ("PWD", 257),
        ("QUIT", 221),
    ] {
        client.ask(command, code).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_required_is_never_done_in_clear() {
    let identity = Identity::new();
    let world = world_with(|config| {
        let mut tls = identity.server(TLS13);
        tls.demand = TlsUse::Required;
        config.tls = Some(tls);
    })
    .await;
    world.put("f", b"secret");
    let mut client = world.connect().await;
    client.expect(220).await;
    client.ask("USER u", 530).await;
    client.ask("PASS p", 503).await;
    client.ask("AUTH TLS", 234).await;
    let mut client = Secure::begin(client, config(&identity, TLS13)).await;
    client.ask("USER u", 331).await;
    client.ask("PASS p", 230).await;
    client.ask("PBSZ 0", 200).await;
    for command in ["RETR f", "LIST", "STOR g", "MLSD", "APPE g", "STOU", "NLST"] {
        let _data = client.passive().await;
        client.ask(command, 521).await;
    }
    client.ask("PROT C", 534).await;
    client.ask("PROT P", 200).await;
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    let mut got = Vec::new();
    soon(client.secured(data).await.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, b"secret");
}

/// Whoever sits on the path may add to what is sent in clear (CVE-2011-0411): it is not taken for what comes
/// under TLS.
#[tokio::test(start_paused = true)]
async fn commands_behind_auth_in_clear_are_dropped() {
    let identity = Identity::new();
    let world = world_with(|config| config.tls = Some(identity.server(TLS13))).await;
    let mut client = world.connect().await;
    client.expect(220).await;
    client.send(b"AUTH TLS\r\nUSER u\r\nPASS p\r\nDELE f\r\n").await;
    client.expect(234).await;
    let mut client = Secure::begin(client, config(&identity, TLS13)).await;
    client.ask("PWD", 530).await;
    assert_eq!(world.notes.count("> USER"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_handshake_ends_the_session_and_no_other() {
    let identity = Identity::new();
    let world = world_with(|config| config.tls = Some(identity.server(TLS13))).await;
    let mut other = world.client().await;
    for garbage in
        [&b"GET / HTTP/1.0\r\n\r\n"[..], b"\x16\x03\x01\x00\x00", &[0; 300], b"\x15\x03\x01\x00\x02\x02\x28"]
    {
        let mut client = world.connect().await;
        client.expect(220).await;
        client.ask("AUTH TLS", 234).await;
        client.send(garbage).await;
        let mut rest = Vec::new();
        let _ = soon(client.stream.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"2"), "{rest:?}");
    }
    // And nobody waits for ever for one that says nothing.
    let mut silent = world.connect().await;
    silent.expect(220).await;
    silent.ask("AUTH TLS", 234).await;
    assert!(silent.is_closed().await);
    other.ask("NOOP", 200).await;
}

#[tokio::test(start_paused = true)]
async fn implicit_tls_comes_before_the_greeting_and_protects_data() {
    let identity = Identity::new();
    let world = world_with(|config| {
        let mut tls = identity.server(TLS13);
        tls.implicit = true;
        config.tls = Some(tls);
    })
    .await;
    world.put("f", b"content");
    let client = world.connect().await;
    let mut client = Secure::begin(client, config(&identity, TLS13)).await;
    assert!(client.reply().await.starts_with("220"));
    client.ask("USER u", 331).await;
    client.ask("PASS p", 230).await;
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    let mut got = Vec::new();
    soon(client.secured(data).await.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, b"content");
}

/// STAT and the log say what a connection had of TLS.
#[tokio::test(start_paused = true)]
async fn which_tls_there_is_is_told() {
    let identity = Identity::new();
    for (versions, name) in [(TLS12, "TLS 1.2"), (TLS13, "TLS 1.3")] {
        let logged = Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = logged.clone();
        let world = world_with(|config| {
            config.tls = Some(identity.server(versions));
            config.transfer_log = Some(Arc::new(move |record| {
                if let LogRecord::Transfer(record) = record {
                    log.lock().unwrap().push(record.tls);
                }
            }));
        })
        .await;
        world.put("f", b"content");
        let mut clear = world.client().await;
        assert!(clear.ask("STAT", 211).await.contains(", clear\r\n"));
        let data = clear.passive().await;
        clear.script(&[("RETR f", &[150, 226])]).await;
        drop(data);
        let mut client = protected(&world, config(&identity, versions)).await;
        assert!(client.ask("STAT", 211).await.contains(&format!(", {name}, data protected\r\n")));
        let data = client.passive().await;
        client.ask("RETR f", 150).await;
        soon(client.secured(data).await.read_to_end(&mut Vec::new())).await.unwrap();
        assert!(client.reply().await.starts_with("226"));
        client.ask("PROT C", 200).await;
        assert!(client.ask("STAT", 211).await.contains(&format!(", {name}, data in clear\r\n")));
        assert_eq!(*logged.lock().unwrap(), [None, Some(name)]);
    }
}
