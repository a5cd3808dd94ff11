//! What is otherwise than in earlier results.

use super::page::escape;
use crate::lab::baseline::Changes;
use crate::report::baseline::{HEADS, cells, name, summary};
use std::fmt::Write as _;

/// The part of a page, from its heading on.
pub(super) fn section(changes: &Changes) -> String {
    let mut text = format!("<h2 id=baseline>What has changed</h2>\n<p>{}</p>\n", escape(&summary(changes)));
    if changes.changed.is_empty() {
        return text;
    }
    let heads = HEADS.iter().fold(String::new(), |row, head| row + &format!("<th scope=col>{head}</th>"));
    let _ = writeln!(
        text,
        "<div class=wide tabindex=0 role=region aria-label=\"What has changed\"><table>\n<thead><tr><td></td>{heads}</tr>\
         </thead>\n<tbody>"
    );
    for change in &changes.changed {
        let cells =
            cells(change).iter().fold(String::new(), |row, cell| row + &format!("<td>{}</td>", escape(cell)));
        let _ = writeln!(text, "<tr><th scope=row>{}</th>{cells}</tr>", escape(&name(change)));
    }
    text + "</tbody></table></div>\n"
}
