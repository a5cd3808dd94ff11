//! Data connections and files.

use ftp_endpoint::net::{Listener, Net, Stream};
use ftp_endpoint::server::Timeouts;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A block of block mode, made by hand (RFC 959 section 3.4.2).
fn block(descriptor: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![descriptor, (payload.len() >> 8) as u8, payload.len() as u8];
    out.extend_from_slice(payload);
    out
}

const EOF: u8 = 64;

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
async fn active_mode() {
    let world = world().await;
    world.put("/f", b"hello");
    let mut client = world.client().await;
    let on = SocketAddr::new([10, 0, 0, 2].into(), 5000);
    let listener = client.net.listen(on).await.unwrap();
    client.ask("PORT 10,0,0,2,19,136", 200).await;
    for _ in 0..2 {
        client.ask("RETR f", 150).await;
        let (data, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip(), SERVER.ip());
        assert_eq!(read_all(data).await.unwrap(), b"hello");
        client.expect(226).await;
    }
    drop(listener);
    client.script(&[("RETR f", &[150, 425])]).await;
}

/// RFC 959 section 3.2: without PORT and PASV, the client's end of the control connection.
#[tokio::test(start_paused = true)]
async fn default_port() {
    let world = world().await;
    world.put("/f", b"hello");
    let mut client = world.client().await;
    let listener = client.net.listen(client.stream.local_addr().unwrap()).await.unwrap();
    client.ask("RETR f", 150).await;
    let (data, _) = listener.accept().await.unwrap();
    assert_eq!(read_all(data).await.unwrap(), b"hello");
    client.expect(226).await;
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
async fn block_mode_keeps_the_connection() {
    let world = world().await;
    world.put("/r", b"retrieved");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
    let mut data = client.passive().await;
    client.ask("STOR a", 150).await;
    data.write_all(&block(0, b"first ")).await.unwrap();
    data.write_all(&block(EOF, b"file")).await.unwrap();
    client.expect(250).await;
    assert_eq!(world.get("/a").unwrap(), b"first file");
    client.ask("STOR empty", 125).await;
    data.write_all(&block(EOF, b"")).await.unwrap();
    client.expect(250).await;
    assert_eq!(world.get("/empty").unwrap(), b"");
    // TYPE and a refusal leave the connection alone.
    client.script(&[("TYPE A", &[200]), ("TYPE I", &[200]), ("RETR none", &[550])]).await;
    client.ask("RETR r", 125).await;
    let mut got = vec![0; 12];
    data.read_exact(&mut got).await.unwrap();
    assert_eq!(got, block(EOF, b"retrieved"));
    client.expect(250).await;
    assert_eq!(world.notes.count("data opens"), 1);
    // MODE closes it.
    client.ask("MODE S", 200).await;
    assert_eq!(data.read(&mut got).await.unwrap(), 0);
    client.script(&[("RETR r", &[150, 425])]).await;
}

#[tokio::test(start_paused = true)]
async fn the_server_notices_that_the_kept_connection_is_gone() {
    let world = world().await;
    world.put("/r", b"r");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
    let mut data = client.passive().await;
    client.ask("RETR r", 150).await;
    data.read_exact(&mut [0; 4]).await.unwrap();
    client.expect(250).await;
    drop(data);
    settle().await;
    client.script(&[("RETR r", &[150, 425])]).await;
    // With a PORT that stands, it is opened again.
    let listener = client.net.listen(SocketAddr::new([10, 0, 0, 2].into(), 5000)).await.unwrap();
    client.ask("PORT 10,0,0,2,19,136", 200).await;
    for _ in 0..2 {
        client.ask("RETR r", 150).await;
        let (mut data, _) = listener.accept().await.unwrap();
        data.read_exact(&mut [0; 4]).await.unwrap();
        client.expect(250).await;
        data.abort();
        settle().await;
    }
}

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
    client.script(&[("LIST none", &[450]), ("NLST none/x", &[450])]).await;
    // In stream mode, what the client had opened for the refused command is not taken for the next.
    let mut data = client.passive().await;
    client.ask("STOR d", 553).await;
    let _ = data.write_all(b"meant for d").await;
    client.script(&[("STOR f", &[150, 425])]).await;
    assert_eq!(world.get("/f"), None);
}

