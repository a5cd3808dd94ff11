//! `ftpsim shrink`: the smallest case that goes wrong in the same way.

use super::out::{quoted, stdout};
use super::progress;
use super::sweep::{read_case, write_case};
use crate::lab::plural::counted;
use crate::lab::shrink;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A case file, as `ftpsim sweep` saves them
    case: PathBuf,
    /// Cases tried at the most
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    runs: u32,
    /// Where the small case goes [default: CASE with -small before its ending]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let case = read_case(&args.case)?;
    let out = args.out.clone().unwrap_or_else(|| {
        let stem = args.case.file_stem().unwrap_or_default().to_string_lossy();
        args.case.with_file_name(format!("{stem}-small.json"))
    });
    let bar = progress::bar(Some(args.runs.into()), "cases");
    let (mut small, signature) = shrink::shrink(&case, args.runs, |now| bar.set_position(now.runs.into()));
    bar.finish_and_clear();
    if signature.is_clean() {
        writeln!(stdout(), "Nothing goes wrong in {}: there is nothing to shrink.", args.case.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    small.expected = Some(signature.clone());
    write_case(&out, &small)?;
    let bytes =
        |files: &[crate::sim::workload::FileSpec]| files.iter().map(|file| file.size_bytes).sum::<u64>();
    writeln!(
        stdout(),
        "{}, {} -> {}, {}; still: {signature}",
        counted(case.files.len(), "file"),
        counted(bytes(&case.files), "byte"),
        counted(small.files.len(), "file"),
        counted(bytes(&small.files), "byte")
    )?;
    let again = quoted(&out.display().to_string());
    writeln!(stdout(), "Written: {}\nAgain: ftpsim replay {again}", out.display())?;
    Ok(ExitCode::from(1))
}
