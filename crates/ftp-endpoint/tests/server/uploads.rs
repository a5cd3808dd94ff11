//! What becomes of uploads that fail, that meet others, and that go on.

use ftp_endpoint::net::{Net, Stream};
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::Store;
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::memory::MemoryStore;
use std::fs;
use std::sync::Arc;
use testkit::memory_net::MemoryNet;
use testkit::server::{Client, Notes, SERVER, World, path_of, read_all, settle, world, world_with};
use tokio::io::AsyncWriteExt;

/// The users `u` and `v`, of whom `v` may not replace files, share a store.
async fn shared_world() -> World {
    let store = MemoryStore::new();
    let may_add = Rights { delete: false, ..Rights::ALL };
    let table = Table::new().with_user("u", "p", store.clone(), Rights::ALL);
    let table = table.with_user("v", "p", store.clone(), may_add);
    let mut world = world_with(|config| config.accounts = table).await;
    world.store = store;
    world
}

async fn client_of(world: &World, name: &str) -> Client {
    let mut client = world.connect().await;
    client.expect(220).await;
    client.ask(&format!("USER {name}"), 331).await;
    client.ask("PASS p", 230).await;
    client.ask("TYPE I", 200).await;
    client
}

/// By a file's time others decide whether to fetch it, and what to replace: MFMT takes what replacing it takes.
#[tokio::test(start_paused = true)]
async fn who_may_not_replace_a_file_may_not_set_its_time() {
    let world = shared_world().await;
    world.put("/f", b"1");
    client_of(&world, "v").await.ask("MFMT 20000101000000 f", 550).await;
    let mut client = client_of(&world, "u").await;
    client.ask("MFMT 20010101000000 f", 213).await;
    assert_eq!(client.ask("MDTM f", 213).await, "213 20010101000000\r\n");
}

/// An upload of stream mode, broken off by a reset.
async fn fail(client: &mut Client, command: &str, content: &[u8]) {
    let mut data = client.passive().await;
    client.ask(command, 150).await;
    data.write_all(content).await.unwrap();
    settle().await;
    data.abort();
    client.expect(426).await;
}

async fn upload(client: &mut Client, command: &str, content: &[u8], code: u16) {
    let mut data = client.passive().await;
    client.ask(command, 150).await;
    // The server may have refused it by then.
    let _ = data.write_all(content).await;
    drop(data);
    client.expect(code).await;
}

/// As lftp resumes: SIZE, REST, STOR. RFC 3659 section 5: an offset of the file that is there.
#[tokio::test(start_paused = true)]
async fn rest_is_of_the_file_that_size_tells_of() {
    let world = world().await;
    world.put("/f", b"old, old");
    let mut client = client_of(&world, "u").await;
    fail(&mut client, "STOR f", b"another upload").await;
    assert_eq!(client.ask("SIZE f", 213).await, "213 8\r\n");
    client.ask("REST 8", 350).await;
    upload(&mut client, "STOR f", b" and new", 226).await;
    assert_eq!(world.get("/f").unwrap(), b"old, old and new");
    // Asked of another name, it is of no concern for this one.
    fail(&mut client, "STOR f", b"another upload").await;
    fail(&mut client, "STOR g", b"of g").await;
    assert_eq!(client.ask("SITE PARTIAL g", 213).await, "213 4\r\n");
    client.ask("REST 3", 350).await;
    upload(&mut client, "STOR f", b"!", 226).await;
    assert_eq!(world.get("/f").unwrap(), b"old!");
    // Nor does a question count twice.
    client.ask("SITE PARTIAL g", 213).await;
    upload(&mut client, "STOR g", b"whole", 226).await;
    client.ask("REST 2", 350).await;
    upload(&mut client, "STOR g", b"!", 226).await;
    assert_eq!(world.get("/g").unwrap(), b"wh!");
}

