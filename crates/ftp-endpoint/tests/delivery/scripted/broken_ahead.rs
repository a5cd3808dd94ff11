//! What was asked for ahead on a connection that breaks.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

use super::pipelined::{BLOCK, ahead, gives};
use super::*;

/// The connection is no good any more: what was sent behind the file goes again over another one, and only the
/// one whose turn it was has failed an attempt.
#[tokio::test(start_paused = true)]
async fn a_connection_that_the_server_has_lost_fails_one_file() {
    let policy = Policy { retries: 1, ..ahead(get()) };
    let here = MemoryStore::new();
    let report = play_all(&policy, &here, &["a", "b"], None, async |server| {
        let data = server.passive().await;
        server.expect("RETR a").await;
        server.answer("RETR b", "425 lost").await;
        server.say("425 lost").await;
        let mut another = server.passive().await;
        drop(data);
        server.expect("RETR a").await;
        server.expect("RETR b").await;
        for _ in ["a", "b"] {
            gives(server, &mut another).await;
        }
        std::mem::forget(another);
    });
    let report = report.await;
    let of = |index: usize| (report.files[index].result.clone(), report.files[index].attempts);
    assert_eq!((of(0), of(1)), ((Ok(()), 2), (Ok(()), 1)));
    assert_eq!(report.data_connections, 2);
}

/// What was answered for good is not asked again; whose turn it was has failed an attempt, and what was behind it has
/// not been tried.
#[tokio::test(start_paused = true)]
async fn a_broken_connection_fails_the_file_whose_turn_it_was() {
    let policy = Policy { retries: 1, pipeline_depth: 4, ..ahead(get()) };
    let here = MemoryStore::new();
    let report = play_all(&policy, &here, &["a", "b", "c", "d"], None, async |server| {
        let mut data = server.passive().await;
        for name in ["a", "b", "c", "d"] {
            server.expect(&format!("RETR {name}")).await;
        }
        gives(server, &mut data).await;
        server.say("125 here").await;
        data.write_all(&BLOCK[..4]).await.unwrap();
        testkit::server::settle().await;
        data.abort();
        for reply in ["426 broken", "550 not here", "425 lost"] {
            server.say(reply).await;
        }
        let mut another = server.passive().await;
        for name in ["b", "d"] {
            server.expect(&format!("RETR {name}")).await;
        }
        for _ in ["b", "d"] {
            gives(server, &mut another).await;
        }
        std::mem::forget(another);
    });
    let report = report.await;
    let of = |index: usize| (report.files[index].result.is_ok(), report.files[index].attempts);
    assert_eq!([of(0), of(1), of(2), of(3)], [(true, 1), (true, 2), (false, 1), (true, 1)]);
    assert_eq!(report.data_connections, 2);
}

/// Whoever resets a connection has not read it: somebody else's was taken for it, and what the server has answered is
/// about that one's bytes.
#[tokio::test(start_paused = true)]
async fn answers_about_what_was_not_read_are_not_believed() {
    let policy = Policy { retries: 1, ..ahead(put()) };
    let here = MemoryStore::new();
    for name in ["a", "b"] {
        write(&here, name, b"new").await;
    }
    let report = play_all(&policy, &here, &["a", "b"], None, async |server| {
        server.answer("FEAT", NOTHING).await;
        let data = server.passive().await;
        server.expect("STOR a").await;
        server.expect("STOR b").await;
        server.say("125 here").await;
        testkit::server::settle().await;
        data.abort();
        for reply in ["250 done", "125 here", "250 done"] {
            server.say(reply).await;
        }
        let mut another = server.passive().await;
        let mut came = [0; 6];
        for name in ["a", "b"] {
            server.expect(&format!("STOR {name}")).await;
        }
        for _ in ["a", "b"] {
            server.say("125 here").await;
            another.read_exact(&mut came).await.unwrap();
            assert_eq!(came, BLOCK);
            server.say("250 done").await;
        }
        std::mem::forget(another);
    });
    let report = report.await;
    let of = |index: usize| (report.files[index].result.is_ok(), report.files[index].attempts);
    assert_eq!([of(0), of(1)], [(true, 2), (true, 1)]);
}

