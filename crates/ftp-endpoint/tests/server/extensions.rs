//! RFC 2389, 2640, 3659, 7151, the drafts for HASH, RANG and MFMT, and our own XPIPE and SITE.

use ftp_endpoint::store::Store;
use ftp_proto::repr::RecordForm;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const EOF: u8 = 64;

fn block(descriptor: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![descriptor, (payload.len() >> 8) as u8, payload.len() as u8];
    out.extend_from_slice(payload);
    out
}

#[tokio::test(start_paused = true)]
async fn features_have_the_form_of_rfc_2389() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let reply = client.ask("FEAT", 211).await;
    let lines: Vec<&str> = reply.split_terminator("\r\n").collect();
    assert!(lines[0].starts_with("211-"));
    assert_eq!(*lines.last().unwrap(), "211 End");
    for line in &lines[1..lines.len() - 1] {
        assert!(line.starts_with(' ') && !line.starts_with("  "), "{line}");
    }
    for feature in ["EPSV", "MODE Z", "SIZE", "REST STREAM", "UTF8", "XPIPE", "HASH SHA-256*;CRC32", "TVFS"] {
        assert!(lines.contains(&format!(" {feature}").as_str()), "{feature}");
    }
    client
        .script(&[
            ("FEAT x", &[501]),
            ("OPTS", &[501]),
            ("OPTS NOOP", &[501]),
            ("OPTS UTF8 ON", &[200]),
            ("OPTS UTF8 OFF", &[501]),
            ("OPTS XPIPE MAYBE", &[501]),
            ("LANG", &[200]),
            ("LANG en-GB", &[200]),
            ("LANG de", &[504]),
            ("CLNT test", &[200]),
            ("HOST ftp.example.org", &[220]),
            ("HOST [::1]", &[220]),
            ("HOST ftp.example.org:21", &[501]),
            (&format!("HOST {}", "a".repeat(255)), &[220]),
            (&format!("HOST {}", "a".repeat(256)), &[501]),
            ("HELP", &[214]),
            ("HELP retr", &[214]),
            ("HELP frob", &[501]),
            ("STAT", &[211]),
            ("STAT /", &[530]),
            ("SITE HELP", &[530]),
        ])
        .await;
    let mut client = world.client().await;
    client
        .script(&[
            ("HOST ftp.example.org", &[503]),
            ("SITE HELP", &[214]),
            ("SITE EXEC rm", &[504]),
            ("SITE PARTIAL", &[501]),
            ("ALLO 5", &[202]),
            ("ALLO 5 R 4", &[202]),
            ("SMNT /", &[202]),
            ("ACCT x", &[202]),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn status_of_a_path_comes_over_the_control_connection() {
    let world = world().await;
    world.put("/d/a", b"123");
    let mut client = world.client().await;
    let reply = client.ask("STAT d", 212).await;
    assert_eq!(
        reply,
        "212-Status of d:\r\n -rw-r--r-- 1 ftp ftp            3 Jan  1  1970 a\r\n212 End of status\r\n"
    );
    client.ask("STAT d/a", 213).await;
    client.ask("STAT none", 450).await;
    let reply = client.ask("STAT", 211).await;
    assert!(reply.contains(" TYPE A, STRU F, MODE S\r\n"), "{reply}");
}

/// More than so many lines belong on a data connection: the rest is not hidden, it is said that there is more.
#[tokio::test(start_paused = true)]
async fn status_of_a_large_directory_says_that_there_is_more() {
    let world = world().await;
    let mut client = world.client().await;
    for (files, more) in [(1000, false), (1001, true), (1002, true)] {
        for number in 0..files {
            world.put(&format!("/d/{number}"), b"");
        }
        let reply = client.ask("STAT d", 212).await;
        assert_eq!(reply.contains("\r\n and more (use LIST)\r\n"), more, "{files}");
        assert_eq!(reply.matches(" ftp ftp ").count(), 1000, "{files}");
    }
}

#[tokio::test(start_paused = true)]
async fn machine_listings() {
    let world = world().await;
    world.put("/d/a b", b"123");
    world.put("/d/sub/x", b"");
    world.store.set_modified(&path_of("/d/a b"), (951_782_400, 250_000_000)).await.unwrap();
    let mut client = world.client().await;
    for (options, wanted) in [
        (
            None,
            "type=cdir;perm=elcmdfp; .\r\ntype=file;size=3;modify=20000229000000;perm=rawdf;unique=0g1; a b\r\n\
             type=dir;perm=elcmdfp; sub\r\n",
        ),
        (Some(("size;modify;", "size;modify;")), "size=3;modify=20000229000000; a b\r\n sub\r\n"),
    ] {
        if let Some((options, answer)) = options {
            let reply = client.ask(&format!("OPTS MLST {options}"), 200).await;
            assert_eq!(reply, format!("200 MLST OPTS {answer}\r\n"));
        }
        let data = client.passive().await;
        client.ask("MLSD d", 150).await;
        assert_eq!(String::from_utf8(read_all(data).await.unwrap()).unwrap(), wanted);
        client.expect(226).await;
    }
    let reply = client.ask("MLST d/a b", 250).await;
    assert_eq!(reply, "250-Listing /d/a b\r\n size=3;modify=20000229000000; /d/a b\r\n250 End\r\n");
    // Only a listing has a directory that is listed.
    client.ask("CWD d", 250).await;
    client.ask("OPTS MLST type;", 200).await;
    assert_eq!(client.ask("MLST", 250).await, "250-Listing /d\r\n type=dir; /d\r\n250 End\r\n");
    client.ask("CWD /", 250).await;
    client.script(&[("MLSD d/a b", &[501]), ("MLSD none", &[550]), ("MLST none", &[550])]).await;
}

/// RFC 3659 section 4: what a RETR would send in this TYPE and STRU.
#[tokio::test(start_paused = true)]
async fn sizes_are_those_of_the_representation() {
    let world = world_with(|config| config.record_form = RecordForm::Marked).await;
    world.put("/text", b"a\nbb\n");
    world.put("/records", b"\x80\0\0\x03abc\x80\0\0\x01d");
    let mut client = world.client().await;
    for (data_type, structure, name, bytes) in [
        ("I", "F", "text", 5),
        ("L 8", "F", "text", 5),
        ("A", "F", "text", 7),
        ("E", "F", "text", 5),
        ("A", "R", "text", 3),
        ("E", "R", "text", 3),
        ("I", "R", "records", 4),
    ] {
        client.ask(&format!("TYPE {data_type}"), 200).await;
        client.ask(&format!("STRU {structure}"), 200).await;
        let reply = client.ask(&format!("SIZE {name}"), 213).await;
        assert_eq!(reply, format!("213 {bytes}\r\n"), "{data_type} {structure}");
    }
    // Not records: no size that could be true.
    client.ask("SIZE text", 451).await;
    // Records that do not end where a piece that is read ends.
    world.put("/many", &b"\x80\0\0\x03abc".repeat(30_000));
    assert_eq!(client.ask("SIZE many", 213).await, "213 90000\r\n");
    // Where in a file of records an offset lies cannot be told.
    client.script(&[("MODE B", &[200]), ("REST 7", &[350]), ("RETR many", &[554])]).await;
}

/// What has to be read for it has a limit; what is known does not.
#[tokio::test(start_paused = true)]
async fn a_size_that_costs_too_much_is_not_told() {
    const MOST: usize = 16 << 20;
    let world = world().await;
    world.put("/most", &vec![b'x'; MOST]);
    world.put("/more", &vec![b'x'; MOST + 1]);
    let mut client = world.client().await;
    assert_eq!(client.ask("SIZE most", 213).await, format!("213 {MOST}\r\n"));
    client.ask("SIZE more", 550).await;
    client.ask("TYPE I", 200).await;
    assert_eq!(client.ask("SIZE more", 213).await, format!("213 {}\r\n", MOST + 1));
}

#[tokio::test(start_paused = true)]
async fn times_of_modification() {
    let world = world().await;
    world.put("/f", b"x");
    let mut client = world.client().await;
    client.script(&[("MDTM f", &[550]), ("MDTM none", &[550]), ("MFMT 2000 f", &[501])]).await;
    let reply = client.ask("MFMT 20000229123456 f", 213).await;
    assert_eq!(reply, "213 Modify=20000229123456; f\r\n");
    assert_eq!(client.ask("MDTM f", 213).await, "213 20000229123456\r\n");
}

/// draft-somers-ftp-mfxx-04 section 3.1: the reply tells what is kept. Most file systems know no time so late, and
/// keep the last one that they know.
#[cfg(feature = "disk")]
#[tokio::test(start_paused = true)]
async fn a_time_that_the_disk_cannot_keep_is_answered_as_it_is_kept() {
    use ftp_endpoint::net::Net;
    use ftp_endpoint::server::{Config, Rights, Table, serve};
    use std::sync::Arc;
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("f"), "x").unwrap();
    let store = ftp_endpoint::store::disk::DiskStore::open(root.path()).unwrap();
    let net = testkit::memory_net::MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let config = Config::new(Table::new().with_user("u", "p", store, Rights::ALL));
    let notes = Arc::new(Notes::default());
    let _server = tokio::spawn(serve(net.clone(), listener, Arc::new(config), notes));
    let mut client = Client::of(&net, [10, 0, 0, 2]).await;
    client.expect(220).await;
    client.script(&[("USER u", &[331]), ("PASS p", &[230])]).await;
    let told = client.ask("MFMT 99991231235959 f", 213).await;
    let kept = client.ask("MDTM f", 213).await;
    let kept = kept.trim_start_matches("213 ").trim_end();
    assert_eq!(told, format!("213 Modify={kept}; f\r\n"));
}

#[tokio::test(start_paused = true)]
async fn hashes_and_ranges() {
    let world = world().await;
    world.put("/f", b"xx123456789yy");
    world.put("/abc", b"abc");
    let mut client = world.client().await;
    assert_eq!(
        client.ask("HASH abc", 213).await,
        "213 SHA-256 0-2 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad abc\r\n"
    );
    client
        .script(&[
            ("OPTS HASH", &[200]),
            ("OPTS HASH MD2", &[501]),
            ("OPTS HASH crc32", &[200]),
            ("RANG 2 10", &[350]),
        ])
        .await;
    assert_eq!(client.ask("HASH f", 213).await, "213 CRC32 2-10 cbf43926 f\r\n");
    client.script(&[("RANG 5 4", &[501]), ("RANG 1 0", &[350]), ("HASH none", &[550])]).await;

    client.ask("TYPE I", 200).await;
    for (range, wanted) in [("2 4", &b"123"[..]), ("9 99", b"89yy"), ("50 60", b""), ("0 0", b"x")] {
        client.ask(&format!("RANG {range}"), 350).await;
        let data = client.passive().await;
        client.ask("RETR f", 150).await;
        assert_eq!(read_all(data).await.unwrap(), wanted, "{range}");
        client.expect(226).await;
    }
    for (range, content, wanted) in
        [("2 4", &b"abc"[..], &b"xxabc456789yy"[..]), ("11 99", b"END", b"xxabc456789END")]
    {
        client.ask(&format!("RANG {range}"), 350).await;
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        data.write_all(content).await.unwrap();
        drop(data);
        client.expect(226).await;
        assert_eq!(world.get("/f").unwrap(), wanted, "{range}");
    }
    // More than the range holds is refused, nothing changes.
    for range in ["0 1", "4 5"] {
        client.ask(&format!("RANG {range}"), 350).await;
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        data.write_all(b"abc").await.unwrap();
        drop(data);
        client.expect(451).await;
        assert_eq!(world.get("/f").unwrap(), b"xxabc456789END");
    }
    client.script(&[("RANG 99 100", &[350]), ("STOR f", &[554])]).await;
}

/// RFC 1123 section 4.1.2.9: the name in the exact form.
#[tokio::test(start_paused = true)]
async fn store_unique() {
    let world = world().await;
    let mut client = world.client().await;
    let mut names = Vec::new();
    for content in [&b"one"[..], b"two"] {
        let mut data = client.passive().await;
        let reply = client.ask("STOU", 150).await;
        let name = reply.strip_prefix("150 FILE: ").unwrap().trim_end().to_owned();
        data.write_all(content).await.unwrap();
        drop(data);
        client.expect(226).await;
        assert_eq!(world.get(&name).unwrap(), content);
        names.push(name);
    }
    assert_ne!(names[0], names[1]);
}

/// RFC 1123 section 4.1.3.4, case 1: markers in an upload, a cut, and REST with ours.
#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_from_a_marker() {
    for (mode, pieces) in [
        ("B", [block(0, b"0123456"), block(16, b"s7"), block(0, b"78"), block(EOF, b"789")]),
        (
            "C",
            [
                b"\x070123456".to_vec(),
                b"\x00\x10\x02s7".to_vec(),
                b"\x0278".to_vec(),
                b"\x03789\x00\x40\xc0".to_vec(),
            ],
        ),
    ] {
        let world = world().await;
        let mut client = world.client().await;
        client.ask("TYPE I", 200).await;
        client.ask(&format!("MODE {mode}"), 200).await;
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        for piece in &pieces[..3] {
            data.write_all(piece).await.unwrap();
        }
        let begun = tokio::time::Instant::now();
        assert_eq!(client.expect(110).await, "110 MARK s7 = 7p\r\n");
        assert!(begun.elapsed().is_zero(), "while the upload goes on");
        settle().await;
        drop(data);
        client.expect(426).await;
        assert_eq!(world.get("/f"), None, "out of sight");
        assert_eq!(client.ask("SITE PARTIAL f", 213).await, "213 9\r\n");

        client.ask("REST 7", 350).await;
        let mut data = client.passive().await;
        client.ask("STOR f", 150).await;
        data.write_all(&pieces[3]).await.unwrap();
        client.expect(250).await;
        assert_eq!(world.get("/f").unwrap(), b"0123456789");
        client.ask("SITE PARTIAL f", 550).await;
    }
}

