//! `ftpsim audit`: is a run really a function of its case?

use super::out::stdout;
use super::progress;
use crate::lab::audit::{self, Digest};
use crate::lab::plural::counted;
use crate::sim::scenario::SeedRange;
use anyhow::{Context, bail};
use std::io::Write;
use std::num::NonZeroUsize;
use std::process::{Command, ExitCode, Stdio};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Seeds of the sweep whose cases are run again
    #[arg(long, value_name = "A..B", default_value = "0..100")]
    seeds: SeedRange,
    /// Prints a line of digests per case and compares nothing: what the second process is asked for
    #[arg(long, hide = true)]
    digests: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.digests {
        for digest in audit::digests(args.seeds, NonZeroUsize::MIN, || ()) {
            writeln!(stdout(), "{}", serde_json::to_string(&digest)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let bar = progress::bar(Some(args.seeds.count() * 3), "runs");
    let one = audit::digests(args.seeds, NonZeroUsize::MIN, || bar.inc(1));
    let again = audit::digests(args.seeds, NonZeroUsize::MIN, || bar.inc(1));
    let threads = NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN);
    let threaded = audit::digests(args.seeds, threads, || bar.inc(1));
    let other = other_process(args.seeds)?;
    bar.finish_and_clear();
    let mut wrong = 0;
    for (how, others) in [("again", again), ("on four threads", threaded), ("in another process", other)] {
        for (first, second) in one.iter().zip(&others) {
            if first != second {
                wrong += 1;
                writeln!(stdout(), "seed {}: differs when run {how}", first.seed)?;
                if let Some(event) = audit::first_difference(first.seed) {
                    writeln!(stdout(), "  first differing event: {event}")?;
                }
            }
        }
        if one.len() != others.len() {
            let was = if others.len() == 1 { "was" } else { "were" };
            bail!("{} {was} run {how}, not {}", counted(others.len(), "case"), one.len());
        }
    }
    writeln!(
        stdout(),
        "{}, each run again in this process, on four threads and in another process: {}",
        counted(one.len(), "case"),
        match wrong {
            0 => "trace, stores and records equal".to_owned(),
            1 => "1 differs".to_owned(),
            _ => format!("{wrong} differ"),
        }
    )?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn other_process(seeds: SeedRange) -> anyhow::Result<Vec<Digest>> {
    let program = std::env::current_exe().context("cannot find this program to start it again")?;
    let output = Command::new(program)
        .args(["audit", "--digests", "--seeds", &seeds.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start a second process")?;
    if !output.status.success() {
        bail!("the second process ended with {}", output.status);
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).context("the second process's digests")).collect()
}
