//! Every fail with its dialogue, counts by document, and why the rest could not be asked.

use super::{Told, counts, document_name};
use crate::check::Verdict;
use ftp_proto::name::Printable;
use std::cmp::Reverse;
use std::fmt::Write as _;

/// Of each failed dialogue, so many lines at the end.
const MAX_LINES: usize = 16;
/// Of reasons why something could not be asked, so many.
const MAX_REASONS: usize = 8;

/// The whole text. What the other side has said is escaped.
pub fn render(told: &Told<'_>) -> String {
    let mut text = String::new();
    for outcome in told.failures() {
        let _ = writeln!(text, "FAIL {} ({})", outcome.id, outcome.level.as_str());
        let _ = writeln!(text, "     {}", outcome.sentence);
        let _ = writeln!(text, "     seen: {}", Printable(&outcome.seen));
        let omitted = outcome.dialogue.len().saturating_sub(MAX_LINES);
        if omitted > 0 {
            let _ = writeln!(text, "       ({omitted} lines before)");
        }
        for line in &outcome.dialogue[omitted..] {
            let _ = writeln!(text, "       {}", Printable(line));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{:<12} {:>6} {:>6} {:>8} {:>11}", "", "pass", "fail", "skipped", "untestable");
    for (document, outcomes) in told.by_document() {
        row(&mut text, &document_name(document), counts(outcomes));
    }
    row(&mut text, "all", counts(told.outcomes));
    reasons(&mut text, told, Verdict::Untestable);
    if !told.has_judged() {
        reasons(&mut text, told, Verdict::Skipped);
    }
    let is_expected =
        |verdict| told.outcomes.iter().any(|o| o.verdict == verdict && told.expected.contains(o.id));
    if is_expected(Verdict::Fail) {
        let number =
            told.outcomes.iter().filter(|o| o.verdict == Verdict::Fail).count() - told.failures().count();
        let _ = writeln!(text, "{number} of the fails expected");
    }
    for outcome in told.surprises() {
        let _ = writeln!(text, "{} was expected to fail, and passes", outcome.id);
    }
    text
}

/// Why there is no judgement, the most frequent reason first.
fn reasons(text: &mut String, told: &Told<'_>, verdict: Verdict) {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for outcome in told.outcomes.iter().filter(|outcome| outcome.verdict == verdict) {
        match counts.iter_mut().find(|(seen, _)| *seen == outcome.seen) {
            Some((_, count)) => *count += 1,
            None => counts.push((&outcome.seen, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| Reverse(*count));
    for (seen, count) in counts.iter().take(MAX_REASONS) {
        let _ = writeln!(text, "{count} {}: {}", verdict.as_str(), Printable(seen));
    }
    let rest: usize = counts.iter().skip(MAX_REASONS).map(|(_, count)| count).sum();
    if rest > 0 {
        let _ = writeln!(text, "{rest} {} for other reasons; --json has them", verdict.as_str());
    }
}

fn row(text: &mut String, name: &str, [pass, fail, skipped, untestable]: [usize; 4]) {
    let _ = writeln!(text, "{name:<12} {pass:>6} {fail:>6} {skipped:>8} {untestable:>11}");
}
