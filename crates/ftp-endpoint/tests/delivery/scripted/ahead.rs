//! What is asked before the first file, together.

use super::*;

/// Downloads need no features, and a connection is not opened before its time where files go one by one.
#[tokio::test(start_paused = true)]
async fn no_more_is_asked_ahead_than_the_files_need() {
    for pipeline_depth in [1, 8] {
        let mode = TransmissionMode::Block;
        let verify = if pipeline_depth == 1 { Verify::Size } else { Verify::Reply };
        let policy = Policy { asks_ahead: true, pipeline_depth, mode, verify, ..get() };
        let here = MemoryStore::new();
        let report = play(&policy, &here, None, async |server| {
            if verify == Verify::Size {
                server.answer("SIZE f", "213 5").await;
            }
            send(server, &policy, None, b"whole").await;
        });
        assert_eq!(report.await.files[0].result, Ok(()), "{pipeline_depth}");
    }
}
