//! Where data connections come from, how many, and from whom.

use super::*;

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
