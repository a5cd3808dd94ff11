//! An advice as a page that needs nothing else.

use super::Told;
use super::words::{HARMS, interval, seen, share, took};
use crate::advise::advice::{Risk, Way};
use crate::report::html::{document, escape, shown};
use crate::report::ways;
use std::fmt::Write as _;

/// The table is one of ways, as in the report of a comparison.
const CSS: &str = concat!(
    include_str!("../html/comparison.css"),
    ".ways .words code { display: block; margin-top: .2rem; } .ways td small { white-space: normal; min-width: 4.5rem; }\n\
     .answers + .summary { margin-top: .8rem; }\n"
);

/// The whole page.
pub fn page(told: &Told<'_>) -> String {
    let mut body = format!("<h1>ftpsim advise</h1>\n<p class=question>{}</p>\n", shown(&told.title()));
    body += "<div class=answers><section><h2>Take</h2>\n";
    let _ = writeln!(body, "<p><b>{}</b></p>", shown(&told.decision()));
    for (name, way) in told.picks() {
        for instruction in told.instructions(way).iter().take(1) {
            let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
            let _ = writeln!(body, "<p>{name}<code class=do>{}</code></p>", shown(&instruction.text));
        }
    }
    body += "</section></div>\n<ul class=summary>\n";
    for warning in told.warnings() {
        let _ = writeln!(body, "<li>{}</li>", shown(&warning));
    }
    body += "</ul>\n<dl>\n";
    for (name, sentence) in told.conditions() {
        let _ = writeln!(body, "<dt>{name}</dt><dd>{}</dd>", shown(&sentence));
    }
    body += "</dl>\n";
    if !told.advice.ways.is_empty() {
        body += &table(told);
    }
    body += &commands(told);
    if !told.advice.closed.is_empty() {
        body += "<h2 id=closed>Not open</h2>\n<ul>\n";
        for closed in &told.advice.closed {
            let words = ways::words(&closed.variant);
            let _ = writeln!(
                body,
                "<li>{} <small>{}</small>: {}</li>",
                escape(&words),
                escape(&closed.variant.name),
                shown(&closed.missing.why)
            );
        }
        body += "</ul>\n";
    }
    body += "<h2 id=how>How this was found</h2>\n<ul>\n";
    for sentence in told.how() {
        let _ = writeln!(body, "<li>{}</li>", shown(&sentence));
    }
    let _ = writeln!(body, "</ul>\n<p>Again, without the network:</p>\n<code>{}</code>", shown(&told.again));
    document("advise", CSS, &body)
}

fn table(told: &Told<'_>) -> String {
    let harms: String = HARMS.iter().fold(String::new(), |cells, (_, name, means)| {
        cells + &format!("<th scope=col title=\"{}\">{name}</th>", escape(means))
    });
    let mut text = format!(
        "<h2 id=ways>All ways that are open, the best first</h2>\n<div class=wide tabindex=0 role=region \
         aria-label=\"All ways\"><table class=ways>\n<thead><tr><th scope=col>way</th><th scope=col>takes</th>{harms}\
         <th scope=col>seen in part</th><th scope=col>both ends need</th></tr></thead>\n<tbody>\n"
    );
    for way in &told.advice.ways {
        text += &row(way);
    }
    text += "</tbody></table></div>\n";
    for sentence in told.legend() {
        let _ = writeln!(text, "<p>{}</p>", escape(&sentence));
    }
    text
}

fn row(way: &Way) -> String {
    let time = way.time.map_or("no end".to_owned(), |time| took(&time));
    let (figure, rest) = time.split_once(" (").map_or((time.as_str(), String::new()), |(figure, rest)| {
        (figure, format!(" <small>{}</small>", rest.trim_end_matches(')')))
    });
    let mut cells = format!("<td data-label=takes>{figure}{rest}</td>");
    for (harm, name, _) in HARMS {
        cells += &cell(name, &way.under(harm));
    }
    let class = if way.exposed_files > 0 { "lost" } else { "none" };
    format!(
        "<tr><th scope=row>{} <small>{}</small></th>{cells}<td data-label=\"seen in part\" class={class}>{}</td>\
         <td data-label=\"both ends need\" class=words>{}</td></tr>\n",
        escape(&ways::words(&way.variant)),
        escape(&way.variant.name),
        seen(way),
        escape(&ways::needs(&way.variant)),
    )
}

fn cell(name: &str, risk: &Risk) -> String {
    let class = match (risk.runs, risk.lost) {
        (0, _) => "untold",
        (_, 0) => "none",
        _ => "lost",
    };
    format!(
        "<td data-label=\"lost, {name}\" class={class}>{} <small>{} of {}, {}</small></td>",
        share(risk),
        risk.lost,
        risk.runs,
        interval(risk)
    )
}

fn commands(told: &Told<'_>) -> String {
    let mut text = String::from("<h2 id=commands>How to do each</h2>\n");
    for way in &told.advice.ways {
        let _ = writeln!(
            text,
            "<h3>{} <small>{}</small></h3>\n<dl>",
            escape(&ways::words(&way.variant)),
            escape(&way.variant.name)
        );
        for instruction in told.instructions(way) {
            let remark = instruction
                .remark
                .map_or(String::new(), |remark| format!("<br><small>{}</small>", escape(remark)));
            let _ = writeln!(
                text,
                "<dt>{}</dt><dd><code>{}</code>{remark}</dd>",
                instruction.program,
                shown(&instruction.text)
            );
        }
        text += "</dl>\n";
    }
    text
}
