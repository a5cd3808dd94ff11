//! Deliveries of what is listed.

use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::outcome::{Outcome, Verdict};
use crate::sim::scenario::Scenario;
use crate::sim::world;
use ftp_endpoint::client::Direction;
use ftp_proto::mode::TransmissionMode;
use ftp_proto::repr::Representation;
use std::time::Duration;

/// Six files, and a fault of their listing.
fn case(mode: TransmissionMode, kind: FaultKind, trigger: Trigger) -> Case {
    let mut case = Case::draw(&Scenario::load("tiny").unwrap(), "block", 1).unwrap();
    (case.policy.direction, case.policy.mode) = (Direction::Get, mode);
    case.listed = true;
    case.files.truncate(6);
    case.policy.retries = 0;
    case.fault = Fault { kind, target: case.files.len() as u32, trigger };
    case
}

fn run(mode: TransmissionMode, kind: FaultKind, trigger: Trigger) -> Outcome {
    world::run_with_events(&case(mode, kind, trigger)).unwrap()
}

fn forgotten(outcome: &Outcome) -> usize {
    outcome.files.iter().filter(|file| file.forgotten).count()
}

#[test]
fn what_is_listed_is_fetched_with_the_sizes_that_were_listed() {
    for mode in [TransmissionMode::Stream, TransmissionMode::Block, TransmissionMode::Compressed] {
        let outcome = run(mode, FaultKind::None, Trigger::BeforeFirstByte);
        assert_eq!(outcome.count(Verdict::Intact), 6, "{mode:?}");
        assert!(outcome.violations.is_empty());
        assert!(outcome.events.iter().any(|event| event.text.contains("MLSD")));
        // One for the listing.
        let own = if mode == TransmissionMode::Stream { 7 } else { 2 };
        assert_eq!(outcome.data_connections, own, "{mode:?}");
    }
}

/// The middlebox's close behind a line: in stream mode the rest is forgotten, in block mode it is told.
#[test]
fn a_listing_cut_behind_a_line_forgets_the_rest_in_stream_mode_alone() {
    // The first line is the directory's own.
    let cut = |mode| run(mode, FaultKind::EarlyClose, Trigger::AfterLine(3));
    let stream = cut(TransmissionMode::Stream);
    assert!(stream.fault_fired && stream.violations.is_empty());
    assert_eq!((stream.count(Verdict::Intact), forgotten(&stream)), (2, 4));
    assert_eq!(stream.count(Verdict::SilentTruncation), 4);
    let block = cut(TransmissionMode::Block);
    assert!(block.fault_fired && block.violations.is_empty());
    assert_eq!((block.count(Verdict::Detected), forgotten(&block)), (6, 0));
}

/// A file that is shorter than it was listed, which stream mode's end does not tell.
#[test]
fn a_file_cut_short_is_told_by_the_size_that_was_listed() {
    for representation in [Representation::Image, Representation::Ascii] {
        let mut case = case(TransmissionMode::Stream, FaultKind::EarlyClose, Trigger::PayloadByte(1));
        case.policy.representation = representation;
        case.fault.target = case.files.iter().position(|file| file.size_bytes > 1).unwrap() as u32;
        let outcome = world::judge(&case).unwrap();
        assert!(outcome.fault_fired && outcome.violations.is_empty(), "{representation:?}");
        // In type A other bytes come than were listed, and nobody can tell.
        let verdict = if representation == Representation::Image {
            Verdict::Detected
        } else {
            Verdict::SilentTruncation
        };
        assert_eq!((outcome.count(verdict), outcome.count(Verdict::Intact)), (1, 5), "{representation:?}");
    }
}

/// Within a line, by what is left of it; by a reset, and where the reply is missing, in every mode.
#[test]
fn a_listing_that_is_seen_to_be_cut_forgets_nothing() {
    use FaultKind::{Blackhole, EarlyClose, Reset, SenderDies};
    for mode in [TransmissionMode::Stream, TransmissionMode::Block] {
        for (kind, trigger) in [
            (EarlyClose, Trigger::PayloadByte(100)),
            (Reset, Trigger::AfterLine(3)),
            (Blackhole { for_us: None }, Trigger::AfterLine(3)),
            (SenderDies { restart_after_us: 500_000 }, Trigger::AfterLine(3)),
        ] {
            let outcome = run(mode, kind, trigger);
            assert!(outcome.fault_fired, "{mode:?} {kind:?}");
            assert_eq!((forgotten(&outcome), outcome.violations.len()), (0, 0), "{mode:?} {kind:?}");
            assert!(outcome.count(Verdict::Detected) >= 3, "{mode:?} {kind:?}");
        }
    }
}

/// As often as a file would be, and as long after the last time; what it takes is counted with the files'.
#[test]
fn a_listing_that_failed_is_asked_for_again() {
    let again = |kind, retry_s, listed| {
        let mut case = case(TransmissionMode::Block, kind, Trigger::AfterLine(3));
        (case.policy.retries, case.policy.retry_delay) = (1, Duration::from_secs(retry_s));
        case.listed = listed;
        if !listed {
            (case.fault.target, case.fault.trigger) = (0, Trigger::BeforeFirstByte);
        }
        let outcome = world::judge(&case).unwrap();
        assert!(outcome.violations.is_empty());
        assert!(outcome.fault_fired);
        assert_eq!(outcome.count(Verdict::Intact), 6);
        (outcome.duration_us.unwrap(), outcome.control_round_trips.unwrap())
    };
    let (at_once_us, round_trips) = again(FaultKind::EarlyClose, 1, true);
    let (later_us, _) = again(FaultKind::EarlyClose, 11, true);
    assert_eq!(later_us - at_once_us, 10_000_000);
    let (quiet_us, quiet_round_trips) = again(FaultKind::None, 11, true);
    assert!(quiet_us < 11_000_000, "{quiet_us}");
    let (_, unlisted) = again(FaultKind::None, 11, false);
    // What a session takes that lists.
    assert_eq!((quiet_round_trips - unlisted, round_trips - unlisted), (7, 2 * 7));
}
