//! `ftpsim compare`: every contender on the same seeds, files and faults.

use super::out::{self, stdout};
use super::{progress, shards};
use crate::lab::baseline::Baseline;
use crate::lab::claims;
use crate::lab::compare::{Comparison, Options, compare};
use crate::lab::export::AtomicFile;
use crate::lab::grid::{self, Grid};
use crate::lab::merge::Shard;
use crate::lab::plural::counted;
use crate::lab::shards::Source;
use crate::lab::table::Table;
use crate::lab::truth::{self, TruthTable};
use crate::lab::twice;
use crate::lab::{pool, run};
use crate::report::html::{self, Companions};
use crate::report::terminal::{self, Style};
use crate::sim::case::Case;
use crate::sim::scenario::{GridSpec, Scenario, SeedRange};
use crate::sim::world;
use anyhow::Context;
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A scenario's name (see `ftpsim scenarios`) or a TOML file
    #[arg(default_value = "small-files")]
    scenario: String,
    /// Another value for a key of the scenario, by its path: path.rtt_us=200000, faults.0.at_us=1000; may be
    /// given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Seeds to run, for instance 0..960 (960 not included) [default: the scenario's]
    #[arg(long, value_name = "A..B")]
    seeds: Option<SeedRange>,
    /// Threads; the results do not depend on them [default: all cores]
    #[arg(long, short)]
    jobs: Option<NonZeroUsize>,
    /// Where runs.csv, the summaries and report.html go [default: results/SCENARIO; where something else
    /// than what comes with the program is run, a directory named after that below results/local]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Say what is otherwise than in the results of this directory, which an earlier compare has written
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// Print the summary as JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Only this part of the runs, I from 1 to N; writes into a directory of its own below --out, for `ftpsim
    /// merge`, and goes on where it was when it was killed [default: as the variables of a Slurm job array or a
    /// Kubernetes Indexed Job say]
    #[arg(long, value_name = "I/N", conflicts_with_all = ["baseline", "json"])]
    shard: Option<Shard>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::load_with(&args.scenario, &args.settings)?;
    let of_its_own = |what: &str| format!("{} {what}: leave out --seeds", scenario.name);
    anyhow::ensure!(args.seeds.is_none() || !scenario.every_wire_byte, of_its_own("cuts at every wire byte"));
    anyhow::ensure!(args.seeds.is_none() || scenario.grid.is_none(), of_its_own("has a grid with its seeds"));
    let seeds = args.seeds.unwrap_or(scenario.seeds);
    let jobs = args.jobs.unwrap_or_else(pool::all_cores);
    if let Some(shard) = shards::asked(args.shard)? {
        let elsewhere = args.out.clone().or_else(|| local(&scenario, seeds));
        let out = elsewhere.unwrap_or_else(|| Path::new("results").join(&scenario.name));
        let (units, directory) = shards::write(&scenario, seeds, shard, jobs, &out)?;
        let all = out.join(format!("shard-*-of-{}", shard.count));
        writeln!(
            stdout(),
            "Shard {shard}: {} run; written: {}.\nWhen all are there: ftpsim merge {} --out {}",
            counted(units, "unit"),
            directory.display(),
            all.display(),
            out.display()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    whole(&Whole {
        scenario: &scenario,
        seeds,
        jobs,
        out: args.out.as_deref(),
        baseline: args.baseline.as_deref(),
        json: args.json,
        from: Source::Run,
    })
}

/// What is run, or put together of shards, and told.
pub(super) struct Whole<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) seeds: SeedRange,
    pub(super) jobs: NonZeroUsize,
    /// By default as `Args::out` says.
    pub(super) out: Option<&'a Path>,
    pub(super) baseline: Option<&'a Path>,
    pub(super) json: bool,
    pub(super) from: Source<'a>,
}

pub(super) fn whole(asked: &Whole<'_>) -> anyhow::Result<ExitCode> {
    let Whole { scenario, seeds, jobs, from, json, .. } = *asked;
    let elsewhere = asked.out.map(Path::to_owned).or_else(|| local(scenario, seeds));
    let out = elsewhere.clone().unwrap_or_else(|| Path::new("results").join(&scenario.name));
    let options = Options { seeds, jobs, out: &out, from };
    if asked.baseline.is_some() && (scenario.every_wire_byte || scenario.grid.is_some()) {
        anyhow::bail!(
            "--baseline compares losses and times under faults; {} has its cells instead",
            scenario.name
        );
    }
    // Before anything is written over it.
    let baseline = asked.baseline.map(|directory| Baseline::read(directory, &scenario.name)).transpose()?;
    if scenario.every_wire_byte {
        let table = if scenario.cut_twice { cut_twice } else { truth_table };
        return table(scenario, options, json);
    }
    if let Some(spec) = &scenario.grid {
        return delivery_times(scenario, spec, options, json);
    }
    let bar = progress::bar(Some(seeds.count() * scenario.variants.len() as u64), "runs");
    let comparison =
        compare(scenario, options, |variant, seed| run::run(scenario, variant, seed), || bar.inc(1));
    bar.finish_and_clear();
    let mut comparison = comparison?;
    comparison.claims = claims::judge(&comparison);
    comparison.baseline = baseline.map(|baseline| baseline.changes(&comparison, &out)).transpose()?;
    let mut companions = companions(scenario, elsewhere.as_deref(), options)?;
    companions.timelines = html::timelines(&comparison, |variant, seed| {
        let case = Case::draw(scenario, variant, seed)?;
        let outcome = world::run_captured(&case)?;
        anyhow::Ok((case, outcome))
    })?;
    comparison.written.extend(companions.written().cloned());
    comparison.written.push(write_report(&comparison, &companions, &out)?);
    let mut stdout = stdout();
    if json {
        writeln!(stdout, "{}", out::json(&comparison)?)?;
    } else {
        write!(stdout, "{}", terminal::render(&comparison, style()))?;
        writeln!(stdout, "\n{}", written(&comparison.written, &comparison.scenario.word(), "runs.csv"))?;
    }
    stdout.flush().context("standard output")?;
    Ok(ExitCode::from(u8::from(!comparison.violations.is_empty())))
}

