//! One run as a timeline: for a terminal, as JSON, as a page.

pub mod html;
mod ladder;

use super::format;
use super::terminal::Style;
use crate::lab::plural::counted;
use crate::lab::records::RunRecord;
use crate::sim::case::Case;
use crate::sim::fault::Trigger;
use crate::sim::outcome::Verdict;
use crate::sim::outcome::{FileFate, Outcome};
use crate::sim::trace::{Place, TraceEvent};
use serde_json::json;

/// Events that a terminal shows where not all are asked for.
const SHOWN: usize = 20;

/// Which events a terminal shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Twenty around the fault; the first where there was none.
    Fault,
    /// Twenty around this virtual time, in microseconds.
    Around(u64),
    /// Those that name this file, and the fault's.
    File(String),
    /// Every one.
    All,
}

impl View {
    /// What is shown of `events`: those before, in order, each with whether it is.
    fn shows(&self, events: &[TraceEvent]) -> Vec<bool> {
        let middle = match self {
            Self::All => return vec![true; events.len()],
            Self::File(name) => {
                let about = |event: &TraceEvent| event.place == Place::Fault || event.names(name);
                return events.iter().map(about).collect();
            }
            Self::Fault => events.iter().position(|event| event.place == Place::Fault).unwrap_or(0),
            Self::Around(at_us) => events.partition_point(|event| event.at_us < *at_us),
        };
        let first = middle.saturating_sub(SHOWN / 2).min(events.len().saturating_sub(SHOWN));
        (0..events.len()).map(|index| (first..first + SHOWN).contains(&index)).collect()
    }
}

/// The case, what happened, the fate of the files, the trace hash; ends with a newline.
pub fn render(case: &Case, outcome: &Outcome, record: &RunRecord, style: Style, view: &View) -> String {
    let mut text = heading(case, record);
    text.push('\n');
    let shown = view.shows(&outcome.events);
    let events: Vec<(&TraceEvent, bool)> = outcome.events.iter().zip(shown).collect();
    for stretch in events.chunk_by(|one, next| one.1 == next.1) {
        text += &match stretch {
            [(_, true), ..] => stretch.iter().map(|(event, _)| line(event, style)).collect(),
            _ => format!("              ({} left out)\n", format::counted(stretch.len() as u64, "event")),
        };
    }
    if events.iter().any(|(_, shown)| !shown) {
        text += "\n--all shows every event, --file NAME those of a file, --around SECONDS those of a time.\n";
    }
    text.push('\n');
    text += &fates(case, &outcome.files, style);
    text += &closing(outcome, record);
    for violation in &outcome.violations {
        text += &format!("VIOLATED: {}: {}\n", violation.oracle, violation.why);
    }
    text
}

pub(super) fn heading(case: &Case, record: &RunRecord) -> String {
    format!(
        "{} {} seed {} (case {})\n{} {} in {} mode, structure {}; {} round trip, {}\nfault: {}\n",
        case.scenario,
        case.variant,
        case.seed,
        record.case_id,
        record.direction.as_str(),
        counted(case.files.len(), "file"),
        format::lower(case.policy.mode),
        format::lower(case.policy.structure),
        format::setting(case.path.rtt_us),
        format::bit_rate(case.path.bandwidth_bits_per_s),
        planned(case),
    )
}

/// The fault in words: what, and where.
pub(super) fn planned(case: &Case) -> String {
    let name = case.fault_name.replace('_', " ");
    let place = match case.fault.trigger {
        Trigger::BeforeFirstByte => "before its first byte".to_owned(),
        Trigger::PayloadByte(byte) => format!("at payload byte {byte}"),
        Trigger::AfterLastByte => "after its last byte, before its end is marked".to_owned(),
        Trigger::AfterLine(0) => "before its first line".to_owned(),
        Trigger::AfterLine(line) => format!("after line {line}"),
        Trigger::InsideHeader(byte) => format!("inside the header of payload byte {byte}"),
        Trigger::AfterHeader(byte) => format!("between the header and payload byte {byte}"),
        Trigger::BeforeFinal => "when the receiver has all".to_owned(),
        Trigger::BeforeCommand(n) => format!("before command {n}"),
        Trigger::BeforeReply(n) => format!("before reply {n}"),
        Trigger::AfterReply(us) => format!("{} after the delivery was reported", format::setting(us)),
        Trigger::AtTimeUs(us) => {
            return format!("{name}, at {}", format::setting(us));
        }
        Trigger::WireByte(byte) => return format!("{name} at wire byte {byte} of the delivery"),
    };
    if case.strikes_listing() {
        return format!("{name}, {place} of the listing");
    }
    let Some(target) = case.target() else { return name };
    format!("{name}, {place} of {} ({})", target.name, counted(target.size_bytes, "byte"))
}

