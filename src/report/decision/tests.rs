use super::*;
use crate::report::terminal::tests::comparison;
use crate::sim::scenario::SeedRange;

fn pick(comparison: &Comparison) -> [Option<String>; 3] {
    answers(comparison).into_iter().map(|answer| answer.pick).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn contenders_come_by_their_time() {
    let comparison = comparison();
    let names: Vec<&str> = contenders(&comparison).iter().map(|c| c.variant.name.as_str()).collect();
    assert_eq!(names, ["block", "compressed", "stream", "stream-size"]);
    // Of whom no delivery has ended comes last.
    let mut endless = comparison.clone();
    for row in endless.evidence.iter_mut().filter(|row| row.variant == "block") {
        row.duration_median_us = None;
    }
    assert_eq!(contenders(&endless).last().unwrap().variant.name, "block");
}

/// Undisturbed, or else where something is there all along; a fault that strikes somewhere tells nothing of it.
#[test]
fn times_are_of_runs_that_nothing_strikes() {
    let mut comparison = comparison();
    assert_eq!(timed(&comparison).map(FaultSpec::name), Some("none"));
    comparison.scenario.faults.retain(|fault| fault.kind != FaultName::None);
    assert_eq!(timed(&comparison).map(FaultSpec::name), Some("loss"));
    comparison.scenario.faults.retain(|fault| fault.kind.has_trigger());
    assert_eq!(timed(&comparison).map(FaultSpec::name), None);
}

#[test]
fn the_fastest_without_loss_is_the_answer_and_follows_the_figures() {
    let mut comparison = comparison();
    let words = |text: &str| Some(text.to_owned());
    let both = pick(&comparison);
    assert_eq!(both[0], words("block mode, connection kept"));
    assert_eq!(both[1], words("stream mode, SIZE compared"));
    assert_eq!(both[2], None, "nobody has TLS here");
    // What loses one file is no answer any more, be it ever so fast.
    let row = comparison.evidence.iter_mut().find(|row| row.variant == "block" && row.fault == "reset");
    row.unwrap().runs_with_silent_loss = 1;
    assert_eq!(pick(&comparison)[0], words("compressed mode, connection kept"));
    for row in &mut comparison.evidence {
        row.runs_with_silent_loss = row.runs_counted;
    }
    let all = answers(&comparison);
    assert!(all.iter().all(|answer| answer.pick.is_none()));
    assert!(all[0].why.contains("Every such contender lost files silently"), "{}", all[0].why);
}

/// How certain it is, what it takes each way, and what a reader could see meanwhile.
#[test]
fn an_answer_says_what_it_is_worth() {
    let mut comparison = comparison();
    let why =
        "lost nothing silently in 81 runs with a fault (at most 3.6 %); 6 files take 942 ms up, 943 ms down";
    let best = &answers(&comparison)[0];
    assert_eq!(best.why, format!("{why}."));
    assert!(best.command.as_ref().is_some_and(|command| command.contains("block")), "{:?}", best.command);
    let block = |row: &&mut SummaryRecord| row.variant == "block" && row.direction == Directions::Both;
    comparison.evidence.iter_mut().find(block).unwrap().exposed = 3;
    let seen = &answers(&comparison)[0].why;
    assert!(seen.starts_with(&format!("{why}; but a reader could see 3 of ")), "{seen}");
    // The least of those that all lose some, be it not the fastest.
    for row in &mut comparison.evidence {
        let loses = row.variant != "compressed" || row.fault == "early_close";
        row.runs_with_silent_loss = if loses { row.runs_counted } else { 0 };
    }
    let least = &answers(&comparison)[0].why;
    let told = "The least: compressed (compressed mode, connection kept), in 13 of 81 runs with a fault (";
    assert!(least.contains(told), "{least}");
    // By shares: another has had fewer runs, and lost fewer.
    for row in &mut comparison.evidence {
        (row.runs_counted, row.runs_with_silent_loss) = match row.variant.as_str() {
            "compressed" => (1_000, 50),
            _ => (10, 1),
        };
    }
    let least = &answers(&comparison)[0].why;
    let told =
        "The least: compressed (compressed mode, connection kept), in 300 of 6,000 runs with a fault (";
    assert!(least.contains(told), "{least}");
}

/// A cycle has 48 runs with a fault of each contender, of which some find nothing to strike.
#[test]
fn what_brings_more_runs_is_a_cycle_more_than_they_take() {
    let mut comparison = comparison();
    assert_eq!(comparison.scenario.cycle(), 56);
    comparison.seeds = SeedRange { start: 56, end: 57 };
    assert_eq!(more(&comparison, 480), "ftpsim compare tiny --seeds 56..672");
    assert_eq!(more(&comparison, 1), "ftpsim compare tiny --seeds 56..168");
    // Five cycles have not been enough.
    comparison.seeds.end = 56 + 5 * 56;
    assert_eq!(more(&comparison, 1), "ftpsim compare tiny --seeds 56..616");
}

#[test]
fn few_runs_are_no_answer() {
    let mut comparison = comparison();
    for row in comparison.evidence.iter_mut().filter(|row| row.fault != "reset") {
        row.runs_counted = 0;
        row.runs_with_silent_loss = 0;
    }
    let answer = &answers(&comparison)[0];
    assert_eq!(answer.pick, None);
    assert!(answer.why.starts_with("Not enough evidence: block lost nothing"), "{}", answer.why);
    assert_eq!(answer.command.as_deref(), Some("ftpsim compare tiny --seeds 0..168"));
    // One of which there is no run may lose nothing, whatever the others lose.
    for row in comparison.evidence.iter_mut() {
        (row.runs_counted, row.runs_with_silent_loss) = if row.variant == "block" { (0, 0) } else { (9, 3) };
    }
    let why = &answers(&comparison)[0].why;
    assert!(why.starts_with("Not enough evidence: block lost nothing silently in 0 runs"), "{why}");
    for row in &mut comparison.evidence {
        row.runs_counted = 0;
    }
    assert!(answers(&comparison)[0].why.starts_with("No run"));
}
