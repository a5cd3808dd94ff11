use super::*;
use crate::lab::compare::{Options, compare};
use crate::lab::run;
use crate::sim::scenario::Scenario;
use std::num::NonZeroUsize;

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
    let untested = [WHATEVER_ARRIVES, CANNOT_TELL, MORE_RELIABLE];
    for claim in claims {
        assert_eq!(claim.standing == Standing::Untested, untested.contains(&claim.claim), "{claim:?}");
    }
    scenario.variants.retain(|variant| variant.mode == TransmissionMode::Block);
    assert!(standings(&compared(&scenario, 0..8)).iter().all(|standing| *standing == Standing::Untested));
}
