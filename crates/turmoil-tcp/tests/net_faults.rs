//! What each end of a connection observes of each fault, and when.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::network::{
    Cut, CutKind, NetworkConfig, Order, RunEnd, RunReport, SERVER_IP, SimNet, SimStream, Tap, run,
};
use turmoil_tcp::path::router::RouterHandle;
use turmoil_tcp::path::{BurstLoss, Direction, Fate, Impairments, PathConfig, PathObserver};
use turmoil_tcp::segment::{TcpHeader, checksums_right};

const RTT_US: u64 = 40_000;

fn server_addr() -> SocketAddr {
    (SERVER_IP, 2000).into()
}

/// What an end saw of a connection: the bytes it read, and how reading and writing ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    read: Vec<u8>,
    read_end: Option<Result<(), ErrorKind>>,
    write_end: Option<Result<(), ErrorKind>>,
    at_us: u64,
}

#[derive(Clone, Debug, Default)]
struct Both {
    client: Seen,
    server: Seen,
    cuts: usize,
    orders: usize,
}

type Shared = Arc<Mutex<Both>>;

/// Checks every packet, counts the cuts.
struct Watch(Shared);

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
struct Arm {
    router: RouterHandle,
    offset: u64,
    kind: CutKind,
    armed: Mutex<bool>,
}

impl Arm {
    fn new(router: &RouterHandle, offset: u64, kind: CutKind) -> Arc<Self> {
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

fn path(loss_ppm: u32) -> PathConfig {
    PathConfig {
        rtt_us: RTT_US,
        bandwidth_bits_per_s: 100_000_000,
        queue_bytes: 500_000,
        loss_ppm,
        impairments: Default::default(),
    }
}

fn go<C, S>(
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

fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

async fn read_on(net: &SimNet, stream: &mut SimStream, seen: &mut Seen) {
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

fn kind(result: io::Result<()>) -> Option<Result<(), ErrorKind>> {
    Some(result.map_err(|error| error.kind()))
}

/// The client sends `len` bytes, in one piece or in `pieces` with a round trip of pause between
/// them, ends its stream, and reads; the server reads to the end and closes.
fn upload(
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

const CLEAN: Option<Result<(), ErrorKind>> = Some(Ok(()));
const RESET: Option<Result<(), ErrorKind>> = Some(Err(ErrorKind::ConnectionReset));

#[test]
fn without_a_cut_everything_arrives() {
    let (both, report) = upload(0, 1, 30_000, 1, 30_001, CutKind::Reset);
    assert_eq!((both.cuts, both.server.read == pattern(30_000)), (0, true));
    assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN));
    assert!(report.quiet);
}

#[test]
fn reset_both_ends_see_it_after_the_bytes_before_the_cut() {
    for (len, offset) in
        [(30_000, 0), (30_000, 1), (30_000, 10_007), (30_000, 29_999), (30_000, 30_000), (100, 50), (0, 0)]
    {
        let (both, report) = upload(0, 1, len, 1, offset, CutKind::Reset);
        assert_eq!(both.cuts, 1, "{offset}");
        assert!(both.server.read == pattern(offset as usize), "{offset}: {}", both.server.read.len());
        assert_eq!(both.server.read_end, RESET);
        assert_eq!(both.client.read_end, RESET);
        assert!(report.quiet, "{report:?}");
        // One round trip for the handshake, then half a one for the data to reach the server, or
        // to reach the middlebox half way and for the RST to come back.
        if offset < 14_600 {
            assert!((RTT_US * 3 / 2..RTT_US * 3 / 2 + 2_000).contains(&both.server.at_us), "{both:?}");
            assert!((RTT_US * 3 / 2..RTT_US * 3 / 2 + 2_000).contains(&both.client.at_us), "{both:?}");
        }
    }
}

#[test]
fn graceful_close_lingering_looks_clean_to_both_ends() {
    for (len, offset) in
        [(30_000, 0), (30_000, 1), (30_000, 10_007), (30_000, 29_999), (30_000, 30_000), (100, 50), (0, 0)]
    {
        for pieces in [1, 3] {
            let (both, report) = upload(0, 1, len, pieces, offset, CutKind::Close { lingering: true });
            assert_eq!(both.cuts, 1, "{offset}");
            assert!(both.server.read == pattern(offset as usize), "{offset}: {}", both.server.read.len());
            assert_eq!(
                (both.server.read_end, both.server.write_end),
                (CLEAN, CLEAN),
                "{len} {offset} {pieces}"
            );
            assert_eq!(
                (both.client.read_end, both.client.write_end),
                (CLEAN, CLEAN),
                "{len} {offset} {pieces}"
            );
            assert!(report.quiet, "{len} {offset} {pieces}: {report:?}");
            assert_eq!(report.client.resets_sent + report.server.resets_sent, 0);
        }
    }
}

#[test]
fn graceful_close_resets_who_still_writes() {
    // In pieces: the client is still writing when the proxy is gone.
    let (both, report) = upload(0, 1, 30_000, 3, 5_000, CutKind::Close { lingering: false });
    assert!(both.server.read == pattern(5_000));
    assert_eq!(both.server.read_end, CLEAN);
    assert_eq!(both.client.write_end, Some(Err(ErrorKind::BrokenPipe)), "the FIN came before the RST");
    assert!(report.quiet, "{report:?}");
    // The cut takes the place of the FIN: nothing comes beyond it but the FIN, so nobody is reset.
    let (both, report) = upload(0, 1, 30_000, 1, 30_000, CutKind::Close { lingering: false });
    assert!(both.server.read == pattern(30_000));
    assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN));
    assert!(report.quiet, "{report:?}");
}

#[test]
fn graceful_close_repairs_what_was_lost_before_the_cut() {
    let mut retransmits = 0;
    for seed in 0..60 {
        let (both, report) = upload(50_000, seed, 60_000, 1, 40_000, CutKind::Close { lingering: true });
        assert_eq!(both.cuts, 1);
        assert!(both.server.read == pattern(40_000), "{seed}: {}", both.server.read.len());
        assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN), "{seed}");
        assert!(report.quiet, "{seed}: {report:?}");
        retransmits += report.retransmits();
    }
    assert!(retransmits > 60, "{retransmits}");
}

