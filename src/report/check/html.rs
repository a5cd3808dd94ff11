//! A page of a run: counts, then each check with its dialogue.

use super::{Told, counts, document_name};
use crate::report::html::{document, escape, shown};
use std::fmt::Write as _;

const CSS: &str = include_str!("check.css");

/// The whole page, one file that needs nothing else.
pub fn render(told: &Told<'_>) -> String {
    let [pass, fail, skipped, untestable] = counts(told.outcomes);
    let mut body = format!(
        "<h1>ftpsim check</h1>\n<p class=question>{}</p>\n<ul class=summary><li>{pass} pass, {fail} fail, {skipped} \
         not offered, {untestable} untestable here.</li></ul>\n",
        shown(told.title)
    );
    for (name, outcomes) in told.by_document() {
        let [pass, fail, ..] = counts(outcomes.iter().copied());
        let _ = writeln!(body, "<h2>{} <small>{pass} pass, {fail} fail</small></h2>", document_name(name));
        for outcome in outcomes {
            let open = if told.is_failure(outcome) { " open" } else { "" };
            let dialogue: Vec<String> = outcome.dialogue.iter().map(|line| shown(line)).collect();
            let _ = writeln!(
                body,
                "<details class={verdict} id=\"{id}\"{open}><summary><b>{verdict}</b> {id} <i>{level}</i> {sentence}\
                 </summary><p>{seen}</p><pre>{dialogue}</pre></details>",
                verdict = outcome.verdict.as_str(),
                id = outcome.id,
                level = outcome.level.as_str(),
                sentence = escape(outcome.sentence),
                seen = shown(&outcome.seen),
                dialogue = dialogue.join("\n"),
            );
        }
    }
    document("check", CSS, &body)
}
