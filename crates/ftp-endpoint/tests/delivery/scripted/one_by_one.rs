//! Files one after the other.

use super::*;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn what_a_file_has_cost_is_its_own() {
    let (policy, here) = (get(), MemoryStore::new());
    let report = play_all(&policy, &here, &["f", "g"], None, async |server| {
        send_file(server, &policy, None, "f", b"four").await;
        send_file(server, &policy, None, "g", b"sixteen bytes it").await;
    });
    let wire_bytes: Vec<u64> = report.await.files.iter().map(|file| file.wire_bytes).collect();
    assert_eq!(wire_bytes, [4, 16]);
}

/// Nobody else has room otherwise; what broke off for another reason is kept for the next attempt.
#[tokio::test(start_paused = true)]
async fn a_part_for_which_there_is_no_room_is_not_kept() {
    for (room_bytes, kept) in [(100_000, None), (u64::MAX, Some(LARGE as u64))] {
        let policy = Policy { resume: true, ..get() };
        let here = MemoryStore::new();
        here.set_capacity_bytes(room_bytes);
        let report = play(&policy, &here, None, async |server| {
            let mut data = server.passive().await;
            server.answer("RETR f", "150 go").await;
            // Where there is no room the client is gone before the end.
            let _ = data.write_all(&vec![b'x'; LARGE]).await;
            testkit::server::settle().await;
            data.abort();
            server.say("426 broken").await;
        });
        assert!(report.await.files[0].result.is_err());
        assert_eq!(left(&here).await, kept);
    }
}

/// A server that is busy is left alone for that long, and the report tells when it was.
#[tokio::test(start_paused = true)]
async fn another_attempt_waits_for_the_retry_delay() {
    for mode in [TransmissionMode::Stream, TransmissionMode::Block] {
        for pipeline_depth in [1, 2] {
            let delay = Duration::from_secs(20);
            let policy = Policy { mode, pipeline_depth, retries: 1, retry_delay: delay, ..get() };
            let here = MemoryStore::new();
            let report = play(&policy, &here, None, async |server| {
                let mut data = server.passive().await;
                server.answer("RETR f", "450 busy").await;
                if mode == TransmissionMode::Stream {
                    return send(server, &policy, None, b"hello").await;
                }
                server.answer("RETR f", "150 go").await;
                data.write_all(b"\x40\x00\x05hello").await.unwrap();
                server.say("250 done").await;
                std::mem::forget(data);
            });
            let file = report.await.files.remove(0);
            assert_eq!((file.result, file.attempts), (Ok(()), 2), "{mode:?} {pipeline_depth}");
            let took = Duration::from_micros(file.ended_us - file.started_us);
            assert!(took >= delay, "{mode:?} {pipeline_depth}: {took:?}");
        }
    }
}
