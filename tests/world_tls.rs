//! Under TLS in the whole world: a client that takes a FIN for the end of a download asks for the size, and believes
//! nothing else.
#![cfg(feature = "sim")]

use ftp_endpoint::client::{Direction, TlsWhen, Verify};
use ftpsim::sim::case::Case;
use ftpsim::sim::fault::{Fault, FaultKind, Trigger};
use ftpsim::sim::outcome::{Outcome, Verdict};
use ftpsim::sim::scenario::{Scenario, TlsEnd, TlsSpec};
use ftpsim::sim::world;

const TARGET: usize = 1;
const TARGET_BYTES: u64 = 5_000;

/// Three downloads, of which the second is struck. The contender trusts the reply alone.
fn run(client_end: TlsEnd, kind: FaultKind, trigger: Trigger) -> Outcome {
    let mut case = Case::draw(&Scenario::load("tiny").unwrap(), "stream", 0).unwrap();
    case.tls = Some(TlsSpec { client_end, ..TlsSpec::default() });
    let policy = &mut case.policy;
    (policy.direction, policy.verify) = (Direction::Get, Verify::Reply);
    (policy.tls, policy.tls_end) = (TlsWhen::Required, client_end);
    case.files.truncate(3);
    for (file, size_bytes) in case.files.iter_mut().zip([3_000, TARGET_BYTES, 2_000]) {
        file.size_bytes = size_bytes;
    }
    case.fault_name = kind.name().to_owned();
    case.fault = Fault { kind, target: TARGET as u32, trigger };
    let outcome = world::run_with_events(&case).unwrap();
    assert_eq!(outcome.violations, [], "{:#?}", outcome.events);
    outcome
}

#[test]
fn a_lax_client_is_told_of_every_cut_by_the_size() {
    let places = [0, 1, TARGET_BYTES / 2, TARGET_BYTES - 1].map(Trigger::PayloadByte);
    for trigger in places.into_iter().chain([Trigger::BeforeFirstByte]) {
        let outcome = run(TlsEnd::Lax, FaultKind::EarlyClose, trigger);
        assert!(outcome.fault_fired);
        assert_eq!(outcome.files[TARGET].verdict, Verdict::Recovered, "{trigger:?}: {:#?}", outcome.events);
    }
}

/// Where only close_notify is missing all has come, and SIZE says so: a strict client fetches it again.
#[test]
fn an_end_without_close_notify_is_one_where_the_size_is_right() {
    for (client_end, verdict) in [(TlsEnd::Lax, Verdict::Intact), (TlsEnd::Strict, Verdict::Recovered)] {
        let outcome = run(client_end, FaultKind::EarlyClose, Trigger::AfterLastByte);
        assert!(outcome.fault_fired);
        assert_eq!(outcome.files[TARGET].verdict, verdict, "{client_end:?}: {:#?}", outcome.events);
    }
}

/// Who asks nobody loses what was cut: the fault does strike.
#[test]
fn a_client_that_asks_nobody_loses_the_rest() {
    let outcome = run(TlsEnd::Unasked, FaultKind::EarlyClose, Trigger::PayloadByte(TARGET_BYTES / 2));
    assert_eq!(outcome.files[TARGET].verdict, Verdict::SilentTruncation);
}

/// Who takes a reset for the end as well loses what a reset cuts, and only where nothing else marks the end.
#[test]
fn a_reset_is_an_end_for_who_takes_any() {
    let middle = Trigger::PayloadByte(TARGET_BYTES / 2);
    for (client_end, verdict) in [
        (TlsEnd::Any, Verdict::SilentTruncation),
        (TlsEnd::Unasked, Verdict::Recovered),
        (TlsEnd::Lax, Verdict::Recovered),
    ] {
        let outcome = run(client_end, FaultKind::Reset, middle);
        assert_eq!(outcome.files[TARGET].verdict, verdict, "{client_end:?}");
    }
}
