//! Commands sent ahead in block mode.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

use super::*;
use crate::{Mutex, Time, Who};
use testkit::slow_store::SlowStore;

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

/// Who answers once more than it was asked, in its second session does not: `wrong` says what it does in the first.
async fn play_twice(
    policy: &Policy,
    here: &MemoryStore,
    wrong: impl AsyncFnOnce(&mut Script),
    again: &[&str],
) -> Report {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let is_put = policy.direction == Direction::Put;
    let serve = async {
        let mut server = Script::accept(net.clone(), &listener).await;
        server.log_in(Some("B")).await;
        wrong(&mut server).await;
        drop(server);
        let mut server = Script::accept(net.clone(), &listener).await;
        server.log_in(Some("B")).await;
        if is_put {
            server.answer("FEAT", NOTHING).await;
        }
        let mut data = server.passive().await;
        for command in again {
            server.expect(command).await;
        }
        for command in again {
            if is_put {
                server.say("125 here").await;
                assert_eq!(take_blocks(&mut data).await, command.as_bytes()[5..].repeat(3));
                server.say("250 done").await;
            } else {
                gives(&mut server, &mut data).await;
            }
        }
        server.answer("QUIT", "221 bye").await;
        std::mem::forget(data);
    };
    let (host, login) = (net.host([10, 0, 0, 2]), Login::new("me", "secret"));
    let jobs = ["a", "b", "c"].map(|name| Job { local: path(name), remote: name.to_owned() });
    let delivery = Delivery::new(&host, here, SERVER, &login).policy(policy);
    tokio::join!(serve, delivery.deliver(&jobs)).1
}

/// The first session's data connection, when all three files have been asked for.
async fn three_asked(server: &mut Script, verb: &str) -> <MemoryNet as Net>::Stream {
    if verb == "STOR" {
        server.answer("FEAT", NOTHING).await;
    }
    let data = server.passive().await;
    for name in ["a", "b", "c"] {
        server.expect(&format!("{verb} {name}")).await;
    }
    data
}

/// One completion too many is taken for the next file's: no file vanishes from the report, and none is told by another's.
#[tokio::test(start_paused = true)]
async fn a_completion_that_was_said_twice_loses_no_file() {
    let (policy, here) = (Policy { retries: 1, pipeline_depth: 4, ..ahead(get()) }, MemoryStore::new());
    let wrong = async |server: &mut Script| {
        let mut data = three_asked(server, "RETR").await;
        gives(server, &mut data).await;
        for reply in ["250 done", "426 gone", "426 gone"] {
            server.say(reply).await;
        }
        testkit::server::settle().await;
    };
    let report = play_twice(&policy, &here, wrong, &["RETR b", "RETR c"]).await;
    let of = |file: &ftp_endpoint::client::FileReport| (file.name.clone(), file.result.is_ok());
    assert_eq!(
        report.files.iter().map(of).collect::<Vec<_>>(),
        ["a", "b", "c"].map(|name| (name.to_owned(), true))
    );
}

/// Of what is sent as well; and what is to come goes over another session, though this one owes nothing any more.
#[tokio::test(start_paused = true)]
async fn a_completion_of_an_upload_that_was_said_twice_ends_its_session() {
    let (policy, here) = (Policy { retries: 1, pipeline_depth: 4, ..ahead(put()) }, MemoryStore::new());
    for name in ["a", "b", "c"] {
        write(&here, name, name.repeat(3).as_bytes()).await;
    }
    let wrong = async |server: &mut Script| {
        let mut data = three_asked(server, "STOR").await;
        server.say("125 here").await;
        assert_eq!(take_blocks(&mut data).await, b"aaa");
        for reply in ["250 done", "250 done", "426 gone"] {
            server.say(reply).await;
        }
        server.gone().await;
    };
    let report = play_twice(&policy, &here, wrong, &["STOR b", "STOR c"]).await;
    assert!(report.files.iter().all(|file| file.result.is_ok()), "{report:?}");
}

/// A refusal too many moves each file behind it to the next one's name: what came since is none of them, and what was
/// sent stands under its own names in the end.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_was_said_twice_gives_no_file_anothers_bytes() {
    let (policy, here) = (Policy { retries: 1, pipeline_depth: 4, ..ahead(get()) }, MemoryStore::new());
    let wrong = async |server: &mut Script| {
        let mut data = three_asked(server, "RETR").await;
        server.say("550 none").await;
        server.say("550 none").await;
        // What is b's comes where c's is awaited.
        server.say("125 here").await;
        data.write_all(b"\x40\x00\x03ofb").await.unwrap();
        server.say("250 done").await;
        server.expect("NOOP").await;
        server.say("125 here").await;
        testkit::server::settle().await;
        std::mem::forget(data);
    };
    let report = play_twice(&policy, &here, wrong, &["RETR b", "RETR c"]).await;
    let of = |index: usize| report.files[index].result.is_ok();
    assert_eq!([of(0), of(1), of(2)], [false, true, true], "{report:?}");
    assert_eq!((read(&here, "b").await, read(&here, "c").await), (b"new".to_vec(), b"new".to_vec()));

    let policy = Policy { retries: 1, pipeline_depth: 4, ..ahead(put()) };
    for name in ["a", "b", "c"] {
        write(&here, name, name.repeat(3).as_bytes()).await;
    }
    let wrong = async |server: &mut Script| {
        let mut data = three_asked(server, "STOR").await;
        server.say("550 not that one").await;
        server.say("550 not that one").await;
        server.say("125 here").await;
        assert_eq!(take_blocks(&mut data).await, b"ccc", "which would be b's");
        server.say("250 done").await;
        server.expect("NOOP").await;
        server.say("125 here").await;
        testkit::server::settle().await;
        std::mem::forget(data);
    };
    let report = play_twice(&policy, &here, wrong, &["STOR b", "STOR c"]).await;
    let of = |index: usize| report.files[index].result.is_ok();
    assert_eq!([of(0), of(1), of(2)], [false, true, true], "{report:?}");
}
