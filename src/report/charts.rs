//! Pictures of the report: SVG drawn by plotters, in the colours of the page that holds them.

use super::format;
use crate::lab::grid::GridRecord;
use crate::lab::records::SummaryRecord;
use ftp_proto::mode::{Structure, TransmissionMode};
use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;
use std::error::Error;

/// Stands for the page's text colour until the SVG is done.
const INK: RGBColor = RGBColor(1, 2, 3);
/// Stands for the page's colour of grid lines.
const GRID: RGBColor = RGBColor(4, 5, 6);
const WIDTH: u32 = 760;
const ROW: u32 = 26;

pub(super) type Drawn<T> = Result<T, Box<dyn Error>>;

/// One colour a mode; readable on white and on black.
pub(super) fn colour(mode: TransmissionMode, structure: Structure) -> RGBColor {
    match (mode, structure) {
        (TransmissionMode::Stream, Structure::File) => RGBColor(217, 95, 72),
        (TransmissionMode::Stream, Structure::Record) => RGBColor(201, 144, 38),
        (TransmissionMode::Block, _) => RGBColor(58, 133, 201),
        (TransmissionMode::Compressed, _) => RGBColor(46, 158, 116),
        (TransmissionMode::Deflate, _) => RGBColor(142, 108, 196),
    }
}

pub(super) fn css(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// Delivery time of each row as a ratio to the first contender's, with its interval.
pub(super) fn ratios(rows: &[&SummaryRecord]) -> Drawn<String> {
    let points: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            Some((*row, row.duration_ratio?.0, row.duration_ratio_low?.0, row.duration_ratio_high?.0))
        })
        .collect();
    let max = points.iter().map(|point| point.3).fold(1.0, f64::max) * 1.15;
    svg(points.len() as u32 * ROW + 50, |area| {
        let n = points.len() as f64;
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(40)
            .y_label_area_size(140)
            .margin_right(24)
            .build_cartesian_2d(0.0..max, 0.0..n)?;
        draw_mesh(
            chart
                .configure_mesh()
                .disable_y_mesh()
                .y_labels(0)
                .x_desc("delivery time / that of the first contender"),
        )?;
        let one = [(1.0, 0.0), (1.0, n)];
        chart.draw_series(std::iter::once(PathElement::new(one, INK.stroke_width(1))))?;
        for (i, (row, ratio, low, high)) in points.iter().enumerate() {
            let y = n - i as f64 - 0.5;
            let colour = colour(row.mode, row.structure);
            chart.draw_series(std::iter::once(Rectangle::new(
                [(0.0, y - 0.28), (*ratio, y + 0.28)],
                colour.filled(),
            )))?;
            chart.draw_series(std::iter::once(PathElement::new(
                [(*low, y), (*high, y)],
                INK.stroke_width(2),
            )))?;
            let place = chart.backend_coord(&(0.0, y));
            let name =
                ("sans-serif", 13).into_font().color(&INK).pos(plotters::style::text_anchor::Pos::new(
                    plotters::style::text_anchor::HPos::Right,
                    plotters::style::text_anchor::VPos::Center,
                ));
            area.draw_text(&row.variant, &name, (place.0 - 8, place.1))?;
        }
        Ok(())
    })
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
    let all = || lines.iter().flat_map(|(_, values)| values.iter().copied());
    let (min, max) = (all().fold(f64::INFINITY, f64::min), all().fold(1.0, f64::max));
    if lines.is_empty() {
        return Ok(String::new());
    }
    svg(360, |area| {
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .margin_right(130)
            .margin_top(10)
            .build_cartesian_2d(0.0..3.0, (min / 1.5..max * 1.5).log_scale())?;
        draw_mesh(
            chart
                .configure_mesh()
                .x_labels(4)
                .x_label_formatter(&|x: &f64| {
                    ["p50", "p90", "p99", "max"].get(x.round() as usize).unwrap_or(&"").to_string()
                })
                .y_label_formatter(&|ms| format::setting((ms * 1e3).round() as u64))
                .y_desc("time of a file"),
        )?;
        draw_lines(
            &area,
            &mut chart,
            lines.iter().map(|(row, values)| {
                let points = values.iter().enumerate().map(|(i, ms)| (i as f64, *ms)).collect();
                (row.variant.as_str(), colour(row.mode, row.structure), points)
            }),
        )
    })
}

