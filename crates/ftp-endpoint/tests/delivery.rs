//! Deliveries by our client to our server, in one process, over real sockets: every mode, direction
//! and policy, and what happens when the connection fails.

#[path = "delivery/cut.rs"]
mod cut;
#[path = "delivery/durable.rs"]
mod durable;
#[path = "delivery/scripted.rs"]
mod scripted;
#[path = "delivery/sessions.rs"]
mod sessions;
#[path = "delivery/times.rs"]
mod times;
#[path = "delivery/together.rs"]
mod together;
#[path = "delivery/versions.rs"]
mod versions;

use cut::CutNet;
use ftp_endpoint::client::{Delivery, Direction, Job, Login, Policy, Publish, Report, Verify};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::net::{Net, Time};
use ftp_endpoint::observe::{Event, Nobody, Observer, Who};
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_endpoint::store::{ReadFile, Store, Write, WriteFile};
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

const MODES: [TransmissionMode; 4] = TransmissionMode::ALL;

fn path(name: &str) -> VirtualPath {
    VirtualPath::root().join(name).unwrap()
}

async fn write(store: &MemoryStore, name: &str, content: &[u8]) {
    let mut file = store.write(&path(name), Write::Replace).await.unwrap();
    file.write(content).await.unwrap();
    file.publish().await.unwrap();
}

async fn read(store: &MemoryStore, name: &str) -> Vec<u8> {
    let mut file = store.read(&path(name), 0).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut content = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        match file.read(&mut buffer).await.unwrap() {
            0 => return content,
            read => content.extend_from_slice(&buffer[..read]),
        }
    }
}

async fn names(store: &MemoryStore) -> Vec<String> {
    store.list(&VirtualPath::root()).await.unwrap().into_iter().map(|entry| entry.name).collect()
}

/// What no mode makes shorter, so that cuts are where they are meant to be (xorshift).
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Forty files of many sizes, empty ones among them.
fn files() -> Vec<(String, Vec<u8>)> {
    (0..40u32)
        .map(|index| {
            let len = [0, 1, 100, 5_000, 65_535, 65_536, 100_000][index as usize % 7];
            let content = (0..len).map(|at| if at % 300 < 100 { 0 } else { (at * (index + 3) % 251) as u8 });
            (format!("file-{index}"), content.collect())
        })
        .collect()
}

struct World {
    _server: JoinSet<()>,
    address: SocketAddr,
    here: MemoryStore,
    there: MemoryStore,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config<Table<MemoryStore>>)) -> Self {
        let (here, there) = (MemoryStore::default(), MemoryStore::default());
        let net = RealNet::new();
        let listener = net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accounts = Table::new().with_user("me", "secret", there.clone(), Rights::ALL);
        let mut config = Config::new(accounts);
        change(&mut config);
        let mut server = JoinSet::new();
        server.spawn(async move {
            serve(net, listener, Arc::new(config), Arc::new(Nobody)).await.unwrap();
        });
        Self { _server: server, address, here, there }
    }

    /// Where files come from, and where they go.
    fn ends(&self, direction: Direction) -> (&MemoryStore, &MemoryStore) {
        match direction {
            Direction::Put => (&self.here, &self.there),
            Direction::Get => (&self.there, &self.here),
        }
    }

    async fn deliver(&self, policy: &Policy, names: &[&str], observer: Arc<dyn Observer>) -> Report {
        let jobs: Vec<Job> =
            names.iter().map(|name| Job { local: path(name), remote: (*name).to_owned() }).collect();
        let login = Login::new("me", "secret");
        let net = RealNet::new();
        let delivery = Delivery::new(&net, &self.here, self.address, &login);
        delivery.policy(policy).observer(observer).deliver(&jobs).await
    }
}

fn policies() -> Vec<Policy> {
    let mut all = Vec::new();
    for direction in [Direction::Put, Direction::Get] {
        for mode in MODES {
            let base = Policy {
                direction,
                mode,
                retries: 0,
                reply_timeout: Duration::from_secs(5),
                data_timeout: Duration::from_secs(5),
                ..Policy::default()
            };
            for verify in [Verify::Reply, Verify::Size] {
                for publish in [Publish::Direct, Publish::Rename] {
                    for (pipeline_depth, parallel) in [(1, 1), (8, 1), (1, 4), (3, 3)] {
                        all.push(Policy { verify, publish, pipeline_depth, parallel, ..base.clone() });
                    }
                }
            }
            all.push(Policy { structure: Structure::Record, ..base.clone() });
            all.push(Policy { structure: Structure::Record, pipeline_depth: 8, ..base.clone() });
            for verify in [Verify::Reply, Verify::Hash] {
                all.push(Policy { verify, pipeline_depth: 8, asks_ahead: true, ..base.clone() });
            }
            all.push(Policy { reuse_data_connection: false, ..base.clone() });
            all.push(Policy { opening: ftp_endpoint::client::Opening::Active, ..base.clone() });
        }
    }
    all
}

