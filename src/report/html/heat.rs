//! Round-trip time by file size: who is fastest, and by how much.

use super::page::escape;
use super::{charts, format};
use crate::lab::grid::{Grid, GridRecord};
use crate::sim::scenario::Direction;
use std::fmt::Write as _;

/// Times that differ by less are the same.
const APART: f64 = 0.02;

/// One map for each rate and loss, the everyday one open.
pub(super) fn maps(grid: &Grid) -> String {
    let mut lines: Vec<Line> = Vec::new();
    for row in &grid.rows {
        let line = Line { bandwidth_bits_per_s: row.bandwidth_bits_per_s, loss_ppm: row.loss.0 };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.sort_by_key(|line| (line.bandwidth_bits_per_s != 100_000_000, line.loss_ppm));
    let first = grid.scenario.variants.first().map_or("", |variant| variant.name.as_str());
    let mut text = format!(
        "<h2 id=fastest>Who is fastest</h2>\n<p>By round-trip time and size of the files: the fastest contender, how \
         many times as fast as the next, and as {}. The deeper a cell, the farther ahead of that one. Times that differ \
         by less than 2 % are the same.</p>\n",
        escape(first)
    );
    for (index, line) in lines.iter().enumerate() {
        let maps: String =
            grid.scenario.directions.iter().map(|direction| map(grid, *line, *direction, first)).collect();
        let _ = match index {
            0 => writeln!(text, "<p>{}.</p>\n{maps}", line.words()),
            _ => writeln!(text, "<details><summary>{}</summary>{maps}</details>", line.words()),
        };
    }
    text
}

/// What the cells of a map have in common.
#[derive(Clone, Copy, PartialEq)]
struct Line {
    bandwidth_bits_per_s: u64,
    loss_ppm: u32,
}

impl Line {
    fn words(self) -> String {
        let loss = match self.loss_ppm {
            0 => "no loss".to_owned(),
            ppm => format!("{} loss", format::percent(f64::from(ppm) / 1e6)),
        };
        format!("{}, {loss}", format::bit_rate(self.bandwidth_bits_per_s))
    }

    fn has(self, row: &GridRecord) -> bool {
        row.bandwidth_bits_per_s == self.bandwidth_bits_per_s && row.loss.0 == self.loss_ppm
    }
}

fn map(grid: &Grid, line: Line, direction: Direction, first: &str) -> String {
    let rows: Vec<&GridRecord> =
        grid.rows.iter().filter(|row| row.direction == direction && line.has(row)).collect();
    let (mut rtts, mut sizes) = (Vec::new(), Vec::new());
    for row in &rows {
        if !rtts.contains(&row.rtt_us) {
            rtts.push(row.rtt_us);
        }
        if !sizes.contains(&(row.file_size_bytes, row.files)) {
            sizes.push((row.file_size_bytes, row.files));
        }
    }
    rtts.sort_unstable();
    sizes.sort_unstable();
    let action = if direction == Direction::Put { "Upload" } else { "Download" };
    let heads = rtts
        .iter()
        .fold(String::new(), |row, rtt| row + &format!("<th scope=col>{}</th>", format::setting(*rtt)));
    let mut text = format!(
        "<div class=by-direction data-direction={}><h3>{action}</h3>\n<div class=wide tabindex=0 role=region \
         aria-label=\"{action}, {}: who is fastest\"><table class=\"matrix heat\" style=\"--columns:{}\">\n<thead><tr>\
         <td>round trip</td>{heads}</tr></thead>\n<tbody>\n",
        direction.as_str(),
        line.words(),
        rtts.len()
    );
    for (size, files) in sizes {
        let cells = rtts.iter().fold(String::new(), |cells, rtt| {
            let here =
                |row: &&&GridRecord| (row.rtt_us, row.file_size_bytes, row.files) == (*rtt, size, files);
            let there: Vec<&GridRecord> = rows.iter().filter(here).copied().collect();
            cells + &cell(&there, first)
        });
        let _ = writeln!(
            text,
            "<tr><th scope=row>{} of {}</th>{cells}</tr>",
            format::counted(files, "file"),
            format::bytes(size)
        );
    }
    text + "</tbody></table></div></div>\n"
}

/// `rows`: the contenders of one cell.
fn cell(rows: &[&GridRecord], first: &str) -> String {
    let Some(fastest) = Fastest::of(rows, first) else { return "<td class=untold>–</td>".to_owned() };
    let times = |factor: f64| format!("{}×", format::ratio(factor));
    let next = fastest
        .next
        .map_or(String::new(), |(name, factor)| format!("<small>{} {}</small>", times(factor), escape(name)));
    let base = fastest
        .base
        .map_or(String::new(), |factor| format!("<small>{} {}</small>", times(factor), escape(first)));
    let depth = fastest.base.map_or(0.0, |factor| (10.0 * factor.log2()).clamp(0.0, 40.0));
    format!(
        "<td style=\"--mark:var(--{});--depth:{depth:.0}%\">{} <small>{}</small>{next}{base}</td>",
        fastest.colour,
        escape(&fastest.names.join(" = ")),
        format::duration(fastest.duration_us),
    )
}

/// Who is fastest in a cell.
struct Fastest<'a> {
    names: Vec<&'a str>,
    colour: &'static str,
    duration_us: u64,
    /// Who comes next, and how many times as long it takes.
    next: Option<(&'a str, f64)>,
    /// How many times as long the first contender takes, unless it is among the fastest or the next.
    base: Option<f64>,
}

impl<'a> Fastest<'a> {
    fn of(rows: &[&'a GridRecord], first: &str) -> Option<Self> {
        let whole = rows.iter().filter(|row| row.files_whole == row.files);
        let mut all: Vec<(&'a GridRecord, u64)> =
            whole.filter_map(|row| Some((*row, row.duration_us?))).collect();
        // Of equal times the order of the contenders decides.
        all.sort_by_key(|(_, us)| *us);
        let (best, duration_us) = *all.first()?;
        let factor = |us: u64| us as f64 / duration_us as f64;
        let (fastest, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, us)| factor(*us) < 1.0 + APART);
        let next = others.first().map(|(row, us)| (row.variant.as_str(), factor(*us)));
        let base = others.iter().find(|(row, _)| row.variant == first).map(|(_, us)| factor(*us));
        Some(Self {
            names: fastest.iter().map(|(row, _)| row.variant.as_str()).collect(),
            colour: charts::token(best.mode, best.structure),
            duration_us,
            next: next.filter(|(name, _)| *name != first),
            base,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::grid;
    use crate::sim::scenario::Scenario;

    #[test]
    fn the_fastest_is_the_one_that_takes_least_and_whole() {
        let scenario = Scenario::load("wan-grid").unwrap();
        let spec = scenario.grid.clone().unwrap();
        let of = |variant: &str| grid::row(&scenario, &spec, variant, 0, 0).unwrap().0;
        let (mut stream, mut block, mut other) = (of("stream"), of("block"), of("compressed"));
        (stream.duration_us, block.duration_us, other.duration_us) = (Some(400), Some(100), Some(101));
        let fastest = |rows: &[&GridRecord]| {
            Fastest::of(rows, "stream").map(|f| (f.names.join(" = "), f.next.map(|n| n.1), f.base))
        };
        let named = |names: &str, next, base| Some((names.to_owned(), next, base));
        assert_eq!(fastest(&[&stream, &block, &other]), named("block = compressed", None, Some(4.0)));
        other.duration_us = Some(200);
        assert_eq!(fastest(&[&stream, &block, &other]), named("block", Some(2.0), Some(4.0)));
        block.files_whole -= 1;
        assert_eq!(fastest(&[&stream, &block, &other]), named("compressed", None, Some(2.0)));
        assert_eq!(fastest(&[]), None);
    }
}
