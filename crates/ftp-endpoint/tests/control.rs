//! The control connection from the client's end, against a server that follows a script.

#![cfg(feature = "client")]

use ftp_endpoint::client::ClientError;
use ftp_endpoint::client::control::Control;
use ftp_endpoint::net::{Channel, Listener, Net, Pace, Stream};
use ftp_endpoint::observe::{Watch, Who};
use ftp_proto::command::Command;
use std::sync::Arc;
use std::time::Duration;
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::server::{Notes, SERVER};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// A control connection on which nothing is said yet, and the server's end of it.
async fn connected() -> (Control<MemoryNet>, MemoryStream, Arc<Notes>) {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let stream = net.host([10, 0, 0, 2]).connect(None, SERVER).await.unwrap();
    let notes = Arc::new(Notes::default());
    let watch = Watch::new(notes.clone(), Who::Client, 1);
    let control = Control::new(net, Channel::Clear(stream), Duration::from_secs(5), watch).unwrap();
    (control, listener.accept().await.unwrap().0, notes)
}

/// The same, greeted.
async fn greeted() -> (Control<MemoryNet>, MemoryStream, Arc<Notes>) {
    let (mut control, mut server, notes) = connected().await;
    assert_eq!(control.owed(), 1, "the greeting");
    server.write_all(b"220 ready\r\n").await.unwrap();
    assert_eq!(control.read_completion().await.unwrap().code, 220);
    assert_eq!(control.owed(), 0);
    (control, server, notes)
}

#[tokio::test(start_paused = true)]
async fn every_command_is_owed_a_reply_and_nothing_else_is() {
    let (mut control, mut server, _) = greeted().await;
    for owed in [1, 2] {
        control.send(&Command::Noop).await.unwrap();
        assert_eq!((control.owed(), control.in_step(), control.round_trips()), (owed, false, 1));
    }
    server.write_all(b"150 wait\r\n200 ok\r\n200 ok\r\n421 good bye\r\n").await.unwrap();
    for (code, owed) in [(150, 2), (200, 1), (200, 0), (421, 0)] {
        assert_eq!((control.read_reply().await.unwrap().code, control.owed()), (code, owed));
    }
}

