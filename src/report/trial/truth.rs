//! The truth table on real sockets, in the terminal.

use super::distinct;
use crate::sim::outcome::Verdict;
use crate::trial::truth::Compared;
use comfy_table::Table;
use std::fmt::Write as _;

/// A row a contender and direction, a column a cut; then every difference.
pub fn render(rows: &[Compared]) -> String {
    let mut table = Table::new();
    let cuts = distinct(rows.iter().map(|row| row.cut.as_str()).filter(|cut| !cut.is_empty()));
    table.set_header(["cuts that agree", ""].iter().chain(&cuts));
    for strip in rows.chunk_by(|a, b| (&a.variant, &a.direction) == (&b.variant, &b.direction)) {
        let cell = |cut: &&str| {
            let of_cut: Vec<&Compared> = strip.iter().filter(|row| row.cut == *cut).collect();
            let agree = of_cut.iter().filter(|row| row.agrees).count();
            format!("{agree}/{}", of_cut.len())
        };
        let names = [strip[0].variant.clone(), strip[0].direction.clone()];
        table.add_row(names.into_iter().chain(cuts.iter().map(cell)));
    }
    let mut text = format!("{table}\n\n");
    for row in rows.iter().filter(|row| !row.agrees) {
        let real = row.real.map_or("not struck", Verdict::name);
        let _ = writeln!(
            text,
            "{} {} {} at wire byte {} ({}): {} in the simulation, {real} on real sockets",
            row.variant, row.direction, row.cut, row.wire_byte, row.position, row.simulated
        );
    }
    let agree = rows.iter().filter(|row| row.agrees).count();
    let _ = writeln!(text, "{agree} of {} cuts agree", rows.len());
    text
}
