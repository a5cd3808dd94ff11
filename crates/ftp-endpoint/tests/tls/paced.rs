//! When what is written under TLS leaves, how much is read at a time, and what the connection below is told.

use super::gathered::{Counted, Seen, accept, connect, seen};
use ftp_endpoint::net::{Channel, Net, Pace, Stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::memory_net::MemoryNet;
use testkit::server::SERVER;
use testkit::tls::{Identity, TLS13};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// RFC 8446 section 5.2: a header of five bytes, a type, and a tag of 16.
const AROUND_A_RECORD: usize = 22;
const RECORD_BYTES: usize = 16 * 1024;

type End = (Channel<Counted>, Arc<AtomicUsize>, Arc<Seen>);

/// Client's and server's ends under TLS; nothing is on its way.
async fn secured() -> [End; 2] {
    let identity = Identity::new();
    let [mut near, mut far] = seen().await;
    let connects = async {
        connect(&mut near.0, &identity, TLS13).await;
        near.0.flush().await.unwrap();
    };
    let accepts = async {
        accept(&mut far.0, &identity, TLS13).await;
        far.0.flush().await.unwrap();
    };
    tokio::join!(connects, accepts);
    [near, far]
}

/// How many writes, and of how many bytes, `work` makes at the connection below.
async fn written(end: &mut End, work: impl AsyncFnOnce(&mut Channel<Counted>)) -> (usize, usize) {
    let now = |end: &End| (end.1.load(Ordering::Relaxed), end.2.written_bytes.load(Ordering::Relaxed));
    let before = now(end);
    work(&mut end.0).await;
    let after = now(end);
    (after.0 - before.0, after.1 - before.1)
}

#[tokio::test]
async fn small_writes_that_may_wait_share_a_record() {
    let [mut near, _far] = secured().await;
    let write = async |end: &mut End, bytes: usize| {
        written(end, async |channel| channel.write_all(&vec![b'x'; bytes]).await.unwrap()).await
    };
    let nothing = (0, 0);
    assert_eq!(write(&mut near, 1000).await, (1, 1000 + AROUND_A_RECORD), "it was to leave at once");
    near.0.pace(Pace::Together);
    for bytes in [1000, 1000, 1000] {
        assert_eq!(write(&mut near, bytes).await, nothing);
    }
    let flushed = written(&mut near, async |channel| channel.flush().await.unwrap()).await;
    assert_eq!(flushed, (1, 3000 + AROUND_A_RECORD));
    // As much as a record holds; what is too much for it leaves what was there before.
    assert_eq!(write(&mut near, 10_000).await, nothing);
    assert_eq!(write(&mut near, RECORD_BYTES - 10_000).await, nothing);
    assert_eq!(write(&mut near, 1).await, (1, RECORD_BYTES + AROUND_A_RECORD));
    near.0.flush().await.unwrap();
    // What fills a record by itself has nothing to wait for.
    assert_eq!(write(&mut near, RECORD_BYTES).await, (1, RECORD_BYTES + AROUND_A_RECORD));
}

/// The end of the handshake, which the server waits for, among them.
#[tokio::test]
async fn what_was_to_leave_at_once_has_left_when_it_is_settled() {
    let identity = Identity::new();
    let [mut near, mut far] = seen().await;
    let connects = async {
        connect(&mut near.0, &identity, TLS13).await;
        near.0.pace(Pace::Together);
        assert_eq!(written(&mut near, async |channel| channel.settle().await.unwrap()).await, (0, 0));
        near.0.pace(Pace::Now);
        assert_eq!(written(&mut near, async |channel| channel.settle().await.unwrap()).await.0, 1);
    };
    tokio::join!(connects, accept(&mut far.0, &identity, TLS13));
}

/// Whatever the connection takes of it at a time, without a flush.
#[tokio::test]
async fn what_is_written_leaves_with_the_end_of_the_handshake() {
    let identity = Identity::new();
    for (takes_one, writes) in [(false, 1), (true, 2)] {
        let [mut near, mut far] = seen().await;
        let connects = async {
            connect(&mut near.0, &identity, TLS13).await;
            near.2.takes_one.store(takes_one, Ordering::Relaxed);
            let sent = written(&mut near, async |channel| channel.write_all(b"now").await.unwrap()).await;
            assert_eq!(sent.0, writes);
        };
        tokio::join!(connects, accept(&mut far.0, &identity, TLS13));
    }
}

/// One read gives what is there, in however many records it has come.
#[tokio::test]
async fn as_many_records_are_read_as_there_are() {
    let [mut near, mut far] = secured().await;
    for _ in 0..3 {
        near.0.write_all(&[b'x'; 1000]).await.unwrap();
    }
    assert_eq!(far.0.read(&mut [0; 10_000]).await.unwrap(), 3000);
    for _ in 0..3 {
        near.0.write_all(&[b'x'; 1000]).await.unwrap();
    }
    for left in [1500, 1500] {
        assert_eq!(far.0.read(&mut [0; 1500]).await.unwrap(), left, "no more than there is room for");
    }
}

/// Full ones as well, of which the first is whole long before the last has been taken from the connection.
#[tokio::test]
async fn a_read_goes_on_to_the_records_behind() {
    let [mut near, mut far] = secured().await;
    near.0.write_all(&[b'x'; 3 * RECORD_BYTES]).await.unwrap();
    near.0.flush().await.unwrap();
    assert_eq!(far.0.read(&mut [0; 5 * RECORD_BYTES]).await.unwrap(), 3 * RECORD_BYTES);
    near.0.write_all(&[b'x'; 3 * RECORD_BYTES]).await.unwrap();
    near.0.flush().await.unwrap();
    assert_eq!(far.0.read(&mut [0; RECORD_BYTES + 1]).await.unwrap(), RECORD_BYTES + 1);
    assert_eq!(far.0.read(&mut [0; 5 * RECORD_BYTES]).await.unwrap(), 2 * RECORD_BYTES - 1);
}

/// A connection that has much to say is read in large pieces, one that has little costs little memory.
#[tokio::test]
async fn room_for_what_is_read_grows_and_shrinks_with_what_comes() {
    const K: usize = 1024;
    let [mut near, mut far] = secured().await;
    far.2.rooms.lock().unwrap().clear();
    let sends = async {
        near.0.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
        near.0.flush().await.unwrap();
    };
    let mut large = vec![0; 1_000_000];
    let (read, ()) = tokio::join!(far.0.read_exact(&mut large), sends);
    read.unwrap();
    let grown = std::mem::take(&mut *far.2.rooms.lock().unwrap());
    assert!(grown.starts_with(&[8 * K, 16 * K, 32 * K, 64 * K]) && grown.contains(&(128 * K)), "{grown:?}");
    for _ in 0..10 {
        near.0.write_all(b"little").await.unwrap();
        far.0.read_exact(&mut [0; 6]).await.unwrap();
    }
    let shrunk = std::mem::take(&mut *far.2.rooms.lock().unwrap());
    assert!(shrunk.ends_with(&[64 * K, 32 * K, 16 * K, 8 * K]), "{shrunk:?}");
}

/// A connection may take of several pieces the first only: that is no end of what can be written.
#[tokio::test]
async fn what_is_held_back_may_leave_before_what_comes_with_it() {
    let [mut near, mut far] = secured().await;
    near.2.takes_one.store(true, Ordering::Relaxed);
    near.0.pace(Pace::WithClose);
    let sends = async {
        near.0.write_all(b"small").await.unwrap();
        near.0.write_all(&[b'x'; 50_000]).await.unwrap();
        near.0.shutdown().await.unwrap();
    };
    let mut all = Vec::new();
    let (read, ()) = tokio::join!(far.0.read_to_end(&mut all), sends);
    read.unwrap();
    assert_eq!(all, [&b"small"[..], &[b'x'; 50_000]].concat());
}

/// What the network can do for a connection, it can under TLS.
#[tokio::test]
async fn hints_reach_the_connection_below() {
    let [clear, _other] = seen().await;
    let [under_tls, _far] = secured().await;
    for (mut end, below) in
        [(clear, ["Now", "Together", "WithClose"]), (under_tls, ["Now", "Now", "WithClose"])]
    {
        let is_tls = end.0.is_tls();
        end.2.hints.lock().unwrap().clear();
        end.0.prompt().unwrap();
        end.0.acknowledge();
        end.0.control().unwrap();
        [Pace::Now, Pace::Together, Pace::WithClose].into_iter().for_each(|pace| end.0.pace(pace));
        let mut wanted = vec!["prompt", "acknowledge", "control"];
        wanted.extend(below);
        assert_eq!(std::mem::take(&mut *end.2.hints.lock().unwrap()), wanted, "{is_tls}");
        assert!(end.0.is_write_vectored());
        end.0.finish().await.unwrap();
        let finished = end.2.hints.lock().unwrap().contains(&"finish".to_owned());
        assert_eq!(finished, !is_tls, "close_notify comes before FIN");
    }
    let net = MemoryNet::new(SERVER.ip());
    let _listener = net.listen(SERVER).await.unwrap();
    let one_by_one = Channel::Clear(net.connect(None, SERVER).await.unwrap());
    assert!(!one_by_one.is_write_vectored(), "the one below is not");
}