#[test]
fn a_download_is_cut_likewise() {
    for (cut, end) in [(CutKind::Reset, RESET), (CutKind::Close { lingering: true }, CLEAN)] {
        let shared = Shared::default();
        let (c, s) = (shared.clone(), shared.clone());
        let report = go(
            0,
            1,
            &shared,
            move |net, _| async move {
                let mut seen = Seen::default();
                let mut stream = net.connect(None, server_addr()).await.unwrap();
                read_on(&net, &mut stream, &mut seen).await;
                c.lock().unwrap().client = seen;
            },
            move |net, router| async move {
                net.set_tap(Arm::new(&router, 12_345, cut));
                let listener = net.listen(server_addr()).await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(&pattern(20_000)).await.unwrap();
                let _ = stream.shutdown().await;
                let mut seen = Seen::default();
                read_on(&net, &mut stream, &mut seen).await;
                s.lock().unwrap().server = seen;
            },
        );
        let both = shared.lock().unwrap().clone();
        assert!(both.client.read == pattern(12_345));
        assert_eq!((both.client.read_end, both.server.read_end), (end, end));
        assert!(report.quiet, "{report:?}");
    }
}

#[test]
fn blackhole_neither_end_sees_anything() {
    let (both, report) = upload(0, 1, 30_000, 1, 10_007, CutKind::Blackhole { for_us: None });
    assert!(both.server.read == pattern(10_007));
    assert_eq!((both.server.read_end, both.client.read_end), (None, None), "both wait until they give up");
    assert_eq!(both.client.write_end, CLEAN, "the client's kernel has taken everything");
    assert!(!report.quiet);
}

