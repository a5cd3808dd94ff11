//! Replies and files that leave together: nothing is left behind, and nothing comes out of order.
#![allow(clippy::disallowed_methods, reason = "real sockets take real time")]

use super::{World, read, write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

struct Raw(BufReader<TcpStream>);

impl Raw {
    async fn log_in(to: SocketAddr) -> Self {
        let mut raw = Self(BufReader::new(TcpStream::connect(to).await.unwrap()));
        raw.expect("220").await;
        for (command, code) in
            [("USER me", "331"), ("PASS secret", "230"), ("TYPE I", "200"), ("MODE B", "200")]
        {
            raw.say(&format!("{command}\r\n")).await;
            raw.expect(code).await;
        }
        raw
    }

    async fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    async fn expect(&mut self, code: &str) -> String {
        let mut line = String::new();
        let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_line(&mut line)).await;
        read.expect("no reply").unwrap();
        assert!(line.starts_with(code), "{code}: {line}");
        line
    }

    async fn passive(&mut self, to: SocketAddr) -> TcpStream {
        TcpStream::connect(self.passive_port(to).await).await.unwrap()
    }

    async fn passive_port(&mut self, to: SocketAddr) -> SocketAddr {
        self.say("EPSV\r\n").await;
        let reply = self.expect("229").await;
        (to.ip(), reply.split('|').nth(3).unwrap().parse().unwrap()).into()
    }
}

const BLOCK: &[u8] = b"\x40\x00\x05small";

async fn take(data: &mut TcpStream, blocks: usize) {
    let mut found = vec![0; blocks * BLOCK.len()];
    let read = tokio::time::timeout(Duration::from_secs(10), data.read_exact(&mut found)).await;
    read.expect("held back").unwrap();
    assert_eq!(found, BLOCK.repeat(blocks));
}

/// Small files of commands sent ahead are held back to leave together: never beyond the last
/// command that is there, whatever that is.
#[tokio::test]
async fn what_is_held_back_leaves_before_anything_is_waited_for() {
    for last in ["NOOP\r\n", "NOOP", "STOR g\r\n", "RETR missing\r\n", "QUIT\r\n"] {
        let world = World::new().await;
        write(&world.there, "f", b"small").await;
        let mut raw = Raw::log_in(world.address).await;
        let mut data = raw.passive(world.address).await;
        raw.say(&format!("{}{last}", "RETR f\r\n".repeat(3))).await;
        take(&mut data, 3).await;
        for first in ["150", "125", "125"] {
            raw.expect(first).await;
            raw.expect("250").await;
        }
        match last {
            "NOOP" => {
                raw.say("\r\n").await;
                raw.expect("200").await;
            }
            "NOOP\r\n" => drop(raw.expect("200").await),
            "STOR g\r\n" => {
                raw.expect("125").await;
                data.write_all(BLOCK).await.unwrap();
                raw.expect("250").await;
                assert_eq!(read(&world.there, "g").await, b"small");
            }
            "RETR missing\r\n" => drop(raw.expect("550").await),
            _ => drop(raw.expect("221").await),
        }
    }
}

/// RFC 854's Synch: a read ends at the mark of what is urgent, though the rest of the line is there.
#[tokio::test]
async fn a_line_of_which_a_part_is_urgent_is_read_to_its_end() {
    let world = World::new().await;
    let mut raw = Raw::log_in(world.address).await;
    for rest in ["R\r\n".to_owned(), format!("WD {}\r\n", "x".repeat(300))] {
        let first = if rest.len() > 10 { &b"C"[..] } else { b"ABO" };
        socket2::SockRef::from(raw.0.get_ref()).send_out_of_band(first).unwrap();
        raw.say(&rest).await;
        raw.expect(if rest.len() > 10 { "550" } else { "226" }).await;
    }
}

/// Of a real socket that the server keeps, no drop sends FIN: who waits for the end of what was refused would wait
/// for as long as the session lasts.
#[tokio::test]
async fn the_connection_of_a_refused_transfer_ends_though_nothing_else_is_asked() {
    let world = World::new().await;
    for (command, code) in [("RETR missing", "550"), ("STOR missing/f", "553"), ("LIST missing", "550")] {
        for early in [true, false] {
            let mut raw = Raw::log_in(world.address).await;
            raw.say("MODE S\r\n").await;
            raw.expect("200").await;
            let to = raw.passive_port(world.address).await;
            let before = if early { Some(TcpStream::connect(to).await.unwrap()) } else { None };
            raw.say(&format!("{command}\r\n")).await;
            raw.expect(code).await;
            let mut data = match before {
                Some(data) => data,
                None => TcpStream::connect(to).await.unwrap(),
            };
            let mut found = Vec::new();
            let read = tokio::time::timeout(Duration::from_secs(10), data.read_to_end(&mut found)).await;
            read.unwrap_or_else(|_| panic!("{command} {early}: no end")).unwrap();
            assert!(found.is_empty(), "{command} {early}: {found:?}");
            raw.say("NOOP\r\n").await;
            raw.expect("200").await;
        }
    }
}
