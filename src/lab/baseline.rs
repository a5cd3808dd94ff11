//! Two results of a scenario compared: what is otherwise than it was, with intervals.

use super::compare::Comparison;
use super::records::{Decimal, SummaryRecord};
use super::stats::{self, Interval};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use turmoil_tcp::seeds;

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A file of the results is missing or cannot be read.
    #[error("{path}: {source}; a baseline is a directory that ftpsim compare has written")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: csv::Error,
    },
    /// The results are of something else.
    #[error("{path} has results of {there}, not of {here}")]
    Scenario {
        /// The directory.
        path: PathBuf,
        /// Of what they are.
        there: String,
        /// Of what they should be.
        here: String,
    },
}

/// A cell of `summary-by-direction.csv`, as far as it is compared.
#[derive(Clone, Debug, Deserialize)]
struct Cell {
    scenario: String,
    variant: String,
    direction: String,
    fault: String,
    runs_counted: u64,
    runs_with_silent_loss: u64,
    duration_median_us: Option<u64>,
    version: String,
}

/// A row of `runs.csv`, as far as it is compared.
#[derive(Clone, Debug, Deserialize)]
struct Timed {
    variant: String,
    seed: u64,
    direction: String,
    fault: String,
    fault_fired: bool,
    duration_virtual_us: Option<u64>,
}

/// Earlier results, read before they may be written over.
pub struct Baseline {
    directory: PathBuf,
    cells: Vec<Cell>,
    /// By contender and seed; empty where there is no `runs.csv`.
    runs: BTreeMap<(String, u64), Timed>,
}

/// What is otherwise than it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changes {
    /// Where the earlier results are.
    pub directory: PathBuf,
    /// The version of the program that made them.
    pub version: String,
    /// Cells in both results: contenders by direction and fault.
    pub cells: u64,
    /// The cells that are not the same, in the order of the summary.
    pub changed: Vec<Change>,
    /// Cells that only these results have.
    pub only_here: u64,
    /// Cells that only the earlier ones have.
    pub only_there: u64,
}

/// A cell that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The contender's name.
    pub variant: String,
    /// Which way the files went.
    pub direction: String,
    /// The fault's name in the scenario.
    pub fault: String,
    /// Runs with silent loss, and runs counted: before, and now.
    pub lost: [[u64; 2]; 2],
    /// The difference of the shares, now less before; absent when a side has counted no run.
    pub difference: Option<Decimal<6>>,
    /// The 95 % interval of the difference (Newcombe 1998, method 10).
    pub difference_interval: Option<[Decimal<6>; 2]>,
    /// The medians of the delivery times: before, and now.
    pub duration_us: [Option<u64>; 2],
    /// The median of the ratios now / before, on the same seeds; absent without `runs.csv`.
    pub ratio: Option<Decimal<4>>,
    /// Its 95 % interval (bootstrap); absent of fewer than six pairs.
    pub ratio_interval: Option<[Decimal<4>; 2]>,
}

impl Change {
    /// Whether chance would make it in fewer than one of twenty: an interval leaves out that nothing has changed.
    pub fn is_certain(&self) -> bool {
        let beside = |ends: [f64; 2], nothing: f64| ends[0] > nothing || ends[1] < nothing;
        self.difference_interval.is_some_and(|ends| beside(ends.map(|end| end.0), 0.0))
            || self.ratio_interval.is_some_and(|ends| beside(ends.map(|end| end.0), 1.0))
    }
}

impl Baseline {
    /// The results in `directory`, of the scenario named.
    pub fn read(directory: &Path, scenario: &str) -> Result<Self, BaselineError> {
        let cells: Vec<Cell> = rows(&directory.join("summary-by-direction.csv"))?;
        if let Some(other) = cells.iter().find(|cell| cell.scenario != scenario) {
            let (path, there) = (directory.to_owned(), other.scenario.clone());
            return Err(BaselineError::Scenario { path, there, here: scenario.to_owned() });
        }
        Ok(Self { directory: directory.to_owned(), cells, runs: runs(directory)? })
    }

