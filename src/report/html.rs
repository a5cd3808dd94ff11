//! `report.html`: one file that needs nothing else, light or dark, on a desk or on a phone.

mod baseline;
mod claims;
mod decision;
mod filter;
mod grid;
mod heat;
mod matrix;
mod page;
mod seeds;
mod times;
mod truth;

use super::{charts, findings, format, timeline};
use crate::lab::compare::Comparison;
use crate::lab::grid::Grid;
use crate::lab::records::{Decimal, SummaryRecord};
use crate::lab::truth::TruthTable;
use crate::sim::fault::FaultName;
use crate::sim::scenario::{Direction, Scenario, VariantSpec};
pub use grid::delivery_times;
use page::contents;
#[cfg(feature = "cli")]
pub(in crate::report) use page::shown;
pub(in crate::report) use page::{document, escape};
pub use seeds::{Timeline, timelines};
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
pub use truth::truth_table;

/// What was run along with a comparison.
#[derive(Default)]
pub struct Companions {
    /// The truth table, where one was made.
    pub truth: Option<TruthTable>,
    /// The grid of delivery times, where one was run.
    pub grid: Option<Grid>,
    /// What happened in the first run of each cell of losses.
    pub timelines: Vec<Timeline>,
}

impl Companions {
    /// The files written.
    pub fn written(&self) -> impl Iterator<Item = &PathBuf> {
        let truth = self.truth.iter().flat_map(|table| &table.written);
        truth.chain(self.grid.iter().flat_map(|grid| &grid.written))
    }
}

/// The whole page. Errors: drawing only.
pub fn render(comparison: &Comparison, companions: &Companions) -> Result<String, Box<dyn Error>> {
    let page = Page { comparison };
    let s = &comparison.scenario;
    let mut head = title(s);
    if let Some(note) = findings::unfinished(comparison) {
        let _ = writeln!(head, "<p class=unfinished><b>Unfinished.</b> {}</p>", escape(&note));
    }
    let mut body = decision::section(comparison);
    body += "<h2 id=evidence>The evidence</h2>\n";
    body += &page.summary();
    body += &comparison.baseline.as_ref().map_or(String::new(), baseline::section);
    body += &filter::form(s);
    body += &matrix::losses(comparison);
    let _ = writeln!(body, "<p><code>{}</code></p>", escape(&page.command()));
    body += &matrix::exposure(comparison);
    body += &matrix::circumstances(comparison);
    body += &times::section(comparison)?;
    body += &page.cost();
    body += &claims::section(&comparison.claims);
    if let Some(times) = &companions.grid {
        body += &grid::section(times)?;
    }
    body += &companions.truth.as_ref().map_or(String::new(), truth::section);
    body += &seeds::section(comparison, &companions.timelines);
    body += &page.conditions();
    let css =
        [truth::CSS, timeline::html::CSS, include_str!("html/comparison.css"), &filter::css(s)].concat();
    Ok(document(&s.name, &css, &(head + &contents(&body) + &body)))
}

/// What a page begins with.
fn title(scenario: &Scenario) -> String {
    format!("<h1>{}</h1>\n<p class=question>{}</p>\n", escape(&scenario.name), escape(&scenario.question))
}

/// A spot of a contender's colour.
fn swatch(variant: &VariantSpec) -> String {
    format!("<i style=\"background:var(--{})\"></i>", charts::token(variant.mode, variant.structure))
}

struct Page<'a> {
    comparison: &'a Comparison,
}

impl<'a> Page<'a> {
    fn command(&self) -> String {
        format!("ftpsim compare {} --seeds {}", self.comparison.scenario.word(), self.comparison.seeds)
    }

    fn summary(&self) -> String {
        let items = findings::sentences(self.comparison);
        let items =
            items.iter().fold(String::new(), |list, item| list + &format!("<li>{}</li>\n", escape(item)));
        format!("<ul class=summary>\n{items}</ul>\n")
    }

