//! Two hosts, what each of them sees, and an upload that is cut.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::network::{
    Cut, CutKind, NetworkConfig, Order, RunReport, SERVER_IP, SimNet, SimStream, Tap, run,
};
use turmoil_tcp::path::router::RouterHandle;
use turmoil_tcp::path::{Direction, Fate, PathConfig, PathObserver};
use turmoil_tcp::segment::{TcpHeader, checksums_right};

pub(crate) const RTT_US: u64 = 40_000;

pub(crate) fn server_addr() -> SocketAddr {
    (SERVER_IP, 2000).into()
}

/// What an end saw of a connection: the bytes it read, and how reading and writing ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) read: Vec<u8>,
    pub(crate) read_end: Option<Result<(), ErrorKind>>,
    pub(crate) write_end: Option<Result<(), ErrorKind>>,
    pub(crate) at_us: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Both {
    pub(crate) client: Seen,
    pub(crate) server: Seen,
    pub(crate) cuts: usize,
    pub(crate) orders: usize,
}

pub(crate) type Shared = Arc<Mutex<Both>>;

/// Checks every packet, counts the cuts.
pub(crate) struct Watch(pub(crate) Shared);

impl PathObserver for Watch {
    fn packet(&self, at_ns: u64, direction: Direction, packet: &[u8], fate: Fate) {
        assert!(checksums_right(packet), "{at_ns} {direction:?} {fate:?}");
        let header = TcpHeader::read(packet).unwrap();
        if std::env::var_os("SHOW_PACKETS").is_some() {
            println!("{at_ns:>12} {} {header:?} {fate:?}", direction.name());
        }
    }
    fn cut_fired(&self, _: u64, _: &Cut) {
        self.0.lock().unwrap().cuts += 1;
    }
    fn order_fired(&self, _: u64, _: &Order) {
        self.0.lock().unwrap().orders += 1;
    }
}

/// Arms a cut in the connections of its host as soon as something is written on them or they end.
pub(crate) struct Arm {
    router: RouterHandle,
    offset: u64,
    kind: CutKind,
    armed: Mutex<bool>,
}

impl Arm {
    pub(crate) fn new(router: &RouterHandle, offset: u64, kind: CutKind) -> Arc<Self> {
        Arc::new(Self { router: router.clone(), offset, kind, armed: Mutex::new(false) })
    }
    fn arm(&self, from: SocketAddr, to: SocketAddr) {
        if !std::mem::replace(&mut *self.armed.lock().unwrap(), true) {
            self.router.arm(Cut { from, to, stream_offset: self.offset, kind: self.kind });
        }
    }
}

impl Tap for Arm {
    fn on_write(&self, _: &SimNet, local: SocketAddr, peer: SocketAddr, _: u64, bytes: &[u8]) -> usize {
        self.arm(local, peer);
        bytes.len()
    }
    fn on_shutdown(&self, _: &SimNet, local: SocketAddr, peer: SocketAddr, _: u64) {
        self.arm(local, peer);
    }
}

pub(crate) fn path(loss_ppm: u32) -> PathConfig {
    PathConfig {
        rtt_us: RTT_US,
        bandwidth_bits_per_s: 100_000_000,
        queue_bytes: 500_000,
        loss_ppm,
        impairments: Default::default(),
    }
}

pub(crate) fn go<C, S>(
    loss_ppm: u32,
    seed: u64,
    shared: &Shared,
    client: impl FnOnce(SimNet, RouterHandle) -> C + 'static,
    server: impl FnOnce(SimNet, RouterHandle) -> S + 'static,
) -> RunReport
where
    C: Future<Output = ()> + 'static,
    S: Future<Output = ()> + 'static,
{
    let mut config = NetworkConfig::new(path(loss_ppm), seed, 200_000_000);
    config.grace_us = 100_000_000;
    run(&config, Arc::new(Watch(shared.clone())), client, server).unwrap()
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub(crate) async fn read_on(net: &SimNet, stream: &mut SimStream, seen: &mut Seen) {
    let mut buf = [0; 4096];
    let end = loop {
        match net.timeout(Duration::from_secs(20), stream.read(&mut buf)).await {
            Ok(Ok(0)) => break Some(Ok(())),
            Ok(Ok(n)) => seen.read.extend_from_slice(&buf[..n]),
            Ok(Err(error)) => break Some(Err(error.kind())),
            Err(_) => break None,
        }
    };
    seen.read_end = end;
    seen.at_us = net.now().as_micros() as u64;
}

pub(crate) fn kind(result: io::Result<()>) -> Option<Result<(), ErrorKind>> {
    Some(result.map_err(|error| error.kind()))
}

/// The client sends `len` bytes, in one piece or in `pieces` with a round trip of pause between
/// them, ends its stream, and reads; the server reads to the end and closes.
pub(crate) fn upload(
    loss_ppm: u32,
    seed: u64,
    len: usize,
    pieces: usize,
    offset: u64,
    cut: CutKind,
) -> (Both, RunReport) {
    let shared = Shared::default();
    let (c, s) = (shared.clone(), shared.clone());
    let report = go(
        loss_ppm,
        seed,
        &shared,
        move |net, router| async move {
            net.set_tap(Arm::new(&router, offset, cut));
            let mut seen = Seen::default();
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            let data = pattern(len);
            let mut write_end = Some(Ok(()));
            for piece in data.chunks(len.div_ceil(pieces).max(1)) {
                write_end = kind(stream.write_all(piece).await);
                if write_end != Some(Ok(())) {
                    break;
                }
                if pieces > 1 {
                    net.sleep(Duration::from_micros(2 * RTT_US)).await;
                }
            }
            if write_end == Some(Ok(())) {
                write_end = kind(stream.shutdown().await);
            }
            seen.write_end = write_end;
            read_on(&net, &mut stream, &mut seen).await;
            c.lock().unwrap().client = seen;
        },
        move |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Seen::default();
            read_on(&net, &mut stream, &mut seen).await;
            seen.write_end = kind(stream.shutdown().await);
            s.lock().unwrap().server = seen;
            drop(stream);
        },
    );
    let both = shared.lock().unwrap().clone();
    (both, report)
}

pub(crate) const CLEAN: Option<Result<(), ErrorKind>> = Some(Ok(()));
pub(crate) const RESET: Option<Result<(), ErrorKind>> = Some(Err(ErrorKind::ConnectionReset));
