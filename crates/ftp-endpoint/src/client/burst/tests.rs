use super::*;
use crate::client::queue::Shared;
use crate::client::report::Job;
use crate::store::memory::MemoryStore;
use ftp_proto::path::VirtualPath;
use tokio_util::sync::CancellationToken;

/// A flight for each of these commands, which have been sent in this order.
fn burst(commands: impl IntoIterator<Item = Command>) -> Burst<MemoryStore> {
    let job = || Job { local: VirtualPath::root(), remote: "f".to_owned() };
    let jobs = Box::new(std::iter::repeat_with(job));
    let shared = Shared::new(jobs, Box::new(|_, _| {}), CancellationToken::new());
    let mut queue = crate::client::queue::Queue::new(shared.into());
    let mut burst = Burst::new();
    for command in commands {
        let mut flight = Flight::new(queue.take(0).unwrap(), None);
        flight.owed = 1;
        burst.flights.insert(burst.next, flight);
        burst.owed_bytes += 6;
        burst.owed.push_back(Sent { flight: burst.next, command, bytes: 6 });
        burst.next += 1;
    }
    burst
}

fn downloads(files: usize) -> Burst<MemoryStore> {
    burst(std::iter::repeat_n(Command::Retr("f".to_owned()), files))
}

/// Else a delivery of many files would stop sending commands ahead after some.
#[test]
fn what_is_answered_makes_room() {
    let mut burst = downloads(3);
    assert_eq!((burst.in_transfer(), burst.owed_bytes), (3, 18));
    for (left, owed_bytes) in [(2, 12), (1, 6), (0, 0)] {
        burst.take_reply(Reply::new(125, "here"));
        burst.take_reply(Reply::new(250, "done"));
        assert_eq!((burst.in_transfer(), burst.owed_bytes, burst.owed.len()), (left, owed_bytes, left));
    }
    assert!(!burst.broken);
    assert!(burst.flights.values().all(|flight| flight.begun && flight.completed && flight.owed == 0));
}

/// 425 and 426 are about the data connection, which is no good for the files behind; other refusals are about
/// the one file. What was broken before stays it.
#[test]
fn only_a_refusal_of_the_connection_breaks_it() {
    for (code, breaks) in [(425, true), (426, true), (450, false), (550, false)] {
        let mut burst = downloads(2);
        burst.take_reply(Reply::new(code, "no"));
        assert_eq!(burst.broken, breaks, "{code}");
        burst.take_reply(Reply::new(550, "none"));
        assert_eq!(burst.broken, breaks, "{code}");
    }
    let mut burst = downloads(1);
    burst.take_reply(Reply::new(125, "here"));
    burst.take_reply(Reply::new(550, "the disk is broken"));
    assert!(burst.broken, "what has come of it is still on the connection");
}

/// What was sent ahead of the refusal is on its way, and is read away by the server; else there is nothing to
/// send any more.
#[tokio::test]
async fn a_refused_upload_is_sent_only_where_the_server_reads_it_away() {
    let store = MemoryStore::new();
    store.insert(&VirtualPath::root().join("f").unwrap(), *b"content");
    for xpipe in [true, false] {
        let mut burst = burst([Command::Stor("f".to_owned())]);
        burst.xpipe = xpipe;
        let file = store.read(&VirtualPath::root().join("f").unwrap(), 0).await.unwrap();
        let flight = burst.flights.get_mut(&0).unwrap();
        flight.reader = Some(LocalReader::new(file, &crate::client::Policy::default()));
        assert_eq!(burst.next_to_move(Direction::Put), xpipe.then_some(0));
        burst.take_reply(Reply::new(553, "no"));
        assert_eq!(burst.next_to_move(Direction::Put), xpipe.then_some(0));
        assert_eq!(burst.flights[&0].is_unmoved(Direction::Put), xpipe);
        assert!(burst.flights[&0].refused && burst.flights[&0].error.is_some());
    }
}

/// A server that pipes uploads does not push downloads: nothing is received before it has begun.
#[test]
fn a_download_is_awaited_where_it_has_begun() {
    let mut burst = downloads(2);
    burst.xpipe = true;
    assert_eq!(burst.next_to_move(Direction::Get), None);
    burst.take_reply(Reply::new(125, "here"));
    assert_eq!(burst.next_to_move(Direction::Get), Some(0));
    burst.flights.get_mut(&0).unwrap().moved = Some(TransferStats::default());
    assert_eq!(burst.next_to_move(Direction::Get), None);
}
