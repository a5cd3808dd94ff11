//! Records and representations through client, server and stores, in every mode, over real sockets.

use ftp_endpoint::client::{Direction, Job, Login, Policy, Verify, deliver};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::memory::MemoryStore;
use ftp_endpoint::store::{ReadFile, Store, Write, WriteFile};
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::{FRAGMENT_BYTES, RecordForm, Representation};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const MODES: [TransmissionMode; 4] = TransmissionMode::ALL;

fn path(name: &str) -> VirtualPath {
    VirtualPath::root().join(name).unwrap()
}

async fn write(store: &impl Store, name: &str, content: &[u8]) {
    let mut file = store.write(&path(name), Write::Replace).await.unwrap();
    file.write(content).await.unwrap();
    file.publish().await.unwrap();
}

async fn read(store: &impl Store, name: &str) -> Vec<u8> {
    let mut file = store.read(&path(name), 0).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut content = vec![0; file.remaining_bytes() as usize + 1];
    let mut len = 0;
    loop {
        match file.read(&mut content[len..]).await.unwrap() {
            0 => break,
            read => len += read,
        }
    }
    content.truncate(len);
    content
}

struct World<S> {
    _server: JoinSet<()>,
    address: std::net::SocketAddr,
    here: MemoryStore,
    there: S,
}

impl World<MemoryStore> {
    async fn new(record_form: RecordForm) -> Self {
        Self::serving(MemoryStore::default(), record_form).await
    }
}

impl<S: Store> World<S> {
    async fn serving(there: S, record_form: RecordForm) -> Self {
        let here = MemoryStore::default();
        let net = RealNet::new();
        let listener = net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener_address(&listener);
        let accounts = Table::new().with_user("me", "secret", there.clone(), Rights::ALL);
        let mut config = Config::new(accounts);
        config.record_form = record_form;
        let mut server = JoinSet::new();
        server.spawn(async move { serve(net, listener, Arc::new(config), Arc::new(Nobody)).await.unwrap() });
        Self { _server: server, address, here, there }
    }

    async fn deliver(&self, policy: Policy, names: &[String]) {
        let jobs: Vec<Job> =
            names.iter().map(|name| Job { local: path(name), remote: name.clone() }).collect();
        let login = Login::new("me", "secret");
        let report = deliver(&RealNet::new(), &self.here, self.address, &login, &jobs, &policy).await;
        assert_eq!(report.failed().next(), None, "{policy:?}");
    }
}

fn listener_address(listener: &impl ftp_endpoint::net::Listener) -> std::net::SocketAddr {
    listener.local_addr().unwrap()
}

fn policy(
    direction: Direction,
    mode: TransmissionMode,
    representation: Representation,
    structure: Structure,
    record_form: RecordForm,
) -> Policy {
    let limit = Duration::from_secs(5);
    Policy {
        direction,
        mode,
        representation,
        structure,
        record_form,
        retries: 0,
        verify: Verify::Reply,
        reply_timeout: limit,
        data_timeout: limit,
        ..Policy::default()
    }
}

/// Text of lines short and long, with all bytes there are.
fn texts() -> Vec<Vec<u8>> {
    let all: Vec<u8> = (0..=255).collect();
    let long: Vec<u8> =
        (0..150_000u32).map(|at| if at % 977 == 0 { b'\n' } else { (at % 199) as u8 }).collect();
    vec![b"".to_vec(), b"\n".to_vec(), b"one\ntwo\n\n  three".to_vec(), all.repeat(3), long]
}

/// Record-marked files as [`RecordForm::Marked`] writes them, and the data of their records.
fn marked() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mark = |bytes: &[u8], last: u32| [&(bytes.len() as u32 | last << 31).to_be_bytes(), bytes].concat();
    let long = vec![7; FRAGMENT_BYTES + 10];
    let (full, rest) = long.split_at(FRAGMENT_BYTES);
    vec![
        (vec![], vec![]),
        (mark(b"", 1), vec![]),
        ([mark(b"one", 1), mark(b"\xFF\x00\n", 1), mark(b"open", 0)].concat(), b"one\xFF\x00\nopen".to_vec()),
        ([mark(full, 0), mark(rest, 1), mark(b"  ", 1)].concat(), [&long[..], b"  "].concat()),
        (mark(b"r", 1).repeat(30_000), b"r".repeat(30_000)),
    ]
}

