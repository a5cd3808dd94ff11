//! What the committed results say to each claim, and what they would if some of their rows were others.

mod commands;
mod tls;

use super::*;
use crate::lab::records::{Decimal, Version};
use crate::lab::summary::Discordance;
use crate::lab::verdicts::VerdictCounts;
use crate::sim::scenario::Direction;
use std::collections::BTreeMap;

/// Of both directions together, and of each.
const ALL: [&str; 2] = ["summary.csv", "summary-by-direction.csv"];

/// What a claim reads of a row, which is not all.
fn row(scenario: &Scenario, columns: &BTreeMap<String, String>) -> SummaryRecord {
    let column = |name: &str| columns[name].as_str();
    let number = |name: &str| column(name).parse().unwrap();
    let direction = match column("direction") {
        "put" => Directions::One(Direction::Put),
        "get" => Directions::One(Direction::Get),
        _ => Directions::Both,
    };
    let variant = scenario.variants.iter().find(|variant| variant.name == column("variant")).unwrap();
    SummaryRecord {
        scenario: scenario.name.clone(),
        variant: variant.name.clone(),
        direction,
        mode: variant.mode,
        structure: variant.structure,
        fault: column("fault").to_owned(),
        runs: number("runs"),
        runs_counted: number("runs_counted"),
        runs_with_silent_loss: number("runs_with_silent_loss"),
        silent_loss_share: None,
        silent_loss_share_low: None,
        silent_loss_share_high: None,
        baseline: column("baseline").to_owned(),
        pairs: 0,
        silent_loss_here_only: 0,
        silent_loss_baseline_only: 0,
        mcnemar_p: None,
        duration_ratio: column("duration_ratio").parse().ok().map(Decimal),
        duration_ratio_low: None,
        duration_ratio_high: None,
        duration_ratio_pairs: 0,
        duration_median_us: column("duration_median_us").parse().ok(),
        files: number("files"),
        verdicts: VerdictCounts::default(),
        exposed: 0,
        payload_bytes: number("payload_bytes"),
        wire_bytes: number("wire_bytes"),
        data_connections: number("data_connections"),
        control_round_trips: 0,
        retransmits: 0,
        file_latency_p50_us: None,
        file_latency_p90_us: None,
        file_latency_p99_us: None,
        file_latency_max_us: None,
        version: Version,
    }
}

/// These summaries as evidence.
fn results(name: &str, files: &[&str]) -> Comparison {
    let scenario = Scenario::load(name).unwrap();
    let rows = files.iter().flat_map(|file| committed::<BTreeMap<String, String>>(name, file).rows);
    let evidence = rows.map(|columns| row(&scenario, &columns)).collect();
    Comparison {
        seeds: SeedRange { start: 0, end: 8 },
        evidence,
        discordances: Vec::new(),
        rows: Vec::new(),
        rows_by_direction: Vec::new(),
        spreads: Vec::new(),
        unfinished: Vec::new(),
        claims: Vec::new(),
        losses: Vec::new(),
        violations: Vec::new(),
        baseline: None,
        written: Vec::new(),
        scenario,
    }
}

/// Of every two contenders, as if the seeds on which one lost files were among those of the other.
fn discordances(comparison: &Comparison) -> Vec<Discordance> {
    let both = || comparison.evidence.iter().filter(|row| row.direction == Directions::Both);
    let pairs = both().flat_map(|here| both().map(move |there| (here, there)));
    let pairs = pairs.filter(|(here, there)| here.fault == there.fault && here.variant != there.variant);
    let of = |(here, there): (&SummaryRecord, &SummaryRecord)| Discordance {
        variant: here.variant.clone(),
        other: there.variant.clone(),
        fault: here.fault.clone(),
        here_only: here.runs_with_silent_loss.saturating_sub(there.runs_with_silent_loss),
        other_only: there.runs_with_silent_loss.saturating_sub(here.runs_with_silent_loss),
    };
    pairs.map(of).collect()
}

/// The claim, of the results with the rows changed that `which` picks.
fn with(
    results: &Comparison,
    sentence: &str,
    which: impl Fn(&SummaryRecord) -> bool,
    change: impl Fn(&mut SummaryRecord),
) -> Claim {
    let mut results = results.clone();
    results.evidence.iter_mut().filter(|row| which(row)).for_each(change);
    results.discordances = discordances(&results);
    claim(&results, sentence)
}

fn as_it_is(results: &Comparison, sentence: &str) -> Claim {
    with(results, sentence, |_| false, |_| {})
}

/// The results without some contenders.
fn without(results: &Comparison, which: impl Fn(&VariantSpec) -> bool) -> Comparison {
    let mut results = results.clone();
    results.scenario.variants.retain(|variant| !which(variant));
    results
}

fn of(variant: &'static str, fault: &'static str) -> impl Fn(&SummaryRecord) -> bool + Copy {
    move |row| row.variant == variant && row.fault.starts_with(fault)
}

fn loses(row: &mut SummaryRecord, runs: u64) {
    row.runs_with_silent_loss = runs;
}

