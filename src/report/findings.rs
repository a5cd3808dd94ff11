//! What the figures mean, in sentences made from them.

use super::format;
use crate::lab::compare::Comparison;
use crate::lab::plural::counted;
use crate::lab::records::{Directions, SummaryRecord};
use crate::sim::fault::FaultName;
use crate::sim::outcome::Verdict;
use crate::sim::scenario::{Direction, FaultSpec};
use std::cmp::Ordering;

/// Sums of a contender over the faults that can lose something.
pub(super) struct Reliability<'a> {
    pub variant: &'a str,
    pub runs: u64,
    pub lost: u64,
}

impl Reliability<'_> {
    fn share(&self) -> String {
        format::percent(self.lost as f64 / self.runs as f64)
    }
}

/// What sentences conclude from: runs that ended alone, as claims do; both directions together.
fn both(comparison: &Comparison) -> impl Iterator<Item = &SummaryRecord> {
    comparison.evidence.iter().filter(|row| row.direction == Directions::Both)
}

/// The same by direction.
fn by_direction(comparison: &Comparison) -> impl DoubleEndedIterator<Item = &SummaryRecord> {
    comparison.evidence.iter().filter(|row| row.direction != Directions::Both)
}

/// Over all kinds of fault but `none`.
pub(super) fn reliability(comparison: &Comparison) -> Vec<Reliability<'_>> {
    let is_fault =
        |row: &&SummaryRecord| fault(comparison, &row.fault).is_some_and(|f| f.kind != FaultName::None);
    comparison
        .scenario
        .variants
        .iter()
        .map(|variant| {
            let rows = || both(comparison).filter(is_fault).filter(|row| row.variant == variant.name);
            Reliability {
                variant: &variant.name,
                runs: rows().map(|row| row.runs_counted).sum(),
                lost: rows().map(|row| row.runs_with_silent_loss).sum(),
            }
        })
        .filter(|reliability| reliability.runs > 0)
        .collect()
}

pub(super) fn fault<'a>(comparison: &'a Comparison, name: &str) -> Option<&'a FaultSpec> {
    comparison.scenario.faults.iter().find(|fault| fault.name() == name)
}

/// The fates that come of circumstances and that some file has come to, for a table each.
pub(super) fn circumstances(comparison: &Comparison) -> impl Iterator<Item = Verdict> + '_ {
    let has = |verdict: &Verdict| comparison.rows.iter().any(|row| row.verdicts.of(*verdict) > 0);
    Verdict::OF_CIRCUMSTANCE.into_iter().filter(has)
}

/// Its heading.
pub(super) fn heading(verdict: Verdict) -> String {
    let name = verdict.name();
    let (first, rest) = name.split_at(1);
    format!("{}{rest}: files {}", first.to_uppercase(), verdict.describe())
}

/// What stands above all else when runs did not end; `None` when all did.
pub(super) fn unfinished(comparison: &Comparison) -> Option<String> {
    let first = comparison.unfinished.first()?;
    let runs = comparison.unfinished.len() as u64;
    let files: u64 = comparison.unfinished.iter().map(|run| run.stuck_files).sum();
    let all: u64 = comparison.rows.iter().map(|row| row.runs).sum();
    let name = comparison.scenario.word();
    Some(format!(
        "{} of {} did not end within limits.virtual_time_us = {}: {} {} left without a word. No claim \
         and no sentence is of these runs; the tables count them. The first: ftpsim replay {name} --variant {} --seed {}",
        format::thousands(runs),
        format::counted(all, "run"),
        comparison.scenario.limits().virtual_time_us,
        format::counted(files, "file"),
        if files == 1 { "was" } else { "were" },
        first.variant,
        first.seed,
    ))
}

/// What a table's heading ends with where runs did not end: its counts are of all runs.
pub(super) fn of_all(comparison: &Comparison) -> &'static str {
    match comparison.unfinished.is_empty() {
        true => "",
        false => " (runs that did not end are counted)",
    }
}

/// The sentences below the tables.
pub(super) fn sentences(comparison: &Comparison) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(losers(comparison));
    all.extend(keepers(comparison));
    all.extend(speed(comparison));
    all.extend(overhead(comparison));
    all
}

