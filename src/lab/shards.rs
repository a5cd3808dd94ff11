//! Experiments in parts, on any number of machines. A part (a shard) writes what each of its units has given, a
//! line of JSON a unit, and goes on where it was when it was killed; put together, the lines go the way that they
//! would have gone at once, one after the other, so that the results are the same bytes.

use super::compare::{CompareError, Options};
use super::export::ExportError;
use super::limits::LimitTooShort;
use super::merge::Shard;
use super::pool;
use super::records::VERSION;
use crate::sim::scenario::{Scenario, SeedRange};
use crate::sim::trace;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// What is done once for each of many units, in any order, and put together in theirs.
pub trait Experiment: Sync {
    /// What a unit gives.
    type Unit: Serialize + DeserializeOwned + Send;

    /// What is run.
    fn scenario(&self) -> &Scenario;
    /// On which seeds.
    fn seeds(&self) -> SeedRange {
        self.scenario().seeds
    }
    /// Whether every unit has the virtual time that it needs.
    fn check(&self) -> Result<(), LimitTooShort>;
    /// How many units there are.
    fn count(&self) -> u64;
    /// The unit with this index, from 0.
    fn unit(&self, index: u64) -> Result<Self::Unit, CompareError>;
}

/// Where units come from.
#[derive(Clone, Copy, Debug, Default)]
pub enum Source<'a> {
    /// They are run here.
    #[default]
    Run,
    /// They were run by shards, which have left them in these directories, in order.
    Shards(&'a [PathBuf]),
}

/// Why shards are not the parts of one experiment.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process writes the same shard.
    #[error("{path}: another process is at work on this shard")]
    Busy {
        /// The file that both would write.
        path: PathBuf,
    },
    /// A line is not what a shard of this program writes.
    #[error("{path}, line {line}: {source}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It is a shard of something else: another scenario, other seeds, another version, another part.
    #[error("{path} is not shard {shard} of what is asked for: its scenario, seeds or version differ")]
    Different {
        /// The file.
        path: PathBuf,
        /// Which shard was expected.
        shard: Shard,
    },
    /// It has too few units, or too many.
    #[error("{path} has {found} units of {wanted}: has that shard finished?")]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// How many there are.
        found: u64,
        /// How many there must be.
        wanted: u64,
    },
}

impl ShardError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// The first line of a shard's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: String,
    scenario: String,
    /// Of the scenario as it was run.
    digest: String,
    /// None of an experiment that has its own.
    #[serde(default, skip_serializing_if = "SeedRange::is_empty")]
    seeds: SeedRange,
    units: u64,
    shard: u64,
    shards: u64,
}

impl Header {
    fn of<E: Experiment>(experiment: &E, shard: Shard) -> Self {
        let scenario = experiment.scenario();
        let json = serde_json::to_vec(scenario).expect("a scenario is plain data");
        Self {
            version: VERSION.to_owned(),
            scenario: scenario.name.clone(),
            digest: trace::hex(&Sha256::digest(json)[..8]),
            seeds: experiment.seeds(),
            units: experiment.count(),
            shard: shard.index,
            shards: shard.count,
        }
    }
}

/// Hands `sink` every unit in order; `finished` is told of each.
pub(super) fn each<E: Experiment>(
    experiment: &E,
    options: &Options<'_>,
    mut finished: impl FnMut(),
    mut sink: impl FnMut(E::Unit) -> Result<(), CompareError>,
) -> Result<(), CompareError> {
    experiment.check()?;
    let Source::Shards(directories) = options.from else {
        let unit = |index| experiment.unit(index);
        return pool::in_order(options.jobs, experiment.count(), unit, finished, sink);
    };
    let count = directories.len() as u64;
    for (index, directory) in (1..).zip(directories) {
        read(experiment, Shard { index, count }, directory, |unit| {
            finished();
            sink(unit)
        })?;
    }
    Ok(())
}

/// The file of an experiment's units in a shard's directory.
fn file<E: Experiment>(experiment: &E, directory: &Path) -> PathBuf {
    directory.join(format!("{}.jsonl", experiment.scenario().name))
}

fn range<E: Experiment>(experiment: &E, shard: Shard) -> SeedRange {
    shard.of(SeedRange { start: 0, end: experiment.count() })
}

