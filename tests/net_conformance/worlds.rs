//! The two worlds in which every case runs.

use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftpsim::sim::net::ProcessNet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use turmoil_tcp::network::{NetworkConfig, RunEnd, SERVER_IP, run};
use turmoil_tcp::path::PathConfig;

pub(crate) fn over_loopback<C, S>(
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

pub(crate) fn over_simulation<C, S>(
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
