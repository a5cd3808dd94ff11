//! An advice, in eighty columns.

use super::{Style, indent, wrap};
use crate::advise::advice::Way;
use crate::report::advise::Told;
use crate::report::advise::words::{HARMS, seen, share, spread, took};
use crate::report::{format, ways};
use comfy_table::{Cell, Table};
use ftp_proto::name::Printable;

/// Everything, ready to print; ends with a newline.
pub fn advice(told: &Told<'_>, style: Style) -> String {
    let mut text = format!("{}\n", style.bold(&plain(&told.title())));
    for (name, sentence) in told.conditions() {
        text += &hanging(name, &sentence, style.width);
    }
    text += &format!("\n{}\n", style.bold("Take"));
    text += &indent(&wrap(&told.decision(), style.width.saturating_sub(2)));
    for (name, way) in told.picks() {
        for instruction in told.instructions(way).iter().take(1) {
            let remark = if name.is_empty() { String::new() } else { format!("  # {name}") };
            text += &format!("\n  {}{remark}\n", plain(&instruction.text));
        }
    }
    let warnings = told.warnings();
    if !warnings.is_empty() {
        text.push('\n');
    }
    for warning in warnings {
        text += &indent(&wrap(&warning, style.width.saturating_sub(2)));
    }
    if !told.advice.ways.is_empty() {
        text += &style.block("All ways that are open, the best first", table(told, style));
        for sentence in told.legend() {
            text += &wrap(&sentence, style.width);
        }
        text += &commands(told, style);
    }
    text += &closed(told, style);
    text += &format!("\n{}\n", style.bold("How this was found"));
    for sentence in told.how() {
        text += &wrap(&plain(&sentence), style.width);
    }
    text += &format!("Again, without the network:\n  {}\n", plain(&told.again));
    text
}

/// Names and URLs may hold anything.
fn plain(text: &str) -> String {
    Printable(text).to_string()
}

/// A name, and behind it a sentence of several lines.
fn hanging(name: &str, sentence: &str, width: u16) -> String {
    let lines = wrap(sentence, width.saturating_sub(9));
    let mut text = String::new();
    for (index, line) in lines.lines().enumerate() {
        text += &format!("{:8} {line}\n", if index == 0 { name } else { "" });
    }
    text
}

fn table(told: &Told<'_>, style: Style) -> Table {
    let header =
        ["", "way", "takes", "+- %"].into_iter().chain(HARMS.map(|(_, name, _)| name)).chain(["seen"]);
    let mut table = style.table(header.map(str::to_owned).collect(), 2);
    for (index, way) in told.advice.ways.iter().enumerate() {
        let mut row = vec![Cell::new(index + 1), Cell::new(&way.variant.name)];
        row.push(Cell::new(way.time.map_or("no end".to_owned(), |time| format::duration(time.us))));
        row.push(Cell::new(way.time.map_or(String::new(), |time| spread(&time))));
        for (harm, _, _) in HARMS {
            let risk = way.under(harm);
            row.push(style.judged(share(&risk), risk.lost > 0));
        }
        row.push(style.judged(seen(way), way.exposed_files > 0));
        table.add_row(row);
    }
    table
}

fn commands(told: &Told<'_>, style: Style) -> String {
    let mut text = format!("\n{}\n", style.bold("How to do each"));
    for (index, way) in told.advice.ways.iter().enumerate() {
        text += &heading(index + 1, way, style);
        for instruction in told.instructions(way) {
            let remark = instruction.remark.map_or(String::new(), |remark| format!("  # {remark}"));
            let name = match instruction.text.split(' ').next() == Some(instruction.program) {
                true => String::new(),
                false => format!("{}: ", instruction.program),
            };
            text += &format!("   {name}{}{remark}\n", plain(&instruction.text));
        }
    }
    text
}

fn heading(number: usize, way: &Way, style: Style) -> String {
    let time = way.time.map_or("no end".to_owned(), |time| took(&time));
    let line = format!("{number}. {}: {}; {time}", way.variant.name, ways::words(&way.variant));
    let text = wrap(&line, style.width);
    text.replacen(&way.variant.name, &style.bold(&way.variant.name), 1)
}

fn closed(told: &Told<'_>, style: Style) -> String {
    if told.advice.closed.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", style.bold("Not open"));
    for closed in &told.advice.closed {
        text += &wrap(&format!("{}: {}", closed.variant.name, closed.missing.why), style.width);
    }
    text
}
