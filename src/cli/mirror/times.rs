//! Times of directories: last of all, for whatever is made or removed in one gives it another.

use super::apply::{Mirror, asking_policy};
use super::there::below;
use super::tree::{Kind, Tree};
use crate::cli::existing::place;
use crate::cli::out::{printable_line, tell};
use crate::cli::remote::{parent, with_remote};
use crate::cli::transfer::runtime;
use crate::report::format::thousands;
use ftp_endpoint::client::{ClientError, Direction};
use ftp_endpoint::store::Store;
use ftp_proto::time::Timestamp;
use std::collections::BTreeSet;

/// Refusals in a row, before any success, after which the rest is not asked for.
const MAX_REFUSALS: u64 = 3;

/// What became of the times of directories.
#[derive(Default)]
struct Done {
    set: Vec<String>,
    refused: u64,
    /// The first one's name and why.
    first: Option<(String, String)>,
}

impl Done {
    fn note(&mut self, path: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.set.push(path.to_owned()),
            Err(why) => {
                self.refused += 1;
                self.first.get_or_insert_with(|| (path.to_owned(), why));
            }
        }
    }

    fn is_hopeless(&self) -> bool {
        self.set.is_empty() && self.refused >= MAX_REFUSALS
    }
}

/// What a dry run says of it: where nothing else is done in the directory.
pub(super) fn would(mirror: &mut Mirror<'_>, source: &Tree) {
    let alone: Vec<String> = wanted(mirror, source).into_iter().map(|(path, _)| path).collect();
    note_alone(mirror, &alone);
}

pub(super) fn run(mirror: &mut Mirror<'_>, source: &Tree) -> anyhow::Result<()> {
    let wanted = wanted(mirror, source);
    if wanted.is_empty() {
        return Ok(());
    }
    let done = match mirror.ends.direction {
        Direction::Put => there(mirror, &wanted)?,
        Direction::Get => here(mirror, &wanted)?,
    };
    let missed = wanted.len() - done.set.len();
    if let Some((path, why)) = done.first.filter(|_| !mirror.args.transfer.quiet) {
        let n = thousands(missed as u64);
        let path = printable_line(&path);
        tell(format_args!("times of directories not set: {n}, the first {path}: {why}"));
    }
    mirror.outcome.directories_untimed = missed as u64;
    note_alone(mirror, &done.set);
    mirror.outcome.directories_timed = done.set;
    Ok(())
}

/// Those in which nothing else was done.
fn note_alone(mirror: &mut Mirror<'_>, set: &[String]) {
    let touched = touched(mirror);
    let alone = set.iter().filter(|path| !touched.contains(path.as_str())).cloned();
    let alone: Vec<String> = alone.map(|path| path + "/").collect();
    mirror.outcome.timed.extend(alone);
}

/// Directories that have been made, or in which something was made, moved or deleted.
fn touched<'a>(mirror: &'a Mirror<'_>) -> BTreeSet<&'a str> {
    let outcome = &mirror.outcome;
    let moved = outcome.moved.iter().map(|moved| moved.path.as_str());
    let deleted = outcome.deleted.iter().map(|(path, _)| path.as_str());
    let inside = outcome.made.iter().map(String::as_str).chain(moved).chain(deleted).map(parent);
    inside.chain(outcome.made.iter().map(String::as_str)).collect()
}

/// Directories whose times are others than the source's, or will be by now.
fn wanted(mirror: &Mirror<'_>, source: &Tree) -> Vec<(String, Timestamp)> {
    let made: BTreeSet<&str> = mirror.outcome.made.iter().map(String::as_str).collect();
    let not_made: BTreeSet<&str> =
        mirror.plan.directories.iter().map(String::as_str).filter(|path| !made.contains(path)).collect();
    let mut paths = touched(mirror);
    paths.extend(mirror.plan.directory_times.iter().map(String::as_str));
    let time = |path: &str| {
        let node = source.nodes.get(path).filter(|node| node.kind == Kind::Directory)?;
        Some((path.to_owned(), node.modified?))
    };
    paths.into_iter().filter(|path| !not_made.contains(path)).filter_map(time).collect()
}

/// At the server: by MFMT, which is of files and directories where MDTM is of files alone.
fn there(mirror: &Mirror<'_>, wanted: &[(String, Timestamp)]) -> anyhow::Result<Done> {
    let (args, ends) = (mirror.args, mirror.ends);
    let (done, _) = with_remote(&ends.url, &args.transfer.access, asking_policy(args), async |remote| {
        let session = remote.client().session();
        let mut done = Done::default();
        if !session.announces("MFMT").await? {
            let (path, _) = &wanted[0];
            done.note(path, Err("the server has no MFMT".to_owned()));
            return Ok(done);
        }
        for (path, time) in wanted {
            let result = match session.set_modified(&below(&ends.base, path), *time).await {
                Err(error @ (ClientError::Refused { .. } | ClientError::BadName | ClientError::BadTime)) => {
                    Err(error.to_string())
                }
                other => other.map(Ok)?,
            };
            done.note(path, result);
            if done.is_hopeless() {
                break;
            }
        }
        Ok(done)
    })?;
    Ok(done)
}

fn here(mirror: &Mirror<'_>, wanted: &[(String, Timestamp)]) -> anyhow::Result<Done> {
    let runtime = runtime()?;
    let mut done = Done::default();
    for (path, time) in wanted {
        let at = place(std::slice::from_ref(path))?;
        let result = runtime.block_on(mirror.store.keep_modified(&at, *time));
        done.note(path, result.map_err(|error| error.to_string()));
    }
    Ok(done)
}
