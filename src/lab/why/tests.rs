use super::*;
use crate::lab::shrink::Signature;
use crate::sim::fault::{FaultKind, Trigger};
use crate::sim::scenario::{Direction, Scenario};

const OPTIONS: Options = Options { futures: 60, steps: 12, seed: 0, jobs: NonZeroUsize::MIN };

/// The first upload of the scenario `tiny` whose fault is of this kind and at a byte inside of a file.
fn case(variant: &str, fault: &str) -> Case {
    let scenario = Scenario::load("tiny").unwrap();
    let drawn = (0..scenario.cycle()).map(|seed| Case::draw(&scenario, variant, seed).unwrap());
    let wanted = |case: &Case| {
        let inside = matches!(case.fault.trigger, Trigger::PayloadByte(byte) if byte > 0);
        case.policy.direction == Direction::Put && case.fault_name == fault && inside
    };
    drawn.into_iter().find(wanted).expect("every stratum comes up in a cycle")
}

#[test]
fn a_stream_upload_is_lost_with_the_fin_that_the_server_took_for_the_end() {
    let case = case("stream", "early_close");
    let why = why(&case, &OPTIONS, || ()).unwrap();
    assert_eq!(why.verdict, Verdict::SilentTruncation);
    assert_eq!(why.file, case.files[case.fault.target as usize].name);
    assert!(why.draws_places && !why.draws_luck);
    let index = why.point_of_no_return.expect("it was lost");
    let step = &why.steps[index];
    assert!(step.struck && step.text.contains("the middlebox cuts"), "{step:?}");
    let base = world::judge(&case).unwrap();
    assert_eq!(Some(step.at_us), base.fault_at_us);
    assert!(why.steps[index..].iter().all(|step| step.endings.are_all_its_loss()));
    let before = why.steps[index - 1].endings;
    assert!(!before.are_all_its_loss() && before.this_file > 0, "{before:?}");
    // Wherever it is closed early, some file is lost: the mode decides that, the place only which.
    assert_eq!(why.at_first.lost_silently, OPTIONS.futures);
    assert!(why.steps.iter().all(|step| step.endings.futures() == OPTIONS.futures));
}

/// What happens in the microsecond of the fault, and before it, has decided nothing.
#[test]
fn the_fault_decides_and_not_what_shares_its_microsecond() {
    let scenario = Scenario::load("tiny").unwrap();
    let drawn = (0..scenario.cycle()).map(|seed| Case::draw(&scenario, "stream", seed).unwrap());
    let shares = |case: &Case| {
        let base = world::run_with_events(case).unwrap();
        let is_fault =
            |event: &TraceEvent| event.place == Place::Fault && Some(event.at_us) == base.fault_at_us;
        let before = base.events.iter().position(is_fault).and_then(|fault| fault.checked_sub(1));
        let shares = before.is_some_and(|before| Some(base.events[before].at_us) == base.fault_at_us);
        shares && base.files.iter().any(|file| is_silent(file.verdict))
    };
    let mut decided_by_fault = 0;
    for case in drawn.filter(shares).take(3) {
        let options = Options { steps: 10_000, ..OPTIONS };
        let why = why(&case, &options, || ()).unwrap();
        let fault = why.steps.iter().position(|step| step.place == Place::Fault).unwrap();
        assert!(why.steps[fault].struck && !why.steps[fault - 1].struck, "{:?}", why.steps[fault - 1]);
        assert_eq!(why.steps[fault - 1].at_us, why.steps[fault].at_us);
        decided_by_fault += u32::from(why.point_of_no_return == Some(fault));
    }
    assert!(decided_by_fault > 0);
}

#[test]
fn block_mode_loses_in_none_of_its_futures() {
    let why = why(&case("block", "early_close"), &OPTIONS, || ()).unwrap();
    assert!(why.steps.iter().all(|step| step.endings.lost_silently == 0), "{:?}", why.steps);
    assert_eq!(why.point_of_no_return, None);
    assert_eq!((why.verdict, why.at_first.whole), (Verdict::Recovered, OPTIONS.futures));
}

/// Every place there is, one by one, is what the futures before the first event are drawn from.
#[test]
fn the_expected_share_is_that_of_all_places() {
    let mut case = case("stream", "early_close");
    // A byte is as likely as its file, and as the other bytes of its file.
    case.files.iter_mut().enumerate().for_each(|(index, file)| file.size_bytes = 3 + 2 * index as u64);
    case.fault.target = 1;
    case.fault.trigger = Trigger::PayloadByte(2);
    let mut expected = 0.0;
    for (target, file) in case.files.iter().enumerate() {
        for byte in 0..file.size_bytes {
            let fault = Fault { target: target as u32, trigger: Trigger::PayloadByte(byte), ..case.fault };
            let outcome = world::judge(&Case { fault, ..case.clone() }).unwrap();
            let lost = outcome.files.iter().any(|file| file.verdict.is_silent_loss());
            expected += f64::from(u8::from(lost)) / (case.files.len() as u64 * file.size_bytes) as f64;
        }
    }
    let futures = 600;
    let why = why(&case, &Options { futures, ..OPTIONS }, || ()).unwrap();
    let found = f64::from(why.at_first.lost_silently) / f64::from(futures);
    // Four standard deviations.
    assert!((found - expected).abs() < 0.085, "{found} for {expected}");
}

#[test]
fn what_is_nearly_through_is_nearly_safe() {
    let mut case = case("stream", "early_close");
    case.fault.target = case.files.len() as u32 - 1;
    let why = why(&case, &OPTIONS, || ()).unwrap();
    let before: Vec<u32> =
        why.steps.iter().filter(|step| !step.struck).map(|step| step.endings.lost_silently).collect();
    assert!(before.is_sorted_by(|one, next| one >= next), "{before:?}");
    let late = why.steps.iter().rfind(|step| !step.struck).unwrap();
    // Only the last file is left to be struck.
    assert_eq!(late.endings.this_file, late.endings.lost_silently);
    assert!(why.at_first.this_file < why.at_first.lost_silently);
}

#[test]
fn the_answer_is_a_function_of_the_case_and_the_seed() {
    let lossy = |variant: &str| {
        let mut case = case(variant, "early_close");
        case.path.loss_ppm = 30_000;
        case
    };
    let case = lossy("stream");
    let options = Options { futures: 12, steps: 6, ..OPTIONS };
    let one = why(&case, &options, || ()).unwrap();
    let threads = Options { jobs: NonZeroUsize::new(3).unwrap(), ..options };
    assert!(one.draws_luck);
    assert_eq!(one, why(&case, &threads, || ()).unwrap());
    let other = why(&case, &Options { seed: 1, ..options }, || ()).unwrap();
    assert_ne!(one.steps, other.steps);
}

#[test]
fn a_fault_without_a_place_leaves_the_path_its_luck() {
    let mut case = case("stream", "early_close");
    case.fault.kind = FaultKind::Loss { loss_ppm: 20_000 };
    let why = why(&case, &Options { futures: 5, steps: 3, ..OPTIONS }, || ()).unwrap();
    assert!(!why.draws_places && why.draws_luck);
    assert_eq!(why.at_first.whole, 5);
    assert_eq!(why.point_of_no_return, None);
}

#[test]
fn the_run_itself_is_as_it_was() {
    let case = case("stream", "early_close");
    let why = why(&case, &Options { futures: 2, steps: 2, ..OPTIONS }, || ()).unwrap();
    let run = world::run_with_events(&case).unwrap();
    assert_eq!(why.events, run.events);
    assert!(!Signature::of(&run).is_clean());
}
