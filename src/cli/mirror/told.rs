//! What a mirror has done, or would do: for people, and as JSON.

use super::plan::{Plan, Why};
use super::tree::{Kind, Tree};
use crate::cli::out::{self, printable_line, stdout, tell};
use crate::cli::skipped::Skipped;
use crate::report::format::{counted, thousands};
use ftp_endpoint::client::{Direction, FileReport};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

/// A file that was to be sent or fetched.
pub(super) struct Moved {
    pub path: String,
    pub why: Why,
    /// None: it was not tried.
    pub report: Option<FileReport>,
}

/// What has become of it all.
#[derive(Default)]
pub(super) struct Outcome {
    pub dry_run: bool,
    pub moved: Vec<Moved>,
    pub made: Vec<String>,
    pub timed: Vec<String>,
    pub deleted: Vec<(String, Kind)>,
    pub skipped: Skipped,
    pub conflicts: u64,
    pub unchanged: u64,
    pub by_size_alone: u64,
    /// Delivered without their times: the first one's name and why.
    pub untimed: u64,
    /// All of them, whatever else was done in them.
    pub directories_timed: Vec<String>,
    pub directories_untimed: u64,
    /// What has gone wrong beside transfers; it has been told.
    pub missing: u64,
    /// Why nothing was deleted that was to be.
    pub not_deleted: Option<String>,
    pub moving: Duration,
}

impl Outcome {
    pub(super) fn of(source: &Tree, target: &Tree, plan: &Plan, dry_run: bool) -> Self {
        // What is left alone at both ends is one name.
        let both = source.skipped.iter().chain(&target.skipped).map(|(path, reason)| (*reason, path));
        let mut skipped = Skipped::default();
        for (reason, path) in both.collect::<BTreeSet<_>>() {
            skipped.add(reason, path.clone());
        }
        Self {
            dry_run,
            skipped,
            conflicts: plan.conflicts.len() as u64,
            unchanged: plan.unchanged,
            by_size_alone: plan.by_size_alone,
            missing: source.unknown + target.unknown,
            ..Self::default()
        }
    }

    pub(super) fn failed(&self) -> u64 {
        let failed = |moved: &&Moved| moved.report.as_ref().is_some_and(|report| report.result.is_err());
        self.moved.iter().filter(failed).count() as u64
    }

    pub(super) fn is_fine(&self) -> bool {
        self.failed() + self.missing + self.conflicts == 0 && self.not_deleted.is_none()
    }

    /// What a dry run would do, a line each.
    pub(super) fn print_plan(&self, direction: Direction) -> anyhow::Result<()> {
        let verb = if direction == Direction::Put { "send" } else { "fetch" };
        let made = self.made.iter().map(|path| format!("make {path}/"));
        let moved = self.moved.iter().map(|moved| format!("{verb} {} ({})", moved.path, moved.why.as_str()));
        let timed = self.timed.iter().map(|path| format!("set the time of {path}"));
        let deleted = self.deleted.iter().map(|(path, kind)| format!("delete {}", shown(path, *kind)));
        let mut lines = made.chain(moved).chain(timed).chain(deleted).chain(self.skipped.lines());
        let mut out = stdout();
        lines.try_for_each(|line| writeln!(out, "{}", printable_line(&line)))?;
        Ok(())
    }

    pub(super) fn print(&self, direction: Direction) -> anyhow::Result<()> {
        let verb = if direction == Direction::Put { "sent" } else { "fetched" };
        let payload_bytes: u64 = self.delivered().map(|report| report.payload_bytes).sum();
        let unchanged = format!("{} unchanged", thousands(self.unchanged));
        let mut out = stdout();
        if self.dry_run {
            let files = counted(self.moved.len() as u64, "file");
            let changes = self.changes();
            writeln!(out, "a dry run, nothing is done: {verb} {files}; {unchanged}{changes}")?;
        } else {
            let rate = payload_bytes as f64 / self.moving.as_secs_f64().max(1e-9);
            let moved = match self.moved.len() {
                0 => format!("{verb} nothing"),
                all => format!(
                    "{verb} {} of {}, {} in {:.3} s ({}/s)",
                    thousands(self.delivered().count() as u64),
                    counted(all as u64, "file"),
                    HumanBytes(payload_bytes),
                    self.moving.as_secs_f64(),
                    HumanBytes(rate as u64),
                ),
            };
            writeln!(out, "{moved}; {unchanged}{}", self.changes())?;
        }
        drop(out);
        self.skipped.print()?;
        let mut out = stdout();
        if self.by_size_alone > 0 {
            writeln!(
                out,
                "the server does not tell times: {} taken for unchanged by size alone (--checksum looks \
                 closer)",
                counted(self.by_size_alone, "file")
            )?;
        }
        Ok(())
    }

