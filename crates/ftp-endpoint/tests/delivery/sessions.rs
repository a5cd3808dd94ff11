//! The sessions of a delivery: which it opens, and that it opens none.

use super::*;
use ftp_endpoint::client::FailureKind;
use std::collections::BTreeSet;
use testkit::memory_net::MemoryNet;
use testkit::script::Script;
use testkit::server::SERVER;
use tokio_util::sync::CancellationToken;

/// The client's sessions, by number, that have sent a command.
#[derive(Default)]
struct Sessions(Mutex<BTreeSet<u64>>);

impl Observer for Sessions {
    fn event(&self, _: Time, who: Who, session: u64, event: &Event<'_>) {
        if let (Who::Client, Event::Command { .. }) = (who, event) {
            self.0.lock().unwrap().insert(session);
        }
    }
}

#[tokio::test]
async fn each_session_has_a_number_of_its_own() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        write(&world.there, name, b"content").await;
    }
    for parallel in 1..=3 {
        let policy = Policy { direction: Direction::Get, parallel, ..Policy::default() };
        let seen = Arc::new(Sessions::default());
        let report = world.deliver(&policy, &["a", "b", "c"], seen.clone()).await;
        assert_eq!(report.failed().next(), None);
        // Each takes a file before any has come.
        assert_eq!(*seen.0.lock().unwrap(), (1..=parallel.into()).collect());
    }
}

/// Who has listed the directory before has told of sessions already.
#[tokio::test]
async fn sessions_are_numbered_behind_those_that_there_were() {
    let world = World::new().await;
    write(&world.there, "a", b"content").await;
    let (net, login, seen) = (RealNet::new(), Login::new("me", "secret"), Arc::new(Sessions::default()));
    let policy = Policy { direction: Direction::Get, ..Policy::default() };
    let delivery = Delivery::new(&net, &world.here, world.address, &login).policy(&policy);
    let job = Job { local: path("a"), remote: "a".to_owned() };
    let report = delivery.observer(seen.clone()).after_sessions(4).deliver(&[job]).await;
    assert_eq!(report.failed().next(), None);
    assert_eq!(*seen.0.lock().unwrap(), [5].into());
}

/// Nobody is connected to.
#[tokio::test]
async fn a_delivery_that_has_been_cancelled_attempts_nothing() {
    let world = World::new().await;
    let (net, login) = (RealNet::new(), Login::new("me", "secret"));
    let jobs = ["a", "b"].map(|name| Job { local: path(name), remote: name.to_owned() });
    for pipeline_depth in [1, 8] {
        let mode = TransmissionMode::Block;
        let policy = Policy { direction: Direction::Get, mode, pipeline_depth, ..Policy::default() };
        let (cancel, seen) = (CancellationToken::new(), Arc::new(Sessions::default()));
        cancel.cancel();
        let delivery = Delivery::new(&net, &world.here, world.address, &login).policy(&policy);
        let report = delivery.observer(seen.clone()).cancel_by(cancel).deliver(&jobs).await;
        for file in &report.files {
            let kind = file.result.as_ref().err().map(|failure| failure.kind);
            assert_eq!(kind, Some(FailureKind::NotAttempted), "{}", file.name);
        }
        assert_eq!((report.files.len(), seen.0.lock().unwrap().len()), (2, 0));
    }
}

/// Whatever it is that it waits for: a server that does not greet, the time for a further attempt.
#[tokio::test(start_paused = true)]
async fn a_delivery_that_waits_is_cancelled_at_once() {
    for greets in [false, true] {
        let net = MemoryNet::new(SERVER.ip());
        let listener = net.listen(SERVER).await.unwrap();
        let (here, login, cancel) =
            (MemoryStore::new(), Login::new("me", "secret"), CancellationToken::new());
        let policy =
            Policy { direction: Direction::Get, retry_delay: Duration::from_secs(20), ..Policy::default() };
        let jobs = [Job { local: path("f"), remote: "f".to_owned() }];
        let serve = async {
            let mut server = Script::accept(net.clone(), &listener).await;
            if greets {
                server.say("421 not now").await;
            }
            net.sleep(Duration::from_secs(2)).await;
            cancel.cancel();
            server
        };
        let host = net.host([10, 0, 0, 2]);
        let delivery = Delivery::new(&host, &here, SERVER, &login).policy(&policy).cancel_by(cancel.clone());
        let begin = net.now();
        let deliver = async {
            let report = delivery.deliver(&jobs).await;
            (report, (net.now() - begin).as_secs())
        };
        let (_server, (report, seconds)) = tokio::join!(serve, deliver);
        assert!(report.files[0].result.is_err());
        assert_eq!(seconds, 2, "{greets}");
    }
}

/// A server that was gone for one attempt at a file is not given up for the next file: it is when all attempts have
/// found it gone.
#[tokio::test(start_paused = true)]
async fn a_server_that_was_gone_once_is_asked_again_for_the_next_file() {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let policy = Policy { direction: Direction::Get, retries: 1, ..Policy::default() };
    let serve = async {
        let mut server = Script::accept(net.clone(), &listener).await;
        server.log_in(None).await;
        let _data = server.passive().await;
        server.answer("RETR a", "450 busy").await;
        drop((server, listener));
        // Both files have found nobody by then, `a` for the last time.
        net.sleep(policy.retry_delay * 3 / 2).await;
        let listener = net.listen(SERVER).await.unwrap();
        let mut server = Script::accept(net.clone(), &listener).await;
        server.log_in(None).await;
        let data = server.passive().await;
        server.answer("RETR b", "150 go").await;
        drop(data);
        server.say("226 done").await;
        server.answer("QUIT", "221 bye").await;
    };
    let (host, here, login) = (net.host([10, 0, 0, 2]), MemoryStore::new(), Login::new("me", "secret"));
    let jobs = ["a", "b"].map(|name| Job { local: path(name), remote: name.to_owned() });
    let delivery = Delivery::new(&host, &here, SERVER, &login).policy(&policy);
    let report = tokio::join!(serve, delivery.deliver(&jobs)).1;
    let of = |index: usize| (report.files[index].result.is_ok(), report.files[index].attempts);
    assert_eq!((of(0), of(1)), ((false, 2), (true, 2)), "{report:?}");
}
