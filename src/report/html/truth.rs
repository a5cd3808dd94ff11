//! The truth table as strips of colour: a cut at every wire byte, and what came of it.

use super::page::{document, escape};
use super::{claims, swatch, title};
use crate::lab::plural::counted;
use crate::lab::truth::{Effect, Strip, TruthRecord, TruthTable};
use crate::sim::scenario::{Direction, VariantSpec};
use crate::sim::wire::Part;
use std::fmt::Write as _;

pub(in crate::report) const CSS: &str = include_str!("truth.css");

/// The page of `ftpsim compare truth-table`.
pub fn truth_table(table: &TruthTable) -> String {
    let s = &table.scenario;
    document(&s.name, CSS, &(title(s) + &section(table) + &claims::section(&table.claims)))
}

/// The part of a page, from its heading on.
pub(in crate::report) fn section(table: &TruthTable) -> String {
    let s = &table.scenario;
    let longest = table.strips().map(|strip| strip.rows.len()).max().unwrap_or(0);
    let sizes: Vec<String> = s.workload.sizes_bytes.iter().map(u64::to_string).collect();
    let mut text = format!(
        "<h2 id=truth>Cut at every byte</h2>\n<p>A delivery of {} ({} {}), cut once at each byte and FIN that \
         its sender writes on data connections: {}. A strip is one kind of cut, from the first byte to the \
         last, all on one scale; the line above says what each byte is. Point at a stretch for who noticed and what \
         was left.{}</p>\n{}",
        counted(s.workload.files, "file"),
        super::format::list(&sizes),
        if sizes == ["1"] { "byte" } else { "bytes" },
        super::format::counted(table.rows.len() as u64, "run"),
        match table.rows.iter().any(TruthRecord::is_of_a_disk) {
            true =>
                " What strikes a disk strikes at each payload byte and each file's end, on a scale of its own.",
            false => "",
        },
        legend(table),
    );
    for direction in &s.directions {
        let name = if *direction == Direction::Put { "Upload (STOR)" } else { "Download (RETR)" };
        let _ = writeln!(text, "<h3>{name}</h3>\n<div class=strips>");
        for variant in &s.variants {
            text += &figure(table, variant, *direction, longest);
        }
        text += "</div>\n";
    }
    let _ = writeln!(text, "<p><code>ftpsim compare {}</code></p>", escape(&s.word()));
    text + &silent(table)
}

fn legend(table: &TruthTable) -> String {
    let effects = Effect::ALL.iter().fold(String::new(), |list, effect| {
        let what = match effect {
            Effect::Silent => "lost, nobody was told",
            Effect::Stuck => "neither delivered nor reported in time",
            Effect::Told => "not delivered, and known not to be",
            Effect::FalseAlarm => "reported failed, yet whole",
            Effect::Recovered => "whole after another attempt",
            Effect::Unharmed => "whole at once",
        };
        list + &format!("<li><i class=\"{}\"></i>{what}</li>", effect.as_str())
    });
    let all = [
        Part::Header,
        Part::Payload,
        Part::Marker,
        Part::EndOfFile,
        Part::Record,
        Part::CloseNotify,
        Part::Close,
    ];
    let occurs = |part: &&Part| table.rows.iter().any(|row| row.position == Some(**part));
    let parts = all.iter().filter(occurs).fold(String::new(), |list, part| {
        list + &format!("<li><i class=\"{}\"></i>{}</li>", part.as_str(), part.as_str().replace('_', " "))
    });
    format!("<ul class=key>{effects}</ul>\n<ul class=key>{parts}</ul>\n")
}

