//! What else there is in a world beside a delivery and its fault: old files, sources that change, other
//! sessions, ingests; and the fates that come of it.
#![cfg(feature = "sim")]

use ftp_endpoint::client::Direction::{self, Get, Put};
use ftp_endpoint::client::{Publish, Verify};
use ftp_proto::mutant::Mutant;
use ftpsim::sim::case::Case;
use ftpsim::sim::fault::{Fault, FaultKind, Trigger};
use ftpsim::sim::others::{Deed, Ingest, Rival, RivalUser, SourceChange};
use ftpsim::sim::outcome::{Outcome, Verdict};
use ftpsim::sim::scenario::Scenario;
use ftpsim::sim::workload::{Content, FileSpec};
use ftpsim::sim::world;
use std::num::NonZeroU64;

const EVERY: [&str; 3] = ["stream", "block", "compressed"];
/// Of the 5,000 bytes of the one file.
const MIDDLE: Trigger = Trigger::PayloadByte(2_500);

fn case(variant: &str, direction: Direction, kind: FaultKind, trigger: Trigger) -> Case {
    let mut case = Case::draw(&Scenario::load("tiny").unwrap(), variant, 0).unwrap();
    case.policy.direction = direction;
    case.files.truncate(1);
    (case.files[0].size_bytes, case.files[0].content) = (5_000, Content::Random);
    case.fault_name = kind.name().to_owned();
    case.fault = Fault { kind, target: 0, trigger };
    case
}

/// A case that is written is one that can be read.
fn run(case: &Case) -> Outcome {
    assert_eq!(&Case::from_json(&case.to_json()).unwrap(), case);
    world::judge(case).unwrap()
}

fn quiet(case: &Case) -> Verdict {
    let outcome = run(case);
    assert_eq!(outcome.violations, [], "{}", case.to_json());
    outcome.files[0].verdict
}

#[test]
fn a_receiver_in_place_destroys_the_old_file_and_one_that_publishes_does_not() {
    for (variant, direction) in EVERY.into_iter().flat_map(|variant| [(variant, Put), (variant, Get)]) {
        let mut case = case(variant, direction, FaultKind::Reset, MIDDLE);
        (case.old_files, case.policy.retries) = (true, 0);
        assert_eq!(quiet(&case), Verdict::Detected, "{variant} {direction:?}");
        case.writes_in_place = true;
        assert_eq!(quiet(&case), Verdict::Destroyed, "{variant} {direction:?}");
        if direction == Put {
            case.policy.publish = Publish::Rename;
            assert_eq!(quiet(&case), Verdict::Detected, "{variant} {direction:?}");
        }
    }
}

#[test]
fn a_resumed_file_is_of_one_version_wherever_it_was_broken_off() {
    for (variant, direction) in EVERY.into_iter().flat_map(|variant| [(variant, Put), (variant, Get)]) {
        for change in [SourceChange::SameSize, SourceChange::Longer, SourceChange::Shorter] {
            for byte in [0, 1, 1_000, 2_499, 2_500, 4_999] {
                let mut case = case(variant, direction, FaultKind::Reset, Trigger::PayloadByte(byte));
                case.policy.resume = true;
                case.policy.marker_interval_bytes = NonZeroU64::new(500).filter(|_| variant != "stream");
                case.source_change = Some(change);
                assert_eq!(quiet(&case), Verdict::Recovered, "{variant} {direction:?} {change:?} {byte}");
            }
        }
    }
}

/// Who does not look joins them.
#[test]
fn two_versions_joined_are_spliced() {
    for direction in [Put, Get] {
        let mut case = case("stream", direction, FaultKind::Reset, MIDDLE);
        (case.policy.resume, case.source_change) = (true, Some(SourceChange::SameSize));
        case.mutant = Some(Mutant::SourceChangeUnseen);
        let outcome = run(&case);
        assert_eq!(outcome.files[0].verdict, Verdict::Spliced, "{direction:?}");
        assert!(outcome.violations.iter().any(|violation| violation.oracle == "agreement"));
    }
}

/// The reply is lost, the client sends again: nothing is amiss but for who has taken the first one.
#[test]
fn what_is_sent_again_after_a_lost_reply_is_taken_twice() {
    for publish in [Publish::Direct, Publish::Rename] {
        // The reply to STOR, or to RNTO.
        let nth = if publish == Publish::Direct { 1 } else { 3 };
        let mut case = case("block", Put, FaultKind::ControlReset, Trigger::BeforeReply(nth));
        case.policy.publish = publish;
        assert_eq!(quiet(&case), Verdict::Recovered, "{publish:?}");
        case.ingest = Some(Ingest { poll_us: 10_000 });
        assert_eq!(quiet(&case), Verdict::Duplicated, "{publish:?}");
    }
}

