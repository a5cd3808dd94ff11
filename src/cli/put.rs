//! `ftpsim put`: uploads files and trees.

use super::remote::{join, with_remote};
use super::transfer::{self, PUBLISH, TransferArgs, choice};
use super::url::FtpUrl;
use anyhow::{Context, bail};
use ftp_endpoint::client::{Direction, Job, Publish};
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::disk::is_hidden;
use ftp_proto::path::VirtualPath;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp://USER:PASSWORD@HOST:PORT/DIRECTORY that the files go to; begin DIRECTORY with %2F for
    /// an absolute path
    url: FtpUrl,
    /// Files to upload
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Directories, too, with all that is in them; makes the URL's directory if it is not there
    #[arg(long, short)]
    recursive: bool,
    /// The name while it is under way: its own, or .NAME.part, renamed when the file is whole
    #[arg(long, default_value = "direct", value_parser = choice(&PUBLISH))]
    publish: Publish,
    #[command(flatten)]
    transfer: TransferArgs,
}

/// What is to be uploaded.
#[derive(Default)]
struct Plan {
    jobs: Vec<Job>,
    bytes: u64,
    /// At the server, each after the one that it lies in.
    directories: Vec<String>,
    /// The last file's directory as it was given, and from the root.
    parent: Option<(PathBuf, PathBuf)>,
}

impl Plan {
    fn add_file(&mut self, path: &Path, remote: String, bytes: u64) -> anyhow::Result<()> {
        self.bytes += bytes;
        let local = self.local_path(path)?;
        self.jobs.push(Job { local, remote });
        Ok(())
    }

    /// The path from the root of the file system, symbolic links resolved. Files come by directory,
    /// and a directory is resolved once.
    fn local_path(&mut self, path: &Path) -> anyhow::Result<VirtualPath> {
        let context = || path.display().to_string();
        if let (Some(given), Some(name)) = (path.parent(), path.file_name())
            && !std::fs::symlink_metadata(path).with_context(context)?.is_symlink()
        {
            if self.parent.as_ref().is_none_or(|(known, _)| known != given) {
                let here = if given.as_os_str().is_empty() { Path::new(".") } else { given };
                self.parent = Some((given.to_owned(), std::fs::canonicalize(here).with_context(context)?));
            }
            if let Some((_, whole)) = &self.parent {
                return virtual_path(&whole.join(name));
            }
        }
        virtual_path(&std::fs::canonicalize(path).with_context(context)?)
    }

    /// A directory and what is in it. Links to directories are not followed: they may lead round.
    fn add_tree(&mut self, directory: &Path, remote: String) -> anyhow::Result<()> {
        let context = || directory.display().to_string();
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(directory).with_context(context)? {
            entries.push(entry.with_context(context)?);
        }
        entries.sort_by_key(std::fs::DirEntry::file_name);
        self.directories.push(remote.clone());
        for entry in entries {
            let path = entry.path();
            if entry.file_name().to_str().is_some_and(is_hidden) {
                // What downloads to here, broken off or under way, have left.
                continue;
            }
            let remote = join(&remote, name_of(&path)?);
            if entry.file_type().with_context(context)?.is_dir() {
                self.add_tree(&path, remote)?;
                continue;
            }
            match std::fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => self.add_file(&path, remote, metadata.len())?,
                _ => eprintln!("ftpsim: {} is not a file; left out", path.display()),
            }
        }
        Ok(())
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut plan = Plan::default();
    for file in &args.files {
        let metadata = std::fs::metadata(file).with_context(|| file.display().to_string())?;
        if metadata.is_dir() && args.recursive {
            // `.` and `..` have names, too.
            let whole = std::fs::canonicalize(file).with_context(|| file.display().to_string())?;
            plan.add_tree(&whole, args.url.below(name_of(&whole)?))?;
        } else if metadata.is_file() {
            plan.add_file(file, args.url.below(name_of(file)?), metadata.len())?;
        } else if metadata.is_dir() {
            bail!("{} is a directory; give -r to upload what is in it", file.display());
        } else {
            bail!("{} is not a file", file.display());
        }
    }
    let mut names: Vec<_> = plan.jobs.iter().map(|job| job.remote.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("two files would both become {}; put them one after the other", twice[0]);
    }
    if args.recursive {
        with_remote(&args.url, &args.transfer, async |remote| {
            for directory in ancestors(&args.url.path).chain(plan.directories.iter().map(String::as_str)) {
                remote.make_directory(directory).await?;
            }
            Ok(())
        })?;
    }
    let store = DiskStore::open("/").context("cannot open /")?;
    let policy = args.transfer.policy(Direction::Put, args.publish);
    transfer::run(&args.url, &store, &plan.jobs, Some(plan.bytes), &policy, &args.transfer)
}

/// `a`, `a/b` and `a/b/c` of `a/b/c`.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_end_matches('/');
    let inner = path.match_indices('/').map(|(at, _)| &path[..at]).filter(|path| !path.is_empty());
    inner.chain(Some(path).filter(|path| !path.is_empty()))
}

fn name_of(path: &Path) -> anyhow::Result<&str> {
    let name = path.file_name().with_context(|| format!("{} has no name", path.display()))?;
    name.to_str().with_context(|| format!("the name of {} is not UTF-8", path.display()))
}

/// Of a path from the root of the file system.
fn virtual_path(whole: &Path) -> anyhow::Result<VirtualPath> {
    let text = whole.to_str().with_context(|| format!("{} is not UTF-8", whole.display()))?;
    Ok(VirtualPath::root().join(text)?)
}
