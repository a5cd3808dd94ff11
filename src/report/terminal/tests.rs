use super::*;
use crate::lab::claims;
use crate::lab::compare::{Loss, Unfinished, Violation};
use crate::lab::records::{Ppm, RunRecord, Version};
use crate::lab::summary::{Run, Summary};
use crate::lab::verdicts::VerdictCounts;
use crate::sim::outcome::Verdict;
use crate::sim::scenario::{SeedRange, VariantSpec};
use ftp_proto::mode::TransmissionMode;
use std::ops::Range;

/// Made-up figures, so that every kind of cell is there: the table is tested here, not FTP.
fn run(scenario: &Scenario, variant: &VariantSpec, seed: u64) -> Run {
    let stratum = scenario.stratum(seed);
    let stream = variant.mode == TransmissionMode::Stream;
    let lost = u64::from(
        variant.name == "stream" && stratum.fault.kind == FaultName::EarlyClose && seed.is_multiple_of(3),
    );
    let us = if stream { 4_000_000 } else { 900_000 } + seed * 1000;
    let mut verdicts = VerdictCounts::default();
    verdicts.add(Verdict::Intact, 6 - lost);
    verdicts.add(Verdict::SilentTruncation, lost);
    let record = RunRecord {
        scenario: scenario.name.clone(),
        variant: variant.name.clone(),
        direction: stratum.direction,
        mode: variant.mode,
        structure: variant.structure,
        seed,
        case_id: format!("{seed:012x}"),
        fault: stratum.fault.name().to_owned(),
        fault_fired: seed != 8,
        files: 6,
        verdicts,
        exposed: lost,
        rtt_us: scenario.path.rtt_us,
        bandwidth_bits_per_s: scenario.path.bandwidth_bits_per_s,
        loss: Ppm(0),
        duration_virtual_us: Some(us),
        payload_bytes: 10_000,
        wire_bytes: if stream { 10_000 } else { 9_300 },
        data_connections: if stream { 6 } else { 1 },
        control_round_trips: Some(if stream { 16 } else { 11 + seed % 2 }),
        retransmits: 0,
        file_latency_p50_us: None,
        file_latency_p90_us: None,
        file_latency_p99_us: None,
        file_latency_max_us: None,
        trace_hash: String::new(),
        version: Version,
        trigger: stratum.trigger,
        target_file: None,
        target_byte: None,
        target_size_bytes: None,
    };
    Run { record, file_latencies_us: vec![us / 6, us / 5], cut_off: false, violations: Vec::new() }
}

pub(crate) fn comparison() -> Comparison {
    compared(0..96, |_, _| false)
}

/// `is_cut_off`: whether the contender's run of the seed comes to no end.
pub(crate) fn compared(seeds: Range<u64>, is_cut_off: impl Fn(&VariantSpec, u64) -> bool) -> Comparison {
    let scenario = Scenario::load("tiny").unwrap();
    let seeds = SeedRange { start: seeds.start, end: seeds.end };
    let (mut summary, mut ended) = (Summary::new(&scenario), Summary::of_ended(&scenario));
    let (mut losses, mut unfinished) = (Vec::new(), Vec::new());
    for seed in seeds.iter() {
        for (index, variant) in scenario.variants.iter().enumerate() {
            let run = Run { cut_off: is_cut_off(variant, seed), ..run(&scenario, variant, seed) };
            losses.extend(Loss::of(&run));
            unfinished.extend(Unfinished::of(&run));
            summary.add(index, &run);
            ended.add(index, &run);
        }
    }
    let (rows, rows_by_direction) = (summary.rows(), summary.rows_by_direction());
    let (evidence, spreads) = ([ended.rows(), ended.rows_by_direction()].concat(), summary.spreads());
    let discordances = ended.discordances();
    let violation = Violation {
        variant: "block".to_owned(),
        seed: 5,
        oracle: "agreement".to_owned(),
        why: "as an example".to_owned(),
    };
    let mut comparison = Comparison {
        scenario,
        seeds,
        evidence,
        discordances,
        rows,
        rows_by_direction,
        spreads,
        unfinished,
        claims: Vec::new(),
        losses,
        violations: vec![violation],
        baseline: None,
        written: Vec::new(),
    };
    comparison.claims = claims::judge(&comparison);
    comparison
}