#[tokio::test(start_paused = true)]
async fn a_failed_upload_is_its_users_alone() {
    let world = shared_world().await;
    let (mut ours, mut theirs) = (client_of(&world, "u").await, client_of(&world, "v").await);
    fail(&mut ours, "STOR f", b"01234").await;
    theirs.ask("SITE PARTIAL f", 550).await;
    for marker in ["REST 5", "REST 5p"] {
        theirs.ask(marker, 350).await;
        let _data = theirs.passive().await;
        theirs.ask("STOR f", 554).await;
    }
    // In another session of the same user it is there, and its marker says of what it is.
    let mut later = client_of(&world, "u").await;
    later.ask("REST 3p", 350).await;
    upload(&mut later, "STOR f", b"!", 226).await;
    assert_eq!(world.get("/f").unwrap(), b"012!");
    ours.ask("SITE PARTIAL f", 550).await;
    // With its file it goes.
    fail(&mut ours, "STOR f", b"01234").await;
    later.ask("DELE f", 250).await;
    ours.ask("SITE PARTIAL f", 550).await;
    // Who logs in anew has not asked.
    world.put("/f", b"old");
    fail(&mut ours, "STOR f", b"01234").await;
    ours.ask("SITE PARTIAL f", 213).await;
    ours.script(&[("REIN", &[220]), ("USER u", &[331]), ("PASS p", &[230]), ("TYPE I", &[200])]).await;
    ours.ask("REST 2", 350).await;
    upload(&mut ours, "STOR f", b"!", 226).await;
    assert_eq!(world.get("/f").unwrap(), b"ol!");
}

/// What the hashes are of is told by sha256sum. A part that another session of the user leaves between the
/// question and the upload is not gone on from.
#[tokio::test(start_paused = true)]
async fn a_part_is_known_by_its_hash() {
    let world = shared_world().await;
    let (mut ours, mut other) = (client_of(&world, "u").await, client_of(&world, "u").await);
    ours.script(&[("SITE HASHPARTIAL 3 f", &[550]), ("SITE HASHPARTIAL 3", &[501])]).await;
    fail(&mut ours, "STOR f", b"01234").await;
    let of_three = "213 3 SHA-256 bf6aaaab7c143ca12ae448c69fb72bb4cf1b29154b9086a927a0a91ae334cdf7\r\n";
    for marker in ["3", "3p"] {
        assert_eq!(ours.ask(&format!("SITE HASHPARTIAL {marker} f"), 213).await, of_three);
    }
    let of_all = "213 5 SHA-256 c565fe03ca9b6242e01dfddefe9bba3d98b270e19cd02fd85ceaf75e2b25bf12\r\n";
    assert_eq!(other.ask("SITE HASHPARTIAL 5 f", 213).await, of_all);
    let of_none = "213 0 SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n";
    assert_eq!(ours.ask("SITE HASHPARTIAL 0 f", 213).await, of_none);
    ours.script(&[("SITE HASHPARTIAL 6 f", &[554]), ("SITE HASHPARTIAL x f", &[501])]).await;
    ours.script(&[("SITE HASHPARTIAL 3 g", &[550]), ("SITE HASHPARTIAL", &[501])]).await;
    client_of(&world, "v").await.ask("SITE HASHPARTIAL 3 f", 550).await;

    ours.ask("SITE HASHPARTIAL 3 f", 213).await;
    fail(&mut other, "STOR f", b"56789").await;
    ours.ask("REST 3", 350).await;
    let _data = ours.passive().await;
    ours.ask("STOR f", 451).await;
    assert_eq!((world.get("/f"), other.ask("SITE PARTIAL f", 213).await.as_str()), (None, "213 5\r\n"));
    // Of the one that was looked at, and of any where nobody has looked.
    ours.ask("SITE HASHPARTIAL 4 f", 213).await;
    ours.ask("REST 4", 350).await;
    upload(&mut ours, "STOR f", b"!", 226).await;
    assert_eq!(world.get("/f").unwrap(), b"5678!");
    fail(&mut other, "STOR f", b"01234").await;
    ours.ask("REST 2p", 350).await;
    upload(&mut ours, "STOR f", b"!", 226).await;
    assert_eq!(world.get("/f").unwrap(), b"01!");
}

