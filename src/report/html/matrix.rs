//! Contenders by kinds of fault: a table a direction, its columns of equal width.

use super::page::escape;
use super::{anchor, per_cent, swatch};
use crate::lab::compare::Comparison;
use crate::lab::records::SummaryRecord;
use crate::report::{findings, format};
use crate::sim::outcome::Verdict;
use crate::sim::scenario::{Direction, FaultSpec, VariantSpec};
use std::fmt::Write as _;

/// More kinds of fault than these are rows.
const COLUMNS_MAX: usize = 8;

/// Silent losses, a cell with its share, its interval and the way to its seeds.
pub(super) fn losses(comparison: &Comparison) -> String {
    let counts = || comparison.rows_by_direction.iter().map(|row| row.runs_counted);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let of = match (least, most) {
        (least, most) if least == most => format!("Of {} each", format::counted(most, "run")),
        (least, most) => format!("Of {least} to {} each", format::counted(most, "run")),
    };
    let zero = format::certainty(0, least).map_or(String::new(), |bound| {
        format!(" A 0 of {least} says: {bound}, at 95 % confidence (exact, one-sided).")
    });
    let all = findings::of_all(comparison);
    let notes = comparison.scenario.faults.iter().fold(String::new(), |list, fault| {
        list + &format!("<dt>{}</dt><dd>{}</dd>", shown(fault), escape(fault.kind.about().line))
    });
    format!(
        "<h2 id=reliability>Silent loss, by fault</h2>\n<p>Runs in which a file ended up short, wrong or missing and \
         nobody was told. {of}, those whose fault fired{all}. The bar is the share, the line its 95 % interval \
         (Wilson).{zero} A share leads to its seeds.</p>\n{}<details><summary>The faults</summary><dl>{notes}</dl>\
         </details>\n",
        tables(comparison, "Silent loss", loss)
    )
}

/// What a reader of the directory could see, where there was something to see.
pub(super) fn exposure(comparison: &Comparison) -> String {
    if comparison.rows.iter().all(|row| row.exposed == 0) {
        return String::new();
    }
    let cell = |row: &SummaryRecord| share(row.exposed, row.files);
    format!(
        "<h2 id=exposed>Seen in part</h2>\n<p>Of all files{}, those that a reader of the receiver's directory could \
         see incomplete under their names: whoever takes files as they appear takes them so.</p>\n{}",
        findings::of_all(comparison),
        tables(comparison, "Seen in part", cell)
    )
}

/// A table for each fate that comes of circumstances, where some file has come to it.
pub(super) fn circumstances(comparison: &Comparison) -> String {
    let table = |verdict: Verdict| {
        let heading = escape(&findings::heading(verdict));
        let cell = |row: &SummaryRecord| share(row.verdicts.of(verdict), row.files);
        let all = findings::of_all(comparison);
        format!("<h2 id={}>{heading}{all}</h2>\n{}", verdict.name(), tables(comparison, &heading, cell))
    };
    findings::circumstances(comparison).map(table).collect()
}

/// A cell's class and content.
type Cell = (&'static str, String);

fn tables(comparison: &Comparison, what: &str, cell: impl Fn(&SummaryRecord) -> Cell) -> String {
    let s = &comparison.scenario;
    let mut text = String::new();
    for &direction in &s.directions {
        let name = if direction == Direction::Put { "Upload (STOR)" } else { "Download (RETR)" };
        let cell = |variant: &VariantSpec, index: usize| {
            let mut rows = comparison.rows_by_direction.iter();
            let fault = s.faults[index].name();
            let row = rows
                .find(|r| r.direction == direction && r.variant == variant.name && r.fault == fault)
                .filter(|row| row.runs_counted > 0);
            let (class, content) = row.map_or(("untold", "–".to_owned()), &cell);
            format!("<td class={class} data-fault=f{index}>{content}</td>")
        };
        let _ = writeln!(
            text,
            "<div class=by-direction data-direction={}><h3>{name}</h3>\n<div class=wide tabindex=0 role=region \
             aria-label=\"{what}: {name}\">{}</div></div>",
            direction.as_str(),
            if s.faults.len() > COLUMNS_MAX {
                fault_rows(comparison, cell)
            } else {
                fault_columns(comparison, cell)
            }
        );
    }
    text
}

fn fault_columns(comparison: &Comparison, cell: impl Fn(&VariantSpec, usize) -> String) -> String {
    let s = &comparison.scenario;
    let mut text = head(
        s.faults
            .iter()
            .enumerate()
            .map(|(index, fault)| format!("<th scope=col data-fault=f{index}>{}</th>", shown(fault))),
    );
    for variant in &s.variants {
        let cells: String = (0..s.faults.len()).map(|index| cell(variant, index)).collect();
        let _ = writeln!(
            text,
            "<tr><th scope=row title=\"{}\">{}{}</th>{cells}</tr>",
            escape(&variant.note),
            swatch(variant),
            escape(&variant.name)
        );
    }
    text + "</tbody></table>"
}

fn fault_rows(comparison: &Comparison, cell: impl Fn(&VariantSpec, usize) -> String) -> String {
    let s = &comparison.scenario;
    let mut text = head(s.variants.iter().map(|variant| {
        let (note, name) = (escape(&variant.note), escape(&variant.name));
        format!("<th scope=col title=\"{note}\">{}{name}</th>", swatch(variant))
    }));
    for (index, fault) in s.faults.iter().enumerate() {
        let cells: String = s.variants.iter().map(|variant| cell(variant, index)).collect();
        let _ = writeln!(text, "<tr data-fault=f{index}><th scope=row>{}</th>{cells}</tr>", shown(fault));
    }
    text + "</tbody></table>"
}

fn head(columns: impl ExactSizeIterator<Item = String>) -> String {
    let number = columns.len();
    let columns: String = columns.collect();
    format!(
        "<table class=matrix style=\"--columns:{number}\">\n<thead><tr><td></td>{columns}</tr></thead>\n<tbody>\n"
    )
}

fn shown(fault: &FaultSpec) -> String {
    escape(&fault.name().replace('_', " "))
}

fn share(harmed: u64, files: u64) -> Cell {
    match harmed {
        0 => ("none", "0".to_owned()),
        n => {
            let (share, n) = (format::percent(n as f64 / files as f64), format::thousands(n));
            ("lost", format!("{share} <small>{n} of {}</small>", format::thousands(files)))
        }
    }
}

/// The share, a bar as long as it, a line as long as its interval; the figures of both where it is pointed at.
fn loss(row: &SummaryRecord) -> Cell {
    let (lost, runs) = (row.runs_with_silent_loss, row.runs_counted);
    if lost == 0 {
        let bound = format::certainty(0, runs).unwrap_or_default();
        return ("none", format!("<span title=\"0 of {}, {bound}\">0</span>", format::counted(runs, "run")));
    }
    let (low, high) = (per_cent(row.silent_loss_share_low), per_cent(row.silent_loss_share_high));
    let share = per_cent(row.silent_loss_share);
    let content = format!(
        "<a href=\"#{}\">{}<span class=tip>{lost} of {runs} runs, 95 % interval {low:.1} to {high:.1} %</span></a>\
         <small>{lost} of {runs}</small>\
         <svg class=bar viewBox=\"0 0 100 10\" preserveAspectRatio=none aria-hidden=true>\
         <rect width=\"{share:.1}\" height=\"10\"/><line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"5\" y2=\"5\"/></svg>",
        anchor(row),
        format::percent(share / 100.0),
    );
    ("lost", content)
}
