//! The client against a server that follows a script, over a network in memory with virtual time.

#![cfg(feature = "client")]
#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

#[path = "client_dialogue/asked.rs"]
mod asked;
#[path = "client_dialogue/data_connections.rs"]
mod data_connections;
#[path = "client_dialogue/ends.rs"]
mod ends;
#[path = "client_dialogue/lengths.rs"]
mod lengths;
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
