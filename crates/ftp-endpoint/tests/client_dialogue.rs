//! The client against a server that follows a script, over a network in memory with virtual time.

#![cfg(feature = "client")]
#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

#[path = "client_dialogue/asked.rs"]
mod asked;
#[path = "client_dialogue/refusals.rs"]
mod refusals;
#[path = "client_dialogue/text.rs"]
mod text;

use ftp_endpoint::client::{Client, ClientError, FailureKind, Login, Opening, Options, Policy, Session};
use ftp_endpoint::net::{Listener, Net, Stream, Time};
use ftp_endpoint::observe::{Event, Nobody, Observer, Watch, Who};
use ftp_endpoint::store::{ReadFile, StoreError};
use ftp_endpoint::transfer::{DISBELIEVED, TlsEnd, TransferError};
use ftp_proto::mode::TransmissionMode;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::files::{Bytes, Failing, Sink};
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::script::Script;
use testkit::server::{Notes, SERVER};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

fn policy(mode: TransmissionMode) -> Policy {
    Policy { mode, ..Policy::default() }
}

/// Runs `script` as the server and `client` with a session to it.
async fn play<S, C>(
    policy: &Policy,
    script: impl FnOnce(Script) -> S,
    client: impl FnOnce(Session<MemoryNet>) -> C,
) where
    S: Future<Output = ()>,
    C: Future<Output = ()>,
{
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let serve = async { script(Script::accept(net.clone(), &listener).await).await };
    let use_it = async { client(open(&net, policy, Arc::new(Nobody)).await.unwrap()).await };
    tokio::join!(serve, use_it);
}

async fn open(
    net: &MemoryNet,
    policy: &Policy,
    observer: Arc<dyn Observer>,
) -> Result<Session<MemoryNet>, ClientError> {
    let watch = || Watch::new(observer, Who::Client, 1);
    Session::open(net.host([10, 0, 0, 2]), SERVER, &Login::new("me", "secret"), policy, watch).await
}

