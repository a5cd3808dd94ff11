//! Grids: a scenario over many paths and deliveries.

use super::error::Problem;
use super::{MAX_DELIVERY_BYTES, MAX_FILE_BYTES, Scenario, within};
use crate::sim::fault::FaultName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use turmoil_tcp::path::PathConfig;

/// Every combination of these, in place of the scenario's path and of its workload's files and sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridSpec {
    /// The round-trip times.
    #[schemars(length(min = 1), inner(range(min = PathConfig::MIN_RTT_US, max = 60_000_000)))]
    pub rtt_us: Vec<u64>,
    /// The queue holds one bandwidth-delay product, and at least the path's `queue_bytes`.
    #[schemars(length(min = 1), inner(range(min = 1_000, max = 1_000_000_000_000_u64)))]
    pub bandwidth_bits_per_s: Vec<u64>,
    /// The shares of packets that are lost each way, in parts per million.
    #[schemars(length(min = 1), inner(range(min = 0, max = 999_999)))]
    pub loss_ppm: Vec<u32>,
    /// The deliveries.
    #[schemars(length(min = 1))]
    pub deliveries: Vec<DeliverySpec>,
    /// Seeds for each combination with losses.
    #[schemars(range(min = 1, max = 1_000))]
    pub seeds_with_loss: u32,
}

/// Files of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverySpec {
    /// How many of them.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub files: u32,
    /// The size of each.
    #[schemars(range(min = 0, max = MAX_FILE_BYTES))]
    pub file_size_bytes: u64,
}

/// One combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The round-trip time.
    pub rtt_us: u64,
    /// The rate of the bottleneck, each way.
    pub bandwidth_bits_per_s: u64,
    /// The share of packets that is lost each way, in parts per million.
    pub loss_ppm: u32,
    /// The files.
    pub delivery: DeliverySpec,
}

impl GridSpec {
    /// How many combinations there are.
    pub fn cells(&self) -> u64 {
        let deliveries = self.deliveries.len();
        (self.rtt_us.len() * self.bandwidth_bits_per_s.len() * self.loss_ppm.len() * deliveries) as u64
    }

    /// Cells are counted by delivery (changing fastest), loss, bandwidth, round-trip time.
    pub fn cell(&self, index: u64) -> Cell {
        let (rest, delivery) = super::split(index, &self.deliveries);
        let (rest, loss_ppm) = super::split(rest, &self.loss_ppm);
        let (rest, bandwidth_bits_per_s) = super::split(rest, &self.bandwidth_bits_per_s);
        let (_, rtt_us) = super::split(rest, &self.rtt_us);
        Cell {
            rtt_us: *rtt_us,
            bandwidth_bits_per_s: *bandwidth_bits_per_s,
            loss_ppm: *loss_ppm,
            delivery: *delivery,
        }
    }

    /// Runs of a cell, for each contender and direction.
    pub fn seeds(&self, cell: Cell) -> u64 {
        if cell.loss_ppm == 0 { 1 } else { self.seeds_with_loss.into() }
    }

    pub(super) fn check(&self, scenario: &Scenario) -> Result<(), Problem> {
        let lists = [
            ("grid.rtt_us", self.rtt_us.is_empty()),
            ("grid.bandwidth_bits_per_s", self.bandwidth_bits_per_s.is_empty()),
            ("grid.loss_ppm", self.loss_ppm.is_empty()),
            ("grid.deliveries", self.deliveries.is_empty()),
        ];
        if let Some((key, _)) = lists.iter().find(|(_, empty)| *empty) {
            return Err(Problem::new(key, "at least one"));
        }
        for (i, rtt_us) in self.rtt_us.iter().enumerate() {
            within(&format!("grid.rtt_us.{i}"), *rtt_us, PathConfig::MIN_RTT_US, 60_000_000)?;
        }
        for (i, rate) in self.bandwidth_bits_per_s.iter().enumerate() {
            within(&format!("grid.bandwidth_bits_per_s.{i}"), *rate, 1_000, 1_000_000_000_000)?;
        }
        for (i, loss_ppm) in self.loss_ppm.iter().enumerate() {
            within(&format!("grid.loss_ppm.{i}"), (*loss_ppm).into(), 0, 999_999)?;
        }
        for (i, delivery) in self.deliveries.iter().enumerate() {
            within(&format!("grid.deliveries.{i}.files"), delivery.files.into(), 1, 1_000_000)?;
            let key = format!("grid.deliveries.{i}.file_size_bytes");
            let most = MAX_FILE_BYTES.min(MAX_DELIVERY_BYTES / u64::from(delivery.files));
            within(&key, delivery.file_size_bytes, 0, most)?;
        }
        within("grid.seeds_with_loss", self.seeds_with_loss.into(), 1, 1_000)?;
        match scenario.faults.as_slice() {
            [fault] if fault.kind == FaultName::None => Ok(()),
            _ => Err(Problem::new("faults", "`none` alone: a grid is about time")),
        }
    }
}

impl Scenario {
    /// With a grid: the cell of a seed, which is (repetition * cells + cell) * directions + direction.
    pub fn cell(&self, seed: u64) -> Option<Cell> {
        let grid = self.grid.as_ref()?;
        Some(grid.cell(seed / self.directions.len() as u64 % grid.cells()))
    }

    /// The seed of a cell of the grid.
    pub fn seed_of_cell(&self, grid: &GridSpec, direction: usize, cell: u64, repetition: u64) -> u64 {
        (repetition * grid.cells() + cell) * self.directions.len() as u64 + direction as u64
    }
}
