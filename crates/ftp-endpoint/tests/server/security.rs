//! Attacks, written out: RFC 2577 and what else is tried on servers.

use ftp_endpoint::net::Net;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Limits, Rights, Table, Timeouts, serve};
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::{Store, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use testkit::memory_net::MemoryNet;
use testkit::server::*;
use tokio::io::AsyncWriteExt;

/// RNFR and RNTO take a name away and make one.
#[tokio::test(start_paused = true)]
async fn a_rename_needs_the_rights_to_delete_and_to_write() {
    let store = ftp_endpoint::store::memory::MemoryStore::new();
    let mut table = Table::new();
    for (name, write, delete) in [("w", true, false), ("d", false, true), ("wd", true, true)] {
        table = table.with_user(name, "p", store.clone(), Rights { read: true, write, delete });
    }
    store.insert(&path_of("/f"), b"x".as_slice());
    let world = world_with(|config| config.accounts = table).await;
    for (name, code) in [("w", 550), ("d", 550), ("wd", 350)] {
        let mut client = world.connect().await;
        client.expect(220).await;
        client.script(&[(&format!("USER {name}"), &[331]), ("PASS p", &[230]), ("RNFR f", &[code])]).await;
    }
}

/// RFC 2577 section 2: have the server send a prepared file to a third party's port.
#[tokio::test(start_paused = true)]
async fn bounce() {
    let world = world().await;
    let mut client = world.client().await;
    client
        .script(&[
            ("PORT 10,0,0,99,80,80", &[504]),
            ("EPRT |1|10.0.0.99|25000|", &[504]),
            ("PORT 127,0,0,1,80,80", &[504]),
            ("PORT 10,0,0,2,0,25", &[504]),
            ("EPRT |1|10.0.0.2|1023|", &[504]),
            ("PORT 10,0,0,2,0,0", &[504]),
            ("PORT 10,0,0,2,4,0", &[200]),
        ])
        .await;
}

/// RFC 2577 section 8: another host connects to the passive port first.
#[tokio::test(start_paused = true)]
async fn stolen_passive_connection() {
    let world = world().await;
    world.put("/secret", b"secret");
    let mut client = world.client().await;
    let port = client.epsv().await;
    let to = SocketAddr::new(SERVER.ip(), port);
    let thief = world.net.host([10, 0, 0, 66]).connect(None, to).await.unwrap();
    let owner = client.net.connect(None, to).await.unwrap();
    client.ask("RETR secret", 150).await;
    assert!(read_all(thief).await.is_err());
    assert_eq!(read_all(owner).await.unwrap(), b"secret");
    client.expect(226).await;
}

/// From the client's own address (a NAT has one for many) nothing tells in clear whose connection is the right one,
/// and the first is not served in place of the second: nobody is given anything, nothing is stored, and it is told.
#[tokio::test(start_paused = true)]
async fn two_connections_from_the_right_address() {
    let world = world().await;
    world.put("/secret", b"secret");
    let mut client = world.client().await;
    for command in ["RETR secret", "STOR forged", "LIST"] {
        let port = client.epsv().await;
        let to = SocketAddr::new(SERVER.ip(), port);
        let mut neighbour = client.net.connect(None, to).await.unwrap();
        neighbour.write_all(b"forged").await.unwrap();
        let owner = client.net.connect(None, to).await.unwrap();
        neighbour.shutdown().await.unwrap();
        client.ask(command, 150).await;
        client.expect(425).await;
        assert!(!read_all(neighbour).await.is_ok_and(|given| !given.is_empty()), "{command}");
        assert!(read_all(owner).await.is_err(), "{command}");
    }
    assert_eq!(world.get("/forged"), None);
}

#[tokio::test(start_paused = true)]
async fn forged_upload() {
    let world = world().await;
    let mut client = world.client().await;
    let port = client.epsv().await;
    let to = SocketAddr::new(SERVER.ip(), port);
    let mut forger = world.net.host([10, 0, 0, 66]).connect(None, to).await.unwrap();
    forger.write_all(b"forged").await.unwrap();
    client.ask("STOR f", 150).await;
    settle().await;
    drop(forger);
    client.expect(425).await;
    assert_eq!(world.get("/f"), None);
}

#[tokio::test(start_paused = true)]
async fn paths_end_at_the_root() {
    let world = world().await;
    world.put("/f", b"x");
    let mut client = world.client().await;
    client
        .script(&[
            ("CWD ../../../..", &[250]),
            ("SIZE ../../f", &[213]),
            ("SIZE /../f", &[213]),
            ("CWD /etc", &[550]),
            ("RETR /etc/passwd", &[550]),
            ("SIZE ....//f", &[550]),
        ])
        .await;
    client.send(b"SIZE f\0.txt\r\n").await;
    client.expect(553).await;
    client.ask(&format!("SIZE {}", "a/".repeat(2040)), 550).await;
    client.ask(&format!("MKD /{}", "d".repeat(4096)), 553).await;
}

/// A root with a file and links of every kind, and a secret outside of it.
#[cfg(unix)]
fn with_links(outer: &std::path::Path, root: &std::path::Path) {
    use std::fs;
    use std::os::unix::fs::symlink;
    fs::create_dir_all(root.join("d")).unwrap();
    fs::create_dir(outer.join("outside")).unwrap();
    fs::write(outer.join("outside/secret"), "secret").unwrap();
    fs::write(root.join("f"), "inside").unwrap();
    symlink(outer.join("outside"), root.join("absolute")).unwrap();
    symlink("../outside", root.join("relative")).unwrap();
    symlink("../../outside/secret", root.join("d/file")).unwrap();
    symlink("f", root.join("good")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
}

/// On a real file system: symbolic links, and everything that could be taken for another path.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn nothing_outside_the_root_of_a_disk_is_reached() {
    use std::fs;
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    with_links(outer.path(), &root);
    let store = DiskStore::open(&root).unwrap();
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let config = Config::new(Table::new().with_user("u", "p", store, Rights::ALL));
    let _server = tokio::spawn(serve(net.clone(), listener, Arc::new(config), Arc::new(Nobody)));
    let mut client = Client::of(&net, [10, 0, 0, 2]).await;
    client.script(&[("", &[220]), ("USER u", &[500, 331]), ("PASS p", &[230])]).await;
    client.script(&[("SIZE good", &[213]), ("SIZE f", &[213])]).await;
    let directories = ["absolute", "relative", "d/../relative", "absolute/.", "/absolute", "loop"];
    for directory in directories {
        for (line, code) in [
            (format!("CWD {directory}"), '5'),
            (format!("LIST {directory}"), '4'),
            (format!("RETR {directory}/secret"), '5'),
            (format!("SIZE {directory}/secret"), '5'),
            (format!("HASH {directory}/secret"), '5'),
            (format!("MDTM {directory}/secret"), '5'),
            (format!("MFMT 20000101000000 {directory}/secret"), '5'),
            (format!("STOR {directory}/new"), '5'),
            (format!("APPE {directory}/secret"), '5'),
            (format!("DELE {directory}/secret"), '5'),
            (format!("MKD {directory}/new"), '5'),
            (format!("RNFR {directory}/secret"), '5'),
        ] {
            client.send(format!("{line}\r\n").as_bytes()).await;
            let reply = client.reply().await;
            assert!(reply.starts_with(code) || reply.starts_with('5'), "{line}: {reply}");
        }
    }
    for (line, code) in [
        ("RETR d/file", 550),
        ("RETR ../outside/secret", 550),
        ("RETR /../outside/secret", 550),
        ("RETR d/../../outside/secret", 550),
        ("RETR %2e%2e/outside/secret", 550),
        ("RETR ..\\outside\\secret", 550),
        ("RETR f\0/../../outside/secret", 553),
    ] {
        client.ask(line, code).await;
    }
    // A rename takes the link, not what it points at; out of the root it does not go.
    client.ask("RNFR f", 350).await;
    client.ask("RNTO absolute/f", 553).await;
    client.ask("RNFR f", 350).await;
    client.ask("RNTO ../f", 250).await;
    client.ask("DELE d/file", 250).await;
    let secret = fs::read_to_string(outer.path().join("outside/secret")).unwrap();
    assert_eq!((secret.as_str(), fs::read_dir(outer.path().join("outside")).unwrap().count()), ("secret", 1));
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 2, "nothing new outside");
    // What an upload would have followed, it replaces.
    let mut data = client.passive().await;
    client.ask("STOR relative", 150).await;
    data.write_all(b"x").await.unwrap();
    drop(data);
    client.expect(226).await;
    assert!(root.join("relative").symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read_to_string(outer.path().join("outside/secret")).unwrap(), "secret");
}

