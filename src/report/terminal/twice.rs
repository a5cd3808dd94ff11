//! Cut twice: contenders by kinds of cut.

use super::{Style, format, wrap};
use crate::lab::truth::Effect;
use crate::lab::twice::CutTwice;
use crate::sim::scenario::FaultSpec;
use comfy_table::Cell;

/// Everything, ready to print; ends with a newline.
pub fn cut_twice(table: &CutTwice, style: Style) -> String {
    let s = &table.scenario;
    let mut text = style.question(s);
    let sizes: Vec<String> = s.workload.sizes_bytes.iter().map(u64::to_string).collect();
    let conditions = format!(
        "{} cuts, each wire byte and FIN of a delivery of files of {} bytes, over {} of round trip; and after \
         each of them each wire byte of later connections: {} pairs.",
        format::thousands(table.rows.len() as u64),
        format::list(&sizes),
        format::setting(s.path.rtt_us),
        format::thousands(table.pairs()),
    );
    text += &wrap(&conditions, style.width);
    let silent = "Silent loss: of all pairs of cuts, those after which a file is short, wrong or missing and nobody \
                  was told";
    text += &matrix(table, style, silent, |effect| effect == Effect::Silent);
    let unended =
        "Not delivered, and known not to be: of all pairs of cuts, those after which a file was given up";
    text += &matrix(table, style, unended, |effect| matches!(effect, Effect::Told | Effect::Stuck));
    text += &style.violations(&table.violations, &s.word());
    text
}

fn matrix(table: &CutTwice, style: Style, title: &str, counted: impl Fn(Effect) -> bool) -> String {
    let faults: Vec<&FaultSpec> = table.scenario.faults.iter().collect();
    style.by_fault(&table.scenario, &faults, title, |direction, variant, cut| {
        let rows = table.of(variant, direction, cut);
        let pairs: u64 = rows.clone().map(|row| row.pairs).sum();
        let effects = || Effect::ALL.into_iter().filter(|effect| counted(*effect));
        let found: u64 = rows.map(|row| effects().map(|effect| row.count(effect)).sum::<u64>()).sum();
        if pairs == 0 {
            return Some(Cell::new("no pair"));
        }
        let text = format!("{}/{}", format::thousands(found), format::thousands(pairs));
        Some(style.judged(text, found > 0 && counted(Effect::Silent)))
    })
}
