//! Swarm testing: from each seed a whole case at random. Features are present or absent by seed
//! rather than a little of each always, so that some runs are extreme in each respect
//! (Groce et al., "Swarm Testing", ISSTA 2012). Which combination of feature, fault and place a seed has
//! is not drawn but walked through, so that a few seeds cover what there is.

mod features;
mod habits;
mod listing;
mod power;
mod security;
mod strangers;
mod walk;

use super::case::{self, Case, ServerOptions};
use super::fault::{Fault, FaultKind, Trigger};
use super::scenario::{DiskSpec, Limits, PathSpec, Timeouts};
use super::workload;
use features::{FEATURES, Feature};
use ftp_endpoint::client::{Direction, Policy, Publish, Verify};
use ftp_proto::mode::{Structure, TransmissionMode};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use std::time::Duration;
use turmoil_tcp::Algorithm;
use turmoil_tcp::path::BurstLoss;
use turmoil_tcp::seeds;
use walk::Walk;

fn one_of<T: Copy>(rng: &mut ChaCha12Rng, choices: &[T]) -> T {
    choices[rng.random_range(0..choices.len())]
}

/// The axes of the walk.
const FEATURE: usize = 0;
const FAULT: usize = 1;
const TRIGGER: usize = 2;
const MODE: usize = 3;

/// The case that a sweep runs for `seed`: feature, fault, trigger and mode are those of the seed's place
/// on the walk, all else is drawn.
pub fn draw(seed: u64) -> Case {
    let walk = Walk::of(seed);
    let feature = walk.choose(FEATURE, FEATURES);
    let rng = &mut seeds::stream(seed, "swarm");
    let drawn = workload(rng);
    let files = workload::draw(seed, feature.workload(&mut seeds::stream(seed, "swarm workload"), drawn));
    let mut path = path(rng);
    let mut policy = policy(rng);
    let modes = [TransmissionMode::Stream, TransmissionMode::Block, TransmissionMode::Compressed];
    (policy.direction, policy.mode) = walk.choose(MODE, &both_ways(&modes));
    let target = rng.random_range(0..files.len());
    let faults = &mut seeds::stream(seed, "swarm faults");
    let mut fault = Fault {
        kind: walk.choose(FAULT, &kinds(faults)),
        target: target as u32,
        trigger: walk
            .choose(TRIGGER, &triggers(faults, files[target].size_bytes, files.len() as u64, path.rtt_us)),
    };
    feature.aim(&mut seeds::stream(seed, "swarm aim"), &mut fault, files[target].size_bytes);
    // A lossy path excuses much.
    if feature == Feature::None || faults.random_range(0..4) == 0 {
        impair(faults, &mut path);
    } else {
        path.loss_ppm = 0;
    }
    let mut case = Case {
        version: case::VERSION,
        scenario: "sweep".to_owned(),
        variant: "swarm".to_owned(),
        fault_name: fault.kind.name().to_owned(),
        seed,
        path,
        limits: Limits { virtual_time_us: 3_600_000_000 },
        timeouts: Timeouts {
            connect_us: 10_000_000,
            data_idle_us: one_of(rng, &[5_000_000, 20_000_000]),
            reply_us: 30_000_000,
            control_idle_us: 300_000_000,
            retry_delay_us: 1_000_000,
        },
        policy,
        server: ServerOptions {
            transfers_outlive_control: one_of(rng, &[false, true]),
            takes_cut_deflate: false,
            ends_unfinished: false,
        },
        writes_in_place: false,
        listed: false,
        second_wire_byte: None,
        durable: false,
        tls: None,
        disk: DiskSpec::default(),
        old_files: false,
        source_change: None,
        ingest: None,
        rival: None,
        stranger: None,
        files,
        fault,
        mutant: None,
        expected: None,
    };
    feature.apply(&mut seeds::stream(seed, "swarm features"), &mut case);
    power::apply(seed, &mut case);
    security::apply(seed, &mut case);
    habits::apply(seed, &mut case);
    strangers::apply(seed, &mut case);
    listing::apply(seed, &mut case);
    case
}

fn both_ways(modes: &[TransmissionMode]) -> Vec<(Direction, TransmissionMode)> {
    let ways = |mode: &TransmissionMode| [(Direction::Put, *mode), (Direction::Get, *mode)];
    modes.iter().flat_map(ways).collect()
}

