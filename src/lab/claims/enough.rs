//! How many runs a claim takes, and what to run where there are fewer.

use super::{Evidence, FAULT_RUNS, LOSSLESS_RUNS, QUIET_RUNS, Share, untested};
use crate::lab::claim::{Claim, Standing};
use crate::lab::plural::there_are;
use crate::lab::records::Directions;
use crate::sim::fault::FaultName;
use crate::sim::scenario::{SeedRange, VariantSpec};

impl Evidence<'_> {
    /// Whether all of these have undisturbed runs enough, in each direction. `Err`: the claim that cannot be
    /// judged.
    pub(super) fn enough_quiet(&self, claim: &'static str, of: &[&VariantSpec]) -> Result<(), Claim> {
        if !self.has_fault(|kind| kind == FaultName::None) {
            return Err(untested(claim, self.compare_command()));
        }
        let directions = self.comparison.scenario.directions.iter();
        let runs = directions.flat_map(|direction| {
            of.iter().map(|v| self.quiet(v, Directions::One(*direction)).map_or(0, |row| row.runs_counted))
        });
        match runs.min() {
            Some(least) if least >= QUIET_RUNS => Ok(()),
            least => Err(self.not_enough(
                claim,
                format!(
                    "It takes {QUIET_RUNS} undisturbed runs that ended, of each contender in each direction; \
                     {}.",
                    there_are(least.unwrap_or(0))
                ),
                QUIET_RUNS,
            )),
        }
    }

    /// Whether enough runs had one of the faults. `Err`: the claim that cannot be judged.
    pub(super) fn enough_faults(
        &self,
        claim: &'static str,
        share: Share,
        which: impl Fn(FaultName) -> bool,
    ) -> Result<(), Claim> {
        if !self.has_fault(which) {
            return Err(untested(claim, self.compare_command()));
        }
        if share.runs >= FAULT_RUNS {
            return Ok(());
        }
        let runs = share.runs;
        let why =
            format!("It takes {FAULT_RUNS} runs that ended and whose fault fired; {}.", there_are(runs));
        Err(self.not_enough(claim, why, FAULT_RUNS))
    }

    /// Whether runs without a loss are enough to say that there is none: a sample of so many contenders together,
    /// under the faults that `which` picks. `Err`: the claim that cannot be judged, whose figure begins with `figure`.
    pub(super) fn enough_to_say_none(
        &self,
        claim: &'static str,
        figure: &str,
        share: Share,
        (contenders, which): (usize, impl Fn(FaultName) -> bool),
    ) -> Result<(), Claim> {
        if !share.is_too_few_for_none() {
            return Ok(());
        }
        let of = match which(FaultName::None) {
            true => "undisturbed runs that ended",
            false => "runs that ended and whose fault fired",
        };
        let figure = format!(
            "{figure} To say that nothing is lost takes {LOSSLESS_RUNS} {of}; {}.",
            there_are(share.runs)
        );
        let shared = contenders * self.fault_names(which).len() * self.comparison.scenario.directions.len();
        Err(self.not_enough(
            claim,
            figure.trim_start().to_owned(),
            LOSSLESS_RUNS.div_ceil(shared.max(1) as u64),
        ))
    }

    /// `runs`: what each kind of fault takes in each direction.
    pub(super) fn not_enough(&self, claim: &'static str, figure: String, runs: u64) -> Claim {
        let c = self.comparison;
        let cycle = c.scenario.cycle().max(1);
        let for_each = cycle / (c.scenario.directions.len() * c.scenario.faults.len()).max(1) as u64;
        // A cycle more than it takes where all goes well; what there was has not been enough.
        let cycles = (runs.div_ceil(for_each.max(1)) + 1).max(2 * c.seeds.count() / cycle);
        let seeds = SeedRange { start: c.seeds.start, end: c.seeds.start + cycles * cycle };
        let command = format!("ftpsim compare {} --seeds {seeds}", c.scenario.word());
        Claim { claim, standing: Standing::NotEnough, figure, command }
    }

    /// Of a contender that may lose fewer than another, and may not.
    pub(super) fn untold(&self, claim: &'static str, figure: &str) -> Claim {
        let figure = format!(
            "{figure} To tell these apart takes {FAULT_RUNS} runs that ended and whose fault fired, and a McNemar's p \
             below 0.05."
        );
        self.not_enough(claim, figure, 2 * FAULT_RUNS)
    }
}