    fn delivered(&self) -> impl Iterator<Item = &FileReport> {
        let reports = self.moved.iter().filter_map(|moved| moved.report.as_ref());
        reports.filter(|report| report.result.is_ok())
    }

    fn changes(&self) -> String {
        let gone = |kind: fn(Kind) -> bool| self.deleted.iter().filter(|(_, of)| kind(*of)).count() as u64;
        let mut changes = String::new();
        let mut add = |verb: &str, n: u64, what: String| {
            if n > 0 {
                changes.push_str(&format!("; {verb} {what}"));
            }
        };
        let made = self.made.len() as u64;
        add("made", made, directories(made));
        let timed = self.timed.len() as u64;
        add("set the", timed, format!("{} alone", counted(timed, "time")));
        let files = gone(|kind| kind != Kind::Directory);
        add("deleted", files, counted(files, "file"));
        let dirs = gone(|kind| kind == Kind::Directory);
        add("deleted", dirs, directories(dirs));
        changes
    }

    /// Of what has gone wrong, but for what has been told in its turn.
    pub(super) fn tell_rest(&self) {
        if self.missing > 0 {
            tell(format_args!("{} more could not be looked at or done, as said above", self.missing));
        }
        if let Some(why) = &self.not_deleted {
            tell(format_args!("nothing was deleted: {why}"));
        }
    }

    pub(super) fn json(&self, direction: Direction) -> anyhow::Result<()> {
        let moved: Vec<Value> = self.moved.iter().map(one).collect();
        let deleted: Vec<String> = self.deleted.iter().map(|(path, kind)| shown(path, *kind)).collect();
        let value = json!({
            "direction": direction.as_str(),
            "dry_run": self.dry_run,
            "files": moved,
            "unchanged": self.unchanged,
            "unchanged_by_size_alone": self.by_size_alone,
            "directories_made": self.made,
            "times_set": self.timed,
            "times_not_set": self.untimed,
            "directory_times_set": self.directories_timed,
            "directory_times_not_set": self.directories_untimed,
            "deleted": deleted,
            "not_deleted_because": self.not_deleted,
            "skipped": self.skipped.json(),
            "failed": self.failed(),
            "conflicts": self.conflicts,
            "missing": self.missing,
            "duration_us": self.moving.as_micros() as u64,
        });
        writeln!(stdout(), "{}", out::json(&value)?)?;
        Ok(())
    }
}

fn one(moved: &Moved) -> Value {
    let report = moved.report.as_ref();
    let failure = report.and_then(|report| report.result.as_ref().err());
    json!({
        "name": moved.path,
        "why": moved.why.as_str(),
        "attempts": report.map(|report| report.attempts),
        "payload_bytes": report.map(|report| report.payload_bytes),
        "wire_bytes": report.map(|report| report.wire_bytes),
        "duration_us": report.map(|report| report.ended_us - report.started_us),
        "error": failure.map(|failure| &failure.message),
        "error_kind": failure.map(|failure| failure.kind),
    })
}

/// A number of them.
pub(in crate::cli) fn directories(n: u64) -> String {
    if n == 1 { "1 directory".to_owned() } else { format!("{} directories", thousands(n)) }
}

fn shown(path: &str, kind: Kind) -> String {
    if kind == Kind::Directory { format!("{path}/") } else { path.to_owned() }
}