fn read<E: Experiment>(
    experiment: &E,
    shard: Shard,
    directory: &Path,
    mut sink: impl FnMut(E::Unit) -> Result<(), CompareError>,
) -> Result<(), CompareError> {
    let path = file(experiment, directory);
    let mut lines = BufReader::new(File::open(&path).map_err(ShardError::io(&path))?);
    let wanted = range(experiment, shard).count();
    let (mut text, mut number) = (String::new(), 0);
    while next_line(&mut lines, &path, &mut text)? {
        number += 1;
        let wrong = |source| ShardError::Line { path: path.clone(), line: number, source };
        if number == 1 {
            let header: Header = serde_json::from_str(&text).map_err(wrong)?;
            if header != Header::of(experiment, shard) {
                return Err(ShardError::Different { path, shard }.into());
            }
        } else {
            sink(serde_json::from_str(&text).map_err(wrong)?)?;
        }
    }
    match number {
        n if n == wanted + 1 => Ok(()),
        n => Err(ShardError::Incomplete { path, found: n.saturating_sub(1), wanted }.into()),
    }
}

/// Whether there is one more whole line; it is in `text` then.
fn next_line(lines: &mut impl BufRead, path: &Path, text: &mut String) -> Result<bool, ShardError> {
    text.clear();
    lines.read_line(text).map_err(ShardError::io(path))?;
    Ok(text.ends_with('\n'))
}

/// Runs the units of this shard that are not there yet and writes them into `directory`, which is made if there is
/// none; how many there were to be run. `finished` is called after each.
pub fn write<E: Experiment>(
    experiment: &E,
    shard: Shard,
    jobs: NonZeroUsize,
    directory: &Path,
    finished: impl FnMut(),
) -> Result<u64, CompareError> {
    experiment.check()?;
    let path = file(experiment, directory);
    let part = path.with_extension("jsonl.part");
    fs::create_dir_all(directory).map_err(ShardError::io(directory))?;
    if !part.exists() && read(experiment, shard, directory, |_| Ok(())).is_ok() {
        return Ok(0);
    }
    let own = range(experiment, shard);
    let (mut out, done) = resumed(experiment, shard, &part)?;
    let begin = own.start + done;
    let cannot = |source| CompareError::Export(ExportError::Io { path: part.clone(), source });
    pool::in_order(
        jobs,
        own.end - begin,
        |index| experiment.unit(begin + index),
        finished,
        // A line at once: whoever is killed loses the line that is being written, and no other.
        |unit| out.write_all(&line(&unit)).map_err(cannot),
    )?;
    out.sync_all().map_err(cannot)?;
    fs::rename(&part, &path).map_err(cannot)?;
    Ok(own.end - begin)
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("rows are plain data");
    line.push(b'\n');
    line
}

/// The file to write on, behind its last whole line, and how many units it has; nothing of what another experiment
/// or version has left there.
fn resumed<E: Experiment>(experiment: &E, shard: Shard, part: &Path) -> Result<(File, u64), ShardError> {
    let cannot = |source| ShardError::Io { path: part.to_owned(), source };
    let mut options = OpenOptions::new();
    let out = options.read(true).append(true).create(true).open(part).map_err(cannot)?;
    match out.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(ShardError::Busy { path: part.to_owned() }),
        Err(TryLockError::Error(source)) => return Err(cannot(source)),
    }
    let header = Header::of(experiment, shard);
    let (mut whole_bytes, mut done) = (0, 0);
    let mut lines = BufReader::new(File::open(part).map_err(cannot)?);
    let mut text = String::new();
    let is_ours = next_line(&mut lines, part, &mut text)?
        && serde_json::from_str::<Header>(&text).is_ok_and(|found| found == header);
    if is_ours {
        whole_bytes = text.len() as u64;
        while next_line(&mut lines, part, &mut text)? && serde_json::from_str::<E::Unit>(&text).is_ok() {
            whole_bytes += text.len() as u64;
            done += 1;
        }
    }
    out.set_len(whole_bytes).map_err(cannot)?;
    if !is_ours {
        (&out).write_all(&line(&header)).map_err(cannot)?;
    }
    Ok((out, done))
}

#[cfg(test)]
mod tests;
