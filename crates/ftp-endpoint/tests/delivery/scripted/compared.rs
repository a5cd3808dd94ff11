//! What a file is held against when it has come.

use super::*;

/// What was put together is to be compared; a server that cannot, after all, gets the whole, unless it was
/// the hash that success was to be taken from.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_compared_is_sent_anew() {
    for verify in [Verify::Reply, Verify::Hash] {
        let policy = Policy { resume: true, verify, ..put() };
        let here = MemoryStore::new();
        write(&here, "f", b"abcdef").await;
        let mut came = Vec::new();
        let report = play(&policy, &here, None, async |server| {
            dialogue(server, &[("SITE PARTIAL f", "213 3"), ("FEAT", HASHES)]).await;
            server.answer("SITE HASHPARTIAL 3p f", NOTHING).await;
            assert_eq!(receive(server, &policy, Some("3p"), "f").await, b"def");
            dialogue(server, &[("OPTS HASH SHA-256", "200 ok"), ("HASH f", "550 no")]).await;
            if verify == Verify::Reply {
                came = receive(server, &policy, None, "f").await;
            }
        });
        let result = report.await.files.remove(0).result;
        assert_eq!(result.is_ok(), verify == Verify::Reply, "{result:?}");
        assert_eq!(came, if verify == Verify::Reply { &b"abcdef"[..] } else { b"" });
    }
}

/// A listing may be old: SIZE has the last word. Where it has told, nobody asks beforehand.
#[tokio::test(start_paused = true)]
async fn sizes_that_were_told_are_held_against_what_comes() {
    let minds = Policy { minds_size: true, ..get() };
    let mismatch = Some(FailureKind::Mismatch);
    for (listed, before, after, kind) in [
        (None, Some("213 5"), None, None),
        (None, Some("213 6"), None, mismatch),
        (Some(5), None, None, None),
        (Some(7), None, Some("213 5"), None),
        (Some(7), None, Some("213 7"), mismatch),
        (Some(7), None, Some("550 none"), mismatch),
    ] {
        let here = MemoryStore::new();
        let report = play(&minds, &here, listed, async |server| {
            if let Some(size) = before {
                server.answer("SIZE f", size).await;
            }
            send(server, &minds, None, b"whole").await;
            if let Some(size) = after {
                server.answer("SIZE f", size).await;
            }
        });
        let result = report.await.files.remove(0).result;
        assert_eq!(
            result.as_ref().err().map(|failure| failure.kind),
            kind,
            "{listed:?} {before:?} {after:?}"
        );
        assert_eq!(here.get(&path("f")).is_some(), kind.is_none(), "{listed:?} {before:?} {after:?}");
    }
}

/// In either direction, and whichever way round they differ.
#[tokio::test(start_paused = true)]
async fn a_file_that_has_not_the_size_that_it_is_to_have_has_failed() {
    for (direction, size_bytes) in
        [Direction::Get, Direction::Put].map(|it| [4, 5, 6].map(|n| (it, n))).concat()
    {
        let policy = Policy { direction, verify: Verify::Size, ..get() };
        let here = MemoryStore::new();
        let size = format!("213 {size_bytes}");
        let report = match direction {
            Direction::Get => {
                play(&policy, &here, None, async |server| {
                    server.answer("SIZE f", &size).await;
                    send(server, &policy, None, b"whole").await;
                })
                .await
            }
            Direction::Put => {
                write(&here, "f", b"whole").await;
                play(&policy, &here, None, async |server| {
                    assert_eq!(receive(server, &policy, None, "f").await, b"whole");
                    server.answer("SIZE f", &size).await;
                })
                .await
            }
        };
        let kind = report.files[0].result.as_ref().err().map(|failure| failure.kind);
        assert_eq!(kind, (size_bytes != 5).then_some(FailureKind::Mismatch), "{direction:?} {size_bytes}");
    }
}
