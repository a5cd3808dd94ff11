//! Cut, and cut again: a small delivery whose further attempts go on where the one before was cut. After
//! each cut at a wire byte, each wire byte that the attempts after it write is cut as well.

use super::compare::{CompareError, Options, RunError, Violation};
use super::records::Version;
use super::table::Table;
use super::truth::{Cuts, Effect, Place, Plan};
use crate::sim::case::Case;
use crate::sim::outcome::Outcome;
use crate::sim::scenario::{Direction, MAX_CUT_TWICE_BYTES, Scenario};
use crate::sim::wire::Part;
use crate::sim::world;
use ftp_proto::mode::{Structure, TransmissionMode};
use serde::{Deserialize, Serialize};

/// A row of `cut-twice.csv`: one cut, and all that can follow it. Pairs are counted by what they did to the
/// delivery, the worst of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutTwiceRecord {
    /// The contender's name.
    pub variant: String,
    /// Which way the files go.
    pub direction: Direction,
    /// The contender's transmission mode.
    pub mode: TransmissionMode,
    /// The contender's structure.
    pub structure: Structure,
    /// The fault's name in the scenario.
    pub cut: String,
    /// Where the first cut is: wire bytes count from 0, over all data connections in the order of writing.
    pub wire_byte: u64,
    /// What the byte is.
    pub position: Part,
    /// What the first cut does by itself.
    pub first_alone: Effect,
    /// Wire bytes that are written on later connections: so many second cuts were tried.
    pub pairs: u64,
    /// Of them, those in which the second one struck, too.
    pub struck_twice: u64,
    /// A file is short, wrong or missing, and nobody was told.
    pub silent: u64,
    /// A file was neither delivered nor reported when the virtual time ran out.
    pub stuck: u64,
    /// A file was not delivered, and is known not to be.
    pub told: u64,
    /// A file was reported failed, yet is whole.
    pub false_alarm: u64,
    /// All files are whole, after further attempts.
    pub recovered: u64,
    /// All files are whole at the first attempt.
    pub unharmed: u64,
    /// Pairs in which a reader of the receiver's directory could see an incomplete file.
    pub exposed: u64,
    /// Of the worst of the row, the first: `ftpsim replay SCENARIO --variant V --seed N` is that run again.
    pub seed: u64,
    /// That run's case.
    pub case_id: String,
    /// This program's.
    pub version: Version,
}

impl CutTwiceRecord {
    /// Pairs that had this effect.
    pub fn count(&self, effect: Effect) -> u64 {
        match effect {
            Effect::Silent => self.silent,
            Effect::Stuck => self.stuck,
            Effect::Told => self.told,
            Effect::FalseAlarm => self.false_alarm,
            Effect::Recovered => self.recovered,
            Effect::Unharmed => self.unharmed,
        }
    }
}

/// All rows, in order of contender, direction, cut, wire byte.
pub type CutTwice = Table<CutTwiceRecord>;

impl CutTwice {
    /// The rows of one contender, direction and kind of cut.
    pub fn of<'a>(
        &'a self,
        variant: &'a str,
        direction: Direction,
        cut: &'a str,
    ) -> impl Iterator<Item = &'a CutTwiceRecord> + Clone {
        self.rows
            .iter()
            .filter(move |row| row.variant == variant && row.direction == direction && row.cut == cut)
    }

    /// Second cuts tried, over all rows.
    pub fn pairs(&self) -> u64 {
        self.rows.iter().map(|row| row.pairs).sum()
    }
}

/// Makes every pair of cuts and writes `cut-twice.csv`; `plan` counts the first ones. Of `options` the seeds
/// are not used; `finished` is called after each row.
pub fn cut_twice(
    scenario: &Scenario,
    plan: &Plan,
    options: Options<'_>,
    finished: impl FnMut(),
) -> Result<CutTwice, CompareError> {
    CutTwice::make(&Cuts { scenario, plan, row }, "cut-twice.csv", options, finished)
}

