//! The comparison: every contender on the same seeds, files and faults.

use super::baseline::Changes;
use super::claim::Claim;
use super::export::{Csv, ExportError, write_rows};
use super::limits::{self, LimitTooShort};
use super::records::SummaryRecord;
use super::shards::{self, Experiment, ShardError, Source};
use super::summary::{Discordance, Run, Spread, Summary};
use crate::sim::outcome::{self, Verdict};
use crate::sim::scenario::{Direction, Scenario, SeedRange, VariantSpec};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// How a comparison is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The seeds; each contender runs on each of them.
    pub seeds: SeedRange,
    /// Threads; they change nothing but the time it takes.
    pub jobs: NonZeroUsize,
    /// Where the CSV files go; it is made if there is none.
    pub out: &'a Path,
    /// Where what is put together comes from.
    pub from: Source<'a>,
}

/// What a comparison has found.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The scenario that was run.
    pub scenario: Scenario,
    /// The seeds that were run.
    pub seeds: SeedRange,
    /// A row a contender and kind of fault.
    pub rows: Vec<SummaryRecord>,
    /// The same by direction.
    pub rows_by_direction: Vec<SummaryRecord>,
    /// Both, of the runs that ended alone: what claims are judged by.
    #[serde(skip)]
    pub evidence: Vec<SummaryRecord>,
    /// Of the same runs, who lost files on whose seeds.
    #[serde(skip)]
    pub discordances: Vec<Discordance>,
    /// How certain the medians of delivery times are.
    #[serde(skip)]
    pub spreads: Vec<Spread>,
    /// The runs that the virtual time cut off.
    pub unfinished: Vec<Unfinished>,
    /// What is said about the modes, with verdicts.
    pub claims: Vec<Claim>,
    /// The runs with silent loss.
    pub losses: Vec<Loss>,
    /// The violated invariants, in the order of seeds and contenders.
    pub violations: Vec<Violation>,
    /// What is otherwise than in earlier results, where there are some to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Changes>,
    /// The files written.
    pub written: Vec<PathBuf>,
}

/// What no run may do, and one did; `oracle` is the one that saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The contender's name.
    pub variant: String,
    /// The seed of the run.
    pub seed: u64,
    /// The name of the oracle.
    pub oracle: String,
    /// What it saw, in one line.
    pub why: String,
}

/// A run that the virtual time cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// The contender's name.
    pub variant: String,
    /// The seed of the run.
    pub seed: u64,
    /// Files without a word.
    pub stuck_files: u64,
}

impl Unfinished {
    /// `None` when the run came to its end.
    pub fn of(run: &Run) -> Option<Self> {
        let record = &run.record;
        run.cut_off.then(|| Self {
            variant: record.variant.clone(),
            seed: record.seed,
            stuck_files: record.verdicts.of(Verdict::Stuck),
        })
    }
}

/// A run in which files were lost silently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The contender's name.
    pub variant: String,
    /// Which way the files went.
    pub direction: Direction,
    /// The fault's name in the scenario.
    pub fault: String,
    /// The seed of the run.
    pub seed: u64,
    /// How many files were lost silently.
    pub files: u64,
}

impl Loss {
    /// `None` when the run lost nothing, or its fault did not fire.
    pub fn of(run: &Run) -> Option<Self> {
        let record = &run.record;
        (record.fault_fired && record.silently_lost() > 0).then(|| Self {
            variant: record.variant.clone(),
            direction: record.direction,
            fault: record.fault.clone(),
            seed: record.seed,
            files: record.silently_lost(),
        })
    }
}

/// Why a run could not be made; only told, never looked into.
pub type RunError = Box<dyn Error + Send + Sync>;

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A result could not be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The scenario gives its runs too little virtual time.
    #[error(transparent)]
    Limit(#[from] LimitTooShort),
    /// Shards are not the parts of what is asked for.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A run could not be made.
    #[error("variant {variant}, seed {seed}: {source}")]
    Run {
        /// The contender's name.
        variant: String,
        /// The seed of the run.
        seed: u64,
        /// The reason.
        source: RunError,
    },
}