    fn row(&self, direction: Direction, variant: &str, fault: &str) -> Option<&'a SummaryRecord> {
        let rows = &self.comparison.rows_by_direction;
        rows.iter().find(|r| r.direction == direction && r.variant == variant && r.fault == fault)
    }

    /// A table for each direction, rows by contender.
    fn grouped(
        &self,
        what: &str,
        header: &[&str],
        cells: impl Fn(Direction, &VariantSpec) -> Vec<String>,
    ) -> String {
        let s = &self.comparison.scenario;
        let mut text = String::new();
        for &direction in &s.directions {
            let name = if direction == Direction::Put { "Upload (STOR)" } else { "Download (RETR)" };
            let head =
                header.iter().fold(String::new(), |row, cell| row + &format!("<th scope=col>{cell}</th>"));
            let _ = writeln!(
                text,
                "<div class=by-direction data-direction={}><h3>{name}</h3>\n<div class=wide tabindex=0 role=region \
                 aria-label=\"{what}: {name}\"><table>\n<thead><tr><td></td>{head}</tr></thead>\n<tbody>",
                direction.as_str()
            );
            for variant in &s.variants {
                let _ = writeln!(
                    text,
                    "<tr><th scope=row title=\"{}\">{}{}</th>{}</tr>",
                    escape(&variant.note),
                    swatch(variant),
                    escape(&variant.name),
                    cells(direction, variant).concat(),
                );
            }
            text += "</tbody></table></div></div>\n";
        }
        text
    }

    fn cost(&self) -> String {
        let Some(quiet) = self.comparison.scenario.faults.iter().find(|fault| fault.kind == FaultName::None)
        else {
            return String::new();
        };
        let header = [
            "data connections",
            "control round trips",
            "bytes in all packets / payload",
            "file p50",
            "file p99",
        ];
        let table = self.grouped("What a delivery takes", &header, |direction, variant| {
            let Some(row) = self.row(direction, &variant.name, quiet.name()) else { return Vec::new() };
            let per_run = |n: u64| {
                row.runs_counted
                    .checked_div(1)
                    .filter(|runs| *runs > 0)
                    .map_or(String::new(), |runs| format!("{:.0}", n as f64 / runs as f64))
            };
            let wire = if row.payload_bytes == 0 {
                String::new()
            } else {
                format!("{:.3}", row.wire_bytes as f64 / row.payload_bytes as f64)
            };
            let time = |us: Option<u64>| us.map_or(String::new(), format::duration);
            [
                per_run(row.data_connections),
                per_run(row.control_round_trips),
                wire,
                time(row.file_latency_p50_us),
                time(row.file_latency_p99_us),
            ]
            .map(|cell| format!("<td>{cell}</td>"))
            .to_vec()
        });
        let all = findings::of_all(self.comparison);
        format!("<h2 id=cost>What a delivery takes, undisturbed{all}</h2>\n{table}")
    }

    fn conditions(&self) -> String {
        let s = &self.comparison.scenario;
        let runs: u64 = self.comparison.rows.iter().map(|row| row.runs).sum();
        let counted: u64 = self.comparison.rows.iter().map(|row| row.runs_counted).sum();
        let [min, max] = s.workload.size_bytes;
        let rows = [
            (
                "runs",
                format!(
                    "{}; of them {} counted, in the others the fault found nothing to strike",
                    format::thousands(runs),
                    format::thousands(counted)
                ),
            ),
            ("seeds", s.seeds.to_string().replace(&s.seeds.to_string(), &self.comparison.seeds.to_string())),
            (
                "files in a run",
                format!("{} of {} to {}", s.workload.files, format::bytes(min), format::bytes(max)),
            ),
            ("round trip", format::setting(s.path.rtt_us)),
            ("bandwidth", format::bit_rate(s.path.bandwidth_bits_per_s)),
            ("queue", format::bytes(s.path.queue_bytes)),
            ("data timeout", format::setting(s.timeouts.data_idle_us)),
            ("ftpsim", crate::lab::records::VERSION.to_owned()),
        ];
        let list = rows.iter().fold(String::new(), |text, (name, value)| {
            text + &format!("<dt>{name}</dt><dd>{}</dd>", escape(value))
        });
        let variants = s.variants.iter().fold(String::new(), |text, variant| {
            text + &format!("<dt>{}</dt><dd>{}</dd>", escape(&variant.name), escape(&variant.note))
        });
        format!(
            "<h2 id=conditions>Conditions</h2>\n<dl>{list}</dl>\n<h3>Contenders</h3>\n<dl>{variants}</dl>\n\
             <p>All times are virtual; TCP as Linux does it (initial window of 10 segments, CUBIC, SACK, \
             minimum RTO 200 ms). The same command gives the same bytes.</p>\n<p><code>{}</code></p>\n",
            escape(&self.command())
        )
    }
}

fn anchor(row: &SummaryRecord) -> String {
    format!("loss-{}-{}-{}", row.variant, row.direction, row.fault)
}

fn per_cent(share: Option<Decimal<6>>) -> f64 {
    share.map_or(0.0, |share| share.0 * 100.0)
}

#[cfg(test)]
mod tests;
