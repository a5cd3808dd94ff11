//! `ftpsim merge`: the shards of a sweep put together.

use super::out::stdout;
use super::sweep::{Output, read_swept};
use crate::lab::merge::merge;
use crate::lab::plural::counted;
use anyhow::Result;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The directories of all shards, as `ftpsim sweep --shard` writes them
    #[arg(required = true, value_name = "DIR")]
    shards: Vec<PathBuf>,
    /// Where the whole goes: the same bytes as of the unsharded sweep
    #[arg(long, value_name = "DIR", default_value = "results/sweep")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let mut shards = Vec::new();
    for directory in &args.shards {
        shards.push((directory.display().to_string(), read_swept(directory)?));
    }
    let whole = merge(shards)?;
    let output = Output::of(&whole);
    let small = |name: &str| {
        let found = args.shards.iter().map(|directory| directory.join(name)).find(|path| path.exists());
        found
            .ok_or_else(|| anyhow::anyhow!("no shard has {name}"))
            .and_then(|path| super::sweep::read_case(&path))
    };
    output.write(&args.out, small)?;
    writeln!(
        stdout(),
        "{}, seeds {}: {}, violations: {}; written: {}",
        counted(args.shards.len(), "shard"),
        whole.seeds,
        counted(whole.sweep.runs, "run"),
        whole.sweep.findings.len(),
        args.out.display()
    )?;
    Ok(ExitCode::from(u8::from(!whole.sweep.findings.is_empty())))
}
