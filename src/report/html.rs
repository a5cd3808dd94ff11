//! `report.html`: one file that needs nothing else, light or dark, on a desk or on a phone.

mod grid;
mod page;
mod truth;

use super::{charts, findings, format};
use crate::lab::claim::Standing;
use crate::lab::compare::{Comparison, Loss};
use crate::lab::grid::Grid;
use crate::lab::plural::counted;
use crate::lab::records::SummaryRecord;
use crate::lab::truth::TruthTable;
use crate::sim::fault::FaultName;
use crate::sim::outcome::Verdict;
use crate::sim::scenario::{Direction, FaultSpec, VariantSpec};
pub use grid::delivery_times;
pub(in crate::report) use page::{document, escape, shown};
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
pub use truth::truth_table;

/// Seeds listed for one cell; all are in `runs.csv`.
const SEEDS_LISTED: usize = 40;

/// What was run along with a comparison.
#[derive(Default)]
pub struct Companions {
    /// The truth table, where one was made.
    pub truth: Option<TruthTable>,
    /// The grid of delivery times, where one was run.
    pub grid: Option<Grid>,
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
    let mut body = format!("<h1>{}</h1>\n<p class=question>{}</p>\n", escape(&s.name), escape(&s.question));
    if let Some(note) = findings::unfinished(comparison) {
        let _ = writeln!(body, "<p class=unfinished><b>Unfinished.</b> {}</p>", escape(&note));
    }
    body += &page.summary();
    body += &page.claims();
    body += &page.reliability();
    body += &page.circumstances();
    body += &page.delivery_time()?;
    body += &page.cost();
    if let Some(times) = &companions.grid {
        body += &grid::section(times)?;
    }
    body += &companions.truth.as_ref().map_or(String::new(), truth::section);
    body += &page.conditions();
    body += &page.losses();
    Ok(document(&s.name, truth::CSS, &body))
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

    fn claims(&self) -> String {
        let mut text = String::from("<h2 id=claims>What people say</h2>\n");
        for claim in &self.comparison.claims {
            let class = match claim.standing {
                Standing::Holds => "holds",
                Standing::Conditional => "conditional",
                Standing::Fails => "fails",
                Standing::NotEnough | Standing::Untested => "untested",
            };
            let _ = writeln!(
                text,
                "<div class=\"claim {class}\"><b>{}</b> <span class=standing>{}</span><p>{}</p><code>{}</code></div>",
                escape(claim.claim),
                claim.standing.as_str(),
                escape(&claim.figure),
                escape(&claim.command),
            );
        }
        text
    }

