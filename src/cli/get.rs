//! `ftpsim get`: downloads files and trees.

use super::cat;
use super::existing::{Existing, place};
use super::glob::Pattern;
use super::out::tell;
use super::remote::{Found, Remote, Tree, name_of, parent, wanted, with_remote};
use super::transfer::{self, TransferArgs, Work, runtime};
use super::url::{FtpUrl, UrlParser};
use anyhow::{Context, bail, ensure};
use ftp_endpoint::client::{Direction, Job, Policy, Publish};
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::{Store, StoreError};
use ftp_proto::mode::Structure;
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER:PASSWORD@HOST:PORT/PATH of a file, or of the directory that FILES lie in; the
    /// last component may have wildcards (* ? [a-z]), but not as %2A, %3F, %5B; ;type=a or ;type=i at
    /// its end goes before --type
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Files in the URL's directory, or patterns; a file that has just that name goes before a pattern
    files: Vec<OsString>,
    /// Directories, too, with all that is in them. Links to files are fetched, those to directories are
    /// told and left out
    #[arg(long, short)]
    recursive: bool,
    /// Directory to put them into, which is made, with those that it lies in; nothing is written outside of it, whatever links are in it. - is stdout,
    /// as with ftpsim cat
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    out: PathBuf,
    /// Give the files here the times of modification that they have at the server, in whole seconds
    #[arg(long)]
    keep_times: bool,
    /// A file is delivered when it survives the loss of power here: bytes, name and directories are synced,
    /// with --pipeline many at a time. Without it, on ext4, new files may stand under their names with no
    /// bytes for up to 30 s
    #[arg(long)]
    durable: bool,
    #[command(flatten)]
    existing: Existing,
    #[command(flatten)]
    transfer: TransferArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.transfer.warn_of_password(&args.url);
    let wanted = wanted(&args.url, &args.files)?;
    if args.out.as_os_str() == "-" {
        ensure!(!args.recursive, "-o - is stdout, which has no room for directories; leave out -r");
        ensure!(!args.keep_times && !args.durable, "-o - is stdout, which keeps nothing: use -o DIR");
        args.transfer.ensure_streamable()?;
        let policy = Policy {
            representation: args.transfer.representation(&args.url)?,
            ..args.transfer.policy(Direction::Get, Publish::Direct)
        };
        let files: Vec<String> = wanted.into_iter().map(|(path, _)| path).collect();
        return cat::write_out(&args.url, &args.transfer.access, &args.transfer.quote, &policy, &files);
    }
    let is_listed = args.recursive || wanted.iter().any(|(_, pattern)| pattern.has_wildcards());
    let (tree, mut missing) = if is_listed { expand(&args, &wanted)? } else { (plain(&wanted)?, 0) };
    let Tree { files: mut found, directories, mut skipped } = tree;
    let store = open_out(&args.out, args.durable)?;
    skipped.extend(args.existing.leave(&args.url, &args.transfer, &store, &mut found)?);
    if args.keep_times {
        missing += ask_times(&args, &mut found)?;
    }
    let representation = args.transfer.representation(&args.url)?;
    let needs_times = args.keep_times;
    let mut work = Work { expected_bytes: sum(&found), skipped, needs_times, ..Work::default() };
    // As they lie there is how they come only in type I and file structure.
    let is_as_listed = representation == Representation::Image && args.transfer.structure == Structure::File;
    let mut taken = BTreeSet::new();
    let mut made = BTreeSet::new();
    let runtime = runtime()?;
    // Those with nothing in them, too.
    for Found { remote, local, .. } in &directories {
        let placed = place(local).and_then(|path| runtime.block_on(make(&store, path, &mut made)));
        if let Err(error) = placed {
            tell(format_args!("{remote}: {}", super::out::message(&error)));
            missing += 1;
        }
    }
    for Found { remote, local, size_bytes, modified } in found {
        let placed = place(&local).and_then(|path| {
            ensure!(
                taken.insert(path.clone()),
                "another file becomes {path}, too; get them one after the other"
            );
            runtime.block_on(make(&store, path.parent(), &mut made))?;
            Ok(path)
        });
        match placed {
            Ok(path) => {
                if let Some(size_bytes) = size_bytes.filter(|_| is_as_listed) {
                    work.listed_bytes.insert(remote.clone(), size_bytes);
                }
                if let Some(time) = modified.filter(|_| needs_times) {
                    work.modified.insert(remote.clone(), time);
                }
                work.jobs.push(Job { local: path, remote });
            }
            Err(error) => {
                tell(format_args!("{remote}: {}", super::out::message(&error)));
                missing += 1;
            }
        }
    }
    drop((runtime, taken));
    work.missing = missing;
    remove_dead(&store, &work.jobs);
    let policy = args.transfer.policy(Direction::Get, Publish::Direct);
    transfer::run(&args.url, &store, work, &policy, &args.transfer)
}

