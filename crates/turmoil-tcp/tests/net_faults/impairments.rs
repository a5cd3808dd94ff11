//! Losses in bursts, reordering, duplicates and jitter.

use super::harness::*;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use turmoil_tcp::network::{NetworkConfig, RunReport, run};
use turmoil_tcp::path::{BurstLoss, Impairments, PathConfig};

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
