//! JUnit's XML, as CI systems read it: a suite a pair, a case a run.

use super::{Told, distinct, pair_of};
use crate::report::html::shown;
use crate::trial::Row;
use std::fmt::Write as _;

/// The whole document: what was lost silently fails; what was not struck, and pairs that were left out, are
/// skipped.
pub fn render(told: &Told<'_>) -> String {
    let rows = &told.tried.rows;
    let of_kind = |rows: &[&Row]| {
        let failed = rows.iter().filter(|row| row.is_failure(told.hidden_fails)).count();
        (failed, rows.iter().filter(|row| row.verdict == "not_struck").count())
    };
    let all: Vec<&Row> = rows.iter().collect();
    let left_out = &told.tried.left_out;
    let (failures, unstruck) = of_kind(&all);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, skipped) = (rows.len() + left_out.len(), unstruck + left_out.len());
    let _ = writeln!(
        text,
        "<testsuites name=\"ftpsim trial\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">"
    );
    for pair in distinct(rows.iter().map(pair_of)) {
        let of = |row: &&Row| pair_of(row) == pair;
        let of_pair: Vec<&Row> = rows.iter().filter(of).collect();
        let (failures, skipped) = of_kind(&of_pair);
        let name = shown(&format!("{} with {}, {}", pair.0, pair.1, pair.2));
        let tests = of_pair.len();
        let _ = writeln!(
            text,
            "<testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">"
        );
        for row in of_pair {
            case(&mut text, told, row, &name);
        }
        text.push_str("</testsuite>\n");
    }
    if !left_out.is_empty() {
        let number = left_out.len();
        let _ = writeln!(text, "<testsuite name=\"left out\" tests=\"{number}\" skipped=\"{number}\">");
        for left in left_out {
            let (name, why) = (shown(&left.pair), shown(&left.why));
            let _ = writeln!(
                text,
                "<testcase classname=\"left out\" name=\"{name}\"><skipped message=\"{why}\"/></testcase>"
            );
        }
        text.push_str("</testsuite>\n");
    }
    text + "</testsuites>\n"
}

fn case(text: &mut String, told: &Told<'_>, row: &Row, suite: &str) {
    let _ = write!(
        text,
        "<testcase classname=\"{suite}\" name=\"{} {}\" time=\"{:.3}\"",
        row.fault,
        shown(&row.trigger),
        row.seconds
    );
    let _ = if row.is_failure(told.hidden_fails) {
        let dialogue: Vec<String> = row.dialogue.iter().map(|line| shown(line)).collect();
        writeln!(
            text,
            "><failure message=\"{}: content {}, exit status {}\">{}\n{}</failure></testcase>",
            row.verdict,
            row.content,
            row.exit_status,
            shown(&row.command),
            dialogue.join("\n")
        )
    } else if row.verdict == "not_struck" {
        writeln!(text, "><skipped message=\"the fault found no place\"/></testcase>")
    } else {
        writeln!(text, "/>")
    };
}
