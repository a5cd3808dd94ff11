//! Lines through points, each with a mark of its own and its name at its end; what no eye could tell apart is
//! one line with several names.

use super::{Drawn, INK};
use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

/// Of a name's characters as it is drawn, in pixels; plotters draws a font of 16 as one of 12.9.
const CHARACTER: i32 = 8;
/// From one line of text to the next.
const LINE: i32 = 17;
/// From the end of a line to its name: the leader.
const LEADER: i32 = 26;
/// A name that is longer is broken where two names meet.
const NAME_MAX: usize = 28;
const TOGETHER: &str = " = ";
/// Values that differ by less lie on one another.
const APART: f64 = 0.02;

/// A line to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Line {
    pub name: String,
    pub colour: RGBColor,
    /// Which mark its points have: lines of one contender have the same one in all pictures.
    pub shape: usize,
    pub points: Vec<(f64, f64)>,
}

/// Lines that lie on one another are one, of the first's colour.
pub(in crate::report) fn merged(lines: Vec<Line>) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    for line in lines {
        match all.iter_mut().find(|known| coincide(&known.points, &line.points)) {
            Some(known) => known.name = format!("{}{TOGETHER}{}", known.name, line.name),
            None => all.push(line),
        }
    }
    all
}

fn coincide(one: &[(f64, f64)], other: &[(f64, f64)]) -> bool {
    let near = |((x0, y0), (x1, y1)): (&(f64, f64), &(f64, f64))| x0 == x1 && (y0 / y1 - 1.0).abs() < APART;
    one.len() == other.len() && one.iter().zip(other).all(near)
}

/// What stands to the right of the plot for the names.
pub(in crate::report) fn margin(lines: &[Line]) -> u32 {
    let longest = lines.iter().flat_map(|line| rows(&line.name)).map(|row| row.chars().count()).max();
    LEADER as u32 + 14 + CHARACTER as u32 * longest.unwrap_or(0) as u32
}

/// A name in rows of at most [`NAME_MAX`] characters, broken where two names meet.
fn rows(name: &str) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for part in name.split(TOGETHER) {
        match rows.last_mut() {
            Some(row) if row.len() + TOGETHER.len() + part.len() <= NAME_MAX => {
                *row = format!("{row}{TOGETHER}{part}");
            }
            Some(_) => rows.push(format!("= {part}")),
            None => rows.push(part.to_owned()),
        }
    }
    rows
}

/// On `area`, of which `chart` may be a part.
pub(in crate::report) fn draw<'b, X, Y>(
    area: &DrawingArea<SVGBackend<'b>, Shift>,
    chart: &mut ChartContext<'_, SVGBackend<'b>, Cartesian2d<X, Y>>,
    lines: &[Line],
) -> Drawn<()>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    // Points are places on the whole picture.
    let (left, top) = area.get_base_pixel();
    let mut ends = Vec::new();
    for line in lines {
        chart.draw_series(LineSeries::new(line.points.iter().copied(), line.colour.stroke_width(2)))?;
        for point in &line.points {
            let (x, y) = chart.backend_coord(point);
            mark(area, line.shape, (x - left, y - top), line.colour)?;
        }
        if let Some(last) = line.points.last() {
            let (x, y) = chart.backend_coord(last);
            ends.push(((x - left, y - top), line));
        }
    }
    names(area, ends)
}

/// Shapes that can be told apart without colour: five, filled, then hollow.
fn mark(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    shape: usize,
    (x, y): (i32, i32),
    colour: RGBColor,
) -> Drawn<()> {
    let hollow = shape / 5 % 2 == 1;
    let style = if hollow { colour.stroke_width(2) } else { colour.filled() };
    let corners: &[(i32, i32)] = match shape % 5 {
        0 => {
            area.draw(&Circle::new((x, y), 4, style))?;
            return Ok(());
        }
        1 => &[(-4, -4), (4, -4), (4, 4), (-4, 4)],
        2 => &[(0, -5), (5, 4), (-5, 4)],
        3 => &[(0, -6), (5, 0), (0, 6), (-5, 0)],
        _ => &[(-5, -4), (5, -4), (0, 5)],
    };
    let mut path: Vec<(i32, i32)> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
    if hollow {
        path.push(path[0]);
        area.draw(&PathElement::new(path, style))?;
    } else {
        area.draw(&Polygon::new(path, style))?;
    }
    Ok(())
}

