//! What real sockets do beyond the contract of [`Net`] (`tests/net_conformance.rs`).

use super::{RealNet, RealStream, runtime};
use crate::net::{Listener, Net, Pace, Stream};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn pair() -> (RealStream, RealStream) {
    let net = RealNet::new();
    let listener = net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let near = net.connect(None, listener.local_addr().unwrap()).await.unwrap();
    let (far, peer) = listener.accept().await.unwrap();
    assert_eq!(near.local_addr().unwrap(), peer);
    assert_eq!(far.local_addr().unwrap(), near.peer_addr().unwrap());
    (near, far)
}

/// What comes until the end.
async fn all(from: &mut RealStream) -> std::io::Result<Vec<u8>> {
    let mut found = Vec::new();
    from.read_to_end(&mut found).await.map(|_| found)
}

#[test]
fn writes_together_wait_for_the_flush_and_keep_their_order() {
    runtime().unwrap().block_on(async {
        let (mut near, mut far) = pair().await;
        near.pace(Pace::Together);
        near.write_all(b"one ").await.unwrap();
        near.write_all(b"two ").await.unwrap();
        let mut found = [0; 32];
        let early = tokio::time::timeout(Duration::from_millis(50), far.read(&mut found)).await;
        assert!(early.is_err(), "{early:?}");
        near.flush().await.unwrap();
        let read = far.read(&mut found).await.unwrap();
        assert_eq!(&found[..read], b"one two ");
        // What is long is not held back, and what waits goes before it.
        near.write_all(b"three").await.unwrap();
        let long = vec![7; 1 << 20];
        let (written, read) = tokio::join!(near.write_all(&long), async {
            let mut found = vec![0; 5 + long.len()];
            far.read_exact(&mut found).await.map(|_| found)
        });
        written.unwrap();
        let found = read.unwrap();
        assert!(found[..5] == *b"three" && found[5..] == long);
        // Many short ones do not pile up without bound.
        let (written, read) = tokio::join!(
            async {
                for round in 0..10_000_u32 {
                    near.write_all(&round.to_be_bytes().repeat(64)).await?;
                }
                near.finish().await?;
                drop(near);
                Ok::<_, std::io::Error>(())
            },
            all(&mut far)
        );
        written.unwrap();
        let expected: Vec<u8> = (0..10_000_u32).flat_map(|round| round.to_be_bytes().repeat(64)).collect();
        assert!(read.unwrap() == expected);
    });
}

#[test]
fn what_goes_with_the_close_arrives_whole() {
    runtime().unwrap().block_on(async {
        for bytes in [0, 1, 100_000, 10 << 20] {
            let (mut near, mut far) = pair().await;
            let sent = vec![3; bytes];
            near.pace(Pace::WithClose);
            let (written, read) = tokio::join!(
                async {
                    near.write_all(&sent).await?;
                    near.finish().await?;
                    drop(near);
                    Ok::<_, std::io::Error>(())
                },
                all(&mut far)
            );
            written.unwrap();
            assert!(read.unwrap() == sent, "{bytes}");
        }
    });
}

/// Looks before each sleep, however often they fail, neither lose a wake-up nor cost much.
#[test]
fn sleeps_end_when_something_comes_and_looks_in_vain_become_rare() {
    runtime().unwrap().block_on(async {
        let (mut near, mut far) = pair().await;
        let begun = Instant::now();
        let (pauses, bytes) = (40, 2000);
        let slow = async {
            for _ in 0..pauses {
                tokio::time::sleep(Duration::from_millis(2)).await;
                near.write_all(b"x").await.unwrap();
                near.read_exact(&mut [0]).await.unwrap();
            }
            // They go at once, back and forth, too.
            for _ in 0..bytes {
                near.write_all(b"y").await.unwrap();
                near.read_exact(&mut [0]).await.unwrap();
            }
        };
        let echo = async {
            for _ in 0..pauses + bytes {
                far.read_exact(&mut [0]).await.unwrap();
                far.write_all(b"z").await.unwrap();
            }
        };
        tokio::join!(slow, echo);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_cloned_listener_serves_another_runtime() {
    let (first, second) = (runtime().unwrap(), runtime().unwrap());
    let listener = first.block_on(RealNet::new().listen(([127, 0, 0, 1], 0).into())).expect("a listener");
    let copy = listener.try_clone().unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || {
        for _ in 0..2 {
            std::net::TcpStream::connect(address).unwrap();
        }
    });
    first.block_on(listener.accept()).unwrap();
    second.block_on(copy.accept()).unwrap();
    client.join().unwrap();
}

/// A reset is told once by the system: who asks again hears of an end in order.
#[test]
fn a_reset_is_no_end() {
    runtime().unwrap().block_on(async {
        let (near, mut far) = pair().await;
        near.abort();
        let ended = far.read(&mut [0; 8]).await;
        assert_eq!(ended.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
    });
}

#[test]
fn what_stands_behind_a_mark_is_read_at_once() {
    runtime().unwrap().block_on(async {
        let (mut near, mut far) = pair().await;
        near.write_all(b"ABOR").await.unwrap();
        let mut found = [0; 8];
        let read = loop {
            match far.read_past_mark(&mut found) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    tokio::task::yield_now().await
                }
                other => break other.unwrap(),
            }
        };
        assert_eq!(&found[..read], b"ABOR");
    });
}

#[test]
fn time_goes_on() {
    let net = RealNet::new();
    let pause = Duration::from_millis(2);
    std::thread::sleep(pause);
    assert!(net.now() >= pause);
}

#[test]
fn whether_a_connection_waits_is_known_at_once() {
    runtime().unwrap().block_on(async {
        let net = RealNet::new();
        let listener = net.listen(([0, 0, 0, 0], 0).into()).await.unwrap();
        assert!(listener.accept_waiting().await.unwrap().is_none());
        let to = ([127, 0, 0, 1], listener.local_addr().unwrap().port()).into();
        let near = net.connect(None, to).await.unwrap();
        let (far, peer) = listener.accept_waiting().await.unwrap().expect("it has come");
        assert_eq!(near.local_addr().unwrap(), peer);
        // Of a listener on all addresses each connection has its own.
        assert_eq!(far.local_addr().unwrap(), to);
        assert!(listener.accept_waiting().await.unwrap().is_none());
    });
}

#[test]
fn what_need_not_wait_does_not_overtake_what_does() {
    runtime().unwrap().block_on(async {
        let (mut near, mut far) = pair().await;
        near.pace(Pace::Together);
        near.write_all(b"first ").await.unwrap();
        near.write_all(&[b'x'; 20_000]).await.unwrap();
        near.write_all(b"third ").await.unwrap();
        near.pace(Pace::Now);
        near.write_all(b"last").await.unwrap();
        drop(near);
        let wanted = [&b"first "[..], &[b'x'; 20_000], b"third last"].concat();
        assert!(all(&mut far).await.unwrap() == wanted);
    });
}

/// It is told at once, and not when something is sent.
#[tokio::test]
async fn a_port_on_which_nobody_listens_refuses() {
    let net = RealNet::new();
    let listener = net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let nobody = Listener::local_addr(&listener).unwrap();
    drop(listener);
    let refused = net.connect(None, nobody).await.err();
    assert_eq!(refused.map(|error| error.kind()), Some(std::io::ErrorKind::ConnectionRefused));
}
