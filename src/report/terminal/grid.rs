//! Delivery times over a grid, as tables: along each of its axes through its middle.

use super::{Style, format, wrap};
use crate::lab::grid::{Grid, GridRecord};
use crate::lab::plural::counted;
use crate::lab::records::Ppm;
use crate::sim::scenario::{Cell, Direction, GridSpec};
use comfy_table::Cell as TableCell;

/// Everything, ready to print; ends with a newline.
pub fn grid(result: &Grid, style: Style) -> String {
    let s = &result.scenario;
    let Some(spec) = &s.grid else { return String::new() };
    let page = Page { result, style, middle: middle(spec) };
    let mut text = style.question(s);
    let runs: u64 = result.rows.iter().map(|row| row.runs).sum();
    let cells = format!(
        "{}, {}. Times are those of a file: of the delivery, by its files.",
        format::counted(result.rows.len() as u64, "cell"),
        format::counted(runs, "run")
    );
    text += &wrap(&cells, style.width);
    let m = page.middle;
    text += &page.times("round-trip time", &spec.rtt_us, |rtt_us| Cell { rtt_us, ..m }, format::setting);
    let rates = &spec.bandwidth_bits_per_s;
    text += &page.times(
        "bandwidth",
        rates,
        |bandwidth_bits_per_s| Cell { bandwidth_bits_per_s, ..m },
        format::bit_rate,
    );
    text += &page.times("loss", &spec.loss_ppm, |loss_ppm| Cell { loss_ppm, ..m }, loss);
    text += &page.times(
        "file size",
        &spec.deliveries,
        |delivery| Cell { delivery, ..m },
        |delivery| format::bytes(delivery.file_size_bytes),
    );
    text += &page.costs();
    text.push('\n');
    text += &wrap(&counting(&result.rows), style.width);
    text += &style.claims(&result.claims);
    text += &style.violations(&result.violations, &s.word());
    text
}

/// No loss, and of each other axis the value in the middle, the lower one of two.
fn middle(spec: &GridSpec) -> Cell {
    fn of<T: Copy>(values: &[T]) -> T {
        values[(values.len() - 1) / 2]
    }
    Cell {
        rtt_us: of(&spec.rtt_us),
        bandwidth_bits_per_s: of(&spec.bandwidth_bits_per_s),
        loss_ppm: spec.loss_ppm[0],
        delivery: of(&spec.deliveries),
    }
}

fn loss(ppm: u32) -> String {
    format::percent(f64::from(ppm) / 1e6)
}

struct Page<'a> {
    result: &'a Grid,
    style: Style,
    middle: Cell,
}

impl Page<'_> {
    fn row(&self, variant: &str, direction: Direction, cell: Cell) -> Option<&GridRecord> {
        self.result.rows.iter().find(|row| {
            row.variant == variant
                && row.direction == direction
                && row.rtt_us == cell.rtt_us
                && row.bandwidth_bits_per_s == cell.bandwidth_bits_per_s
                && row.loss == Ppm(cell.loss_ppm)
                && row.file_size_bytes == cell.delivery.file_size_bytes
        })
    }

    /// Contenders by the values of one axis.
    fn times<T: Copy>(
        &self,
        axis: &str,
        values: &[T],
        cell: impl Fn(T) -> Cell,
        name: impl Fn(T) -> String,
    ) -> String {
        let header = ["", ""].map(str::to_owned).into_iter().chain(values.iter().map(|value| name(*value)));
        let header = header.collect();
        let title = format!("Time of a file by {axis}{}", self.conditions(axis));
        self.block(&title, header, |variant, direction| {
            let time = |row: &GridRecord| format::duration(row.duration_us? / row.files.max(1)).into();
            let cells = values.iter().map(|value| self.row(variant, direction, cell(*value)).and_then(time));
            cells.map(|text: Option<String>| text.unwrap_or_default()).collect()
        })
    }

    fn conditions(&self, axis: &str) -> String {
        let m = self.middle;
        let all = [
            ("round-trip time", format::setting(m.rtt_us)),
            ("bandwidth", format::bit_rate(m.bandwidth_bits_per_s)),
            ("loss", format!("{} of loss", loss(m.loss_ppm))),
            ("file size", format!("files of {}", format::bytes(m.delivery.file_size_bytes))),
        ];
        let others = all.iter().filter(|(name, _)| *name != axis).map(|(_, value)| value.clone());
        format!(" ({})", others.collect::<Vec<_>>().join(", "))
    }

    fn costs(&self) -> String {
        let header = [
            "",
            "",
            "data connections",
            "round trips",
            "framing bytes",
            "IP overhead bytes",
            "TIME-WAIT client",
            "TIME-WAIT server",
        ];
        let title = format!(
            "What a delivery of {} takes{}: overhead bytes are those of a file",
            counted(self.middle.delivery.files, "file"),
            self.conditions("")
        );
        self.block(&title, header.map(str::to_owned).to_vec(), |variant, direction| {
            let Some(row) = self.row(variant, direction, self.middle) else { return Vec::new() };
            let files = row.files.max(1) as f64;
            vec![
                format::thousands(row.data_connections),
                row.control_round_trips.map_or(String::new(), format::thousands),
                format!("{:.1}", row.framing_overhead_bytes as f64 / files),
                format!("{:.0}", row.ip_overhead_bytes as f64 / files),
                format::thousands(row.time_wait_client),
                format::thousands(row.time_wait_server),
            ]
        })
    }

    fn block(
        &self,
        title: &str,
        header: Vec<String>,
        cells: impl Fn(&str, Direction) -> Vec<String>,
    ) -> String {
        let mut table = self.style.table(header, 2);
        for direction in &self.result.scenario.directions {
            for (i, variant) in self.result.scenario.variants.iter().enumerate() {
                let first = if i == 0 { direction.as_str() } else { "" };
                let mut row = vec![TableCell::new(first), TableCell::new(&variant.name)];
                row.extend(cells(&variant.name, *direction).into_iter().map(TableCell::new));
                table.add_row(row);
            }
        }
        self.style.block(title, table)
    }
}

/// How far the simulation is from counting round trips.
fn counting(rows: &[GridRecord]) -> String {
    let mut off: Vec<f64> = rows
        .iter()
        .filter_map(|row| Some((row.duration_us? as f64 / row.expected_us? as f64 - 1.0).abs()))
        .collect();
    off.sort_by(f64::total_cmp);
    let Some(worst) = off.last() else { return "No cell has a closed form.".to_owned() };
    let near = off.iter().filter(|off| **off <= 0.01).count();
    format!(
        "Counting round trips, slow start and serialisation gives the time of {}: {} of them {} within \
         1 % of it, the farthest is {} away.",
        format::counted(off.len() as u64, "cell"),
        format::thousands(near as u64),
        if near == 1 { "is" } else { "are" },
        format::percent(*worst)
    )
}
