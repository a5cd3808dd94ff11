//! What stands around transfers: the observer, rates, the log, the shutdown.

use super::block::block;
use ftp_endpoint::net::Net;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    client.script(&[("NLST none", &[550])]).await;
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "Tue Feb 29 00:00:00 2000 0 10.0.0.2 5 /a_b b _ o r u ftp 0 * c",
            "Tue Feb 29 00:00:00 2000 0 10.0.0.2 3 /f b _ i r u ftp 0 * i",
        ]
    );
}

/// What is done to names can be found in the log; what is refused has changed nothing.
#[tokio::test(start_paused = true)]
async fn changes_are_logged() {
    use ftp_endpoint::server::{Change, LogRecord};
    use std::sync::{Arc, Mutex};
    let changes = Arc::new(Mutex::new(Vec::new()));
    let log = changes.clone();
    let world = world_with(|config| {
        config.transfer_log = Some(Arc::new(move |record| {
            if let LogRecord::Change(change) = record {
                assert_eq!((change.user.as_str(), change.session, change.anonymous), ("u", 1, false));
                log.lock().unwrap().push((change.event, change.path.clone(), change.new_path.clone()));
            }
        }));
    })
    .await;
    world.put("/f", b"12345");
    let mut client = world.client().await;
    client
        .script(&[
            ("MKD d", &[257]),
            ("MKD d", &[550]),
            ("CWD d", &[250]),
            ("RNFR ../f", &[350]),
            ("RNTO g", &[250]),
            ("MFMT 20000101000000 g", &[213]),
            ("DELE g", &[250]),
            ("DELE g", &[550]),
            ("CWD /", &[250]),
            ("RMD d", &[250]),
            ("RMD d", &[550]),
            ("RNFR none", &[550]),
        ])
        .await;
    // A failed upload is seen by its user alone, and may be removed.
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR part", 150).await;
    data.write_all(&block(0, b"abc")).await.unwrap();
    settle().await;
    drop(data);
    client.expect(426).await;
    client.script(&[("SITE PARTIAL part", &[213]), ("DELE part", &[550])]).await;
    let record = |event, path: &str| (event, path.to_owned(), None);
    assert_eq!(
        *changes.lock().unwrap(),
        [
            record(Change::MakeDirectory, "/d"),
            (Change::Rename, "/f".to_owned(), Some("/d/g".to_owned())),
            record(Change::SetModified, "/d/g"),
            record(Change::Delete, "/d/g"),
            record(Change::RemoveDirectory, "/d"),
            record(Change::DeletePartial, "/part"),
        ]
    );
}

/// Users and limits may change while the server runs: sessions go on, whoever comes or logs in again meets
/// the new ones.
#[tokio::test(start_paused = true)]
async fn a_configuration_is_replaced_under_sessions() {
    use ftp_endpoint::net::Net;
    use ftp_endpoint::observe::Nobody;
    use ftp_endpoint::server::{Config, LiveConfig, Rights, Table, serve};
    use ftp_endpoint::store::memory::MemoryStore;
    use std::sync::Arc;
    use testkit::memory_net::MemoryNet;
    use testkit::server::Client;
    let store = MemoryStore::new();
    let with =
        |password: &str| Config::new(Table::new().with_user("u", password, store.clone(), Rights::ALL));
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let live = LiveConfig::from(Arc::new(with("p")));
    let shutdown = live.current().shutdown.clone();
    tokio::spawn(serve(net.clone(), listener, live.clone(), Arc::new(Nobody)));
    let mut old = Client::of(&net, [10, 0, 0, 2]).await;
    old.script(&[("", &[220]), ("USER u", &[500, 331]), ("PASS p", &[230])]).await;
    let mut unknown = Client::of(&net, [10, 0, 0, 2]).await;
    unknown.expect(220).await;
    let mut next = with("q");
    next.limits.sessions = 3;
    next.greeting = "new".to_owned();
    live.replace(next);
    old.ask("PWD", 257).await;
    for client in [&mut old, &mut unknown] {
        client.script(&[("USER u", &[331]), ("PASS p", &[530])]).await;
        client.script(&[("USER u", &[331]), ("PASS q", &[230])]).await;
    }
    let mut third = Client::of(&net, [10, 0, 0, 3]).await;
    assert!(third.expect(220).await.contains("new"));
    Client::of(&net, [10, 0, 0, 4]).await.expect(421).await;
    shutdown.cancel();
    old.expect(421).await;
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

#[tokio::test(start_paused = true)]
async fn the_observer_hears_once_how_each_file_and_connection_ends() {
    let world = world().await;
    world.put("/a", b"aaa");
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    for command in ["RETR a", "STOR b"] {
        let data = client.passive().await;
        client.ask(command, 150).await;
        if command == "RETR a" {
            read_all(data).await.unwrap();
        } else {
            drop(data);
        }
        client.expect(226).await;
    }
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR c", 150).await;
    data.write_all(&block(0, b"half")).await.unwrap();
    drop(data);
    client.expect(426).await;
    assert_eq!((world.notes.count("file 3 None"), world.notes.count("file 0 None")), (1, 1));
    assert_eq!((world.notes.count("file 4 Some"), world.notes.count("file ")), (1, 3));
    assert_eq!((world.notes.count("data opens"), world.notes.count("data closed")), (3, 2));
    assert_eq!(world.notes.count("data aborted"), 1);
}

/// The connection has brought one file whole, and of the next one not even the end.
#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_between_files_has_not_brought_the_next_one() {
    for (mode, end) in [("MODE B", block(super::block::EOF, b"x")), ("MODE C", vec![1, b'x', 0, 0x40, 0xC0])]
    {
        let world = world().await;
        let mut client = world.client().await;
        client.script(&[("TYPE I", &[200]), (mode, &[200])]).await;
        let mut data = client.passive().await;
        client.ask("STOR a", 150).await;
        data.write_all(&end).await.unwrap();
        client.expect(250).await;
        client.ask("STOR b", 125).await;
        drop(data);
        client.expect(426).await;
        assert_eq!((world.get("/a").unwrap(), world.get("/b")), (b"x".to_vec(), None), "{mode}");
    }
}
