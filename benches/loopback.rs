//! Whole deliveries over loopback between our client and our server: 200 files of 1 KiB, and one of
//! 64 MiB, per mode, with the data connection kept or not, pipelined, parallel; beside them a bare TCP
//! connection that carries the same bytes. The stores make files up as they are read, and count what
//! they receive; each way is run once with every byte compared before it is timed. Select with
//! `cargo bench -- loopback/small/put/block`.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ftp_endpoint::client::{Direction, Login};
use ftp_endpoint::net::real::runtime;
use ftp_proto::mode::TransmissionMode::{Block, Compressed, Stream};
use ftpsim::lab::stats::Latencies;
use ftpsim::measure::bare;
use ftpsim::measure::delivery::DataConnection::{Kept, PerFile};
use ftpsim::measure::delivery::{Contender, Directories, Target, deliver};
use ftpsim::measure::files::Files;
use ftpsim::measure::fixture::{Check, Fixture};
use ftpsim::measure::generated::GeneratedStore;
use ftpsim::measure::server::{LocalServer, PASSWORD, USER};
use ftpsim::sim::workload::Content;
use std::cell::LazyCell;
use std::time::Duration;

const PIPELINE_DEPTH: u32 = 32;
const SESSIONS: u32 = 4;

const BARE: &str = "bare TCP";

/// Name, files, and bytes of each.
const WORKLOADS: [(&str, u64, u64); 2] = [("small", 200, 1024), ("large", 1, 64 << 20)];

fn contenders(direction: Direction, files: u64) -> Vec<Contender> {
    let way = |mode, depth, sessions, kept| Contender::new(direction, mode, depth, sessions, kept);
    let mut ways = vec![way(Stream, 1, 1, PerFile), way(Block, 1, 1, Kept), way(Compressed, 1, 1, Kept)];
    if files > 1 {
        ways.extend([
            way(Stream, 1, SESSIONS, PerFile),
            way(Block, 1, 1, PerFile),
            way(Block, PIPELINE_DEPTH, 1, Kept),
            way(Compressed, 1, 1, PerFile),
            way(Compressed, PIPELINE_DEPTH, 1, Kept),
        ]);
    }
    ways
}

/// Times `carry`, which is first told to have every byte compared.
fn timed(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    fixture: &GeneratedStore,
    carry: impl Fn(Check) -> Duration,
) {
    let is_bare = name == BARE;
    let once = |check| {
        fixture.clear(check).expect("a clear fixture");
        let took = carry(check);
        // A bare connection counts nothing that it need not.
        if check == Check::Bytes || !is_bare {
            fixture.check(check).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        }
        took
    };
    // Only if it is selected, and once, though criterion asks for the benchmark several times.
    let verified = LazyCell::new(|| once(Check::Bytes));
    group.bench_function(name, |bencher| {
        LazyCell::force(&verified);
        bencher.iter_custom(|times| (0..times).map(|_| once(Check::Sizes)).sum());
    });
}

fn deliveries(criterion: &mut Criterion) {
    for (workload, count, size_bytes) in WORKLOADS {
        let files = Files::new(count, size_bytes, Content::Text);
        let fixture = GeneratedStore::new(&files);
        let runtime = runtime().expect("a runtime");
        let target = LazyCell::new(|| {
            let server = LocalServer::start(fixture.clone()).expect("a server");
            (Target { server: server.address, login: Login::new(USER, PASSWORD) }, server)
        });
        for direction in [Direction::Put, Direction::Get] {
            let mut group = criterion.benchmark_group(format!("loopback/{workload}/{}", direction.as_str()));
            let per_run = match count {
                1 => Throughput::Bytes(size_bytes),
                _ => Throughput::Elements(count),
            };
            group.throughput(per_run).sample_size(10);
            group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
            timed(&mut group, BARE, &fixture, |check| {
                bare::carry(&fixture, check).expect("a bare connection")
            });
            for contender in contenders(direction, count) {
                timed(&mut group, &contender.way(), &fixture, |_| {
                    let mut latencies = Latencies::default();
                    let place = Directories::shared();
                    let delivery = deliver(&fixture, &files, &target.0, &place, &contender, &mut latencies);
                    let sample = runtime.block_on(delivery);
                    sample.unwrap_or_else(|failed| panic!("{}: {failed}", contender.name())).duration
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, deliveries);
criterion_main!(benches);
