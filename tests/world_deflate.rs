//! Deflate mode in the whole world: whatever strikes, the two ends know what has become of a file.
#![cfg(feature = "sim")]

use ftp_endpoint::client::Direction::{self, Get, Put};
use ftp_proto::mode::{DeflateLevel, Structure, TransmissionMode};
use ftpsim::sim::case::Case;
use ftpsim::sim::fault::{Fault, FaultKind, Trigger};
use ftpsim::sim::outcome::{Outcome, Verdict};
use ftpsim::sim::scenario::Scenario;
use ftpsim::sim::workload::Content;
use ftpsim::sim::world;

const TARGET: usize = 1;
const TARGET_BYTES: u64 = 5_000;

/// Three files, of which the second is struck. The contender trusts the reply alone.
fn case(direction: Direction, content: Content, fault: FaultKind, trigger: Trigger) -> Case {
    let mut case = Case::draw(&Scenario::load("tiny").unwrap(), "stream", 0).unwrap();
    case.policy.direction = direction;
    case.policy.mode = TransmissionMode::Deflate;
    case.files.truncate(3);
    for (file, size_bytes) in case.files.iter_mut().zip([3_000, TARGET_BYTES, 2_000]) {
        (file.size_bytes, file.content) = (size_bytes, content);
    }
    case.fault_name = fault.name().to_owned();
    case.fault = Fault { kind: fault, target: TARGET as u32, trigger };
    case
}

/// Twice, to the same trace; no oracle finds anything.
fn run(case: &Case) -> Outcome {
    let outcome = world::run_with_events(case).unwrap();
    let what = format!("{:?} {:?}: {:#?}", case.policy, case.fault, outcome.events);
    assert_eq!(outcome.violations, [], "{what}");
    assert_eq!(world::run(case).unwrap().trace_hash, outcome.trace_hash, "{what}");
    outcome
}

#[test]
fn no_cut_is_silent() {
    let triggers = [0, 1, TARGET_BYTES / 2, TARGET_BYTES - 1].map(Trigger::PayloadByte);
    for direction in [Put, Get] {
        for content in [Content::Random, Content::Text, Content::Runs] {
            for structure in [Structure::File, Structure::Record] {
                for trigger in triggers.into_iter().chain([Trigger::BeforeFirstByte, Trigger::AfterLastByte])
                {
                    for fault in [FaultKind::EarlyClose, FaultKind::Reset] {
                        let mut case = case(direction, content, fault, trigger);
                        case.policy.structure = structure;
                        let outcome = run(&case);
                        assert!(outcome.fault_fired, "{:?} {:#?}", case.fault, outcome.events);
                        let verdict = outcome.files[TARGET].verdict;
                        let good = matches!(verdict, Verdict::Recovered | Verdict::Intact);
                        assert!(good, "{direction:?} {:?} {verdict:?}: {:#?}", case.fault, outcome.events);
                    }
                }
            }
        }
    }
}

/// The checksum tells what no other mode notices.
#[test]
fn a_wrong_byte_is_not_published() {
    for direction in [Put, Get] {
        for byte in [0, TARGET_BYTES / 3, TARGET_BYTES - 1] {
            let fault = FaultKind::Corrupt { xor: 0x55 };
            let outcome = run(&case(direction, Content::Random, fault, Trigger::PayloadByte(byte)));
            assert!(outcome.fault_fired);
            assert_eq!(outcome.files[TARGET].verdict, Verdict::Recovered, "{:#?}", outcome.events);
        }
    }
}

#[test]
fn text_takes_fewer_bytes_at_a_higher_level() {
    for direction in [Put, Get] {
        let wire_bytes = [0, 1, 9].map(|level| {
            let mut case = case(direction, Content::Text, FaultKind::None, Trigger::BeforeFirstByte);
            case.policy.deflate_level = Some(DeflateLevel::try_from(level).unwrap());
            let outcome = run(&case);
            assert!(outcome.files.iter().all(|file| file.verdict == Verdict::Intact));
            outcome.wire_bytes
        });
        assert!(wire_bytes.is_sorted_by(|one, other| one > other), "{wire_bytes:?}");
        assert!(wire_bytes[0] - wire_bytes[2] > 5_000, "of 10,000: {wire_bytes:?}");
    }
}

/// A case file of this mode is read as it was written; one of another mode says nothing of levels.
#[test]
fn cases_keep_their_form() {
    let mut case = case(Put, Content::Text, FaultKind::Reset, Trigger::BeforeFirstByte);
    let json = |case: &Case| serde_json::to_string(case).unwrap();
    assert!(!json(&case).contains("deflate_level") && json(&case).contains(r#""mode":"deflate""#));
    case.policy.deflate_level = Some(DeflateLevel::MAX);
    assert!(json(&case).contains(r#""deflate_level":9"#));
    assert_eq!(serde_json::from_str::<Case>(&json(&case)).unwrap(), case);
    let beyond = json(&case).replace(r#""deflate_level":9"#, r#""deflate_level":10"#);
    assert!(serde_json::from_str::<Case>(&beyond).unwrap_err().to_string().contains("0 to 9 are"));
}