fn workload(rng: &mut ChaCha12Rng) -> workload::Draw {
    let max_bytes = one_of(rng, &[1, 100, 1_000, 10_000, 70_000, 200_000]);
    let most_files = if max_bytes > 10_000 { 4 } else { 12 };
    workload::Draw {
        files: rng.random_range(1..=most_files),
        size_bytes: (0, max_bytes),
        weights: one_of(rng, &[[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    }
}

fn path(rng: &mut ChaCha12Rng) -> PathSpec {
    let bandwidth_bits_per_s = one_of(rng, &[1_000_000, 10_000_000, 100_000_000, 1_000_000_000]);
    PathSpec {
        rtt_us: one_of(rng, &[2_000, 10_000, 50_000, 300_000]),
        bandwidth_bits_per_s,
        queue_bytes: one_of(rng, &[15_000, 100_000, 1_000_000]),
        loss_ppm: one_of(rng, &[0, 0, 0, 1_000, 10_000]),
        burst_loss: None,
        reorder_ppm: 0,
        reorder_us: 0,
        duplicate_ppm: 0,
        jitter_us: 0,
        congestion: Algorithm::default(),
    }
}

/// Each impairment on one path in eight.
fn impair(rng: &mut ChaCha12Rng, path: &mut PathSpec) {
    let mut present = || rng.random_range(0..8) == 0;
    let (bursts, reordering, copies, jitter) = (present(), present(), present(), present());
    if bursts {
        path.burst_loss = Some(BurstLoss {
            enter_ppm: one_of(rng, &[1_000, 10_000]),
            leave_ppm: one_of(rng, &[100_000, 400_000]),
            good_loss_ppm: 0,
            bad_loss_ppm: one_of(rng, &[200_000, 500_000]),
        });
    }
    if reordering {
        path.reorder_ppm = one_of(rng, &[1_000, 50_000]);
        path.reorder_us = one_of(rng, &[100, 5_000, 50_000]);
    }
    if copies {
        path.duplicate_ppm = one_of(rng, &[1_000, 50_000]);
    }
    if jitter {
        path.jitter_us = one_of(rng, &[500, 20_000]);
    }
}

fn policy(rng: &mut ChaCha12Rng) -> Policy {
    Policy {
        direction: one_of(rng, &[Direction::Put, Direction::Get]),
        mode: one_of(rng, &[TransmissionMode::Stream, TransmissionMode::Block, TransmissionMode::Compressed]),
        structure: one_of(rng, &[Structure::File, Structure::File, Structure::Record]),
        verify: one_of(rng, &[Verify::Reply, Verify::Reply, Verify::Size, Verify::Hash]),
        publish: one_of(rng, &[Publish::Direct, Publish::Direct, Publish::Rename]),
        retries: one_of(rng, &[0, 2, 2, 5]),
        retry_delay: Duration::from_secs(1),
        reuse_data_connection: one_of(rng, &[true, true, false]),
        pipeline_depth: one_of(rng, &[1, 1, 2, 16]),
        parallel: one_of(rng, &[1, 1, 2, 4]),
        ..Policy::default()
    }
}

/// Every kind of fault, in an order in which neighbours differ.
fn kinds(rng: &mut ChaCha12Rng) -> [FaultKind; 26] {
    let for_us = one_of(rng, &[200_000, 3_000_000, 12_000_000]);
    let restart_after_us = one_of(rng, &[200_000, 500_000]);
    let power = one_of(rng, &[None, Some(500_000), Some(8_000_000)]);
    [
        FaultKind::None,
        FaultKind::SenderDies { restart_after_us },
        FaultKind::Reset,
        FaultKind::DiskFull { for_us },
        FaultKind::ControlReset,
        FaultKind::EarlyClose,
        FaultKind::ReceiverPowerLoss { restart_after_us: power },
        FaultKind::Blackhole { for_us: None },
        FaultKind::Corrupt { xor: 0x20 },
        FaultKind::ReceiverDies { restart_after_us },
        FaultKind::SplitClose,
        FaultKind::ControlSilent { for_us: None },
        FaultKind::ReadError { restart_after_us: None },
        FaultKind::Stall { for_us },
        FaultKind::Refused { times: 1 },
        FaultKind::Reset,
        FaultKind::SenderPowerLoss { restart_after_us: power },
        FaultKind::ShortWrite,
        FaultKind::Partition { for_us },
        FaultKind::EarlyClose,
        FaultKind::SlowDisk { delay_us: 100_000 },
        FaultKind::ControlSilent { for_us: Some(for_us) },
        FaultKind::Blackhole { for_us: Some(for_us) },
        FaultKind::WriteError,
        FaultKind::Corrupt { xor: 0xC0 },
        FaultKind::Loss { loss_ppm: 30_000 },
    ]
}

fn triggers(rng: &mut ChaCha12Rng, size_bytes: u64, files: u64, rtt_us: u64) -> [Trigger; 11] {
    let byte = rng.random_range(0..size_bytes.max(1));
    let nth = rng.random_range(0..3);
    let at_us = rng.random_range(1..=(8 + files) * rtt_us);
    let at_byte = if size_bytes > 0 { Trigger::PayloadByte(byte) } else { Trigger::BeforeFirstByte };
    [
        at_byte,
        Trigger::BeforeFinal,
        Trigger::AfterLastByte,
        Trigger::BeforeCommand(nth),
        Trigger::InsideHeader(byte),
        Trigger::BeforeReply(nth),
        at_byte,
        Trigger::BeforeFirstByte,
        Trigger::AtTimeUs(at_us),
        Trigger::AfterHeader(byte),
        Trigger::BeforeFinal,
    ]
}
