//! The simulated network against closed forms and against Linux, measured over an emulated path of
//! 100 Mbit/s with one bandwidth-delay product of queue.

use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::network::{NetworkConfig, RunEnd, RunReport, SERVER_IP, SimNet, run};
use turmoil_tcp::path::{Direction, Fate, PathConfig, PathObserver};
use turmoil_tcp::segment;

const PORT: u16 = 2000;

fn path(rtt_us: u64, bandwidth_bits_per_s: u64, loss_ppm: u32) -> PathConfig {
    let queue_bytes = (bandwidth_bits_per_s / 8 * rtt_us / 1_000_000).max(100_000);
    PathConfig { rtt_us, bandwidth_bits_per_s, queue_bytes, loss_ppm, impairments: Default::default() }
}

fn server_addr() -> SocketAddr {
    (SERVER_IP, PORT).into()
}

/// Reads every connection to its end and answers one byte.
async fn sink(net: SimNet) {
    let listener = net.listen(server_addr()).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        tasks.spawn(async move {
            let mut buf = vec![0; 64 * 1024];
            while stream.read(&mut buf).await.unwrap() > 0 {}
            stream.write_all(b"!").await.unwrap();
        });
    }
}

/// Sends `len` bytes on a new connection; the time until the answer.
async fn deliver(net: &SimNet, len: usize) -> Duration {
    let start = net.now();
    let mut stream = net.connect(None, server_addr()).await.unwrap();
    stream.write_all(&vec![7; len]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"!");
    net.now() - start
}

/// Times of `count` deliveries of `len` bytes, one after the other.
fn deliveries(path: PathConfig, seed: u64, len: usize, count: usize) -> (Vec<Duration>, RunReport) {
    deliveries_watched(path, seed, len, count, Arc::new(()))
}

fn deliveries_watched(
    path: PathConfig,
    seed: u64,
    len: usize,
    count: usize,
    observer: Arc<dyn PathObserver>,
) -> (Vec<Duration>, RunReport) {
    let times = Arc::new(Mutex::new(Vec::new()));
    let out = times.clone();
    let mut config = NetworkConfig::new(path, seed, 60_000_000_000);
    config.grace_us = 120_000_000;
    let report = run(
        &config,
        observer,
        move |net, _| async move {
            for _ in 0..count {
                let time = deliver(&net, len).await;
                out.lock().unwrap().push(time);
            }
        },
        |net, _| sink(net),
    )
    .unwrap();
    assert!(matches!(report.end, RunEnd::Finished { .. }), "{report:?}");
    let times = times.lock().unwrap().clone();
    (times, report)
}

