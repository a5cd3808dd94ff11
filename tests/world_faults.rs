//! Each fault in the whole world: who observes what, and what becomes of the file it strikes.
#![cfg(feature = "sim")]

use ftp_endpoint::client::Direction::{self, Get, Put};
use ftp_endpoint::client::Verify;
use ftp_proto::mode::Structure;
use ftpsim::sim::case::Case;
use ftpsim::sim::fault::{Fault, FaultKind, Trigger};
use ftpsim::sim::outcome::Outcome;
use ftpsim::sim::outcome::Verdict;
use ftpsim::sim::phase::Phase;
use ftpsim::sim::scenario::Scenario;
use ftpsim::sim::trace::TraceEvent;
use ftpsim::sim::workload::Content;
use ftpsim::sim::world;

const TARGET: usize = 1;
/// Of the target's 5,000.
const MIDDLE: Trigger = Trigger::PayloadByte(2_500);
const MARKED: [&str; 2] = ["block", "compressed"];
const EVERY: [&str; 3] = ["stream", "block", "compressed"];

fn case(variant: &str, direction: Direction, fault: FaultKind, trigger: Trigger) -> Case {
    let mut case = Case::draw(&Scenario::load("tiny").unwrap(), variant, 0).unwrap();
    case.policy.direction = direction;
    case.files.truncate(3);
    for (file, size_bytes) in case.files.iter_mut().zip([3_000, 5_000, 2_000]) {
        (file.size_bytes, file.content) = (size_bytes, Content::Random);
    }
    case.fault_name = fault.name().to_owned();
    case.fault = Fault { kind: fault, target: TARGET as u32, trigger };
    // One that syncs, so that the power takes nothing that had been delivered before.
    case.durable = matches!(fault, FaultKind::ReceiverPowerLoss { .. });
    case
}

fn run(case: &Case) -> Outcome {
    let outcome = world::run_with_events(case).unwrap();
    let what = format!("{} {:?} {:?}", case.variant, case.policy.direction, case.fault);
    assert_eq!(outcome.violations, [], "{what}");
    if !outcome.fault_fired {
        assert!(outcome.files.iter().all(|file| file.verdict == Verdict::Intact), "{what}");
        assert_eq!(outcome.fault_phase, None, "{what}");
    }
    outcome
}

/// What becomes of the target; the fault fires, and the other files are delivered, if anybody lives
/// to do it.
fn struck(variant: &str, direction: Direction, fault: FaultKind, trigger: Trigger) -> (Verdict, Outcome) {
    let case = case(variant, direction, fault, trigger);
    let outcome = run(&case);
    let what = format!("{variant} {direction:?} {fault:?} {trigger:?}: {:#?}", outcome.events);
    assert!(outcome.fault_fired, "{what}");
    if outcome.duration_us.is_some() {
        let others = outcome.files.iter().enumerate().filter(|(index, _)| *index != TARGET);
        for (_, file) in others {
            assert!(matches!(file.verdict, Verdict::Intact | Verdict::Recovered), "{what}");
        }
    }
    (outcome.files[TARGET].verdict, outcome)
}

fn expect(variants: &[&str], direction: Direction, fault: FaultKind, trigger: Trigger, verdict: Verdict) {
    for variant in variants {
        let (found, outcome) = struck(variant, direction, fault, trigger);
        assert_eq!(found, verdict, "{variant} {direction:?} {fault:?} {trigger:?}: {:#?}", outcome.events);
    }
}

fn said(outcome: &Outcome, text: &str) -> bool {
    outcome.events.iter().any(|event| event.text.contains(text))
}

#[test]
fn a_dying_receiver_publishes_nothing() {
    let fault = FaultKind::ReceiverDies { restart_after_us: 300_000 };
    for trigger in [Trigger::BeforeFirstByte, MIDDLE, Trigger::BeforeFinal] {
        expect(&EVERY, Put, fault, trigger, Verdict::Recovered);
        expect(&EVERY, Get, fault, trigger, Verdict::Detected);
    }
    // Block mode has said that the end comes before the last byte did.
    for variant in ["stream", "compressed"] {
        expect(&[variant], Put, fault, Trigger::AfterLastByte, Verdict::Recovered);
        expect(&[variant], Get, fault, Trigger::AfterLastByte, Verdict::Detected);
    }
}

