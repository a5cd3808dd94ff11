//! The middlebox is told at a moment what to do to a connection.

use super::harness::*;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use turmoil_tcp::network::Order;

/// Two connections from the client; what becomes of the first when the middlebox is told so at
/// 500 ms, and of the second: what each end of each saw, and when.
fn told(order: impl Fn(SocketAddr, SocketAddr) -> Order + 'static) -> ([Seen; 4], Both) {
    let shared = Shared::default();
    let seen: Arc<Mutex<[Seen; 4]>> = Arc::default();
    let (c, s) = (seen.clone(), seen.clone());
    go(
        0,
        1,
        &shared,
        move |net, router| async move {
            let mut first = net.connect(None, server_addr()).await.unwrap();
            let mut second = net.connect(None, server_addr()).await.unwrap();
            net.sleep(Duration::from_millis(500) - net.now()).await;
            let there = net.now() + Duration::from_micros(RTT_US / 4);
            router.order(there.as_nanos() as u64, order(first.local_addr(), server_addr()));
            let mut ends = [Seen::default(), Seen::default()];
            read_on(&net, &mut first, &mut ends[0]).await;
            second.write_all(b"untouched").await.unwrap();
            second.shutdown().await.unwrap();
            read_on(&net, &mut second, &mut ends[1]).await;
            let [a, b] = ends;
            let mut seen = c.lock().unwrap();
            (seen[0], seen[1]) = (a, b);
        },
        move |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            let (mut first, _) = listener.accept().await.unwrap();
            let (mut second, _) = listener.accept().await.unwrap();
            let mut ends = [Seen::default(), Seen::default()];
            read_on(&net, &mut first, &mut ends[0]).await;
            read_on(&net, &mut second, &mut ends[1]).await;
            let [a, b] = ends;
            let mut seen = s.lock().unwrap();
            (seen[2], seen[3]) = (a, b);
        },
    );
    let both = shared.lock().unwrap().clone();
    let seen = seen.lock().unwrap().clone();
    (seen, both)
}

#[test]
fn a_connection_is_reset_unasked_and_its_neighbour_is_not() {
    let ([client, other, server, other_server], both) = told(|from, to| Order::Reset { from, to });
    assert_eq!(both.orders, 1);
    assert_eq!((client.read_end, server.read_end), (RESET, RESET));
    // The byte goes half way there and RST half way back; to the server it goes half way on.
    let reset_us = 500_000 + RTT_US / 2;
    for at_us in [client.at_us, server.at_us] {
        assert!((reset_us..reset_us + 1_000).contains(&at_us), "{at_us}");
    }
    assert_eq!((other.read_end, other_server.read_end), (CLEAN, CLEAN));
    assert_eq!(other_server.read, b"untouched");
}

#[test]
fn a_connection_is_forgotten_unasked_and_its_neighbour_is_not() {
    let ([client, other, server, other_server], both) =
        told(|from, to| Order::Blackhole { from, to, for_us: None });
    assert_eq!(both.orders, 1);
    assert_eq!((client.read_end, server.read_end), (None, None), "silence");
    assert_eq!((other.read_end, other_server.read_end), (CLEAN, CLEAN));
}

#[test]
fn an_order_about_a_connection_that_is_gone_has_no_effect() {
    let nowhere: SocketAddr = "10.0.0.1:9".parse().unwrap();
    let ([client, ..], both) = told(move |_, to| Order::Reset { from: nowhere, to });
    assert_eq!((both.orders, client.read_end), (0, None));
}