fn figure(table: &TruthTable, variant: &VariantSpec, direction: Direction, longest: usize) -> String {
    let faults = &table.scenario.faults;
    let strips: Vec<_> =
        faults.iter().filter_map(|fault| table.strip(&variant.name, direction, fault.name())).collect();
    let Some(first) = strips.first() else { return String::new() };
    let mut text = format!(
        "<figure><figcaption title=\"{}\">{}{}</figcaption>\n<table>\n",
        escape(&variant.note),
        swatch(variant),
        escape(&variant.name),
    );
    let _ =
        writeln!(text, "<tr><td></td><td>{}</td></tr>", svg(first, longest, position, "what each byte is"));
    for strip in &strips {
        let _ = writeln!(
            text,
            "<tr><th scope=row>{}</th><td>{}</td></tr>",
            escape(&strip.cut.replace('_', " ")),
            svg(strip, longest, effect, &format!("{}, {}", variant.name, strip.cut.replace('_', " ")))
        );
    }
    text + "</table></figure>\n"
}

/// What a wire byte looks like, and what is said of it.
type Look = fn(&TruthRecord) -> (&'static str, String);

fn position(row: &TruthRecord) -> (&'static str, String) {
    let part = row.position.map_or("", Part::as_str);
    (part, format!("{} of file {}", part.replace('_', " "), row.file))
}

fn effect(row: &TruthRecord) -> (&'static str, String) {
    if !row.fault_fired {
        return ("unfired", "the cut did not happen".to_owned());
    }
    let noticed = match (row.noticed_by_sender, row.noticed_by_receiver) {
        (true, true) => "both noticed",
        (true, false) => "the sender noticed",
        (false, true) => "the receiver noticed",
        (false, false) => "nobody noticed",
    };
    let word = |value: String| value.replace('_', " ");
    let text = format!(
        "{}: {noticed}; left: {}; the client said: {}; attempts: {}",
        word(row.effect.as_str().to_owned()),
        word(super::format::lower(row.left)),
        word(super::format::lower(row.reported)),
        row.attempts,
    );
    (row.effect.as_str(), text)
}

/// A strip as long as its bytes are of the longest; stretches that look alike are one.
fn svg(strip: &Strip<'_>, longest: usize, look: Look, name: &str) -> String {
    // What strikes no wire bytes has few places, and a scale of its own.
    let longest = if strip.rows[0].is_of_a_disk() { strip.rows.len() } else { longest };
    let mut text = format!(
        "<svg viewBox=\"0 0 {longest} 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        escape(name)
    );
    let looks: Vec<_> = strip.rows.iter().map(look).collect();
    let mut begin = 0;
    for stretch in looks.chunk_by(|a, b| a == b) {
        let end = begin + stretch.len();
        let (class, said) = &stretch[0];
        let unit = match &strip.rows[begin] {
            row if row.wire_byte.is_some() => "wire byte",
            row if row.after_reply_us.is_some() => "after file",
            _ => "place",
        };
        let bytes = if end - begin == 1 {
            format!("{unit} {begin}")
        } else {
            format!("{unit}s {begin} to {}", end - 1)
        };
        let _ = write!(
            text,
            "<rect class=\"{class}\" x=\"{begin}\" width=\"{}\" height=\"10\"><title>{bytes}: {}</title></rect>",
            end - begin,
            escape(said)
        );
        begin = end;
    }
    text + "</svg>"
}

/// How to see each stretch of silent losses.
fn silent(table: &TruthTable) -> String {
    let mut text = String::new();
    for strip in table.strips().filter(|strip| strip.count(Effect::Silent) > 0) {
        let rows: Vec<_> = strip.fired().filter(|row| row.effect == Effect::Silent).collect();
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        let _ = writeln!(
            text,
            "{}, {}, {}: {} of {}, the first and the last:\n  ftpsim replay {} --variant {} --seed {}\n  \
             ftpsim replay {} --variant {} --seed {}",
            escape(strip.variant),
            strip.direction.as_str(),
            escape(&strip.cut.replace('_', " ")),
            rows.len(),
            counted(strip.fired().count(), "cut"),
            escape(&table.scenario.word()),
            escape(strip.variant),
            first.seed,
            escape(&table.scenario.word()),
            escape(strip.variant),
            last.seed,
        );
    }
    if text.is_empty() {
        return "<p>No cut lost a file silently.</p>\n".to_owned();
    }
    format!(
        "<details class=seeds><summary>The seeds behind the silent losses</summary><pre>{text}</pre></details>\n"
    )
}
