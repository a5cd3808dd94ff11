//! One session's load does not starve another (RFC 2577 is about guards; this is about fairness):
//! a server with a single thread, sessions that do their worst over real sockets, and one that
//! wants an answer from time to time.

#![allow(clippy::disallowed_methods, reason = "real sockets take real time")]

use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::Store;
use ftp_proto::path::VirtualPath;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// For one answer. A starved session waits as long as the attack lasts; this leaves room for a busy
/// machine.
const LIMIT: Duration = Duration::from_secs(2);
const QUESTIONS: usize = 40;
const ATTACKERS: usize = 4;
const BIG_BYTES: usize = 32 << 20;

/// A server on one thread; it lives as long as the test process.
fn server<S: Store>(store: S) -> SocketAddr {
    let (told, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let net = RealNet::new();
            let listener = net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            told.send(ftp_endpoint::net::Listener::local_addr(&listener).unwrap()).unwrap();
            let table = Table::new().with_user("u", "p", store, Rights::ALL);
            serve(net, listener, Arc::new(Config::new(table)), Arc::new(Nobody)).await.unwrap();
        });
    });
    hear.recv().unwrap()
}

struct Session(BufReader<TcpStream>);

impl Session {
    fn log_in(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut session = Self(BufReader::new(stream));
        session.expect("220");
        session.ask("USER u", "331");
        session.ask("PASS p", "230");
        session.ask("TYPE I", "200");
        session
    }

    fn expect(&mut self, code: &str) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.starts_with(code), "{line}");
        line
    }

    fn ask(&mut self, command: &str, code: &str) -> String {
        self.send(&format!("{command}\r\n"));
        self.expect(code)
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn passive(&mut self) -> TcpStream {
        let reply = self.ask("EPSV", "229");
        let port = ftp_proto::address::parse_extended_passive(reply.trim_end()).unwrap();
        TcpStream::connect(("127.0.0.1", port)).unwrap()
    }
}

/// Some sessions repeat `round` until the victim has had its answers.
fn attack<S: Store>(what: &str, store: S, round: impl Fn(&mut Session) + Sync) {
    let address = server(store);
    let (over, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                let mut session = Session::log_in(address);
                while !over.load(Ordering::Relaxed) {
                    round(&mut session);
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // It is set also when an answer is late and this panics.
        let _over = SetWhenDropped(&over);
        let mut victim = Session::log_in(address);
        let mut longest = Duration::ZERO;
        for _ in 0..QUESTIONS {
            let asked = Instant::now();
            victim.ask("NOOP", "200");
            longest = longest.max(asked.elapsed());
            assert!(longest < LIMIT, "{what}: {longest:?} for an answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        println!("{what}: at most {longest:?} for an answer, {} rounds", rounds.load(Ordering::Relaxed));
    });
    assert!(rounds.load(Ordering::Relaxed) > 0, "{what}: nothing was attacked");
}

struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn big() -> ftp_endpoint::store::memory::MemoryStore {
    let store = ftp_endpoint::store::memory::MemoryStore::new();
    store.insert(&VirtualPath::root().join("big").unwrap(), vec![b'\n'; BIG_BYTES]);
    store.insert(&VirtualPath::root().join("text").unwrap(), vec![b'\n'; 8 << 20]);
    store
}

#[test]
fn by_a_flood_of_commands() {
    const COMMANDS: usize = 5_000;
    let flood = "NOOP\r\n".repeat(COMMANDS);
    attack("commands", big(), |session| {
        session.send(&flood);
        for _ in 0..COMMANDS {
            session.expect("200");
        }
    });
}

/// Replies that nobody reads stop their session, not the server.
#[test]
fn by_replies_that_are_not_read() {
    let address = server(big());
    let mut deaf = Session::log_in(address);
    deaf.0.get_ref().set_nonblocking(true).unwrap();
    let flood = "FEAT\r\n".repeat(10_000);
    // This goes on until the server takes no more: it has stopped reading, for its replies are stuck.
    let mut stuck = 0;
    let begun = Instant::now();
    while stuck < 20 {
        match deaf.0.get_mut().write(flood.as_bytes()) {
            Ok(_) => stuck = 0,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                stuck += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the server reads on without end");
    }
    let mut victim = Session::log_in(address);
    for _ in 0..QUESTIONS {
        let asked = Instant::now();
        victim.ask("NOOP", "200");
        assert!(asked.elapsed() < LIMIT);
    }
}

#[test]
fn by_downloads() {
    for mode in ["S", "B", "C"] {
        attack(&format!("downloads in mode {mode}"), big(), |session| {
            session.ask(&format!("MODE {mode}"), "200");
            let mut data = session.passive();
            session.ask("RETR big", "150");
            // Block and compressed mode's connection stays open: the reply tells of the end.
            let reader = std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while let Ok(1..) = data.read(&mut buffer) {}
            });
            session.expect("2");
            session.ask("ABOR", "226");
            reader.join().unwrap();
        });
    }
}

/// 64 KiB of compressed mode stand for four megabytes.
#[test]
fn by_compressed_uploads() {
    let upload: Vec<u8> = [[0xBF, b'x'].repeat(32 * 1024), vec![0x00, 0x40, 0xC0]].concat();
    attack("uploads of runs", big(), |session| {
        session.ask("MODE C", "200");
        let mut data = session.passive();
        session.ask("STOR up", "150");
        data.write_all(&upload).unwrap();
        session.expect("250");
    });
}

#[test]
fn by_hashes_and_sizes() {
    attack("hashes", big(), |session| drop(session.ask("HASH big", "213")));
    attack("sizes in TYPE A", big(), |session| {
        session.ask("TYPE A", "200");
        session.ask("SIZE text", "213");
    });
}

/// On disk: long listings, and uploads that go on from what is there.
#[test]
fn by_listings_and_appends() {
    let root = tempfile::tempdir().unwrap();
    for index in 0..8_000 {
        std::fs::write(root.path().join(format!("file-{index}")), "").unwrap();
    }
    std::fs::write(root.path().join("big"), vec![0; BIG_BYTES]).unwrap();
    let store = ftp_endpoint::store::disk::DiskStore::open(root.path()).unwrap();
    attack("listings", store.clone(), |session| {
        let mut data = session.passive();
        session.ask("LIST", "150");
        data.read_to_end(&mut Vec::new()).unwrap();
        session.expect("226");
    });
    attack("uploads from an offset", store, |session| {
        session.ask(&format!("REST {}", BIG_BYTES - 1), "350");
        let mut data = session.passive();
        session.ask("STOR big", "150");
        // All but the last byte is copied.
        data.write_all(b"x").unwrap();
        drop(data);
        session.expect("226");
    });
}
