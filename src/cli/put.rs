//! `ftpsim put`: uploads files.

use super::transfer::{self, PUBLISH, TransferArgs, choice};
use super::url::FtpUrl;
use crate::client::{Direction, Job, Publish};
use crate::proto::path::VirtualPath;
use crate::store::disk::DiskStore;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    /// ftp://USER:PASSWORD@HOST:PORT/DIRECTORY that the files go to; begin DIRECTORY with %2F for
    /// an absolute path
    url: FtpUrl,
    /// Files to upload
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The name while it is under way: its own, or .NAME.part, renamed when the file is whole
    #[arg(long, default_value = "direct", value_parser = choice(&PUBLISH))]
    publish: Publish,
    #[command(flatten)]
    transfer: TransferArgs,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut jobs = Vec::new();
    let mut bytes = 0;
    for file in &args.files {
        let metadata = std::fs::metadata(file).with_context(|| file.display().to_string())?;
        if !metadata.is_file() {
            bail!("{} is not a file", file.display());
        }
        bytes += metadata.len();
        let name = file.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("the name of {} is not UTF-8", file.display()))?;
        jobs.push(Job { local: local_path(file)?, remote: args.url.below(name) });
    }
    let store = DiskStore::open("/").context("cannot open /")?;
    let policy = args.transfer.policy(Direction::Put, args.publish);
    transfer::run(&args.url, &store, &jobs, Some(bytes), &policy, &args.transfer)
}

/// The path from the root of the file system, symbolic links resolved.
fn local_path(path: &Path) -> anyhow::Result<VirtualPath> {
    let whole = std::fs::canonicalize(path).with_context(|| path.display().to_string())?;
    let text = whole.to_str().with_context(|| format!("{} is not UTF-8", whole.display()))?;
    Ok(VirtualPath::root().join(text)?)
}