/// Where the results of anything but a scenario as it came with the program go: what is known of that is not to
/// be written over by something else of its name.
fn local(scenario: &Scenario, seeds: SeedRange) -> Option<PathBuf> {
    let mut name = scenario.name.clone();
    for setting in &scenario.settings {
        name += &format!(",{setting}");
    }
    if seeds != scenario.seeds {
        name += &format!(",seeds={seeds}");
    }
    if scenario.file.is_none() && name == scenario.name {
        return None;
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-=,".contains(c) { c } else { '_' };
    Some(Path::new("results/local").join(name.chars().map(plain).take(200).collect::<String>()))
}

/// Their files go beside those of the scenario: into `results/NAME`, or `out/NAME`.
fn companions(scenario: &Scenario, out: Option<&Path>, like: Options<'_>) -> anyhow::Result<Companions> {
    let mut companions = Companions::default();
    for name in &scenario.companions {
        let companion = Scenario::load(name)?;
        let out = out.unwrap_or(Path::new("results")).join(name);
        let options = Options { seeds: companion.seeds, out: &out, ..like };
        match &companion.grid {
            Some(spec) => companions.grid = Some(run_grid(&companion, spec, options)?),
            None if companion.every_wire_byte => {
                companions.truth = Some(run_truth_table(&companion, options)?);
            }
            None => anyhow::bail!("{name} cannot be a companion: it makes no part of a report"),
        }
    }
    Ok(companions)
}

fn run_truth_table(scenario: &Scenario, options: Options<'_>) -> anyhow::Result<TruthTable> {
    let plan = truth::plan(scenario)?;
    let bar = progress::bar(Some(plan.runs()), "cuts");
    let table = truth::truth(scenario, &plan, options, || bar.inc(1));
    bar.finish_and_clear();
    let mut table = table?;
    table.claims = claims::judge_truth(&table);
    Ok(table)
}

fn truth_table(scenario: &Scenario, options: Options<'_>, json: bool) -> anyhow::Result<ExitCode> {
    let mut table = run_truth_table(scenario, options)?;
    table.written.push(write_page(&html::truth_table(&table), options.out)?);
    let text = terminal::truth_table(&table, style());
    print_table(&table, json, &text, "truth-table.csv")
}

fn cut_twice(scenario: &Scenario, options: Options<'_>, json: bool) -> anyhow::Result<ExitCode> {
    let plan = truth::plan(scenario)?;
    let bar = progress::bar(Some(plan.runs()), "first cuts");
    let table = twice::cut_twice(scenario, &plan, options, || bar.inc(1));
    bar.finish_and_clear();
    let table = table?;
    let text = terminal::cut_twice(&table, style());
    print_table(&table, json, &text, "cut-twice.csv")
}

/// As JSON or as the text; 1 where an invariant was violated.
fn print_table<R: serde::Serialize>(
    table: &Table<R>,
    json: bool,
    text: &str,
    rows: &str,
) -> anyhow::Result<ExitCode> {
    let mut stdout = stdout();
    if json {
        writeln!(stdout, "{}", out::json(table)?)?;
    } else {
        write!(stdout, "{text}")?;
        writeln!(stdout, "\n{}", written(&table.written, &table.scenario.word(), rows))?;
    }
    stdout.flush().context("standard output")?;
    Ok(ExitCode::from(u8::from(!table.violations.is_empty())))
}

fn run_grid(scenario: &Scenario, spec: &GridSpec, options: Options<'_>) -> anyhow::Result<Grid> {
    let bar = progress::bar(Some(grid::rows(scenario, spec)), "cells");
    let times = grid::grid(scenario, spec, options, || bar.inc(1));
    bar.finish_and_clear();
    let mut times = times?;
    times.claims = claims::judge_grid(&times);
    Ok(times)
}

fn delivery_times(
    scenario: &Scenario,
    spec: &GridSpec,
    options: Options<'_>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut times = run_grid(scenario, spec, options)?;
    times.written.push(write_page(&drawn(html::delivery_times(&times))?, options.out)?);
    let text = terminal::grid(&times, style());
    print_table(&times, json, &text, "grid.csv")
}

fn write_report(comparison: &Comparison, companions: &Companions, out: &Path) -> anyhow::Result<PathBuf> {
    write_page(&drawn(html::render(comparison, companions))?, out)
}

fn drawn(page: Result<String, Box<dyn std::error::Error>>) -> anyhow::Result<String> {
    page.map_err(|error| anyhow::anyhow!("drawing the report: {error}"))
}

fn write_page(page: &str, out: &Path) -> anyhow::Result<PathBuf> {
    let written = AtomicFile::create(out, "report.html").and_then(|mut file| {
        file.write_all(page.as_bytes())?;
        file.publish()
    });
    written.with_context(|| out.join("report.html").display().to_string())
}

fn written(files: &[PathBuf], scenario: &str, rows: &str) -> String {
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let replay = format!("ftpsim replay {scenario} --variant V --seed N");
    format!("Written: {}.\nAny row of {rows} again: {replay}", files.join(", "))
}

/// As wide as the terminal, within reason; a hundred columns elsewhere.
pub(super) fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let columns = if terminal { console_width() } else { None };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Style { width: columns.unwrap_or(100).clamp(60, 140), colour }
}

fn console_width() -> Option<u16> {
    comfy_table::Table::new().width()
}
