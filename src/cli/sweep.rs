//! `ftpsim sweep`: hunts for runs that violate an invariant.

use super::out::{note, quoted, stdout};
use super::{progress, shards};
use crate::lab::export::AtomicFile;
use crate::lab::merge::{Shard, Swept};
use crate::lab::mutants;
use crate::lab::plural::counted;
use crate::lab::pool;
use crate::lab::shrink::{self, Progress};
use crate::lab::sweep::{Finding, How, Sweep, sweep_while};
use crate::sim::case::Case;
use crate::sim::phase::Phase;
use crate::sim::scenario::SeedRange;
use crate::sim::signature::Signature;
use crate::sim::swarm;
use crate::sim::world;
use anyhow::{Context, Result};
use ftp_proto::mutant::{Mutant, POSSIBLE};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Seeds to run, FIRST..END (END not included); with --for, as many of them as there is time for
    #[arg(long, value_name = "A..B")]
    seeds: Option<SeedRange>,
    /// Runs seeds, from 0 on unless --seeds says otherwise, for so long: 90s, 10m, 1h
    #[arg(long = "for", id = "for_", value_name = "TIME", value_parser = duration)]
    for_: Option<Duration>,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Where the cases of violations are saved
    #[arg(long, value_name = "DIR", default_value = "results/sweep")]
    out: PathBuf,
    /// Runs tried to shrink each of the first violations; 0: none
    #[arg(long, value_name = "N", default_value_t = 300)]
    shrink: u32,
    /// Only this part of the seeds, I from 1 to N; writes into a directory of its own below --out,
    /// for `ftpsim merge` [default: as the variables of a Slurm job array or a Kubernetes Indexed
    /// Job say]
    #[arg(long, value_name = "I/N", conflicts_with = "for_")]
    shard: Option<Shard>,
    /// Looks for each planted bug instead: the table goes to --out, the shrunk cases to DIR
    #[arg(long, value_name = "DIR", hide = true)]
    planted: Option<PathBuf>,
    /// Of the planted bugs only these
    #[arg(long, value_name = "NAME", hide = true, requires = "planted", value_delimiter = ',')]
    bugs: Vec<String>,
    /// Prints each case's line before it runs (one thread)
    #[arg(long)]
    verbose: bool,
    /// Prints the summary as JSON
    #[arg(long)]
    json: bool,
}

/// At most so many violations are shrunk; all are saved.
const SHRUNK_AT_MOST: usize = 5;

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("a number with s, m or h, for instance 90s, 10m or 1h".to_owned()),
    };
    digits.parse().map(|n: u64| Duration::from_secs(n * unit)).map_err(|error| error.to_string())
}

#[allow(clippy::disallowed_methods, reason = "a budget of the person at the terminal")]
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(cases) = &args.planted {
        return planted_bugs(args, cases);
    }
    let jobs = if args.verbose { NonZeroUsize::MIN } else { args.jobs.unwrap_or_else(pool::all_cores) };
    let start = Instant::now();
    let whole =
        args.seeds.unwrap_or(SeedRange { start: 0, end: if args.for_.is_some() { u64::MAX } else { 1_000 } });
    let shard = if args.for_.is_some() { None } else { shards::asked(args.shard)? };
    let seeds = shard.map_or(whole, |shard| shard.of(whole));
    anyhow::ensure!(seeds.start < seeds.end, "more shards than seeds: this one has none");
    let out = match shard {
        Some(shard) => shards::directory(&args.out, shard),
        None => args.out.clone(),
    };
    let bar = progress::bar(args.for_.is_none().then_some(seeds.count()), "seeds");
    let mut seen = Sweep::default();
    let how = How {
        jobs,
        goes_on: || args.for_.is_none_or(|budget| start.elapsed() < budget),
        begins: |seed| {
            if args.verbose {
                note(format_args!("{}", swarm::draw(seed).summary()));
            }
        },
    };
    let next = sweep_while(
        seeds.start..seeds.end,
        &how,
        &mut seen,
        || bar.inc(1),
        // At once: the end may be an hour away.
        |finding| bar.suspend(|| tell_of(finding, &out)),
    )?;
    bar.finish_and_clear();
    // No violations of no runs would be good news that nobody has.
    anyhow::ensure!(next > seeds.start, "no run was begun in the time of --for; give it more");
    let seeds = SeedRange { start: seeds.start, end: next };
    let whole = if args.for_.is_some() { seeds } else { whole };
    let swept = Swept::new(whole, seeds, args.shrink, seen);
    let shrunk = |finding: &Finding| shrink::shrink(&finding.case, args.shrink, |_: Progress| ()).0;
    let output = Output::of(&swept);
    output.write(&out, |name| {
        let finding = swept.sweep.findings.iter().find(|finding| small_name(finding.seed) == name);
        let finding = finding.with_context(|| format!("{name} is of no finding"))?;
        Ok(expecting(shrunk(finding)))
    })?;
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&swept.sweep)?)?;
    } else {
        print_summary(&swept.sweep, start.elapsed())?;
    }
    Ok(if swept.sweep.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Saves a finding's case and says what it is.
fn tell_of(finding: &Finding, out: &Path) -> Result<()> {
    let case = out.join(full_name(finding.seed));
    write_case(&case, &finding.case)?;
    for violation in &finding.violations {
        note(format_args!("seed {}: {}: {}", finding.seed, violation.oracle, violation.why));
    }
    note(format_args!("  again: ftpsim replay {}", quoted(&case.display().to_string())));
    Ok(())
}

fn full_name(seed: u64) -> String {
    format!("seed-{seed}.json")
}

fn small_name(seed: u64) -> String {
    format!("seed-{seed}-small.json")
}

/// With the way its run goes.
fn expecting(case: Case) -> Case {
    let expected = world::judge(&case).ok().map(|outcome| Signature::of(&outcome));
    Case { expected, ..case }
}

/// The files of a sweep: `sweep.json`, the case of each finding, and the smallest like it for the
/// first of them.
pub(super) struct Output<'a> {
    swept: &'a Swept,
}

