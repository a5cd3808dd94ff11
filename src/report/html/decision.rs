//! The first screen: an answer for each situation, and the contenders sorted by their time.

use super::page::escape;
use super::swatch;
use crate::lab::compare::Comparison;
use crate::report::decision::{Contender, answers, contenders, timed};
use crate::report::{format, ways};
use crate::sim::fault::FaultName;
use crate::sim::scenario::Direction;
use std::fmt::Write as _;

/// From the answers to the end of the table.
pub(super) fn section(comparison: &Comparison) -> String {
    let mut text = String::from("<div class=answers>\n");
    for answer in answers(comparison) {
        let pick = answer.pick.map_or(String::new(), |pick| format!("<b>{}</b> ", escape(&pick)));
        let command = answer
            .command
            .map_or(String::new(), |command| format!("<code class=do>{}</code>", escape(&command)));
        let _ = writeln!(
            text,
            "<section><h2>{}</h2><p>{pick}{}</p>{command}</section>",
            escape(answer.situation),
            escape(&answer.why)
        );
    }
    text + "</div>\n" + &table(comparison)
}

fn table(comparison: &Comparison) -> String {
    let s = &comparison.scenario;
    let times: String = s
        .directions
        .iter()
        .map(|direction| format!("<th scope=col>{} takes</th>", word(*direction)))
        .collect();
    let under = match timed(comparison) {
        Some(fault) if fault.kind != FaultName::None => {
            format!(" Times are under {}.", escape(&fault.name().replace('_', " ")))
        }
        _ => String::new(),
    };
    let mut text = format!(
        "<h2 id=ways>All ways, the fastest first: {} over {} and {}</h2>\n<div class=wide tabindex=0 role=region aria-label=\"All ways\"><table class=ways>\n<thead><tr>\
         <th scope=col>way</th><th scope=col>lost silently</th><th scope=col>seen in part</th>{times}\
         <th scope=col>both ends need</th><th scope=col>command</th></tr></thead>\n<tbody>\n",
        format::counted(s.workload.files.into(), "file"),
        format::setting(s.path.rtt_us),
        format::bit_rate(s.path.bandwidth_bits_per_s),
    );
    for contender in contenders(comparison) {
        text += &row(&contender, s.directions.first().copied());
    }
    let _ = writeln!(
        text,
        "</tbody></table></div>\n<p>Lost silently: a file ended up short, wrong or missing and nobody was told; of the \
         runs with a fault, with the 95 % interval, or the bound where nothing was lost. Seen in part: files that a reader of the \
         receiver's directory could see incomplete under their names.{under}</p>"
    );
    text
}

fn word(direction: Direction) -> &'static str {
    if direction == Direction::Put { "put" } else { "get" }
}

fn row(contender: &Contender<'_>, direction: Option<Direction>) -> String {
    let variant = contender.variant;
    let lost = match (contender.runs, contender.lost) {
        (0, _) => "<td data-label=\"lost silently\" class=untold>not told</td>".to_owned(),
        (_, 0) => format!(
            "<td data-label=\"lost silently\" class=none>0 <small>{}</small></td>",
            contender.interval().unwrap_or_default()
        ),
        (runs, lost) => format!(
            "<td data-label=\"lost silently\" class=lost>{} <small>{} of {}, {}</small></td>",
            format::percent(contender.share()),
            format::thousands(lost),
            format::thousands(runs),
            contender.interval().unwrap_or_default()
        ),
    };
    let exposed = match contender.exposed {
        0 => "<td data-label=\"seen in part\" class=none>0</td>".to_owned(),
        n => format!(
            "<td data-label=\"seen in part\" class=lost>{} <small>of {}</small></td>",
            format::thousands(n),
            format::counted(contender.files, "file")
        ),
    };
    let times = contender.times.iter().fold(String::new(), |cells, (direction, us)| {
        let time = us.map_or("no end".to_owned(), format::duration);
        cells + &format!("<td data-label=\"{} takes\">{time}</td>", word(*direction))
    });
    let command = direction.and_then(|direction| ways::command(variant, direction));
    let command = command
        .map_or("not offered: unsafe".to_owned(), |command| format!("<code>{}</code>", escape(&command)));
    format!(
        "<tr><th scope=row title=\"{}\">{}{} <small>{}</small></th>{lost}{exposed}{times}\
         <td data-label=\"both ends need\" class=words>{}</td><td data-label=command class=words>{command}</td></tr>\n",
        escape(&variant.note),
        swatch(variant),
        escape(&ways::words(variant)),
        escape(&variant.name),
        escape(&ways::needs(variant)),
    )
}