fn losers(comparison: &Comparison) -> Vec<String> {
    reliability(comparison)
        .into_iter()
        .filter(|r| r.lost > 0)
        .map(|r| {
            format!(
                "{} lost files without telling anyone in {} of {} with a fault ({}){}.",
                r.variant,
                format::thousands(r.lost),
                format::counted(r.runs, "run"),
                r.share(),
                worst(comparison, r.variant),
            )
        })
        .collect()
}

/// Where a contender loses most often.
pub(super) fn worst(comparison: &Comparison, variant: &str) -> String {
    let losing =
        by_direction(comparison).filter(|row| row.variant == variant && row.runs_with_silent_loss > 0);
    // The first of equals is taken, so that the order of the rows decides.
    let worst = losing.rev().max_by(|a, b| share(a).total_cmp(&share(b)));
    worst.map_or_else(String::new, |row| {
        let action = if row.direction == Direction::Put { "an upload" } else { "a download" };
        let fault = row.fault.replace('_', " ");
        format!("; {action} under \"{fault}\" in {} of its runs", format::percent(share(row)))
    })
}

fn share(row: &SummaryRecord) -> f64 {
    row.silent_loss_share.map_or(0.0, |share| share.0)
}

fn keepers(comparison: &Comparison) -> Option<String> {
    let all = reliability(comparison);
    let keepers: Vec<_> = all.iter().filter(|r| r.lost == 0).collect();
    let fewest = keepers.iter().map(|r| r.runs).min()?;
    let names: Vec<String> = keepers.iter().map(|r| r.variant.to_owned()).collect();
    Some(format!(
        "{} lost none silently in {} with a fault{} (so {}, at 95 % confidence).",
        format::list(&names),
        format::counted(fewest, "run"),
        if names.len() > 1 { " each" } else { "" },
        format::certainty(0, fewest)?,
    ))
}

/// The undisturbed runs' time against the first contender's, by direction.
fn speed(comparison: &Comparison) -> Vec<String> {
    let Some(quiet) = undisturbed(comparison) else { return Vec::new() };
    comparison
        .scenario
        .directions
        .iter()
        .filter_map(|direction| {
            let rows = by_direction(comparison);
            let mut rows = rows.filter(|row| row.fault == quiet && row.direction == *direction);
            let base = rows.next()?;
            let times: Vec<String> = rows
                .filter_map(|row| Some(format!("{} {}", row.variant, format::ratio(row.duration_ratio?.0))))
                .collect();
            let times = match times.is_empty() {
                true => String::new(),
                false => format!("; of that time, {}", format::list(&times)),
            };
            Some(format!(
                "Undisturbed, {} the {} takes {} {}{times}.",
                if *direction == Direction::Put { "uploading" } else { "downloading" },
                counted(comparison.scenario.workload.files, "file"),
                base.variant,
                format::duration(base.duration_median_us?),
            ))
        })
        .collect()
}

fn undisturbed(comparison: &Comparison) -> Option<&str> {
    comparison.scenario.faults.iter().find(|fault| fault.kind == FaultName::None).map(FaultSpec::name)
}

fn overhead(comparison: &Comparison) -> Option<String> {
    let quiet = undisturbed(comparison)?;
    let rows = both(comparison).filter(|row| row.fault == quiet && row.payload_bytes > 0);
    let parts: Vec<String> = rows
        .map(|row| {
            let share = wire_share(row);
            match share.partial_cmp(&0.0) {
                Some(Ordering::Equal) => format!("{} nothing", row.variant),
                Some(Ordering::Greater) => format!("{} {} more", row.variant, format::percent(share)),
                _ => format!("{} {} less", row.variant, format::percent(-share)),
            }
        })
        .collect();
    if parts.is_empty() {
        return None;
    }
    Some(format!("All packets of both directions together, beside the payload: {}.", format::list(&parts)))
}

/// Wire bytes beyond the payload, as a share of it; negative when compressed.
pub(super) fn wire_share(row: &SummaryRecord) -> f64 {
    row.wire_bytes as f64 / row.payload_bytes as f64 - 1.0
}

#[cfg(test)]
mod tests;