#[test]
fn blackhole_for_a_time_is_repaired() {
    let (both, report) = upload(0, 1, 30_000, 1, 10_007, CutKind::Blackhole { for_us: Some(2_000_000) });
    assert!(both.server.read == pattern(30_000));
    assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN));
    assert!(both.server.at_us > 2_000_000 && both.server.at_us < 5_000_000, "{}", both.server.at_us);
    assert!(report.quiet && report.client.retransmits > 0, "{report:?}");
}

#[test]
fn stalled_packets_come_late_and_whole() {
    let (both, report) = upload(0, 1, 30_000, 1, 10_007, CutKind::Stall { for_us: 100_000 });
    assert!(both.server.read == pattern(30_000));
    assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN));
    assert!(both.server.at_us >= 160_000 && both.server.at_us < 400_000, "{}", both.server.at_us);
    assert!(report.quiet);
}

#[test]
fn a_corrupted_byte_passes_unseen() {
    for (loss_ppm, seed) in [(0, 1), (100_000, 2), (100_000, 3)] {
        let (both, _) = upload(loss_ppm, seed, 30_000, 1, 10_007, CutKind::Corrupt { xor: 0x20 });
        let mut expected = pattern(30_000);
        expected[10_007] ^= 0x20;
        assert_eq!(both.cuts, 1);
        assert!(both.server.read == expected, "also in the copies");
        assert_eq!(both.server.read_end, CLEAN);
    }
}

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

/// Kills the writing process after so many bytes of its stream.
struct KillAfter(u64);

impl Tap for KillAfter {
    fn on_write(&self, _: &SimNet, _: SocketAddr, _: SocketAddr, offset: u64, bytes: &[u8]) -> usize {
        bytes.len().min(self.0.saturating_sub(offset) as usize)
    }
    fn on_written(&self, net: &SimNet, _: SocketAddr, _: SocketAddr, end: u64) {
        if end == self.0 {
            net.kill();
        }
    }
}

#[test]
fn a_dying_process_leaves_a_clean_end_and_everything_it_wrote() {
    for wanted in [1u64, 1_460, 20_000, 300_000] {
        let shared = Shared::default();
        let s = shared.clone();
        let report = go(
            0,
            1,
            &shared,
            move |net, _| async move {
                net.set_tap(Arc::new(KillAfter(wanted)));
                let process = net.process();
                let life = async {
                    let listener = process.listen((net.ip(), 3000).into()).await.unwrap();
                    let mut stream = process.connect(None, server_addr()).await.unwrap();
                    for piece in pattern(400_000).chunks(1000) {
                        stream.write_all(piece).await.unwrap();
                    }
                    drop(listener);
                    unreachable!("it goes on living");
                };
                tokio::select! {
                    biased;
                    () = life => {}
                    () = process.killed() => {}
                }
                assert!(!process.is_alive() && net.is_alive());
                let forever =
                    net.timeout(Duration::from_secs(1), process.sleep(Duration::from_millis(1))).await;
                assert!(forever.is_err(), "a dead process does not wake");
                // Its ports are free.
                net.listen((net.ip(), 3000).into()).await.unwrap();
            },
            move |net, _| async move {
                let listener = net.listen(server_addr()).await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut seen = Seen::default();
                read_on(&net, &mut stream, &mut seen).await;
                s.lock().unwrap().server = seen;
            },
        );
        let both = shared.lock().unwrap().clone();
        assert!(both.server.read == pattern(wanted as usize), "{wanted}: {}", both.server.read.len());
        assert_eq!(both.server.read_end, CLEAN);
        assert!(report.quiet, "{report:?}");
    }
}

