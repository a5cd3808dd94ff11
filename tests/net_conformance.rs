//! One contract for [`Net`], kept by real sockets on the loopback and by the simulated network.
#![cfg(feature = "sim")]
#![allow(clippy::disallowed_methods)] // The real arm needs the real clock as its watchdog.

use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::net::{Listener, Net, Stream};
use ftpsim::sim::net::ProcessNet;
use std::future::Future;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use turmoil_tcp::network::{NetworkConfig, RunEnd, SERVER_IP, run};
use turmoil_tcp::path::PathConfig;

/// The server's half of each case gets the listener, the client's half its address.
macro_rules! cases {
    ($($name:ident)*) => {
        mod real {
            $(#[test] fn $name() {
                super::over_loopback("127.0.0.1:0", |net, to| super::$name::client(net, to), |net, l| super::$name::server(net, l));
            })*
        }
        mod real_ipv6 {
            $(#[test] fn $name() {
                if std::net::TcpListener::bind("[::1]:0").is_err() {
                    return println!("skipped: ::1 is missing");
                }
                super::over_loopback("[::1]:0", |net, to| super::$name::client(net, to), |net, l| super::$name::server(net, l));
            })*
        }
        mod simulated {
            $(#[test] fn $name() {
                super::over_simulation(0, 1, |net, to| super::$name::client(net, to), |net, l| super::$name::server(net, l));
            })*
        }
    };
}

/// Those that hold whatever is lost, with several seeds.
macro_rules! lossy_cases {
    ($($name:ident)*) => {
        mod simulated_lossy {
            $(#[test] fn $name() {
                for seed in 0..8 {
                    super::over_simulation(
                        50_000,
                        seed,
                        |net, to| super::$name::client(net, to),
                        |net, l| super::$name::server(net, l),
                    );
                }
            })*
        }
    };
}

lossy_cases! {
    clean_end_of_file_on_drop
    half_close
    reset_by_drop_with_unread_data
    writing_after_shutdown
    vectored_writes_keep_their_order
    many_connections
    backlog
}

cases! {
    connections_have_addresses
    clean_end_of_file_on_drop
    half_close
    refused
    reset_by_abort
    reset_by_drop_with_unread_data
    read_before_a_reset
    writing_to_the_gone
    writing_after_shutdown
    large_both_ways
    vectored_writes_keep_their_order
    backpressure
    many_connections
    backlog
    unaccepted_connections_are_reset
    a_cancelled_accept_loses_nothing
    timeouts
    ports
}

fn over_loopback<C, S>(
    on: &str,
    client: impl FnOnce(RealNet, SocketAddr) -> C,
    server: impl FnOnce(RealNet, <RealNet as Net>::Listener) -> S,
) where
    C: Future<Output = ()>,
    S: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let net = RealNet::new();
        let listener = net.listen(on.parse().unwrap()).await.unwrap();
        let to = listener.local_addr().unwrap();
        let both = async { tokio::join!(client(net, to), server(net, listener)) };
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("hangs");
    });
}

fn over_simulation<C, S>(
    loss_ppm: u32,
    seed: u64,
    client: impl FnOnce(ProcessNet, SocketAddr) -> C + 'static,
    server: impl FnOnce(ProcessNet, <ProcessNet as Net>::Listener) -> S + 'static,
) where
    C: Future<Output = ()> + 'static,
    S: Future<Output = ()> + 'static,
{
    let path = PathConfig {
        rtt_us: 20_000,
        bandwidth_bits_per_s: 100_000_000,
        queue_bytes: 250_000,
        loss_ppm,
        impairments: Default::default(),
    };
    let mut config = NetworkConfig::new(path, seed, 1_000_000_000);
    config.grace_us = 130_000_000;
    let served = Arc::new(AtomicBool::new(false));
    let (done, wait) = (served.clone(), served.clone());
    let to: SocketAddr = (SERVER_IP, 2121).into();
    let report = run(
        &config,
        Arc::new(()),
        move |net, _| async move {
            let net = ProcessNet(net);
            client(net.clone(), to).await;
            while !wait.load(Ordering::Relaxed) {
                net.sleep(Duration::from_millis(10)).await;
            }
        },
        move |net, _| async move {
            let net = ProcessNet(net);
            let listener = net.listen(to).await.unwrap();
            server(net, listener).await;
            done.store(true, Ordering::Relaxed);
        },
    )
    .unwrap();
    assert!(served.load(Ordering::Relaxed), "the server hangs");
    assert!(matches!(report.end, RunEnd::Finished { .. }), "{report:?}");
    assert!(report.quiet, "connections are left: {report:?}");
}