/// A FIFO in the tree: an open that waits for a writer would hold a thread of the server.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_fifo_is_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let fifo = root.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let store = DiskStore::open(root.path()).unwrap();
    let path = path_of("/fifo");
    assert!(store.read(&path, 0).await.is_err());
    assert!(store.write(&path, Write::Append).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn long_lines() {
    let world = world().await;
    let mut client = world.client().await;
    let long = vec![b'A'; 1_000_000];
    let sender = async {
        client.send(&long).await;
        client.send(b"\r\nNOOP\r\n").await;
    };
    soon(sender).await;
    client.expect(500).await;
    client.ask("NOOP", 200).await;
}

/// RFC 2577 section 5.
#[tokio::test(start_paused = true)]
async fn guessed_passwords_take_time_and_end_the_session() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let begun = tokio::time::Instant::now();
    for code in [530, 530, 421] {
        client.ask("USER u", 331).await;
        client.ask("PASS guess", code).await;
    }
    assert_eq!(begun.elapsed(), 3 * Timeouts::default().login_failure);
    assert!(client.is_closed().await);
}

/// RFC 2577 section 7.
#[tokio::test(start_paused = true)]
async fn user_names_are_not_told() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let known = client.ask("USER u", 331).await;
    let unknown = client.ask("USER nobody", 331).await;
    assert_eq!(known, unknown);
}