fn within(measured: f64, expected: f64, share: f64, what: &str) {
    println!("{what}: {measured:.1} (expected {expected:.1})");
    assert!((measured / expected - 1.0).abs() <= share, "{what}: {measured} instead of {expected}");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[test]
fn a_handshake_takes_one_round_trip() {
    let time = Arc::new(Mutex::new(Duration::ZERO));
    let out = time.clone();
    run(
        &NetworkConfig::new(path(50_000, 100_000_000, 0), 1, 10_000_000),
        Arc::new(()),
        move |net, _| async move {
            let start = net.now();
            let _stream = net.connect(None, server_addr()).await.unwrap();
            *out.lock().unwrap() = net.now() - start;
        },
        |net, _| sink(net),
    )
    .unwrap();
    // SYN and SYN-ACK of 48 bytes each take 4 us at 100 Mbit/s.
    let time = time.lock().unwrap().as_micros();
    assert!((50_006..=50_010).contains(&time), "{time}");
}

#[test]
fn files_on_new_connections_take_as_long_as_on_linux() {
    // Linux 6.18: size, milliseconds from connect to the answer.
    for (len, linux_ms) in
        [(1_000, 100.3), (10_000, 101.0), (30_000, 151.7), (100_000, 205.3), (1_000_000, 409.8)]
    {
        let (times, report) = deliveries(path(50_000, 100_000_000, 0), 1, len, 1);
        within(ms(times[0]), linux_ms, 0.02, &format!("{len} bytes, ms"));
        assert_eq!(report.retransmits(), 0);
    }
}

#[test]
fn bulk_reaches_the_bottleneck_as_fast_as_on_linux() {
    let (times, report) = deliveries(path(50_000, 100_000_000, 0), 1, 50_000_000, 1);
    println!("{report:?}");
    // Linux 6.18: 4471 ms, 89.5 Mbit/s with the slow start and one overflow of the queue in it.
    within(ms(times[0]), 4_471.0, 0.01, "50 MB, ms");
}

/// Mathis, Semke, Mahdavi and Ott 1997: rate = MSS / RTT * sqrt(3/2) / sqrt(p).
#[test]
fn one_percent_of_loss_is_within_a_factor_of_two_of_mathis() {
    let (times, report) = deliveries(path(50_000, 100_000_000, 10_000), 3, 5_000_000, 1);
    let bits_per_s = 5_000_000.0 * 8.0 / times[0].as_secs_f64();
    let mathis = 1460.0 * 8.0 / 0.05 * 1.5f64.sqrt() / 0.01f64.sqrt();
    println!("{bits_per_s:.0} bit/s, Mathis {mathis:.0}, {report:?}");
    assert!((0.5..=2.0).contains(&(bits_per_s / mathis)));
}

/// Linux 6.18 at 1 % loss: 10 kB 136 ms in the mean, 100 kB 284 ms; at 5 % 286 and 535 ms.
#[test]
fn lossy_deliveries_take_as_long_as_on_linux() {
    for (loss_ppm, len, linux_ms) in
        [(10_000, 10_000, 136.0), (10_000, 100_000, 284.0), (50_000, 10_000, 286.0), (50_000, 100_000, 535.0)]
    {
        let (times, _) = deliveries(path(50_000, 100_000_000, loss_ppm), 11, len, 600);
        within(mean_ms(&times), linux_ms, 0.15, &format!("{len} bytes at {loss_ppm} ppm, ms in the mean"));
    }
}

/// Every delivery ends and every connection is closed in the end; smoltcp alone hangs in some.
#[test]
fn a_thousand_seeds_at_five_percent_loss_and_none_hangs() {
    let mut lost = 0;
    for seed in 0..1000 {
        let (times, report) = deliveries(path(20_000, 50_000_000, 50_000), seed, 12_000, 3);
        assert_eq!(times.len(), 3);
        assert!(report.quiet, "{seed}: {report:?}");
        lost += report.up.lost + report.down.lost;
    }
    assert!(lost > 3000, "{lost}");
}

/// Hashes times, bytes and fates of all packets, and checks that their checksums are right.
#[derive(Default)]
struct Fingerprint(Mutex<Sha256>);

impl PathObserver for Fingerprint {
    fn packet(&self, at_ns: u64, direction: Direction, packet: &[u8], fate: Fate) {
        assert!(segment::checksums_right(packet), "{:?}", segment::TcpHeader::read(packet));
        let mut hash = self.0.lock().unwrap();
        hash.update(format!("{at_ns} {} {fate:?} ", direction.name()));
        hash.update(packet);
    }
}

#[test]
fn a_seed_is_a_run_to_the_last_packet() {
    let hash = |seed| {
        let observer = Arc::new(Fingerprint::default());
        let (times, _) =
            deliveries_watched(path(30_000, 20_000_000, 20_000), seed, 200_000, 5, observer.clone());
        let hash = observer.0.lock().unwrap().clone().finalize();
        (hash, times)
    };
    assert_eq!(hash(5), hash(5));
    assert_ne!(hash(5), hash(6));
}

fn mean_ms(times: &[Duration]) -> f64 {
    times.iter().map(|time| ms(*time)).sum::<f64>() / times.len() as f64
}
