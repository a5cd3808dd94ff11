//! What is said on the control connection beside a transfer, and how sessions come to their end meanwhile.

use super::block::{EOF, block};
use ftp_endpoint::net::Stream;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Replies keep the order of commands: what could be answered at once does not overtake what waits.
#[tokio::test(start_paused = true)]
async fn behind_a_command_that_waits_all_others_wait() {
    let world = world().await;
    let mut client = world.client().await;
    let data = client.passive().await;
    client.ask("STOR f", 150).await;
    client.send(b"PWD\r\nNOOP\r\nSTAT\r\n").await;
    settle().await;
    drop(data);
    for code in [226, 257, 200, 211] {
        client.expect(code).await;
    }
}

/// What waits is bounded at a time, not over a session: else an ABOR would not be heard some day.
#[tokio::test(start_paused = true)]
async fn commands_that_have_waited_take_no_room_any_more() {
    let world = world_with(|config| config.limits.queued_bytes = 100).await;
    let mut client = world.client().await;
    for _ in 0..10 {
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        data.write_all(b"x").await.unwrap();
        settle().await;
        client.ask("STAT", 211).await;
        client.send(format!("\r\nSIZE {}\r\n", "n".repeat(40)).as_bytes()).await;
        settle().await;
        drop(data);
        for code in [226, 500, 550] {
            client.expect(code).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_outlives_its_control_connection_where_it_is_to() {
    for (outlives, resets) in [(true, false), (true, true), (false, false), (false, true)] {
        let world = world_with(|config| config.transfers_outlive_control = outlives).await;
        let mut client = world.client().await;
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        data.write_all(b"first").await.unwrap();
        settle().await;
        if resets {
            client.stream.abort();
        } else {
            client.stream.shutdown().await.unwrap();
        }
        settle().await;
        let _ = data.write_all(b", second").await;
        drop(data);
        settle().await;
        let whole = outlives.then(|| b"first, second".to_vec());
        assert_eq!(world.get("/f"), whole, "outlives: {outlives}, resets: {resets}");
    }
}

/// Who reads the log can tell a client that has closed from one that was lost.
#[tokio::test(start_paused = true)]
async fn a_control_connection_that_is_reset_was_not_closed() {
    for (resets, end) in [(true, "end 1 control connection lost"), (false, "end 1 closed by the client")] {
        let world = world().await;
        let client = world.client().await;
        if resets {
            client.stream.abort();
            // What is on the way finds out.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        } else {
            drop(client);
        }
        settle().await;
        assert_eq!(world.notes.all().last().unwrap(), end);
    }
}

/// A few bytes of commands have a lot to answer: it is not all made ready for a client that takes nothing.
#[tokio::test(start_paused = true)]
async fn who_takes_no_replies_has_no_more_commands_done() {
    let world = world().await;
    for number in 0..200 {
        world.put(&format!("/d/{number}"), b"");
    }
    let mut client = world.client().await;
    let reply_bytes = client.ask("STAT d", 212).await.len();
    assert!(reply_bytes > 8_000, "{reply_bytes}");
    client.send("STAT d\r\n".repeat(400).as_bytes()).await;
    settle().await;
    let done = world.notes.count("> STAT");
    assert!(done < 30, "{done}");
    for _ in 0..400 {
        client.expect(212).await;
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_are_numbered() {
    let world = world().await;
    for number in 1..=3 {
        world.connect().await.expect(220).await;
        assert_eq!(world.notes.count(&format!("begin {number}")), 1);
    }
}

/// RFC 959 section 3.3: a port command, and another STRU, close the kept connection; the same STRU does not.
#[tokio::test(start_paused = true)]
async fn what_changes_nothing_keeps_the_connection_and_what_changes_something_closes_it() {
    for (command, code) in [("STRU R", 200), ("EPSV", 229), ("PASV", 227), ("REIN", 220)] {
        let world = world().await;
        world.put("/r", b"r");
        let mut client = world.client().await;
        client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
        let mut data = client.passive().await;
        let mut got = [0; 4];
        for code in [150, 125] {
            client.ask("RETR r", code).await;
            client.expect(250).await;
            data.read_exact(&mut got).await.unwrap();
            assert_eq!(got[..], block(EOF, b"r"));
            client.ask("STRU F", 200).await;
        }
        client.ask(command, code).await;
        assert_eq!(soon(data.read(&mut got)).await.unwrap(), 0, "{command}");
    }
}
