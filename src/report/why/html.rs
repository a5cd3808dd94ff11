//! Why a file was lost, as a page: the curve of how likely it was, and the events behind it.

use super::super::html::{document, escape};
use super::super::timeline;
use super::{asked, seconds, sentences};
use crate::lab::why::{Endings, Why};
use crate::sim::case::Case;
use std::fmt::Write as _;

const CSS: &str = include_str!("why.css");
/// Of the picture, in its own units; between two events, and the height of a share of one.
const STEP: f64 = 34.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 12.0;
/// Below the plot: the events' times, upright.
const BELOW: f64 = 84.0;

/// The whole page.
pub fn render(case: &Case, why: &Why, command: &str) -> String {
    let title = format!("Why? {}, {}, seed {}", case.scenario, case.variant, case.seed);
    let mut body = format!("<h1>{}</h1>\n<p class=question>", escape(&title));
    let heading = timeline::heading(case, &why.record);
    body += &escape(heading.lines().skip(1).collect::<Vec<_>>().join("; ").as_str());
    let _ = writeln!(body, "</p>\n<ul class=summary>");
    for sentence in sentences(case, why) {
        let _ = writeln!(body, "<li>{}</li>", escape(&sentence));
    }
    let _ = writeln!(
        body,
        "</ul>\n<h2 id=curve>How likely the loss was</h2>\n<p>{}</p>\n{KEY}<div class=wide tabindex=0 role=region \
         aria-label=\"How likely the loss was\">{}</div>",
        escape(&asked(why)),
        picture(why)
    );
    body += &table(why);
    let _ = writeln!(body, "<p><code>{}</code></p>", escape(command));
    document(&title, CSS, &body)
}

const KEY: &str = "<ul class=key><li><i class=silent></i>it is lost without a word</li><li><i class=others></i>only \
                   others are</li><li><i class=told></i>files failed, and somebody knew</li><li><i class=whole></i>all \
                   arrived</li></ul>\n";

/// Shares, stacked from below: it is lost silently, others are, told, whole; a step an event.
fn picture(why: &Why) -> String {
    let moments: Vec<(String, Endings)> = std::iter::once(("before".to_owned(), why.at_first))
        .chain(why.steps.iter().map(|step| (seconds(step.at_us), step.endings)))
        .collect();
    let width = LEFT + STEP * moments.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg class=why viewBox=\"0 0 {width} {}\" role=img aria-label=\"Shares of the futures after each event\" \
         style=\"min-width:{width}px;max-width:{}px\">\n",
        TOP + HEIGHT + BELOW,
        width * 1.2,
    );
    for percent in [0, 25, 50, 75, 100] {
        let y = height(f64::from(percent) / 100.0);
        let _ = writeln!(
            svg,
            "<line class=grid x1={LEFT} x2={:.1} y1={y:.1} y2={y:.1} /><text class=share x={:.1} y={:.1}>{percent} \
             %</text>",
            width - 12.0,
            LEFT - 6.0,
            y + 4.0
        );
    }
    for (index, (at, endings)) in moments.iter().enumerate() {
        let x = LEFT + STEP * index as f64;
        let of = |n: u32| f64::from(n) / f64::from(endings.futures().max(1));
        let mut below = 0.0;
        let parts = [
            ("silent", endings.this_file),
            ("others", endings.others()),
            ("told", endings.told),
            ("whole", endings.whole),
        ];
        let _ = writeln!(svg, "<g><title>{at}: {}</title>", escape(&super::outlook(*endings, &why.file)));
        for (class, n) in parts {
            let share = of(n);
            if n > 0 {
                let _ = writeln!(
                    svg,
                    "<rect class={class} x={x:.1} y={:.1} width={:.1} height={:.1} />",
                    height(below + share),
                    STEP - 1.0,
                    share * HEIGHT
                );
            }
            below += share;
        }
        let (middle, under) = (x + STEP / 2.0 + 4.0, TOP + HEIGHT + 8.0);
        let decisive = index > 0 && why.point_of_no_return == Some(index - 1);
        let class = if decisive { " class=decisive" } else { "" };
        let _ = writeln!(
            svg,
            "<text{class} transform=\"translate({middle:.1} {under:.1}) rotate(-90)\" text-anchor=end>{at}</text></g>"
        );
        if decisive {
            let _ = writeln!(
                svg,
                "<line class=decisive x1={x:.1} x2={x:.1} y1={:.1} y2={:.1} />",
                TOP - 8.0,
                TOP + HEIGHT + 8.0
            );
        }
    }
    svg + "</svg>"
}

fn height(share: f64) -> f64 {
    TOP + HEIGHT * (1.0 - share)
}

fn table(why: &Why) -> String {
    let mut text = "<h2 id=events>The events</h2>\n<div class=wide tabindex=0 role=region aria-label=\"The \
                    events\"><table class=why-events>\n<thead><tr><th scope=col>s</th><th scope=col>where</th>\
                    <th scope=col>what</th><th scope=col>it is lost</th><th scope=col>only others</th><th scope=col>somebody knew</th>\
                    <th scope=col>all arrived</th></tr></thead>\n<tbody>\n"
        .to_owned();
    let mut row = |at: &str, place: &str, what: &str, endings: Endings, class: &str| {
        let lost = if endings.this_file > 0 { "lost" } else { "none" };
        let _ = writeln!(
            text,
            "<tr{class}><th scope=row>{at}</th><td>{place}</td><td>{}</td><td class={lost}>{}</td><td>{}</td>\
             <td>{}</td><td>{}</td></tr>",
            escape(what),
            endings.this_file,
            endings.others(),
            endings.told,
            endings.whole,
        );
    };
    row("before", "", "what could be expected of the delivery", why.at_first, "");
    for (index, step) in why.steps.iter().enumerate() {
        let class = if why.point_of_no_return == Some(index) { " class=decisive" } else { "" };
        row(&seconds(step.at_us), step.place.name(), &step.text, step.endings, class);
    }
    text + "</tbody></table></div>\n"
}