async fn all(stream: &mut MemoryStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn stream_mode_takes_a_connection_for_each_file_and_ends_it_by_closing() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            for name in ["a", "b"] {
                let mut data = s.passive().await;
                s.answer(&format!("STOR {name}"), "150 go").await;
                assert_eq!(all(&mut data).await, b"hello");
                s.say("226 done").await;
            }
        },
        |mut c| async move {
            for name in ["a", "b"] {
                c.put_file(name, name, None, &mut Bytes::new(b"hello")).await.unwrap();
            }
            assert_eq!(c.cost().data_connections, 2);
            // They are USER, PASS, TYPE, and EPSV and STOR for each file.
            assert_eq!(c.cost().control_round_trips, 7);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn block_mode_keeps_its_connection() {
    play(
        &policy(TransmissionMode::Block),
        |mut s| async move {
            s.log_in(Some("B")).await;
            let mut data = s.passive().await;
            let mut frame = [0; 5];
            for (name, begins) in [("a", "150 go"), ("b", "125 go on")] {
                s.answer(&format!("STOR {name}"), begins).await;
                data.read_exact(&mut frame).await.unwrap();
                assert_eq!(&frame, b"\x40\x00\x02hi");
                s.say("250 done").await;
            }
            s.answer("RETR a", "125 here").await;
            data.write_all(b"\x40\x00\x02ho").await.unwrap();
            s.say("250 done").await;
            s.answer("QUIT", "221 bye").await;
        },
        |mut c| async move {
            for name in ["a", "b"] {
                c.put_file(name, name, None, &mut Bytes::new(b"hi")).await.unwrap();
            }
            let mut sink = Sink::default();
            c.get_file("a", None, &mut sink).await.unwrap();
            assert_eq!(sink.0, b"ho");
            let cost = c.quit().await;
            assert_eq!((cost.data_connections, cost.moved.wire_bytes), (1, 15));
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn another_connection_when_the_server_lost_the_kept_one() {
    play(
        &policy(TransmissionMode::Block),
        |mut s| async move {
            s.log_in(Some("B")).await;
            let mut first = s.passive().await;
            s.answer("STOR a", "150 go").await;
            first.read_exact(&mut [0; 5]).await.unwrap();
            s.say("226 done").await;
            // It still looks open to the client, but the server knows of none.
            s.answer("STOR b", "425 no data connection").await;
            let mut second = s.passive().await;
            s.answer("STOR b", "150 go").await;
            second.read_exact(&mut [0; 5]).await.unwrap();
            // This one is closed before the completion reply: the client sees it and asks at once.
            drop(second);
            s.say("226 done").await;
            let mut third = s.passive().await;
            s.answer("STOR c", "150 go").await;
            third.read_exact(&mut [0; 5]).await.unwrap();
            s.say("226 done").await;
        },
        |mut c| async move {
            for name in ["a", "b", "c"] {
                c.put_file(name, name, None, &mut Bytes::new(b"hi")).await.unwrap();
            }
            assert_eq!(c.cost().data_connections, 3);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_during_the_transfer_is_heard_and_leaves_the_session_in_step() {
    play(
        &policy(TransmissionMode::Block),
        |mut s| async move {
            s.log_in(Some("B")).await;
            let data = s.passive().await;
            s.answer("STOR big", "150 go").await;
            // Nobody reads the data; the client must not wait for its data timeout only.
            s.say("452 disk full").await;
            let mut next = s.passive().await;
            drop(data);
            s.answer("STOR small", "150 go").await;
            next.read_exact(&mut [0; 5]).await.unwrap();
            s.say("226 done").await;
        },
        |mut c| async move {
            let big = vec![1; 64 << 20];
            match c.put_file("big", "big", None, &mut Bytes::new(&big)).await {
                Err(ClientError::TransferRefused(reply)) => assert_eq!(reply.code, 452),
                other => panic!("{other:?}"),
            }
            assert!(c.in_step());
            c.put_file("small", "small", None, &mut Bytes::new(b"hi")).await.unwrap();
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_does_not_come_puts_the_session_out_of_step() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            let mut data = s.passive().await;
            s.answer("STOR a", "150 go").await;
            all(&mut data).await;
            s.gone().await;
        },
        |mut c| async move {
            let error = c.put_file("a", "a", None, &mut Bytes::new(b"hello")).await.unwrap_err();
            assert!(matches!(error, ClientError::NoReply(_)), "{error}");
            assert!(!c.in_step() && !error.is_final());
            c.abandon();
        },
    )
    .await;
}

/// RFC 959 section 3.4.1: in stream mode the close is the end of file, so a file that cannot be
/// read to its end must not be closed gracefully.
#[tokio::test(start_paused = true)]
async fn a_local_read_error_resets_the_connection() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            let mut data = s.passive().await;
            s.answer("STOR a", "150 go").await;
            let mut bytes = Vec::new();
            let error = data.read_to_end(&mut bytes).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            s.say("426 broken").await;
        },
        |mut c| async move {
            let error = c.put_file("a", "a", None, &mut Failing::default()).await.unwrap_err();
            assert_eq!(error.kind(), FailureKind::Local);
            assert!(error.is_final() && c.in_step());
        },
    )
    .await;
}

/// What many do instead, for comparisons: nobody can tell it from the end of the file.
#[tokio::test(start_paused = true)]
async fn who_ends_what_is_unfinished_ends_the_connection_in_order() {
    let policy = Policy { ends_unfinished: true, ..policy(TransmissionMode::Stream) };
    play(
        &policy,
        |mut s| async move {
            s.log_in(None).await;
            let mut data = s.passive().await;
            s.answer("STOR a", "150 go").await;
            let mut bytes = Vec::new();
            data.read_to_end(&mut bytes).await.unwrap();
            s.say("226 done").await;
        },
        |mut c| async move {
            let error = c.put_file("a", "a", None, &mut Failing::default()).await.unwrap_err();
            assert_eq!(error.kind(), FailureKind::Local);
            assert!(error.is_final() && c.in_step());
        },
    )
    .await;
}

/// Names its places by what no restart marker may hold.
struct OddlyMarked(Bytes, &'static str);

impl ReadFile for OddlyMarked {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        self.0.read(buffer).await
    }
    fn remaining_bytes(&self) -> u64 {
        self.0.remaining_bytes()
    }
    fn marker(&self) -> Option<String> {
        Some(self.1.to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn a_stores_odd_marker_fails_its_transfer() {
    for marker in ["", "byte 4", "4\r\n226 done"] {
        let mut policy = policy(TransmissionMode::Block);
        policy.marker_interval_bytes = std::num::NonZeroU64::new(4);
        play(
            &policy,
            |mut s| async move {
                s.log_in(Some("B")).await;
                let mut data = s.passive().await;
                s.answer("STOR a", "150 go").await;
                let mut bytes = Vec::new();
                let error = data.read_to_end(&mut bytes).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                s.say("426 broken").await;
            },
            |mut c| async move {
                let mut file = OddlyMarked(Bytes::new(b"12345678"), marker);
                let error = c.put_file("a", "a", None, &mut file).await.unwrap_err();
                assert!(
                    matches!(&error, ClientError::Transfer { error: TransferError::Marker(odd), .. } if odd == marker),
                    "{error}"
                );
                assert_eq!(error.kind(), FailureKind::Local);
            },
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_block_file_without_its_end_is_truncated_whatever_the_server_says() {
    play(
        &policy(TransmissionMode::Block),
        |mut s| async move {
            s.log_in(Some("B")).await;
            let mut data = s.passive().await;
            s.answer("RETR a", "150 here").await;
            data.write_all(b"\x00\x00\x02ho").await.unwrap();
            drop(data);
            s.say("226 done").await;
            s.gone().await;
        },
        |mut c| async move {
            match c.get_file("a", None, &mut Sink::default()).await {
                Err(ClientError::Transfer { error: TransferError::Truncated, reply: Some(reply) }) => {
                    assert_eq!(reply.code, 226);
                }
                other => panic!("{other:?}"),
            }
            assert!(c.in_step());
        },
    )
    .await;
}

/// The reply and the data take different connections.
#[tokio::test(start_paused = true)]
async fn a_completion_reply_may_overtake_the_data() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            let mut data = s.passive().await;
            s.answer("RETR a", "150 here").await;
            data.write_all(b"hel").await.unwrap();
            s.say("226 done").await;
            sleep(Duration::from_millis(50)).await;
            data.write_all(b"lo").await.unwrap();
            drop(data);
        },
        |mut c| async move {
            let mut sink = Sink::default();
            c.get_file("a", None, &mut sink).await.unwrap();
            assert_eq!(sink.0, b"hello");
        },
    )
    .await;
}

/// The server's side of a download of `sent`, whose 150 is this; `now` answers a SIZE behind the 226.
async fn serves_short(s: &mut Script, sent: &[u8], begins: &str, now: Option<&str>) {
    let mut data = s.passive().await;
    s.answer("RETR a", begins).await;
    data.write_all(sent).await.unwrap();
    drop(data);
    s.say("226 done").await;
    if let Some(now) = now {
        s.answer("SIZE a", now).await;
    }
}

fn told(result: Result<ftp_endpoint::transfer::TransferStats, ClientError>) -> Option<(u64, u64)> {
    match result {
        Ok(_) => None,
        Err(ClientError::SizeMismatch { server_bytes, moved_bytes }) => Some((server_bytes, moved_bytes)),
        Err(other) => panic!("{other:?}"),
    }
}

/// In stream mode the number of bytes in the 150 is all that tells a connection's early end from the file's.
#[tokio::test(start_paused = true)]
async fn a_download_shorter_than_its_150_has_told_is_an_error() {
    let minds = Policy { minds_size: true, ..policy(TransmissionMode::Stream) };
    let announced = "150 Opening BINARY mode data connection for a (5 bytes).";
    for (policy, sent, begins, now, expected) in [
        (&minds, "hel", announced, Some("213 5"), Some((5, 3))),
        (&minds, "hel", announced, Some("502 what?"), Some((5, 3))),
        // The name ends so, or the file has become shorter.
        (&minds, "hel", announced, Some("213 3"), None),
        // It grows.
        (&minds, "hello!", announced, None, None),
        (&minds, "hel", "150 here", None, None),
        // Experiments see what the protocol alone tells.
        (&Policy::default(), "hel", announced, None, None),
    ] {
        play(
            policy,
            |mut s| async move {
                s.log_in(None).await;
                serves_short(&mut s, sent.as_bytes(), begins, now).await;
                s.gone().await;
            },
            |mut c| async move {
                assert_eq!(
                    told(c.get_file("a", None, &mut Sink::default()).await),
                    expected,
                    "{sent} {begins} {now:?}"
                );
                assert!(c.in_step());
            },
        )
        .await;
    }
}

/// The client for programs asks SIZE before, once where the server does not know it.
#[tokio::test(start_paused = true)]
async fn a_fetch_shorter_than_size_has_told_is_an_error() {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let serve = async {
        let mut s = Script::accept(net.clone(), &listener).await;
        s.log_in(None).await;
        for size in ["213 5", "550 not now", "213 2", "502 what?"] {
            s.answer("SIZE a", size).await;
            serves_short(&mut s, b"hel", "150 here", None).await;
        }
        // Not again.
        serves_short(&mut s, b"hel", "150 here", None).await;
    };
    let fetch = async {
        let login = Login::new("me", "secret");
        let mut client =
            Client::connect(net.host([10, 0, 0, 2]), SERVER, &login, &Options::default()).await.unwrap();
        let short = client.fetch("a", &mut Vec::new()).await.unwrap_err();
        assert!(matches!(short, ClientError::SizeMismatch { server_bytes: 5, moved_bytes: 3 }), "{short:?}");
        for _ in 0..4 {
            assert_eq!(client.fetch("a", &mut Vec::new()).await.unwrap(), 3);
        }
    };
    tokio::join!(serve, fetch);
}

/// A middlebox that closes the data connection makes the server say 226 while we still send.
#[tokio::test(start_paused = true)]
async fn a_completion_reply_before_the_end_of_file_is_a_failure() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            let data = s.passive().await;
            s.answer("STOR a", "150 go").await;
            s.say("226 done").await;
            s.gone().await;
            drop(data);
        },
        |mut c| async move {
            let big = vec![1; 64 << 20];
            let error = c.put_file("a", "a", None, &mut Bytes::new(&big)).await.unwrap_err();
            assert!(matches!(error, ClientError::EarlyCompletion(_)), "{error}");
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn pasv_where_epsv_is_unknown_and_never_to_another_host() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            let listener = s.listen().await;
            let port = listener.local_addr().unwrap().port();
            for name in ["a", "b"] {
                if name == "a" {
                    s.answer("EPSV", "500 what?").await;
                }
                let [p1, p2] = port.to_be_bytes();
                s.answer("PASV", &format!("227 Entering Passive Mode (10,1,2,3,{p1},{p2})")).await;
                let (mut data, _) = listener.accept().await.unwrap();
                s.answer(&format!("STOR {name}"), "150 go").await;
                all(&mut data).await;
                s.say("226 done").await;
            }
        },
        |mut c| async move {
            for name in ["a", "b"] {
                c.put_file(name, name, None, &mut Bytes::new(b"x")).await.unwrap();
            }
        },
    )
    .await;
}

/// Nothing is answered before all has been asked.
#[tokio::test(start_paused = true)]
async fn what_sets_a_session_up_is_asked_together() {
    let policy = Policy { pipeline_depth: 2, asks_ahead: true, ..policy(TransmissionMode::Block) };
    for (knows_epsv, knows_xpipe) in [(true, true), (true, false), (false, true)] {
        play(
            &policy,
            |mut s| async move {
                s.say("220 ready").await;
                s.answer("USER me", "331 password").await;
                s.answer("PASS secret", "230 in").await;
                for command in ["TYPE I", "MODE B", "FEAT", "EPSV"] {
                    s.expect(command).await;
                }
                let listener = s.listen().await;
                let port = listener.local_addr().unwrap().port();
                s.say("200 ok\r\n200 ok").await;
                s.say(if knows_xpipe { "211-these\r\n XPIPE\r\n211 end" } else { "502 what?" }).await;
                if knows_epsv {
                    s.say(&format!("229 here (|||{port}|)")).await;
                } else {
                    s.say("500 what?").await;
                    let [p1, p2] = port.to_be_bytes();
                    s.answer("PASV", &format!("227 here (10,1,2,3,{p1},{p2})")).await;
                }
                let (mut data, _) = listener.accept().await.unwrap();
                if knows_xpipe {
                    s.answer("OPTS XPIPE ON", "200 on").await;
                }
                s.answer("STOR a", "150 go").await;
                let mut frame = [0; 5];
                data.read_exact(&mut frame).await.unwrap();
                assert_eq!(&frame, b"\x40\x00\x02hi");
                s.say("250 done").await;
                s.answer("QUIT", "221 bye").await;
            },
            |mut c| async move {
                c.put_file("a", "a", None, &mut Bytes::new(b"hi")).await.unwrap();
                let cost = c.quit().await;
                // USER, PASS, what sets up, STOR, QUIT; PASV, OPTS.
                assert_eq!(cost.control_round_trips, 5 + u64::from(!knows_epsv) + u64::from(knows_xpipe));
            },
        )
        .await;
    }
}

/// The refusal is told, whatever else has been asked with it.
#[tokio::test(start_paused = true)]
async fn a_mode_that_is_refused_ahead_ends_the_session() {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let policy = Policy { pipeline_depth: 2, asks_ahead: true, ..policy(TransmissionMode::Block) };
    let serve = async {
        let mut s = Script::accept(net.clone(), &listener).await;
        s.say("220 ready").await;
        s.answer("USER me", "230 in").await;
        for command in ["TYPE I", "MODE B", "FEAT", "EPSV"] {
            s.expect(command).await;
        }
        s.say("200 ok\r\n504 no\r\n502 what\r\n229 here (|||1|)").await;
    };
    let (opened, ()) = tokio::join!(open(&net, &policy, Arc::new(Nobody)), serve);
    assert!(matches!(opened.err(), Some(ClientError::Refused { command, .. }) if command == "MODE B"));
}

#[tokio::test(start_paused = true)]
async fn active_mode_listens_and_sends_port() {
    let policy = Policy { opening: Opening::Active, ..policy(TransmissionMode::Stream) };
    play(
        &policy,
        |mut s| async move {
            s.log_in(None).await;
            let to = s.port().await;
            s.answer("RETR a", "150 here").await;
            let mut data = s.connect(to).await;
            data.write_all(b"hello").await.unwrap();
            drop(data);
            s.say("226 done").await;
        },
        |mut c| async move {
            let mut sink = Sink::default();
            c.get_file("a", None, &mut sink).await.unwrap();
            assert_eq!(sink.0, b"hello");
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn active_mode_hears_that_the_server_cannot_connect() {
    let policy = Policy { opening: Opening::Active, ..policy(TransmissionMode::Stream) };
    play(
        &policy,
        |mut s| async move {
            s.log_in(None).await;
            assert!(s.command().await.starts_with("PORT "));
            s.say("200 ok").await;
            s.answer("RETR a", "150 here").await;
            s.say("425 cannot").await;
            s.gone().await;
        },
        |mut c| async move {
            let error = c.get_file("a", None, &mut Sink::default()).await.unwrap_err();
            assert!(matches!(&error, ClientError::TransferRefused(reply) if reply.code == 425), "{error}");
            assert!(c.in_step());
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_cannot_carry_a_second_command() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            s.passive().await;
            s.gone().await;
        },
        |mut c| async move {
            let error = c.put_file("a", "a\r\nDELE b", None, &mut Bytes::new(b"x")).await.unwrap_err();
            assert!(matches!(error, ClientError::BadName), "{error}");
            assert!(c.in_step());
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_delayed_greeting_a_masked_password_and_a_refused_login() {
    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);
    impl Observer for Lines {
        fn event(&self, _: Time, _: Who, _: u64, event: &Event<'_>) {
            if let Event::Command { line } = event {
                self.0.lock().unwrap().push((*line).to_owned());
            }
        }
    }
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let serve = async {
        let mut s = Script::accept(net.clone(), &listener).await;
        s.say("120 wait").await;
        s.say("220-hello\r\n226 not yet\r\n220 ready").await;
        s.answer("USER me", "331 password").await;
        s.answer("PASS secret", "530 no").await;
        s.gone().await;
    };
    let lines = Arc::new(Lines::default());
    let policy = policy(TransmissionMode::Stream);
    let (opened, ()) = tokio::join!(open(&net, &policy, lines.clone()), serve);
    match opened {
        Err(error @ ClientError::LoginRefused(_)) => assert!(error.is_final()),
        other => panic!("{:?}", other.err()),
    }
    assert_eq!(*lines.0.lock().unwrap(), ["USER me", "PASS ****"]);
}

#[tokio::test(start_paused = true)]
async fn a_421_between_transfers_is_noticed_before_the_next() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            s.say("421 idle for too long").await;
        },
        |mut c| async move {
            sleep(Duration::from_millis(50)).await;
            assert!(c.in_step() && !c.is_usable().await);
        },
    )
    .await;
}

/// Somebody else's connection has come first, and the server has read that one: its reply is about another file.
#[tokio::test(start_paused = true)]
async fn a_reply_is_not_believed_where_the_data_connection_was_reset_or_never_ended() {
    for (mode, resets) in [
        (TransmissionMode::Stream, true),
        (TransmissionMode::Stream, false),
        (TransmissionMode::Deflate, true),
        (TransmissionMode::Block, true),
    ] {
        let name = match mode {
            TransmissionMode::Stream => None,
            TransmissionMode::Deflate => Some("Z"),
            _ => Some("B"),
        };
        play(
            &policy(mode),
            |mut s| async move {
                s.log_in(name).await;
                let data = s.passive().await;
                s.answer("STOR a", "150 go").await;
                sleep(Duration::from_millis(10)).await;
                let mut held = Some(data);
                if resets {
                    held.take().unwrap().abort();
                }
                s.say("226 done").await;
                s.gone().await;
                drop(held);
            },
            |mut c| async move {
                let error = c.put_file("a", "a", None, &mut Bytes::new(b"hello")).await.unwrap_err();
                assert_eq!(error.kind(), FailureKind::Data, "{mode:?}: {error}");
                let is_reset = matches!(
                    &error,
                    ClientError::Transfer { error: TransferError::Connection(why), .. }
                        if why.kind() == io::ErrorKind::ConnectionReset
                );
                assert_eq!(is_reset, resets, "{mode:?}: {error}");
            },
        )
        .await;
    }
}

/// Whichever comes first.
#[tokio::test(start_paused = true)]
async fn two_connections_from_the_server_to_one_port_fail_the_transfer() {
    for command in ["STOR a", "RETR a"] {
        for late in [false, true] {
            play(
                &Policy { opening: Opening::Active, ..Policy::default() },
                |mut s| async move {
                    s.log_in(None).await;
                    let to = s.port().await;
                    let mut first = s.connect(to).await;
                    s.answer(command, "150 go").await;
                    let mut second = None;
                    if !late {
                        second = Some(s.connect(to).await);
                    }
                    if command.starts_with("RETR") {
                        first.write_all(b"anothers").await.unwrap();
                        first.shutdown().await.unwrap();
                    }
                    let _ = first.read_to_end(&mut Vec::new()).await;
                    if late {
                        second = Some(s.connect(to).await);
                    }
                    sleep(Duration::from_millis(10)).await;
                    // It ends by a reset: FIN would be the end of an empty file.
                    let ended = second.unwrap().read_to_end(&mut Vec::new()).await;
                    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
                    s.say("226 done").await;
                    s.gone().await;
                },
                |mut c| async move {
                    let error = if command.starts_with("STOR") {
                        c.put_file("a", "a", None, &mut Bytes::new(b"hello")).await.unwrap_err()
                    } else {
                        c.get_file("a", None, &mut Sink::default()).await.unwrap_err()
                    };
                    assert_eq!(error.kind(), FailureKind::Data, "{command} {late}: {error}");
                    assert!(error.to_string().contains("two connections"), "{command} {late}: {error}");
                },
            )
            .await;
        }
    }
}

/// Of the two the server's reply cannot say which one it is about, whenever the other came.
#[tokio::test(start_paused = true)]
async fn a_second_connection_that_comes_with_the_reply_fails_a_download_too() {
    for early_reply in [false, true] {
        let net = MemoryNet::new(SERVER.ip());
        let listener = net.listen(SERVER).await.unwrap();
        let serve = async {
            let mut s = Script::accept(net.clone(), &listener).await;
            s.log_in(None).await;
            let to = s.port().await;
            let mut first = s.connect(to).await;
            s.answer("RETR a", "150 go").await;
            first.write_all(b"anothers").await.unwrap();
            if !early_reply {
                first.shutdown().await.unwrap();
                let _ = first.read_to_end(&mut Vec::new()).await;
            }
            // Nothing waits between the two: the client finds both at once.
            let _second = s.connect(to).await;
            s.say("226 done").await;
            if early_reply {
                first.shutdown().await.unwrap();
            }
            s.gone().await;
        };
        let notes = Arc::new(Notes::default());
        let active = Policy { opening: Opening::Active, ..Policy::default() };
        let fetch = async {
            let mut session = open(&net, &active, notes.clone()).await.unwrap();
            session.get_file("a", None, &mut Sink::default()).await.unwrap_err()
        };
        let error = tokio::join!(serve, fetch).1;
        assert!(error.to_string().contains("two connections"), "{early_reply}: {error}");
        // What shows a run says why its file was not believed.
        assert_eq!(notes.count(&format!("data {DISBELIEVED}")), 1, "{:?}", notes.all());
    }
}

/// What would do as an end under TLS is none in clear.
#[tokio::test(start_paused = true)]
async fn a_reset_in_clear_is_no_end_whatever_would_do_under_tls() {
    for tls_end in [TlsEnd::Strict, TlsEnd::Any] {
        play(
            &Policy { tls_end, ..Policy::default() },
            |mut s| async move {
                s.log_in(None).await;
                let mut data = s.passive().await;
                s.answer("RETR a", "150 go").await;
                data.write_all(b"half").await.unwrap();
                sleep(Duration::from_millis(10)).await;
                data.abort();
                s.say("226 done").await;
                s.gone().await;
            },
            |mut c| async move {
                let error = c.get_file("a", None, &mut Sink::default()).await.unwrap_err();
                assert_eq!(error.kind(), FailureKind::Data, "{tls_end:?}: {error}");
            },
        )
        .await;
    }
}

/// draft-somers-ftp-mfxx-04 section 3; a time before MDTM's name is what vsftpd takes.
#[tokio::test(start_paused = true)]
async fn times_are_set_by_mfmt_or_mdtm_and_a_time_is_no_leave() {
    for (feature, reply, is_set) in [
        ("MFMT", "213 Modify=20010909014640; a b", true),
        ("MFMT", "213 File modification time set.", true),
        // As a server of 32 bits keeps a time that is beyond them.
        ("MFMT", "213 Modify=19011213204552; a b", false),
        ("MFMT", "550 no", false),
        ("MDTM", "213 File modification time set.", true),
        // There is a file of just that name.
        ("MDTM", "213 20200101000000", false),
        ("MDTM", "550 no such file", false),
    ] {
        play(
            &policy(TransmissionMode::Stream),
            |mut s| async move {
                s.log_in(None).await;
                s.answer("FEAT", &format!("211-Features:\r\n {feature}\r\n211 End")).await;
                s.answer(&format!("{feature} 20010909014640 a b"), reply).await;
                s.answer("QUIT", "221 bye").await;
            },
            |mut c| async move {
                let set = c.set_modified("a b", (1_000_000_000, 500_000_000)).await;
                assert_eq!(set.is_ok(), is_set, "{reply}: {set:?}");
                assert!(set.is_ok() || matches!(set, Err(ClientError::Refused { .. })));
                c.quit().await;
            },
        )
        .await;
    }
}