fn runs(row: &mut SummaryRecord, runs: u64) {
    row.runs_counted = runs;
}

#[track_caller]
fn says(claim: &Claim, standing: Standing, words: &[&str]) {
    assert_eq!(claim.standing, standing, "{claim:?}");
    assert!(words.iter().all(|words| claim.figure.contains(words)), "{claim:?}");
}

#[test]
fn a_close_is_the_end_where_there_is_one_a_file_and_records_tell_no_better() {
    let all = results("small-files", &ALL);
    let told = "stream opens 200 data connections for 200 files, and closes each. With STRU R stream mode has a mark \
                (FF 02): stream-record lost files to an early close in 0 of 48 runs, stream in 36 of 48.";
    let conditional = as_it_is(&all, CLOSE_IS_THE_END);
    says(&conditional, Standing::Conditional, &[told]);
    assert!(conditional.command.starts_with("ftpsim replay small-files --variant stream --seed "));
    let closed = of("stream-record", "early_close");
    let alike = with(&all, CLOSE_IS_THE_END, closed, |row| loses(row, 36));
    says(&alike, Standing::Holds, &["in 36 of 48 runs, stream in 36 of 48."]);
    says(&with(&all, CLOSE_IS_THE_END, closed, |row| runs(row, 7)), Standing::NotEnough, &["0 of 7 runs"]);
    says(&with(&all, CLOSE_IS_THE_END, closed, |row| runs(row, 8)), Standing::Conditional, &["0 of 8 runs"]);
    let fewer = |row: &mut SummaryRecord| row.data_connections -= 1;
    says(&with(&all, CLOSE_IS_THE_END, of("stream", "none"), fewer), Standing::Fails, &[]);
    let unrecorded = without(&all, |variant| variant.name == "stream-record");
    says(&as_it_is(&unrecorded, CLOSE_IS_THE_END), Standing::Holds, &["has a mark of its own (FF 02)."]);
}

#[test]
fn what_an_early_close_is_taken_for_is_seen_by_who_compares_sizes() {
    let all = results("small-files", &ALL);
    says(&as_it_is(&all, WHATEVER_ARRIVES), Standing::Holds, &["called complete, in 36 of 48 runs ("]);
    let told = "it lost files silently in 36 of 48 runs. With a SIZE check it lost 0 of 48; but a sender that dies \
                checks nothing: 35 of 96 runs lost silently.";
    says(&as_it_is(&all, CANNOT_TELL), Standing::Conditional, &[told]);
    let died = with(&all, CANNOT_TELL, of("stream-size", "sender_dies"), |row| loses(row, 0));
    says(&died, Standing::Conditional, &["With a SIZE check it lost 0 of 48."]);
    let closed = of("stream-size", "early_close");
    says(&with(&all, CANNOT_TELL, closed, |row| loses(row, 36)), Standing::Holds, &["lost 36 of 48;"]);
    says(&with(&all, CANNOT_TELL, closed, |row| runs(row, 7)), Standing::NotEnough, &[]);
    let none = with(&all, CANNOT_TELL, of("stream", "early_close"), |row| {
        (row.runs_counted, row.runs_with_silent_loss) = (LOSSLESS_RUNS, 0);
    });
    says(&none, Standing::Fails, &["in 0 of 59 runs."]);
}

#[test]
fn connections_are_counted_of_undisturbed_runs() {
    let all = results("small-files", &ALL);
    let sentence = CONNECTION_PER_FILE.both;
    let told = "Undisturbed, stream opens 200 data connections for 200 files, block opens 1 data connection for 200 \
                files, compressed opens 1 data connection for 200 files.";
    says(&as_it_is(&all, sentence), Standing::Holds, &[told]);
    let as_many = |row: &mut SummaryRecord| row.data_connections = row.files;
    let one_less = |row: &mut SummaryRecord| row.data_connections = row.files - 1;
    says(&with(&all, sentence, of("block", "none"), as_many), Standing::Fails, &[]);
    says(&with(&all, sentence, of("stream", "none"), one_less), Standing::Fails, &[]);
    says(&with(&all, sentence, of("block", "reset"), as_many), Standing::Holds, &[]);
    says(
        &with(&all, sentence, of("block", "none"), |row| runs(row, 2)),
        Standing::NotEnough,
        &["there are 2"],
    );
}

