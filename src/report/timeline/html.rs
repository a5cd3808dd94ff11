//! One run as a page: what happened around the fault as a picture, then everything as a table.

use super::super::html::{document, escape};
use super::super::{format, timeline};
use super::ladder::{self, seconds};
use crate::lab::records::RunRecord;
use crate::sim::case::Case;
use crate::sim::outcome::Outcome;
use crate::sim::outcome::Verdict;
use crate::sim::trace::{Place, TraceEvent};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// The style of a picture.
pub(in crate::report) const CSS: &str = include_str!("timeline.css");
/// What the colours of a picture say.
pub(in crate::report) const LEGEND: &str = "Blue: the control connection, green: data, grey: acknowledgements; red: what \
                                            the middlebox made, or took, and the fault.";
/// Of the picture, before and after the fault's file.
const MARGIN_US: u64 = 1_000;
/// A picture that shows more time than this around the fault shows nothing.
const EVENTS_MAX: usize = 160;
/// The same, within another page.
const EMBEDDED_MAX: usize = 40;

/// The whole page; `outcome` was captured.
pub fn render(case: &Case, outcome: &Outcome, record: &RunRecord, command: &str) -> String {
    let title = format!("{}, {}, seed {}", case.scenario, case.variant, case.seed);
    let mut body = format!("<h1>{}</h1>\n<p class=question>{}</p>\n", escape(&title), question(case));
    let _ = writeln!(body, "<p>{}</p>", escape(&timeline::closing(outcome, record)).replace('\n', "<br>"));
    for violation in &outcome.violations {
        let _ = writeln!(
            body,
            "<p class=violated><b>Violated: {}.</b> {}</p>",
            escape(&violation.oracle),
            escape(&violation.why)
        );
    }
    body += &files(case, outcome);
    let window = window(case, &outcome.events, EVENTS_MAX);
    let _ = writeln!(
        body,
        "<h2 id=picture>Around the fault</h2>\n<p>{} s to {} s; time runs downwards, a wait by its logarithm. \
         {LEGEND} Each event leads to its line in everything that happened, below. \
         <code>--pcap</code> has every packet whole.</p>\n<div class=wide tabindex=0 role=region \
         aria-label=\"Around the fault\">{}</div>",
        seconds(*window.start()),
        seconds(*window.end()),
        picture(case, outcome, window.clone(), true),
    );
    body += &everything(&outcome.events, &window);
    let _ = writeln!(body, "<p><code>{}</code></p>", escape(command));
    document(&title, CSS, &body)
}

/// What happened around the fault of a run that was captured, without its table: for another page, which needs
/// [`CSS`].
pub(in crate::report) fn embedded(case: &Case, outcome: &Outcome) -> String {
    picture(case, outcome, window(case, &outcome.events, EMBEDDED_MAX), false)
}

fn picture(case: &Case, outcome: &Outcome, window_us: RangeInclusive<u64>, links: bool) -> String {
    let view = ladder::View { window_us, quarter_us: case.path.rtt_us / 4, links };
    ladder::svg(&outcome.events, &outcome.captured, &view)
}

fn question(case: &Case) -> String {
    escape(&format!(
        "{}; {} round trip, {}",
        timeline::planned(case),
        format::setting(case.path.rtt_us),
        format::bit_rate(case.path.bandwidth_bits_per_s)
    ))
}

fn files(case: &Case, outcome: &Outcome) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for file in &outcome.files {
        *counts.entry(format::lower(file.verdict).replace('_', " ")).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(verdict, n)| format!("{n} {verdict}")).collect();
    let mut text = format!("<h2 id=files>The files</h2>\n<p>{}.</p>\n", format::list(&counts));
    let target = case.target().map(|target| target.name.as_str());
    let rows: Vec<_> = outcome
        .files
        .iter()
        .filter(|f| f.verdict != Verdict::Intact || f.exposed || target == Some(f.name.as_str()))
        .collect();
    if rows.is_empty() {
        return text;
    }
    text += "<div class=wide tabindex=0 role=region aria-label=Files><table>\n<thead><tr><th scope=col>file</th>\
             <th scope=col>verdict</th><th scope=col>attempts</th><th scope=col>took</th>\
             <th scope=col>visible in part</th></tr></thead>\n<tbody>\n";
    for file in rows {
        let class = if file.verdict.is_silent_loss() { "lost" } else { "" };
        let role = if target == Some(file.name.as_str()) { " (the fault's target)" } else { "" };
        let _ = writeln!(
            text,
            "<tr><th scope=row>{}{role}</th><td class=\"{class}\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&file.name),
            format::lower(file.verdict).replace('_', " "),
            file.attempts,
            file.latency_us.map_or(String::new(), format::duration),
            if file.exposed { "yes" } else { "no" },
        );
    }
    text + "</tbody></table></div>\n"
}

