//! How long a file was said to be, and what has come.

use super::*;

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
