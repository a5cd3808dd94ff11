//! A measurement over real sockets, as tables.

use super::{Style, format, wrap};
use crate::lab::plural::counted;
use crate::measure::record::{BenchRecord, Benchmark};
use crate::sim::workload::Content;
use comfy_table::Cell;

/// Everything, ready to print; ends with a newline.
pub fn benchmark(result: &Benchmark, style: Style) -> String {
    let Some(first) = result.rows.first().map(|row| &row.record) else { return String::new() };
    let mut text = wrap(&heading(result, first), style.width);
    text += &style.block(
        "Speed: median of the repetitions; `bare`: a TCP connection that carries the same bytes, 1 is the limit",
        speed(result, style),
    );
    text += &prices(result, style);
    text += &style.block(
        &format!(
            "Cost of a file, at {}: CPU time, context switches, system calls, round trips, data connections opened",
            if first.cost_of == "both" { "both ends" } else { "the client" }
        ),
        cost(result, style),
    );
    let calls = calls(result);
    if !calls.is_empty() {
        text += &format!("\n{}\n{calls}", style.bold("System calls of a file"));
    }
    if let Some(bytes) = result.peak_memory_bytes {
        text += &format!("\nMost memory held by this process: {}.\n", format::bytes(bytes));
    }
    text
}

fn heading(result: &Benchmark, first: &BenchRecord) -> String {
    let machine = &result.machine;
    let load = result.load.map_or(String::new(), |load| format!(", load {load:.2} before"));
    format!(
        "{} of {} ({}), store {}, server {}; {} after {} of warm-up, every byte \
         verified before. {}, {}, {}{load}, {}.",
        format::counted(first.files, "file"),
        format::bytes(first.file_size_bytes),
        content(first),
        stores(result).join(" and "),
        first.server,
        counted(first.repetitions, "repetition"),
        first.warm_up,
        machine.cpu,
        counted(machine.cores, "core"),
        machine.system,
        result.date,
    )
}

fn content(record: &BenchRecord) -> &'static str {
    match record.content {
        Content::Text => "text",
        Content::Random => "random",
        Content::Runs => "runs",
    }
}

/// Two cells: the direction where it changes, and the way.
fn names(result: &Benchmark, index: usize) -> [String; 2] {
    let contender = &result.rows[index].contender;
    let before = index.checked_sub(1).map(|before| result.rows[before].contender.direction);
    let direction = if before == Some(contender.direction) { "" } else { contender.direction.as_str() };
    let is_one_of_both = result.rows[index].record.is_durable() && stores(result).len() > 1;
    let way = if is_one_of_both { format!("{}, durable", contender.way()) } else { contender.way() };
    [direction.to_owned(), way]
}

/// Each once: two alternate, if there are two.
fn stores(result: &Benchmark) -> Vec<&str> {
    let mut all: Vec<&str> = result.rows.iter().map(|row| row.record.store.as_str()).collect();
    all.dedup();
    all.truncate(2);
    all
}

/// What durability costs, where each contender was measured with it and without.
fn prices(result: &Benchmark, style: Style) -> String {
    let mut text = String::new();
    for pair in result.rows.windows(2) {
        let [plain, durable] = pair else { continue };
        if durable.contender == plain.contender && durable.record.is_durable() && !plain.record.is_durable() {
            let speed = plain.record.duration_us as f64 / durable.record.duration_us.max(1) as f64;
            text += &format!("  {}: {}\n", durable.contender.name(), ratio(speed));
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("\n{}\n{text}", style.bold("Durable speed to the same without"))
    }
}

fn table(
    result: &Benchmark,
    style: Style,
    header: &[&str],
    cells: impl Fn(&BenchRecord) -> Vec<String>,
) -> comfy_table::Table {
    let header = ["", ""].iter().chain(header).map(|name| (*name).to_owned()).collect();
    let mut table = style.table(header, 2);
    for (index, row) in result.rows.iter().enumerate() {
        table.add_row(names(result, index).into_iter().chain(cells(&row.record)).map(Cell::new));
    }
    table
}

fn speed(result: &Benchmark, style: Style) -> comfy_table::Table {
    let header = ["files/s", "bytes/s", "to bare", "spread", "file p50", "p90", "p99", "max"];
    table(result, style, &header, |row| {
        let latency = |us: Option<u64>| us.map_or_else(|| "n/a".to_owned(), format::duration);
        vec![
            format::thousands(row.files_per_s.round() as u64),
            format::bytes(row.bytes_per_s),
            row.speed_to_bare.map_or_else(|| "n/a".to_owned(), ratio),
            row.spread.map_or_else(|| "n/a".to_owned(), format::percent),
            latency(row.file_latency_p50_us),
            latency(row.file_latency_p90_us),
            latency(row.file_latency_p99_us),
            latency(row.file_latency_max_us),
        ]
    })
}

fn cost(result: &Benchmark, style: Style) -> comfy_table::Table {
    let header = ["user us", "system us", "switches", "forced", "calls", "trips", "opened", "bytes"];
    table(result, style, &header, |row| {
        let each = |value: f64| value / row.files as f64;
        let us =
            |us: Option<u64>| us.map_or_else(|| "n/a".to_owned(), |us| format!("{:.1}", each(us as f64)));
        let number =
            |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.2}"));
        vec![
            us(row.cpu_user_us),
            us(row.cpu_system_us),
            number(row.voluntary_context_switches.map(|n| each(n as f64))),
            number(row.involuntary_context_switches.map(|n| each(n as f64))),
            number(row.system_calls_per_file),
            number(Some(each(row.control_round_trips as f64))),
            number(Some(each(row.data_connections as f64))),
            number(Some(each(row.data_wire_bytes as f64))),
        ]
    })
}

/// Also what is far from the limit.
fn ratio(value: f64) -> String {
    if value < 0.000_95 { format!("{value:.5}") } else { format::ratio(value) }
}

/// A line a row, the most frequent first.
fn calls(result: &Benchmark) -> String {
    let mut text = String::new();
    for row in &result.rows {
        let Some(calls) = &row.system_calls else { continue };
        let mut calls: Vec<(&String, &f64)> = calls.iter().filter(|(_, count)| **count >= 0.01).collect();
        calls.sort_by(|a, b| b.1.total_cmp(a.1));
        let list: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count:.2}")).collect();
        text += &format!("  {}: {}\n", row.contender.name(), list.join(", "));
    }
    text
}