/// From the target's command to the last word on it; without a target, the beginning.
fn window(case: &Case, events: &[TraceEvent], most: usize) -> RangeInclusive<u64> {
    let struck = events.iter().position(|event| event.place == Place::Fault);
    let name = case.target().map_or("", |target| target.name.as_str());
    let about =
        |event: &TraceEvent| !name.is_empty() && event.place != Place::Oracle && event.text.contains(name);
    let middle = struck.unwrap_or(0);
    let first = events[..middle].iter().rposition(|event| !about(event) && event.place == Place::Client);
    let begins = events.iter().position(about).map_or(first.unwrap_or(0), |at| at.min(middle));
    let begins = begins.max(middle.saturating_sub(most / 2));
    let ends = events.iter().rposition(about).unwrap_or(events.len().saturating_sub(1));
    let ends = ends.max(middle).min(begins + most).min(events.len().saturating_sub(1));
    match (events.get(begins), events.get(ends)) {
        (Some(first), Some(last)) => {
            first.at_us.saturating_sub(MARGIN_US)..=last.at_us.saturating_add(MARGIN_US)
        }
        _ => 0..=0,
    }
}

/// All events: those of the picture, and folded what comes before and behind it.
fn everything(events: &[TraceEvent], window_us: &RangeInclusive<u64>) -> String {
    let begins = events.partition_point(|event| event.at_us < *window_us.start());
    let ends = events.partition_point(|event| event.at_us <= *window_us.end());
    let folded = |from: usize, to: usize, where_: &str| match to - from {
        0 => String::new(),
        n => format!(
            "<details><summary>{} {where_}</summary>{}</details>\n",
            format::counted(n as u64, "event"),
            table(events, from, to)
        ),
    };
    format!(
        "<h2 id=events>Everything</h2>\n{}{}{}",
        folded(0, begins, "before"),
        table(events, begins, ends),
        folded(ends, events.len(), "after")
    )
}

fn table(events: &[TraceEvent], from: usize, to: usize) -> String {
    let mut text = format!(
        "<div class=wide tabindex=0 role=region aria-label=\"Events {from} to {to}\"><table class=events>\n<thead><tr>\
         <th scope=col>s</th><th scope=col>client</th><th scope=col>path and fault</th><th scope=col>server</th></tr>\
         </thead>\n<tbody>\n"
    );
    for (index, event) in events.iter().enumerate().take(to).skip(from) {
        let cells = match event.place {
            Place::Client => [escape(&event.text), String::new(), String::new()],
            Place::Path | Place::Fault | Place::Oracle => [String::new(), escape(&event.text), String::new()],
            Place::Server => [String::new(), String::new(), escape(&event.text)],
        };
        let _ = writeln!(
            text,
            "<tr class={} id=e{index}><td>{}<td>{}<td>{}<td>{}</tr>",
            event.place.name(),
            seconds(event.at_us),
            cells[0],
            cells[1],
            cells[2]
        );
    }
    text + "</tbody></table></div>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::run::measured;
    use crate::sim::scenario::Scenario;
    use crate::sim::world;

    fn page(variant: &str, seed: u64) -> String {
        let case = Case::draw(&Scenario::load("tiny").unwrap(), variant, seed).unwrap();
        let outcome = world::run_captured(&case).unwrap();
        render(&case, &outcome, &measured(&case, &outcome).record, "ftpsim replay tiny")
    }

    #[test]
    fn every_run_of_a_cycle_has_a_page_that_needs_nothing_else() {
        for seed in 0..14 {
            let page = page("stream", seed);
            assert!(page.contains("id=picture") && page.contains("<svg class=ladder"), "seed {seed}");
            let links: Vec<&str> =
                page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert!(!links.is_empty(), "seed {seed}");
            for link in links {
                assert!(page.contains(&format!("id={link}>")), "seed {seed}: {link}");
            }
            for outside in ["src=", "@import", "<script", "url("] {
                assert!(!page.contains(outside), "seed {seed}: {outside}");
            }
        }
    }

    #[test]
    fn the_same_run_gives_the_same_bytes() {
        assert_eq!(page("block", 4), page("block", 4));
    }
}
