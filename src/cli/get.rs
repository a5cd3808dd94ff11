//! `ftpsim get`: downloads files.

use super::transfer::{self, TransferArgs};
use super::url::FtpUrl;
use crate::client::{Direction, Job, Publish};
use crate::proto::path::VirtualPath;
use crate::store::disk::DiskStore;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    /// ftp://USER:PASSWORD@HOST:PORT/PATH of a file, or of the directory that FILES lie in
    url: FtpUrl,
    /// Files in the URL's directory
    files: Vec<String>,
    /// Directory to put them into
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    transfer: TransferArgs,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let remotes = match (args.files.as_slice(), args.url.name()) {
        ([], Some(_)) => vec![args.url.path.clone()],
        ([], None) => bail!("the URL names a directory; name the files in it, too"),
        (files, _) => files.iter().map(|file| args.url.below(file)).collect(),
    };
    let mut jobs = Vec::new();
    let mut taken: BTreeMap<VirtualPath, String> = BTreeMap::new();
    for remote in remotes {
        let name = remote.rsplit('/').next().unwrap_or_default();
        let local = VirtualPath::root().join(name)?;
        if local.name().is_none() {
            bail!("{remote:?} does not end with a file's name");
        }
        if let Some(other) = taken.insert(local.clone(), remote.clone()) {
            bail!("{other} and {remote} would both become {name}; get them one after the other");
        }
        jobs.push(Job { local, remote });
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let store = DiskStore::open(&args.out).with_context(|| format!("cannot open {}", args.out.display()))?;
    let policy = args.transfer.policy(Direction::Get, Publish::Direct);
    transfer::run(&args.url, &store, &jobs, None, &policy, &args.transfer)
}
