//! Files and listings, in every mode.

use super::block::{EOF, block};
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(start_paused = true)]
async fn stream_mode_both_ways() {
    let world = world().await;
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"hello").await.unwrap();
    assert_eq!(world.get("/f"), None);
    drop(data);
    client.expect(226).await;
    assert_eq!(world.get("/f").unwrap(), b"hello");

    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap(), b"hello");
    client.expect(226).await;

    // The listener served for one connection.
    client.script(&[("RETR f", &[150, 425])]).await;
}

#[tokio::test(start_paused = true)]
async fn append_restart_and_size() {
    let world = world().await;
    world.put("/f", b"0123456789");
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let data = client.passive().await;
    client.ask("REST 7", 350).await;
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap(), b"789");
    client.expect(226).await;

    for (commands, content, wanted) in [
        (&["REST 4", "STOR f"][..], &b"xy"[..], &b"0123xy"[..]),
        (&["APPE f"], b"z", b"0123xyz"),
        (&["APPE new"], b"n", b"n"),
    ] {
        let mut data = client.passive().await;
        for command in commands {
            let code = if command.starts_with("REST") { 350 } else { 150 };
            client.ask(command, code).await;
        }
        data.write_all(content).await.unwrap();
        drop(data);
        client.expect(226).await;
        let name = commands.last().unwrap().split(' ').next_back().unwrap();
        assert_eq!(world.get(&format!("/{name}")).unwrap(), wanted);
    }
    client.script(&[("REST 99", &[350]), ("RETR f", &[554]), ("SIZE f", &[213])]).await;
}

/// RFC 3659 section 5.3: in stream mode an offset counts what is sent.
#[tokio::test(start_paused = true)]
async fn offsets_count_what_is_sent() {
    let world = world().await;
    world.put("/f", b"one\ntwo\r\n\n");
    let sent = b"one\r\ntwo\r\r\n\r\n";
    let mut client = world.client().await;
    client.ask("TYPE A", 200).await;
    for offset in 0..=sent.len() {
        client.ask(&format!("REST {offset}"), 350).await;
        let data = client.passive().await;
        client.ask("RETR f", 150).await;
        assert_eq!(read_all(data).await.unwrap(), sent[offset..], "{offset}");
        client.expect(226).await;
    }
    client.script(&[("REST 14", &[350]), ("RETR f", &[554])]).await;
    // Where in the file a CR LF stands is not known without reading it: refused, not guessed.
    client.script(&[("REST 4", &[350]), ("STOR f", &[554])]).await;
    client
        .script(&[("RANG 1 4", &[350]), ("RETR f", &[504]), ("RANG 1 4", &[350]), ("STOR f", &[504])])
        .await;
    client.script(&[("TYPE I", &[200]), ("STRU R", &[200])]).await;
    client.script(&[("REST 4", &[350]), ("RETR f", &[554]), ("REST 4", &[350]), ("STOR f", &[554])]).await;
    assert_eq!(world.get("/f").unwrap(), b"one\ntwo\r\n\n", "nothing has changed");
}

#[tokio::test(start_paused = true)]
async fn ascii() {
    let world = world().await;
    let mut client = world.client().await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    // The pair is cut in two.
    for piece in [&b"one\r"[..], b"\ntwo\r\n", b"a\rb\r"] {
        data.write_all(piece).await.unwrap();
        settle().await;
    }
    drop(data);
    client.expect(226).await;
    assert_eq!(world.get("/f").unwrap(), b"one\ntwo\na\rb\r");
    world.put("/f", b"one\ntwo\n");
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap(), b"one\r\ntwo\r\n");
    client.expect(226).await;
    let size = client.ask("SIZE f", 213).await;
    assert_eq!(size, "213 10\r\n");
    client.ask("TYPE I", 200).await;
    assert_eq!(client.ask("SIZE f", 213).await, "213 8\r\n");
}

