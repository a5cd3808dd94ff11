//! An experiment whose rows are all kept: made in parallel, written in order.

use super::claim::Claim;
use super::compare::{CompareError, Options, Violation};
use super::export::Csv;
use super::shards::{self, Experiment};
use crate::sim::scenario::Scenario;
use serde::Serialize;
use std::path::PathBuf;

/// Rows in the order of the CSV file.
#[derive(Clone, Debug, Serialize)]
pub struct Table<R> {
    /// The scenario that was run.
    pub scenario: Scenario,
    /// What its runs have shown.
    pub rows: Vec<R>,
    /// What is said about the modes, as far as this tells.
    pub claims: Vec<Claim>,
    /// The violated invariants, in the order of rows.
    pub violations: Vec<Violation>,
    /// The files written.
    pub written: Vec<PathBuf>,
}

impl<R: Serialize + Send> Table<R> {
    /// Makes all rows, each with the invariants its runs violated, and writes them to `file`. Of
    /// `options` the seeds are not used; `finished` is called after each row. No claims are judged.
    pub(super) fn make(
        experiment: &impl Experiment<Unit = (R, Vec<Violation>)>,
        file: &str,
        options: Options<'_>,
        finished: impl FnMut(),
    ) -> Result<Self, CompareError> {
        let mut csv = Csv::create(options.out, file)?;
        let (mut rows, mut violations) = (Vec::new(), Vec::new());
        shards::each(experiment, &options, finished, |(row, found)| {
            csv.row(&row)?;
            rows.push(row);
            violations.extend(found);
            Ok(())
        })?;
        let written = vec![csv.publish()?];
        Ok(Self { scenario: experiment.scenario().clone(), rows, claims: Vec::new(), violations, written })
    }
}