/// Something whose order shows.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

mod connections_have_addresses {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), to);
        let local = stream.local_addr().unwrap();
        stream.write_all(local.to_string().as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let other = net.connect(Some(local.ip()), to).await.unwrap();
        assert_eq!(other.local_addr().unwrap().ip(), local.ip());
        assert_ne!(other.local_addr().unwrap(), local);
        // Nobody's, in either family (RFC 5737, RFC 3849).
        let foreign = if to.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" };
        let error = net.connect(Some(foreign.parse().unwrap()), to).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, from) = listener.accept().await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), listener.local_addr().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), from);
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, from.to_string());
        listener.accept().await.unwrap();
    }
}

mod clean_end_of_file_on_drop {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(&pattern(10_000)).await.unwrap();
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, pattern(10_000));
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the end stays the end");
    }
}

mod half_close {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"question").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, pattern(100_000));
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = Vec::new();
        stream.read_to_end(&mut question).await.unwrap();
        assert_eq!(question, b"question");
        net.sleep(Duration::from_millis(50)).await;
        stream.write_all(&pattern(100_000)).await.unwrap();
    }
}

mod refused {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        // The listener is gone when this comes.
        stream.read_u8().await.unwrap();
        let error = net.connect(None, to).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        stream.write_all(b"established ones go on").await.unwrap();
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        stream.write_all(b"!").await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "established ones go on");
    }
}

mod reset_by_abort {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        let error = stream.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.write_all(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.abort();
    }
}

mod reset_by_drop_with_unread_data {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"0123456789").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
    }
}

mod read_before_a_reset {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        net.sleep(Duration::from_millis(200)).await;
        let mut got = [0; 5];
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"early");
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.read(&mut got).await.unwrap(), 0, "an error is reported once");
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"early").await.unwrap();
        net.sleep(Duration::from_millis(50)).await;
        stream.abort();
    }
}

mod writing_to_the_gone {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        let mut error = None;
        for _ in 0..100 {
            if let Err(e) = stream.write_all(b"anybody there?").await {
                error = Some(e.kind());
                break;
            }
            net.sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(error, Some(ErrorKind::BrokenPipe));
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        listener.accept().await.unwrap();
    }
}

mod writing_after_shutdown {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"all").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(stream.read_u8().await.unwrap(), b'!');
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "all");
        stream.write_all(b"!").await.unwrap();
    }
}

mod large_both_ways {
    use super::*;
    const LEN: usize = 5_000_000;
    async fn exchange(stream: impl Stream) {
        let (mut read, mut write) = tokio::io::split(stream);
        let send = async {
            for chunk in pattern(LEN).chunks(77_777) {
                write.write_all(chunk).await.unwrap();
            }
            write.shutdown().await.unwrap();
        };
        let receive = async {
            let mut all = Vec::new();
            read.read_to_end(&mut all).await.unwrap();
            assert!(all == pattern(LEN));
        };
        tokio::join!(send, receive);
    }
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        exchange(net.connect(None, to).await.unwrap()).await;
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        exchange(listener.accept().await.unwrap().0).await;
    }
}

mod vectored_writes_keep_their_order {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert!(stream.is_write_vectored());
        assert_eq!(stream.write(&[]).await.unwrap(), 0);
        for block in pattern(300_000).chunks(3_000) {
            let header = (block.len() as u32).to_be_bytes();
            let mut written = 0;
            while written < header.len() + block.len() {
                let head = &header[written.min(header.len())..];
                let body = &block[written.saturating_sub(header.len())..];
                let n = stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await.unwrap();
                assert!(n > 0);
                written += n;
            }
        }
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        for block in pattern(300_000).chunks(3_000) {
            let mut got = vec![0; stream.read_u32().await.unwrap() as usize];
            stream.read_exact(&mut got).await.unwrap();
            assert_eq!(got, block);
        }
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }
}

