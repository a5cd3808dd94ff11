//! Connections that do not come about.

use super::harness::*;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use turmoil_tcp::network::{Order, SERVER_IP};

#[test]
fn a_refused_connection() {
    let shared = Shared::default();
    let report = go(
        0,
        1,
        &shared,
        |net, router| async move {
            router.refuse(server_addr(), 1);
            let error = net.connect(None, server_addr()).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            assert!(net.now() <= Duration::from_micros(RTT_US), "the middlebox is half way");
            net.connect(None, server_addr()).await.unwrap();
        },
        |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            listener.accept().await.unwrap();
        },
    );
    assert!(report.quiet);
}

#[test]
fn nobody_answers_and_the_connection_gives_up() {
    let shared = Shared::default();
    let report = go(
        0,
        1,
        &shared,
        |net, _| async move {
            let nowhere: SocketAddr = "10.0.0.77:21".parse().unwrap();
            let error = net.connect(None, nowhere).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(net.now(), Duration::from_secs(127));
        },
        |_, _| async {},
    );
    // After 1, 3, 7, 15, 31, 63 and 123 seconds: the stack waits no longer than a minute.
    assert!(report.quiet && report.client.retransmits == 7, "{report:?}");
}

#[test]
fn connections_are_refused_but_for_those_to_one_port() {
    let shared = Shared::default();
    go(
        0,
        1,
        &shared,
        |net, router| async move {
            router.order(0, Order::RefuseConnections { except_port: server_addr().port(), times: 2 });
            net.connect(None, server_addr()).await.unwrap();
            let other: SocketAddr = (SERVER_IP, 2001).into();
            for _ in 0..2 {
                let error = net.connect(None, other).await.err().unwrap();
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            }
            net.connect(None, other).await.unwrap();
        },
        |net, _| async move {
            let (spared, other) = (
                net.listen(server_addr()).await.unwrap(),
                net.listen((SERVER_IP, 2001).into()).await.unwrap(),
            );
            spared.accept().await.unwrap();
            other.accept().await.unwrap();
        },
    );
    assert_eq!(shared.lock().unwrap().orders, 1, "told once");
}
