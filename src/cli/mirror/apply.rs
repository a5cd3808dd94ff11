//! A mirror from its survey to its end, in either direction.

use super::delete;
use super::here;
use super::plan::{Compare, Plan, Why, plan};
use super::survey;
use super::there::{self, below};
use super::times;
use super::told::{Moved, Outcome};
use super::tree::{Tree, above};
use super::{Args, Ends};
use crate::cli::existing::place;
use crate::cli::get;
use crate::cli::out::{message, printable_line, tell};
use crate::cli::remote::{Remote, ancestors, is_of_the_name, with_remote};
use crate::cli::signals::Asked;
use crate::cli::transfer::{self, Delivered, Work, runtime};
use anyhow::{Context, ensure};
use ftp_endpoint::client::{Direction, FileReport, Job, Policy, Publish};
use ftp_endpoint::store::Store;
use ftp_endpoint::store::disk::DiskStore;
use ftp_proto::repr::Representation;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

/// A file that changes again and again while it is sent is sent so often.
const MAX_ROUNDS: u32 = 3;

/// For what is asked beside transfers.
pub(super) fn asking_policy(args: &Args) -> Policy {
    args.transfer.listing_policy(Representation::Image)
}

pub(super) fn upload(args: &Args, ends: &Ends) -> anyhow::Result<ExitCode> {
    let cannot = || format!("cannot read {}", ends.local.display());
    let root = std::fs::canonicalize(&ends.local).with_context(cannot)?;
    ensure!(root.is_dir(), "{} is no directory", ends.local.display());
    let mut source = here::walk(&root, &args.filter, true);
    let access = &args.transfer.access;
    let (surveyed, _) = with_remote(&ends.url, access, asking_policy(args), async |remote| {
        if args.durable {
            remote.must_be_durable().await?;
        }
        let compare = survey::rule(remote, args, Direction::Put).await?;
        let is_there = ends.base.is_empty() || remote.is_directory(&ends.base).await?;
        let mut target = match is_there {
            true => there::walk(remote, &ends.base, &args.filter, false).await?,
            false => Tree::default(),
        };
        survey::unlisted(remote, &ends.base, &source, &mut target).await?;
        survey::complete(remote, &ends.base, &mut target, Some(&source), compare).await?;
        let same = match compare {
            Compare::Checksum => {
                survey::compare_content(remote, &ends.base, (&root, &source), &target).await?
            }
            _ => BTreeMap::new(),
        };
        let mut plan = plan(&source, &target, compare, &same);
        let mut outcome = Outcome::of(&source, &target, &plan, args.dry_run);
        if !args.dry_run {
            if !is_there {
                for directory in ancestors(&ends.base) {
                    remote.make_directory(directory).await?;
                }
            }
            prepare_there(remote, ends, &source, &mut plan, &mut outcome).await?;
        }
        Ok((plan, outcome))
    })?;
    let (plan, outcome) = surveyed;
    let store = DiskStore::open(&root).with_context(cannot)?;
    let mut mirror = Mirror { args, ends, root: &root, store: &store, plan, outcome };
    mirror.tell_conflicts();
    if args.dry_run {
        return mirror.would(&source);
    }
    let asked = mirror.move_files(&mut source)?;
    mirror.finish(&source, asked)
}

/// Directories, and times of what has the right content.
async fn prepare_there(
    remote: &mut Remote,
    ends: &Ends,
    source: &Tree,
    plan: &mut Plan,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let mut refused: BTreeSet<&str> = BTreeSet::new();
    for path in &plan.directories {
        if above(path).any(|directory| refused.contains(directory)) {
            continue;
        }
        match remote.make_directory(&below(&ends.base, path)).await {
            Ok(()) => outcome.made.push(path.clone()),
            Err(error) if is_of_the_name(&error) => {
                tell(format_args!("{}: {}; nor is what is in it", printable_line(path), message(&error)));
                refused.insert(path);
            }
            Err(error) => return Err(error),
        }
    }
    let is_lost = |path: &str| refused.contains(path) || above(path).any(|above| refused.contains(above));
    let transfers = plan.transfers.len();
    plan.transfers.retain(|(path, _)| !is_lost(path));
    outcome.missing += (refused.len() + transfers - plan.transfers.len()) as u64;
    for path in &plan.times {
        let Some(time) = source.nodes.get(path).and_then(|node| node.modified) else { continue };
        match remote.client().session().set_modified(&below(&ends.base, path), time).await {
            Ok(()) => outcome.timed.push(path.clone()),
            Err(error) => {
                remote.refused(&printable_line(path), error)?;
                outcome.untimed += 1;
            }
        }
    }
    Ok(())
}