/// From the highest down, none on another, each with a leader from its line's end.
fn names(area: &DrawingArea<SVGBackend<'_>, Shift>, mut ends: Vec<((i32, i32), &Line)>) -> Drawn<()> {
    ends.sort_by_key(|((_, y), _)| *y);
    let blocks: Vec<Vec<String>> = ends.iter().map(|(_, line)| rows(&line.name)).collect();
    let heights: Vec<i32> = blocks.iter().map(|rows| rows.len() as i32 * LINE).collect();
    let wanted: Vec<i32> = ends.iter().map(|((_, y), _)| *y).collect();
    let bottom = area.dim_in_pixel().1 as i32;
    for ((((x, y), line), rows), at) in ends.iter().zip(&blocks).zip(spread(&wanted, &heights, bottom)) {
        let from = (x + 7, *y);
        area.draw(&PathElement::new(vec![from, (x + LEADER, at)], line.colour.stroke_width(1)))?;
        for (row, text) in rows.iter().enumerate() {
            let place = (x + LEADER + 4, at - 8 + row as i32 * LINE);
            area.draw_text(text, &("sans-serif", 16).into_font().color(&line.colour), place)?;
        }
    }
    Ok(())
}

/// Where blocks of these heights go, given in order of where their first row would like to be: down as far as
/// they must, and up again from the bottom.
fn spread(wanted: &[i32], heights: &[i32], bottom: i32) -> Vec<i32> {
    let mut places = wanted.to_vec();
    let mut free = i32::MIN;
    for (place, height) in places.iter_mut().zip(heights) {
        *place = (*place).max(free);
        free = *place + height;
    }
    let mut free = bottom;
    for (place, height) in places.iter_mut().zip(heights).rev() {
        *place = (*place).min(free - height);
        free = *place;
    }
    places
}

/// Axes in the page's colours, and lines at the labels only.
pub(in crate::report) fn mesh<'b, X, Y>(
    mesh: &mut plotters::chart::MeshStyle<'_, '_, X, Y, SVGBackend<'b>>,
) -> Drawn<()>
where
    X: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
{
    mesh.label_style(("sans-serif", 16).into_font().color(&INK))
        .axis_style(INK)
        .light_line_style(TRANSPARENT)
        .bold_line_style(super::GRID)
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, y: f64) -> Line {
        Line { name: name.to_owned(), colour: INK, shape: 0, points: vec![(1.0, y), (2.0, 2.0 * y)] }
    }

    #[test]
    fn lines_on_one_another_are_named_together() {
        let names = |lines: Vec<Line>| merged(lines).into_iter().map(|l| l.name).collect::<Vec<_>>();
        assert_eq!(
            names(vec![line("block", 1.0), line("stream", 2.0), line("compressed", 1.01)]),
            ["block = compressed", "stream"]
        );
        assert_eq!(names(vec![line("a", 1.0), line("b", 1.03)]), ["a", "b"]);
    }

    #[test]
    fn long_names_are_broken_where_two_meet() {
        assert_eq!(
            rows("stream-size = stream-hash = stream-rename"),
            ["stream-size = stream-hash", "= stream-rename"]
        );
    }

    #[test]
    fn no_name_lies_on_another_or_below_the_picture() {
        let places = spread(&[10, 11, 90, 91], &[16, 32, 16, 16], 100);
        assert_eq!(places, [10, 26, 68, 84]);
        assert!(spread(&[99], &[16], 100)[0] + 16 <= 100);
    }
}
