//! Transfers that fail, and what is published then.

use super::block::block;
use ftp_endpoint::net::{Net, Stream};
use ftp_endpoint::server::Timeouts;
use std::time::Duration;
use testkit::server::*;
use tokio::io::AsyncWriteExt;

/// The point of the project, from the server's side.
#[tokio::test(start_paused = true)]
async fn a_close_before_the_end_of_file() {
    for (mode, structure, wire, published) in [
        ("S", "F", b"abc".to_vec(), true),
        ("S", "R", b"abc".to_vec(), false),
        ("B", "F", block(0, b"abc"), false),
        ("B", "R", block(128, b"abc"), false),
        ("C", "F", b"\x03abc".to_vec(), false),
        ("C", "F", b"\x03abc\x00\x40".to_vec(), false),
    ] {
        let world = world().await;
        world.put("/f", b"old");
        let mut client = world.client().await;
        client.ask("TYPE I", 200).await;
        client.ask(&format!("MODE {mode}"), 200).await;
        client.ask(&format!("STRU {structure}"), 200).await;
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        data.write_all(&wire).await.unwrap();
        settle().await;
        drop(data);
        client.expect(if published { 226 } else { 426 }).await;
        let wanted: &[u8] = if published { b"abc" } else { b"old" };
        assert_eq!(world.get("/f").unwrap(), wanted, "{mode} {structure}");
        client.ask("NOOP", 200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_publishes_nothing_in_any_mode() {
    for (mode, wire) in [("S", b"abc".to_vec()), ("B", block(0, b"abc")), ("C", b"\x03abc".to_vec())] {
        let world = world().await;
        let mut client = world.client().await;
        client.ask("TYPE I", 200).await;
        client.ask(&format!("MODE {mode}"), 200).await;
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        data.write_all(&wire).await.unwrap();
        settle().await;
        data.abort();
        client.expect(426).await;
        assert_eq!(world.get("/f"), None, "{mode}");
        client.ask("NOOP", 200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn silence_and_nonsense() {
    let short = |config: &mut TestConfig| {
        config.timeouts = Timeouts { data: Duration::from_secs(7), ..Timeouts::default() }
    };
    let world = world_with(short).await;
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"abc").await.unwrap();
    settle().await;
    let begun = tokio::time::Instant::now();
    client.expect(426).await;
    assert_eq!(begun.elapsed().as_secs(), 7);
    assert!(read_all(data).await.is_err(), "the connection is reset");
    assert_eq!(world.get("/f"), None);

    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(&block(1, b"abc")).await.unwrap();
    client.expect(426).await;
    assert_eq!(world.get("/f"), None);
}

/// A reader that stops must not be given what looks like a whole file.
#[tokio::test(start_paused = true)]
async fn a_failing_sender_resets_the_connection() {
    let short = |config: &mut TestConfig| {
        config.timeouts = Timeouts { data: Duration::from_secs(7), ..Timeouts::default() }
    };
    let world = world_with(short).await;
    world.put("/big", &vec![7; 1_000_000]);
    let mut client = world.client().await;
    let data = client.passive().await;
    client.ask("RETR big", 150).await;
    client.expect(426).await;
    assert!(read_all(data).await.is_err());
    client.ask("NOOP", 200).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_store() {
    let world = world().await;
    world.store.set_capacity_bytes(4);
    let mut client = world.client().await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"abcde").await.unwrap();
    client.expect(452).await;
    assert_eq!(world.get("/f"), None);
    client.ask("NOOP", 200).await;
}

#[tokio::test(start_paused = true)]
async fn refusals_before_the_connection() {
    let world = world().await;
    world.put("/d/f", b"");
    let mut client = world.client().await;
    client
        .script(&[("RETR d", &[550]), ("RETR none", &[550]), ("STOR d", &[553]), ("STOR /no/f", &[553])])
        .await;
    client.script(&[("LIST none", &[550]), ("NLST none/x", &[550]), ("STAT none", &[450])]).await;
    // In stream mode, what the client had opened for the refused command is not taken for the next.
    let mut data = client.passive().await;
    client.ask("STOR d", 553).await;
    let _ = data.write_all(b"meant for d").await;
    client.script(&[("STOR f", &[150, 425])]).await;
    assert_eq!(world.get("/f"), None);
}

/// Some clients take a reset of the data connection for the end of their session: who is refused hears the
/// reply, and then the end of a connection on which nothing comes, whichever it opens first.
#[tokio::test(start_paused = true)]
async fn a_refused_transfer_ends_its_connection_without_a_reset() {
    for (command, code) in [("RETR missing", 550), ("STOR missing/f", 553)] {
        for early in [true, false] {
            let world = world().await;
            let mut client = world.client().await;
            let port = client.epsv().await;
            let to = std::net::SocketAddr::new(testkit::server::SERVER.ip(), port);
            let net = client.net.clone();
            let before = if early { Some(net.connect(None, to).await.unwrap()) } else { None };
            client.ask(command, code).await;
            let data = match before {
                Some(data) => data,
                None => net.connect(None, to).await.unwrap(),
            };
            assert_eq!(read_all(data).await.unwrap(), b"", "{command} {early}");
            // What came for it is not taken for the next.
            world.put("/f", b"next");
            let data = client.passive().await;
            client.ask("RETR f", 150).await;
            assert_eq!(read_all(data).await.unwrap(), b"next");
            client.expect(226).await;
        }
    }
}