#[test]
fn a_killed_server_can_be_started_again() {
    let shared = Shared::default();
    let report = go(
        0,
        1,
        &shared,
        |net, _| async move {
            let mut first = net.connect(None, server_addr()).await.unwrap();
            first.write_all(b"never read by the application").await.unwrap();
            assert_eq!(
                first.read_u8().await.unwrap_err().kind(),
                ErrorKind::ConnectionReset,
                "it had unread data"
            );
            let error = net.connect(None, server_addr()).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            net.sleep(Duration::from_secs(1)).await;
            let mut second = net.connect(None, server_addr()).await.unwrap();
            assert_eq!(second.read_u8().await.unwrap(), b'!');
        },
        |net, _| async move {
            let process = net.process();
            let serve = async {
                let listener = process.listen(server_addr()).await.unwrap();
                let _stream = listener.accept().await.unwrap();
                net.sleep(Duration::from_millis(100)).await;
                process.kill();
                std::future::pending::<()>().await
            };
            tokio::select! {
                biased;
                () = process.killed() => {}
                () = serve => {}
            }
            net.sleep(Duration::from_secs(1)).await;
            let process = net.process();
            let listener = process.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"!").await.unwrap();
        },
    );
    assert!(matches!(report.end, RunEnd::Finished { .. }), "{report:?}");
    assert!(report.quiet, "{report:?}");
}

#[test]
fn power_loss_is_silence_and_then_a_reset() {
    let shared = Shared::default();
    let report = go(
        0,
        1,
        &shared,
        |net, _| async move {
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'!');
            net.sleep(Duration::from_millis(500)).await;
            stream.write_all(b"are you there?").await.unwrap();
            let silence = net.timeout(Duration::from_millis(1_000), stream.read_u8()).await;
            assert!(silence.is_err());
            // The next retransmission after the power is back finds nobody.
            assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert!(
                net.now() > Duration::from_secs(2) && net.now() < Duration::from_secs(6),
                "{:?}",
                net.now()
            );
        },
        |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"!").await.unwrap();
            net.sleep(Duration::from_millis(100)).await;
            net.power_off();
            assert!(!net.is_alive());
            let off = net.clone();
            tokio::task::spawn_local(async move {
                // Whoever stands beside the machine.
                off.outside_sleep(Duration::from_secs(2)).await;
                off.power_on();
            });
            std::future::pending::<()>().await
        },
    );
    assert!(matches!(report.end, RunEnd::Finished { .. }), "{report:?}");
    assert!(report.quiet, "{report:?}");
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
fn an_aborting_sender_resets() {
    let shared = Shared::default();
    go(
        0,
        1,
        &shared,
        |net, _| async move {
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            stream.write_all(&pattern(1_000_000)[..100_000]).await.unwrap();
            stream.abort();
        },
        |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Seen::default();
            read_on(&net, &mut stream, &mut seen).await;
            assert_eq!(seen.read_end, RESET);
            assert!(seen.read.len() < 100_000, "what was queued is lost");
        },
    );
}

#[test]
fn a_partition_takes_the_byte_and_everything_until_it_ends() {
    let partition = CutKind::Order(Order::Partition { for_us: 2_000_000 });
    let (both, report) = upload(0, 1, 30_000, 1, 10_007, partition);
    assert_eq!((both.cuts, both.orders), (0, 1));
    assert!(both.server.read == pattern(30_000));
    assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN));
    assert!(both.server.at_us > 2_000_000 && both.server.at_us < 5_000_000, "{}", both.server.at_us);
    assert!(report.quiet && report.client.retransmits > 0, "{report:?}");
}

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
    // Half way there, half way back; at the server half way on.
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

/// Kills the reading process, or takes its host's power, when it has read so many bytes.
struct EndAtRead {
    bytes: u64,
    power: bool,
}

impl Tap for EndAtRead {
    fn on_read(&self, net: &SimNet, _: SocketAddr, _: SocketAddr, offset: u64) -> usize {
        if offset == self.bytes {
            if self.power { net.power_off() } else { net.kill() }
        }
        (self.bytes - offset) as usize
    }
}