/// Delivery time against round-trip time, a line a contender; both axes logarithmic. Rows without an
/// end are left out.
pub(super) fn times(rows: &[&GridRecord]) -> Drawn<String> {
    let mut lines: Vec<(&GridRecord, Vec<(f64, f64)>)> = Vec::new();
    for row in rows {
        let Some(duration_us) = row.duration_us else { continue };
        let point = (row.rtt_us as f64, duration_us as f64);
        match lines.iter_mut().find(|(first, _)| first.variant == row.variant) {
            Some((_, points)) => points.push(point),
            None => lines.push((row, vec![point])),
        }
    }
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let (left, right) = all().fold((f64::INFINITY, 1.0), |(l, r), (x, _)| (x.min(l), x.max(r)));
    let (low, high) = all().fold((f64::INFINITY, 1.0), |(l, h), (_, y)| (y.min(l), y.max(h)));
    if lines.is_empty() {
        return Ok(String::new());
    }
    svg(400, |area| {
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .margin_right(150)
            .margin_top(10)
            .build_cartesian_2d((left / 1.3..right * 1.3).log_scale(), (low / 1.5..high * 1.5).log_scale())?;
        let time = |us: &f64| format::setting(us.round() as u64);
        draw_mesh(
            chart
                .configure_mesh()
                .x_label_formatter(&time)
                .y_label_formatter(&time)
                .x_desc("round-trip time")
                .y_desc("delivery time"),
        )?;
        draw_lines(
            &area,
            &mut chart,
            lines
                .iter()
                .map(|(row, points)| (row.variant.as_str(), colour(row.mode, row.structure), points.clone())),
        )
    })
}

/// Axes in the page's colours, and lines at the labels only.
pub(super) fn draw_mesh<'b, X, Y>(mesh: &mut MeshStyle<'_, '_, X, Y, SVGBackend<'b>>) -> Drawn<()>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    mesh.label_style(("sans-serif", 13).into_font().color(&INK))
        .axis_style(INK)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .draw()?;
    Ok(())
}

/// Lines through points, each with its name at its end.
pub(super) fn draw_lines<'n, 'b, X, Y>(
    area: &DrawingArea<SVGBackend<'b>, Shift>,
    chart: &mut ChartContext<'_, SVGBackend<'b>, Cartesian2d<X, Y>>,
    lines: impl Iterator<Item = (&'n str, RGBColor, Vec<(f64, f64)>)>,
) -> Drawn<()>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let mut ends = Vec::new();
    for (name, colour, points) in lines {
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        ends.extend(points.last().map(|last| (chart.backend_coord(last), name, colour)));
    }
    draw_names(area, ends)
}

/// Names at the ends of lines, from the highest down; those side by side move apart.
fn draw_names(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    mut ends: Vec<((i32, i32), &str, RGBColor)>,
) -> Drawn<()> {
    ends.sort_by_key(|((_, y), ..)| *y);
    // Ends are places on the whole picture, of which this may be a part.
    let (left, top) = area.get_base_pixel();
    let mut free = i32::MIN;
    for ((x, y), name, colour) in ends {
        let (x, y) = (x - left, (y - top - 6).max(free));
        free = y + 13;
        area.draw_text(name, &("sans-serif", 12).into_font().color(&colour), (x + 10, y))?;
    }
    Ok(())
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
    Ok(text.replacen(&format!("<svg width=\"{WIDTH}\" height=\"{height}\""), "<svg role=\"img\"", 1))
}