#[tokio::test(start_paused = true)]
async fn anonymous_reads_only() {
    let world = world().await;
    world.put("/f", b"x");
    world.put("/d/f", b"x");
    let mut client = world.connect().await;
    client.expect(220).await;
    client
        .script(&[
            ("USER ftp", &[331]),
            ("PASS", &[230]),
            ("SIZE f", &[213]),
            ("DELE f", &[550]),
            ("RMD d", &[550]),
            ("MKD e", &[550]),
            ("RNFR f", &[550]),
            ("STOR g", &[553]),
            ("APPE f", &[553]),
        ])
        .await;
    assert_eq!(world.get("/f").unwrap(), b"x");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_limited() {
    let world = world_with(|config| {
        config.limits = Limits { sessions: 3, sessions_per_address: 2, ..Limits::default() };
    })
    .await;
    let mut first = world.connect().await;
    let mut second = world.connect().await;
    first.expect(220).await;
    second.expect(220).await;
    let mut third = world.connect().await;
    third.expect(421).await;
    assert!(third.is_closed().await);
    first.ask("QUIT", 221).await;
    assert!(first.is_closed().await);
    settle().await;
    world.connect().await.expect(220).await;
}

/// A byte of a command from time to time does not hold a session open.
#[tokio::test(start_paused = true)]
async fn slow_loris() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let begun = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if client.stream.write_all(b"x").await.is_err() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(begun.elapsed() <= Timeouts::default().login + Duration::from_secs(10));
}

/// Nor when logged in: it is the whole line that has to come in time.
#[tokio::test(start_paused = true)]
async fn slow_loris_after_the_login() {
    let world = world().await;
    let mut client = world.client().await;
    let begun = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(50)).await;
        if client.stream.write_all(b"x").await.is_err() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(begun.elapsed() <= Timeouts::default().idle + Duration::from_secs(100));
    assert_eq!(world.notes.count("end 1 idle"), 1);
}

/// Commands without end from a client that reads no replies: the session ends, and what it holds is
/// bounded meanwhile.
#[tokio::test(start_paused = true)]
async fn replies_that_nobody_takes() {
    let world = world().await;
    let mut client = world.client().await;
    let flood = b"FEAT\r\n".repeat(1000);
    let begun = tokio::time::Instant::now();
    let mut taken = 0;
    while client.stream.write_all(&flood).await.is_ok() {
        taken += flood.len();
        assert!(taken < 1 << 20, "the server reads on though its replies are stuck");
    }
    assert_eq!(begun.elapsed(), Timeouts::default().reply);
    settle().await;
    assert_eq!(world.notes.count("end 1"), 1);
}

/// Whoever may only leave files is not told which ones there are.
#[tokio::test(start_paused = true)]
async fn without_the_right_to_read_no_name_can_be_guessed() {
    let store = ftp_endpoint::store::memory::MemoryStore::new();
    store.insert(&path_of("/d/f"), b"x".as_slice());
    let blind = Rights { read: false, write: true, delete: false };
    let table =
        Table::new().with_user("w", "p", store.clone(), blind).with_user("r", "p", store, Rights::ALL);
    let world = world_with(|config| config.accounts = table).await;
    let mut client = world.connect().await;
    client.expect(220).await;
    client.script(&[("USER w", &[331]), ("PASS p", &[230]), ("CWD d", &[250])]).await;
    let there = client.ask("CWD f", 550).await;
    assert_eq!(client.ask("CWD none", 550).await, there);
    // Whoever may read is told which of them it is.
    let mut reader = world.connect().await;
    reader.expect(220).await;
    reader.script(&[("USER r", &[331]), ("PASS p", &[230]), ("CWD d", &[250])]).await;
    let there = reader.ask("CWD f", 550).await;
    assert_ne!(reader.ask("CWD none", 550).await, there);
}
