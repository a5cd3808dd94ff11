//! `ftpsim get`: downloads files and trees.

use super::glob;
use super::remote::{Found, with_remote};
use super::transfer::{self, TransferArgs};
use super::url::FtpUrl;
use anyhow::{Context, bail};
use ftp_endpoint::client::{Direction, Job, Publish};
use ftp_endpoint::store::disk::DiskStore;
use ftp_proto::path::VirtualPath;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp://USER:PASSWORD@HOST:PORT/PATH of a file, or of the directory that FILES lie in; the
    /// last component may have wildcards (* ? [a-z])
    url: FtpUrl,
    /// Files in the URL's directory, or patterns
    files: Vec<String>,
    /// Directories, too, with all that is in them
    #[arg(long, short)]
    recursive: bool,
    /// Directory to put them into
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    transfer: TransferArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let remotes: Vec<String> = if args.files.is_empty() {
        vec![args.url.path.clone()]
    } else {
        args.files.iter().map(|file| args.url.below(file)).collect()
    };
    let listed = args.recursive || remotes.iter().any(|remote| glob::is_pattern(name_of(remote)));
    let found = if listed { expand(&args, &remotes)? } else { plain(&remotes)? };
    let bytes = listed.then(|| found.iter().map(|found| found.size_bytes).sum());
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let mut jobs = Vec::new();
    let mut taken: BTreeMap<VirtualPath, String> = BTreeMap::new();
    for Found { remote, local, .. } in found {
        let path = VirtualPath::root().join(&local.join("/"))?;
        if let Some(other) = taken.insert(path.clone(), remote.clone()) {
            bail!("{other} and {remote} would both become {path}; get them one after the other");
        }
        // The names have no `/` and no `..` in them.
        if let [directories @ .., _] = local.as_slice()
            && !directories.is_empty()
        {
            let directory = args.out.join(directories.join("/"));
            std::fs::create_dir_all(&directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
        }
        jobs.push(Job { local: path, remote });
    }
    let store = DiskStore::open(&args.out).with_context(|| format!("cannot open {}", args.out.display()))?;
    let policy = args.transfer.policy(Direction::Get, Publish::Direct);
    transfer::run(&args.url, &store, &jobs, bytes, &policy, &args.transfer)
}

fn name_of(remote: &str) -> &str {
    remote.rsplit('/').next().unwrap_or_default()
}

/// Files by their names, without a look at the server.
fn plain(remotes: &[String]) -> anyhow::Result<Vec<Found>> {
    let mut all = Vec::new();
    for remote in remotes {
        let name = name_of(remote);
        if matches!(name, "" | "." | "..") {
            bail!("{remote:?} is a directory; name the files in it, or give -r");
        }
        all.push(Found { remote: remote.clone(), local: vec![name.to_owned()], size_bytes: 0 });
    }
    Ok(all)
}

fn expand(args: &Args, remotes: &[String]) -> anyhow::Result<Vec<Found>> {
    with_remote(&args.url, &args.transfer, async |server| {
        let mut all = Vec::new();
        for remote in remotes {
            let path = remote.trim_end_matches('/');
            let path = if path.is_empty() { remote.as_str() } else { path };
            match (path.rsplit_once('/'), name_of(path)) {
                // The whole of the login directory, or of the root.
                (_, "" | ".") => all.extend(server.tree(path, Vec::new()).await?),
                (_, "..") => bail!("{remote:?}: name the directory itself"),
                (directory, name) => {
                    let directory = match directory {
                        Some(("", _)) => "/",
                        Some((directory, _)) => directory,
                        None => "",
                    };
                    all.extend(server.matching(directory, name, args.recursive).await?);
                }
            }
        }
        Ok(all)
    })
}
