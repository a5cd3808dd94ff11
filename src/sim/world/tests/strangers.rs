//! Strangers at data ports and at the control port.

use super::*;
use crate::sim::fault::Fault;
use crate::sim::others::{Stranger, StrangerDeed, StrangerPlace};
use crate::sim::scenario::{Reuse, TlsSpec, TlsVersion};
use ftp_endpoint::client::TlsWhen;
use ftp_proto::mutant::Mutant;

const DEEDS: [StrangerDeed; 3] = [StrangerDeed::Moves, StrangerDeed::Waits, StrangerDeed::Closes];

/// Two files and no fault; the rightful connection reaches its port one round trip after that is announced.
fn case(variant: &str, direction: Direction, opening: Opening, stranger: Stranger) -> Case {
    let mut case = Case::draw(&Scenario::load("tiny").unwrap(), variant, 0).unwrap();
    case.files.truncate(2);
    for file in &mut case.files {
        file.size_bytes = 3_000;
    }
    (case.policy.direction, case.policy.opening) = (direction, opening);
    case.fault_name = "none".to_owned();
    case.fault = Fault { kind: FaultKind::None, target: 0, trigger: Trigger::BeforeFirstByte };
    case.stranger = Some(stranger);
    case
}

fn under_tls(mut case: Case, version: TlsVersion, reuse: Reuse) -> Case {
    case.tls = Some(TlsSpec { version, reuse, ..TlsSpec::default() });
    case.policy.tls = TlsWhen::Required;
    case
}

/// Every file's fate, of a case that can be read again and violates nothing.
fn fates(case: &Case) -> Vec<(Verdict, u32)> {
    assert_eq!(&Case::from_json(&case.to_json()).unwrap(), case);
    let outcome = judge(case).unwrap();
    assert_eq!(outcome.violations, [], "{}", case.to_json());
    outcome.files.iter().map(|file| (file.verdict, file.attempts)).collect()
}

fn violations(mut case: Case, mutant: Mutant) -> Vec<String> {
    case.mutant = Some(mutant);
    judge(&case).unwrap().violations.into_iter().map(|violation| violation.oracle).collect()
}

fn elsewhere(deed: StrangerDeed, after_us: u64) -> Stranger {
    Stranger { place: StrangerPlace::Elsewhere, deed, tls: false, after_us, visits: 9 }
}

fn neighbour(deed: StrangerDeed, visits: u32) -> Stranger {
    Stranger { place: StrangerPlace::Neighbour, deed, tls: false, after_us: 0, visits }
}

#[test]
fn who_comes_from_elsewhere_changes_nothing_whenever_it_comes() {
    let rtt_us = case("stream", Direction::Put, Opening::Passive, elsewhere(DEEDS[0], 0)).path.rtt_us;
    for variant in ["stream", "block", "compressed"] {
        for (direction, opening) in [Direction::Put, Direction::Get]
            .into_iter()
            .flat_map(|direction| [(direction, Opening::Passive), (direction, Opening::Active)])
        {
            for (deed, after_us) in DEEDS.into_iter().flat_map(|deed| [(deed, 0), (deed, rtt_us)]) {
                let case = case(variant, direction, opening, elsewhere(deed, after_us));
                assert_eq!(fates(&case), [(Verdict::Intact, 1); 2], "{variant} {direction:?} {opening:?}");
            }
        }
    }
}

#[test]
fn who_takes_the_place_of_a_connection_costs_attempts_that_are_told_and_no_more() {
    for (direction, opening) in [
        (Direction::Put, Opening::Passive),
        (Direction::Get, Opening::Passive),
        (Direction::Put, Opening::Active),
        (Direction::Get, Opening::Active),
    ] {
        for deed in DEEDS {
            let mut case = case("stream", direction, opening, neighbour(deed, 2));
            case.policy.retries = 0;
            let told = fates(&case);
            assert_eq!(told[0], (Verdict::Detected, 1), "{direction:?} {opening:?} {deed:?}");
            case.policy.retries = 3;
            let fates = fates(&case);
            let delivered =
                |(verdict, _): &(Verdict, u32)| matches!(verdict, Verdict::Intact | Verdict::Recovered);
            assert!(fates.iter().all(delivered), "{direction:?} {opening:?} {deed:?}: {fates:?}");
        }
    }
}

#[test]
fn where_sessions_have_to_be_resumed_a_neighbour_gets_in_at_no_try() {
    // Under TLS 1.3 each attempt of an upload costs a ticket, and there are four of them.
    for (version, direction, visits) in [
        (TlsVersion::Tls12, Direction::Put, 3),
        (TlsVersion::Tls12, Direction::Get, 3),
        (TlsVersion::Tls13, Direction::Put, 2),
        (TlsVersion::Tls13, Direction::Get, 2),
    ] {
        let stranger = Stranger { tls: true, ..neighbour(StrangerDeed::Moves, visits) };
        let mut case = case("stream", direction, Opening::Passive, stranger);
        case.policy.retries = 5;
        let mut case = under_tls(case, version, Reuse::Require);
        let fates = fates(&case);
        let expected = [(Verdict::Recovered, visits + 1), (Verdict::Intact, 1)];
        assert_eq!(fates, expected, "{version:?} {direction:?}");
        case.mutant = Some(Mutant::StrangerRemembered);
        let violations = judge(&case).unwrap().violations;
        // A session of an upload under TLS 1.3 leaves nothing to remember.
        let is_found = violations.iter().any(|violation| violation.oracle == "strangers");
        assert_eq!(is_found, (version, direction) != (TlsVersion::Tls13, Direction::Put), "{violations:?}");
    }
}

