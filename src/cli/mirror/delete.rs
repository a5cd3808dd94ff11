//! `--delete`: last, and only if nothing has gone wrong.

use super::apply::{Mirror, asking_policy};
use super::beside::{self, Judged, Listed};
use super::gone::is_gone;
use super::here;
use super::there::below;
use super::told::directories;
use super::tree::{Kind, Tree, above};
use crate::cli::existing::place;
use crate::cli::out::tell;
use crate::cli::remote::{Remote, with_remote};
use crate::cli::transfer::runtime;
use crate::report::format::counted;
use ftp_endpoint::client::{ClientError, Direction};
use ftp_endpoint::store::Store;
use ftp_proto::name;
use std::collections::BTreeSet;
use std::path::Path;

/// What a dry run says of it.
pub(super) fn would(mirror: &mut Mirror<'_>, source: &Tree) {
    if !mirror.args.delete {
        return;
    }
    mirror.outcome.not_deleted = obstacle(mirror, source);
    if mirror.outcome.not_deleted.is_none() {
        mirror.outcome.deleted = mirror.plan.deletions.clone();
    }
}

pub(super) fn run(mirror: &mut Mirror<'_>, source: &Tree) -> anyhow::Result<()> {
    if !mirror.args.delete || mirror.plan.deletions.is_empty() {
        return Ok(());
    }
    mirror.outcome.not_deleted = obstacle(mirror, source);
    if mirror.outcome.not_deleted.is_some() {
        return Ok(());
    }
    match mirror.ends.direction {
        Direction::Put => there(mirror, source),
        Direction::Get => here(mirror, source),
    }
}

/// Why nothing may be deleted.
fn obstacle(mirror: &Mirror<'_>, source: &Tree) -> Option<String> {
    let deletions = &mirror.plan.deletions;
    if deletions.is_empty() {
        return None;
    }
    if !mirror.outcome.is_fine() {
        return Some("something has gone wrong before; when that is mended, mirror again".to_owned());
    }
    let dirs = deletions.iter().filter(|(_, kind)| *kind == Kind::Directory).count() as u64;
    let files = deletions.len() as u64 - dirs;
    let what = format!("{} and {}", counted(files, "file"), directories(dirs));
    match mirror.args.max_delete {
        Some(most) if deletions.len() as u64 > most => {
            Some(format!("it would be {what}, more than --max-delete {most}"))
        }
        None if source.nodes.is_empty() => {
            Some(format!("SRC is empty, and all would go, {what}; --max-delete N allows so many"))
        }
        _ => None,
    }
}

/// At the server. Some servers list a link to a directory as a directory: DELE, which takes links and no
/// directories, is tried before anything behind it goes.
fn there(mirror: &mut Mirror<'_>, source: &Tree) -> anyhow::Result<()> {
    let (args, ends) = (mirror.args, mirror.ends);
    let planned = &mirror.plan.deletions;
    let (deleted, missing) =
        with_remote(&ends.url, &args.transfer.access, asking_policy(args), async |remote| {
            let deletions = &sure_there(remote, &ends.base, planned, source).await?;
            let mut deleted = Vec::new();
            let mut links: BTreeSet<&str> = BTreeSet::new();
            for (path, kind) in deletions.iter().rev() {
                let is_directory = *kind == Kind::Directory;
                let is_behind = above(path).any(|directory| links.contains(directory));
                if is_directory && !is_behind && is_taken_by_dele(remote, &below(&ends.base, path)).await? {
                    links.insert(path);
                    deleted.push((path.clone(), Kind::Other));
                }
            }
            for (path, kind) in deletions {
                if links.contains(path.as_str()) || above(path).any(|directory| links.contains(directory)) {
                    continue;
                }
                let remote_path = below(&ends.base, path);
                let done = match kind {
                    Kind::Directory => remote.client().remove_dir(&remote_path).await,
                    _ => remote.client().remove_file(&remote_path).await,
                };
                match done {
                    Ok(()) => deleted.push((path.clone(), *kind)),
                    Err(error) => remote.refused(&remote_path, error)?,
                }
            }
            Ok(deleted)
        })?;
    mirror.outcome.deleted = deleted;
    mirror.outcome.missing += missing;
    Ok(())
}

