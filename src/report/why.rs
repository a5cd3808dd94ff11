//! Why a file was lost, for people: when it was decided, and how likely it was until then.

pub mod html;

use super::format::{self, counted};
use super::terminal::Style;
use super::timeline;
use crate::lab::why::{Endings, Step, Why};
use crate::sim::case::Case;
use crate::sim::trace::{Place, TraceEvent};
use ftp_endpoint::client::Direction;
use serde_json::json;

/// Of a bar that is full, in characters.
const BAR: u32 = 12;

/// The case, a line an event with the share of futures that lose files, what decided it; ends with a newline.
pub fn render(case: &Case, why: &Why, style: Style) -> String {
    let mut text = timeline::heading(case, &why.record);
    text += &format!("\n{}\n", style.wrapped(&asked(why)));
    text += &format!("{:>12} {:>5} {:>6} {:<width$}\n", "s", "it", "others", "", width = BAR as usize);
    text += &row(style, "before", why.at_first, "", "what could be expected of the delivery", None);
    for (index, step) in why.steps.iter().enumerate() {
        let decisive = why.point_of_no_return == Some(index);
        let at = format!("{}.{:06}", step.at_us / 1_000_000, step.at_us % 1_000_000);
        text += &row(style, &at, step.endings, step.place.name(), &step.text, decisive.then_some(()));
    }
    text.push('\n');
    for sentence in sentences(case, why) {
        text += &format!("{}\n", style.wrapped(&sentence));
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn row(style: Style, at: &str, endings: Endings, place: &str, what: &str, decisive: Option<()>) -> String {
    let head =
        format!("{at:>12} {:>5} {:>6} {} {place:<7}", endings.this_file, endings.others(), bar(endings));
    let mark = if decisive.is_some() { "> " } else { "  " };
    let room = usize::from(style.width).saturating_sub(head.chars().count() + 3).max(20);
    let what: String = match what.chars().count() > room {
        true => what.chars().take(room - 1).chain(['…']).collect(),
        false => what.to_owned(),
    };
    style.marked(&format!("{head}{mark}{what}"), decisive.is_some()) + "\n"
}

/// `#` for each share of the futures that loses the file, `+` for one that loses others.
fn bar(endings: Endings) -> String {
    let futures = endings.futures().max(1);
    let its = (endings.this_file * BAR).div_ceil(futures) as usize;
    let all = ((endings.lost_silently * BAR).div_ceil(futures) as usize).max(its);
    "#".repeat(its) + &"+".repeat(all - its) + &".".repeat(BAR as usize - all)
}

/// What is asked, and what is left to chance.
fn asked(why: &Why) -> String {
    let verdict = format::lower(why.verdict).replace('_', " ");
    let chance = match (why.draws_places, why.draws_luck) {
        (true, true) => "Where the fault strikes, until it has, and the path's luck are",
        (true, false) => "Where the fault strikes, until it has, is",
        (false, true) => "The path's luck is",
        (false, false) => "Nothing is",
    };
    format!(
        "{}: {verdict}. {chance} left to chance: after each event below the run goes on in {}, and so many of them \
         lose it, or only others, without a word.",
        why.file,
        counted(why.at_first.futures().into(), "way"),
    )
}

/// What there is to be said of it, a sentence or two each.
pub(super) fn sentences(case: &Case, why: &Why) -> Vec<String> {
    let expected = format!("Before the first event: {}.", outlook(why.at_first, &why.file));
    let Some(index) = why.point_of_no_return else {
        let verdict = if why.verdict.is_silent_loss() || why.verdict.is_silent_harm() {
            "It is lost in the run; no event decided it alone."
        } else {
            "Nothing was lost without a word in this run."
        };
        return vec![expected, verdict.to_owned()];
    };
    let step = &why.steps[index];
    let before = match index.checked_sub(1) {
        Some(last) => why.steps[last].endings,
        None => why.at_first,
    };
    let mut all = vec![
        expected,
        format!(
            "The point of no return: {} s, {}: {}. The moment before, {}; from here on every one loses it.",
            seconds(step.at_us),
            step.place.name(),
            step.text.trim_end_matches('.'),
            outlook(before, &why.file),
        ),
    ];
    let receiver = match case.policy.direction {
        Direction::Put => "server",
        Direction::Get => "client",
    };
    let believed = believed(case, why, step);
    if let Some(event) = believed {
        let fin = last_fin(case, why, step, event).map_or(String::new(), |fin| {
            format!(" It was told the end by a FIN at {} s ({}).", seconds(fin.at_us), fin.text)
        });
        let what = without_session(&event.text);
        all.push(format!(
            "The {receiver} took what it had for the file: {} s, {what}.{fin}",
            seconds(event.at_us)
        ));
    }
    all.extend(last_word(why, step).map(|event| {
        format!("The last word: {} s, the client {}.", seconds(event.at_us), without_session(&event.text))
    }));
    all
}

/// Without the number of the session before it.
fn without_session(text: &str) -> &str {
    text.split_once("] ").filter(|_| text.starts_with('[')).map_or(text, |(_, rest)| rest)
}

/// The last FIN that was on its way to the receiver between these two.
fn last_fin<'a>(case: &Case, why: &'a Why, from: &Step, to: &TraceEvent) -> Option<&'a TraceEvent> {
    let way = match case.policy.direction {
        Direction::Put => "up ",
        Direction::Get => "down ",
    };
    let reaches = |event: &&TraceEvent| {
        let is_fin =
            event.place == Place::Path && event.text.starts_with(way) && event.text.contains(" FIN ");
        is_fin && !event.text.contains("taken by") && !event.text.contains("lost")
    };
    // What was on its way when all was decided may have decided it.
    let begins = from.at_us.saturating_sub(case.path.rtt_us / 2);
    let between = |event: &&TraceEvent| (begins..=to.at_us).contains(&event.at_us);
    why.events.iter().filter(between).rfind(reaches)
}

