//! Uploads sent ahead to a store that publishes many at the cost of few: the next one begins before the last
//! one is answered, and replies keep their order.

use super::block::{EOF, block};
use ftp_endpoint::net::Net;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, LogRecord, Rights, Table, serve};
use ftp_endpoint::store::Store;
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::memory::MemoryStore;
use std::sync::{Arc, Mutex};
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::server::*;
use testkit::slow_store::SlowStore;
use tokio::io::AsyncWriteExt;

struct Bench {
    store: SlowStore,
    log: Arc<Mutex<Vec<String>>>,
    client: Client,
    data: MemoryStream,
}

impl Bench {
    /// In block mode, with OPTS XPIPE.
    async fn new() -> Self {
        let store = SlowStore::new();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let table = Table::new().with_user("u", "p", store.clone(), Rights::ALL);
        let mut config = Config::new(table);
        let logged = log.clone();
        config.transfer_log = Some(Arc::new(move |record| {
            let LogRecord::Transfer(record) = record else { return };
            let end = record.error.as_deref().unwrap_or("whole");
            logged.lock().unwrap().push(format!("{} {} {end}", record.path, record.bytes));
        }));
        let mut client = client_of(config).await;
        let data = block_mode(&mut client).await;
        Self { store, log, client, data }
    }

    fn asked(&self) -> Vec<String> {
        self.store.asked()
    }

    async fn upload(&mut self, names: &[&str]) {
        for name in names {
            self.data.write_all(&block(EOF, name.as_bytes())).await.unwrap();
        }
        let commands: String = names.iter().map(|name| format!("STOR {name}\r\n")).collect();
        self.client.send(commands.as_bytes()).await;
    }

    async fn codes(&mut self, codes: &[u16]) {
        for code in codes {
            self.client.expect(*code).await;
        }
    }

    fn has(&self, name: &str) -> bool {
        self.store.inner.get(&path_of(name)).is_some_and(|content| *content == name.as_bytes()[1..])
    }
}

async fn client_of<S: Store>(config: Config<Table<S>>) -> Client {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    tokio::spawn(serve(net.clone(), listener, Arc::new(config), Arc::new(Nobody)));
    let mut client = Client::of(&net, [10, 0, 0, 2]).await;
    client.expect(220).await;
    client.script(&[("USER u", &[331]), ("PASS p", &[230])]).await;
    client
}

async fn block_mode(client: &mut Client) -> MemoryStream {
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200]), ("OPTS XPIPE ON", &[200])]).await;
    client.passive().await
}

#[tokio::test(start_paused = true)]
async fn uploads_go_on_while_others_are_published_and_replies_keep_their_order() {
    let mut bench = Bench::new().await;
    bench.upload(&["a", "b", "bad", "c"]).await;
    bench.client.send(b"SIZE c\r\nNOOP\r\n").await;
    settle().await;
    assert_eq!(bench.asked(), ["/a", "/b", "/bad", "/c"]);
    assert!(!bench.has("/a"), "nothing is there, nothing answered");
    bench.store.publish();
    // Only the file that could not be brought to the disk has failed.
    bench.codes(&[150, 250, 125, 250, 125]).await;
    let refused = bench.client.expect(451).await;
    assert_eq!(refused, "451 Not safe on the disk: no disk.\r\n");
    bench.codes(&[125, 250]).await;
    assert_eq!(bench.client.expect(213).await, "213 1\r\n");
    bench.codes(&[200]).await;
    assert!(bench.has("/a") && bench.has("/b") && bench.has("/c") && !bench.has("/bad"));
    assert_eq!(
        *bench.log.lock().unwrap(),
        ["/a 1 whole", "/b 1 whole", "/bad 3 not safe on the disk: no disk", "/c 1 whole"]
    );
    // The data connection is the same.
    bench.upload(&["d"]).await;
    bench.codes(&[125, 250]).await;
}

/// A client that verifies each file has its uploads go on all the same.
#[tokio::test(start_paused = true)]
async fn size_and_hash_of_what_is_promised_are_answered_in_turn() {
    let mut bench = Bench::new().await;
    let names = ["a", "bad", "ccc"];
    let commands: String =
        names.iter().map(|name| format!("STOR {name}\r\nSIZE {name}\r\nHASH {name}\r\n")).collect();
    for name in names {
        bench.data.write_all(&block(EOF, name.as_bytes())).await.unwrap();
    }
    bench.client.send(commands.as_bytes()).await;
    settle().await;
    assert_eq!(bench.asked(), ["/a", "/bad", "/ccc"]);
    bench.store.publish();
    bench.codes(&[150, 250]).await;
    assert_eq!(bench.client.expect(213).await, "213 1\r\n");
    assert!(bench.client.expect(213).await.starts_with("213 SHA-256 0-0 ca978112"));
    bench.codes(&[125, 451, 550, 550, 125, 250]).await;
    assert_eq!(bench.client.expect(213).await, "213 3\r\n");
    assert!(bench.client.expect(213).await.starts_with("213 SHA-256 0-2 "));
}

