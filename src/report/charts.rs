//! Pictures of the report: SVG drawn by plotters, in the colours of the page that holds them.

mod lines;

use super::format;
use super::html::escape;
use crate::lab::grid::GridRecord;
use crate::lab::records::SummaryRecord;
use ftp_proto::mode::{Structure, TransmissionMode};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;

pub(super) use lines::Line;
#[cfg(feature = "cli")]
pub(super) use lines::{draw, margin, mesh};

/// Stands for the page's text colour until the SVG is done.
const INK: RGBColor = RGBColor(1, 2, 3);
/// Stands for the page's colour of grid lines.
const GRID: RGBColor = RGBColor(4, 5, 6);
/// Stand for the page's colours of the modes: what each is called in its style, and what is drawn.
const MODES: [(&str, RGBColor); 5] = [
    ("stream", RGBColor(7, 8, 9)),
    ("record", RGBColor(10, 11, 12)),
    ("block", RGBColor(13, 14, 15)),
    ("compressed", RGBColor(16, 17, 18)),
    ("deflate", RGBColor(19, 20, 21)),
];
const WIDTH: u32 = 760;

pub(super) type Drawn<T> = Result<T, Box<dyn Error>>;

fn index(mode: TransmissionMode, structure: Structure) -> usize {
    match (mode, structure) {
        (TransmissionMode::Stream, Structure::File) => 0,
        (TransmissionMode::Stream, Structure::Record) => 1,
        (TransmissionMode::Block, _) => 2,
        (TransmissionMode::Compressed, _) => 3,
        (TransmissionMode::Deflate, _) => 4,
    }
}

/// The name of a mode's colour in the style of the pages: `--stream` is `stream` here.
pub(super) fn token(mode: TransmissionMode, structure: Structure) -> &'static str {
    MODES[index(mode, structure)].0
}

/// The colour to draw with, which the page's will replace.
fn colour(mode: TransmissionMode, structure: Structure) -> RGBColor {
    MODES[index(mode, structure)].1
}

fn css(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// A picture that is scrolled rather than shrunk where it has no room, so that its text can be read.
pub(super) fn scroller(picture: &str, name: &str) -> String {
    format!(
        "<div class=\"wide chart\" tabindex=0 role=region aria-label=\"{}\">{picture}</div>",
        escape(name)
    )
}

/// Percentiles of the time of one file, a line a row; time on a logarithmic axis.
pub(super) fn latencies(rows: &[&SummaryRecord]) -> Drawn<String> {
    let lines: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let values = [
                row.file_latency_p50_us?,
                row.file_latency_p90_us?,
                row.file_latency_p99_us?,
                row.file_latency_max_us?,
            ];
            Some((*row, values.map(|us| us.max(1) as f64 / 1e3)))
        })
        .collect();
    let lines = lines::merged(
        lines
            .into_iter()
            .enumerate()
            .map(|(shape, (row, values))| Line {
                name: row.variant.clone(),
                colour: colour(row.mode, row.structure),
                shape,
                points: values.iter().enumerate().map(|(i, ms)| (i as f64, *ms)).collect(),
            })
            .collect(),
    );
    if lines.is_empty() {
        return Ok(String::new());
    }
    let (low, high) = range(lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y)));
    svg(360, |area| {
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(40)
            .y_label_area_size(72)
            .margin_right(lines::margin(&lines))
            .margin_top(10)
            .build_cartesian_2d(0.0..3.0, (low / 1.5..high * 1.5).log_scale())?;
        lines::mesh(
            chart
                .configure_mesh()
                .x_labels(4)
                .y_labels(6)
                .x_label_formatter(&|x: &f64| {
                    ["p50", "p90", "p99", "max"].get(x.round() as usize).unwrap_or(&"").to_string()
                })
                .y_label_formatter(&|ms| tick(ms * 1e3))
                .y_desc("time of a file"),
        )?;
        lines::draw(&area, &mut chart, &lines)
    })
}

/// A time on a logarithmic axis; of each decade 1, 2, 3 and 5 have room for their names.
fn tick(us: f64) -> String {
    let leading = us / 10_f64.powf((us * 1.001).log10().floor());
    match leading.round() as u32 {
        4 | 6..=9 => String::new(),
        // What is a hair off a round time is it.
        _ => format::setting((us / 10.0).round() as u64 * 10),
    }
}

/// The least and the greatest.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::MIN_POSITIVE), |(low, high), value| (low.min(value), high.max(value)))
}

/// Delivery time against round-trip time, a line a contender; both axes logarithmic. Rows without an
/// end are left out.
pub(super) fn times(rows: &[&GridRecord]) -> Drawn<String> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let Some(duration_us) = row.duration_us else { continue };
        let point = (row.rtt_us as f64, duration_us as f64);
        match lines.iter_mut().find(|line| line.name == row.variant) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name: row.variant.clone(),
                colour: colour(row.mode, row.structure),
                shape: lines.len(),
                points: vec![point],
            }),
        }
    }
    let lines = lines::merged(lines);
    if lines.is_empty() {
        return Ok(String::new());
    }
    let (left, right) = range(lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x)));
    let (low, high) = range(lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y)));
    svg(420, |area| {
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .margin_right(lines::margin(&lines))
            .margin_top(10)
            .build_cartesian_2d((left / 1.3..right * 1.3).log_scale(), (low / 1.5..high * 1.5).log_scale())?;
        let time = |us: &f64| tick(*us);
        lines::mesh(
            chart
                .configure_mesh()
                .y_labels(6)
                .x_label_formatter(&time)
                .y_label_formatter(&time)
                .x_desc("round-trip time")
                .y_desc("delivery time"),
        )?;
        lines::draw(&area, &mut chart, &lines)
    })
}

/// An SVG file of its own, light or dark as its reader prefers.
#[cfg(feature = "cli")]
pub(super) fn standalone(
    (width, height): (u32, u32),
    draw: impl FnOnce(DrawingArea<SVGBackend<'_>, Shift>) -> Drawn<()>,
) -> Drawn<String> {
    const STYLE: &str = "<style>svg{color:#222;background:#fff;--grid:#ddd}\
        @media(prefers-color-scheme:dark){svg{color:#ddd;background:#181818;--grid:#444}}</style>";
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        draw(area.clone())?;
        area.present()?;
    }
    let text = text.replace(&css(INK), "currentColor").replace(&css(GRID), "var(--grid)");
    let head = text.find('>').map_or(0, |end| end + 1);
    Ok(format!("{}{STYLE}{}", &text[..head], &text[head..]))
}

fn svg(height: u32, draw: impl FnOnce(DrawingArea<SVGBackend<'_>, Shift>) -> Drawn<()>) -> Drawn<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        draw(area.clone())?;
        area.present()?;
    }
    // These are the page's colours, and a size that fits it.
    let text = text.replace(&css(INK), "currentColor").replace(&css(GRID), "var(--grid)");
    let text =
        MODES.iter().fold(text, |text, (name, drawn)| text.replace(&css(*drawn), &format!("var(--{name})")));
    Ok(text.replacen(&format!("<svg width=\"{WIDTH}\" height=\"{height}\""), "<svg class=\"drawn\"", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_that_have_room_are_named() {
        let named = [1e3, 2e4, 3e5, 5e6, 9.999_999e6, 1e7].map(tick);
        assert_eq!(named, ["1 ms", "20 ms", "300 ms", "5 s", "10 s", "10 s"]);
        assert_eq!([4e3, 6e4, 7e5, 8e6, 9e6].map(tick), [""; 5]);
    }
}