#[test]
fn nothing_said_in_clear_is_heard_under_tls_and_nothing_moves_in_clear() {
    for deed in [StrangerDeed::Injects, StrangerDeed::Bares] {
        let stranger = Stranger { visits: 1, ..elsewhere(deed, 1_000) };
        let case = case("stream", Direction::Put, Opening::Passive, stranger);
        let case = under_tls(case, TlsVersion::Tls13, Reuse::Prefer);
        assert_eq!(fates(&case), [(Verdict::Intact, 1); 2]);
        let mutant = match deed {
            StrangerDeed::Injects => Mutant::ClearCommandsKept,
            _ => Mutant::ClearDataGranted,
        };
        assert_eq!(violations(case, mutant), ["strangers"], "{deed:?}");
    }
}

#[test]
fn an_upload_that_goes_on_behind_its_zlib_stream_is_refused() {
    let mut case = case("stream", Direction::Put, Opening::Passive, elsewhere(StrangerDeed::Overruns, 0));
    case.policy.mode = TransmissionMode::Deflate;
    assert_eq!(fates(&case), [(Verdict::Intact, 1); 2]);
    assert_eq!(violations(case, Mutant::BehindDeflateIgnored), ["strangers"]);
}

#[test]
fn a_crowd_that_has_all_seats_and_does_not_log_in_keeps_nobody_out() {
    for direction in [Direction::Put, Direction::Get] {
        let stranger = Stranger { visits: 5, ..elsewhere(StrangerDeed::Crowds, 6_000_000) };
        let mut case = case("stream", direction, Opening::Passive, stranger);
        (case.policy.retries, case.policy.parallel) = (0, 2);
        assert_eq!(fates(&case), [(Verdict::Intact, 1); 2]);
        assert_eq!(violations(case.clone(), Mutant::SeatsKept), ["strangers"]);
        // Whoever comes in their first five seconds has to come again.
        case.stranger = Some(Stranger { after_us: 1_000_000, ..stranger });
        let outcome = judge(&case).unwrap();
        assert!(outcome.files.iter().all(|file| file.verdict == Verdict::Detected), "{outcome:?}");
    }
}

#[test]
fn who_serves_the_first_of_two_and_believes_a_reply_is_found() {
    for (direction, opening) in [(Direction::Put, Opening::Passive), (Direction::Get, Opening::Active)] {
        for variant in ["stream", "block", "compressed"] {
            let case = case(variant, direction, opening, neighbour(StrangerDeed::Moves, 2));
            let found = violations(case, Mutant::ContestIgnored);
            assert!(found.contains(&"agreement".to_owned()), "{variant} {direction:?}: {found:?}");
        }
    }
}

#[test]
fn a_stranger_that_is_let_in_is_found() {
    for (direction, opening) in [(Direction::Get, Opening::Passive), (Direction::Put, Opening::Active)] {
        let case = case("block", direction, opening, elsewhere(StrangerDeed::Moves, 0));
        let found = violations(case, Mutant::StrangerAccepted);
        assert!(found.contains(&"strangers".to_owned()), "{direction:?} {opening:?}: {found:?}");
    }
    // The server's certificate keeps strangers from a client that awaits it, whatever their address.
    let case = case("stream", Direction::Put, Opening::Active, neighbour(StrangerDeed::Moves, 1));
    let fates = fates(&under_tls(case, TlsVersion::Tls13, Reuse::Off));
    assert_eq!(fates, [(Verdict::Recovered, 2), (Verdict::Intact, 1)]);
}

#[test]
fn a_case_says_what_its_stranger_can_do() {
    let told = |case: &Case| Case::from_json(&case.to_json()).unwrap_err().to_string();
    let case = |stranger| case("stream", Direction::Put, Opening::Passive, stranger);
    assert!(told(&case(elsewhere(StrangerDeed::Injects, 0))).contains("stranger.deed"));
    let case_of = |stranger| under_tls(case(stranger), TlsVersion::Tls13, Reuse::Off);
    assert!(told(&case_of(neighbour(StrangerDeed::Bares, 1))).contains("stranger.place"));
    assert!(told(&case_of(neighbour(StrangerDeed::Moves, 0))).contains("stranger.visits"));
    let crowd = elsewhere(StrangerDeed::Crowds, 6_000_000);
    assert!(told(&case(Stranger { visits: 2, ..crowd })).contains("stranger.visits"));
    assert!(told(&case(Stranger { after_us: 5_000_000, ..crowd })).contains("stranger.after_us"));
    assert!(told(&case(Stranger { place: StrangerPlace::Neighbour, ..crowd })).contains("elsewhere"));
    assert!(told(&case(Stranger { tls: true, ..elsewhere(DEEDS[0], 0) })).contains("stranger.tls"));
}
