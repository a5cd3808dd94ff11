//! When a delivery has to succeed, and what is nearly so and leaves it free to fail.

use super::*;
use crate::sim::fault::FaultKind;
use crate::sim::oracle::tests::ended;
use crate::sim::others::Stranger;
use crate::sim::scenario::TlsSpec;
use std::num::NonZeroU64;
use std::time::Duration;

/// Of a put with one retry after a second, by one session over a good path.
fn must(kind: FaultKind, change: impl FnOnce(&mut Case)) -> bool {
    let mut end = ended();
    let case = &mut end.case;
    (case.fault.kind, case.path.loss_ppm) = (kind, 0);
    (case.path.queue_bytes, case.path.bandwidth_bits_per_s) = (1_000_000, 1_000_000);
    case.timeouts.connect_us = 10_000_000;
    let policy = &mut case.policy;
    (policy.direction, policy.retries, policy.parallel) = (Direction::Put, 1, 1);
    policy.retry_delay = Duration::from_secs(1);
    change(case);
    let must = must_deliver(&end.case);
    end.outcome.files[0].verdict = Verdict::Detected;
    assert_eq!(Liveness.conclude(&end.borrow()).is_some(), must);
    must
}

fn nothing(_: &mut Case) {}

#[test]
fn what_strikes_once_leaves_a_retry() {
    assert!(must(FaultKind::EarlyClose, nothing) && must(FaultKind::None, nothing));
    assert!(!must(FaultKind::EarlyClose, |case| case.policy.retries = 0));
    assert!(!must(FaultKind::EarlyClose, |case| case.path.loss_ppm = 1));
    assert!(!must(FaultKind::Partition { for_us: 1 }, nothing), "it may outlast all attempts");
}

#[test]
fn the_dead_do_not_try_again_and_a_server_has_to_be_back_in_time() {
    let dies = |restart_after_us| FaultKind::ReceiverDies { restart_after_us };
    assert!(must(dies(999_999), nothing) && !must(dies(1_000_000), nothing));
    assert!(!must(FaultKind::SenderDies { restart_after_us: 1 }, nothing), "it is the client");
    let get = |case: &mut Case| case.policy.direction = Direction::Get;
    assert!(must(FaultKind::SenderDies { restart_after_us: 1 }, get));
    assert!(!must(dies(1), get));
    // A host without power is noticed at the data connection and again at the control connection.
    let power = FaultKind::ReceiverPowerLoss { restart_after_us: Some(1) };
    assert!(!must(power, nothing) && must(power, |case| case.policy.retries = 2));
    assert!(!must(FaultKind::ReceiverPowerLoss { restart_after_us: None }, |case| case.policy.retries = 2));
}

#[test]
fn a_client_tells_of_its_own_disk_and_tries_nothing() {
    let unreadable = FaultKind::ReadError { restart_after_us: None };
    assert!(!must(unreadable, nothing));
    assert!(must(unreadable, |case| case.policy.direction = Direction::Get));
}

#[test]
fn who_takes_the_place_of_a_connection_costs_an_attempt_each_time() {
    let with = |place, retries| {
        must(FaultKind::None, |case| {
            case.stranger = Some(Stranger { visits: 2, ..Stranger::that_moves(place) });
            case.policy.retries = retries;
        })
    };
    assert!(with(StrangerPlace::Neighbour, 3) && !with(StrangerPlace::Neighbour, 2));
    assert!(with(StrangerPlace::Elsewhere, 1));
}

/// A queue of eight seconds, on which a handshake of TCP waits once and one of TLS once more, for ten seconds at most.
#[test]
fn a_queue_that_others_fill_may_make_a_handshake_late() {
    let behind = |parallel, tls, queue_bytes| {
        must(FaultKind::EarlyClose, |case| {
            (case.policy.parallel, case.tls, case.path.queue_bytes) = (parallel, tls, queue_bytes);
        })
    };
    let tls = Some(TlsSpec::default());
    assert!(!behind(2, tls, 1_000_000) && !behind(2, tls, 625_000) && behind(2, tls, 624_999));
    assert!(behind(1, tls, 1_000_000), "nobody else fills it");
    assert!(behind(2, None, 1_000_000) && !behind(2, None, 1_250_000));
}

/// A queue of eight seconds before acknowledgements that nobody misses for longer than the server waits for data.
#[test]
fn answers_longer_than_what_they_answer_may_hold_up_its_acknowledgements() {
    let answered = |interval, data_idle_us, direction| {
        must(FaultKind::EarlyClose, |case| {
            case.policy.marker_interval_bytes = NonZeroU64::new(interval);
            (case.policy.direction, case.timeouts.data_idle_us) = (direction, data_idle_us);
        })
    };
    assert!(!answered(1, 5_000_000, Direction::Put) && !answered(99, 8_000_000, Direction::Put));
    assert!(answered(1, 8_000_001, Direction::Put) && answered(100, 5_000_000, Direction::Put));
    assert!(answered(0, 5_000_000, Direction::Put), "no markers");
    assert!(answered(1, 5_000_000, Direction::Get), "a client answers none");
}

#[test]
fn nobody_is_left_without_a_word() {
    let mut end = ended();
    (end.case.fault.kind, end.case.path.loss_ppm) = (FaultKind::None, 1);
    end.outcome.files[0].verdict = Verdict::Stuck;
    assert!(Liveness.conclude(&end.borrow()).unwrap().starts_with("1 files without a word"));
}
