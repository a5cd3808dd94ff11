//! What a negative reply costs the data connection, when one ends, and whose mark a mark is.

use super::*;
use std::num::NonZeroU64;

/// Though the data connection stays as it is: whoever waits for its end waits in vain.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_download_under_way_is_heard_at_once() {
    let policy = Policy { data_timeout: Duration::from_secs(1000), ..policy(TransmissionMode::Stream) };
    play(
        &policy,
        |mut s| async move {
            s.log_in(None).await;
            let mut data = s.passive().await;
            s.answer("RETR a", "150 go").await;
            data.write_all(b"half").await.unwrap();
            s.say("451 read error").await;
            sleep(Duration::from_secs(100)).await;
        },
        |mut c| async move {
            let mut sink = Sink::default();
            let get = c.get_file("a", None, &mut sink);
            match tokio::time::timeout(Duration::from_secs(10), get).await.unwrap() {
                Err(ClientError::TransferRefused(reply)) => assert_eq!(reply.code, 451),
                other => panic!("{:?}", other.err()),
            }
        },
    )
    .await;
}

/// Only 425 and 426 are about it (RFC 959 section 4.2.1).
#[tokio::test(start_paused = true)]
async fn a_kept_connection_outlives_the_refusal_of_a_command_and_not_that_of_a_file() {
    play(
        &policy(TransmissionMode::Block),
        |mut s| async move {
            s.log_in(Some("B")).await;
            let mut data = s.passive().await;
            for (name, begins, ends) in
                [("a", "150 go", "250 done"), ("b", "450 busy", ""), ("c", "125 go on", "452 no room")]
            {
                s.answer(&format!("STOR {name}"), begins).await;
                if !ends.is_empty() {
                    data.read_exact(&mut [0; 5]).await.unwrap();
                    s.say(ends).await;
                }
            }
            // What the server has made of the last one's frames nobody knows.
            let mut another = s.passive().await;
            s.answer("STOR d", "150 go").await;
            another.read_exact(&mut [0; 5]).await.unwrap();
            s.say("250 done").await;
        },
        |mut c| async move {
            let mut codes = Vec::new();
            for name in ["a", "b", "c", "d"] {
                codes.push(match c.put_file(name, name, None, &mut Bytes::new(b"hi")).await {
                    Ok(_) => 0,
                    Err(ClientError::Refused { reply, .. } | ClientError::TransferRefused(reply)) => {
                        reply.code
                    }
                    Err(error) => panic!("{error}"),
                });
            }
            assert_eq!((codes, c.cost().data_connections), (vec![0, 450, 452, 0], 2));
        },
    )
    .await;
}

/// RFC 959 section 4.2: 110 says where the receiver's restart would be.
#[tokio::test(start_paused = true)]
async fn the_servers_mark_is_the_sessions() {
    play(
        &policy(TransmissionMode::Stream),
        |mut s| async move {
            s.log_in(None).await;
            let mut data = s.passive().await;
            s.answer("STOR a", "150 go").await;
            assert_eq!(all(&mut data).await, b"hi");
            drop(data);
            s.say("110 MARK 2 = 2").await;
            s.say("226 done").await;
        },
        |mut c| async move {
            c.put_file("a", "a", None, &mut Bytes::new(b"hi")).await.unwrap();
            assert_eq!(c.take_mark().unwrap().receiver.as_str(), "2");
            assert_eq!(c.take_mark(), None);
        },
    )
    .await;
}

/// Once, and where there are headers to carry them.
#[tokio::test(start_paused = true)]
async fn markers_are_asked_for_where_a_mode_has_them() {
    for (mode, code, asks) in
        [(TransmissionMode::Stream, None, false), (TransmissionMode::Block, Some("B"), true)]
    {
        let policy = Policy { marker_interval_bytes: NonZeroU64::new(10), ..policy(mode) };
        play(
            &policy,
            |mut s| async move {
                s.log_in(code).await;
                if asks {
                    s.answer("SITE MARKERS 10", "200 every 10").await;
                }
                for name in ["a", "b"] {
                    let mut data = s.passive().await;
                    s.answer(&format!("RETR {name}"), "150 go").await;
                    if asks {
                        data.write_all(b"\x40\x00\x02").await.unwrap();
                    }
                    data.write_all(b"hi").await.unwrap();
                    drop(data);
                    s.say("226 done").await;
                }
            },
            |mut c| async move {
                for name in ["a", "b"] {
                    c.get_file(name, None, &mut Sink::default()).await.unwrap();
                }
            },
        )
        .await;
    }
}

/// A server that takes no more than one file from a connection may wait for its end before it answers.
#[tokio::test(start_paused = true)]
async fn a_connection_for_one_file_ends_before_its_answer_in_every_mode() {
    let policy = Policy { reuse_data_connection: false, ..policy(TransmissionMode::Block) };
    play(
        &policy,
        |mut s| async move {
            s.log_in(Some("B")).await;
            for name in ["a", "b"] {
                let mut data = s.passive().await;
                s.answer(&format!("STOR {name}"), "150 go").await;
                assert_eq!(all(&mut data).await, b"\x40\x00\x02hi");
                drop(data);
                s.say("250 done").await;
            }
        },
        |mut c| async move {
            for name in ["a", "b"] {
                c.put_file(name, name, None, &mut Bytes::new(b"hi")).await.unwrap();
            }
        },
    )
    .await;
}
