//! `ftpsim put`: uploads files and trees.

use super::cat;
use super::mirror::whole_seconds;
use super::out::{message, printable_line, tell};
use super::remote::{Remote, ancestors, is_of_the_name, join, parent, with_remote};
use super::skipped::{Reason, Skipped};
use super::transfer::{self, PUBLISH, TransferArgs, Work, choice};
use super::url::{FtpUrl, UrlParser};
use anyhow::{Context, bail, ensure};
use ftp_endpoint::client::{Direction, Job, Policy, Publish};
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::disk::is_hidden;
use ftp_proto::name;
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;
use ftp_proto::time::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER:PASSWORD@HOST:PORT/DIRECTORY that the files go to; begin DIRECTORY with %2F for
    /// an absolute path; ;type=a or ;type=i at its end goes before --type
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Files to upload; - alone is stdin, and then the URL names the file that it becomes. If what writes
    /// into it breaks off, nobody can tell that from its end
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Directories, too, with all that is in them; makes the URL's directory if it is not there
    #[arg(long, short)]
    recursive: bool,
    /// Make the URL's directory, and those that it lies in, if they are not there; -r does so, too. Without
    /// either a directory that is not there is an error
    #[arg(long)]
    make_dirs: bool,
    /// Give the files at the server the times of modification that they have here, in whole seconds, by MFMT
    /// (or by MDTM TIME NAME, where MFMT is not announced)
    #[arg(long)]
    keep_times: bool,
    /// In directories, go wherever symbolic links lead. Without it, those to files in the same tree are
    /// followed, and the others are told and left out
    #[arg(long, short = 'L', requires = "recursive")]
    follow_links: bool,
    /// The name while it is under way: its own, or .NAME.part, renamed when the file is whole
    #[arg(long, default_value = "direct", value_parser = choice(&PUBLISH))]
    publish: Publish,
    /// Only to a server whose answers survive the loss of power there, which it says by DURABLE in FEAT
    /// (ftpsim serve --durable): when a file is reported as delivered, its source may go
    #[arg(long)]
    durable: bool,
    #[command(flatten)]
    transfer: TransferArgs,
}

/// What is to be uploaded.
#[derive(Default)]
struct Plan {
    /// Each with its size in bytes.
    jobs: Vec<(Job, u64)>,
    /// By the names at the server.
    modified: BTreeMap<String, Timestamp>,
    /// At the server, each after the one that it lies in.
    directories: Vec<String>,
    /// The last file's directory as it was given, and from the root.
    parent: Option<(PathBuf, PathBuf)>,
    follow_links: bool,
    /// What is left out of trees, or cannot be looked at.
    missing: u64,
    /// By their names at this end.
    skipped: Skipped,
}

impl Plan {
    fn add_file(&mut self, path: &Path, remote: String, there: &There) -> anyhow::Result<()> {
        let metadata = &there.metadata;
        let local = self.local_path(path, there.is_link)?;
        if let Ok(time) = metadata.modified() {
            self.modified.insert(remote.clone(), whole_seconds(time));
        }
        self.jobs.push((Job { local, remote }, metadata.len()));
        Ok(())
    }

    /// The path from the root of the file system, symbolic links resolved. Files come by directory,
    /// and a directory is resolved once.
    fn local_path(&mut self, path: &Path, is_link: bool) -> anyhow::Result<VirtualPath> {
        let context = || path.display().to_string();
        if let (Some(given), Some(name)) = (path.parent(), path.file_name())
            && !is_link
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

    /// Told, and counted; the rest of the tree goes on.
    fn leave_out(&mut self, path: &Path, why: impl std::fmt::Display) {
        tell(format_args!("{}: {why}; left out", path.display()));
        self.missing += 1;
    }

    /// One that cannot be made costs what is in it, and nothing else.
    async fn make_directories(&mut self, remote: &mut Remote) -> anyhow::Result<()> {
        let mut refused: BTreeSet<&str> = BTreeSet::new();
        for directory in &self.directories {
            if ancestors(directory).any(|above| refused.contains(above)) {
                continue;
            }
            match remote.make_directory(directory).await {
                Ok(()) => {}
                Err(error) if is_of_the_name(&error) => {
                    let (name, why) = (printable_line(directory), message(&error));
                    tell(format_args!("{name}: {why}; nor is what is in it uploaded"));
                    refused.insert(directory);
                }
                Err(error) => return Err(error),
            }
        }
        let jobs = self.jobs.len();
        self.jobs.retain(|(job, _)| !ancestors(parent(&job.remote)).any(|above| refused.contains(above)));
        self.missing += (refused.len() + jobs - self.jobs.len()) as u64;
        Ok(())
    }

    /// A directory, resolved, and what is in it. `above`: the directories in which it lies, the tree's
    /// first, resolved, too.
    fn add_tree(&mut self, directory: &Path, remote: String, above: &mut Vec<PathBuf>) {
        let mut entries = match std::fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>)
        {
            Ok(entries) => entries,
            Err(error) => return self.leave_out(directory, error),
        };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        self.directories.push(remote.clone());
        above.push(directory.to_owned());
        for entry in entries {
            let path = entry.path();
            if is_hidden(&name::from_os(&entry.file_name())) {
                // What downloads to here, broken off or under way, have left.
                self.skipped.add(Reason::Own, name::from_os(path.as_os_str()).into_owned());
                continue;
            }
            let remote = join(&remote, &name::from_os(&entry.file_name()));
            match self.add_entry(&path, remote, above) {
                Ok(None) => {}
                Ok(Some((reason, told))) => {
                    self.leave_out(&path, told);
                    self.skipped.add(reason, name::from_os(path.as_os_str()).into_owned());
                }
                Err(error) => self.leave_out(&path, message(&error)),
            }
        }
        above.pop();
    }