/// Up, and down again under another name in the same way: the same bytes.
async fn there_and_back(contents: &[Vec<u8>], representation: Representation, structure: Structure) {
    for mode in MODES {
        let world = World::new(RecordForm::Marked).await;
        let names: Vec<String> = (0..contents.len()).map(|index| format!("f{index}")).collect();
        for (name, content) in names.iter().zip(contents) {
            write(&world.here, name, content).await;
        }
        for direction in [Direction::Put, Direction::Get] {
            world
                .deliver(policy(direction, mode, representation, structure, RecordForm::Marked), &names)
                .await;
            let to = if direction == Direction::Put { &world.there } else { &world.here };
            for (name, content) in names.iter().zip(contents) {
                let came = read(to, name).await;
                assert!(came == *content, "{name} {mode:?} {representation:?} {structure:?} {direction:?}");
                if direction == Direction::Put {
                    world.here.remove_file(&path(name)).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn text_goes_there_and_back_in_every_mode() {
    // TYPE A with STRU F does not keep every CR; it has its own tests.
    there_and_back(&texts(), Representation::Ascii, Structure::Record).await;
    there_and_back(&texts(), Representation::Ebcdic, Structure::File).await;
    there_and_back(&texts(), Representation::Ebcdic, Structure::Record).await;
}

#[tokio::test]
async fn marked_records_go_there_and_back_in_every_mode() {
    let files: Vec<Vec<u8>> = marked().into_iter().map(|(file, _)| file).collect();
    there_and_back(&files, Representation::Image, Structure::Record).await;
    there_and_back(&files, Representation::Local8, Structure::Record).await;
}

/// Up in one mode and down in another: the same records, whatever carried them and wherever they
/// lay; SIZE counts what moved.
async fn between_all_modes<S: Store>(there: S) {
    let contents: Vec<(Representation, Vec<u8>)> = (marked().into_iter())
        .flat_map(|(file, _)| [Representation::Image, Representation::Local8].map(|it| (it, file.clone())))
        .chain(
            (texts().into_iter()).flat_map(|text| {
                [Representation::Ascii, Representation::Ebcdic].map(|it| (it, text.clone()))
            }),
        )
        .collect();
    let world = World::serving(there, RecordForm::Marked).await;
    for up in MODES {
        for down in MODES {
            for (index, (representation, content)) in contents.iter().enumerate() {
                let name = format!("f{index}");
                write(&world.here, &name, content).await;
                for (direction, mode) in [(Direction::Put, up), (Direction::Get, down)] {
                    let sized = Policy {
                        verify: Verify::Size,
                        ..policy(direction, mode, *representation, Structure::Record, RecordForm::Marked)
                    };
                    world.deliver(sized, std::slice::from_ref(&name)).await;
                    if direction == Direction::Put {
                        assert!(read(&world.there, &name).await == *content, "{name} {up:?}");
                        world.here.remove_file(&path(&name)).await.unwrap();
                    }
                }
                assert!(read(&world.here, &name).await == *content, "{name} {up:?} {down:?}");
            }
        }
    }
}

#[tokio::test]
async fn records_go_from_each_mode_to_each_through_memory() {
    between_all_modes(MemoryStore::default()).await;
}

#[tokio::test]
async fn records_go_from_each_mode_to_each_through_a_disk() {
    let root = tempfile::tempdir().unwrap();
    between_all_modes(DiskStore::open(root.path()).unwrap()).await;
}

/// The ends of records do go over the connection, and are no bytes of the data.
#[tokio::test]
async fn a_store_that_keeps_no_records_gets_their_data() {
    for mode in MODES {
        let world = World::new(RecordForm::Plain).await;
        let files = marked();
        let names: Vec<String> = (0..files.len()).map(|index| format!("f{index}")).collect();
        for (name, (file, _)) in names.iter().zip(&files) {
            write(&world.here, name, file).await;
        }
        let (image, record) = (Representation::Image, Structure::Record);
        world.deliver(policy(Direction::Put, mode, image, record, RecordForm::Marked), &names).await;
        for (name, (_, data)) in names.iter().zip(&files) {
            assert!(read(&world.there, name).await == *data, "{name} {mode:?}");
        }
        // They are written as lines: a record of text is one wherever it ends.
        write(&world.here, "text", b"one\ntwo\n").await;
        world
            .deliver(
                policy(Direction::Put, mode, Representation::Ascii, record, RecordForm::Plain),
                &["text".into()],
            )
            .await;
        assert_eq!(read(&world.there, "text").await, b"one\ntwo\n");
        world
            .deliver(policy(Direction::Get, mode, image, record, RecordForm::Marked), &["text".into()])
            .await;
        assert_eq!(read(&world.here, "text").await, b"\x80\0\0\x08one\ntwo\n", "one record of a plain file");
    }
}

/// A local file that does not hold what its form says is an error, not a shorter file.
#[tokio::test]
async fn a_cut_record_file_is_not_sent_as_whole() {
    for mode in MODES {
        let world = World::new(RecordForm::Marked).await;
        write(&world.here, "cut", b"\x80\0\0\x09abc").await;
        let job = Job { local: path("cut"), remote: "cut".to_owned() };
        let policy =
            policy(Direction::Put, mode, Representation::Image, Structure::Record, RecordForm::Marked);
        let login = Login::new("me", "secret");
        let report = deliver(&RealNet::new(), &world.here, world.address, &login, &[job], &policy).await;
        assert_eq!(report.failed().count(), 1, "{mode:?}");
        assert!(world.there.metadata(&path("cut")).await.is_err(), "{mode:?}");
    }
}
