//! Attacks, written out: RFC 2577 and what else is tried on servers.

use crate::harness::*;
use ftpsim::net::Net;
use ftpsim::server::{Limits, Timeouts};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// RFC 2577 section 2: have the server send a prepared file to a third party's port.
#[tokio::test(start_paused = true)]
async fn bounce() {
    let world = world().await;
    let mut client = world.client().await;
    client
        .script(&[
            ("PORT 10,0,0,99,80,80", &[504]),
            ("EPRT |1|10.0.0.99|25000|", &[504]),
            ("PORT 127,0,0,1,80,80", &[504]),
            ("PORT 10,0,0,2,0,25", &[504]),
            ("EPRT |1|10.0.0.2|1023|", &[504]),
            ("PORT 10,0,0,2,0,0", &[504]),
            ("PORT 10,0,0,2,4,0", &[200]),
        ])
        .await;
}

/// RFC 2577 section 8: another host connects to the passive port first.
#[tokio::test(start_paused = true)]
async fn stolen_passive_connection() {
    let world = world().await;
    world.put("/secret", b"secret");
    let mut client = world.client().await;
    let port = client.epsv().await;
    let to = SocketAddr::new(SERVER.ip(), port);
    let thief = world.net.host([10, 0, 0, 66]).connect(None, to).await.unwrap();
    let owner = client.net.connect(None, to).await.unwrap();
    client.ask("RETR secret", 150).await;
    assert!(read_all(thief).await.is_err());
    assert_eq!(read_all(owner).await.unwrap(), b"secret");
    client.expect(226).await;
}

#[tokio::test(start_paused = true)]
async fn forged_upload() {
    let world = world().await;
    let mut client = world.client().await;
    let port = client.epsv().await;
    let to = SocketAddr::new(SERVER.ip(), port);
    let mut forger = world.net.host([10, 0, 0, 66]).connect(None, to).await.unwrap();
    forger.write_all(b"forged").await.unwrap();
    client.ask("STOR f", 150).await;
    settle().await;
    drop(forger);
    client.expect(425).await;
    assert_eq!(world.get("/f"), None);
}

#[tokio::test(start_paused = true)]
async fn paths_end_at_the_root() {
    let world = world().await;
    world.put("/f", b"x");
    let mut client = world.client().await;
    client
        .script(&[
            ("CWD ../../../..", &[250]),
            ("SIZE ../../f", &[213]),
            ("SIZE /../f", &[213]),
            ("CWD /etc", &[550]),
            ("RETR /etc/passwd", &[550]),
            ("SIZE ....//f", &[550]),
        ])
        .await;
    client.send(b"SIZE f\0.txt\r\n").await;
    client.expect(553).await;
    client.ask(&format!("SIZE {}", "a/".repeat(2040)), 550).await;
    client.ask(&format!("MKD /{}", "d".repeat(4096)), 553).await;
}

#[tokio::test(start_paused = true)]
async fn long_lines() {
    let world = world().await;
    let mut client = world.client().await;
    let long = vec![b'A'; 1_000_000];
    let sender = async {
        client.send(&long).await;
        client.send(b"\r\nNOOP\r\n").await;
    };
    soon(sender).await;
    client.expect(500).await;
    client.ask("NOOP", 200).await;
}

/// RFC 2577 section 5.
#[tokio::test(start_paused = true)]
async fn guessed_passwords_take_time_and_end_the_session() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let begun = tokio::time::Instant::now();
    for code in [530, 530, 421] {
        client.ask("USER u", 331).await;
        client.ask("PASS guess", code).await;
    }
    assert_eq!(begun.elapsed(), 3 * Timeouts::default().login_failure);
    assert!(client.is_closed().await);
}

/// RFC 2577 section 7.
#[tokio::test(start_paused = true)]
async fn user_names_are_not_told() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let known = client.ask("USER u", 331).await;
    let unknown = client.ask("USER nobody", 331).await;
    assert_eq!(known, unknown);
}

#[tokio::test(start_paused = true)]
async fn anonymous_reads_only() {
    let world = world().await;
    world.put("/f", b"x");
    world.put("/d/f", b"x");
    let mut client = world.connect().await;
    client.expect(220).await;
    client
        .script(&[
            ("USER ftp", &[331]),
            ("PASS", &[230]),
            ("SIZE f", &[213]),
            ("DELE f", &[550]),
            ("RMD d", &[550]),
            ("MKD e", &[550]),
            ("RNFR f", &[550]),
            ("STOR g", &[553]),
            ("APPE f", &[553]),
        ])
        .await;
    assert_eq!(world.get("/f").unwrap(), b"x");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_limited() {
    let world = world_with(|config| {
        config.limits = Limits { sessions: 3, sessions_per_address: 2, ..Limits::default() };
    })
    .await;
    let mut first = world.connect().await;
    let mut second = world.connect().await;
    first.expect(220).await;
    second.expect(220).await;
    let mut third = world.connect().await;
    third.expect(421).await;
    assert!(third.is_closed().await);
    first.ask("QUIT", 221).await;
    assert!(first.is_closed().await);
    settle().await;
    world.connect().await.expect(220).await;
}

/// A byte of a command from time to time does not hold a session open.
#[tokio::test(start_paused = true)]
async fn slow_loris() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let begun = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if client.stream.write_all(b"x").await.is_err() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(begun.elapsed() <= Timeouts::default().login + Duration::from_secs(10));
}