#[test]
fn a_host_without_power_is_silent_and_a_restarted_one_resets() {
    for restart_after_us in [None, Some(1_000_000)] {
        let sender = FaultKind::SenderPowerLoss { restart_after_us };
        let receiver = FaultKind::ReceiverPowerLoss { restart_after_us };
        // The client is not started again.
        expect(&EVERY, Put, sender, MIDDLE, Verdict::Detected);
        expect(&EVERY, Get, receiver, MIDDLE, Verdict::Detected);
    }
    let sender = FaultKind::SenderPowerLoss { restart_after_us: Some(100_000) };
    let receiver = FaultKind::ReceiverPowerLoss { restart_after_us: Some(100_000) };
    expect(&EVERY, Get, sender, MIDDLE, Verdict::Recovered);
    expect(&EVERY, Put, receiver, MIDDLE, Verdict::Recovered);
    // A receiver has nothing to retransmit: it waits for its timeout of 5 s.
    let (_, outcome) = struck("stream", Get, sender, MIDDLE);
    assert!(outcome.duration_us.unwrap() > 5_000_000, "{:?}", outcome.duration_us);
    // Nor has a sender whose bytes the dead host's kernel had acknowledged: it waits 8 s for its reply.
    let (_, outcome) = struck("stream", Put, receiver, MIDDLE);
    assert!(outcome.duration_us.unwrap() > 8_000_000, "{:?}", outcome.duration_us);
    // One that still sends is answered with RST, and waits for its reply all the same.
    let mut long = case("stream", Put, receiver, MIDDLE);
    long.files[TARGET].size_bytes = 200_000;
    let outcome = run(&long);
    assert_eq!(outcome.files[TARGET].verdict, Verdict::Recovered);
    let reset = |event: &&TraceEvent| event.text.starts_with("down") && event.text.contains("RST");
    let (at_us, up_us) = (outcome.events.iter().find(reset).unwrap().at_us, 1_000_000);
    assert!(at_us < up_us, "at the first retransmission: {at_us}");
}

/// However many files are left, one file's attempts tell that nobody is there.
#[test]
fn a_server_that_stays_away_ends_a_delivery_with_every_file_told() {
    for variant in ["stream", "block", "block-pipelined", "stream-parallel"] {
        for (direction, fault) in [
            (Put, FaultKind::ReceiverPowerLoss { restart_after_us: None }),
            (Get, FaultKind::SenderPowerLoss { restart_after_us: None }),
        ] {
            let mut case = Case::draw(&Scenario::load("small-files").unwrap(), variant, 0).unwrap();
            case.policy.direction = direction;
            case.files.truncate(100);
            case.fault_name = fault.name().to_owned();
            case.fault = Fault { kind: fault, target: 20, trigger: Trigger::PayloadByte(0) };
            let outcome = run(&case);
            let what = format!("{variant} {direction:?}");
            assert!(outcome.fault_fired, "{what}");
            assert!(outcome.files.iter().all(|file| file.reported_delivered.is_some()), "{what}");
            // Silence is noticed, and then the attempts of two files to connect time out.
            let timeouts = &case.timeouts;
            let attempts = u64::from(1 + case.policy.retries);
            let attempt_us = timeouts.connect_us + timeouts.retry_delay_us;
            let bound_us = timeouts.data_idle_us + timeouts.reply_us + 2 * attempts * attempt_us + 10_000_000;
            let duration_us = outcome.duration_us.expect("it ends");
            assert!(duration_us < bound_us, "{what}: {duration_us} of {bound_us}");
        }
    }
}

#[test]
fn a_client_started_again_or_not_leaves_a_server_to_its_timeouts() {
    let ends = |restart_after_us| {
        let (_, outcome) = struck("stream", Put, FaultKind::SenderPowerLoss { restart_after_us }, MIDDLE);
        outcome.events.last().unwrap().at_us
    };
    assert!(ends(None) > 5_000_000);
}

#[test]
fn a_proxy_that_acknowledges_and_closes_is_noticed_where_the_end_is_marked() {
    for direction in [Put, Get] {
        expect(&["stream"], direction, FaultKind::SplitClose, MIDDLE, Verdict::SilentTruncation);
        expect(&["stream-size"], direction, FaultKind::SplitClose, MIDDLE, Verdict::Recovered);
        expect(&MARKED, direction, FaultKind::SplitClose, MIDDLE, Verdict::Recovered);
    }
}

