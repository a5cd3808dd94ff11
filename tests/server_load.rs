//! Many sessions over real sockets: what one costs, and that nothing is left behind.
//!
//! The larger runs: `cargo test --test server_load -- --ignored --nocapture --test-threads 1`.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::memory::MemoryStore;
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Bytes on the heap, of this whole process: server and clients.
struct Counted;
static HEAP_BYTES: AtomicIsize = AtomicIsize::new(0);

#[expect(unsafe_code, reason = "an allocator that counts can only be written so")]
// SAFETY: every call goes to the system's allocator as it is; counting touches no memory of it.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP_BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HEAP_BYTES.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// The tests count what the whole process holds, runtimes that wait for their turn included: there is
/// one at a time.
fn alone(test: impl Future<Output = ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

async fn server() -> SocketAddr {
    let table = Table::new().with_user("u", "p", MemoryStore::new(), Rights::ALL);
    let mut config = Config::new(table);
    config.limits.sessions = 100_000;
    config.limits.sessions_per_address = 100_000;
    config.limits.logins_per_address = 100_000;
    let net = RealNet::new();
    let listener = net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(net, listener, Arc::new(config), Arc::new(Nobody)));
    address
}

async fn expect(stream: &mut (impl AsyncRead + Unpin), code: &str) {
    let mut buffer = [0; 512];
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].starts_with(code.as_bytes()), "{}", String::from_utf8_lossy(&buffer[..read]));
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), line: &str, code: &str) {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    expect(stream, code).await;
}

async fn log_in(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    expect(&mut stream, "220").await;
    ask(&mut stream, "USER u", "331").await;
    ask(&mut stream, "PASS p", "230").await;
    stream
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Until the server has noticed that its clients are gone; a bounded number of looks.
async fn until_descriptors_are(wanted: usize) {
    for _ in 0..200 {
        if descriptors() <= wanted {
            return;
        }
        RealNet::new().sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{} descriptors, {wanted} before", descriptors());
}

async fn idle_sessions(sessions: usize) {
    let address = server().await;
    drop(log_in(address).await);
    let (before, descriptors_before) = (HEAP_BYTES.load(Ordering::Relaxed), descriptors());
    let mut clients = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        clients.push(log_in(address).await);
    }
    let each = (HEAP_BYTES.load(Ordering::Relaxed) - before) / sessions as isize;
    println!("{sessions} idle sessions, {each} bytes of heap each, the client's socket included");
    assert!(each < 16 * 1024, "{each} bytes");
    drop(clients);
    until_descriptors_are(descriptors_before).await;
}

/// Connections cut in different states.
async fn cut_connections(cycles: usize) {
    let address = server().await;
    drop(log_in(address).await);
    RealNet::new().sleep(std::time::Duration::from_millis(50)).await;
    let (before, heap_before) = (descriptors(), HEAP_BYTES.load(Ordering::Relaxed));
    for cycle in 0..cycles {
        if cycle % 4 == 0 {
            TcpStream::connect(address).await.unwrap().set_zero_linger().unwrap();
            continue;
        }
        let mut stream = log_in(address).await;
        match cycle % 4 {
            1 => ask(&mut stream, "EPSV", "229").await,
            2 => {
                ask(&mut stream, "EPSV", "229").await;
                ask(&mut stream, "STOR f", "150").await;
            }
            _ => stream.write_all(b"RETR x\r\nNOO").await.unwrap(),
        }
        stream.set_zero_linger().unwrap();
    }
    until_descriptors_are(before).await;
    let grown = HEAP_BYTES.load(Ordering::Relaxed) - heap_before;
    println!("{cycles} cut connections, heap grown by {grown} bytes");
    assert!(grown < 256 * 1024, "{grown} bytes");
}

#[test]
fn idle_sessions_are_small() {
    alone(idle_sessions(200));
}

#[test]
fn cut_connections_leave_nothing() {
    alone(cut_connections(1_000));
}

/// Of another process, in bytes.
fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
#[ignore = "needs 10,100 descriptors (`ulimit -Hn`) and some seconds; .ci/run runs it"]
fn ten_thousand_idle_sessions() {
    alone(idle_sessions_of_a_process());
}

const SESSIONS: usize = 10_000;

/// `ftpsim serve` as it is, with room for [`SESSIONS`]; its clients are in this process.
fn server_of_many(options: &[&str]) -> common::Server {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    assert!(limit.maximum.is_none_or(|most| most > SESSIONS as u64 + 100), "too few descriptors: {limit:?}");
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    let all = ["--max-sessions", "--max-sessions-per-address", "--max-logins-per-address"];
    let most = all.into_iter().flat_map(|option| [option, "20000"]);
    common::Server::start_as(
        &["--user", "u:p"].into_iter().chain(most).chain(options.iter().copied()).collect::<Vec<_>>(),
    )
}

/// Opens [`SESSIONS`] one after the other; each may take so much of the server's memory, as the system counts it.
async fn hold<C: AsyncRead + AsyncWrite + Unpin>(
    server: &common::Server,
    what: &str,
    most_bytes: u64,
    open: impl AsyncFn() -> C,
) {
    for _ in 0..100 {
        drop(open().await);
    }
    let before = resident_bytes(server.process());
    let mut clients = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        clients.push(open().await);
    }
    let each = (resident_bytes(server.process()) - before) / SESSIONS as u64;
    println!("{SESSIONS} idle sessions {what}, {each} bytes of the server's memory each");
    assert!(each < most_bytes, "{each} bytes");
    // They are served still, all of them.
    for client in &mut clients {
        ask(client, "NOOP", "200").await;
    }
}

async fn idle_sessions_of_a_process() {
    let server = server_of_many(&[]);
    hold(&server, "in clear", 16 * 1024, async || log_in(server.address).await).await;
}

#[test]
#[ignore = "needs 10,100 descriptors (`ulimit -Hn`) and a minute; .ci/run runs it"]
fn ten_thousand_idle_sessions_under_tls() {
    alone(idle_sessions_under_tls());
}

async fn idle_sessions_under_tls() {
    let here = tempfile::tempdir().unwrap();
    let made = common::certificate::Made::new();
    made.write(here.path());
    let path = |name: &str| here.path().join(name).to_str().unwrap().to_owned();
    let (chain, key) = (path("chain.pem"), path("key.pem"));
    for (version, name) in [(&rustls::version::TLS12, "TLS 1.2"), (&rustls::version::TLS13, "TLS 1.3")] {
        let options = ["--tls", "required", "--tls-certificate", &chain, "--tls-key", &key];
        let server = server_of_many(&options);
        let connector = TlsConnector::from(Arc::new(client_config(&made, version)));
        let open = async || log_in_under_tls(server.address, &connector).await;
        hold(&server, &format!("under {name}"), 40 * 1024, open).await;
    }
}

fn client_config(
    made: &common::certificate::Made,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(made.certificate.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    // Sessions of one client would be no measure for those of many.
    config.resumption = Resumption::disabled();
    config
}

/// Control connection and data connections to come.
async fn log_in_under_tls(address: SocketAddr, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    expect(&mut stream, "220").await;
    ask(&mut stream, "AUTH TLS", "234").await;
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    for (line, code) in [("USER u", "331"), ("PASS p", "230"), ("PBSZ 0", "200"), ("PROT P", "200")] {
        ask(&mut stream, line, code).await;
    }
    stream
}

#[test]
#[ignore = "takes half a minute; .ci/run runs it"]
fn a_hundred_thousand_cut_connections() {
    alone(cut_connections(100_000));
}
