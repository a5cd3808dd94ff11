//! In which order a dead process's connections end.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::segment::TcpHeader;
use turmoil_tcp::{Capture, CloseOrder, Direction, NetworkConfig, PathConfig, SERVER_IP, run};

const PORTS: [u16; 3] = [21, 1021, 2021];

/// A client opens a connection to each port in turn, writes a byte on each and is killed: the ports in the
/// order in which the FINs reach the router.
fn fins(close_order: CloseOrder) -> Vec<u16> {
    let path = PathConfig {
        rtt_us: 20_000,
        bandwidth_bits_per_s: 100_000_000,
        queue_bytes: 500_000,
        loss_ppm: 0,
        impairments: Default::default(),
    };
    let mut config = NetworkConfig::new(path, 3, 30_000_000);
    config.tcp.close_order = close_order;
    let capture = Arc::new(Capture::default());
    run(
        &config,
        capture.clone(),
        |net, _| async move {
            let process = net.process();
            let mut streams = Vec::new();
            for port in PORTS {
                let mut stream = process.connect(None, (SERVER_IP, port).into()).await.unwrap();
                stream.write_all(b"x").await.unwrap();
                streams.push(stream);
            }
            net.sleep(Duration::from_millis(100)).await;
            process.kill();
            net.sleep(Duration::from_secs(1)).await;
        },
        |net, _| async move {
            let mut tasks = tokio::task::JoinSet::new();
            for port in PORTS {
                let listener = net.listen((SERVER_IP, port).into()).await.unwrap();
                tasks.spawn(async move {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let mut bytes = Vec::new();
                    stream.read_to_end(&mut bytes).await.unwrap();
                    assert_eq!(bytes, b"x");
                });
            }
            while tasks.join_next().await.is_some() {}
        },
    )
    .unwrap();
    let up = capture.packets().into_iter().filter(|packet| packet.direction == Direction::Up);
    let headers = up.filter_map(|packet| TcpHeader::read(&packet.bytes));
    headers.filter(|header| header.fin).map(|header| header.dst.port()).collect()
}

#[test]
fn the_connection_opened_last_is_closed_first_as_linux_does() {
    let newest_first: Vec<u16> = PORTS.into_iter().rev().collect();
    assert_eq!(fins(CloseOrder::default()), newest_first);
    assert_eq!(fins(CloseOrder::OldestFirst), PORTS);
}
