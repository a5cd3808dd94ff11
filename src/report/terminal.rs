//! The experiments' results as tables for a terminal.

#[cfg(feature = "cli")]
mod advise;
#[cfg(feature = "cli")]
mod bench;
mod grid;
mod truth;
mod twice;

#[cfg(feature = "cli")]
pub use advise::advice;
#[cfg(feature = "cli")]
pub use bench::benchmark;
pub use grid::grid;
pub use truth::truth_table;
pub use twice::cut_twice;

use super::{baseline, decision, findings, format};
use crate::lab::claim::{Claim, Standing};
use crate::lab::compare::{Comparison, Violation};
use crate::lab::plural::plural;
use crate::lab::records::SummaryRecord;
use crate::sim::fault::FaultName;
use crate::sim::scenario::{Direction, FaultSpec, Scenario};
use comfy_table::presets::NOTHING;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table,
};

/// Columns of one table that a hundred characters can hold.
const FAULTS_MAX: usize = 7;

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The width of the terminal, in columns.
    pub width: u16,
    /// Whether verdicts are coloured.
    pub colour: bool,
}

impl Style {
    fn bold(self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// In red, where it is to be seen at once.
    pub(super) fn marked(self, text: &str, marked: bool) -> String {
        if self.colour && marked { format!("\x1b[1;31m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Broken between words, to the width of the terminal.
    pub(super) fn wrapped(self, text: &str) -> String {
        wrap(text, self.width)
    }

    /// What a scenario is to find out, behind its name.
    fn question(self, scenario: &Scenario) -> String {
        let text = wrap(&format!("{}: {}", scenario.name, scenario.question), self.width);
        text.replacen(&scenario.name, &self.bold(&scenario.name), 1)
    }

    /// Rows by direction and contender, columns by kind of fault, as many tables as it takes; an empty cell
    /// where there is none.
    fn by_fault(
        self,
        scenario: &Scenario,
        faults: &[&FaultSpec],
        title: &str,
        cell: impl Fn(Direction, &str, &str) -> Option<Cell>,
    ) -> String {
        let names: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
        let mut text = String::new();
        for faults in names.chunks(FAULTS_MAX) {
            let header = ["", ""].iter().chain(faults);
            let mut table = self.table(header.map(|name| name.replace('_', " ")).collect(), 2);
            grouped(scenario, &mut table, |direction, variant| {
                let cell = |fault: &&str| cell(direction, variant, fault).unwrap_or_else(|| Cell::new(""));
                faults.iter().map(cell).collect()
            });
            text +=
                &if text.is_empty() { self.block(title, table) } else { format!("\n{}\n", table.trim_fmt()) };
        }
        text
    }

    pub(super) fn block(self, title: &str, table: Table) -> String {
        let title = wrap(title, self.width);
        format!("\n{}\n{}\n", self.bold(title.trim_end()), table.trim_fmt())
    }

    /// A table whose first columns, so many, hold names, the others numbers.
    pub(super) fn table(self, header: Vec<String>, names: usize) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING.header_separator(LineStyle::new('─', '─', '─', '─')));
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.width);
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let cells = header.into_iter().map(|text| {
            let cell = Cell::new(text).set_alignment(CellAlignment::Right);
            if self.colour { cell.add_attribute(Attribute::Dim) } else { cell }
        });
        table.set_header(cells);
        for column in table.column_iter_mut().take(names) {
            // A name is never broken.
            column.set_cell_alignment(CellAlignment::Left);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        for column in table.column_iter_mut().skip(names) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn claims(self, claims: &[Claim]) -> String {
        let mut text = format!("\n{}\n", self.bold("What people say"));
        for claim in claims {
            let standing = claim.standing.as_str().to_uppercase();
            let line = wrap(&format!("{standing}: {}", claim.claim), self.width);
            text += &line.replacen(&standing, &self.verdict(claim.standing, &standing), 1);
            for line in [&claim.figure, &format!("> {}", claim.command)] {
                text += &indent(&wrap(line, self.width.saturating_sub(2)));
            }
        }
        text
    }

    /// The first ten, each with the command that shows it.
    fn violations(self, violations: &[Violation], scenario: &str) -> String {
        let mut text = String::new();
        for Violation { variant, seed, oracle, why } in violations.iter().take(10) {
            let line = format!(
                "VIOLATED: {oracle}: {why} (ftpsim replay {scenario} --variant {variant} --seed {seed})"
            );
            text += &wrap(&line, self.width);
        }
        if violations.len() > 10 {
            let more = violations.len() - 10;
            text += &format!("... and {more} more {}\n", plural(more, "violation"));
        }
        text
    }

    fn verdict(self, standing: Standing, text: &str) -> String {
        let colour = match standing {
            Standing::Holds => "32",
            Standing::Conditional => "33",
            Standing::Fails => "31",
            Standing::NotEnough | Standing::Untested => "2",
        };
        if self.colour { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Red where something was lost, green where nothing was.
    fn judged(self, text: String, lost: bool) -> Cell {
        let cell = Cell::new(text);
        match (self.colour, lost) {
            (false, _) => cell,
            (true, true) => cell.fg(Color::Red).add_attribute(Attribute::Bold),
            (true, false) => cell.fg(Color::Green),
        }
    }
}

/// Everything, ready to print; ends with a newline.
pub fn render(comparison: &Comparison, style: Style) -> String {
    let page = Page { comparison, style };
    let mut text = page.heading();
    if let Some(note) = findings::unfinished(comparison) {
        text += &wrap(&format!("UNFINISHED: {note}"), style.width);
    }
    text += &page.by_fault(
        "Silent loss: runs in which a file ended up short, wrong or missing and nobody was told",
        |row| page.loss_cell(row),
    );
    if comparison.rows.iter().any(|row| row.exposed > 0) {
        text += &page.by_fault(
            "Exposed: files that a reader of the receiver's directory could see incomplete under their names",
            |row| page.exposure_cell(row),
        );
    }
    for verdict in findings::circumstances(comparison) {
        text += &page.by_fault(&findings::heading(verdict), |row| {
            page.share_cell(row.verdicts.of(verdict), row.files)
        });
    }
    text += &page.block(
        "Delivery time: median, and its ratio to the first contender's on the same seed [95 %]",
        page.delivery_time(),
    );
    text += &page.block(
        "What a delivery takes, undisturbed: connections, control round trips, bytes, time of a file",
        page.cost(),
    );
    text += &page.answers();
    text.push('\n');
    for sentence in findings::sentences(comparison) {
        text += &wrap(&sentence, style.width);
    }
    text += &page.claims();
    text += &page.changes();
    text += &page.footnotes();
    text
}

struct Page<'a> {
    comparison: &'a Comparison,
    style: Style,
}

impl Page<'_> {
    fn scenario(&self) -> &Scenario {
        &self.comparison.scenario
    }

    fn heading(&self) -> String {
        let s = self.scenario();
        let c = self.comparison;
        let runs: u64 = c.rows.iter().map(|row| row.runs).sum();
        let [min, max] = s.workload.size_bytes;
        let conditions = format!(
            "{} (seeds {}) of {} of {} to {}; path: {} round trip, {}, queue {}{}.",
            format::counted(runs, "run"),
            c.seeds,
            format::counted(s.workload.files.into(), "file"),
            format::bytes(min),
            format::bytes(max),
            format::setting(s.path.rtt_us),
            format::bit_rate(s.path.bandwidth_bits_per_s),
            format::bytes(s.path.queue_bytes),
            match s.path.loss_ppm {
                0 => String::new(),
                ppm => format!(", loss {}", format::percent(f64::from(ppm) / 1e6)),
            },
        );
        format!("{}{}", self.style.question(s), wrap(&conditions, self.style.width))
    }

    fn block(&self, title: &str, table: Table) -> String {
        self.style.block(&format!("{title}{}", findings::of_all(self.comparison)), table)
    }

    fn table(&self, header: Vec<String>) -> Table {
        self.style.table(header, 2)
    }

    /// Rows by direction and contender, columns by kind of fault, as many tables as it takes.
    fn by_fault(&self, title: &str, cell: impl Fn(&SummaryRecord) -> Cell) -> String {
        let faults: Vec<&FaultSpec> = self.scenario().faults.iter().collect();
        let title = format!("{title}{}", findings::of_all(self.comparison));
        self.style.by_fault(self.scenario(), &faults, &title, |direction, variant, fault| {
            self.row(direction, variant, fault).map(&cell)
        })
    }

    /// Of the files of the runs counted.
    fn exposure_cell(&self, row: &SummaryRecord) -> Cell {
        self.share_cell(row.exposed, row.files)
    }

    fn share_cell(&self, harmed: u64, files: u64) -> Cell {
        let text = match harmed {
            0 => "0".to_owned(),
            n => format::percent(n as f64 / files as f64),
        };
        self.style.judged(text, harmed > 0)
    }

    fn loss_cell(&self, row: &SummaryRecord) -> Cell {
        let counts = format!("{}/{}", row.runs_with_silent_loss, row.runs_counted);
        let share = row.silent_loss_share.map_or(0.0, |share| share.0);
        let lost = row.runs_with_silent_loss > 0;
        let text = if lost { format!("{counts} {}", format::percent(share)) } else { counts };
        self.style.judged(text, lost)
    }

    /// Adds a row for each direction and contender: its two first cells, then `cells`.
    fn grouped(&self, table: &mut Table, cells: impl Fn(Direction, &str) -> Vec<Cell>) {
        grouped(self.scenario(), table, cells);
    }

    fn row(&self, direction: Direction, variant: &str, fault: &str) -> Option<&SummaryRecord> {
        let rows = &self.comparison.rows_by_direction;
        rows.iter().find(|r| r.direction == direction && r.variant == variant && r.fault == fault)
    }

    /// The faults that do not strike at one byte come first; the others are timeouts and retries.
    fn delivery_time(&self) -> Table {
        let s = self.scenario();
        let all_along: Vec<&str> =
            s.faults.iter().filter(|fault| !fault.kind.has_trigger()).map(|fault| fault.name()).collect();
        let faults = if all_along.is_empty() {
            s.faults.iter().map(|fault| fault.name()).take(2).collect()
        } else {
            all_along
        };
        let mut header = vec![String::new(), String::new()];
        for fault in &faults {
            let name = if *fault == FaultName::None.as_str() { "undisturbed" } else { fault };
            header.push(name.replace('_', " "));
            header.push("ratio".to_owned());
        }
        let mut table = self.table(header);
        self.grouped(&mut table, |direction, variant| {
            faults
                .iter()
                .flat_map(|fault| {
                    let row = self.row(direction, variant, fault);
                    let median =
                        row.and_then(|r| r.duration_median_us).map_or(String::new(), format::duration);
                    [Cell::new(median), Cell::new(row.map_or(String::new(), time_ratio))]
                })
                .collect()
        });
        table
    }

    fn cost(&self) -> Table {
        let header = ["", "", "data connections", "round trips", "wire / payload", "file p50", "file p99"];
        let mut table = self.table(header.map(str::to_owned).to_vec());
        let quiet = self.scenario().faults.iter().find(|fault| fault.kind == FaultName::None);
        let fault = quiet.or(self.scenario().faults.first()).map_or("", |fault| fault.name());
        self.grouped(&mut table, |direction, variant| {
            let Some(row) = self.row(direction, variant, fault) else { return Vec::new() };
            let per_run = |n: u64| {
                if row.runs_counted == 0 { String::new() } else { tenths(n, row.runs_counted) }
            };
            let wire = if row.payload_bytes == 0 {
                String::new()
            } else {
                ratio4(row.wire_bytes, row.payload_bytes)
            };
            let latency = |us: Option<u64>| us.map_or(String::new(), format::duration);
            [
                per_run(row.data_connections),
                per_run(row.control_round_trips),
                wire,
                latency(row.file_latency_p50_us),
                latency(row.file_latency_p99_us),
            ]
            .map(Cell::new)
            .to_vec()
        });
        table
    }

    /// Each with its verdict, the figure behind it and the command that shows it.
    fn claims(&self) -> String {
        self.style.claims(&self.comparison.claims)
    }

    /// For each situation what to take, why, and the command.
    fn answers(&self) -> String {
        let mut text = format!("\n{}\n", self.style.bold("What to take"));
        for answer in decision::answers(self.comparison) {
            let pick = answer.pick.map_or(String::new(), |pick| format!("{pick}; it "));
            text += &wrap(&format!("{}: {pick}{}", answer.situation, answer.why), self.style.width);
            if let Some(command) = answer.command {
                text += &indent(&wrap(&format!("> {command}"), self.style.width.saturating_sub(2)));
            }
        }
        text
    }

    /// What is otherwise than in earlier results.
    fn changes(&self) -> String {
        let Some(changes) = &self.comparison.baseline else { return String::new() };
        let mut table =
            self.style.table([""].iter().chain(&baseline::HEADS).map(|h| (*h).to_owned()).collect(), 1);
        for change in &changes.changed {
            let name = baseline::name(change);
            table.add_row(std::iter::once(name).chain(baseline::cells(change)));
        }
        let summary = baseline::summary(changes);
        match changes.changed.is_empty() {
            true => format!("\n{}", wrap(&summary, self.style.width)),
            false => self.style.block(&summary, table),
        }
    }

    fn footnotes(&self) -> String {
        let c = self.comparison;
        let mut text = String::from("\n");
        let (runs, counted) =
            c.rows.iter().fold((0, 0), |(runs, counted), row| (runs + row.runs, counted + row.runs_counted));
        if runs > counted {
            text += &wrap(
                &format!(
                    "In {} the fault found nothing to strike; {} not counted.",
                    format::counted(runs - counted, "run"),
                    if runs - counted == 1 { "it is" } else { "they are" }
                ),
                self.style.width,
            );
        }
        if let Some(why) = format::too_few_pairs(&c.rows_by_direction) {
            text += &wrap(&why, self.style.width);
        }
        text += &self.style.violations(&c.violations, &c.scenario.word());
        text
    }
}

fn time_ratio(row: &SummaryRecord) -> String {
    match row.duration_ratio {
        _ if row.variant == row.baseline => "1".to_owned(),
        Some(ratio) => format::ratio_of_pairs(ratio.0, row.duration_ratio_ends()),
        None => String::new(),
    }
}

/// A mean with one decimal, none if it is whole.
fn tenths(sum: u64, n: u64) -> String {
    if sum.is_multiple_of(n) { format::thousands(sum / n) } else { format!("{:.1}", sum as f64 / n as f64) }
}

fn ratio4(of: u64, to: u64) -> String {
    format!("{:.4}", of as f64 / to as f64)
}

fn indent(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}\n")).collect()
}

/// Lines of at most `width` characters, broken at spaces, each ended.
fn wrap(text: &str, width: u16) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > usize::from(width) {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines += word;
        length += word_length;
    }
    lines.push('\n');
    lines
}

/// A row for each direction and contender, with the cells behind their names.
fn grouped(scenario: &Scenario, table: &mut Table, cells: impl Fn(Direction, &str) -> Vec<Cell>) {
    for &direction in &scenario.directions {
        for (i, variant) in scenario.variants.iter().enumerate() {
            let direction_cell = if i == 0 { direction.as_str() } else { "" };
            let mut row = vec![Cell::new(direction_cell), Cell::new(&variant.name)];
            row.extend(cells(direction, &variant.name));
            table.add_row(row);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
