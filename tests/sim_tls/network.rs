//! Client and server over the simulated network.

use crate::common::{bounded, has, said};
use ftpsim::sim::tls::{KeyLines, Seeded, Versions, client_config, server_config};
use rustls::NoKeyLog;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use turmoil_tcp::{Capture, CapturedPacket, NetworkConfig, PathConfig, SERVER_IP, pcap, run};

const PORT: u16 = 4433;
const QUESTION: &[u8] = b"what the client asks";
const ANSWER: &[u8] = b"what the server answers";

/// A full handshake and then one that resumes, past a loss of packets; packets and key log of the run.
fn question_twice(seed: u64, versions: Versions) -> (Vec<CapturedPacket>, String) {
    let _run = Seeded::begin(seed);
    let path = PathConfig {
        rtt_us: 20_000,
        bandwidth_bits_per_s: 10_000_000,
        queue_bytes: 100_000,
        loss_ppm: 50_000,
        impairments: Default::default(),
    };
    let (capture, lines) = (Arc::new(Capture::default()), Arc::new(KeyLines::default()));
    let connector = TlsConnector::from(Arc::new(client_config(versions, Arc::new(NoKeyLog)).unwrap()));
    let acceptor = TlsAcceptor::from(Arc::new(server_config(versions, 1, lines.clone()).unwrap()));
    run(
        &NetworkConfig::new(path, seed, 60_000_000),
        capture.clone(),
        move |net, _| async move {
            let name = ServerName::from(IpAddr::from(SERVER_IP));
            for connection in 0..2 {
                let stream = net.connect(None, (SERVER_IP, PORT).into()).await.unwrap();
                let mut stream = connector.connect(name.clone(), stream).await.unwrap();
                let resumed = stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
                assert_eq!(resumed, connection == 1);
                stream.write_all(QUESTION).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                assert_eq!(answer, ANSWER);
            }
        },
        move |net, _| async move {
            let listener = net.listen((SERVER_IP, PORT).into()).await.unwrap();
            for _ in 0..2 {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = acceptor.accept(stream).await.unwrap();
                let mut question = Vec::new();
                stream.read_to_end(&mut question).await.unwrap();
                assert_eq!(question, QUESTION);
                stream.write_all(ANSWER).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        },
    )
    .unwrap();
    (capture.packets(), lines.text())
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    for versions in [Versions::Tls12, Versions::Tls13] {
        let run = question_twice(1, versions);
        assert_eq!(run, question_twice(1, versions));
        assert_ne!(run.1, question_twice(2, versions).1);
        let hidden =
            |text: &[u8]| run.0.iter().all(|packet| !packet.bytes.windows(text.len()).any(|w| w == text));
        assert!(hidden(QUESTION) && hidden(ANSWER));
    }
}

/// What tshark sees as decrypted payload, connection by connection and record by record.
fn decrypted(home: &Path, file: &str, options: &[&str]) -> Vec<Vec<u8>> {
    let port = format!("tcp.port=={PORT},tls");
    let mut command = bounded("tshark", home);
    // Data that no dissector claims is shown as such.
    command.args(["-n", "-r", file, "-d", &port, "-Y", "tls.app_data", "-T", "fields", "-e", "data.data"]);
    let output = command.args(options).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let payloads = text.split_whitespace().flat_map(|line| line.split(','));
    payloads.map(|hex| hex.as_bytes().chunks(2).map(byte).collect()).collect()
}

#[test]
fn tshark_reads_a_capture_with_its_secrets_and_none_without() {
    if !has("tshark") {
        return;
    }
    for versions in [Versions::Tls12, Versions::Tls13] {
        let home = TempDir::new().unwrap();
        let (packets, lines) = question_twice(3, versions);
        let write = |name: &str, key_log: Option<&str>| {
            let file = std::fs::File::create(home.path().join(name)).unwrap();
            pcap::write(&packets, "TLS", key_log, file).unwrap();
        };
        write("secrets.pcapng", Some(&lines));
        write("plain.pcapng", None);
        std::fs::write(home.path().join("keys.txt"), &lines).unwrap();
        let expected = [QUESTION, ANSWER, QUESTION, ANSWER];
        assert_eq!(decrypted(home.path(), "secrets.pcapng", &[]), expected, "{versions:?}");
        let key_file = ["-o", "tls.keylog_file:keys.txt"];
        assert_eq!(decrypted(home.path(), "plain.pcapng", &key_file), expected, "{versions:?}");
        assert_eq!(decrypted(home.path(), "plain.pcapng", &[]), Vec::<Vec<u8>>::new());
    }
}