#[test]
fn what_is_over_before_the_timeouts_costs_time_alone() {
    let for_us = 2_000_000;
    let faults = [
        FaultKind::Blackhole { for_us: Some(for_us) },
        FaultKind::Stall { for_us },
        FaultKind::Partition { for_us },
    ];
    for fault in faults {
        for direction in [Put, Get] {
            for variant in EVERY {
                let (verdict, outcome) = struck(variant, direction, fault, MIDDLE);
                assert_eq!(verdict, Verdict::Intact, "{variant} {fault:?}");
                assert!(outcome.duration_us.unwrap() > for_us, "{variant} {fault:?}");
                assert!(outcome.duration_us.unwrap() < 2 * for_us + 1_000_000, "{variant} {fault:?}");
            }
        }
    }
}

#[test]
fn a_stall_longer_than_the_timeout_is_noticed() {
    for direction in [Put, Get] {
        expect(&EVERY, direction, FaultKind::Stall { for_us: 20_000_000 }, MIDDLE, Verdict::Recovered);
    }
}

#[test]
fn a_lost_control_connection_is_noticed_by_both_ends() {
    for direction in [Put, Get] {
        for fault in [FaultKind::ControlReset, FaultKind::ControlSilent { for_us: None }] {
            expect(&EVERY, direction, fault, MIDDLE, Verdict::Recovered);
        }
        let (_, reset) = struck("stream", direction, FaultKind::ControlReset, MIDDLE);
        let (_, silent) = struck("stream", direction, FaultKind::ControlSilent { for_us: None }, MIDDLE);
        // One is observed at once, the other when the reply has not come for 8 s.
        assert!(reset.duration_us.unwrap() < 3_000_000, "{:?}", reset.duration_us);
        assert!(silent.duration_us.unwrap() > 8_000_000, "{:?}", silent.duration_us);
    }
}

#[test]
fn a_lost_226_makes_a_whole_file_come_again() {
    for variant in EVERY {
        let (verdict, outcome) = struck(variant, Put, FaultKind::ControlReset, Trigger::BeforeReply(1));
        assert_eq!(verdict, Verdict::Recovered, "{variant}");
        assert_eq!(outcome.fault_phase, Some(Phase::BeforeFinal), "{variant}");
        assert_eq!(outcome.exposed(), 0);
    }
}

#[test]
fn a_refused_data_connection_is_tried_again_and_one_kept_is_never_refused() {
    for direction in [Put, Get] {
        let (_, outcome) = struck("stream", direction, FaultKind::Refused { times: 1 }, MIDDLE);
        assert_eq!(outcome.count(Verdict::Recovered), 1);
        let kept = run(&case("block", direction, FaultKind::Refused { times: 1 }, MIDDLE));
        assert!(!kept.fault_fired);
    }
}

#[test]
fn a_changed_byte_is_noticed_by_a_hash_alone() {
    let fault = FaultKind::Corrupt { xor: 0x55 };
    for direction in [Put, Get] {
        expect(&EVERY, direction, fault, MIDDLE, Verdict::SilentCorruption);
        expect(&["stream-size"], direction, fault, MIDDLE, Verdict::SilentCorruption);
        let mut hashed = case("stream", direction, fault, MIDDLE);
        hashed.policy.verify = ftp_endpoint::client::Verify::Hash;
        assert_eq!(run(&hashed).files[TARGET].verdict, Verdict::Recovered);
    }
    // A FIN holds no byte to change.
    let end = run(&case("stream", Put, fault, Trigger::AfterLastByte));
    assert!(!end.fault_fired);
}

#[test]
fn a_full_disk_and_a_write_error_are_told_and_made_good() {
    for (fault, reply) in [(FaultKind::DiskFull { for_us: 300_000 }, "452"), (FaultKind::WriteError, "451")] {
        for trigger in [Trigger::BeforeFirstByte, MIDDLE, Trigger::AfterLastByte] {
            expect(&EVERY, Put, fault, trigger, Verdict::Recovered);
            let (_, outcome) = struck("block", Put, fault, trigger);
            assert!(said(&outcome, &format!("<- {reply}")), "{trigger:?} {:#?}", outcome.events);
        }
    }
}

#[test]
fn a_short_write_is_noticed_by_who_reads_back() {
    for variant in EVERY {
        let (verdict, _) = struck(variant, Put, FaultKind::ShortWrite, MIDDLE);
        assert!(verdict.is_silent_loss(), "{variant} {verdict}");
    }
    expect(&["stream-size"], Put, FaultKind::ShortWrite, MIDDLE, Verdict::Recovered);
    // The client's own disk: SIZE compares what the server has with what came.
    let (verdict, _) = struck("stream-size", Get, FaultKind::ShortWrite, MIDDLE);
    assert!(verdict.is_silent_loss(), "{verdict}");
}

