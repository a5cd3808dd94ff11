//! Delivery time against round-trip time.

use super::page::{contents, document, escape};
use super::{charts, claims, format, heat, swatch, title};
use crate::lab::grid::{Grid, GridRecord};
use crate::lab::plural::counted;
use crate::sim::scenario::{Direction, VariantSpec};
use std::error::Error;
use std::fmt::Write as _;

type Drawn = Result<String, Box<dyn Error>>;

/// The page of a scenario with a grid. Errors: drawing only.
pub fn delivery_times(grid: &Grid) -> Drawn {
    let s = &grid.scenario;
    let body = heat::maps(grid) + &section(grid)? + &claims::section(&grid.claims);
    Ok(document(&s.name, include_str!("comparison.css"), &(title(s) + &contents(&body) + &body)))
}

/// What the rows of one picture have in common.
#[derive(Clone, Copy, PartialEq)]
struct Setting {
    files: u64,
    file_size_bytes: u64,
    bandwidth_bits_per_s: u64,
    loss_ppm: u32,
}

impl Setting {
    fn of(row: &GridRecord) -> Self {
        Self {
            files: row.files,
            file_size_bytes: row.file_size_bytes,
            bandwidth_bits_per_s: row.bandwidth_bits_per_s,
            loss_ppm: row.loss.0,
        }
    }

    fn words(&self) -> String {
        let loss = match self.loss_ppm {
            0 => "no loss".to_owned(),
            ppm => format!("{} loss", format::percent(f64::from(ppm) / 1e6)),
        };
        format!(
            "{} of {}, {}, {loss}",
            counted(self.files, "file"),
            format::bytes(self.file_size_bytes),
            format::bit_rate(self.bandwidth_bits_per_s)
        )
    }
}

/// The part of a page, from its heading on. Errors: drawing only.
pub(in crate::report) fn section(grid: &Grid) -> Drawn {
    let s = &grid.scenario;
    let mut settings: Vec<Setting> = Vec::new();
    for row in &grid.rows {
        let setting = Setting::of(row);
        if !settings.contains(&setting) {
            settings.push(setting);
        }
    }
    // This is what a reader wants first: small files, nothing lost, an everyday line.
    settings.sort_by_key(|s| (s.bandwidth_bits_per_s != 100_000_000, s.loss_ppm, s.file_size_bytes));
    let mut text = String::from(
        "<h2 id=rtt>Delivery time by round-trip time</h2>\n<p>Both axes are logarithmic: a line that rises with \
         the grid waits for round trips, a flat one for the line's bandwidth.</p>\n",
    );
    let (first, others) = settings.split_at(settings.len().min(1));
    for setting in first {
        text += &figures(grid, *setting)?;
    }
    for setting in others {
        let _ = writeln!(
            text,
            "<details><summary>{}</summary>{}</details>",
            setting.words(),
            figures(grid, *setting)?
        );
    }
    if let Some(setting) = first.first() {
        text += &overhead(grid, *setting);
    }
    let _ = writeln!(text, "<p><code>ftpsim compare {}</code></p>", escape(&s.word()));
    Ok(text)
}

fn rows<'a>(
    grid: &'a Grid,
    setting: Setting,
    direction: Direction,
) -> impl Iterator<Item = &'a GridRecord> + 'a {
    grid.rows.iter().filter(move |row| row.direction == direction && Setting::of(row) == setting)
}

fn action(direction: Direction) -> &'static str {
    if direction == Direction::Put { "Upload" } else { "Download" }
}

fn figures(grid: &Grid, setting: Setting) -> Drawn {
    let mut text = String::new();
    for direction in &grid.scenario.directions {
        let rows: Vec<_> = rows(grid, setting, *direction).collect();
        let _ = writeln!(
            text,
            "<figure data-direction={}><figcaption>{} of {}</figcaption>\n{}</figure>",
            direction.as_str(),
            action(*direction),
            setting.words(),
            charts::scroller(
                &charts::times(&rows)?,
                &format!("{} of {} by round-trip time", action(*direction), setting.words())
            )
        );
    }
    Ok(text)
}

/// What each file costs beside its bytes, at the middle round-trip time.
fn overhead(grid: &Grid, setting: Setting) -> String {
    let Some(rtt_us) = grid.scenario.grid.as_ref().and_then(|spec| spec.rtt_us.get(spec.rtt_us.len() / 2))
    else {
        return String::new();
    };
    let mut text = format!(
        "<h3 id=overhead>What each file costs beside its bytes</h3>\n<p>{}, {} of round trip, for each file.</p>\n",
        setting.words(),
        format::setting(*rtt_us)
    );
    for direction in &grid.scenario.directions {
        let _ = writeln!(
            text,
            "<div class=by-direction data-direction={}><h4>{name}</h4><div class=wide tabindex=0 role=region \
             aria-label=\"{name}: what each file costs\"><table>\n<thead><tr><td></td>\
             <th scope=col>framing, bytes</th>\
             <th scope=col>TCP/IP and control, bytes</th><th scope=col>data connections</th>\
             <th scope=col>control round trips</th><th scope=col>TIME-WAIT, client</th>\
             <th scope=col>TIME-WAIT, server</th></tr></thead>\n<tbody>",
            direction.as_str(),
            name = action(*direction)
        );
        for variant in &grid.scenario.variants {
            let mut found = rows(grid, setting, *direction);
            let row = found.find(|row| row.variant == variant.name && row.rtt_us == *rtt_us);
            text += &row.map_or(String::new(), |row| cost(variant, row));
        }
        text += "</tbody></table></div></div>\n";
    }
    text
}

fn cost(variant: &VariantSpec, row: &GridRecord) -> String {
    let per_file = |n: f64| format!("<td>{}</td>", trimmed(n / row.files as f64));
    let cells = [
        per_file(row.framing_overhead_bytes as f64),
        per_file(row.ip_overhead_bytes as f64),
        per_file(row.data_connections as f64),
        row.control_round_trips.map_or("<td></td>".to_owned(), |n| per_file(n as f64)),
        per_file(row.time_wait_client as f64),
        per_file(row.time_wait_server as f64),
    ];
    format!(
        "<tr><th scope=row title=\"{}\">{}{}</th>{}</tr>\n",
        escape(&variant.note),
        swatch(variant),
        escape(&variant.name),
        cells.concat()
    )
}

/// At most two decimals, none of them a zero at the end.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
