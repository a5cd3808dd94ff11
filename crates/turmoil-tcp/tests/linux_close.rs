//! What Linux's packetdrill scripts hold of opening, closing, resets and closed windows, in our own words, on the
//! wire of a whole run. The README's table says which script is where.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::segment::TcpHeader;
use turmoil_tcp::{
    Capture, Direction, NetworkConfig, PathConfig, RunReport, SERVER_IP, SimNet, SimStream, run,
};

const RTT_US: u64 = 20_000;

fn server_addr() -> SocketAddr {
    (SERVER_IP, 80).into()
}

/// One connection between `client` and `server`: every packet of it (the way, its flags, its payload), and the report.
fn wire<C, S>(
    client: impl FnOnce(SimNet, SimStream) -> C + 'static,
    server: impl FnOnce(SimNet, SimStream) -> S + 'static,
) -> (Vec<(Direction, String)>, RunReport)
where
    C: Future<Output = ()> + 'static,
    S: Future<Output = ()> + 'static,
{
    let path = PathConfig {
        rtt_us: RTT_US,
        bandwidth_bits_per_s: 100_000_000,
        queue_bytes: 250_000,
        loss_ppm: 0,
        impairments: Default::default(),
    };
    let capture = Arc::new(Capture::default());
    let report = run(
        &NetworkConfig::new(path, 1, 600_000_000),
        capture.clone(),
        |net, _| async move {
            let stream = net.connect(None, server_addr()).await.unwrap();
            client(net, stream).await;
        },
        |net, _| async move {
            let (stream, _) = net.listen(server_addr()).await.unwrap().accept().await.unwrap();
            server(net, stream).await;
        },
    )
    .unwrap();
    let packets = capture.packets();
    let read = packets.iter().filter_map(|packet| Some((packet.direction, TcpHeader::read(&packet.bytes)?)));
    (read.map(|(direction, header)| (direction, word(&header))).collect(), report)
}

fn word(header: &TcpHeader) -> String {
    let flags = [(header.syn, 'S'), (header.fin, 'F'), (header.rst, 'R')];
    let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag).collect();
    match header.payload_len() {
        0 if flags.is_empty() => ".".to_owned(),
        0 => flags,
        bytes => format!("{flags}{bytes}"),
    }
}

fn up(packets: &[(Direction, String)]) -> Vec<&str> {
    packets.iter().filter(|(way, _)| *way == Direction::Up).map(|(_, word)| word.as_str()).collect()
}

fn down(packets: &[(Direction, String)]) -> Vec<&str> {
    packets.iter().filter(|(way, _)| *way == Direction::Down).map(|(_, word)| word.as_str()).collect()
}

/// close-local-close-then-remote-fin.
#[test]
fn who_closes_first_waits_for_the_others_fin_and_acknowledges_it() {
    let (packets, report) = wire(
        |_, mut stream| async move {
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        },
        |net, mut stream| async move {
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
            net.sleep(Duration::from_millis(100)).await;
        },
    );
    assert_eq!(up(&packets), ["S", ".", "F", "."]);
    assert_eq!(down(&packets), ["S", ".", "F"]);
    assert!(report.quiet && report.client.time_waits == 1 && report.server.time_waits == 0);
}

/// close-remote-fin-then-close: the FIN is acknowledged at once, and ours follows when the application closes.
#[test]
fn who_is_closed_may_go_on_sending() {
    let (packets, report) = wire(
        |_, mut stream| async move {
            stream.shutdown().await.unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, b"more");
        },
        |net, mut stream| async move {
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
            net.sleep(Duration::from_millis(100)).await;
            stream.write_all(b"more").await.unwrap();
        },
    );
    assert_eq!(down(&packets)[..3], ["S", ".", "4"]);
    assert!(report.quiet && report.server.resets_sent == 0);
}

/// no_rst, the other way round: data for who has closed without reading it is answered with RST (RFC 2525 section 2.17), and
/// so is a close with data unread.
#[test]
fn a_close_with_data_unread_is_a_reset() {
    let (packets, _) = wire(
        |net, mut stream| async move {
            stream.write_all(&[1; 100]).await.unwrap();
            net.sleep(Duration::from_millis(200)).await;
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        },
        |net, stream| async move {
            net.sleep(Duration::from_millis(100)).await;
            drop(stream);
        },
    );
    assert_eq!(down(&packets), ["S", ".", "R"]);
}

/// And where all was read there is none.
#[test]
fn a_close_with_all_read_is_no_reset() {
    let (packets, report) = wire(
        |_, mut stream| async move {
            stream.write_all(&[1; 100]).await.unwrap();
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        },
        |_, mut stream| async move {
            stream.read_exact(&mut [0; 100]).await.unwrap();
        },
    );
    assert!(!down(&packets).contains(&"R") && report.quiet);
}

/// Simultaneous closes: both FINs cross, both ends acknowledge the other's.
#[test]
fn fins_that_cross_close_both_ends() {
    let (packets, report) = wire(
        |net, mut stream| async move {
            net.sleep(Duration::from_micros(100_000)).await;
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        },
        |net, mut stream| async move {
            // The client is connected half a round trip before this end has accepted.
            net.sleep(Duration::from_micros(100_000 - RTT_US / 2)).await;
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        },
    );
    assert_eq!(up(&packets)[2..], ["F", "."]);
    assert_eq!(down(&packets)[1..], ["F", "."]);
    assert!(report.quiet, "{report:?}");
}

/// A reader that does not read closes the window; it is probed with a byte at a time, and what was written arrives when
/// the reader goes on (RFC 9293 section 3.8.6.1).
#[test]
fn a_closed_window_is_probed_until_it_opens() {
    const BYTES: usize = 3_000_000;
    let (packets, report) = wire(
        |_, mut stream| async move {
            stream.write_all(&vec![7; BYTES]).await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        },
        |net, mut stream| async move {
            net.sleep(Duration::from_secs(20)).await;
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            assert_eq!(all.len(), BYTES);
        },
    );
    let probes = up(&packets).iter().filter(|word| **word == "1").count();
    assert!((3..=8).contains(&probes), "with backoff in 20 s: {probes}");
    assert_eq!(report.retransmits(), 0);
}
