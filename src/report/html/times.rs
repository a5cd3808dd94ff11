//! How long deliveries take: a dot a contender and direction on a logarithmic axis of seconds, with the median's
//! interval, and the figures beside it.

use super::page::escape;
use super::{charts, findings, format, swatch};
use crate::lab::compare::Comparison;
use crate::lab::records::SummaryRecord;
use crate::report::decision::contenders;
use crate::sim::fault::FaultName;
use crate::sim::scenario::{Direction, FaultSpec, VariantSpec};
use std::error::Error;
use std::fmt::Write as _;

/// The part of a page, from its heading on. Errors: drawing only.
pub(super) fn section(comparison: &Comparison) -> Result<String, Box<dyn Error>> {
    let s = &comparison.scenario;
    let mut text = format!(
        "<h2 id=time>Delivery time</h2>\n<p>The median of the deliveries' times{}, on a logarithmic axis; the line is its \
         95 % interval (order statistics). Below each time its ratio to {}'s on the same seed, the median of the \
         pairs [95 %, bootstrap{}].</p>\n<ul class=key><li><svg class=sample viewBox=\"0 0 14 14\" aria-hidden=true>\
         <circle class=put cx=7 cy=7 r=5 /></svg>upload</li><li><svg class=sample viewBox=\"0 0 14 14\" \
         aria-hidden=true><circle class=get cx=7 cy=7 r=4.5 /></svg>download</li></ul>\n",
        findings::of_all(comparison),
        escape(&s.variants[0].name),
        format::too_few_pairs(&comparison.rows_by_direction)
            .map_or(String::new(), |why| format!("; {}", why.trim_end_matches('.'))),
    );
    let mut any = false;
    for (index, fault) in s.faults.iter().enumerate().filter(|(_, fault)| !fault.kind.has_trigger()) {
        let rows = Rows { comparison, fault };
        let Some(scale) = rows.scale() else { continue };
        let what = match fault.kind {
            FaultName::None => "Undisturbed".to_owned(),
            _ => format!("Under {}", fault.name().replace('_', " ")),
        };
        let _ =
            writeln!(text, "<h3 data-fault=f{index}>{}</h3>\n{}", escape(&what), rows.plot(&scale, index));
        for &direction in &s.directions {
            let rows: Vec<_> = s.variants.iter().filter_map(|v| rows.row(v, direction)).collect();
            let picture = charts::latencies(&rows)?;
            let action = if direction == Direction::Put { "Upload" } else { "Download" };
            let _ = writeln!(
                text,
                "<details data-fault=f{index} data-direction={}><summary>{action}, {}: percentiles of the time of a \
                 file</summary>{}</details>",
                direction.as_str(),
                escape(&what.to_lowercase()),
                charts::scroller(
                    &picture,
                    &format!("{action}, {}: percentiles of the time of a file", what.to_lowercase())
                ),
            );
        }
        any = true;
    }
    Ok(if any { text } else { String::new() })
}

/// The runs of one fault that is there all along.
struct Rows<'a> {
    comparison: &'a Comparison,
    fault: &'a FaultSpec,
}