fn outlook(endings: Endings, file: &str) -> String {
    let all = format::thousands(endings.futures().into());
    if endings.are_all_its_loss() {
        return format!("all of {all} futures lose {file} without a word");
    }
    let mut text = format!("{} of {all} futures lose {file} without a word", endings.this_file);
    for (n, what) in [
        (endings.others(), "lose others so"),
        (endings.told, "fail, and somebody knows"),
        (endings.whole, "deliver everything"),
    ] {
        if n > 0 {
            text += &format!(", {n} {what}");
        }
    }
    text
}

/// When the receiver took what it had for the whole file.
fn believed<'a>(case: &Case, why: &'a Why, from: &Step) -> Option<&'a TraceEvent> {
    let receiver = match case.policy.direction {
        Direction::Put => Place::Server,
        Direction::Get => Place::Client,
    };
    let done = |event: &&TraceEvent| {
        event.place == receiver && event.names(&why.file) && event.text.contains("done with ")
    };
    why.events[from.event..].iter().find(done)
}

/// What the client said of the file in the end.
fn last_word<'a>(why: &'a Why, from: &Step) -> Option<&'a TraceEvent> {
    let said = |event: &&TraceEvent| event.place == Place::Client && event.text.starts_with("reports ");
    why.events[from.event..].iter().filter(said).find(|event| event.names(&why.file))
}

pub(super) fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// `{case, record, why: {file, verdict, draws_places, draws_luck, at_first, steps: [{event, at_us, place, text,
/// struck, endings: {lost_silently, told, whole, this_file}}], point_of_no_return, runs}, sentences}`.
pub fn to_json(case: &Case, why: &Why) -> serde_json::Value {
    json!({ "case": case, "record": why.record, "why": why, "sentences": sentences(case, why) })
}

#[cfg(test)]
mod tests;