/// Times that no listing has told; how many cannot be had, which is told.
fn ask_times(args: &Args, found: &mut [Found]) -> anyhow::Result<u64> {
    if found.iter().all(|file| file.modified.is_some()) {
        return Ok(0);
    }
    let policy = args.transfer.listing_policy(Representation::Image);
    with_remote(&args.url, &args.transfer.access, policy, async |server| {
        for file in found.iter_mut().filter(|file| file.modified.is_none()) {
            server.ask_facts(file).await?;
            if file.modified.is_none() {
                server.miss(format_args!("{}: the server does not tell its time", file.remote));
            }
        }
        Ok(())
    })
    .map(|((), missing)| missing)
}

/// Where files are to go, what killed downloads have left goes first. What cannot be removed stays: it is
/// in nobody's way.
#[allow(clippy::disallowed_methods, reason = "files on a real disk have real ages")]
pub(super) fn remove_dead(store: &DiskStore, jobs: &[Job]) {
    let places: BTreeSet<VirtualPath> = jobs.iter().map(|job| job.local.parent()).collect();
    for place in &places {
        let _ = store.remove_dead_temporaries(place, std::time::SystemTime::now());
    }
}

/// Where the files go; it is made if it is not there.
pub(super) fn open_out(out: &Path, durable: bool) -> anyhow::Result<DiskStore> {
    let (opened, synced) = (
        || format!("cannot open {}", out.display()),
        || format!("{} cannot be synced, as --durable wants", out.display()),
    );
    let there = out.ancestors().find(|above| above.exists()).map(Path::to_owned);
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let store = DiskStore::open(out).with_context(opened)?;
    if !durable {
        return Ok(store);
    }
    for made in out.ancestors().take_while(|above| there.as_deref() != Some(above)) {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        DiskStore::open(parent.unwrap_or(Path::new(".")))
            .and_then(DiskStore::durable)
            .with_context(synced)?;
    }
    store.durable().with_context(synced)
}

/// If all of them are known.
fn sum(found: &[Found]) -> Option<u64> {
    // A server may say anything.
    let add = |sum: u64, found: &Found| Some(sum.saturating_add(found.size_bytes?));
    found.iter().try_fold(0, add).filter(|_| !found.is_empty())
}

/// Files by their names, without a look at the server.
fn plain(wanted: &[(String, Pattern)]) -> anyhow::Result<Tree> {
    let mut all = Tree::default();
    for (remote, _) in wanted {
        let name = name_of(remote);
        if matches!(name, "" | "." | "..") {
            bail!("{remote:?} is a directory; name the files in it, or give -r");
        }
        all.files.push(Found::named(remote, name));
    }
    Ok(all)
}

fn expand(args: &Args, wanted: &[(String, Pattern)]) -> anyhow::Result<(Tree, u64)> {
    let policy = args.transfer.listing_policy(Representation::Ascii);
    with_remote(&args.url, &args.transfer.access, policy, async |server| {
        let mut all = Tree::default();
        for (remote, pattern) in wanted {
            let done = expand_one(server, remote, pattern, args.recursive).await;
            server.goes_on(wanted.len(), done.map(|tree| all.extend(tree)))?;
        }
        all.skipped = std::mem::take(&mut server.skipped);
        Ok(all)
    })
}

async fn expand_one(
    server: &mut Remote,
    remote: &str,
    pattern: &Pattern,
    recursive: bool,
) -> anyhow::Result<Tree> {
    let path = remote.trim_end_matches('/');
    let path = if path.is_empty() { remote } else { path };
    match name_of(path) {
        // The whole of the login directory, or of the root.
        "" | "." => Ok(server.tree(path, Vec::new()).await),
        ".." => bail!("{remote:?}: name the directory itself"),
        _ if pattern.has_wildcards() => server.matching(parent(path), pattern, recursive).await,
        name if recursive => server.whole(path, name).await,
        name => Ok(Tree::of_file(Found::named(path, name))),
    }
}

/// Makes a directory and those in which it lies; the store sees to it that links lead none of them out.
pub(super) async fn make(
    store: &DiskStore,
    mut directory: VirtualPath,
    made: &mut BTreeSet<VirtualPath>,
) -> anyhow::Result<()> {
    let mut directories = Vec::new();
    while directory.name().is_some() && !made.contains(&directory) {
        let parent = directory.parent();
        directories.push(std::mem::replace(&mut directory, parent));
    }
    for directory in directories.into_iter().rev() {
        match store.create_directory(&directory).await {
            Ok(()) | Err(StoreError::Exists) => {}
            Err(error) => bail!("cannot make the directory {directory}: {error}"),
        }
        made.insert(directory);
    }
    Ok(())
}