#[tokio::test]
async fn every_policy_delivers_every_file() {
    let files = files();
    let list: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for policy in policies() {
        let world = World::new().await;
        let (from, to) = world.ends(policy.direction);
        for (name, content) in &files {
            write(from, name, content).await;
        }
        let report = world.deliver(&policy, &list, Arc::new(Nobody)).await;
        assert_eq!(report.failed().next(), None, "{policy:?}");
        assert_eq!(names(to).await.len(), files.len(), "{policy:?}: and nothing else");
        for ((name, content), file) in files.iter().zip(&report.files) {
            assert!(&read(to, name).await == content, "{name} {policy:?}");
            assert_eq!((&file.name, file.attempts), (name, 1));
            assert_eq!(file.payload_bytes, content.len() as u64);
        }
        assert_eq!(report.control_connections, u64::from(policy.parallel));
        let data_connections =
            if policy.keeps_data_connection() { policy.parallel as usize } else { files.len() };
        let active_keeps = policy.keeps_data_connection();
        assert!(report.data_connections as usize <= data_connections, "{report:?}");
        assert!(active_keeps || report.data_connections as usize == files.len());
    }
}

/// The design's promise: many small files in a constant number of round trips.
#[tokio::test]
async fn round_trips_of_each_way() {
    let mut counts = Vec::new();
    let list: Vec<String> = (0..100).map(|index| format!("f{index}")).collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    for (mode, pipeline_depth) in
        [(TransmissionMode::Stream, 1), (TransmissionMode::Block, 1), (TransmissionMode::Block, 200)]
    {
        let world = World::new().await;
        for name in &list {
            write(&world.there, name, b"small").await;
        }
        let policy = Policy { direction: Direction::Get, mode, pipeline_depth, ..Policy::default() };
        let report = world.deliver(&policy, &list, Arc::new(Nobody)).await;
        assert_eq!(report.failed().count(), 0);
        counts.push(report.control_round_trips);
    }
    // USER, PASS, TYPE, QUIT, and for each file EPSV and RETR; with the connection kept (MODE,
    // one EPSV) RETR only; pipelined nearly nothing.
    assert_eq!((counts[0], counts[1]), (204, 106));
    assert!(counts[2] < 15, "{counts:?}");
}

#[tokio::test]
async fn refused_files_do_not_disturb_the_others() {
    for mode in MODES {
        for pipeline_depth in [1, 8] {
            for direction in [Direction::Put, Direction::Get] {
                let world = World::new().await;
                let (from, to) = world.ends(direction);
                for index in 0..20 {
                    write(from, &format!("f{index}"), &vec![index; 3000]).await;
                }
                // Where a directory is, no file can be written.
                to.create_directory(&path("f3")).await.unwrap();
                let list: Vec<String> = (0..22).map(|index| format!("f{index}")).collect();
                let list: Vec<&str> = list.iter().map(String::as_str).collect();
                let policy = Policy { direction, mode, pipeline_depth, ..Policy::default() };
                let report = world.deliver(&policy, &list, Arc::new(Nobody)).await;
                let failed: Vec<_> = report.failed().map(|(file, _)| file.name.as_str()).collect();
                assert_eq!(failed, ["f3", "f20", "f21"], "{policy:?} {report:#?}");
                assert!(report.failed().all(|(file, _)| file.attempts == 1), "permanent: not tried again");
                for index in (0..20).filter(|index| *index != 3) {
                    assert_eq!(read(to, &format!("f{index}")).await, vec![index; 3000]);
                }
            }
        }
    }
}

