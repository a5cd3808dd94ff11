//! The simulation itself: `cargo bench --bench simulation`, on one core.
//!
//! `delivery`: a session of 20 files of 10 KiB without loss, from its case to its verdicts, without
//! the hash of its trace, as a sweep runs it; a simulated seed an iteration, so elements a second are seeds a second. `idle`: a session that
//! waits; elements are simulated seconds. Every benchmark checks the outcome that it then times.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ftpsim::sim::case::Case;
use ftpsim::sim::outcome::Verdict;
use ftpsim::sim::scenario::Scenario;
use ftpsim::sim::world;
use std::hint::black_box;
use std::time::Duration;

const SCENARIO: &str = r#"
name = "speed"
question = "How fast is the simulation?"
seeds = "0..2"
directions = ["put", "get"]
path = { rtt_us = 50_000, bandwidth_bits_per_s = 100_000_000, queue_bytes = 625_000 }
workload = { files = 20, size_bytes = [10_240, 10_240], content = { random = 1, text = 1, runs = 1 } }
limits = { virtual_time_us = 3_600_000_000 }
faults = [{ kind = "none" }, { kind = "blackhole" }]

[timeouts]
connect_us = 10_000_000
data_idle_us = 1_000_000_000
reply_us = 1_030_000_000
control_idle_us = 1_100_000_000
retry_delay_us = 1_000_000

[[variants]]
name = "stream"
note = "stream mode"
mode = "stream"

[[variants]]
name = "block"
note = "block mode, data connection kept"
mode = "block"

[[variants]]
name = "block-pipelined"
note = "block mode, data connection kept, sixteen transfer commands ahead"
mode = "block"
pipeline_depth = 16
"#;

fn simulation(criterion: &mut Criterion) {
    let scenario = Scenario::parse(SCENARIO, "the benchmark").expect("a scenario");
    let mut group = criterion.benchmark_group("simulation/delivery");
    group.measurement_time(Duration::from_secs(5)).throughput(Throughput::Elements(1));
    for variant in &scenario.variants {
        // Seed 0 is an undisturbed upload.
        let case = Case::draw(&scenario, &variant.name, 0).expect("a variant");
        let outcome = world::run(&case).expect("a run");
        assert_eq!(outcome.count(Verdict::Intact), 20);
        let virtual_s = outcome.duration_us.expect("an end") as f64 / 1e6;
        println!("{}: {virtual_s:.3} simulated s, {} packets", variant.name, outcome.packets);
        group.bench_function(&variant.name, |b| b.iter(|| world::judge(black_box(&case))));
    }
    group.finish();

    // A data connection falls silent, and both ends wait for more than 1,000 s.
    let case = (0..100)
        .map(|seed| Case::draw(&scenario, "block", seed).expect("a variant"))
        .find(|case| case.fault_name == "blackhole")
        .expect("half of the seeds");
    let outcome = world::run(&case).expect("a run");
    let virtual_s = outcome.duration_us.expect("an end") / 1_000_000;
    assert!(virtual_s >= 1_000, "{virtual_s} s");
    let mut group = criterion.benchmark_group("simulation/idle");
    group.sample_size(10).throughput(Throughput::Elements(virtual_s));
    group.bench_function("1000 s", |b| b.iter(|| world::judge(black_box(&case))));
    group.finish();
}

criterion_group!(benches, simulation);
criterion_main!(benches);
