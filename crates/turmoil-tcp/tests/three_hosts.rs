//! Two clients and a server on one path.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::{
    Capture, CapturedPacket, Network, NetworkConfig, NetworkError, NetworkReport, PathConfig, RunEnd, SimNet,
};

const RTT_US: u64 = 40_000;

fn config(loss_ppm: u32) -> NetworkConfig {
    let path = PathConfig {
        rtt_us: RTT_US,
        bandwidth_bits_per_s: 100_000_000,
        queue_bytes: 500_000,
        loss_ppm,
        impairments: Default::default(),
    };
    NetworkConfig::new(path, 7, 60_000_000)
}

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

type Times = Arc<Mutex<Vec<(Ipv4Addr, Duration)>>>;

/// Notes when it is connected, sends `len` bytes and reads them back.
async fn echoed(net: SimNet, len: usize, times: Times) {
    let mut stream = net.connect(None, (SERVER, 7).into()).await.unwrap();
    times.lock().unwrap().push((net.ip(), net.now()));
    stream.write_all(&vec![net.ip().octets()[3]; len]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await.unwrap();
    assert!(back.len() == len && back.iter().all(|byte| *byte == net.ip().octets()[3]));
}

/// Sends every connection's bytes back when it has them all.
async fn echo(net: SimNet) {
    let listener = net.listen((SERVER, 7).into()).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        tasks.spawn(async move {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
        });
    }
}

fn two_clients(loss_ppm: u32, len: usize) -> (NetworkReport, Vec<CapturedPacket>, Times) {
    let (capture, times) = (Arc::new(Capture::default()), Times::default());
    let mut network = Network::new(&config(loss_ppm), capture.clone());
    for name in ["anna", "berta"] {
        let times = times.clone();
        network.client(name, move |net, _| echoed(net, len, times));
    }
    assert_eq!(network.server("server", |net, _| echo(net)), SERVER);
    let report = network.run().unwrap();
    (report, capture.packets(), times)
}

/// A SYN and a SYN-ACK of 52 bytes each take 4.16 us at 100 Mbit/s; both clients share either link, so
/// that the second is behind the first by one of them.
#[test]
fn both_clients_share_the_path_to_the_microsecond() {
    let (report, packets, times) = two_clients(0, 1000);
    let [a, b] = [1, 2].map(|n| Ipv4Addr::new(10, 0, 0, n));
    let connected = times.lock().unwrap().clone();
    assert_eq!(connected, [(a, Duration::from_micros(40_009)), (b, Duration::from_micros(40_013))]);
    assert_eq!(packets[..2].iter().map(|packet| packet.at_ns).collect::<Vec<_>>(), [10_000_000; 2]);
    let finished: Vec<_> = report.hosts.iter().map(|host| (host.ip, host.finished_us)).collect();
    // Two round trips and what each link carries, the answer behind an ACK (3.2 us), as the server acknowledges
    // first data at once; the second is behind by the first one's data segment (1040 bytes, 83.2 us) and two bare
    // ones, beside what it was behind before.
    assert_eq!(finished, [(a, Some(80_188)), (b, Some(80_281)), (SERVER, None)]);
    assert_eq!(report.end, RunEnd::Finished { at_us: 80_281 });
    assert!(report.quiet && report.hosts[2].tcp.accepted == 2, "{report:?}");
}

#[test]
fn a_seed_is_a_run_with_three_hosts_too() {
    let [first, second] = [(); 2].map(|()| two_clients(50_000, 100_000));
    assert_eq!((&first.0, &first.1), (&second.0, &second.1));
    assert!(first.0.up.lost > 0 && first.0.quiet, "{:?}", first.0);
}

#[test]
fn what_a_client_sends_to_a_client_is_delivered_to_nobody() {
    let mut network = Network::new(&config(0), Arc::new(()));
    network.client("anna", |net, _| async move {
        let there = net.connect(None, (Ipv4Addr::new(10, 0, 0, 2), 7).into());
        assert!(net.timeout(Duration::from_secs(5), there).await.is_err());
    });
    network.client("berta", |net, _| async move {
        let _listener = net.listen((net.ip(), 7).into()).await.unwrap();
        net.sleep(Duration::from_secs(6)).await;
    });
    network.server("server", |_, _| async {});
    assert_eq!(network.run().unwrap().end, RunEnd::Finished { at_us: 6_000_000 });
}

#[test]
fn hosts_have_names_of_their_own() {
    for name in ["anna", "router"] {
        let mut network = Network::new(&config(0), Arc::new(()));
        network.client("anna", |_, _| async {});
        network.server(name, |_, _| async {});
        assert!(matches!(network.run(), Err(NetworkError::HostName(twice)) if twice == name));
    }
}
