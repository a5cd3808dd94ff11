//! `ftpsim bench growth`: curves over files, sessions and file size.

use super::super::out::{stdout, tell};
use super::{size, today, write_csv};
use crate::cli::compare::style;
use crate::cli::progress;
use crate::cli::transfer::choice;
use crate::lab::export::AtomicFile;
use crate::lab::records::VERSION;
use crate::measure::growth::{Curve, GrowthRecord, Limits, Point, growths, points};
use crate::report::{format, growth};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

#[derive(clap::Args)]
pub(super) struct Args {
    /// What to measure over; may be given several times; the other curves stay as growth.csv has them
    /// [default: all]
    #[arg(long = "over", value_name = "CURVE", value_parser = choice(&CURVES))]
    curves: Vec<Curve>,
    /// The most files in one delivery
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    files: u64,
    /// The most sessions at a time; two descriptors at each end for each
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=5000))]
    sessions: u32,
    /// The largest file
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size::parse)]
    size: u64,
    /// Timed deliveries of a point; those longer than a second are made once
    #[arg(long, value_name = "R", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,
    /// Leave out points whose delivery would take longer, as the one before them tells
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    limit: u64,
    /// Where growth.csv and growth.svg go
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
}

const CURVES: [(&str, Curve); 3] =
    [("files", Curve::Files), ("sessions", Curve::Sessions), ("file-size", Curve::FileSize)];
/// A delivery that is longer is made once, verified and timed at once.
const LONG_US: u64 = 1_000_000;

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let curves = if args.curves.is_empty() { &Curve::ALL[..] } else { &args.curves };
    let limits = Limits { files: args.files, sessions: args.sessions, file_size_bytes: args.size };
    let all = points(curves, limits);
    let bar = progress::bar(Some(all.len() as u64), "points");
    let date = today();
    let (mut records, mut left_out): (Vec<GrowthRecord>, Vec<String>) = (Vec::new(), Vec::new());
    for point in &all {
        let expected_us = expected_us(point, &records);
        bar.inc(1);
        if expected_us > args.limit * 1_000_000 {
            let expected = format::duration(expected_us);
            left_out.push(format!(
                "{} over {} {}: {expected}",
                point.contender.name(),
                point.x(),
                point.curve.as_str()
            ));
            continue;
        }
        records.push(measure(point, args, expected_us > LONG_US, &date)?);
    }
    bar.finish_and_clear();
    for point in &left_out {
        tell(format_args!("left out, longer than --limit {}: {point}", args.limit));
    }
    let records = with_others(records, curves, &args.out)?;
    let found = growths(&records);
    let picture = growth::picture(&records).map_err(|error| anyhow::anyhow!("drawing: {error}"))?;
    write_csv(&args.out.join("growth.csv"), records.iter())?;
    let mut file = AtomicFile::create(&args.out, "growth.svg").context("growth.svg")?;
    file.write_all(picture.as_bytes())?;
    let drawn = file.publish()?;
    let mut stdout = stdout();
    write!(stdout, "{}", growth::table(&found, style()))?;
    writeln!(stdout, "\nWritten: {}, {}.", args.out.join("growth.csv").display(), drawn.display())?;
    Ok(ExitCode::from(u8::from(found.iter().any(|growth| growth.is_worse_than_linear()))))
}

/// The curves not measured now, as an earlier run has left them, in the order of all.
fn with_others(measured: Vec<GrowthRecord>, curves: &[Curve], out: &Path) -> Result<Vec<GrowthRecord>> {
    let path = out.join("growth.csv");
    let mut all = measured;
    if curves.len() < Curve::ALL.len() && path.exists() {
        let mut reader = csv::Reader::from_path(&path)?;
        for row in reader.deserialize() {
            let row: GrowthRecord =
                row.with_context(|| format!("{}: not of this version", path.display()))?;
            if !curves.contains(&row.curve) {
                all.push(row);
            }
        }
    }
    all.sort_by_key(|record| Curve::ALL.iter().position(|curve| *curve == record.curve));
    Ok(all)
}

/// As the point before on its curve, more in proportion to the files; and its bytes at a slow pace.
fn expected_us(point: &Point, records: &[GrowthRecord]) -> u64 {
    const SLOW_BYTES_PER_US: u64 = 100;
    let same = |record: &&GrowthRecord| {
        record.curve == point.curve
            && (record.direction, record.mode) == (point.contender.direction, point.contender.mode)
            && record.pipeline_depth == point.contender.pipeline_depth
    };
    let before = records.iter().rfind(same);
    let files_us =
        before.map_or(0.0, |before| before.duration_us as f64 * point.files as f64 / before.files as f64);
    files_us as u64 + point.files * point.file_size_bytes / SLOW_BYTES_PER_US
}

/// By this program, in a process of its own, so that memory is the point's.
fn measure(point: &Point, args: &Args, once: bool, date: &str) -> Result<GrowthRecord> {
    let contender = &point.contender;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "--json"]).args(super::arguments(contender, point.files, point.file_size_bytes));
    if once {
        command.arg("--once");
    } else {
        command.args(["--warm-up", "0", "--repetitions", &args.repetitions.to_string()]);
    }
    let ran = command.stdin(Stdio::null()).output().context("cannot start another ftpsim")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{} over {}: {}", contender.name(), point.x(), said.trim());
    let result: Value = serde_json::from_slice(&ran.stdout)?;
    let row = &result["rows"][0];
    let count = |name: &str| row[name].as_u64();
    let must = |name: &str| count(name).with_context(|| format!("no {name} in the measurement"));
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    Ok(GrowthRecord {
        curve: point.curve,
        direction: contender.direction,
        mode: contender.mode,
        pipeline_depth: contender.pipeline_depth,
        sessions: contender.parallel,
        files: point.files,
        file_size_bytes: point.file_size_bytes,
        repetitions: must("repetitions")?,
        duration_us: must("duration_us")?,
        files_per_s: row["files_per_s"].as_f64().unwrap_or_default(),
        bytes_per_s: must("bytes_per_s")?,
        peak_memory_bytes: result["peak_memory_bytes"].as_u64(),
        cpu_user_us: count("cpu_user_us"),
        cpu_system_us: count("cpu_system_us"),
        version: VERSION.to_owned(),
        cpu: text("cpu"),
        cores: must("cores")?,
        system: text("system"),
        date: date.to_owned(),
    })
}
