//! A connection is cut at a byte of its stream.

use super::harness::*;
use std::io::ErrorKind;
use tokio::io::AsyncWriteExt;
use turmoil_tcp::network::{CutKind, Order};

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
    // It writes in pieces: the client is still writing when the proxy is gone.
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
fn a_partition_takes_the_byte_and_everything_until_it_ends() {
    let partition = CutKind::Order(Order::Partition { for_us: 2_000_000 });
    let (both, report) = upload(0, 1, 30_000, 1, 10_007, partition);
    assert_eq!((both.cuts, both.orders), (0, 1));
    assert!(both.server.read == pattern(30_000));
    assert_eq!((both.server.read_end, both.client.read_end), (CLEAN, CLEAN));
    assert!(both.server.at_us > 2_000_000 && both.server.at_us < 5_000_000, "{}", both.server.at_us);
    assert!(report.quiet && report.client.retransmits > 0, "{report:?}");
}