impl CompareError {
    /// What a run's own error becomes.
    pub(super) fn run(variant: &str, seed: u64) -> impl FnOnce(RunError) -> Self {
        let variant = variant.to_owned();
        move |source| Self::Run { variant, seed, source }
    }
}

/// Does `run` for each seed and variant of `scenario` and writes `runs.csv`, `summary.csv` and
/// `summary-by-direction.csv`; nothing is left half-written. `finished` is called after each run. No claims
/// are judged.
pub fn compare(
    scenario: &Scenario,
    options: Options<'_>,
    run: impl Fn(&VariantSpec, u64) -> Result<Run, RunError> + Sync,
    finished: impl FnMut(),
) -> Result<Comparison, CompareError> {
    let runs = Runs { scenario, seeds: options.seeds, run };
    let (mut summary, mut ended) = (Summary::new(scenario), Summary::of_ended(scenario));
    let (mut losses, mut violations, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
    let mut csv = Csv::create(options.out, "runs.csv")?;
    shards::each(&runs, &options, finished, |(variant, run)| {
        csv.row(&run.record)?;
        losses.extend(Loss::of(&run));
        unfinished.extend(Unfinished::of(&run));
        violations.extend(Violation::of(&run.record.variant, run.record.seed, &run.violations));
        summary.add(variant, &run);
        ended.add(variant, &run);
        Ok(())
    })?;
    let (rows, rows_by_direction) = (summary.rows(), summary.rows_by_direction());
    let evidence = match unfinished.is_empty() {
        true => rows.iter().chain(&rows_by_direction).cloned().collect(),
        false => [ended.rows(), ended.rows_by_direction()].concat(),
    };
    let written = vec![
        csv.publish()?,
        write_rows(options.out, "summary.csv", &rows)?,
        write_rows(options.out, "summary-by-direction.csv", &rows_by_direction)?,
    ];
    Ok(Comparison {
        scenario: scenario.clone(),
        seeds: options.seeds,
        rows,
        rows_by_direction,
        evidence,
        discordances: ended.discordances(),
        spreads: summary.spreads(),
        unfinished,
        claims: Vec::new(),
        losses,
        violations,
        baseline: None,
        written,
    })
}

/// A comparison as an experiment whose units are its runs, each with the index of its contender.
pub struct Runs<'a, F> {
    /// What is compared.
    pub scenario: &'a Scenario,
    /// On which seeds.
    pub seeds: SeedRange,
    /// Runs a contender on a seed.
    pub run: F,
}

impl<F: Fn(&VariantSpec, u64) -> Result<Run, RunError> + Sync> Experiment for Runs<'_, F> {
    type Unit = (usize, Run);

    fn scenario(&self) -> &Scenario {
        self.scenario
    }

    fn seeds(&self) -> SeedRange {
        self.seeds
    }

    fn check(&self) -> Result<(), LimitTooShort> {
        limits::check(self.scenario, self.seeds.iter())
    }

    fn count(&self) -> u64 {
        self.seeds.count() * self.scenario.variants.len() as u64
    }

    fn unit(&self, index: u64) -> Result<Self::Unit, CompareError> {
        let n = self.scenario.variants.len() as u64;
        let (seed, variant) = (self.seeds.start + index / n, (index % n) as usize);
        let spec = &self.scenario.variants[variant];
        (self.run)(spec, seed).map(|run| (variant, run)).map_err(CompareError::run(&spec.name, seed))
    }
}

impl Violation {
    /// Those that the oracles found in the run of `variant` and `seed`.
    pub(super) fn of<'a>(
        variant: &'a str,
        seed: u64,
        found: &'a [outcome::Violation],
    ) -> impl Iterator<Item = Self> + 'a {
        found.iter().map(move |violation| Self {
            variant: variant.to_owned(),
            seed,
            oracle: violation.oracle.clone(),
            why: violation.why.clone(),
        })
    }
}
