//! Comparisons in shards: what `ftpsim compare --shard` writes and `ftpsim merge` puts together.

use super::compare::{self, Whole};
use super::progress;
use super::written;
use crate::lab::compare::{CompareError, Runs};
use crate::lab::grid::Cells;
use crate::lab::merge::Shard;
use crate::lab::records::VERSION;
use crate::lab::run;
use crate::lab::shards::{self, Experiment, Source};
use crate::lab::truth::{self, Cuts};
use crate::lab::{pool, twice};
use crate::sim::scenario::{Scenario, SeedRange};
use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// In a shard's directory: where it is, the shard is done.
const DONE: &str = "shard.json";

/// What a shard was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    version: String,
    /// Its name, or its file.
    scenario: String,
    settings: Vec<String>,
    /// None of an experiment that has its own.
    #[serde(default, skip_serializing_if = "SeedRange::is_empty")]
    seeds: SeedRange,
    shard: u64,
    shards: u64,
}

/// As the command line says, or the variables of a job engine.
#[allow(clippy::disallowed_methods, reason = "a job engine says by its variables which part is ours")]
pub(super) fn asked(given: Option<Shard>) -> Result<Option<Shard>> {
    match given {
        Some(shard) => Ok(Some(shard)),
        None => Shard::from_environment(|name| std::env::var(name).ok()).map_err(anyhow::Error::msg),
    }
}

/// The directory of a shard below that of the whole.
pub(super) fn directory(out: &Path, shard: Shard) -> PathBuf {
    out.join(format!("shard-{}-of-{}", shard.index, shard.count))
}

/// Whether these directories are of a comparison, and not of a sweep.
pub(super) fn are_of_a_comparison(directories: &[PathBuf]) -> bool {
    directories.iter().any(|directory| directory.join(DONE).exists() || has_lines(directory))
}

fn has_lines(directory: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.ends_with(".jsonl") || name.ends_with(".jsonl.part")
    })
}

/// Runs a part of a scenario and of its companions; what it has run, and where it stands.
pub(super) fn write(
    scenario: &Scenario,
    seeds: SeedRange,
    shard: Shard,
    jobs: NonZeroUsize,
    out: &Path,
) -> Result<(u64, PathBuf)> {
    let directory = directory(out, shard);
    let part = Part { shard, jobs, directory: &directory };
    let mut units = part.write(scenario, seeds)?;
    for name in &scenario.companions {
        let companion = Scenario::load(name)?;
        units += part.write(&companion, companion.seeds)?;
    }
    let done = Asked {
        version: VERSION.to_owned(),
        scenario: scenario.file.clone().unwrap_or_else(|| scenario.name.clone()),
        settings: scenario.settings.clone(),
        seeds,
        shard: shard.index,
        shards: shard.count,
    };
    written::write(&directory.join(DONE), &(serde_json::to_string_pretty(&done)? + "\n"))?;
    Ok((units, directory))
}

struct Part<'a> {
    shard: Shard,
    jobs: NonZeroUsize,
    directory: &'a Path,
}

impl Part<'_> {
    fn write(&self, scenario: &Scenario, seeds: SeedRange) -> Result<u64, CompareError> {
        if scenario.every_wire_byte {
            let plan = &truth::plan(scenario)?;
            return match scenario.cut_twice {
                true => self.units(&Cuts { scenario, plan, row: twice::row }, "first cuts"),
                false => self.units(&Cuts { scenario, plan, row: truth::cut_at }, "cuts"),
            };
        }
        if let Some(grid) = &scenario.grid {
            return self.units(&Cells { scenario, grid }, "cells");
        }
        let run = |variant: &_, seed| run::run(scenario, variant, seed);
        self.units(&Runs { scenario, seeds, run }, "runs")
    }

    fn units<E: Experiment>(&self, experiment: &E, what: &str) -> Result<u64, CompareError> {
        let own = self.shard.of(SeedRange { start: 0, end: experiment.count() });
        let bar: ProgressBar = progress::bar(Some(own.count()), what);
        let units = shards::write(experiment, self.shard, self.jobs, self.directory, || bar.inc(1));
        bar.finish_and_clear();
        units
    }
}

/// Puts shards together, as [`compare::whole`] writes what was not in shards.
pub(super) fn merge(directories: &[PathBuf], out: Option<&Path>) -> Result<std::process::ExitCode> {
    let mut shards = Vec::new();
    for directory in directories {
        let path = directory.join(DONE);
        let json = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: has that shard finished?", path.display()))?;
        let asked: Asked = serde_json::from_str(&json).with_context(|| path.display().to_string())?;
        shards.push((asked, directory.clone()));
    }
    shards.sort_by_key(|(asked, _)| asked.shard);
    let (first, like) = shards[0].clone();
    for (number, (asked, directory)) in (1..).zip(&shards) {
        ensure!(
            Asked { shard: first.shard, ..asked.clone() } == first,
            "{} and {} are not of the same comparison: their scenario, settings, seeds, number of shards or version \
             differ",
            like.display(),
            directory.display()
        );
        ensure!(asked.shard >= number, "shard {} is given twice: {}", asked.shard, directory.display());
        ensure!(asked.shard == number, "shard {number} of {} is missing", first.shards);
    }
    let last = shards.len() as u64;
    ensure!(last == first.shards, "shard {} of {} is missing", last + 1, first.shards);
    let scenario = Scenario::load_with(&first.scenario, &first.settings)?;
    let directories: Vec<PathBuf> = shards.into_iter().map(|(_, directory)| directory).collect();
    compare::whole(&Whole {
        seeds: first.seeds,
        scenario: &scenario,
        jobs: pool::all_cores(),
        out,
        baseline: None,
        json: false,
        from: Source::Shards(&directories),
    })
}