    /// Gives why it is left out, for the summary and in words of its own.
    fn add_entry(
        &mut self,
        path: &Path,
        remote: String,
        above: &mut Vec<PathBuf>,
    ) -> anyhow::Result<Option<(Reason, &'static str)>> {
        let there = match There::at(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
                return Ok(Some((Reason::LinkOut, "a link that leads nowhere")));
            }
            there => there?,
        };
        let (is_link, metadata) = (there.is_link, &there.metadata);
        let target = if is_link { std::fs::canonicalize(path)? } else { path.to_owned() };
        if is_link && !self.follow_links {
            let is_inside = above.first().is_some_and(|tree| target.starts_with(tree));
            if metadata.is_dir() {
                let told = "a link to a directory (--follow-links goes there)";
                return Ok(Some((Reason::LinkToDirectory, told)));
            }
            if metadata.is_file() && !is_inside {
                return Ok(Some((Reason::LinkOut, "a link out of the tree (--follow-links goes there)")));
            }
        }
        if metadata.is_dir() {
            if above.contains(&target) {
                return Ok(Some((Reason::LinkRound, Reason::LinkRound.as_str())));
            }
            self.add_tree(&target, remote, above);
            return Ok(None);
        }
        if !metadata.is_file() {
            return Ok(Some((Reason::Special, Reason::Special.as_str())));
        }
        self.add_file(path, remote, &there).map(|()| None)
    }
}

/// What stands under a path.
struct There {
    is_link: bool,
    /// Of what a link leads to.
    metadata: Metadata,
}

impl There {
    fn at(path: &Path) -> io::Result<Self> {
        let own = std::fs::symlink_metadata(path)?;
        let is_link = own.is_symlink();
        Ok(Self { is_link, metadata: if is_link { std::fs::metadata(path)? } else { own } })
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.transfer.warn_of_password(&args.url);
    if let [file] = &args.files[..]
        && file.as_os_str() == "-"
    {
        ensure!(
            !args.recursive && args.publish == Publish::Direct && !args.keep_times,
            "- is stdin: a file, under its own name, without a time; leave out -r, --publish and --keep-times"
        );
        args.transfer.ensure_streamable()?;
        if args.make_dirs {
            let policy = args.transfer.listing_policy(Representation::Ascii);
            with_remote(&args.url, &args.transfer.access, policy, async |remote| {
                for directory in ancestors(parent(&args.url.path)) {
                    remote.make_directory(directory).await?;
                }
                Ok(())
            })?;
        }
        let policy = Policy {
            durable: args.durable,
            representation: args.transfer.representation(&args.url)?,
            ..args.transfer.policy(Direction::Put, Publish::Direct)
        };
        return cat::read_in(&args.url, &args.transfer, &policy);
    }
    let mut plan = Plan { follow_links: args.follow_links, ..Plan::default() };
    for file in &args.files {
        let there = There::at(file).with_context(|| file.display().to_string())?;
        let metadata = &there.metadata;
        if metadata.is_dir() && args.recursive {
            // `.` and `..` have names, too.
            let whole = std::fs::canonicalize(file).with_context(|| file.display().to_string())?;
            plan.add_tree(&whole, args.url.below(&name_of(&whole)?), &mut Vec::new());
        } else if metadata.is_file() {
            plan.add_file(file, args.url.below(&name_of(file)?), &there)?;
        } else if metadata.is_dir() {
            bail!("{} is a directory; give -r to upload what is in it", file.display());
        } else {
            bail!("{} is not a file", file.display());
        }
    }
    let mut names: Vec<_> = plan.jobs.iter().map(|(job, _)| job.remote.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("two files would both become {}; put them one after the other", twice[0]);
    }
    if args.recursive || args.make_dirs {
        let policy = args.transfer.listing_policy(Representation::Ascii);
        with_remote(&args.url, &args.transfer.access, policy, async |remote| {
            if args.durable {
                remote.must_be_durable().await?;
            }
            for directory in ancestors(&args.url.path) {
                remote.make_directory(directory).await?;
            }
            plan.make_directories(remote).await
        })?;
    }
    let store = DiskStore::open("/").context("cannot open /")?;
    let policy = Policy { durable: args.durable, ..args.transfer.policy(Direction::Put, args.publish) };
    let Plan { jobs, missing, skipped, modified, .. } = plan;
    let needs_times = args.keep_times;
    let modified = if needs_times { modified } else { BTreeMap::new() };
    let expected_bytes = Some(jobs.iter().map(|(_, bytes)| bytes).sum());
    let jobs = jobs.into_iter().map(|(job, _)| job).collect();
    let work = Work { jobs, expected_bytes, missing, modified, skipped, needs_times, ..Work::default() };
    transfer::run(&args.url, &store, work, &policy, &args.transfer)
}

fn name_of(path: &Path) -> anyhow::Result<Cow<'_, str>> {
    let name = path.file_name().with_context(|| format!("{} has no name", path.display()))?;
    Ok(name::from_os(name))
}

/// Of a path from the root of the file system.
fn virtual_path(whole: &Path) -> anyhow::Result<VirtualPath> {
    Ok(VirtualPath::root().join(&name::from_os(whole.as_os_str()))?)
}