/// A client sends 30,000 bytes to a server that ends after having read so many; what the server has
/// read and what the client observes.
fn receiver_ends(bytes: u64, power: bool) -> Both {
    let shared = Shared::default();
    let (c, s) = (shared.clone(), shared.clone());
    go(
        0,
        1,
        &shared,
        move |net, _| async move {
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            stream.write_all(&pattern(30_000)).await.unwrap();
            let mut seen = Seen::default();
            read_on(&net, &mut stream, &mut seen).await;
            c.lock().unwrap().client = seen;
        },
        move |net, _| async move {
            net.set_tap(Arc::new(EndAtRead { bytes, power }));
            let process = net.process();
            let listener = process.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                s.lock().unwrap().server.read.extend_from_slice(&buffer[..n]);
            }
        },
    );
    let both = shared.lock().unwrap().clone();
    assert!(both.server.read == pattern(bytes as usize), "{bytes}: {}", both.server.read.len());
    both
}

#[test]
fn a_dying_receiver_has_read_what_comes_before_the_byte_and_resets_the_rest() {
    for bytes in [1, 10_007, 29_999] {
        assert_eq!(receiver_ends(bytes, false).client.read_end, RESET, "{bytes}");
    }
    // Nothing is unread: before the first byte has come, and after the last.
    for bytes in [0, 30_000] {
        assert_eq!(receiver_ends(bytes, false).client.read_end, CLEAN, "{bytes}");
    }
}

#[test]
fn a_receiver_without_power_is_silent() {
    for bytes in [0, 10_007, 30_000] {
        assert_eq!(receiver_ends(bytes, true).client.read_end, None, "{bytes}");
    }
}

/// Half a megabyte up, in order and whole, on a path with these impairments.
fn survives(impairments: Impairments, seed: u64) -> RunReport {
    let shared = Shared::default();
    let (c, s) = (shared.clone(), shared.clone());
    let mut config = NetworkConfig::new(PathConfig { impairments, ..path(0) }, seed, 200_000_000);
    config.grace_us = 100_000_000;
    let report = run(
        &config,
        Arc::new(Watch(shared.clone())),
        move |net, _| async move {
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            stream.write_all(&pattern(500_000)).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut seen = Seen::default();
            read_on(&net, &mut stream, &mut seen).await;
            c.lock().unwrap().client = seen;
        },
        move |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Seen::default();
            read_on(&net, &mut stream, &mut seen).await;
            drop(stream);
            s.lock().unwrap().server = seen;
        },
    )
    .unwrap();
    let both = shared.lock().unwrap().clone();
    assert!(both.server.read == pattern(500_000), "{impairments:?} {seed}: {}", both.server.read.len());
    assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN), "{impairments:?} {seed}");
    assert!(report.quiet, "{impairments:?} {seed}: {report:?}");
    report
}

const BURSTS: BurstLoss =
    BurstLoss { enter_ppm: 20_000, leave_ppm: 200_000, good_loss_ppm: 0, bad_loss_ppm: 550_000 };

#[test]
fn tcp_survives_losses_in_bursts() {
    for seed in 0..8 {
        let report = survives(Impairments { burst_loss: Some(BURSTS), ..Impairments::default() }, seed);
        assert!(report.up.lost > 0 && report.client.retransmits > 0, "{report:?}");
    }
}

#[test]
fn tcp_survives_reordering() {
    for seed in 0..8 {
        for reorder_us in [500, 60_000] {
            survives(Impairments { reorder_ppm: 50_000, reorder_us, ..Impairments::default() }, seed);
        }
    }
}

#[test]
fn tcp_survives_duplicates_without_sending_anything_again() {
    for seed in 0..8 {
        let report = survives(Impairments { duplicate_ppm: 50_000, ..Impairments::default() }, seed);
        assert_eq!(report.retransmits(), 0, "{report:?}");
    }
}

#[test]
fn tcp_survives_jitter_and_everything_together() {
    for seed in 0..8 {
        survives(Impairments { jitter_us: 20_000, ..Impairments::default() }, seed);
        survives(
            Impairments {
                burst_loss: Some(BURSTS),
                reorder_ppm: 50_000,
                reorder_us: 5_000,
                duplicate_ppm: 50_000,
                jitter_us: 20_000,
            },
            seed,
        );
    }
}