/// The marker falls between CR and LF (RFC 1123 section 4.1.3.4's example).
#[tokio::test(start_paused = true)]
async fn a_marker_in_the_middle_of_an_end_of_line() {
    let world = world().await;
    let mut client = world.client().await;
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(&block(0, b"line\r")).await.unwrap();
    data.write_all(&block(16, b"m")).await.unwrap();
    assert_eq!(client.expect(110).await, "110 MARK m = 4rp\r\n");
    drop(data);
    client.expect(426).await;
    client.ask("REST 4rp", 350).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(&block(EOF, b"\nnext")).await.unwrap();
    client.expect(250).await;
    assert_eq!(world.get("/f").unwrap(), b"line\nnext");
}

/// Case 2: markers in a download, on request.
#[tokio::test(start_paused = true)]
async fn a_download_with_markers() {
    let world = world().await;
    world.put("/f", b"0123456789");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200]), ("SITE MARKERS 4", &[200])]).await;
    let mut data = client.passive().await;
    client.script(&[("RETR f", &[150, 250])]).await;
    let wanted: Vec<u8> =
        [block(0, b"0123"), block(16, b"4"), block(0, b"4567"), block(16, b"8"), block(EOF, b"89")].concat();
    let mut got = vec![0; wanted.len()];
    data.read_exact(&mut got).await.unwrap();
    assert_eq!(got, wanted);
    client.script(&[("REST 8", &[350]), ("RETR f", &[125, 250])]).await;
    let mut got = vec![0; 5];
    data.read_exact(&mut got).await.unwrap();
    assert_eq!(got, block(EOF, b"89"));
}

