//! Faults that a user writes: rules at the router.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::path::rule::PacketAtRouter;
use turmoil_tcp::{
    Capture, Direction, Fate, NetworkConfig, PathConfig, RouterHandle, RunReport, SERVER_IP, Verdict, run,
};

const RTT_US: u64 = 40_000;

/// Uploads `len` bytes past what `rules` adds; the time until the answer, and the packets.
fn upload(len: usize, rules: impl FnOnce(&RouterHandle) + 'static) -> (Duration, Arc<Capture>, RunReport) {
    let path = PathConfig {
        rtt_us: RTT_US,
        bandwidth_bits_per_s: 1_000_000_000,
        queue_bytes: 1_000_000,
        loss_ppm: 0,
        impairments: Default::default(),
    };
    let (time, capture) = (Arc::new(Mutex::new(Duration::ZERO)), Arc::new(Capture::default()));
    let out = time.clone();
    let report = run(
        &NetworkConfig::new(path, 1, 60_000_000),
        capture.clone(),
        move |net, router| async move {
            rules(&router);
            let mut stream = net.connect(None, (SERVER_IP, 80).into()).await.unwrap();
            stream.write_all(&vec![7; len]).await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read_u64().await.unwrap(), len as u64);
            *out.lock().unwrap() = net.now();
        },
        |net, _| async move {
            let listener = net.listen((SERVER_IP, 80).into()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            assert!(bytes.iter().all(|byte| *byte == 7));
            stream.write_u64(bytes.len() as u64).await.unwrap();
        },
    )
    .unwrap();
    let time = *time.lock().unwrap();
    (time, capture, report)
}

#[test]
fn every_third_data_segment_is_dropped_and_sent_again() {
    let drops = |router: &RouterHandle| {
        let mut count = 0;
        router.add_rule(move |packet: &PacketAtRouter<'_>| {
            count += u32::from(packet.header.payload_len() > 0 && packet.direction == Direction::Up);
            let third =
                packet.header.payload_len() > 0 && count % 3 == 0 && packet.direction == Direction::Up;
            if third { Verdict::Drop } else { Verdict::Pass }
        });
    };
    let (_, capture, report) = upload(14_600, drops);
    let packets = capture.packets();
    let data = packets.iter().filter(|packet| {
        let header = turmoil_tcp::segment::TcpHeader::read(&packet.bytes).unwrap();
        packet.direction == Direction::Up && header.payload_len() > 0
    });
    let fates: Vec<Fate> = data.map(|packet| packet.fate).collect();
    let dropped = fates.iter().filter(|fate| **fate == Fate::Cut).count();
    assert!(fates.iter().skip(2).step_by(3).all(|fate| *fate == Fate::Cut), "{fates:?}");
    assert!(dropped >= 4 && dropped == fates.len() / 3, "of ten, three; of what comes again, more");
    assert!(report.client.retransmits >= dropped as u64, "{report:?}");
    assert!(report.quiet);
}

#[test]
fn a_held_syn_goes_on_at_its_time() {
    let (plain, ..) = upload(1000, |_| {});
    let (held, _, report) = upload(1000, |router| {
        router.add_rule(|packet: &PacketAtRouter<'_>| {
            match packet.header.syn && packet.header.ack.is_none() {
                true => Verdict::Hold { until_ns: packet.at_ns + 70_000_000 },
                false => Verdict::Pass,
            }
        });
    });
    assert_eq!(held, plain + Duration::from_millis(70));
    assert_eq!(report.retransmits(), 0);
}

/// A rule finds a byte of a stream and cuts every segment to size that would carry it.
#[test]
fn a_rule_cuts_a_segment_at_an_offset() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let offsets = seen.clone();
    let path = |router: &RouterHandle| {
        router.add_rule(move |packet: &PacketAtRouter<'_>| {
            let (Some(offset), len) = (packet.stream_offset, packet.header.payload_len()) else {
                return Verdict::Pass;
            };
            if packet.direction == Direction::Down || len == 0 {
                return Verdict::Pass;
            }
            offsets.lock().unwrap().push(offset);
            if !(offset..offset + u64::from(len)).contains(&2_000) {
                return Verdict::Pass;
            }
            Verdict::Replace(packet.cut_to((2_000 - offset) as u32).into_iter().collect())
        });
    };
    let (time, capture, _) = upload(2_001, path);
    // The last byte never comes: the run ends at its limit.
    assert_eq!(time, Duration::ZERO);
    let packets = capture.packets();
    let forged = packets.iter().find(|packet| matches!(packet.fate, Fate::Forged { .. })).unwrap();
    let header = turmoil_tcp::segment::TcpHeader::read(&forged.bytes).unwrap();
    assert_eq!(header.payload_len(), 540, "2000 bytes less one segment");
    assert_eq!(seen.lock().unwrap()[..2], [0, 1460]);
}