#[tokio::test(start_paused = true)]
async fn failed_uploads_are_counted() {
    let world = world_with(|config| config.limits.partials_per_user = 2).await;
    let mut client = client_of(&world, "u").await;
    for name in ["a", "b", "c"] {
        fail(&mut client, &format!("STOR {name}"), b"part").await;
    }
    client.script(&[("SITE PARTIAL a", &[550]), ("SITE PARTIAL b", &[213])]).await;
    client.script(&[("SITE PARTIAL c", &[213])]).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_store_keeps_no_part() {
    let world = world().await;
    world.store.set_capacity_bytes(10);
    let mut client = client_of(&world, "u").await;
    let mut data = client.passive().await;
    client.ask("STOR big", 150).await;
    data.write_all(b"0123456").await.unwrap();
    settle().await;
    let _ = data.write_all(b"789ab").await;
    client.expect(452).await;
    client.ask("SITE PARTIAL big", 550).await;
    upload(&mut client, "STOR small", b"0123456789", 226).await;
}

/// It has brought nothing that could be gone on from, and what an earlier one has left is still worth it.
#[tokio::test(start_paused = true)]
async fn an_upload_that_fails_before_its_first_byte_leaves_an_earlier_part_alone() {
    let world = world().await;
    let mut client = client_of(&world, "u").await;
    fail(&mut client, "STOR f", b"").await;
    client.ask("SITE PARTIAL f", 550).await;
    fail(&mut client, "STOR f", b"01234").await;
    fail(&mut client, "STOR f", b"").await;
    assert_eq!(client.ask("SITE PARTIAL f", 213).await, "213 5\r\n");
}

#[tokio::test(start_paused = true)]
async fn two_appends() {
    let world = world().await;
    world.put("/log", b"");
    let (mut one, mut two) = (client_of(&world, "u").await, client_of(&world, "u").await);
    let (mut first, mut second) = (one.passive().await, two.passive().await);
    one.ask("APPE log", 150).await;
    two.ask("APPE log", 150).await;
    // One after the other both are taken ...
    first.write_all(b"one").await.unwrap();
    drop(first);
    one.expect(226).await;
    second.write_all(b"two").await.unwrap();
    drop(second);
    two.expect(226).await;
    assert_eq!(world.get("/log").unwrap(), b"onetwo");
    // ... at the same time one of them, and the other is told.
    let (mut first, mut second) = (one.passive().await, two.passive().await);
    one.ask("APPE log", 150).await;
    two.ask("APPE log", 150).await;
    first.write_all(b", three").await.unwrap();
    settle().await;
    second.write_all(b"lost").await.unwrap();
    two.expect(450).await;
    drop(first);
    one.expect(226).await;
    assert_eq!(world.get("/log").unwrap(), b"onetwo, three");
    fail(&mut one, "APPE log", b"half of it").await;
    assert_eq!(world.get("/log").unwrap(), b"onetwo, three");
}

#[tokio::test(start_paused = true)]
async fn without_the_right_none_is_replaced_however_late() {
    let world = shared_world().await;
    let (mut first, mut late) = (client_of(&world, "u").await, client_of(&world, "v").await);
    let mut data = late.passive().await;
    late.ask("STOR f", 150).await;
    upload(&mut first, "STOR f", b"first", 226).await;
    data.write_all(b"late").await.unwrap();
    drop(data);
    late.expect(553).await;
    assert_eq!(world.get("/f").unwrap(), b"first");
    late.script(&[("STOR f", &[553]), ("APPE f", &[553])]).await;
}

/// Thousands of markers in a few bytes cost few syncs, and few replies.
#[tokio::test(start_paused = true)]
async fn restart_markers_that_come_thick() {
    let world = world().await;
    let mut client = client_of(&world, "u").await;
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    let mut wire = Vec::new();
    for number in 0..2000 {
        wire.extend_from_slice(b"\0\0\x01x");
        let marker = format!("m{number}");
        wire.extend_from_slice(&[16, 0, marker.len() as u8]);
        wire.extend_from_slice(marker.as_bytes());
    }
    data.write_all(&wire).await.unwrap();
    settle().await;
    drop(data);
    let mut told = Vec::new();
    let end = loop {
        let reply = client.reply().await;
        match reply.strip_prefix("110 ") {
            Some(mark) => told.push(mark.trim_end().to_owned()),
            None => break reply,
        }
    };
    assert!(end.starts_with("426"), "{end}");
    assert!(told.len() < 50, "{}", told.len());
    // The last one is where to go on: it is told when the transfer fails.
    assert_eq!(told.last().unwrap(), "MARK m1999 = 2000p");
}

pub(super) async fn disk_client(root: &std::path::Path) -> Client {
    let store = DiskStore::open(root).unwrap();
    let config = Config::new(Table::new().with_user("u", "p", store, Rights::ALL));
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    tokio::spawn(serve(net.clone(), listener, Arc::new(config), Arc::new(Notes::default())));
    let mut client = Client::of(&net, [10, 0, 0, 2]).await;
    client.script(&[("", &[220]), ("USER u", &[500, 331]), ("PASS p", &[230]), ("TYPE I", &[200])]).await;
    client
}

/// Every way to send a file finds its end by reading, and an end that comes too early is one of 451.
#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_sent() {
    const BYTES: usize = 4_000_000;
    let root = tempfile::tempdir().unwrap();
    let name = root.path().join("f");
    let mut client = disk_client(root.path()).await;
    for (data_type, mode, structure) in
        [("I", "S", "F"), ("I", "B", "F"), ("I", "C", "F"), ("A", "S", "F"), ("A", "B", "F"), ("I", "B", "R")]
    {
        for (new_bytes, code) in [(BYTES / 2, 451), (BYTES + 1000, 226)] {
            fs::write(&name, vec![b'x'; BYTES]).unwrap();
            for parameter in
                [format!("TYPE {data_type}"), format!("STRU {structure}"), format!("MODE {mode}")]
            {
                client.ask(&parameter, 200).await;
            }
            let data = client.passive().await;
            client.ask("RETR f", 150).await;
            fs::File::options().write(true).open(&name).unwrap().set_len(new_bytes as u64).unwrap();
            let reading = tokio::spawn(read_all(data));
            let case = format!("TYPE {data_type} MODE {mode} STRU {structure} {new_bytes}");
            let reply = client.reply().await;
            let code = if code == 226 && mode != "S" { "250".to_owned() } else { code.to_string() };
            assert!(reply.starts_with(&code), "{case}: {reply}");
            if mode != "S" {
                // What stays open is closed by another mode.
                client.script(&[("STRU F", &[200]), ("MODE S", &[200])]).await;
            }
            // The reply is before the end of the connection, which is no reset, and asks for nothing more.
            let received = reading.await.unwrap().unwrap_or_else(|error| panic!("{case}: {error}"));
            if mode == "S" {
                assert_eq!(received.len(), new_bytes, "{case}");
            }
        }
    }
}