/// In stream mode the client counts, the server tells how much it has.
#[tokio::test(start_paused = true)]
async fn a_stream_upload_goes_on() {
    let world = world().await;
    world.put("/f", b"old");
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"01234").await.unwrap();
    settle().await;
    ftp_endpoint::net::Stream::abort(data);
    client.expect(426).await;
    assert_eq!(world.get("/f").unwrap(), b"old");
    assert_eq!(client.ask("SITE PARTIAL f", 213).await, "213 5\r\n");
    client.ask("REST 5", 350).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(b"56789").await.unwrap();
    drop(data);
    client.expect(226).await;
    assert_eq!(world.get("/f").unwrap(), b"0123456789");
}

/// Our extension: the data of all files come at once, also those of the refused one.
#[tokio::test(start_paused = true)]
async fn pipelined_uploads_stay_in_step_when_one_is_refused() {
    let world = world().await;
    world.put("/dir/x", b"");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200]), ("OPTS XPIPE ON", &[200])]).await;
    let mut data = client.passive().await;
    for refused_at in 0..3 {
        let mut commands = String::new();
        for number in 0..3 {
            let name = if number == refused_at { "dir".to_owned() } else { format!("f{number}") };
            commands += &format!("STOR {name}\r\n");
            data.write_all(&block(0, b"content ")).await.unwrap();
            data.write_all(&block(EOF, format!("{refused_at} {number}").as_bytes())).await.unwrap();
        }
        client.send(commands.as_bytes()).await;
        for number in 0..3 {
            if number == refused_at {
                client.expect(553).await;
            } else {
                let reply = client.reply().await;
                assert!(reply.starts_with("150") || reply.starts_with("125"), "{reply}");
                client.expect(250).await;
                let wanted = format!("content {refused_at} {number}");
                assert_eq!(world.get(&format!("/f{number}")).unwrap(), wanted.as_bytes());
            }
        }
    }
    assert_eq!(world.notes.count("data opens"), 1);
}
