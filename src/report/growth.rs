//! How deliveries grow: a picture that stands by itself, and a table.

use super::charts::{self, Drawn, Line};
use super::format;
use super::terminal::Style;
use crate::measure::growth::{Curve, Growth, GrowthRecord, MAX_EXPONENT};
use ftp_endpoint::client::Direction;
use ftp_proto::mode::TransmissionMode;
use plotters::prelude::*;

const PANEL: (u32, u32) = (640, 300);

/// A row a curve: speed on the left, the memory of both ends on the right.
pub(crate) fn picture(records: &[GrowthRecord]) -> Drawn<String> {
    let curves: Vec<Curve> =
        Curve::ALL.into_iter().filter(|curve| records.iter().any(|record| record.curve == *curve)).collect();
    let size = (2 * PANEL.0, PANEL.1 * curves.len() as u32);
    charts::standalone(size, |area| {
        let panels = area.split_evenly((curves.len(), 2));
        for (curve, pair) in curves.iter().zip(panels.chunks(2)) {
            let rows: Vec<&GrowthRecord> = records.iter().filter(|record| record.curve == *curve).collect();
            let bytes = *curve == Curve::FileSize;
            let speed =
                |row: &GrowthRecord| Some(if bytes { row.bytes_per_s as f64 } else { row.files_per_s });
            let memory = |row: &GrowthRecord| row.peak_memory_bytes.map(|bytes| bytes as f64);
            panel(
                &pair[0],
                *curve,
                &rows,
                if bytes { "bytes per second" } else { "files per second" },
                speed,
            )?;
            panel(&pair[1], *curve, &rows, "most memory held, both ends", memory)?;
        }
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn panel(
    area: &Area<'_>,
    curve: Curve,
    rows: &[&GrowthRecord],
    title: &str,
    value: impl Fn(&GrowthRecord) -> Option<f64>,
) -> Drawn<()> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let Some(y) = value(row).filter(|y| *y > 0.0) else { continue };
        let (name, point) = (row.way(), (row.x() as f64, y));
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push(point),
            None => {
                let shape = lines.len();
                lines.push(Line { name, colour: colour(row), shape, points: vec![point] });
            }
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let all = || lines.iter().flat_map(|line| line.points.iter().copied());
    let (left, right) = all().fold((f64::INFINITY, 1.0), |(l, r), (x, _)| (x.min(l), x.max(r)));
    let (low, high) = all().fold((f64::INFINITY, 1.0), |(l, h), (_, y)| (y.min(l), y.max(h)));
    // Memory is drawn from a megabyte on: what does not grow should look so.
    let low = if title.starts_with("most") { low.min(1e6) } else { low / 1.5 };
    let in_bytes = !title.starts_with("files");
    let number = move |value: &f64, bytes: bool| match bytes {
        true => decimal_bytes(*value),
        false => format::thousands(value.round() as u64),
    };
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .margin_right(charts::margin(&lines))
        .margin_top(16)
        .margin_left(10)
        .build_cartesian_2d((left..right.max(left * 2.0)).log_scale(), (low / 1.5..high * 1.5).log_scale())?;
    charts::mesh(
        chart
            .configure_mesh()
            .x_labels(7)
            .y_labels(6)
            .x_label_formatter(&|x| number(x, curve == Curve::FileSize))
            .y_label_formatter(&|y| number(y, in_bytes))
            .x_desc(curve.as_str())
            .y_desc(title),
    )?;
    charts::draw(area, &mut chart, &lines)
}

/// `10 MB`: the marks of a logarithmic axis are powers of ten.
fn decimal_bytes(value: f64) -> String {
    let unit = ((value.max(1.0).log10() / 3.0 + 1e-9) as usize).min(3);
    format!("{:.0} {}", value / 1e3_f64.powi(unit as i32), ["B", "kB", "MB", "GB"][unit])
}

/// A hue a mode, readable on white and on black; lighter for downloads.
fn colour(row: &GrowthRecord) -> RGBColor {
    let RGBColor(r, g, b) = match row.pipeline_depth {
        1 => match row.mode {
            TransmissionMode::Stream => RGBColor(217, 95, 72),
            TransmissionMode::Block => RGBColor(58, 133, 201),
            TransmissionMode::Compressed => RGBColor(46, 158, 116),
            TransmissionMode::Deflate => RGBColor(142, 108, 196),
        },
        _ => RGBColor(139, 92, 190),
    };
    let light = |c: u8| if row.direction == Direction::Get { c + (255 - c) / 3 } else { c };
    RGBColor(light(r), light(g), light(b))
}

/// What the largest values took, and the exponents.
pub(crate) fn table(growths: &[Growth], style: Style) -> String {
    let mut text = String::new();
    for curve in Curve::ALL {
        let rows: Vec<&Growth> = growths.iter().filter(|growth| growth.curve == curve).collect();
        if rows.is_empty() {
            continue;
        }
        let header =
            ["", curve.as_str(), "delivery", "files/s", "bytes/s", "most memory", "time ~ x^", "memory ~ x^"];
        let mut table = style.table(header.map(str::to_owned).to_vec(), 1);
        for row in rows {
            let exponent = |e: Option<f64>| e.map_or_else(|| "n/a".to_owned(), |e| format!("{e:.2}"));
            let x = if curve == Curve::FileSize { format::bytes(row.x) } else { format::thousands(row.x) };
            table.add_row([
                row.way.clone(),
                x,
                format::duration(row.duration_us),
                format::thousands(row.files_per_s.round() as u64),
                format::bytes(row.bytes_per_s),
                row.peak_memory_bytes.map_or_else(|| "n/a".to_owned(), format::bytes),
                exponent(row.time_exponent),
                exponent(row.memory_exponent),
            ]);
        }
        let time = if curve == Curve::FileSize { "time of a file" } else { "time of the delivery" };
        let title =
            format!("Over {}: the largest measured, and the growth of {time} and memory", curve.as_str());
        text += &style.block(&title, table);
    }
    let worse: Vec<&Growth> = growths.iter().filter(|growth| growth.is_worse_than_linear()).collect();
    if worse.is_empty() {
        text += &format!(
            "\nNothing grows worse than linearly (exponents of the last two decades up to {MAX_EXPONENT}).\n"
        );
    }
    for growth in worse {
        text += &format!("\nWORSE THAN LINEAR: {} over {}\n", growth.way, growth.curve.as_str());
    }
    text
}
