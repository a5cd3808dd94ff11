//! JUnit's XML, as CI systems read it: a suite a document, a case a check.

use super::{Told, counts, document_name};
use crate::check::Verdict;
use crate::report::html::{escape, shown};
use std::fmt::Write as _;

/// The whole document. Fails that were expected count as skipped.
pub fn render(told: &Told<'_>) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let failures = told.failures().count();
    let all = told.outcomes.len();
    let [passed, ..] = counts(told.outcomes);
    let skipped = all - passed - failures;
    let title = shown(told.title);
    let _ = writeln!(
        text,
        "<testsuites name=\"ftpsim check: {title}\" tests=\"{all}\" failures=\"{failures}\" skipped=\"{skipped}\">"
    );
    for (document, outcomes) in told.by_document() {
        let failures = outcomes.iter().filter(|outcome| told.is_failure(outcome)).count();
        let [passed, ..] = counts(outcomes.iter().copied());
        let (all, name) = (outcomes.len(), document_name(document));
        let skipped = all - passed - failures;
        let _ = writeln!(
            text,
            "<testsuite name=\"{name}\" tests=\"{all}\" failures=\"{failures}\" skipped=\"{skipped}\">"
        );
        for outcome in outcomes {
            let seen = shown(&outcome.seen);
            let _ = write!(text, "<testcase classname=\"{}\" name=\"{}\"", outcome.section, outcome.id);
            let _ = match outcome.verdict {
                Verdict::Pass => writeln!(text, "/>"),
                _ if told.is_failure(outcome) => {
                    let dialogue: Vec<String> = outcome.dialogue.iter().map(|line| shown(line)).collect();
                    writeln!(
                        text,
                        "><failure message=\"{seen}\">{} {}\n{}</failure></testcase>",
                        outcome.level.as_str(),
                        escape(outcome.sentence),
                        dialogue.join("\n")
                    )
                }
                verdict => {
                    writeln!(text, "><skipped message=\"{}: {seen}\"/></testcase>", verdict.as_str())
                }
            };
        }
        text.push_str("</testsuite>\n");
    }
    text + "</testsuites>\n"
}
