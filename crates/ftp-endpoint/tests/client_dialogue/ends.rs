//! How transfers end: which ends are one, and who is believed.

use super::*;

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
