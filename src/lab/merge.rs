//! Sweeps in parts: each shard's result says which seeds it has swept and of which whole; merged,
//! they are the whole's.

use super::records::VERSION;
use super::sweep::Sweep;
use crate::sim::fault::FaultName;
use crate::sim::scenario::SeedRange;
use serde::{Deserialize, Serialize};

/// What `sweep.json` holds: a sweep, or one shard of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swept {
    /// The version of the program that swept.
    pub version: String,
    /// The seeds of all shards together.
    pub whole: SeedRange,
    /// The seeds of this shard.
    pub seeds: SeedRange,
    /// Cases tried in shrinking each of the first findings.
    pub shrink_runs: u32,
    /// What was seen.
    pub sweep: Sweep,
}

impl Swept {
    /// What was seen on `seeds`, a part of `whole`, by this version of the program.
    pub fn new(whole: SeedRange, seeds: SeedRange, shrink_runs: u32, sweep: Sweep) -> Self {
        Self { version: VERSION.to_owned(), whole, seeds, shrink_runs, sweep }
    }
}

/// Why files of a sweep cannot be put together; files are named by their paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// No file was given.
    #[error("nothing to merge")]
    Nothing,
    /// A file has counted what is none of the faults.
    #[error("{file} is not of a sweep: no fault has the name {fault:?}")]
    UnknownFault {
        /// The file.
        file: String,
        /// What it has counted.
        fault: String,
    },
    /// Two files are not of the same sweep.
    #[error("{one} and {other} are not of the same sweep: their {what} differ")]
    Different {
        /// The first file.
        one: String,
        /// The other file.
        other: String,
        /// In what they differ: a noun in the plural.
        what: &'static str,
    },
    /// Two files have swept the same seeds.
    #[error("{one} and {other} have both swept seeds {}..{}", overlap.start, overlap.end)]
    Overlap {
        /// The first file.
        one: String,
        /// The other file.
        other: String,
        /// The seeds that both have swept.
        overlap: SeedRange,
    },
    /// Seeds are missing between the files.
    #[error("seeds {}..{} are missing: no shard given has swept them", gap.start, gap.end)]
    Gap {
        /// The first of the gaps.
        gap: SeedRange,
    },
}

/// The sweep whose shards these are, each with the name to blame it by.
pub fn merge(mut shards: Vec<(String, Swept)>) -> Result<Swept, MergeError> {
    shards.sort_by_key(|(_, swept)| (swept.seeds.start, swept.seeds.end));
    let Some((first, like)) = shards.first().cloned() else { return Err(MergeError::Nothing) };
    let whole = like.whole;
    let mut sweep = Sweep::default();
    let (mut next, mut last) = (whole.start, first.clone());
    for (name, swept) in shards {
        if let Some(fault) = unknown_fault(&swept.sweep) {
            return Err(MergeError::UnknownFault { file: name, fault });
        }
        let differs = [
            ("versions", swept.version != like.version),
            ("seeds", swept.whole != whole),
            ("--shrink", swept.shrink_runs != like.shrink_runs),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            return Err(MergeError::Different { one: first, other: name, what });
        }
        if swept.seeds.start > next {
            return Err(MergeError::Gap { gap: SeedRange { start: next, end: swept.seeds.start } });
        }
        if swept.seeds.start < next && swept.seeds.count() > 0 {
            let overlap = SeedRange { start: swept.seeds.start, end: next.min(swept.seeds.end) };
            return Err(MergeError::Overlap { one: last, other: name, overlap });
        }
        next = next.max(swept.seeds.end);
        last = name;
        sweep.merge(swept.sweep);
    }
    if next < whole.end {
        return Err(MergeError::Gap { gap: SeedRange { start: next, end: whole.end } });
    }
    Ok(Swept { sweep, seeds: whole, ..like })
}

/// What the whole would have and print for a fault.
fn unknown_fault(sweep: &Sweep) -> Option<String> {
    let mut counted = sweep.struck.keys().chain(sweep.not_fired.keys());
    counted.find(|counted| !FaultName::ALL.iter().any(|known| known.as_str() == *counted)).cloned()
}

