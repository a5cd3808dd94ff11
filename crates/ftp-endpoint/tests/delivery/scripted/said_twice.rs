//! Replies that are said twice, unasked or not: no file is lost by them or given another one's bytes.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

use super::pipelined::{ahead, gives};
use super::*;

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