/// Of a pipeline that breaks, what has been answered by then is not sent again, whatever was behind it.
#[test]
fn of_a_pipeline_that_breaks_only_what_was_owed_goes_again() {
    let (mut twice, mut needless) = (0, 0);
    // Of a file that cannot be read the client knows before it has any reply.
    let kinds = [
        FaultKind::Reset,
        FaultKind::ControlReset,
        FaultKind::WriteError,
        FaultKind::ReadError { restart_after_us: None },
    ];
    for (kind, target) in kinds.into_iter().flat_map(|kind| (0..6).map(move |target| (kind, target))) {
        for trigger in [Trigger::BeforeFirstByte, MIDDLE, Trigger::AfterLastByte, Trigger::BeforeFinal] {
            let mut case = case("block", Put, kind, trigger);
            let file = case.files[0].clone();
            case.files = (0..6).map(|nth| FileSpec { name: format!("file-{nth}"), ..file.clone() }).collect();
            (case.policy.pipeline_depth, case.policy.reuse_data_connection) = (6, true);
            (case.fault.target, case.ingest) = (target, Some(Ingest { poll_us: 10_000 }));
            let outcome = run(&case);
            assert_eq!(outcome.violations, [], "{}", case.to_json());
            twice += outcome.files.iter().filter(|file| file.verdict == Verdict::Duplicated).count();
            case.mutant = Some(Mutant::AnsweredSentAgain);
            let found = run(&case).violations.into_iter().any(|violation| violation.oracle == "once");
            needless += u32::from(found);
        }
    }
    assert!(twice > 0 && needless > 0, "{twice} came twice as they must, {needless} were found");
}

#[test]
fn what_is_written_in_place_is_taken_in_part() {
    let mut case = case("block", Put, FaultKind::Stall { for_us: 3_000_000 }, MIDDLE);
    case.ingest = Some(Ingest { poll_us: 100_000 });
    assert_eq!(quiet(&case), Verdict::Intact);
    case.writes_in_place = true;
    assert_eq!(quiet(&case), Verdict::SilentTruncation);
}

/// Whoever was there first or last, and whatever broke: one of the two is there, whole.
#[test]
fn of_two_sessions_at_a_time_one_has_its_file_whole() {
    for deed in [Deed::Replaces, Deed::Appends] {
        for user in [RivalUser::Same, RivalUser::Other] {
            for at_us in (0..30).map(|nth| nth * 10_000) {
                for kind in [FaultKind::None, FaultKind::Reset] {
                    let mut case = case("block", Put, kind, MIDDLE);
                    (case.old_files, case.policy.resume) = (true, true);
                    case.rival = Some(Rival { user, deed, at_us, lasts_us: 40_000 });
                    let verdict = quiet(&case);
                    assert!(matches!(verdict, Verdict::Intact | Verdict::Recovered), "{verdict}");
                }
            }
        }
    }
}

/// Promise of the store: what a failed upload has left belongs to its user.
#[test]
fn nobody_goes_on_from_another_users_part() {
    for (user, offered) in [(RivalUser::Other, false), (RivalUser::Same, true)] {
        let mut case = case("stream", Put, FaultKind::None, Trigger::BeforeFirstByte);
        case.policy.resume = true;
        case.rival = Some(Rival { user, deed: Deed::LeavesPart, at_us: 0, lasts_us: 0 });
        let outcome = world::run_with_events(&case).unwrap();
        assert_eq!((outcome.files[0].verdict, &outcome.violations[..]), (Verdict::Intact, &[][..]));
        // The same user's is found out before anything is sent.
        assert_eq!(outcome.data_connections, 1);
        let asked = outcome.events.iter().any(|event| event.text.contains("SITE HASHPARTIAL"));
        assert_eq!(asked, offered);
    }
    let mut case = case("stream", Put, FaultKind::None, Trigger::BeforeFirstByte);
    (case.policy.resume, case.mutant) = (true, Some(Mutant::OthersPartJoined));
    case.policy.verify = Verify::Reply;
    case.rival = Some(Rival { user: RivalUser::Other, deed: Deed::LeavesPart, at_us: 0, lasts_us: 0 });
    let oracles: Vec<String> = run(&case).violations.into_iter().map(|violation| violation.oracle).collect();
    assert_eq!(oracles, ["exposure"]);
}

/// The user's other client leaves a part at any moment of the dialogue, between the question of what there
/// is and the upload that goes on from it, too; and the client, or the server, dies when it likes.
#[test]
fn nobody_goes_on_from_another_clients_part() {
    let dying = [
        FaultKind::None,
        FaultKind::Reset,
        FaultKind::SenderDies { restart_after_us: 500_000 },
        FaultKind::ReceiverDies { restart_after_us: 500_000 },
    ];
    let (mut joined, mut refused) = (0, 0);
    for (variant, kind) in EVERY.into_iter().flat_map(|variant| dying.map(|kind| (variant, kind))) {
        for at_us in (0..24).map(|nth| nth * 50_000) {
            let mut case = case(variant, Put, kind, Trigger::PayloadByte(4_000));
            (case.policy.resume, case.policy.retries) = (true, 2);
            case.policy.marker_interval_bytes = NonZeroU64::new(500).filter(|_| variant != "stream");
            case.rival = Some(Rival { user: RivalUser::Same, deed: Deed::LeavesPart, at_us, lasts_us: 0 });
            let outcome = world::run_with_events(&case).unwrap();
            assert_eq!(outcome.violations, [], "{}", case.to_json());
            let said = |text| outcome.events.iter().any(|event| event.text.contains(text));
            refused += u32::from(said("451 Replaced or removed"));
            case.mutant = Some(Mutant::PartBelieved);
            joined += u32::from(run(&case).violations.iter().any(|violation| violation.oracle == "exposure"));
        }
    }
    assert!(joined > 0 && refused > 0, "{joined} joined, {refused} replaced in the last moment");
}
