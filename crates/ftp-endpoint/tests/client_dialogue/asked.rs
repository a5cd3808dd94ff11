//! What is not asked, and which answers are none.

use super::*;
use ftp_endpoint::client::Direction;

/// Experiments see the refusal: PASV is for those who have chosen it.
#[tokio::test(start_paused = true)]
async fn where_epsv_leads_nowhere_pasv_is_not_tried_unasked() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            s.answer("EPSV", "229 here (|||1|)").await;
            s.answer("QUIT", "221 bye").await;
        },
        |mut c| async move {
            let error = c.put_file("a", "a", None, &mut Bytes::new(b"x")).await.unwrap_err();
            assert!(matches!(error, ClientError::DataConnect(_)), "{error}");
            c.quit().await;
        },
    )
    .await;
}

/// RFC 3659 section 4.2: 213, and no other code.
#[tokio::test(start_paused = true)]
async fn a_number_in_another_reply_is_no_size() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            for reply in ["213 5", "250 5", "550 5", "213 five"] {
                s.answer("SIZE a", reply).await;
            }
        },
        |mut c| async move {
            assert_eq!(c.size_bytes("a").await.unwrap(), 5);
            for _ in 0..3 {
                let error = c.size_bytes("a").await.unwrap_err();
                assert!(matches!(error, ClientError::Unverifiable { .. }), "{error}");
            }
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_session_gives_all_replies_to_what_is_quoted() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            s.answer("XYZ a", "150 wait\r\n226 done").await;
        },
        |mut c| async move {
            let replies = c.quote("XYZ a").await.unwrap();
            assert_eq!(replies.iter().map(|reply| reply.code).collect::<Vec<_>>(), [150, 226]);
        },
    )
    .await;
}

/// What only pipelined deliveries need, and of that what only uploads do, would be asked of others in vain.
#[tokio::test(start_paused = true)]
async fn no_more_is_asked_ahead_than_is_needed() {
    for (direction, pipeline_depth) in [(Direction::Put, 1), (Direction::Get, 2), (Direction::Get, 1)] {
        let ahead = Policy { direction, pipeline_depth, asks_ahead: true, ..policy(TransmissionMode::Block) };
        play(
            &ahead,
            |mut s| async move {
                s.log_in(Some("B")).await;
                let mut data = s.passive().await;
                match direction {
                    Direction::Put => {
                        s.answer("STOR a", "150 go").await;
                        data.read_exact(&mut [0; 5]).await.unwrap();
                    }
                    Direction::Get => {
                        s.answer("RETR a", "150 go").await;
                        data.write_all(b"\x40\x00\x02hi").await.unwrap();
                    }
                }
                s.say("250 done").await;
                s.answer("QUIT", "221 bye").await;
            },
            |mut c| async move {
                match direction {
                    Direction::Put => c.put_file("a", "a", None, &mut Bytes::new(b"hi")).await.unwrap(),
                    Direction::Get => c.get_file("a", None, &mut Sink::default()).await.unwrap(),
                };
                c.quit().await;
            },
        )
        .await;
    }
}
