//! The client against a server that follows a script, over real sockets.

use super::*;
use crate::net::real::RealNet;
use crate::observe::{Event, Nobody, Observer, Watch, Who};
use crate::store::{ReadFile, StoreError, WriteFile};
use crate::transfer::TransferError;
use ftp_proto::mode::TransmissionMode;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

struct Bytes(Vec<u8>, usize);

impl Bytes {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec(), 0)
    }
}

impl ReadFile for Bytes {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let rest = &self.0[self.1..];
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.1 += read;
        Ok(read)
    }
    fn remaining_bytes(&self) -> u64 {
        (self.0.len() - self.1) as u64
    }
}

/// Gives one piece, then fails.
struct Failing(bool);

impl ReadFile for Failing {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        if std::mem::replace(&mut self.0, true) {
            return Err(StoreError::Io(io::ErrorKind::InvalidData.into()));
        }
        buffer[..10].fill(b'x');
        Ok(10)
    }
    fn remaining_bytes(&self) -> u64 {
        100
    }
}

#[derive(Default)]
struct Sink(Vec<u8>);

impl WriteFile for Sink {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The server's side of one control connection.
struct Script {
    control: BufReader<TcpStream>,
}

impl Script {
    async fn expect(&mut self, command: &str) {
        let mut line = String::new();
        self.control.read_line(&mut line).await.unwrap();
        assert_eq!(line, format!("{command}\r\n"));
    }
    async fn say(&mut self, reply: &str) {
        self.control.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
    }
    async fn answer(&mut self, command: &str, reply: &str) {
        self.expect(command).await;
        self.say(reply).await;
    }
    async fn log_in(&mut self, mode: Option<&str>) {
        self.say("220 ready").await;
        self.answer("USER me", "331 password").await;
        self.answer("PASS secret", "230 in").await;
        self.answer("TYPE I", "200 ok").await;
        if let Some(mode) = mode {
            self.answer(&format!("MODE {mode}"), "200 ok").await;
        }
    }
    /// Answers EPSV and takes the connection.
    async fn passive(&mut self) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        self.answer("EPSV", &format!("229 Entering Extended Passive Mode (|||{port}|)")).await;
        listener.accept().await.unwrap().0
    }
    /// That the client leaves without another command.
    async fn gone(&mut self) {
        let mut rest = Vec::new();
        let _ = self.control.read_to_end(&mut rest).await;
        assert_eq!(rest, b"");
    }
}

fn policy(mode: TransmissionMode) -> Policy {
    Policy {
        mode,
        reply_timeout: Duration::from_millis(300),
        data_timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(300),
        ..Policy::default()
    }
}

/// Runs `script` as the server and `client` with a session to it.
async fn play<S, C>(
    policy: &Policy,
    script: impl FnOnce(Script) -> S,
    client: impl FnOnce(Session<RealNet>) -> C,
) where
    S: Future<Output = ()>,
    C: Future<Output = ()>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let serve = async {
        let (control, _) = listener.accept().await.unwrap();
        script(Script { control: BufReader::new(control) }).await;
    };
    let use_it = async { client(open(server, policy, Arc::new(Nobody)).await.unwrap()).await };
    tokio::join!(serve, use_it);
}

async fn open(
    server: SocketAddr,
    policy: &Policy,
    observer: Arc<dyn Observer>,
) -> Result<Session<RealNet>, ClientError> {
    let watch = || Watch::new(observer, Who::Client, 1);
    Session::open(RealNet::new(), server, &Login::new("me", "secret"), policy, watch).await
}

async fn all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
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
            // USER, PASS, TYPE, and EPSV and STOR for each file.
            assert_eq!(c.cost().control_round_trips, 7);
        },
    )
    .await;
}

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
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
#[tokio::test]
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
            let error = c.put_file("a", "a", None, &mut Failing(false)).await.unwrap_err();
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

#[tokio::test]
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

#[tokio::test]
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
#[tokio::test]
async fn a_completion_reply_may_overtake_the_data() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            let mut data = s.passive().await;
            s.answer("RETR a", "150 here").await;
            data.write_all(b"hel").await.unwrap();
            s.say("226 done").await;
            RealNetSleep::millis(50).await;
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

struct RealNetSleep;
impl RealNetSleep {
    async fn millis(millis: u64) {
        use crate::net::Net;
        RealNet::new().sleep(Duration::from_millis(millis)).await;
    }
}

/// A middlebox that closes the data connection makes the server say 226 while we still send.
#[tokio::test]
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

#[tokio::test]
async fn pasv_where_epsv_is_unknown_and_never_to_another_host() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
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

#[tokio::test]
async fn active_mode_listens_and_sends_port() {
    let policy = Policy { opening: Opening::Active, ..policy(TransmissionMode::Stream) };
    play(
        &policy,
        |mut s| async move {
            s.log_in(None).await;
            let mut line = String::new();
            s.control.read_line(&mut line).await.unwrap();
            let argument = line.trim_end().strip_prefix("PORT ").unwrap();
            let address = ftp_proto::address::parse_host_port(argument).unwrap();
            s.say("200 ok").await;
            s.answer("RETR a", "150 here").await;
            let mut data = TcpStream::connect(address).await.unwrap();
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

#[tokio::test]
async fn active_mode_hears_that_the_server_cannot_connect() {
    let policy = Policy { opening: Opening::Active, ..policy(TransmissionMode::Stream) };
    play(
        &policy,
        |mut s| async move {
            s.log_in(None).await;
            let mut line = String::new();
            s.control.read_line(&mut line).await.unwrap();
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

#[tokio::test]
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

#[tokio::test]
async fn a_delayed_greeting_a_masked_password_and_a_refused_login() {
    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);
    impl Observer for Lines {
        fn event(&self, _: crate::net::Time, _: Who, _: u64, event: &Event<'_>) {
            if let Event::Command { line } = event {
                self.0.lock().unwrap().push((*line).to_owned());
            }
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let serve = async {
        let (control, _) = listener.accept().await.unwrap();
        let mut s = Script { control: BufReader::new(control) };
        s.say("120 wait").await;
        s.say("220-hello\r\n226 not yet\r\n220 ready").await;
        s.answer("USER me", "331 password").await;
        s.answer("PASS secret", "530 no").await;
        s.gone().await;
    };
    let lines = Arc::new(Lines::default());
    let policy = policy(TransmissionMode::Stream);
    let (opened, ()) = tokio::join!(open(server, &policy, lines.clone()), serve);
    match opened {
        Err(error @ ClientError::LoginRefused(_)) => assert!(error.is_final()),
        other => panic!("{:?}", other.err()),
    }
    assert_eq!(*lines.0.lock().unwrap(), ["USER me", "PASS ****"]);
}

#[tokio::test]
async fn a_421_between_transfers_is_noticed_before_the_next() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            s.say("421 idle for too long").await;
        },
        |mut c| async move {
            RealNetSleep::millis(50).await;
            assert!(c.in_step() && !c.is_usable().await);
        },
    )
    .await;
}
