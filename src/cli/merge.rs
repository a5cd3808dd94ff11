//! `ftpsim merge`: the shards of a sweep, or of a comparison, put together.

use super::out::stdout;
use super::shards;
use super::sweep::{Output, read_swept};
use crate::lab::merge::merge;
use crate::lab::plural::counted;
use anyhow::Result;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The directories of all shards, as `ftpsim sweep --shard` and `ftpsim compare --shard` write them
    #[arg(required = true, value_name = "DIR")]
    shards: Vec<PathBuf>,
    /// Where the whole goes: the same bytes as without shards [default: results/sweep; of a comparison, as
    /// `ftpsim compare` says]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if shards::are_of_a_comparison(&args.shards) {
        return shards::merge(&args.shards, args.out.as_deref());
    }
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("results/sweep"));
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
    output.write(&out, small)?;
    writeln!(
        stdout(),
        "{}, seeds {}: {}, violations: {}; written: {}",
        counted(args.shards.len(), "shard"),
        whole.seeds,
        counted(whole.sweep.runs, "run"),
        whole.sweep.findings.len(),
        out.display()
    )?;
    Ok(ExitCode::from(u8::from(!whole.sweep.findings.is_empty())))
}
