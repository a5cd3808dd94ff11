//! Commands sent ahead in block mode.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

use super::*;
use crate::{Mutex, Time, Who};
use testkit::slow_store::SlowStore;

pub(super) const BLOCK: &[u8] = b"\x40\x00\x03new";

pub(super) fn ahead(policy: Policy) -> Policy {
    Policy { mode: TransmissionMode::Block, pipeline_depth: 2, ..policy }
}

/// That the client waits: it has sent nothing more.
async fn waits(server: &mut Script) {
    let more = tokio::time::timeout(std::time::Duration::from_secs(1), server.command()).await;
    assert!(more.is_err(), "{more:?}");
}

/// The file whose turn it is, by one block.
pub(super) async fn gives(server: &mut Script, data: &mut MemoryStream) {
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
        server.answer("NOOP", "200 ok").await;
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

/// It may have changed since it was listed, and some servers list what they cannot know: SIZE has the last word.
#[tokio::test(start_paused = true)]
async fn a_listing_that_is_out_of_date_is_asked_about_while_others_come() {
    for (verify, size, kind) in [
        (Verify::Reply, "213 3", None),
        (Verify::Size, "213 3", None),
        (Verify::Reply, "213 7", Some(FailureKind::Mismatch)),
        (Verify::Reply, "550 none", Some(FailureKind::Mismatch)),
    ] {
        let policy = Policy { verify, ..ahead(get()) };
        let here = MemoryStore::new();
        let report = play_all(&policy, &here, &["f", "g"], Some(7), async |server| {
            let mut data = server.passive().await;
            for name in ["f", "g"] {
                if verify == Verify::Size {
                    server.expect(&format!("SIZE {name}")).await;
                }
                server.expect(&format!("RETR {name}")).await;
            }
            for name in ["f", "g"] {
                if verify == Verify::Size {
                    server.say("213 3").await;
                }
                gives(server, &mut data).await;
                if name == "f" {
                    server.expect("SIZE f").await;
                }
            }
            server.say(size).await;
            std::mem::forget(data);
        });
        let report = report.await;
        let failed = report.files[0].result.as_ref().err().map(|failure| failure.kind);
        assert_eq!(failed, kind, "{verify:?} {size}");
        assert_eq!(report.files[1].result, Ok(()), "{verify:?} {size}");
        assert_eq!(here.get(&path("f")).is_some(), kind.is_none(), "{verify:?} {size}");
    }
}

/// Of what has not come there is nothing to compare; and who takes success from SIZE is told where there is none.
#[tokio::test(start_paused = true)]
async fn a_size_is_not_asked_for_again_in_vain_and_not_made_up() {
    let (policy, here) = (ahead(get()), MemoryStore::new());
    let report = play_all(&policy, &here, &["f"], Some(7), async |server| {
        let _data = server.passive().await;
        server.answer("RETR f", "550 none").await;
    });
    let failure = report.await.files.remove(0).result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);

    let policy = Policy { verify: Verify::Size, ..ahead(get()) };
    let report = play_all(&policy, &here, &["f"], None, async |server| {
        let mut data = server.passive().await;
        server.answer("SIZE f", "550 I do not tell").await;
        server.expect("RETR f").await;
        gives(server, &mut data).await;
        std::mem::forget(data);
    });
    let failure = report.await.files.remove(0).result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unverifiable);
}

/// Each try to open one is an attempt at the file that is to go over it.
#[tokio::test(start_paused = true)]
async fn a_data_connection_that_cannot_be_opened_fails_an_attempt() {
    let (policy, here) = (Policy { retries: 1, ..ahead(get()) }, MemoryStore::new());
    let report = play_all(&policy, &here, &["a"], None, async |server| {
        let refused = "450 not now";
        dialogue(server, &[("EPSV", refused), ("PASV", refused), ("PASV", refused)]).await;
    });
    let report = report.await;
    assert_eq!((report.files[0].result.is_err(), report.files[0].attempts), (true, 2));
}

/// The files of which there is a verdict, in that order.
#[derive(Default)]
struct Verdicts(Mutex<Vec<String>>);

impl Verdicts {
    fn all(&self) -> String {
        self.0.lock().unwrap().concat()
    }
}

impl Observer for Verdicts {
    fn event(&self, _: Time, _: Who, _: u64, event: &Event<'_>) {
        if let Event::FileReported { name, .. } = event {
            self.0.lock().unwrap().push((*name).to_owned());
        }
    }
}

/// It is told when the disk has it, while others come, and not with the last of them.
#[tokio::test(start_paused = true)]
async fn what_has_been_published_meanwhile_is_told_before_the_next() {
    let (here, verdicts) = (SlowStore::new(), Arc::new(Verdicts::default()));
    let policy = ahead(get());
    let report = play_watched(&policy, &here, &["a", "b", "c"], None, verdicts.clone(), async |server| {
        let mut data = server.passive().await;
        server.expect("RETR a").await;
        server.expect("RETR b").await;
        gives(server, &mut data).await;
        server.expect("RETR c").await;
        testkit::server::settle().await;
        assert_eq!(verdicts.all(), "");
        here.publish();
        gives(server, &mut data).await;
        testkit::server::settle().await;
        assert_eq!(verdicts.all(), "ab");
        gives(server, &mut data).await;
        std::mem::forget(data);
    });
    assert!(report.await.files.iter().all(|file| file.result == Ok(())));
    assert_eq!(verdicts.all(), "abc");
}

/// What is still to be told of a file that has come decides: without it there is no verdict, least of all that it differs.
#[tokio::test(start_paused = true)]
async fn a_hash_that_does_not_come_is_none() {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let serve = async {
        let mut server = Script::accept(net.clone(), &listener).await;
        server.log_in(Some("B")).await;
        server.answer("OPTS HASH SHA-256", "200 ok").await;
        let mut data = server.passive().await;
        server.expect("RETR a").await;
        server.expect("HASH a").await;
        gives(&mut server, &mut data).await;
        testkit::server::settle().await;
    };
    let here = MemoryStore::new();
    let policy = Policy { verify: Verify::Hash, ..ahead(get()) };
    let (host, login) = (net.host([10, 0, 0, 2]), Login::new("me", "secret"));
    let jobs = [Job { local: path("a"), remote: "a".to_owned() }];
    let delivery = Delivery::new(&host, &here, SERVER, &login).policy(&policy);
    let report = tokio::join!(serve, delivery.deliver(&jobs)).1;
    let failure = report.files[0].result.clone().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Control, "{failure:?}");
    assert!(here.get(&path("a")).is_none());
}