#[tokio::test]
async fn text_is_converted() {
    for mode in MODES {
        let world = World::new().await;
        let wire = Arc::new(Payload::default());
        write(&world.here, "text", b"one\ntwo\n").await;
        let policy = Policy { mode, representation: Representation::Ascii, ..Policy::default() };
        let report = world.deliver(&policy, &["text"], wire.clone()).await;
        assert_eq!(report.failed().next(), None);
        assert_eq!(report.files[0].payload_bytes, 10, "CR LF on the wire");
        assert_eq!(read(&world.there, "text").await, b"one\ntwo\n");
        write(&world.there, "text", b"three\n").await;
        let report =
            world.deliver(&Policy { direction: Direction::Get, ..policy }, &["text"], wire.clone()).await;
        assert_eq!(report.failed().next(), None);
        assert_eq!(read(&world.here, "text").await, b"three\n");
        assert_eq!(*wire.0.lock().unwrap(), 10 + 7);
    }
}

/// Sums up the client's payload.
#[derive(Default)]
struct Payload(Mutex<u64>);

impl Observer for Payload {
    fn event(&self, _: Time, who: Who, _: u64, event: &Event<'_>) {
        if let (Who::Client, Event::Progress { payload_bytes, .. }) = (who, event) {
            *self.0.lock().unwrap() += payload_bytes;
        }
    }
}

#[tokio::test]
async fn an_unreachable_server_is_given_up_soon() {
    let world = World::new().await;
    let address = {
        let listener = RealNet::new().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        listener.local_addr().unwrap()
    };
    let world = World { address, ..world };
    let list: Vec<String> = (0..1000).map(|index| format!("f{index}")).collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    for pipeline_depth in [1, 8] {
        let policy = Policy {
            direction: Direction::Get,
            mode: TransmissionMode::Block,
            pipeline_depth,
            retry_delay: Duration::from_millis(1),
            ..Policy::default()
        };
        let report = world.deliver(&policy, &list, Arc::new(Nobody)).await;
        assert_eq!(report.files.len(), 1000);
        assert_eq!(report.files[0].attempts, 3);
        assert!(report.files[1..].iter().all(|file| file.attempts == 0 && file.result.is_err()));
    }
}

/// The arguments of the client's REST commands.
#[derive(Default)]
struct Restarts(Mutex<Vec<u64>>);

impl Observer for Restarts {
    fn event(&self, _: Time, who: Who, _: u64, event: &Event<'_>) {
        if let (Who::Client, Event::Command { line }) = (who, event)
            && let Some(marker) = line.strip_prefix("REST ")
        {
            // Our markers of failed uploads have a `p`, before it in the middle of an end of line an `r`.
            self.0.lock().unwrap().push(marker.trim_end_matches(['r', 'p']).parse().unwrap());
        }
    }
}

struct Cut {
    report: Report,
    restarts: Vec<u64>,
    cuts_left: u64,
    /// The store that received.
    to: MemoryStore,
}

/// Delivers `content` as `big` while the data connection breaks three times, each time after
/// `every_bytes`.
async fn deliver_cut(content: &[u8], every_bytes: u64, policy: Policy) -> Cut {
    let world = World::new().await;
    let (from, to) = world.ends(policy.direction);
    write(from, "big", content).await;
    let policy = Policy {
        marker_interval_bytes: NonZeroU64::new(50_000),
        retries: 4,
        retry_delay: Duration::from_millis(10),
        ..policy
    };
    let net = CutNet::new(3, every_bytes);
    let jobs = [Job { local: path("big"), remote: "big".to_owned() }];
    let login = Login::new("me", "secret");
    let observer = Arc::new(Restarts::default());
    let delivery = Delivery::new(&net, &world.here, world.address, &login);
    let report = delivery.policy(&policy).observer(observer.clone()).deliver(&jobs).await;
    let restarts = observer.0.lock().unwrap().clone();
    Cut { report, restarts, cuts_left: net.cuts_left(), to: to.clone() }
}

/// 3 MB that end up whole although the connection breaks three times, and without beginning anew
/// each time: by offsets in stream and deflate mode, by restart markers in the others.
#[tokio::test]
async fn what_breaks_off_is_resumed_in_both_directions() {
    let content: Vec<u8> = noise(3_000_000, 1);
    for direction in [Direction::Put, Direction::Get] {
        for mode in MODES {
            for resume in [true, false] {
                let policy = Policy { direction, mode, resume, ..Policy::default() };
                let Cut { report, restarts, cuts_left, to } = deliver_cut(&content, 900_000, policy).await;
                let case = format!("{direction:?} {mode:?} resume {resume}: {report:#?}");
                let file = &report.files[0];
                assert_eq!(file.result, Ok(()), "{case}");
                assert_eq!((file.attempts, cuts_left), (4, 0), "{case}");
                assert!(read(&to, "big").await == content, "{case}");
                assert_eq!(file.payload_bytes, 3_000_000, "{case}");
                assert_eq!(names(&to).await, ["big"], "{case}");
                // What was in the sockets when they broke is sent twice.
                let again = file.wire_bytes.saturating_sub(3_000_000);
                if resume {
                    assert!(again < 1_500_000, "resumed, but {again} bytes went again: {case}");
                    assert_eq!(restarts.len(), 3, "{restarts:?} {case}");
                    assert!(restarts.is_sorted() && restarts[0] > 0, "{restarts:?} {case}");
                } else {
                    assert!(again >= 2_600_000, "begun anew three times: {case}");
                    assert_eq!(restarts, [] as [u64; 0], "{case}");
                }
            }
        }
    }
}