/// Of what is planned, what stands there beside all that was sent; the rest is told.
async fn sure_there(
    remote: &mut Remote,
    base: &str,
    planned: &[(String, Kind)],
    source: &Tree,
) -> anyhow::Result<Vec<(String, Kind)>> {
    let mut listed = Listed::new();
    for directory in beside::places(planned, source) {
        let remote_path = below(base, directory);
        match remote.list(&remote_path).await {
            Ok(listing) => {
                let names = listing.entries.into_iter().map(|entry| entry.name);
                listed.insert(directory, names.collect());
            }
            Err(error) => remote.refused(&remote_path, error)?,
        }
    }
    let Judged { sure, spared } = beside::judge(planned, source, &listed);
    for (path, sent) in spared {
        remote.miss(beside::doubt(path, sent));
    }
    Ok(sure)
}

async fn is_taken_by_dele(remote: &mut Remote, path: &str) -> Result<bool, ClientError> {
    match remote.client().remove_file(path).await {
        Ok(()) => Ok(true),
        Err(ClientError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// At this end: what the server, asked by name, says to be gone. A listing that was cut short is no proof.
fn here(mirror: &mut Mirror<'_>, source: &Tree) -> anyhow::Result<()> {
    let (args, ends) = (mirror.args, mirror.ends);
    let deletions = &mirror.plan.deletions;
    let all: BTreeSet<&str> = deletions.iter().map(|(path, _)| path.as_str()).collect();
    // What lies in a directory that is gone is gone with it.
    let asked = deletions.iter().filter(|(path, _)| !above(path).any(|directory| all.contains(directory)));
    let (doubt, _) = with_remote(&ends.url, &args.transfer.access, asking_policy(args), async |remote| {
        for (path, kind) in asked {
            let doubt = match is_gone(remote, &below(&ends.base, path), *kind).await? {
                Some(true) => continue,
                Some(false) => "is at the server, though not in its listing",
                None => "the server does not say whether it is there",
            };
            return Ok(Some(format!("{path}: {doubt}")));
        }
        Ok(None)
    })?;
    if doubt.is_some() {
        mirror.outcome.not_deleted = doubt;
        return Ok(());
    }
    let sure = sure_here(mirror.root, deletions, source, &mut mirror.outcome.missing);
    let runtime = runtime()?;
    for (path, kind) in &sure {
        let at = place(std::slice::from_ref(path))?;
        let done = match kind {
            Kind::Directory => runtime.block_on(mirror.store.remove_directory(&at)),
            _ => runtime.block_on(mirror.store.remove_file(&at)),
        };
        match done {
            Ok(()) => mirror.outcome.deleted.push((path.clone(), *kind)),
            Err(error) => {
                tell(format_args!("{path}: {error}"));
                mirror.outcome.missing += 1;
            }
        }
    }
    Ok(())
}

/// As at the server: a file system may fold names, too.
fn sure_here(
    root: &Path,
    planned: &[(String, Kind)],
    source: &Tree,
    missing: &mut u64,
) -> Vec<(String, Kind)> {
    let mut miss = |what: String| {
        tell(what);
        *missing += 1;
    };
    let mut listed = Listed::new();
    for directory in beside::places(planned, source) {
        match here::names(&root.join(name::to_os(directory))) {
            Ok(names) => _ = listed.insert(directory, names),
            Err(error) => miss(format!("{directory}: {error}")),
        }
    }
    let Judged { sure, spared } = beside::judge(planned, source, &listed);
    spared.into_iter().for_each(|(path, sent)| miss(beside::doubt(path, sent)));
    sure
}
