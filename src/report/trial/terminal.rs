//! Who loses files silently, and what became of each run.

use super::{Told, client, counted, distinct, pair_of, server};
use crate::trial::Row;
use comfy_table::Table;
use ftp_proto::name::Printable;
use std::fmt::Write as _;

/// Of so many pairs each run is told.
const FEW_PAIRS: usize = 2;
/// So many commands are told.
const COMMANDS: usize = 12;

/// The whole text. What the other side has said is escaped.
pub fn render(told: &Told<'_>) -> String {
    let rows = &told.tried.rows;
    let pairs = distinct(rows.iter().map(pair_of));
    let mut text = String::new();
    if pairs.len() <= FEW_PAIRS {
        for pair in &pairs {
            let of_pair = |row: &&Row| pair_of(row) == *pair;
            let (client, server, direction) = pair;
            let _ = writeln!(text, "{direction}: {} with {}", Printable(client), Printable(server));
            let _ = writeln!(text, "{}\n", runs(&rows.iter().filter(of_pair).collect::<Vec<_>>()));
        }
    } else {
        let _ = writeln!(text, "lost silently, of runs\n{}\n", losses(rows));
    }
    for left in &told.tried.left_out {
        let _ = writeln!(text, "left out: {}: {}", Printable(&left.pair), Printable(&left.why));
    }
    let failures: Vec<&Row> = told.failures().collect();
    for row in failures.iter().take(COMMANDS) {
        let _ = writeln!(text, "{}: {}", row.verdict, Printable(&row.command));
    }
    if let Some(more @ 1..) = failures.len().checked_sub(COMMANDS) {
        let _ = writeln!(text, "and {more} more: --out DIR has all of them");
    }
    let _ = writeln!(text, "{}", told.summary());
    text
}

/// A row a fault, a column a trigger.
fn runs(rows: &[&Row]) -> Table {
    let planned = || rows.iter().filter(|row| row.trigger != "never");
    let triggers = distinct(planned().map(|row| row.trigger.as_str()));
    let faults = distinct(planned().map(|row| row.fault));
    let mut table = Table::new();
    table.set_header(["fault"].iter().chain(&triggers));
    for fault in faults {
        let cell = |trigger: &&str| {
            let of = |row: &&&Row| row.fault == fault && row.trigger == *trigger;
            rows.iter().find(of).map_or("", |row| row.verdict)
        };
        table.add_row([fault].into_iter().chain(triggers.iter().map(cell)));
    }
    table
}

/// A row a pair, a column a fault.
fn losses(rows: &[Row]) -> Table {
    let mut faults = distinct(rows.iter().map(|row| row.fault));
    faults.retain(|fault| *fault != "none");
    let mut table = Table::new();
    table.set_header(["client", "", "server"].iter().chain(&faults));
    for (client_name, direction, server_name) in
        distinct(rows.iter().map(|row| (client(row), row.direction, server(row))))
    {
        let of = |row: &&Row| {
            client(row) == client_name && server(row) == server_name && row.direction == direction
        };
        let of_pair: Vec<&Row> = rows.iter().filter(of).collect();
        let cell = |fault: &&str| {
            let of_fault = of_pair.iter().copied().filter(|row| row.fault == *fault);
            counted(of_fault).map_or(String::new(), |(silent, all)| format!("{silent}/{all}"))
        };
        let names = [client_name.clone(), direction.to_owned(), server_name.clone()];
        table.add_row(
            names.map(|name| Printable(&name).to_string()).into_iter().chain(faults.iter().map(cell)),
        );
    }
    table
}
