//! Passive ports out of a range, and what is said of addresses over IPv6.

use ftp_endpoint::net::Net;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::memory::MemoryStore;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use testkit::memory_net::MemoryNet;
use testkit::server::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// RFC 2577 section 8: who has seen ports of one session, or earlier ones of this, is not told the next. The seeds
/// are those that could cancel a part of what is drawn from.
#[tokio::test(start_paused = true)]
async fn passive_ports_lie_in_their_range_and_repeat_neither_among_sessions_nor_tries() {
    let odd: u64 = 0x9E37_79B9_7F4A_7C15;
    for seed in [0, u64::MAX, odd, !odd] {
        let world = world_with(|config| {
            (config.passive_ports, config.passive_seed) = (Some(10_000..=60_000), seed);
        })
        .await;
        let mut seen = BTreeSet::new();
        let mut clients = Vec::new();
        for _ in 0..3 {
            let mut client = world.client().await;
            for _ in 0..4 {
                let port = client.epsv().await;
                assert!((10_000..=60_000).contains(&port), "{port}");
                assert!(seen.insert(port), "{port} again of the seed {seed:#x}");
            }
            clients.push(client);
        }
    }
}

/// RFC 2428 section 2: the answer names the protocol that there is.
#[tokio::test(start_paused = true)]
async fn over_ipv6_what_is_of_ipv4_is_refused() {
    let server: SocketAddr = "[fd00::1]:21".parse().unwrap();
    let net = MemoryNet::new(server.ip());
    let listener = net.listen(server).await.unwrap();
    let config = Config::new(Table::new().with_user("u", "p", MemoryStore::new(), Rights::ALL));
    tokio::spawn(serve(net.clone(), listener, Arc::new(config), Arc::new(Nobody)));
    let mut control = BufReader::new(net.connect(None, server).await.unwrap());
    for (command, start) in [
        ("", "220 "),
        ("USER u", "331 "),
        ("PASS p", "230 "),
        ("EPSV 1", "522 Network protocol not supported, use (2)."),
        ("EPRT |1|10.0.0.2|5000|", "522 Network protocol not supported, use (2)."),
        ("PASV", "502 "),
        ("EPRT |2|fd00::1|5000|", "200 "),
        ("EPSV 2", "229 "),
        ("EPSV", "229 "),
    ] {
        if !command.is_empty() {
            control.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        }
        let mut reply = String::new();
        soon(control.read_line(&mut reply)).await.unwrap();
        assert!(reply.starts_with(start), "{command}: {reply}");
    }
}