#[tokio::test(start_paused = true)]
async fn what_could_tell_waits_for_what_is_promised() {
    for command in ["SIZE none", "STOR a", "APPE a", "DELE a", "RETR a", "STOU", "RNFR a", "MLST a", "MKD d"]
    {
        let mut bench = Bench::new().await;
        bench.upload(&["a"]).await;
        bench.client.send(format!("{command}\r\nSTOR b\r\n").as_bytes()).await;
        settle().await;
        assert_eq!(bench.asked(), ["/a"], "{command}");
        bench.data.write_all(&block(EOF, b"2")).await.unwrap();
        bench.data.write_all(&block(EOF, b"3")).await.unwrap();
        bench.store.publish();
        bench.codes(&[150, 250]).await;
        let reply = bench.client.reply().await;
        assert!(reply.starts_with(['1', '2', '3']) || command == "SIZE none", "{command}: {reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn replies_come_when_the_disk_is_ready_though_the_next_file_is_slow() {
    let mut bench = Bench::new().await;
    bench.upload(&["a"]).await;
    bench.client.send(b"STOR slow\r\n").await;
    bench.data.write_all(&block(0, b"half")).await.unwrap();
    settle().await;
    bench.client.send(b"STAT\r\n").await;
    settle().await;
    bench.store.publish();
    bench.codes(&[150, 250, 125]).await;
    assert!(bench.client.expect(211).await.contains("receiving /slow, 4 bytes"));
    bench.client.send(b"ABOR\r\n").await;
    bench.codes(&[426, 226]).await;
    assert!(bench.has("/a"));
}

#[tokio::test(start_paused = true)]
async fn without_xpipe_and_in_stream_mode_each_is_answered_first() {
    for script in ["OPTS XPIPE OFF", "MODE S"] {
        let mut bench = Bench::new().await;
        bench.client.ask(script, 200).await;
        if script == "MODE S" {
            bench.data = bench.client.passive().await;
        }
        // In block mode both files are there, and the second is not begun all the same.
        let bytes = if script == "MODE S" { b"a".to_vec() } else { block(EOF, b"a").repeat(2) };
        bench.client.send(b"STOR a\r\nSTOR b\r\n").await;
        bench.data.write_all(&bytes).await.unwrap();
        if script == "MODE S" {
            bench.data.shutdown().await.unwrap();
        }
        settle().await;
        assert_eq!(bench.asked(), ["/a"], "{script}");
        bench.store.publish();
        bench.client.expect(150).await;
        let reply = bench.client.reply().await;
        assert!(reply.starts_with("226") || reply.starts_with("250"), "{script}: {reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_come_whole_is_published_though_the_client_goes() {
    // RFC 959 section 4.1.1: QUIT waits for the completion reply.
    let mut bench = Bench::new().await;
    bench.upload(&["a", "b"]).await;
    bench.client.send(b"QUIT\r\n").await;
    settle().await;
    bench.store.publish();
    bench.codes(&[150, 250, 125, 250, 221]).await;
    assert!(bench.client.is_closed().await && bench.has("/a") && bench.has("/b"));

    let mut bench = Bench::new().await;
    bench.upload(&["a", "b"]).await;
    settle().await;
    let (store, log) = (bench.store.clone(), bench.log.clone());
    drop(bench);
    settle().await;
    store.publish();
    settle().await;
    assert_eq!(*log.lock().unwrap(), ["/a 1 whole", "/b 1 whole"]);
}

#[tokio::test(start_paused = true)]
async fn promises_are_bounded() {
    let mut bench = Bench::new().await;
    let names: Vec<String> = (0..1000).map(|number| format!("f{number}")).collect();
    bench.upload(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for _ in 0..100 {
        settle().await;
    }
    let asked = bench.asked().len();
    assert!((64..=256).contains(&asked), "{asked}");
    bench.store.publish();
    for number in 0..1000 {
        bench.codes(&[if number == 0 { 150 } else { 125 }, 250]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_disk_is_asked_once_for_many_files() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap().durable().unwrap();
    let mut client =
        client_of(Config::new(Table::new().with_user("u", "p", store.clone(), Rights::ALL))).await;
    assert!(client.ask("FEAT", 211).await.contains("\r\n DURABLE\r\n"));
    let mut data = block_mode(&mut client).await;
    let mut commands = String::new();
    for number in 0..100 {
        commands += &format!("STOR f{number}\r\n");
        data.write_all(&block(EOF, number.to_string().as_bytes())).await.unwrap();
    }
    commands += "SIZE f99\r\n";
    client.send(commands.as_bytes()).await;
    for number in 0..100 {
        client.expect(if number == 0 { 150 } else { 125 }).await;
        client.expect(250).await;
        assert_eq!(
            std::fs::read_to_string(root.path().join(format!("f{number}"))).unwrap(),
            number.to_string()
        );
    }
    assert_eq!(client.expect(213).await, "213 2\r\n");
    // How many files share one hangs on how the machine takes turns with the disk; it is never one file each.
    let batches = store.sync_batches();
    assert!(batches <= 50, "{batches}");
    let without = MemoryStore::new();
    let mut client = client_of(Config::new(Table::new().with_user("u", "p", without, Rights::ALL))).await;
    assert!(!client.ask("FEAT", 211).await.contains("DURABLE"));
}

/// RFC 1123 section 4.1.3.4: what is told to be there at a marker is on the disk, and not only on its way.
#[tokio::test(start_paused = true)]
async fn a_marker_is_told_when_what_is_before_it_is_on_the_disk() {
    for data_type in ["TYPE I", "TYPE A"] {
        let mut bench = Bench::new().await;
        bench.client.ask(data_type, 200).await;
        bench.client.ask("STOR f", 150).await;
        for checkpoints in 1..=3 {
            bench.data.write_all(&block(0, b"bytes")).await.unwrap();
            bench.data.write_all(&block(16, b"here")).await.unwrap();
            bench.client.expect(110).await;
            assert_eq!(bench.store.checkpoints(), checkpoints, "{data_type}");
        }
    }
}
