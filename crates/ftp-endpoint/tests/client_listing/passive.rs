//! Passive ports: EPSV, and PASV where it does not serve.

use super::*;

/// EPSV's port leads nowhere, or EPSV is refused for now: PASV, and from then on nothing else.
#[tokio::test(start_paused = true)]
async fn pasv_serves_where_epsv_does_not() {
    for is_dead in [true, false] {
        play(
            |mut s| async move {
                for round in 0..2 {
                    s.answer("SIZE f", "213 5").await;
                    if round == 0 {
                        let port = s.listen().await.local_addr().unwrap().port();
                        let reply = format!("229 here (|||{port}|)");
                        s.answer("EPSV", if is_dead { &reply } else { "425 not now" }).await;
                    }
                    let listener = s.listen().await;
                    let port = listener.local_addr().unwrap().port();
                    let address =
                        format!("{},{},{}", SERVER.ip().to_string().replace('.', ","), port >> 8, port & 255);
                    s.answer("PASV", &format!("227 here ({address})")).await;
                    let (mut data, _) = listener.accept().await.unwrap();
                    s.answer("RETR f", "150 go").await;
                    data.write_all(b"hello").await.unwrap();
                    drop(data);
                    s.say("226 done").await;
                }
            },
            |mut c| async move {
                for _ in 0..2 {
                    let mut file = Vec::new();
                    c.fetch("f", &mut file).await.unwrap();
                    assert_eq!(file, b"hello");
                }
            },
        )
        .await;
    }
}

async fn finds_no_data_connection(mut client: Client<MemoryNet>) {
    let error = client.fetch("f", &mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, ClientError::DataConnect(_)), "{error}");
    client.session().must(ftp_proto::command::Command::Noop).await.unwrap();
}

/// If PASV does no better, the first failure is the one told.
#[tokio::test(start_paused = true)]
async fn without_pasv_the_failure_of_epsv_stands() {
    play(
        |mut s| async move {
            s.answer("SIZE f", "213 5").await;
            let port = s.listen().await.local_addr().unwrap().port();
            s.answer("EPSV", &format!("229 here (|||{port}|)")).await;
            s.answer("PASV", "502 what").await;
            s.answer("NOOP", "200 ok").await;
        },
        finds_no_data_connection,
    )
    .await;
}

/// Where PASV's port leads nowhere, nothing else is tried.
#[tokio::test(start_paused = true)]
async fn pasv_is_tried_once() {
    play(
        |mut s| async move {
            s.answer("SIZE f", "213 5").await;
            s.answer("EPSV", "502 what").await;
            let port = s.listen().await.local_addr().unwrap().port();
            let host = SERVER.ip().to_string().replace('.', ",");
            s.answer("PASV", &format!("227 here ({host},{},{})", port >> 8, port & 255)).await;
            s.answer("NOOP", "200 ok").await;
        },
        finds_no_data_connection,
    )
    .await;
}

/// RFC 959 section 5.4: 421 is the end of the session, not a word on EPSV.
#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_at_epsv_is_not_asked_for_pasv() {
    play(
        |mut s| async move {
            s.answer("SIZE f", "213 5").await;
            s.answer("EPSV", "421 good bye").await;
            s.gone().await;
        },
        |mut c| async move {
            let error = c.fetch("f", &mut Vec::new()).await.unwrap_err();
            assert!(matches!(&error, ClientError::Refused { reply, .. } if reply.code == 421), "{error}");
        },
    )
    .await;
}