    fn row(&self, direction: Direction, variant: &str, fault: &str) -> Option<&'a SummaryRecord> {
        let rows = &self.comparison.rows_by_direction;
        rows.iter().find(|r| r.direction == direction && r.variant == variant && r.fault == fault)
    }

    /// A table for each direction, rows by contender.
    fn grouped(&self, header: &[String], cells: impl Fn(Direction, &VariantSpec) -> Vec<String>) -> String {
        let s = &self.comparison.scenario;
        let mut text = String::new();
        for &direction in &s.directions {
            let name = if direction == Direction::Put { "Upload (STOR)" } else { "Download (RETR)" };
            let head =
                header.iter().fold(String::new(), |row, cell| row + &format!("<th scope=col>{cell}</th>"));
            let _ = writeln!(text, "<div class=wide><table>\n<tr><th scope=col>{name}</th>{head}</tr>");
            for variant in &s.variants {
                let colour = charts::css(charts::colour(variant.mode, variant.structure));
                let row = cells(direction, variant).concat();
                let _ = writeln!(
                    text,
                    "<tr><th scope=row title=\"{}\"><i style=\"background:{colour}\"></i>{}</th>{row}</tr>",
                    escape(&variant.note),
                    escape(&variant.name),
                );
            }
            text += "</table></div>\n";
        }
        text
    }

    fn reliability(&self) -> String {
        let faults = &self.comparison.scenario.faults;
        let header: Vec<String> =
            faults.iter().map(|fault| escape(&fault.name().replace('_', " "))).collect();
        let table = self.grouped(&header, |direction, variant| {
            faults
                .iter()
                .map(|fault| {
                    self.row(direction, &variant.name, fault.name()).map_or("<td></td>".into(), loss_cell)
                })
                .collect()
        });
        let notes = faults.iter().fold(String::new(), |list, fault| {
            list + &format!(
                "<dt>{}</dt><dd>{}</dd>",
                escape(&fault.name().replace('_', " ")),
                fault.kind.about().line
            )
        });
        format!(
            "<h2 id=reliability>Silent loss, by fault</h2>\n<p>Runs in which a file ended up short, wrong or missing \
             and nobody was told, of the runs whose fault fired. The bar is the share, the line its 95 % interval \
             (Wilson). A count leads to its seeds.</p>\n{table}<details><summary>The faults</summary><dl>{notes}</dl>\
             </details>\n<p><code>{}</code></p>\n",
            escape(&self.command())
        )
    }

    /// A table for each fate that comes of circumstances, where some file has come to it.
    fn circumstances(&self) -> String {
        let faults = &self.comparison.scenario.faults;
        let header: Vec<String> =
            faults.iter().map(|fault| escape(&fault.name().replace('_', " "))).collect();
        let table = |verdict: Verdict| {
            let rows = self.grouped(&header, |direction, variant| {
                let row = |fault: &FaultSpec| self.row(direction, &variant.name, fault.name());
                faults
                    .iter()
                    .map(|fault| {
                        row(fault).map_or("<td></td>".into(), |row| {
                            let files = row.verdicts.of(verdict);
                            let class = if files > 0 { "lost" } else { "none" };
                            format!("<td class={class}>{files}/{}</td>", row.files)
                        })
                    })
                    .collect()
            });
            format!("<h2 id={}>{}</h2>\n{rows}", verdict.name(), escape(&findings::heading(verdict)))
        };
        findings::circumstances(self.comparison).map(table).collect()
    }

    fn delivery_time(&self) -> Result<String, Box<dyn Error>> {
        let s = &self.comparison.scenario;
        let mut text = format!(
            "<h2 id=time>Delivery time</h2>\n<p>The median of the ratios to {} on the same seed: same files, same \
             path, same losses. The line is its 95 % interval (bootstrap over seeds).</p>\n",
            escape(&s.variants[0].name)
        );
        for fault in s.faults.iter().filter(|fault| !fault.kind.has_trigger()) {
            for &direction in &s.directions {
                let rows: Vec<_> = s
                    .variants
                    .iter()
                    .filter_map(|variant| self.row(direction, &variant.name, fault.name()))
                    .collect();
                let what = match fault.kind {
                    FaultName::None => "undisturbed".to_owned(),
                    _ => format!("under {}", fault.name().replace('_', " ")),
                };
                let action = if direction == Direction::Put { "Upload" } else { "Download" };
                let base = rows
                    .first()
                    .and_then(|row| row.duration_median_us)
                    .map_or(String::new(), format::duration);
                let _ = write!(
                    text,
                    "<figure><figcaption>{action}, {what}; {} takes {base}</figcaption>\n{}</figure>\n",
                    escape(&s.variants[0].name),
                    charts::ratios(&rows)?,
                );
                let _ = writeln!(
                    text,
                    "<details><summary>{action}, {what}: percentiles of the time of a file</summary><figure>{}</figure>\
                     </details>",
                    charts::latencies(&rows)?,
                );
            }
        }
        Ok(text)
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
        let table = self.grouped(&header.map(str::to_owned), |direction, variant| {
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
        format!("<h2 id=cost>What a delivery takes, undisturbed</h2>\n{table}")
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

    /// The seeds behind each cell of losses.
    fn losses(&self) -> String {
        let c = self.comparison;
        let mut text = String::from("<h2 id=losses>The seeds behind the losses</h2>\n");
        if c.losses.is_empty() {
            return text + "<p>No run lost a file silently.</p>\n";
        }
        for row in c.rows_by_direction.iter().filter(|row| row.runs_with_silent_loss > 0) {
            let here = |loss: &&Loss| {
                loss.variant == row.variant && loss.fault == row.fault && row.direction == loss.direction
            };
            let seeds: Vec<_> = c.losses.iter().filter(here).collect();
            let _ = writeln!(
                text,
                "<details><summary>{}, {}, {}: {}</summary><pre id=\"{}\">",
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
                    escape(&c.scenario.word()),
                    escape(&row.variant),
                    loss.seed
                );
            }
            if seeds.len() > SEEDS_LISTED {
                let _ = writeln!(text, "and {} more in runs.csv", seeds.len() - SEEDS_LISTED);
            }
            text += "</pre></details>\n";
        }
        text
    }
}

fn anchor(row: &SummaryRecord) -> String {
    format!("loss-{}-{}-{}", row.variant, row.direction, row.fault)
}

/// The count, a bar as long as the share, a line as long as its interval.
fn loss_cell(row: &SummaryRecord) -> String {
    let per_cent = |value: Option<crate::lab::records::Decimal<6>>| value.map_or(0.0, |v| v.0 * 100.0);
    let (share, low, high) = (
        per_cent(row.silent_loss_share),
        per_cent(row.silent_loss_share_low),
        per_cent(row.silent_loss_share_high),
    );
    let counts = format!("{}/{}", row.runs_with_silent_loss, row.runs_counted);
    let bar = format!(
        "<svg class=bar viewBox=\"0 0 100 10\" preserveAspectRatio=none aria-hidden=true>\
         <rect width=\"{share:.1}\" height=10 /><line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=5 y2=5 /></svg>"
    )
    .replace("height=10 />", "height=\"10\"/>")
    .replace("y1=5 y2=5 />", "y1=\"5\" y2=\"5\"/>");
    let interval = format!("{share:.1} %, 95 % interval {low:.1} to {high:.1} %");
    if row.runs_with_silent_loss == 0 {
        return format!("<td class=none title=\"{interval}\">{counts}{bar}</td>");
    }
    format!(
        "<td class=lost title=\"{interval}\"><a href=\"#{}\">{counts}</a> {}{bar}</td>",
        anchor(row),
        format::percent(share / 100.0)
    )
}

#[cfg(test)]
mod tests;