impl<'a> Output<'a> {
    pub(super) fn of(swept: &'a Swept) -> Self {
        Self { swept }
    }

    /// `small` gives the shrunk case for its file name. `sweep.json` comes last: where it is, all
    /// is there.
    pub(super) fn write(&self, out: &Path, small: impl Fn(&str) -> Result<Case>) -> Result<()> {
        for (index, finding) in self.swept.sweep.findings.iter().enumerate() {
            write_case(&out.join(full_name(finding.seed)), &finding.case)?;
            if self.swept.shrink_runs > 0 && index < SHRUNK_AT_MOST {
                let name = small_name(finding.seed);
                write_case(&out.join(&name), &small(&name)?)?;
            }
        }
        let mut json = serde_json::to_string_pretty(self.swept)?;
        json.push('\n');
        write_text(&out.join(SWEPT), &json)
    }
}

const SWEPT: &str = "sweep.json";

pub(super) fn read_swept(directory: &Path) -> Result<Swept> {
    let path = directory.join(SWEPT);
    let json = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}: has that shard finished?", path.display()))?;
    serde_json::from_str(&json).with_context(|| path.display().to_string())
}

/// Seeds tried for each planted bug.
const PLANTED_SEEDS: u64 = 3_000;

fn planted_bugs(args: &Args, cases: &Path) -> Result<ExitCode> {
    anyhow::ensure!(POSSIBLE, "planted bugs need a program built with debug assertions");
    let jobs = args.jobs.unwrap_or_else(pool::all_cores);
    let is_asked = |bug: &Mutant| args.bugs.is_empty() || args.bugs.contains(&mutants::name(*bug));
    let bugs: Vec<Mutant> = Mutant::ALL.into_iter().filter(is_asked).collect();
    let bar = progress::bar(Some(bugs.len() as u64), "bugs");
    let mut rows = csv::Writer::from_writer(Vec::new());
    let mut missed = 0;
    pool::in_order(
        jobs,
        bugs.len() as u64,
        |index| {
            let bug = bugs[index as usize];
            Ok((bug, mutants::seeds_to_find(bug, PLANTED_SEEDS).map(|seeds| mutants::row(bug, seeds))))
        },
        || bar.inc(1),
        |(bug, found)| -> Result<()> {
            let Some((row, case)) = found else {
                missed += 1;
                note(format_args!("{}: not found in {PLANTED_SEEDS} seeds", mutants::name(bug)));
                return Ok(());
            };
            rows.serialize(&row)?;
            write_case(&cases.join(format!("planted-{}.json", mutants::name(bug))), &case)
        },
    )?;
    bar.finish_and_clear();
    let table = String::from_utf8(rows.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?)?;
    write_text(&args.out.join("planted-bugs.csv"), &table)?;
    write!(stdout(), "{table}")?;
    Ok(ExitCode::from(u8::from(missed > 0)))
}

pub(super) fn read_case(path: &Path) -> Result<Case> {
    let json = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Case::from_json(&json).with_context(|| path.display().to_string())
}

pub(super) fn write_case(path: &Path, case: &Case) -> Result<()> {
    write_text(path, &case.to_json())
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let write = || {
        let mut file = AtomicFile::create(directory, &name)?;
        file.write_all(text.as_bytes())?;
        file.publish()
    };
    write().map(|_| ()).with_context(|| format!("cannot write {}", path.display()))
}

fn print_summary(seen: &Sweep, took: Duration) -> Result<()> {
    let per_second = seen.runs as f64 / took.as_secs_f64().max(0.001);
    writeln!(
        stdout(),
        "{}, {}, {}, {} virtual s; {per_second:.0} seeds/s; violations: {}",
        counted(seen.runs, "run"),
        counted(seen.files, "file"),
        counted(seen.packets, "packet"),
        seen.virtual_us / 1_000_000,
        seen.findings.len()
    )?;
    writeln!(stdout(), "\nWhere the faults struck:")?;
    let width = seen.struck.keys().map(String::len).max().unwrap_or_default().max("fault".len());
    write!(stdout(), "  {:<width$}", "fault")?;
    Phase::ALL.iter().try_for_each(|phase| write!(stdout(), "{:>20}", phase.name()))?;
    writeln!(stdout(), "{:>12}", "not at all")?;
    for (fault, by) in &seen.struck {
        write!(stdout(), "  {fault:<width$}")?;
        Phase::ALL
            .iter()
            .try_for_each(|phase| write!(stdout(), "{:>20}", by.get(phase).copied().unwrap_or(0)))?;
        writeln!(stdout(), "{:>12}", seen.not_fired.get(fault).copied().unwrap_or(0))?;
    }
    let never: Vec<String> = seen
        .never_struck()
        .into_iter()
        .map(|(fault, phase)| format!("{fault} in {}", phase.name()))
        .collect();
    if !never.is_empty() {
        writeln!(stdout(), "never reached: {}", never.join(", "))?;
    }
    Ok(())
}