    /// What `comparison`, whose files are in `out`, has otherwise.
    pub fn changes(&self, comparison: &Comparison, out: &Path) -> Result<Changes, BaselineError> {
        let now = runs(out)?;
        let of = |row: &SummaryRecord| {
            self.cells.iter().find(|cell| {
                cell.variant == row.variant
                    && cell.fault == row.fault
                    && cell.direction == row.direction.as_str()
            })
        };
        let rows = &comparison.rows_by_direction;
        let both: Vec<_> = rows.iter().filter_map(|row| Some((row, of(row)?))).collect();
        let cells = both.len() as u64;
        let changed = both
            .into_iter()
            .map(|(row, cell)| self.change(row, cell, &now))
            .filter(|change| {
                change.lost[0] != change.lost[1] || change.duration_us[0] != change.duration_us[1]
            })
            .collect();
        Ok(Changes {
            directory: self.directory.clone(),
            version: self.cells.first().map_or(String::new(), |cell| cell.version.clone()),
            cells,
            changed,
            only_here: rows.len() as u64 - cells,
            only_there: self.cells.len() as u64 - cells,
        })
    }

    fn change(&self, row: &SummaryRecord, cell: &Cell, now: &BTreeMap<(String, u64), Timed>) -> Change {
        let lost =
            [[cell.runs_with_silent_loss, cell.runs_counted], [row.runs_with_silent_loss, row.runs_counted]];
        let difference = difference(lost);
        let direction = row.direction.as_str();
        let pairs: Vec<(u64, u64)> = now
            .iter()
            .filter(|(_, run)| {
                run.variant == row.variant && run.fault == row.fault && run.direction == direction
            })
            .filter_map(|(key, run)| {
                let then = self.runs.get(key).filter(|then| {
                    then.fault == run.fault
                        && then.direction == run.direction
                        && then.fault_fired
                        && run.fault_fired
                })?;
                Some((run.duration_virtual_us?, then.duration_virtual_us?))
            })
            .collect();
        let purpose = format!("baseline {} {} {} {direction}", row.scenario, row.variant, row.fault);
        let ratio = stats::paired_ratio(&pairs, &mut seeds::stream(0, &purpose));
        Change {
            variant: row.variant.clone(),
            direction: direction.to_owned(),
            fault: row.fault.clone(),
            lost,
            difference: difference.map(|(difference, _)| Decimal(difference)),
            difference_interval: difference.map(|(_, i)| [Decimal(i.low), Decimal(i.high)]),
            duration_us: [cell.duration_median_us, row.duration_median_us],
            ratio: ratio.map(|ratio| Decimal(ratio.median)),
            ratio_interval: ratio.and_then(|r| r.interval).map(|i| [Decimal(i.low), Decimal(i.high)]),
        }
    }
}

/// The difference of two shares, the second less the first, with Newcombe's hybrid of Wilson's intervals.
fn difference([[lost0, runs0], [lost1, runs1]]: [[u64; 2]; 2]) -> Option<(f64, Interval)> {
    let (then, now) = (stats::wilson(lost0, runs0)?, stats::wilson(lost1, runs1)?);
    let (p0, p1) = (lost0 as f64 / runs0 as f64, lost1 as f64 / runs1 as f64);
    let reach = |a: f64, b: f64| (a * a + b * b).sqrt();
    let low = p1 - p0 - reach(p1 - now.low, then.high - p0);
    let high = p1 - p0 + reach(now.high - p1, p0 - then.low);
    Some((p1 - p0, Interval { low, high }))
}

fn rows<R: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<R>, BaselineError> {
    let reader = csv::Reader::from_path(path);
    let rows: Result<Vec<R>, csv::Error> = reader.and_then(|reader| reader.into_deserialize().collect());
    rows.map_err(|source| BaselineError::Read { path: path.to_owned(), source })
}

/// By contender and seed; none where there is no such file.
fn runs(directory: &Path) -> Result<BTreeMap<(String, u64), Timed>, BaselineError> {
    let path = directory.join("runs.csv");
    if File::open(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(BTreeMap::new());
    }
    let all: Vec<Timed> = rows(&path)?;
    Ok(all.into_iter().map(|run| ((run.variant.clone(), run.seed), run)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe 1998 (Interval estimation for the difference), table II, method 10: 56/70 less 48/80, 9/10 less
    /// 3/10, 10/10 less 0/20.
    #[test]
    fn difference_of_shares_as_published() {
        for (one, other, low, high) in [
            ([48, 80], [56, 70], 0.0524, 0.3339),
            ([3, 10], [9, 10], 0.1705, 0.8090),
            ([0, 20], [10, 10], 0.6791, 1.0000),
        ] {
            let (_, interval) = difference([one, other]).unwrap();
            assert!((interval.low - low).abs() < 5e-5, "{interval:?}");
            assert!((interval.high - high).abs() < 5e-5, "{interval:?}");
        }
        assert!(difference([[0, 0], [1, 2]]).is_none());
    }
}