fn line(event: &TraceEvent, style: Style) -> String {
    let colour = match event.place {
        Place::Client => "36",
        Place::Server => "34",
        Place::Path => "2",
        Place::Fault => "1;31",
        Place::Oracle => "33",
    };
    let (seconds, us) = (event.at_us / 1_000_000, event.at_us % 1_000_000);
    let text = format!("{seconds:>5}.{us:06} {:<7} {}", event.place.name(), event.text);
    if style.colour { format!("\x1b[{colour}m{text}\x1b[0m\n") } else { text + "\n" }
}

/// Files whose fate is not `intact`, each; the others as a number.
fn fates(case: &Case, files: &[FileFate], style: Style) -> String {
    let mut text = String::new();
    let target = case.target().map(|target| target.name.as_str());
    for file in files {
        let is_target = target == Some(file.name.as_str());
        if file.verdict == Verdict::Intact && !is_target && !file.exposed {
            continue;
        }
        let verdict = format::lower(file.verdict).replace('_', " ");
        let mut line = format!("{}: {verdict}, attempts: {}", file.name, file.attempts);
        if file.exposed {
            line += ", a part of it was visible under its name";
        }
        if file.forgotten {
            line += ", forgotten: the listing that was taken for whole has not got it";
        }
        if is_target {
            line += " (the fault's target)";
        }
        text += &match (style.colour, file.verdict.is_silent_loss()) {
            (true, true) => format!("\x1b[1;31m{line}\x1b[0m\n"),
            _ => line + "\n",
        };
    }
    let intact = files.iter().filter(|file| file.verdict == Verdict::Intact).count();
    format!("{text}{intact} of {} intact\n", counted(files.len(), "file"))
}

pub(super) fn closing(outcome: &Outcome, record: &RunRecord) -> String {
    let fired = if record.fault_fired { "fired" } else { "did not fire" };
    let took = match record.duration_virtual_us {
        Some(us) => format!("finished after {}", format::duration(us)),
        None => "did not finish".to_owned(),
    };
    let round_trips =
        record.control_round_trips.map_or(String::new(), |n| counted(n, "control round trip") + ", ");
    format!(
        "fault {fired}; delivery {took}; {}, {}{}\ntrace hash {}\n",
        counted(record.data_connections, "data connection"),
        round_trips,
        counted(record.retransmits, "retransmission"),
        outcome.trace_hash,
    )
}

/// `{case, record, files: [{name, verdict, attempts, latency_us, exposed}], events: [{at_us, place, text}]}`.
pub fn to_json(case: &Case, outcome: &Outcome, record: &RunRecord) -> serde_json::Value {
    let files: Vec<_> = outcome
        .files
        .iter()
        .map(|file| {
            json!({
                "name": file.name,
                "verdict": file.verdict,
                "attempts": file.attempts,
                "latency_us": file.latency_us,
                "exposed": file.exposed,
            })
        })
        .collect();
    json!({ "case": case, "record": record, "files": files, "violations": outcome.violations, "events": outcome.events })
}

/// JSON Lines: `{"case": ..}`, then an event `{at_us, place, text}` a line, then `{"record": ..}`
/// and a file `{name, verdict, ..}` a line; ends with a newline.
pub fn to_json_lines(case: &Case, outcome: &Outcome, record: &RunRecord) -> String {
    let mut whole = to_json(case, outcome, record);
    let mut text = format!("{}\n", json!({ "case": whole["case"].take() }));
    for event in &outcome.events {
        text += &format!("{}\n", json!(event));
    }
    text += &format!(
        "{}\n",
        json!({ "record": whole["record"].take(), "violations": whole["violations"].take() })
    );
    for file in whole["files"].as_array().into_iter().flatten() {
        text += &format!("{file}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(n: usize, fault: usize) -> Vec<TraceEvent> {
        let place = |index| if index == fault { Place::Fault } else { Place::Client };
        let event = |index: usize| TraceEvent {
            at_us: index as u64 * 10,
            place: place(index),
            text: format!("sends file-{}.dat", index % 12),
        };
        (0..n).map(event).collect()
    }

    fn shown(view: &View, events: &[TraceEvent]) -> Vec<usize> {
        let shown = view.shows(events);
        (0..events.len()).filter(|index| shown[*index]).collect()
    }

    #[test]
    fn twenty_around_the_fault_or_a_time() {
        let all = events(100, 50);
        assert_eq!(shown(&View::Fault, &all), (40..60).collect::<Vec<_>>());
        assert_eq!(shown(&View::Around(995), &all), (80..100).collect::<Vec<_>>());
        assert_eq!(shown(&View::Around(0), &all), (0..20).collect::<Vec<_>>());
        assert_eq!(shown(&View::Fault, &events(100, 200)), (0..20).collect::<Vec<_>>(), "no fault");
        assert_eq!(shown(&View::Fault, &events(7, 3)).len(), 7);
        assert_eq!(shown(&View::All, &all).len(), 100);
    }

    #[test]
    fn the_events_of_a_file_are_those_that_name_it_whole() {
        let all = events(24, 5);
        assert_eq!(shown(&View::File("file-1.dat".to_owned()), &all), [1, 5, 13]);
    }
}