pub(super) fn download(args: &Args, ends: &Ends) -> anyhow::Result<ExitCode> {
    let is_there = ends.local.is_dir();
    ensure!(is_there || !ends.local.exists(), "{} is no directory", ends.local.display());
    let resolved = || std::fs::canonicalize(&ends.local).with_context(|| ends.local.display().to_string());
    let root = if is_there { resolved()? } else { ends.local.clone() };
    let target = if is_there { here::walk(&root, &args.filter, false) } else { Tree::default() };
    let access = &args.transfer.access;
    let (surveyed, _) = with_remote(&ends.url, access, asking_policy(args), async |remote| {
        let compare = survey::rule(remote, args, Direction::Get).await?;
        let mut source = there::walk(remote, &ends.base, &args.filter, true).await?;
        survey::complete(remote, &ends.base, &mut source, None, compare).await?;
        let same = match compare {
            Compare::Checksum => {
                survey::compare_content(remote, &ends.base, (&root, &target), &source).await?
            }
            _ => BTreeMap::new(),
        };
        let plan = plan(&source, &target, compare, &same);
        Ok((source, plan))
    })?;
    let (mut source, plan) = surveyed;
    let outcome = Outcome::of(&source, &target, &plan, args.dry_run);
    if args.dry_run {
        // Nothing is made, not even the directory.
        let nowhere = DiskStore::open(".").context("cannot open the current directory")?;
        let mirror = Mirror { args, ends, root: &root, store: &nowhere, plan, outcome };
        mirror.tell_conflicts();
        return mirror.would(&source);
    }
    let store = get::open_out(&ends.local, args.durable)?;
    let mut mirror = Mirror { args, ends, root: &root, store: &store, plan, outcome };
    mirror.tell_conflicts();
    mirror.prepare_here(&source)?;
    let asked = mirror.move_files(&mut source)?;
    mirror.finish(&source, asked)
}

/// A mirror whose plan is made.
pub(super) struct Mirror<'a> {
    pub args: &'a Args,
    pub ends: &'a Ends,
    pub root: &'a Path,
    pub store: &'a DiskStore,
    pub plan: Plan,
    pub outcome: Outcome,
}