/// In stream mode a connection is for one command, also for one that was refused.
#[tokio::test(start_paused = true)]
async fn a_refused_command_has_used_its_connection() {
    for refused in ["RETR none", "STOR /none/x", "LIST none", "NLST none", "MLSD none", "MLSD f"] {
        let world = world().await;
        world.put("/f", b"x");
        let mut client = world.client().await;
        let data = client.passive().await;
        client.send(format!("{refused}\r\n").as_bytes()).await;
        let reply = client.reply().await;
        assert!(reply.starts_with(['4', '5']), "{refused}: {reply}");
        client.script(&[("RETR f", &[150, 425])]).await;
        drop(data);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_connects() {
    let world = world().await;
    let mut client = world.client().await;
    client.epsv().await;
    let begun = tokio::time::Instant::now();
    client.script(&[("STOR f", &[150, 425])]).await;
    assert_eq!(begun.elapsed(), Timeouts::default().data_open);
    assert_eq!(world.net.listening(), 1, "the passive port is closed");
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

#[tokio::test(start_paused = true)]
async fn the_observer_hears_of_offsets_before_bytes() {
    let world = world().await;
    world.put("/a", b"aaa");
    world.put("/b", b"bb");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
    let mut data = client.passive().await;
    client.script(&[("RETR a", &[150, 250]), ("RETR b", &[125, 250])]).await;
    data.read_exact(&mut [0; 11]).await.unwrap();
    let notes = world.notes.all();
    assert!(notes.contains(&"send /a at 0".to_owned()), "{notes:?}");
    assert!(notes.contains(&"send /b at 6".to_owned()), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_both_ways() {
    let world = world_with(|config| {
        config.limits.transfer_bytes_per_s = std::num::NonZeroU64::new(10_000);
    })
    .await;
    world.put("/f", &[1; 50_000]);
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let data = client.passive().await;
    let begun = tokio::time::Instant::now();
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap().len(), 50_000);
    client.expect(226).await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    let mut data = client.passive().await;
    client.ask("STOR g", 150).await;
    soon(data.write_all(&[1; 50_000])).await.unwrap();
    drop(data);
    client.expect(226).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(world.get("/g").unwrap().len(), 50_000);
}

#[tokio::test(start_paused = true)]
async fn transfers_are_logged() {
    use std::sync::{Arc, Mutex};
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let world = world_with(|config| {
        config.calendar = Some(Arc::new(|| (951_782_400, 0)));
        config.transfer_log = Some(Arc::new(move |record| log.lock().unwrap().push(record.xferlog())));
    })
    .await;
    world.put("/a b", b"12345");
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let data = client.passive().await;
    client.ask("RETR a b", 150).await;
    read_all(data).await.unwrap();
    client.expect(226).await;
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(&block(0, b"abc")).await.unwrap();
    settle().await;
    drop(data);
    client.expect(426).await;
    client.script(&[("NLST none", &[450])]).await;
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "Tue Feb 29 00:00:00 2000 0 10.0.0.2 5 /a_b b _ o r u ftp 0 * c",
            "Tue Feb 29 00:00:00 2000 0 10.0.0.2 3 /f b _ i r u ftp 0 * i",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_transfers_finish() {
    let mut token = None;
    let world = world_with(|config| token = Some(config.shutdown.clone())).await;
    let mut idle = world.client().await;
    let mut busy = world.client().await;
    let mut data = busy.passive().await;
    busy.ask("STOR f", 150).await;
    token.unwrap().cancel();
    idle.expect(421).await;
    assert!(idle.is_closed().await);
    assert!(idle.net.connect(None, SERVER).await.is_err());
    data.write_all(b"abc").await.unwrap();
    drop(data);
    busy.expect(226).await;
    busy.expect(421).await;
    assert!(busy.is_closed().await);
    assert_eq!(world.get("/f").unwrap(), b"abc");
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

#[tokio::test(start_paused = true)]
async fn pasv_names_this_host() {
    let world = world().await;
    let mut client = world.client().await;
    let reply = client.ask("PASV", 227).await;
    let address = ftp_proto::address::parse_passive(&reply[4..]).unwrap();
    assert_eq!(SocketAddr::from(address).ip(), SERVER.ip());
    let _data = client.net.connect(None, address.into()).await.unwrap();
    client.script(&[("NLST", &[150, 226])]).await;
}