/// Which part of a sweep: `I/N`, I from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The number of the shard, from 1.
    pub index: u64,
    /// How many shards there are.
    pub count: u64,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("a shard is I/N with I from 1 to N, for instance 3/8".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Shard {
    /// The seeds of this shard: as even as whole numbers allow.
    pub fn of(self, whole: SeedRange) -> SeedRange {
        let cut = |index: u64| {
            let offset = u128::from(whole.count()) * u128::from(index) / u128::from(self.count);
            whole.start + u64::try_from(offset).unwrap_or(u64::MAX)
        };
        SeedRange { start: cut(self.index - 1), end: cut(self.index) }
    }

    /// Reads what a Slurm job array or a Kubernetes Indexed Job says; `variable` looks one up.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let number = |name: &str| match variable(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| format!("{name} is not a number: {text}")),
        };
        let needs = |name: &str, value: Option<u64>| value.ok_or(format!("{name} is needed, too"));
        let (index, count) = if let Some(task) = number("SLURM_ARRAY_TASK_ID")? {
            let count = needs("SLURM_ARRAY_TASK_COUNT", number("SLURM_ARRAY_TASK_COUNT")?)?;
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            (task.checked_sub(first), count)
        } else if let Some(index) = number("JOB_COMPLETION_INDEX")? {
            (Some(index), needs("JOB_COMPLETIONS", number("JOB_COMPLETIONS")?)?)
        } else {
            return Ok(None);
        };
        match index {
            Some(index) if index < count => Ok(Some(Self { index: index + 1, count })),
            _ => Err("the job's task indices are not consecutive (a step in --array?)".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn shard(seeds: (u64, u64), runs: u64) -> (String, Swept) {
        let whole = SeedRange { start: 0, end: 10 };
        let seeds = SeedRange { start: seeds.0, end: seeds.1 };
        let sweep = Sweep { runs, ..Sweep::default() };
        (format!("{}", seeds.start), Swept::new(whole, seeds, 300, sweep))
    }

    fn error(shards: Vec<(String, Swept)>) -> String {
        merge(shards).unwrap_err().to_string()
    }

    #[test]
    fn shards_in_any_order_make_the_whole() {
        let merged = merge(vec![shard((5, 10), 5), shard((0, 5), 5), shard((5, 5), 0)]).unwrap();
        assert_eq!(merged, shard((0, 10), 10).1);
    }

    #[test]
    fn overlaps_gaps_and_strangers_are_refused() {
        let overlap = error(vec![shard((0, 6), 6), shard((5, 10), 5)]);
        assert_eq!(overlap, "0 and 5 have both swept seeds 5..6");
        let twice = error(vec![shard((0, 5), 5), shard((0, 5), 5), shard((5, 10), 5)]);
        assert_eq!(twice, "0 and 0 have both swept seeds 0..5");
        let gap = error(vec![shard((0, 4), 4), shard((5, 10), 5)]);
        assert_eq!(gap, "seeds 4..5 are missing: no shard given has swept them");
        assert!(error(vec![shard((0, 4), 4)]).contains("4..10 are missing"));
        assert!(error(vec![shard((1, 10), 9)]).contains("0..1 are missing"));
        let mut stranger = shard((5, 10), 5);
        stranger.1.shrink_runs = 1;
        assert!(error(vec![shard((0, 5), 5), stranger]).contains("--shrink differ"));
        assert_eq!(error(Vec::new()), "nothing to merge");
    }

    /// What a file calls a fault would go into the whole and to terminals.
    #[test]
    fn what_is_no_fault_is_refused_and_shown_escaped() {
        let of_fault = |name: &str, has_struck: bool| {
            let mut shard = shard((0, 10), 10);
            let sweep = &mut shard.1.sweep;
            match has_struck {
                true => drop(sweep.struck.insert(name.to_owned(), BTreeMap::new())),
                false => drop(sweep.not_fired.insert(name.to_owned(), 1)),
            }
            merge(vec![shard])
        };
        for has_struck in [true, false] {
            for known in FaultName::ALL {
                assert!(of_fault(known.as_str(), has_struck).is_ok(), "{known}");
            }
            let refused = of_fault("\x1b[2J\u{202e}x", has_struck).unwrap_err().to_string();
            assert_eq!(refused, "0 is not of a sweep: no fault has the name \"\\u{1b}[2J\\u{202e}x\"");
        }
    }

    #[test]
    fn shards_cover_every_seed_once() {
        let whole = SeedRange { start: 3, end: 20 };
        for count in 1..25 {
            let mut next = whole.start;
            for index in 1..=count {
                let seeds = Shard { index, count }.of(whole);
                assert_eq!(seeds.start, next);
                next = seeds.end;
            }
            assert_eq!(next, whole.end);
        }
        assert!("0/4".parse::<Shard>().is_err() && "5/4".parse::<Shard>().is_err());
        assert_eq!("4/4".parse::<Shard>().unwrap(), Shard { index: 4, count: 4 });
    }

    #[test]
    fn job_engines_say_which_shard() {
        let told = |pairs: &'static [(&str, &str)]| {
            let value = |name: &str| pairs.iter().find(|(known, _)| *known == name);
            Shard::from_environment(|name| value(name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(told(&[]), Ok(None));
        let third = Ok(Some(Shard { index: 3, count: 8 }));
        assert_eq!(told(&[("JOB_COMPLETION_INDEX", "2"), ("JOB_COMPLETIONS", "8")]), third);
        let slurm =
            [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "8"), ("SLURM_ARRAY_TASK_MIN", "1")];
        assert_eq!(
            Shard::from_environment(|name| {
                slurm.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            }),
            third
        );
        assert!(told(&[("JOB_COMPLETION_INDEX", "2")]).unwrap_err().contains("JOB_COMPLETIONS"));
        assert!(told(&[("SLURM_ARRAY_TASK_ID", "9"), ("SLURM_ARRAY_TASK_COUNT", "8")]).is_err());
    }
}
