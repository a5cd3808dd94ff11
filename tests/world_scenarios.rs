//! `[world]` of a scenario file: each key makes the world what it says, for every contender alike.
#![cfg(feature = "sim")]

use ftp_endpoint::client::Direction;
use ftpsim::sim::case::Case;
use ftpsim::sim::fault::FaultKind;
use ftpsim::sim::others::{Deed, Ingest, RivalUser, SourceChange};
use ftpsim::sim::outcome::{Outcome, Verdict};
use ftpsim::sim::scenario::Scenario;
use ftpsim::sim::world;

/// `tiny` with a `[world]`, uploads only if `rival`s need it.
fn scenario(world: &str) -> Scenario {
    let tiny = include_str!("../sims/tiny.toml");
    let text = tiny.replace("\n[path]", &format!("\n[world]\n{world}\n\n[path]"));
    let directions = if world.contains("rival") { "[\"put\"]" } else { "[\"put\", \"get\"]" };
    Scenario::parse(&text.replace("[\"put\", \"get\"]", directions), "x.toml").unwrap()
}

/// A round of the strata, by one contender. Nothing is amiss, and cases are what they were written as.
fn runs(scenario: &Scenario, variant: &str) -> Vec<(Case, Outcome)> {
    let run = |seed| {
        let case = Case::draw(scenario, variant, seed).unwrap();
        assert_eq!(Case::from_json(&case.to_json()).unwrap(), case);
        let outcome = world::judge(&case).unwrap();
        assert_eq!(outcome.violations, [], "{}", case.to_json());
        (case, outcome)
    };
    (0..scenario.cycle()).map(run).collect()
}

fn count(runs: &[(Case, Outcome)], verdict: Verdict) -> usize {
    let files = runs.iter().flat_map(|(_, outcome)| &outcome.files);
    files.filter(|file| file.verdict == verdict).count()
}

#[test]
fn without_the_table_cases_are_as_before() {
    let (plain, empty) = (Scenario::load("tiny").unwrap(), scenario(""));
    assert_eq!(plain.world, empty.world);
    for seed in 0..plain.cycle() {
        let (plain, empty) = (Case::draw(&plain, "block", seed), Case::draw(&empty, "block", seed));
        assert_eq!(plain.unwrap().to_json(), empty.unwrap().to_json());
    }
}

#[test]
fn old_files_stand_there_and_may_be_destroyed() {
    let mut scenario = scenario("old_files = true");
    for variant in &mut scenario.variants {
        (variant.retries, variant.writes_in_place) = (0, true);
    }
    let runs = runs(&scenario, "block");
    assert!(runs.iter().all(|(case, _)| case.old_files));
    assert!(count(&runs, Verdict::Destroyed) > 0);
}

#[test]
fn a_source_changes_when_the_fault_strikes() {
    for (word, change) in [
        ("same_size", SourceChange::SameSize),
        ("longer", SourceChange::Longer),
        ("shorter", SourceChange::Shorter),
    ] {
        let scenario = scenario(&format!("source_change = \"{word}\""));
        let runs = runs(&scenario, "block");
        assert!(runs.iter().all(|(case, _)| case.source_change == Some(change)));
        // What comes whole after a fault may be either version: the world knows both.
        let recovered = |(_, outcome): &&(Case, Outcome)| {
            outcome.files.iter().any(|file| file.verdict == Verdict::Recovered)
        };
        let (case, _) = runs.iter().find(recovered).unwrap();
        let stays = Case { source_change: None, ..case.clone() };
        let stores = |case: &Case| world::run_hashed(case).unwrap().stores_hash;
        assert_ne!(stores(case), stores(&stays), "the sender has another file");
    }
}

#[test]
fn an_ingest_takes_what_appears() {
    let runs = runs(&scenario("ingest = { poll_us = 50_000 }"), "block");
    assert!(runs.iter().all(|(case, _)| case.ingest == Some(Ingest { poll_us: 50_000 })));
    let quiet = runs.iter().find(|(case, _)| case.fault.kind == FaultKind::None).unwrap();
    assert!(quiet.1.files.iter().all(|file| file.verdict == Verdict::Intact));
    // It stands there no more: taken, which counts.
    let alone = world::run_hashed(&Case { ingest: None, ..quiet.0.clone() }).unwrap();
    assert_ne!(world::run_hashed(&quiet.0).unwrap().stores_hash, alone.stores_hash);
}

#[test]
fn a_rival_session_has_times_that_each_seed_draws_within_bounds() {
    let world = "rival = { user = \"other\", deed = \"replaces\", at_us = [20_000, 400_000], lasts_us = [0, 90_000] }";
    let scenario = scenario(world);
    let runs = runs(&scenario, "block");
    let rivals: Vec<_> = runs.iter().map(|(case, _)| case.rival.unwrap()).collect();
    for rival in &rivals {
        assert_eq!((rival.user, rival.deed), (RivalUser::Other, Deed::Replaces));
        assert!((20_000..=400_000).contains(&rival.at_us) && rival.lasts_us <= 90_000, "{rival:?}");
    }
    assert!(rivals.iter().any(|rival| *rival != rivals[0]), "each seed draws");
    // Every contender meets the same one, and nobody draws another file or fault for it.
    let plain = Scenario { world: Default::default(), ..scenario.clone() };
    for (case, _) in &runs {
        assert_eq!(case.policy.direction, Direction::Put);
        let other = Case::draw(&scenario, "stream", case.seed).unwrap();
        assert_eq!((other.rival, &other.files, other.fault), (case.rival, &case.files, case.fault));
        let alone = Case::draw(&plain, "block", case.seed).unwrap();
        assert_eq!((&alone.files, alone.fault), (&case.files, case.fault));
    }
}

#[test]
fn a_stranger_comes_to_data_ports_and_changes_nothing() {
    let world = "stranger = { place = \"elsewhere\", deed = \"moves\", after_us = [0, 30_000], visits = 4 }";
    let scenario = scenario(world);
    let runs = runs(&scenario, "block");
    let after = |(case, _): &(Case, Outcome)| case.stranger.unwrap().after_us;
    let mut drawn: Vec<u64> = runs.iter().map(after).collect();
    assert!(drawn.iter().all(|after_us| *after_us <= 30_000), "{drawn:?}");
    drawn.sort_unstable();
    drawn.dedup();
    assert!(drawn.len() > runs.len() / 2, "{drawn:?}");
}
