//! Commands sent ahead in block mode.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

use super::*;
use testkit::memory_net::MemoryStream;

const BLOCK: &[u8] = b"\x40\x00\x03new";

fn ahead(policy: Policy) -> Policy {
    Policy { mode: TransmissionMode::Block, pipeline_depth: 2, ..policy }
}

/// That the client waits: it has sent nothing more.
async fn waits(server: &mut Script) {
    let more = tokio::time::timeout(std::time::Duration::from_secs(1), server.command()).await;
    assert!(more.is_err(), "{more:?}");
}

/// The file whose turn it is, by one block.
async fn gives(server: &mut Script, data: &mut MemoryStream) {
    server.say("125 here").await;
    data.write_all(BLOCK).await.unwrap();
    server.say("250 done").await;
}

/// As many as the depth says, and the next one when one is done.
#[tokio::test(start_paused = true)]
async fn no_more_commands_are_sent_ahead_than_the_depth_says() {
    let policy = ahead(get());
    let here = MemoryStore::new();
    let report = play_all(&policy, &here, &["a", "b", "c", "d"], None, async |server| {
        let mut data = server.passive().await;
        server.expect("RETR a").await;
        server.expect("RETR b").await;
        waits(server).await;
        for next in [Some("RETR c"), Some("RETR d"), None, None] {
            gives(server, &mut data).await;
            if let Some(next) = next {
                server.expect(next).await;
                waits(server).await;
            }
        }
        std::mem::forget(data);
    });
    let report = report.await;
    assert!(report.files.iter().all(|file| file.result == Ok(()) && file.wire_bytes == 6), "{report:?}");
    assert_eq!((report.data_connections, read(&here, "d").await), (1, b"new".to_vec()));
}

/// SIZE tells beforehand whether a file is there at all; a hash is asked for when the file has moved. What is
/// downloaded has its name.
#[tokio::test(start_paused = true)]
async fn each_file_is_verified_as_the_policy_says() {
    const HASH: &str = "213 SHA-256 0-2 11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437 a";
    for (verify, commands) in [
        (Verify::Reply, &[("RETR a", "")][..]),
        (Verify::Size, &[("SIZE a", "213 3"), ("RETR a", "")]),
        (Verify::Hash, &[("RETR a", ""), ("HASH a", HASH)]),
    ] {
        let policy = Policy { verify, publish: Publish::Rename, ..ahead(get()) };
        let here = MemoryStore::new();
        let report = play_all(&policy, &here, &["a"], None, async |server| {
            if verify == Verify::Hash {
                server.answer("OPTS HASH SHA-256", "200 ok").await;
            }
            let mut data = server.passive().await;
            for (command, _) in commands {
                server.expect(command).await;
            }
            for (_, reply) in commands {
                if !reply.is_empty() {
                    server.say(reply).await;
                    continue;
                }
                gives(server, &mut data).await;
            }
            std::mem::forget(data);
        });
        assert_eq!(report.await.files[0].result, Ok(()), "{verify:?}");
        assert_eq!(read(&here, "a").await, b"new");
    }
}

/// Put off, it is tried when the others are done; when it was begun first is what is told.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_refused_for_now_is_tried_again_behind_the_others() {
    let policy = Policy { retries: 1, ..ahead(get()) };
    let here = MemoryStore::new();
    let report = play_all(&policy, &here, &["a", "b"], None, async |server| {
        let mut data = server.passive().await;
        server.expect("RETR a").await;
        server.answer("RETR b", "450 busy").await;
        gives(server, &mut data).await;
        server.expect("RETR a").await;
        gives(server, &mut data).await;
        std::mem::forget(data);
    });
    let report = report.await;
    let of = |index: usize| (report.files[index].result.clone(), report.files[index].attempts);
    assert_eq!((of(0), of(1)), ((Ok(()), 2), (Ok(()), 1)));
    assert!(report.files[0].started_us < 1_000_000, "{report:?}");
    assert_eq!(report.data_connections, 1, "a refusal is no matter of the connection");
}

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
