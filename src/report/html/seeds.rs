//! The seeds behind each share of losses, and what happened in the first of them.

use super::anchor;
use super::page::escape;
use crate::lab::compare::{Comparison, Loss};
use crate::lab::plural::counted;
use crate::lab::records::SummaryRecord;
use crate::report::timeline::html::{LEGEND, embedded};
use crate::sim::case::Case;
use crate::sim::outcome::Outcome;
use std::fmt::Write as _;

/// Seeds listed for one cell; all are in `runs.csv`.
const SEEDS_LISTED: usize = 40;

/// Of all timelines in a page together: it stays one that is opened without a thought.
const TIMELINES_MAX_BYTES: usize = 450_000;

/// What happened around the fault of one run, as a picture.
pub struct Timeline {
    variant: String,
    seed: u64,
    picture: String,
}

/// The first run of each cell of losses, drawn, as long as there is room in a page. `run` makes a run again and
/// captures it. Errors: `run`'s.
pub fn timelines<E>(
    comparison: &Comparison,
    run: impl Fn(&str, u64) -> Result<(Case, Outcome), E>,
) -> Result<Vec<Timeline>, E> {
    let mut all = Vec::new();
    let mut bytes = 0;
    for row in losing(comparison) {
        let Some(first) = behind(comparison, row).next() else { continue };
        let (case, outcome) = run(&first.variant, first.seed)?;
        let picture = embedded(&case, &outcome);
        bytes += picture.len();
        if bytes > TIMELINES_MAX_BYTES {
            break;
        }
        all.push(Timeline { variant: first.variant.clone(), seed: first.seed, picture });
    }
    Ok(all)
}

fn losing(comparison: &Comparison) -> impl Iterator<Item = &SummaryRecord> {
    comparison.rows_by_direction.iter().filter(|row| row.runs_with_silent_loss > 0)
}

/// The runs behind a cell, in order of their seeds.
fn behind<'a>(comparison: &'a Comparison, row: &'a SummaryRecord) -> impl Iterator<Item = &'a Loss> + 'a {
    let here = |loss: &&Loss| {
        loss.variant == row.variant && loss.fault == row.fault && row.direction == loss.direction
    };
    comparison.losses.iter().filter(here)
}

/// Each cell's seeds, folded; a link to one opens it.
pub(super) fn section(comparison: &Comparison, timelines: &[Timeline]) -> String {
    let mut text = String::from("<h2 id=losses>The seeds behind the losses</h2>\n");
    if comparison.losses.is_empty() {
        return text + "<p>No run lost a file silently.</p>\n";
    }
    for row in losing(comparison) {
        text += &cell(comparison, row, timelines);
    }
    text
}

fn cell(comparison: &Comparison, row: &SummaryRecord, timelines: &[Timeline]) -> String {
    let seeds: Vec<_> = behind(comparison, row).collect();
    let index = comparison.scenario.faults.iter().position(|fault| fault.name() == row.fault).unwrap_or(0);
    let mut text = format!(
        "<details data-fault=f{index} data-direction={}><summary>{}, {}, {}: {}</summary><pre id=\"{}\">\n",
        row.direction,
        escape(&row.variant),
        row.direction,
        escape(&row.fault.replace('_', " ")),
        counted(seeds.len(), "run"),
        // The id stands within, so that a link to it opens the details.
        anchor(row),
    );
    for loss in seeds.iter().take(SEEDS_LISTED) {
        let _ = writeln!(
            text,
            "ftpsim replay {} --variant {} --seed {}",
            escape(&comparison.scenario.word()),
            escape(&row.variant),
            loss.seed
        );
    }
    if seeds.len() > SEEDS_LISTED {
        let _ = writeln!(text, "and {} more in runs.csv", seeds.len() - SEEDS_LISTED);
    }
    text += "</pre>\n";
    let first = seeds.first();
    let drawn = first.and_then(|loss| {
        timelines.iter().find(|timeline| timeline.variant == loss.variant && timeline.seed == loss.seed)
    });
    let _ = match (drawn, first) {
        (Some(timeline), _) => writeln!(
            text,
            "<p>The first of them, seed {seed}, around its fault. {LEGEND}</p>\n<div class=wide tabindex=0 role=region \
             aria-label=\"{name}, seed {seed}\">{}</div>",
            timeline.picture,
            seed = timeline.seed,
            name = escape(&timeline.variant),
        ),
        (None, Some(_)) => writeln!(text, "<p>Each with <code>--html FILE</code> draws what happened.</p>"),
        (None, None) => Ok(()),
    };
    text + "</details>\n"
}
