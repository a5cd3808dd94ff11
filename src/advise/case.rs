//! The cases of an advice: contenders of the scenario over the path that was measured, with files of the sizes
//! that were found.

use super::amount::Path;
use super::ways;
use crate::lab::compare::RunError;
use crate::sim::case::Case;
use crate::sim::fault::FaultName;
use crate::sim::outcome::Outcome;
use crate::sim::scenario::{Direction, PathSpec, Scenario, VariantSpec};
use crate::sim::workload::Content;
use crate::sim::world;
use turmoil_tcp::Algorithm;
use turmoil_tcp::path::{PathConfig, bandwidth_delay_bytes};

/// A router's queue is never smaller: a hundred packets.
const LEAST_QUEUE_BYTES: u64 = 150_000;

/// A file as it is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimFile {
    pub size_bytes: u64,
    pub content: Content,
}

/// The path at one end of what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// The figures.
    Figures,
    /// The shortest round trip, the highest rate, the least loss.
    Best,
    /// The longest round trip, the lowest rate, the most loss.
    Worst,
}

impl At {
    pub(super) fn path(self, path: &Path) -> PathSpec {
        let (rtt, rate, loss) = (path.rtt_us, path.rate_bits_per_s, path.loss_ppm);
        let (rtt_us, rate, loss) = match self {
            Self::Figures => (rtt.value, rate.value, loss.value),
            Self::Best => (rtt.low, rate.high, loss.low),
            Self::Worst => (rtt.high, rate.low, loss.high),
        };
        let rtt_us = rtt_us.max(PathConfig::MIN_RTT_US);
        PathSpec {
            rtt_us,
            bandwidth_bits_per_s: rate,
            queue_bytes: bandwidth_delay_bytes(rtt_us, rate).max(LEAST_QUEUE_BYTES),
            loss_ppm: u32::try_from(loss).unwrap_or(u32::MAX),
            burst_loss: None,
            reorder_ppm: 0,
            reorder_us: 0,
            duplicate_ppm: 0,
            jitter_us: 0,
            congestion: Algorithm::default(),
        }
    }
}

/// A delivery that is simulated again and again.
pub(super) struct Stage {
    scenario: Scenario,
    contents: Vec<Content>,
}

impl Stage {
    pub(super) fn new(direction: Direction, path: PathSpec, files: &[SimFile]) -> Self {
        let mut scenario = ways::scenario();
        // Each run has one of its own.
        scenario.variants.clear();
        scenario.directions = vec![direction];
        scenario.path = path;
        scenario.workload.files = files.len() as u32;
        scenario.workload.sizes_bytes = files.iter().map(|file| file.size_bytes).collect();
        Self { scenario, contents: files.iter().map(|file| file.content).collect() }
    }

    /// With the control group alone.
    pub(super) fn undisturbed(mut self) -> Self {
        self.scenario.faults.retain(|fault| fault.kind == FaultName::None);
        self
    }

    /// With all faults but the control group.
    pub(super) fn struck(mut self) -> Self {
        self.scenario.faults.retain(|fault| fault.kind != FaultName::None);
        self
    }

    /// How many faults there are, the control group among them.
    pub(super) fn faults(&self) -> u64 {
        self.scenario.faults.len() as u64
    }

    /// `variant`, as it is with the server, is not always one of the scenario's. Gives the fault's name, too.
    pub(super) fn run(&self, variant: &VariantSpec, seed: u64) -> Result<(String, Outcome), RunError> {
        let mut scenario = self.scenario.clone();
        scenario.variants = vec![variant.clone()];
        let mut case = Case::draw(&scenario, &variant.name, seed)?;
        for (file, content) in case.files.iter_mut().zip(&self.contents) {
            file.content = *content;
        }
        let outcome = world::judge(&case)?;
        Ok((case.fault_name, outcome))
    }
}
