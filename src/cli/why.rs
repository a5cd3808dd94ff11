//! `ftpsim why`: when a loss was decided, and how likely it was until then.

use super::compare::style;
use super::named::Named;
use super::out::{json, stdout};
use super::progress;
use super::written::write_noted;
use crate::lab::plural::counted;
use crate::lab::{pool, why};
use crate::report;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
    /// Ways in which the run goes on after each event
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    futures: u32,
    /// Events looked at, at the most; the search for the point of no return adds a few
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = 2..=10_000)]
    events: i64,
    /// Names the draws of the futures: another seed, other futures
    #[arg(long, value_name = "N", default_value_t = 0)]
    draws: u64,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
    /// Draw the curve as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let case = args.named.case()?;
    let options = why::Options {
        futures: args.futures,
        steps: usize::try_from(args.events)?,
        seed: args.draws,
        jobs: args.jobs.unwrap_or_else(pool::all_cores),
    };
    let bar = progress::bar(None, "runs");
    let why = why::why(&case, &options, || bar.inc(1))?;
    bar.finish_and_clear();
    if let Some(path) = &args.html {
        let command = args.named.command("why")?;
        let page = report::why::html::render(&case, &why, &command);
        write_noted(path, |file| Ok(file.write_all(page.as_bytes())?))?;
    }
    let mut stdout = stdout();
    if args.json {
        writeln!(stdout, "{}", json(&report::why::to_json(&case, &why))?)?;
    } else {
        write!(stdout, "{}", report::why::render(&case, &why, style()))?;
        writeln!(
            stdout,
            "\n{} for it. What happened: {}",
            counted(why.runs, "run"),
            args.named.command("replay")?
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