#[tokio::test(start_paused = true)]
async fn listings() {
    let world = world().await;
    world.put("/d/b.txt", b"12345");
    world.put("/d/a", b"");
    world.put("/d/sub/x", b"");
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    for (command, wanted) in [
        ("NLST d", "d/a\r\nd/b.txt\r\nd/sub\r\n"),
        ("NLST d/*.txt", "d/b.txt\r\n"),
        ("NLST -a /d/a", "/d/a\r\n"),
        ("NLST", "d\r\n"),
        (
            "LIST -la d",
            "-rw-r--r-- 1 ftp ftp            0 Jan  1  1970 a\r\n\
             -rw-r--r-- 1 ftp ftp            5 Jan  1  1970 b.txt\r\n\
             drwxr-xr-x 2 ftp ftp            0 Jan  1  1970 sub\r\n",
        ),
        ("LIST d/sub", "-rw-r--r-- 1 ftp ftp            0 Jan  1  1970 x\r\n"),
    ] {
        let data = client.passive().await;
        client.ask(command, 150).await;
        assert_eq!(String::from_utf8(read_all(data).await.unwrap()).unwrap(), wanted, "{command}");
        client.expect(226).await;
    }
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    for code in [150, 125] {
        client.ask("NLST", code).await;
        let mut got = vec![0; 6];
        data.read_exact(&mut got).await.unwrap();
        assert_eq!(got, block(EOF, b"d\r\n"));
        client.expect(250).await;
    }
}

#[tokio::test(start_paused = true)]
async fn compressed_mode_takes_the_filler_of_the_type() {
    let world = world().await;
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE C", &[200])]).await;
    let mut data = client.passive().await;
    client.ask("STOR zeros", 150).await;
    data.write_all(b"\xc5\x00\x40\xc0").await.unwrap();
    client.expect(250).await;
    client.ask("TYPE A", 200).await;
    client.ask("STOR spaces", 125).await;
    data.write_all(b"\xc5\x00\x40\xc0").await.unwrap();
    client.expect(250).await;
    assert_eq!(world.get("/zeros").unwrap(), [0; 5]);
    assert_eq!(world.get("/spaces").unwrap(), b"     ");
}

/// A listing is text whatever the TYPE (RFC 959 section 4.1.3): the filler is the space.
#[tokio::test(start_paused = true)]
async fn a_listing_in_compressed_mode_has_the_space_for_its_filler() {
    let world = world().await;
    world.put("/a          b", b"");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE C", &[200])]).await;
    let mut data = client.passive().await;
    client.script(&[("NLST", &[150, 250])]).await;
    let wanted = b"\x01a\xca\x03b\r\n\0\x40\xc0";
    let mut got = vec![0; 4];
    data.read_exact(&mut got).await.unwrap();
    assert_eq!(got[..3], wanted[..3]);
}

/// Commands sent ahead are answered in order, none is lost.
#[tokio::test(start_paused = true)]
async fn pipelined_downloads() {
    let world = world().await;
    let mut wanted = Vec::new();
    let mut commands = String::new();
    for number in 0..50 {
        world.put(&format!("/{number}"), format!("file {number}").as_bytes());
        wanted.extend(block(EOF, format!("file {number}").as_bytes()));
        commands += &format!("RETR {number}\r\n");
    }
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
    let mut data = client.passive().await;
    client.send(commands.as_bytes()).await;
    client.send(b"NOOP\r\n").await;
    for number in 0..50 {
        client.expect(if number == 0 { 150 } else { 125 }).await;
        client.expect(250).await;
    }
    client.expect(200).await;
    let mut got = vec![0; wanted.len()];
    data.read_exact(&mut got).await.unwrap();
    assert_eq!(got, wanted);
}

/// RFC 1123 section 4.1.2.13's note: a host without record files takes the bytes literally, and
/// sends them as one record, whose end is the file's (FF 03, RFC 959 section 3.4.1).
#[tokio::test(start_paused = true)]
async fn record_structure_is_stored_literally() {
    let world = world().await;
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("STRU R", &[200])]).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"one\xff\x01two\xff\xff\xff\x03").await.unwrap();
    client.expect(226).await;
    assert_eq!(world.get("/f").unwrap(), b"onetwo\xff");
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap(), b"onetwo\xff\xff\xff\x03");
    client.expect(226).await;
}
