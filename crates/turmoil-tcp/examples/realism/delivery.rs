//! One delivery over a simulated path: the client connects, sends, says that this is all and waits for one byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::{Algorithm, NetworkConfig, PathConfig, RunEnd, SERVER_IP};

/// What decides a delivery beside its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub congestion: &'static str,
    pub rtt_us: u64,
    pub bits_per_s: u64,
    pub loss_ppm: u32,
    pub size_bytes: usize,
}

/// The congestion controls that the reference may name, and ours.
pub(crate) const CONGESTION: [(&str, Algorithm); 3] =
    [("cubic", Algorithm::Cubic), ("reno", Algorithm::NewReno), ("bbr", Algorithm::Bbr)];

/// Times since the client began to connect.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub handshake_us: u64,
    /// The server has read to the end.
    pub end_us: u64,
    /// The client has its answer.
    pub answer_us: u64,
}

const LIMIT_US: u64 = 3_600_000_000;

/// The reference's queue: the bandwidth-delay product, and at least so much.
const LEAST_QUEUE_BYTES: u64 = 100_000;

impl Path {
    fn network(&self, seed: u64) -> NetworkConfig {
        let path = PathConfig {
            rtt_us: self.rtt_us,
            bandwidth_bits_per_s: self.bits_per_s,
            queue_bytes: (self.bits_per_s * self.rtt_us / 8_000_000).max(LEAST_QUEUE_BYTES),
            loss_ppm: self.loss_ppm,
            impairments: Default::default(),
        };
        let mut config = NetworkConfig::new(path, seed, LIMIT_US);
        let (_, algorithm) = CONGESTION
            .into_iter()
            .find(|(name, _)| *name == self.congestion)
            .expect("it was read by this table");
        config.tcp.flow.algorithm = algorithm;
        config.grace_us = 0;
        config
    }
}

pub(crate) fn run(path: &Path, seed: u64) -> Times {
    let times = Arc::new(Mutex::new(Times::default()));
    let (at_client, at_server) = (times.clone(), times.clone());
    let address = SocketAddr::from((SERVER_IP, 2000));
    let size_bytes = path.size_bytes;
    let report = turmoil_tcp::run(
        &path.network(seed),
        Arc::new(()),
        move |net, _| async move {
            let mut stream = net.connect(None, address).await.expect("a connection");
            at_client.lock().expect("one thread").handshake_us = us(net.now());
            stream.write_all(&vec![7; size_bytes]).await.expect("all is sent");
            stream.shutdown().await.expect("the end is sent");
            assert_eq!(stream.read_u8().await.expect("an answer"), b'!');
            at_client.lock().expect("one thread").answer_us = us(net.now());
        },
        move |net, _| async move {
            let listener = net.listen(address).await.expect("a free port");
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut buffer = vec![0; 64 << 10];
            while stream.read(&mut buffer).await.expect("data, or the end") > 0 {}
            at_server.lock().expect("one thread").end_us = us(net.now());
            stream.write_all(b"!").await.expect("an answer sent");
        },
    )
    .expect("a network");
    assert!(matches!(report.end, RunEnd::Finished { .. }), "{path:?}, seed {seed}: {report:?}");
    let times = times.lock().expect("one thread");
    *times
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