/// Of several the latest, and once.
#[tokio::test(start_paused = true)]
async fn a_restart_marker_is_kept_until_it_is_asked_for() {
    let (mut control, mut server, _) = greeted().await;
    control.send(&Command::Noop).await.unwrap();
    server.write_all(b"110 MARK 1 = 2\r\n110 MARK 3 = 4\r\n110 nothing\r\n226 done\r\n").await.unwrap();
    assert_eq!(control.read_completion().await.unwrap().code, 226);
    let mark = control.take_mark().unwrap();
    assert_eq!((mark.sender.as_str(), mark.receiver.as_str()), ("3", "4"));
    assert_eq!(control.take_mark(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_has_left_when_a_reply_is_waited_for() {
    let (mut control, mut server, _) = greeted().await;
    control.send(&Command::Noop).await.unwrap();
    assert_eq!(control.held(), 0);
    control.pace(Pace::Together);
    for held in [1, 2] {
        control.send(&Command::Noop).await.unwrap();
        assert_eq!(control.held(), held);
    }
    control.flush().await.unwrap();
    assert_eq!(control.held(), 0);
    control.send(&Command::Noop).await.unwrap();
    server.write_all(b"200 ok\r\n").await.unwrap();
    control.read_completion().await.unwrap();
    assert_eq!(control.held(), 0);
    let mut sent = [0; 24];
    server.read_exact(&mut sent).await.unwrap();
    assert_eq!(&sent, b"NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n");
}

/// RFC 1123 section 4.1.4.2.
#[tokio::test(start_paused = true)]
async fn all_replies_to_a_quoted_line_are_given_and_no_more_than_many() {
    let (mut control, mut server, notes) = greeted().await;
    // When it has been asked: what comes before is no reply to it.
    let mut answer = async |text: &str| {
        server.read_exact(&mut [0; 7]).await.unwrap();
        server.write_all(text.as_bytes()).await.unwrap();
    };
    let replies = "150 first\r\n125 second\r\n226 done\r\n";
    let ((), quoted) = tokio::join!(answer(replies), control.quote("XYZ a"));
    let codes: Vec<u16> = quoted.unwrap().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [150, 125, 226]);
    assert_eq!(notes.count("> XYZ a"), 1);
    let replies = "120 wait\r\n".repeat(1500);
    let ((), quoted) = tokio::join!(answer(&replies), control.quote("XYZ b"));
    let error = quoted.unwrap_err();
    assert!(matches!(error, ClientError::NoReply(_)), "{error}");
    assert_eq!(notes.count("< 120"), 1000);
    assert!(!control.in_step());
}

/// A wait that its server draws out by words. The one reply of a transfer that is due before its completion has its
/// time for itself; what tells that an upload gets on is worth it.
#[tokio::test(start_paused = true)]
async fn preliminary_replies_give_no_reply_its_whole_time_anew() {
    let nothing = || Command::Pass("secret".to_owned());
    let upload = || Command::Stor("f".to_owned());
    for (command, word, one_by_one, ends_after_s) in [
        (nothing(), "150 soon\r\n", false, 5),
        (nothing(), "110 MARK 1 = 2\r\n", false, 5),
        (upload(), "150 soon\r\n", false, 5),
        (upload(), "110 MARK 1 = 2\r\n", false, 1_000),
        // As a pipeline reads them; the first comes after a second.
        (upload(), "150 soon\r\n", true, 6),
        (upload(), "110 MARK 1 = 2\r\n", true, 1_001),
    ] {
        let (mut control, mut server, _) = greeted().await;
        control.send(&command).await.unwrap();
        let clock = MemoryNet::new(SERVER.ip());
        let case = format!("{command} {word:?} {one_by_one}");
        let says = async {
            loop {
                clock.sleep(Duration::from_secs(1)).await;
                server.write_all(word.as_bytes()).await.unwrap();
            }
        };
        let begun = clock.now();
        let waits = async {
            loop {
                let reply = match one_by_one {
                    true => control.read_reply().await,
                    false => control.read_completion().await,
                };
                match reply {
                    Ok(reply) => assert!(reply.is_preliminary(), "{case}"),
                    Err(error) => return error,
                }
            }
        };
        let error = tokio::select! {
            error = waits => error,
            () = says => unreachable!(),
        };
        assert!(matches!(error, ClientError::NoReply(_)), "{case}: {error}");
        assert_eq!((clock.now() - begun).as_secs(), ends_after_s, "{case}");
    }
}

/// Each file of a pipeline has a 150, and time for it.
#[tokio::test(start_paused = true)]
async fn replies_of_a_pipeline_have_each_their_time() {
    let (mut control, mut server, _) = greeted().await;
    let clock = MemoryNet::new(SERVER.ip());
    for _ in 0..2 {
        control.send(&Command::Retr("f".to_owned())).await.unwrap();
    }
    let says = async {
        for reply in ["150 go", "226 done", "150 go", "226 done"] {
            clock.sleep(Duration::from_secs(4)).await;
            server.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
        }
    };
    let reads = async {
        for code in [150, 226, 150, 226] {
            assert_eq!(control.read_reply().await.unwrap().code, code);
        }
    };
    tokio::join!(says, reads);
}

/// Who reads the log of a session knows how it came to its end, and the server knows which end it is.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_told() {
    for closes in [true, false] {
        let (control, mut server, notes) = greeted().await;
        if closes {
            control.close("quit").await;
        } else {
            control.abort("out of step");
        }
        let read = server.read(&mut [0; 10]).await;
        assert_eq!(matches!(read, Ok(0)), closes, "{read:?}");
        assert_eq!(notes.count(if closes { "end 1 quit" } else { "end 1 out of step" }), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_no_end_in_order() {
    for resets in [true, false] {
        let (mut control, server, _) = greeted().await;
        control.send(&Command::Noop).await.unwrap();
        if resets {
            server.abort();
        } else {
            drop(server);
        }
        let error = control.read_completion().await.unwrap_err();
        match (resets, error) {
            (true, ClientError::Control(_)) | (false, ClientError::ControlClosed) => {}
            (_, error) => panic!("{resets}: {error}"),
        }
    }
}

/// It would be taken for the next command's reply, and that one's for the one behind it.
#[tokio::test(start_paused = true)]
async fn what_was_said_unasked_is_no_answer_to_the_next_command() {
    for (unasked, is_answer) in [("250 once more\r\n", false), ("421 good bye\r\n", true)] {
        let (mut control, mut server, _) = greeted().await;
        control.send(&Command::Noop).await.unwrap();
        server.write_all(b"200 ok\r\n").await.unwrap();
        assert_eq!(control.read_completion().await.unwrap().code, 200);
        server.write_all(unasked.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        let reply = control.command(&Command::Noop).await;
        match is_answer {
            true => assert_eq!(reply.unwrap().code, 421),
            false => assert!(matches!(reply, Err(ClientError::OutOfStep)) && !control.in_step()),
        }
    }
}

/// What was sent whole is whole if its server says so at once; nobody is there any more for whom to wait longer.
#[tokio::test(start_paused = true)]
async fn who_has_broken_off_waits_for_a_reply_a_moment_and_no_longer() {
    for (after_ms, comes) in [(400, true), (600, false)] {
        let (mut control, mut server, _) = greeted().await;
        let (cancel, clock) = (CancellationToken::new(), MemoryNet::new(SERVER.ip()));
        control.cancel_by(cancel.clone());
        control.send(&Command::Noop).await.unwrap();
        cancel.cancel();
        let says = async {
            clock.sleep(Duration::from_millis(after_ms)).await;
            server.write_all(b"200 ok\r\n").await.unwrap();
        };
        let ((), reply) = tokio::join!(says, control.read_completion());
        match reply {
            Ok(reply) => assert!(comes && reply.code == 200, "{reply:?}"),
            Err(error) => assert!(!comes && matches!(error, ClientError::Cancelled), "{error}"),
        }
        assert_eq!(control.in_step(), comes);
    }
}

/// How long a completion is waited for while the server says `word` each second.
async fn waits_s(control: &mut Control<MemoryNet>, server: &mut MemoryStream, word: &str) -> u64 {
    let clock = MemoryNet::new(SERVER.ip());
    let begun = clock.now();
    let says = async {
        loop {
            clock.sleep(Duration::from_secs(1)).await;
            server.write_all(word.as_bytes()).await.unwrap();
        }
    };
    let reply = tokio::select! {
        reply = control.read_completion() => reply,
        () = says => unreachable!(),
    };
    assert!(matches!(reply, Err(ClientError::NoReply(_))), "{reply:?}");
    (clock.now() - begun).as_secs()
}

/// What tells that an upload gets on is worth its time behind another upload's end, and behind the last one's no more.
#[tokio::test(start_paused = true)]
async fn markers_are_worth_their_time_as_long_as_an_upload_is_under_way() {
    let upload = || Command::Stor("f".to_owned());
    for (behind, is_ahead, wanted_s) in [(upload(), true, 1_000), (Command::Noop, false, 5)] {
        let (mut control, mut server, _) = greeted().await;
        control.send(&upload()).await.unwrap();
        if is_ahead {
            control.send(&behind).await.unwrap();
        }
        server.write_all(b"226 done\r\n").await.unwrap();
        assert_eq!(control.read_completion().await.unwrap().code, 226);
        if !is_ahead {
            control.send(&behind).await.unwrap();
        }
        assert_eq!(waits_s(&mut control, &mut server, "110 MARK 1 = 2\r\n").await, wanted_s, "{behind}");
    }
}
