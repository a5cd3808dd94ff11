mod evidence;

use super::*;
use crate::lab::compare::{Options, compare};
use crate::lab::run;
use crate::lab::table::Table;
use crate::sim::scenario::{Scenario, SeedRange};
use std::num::NonZeroUsize;

/// What is committed of the scenario's results.
pub(super) fn committed<R: serde::de::DeserializeOwned>(name: &str, file: &str) -> Table<R> {
    let path = format!("{}/results/{name}/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let rows = csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap();
    let scenario = Scenario::load(name).unwrap();
    Table { scenario, rows, claims: Vec::new(), violations: Vec::new(), written: Vec::new() }
}

fn compared(scenario: &Scenario, seeds: std::ops::Range<u64>) -> Comparison {
    let out = tempfile::tempdir().unwrap();
    let seeds = SeedRange { start: seeds.start, end: seeds.end };
    let options = Options { seeds, jobs: NonZeroUsize::MIN, out: out.path(), from: Default::default() };
    compare(scenario, options, |variant, seed| run::run(scenario, variant, seed), || {}).unwrap()
}

fn standings(comparison: &Comparison) -> Vec<Standing> {
    judge(comparison).iter().map(|claim| claim.standing).collect()
}

/// Whatever three seeds show, they show too little of everything.
#[test]
fn a_few_runs_are_not_enough_evidence_for_anything() {
    let scenario = Scenario::load("tiny").unwrap();
    for start in [0, 1, 4, 11, 40] {
        let comparison = compared(&scenario, start..start + 3);
        for claim in judge(&comparison) {
            assert_eq!(claim.standing, Standing::NotEnough, "{start}: {claim:?}");
            assert!(claim.figure.contains("It takes ") && claim.command.contains("--seeds "), "{claim:?}");
        }
    }
}

/// What the command of a claim without evidence runs is enough for it.
#[test]
fn the_command_of_a_claim_without_evidence_brings_it() {
    let scenario = Scenario::load("tiny").unwrap();
    let open = judge(&compared(&scenario, 0..3));
    let seeds: Vec<SeedRange> =
        open.iter().map(|claim| claim.command.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    let widest = seeds.into_iter().max_by_key(|seeds| seeds.count()).unwrap();
    let standings = standings(&compared(&scenario, widest.start..widest.end));
    assert!(!standings.contains(&Standing::NotEnough), "{standings:?}");
}

/// A scenario with some of its contenders and faults, in their order, and few files; those are what takes time.
fn small(name: &str, variants: &[&str], faults: &[&str]) -> Scenario {
    let mut scenario = Scenario::load(name).unwrap();
    scenario.variants.retain(|variant| variants.contains(&variant.name.as_str()));
    scenario.faults.retain(|fault| faults.contains(&fault.name()));
    assert_eq!((scenario.variants.len(), scenario.faults.len()), (variants.len(), faults.len()));
    scenario.workload.files = 2;
    scenario
}

fn claim(comparison: &Comparison, sentence: &str) -> Claim {
    that_says(judge(comparison), sentence)
}

/// The claim of this sentence.
#[track_caller]
pub(super) fn that_says(claims: Vec<Claim>, sentence: &str) -> Claim {
    let mut claims = claims.into_iter();
    claims.find(|claim| claim.claim == sentence).unwrap_or_else(|| panic!("not judged: {sentence}"))
}

/// The table with its rows changed.
pub(super) fn otherwise<R: Clone>(table: &Table<R>, change: impl FnOnce(&mut Vec<R>)) -> Table<R> {
    let mut table = table.clone();
    change(&mut table.rows);
    table
}

/// That nothing is lost takes 59 runs, and says so; what its command runs is enough.
fn takes_lossless_runs(scenario: &Scenario, few: std::ops::Range<u64>, sentence: &str) -> Claim {
    let open = claim(&compared(scenario, few), sentence);
    assert_eq!(open.standing, Standing::NotEnough, "{open:?}");
    assert!(open.figure.contains("To say that nothing is lost takes 59 "), "{open:?}");
    let seeds: SeedRange = open.command.rsplit(' ').next().unwrap().parse().unwrap();
    claim(&compared(scenario, seeds.start..seeds.end), sentence)
}

/// 41 s after the reply all is on the platter: nothing is lost, which few power cuts do not show.
#[test]
fn that_files_are_safe_takes_as_many_power_cuts_as_that_nothing_is_lost() {
    let mut scenario = small("power-cut", &["stream", "stream-durable"], &["none", "cut_35s"]);
    scenario.faults[1].after_reply_us = Some(40_900_000);
    let holds = takes_lossless_runs(&scenario, 0..40, SAFE);
    assert_eq!(holds.standing, Standing::Holds, "{holds:?}");
    let durable = scenario.variants.pop().unwrap();
    let holds = takes_lossless_runs(&scenario, 0..40, SAFE);
    assert_eq!(holds.standing, Standing::Holds, "{holds:?}");
    scenario.variants.push(durable);
    // At once something is lost, unless it was synced; and that it is safe then takes as many.
    scenario.faults[1].after_reply_us = Some(0);
    let conditional = takes_lossless_runs(&scenario, 0..40, SAFE);
    assert_eq!(conditional.standing, Standing::Conditional, "{conditional:?}");
    scenario.variants.truncate(1);
    let fails = claim(&compared(&scenario, 0..40), SAFE);
    assert_eq!(fails.standing, Standing::Fails, "a run contradicts it: {fails:?}");
}

#[test]
fn that_quiet_files_are_whole_over_tls_takes_as_many_runs_as_that_nothing_is_lost() {
    let scenario = small("ftps", &["stream", "stream-tls"], &["none", "early_close"]);
    let quiet = "Over TLS, a file that a 226 has answered is whole as long as nothing goes wrong.";
    let holds = takes_lossless_runs(&scenario, 0..24, quiet);
    assert_eq!(holds.standing, Standing::Holds, "{holds:?}");
    // Who closes with tickets unread loses files; that the others do not takes as many.
    let scenario = small("ftps", &["stream-tls", "stream-tls-hasty"], &["none"]);
    let conditional = takes_lossless_runs(&scenario, 0..24, quiet);
    assert_eq!(conditional.standing, Standing::Conditional, "{conditional:?}");
    let scenario = small("ftps", &["stream-tls-hasty"], &["none"]);
    let fails = claim(&compared(&scenario, 0..24), quiet);
    assert_eq!(fails.standing, Standing::Fails, "{fails:?}");
}

/// Cuts after the last byte lose nothing; few of them do not show that a close is told from the end.
#[test]
fn that_an_early_close_loses_nothing_takes_as_many_runs() {
    use crate::sim::fault::TriggerName;
    let mut scenario = small("tiny", &["stream"], &["none", "early_close"]);
    scenario.triggers = Some(vec![TriggerName::AfterLastByte]);
    for sentence in [WHATEVER_ARRIVES, CANNOT_TELL] {
        let fails = takes_lossless_runs(&scenario, 0..40, sentence);
        assert_eq!(fails.standing, Standing::Fails, "{fails:?}");
    }
}

/// A listing comes over a connection of its own, and no file has been cut where it was.
#[test]
fn a_listing_is_no_file() {
    let comparison = compared(&small("listings", &["stream", "block"], &["none", "early_close"]), 0..40);
    let close = claim(&comparison, CLOSE_IS_THE_END);
    assert_eq!(close.standing, Standing::Holds, "{close:?}");
    assert!(close.figure.contains("3 data connections for 2 files and their listing"), "{close:?}");
    assert_eq!(claim(&comparison, WHATEVER_ARRIVES).standing, Standing::Untested);
    assert_eq!(claim(&comparison, CANNOT_TELL).standing, Standing::Holds);
}

/// That a careful contender loses nothing either takes as many; that record structure tells what file structure does
/// not takes a difference that chance would not make.
#[test]
fn a_condition_takes_evidence_of_its_own() {
    let scenario = small("tiny", &["stream", "stream-size", "block"], &["none", "early_close"]);
    let conditional = takes_lossless_runs(&scenario, 0..64, "Block mode is more reliable.");
    assert_eq!(conditional.standing, Standing::Conditional, "{conditional:?}");
    assert!(conditional.figure.ends_with("stream mode lost none either: stream-size."), "{conditional:?}");
    let scenario = small("small-files", &["stream", "stream-record"], &["none", "early_close"]);
    let few = claim(&compared(&scenario, 0..12), CLOSE_IS_THE_END);
    assert_eq!(few.standing, Standing::NotEnough, "{few:?}");
    assert!(
        few.figure.contains("8 runs that ended and whose fault fired, and a McNemar's p below 0.05"),
        "{few:?}"
    );
    let conditional = claim(&compared(&scenario, 0..64), CLOSE_IS_THE_END);
    assert_eq!(conditional.standing, Standing::Conditional, "{conditional:?}");
}

/// A truth table has every byte, but of moments after a reply a few.
#[test]
fn a_few_moments_of_a_truth_table_do_not_show_that_files_are_safe() {
    let mut scenario = Scenario::load("truth-table").unwrap();
    scenario.variants.truncate(1);
    scenario.faults.retain(|fault| fault.name() == "power_cut_35s");
    scenario.faults[0].after_reply_us = Some(40_900_000);
    let plan = crate::lab::truth::plan(&scenario).unwrap();
    let out = tempfile::tempdir().unwrap();
    let seeds = SeedRange::default();
    let options = Options { seeds, jobs: NonZeroUsize::MIN, out: out.path(), from: Default::default() };
    let table = crate::lab::truth::truth(&scenario, &plan, options, || {}).unwrap();
    let claims = judge_truth(&table);
    let safe = claims.iter().find(|claim| claim.claim == SAFE).unwrap();
    assert_eq!((safe.standing, safe.command.as_str()), (Standing::NotEnough, "ftpsim compare power-cut"));
    assert!(
        safe.figure.ends_with("To say that nothing is lost takes 59 power cuts; there are 6."),
        "{safe:?}"
    );
}

/// Whoever comes first: the test is of the contenders that the sentence names.
#[test]
fn more_reliable_is_judged_beside_stream_mode_whoever_comes_first() {
    let mut scenario = small("tiny", &["stream", "block", "compressed"], &["none", "early_close"]);
    let first = claim(&compared(&scenario, 0..64), MORE_RELIABLE.both);
    assert_eq!(first.standing, Standing::Holds, "{first:?}");
    let tests = ["block in 0 of ", "(McNemar's p below 0.0001), compressed in 0 of ", "(p below 0.0001)."];
    assert!(tests.iter().all(|words| first.figure.contains(words)), "{first:?}");
    scenario.variants.rotate_left(1);
    assert_eq!(claim(&compared(&scenario, 0..64), MORE_RELIABLE.both), first);
}

/// A sentence names of block and compressed mode what was run.
#[test]
fn claims_name_the_modes_that_were_run() {
    for (variant, name, other) in
        [("block", "Block mode", "ompressed"), ("compressed", "Compressed mode", "lock")]
    {
        let scenario = small("tiny", &["stream", variant], &["none", "early_close"]);
        let claims = judge(&compared(&scenario, 0..64));
        assert_eq!(claims.iter().filter(|claim| claim.claim.starts_with(name)).count(), 3, "{claims:?}");
        for claim in claims {
            assert!(!claim.claim.contains(other) && !claim.claim.contains("They"), "{claim:?}");
            let lacks = [Standing::Fails, Standing::NotEnough, Standing::Untested];
            assert!(!lacks.contains(&claim.standing), "{claim:?}");
        }
    }
}

/// Each alone, or both; and both where it was neither.
#[test]
fn a_sentence_of_modes_names_those_that_were_run() {
    use TransmissionMode::{Block, Compressed, Stream};
    for (modes, words) in [
        (&[Stream, Block][..], "block mode"),
        (&[Stream, Compressed][..], "compressed mode"),
        (&[Stream, Compressed, Block][..], "block and compressed mode"),
        (&[Stream][..], "block and compressed mode"),
    ] {
        assert_eq!(the_modes(modes.iter().copied()), words, "{modes:?}");
    }
}

/// A connection a file: 6 in a run that ends, fewer in one that is cut off, which says nothing.
#[test]
fn runs_that_were_cut_off_are_no_evidence() {
    let mut scenario = Scenario::load("tiny").unwrap();
    let whole = judge(&compared(&scenario, 0..112));
    // Longer than the least that a delivery takes, shorter than what most take with a fault.
    scenario.limits.virtual_time_us = Some(1_000_000);
    for timeout in [
        &mut scenario.timeouts.connect_us,
        &mut scenario.timeouts.data_idle_us,
        &mut scenario.timeouts.reply_us,
        &mut scenario.timeouts.control_idle_us,
    ] {
        *timeout = 900_000;
    }
    let cut = compared(&scenario, 0..112);
    assert!(!cut.unfinished.is_empty(), "some runs need longer");
    assert!(cut.unfinished.iter().any(|run| run.stuck_files > 0));
    for (claim, before) in judge(&cut).iter().zip(&whole) {
        let standing = [before.standing, Standing::NotEnough];
        assert!(standing.contains(&claim.standing), "{claim:?}\n{before:?}");
    }
}

#[test]
fn a_scenario_without_faults_or_contenders_tests_nothing() {
    let mut scenario = Scenario::load("tiny").unwrap();
    scenario.faults.retain(|fault| fault.kind == FaultName::None);
    let claims = judge(&compared(&scenario, 0..8));
    let untested = [WHATEVER_ARRIVES, CANNOT_TELL, MORE_RELIABLE.both];
    for claim in claims {
        assert_eq!(claim.standing == Standing::Untested, untested.contains(&claim.claim), "{claim:?}");
    }
    scenario.variants.retain(|variant| variant.mode == TransmissionMode::Block);
    assert!(standings(&compared(&scenario, 0..8)).iter().all(|standing| *standing == Standing::Untested));
}
