//! Whole deliveries over loopback: 200 files of 1 KiB between our client and our server, stores in
//! memory, per mode, with the data connection kept or not, pipelined, parallel; beside them a bare
//! TCP connection that carries the same bytes. Each way is run once and its files compared before
//! it is timed. Select with `cargo bench --bench loopback -- put/block`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ftpsim::client::{Direction, Job, Login, Policy, deliver};
use ftpsim::net::real::RealNet;
use ftpsim::net::{Listener, Net};
use ftpsim::observe::Nobody;
use ftpsim::proto::mode::TransmissionMode;
use ftpsim::proto::path::VirtualPath;
use ftpsim::server::{Config, Rights, Table, serve};
use ftpsim::store::memory::MemoryStore;
use ftpsim::store::{ReadFile, Store, Write, WriteFile};
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const FILES: usize = 200;
const FILE_BYTES: usize = 1024;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn path(index: usize) -> VirtualPath {
    VirtualPath::root().join(&format!("file-{index:03}")).expect("a short path")
}

/// Text-like: what compressed mode finds is spaces.
fn content(index: usize) -> Vec<u8> {
    let line =
        format!("{index:<40} a line of the file, with some blanks     and a number {:>12}\n", index * 7919);
    line.bytes().cycle().take(FILE_BYTES).collect()
}

async fn fill(store: &MemoryStore) {
    for index in 0..FILES {
        let mut file = store.write(&path(index), Write::Replace).await.expect("write");
        file.write(&content(index)).await.expect("write");
        file.publish().await.expect("publish");
    }
}

async fn verify(store: &MemoryStore, who: &str) {
    for index in 0..FILES {
        let mut file =
            store.read(&path(index), 0).await.unwrap_or_else(|error| panic!("{who}: {index}: {error}"));
        let mut found = vec![0; FILE_BYTES + 1];
        let read = file.read(&mut found).await.expect("read");
        assert!(found[..read] == content(index), "{who}: file {index} differs");
    }
}

/// A server in a thread of its own, for the life of the process.
fn start_server(store: MemoryStore) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let net = RealNet::new();
            let listener = net.listen(([127, 0, 0, 1], 0).into()).await.expect("listen");
            tell.send(Listener::local_addr(&listener).expect("address")).expect("send");
            let accounts = Table::new().with_user("bench", "bench", store, Rights::ALL);
            serve(net, listener, Arc::new(Config::new(accounts)), Arc::new(Nobody)).await.expect("serve");
        });
    });
    told.recv().expect("the server's address")
}

fn policies() -> Vec<(&'static str, Policy)> {
    let policy = |mode| Policy { mode, retries: 0, ..Policy::default() };
    let stream = policy(TransmissionMode::Stream);
    let block = policy(TransmissionMode::Block);
    let compressed = policy(TransmissionMode::Compressed);
    vec![
        ("stream", stream.clone()),
        ("stream-parallel-4", Policy { parallel: 4, ..stream }),
        ("block-not-kept", Policy { reuse_data_connection: false, ..block.clone() }),
        ("block", block.clone()),
        ("block-pipelined", Policy { pipeline_depth: 32, ..block }),
        ("compressed-not-kept", Policy { reuse_data_connection: false, ..compressed.clone() }),
        ("compressed", compressed.clone()),
        ("compressed-pipelined", Policy { pipeline_depth: 32, ..compressed }),
    ]
}

fn deliveries(criterion: &mut Criterion) {
    let jobs: Vec<Job> =
        (0..FILES).map(|index| Job { local: path(index), remote: path(index).to_string() }).collect();
    let login = Login::new("bench", "bench");
    let runtime = runtime();
    for direction in [Direction::Put, Direction::Get] {
        let name = if direction == Direction::Put { "put" } else { "get" };
        let mut group = criterion.benchmark_group(format!("loopback/{name}"));
        group.throughput(Throughput::Elements(FILES as u64)).sample_size(10);
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        group.bench_function("bare-tcp", bare(direction));
        for (variant, policy) in policies() {
            let policy = Policy { direction, ..policy };
            let (here, there) = (MemoryStore::default(), MemoryStore::default());
            let (from, to) = if direction == Direction::Put { (&here, &there) } else { (&there, &here) };
            runtime.block_on(fill(from));
            let server = start_server(there.clone());
            let once = || {
                let report = runtime.block_on(deliver(
                    &RealNet::new(),
                    &here,
                    server,
                    &login,
                    &jobs,
                    &policy,
                    Arc::new(Nobody),
                ));
                assert_eq!(report.failed().next(), None, "{name} {variant}");
            };
            once();
            runtime.block_on(verify(to, variant));
            group.bench_function(variant, |bencher| bencher.iter(once));
        }
        group.finish();
    }
}

/// The same bytes over one connection: one write a file, one byte back at the end of all.
fn bare(direction: Direction) -> impl FnMut(&mut criterion::Bencher<'_>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("address");
    let all: Vec<u8> = (0..FILES).flat_map(content).collect();
    let expected = all.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("accept");
            match direction {
                Direction::Put => take_all(&mut connection, &expected),
                Direction::Get => give_all(&mut connection, &expected),
            }
        }
    });
    move |bencher| {
        bencher.iter(|| {
            let mut connection = TcpStream::connect(address).expect("connect");
            match direction {
                Direction::Put => give_all(&mut connection, &all),
                Direction::Get => take_all(&mut connection, &all),
            }
        });
    }
}

fn give_all(connection: &mut TcpStream, all: &[u8]) {
    connection.set_nodelay(true).expect("TCP_NODELAY");
    for file in all.chunks(FILE_BYTES) {
        connection.write_all(file).expect("write");
    }
    connection.read_exact(&mut [0]).expect("the last byte");
}

fn take_all(connection: &mut TcpStream, expected: &[u8]) {
    let mut found = vec![0; expected.len()];
    connection.read_exact(&mut found).expect("read");
    assert!(found == expected);
    connection.write_all(&[1]).expect("write");
}

criterion_group!(benches, deliveries);
criterion_main!(benches);