mod backpressure {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        let data = vec![9; 1 << 16];
        let mut written = 0u64;
        while let Ok(n) = net.timeout(Duration::from_millis(500), stream.write(&data)).await {
            written += n.unwrap() as u64;
            assert!(written < 64 << 20, "the writer is never held back");
        }
        // Only now does the other side read; then the writer goes on.
        let _go = net.connect(None, to).await.unwrap();
        stream.write_all(&data).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read_u64().await.unwrap(), written + data.len() as u64);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _go = listener.accept().await.unwrap();
        let mut count = 0u64;
        let mut buf = vec![0; 10_000];
        loop {
            match stream.read(&mut buf).await.unwrap() {
                0 => break,
                n => count += n as u64,
            }
        }
        stream.write_u64(count).await.unwrap();
    }
}

mod many_connections {
    use super::*;
    const COUNT: usize = 200;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut tasks = JoinSet::new();
        for i in 0..COUNT {
            let net = net.clone();
            tasks.spawn(async move {
                let mut stream = net.connect(None, to).await.unwrap();
                stream.write_all(&pattern(i * 50)).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut back = Vec::new();
                stream.read_to_end(&mut back).await.unwrap();
                assert_eq!(back, pattern(i * 50));
            });
        }
        assert_eq!(tasks.join_all().await.len(), COUNT);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let mut tasks = JoinSet::new();
        for _ in 0..COUNT {
            let (mut stream, _) = listener.accept().await.unwrap();
            tasks.spawn(async move {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                stream.write_all(&all).await.unwrap();
            });
        }
        tasks.join_all().await;
    }
}

mod backlog {
    use super::*;
    const COUNT: u8 = 30;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut streams = Vec::new();
        for i in 0..COUNT {
            let mut stream = net.connect(None, to).await.unwrap();
            stream.write_all(&[i]).await.unwrap();
            streams.push(stream);
        }
        // All are established and nobody has accepted one.
        for (i, stream) in streams.iter_mut().enumerate() {
            assert_eq!(stream.read_u8().await.unwrap() as usize, i);
        }
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        net.sleep(Duration::from_millis(1000)).await;
        for i in 0..COUNT {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), i, "accepted in the order of arrival");
            stream.write_all(&[i]).await.unwrap();
        }
    }
}

mod unaccepted_connections_are_reset {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        net.sleep(Duration::from_millis(200)).await;
        drop(listener);
    }
}

mod a_cancelled_accept_loses_nothing {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        for _ in 0..20 {
            let mut stream = net.connect(None, to).await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'!');
        }
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        for _ in 0..20 {
            let mut stream = loop {
                let accept = pin!(listener.accept());
                if let Ok(accepted) = net.timeout(Duration::from_millis(3), accept).await {
                    break accepted.unwrap().0;
                }
            };
            stream.write_all(b"!").await.unwrap();
        }
    }
}

mod timeouts {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        let limit = Duration::from_millis(70);
        let start = net.now();
        assert!(net.timeout(limit, stream.read_u8()).await.is_err());
        let took = net.now() - start;
        assert!(took >= limit && took < 10 * limit, "{took:?}");
        stream.write_all(b"?").await.unwrap();
        let answer = net.timeout(Duration::from_secs(5), stream.read_u8()).await;
        assert_eq!(answer.unwrap().unwrap(), b'!', "the connection has survived the timeout");
        let start = net.now();
        net.sleep(limit).await;
        assert!(net.now() - start >= limit);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'?');
        stream.write_all(b"!").await.unwrap();
    }
}

mod ports {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        net.connect(None, to).await.unwrap();
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        let taken = listener.local_addr().unwrap();
        assert_eq!(net.listen(taken).await.err().unwrap().kind(), ErrorKind::AddrInUse);
        let any = net.listen(SocketAddr::new(taken.ip(), 0)).await.unwrap();
        let port = any.local_addr().unwrap().port();
        assert!(port != 0 && port != taken.port());
        let elsewhere = net.listen("192.0.2.1:7777".parse().unwrap()).await.err().unwrap();
        assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
        listener.accept().await.unwrap();
        drop(listener);
        drop(net.listen(taken).await.unwrap());
    }
}