/// SIZE is what RETR would send (RFC 3659 section 4), also where the file system does not know it.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_file_of_unknown_size() {
    let mut client = disk_client(std::path::Path::new("/proc")).await;
    let wanted = fs::read("/proc/version").unwrap();
    assert_eq!(client.ask("SIZE version", 213).await, format!("213 {}\r\n", wanted.len()));
    let data = client.passive().await;
    client.script(&[("RETR version", &[150, 226])]).await;
    assert_eq!(read_all(data).await.unwrap(), wanted);
    let data = client.passive().await;
    client.script(&[("REST 5", &[350]), ("RETR version", &[150, 226])]).await;
    assert_eq!(read_all(data).await.unwrap(), &wanted[5..]);
    // What it says of its size is not told on.
    assert!(!client.ask("MLST version", 250).await.contains("size="));
}

/// RFC 959 section 4.1.3: the name of STOU is nobody else's. Whoever takes it meanwhile keeps what is there, and
/// since nobody can ask for the name again, what fails leaves nothing.
#[tokio::test(start_paused = true)]
async fn a_unique_name_replaces_nothing_and_leaves_nothing() {
    let world = world().await;
    let (mut client, mut other) = (client_of(&world, "u").await, client_of(&world, "u").await);
    let mut data = client.passive().await;
    let reply = client.ask("STOU", 150).await;
    let name = reply.strip_prefix("150 FILE: ").unwrap().trim_end();
    data.write_all(b"ours").await.unwrap();
    upload(&mut other, &format!("STOR {name}"), b"theirs", 226).await;
    drop(data);
    assert!(!client.reply().await.starts_with('2'));
    assert_eq!(world.get(name).unwrap(), b"theirs");

    let mut data = client.passive().await;
    let reply = client.ask("STOU", 150).await;
    let name = reply.strip_prefix("150 FILE: ").unwrap().trim_end();
    data.write_all(b"broken off").await.unwrap();
    settle().await;
    data.abort();
    client.expect(426).await;
    client.ask(&format!("SITE PARTIAL {name}"), 550).await;
    assert_eq!(world.store.partial_bytes(&path_of(name)).await.unwrap(), None, "nobody's");
}