impl<'a> Rows<'a> {
    fn row(&self, variant: &VariantSpec, direction: Direction) -> Option<&'a SummaryRecord> {
        let mut rows = self.comparison.rows_by_direction.iter();
        rows.find(|r| r.direction == direction && r.variant == variant.name && r.fault == self.fault.name())
    }

    fn spread(&self, variant: &VariantSpec, direction: Direction) -> Option<(u64, u64)> {
        let mut spreads = self.comparison.spreads.iter();
        let spread = spreads.find(|s| {
            s.direction == direction && s.variant == variant.name && s.fault == self.fault.name()
        })?;
        Some((spread.low_us, spread.high_us))
    }

    fn scale(&self) -> Option<Scale> {
        let s = &self.comparison.scenario;
        let pairs = s.variants.iter().flat_map(|v| s.directions.iter().map(move |d| (v, *d)));
        let times = pairs.flat_map(|(variant, direction)| {
            let (low, high) = self.spread(variant, direction).unzip();
            let median = self.row(variant, direction).and_then(|row| row.duration_median_us);
            [low, median, high].into_iter().flatten()
        });
        Scale::of(times.filter(|us| *us > 0))
    }

    fn plot(&self, scale: &Scale, index: usize) -> String {
        let s = &self.comparison.scenario;
        let heads = s.directions.iter().fold(String::new(), |heads, direction| {
            let name = if *direction == Direction::Put { "put" } else { "get" };
            heads + &format!("<th scope=col data-direction={}>{name}</th>", direction.as_str())
        });
        let mut text = format!(
            "<table class=dots data-fault=f{index}>\n<thead><tr><td></td><td class=plot>{}</td>{heads}</tr></thead>\n\
             <tbody>\n",
            scale.axis()
        );
        for contender in contenders(self.comparison) {
            let variant = contender.variant;
            let mut marks = scale.lines();
            let mut cells = String::new();
            for &direction in &s.directions {
                let row = self.row(variant, direction);
                marks += &self.mark(scale, variant, direction).unwrap_or_default();
                let time =
                    row.and_then(|row| row.duration_median_us).map_or("–".to_owned(), format::duration);
                let ratio = row.map_or(String::new(), ratio);
                let _ = write!(
                    cells,
                    "<td data-direction={}>{time}<small>{ratio}</small></td>",
                    direction.as_str()
                );
            }
            let _ = writeln!(
                text,
                "<tr><th scope=row title=\"{}\">{}{}</th><td class=plot><svg height=26 width=\"100%\" role=img \
                 aria-label=\"{}\">{marks}</svg></td>{cells}</tr>",
                escape(&variant.note),
                swatch(variant),
                escape(&variant.name),
                escape(&variant.name),
            );
        }
        text + "</tbody></table>\n"
    }

    fn mark(&self, scale: &Scale, variant: &VariantSpec, direction: Direction) -> Option<String> {
        let us = self.row(variant, direction)?.duration_median_us?;
        let (x, way) = (scale.x(us), direction.as_str());
        let colour = charts::token(variant.mode, variant.structure);
        let mut said = format!("{way}: {}", format::duration(us));
        let mut line = String::new();
        if let Some((low, high)) = self.spread(variant, direction) {
            said += &format!(", 95 % interval {} to {}", format::duration(low), format::duration(high));
            line =
                format!("<line class=span x1=\"{}%\" x2=\"{}%\" y1=13 y2=13 />", scale.x(low), scale.x(high));
        }
        Some(format!(
            "<g data-direction={way} style=\"--mark:var(--{colour})\"><title>{said}</title>{line}<circle class={way} \
             cx=\"{x}%\" cy=13 r={} /></g>",
            if direction == Direction::Put { "5" } else { "4.5" }
        ))
    }
}

/// `0.26 [0.26, 0.26]`; nothing for the first contender itself.
fn ratio(row: &SummaryRecord) -> String {
    match row.duration_ratio {
        Some(ratio) if row.variant != row.baseline => {
            format!("× {}", format::ratio_of_pairs(ratio.0, row.duration_ratio_ends()))
        }
        _ => String::new(),
    }
}

/// A logarithmic axis of times.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(times_us: impl Iterator<Item = u64>) -> Option<Self> {
        let (low, high) = times_us.fold((u64::MAX, 0), |(low, high), us| (low.min(us), high.max(us)));
        (high > 0).then(|| Self { low: low as f64 / 1.25, high: high as f64 * 1.25 })
    }

    /// In per cent of the width, to a tenth.
    fn x(&self, us: u64) -> f64 {
        let share = (us as f64 / self.low).ln() / (self.high / self.low).ln();
        (share * 1_000.0).round() / 10.0
    }

    /// Round times, as many as have room: of each decade 1, or 1 and 3, or 1, 2 and 5.
    fn ticks(&self) -> Vec<u64> {
        let steps: &[u64] = match (self.high / self.low).log10() {
            decades if decades > 3.0 => &[1],
            decades if decades > 1.5 => &[1, 3],
            _ => &[1, 2, 5],
        };
        let decades = (0..14).map(|exponent| 10_u64.pow(exponent));
        let all = decades.flat_map(|decade| steps.iter().map(move |step| step * decade));
        all.filter(|us| (self.low..=self.high).contains(&(*us as f64))).collect()
    }

    fn lines(&self) -> String {
        self.ticks().into_iter().fold(String::new(), |lines, us| {
            let x = self.x(us);
            lines + &format!("<line class=tick x1=\"{x}%\" x2=\"{x}%\" y1=0 y2=26 />")
        })
    }

    fn axis(&self) -> String {
        // At the edges there is no room for one.
        let within = |us: &u64| (4.0..=96.0).contains(&self.x(*us));
        let labels = self.ticks().into_iter().filter(within).fold(String::new(), |labels, us| {
            labels + &format!("<text x=\"{}%\" y=13>{}</text>", self.x(us), format::setting(us))
        });
        format!("<svg class=axis height=18 width=\"100%\" aria-hidden=true>{labels}</svg>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let scale = Scale::of([1_120_000, 71_800_000].into_iter()).unwrap();
        assert_eq!(scale.ticks(), [1_000_000, 3_000_000, 10_000_000, 30_000_000]);
        assert!(scale.x(1_120_000) > 0.0 && scale.x(71_800_000) < 100.0);
        assert!(Scale::of(std::iter::empty()).is_none());
        assert_eq!(Scale::of(std::iter::once(5)).unwrap().ticks(), [5], "one value has its place");
    }
}