#[test]
fn tables_at_a_hundred_columns() {
    let text = render(&comparison(), Style { width: 100, colour: false });
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

/// Above all tables and sentences; and tables say that they count them.
#[test]
fn runs_that_did_not_end_stand_at_the_top() {
    let style = Style { width: 300, colour: false };
    let cut = compared(0..96, |variant, seed| variant.name == "block" && seed % 32 == 3);
    let text = render(&cut, style);
    let note = "UNFINISHED: 3 of 384 runs did not end within limits.virtual_time_us = ";
    assert!(text.lines().nth(2).is_some_and(|line| line.starts_with(note)), "{text}");
    assert!(text.contains("The first: ftpsim replay tiny --variant block --seed 3\n"), "{text}");
    let counted = "(runs that did not end are counted)";
    assert_eq!(text.matches(counted).count(), 4, "losses, exposure, times and costs: {text}");
    let ended = render(&comparison(), style);
    assert!(!ended.contains("UNFINISHED") && !ended.contains(counted), "{ended}");
}

#[test]
fn colour_changes_no_text() {
    let plain = render(&comparison(), Style { width: 100, colour: false });
    let coloured = render(&comparison(), Style { width: 100, colour: true });
    assert_ne!(plain, coloured);
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((text, after)) = rest.split_once("\x1b[") {
        stripped += text;
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    stripped += rest;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&stripped), words(&plain));
}

#[test]
fn narrow_terminals_get_narrow_lines() {
    let text = render(&comparison(), Style { width: 80, colour: false });
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn long_words_are_kept_whole() {
    assert_eq!(wrap("a bb ccccccccc d", 4), "a bb\nccccccccc\nd\n");
}

fn options(out: &std::path::Path) -> crate::lab::compare::Options<'_> {
    let seeds = SeedRange::default();
    crate::lab::compare::Options { seeds, jobs: std::num::NonZeroUsize::MIN, out, from: Default::default() }
}

/// Real cuts: two contenders, two kinds.
#[test]
fn truth_table_at_a_hundred_columns() {
    let mut scenario = Scenario::load("truth-table").unwrap();
    scenario.variants.retain(|variant| ["stream", "block"].contains(&variant.name.as_str()));
    scenario.faults.retain(|fault| ["early_close", "sender_dies"].contains(&fault.name()));
    let plan = crate::lab::truth::plan(&scenario).unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut table = crate::lab::truth::truth(&scenario, &plan, options(out.path()), || {}).unwrap();
    table.claims = claims::judge_truth(&table);
    insta::assert_snapshot!(truth_table(&table, Style { width: 100, colour: false }));
}

/// Real times: four paths, two sizes.
#[test]
fn grid_at_a_hundred_columns() {
    let mut scenario = Scenario::load("wan-grid").unwrap();
    scenario.variants.retain(|variant| ["stream", "block", "compressed"].contains(&variant.name.as_str()));
    let mut spec = scenario.grid.take().unwrap();
    spec.rtt_us = vec![10_000, 50_000];
    spec.bandwidth_bits_per_s = vec![100_000_000];
    spec.loss_ppm.truncate(2);
    spec.deliveries.truncate(2);
    scenario.grid = Some(spec.clone());
    let out = tempfile::tempdir().unwrap();
    let mut result = crate::lab::grid::grid(&scenario, &spec, options(out.path()), || {}).unwrap();
    result.claims = claims::judge_grid(&result);
    insta::assert_snapshot!(grid(&result, Style { width: 100, colour: false }));
}
