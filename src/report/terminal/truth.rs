//! The truth table as matrices: contenders by kinds of cut.

use super::{Style, format, wrap};
use crate::lab::plural::counted;
use crate::lab::truth::{Effect, Strip, TruthTable};
use crate::sim::scenario::FaultSpec;
use comfy_table::Cell;

/// Everything, ready to print; ends with a newline.
pub fn truth_table(table: &TruthTable, style: Style) -> String {
    let s = &table.scenario;
    let mut text = style.question(s);
    let sizes: Vec<String> = s.workload.sizes_bytes.iter().map(u64::to_string).collect();
    let conditions = format!(
        "{}: each wire byte and FIN of a delivery of {} of {} {}, over {} of round trip{}{}.",
        format::counted(table.rows.iter().filter(|row| row.wire_byte.is_some()).count() as u64, "cut"),
        if sizes.len() == 1 { "a file" } else { "files" },
        format::list(&sizes),
        if sizes == ["1"] { "byte" } else { "bytes" },
        format::setting(s.path.rtt_us),
        match table.rows.iter().filter(|row| row.after_reply_us.is_some()).count() {
            0 => String::new(),
            cuts => format!("; {} losses of the receiver's power after each file was reported", cuts),
        },
        match table.rows.iter().filter(|row| row.is_of_a_disk()).count() {
            0 => String::new(),
            faults => {
                format!("; {} of a disk, at each payload byte and each file's end", counted(faults, "fault"))
            }
        },
    );
    text += &wrap(&conditions, style.width);
    let lost = |strip: &Strip<'_>| {
        let (silent, cuts) = (strip.count(Effect::Silent), strip.fired().count());
        let share = format::percent(silent as f64 / cuts.max(1) as f64);
        let text = if silent > 0 { format!("{silent}/{cuts} {share}") } else { format!("0/{cuts}") };
        style.judged(text, silent > 0)
    };
    let (moments, cuts): (Vec<_>, Vec<_>) = s.faults.iter().partition(|fault| fault.after_reply_us.is_some());
    text += &matrix(
        table,
        style,
        &cuts,
        "Silent loss: of all places to cut, those after which a file is short, wrong or missing and \
         nobody was told",
        lost,
    );
    if !moments.is_empty() {
        let title = "Evaporated: files reported delivered, after each of which the receiver lost its power, and \
                     losses";
        text += &matrix(table, style, &moments, title, lost);
    }
    text += &matrix(
        table,
        style,
        &cuts,
        "Who noticed: places where an error was seen by both sides (B), by the sender (S) or the receiver \
         (R) alone, by neither (-)",
        |strip| Cell::new(noticed(strip)),
    );
    text += &style.claims(&table.claims);
    let unfired = table.rows.iter().filter(|row| !row.fault_fired).count();
    if unfired > 0 {
        let (cuts, are) =
            (format::counted(unfired as u64, "cut"), if unfired == 1 { "it is" } else { "they are" });
        text += &wrap(&format!("{cuts} found nothing to strike; {are} not counted."), style.width);
    }
    text += &style.violations(&table.violations, &s.word());
    text
}

fn matrix(
    table: &TruthTable,
    style: Style,
    faults: &[&FaultSpec],
    title: &str,
    cell: impl Fn(&Strip<'_>) -> Cell,
) -> String {
    style.by_fault(&table.scenario, faults, title, |direction, variant, cut| {
        table.strip(variant, direction, cut).map(|strip| cell(&strip))
    })
}

/// `B 43 R 2 - 3`; what did not come up is left out.
fn noticed(strip: &Strip<'_>) -> String {
    let count = |sender, receiver| {
        strip
            .fired()
            .filter(|row| (row.noticed_by_sender, row.noticed_by_receiver) == (sender, receiver))
            .count()
    };
    let counts = [
        ("B", count(true, true)),
        ("S", count(true, false)),
        ("R", count(false, true)),
        ("-", count(false, false)),
    ];
    let parts = counts.iter().filter(|(_, n)| *n > 0).map(|(who, n)| format!("{who} {n}"));
    parts.collect::<Vec<_>>().join(" ")
}