impl Mirror<'_> {
    /// Told, and counted by the outcome.
    fn tell_conflicts(&self) {
        for (path, why) in &self.plan.conflicts {
            tell(format_args!("{}: {why}; neither is touched, move one of them away", printable_line(path)));
        }
    }

    fn would(mut self, source: &Tree) -> anyhow::Result<ExitCode> {
        self.outcome.made = self.plan.directories.clone();
        self.outcome.timed = self.plan.times.clone();
        // There may be a million.
        let transfers = std::mem::take(&mut self.plan.transfers);
        let moved = transfers.into_iter().map(|(path, why)| Moved { path, why, report: None });
        self.outcome.moved = moved.collect();
        delete::would(&mut self, source);
        times::would(&mut self, source);
        if !self.args.transfer.json {
            self.outcome.print_plan(self.ends.direction)?;
        }
        self.conclude(None)
    }

    /// Directories, and times of what has the right content.
    fn prepare_here(&mut self, source: &Tree) -> anyhow::Result<()> {
        let runtime = runtime()?;
        let mut made = BTreeSet::new();
        for path in &self.plan.directories {
            let done = place(std::slice::from_ref(path))
                .and_then(|directory| runtime.block_on(get::make(self.store, directory, &mut made)));
            match done {
                Ok(()) => self.outcome.made.push(path.clone()),
                Err(error) => {
                    tell(format_args!("{path}: {}", message(&error)));
                    self.outcome.missing += 1;
                }
            }
        }
        for path in &self.plan.times {
            let Some(time) = source.nodes.get(path).and_then(|node| node.modified) else { continue };
            let at = place(std::slice::from_ref(path))?;
            match runtime.block_on(self.store.keep_modified(&at, time)) {
                Ok(()) => self.outcome.timed.push(path.clone()),
                Err(error) => {
                    tell(format_args!("{path}: cannot set its time: {error}"));
                    self.outcome.missing += 1;
                }
            }
        }
        Ok(())
    }

    /// Moves files, those that have changed meanwhile again.
    fn move_files(&mut self, source: &mut Tree) -> anyhow::Result<Option<Asked>> {
        let mut transfers = std::mem::take(&mut self.plan.transfers);
        for round in 1.. {
            if transfers.is_empty() {
                return Ok(None);
            }
            let Delivered { report, asked, took } = self.deliver(source, &transfers)?;
            self.outcome.moving += took;
            let Some(report) = report else {
                self.outcome.missing += transfers.len() as u64;
                return Ok(asked);
            };
            transfer::tell_failures(&self.ends.url, &report, &self.args.transfer);
            let mut again = Vec::new();
            for ((path, why), report) in transfers.into_iter().zip(report.files) {
                if self.has_changed(source, &path, &report) {
                    if round < MAX_ROUNDS && asked.is_none() {
                        again.push((path, why));
                        continue;
                    }
                    let path = printable_line(&path);
                    tell(format_args!("{path}: has changed while it was sent; the copy may be a mixture"));
                    self.outcome.missing += 1;
                }
                self.note_time(&path, &report);
                self.outcome.moved.push(Moved { path, why, report: Some(report) });
            }
            if asked.is_some() {
                return Ok(asked);
            }
            transfers = again;
        }
        Ok(None)
    }

    /// Whether a local file is another one than when its tree was looked at; what it is now is noted.
    fn has_changed(&self, source: &mut Tree, path: &str, report: &FileReport) -> bool {
        if self.ends.direction == Direction::Get || report.result.is_err() {
            return false;
        }
        let Some(node) = source.nodes.get_mut(path) else { return false };
        let Ok(now) = here::look(self.root, path, node) else { return true };
        let changed = (now.size_bytes, now.modified) != (node.size_bytes, node.modified);
        (node.size_bytes, node.modified) = (now.size_bytes, now.modified);
        changed
    }

    fn note_time(&mut self, path: &str, report: &FileReport) {
        let Some(why) = report.untimed.as_ref().filter(|_| report.result.is_ok()) else { return };
        if self.outcome.untimed == 0 && !self.args.transfer.quiet {
            let path = printable_line(path);
            tell(format_args!("{path}: its time could not be set: {why}; of others that is not told"));
        }
        self.outcome.untimed += 1;
    }

    fn deliver(&self, source: &Tree, transfers: &[(String, Why)]) -> anyhow::Result<Delivered> {
        let mut work = Work { expected_bytes: Some(0), ..Work::default() };
        let is_get = self.ends.direction == Direction::Get;
        for (path, _) in transfers {
            let Some(node) = source.nodes.get(path) else { continue };
            let remote = below(&self.ends.base, path);
            if let Some(time) = node.modified {
                work.modified.insert(remote.clone(), time);
            }
            if let Some(bytes) = node.size_bytes.filter(|_| is_get) {
                work.listed_bytes.insert(remote.clone(), bytes);
            }
            // A server may say anything.
            work.expected_bytes =
                work.expected_bytes.zip(node.size_bytes).map(|(sum, bytes)| sum.saturating_add(bytes));
            let local = place(&[node.read_as.clone().unwrap_or_else(|| path.clone())])?;
            work.jobs.push(Job { local, remote });
        }
        if is_get {
            get::remove_dead(self.store, &work.jobs);
        }
        let publish = if is_get { Publish::Direct } else { self.args.publish };
        let policy = self.args.transfer.policy(self.ends.direction, publish);
        let policy = Policy { durable: self.args.durable && !is_get, ..policy };
        transfer::deliver(&self.ends.url, self.store, work, &policy, &self.args.transfer)
    }

    fn finish(mut self, source: &Tree, asked: Option<Asked>) -> anyhow::Result<ExitCode> {
        if asked.is_none() {
            delete::run(&mut self, source)?;
            times::run(&mut self, source)?;
        }
        self.conclude(asked)
    }

    fn conclude(self, asked: Option<Asked>) -> anyhow::Result<ExitCode> {
        self.outcome.tell_rest();
        if self.args.transfer.json {
            self.outcome.json(self.ends.direction)?;
        } else if !self.args.transfer.quiet {
            self.outcome.print(self.ends.direction)?;
        }
        Ok(match asked {
            Some(asked) => ExitCode::from(asked.code()),
            None => ExitCode::from(u8::from(!self.outcome.is_fine())),
        })
    }
}