/// The row of a first cut (direction, fault, wire byte), and the invariants that its runs violated.
pub fn row(
    scenario: &Scenario,
    variant: &str,
    (direction, fault, first): Place,
) -> Result<(CutTwiceRecord, Vec<Violation>), RunError> {
    let case = Case::draw(scenario, variant, scenario.seed_of(direction, fault, first))?;
    let alone = world::judge(&case)?;
    let mut violations: Vec<_> = Violation::of(variant, case.seed, &alone.violations).collect();
    let (mut struck_twice, mut exposed) = (0, 0);
    let mut effects = Vec::new();
    let mut worst = (effect(&alone), case.seed, case.id());
    for second in later_attempts(&alone, first) {
        if second >= MAX_CUT_TWICE_BYTES {
            return Err(
                format!("a delivery of at most {MAX_CUT_TWICE_BYTES} wire bytes can be cut twice").into()
            );
        }
        let seed = scenario.seed_of_pair(direction, fault, first, second);
        let case = Case::draw(scenario, variant, seed)?;
        let outcome = world::judge(&case)?;
        violations.extend(Violation::of(variant, seed, &outcome.violations));
        struck_twice += u64::from(outcome.strikes > 1);
        exposed += u64::from(outcome.exposed() > 0);
        let effect = effect(&outcome);
        effects.push(effect);
        if effect < worst.0 {
            worst = (effect, seed, case.id());
        }
    }
    let place = usize::try_from(first).ok().and_then(|n| alone.wire.get(n));
    let place = place.ok_or_else(|| format!("the delivery has no wire byte {first}"))?;
    let count = |wanted: Effect| effects.iter().filter(|effect| **effect == wanted).count() as u64;
    let (_, seed, case_id) = worst;
    let row = CutTwiceRecord {
        variant: case.variant,
        direction: case.policy.direction,
        mode: case.policy.mode,
        structure: case.policy.structure,
        cut: case.fault_name,
        wire_byte: first,
        position: place.part,
        first_alone: effect(&alone),
        pairs: effects.len() as u64,
        struck_twice,
        silent: count(Effect::Silent),
        stuck: count(Effect::Stuck),
        told: count(Effect::Told),
        false_alarm: count(Effect::FalseAlarm),
        recovered: count(Effect::Recovered),
        unharmed: count(Effect::Unharmed),
        exposed,
        seed,
        case_id,
        version: Version,
    };
    Ok((row, violations))
}

/// The wire bytes on connections that were begun after the one that was cut.
fn later_attempts(outcome: &Outcome, first: u64) -> impl Iterator<Item = u64> + '_ {
    let cut = usize::try_from(first).ok().and_then(|n| outcome.wire.get(n)).map(|byte| byte.connection);
    let later = move |connection: u32| cut.is_some_and(|cut| connection > cut);
    (0..).zip(&outcome.wire).filter(move |(_, byte)| later(byte.connection)).map(|(n, _)| n)
}

/// What became of the delivery: the worst that became of a file.
fn effect(outcome: &Outcome) -> Effect {
    outcome.files.iter().map(|file| Effect::of(file.verdict)).min().unwrap_or(Effect::Unharmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(variant: &str, cut: &str) -> Vec<CutTwiceRecord> {
        let scenario = Scenario::load("cut-twice").unwrap();
        let fault = scenario.faults.iter().position(|fault| fault.name() == cut).unwrap();
        let mut rows = Vec::new();
        // The last bytes of the second file, its mark and the end.
        while let Ok((row, violations)) = row(&scenario, variant, (0, fault, rows.len() as u64)) {
            assert_eq!(violations, []);
            rows.push(row);
        }
        rows
    }

    #[test]
    fn every_byte_of_the_second_attempt_is_cut_and_block_mode_loses_nothing() {
        let rows = rows("block-resume", "reset");
        let inside = rows.iter().filter(|row| row.position == Part::Payload).collect::<Vec<_>>();
        assert!(inside.iter().all(|row| row.pairs > 0 && row.struck_twice == row.pairs), "{inside:#?}");
        assert!(rows.iter().all(|row| row.silent == 0 && row.exposed == 0));
        let counted = |row: &CutTwiceRecord| Effect::ALL.iter().map(|effect| row.count(*effect)).sum::<u64>();
        assert!(rows.iter().all(|row| counted(row) == row.pairs));
    }

    #[test]
    fn what_is_lost_by_the_first_close_has_no_second_attempt() {
        let rows = rows("stream-resume", "early_close");
        let lost = rows.iter().filter(|row| row.first_alone == Effect::Silent);
        assert!(lost.clone().count() > 0);
        // The other file's connection can still be cut.
        assert!(lost.clone().all(|row| row.silent == row.pairs));
    }
}
