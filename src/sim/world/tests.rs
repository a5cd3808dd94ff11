mod future;
mod listed;
mod power;
mod strangers;

use super::*;
use crate::sim::fault::{FaultKind, Trigger};
use crate::sim::outcome::{Left, Verdict};
use crate::sim::scenario::Scenario;
use crate::sim::trace;

fn outcome(variant: &str, seed: u64) -> (Case, Outcome) {
    let case = Case::draw(&Scenario::load("tiny").unwrap(), variant, seed).unwrap();
    let outcome = run_with_events(&case).unwrap();
    (case, outcome)
}

/// The first seed of the scenario's first cycle that draws this.
fn find(direction: Direction, fault: &str, trigger: fn(Trigger) -> bool) -> u64 {
    let scenario = Scenario::load("tiny").unwrap();
    let drawn = |seed: &u64| {
        let case = Case::draw(&scenario, "stream", *seed).unwrap();
        case.policy.direction == direction && case.fault_name == fault && trigger(case.fault.trigger)
    };
    (0..scenario.cycle()).find(drawn).expect("every stratum comes up in a cycle")
}

fn inside(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::PayloadByte(byte) if byte > 0)
}

fn target_verdict(variant: &str, seed: u64) -> Verdict {
    let (case, outcome) = outcome(variant, seed);
    assert!(outcome.fault_fired);
    assert_eq!(outcome.violations, []);
    outcome.files[case.fault.target as usize].verdict
}

#[test]
fn without_a_fault_everything_is_intact() {
    for direction in [Direction::Put, Direction::Get] {
        let seed = find(direction, "none", |_| true);
        for variant in ["stream", "stream-size", "block", "compressed"] {
            let (case, outcome) = outcome(variant, seed);
            assert_eq!(outcome.count(Verdict::Intact), case.files.len() as u64, "{variant}");
            assert!(outcome.duration_us.is_some());
        }
    }
}

#[test]
fn an_early_close_truncates_stream_mode_silently_and_no_other() {
    for direction in [Direction::Put, Direction::Get] {
        let seed = find(direction, "early_close", inside);
        assert_eq!(target_verdict("stream", seed), Verdict::SilentTruncation);
        assert_eq!(target_verdict("stream-size", seed), Verdict::Recovered);
        assert_eq!(target_verdict("block", seed), Verdict::Recovered);
        assert_eq!(target_verdict("compressed", seed), Verdict::Recovered);
    }
}

#[test]
fn a_dying_client_leaves_a_short_file_in_stream_mode_even_with_size_checks() {
    let seed = find(Direction::Put, "sender_dies", inside);
    assert_eq!(target_verdict("stream", seed), Verdict::SilentTruncation);
    assert_eq!(target_verdict("stream-size", seed), Verdict::SilentTruncation);
    assert_eq!(target_verdict("block", seed), Verdict::Detected);
    assert_eq!(target_verdict("compressed", seed), Verdict::Detected);
    let watched = find(Direction::Put, "sender_dies_watched", inside);
    // The kernel closes the data connection before the control connection, so that the server publishes
    // before it hears that it should not.
    assert_eq!(target_verdict("stream", watched), Verdict::SilentTruncation);
    assert_eq!(target_verdict("block", watched), Verdict::Detected);
}

#[test]
fn resets_and_silence_are_noticed_in_every_mode() {
    for fault in ["reset", "blackhole"] {
        for direction in [Direction::Put, Direction::Get] {
            let seed = find(direction, fault, inside);
            for variant in ["stream", "block", "compressed"] {
                assert_eq!(target_verdict(variant, seed), Verdict::Recovered, "{fault} {variant}");
            }
        }
    }
}

#[test]
fn a_run_is_a_function_of_its_case() {
    for seed in 0..12 {
        let (case, first) = outcome("block", seed);
        let again = run(&Case::from_json(&case.to_json()).unwrap()).unwrap();
        assert_eq!(first.trace_hash, again.trace_hash);
        assert_eq!(first.files, again.files);
        assert!(!first.events.is_empty() && again.events.is_empty());
    }
}
