//! ABOR, plain and with Telnet's IP and Synch, in each phase; STAT and NOOP during a transfer.

use testkit::server::*;
use tokio::io::AsyncWriteExt;

const ABORTS: [&[u8]; 3] = [b"ABOR\r\n", b"\xff\xf4\xff\xf2ABOR\r\n", b"\xff\xf4\xf2abor\r\n"];

#[tokio::test(start_paused = true)]
async fn with_nothing_under_way() {
    let world = world().await;
    let mut client = world.client().await;
    for abort in ABORTS {
        client.send(abort).await;
        client.expect(226).await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_connection_is_awaited() {
    for abort in ABORTS {
        let world = world().await;
        let mut client = world.client().await;
        client.epsv().await;
        client.ask("STOR f", 150).await;
        client.send(abort).await;
        client.expect(426).await;
        client.expect(226).await;
        client.ask("NOOP", 200).await;
        assert_eq!(world.net.listening(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn during_an_upload() {
    for mode in ["S", "B"] {
        for abort in ABORTS {
            let world = world().await;
            let mut client = world.client().await;
            client.ask(&format!("MODE {mode}"), 200).await;
            let mut data = client.passive().await;
            client.ask("STOR f", 150).await;
            data.write_all(b"\x00\x00\x05ab").await.unwrap();
            settle().await;
            client.send(abort).await;
            client.expect(426).await;
            client.expect(226).await;
            assert_eq!(world.get("/f"), None);
            assert!(read_all(data).await.is_err());
            client.ask("NOOP", 200).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn during_a_download() {
    for abort in ABORTS {
        let world = world().await;
        world.put("/big", &vec![1; 1_000_000]);
        let mut client = world.client().await;
        let data = client.passive().await;
        client.ask("RETR big", 150).await;
        settle().await;
        client.send(abort).await;
        client.expect(426).await;
        client.expect(226).await;
        assert!(read_all(data).await.is_err(), "nothing that looks like a whole file");
        client.ask("NOOP", 200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn between_two_files_closes_the_kept_connection() {
    let world = world().await;
    let mut client = world.client().await;
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"\x40\x00\x01x").await.unwrap();
    client.expect(250).await;
    client.ask("ABOR", 226).await;
    assert!(read_all(data).await.is_err());
    client.script(&[("STOR f", &[150, 425])]).await;
}

/// Transfers that came before the ABOR do not begin; other commands are answered, in order.
#[tokio::test(start_paused = true)]
async fn stops_the_commands_ahead_of_it() {
    let world = world().await;
    world.put("/big", &vec![1; 1_000_000]);
    let mut client = world.client().await;
    let _data = client.passive().await;
    client.ask("RETR big", 150).await;
    client.send(b"RETR big\r\nPWD\r\nSTOR x\r\nABOR\r\nSYST\r\n").await;
    for code in [426, 426, 257, 426, 226, 215] {
        client.expect(code).await;
    }
}

#[tokio::test(start_paused = true)]
async fn status_during_a_transfer() {
    let world = world().await;
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"abc").await.unwrap();
    settle().await;
    let status = client.ask("STAT", 211).await;
    assert!(status.contains("receiving /f, 3 bytes so far"), "{status}");
    client.ask("NOOP", 200).await;
    // A command that waits keeps those behind it waiting.
    client.send(b"PWD\r\nNOOP\r\n").await;
    settle().await;
    drop(data);
    client.expect(226).await;
    client.expect(257).await;
    client.expect(200).await;
    assert_eq!(world.get("/f").unwrap(), b"abc");
}

#[tokio::test(start_paused = true)]
async fn quit_waits_for_the_transfer() {
    let world = world().await;
    let mut client = world.client().await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    client.send(b"QUIT\r\n").await;
    client.stream.shutdown().await.unwrap();
    settle().await;
    data.write_all(b"abc").await.unwrap();
    drop(data);
    client.expect(226).await;
    client.expect(221).await;
    assert_eq!(world.get("/f").unwrap(), b"abc");
}

/// RFC 959 section 4.1.1, QUIT: "the effective action of an abort and a logout".
#[tokio::test(start_paused = true)]
async fn a_lost_control_connection_aborts() {
    let world = world().await;
    let mut client = world.client().await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"abc").await.unwrap();
    settle().await;
    drop(client);
    assert!(read_all(data).await.is_err());
    settle().await;
    assert_eq!(world.get("/f"), None);
    assert_eq!(world.notes.count("end 1"), 1);
}
