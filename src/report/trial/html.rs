//! A page of a trial: who loses files silently, by software and fault; each cell with its runs, a command and a
//! dialogue.

use super::{Told, client, counted, distinct, server};
use crate::report::html::{document, escape, shown};
use crate::sim::fault::FaultName;
use crate::trial::Row;
use std::fmt::Write as _;

const CSS: &str = include_str!("trial.css");
/// Of a cell so many runs are listed.
const LISTED: usize = 60;

/// The whole page, one file that needs nothing else.
pub fn render(told: &Told<'_>) -> String {
    let rows = &told.tried.rows;
    let mut body = format!(
        "<h1>ftpsim trial</h1>\n<p class=question>Who says that all went well, and has lost the file?</p>\n\
         <ul class=summary><li>{}.</li><li>A cell: runs in which something was lost and nobody said so, of all in \
         which the fault struck. It leads to its runs.</li></ul>\n",
        shown(&told.summary())
    );
    let mut details = String::new();
    for direction in distinct(rows.iter().map(|row| row.direction)) {
        let of_direction = |row: &&Row| row.direction == direction && row.trigger != "never";
        let of_direction: Vec<&Row> = rows.iter().filter(of_direction).collect();
        for (who, key) in [("client", client as fn(&Row) -> String), ("server", server)] {
            let caption = if direction == "put" { "Uploads" } else { "Downloads" };
            let _ = writeln!(body, "<h2>{caption}, by {who}</h2>");
            matrix(&mut body, &mut details, &of_direction, (who, direction), key);
        }
    }
    if !told.tried.left_out.is_empty() {
        body.push_str("<h2>Left out</h2>\n<p>Without any fault these pairs do not work:</p>\n<ul>\n");
        for left in &told.tried.left_out {
            let _ = writeln!(body, "<li>{}: {}</li>", shown(&left.pair), shown(&left.why));
        }
        body.push_str("</ul>\n");
    }
    let _ = writeln!(body, "<h2>Runs</h2>\n{details}");
    document("trial", CSS, &body)
}

/// A row a software, a column a fault; what is behind its cells goes to `details`.
fn matrix(
    body: &mut String,
    details: &mut String,
    rows: &[&Row],
    (who, direction): (&str, &str),
    key: fn(&Row) -> String,
) {
    let mut names: Vec<String> = rows.iter().map(|row| key(row)).collect();
    names.sort();
    names.dedup();
    let faults: Vec<&str> = FaultName::ALL
        .iter()
        .map(|fault| fault.as_str())
        .filter(|name| rows.iter().any(|r| r.fault == *name))
        .collect();
    let _ = write!(body, "<div class=wide><table>\n<thead><tr><th scope=col>{who}</th>");
    for fault in &faults {
        let _ = write!(body, "<th scope=col>{fault}</th>");
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for name in &names {
        let of_name: Vec<&Row> = rows.iter().copied().filter(|row| key(row) == *name).collect();
        let version = of_name
            .first()
            .map_or("", |row| if who == "client" { &row.client_version } else { &row.server_version });
        let _ = write!(body, "<tr><th scope=row>{} <small>{}</small></th>", shown(name), shown(version));
        for fault in &faults {
            let of_cell: Vec<&Row> = of_name.iter().copied().filter(|row| row.fault == *fault).collect();
            let Some((silent, all)) = counted(of_cell.iter().copied()) else {
                body.push_str("<td></td>");
                continue;
            };
            let id = escape(&format!("{direction}-{who}-{name}-{fault}").replace([' ', '"'], "-"));
            let class = match silent {
                0 => "none",
                _ if silent == all => "all",
                _ => "some",
            };
            let _ = write!(body, "<td class={class}><a href=\"#{id}\">{silent}/{all}</a></td>");
            let title = format!("{name}, {direction}, {fault}: {silent} of {all} lost silently");
            cell(details, &id, &title, &of_cell);
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody></table></div>\n");
}

/// Runs of a cell, and the dialogue of the first that lost something, or of the first.
fn cell(details: &mut String, id: &str, title: &str, rows: &[&Row]) {
    let Some(example) = rows.iter().find(|row| row.silent).or_else(|| rows.first()) else { return };
    let _ = writeln!(details, "<details id=\"{id}\"><summary>{}</summary>", shown(title));
    let dialogue: Vec<String> = example.dialogue.iter().map(|line| shown(line)).collect();
    let _ = writeln!(
        details,
        "<p>{} with {}, {}: exit status {}, final reply {}, content {}: <b>{}</b></p>\n<pre>{}</pre>\n<pre>{}</pre>",
        shown(&client(example)),
        shown(&server(example)),
        shown(&example.trigger),
        example.exit_status,
        if example.final_reply.is_empty() { "none".to_owned() } else { shown(&example.final_reply) },
        example.content,
        example.verdict,
        shown(&example.command),
        dialogue.join("\n")
    );
    details.push_str("<ul>\n");
    for row in rows.iter().take(LISTED) {
        let class = if row.silent { " class=lost" } else { "" };
        let _ = writeln!(
            details,
            "<li{class}>{} with {}, {}: {}</li>",
            shown(&client(row)),
            shown(&server(row)),
            shown(&row.trigger),
            row.verdict
        );
    }
    if let Some(more @ 1..) = rows.len().checked_sub(LISTED) {
        let _ = writeln!(details, "<li>and {more} more in trials.csv</li>");
    }
    details.push_str("</ul></details>\n");
}
