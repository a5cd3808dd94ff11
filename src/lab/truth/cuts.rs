//! Where a scenario with `every_wire_byte` is cut: its places, counted, and an experiment over them.

use crate::lab::compare::{CompareError, RunError, Violation};
use crate::lab::limits::{self, LimitTooShort};
use crate::lab::shards::Experiment;
use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::scenario::Scenario;
use crate::sim::world;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The cuts to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For each contender and direction: their indices, and the wire bytes to cut at.
    pub(super) lengths: Vec<(usize, usize, u64)>,
    /// For each fault, in how many places it strikes; none where it strikes at each wire byte.
    pub(super) places: Vec<Option<u64>>,
}

impl Plan {
    /// How many cuts there are, one a run.
    pub fn runs(&self) -> u64 {
        self.strips().map(|(.., runs)| runs).sum()
    }

    /// Contender, direction, fault, and how many runs they have.
    fn strips(&self) -> impl Iterator<Item = (usize, usize, usize, u64)> + '_ {
        self.lengths.iter().flat_map(move |&(variant, direction, bytes)| {
            let faults = self.places.iter().enumerate();
            faults.map(move |(fault, places)| (variant, direction, fault, places.unwrap_or(bytes)))
        })
    }

    /// Contender, direction, fault and wire byte (or other place) of a run; the last changes fastest.
    pub(in crate::lab) fn cut(&self, mut index: u64) -> (usize, usize, usize, u64) {
        for (variant, direction, fault, runs) in self.strips() {
            if index < runs {
                return (variant, direction, fault, index);
            }
            index -= runs;
        }
        unreachable!("the pool asks for as many runs as there are")
    }
}

/// Counts the wire bytes of each contender and direction of a scenario with `every_wire_byte`, and the other places
/// of its faults: the moments after files, and the payload bytes that a disk gives or takes, with the end after each
/// file's last.
pub fn plan(scenario: &Scenario) -> Result<Plan, CompareError> {
    let mut lengths = Vec::new();
    let mut reads = 0;
    for (v, variant) in scenario.variants.iter().enumerate() {
        for d in 0..scenario.directions.len() {
            let seed = scenario.seed_of(d, 0, 0);
            let mut case = Case::draw(scenario, &variant.name, seed)
                .map_err(|error| CompareError::run(&variant.name, seed)(error.into()))?;
            reads = case.files.iter().map(|file| file.size_bytes + 1).sum();
            let bytes = wire_bytes(&mut case).map_err(CompareError::run(&variant.name, seed))?;
            lengths.push((v, d, bytes));
        }
    }
    let places = scenario.faults.iter().map(|fault| match fault.after_reply_us {
        Some(_) => Some(scenario.workload.files.into()),
        None => fault.kind.is_of_a_disk().then_some(reads),
    });
    Ok(Plan { lengths, places: places.collect() })
}

/// Counts the wire bytes of an undisturbed run.
pub(super) fn wire_bytes(case: &mut Case) -> Result<u64, RunError> {
    case.fault = Fault { kind: FaultKind::None, target: 0, trigger: Trigger::WireByte(u64::MAX) };
    Ok(world::judge(case)?.wire.len() as u64)
}

/// An experiment whose units are the cuts of a plan: [`super::cut_at`] makes the rows of a truth table,
/// [`crate::lab::twice::row`] those of what is cut again.
#[derive(Clone, Copy, Debug)]
pub struct Cuts<'a, F> {
    /// A scenario with `every_wire_byte`.
    pub scenario: &'a Scenario,
    /// Its cuts.
    pub plan: &'a Plan,
    /// The row of a contender, and of a direction, a fault and a wire byte.
    pub row: F,
}

/// Direction and fault by their indices, and the wire byte (or file) to strike at.
pub type Place = (usize, usize, u64);

impl<F, R> Experiment for Cuts<'_, F>
where
    F: Fn(&Scenario, &str, Place) -> Result<(R, Vec<Violation>), RunError> + Sync,
    R: Serialize + DeserializeOwned + Send,
{
    type Unit = (R, Vec<Violation>);

    fn scenario(&self) -> &Scenario {
        self.scenario
    }

    fn check(&self) -> Result<(), LimitTooShort> {
        let Scenario { directions, faults, .. } = self.scenario;
        limits::check(self.scenario, 0..(directions.len() * faults.len()) as u64)
    }

    fn count(&self) -> u64 {
        self.plan.runs()
    }

    fn unit(&self, index: u64) -> Result<Self::Unit, CompareError> {
        let (variant, direction, fault, byte) = self.plan.cut(index);
        let variant = &self.scenario.variants[variant].name;
        let seed = self.scenario.seed_of(direction, fault, byte);
        let row = (self.row)(self.scenario, variant, (direction, fault, byte));
        row.map_err(CompareError::run(variant, seed))
    }
}