#[test]
fn faster_takes_less_time_in_each_direction() {
    let all = results("small-files", &ALL);
    let sentence = FASTER.both;
    let told = "Only by keeping the connection: block mode with a new one a file takes 1.00.";
    let conditional = as_it_is(&all, sentence);
    says(&conditional, Standing::Conditional, &["put block: 0.", "get compressed: 0.", told]);
    assert!(conditional.command.starts_with("ftpsim compare small-files --seeds 0..8"));
    let kept = without(&all, |variant| variant.name == "block-new");
    let holds = as_it_is(&kept, sentence);
    says(&holds, Standing::Holds, &[]);
    assert!(!holds.figure.contains("Only by"), "{holds:?}");
    // Of whom no run has ended there is nothing to say.
    let unended = with(&all, sentence, of("block-new", "none"), |row| runs(row, 0));
    says(&unended, Standing::Holds, &[]);
    assert!(!unended.figure.contains("Only by"), "{unended:?}");
    let first = Directions::One(kept.scenario.directions[0]);
    let alike = |row: &SummaryRecord| of("block", "none")(row) && row.direction == first;
    let fails = with(&kept, sentence, alike, |row| row.duration_ratio = Some(Decimal(1.0)));
    says(&fails, Standing::Fails, &["put block: 1.00, put compressed: 0."]);
}

#[test]
fn an_overhead_is_what_all_packets_weigh_more() {
    let all = results("small-files", &ALL);
    let sentence = SMALL_OVERHEAD.both;
    let weigh = |row: &mut SummaryRecord, bytes: u64| row.wire_bytes = row.payload_bytes * bytes;
    let none = |row: &SummaryRecord| row.fault == "none";
    let alike = with(&all, sentence, none, |row| weigh(row, 2));
    says(
        &alike,
        Standing::Conditional,
        &["stream 2.000, block 2.000, compressed 2.000; the connections saved"],
    );
    let more = with(&all, sentence, none, |row| weigh(row, 2 + u64::from(row.variant == "block")));
    says(&more, Standing::Holds, &["stream 2.000, block 3.000, compressed 2.000."]);
}

#[test]
fn more_reliable_is_who_loses_fewer_than_chance_would_have_it() {
    let all = results("small-files", &ALL);
    let sentence = MORE_RELIABLE.both;
    let told = "With a fault, stream lost files silently in 71 of 288 runs, block in 0 of 288 (McNemar's p below \
                0.0001), compressed in 0 of 288 (p below 0.0001); with more care stream mode lost none either: \
                stream-rename, stream-record.";
    says(&as_it_is(&all, sentence), Standing::Conditional, &[told]);
    let careful = |variant: &VariantSpec| ["stream-rename", "stream-record"].contains(&variant.name.as_str());
    let careless = without(&all, careful);
    says(&as_it_is(&careless, sentence), Standing::Holds, &["(p below 0.0001)."]);
    let with_care = |each: u64| {
        let careful = |row: &SummaryRecord| row.variant.starts_with("stream-re");
        with(&all, sentence, careful, |row| runs(row, each))
    };
    let may = "With more care stream mode may lose none either: stream-rename, stream-record. To say that nothing is \
               lost takes 59 runs that ended and whose fault fired; there are 54.";
    says(&with_care(9), Standing::NotEnough, &[may]);
    says(&with_care(10), Standing::Conditional, &["none either: stream-rename, stream-record."]);
    says(&with_care(0), Standing::Holds, &["(p below 0.0001)."]);
    let block = |closes: u64, deaths: u64| {
        let lost = move |row: &mut SummaryRecord| {
            let of_fault = [("early_close", closes), ("sender_dies", deaths), ("sender_dies_watched", 17)];
            let lost = of_fault.iter().find(|(fault, _)| row.fault == *fault);
            row.runs_with_silent_loss = lost.map_or(0, |(_, lost)| *lost);
        };
        with(&careless, sentence, |row| row.variant == "block", lost)
    };
    says(
        &block(36, 18),
        Standing::NotEnough,
        &["(McNemar's p = 1.0000)", "chance may make such a difference"],
    );
    says(&block(36, 13), Standing::NotEnough, &["block in 66 of 288 (McNemar's p = 0.0625)"]);
    says(&block(36, 12), Standing::Holds, &["block in 65 of 288 (McNemar's p = 0.0312)"]);
    says(&block(48, 18), Standing::Fails, &["block in 83 of 288 (McNemar's p = 0.0005)"]);
}

#[test]
fn safe_is_what_no_loss_of_power_behind_the_reply_takes() {
    let all = results("power-cut", &["summary.csv"]);
    let told = "some were lost in 905 of 1000 power cuts; where the receiver syncs file and directory before it \
                answers, in 0 of 600.";
    says(&as_it_is(&all, SAFE), Standing::Conditional, &[told]);
    let lost = with(&all, SAFE, of("block-durable", "cut_1s"), |row| loses(row, 1));
    says(&lost, Standing::Fails, &["in 1 of 600."]);
    let unsynced = as_it_is(&without(&all, |variant| variant.durable), SAFE);
    says(&unsynced, Standing::Fails, &["in 905 of 1000 power cuts."]);
    says(&as_it_is(&without(&all, |variant| !variant.durable), SAFE), Standing::Untested, &[]);
    says(&with(&all, SAFE, |_| true, |row| loses(row, 0)), Standing::Holds, &["in 0 of 1000", "in 0 of 600"]);
    let mut before = all.clone();
    before.scenario.faults.iter_mut().for_each(|fault| fault.after_reply_us = None);
    assert!(judge(&before).iter().all(|claim| claim.claim != SAFE));
}