/// Whatever breaks behind a file, that one is done where its reply says so, and where it has its name: before the last
/// rename no more than a hidden file has come.
#[tokio::test(start_paused = true)]
async fn what_was_answered_when_a_connection_broke_is_done_once_it_has_its_name() {
    for (publish, again) in [(Publish::Direct, &["b"][..]), (Publish::Rename, &["a", "b"])] {
        let policy = Policy { retries: 1, publish, ..ahead(put()) };
        let stored = |name: &str| match publish {
            Publish::Direct => name.to_owned(),
            Publish::Rename => format!(".{name}.part"),
        };
        let here = MemoryStore::new();
        write(&here, "a", b"new").await;
        // More than the network holds: the client is in the middle of it when the connection breaks.
        write(&here, "b", &vec![b'x'; LARGE]).await;
        let report = play_all(&policy, &here, &["a", "b"], None, async |server| {
            server.answer("FEAT", "211-these\r\n XPIPE\r\n211 end").await;
            server.answer("OPTS XPIPE ON", "200 ok").await;
            let mut data = server.passive().await;
            for name in ["a", "b"] {
                server.expect(&format!("STOR {}", stored(name))).await;
            }
            assert_eq!(take_blocks(&mut data).await, b"new");
            testkit::server::settle().await;
            data.abort();
            for reply in ["125 here", "250 done", "125 here", "426 broken"] {
                server.say(reply).await;
            }
            let mut another = server.passive().await;
            for name in again {
                server.expect(&format!("STOR {}", stored(name))).await;
            }
            for name in again {
                server.say("125 here").await;
                let bytes = if *name == "a" { 3 } else { LARGE };
                assert_eq!(take_blocks(&mut another).await.len(), bytes);
                server.say("250 done").await;
            }
            if publish == Publish::Rename {
                for name in again {
                    server.expect(&format!("RNFR .{name}.part")).await;
                    server.expect(&format!("RNTO {name}")).await;
                    server.say("350 go on").await;
                    server.say("250 done").await;
                }
            }
            std::mem::forget(another);
        });
        let report = report.await;
        let of = |index: usize| (report.files[index].result.clone(), report.files[index].attempts);
        // The first that is not done has failed an attempt.
        let attempts = if publish == Publish::Direct { [1, 2] } else { [2, 1] };
        assert_eq!([of(0), of(1)], attempts.map(|attempts| (Ok(()), attempts)), "{publish:?}");
    }
}

/// It was renamed on the server's word, which came when the connection had broken.
#[tokio::test(start_paused = true)]
async fn a_rename_that_was_answered_after_the_connection_broke_is_done() {
    let policy = Policy { retries: 1, publish: Publish::Rename, ..ahead(put()) };
    let here = MemoryStore::new();
    for name in ["a", "b"] {
        write(&here, name, b"new").await;
    }
    let report = play_all(&policy, &here, &["a", "b"], None, async |server| {
        server.answer("FEAT", NOTHING).await;
        let mut data = server.passive().await;
        server.expect("STOR .a.part").await;
        server.expect("STOR .b.part").await;
        server.say("125 here").await;
        assert_eq!(take_blocks(&mut data).await, b"new");
        server.say("250 done").await;
        server.expect("RNFR .a.part").await;
        server.expect("RNTO a").await;
        for reply in ["425 lost", "350 go on", "250 done"] {
            server.say(reply).await;
        }
        let mut another = server.passive().await;
        server.answer("STOR .b.part", "125 here").await;
        assert_eq!(take_blocks(&mut another).await, b"new");
        server.say("250 done").await;
        dialogue(server, &[("RNFR .b.part", "350 go on"), ("RNTO b", "250 done")]).await;
        std::mem::forget((data, another));
    });
    let report = report.await;
    let of = |index: usize| (report.files[index].result.clone(), report.files[index].attempts);
    assert_eq!((of(0), of(1)), ((Ok(()), 1), (Ok(()), 2)));
}

/// A server closes what nobody has used for a while: that is no attempt at the file that comes then.
#[tokio::test(start_paused = true)]
async fn a_connection_that_was_kept_too_long_is_no_files_failure() {
    let policy = Policy { retries: 1, ..ahead(get()) };
    let here = MemoryStore::new();
    let report = play_all(&policy, &here, &["a"], None, async |server| {
        let data = server.passive().await;
        server.answer("RETR a", "450 busy").await;
        server.answer("RETR a", "425 lost").await;
        let mut another = server.passive().await;
        server.expect("RETR a").await;
        gives(server, &mut another).await;
        std::mem::forget((data, another));
    });
    let report = report.await;
    assert_eq!((&report.files[0].result, report.files[0].attempts), (&Ok(()), 2));
}
