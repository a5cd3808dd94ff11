//! `ftpsim sweep`: hunts for runs that violate an invariant.

use super::progress;
use crate::lab::pool;
use crate::lab::records::AtomicFile;
use crate::lab::shrink::{self, Progress};
use crate::lab::sweep::{Finding, Sweep, sweep};
use crate::sim::case::Case;
use crate::sim::scenario::SeedRange;
use crate::sim::swarm;
use crate::sim::watcher::Phase;
use anyhow::{Context, Result};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Seeds run between two looks at the clock.
const BATCH: u64 = 64;

#[derive(clap::Args)]
pub struct Args {
    /// Seeds to run, FIRST..END (END not included)
    #[arg(long, value_name = "A..B", conflicts_with = "for_")]
    seeds: Option<SeedRange>,
    /// Runs seeds from 0 on for so long, for instance 90s, 10m or 1h
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
pub fn run(args: &Args) -> Result<ExitCode> {
    let jobs = if args.verbose { NonZeroUsize::MIN } else { args.jobs.unwrap_or_else(pool::all_cores) };
    let start = Instant::now();
    let seeds =
        args.seeds.unwrap_or(SeedRange { start: 0, end: if args.for_.is_some() { u64::MAX } else { 1_000 } });
    let bar = progress::bar(args.for_.is_none().then_some(seeds.count()), "seeds");
    let mut seen = Sweep::default();
    let mut next = seeds.start;
    while next < seeds.end && args.for_.is_none_or(|budget| start.elapsed() < budget) {
        let end = seeds.end.min(next.saturating_add(if args.verbose { 1 } else { BATCH }));
        if args.verbose {
            eprintln!("{}", swarm::draw(next).summary());
        }
        sweep(next..end, jobs, &mut seen, || bar.inc(1));
        next = end;
    }
    bar.finish_and_clear();
    let saved = save(&args.out, &seen.findings, args.shrink)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&seen)?);
    } else {
        print_summary(&seen, start.elapsed());
    }
    for (finding, path) in seen.findings.iter().zip(&saved) {
        for violation in &finding.violations {
            eprintln!("seed {}: {}: {}", finding.seed, violation.oracle, violation.why);
        }
        eprintln!("  again: ftpsim replay {}", path.display());
    }
    Ok(if seen.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Saves the case of each finding, and the smallest like it for the first of them.
fn save(out: &Path, findings: &[Finding], shrink_runs: u32) -> Result<Vec<PathBuf>> {
    if findings.is_empty() {
        return Ok(Vec::new());
    }
    let mut saved = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let path = out.join(format!("seed-{}.json", finding.seed));
        write_case(&path, &finding.case)?;
        if shrink_runs > 0 && index < SHRUNK_AT_MOST {
            let (small, _) = shrink::shrink(&finding.case, shrink_runs, |_: Progress| ());
            write_case(&out.join(format!("seed-{}-small.json", finding.seed)), &small)?;
        }
        saved.push(path);
    }
    Ok(saved)
}

pub(super) fn read_case(path: &Path) -> Result<Case> {
    let json = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Case::from_json(&json).with_context(|| path.display().to_string())
}

pub(super) fn write_case(path: &Path, case: &Case) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let write = || {
        let mut file = AtomicFile::create(directory, &name)?;
        file.write_all(case.to_json().as_bytes())?;
        file.publish()
    };
    write().map(|_| ()).with_context(|| format!("cannot write {}", path.display()))
}

fn print_summary(seen: &Sweep, took: Duration) {
    let per_second = seen.runs as f64 / took.as_secs_f64().max(0.001);
    println!(
        "{} runs, {} files, {} packets, {} virtual s; {per_second:.0} seeds/s; violations: {}",
        seen.runs,
        seen.files,
        seen.packets,
        seen.virtual_us / 1_000_000,
        seen.findings.len()
    );
    println!("\nWhere the faults struck:");
    print!("  {:<14}", "fault");
    Phase::ALL.iter().for_each(|phase| print!("{:>20}", phase.name()));
    println!("{:>12}", "not at all");
    for (fault, by) in &seen.struck {
        print!("  {fault:<14}");
        Phase::ALL.iter().for_each(|phase| print!("{:>20}", by.get(phase).copied().unwrap_or(0)));
        println!("{:>12}", seen.not_fired.get(fault).copied().unwrap_or(0));
    }
    let never: Vec<String> = seen
        .never_struck()
        .into_iter()
        .map(|(fault, phase)| format!("{fault} in {}", phase.name()))
        .collect();
    if !never.is_empty() {
        println!("never reached: {}", never.join(", "));
    }
}
