//! Processes that die or abort, and hosts without power.

use super::harness::*;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::network::{RunEnd, SimNet, Tap};

/// Kills the writing process after so many bytes of its stream.
struct KillAfter(u64);

impl Tap for KillAfter {
    fn on_write(&self, _: &SimNet, _: SocketAddr, _: SocketAddr, offset: u64, bytes: &[u8]) -> usize {
        bytes.len().min(self.0.saturating_sub(offset) as usize)
    }
    fn on_written(&self, net: &SimNet, _: SocketAddr, _: SocketAddr, end: u64) {
        if end == self.0 {
            net.kill();
        }
    }
}

#[test]
fn a_dying_process_leaves_a_clean_end_and_everything_it_wrote() {
    for wanted in [1u64, 1_460, 20_000, 300_000] {
        let shared = Shared::default();
        let s = shared.clone();
        let report = go(
            0,
            1,
            &shared,
            move |net, _| async move {
                net.set_tap(Arc::new(KillAfter(wanted)));
                let process = net.process();
                let life = async {
                    let listener = process.listen((net.ip(), 3000).into()).await.unwrap();
                    let mut stream = process.connect(None, server_addr()).await.unwrap();
                    for piece in pattern(400_000).chunks(1000) {
                        stream.write_all(piece).await.unwrap();
                    }
                    drop(listener);
                    unreachable!("it goes on living");
                };
                tokio::select! {
                    biased;
                    () = life => {}
                    () = process.killed() => {}
                }
                assert!(!process.is_alive() && net.is_alive());
                let forever =
                    net.timeout(Duration::from_secs(1), process.sleep(Duration::from_millis(1))).await;
                assert!(forever.is_err(), "a dead process does not wake");
                // Its ports are free.
                net.listen((net.ip(), 3000).into()).await.unwrap();
            },
            move |net, _| async move {
                let listener = net.listen(server_addr()).await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut seen = Seen::default();
                read_on(&net, &mut stream, &mut seen).await;
                s.lock().unwrap().server = seen;
            },
        );
        let both = shared.lock().unwrap().clone();
        assert!(both.server.read == pattern(wanted as usize), "{wanted}: {}", both.server.read.len());
        assert_eq!(both.server.read_end, CLEAN);
        assert!(report.quiet, "{report:?}");
    }
}

#[test]
fn a_killed_server_can_be_started_again() {
    let shared = Shared::default();
    let report = go(
        0,
        1,
        &shared,
        |net, _| async move {
            let mut first = net.connect(None, server_addr()).await.unwrap();
            first.write_all(b"never read by the application").await.unwrap();
            assert_eq!(
                first.read_u8().await.unwrap_err().kind(),
                ErrorKind::ConnectionReset,
                "it had unread data"
            );
            let error = net.connect(None, server_addr()).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            net.sleep(Duration::from_secs(1)).await;
            let mut second = net.connect(None, server_addr()).await.unwrap();
            assert_eq!(second.read_u8().await.unwrap(), b'!');
        },
        |net, _| async move {
            let process = net.process();
            let serve = async {
                let listener = process.listen(server_addr()).await.unwrap();
                let _stream = listener.accept().await.unwrap();
                net.sleep(Duration::from_millis(100)).await;
                process.kill();
                std::future::pending::<()>().await
            };
            tokio::select! {
                biased;
                () = process.killed() => {}
                () = serve => {}
            }
            net.sleep(Duration::from_secs(1)).await;
            let process = net.process();
            let listener = process.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"!").await.unwrap();
        },
    );
    assert!(matches!(report.end, RunEnd::Finished { .. }), "{report:?}");
    assert!(report.quiet, "{report:?}");
}

#[test]
fn power_loss_is_silence_and_then_a_reset() {
    let shared = Shared::default();
    let report = go(
        0,
        1,
        &shared,
        |net, _| async move {
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'!');
            net.sleep(Duration::from_millis(500)).await;
            stream.write_all(b"are you there?").await.unwrap();
            let silence = net.timeout(Duration::from_millis(1_000), stream.read_u8()).await;
            assert!(silence.is_err());
            // The next retransmission after the power is back finds nobody.
            assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert!(
                net.now() > Duration::from_secs(2) && net.now() < Duration::from_secs(6),
                "{:?}",
                net.now()
            );
        },
        |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"!").await.unwrap();
            net.sleep(Duration::from_millis(100)).await;
            net.power_off();
            assert!(!net.is_alive());
            let off = net.clone();
            tokio::task::spawn_local(async move {
                // This is whoever stands beside the machine.
                off.outside_sleep(Duration::from_secs(2)).await;
                off.power_on();
            });
            std::future::pending::<()>().await
        },
    );
    assert!(matches!(report.end, RunEnd::Finished { .. }), "{report:?}");
    assert!(report.quiet, "{report:?}");
}

#[test]
fn an_aborting_sender_resets() {
    let shared = Shared::default();
    go(
        0,
        1,
        &shared,
        |net, _| async move {
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            stream.write_all(&pattern(1_000_000)[..100_000]).await.unwrap();
            stream.abort();
        },
        |net, _| async move {
            let listener = net.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Seen::default();
            read_on(&net, &mut stream, &mut seen).await;
            assert_eq!(seen.read_end, RESET);
            assert!(seen.read.len() < 100_000, "what was queued is lost");
        },
    );
}

/// Kills the reading process, or takes its host's power, when it has read so many bytes.
struct EndAtRead {
    bytes: u64,
    power: bool,
}

impl Tap for EndAtRead {
    fn on_read(&self, net: &SimNet, _: SocketAddr, _: SocketAddr, offset: u64) -> usize {
        if offset == self.bytes {
            if self.power { net.power_off() } else { net.kill() }
        }
        (self.bytes - offset) as usize
    }
}

/// A client sends 30,000 bytes to a server that ends after having read so many; what the server has
/// read and what the client observes.
fn receiver_ends(bytes: u64, power: bool) -> Both {
    let shared = Shared::default();
    let (c, s) = (shared.clone(), shared.clone());
    go(
        0,
        1,
        &shared,
        move |net, _| async move {
            let mut stream = net.connect(None, server_addr()).await.unwrap();
            stream.write_all(&pattern(30_000)).await.unwrap();
            let mut seen = Seen::default();
            read_on(&net, &mut stream, &mut seen).await;
            c.lock().unwrap().client = seen;
        },
        move |net, _| async move {
            net.set_tap(Arc::new(EndAtRead { bytes, power }));
            let process = net.process();
            let listener = process.listen(server_addr()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                s.lock().unwrap().server.read.extend_from_slice(&buffer[..n]);
            }
        },
    );
    let both = shared.lock().unwrap().clone();
    assert!(both.server.read == pattern(bytes as usize), "{bytes}: {}", both.server.read.len());
    both
}

#[test]
fn a_dying_receiver_has_read_what_comes_before_the_byte_and_resets_the_rest() {
    for bytes in [1, 10_007, 29_999] {
        assert_eq!(receiver_ends(bytes, false).client.read_end, RESET, "{bytes}");
    }
    // Nothing is unread: before the first byte has come, and after the last.
    for bytes in [0, 30_000] {
        assert_eq!(receiver_ends(bytes, false).client.read_end, CLEAN, "{bytes}");
    }
}

#[test]
fn a_receiver_without_power_is_silent() {
    for bytes in [0, 10_007, 30_000] {
        assert_eq!(receiver_ends(bytes, true).client.read_end, None, "{bytes}");
    }
}
