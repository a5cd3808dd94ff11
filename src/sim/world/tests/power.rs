//! What a loss of the receiver's power takes, moment by moment.

use super::*;
use crate::sim::fault::Fault;

const AT_ONCE: u64 = 0;
const AFTER_ALL: u64 = 41_000_000;

fn case(variant: &str, direction: Direction, seed: u64, after_reply_us: u64) -> Case {
    let scenario = Scenario::load("power-cut").unwrap();
    let mut case = Case::draw(&scenario, variant, seed).unwrap();
    case.policy.direction = direction;
    let kind = FaultKind::ReceiverPowerLoss { restart_after_us: Some(500_000) };
    case.fault = Fault { kind, target: 10, trigger: Trigger::AfterReply(after_reply_us) };
    case
}

fn run_after(variant: &str, direction: Direction, seed: u64, after_reply_us: u64) -> Outcome {
    let outcome = judge(&case(variant, direction, seed, after_reply_us)).unwrap();
    assert!(outcome.fault_fired, "{variant} {direction:?} {after_reply_us}");
    assert_eq!(outcome.violations, [], "{variant} {direction:?} {seed} {after_reply_us}");
    outcome
}

#[test]
fn what_was_reported_and_not_synced_is_missing_or_empty() {
    for variant in ["stream", "stream-hash", "stream-rename", "block", "block-pipelined"] {
        for direction in [Direction::Put, Direction::Get] {
            let (mut missing, mut empty) = (0, 0);
            for (seed, after_us) in [(0, AT_ONCE), (1, AT_ONCE), (2, 10_000_000), (3, 20_000_000)] {
                let outcome = run_after(variant, direction, seed, after_us);
                let target = &outcome.files[10];
                assert_eq!(target.verdict, Verdict::Evaporated, "{variant} {direction:?}");
                assert_eq!(target.reported_delivered, Some(true));
                match target.left {
                    Left::Nothing => missing += 1,
                    Left::Part => {
                        assert!(target.exposed, "a reader sees a file of no bytes");
                        empty += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!(missing > 0 && empty > 0, "{variant} {direction:?}: {missing} missing, {empty} empty");
        }
    }
}

#[test]
fn after_forty_one_seconds_all_is_on_the_disk() {
    for variant in ["stream", "block-pipelined"] {
        for direction in [Direction::Put, Direction::Get] {
            // The clock of the target's file; those behind it have come within a second.
            let outcome = run_after(variant, direction, 0, AFTER_ALL);
            assert_eq!(outcome.count(Verdict::Intact), outcome.files.len() as u64, "{variant} {direction:?}");
        }
    }
}

#[test]
fn what_a_durable_receiver_answered_is_there_whenever_the_power_goes() {
    for variant in ["stream-durable", "block-durable", "block-pipelined-durable"] {
        for direction in [Direction::Put, Direction::Get] {
            for (seed, after_us) in [(0, AT_ONCE), (1, 1), (2, 1_000), (3, 5_000_000), (4, AFTER_ALL)] {
                let outcome = run_after(variant, direction, seed, after_us);
                assert_eq!(outcome.count(Verdict::Evaporated), 0, "{variant} {direction:?} {after_us}");
                assert_eq!(outcome.files[10].left, Left::Whole);
            }
        }
    }
}

/// A process that dies leaves the page cache to the system.
#[test]
fn the_death_of_a_process_takes_nothing_that_was_published() {
    let mut case = case("stream", Direction::Put, 0, AT_ONCE);
    case.fault.kind = FaultKind::ReceiverDies { restart_after_us: 500_000 };
    let outcome = judge(&case).unwrap();
    assert!(outcome.fault_fired);
    assert_eq!(outcome.count(Verdict::Evaporated), 0);
    assert_eq!(outcome.files[10].left, Left::Whole);
}

/// A receiver that writes in place and is asked for markers syncs at each: so much is there afterwards.
#[test]
fn what_a_marker_was_given_for_is_on_the_disk() {
    let mut case = case("block", Direction::Put, 0, AT_ONCE);
    case.policy.marker_interval_bytes = std::num::NonZeroU64::new(1_000);
    case.writes_in_place = true;
    case.fault.trigger = Trigger::BeforeFinal;
    case.policy.retries = 0;
    // The first: syncs at markers are rationed.
    case.fault.target = 0;
    case.files[0].size_bytes = 5_500;
    let outcome = judge(&case).unwrap();
    assert!(outcome.fault_fired);
    assert_eq!(outcome.files[0].left, Left::Part);
    case.policy.marker_interval_bytes = None;
    let outcome = judge(&case).unwrap();
    assert_eq!(outcome.files[0].left, Left::Nothing);
}

#[test]
fn syncs_take_time_and_a_pipeline_shares_them() {
    let duration_us = |variant: &str| {
        let mut case = case(variant, Direction::Put, 0, AT_ONCE);
        case.fault.kind = FaultKind::None;
        judge(&case).unwrap().duration_us.unwrap()
    };
    let syncs_us = |variant: &str| duration_us(&format!("{variant}-durable")) - duration_us(variant);
    // Twenty files, two syncs of 2 ms each.
    assert!((79_000..90_000).contains(&syncs_us("stream")), "{}", syncs_us("stream"));
    assert!((79_000..90_000).contains(&syncs_us("block")), "{}", syncs_us("block"));
    assert!(syncs_us("block-pipelined") < 30_000, "{}", syncs_us("block-pipelined"));
}