#[test]
fn a_slow_disk_costs_its_delay_for_each_write() {
    let fault = FaultKind::SlowDisk { delay_us: 400_000 };
    for direction in [Put, Get] {
        for variant in EVERY {
            let (verdict, outcome) = struck(variant, direction, fault, Trigger::BeforeFirstByte);
            assert_eq!(verdict, Verdict::Intact, "{variant}");
            // The target's and the last file's write and publication.
            assert!(outcome.duration_us.unwrap() > 4 * 400_000, "{variant} {:?}", outcome.duration_us);
        }
    }
}

#[test]
fn headers_are_struck_where_there_are_headers() {
    for trigger in [Trigger::InsideHeader(2_500), Trigger::AfterHeader(2_500)] {
        for direction in [Put, Get] {
            expect(&MARKED, direction, FaultKind::EarlyClose, trigger, Verdict::Recovered);
            let stream = run(&case("stream", direction, FaultKind::EarlyClose, trigger));
            assert!(!stream.fault_fired);
        }
    }
    let mut record = case("stream", Put, FaultKind::EarlyClose, Trigger::InsideHeader(4_999));
    record.policy.structure = Structure::Record;
    let record = run(&record);
    assert!(record.fault_fired, "the escape at the end is one");
    assert_eq!(record.files[TARGET].verdict, Verdict::Recovered);
}

#[test]
fn the_dialogue_is_struck_before_its_nth_command_and_reply() {
    let died = FaultKind::SenderDies { restart_after_us: 300_000 };
    let dies = |trigger| struck("stream", Put, died, trigger);
    let (verdict, outcome) = dies(Trigger::BeforeCommand(0));
    assert_eq!(verdict, Verdict::Detected);
    assert_eq!(outcome.files[0].verdict, Verdict::Intact, "the file before is delivered");
    assert_eq!(outcome.fault_phase, Some(Phase::BeforePreliminary));
    // The kernel closes the data connection first: its end has come before the server hears of the other's.
    let (verdict, outcome) = dies(Trigger::BeforeReply(0));
    assert_eq!((verdict, outcome.fault_phase), (Verdict::SilentTruncation, Some(Phase::BeforePreliminary)));
    let (verdict, _) = struck("block", Put, died, Trigger::BeforeReply(0));
    assert_eq!(verdict, Verdict::Detected);
    // There is no second command that names the file.
    assert!(!run(&case("stream", Put, died, Trigger::BeforeCommand(1))).fault_fired);
    assert!(run(&case("stream-size", Put, died, Trigger::BeforeCommand(1))).fault_fired);
}

/// The hash of the whole file needs the part that the first attempt has left, out of the host's store.
#[test]
fn a_download_verified_by_hash_goes_on_from_its_part() {
    let mut case = case("stream", Get, FaultKind::ReadError { restart_after_us: None }, MIDDLE);
    (case.policy.resume, case.policy.verify) = (true, Verify::Hash);
    let outcome = run(&case);
    assert_eq!(outcome.files[TARGET].verdict, Verdict::Recovered, "{:#?}", outcome.events);
    assert!(said(&outcome, "REST "), "{:#?}", outcome.events);
}

#[test]
fn a_virtual_time_is_kept() {
    for fault in [FaultKind::Partition { for_us: 1_000_000 }, FaultKind::ControlReset, FaultKind::EarlyClose]
    {
        for variant in EVERY {
            let outcome = run(&case(variant, Put, fault, Trigger::AtTimeUs(150_000)));
            assert!(outcome.fault_fired, "{variant} {fault:?} {:#?}", outcome.events);
            let at_us = outcome.events.iter().find(|event| event.text.contains("moment")).unwrap().at_us;
            assert_eq!(at_us, 150_000);
        }
    }
    let late = run(&case("block", Put, FaultKind::ControlReset, Trigger::AtTimeUs(90_000_000)));
    assert!(!late.fault_fired);
}

#[test]
fn a_run_with_any_of_them_is_a_function_of_its_case() {
    let scenario = Scenario::load("all-faults").unwrap();
    for seed in (0..scenario.cycle()).step_by(17) {
        let case = Case::draw(&scenario, "block", seed).unwrap();
        let (first, again) = (world::run(&case).unwrap(), world::run_with_events(&case).unwrap());
        assert_eq!(first.trace_hash, again.trace_hash, "{seed}");
        assert_eq!(Case::from_json(&case.to_json()).unwrap(), case);
    }
}