/// Text and records with ends of line of every kind, verified however it can be: whole after three
/// cuts, and resumed wherever there are markers or offsets.
#[tokio::test]
async fn every_representation_is_resumed_or_begun_anew() {
    use Representation::{Ascii, Ebcdic, Image, Local8};
    let mut content = noise(2_000_000, 1);
    for byte in &mut content {
        *byte = match *byte {
            0..4 => b'\n',
            4..8 => b'\r',
            other => other,
        };
    }
    let (file, record) = (Structure::File, Structure::Record);
    for (representation, structure, verify, by_markers, by_offsets) in [
        (Image, file, Verify::Hash, true, true),
        (Local8, file, Verify::Size, true, true),
        (Image, record, Verify::Hash, true, false),
        (Ascii, file, Verify::Hash, true, false),
        (Ascii, file, Verify::Size, false, false),
        (Ascii, record, Verify::Hash, true, false),
        (Ebcdic, file, Verify::Hash, true, false),
        (Ebcdic, record, Verify::Reply, true, false),
    ] {
        for direction in [Direction::Put, Direction::Get] {
            for mode in MODES {
                let policy = Policy {
                    direction,
                    mode,
                    representation,
                    structure,
                    verify,
                    resume: true,
                    ..Policy::default()
                };
                let Cut { report, restarts, cuts_left, to } = deliver_cut(&content, 600_000, policy).await;
                let case = format!("{representation:?} {structure:?} {verify:?} {direction:?} {mode:?}");
                assert_eq!(report.files[0].result, Ok(()), "{case}");
                assert_eq!(cuts_left, 0, "{case}");
                assert!(read(&to, "big").await == content, "{case}");
                let resumable = if mode.is_framed() { by_markers } else { by_offsets };
                assert_eq!(restarts.len(), if resumable { 3 } else { 0 }, "{case}: {restarts:?}");
            }
        }
    }
}

/// One connection broken in the middle of many pipelined files: one attempt of one file is lost.
#[tokio::test]
async fn a_pipeline_that_breaks_goes_on_with_the_file_it_broke_at() {
    let files = files();
    let list: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for direction in [Direction::Put, Direction::Get] {
        for mode in [TransmissionMode::Block, TransmissionMode::Compressed] {
            for after_bytes in [0, 1, 3, 70_000, 300_000, 654_321] {
                let world = World::new().await;
                let (from, to) = world.ends(direction);
                for (name, content) in &files {
                    write(from, name, content).await;
                }
                let policy = Policy {
                    direction,
                    mode,
                    pipeline_depth: 16,
                    retry_delay: Duration::from_millis(10),
                    ..Policy::default()
                };
                let net = CutNet::new(2, after_bytes);
                let jobs: Vec<Job> =
                    list.iter().map(|name| Job { local: path(name), remote: (*name).to_owned() }).collect();
                let login = Login::new("me", "secret");
                let observer = Arc::new(Nobody);
                let report = Delivery::new(&net, &world.here, world.address, &login)
                    .policy(&policy)
                    .observer(observer)
                    .deliver(&jobs)
                    .await;
                let case = format!("{direction:?} {mode:?} cut after {after_bytes}: {report:#?}");
                assert_eq!(report.failed().next(), None, "{case}");
                let attempts: u32 = report.files.iter().map(|file| file.attempts).sum();
                // Compressed, all files together are too short for the longest cut to come twice.
                let cuts = 2 - net.cuts_left() as u32;
                assert!(cuts > 0 && attempts == files.len() as u32 + cuts, "{cuts} cuts: {case}");
                assert_eq!(report.control_connections, 1, "all replies were read: {case}");
                for (name, content) in &files {
                    assert!(&read(to, name).await == content, "{name} {case}");
                }
            }
        }
    }
}
