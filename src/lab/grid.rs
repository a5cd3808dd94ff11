//! Delivery time over a grid of paths and file sizes: a row a contender, direction and cell.

use super::compare::{CompareError, Options, RunError, Violation};
use super::expected;
use super::limits::{self, LimitTooShort};
use super::records::{Ppm, Version};
use super::shards::Experiment;
use super::stats::Latencies;
use super::table::Table;
use crate::sim::case::Case;
use crate::sim::outcome::Left;
use crate::sim::outcome::Outcome;
use crate::sim::scenario::{Direction, GridSpec, Scenario};
use crate::sim::world;
use ftp_proto::mode::{Structure, TransmissionMode};
use serde::{Deserialize, Serialize};

/// A row of `grid.csv`. Of several runs (cells with losses) the figures are those of the run whose
/// duration is the median; the lower one of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridRecord {
    /// The contender's name.
    pub variant: String,
    /// Which way the files went.
    pub direction: Direction,
    /// The transmission mode, RFC 959 section 3.4.
    pub mode: TransmissionMode,
    /// The file structure, RFC 959 section 3.1.2.
    pub structure: Structure,
    /// The round-trip time of the path.
    pub rtt_us: u64,
    /// The rate of the bottleneck, each way.
    pub bandwidth_bits_per_s: u64,
    /// The share of packets that is lost, each way.
    pub loss: Ppm,
    /// The size of each file.
    pub file_size_bytes: u64,
    /// Files in the delivery.
    pub files: u64,
    /// Files that stand whole at the receiver.
    pub files_whole: u64,
    /// Runs of the cell; more than one only where packets are lost.
    pub runs: u64,
    /// The time from the first packet to the client's last word; absent when that never came.
    pub duration_us: Option<u64>,
    /// The shortest of the cell's other runs.
    pub duration_min_us: Option<u64>,
    /// The longest of the cell's runs; absent as `duration_min_us` is.
    pub duration_max_us: Option<u64>,
    /// What counting round trips gives ([`expected::duration_us`]); absent where that does not tell, as when
    /// a growing window has overrun the queue.
    pub expected_us: Option<u64>,
    /// The data connections' bytes at the bottleneck's rate.
    pub bandwidth_bound_us: u64,
    /// What a file takes from its first attempt to its last word.
    pub file_latency_p50_us: Option<u64>,
    /// The 99th percentile of the same.
    pub file_latency_p99_us: Option<u64>,
    /// Data connections that the client opened or accepted.
    pub data_connections: u64,
    /// Commands whose reply the client waited for.
    pub control_round_trips: Option<u64>,
    /// The size of the delivery, each file counted once.
    pub payload_bytes: u64,
    /// Data-connection bytes that the sender wrote beyond the payload: the mode's framing. Negative
    /// where a mode compresses.
    pub framing_overhead_bytes: i64,
    /// IP bytes of both hosts beyond the data-connection bytes: headers, acknowledgements, the
    /// control connection, handshakes, repetitions.
    pub ip_overhead_bytes: u64,
    /// IP bytes that left both hosts.
    pub wire_bytes: u64,
    /// TCP segments sent again.
    pub retransmits: u64,
    /// Sockets that went to TIME-WAIT, where each stays for a minute on Linux.
    pub time_wait_client: u64,
    /// The same at the server.
    pub time_wait_server: u64,
    /// `ftpsim replay SCENARIO --variant V --seed N` is this run again.
    pub seed: u64,
    /// The id of the run's case.
    pub case_id: String,
    /// The hash of the run's trace, in hexadecimal.
    pub trace_hash: String,
    /// The version of the program that made the row.
    pub version: Version,
}

/// All rows, in order of contender, direction, cell.
pub type Grid = Table<GridRecord>;

/// Rows to be made.
pub fn rows(scenario: &Scenario, grid: &GridSpec) -> u64 {
    (scenario.variants.len() * scenario.directions.len()) as u64 * grid.cells()
}

/// Runs every cell and writes `grid.csv`. Of `options` the seeds are not used; `finished` is called
/// after each row.
pub fn grid(
    scenario: &Scenario,
    grid: &GridSpec,
    options: Options<'_>,
    finished: impl FnMut(),
) -> Result<Grid, CompareError> {
    Grid::make(&Cells { scenario, grid }, "grid.csv", options, finished)
}

/// A grid as an experiment whose units are its cells.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    /// A scenario with a grid.
    pub scenario: &'a Scenario,
    /// The grid.
    pub grid: &'a GridSpec,
}

impl Experiment for Cells<'_> {
    type Unit = (GridRecord, Vec<Violation>);

    fn scenario(&self) -> &Scenario {
        self.scenario
    }

    fn check(&self) -> Result<(), LimitTooShort> {
        let Self { scenario, grid } = *self;
        let cells = (0..scenario.directions.len()).flat_map(|d| (0..grid.cells()).map(move |cell| (d, cell)));
        limits::check(scenario, cells.map(|(d, cell)| scenario.seed_of_cell(grid, d, cell, 0)))
    }

    fn count(&self) -> u64 {
        rows(self.scenario, self.grid)
    }

    fn unit(&self, index: u64) -> Result<Self::Unit, CompareError> {
        let Self { scenario, grid } = *self;
        let directions = scenario.directions.len() as u64;
        let (rest, cell) = (index / grid.cells(), index % grid.cells());
        let (variant, direction) = ((rest / directions) as usize, (rest % directions) as usize);
        let name = &scenario.variants[variant].name;
        let seed = scenario.seed_of_cell(grid, direction, cell, 0);
        row(scenario, grid, name, direction, cell).map_err(CompareError::run(name, seed))
    }
}

/// The row of a cell, and the invariants that its runs violated.
pub fn row(
    scenario: &Scenario,
    grid: &GridSpec,
    variant: &str,
    direction: usize,
    cell: u64,
) -> Result<(GridRecord, Vec<Violation>), RunError> {
    let (mut runs, mut violations) = (Vec::new(), Vec::new());
    for repetition in 0..grid.seeds(grid.cell(cell)) {
        let seed = scenario.seed_of_cell(grid, direction, cell, repetition);
        let case = Case::draw(scenario, variant, seed)?;
        let outcome = world::run(&case)?;
        violations.extend(Violation::of(variant, seed, &outcome.violations));
        runs.push((case, outcome));
    }
    // A run without an end takes longest.
    runs.sort_by_key(|(case, outcome)| (outcome.duration_us.unwrap_or(u64::MAX), case.seed));
    let (first, last) = (runs[0].1.duration_us, runs[runs.len() - 1].1.duration_us);
    let (case, outcome) = &runs[(runs.len() - 1) / 2];
    let mut row = record(scenario, case, outcome)?;
    row.runs = runs.len() as u64;
    (row.duration_min_us, row.duration_max_us) = (first, last);
    Ok((row, violations))
}

fn record(scenario: &Scenario, case: &Case, outcome: &Outcome) -> Result<GridRecord, RunError> {
    let cell = scenario.cell(case.seed).ok_or("delivery times need a scenario with a grid")?;
    let variant = scenario.variant(&case.variant).ok_or("the case is of this scenario")?;
    let direction = case.policy.direction;
    let latencies: Latencies = outcome.files.iter().filter_map(|file| file.latency_us).collect();
    let whole = outcome.files.iter().filter(|file| file.left == Left::Whole);
    Ok(GridRecord {
        variant: case.variant.clone(),
        direction,
        mode: case.policy.mode,
        structure: case.policy.structure,
        rtt_us: cell.rtt_us,
        bandwidth_bits_per_s: cell.bandwidth_bits_per_s,
        loss: Ppm(cell.loss_ppm),
        file_size_bytes: cell.delivery.file_size_bytes,
        files: outcome.files.len() as u64,
        files_whole: whole.count() as u64,
        runs: 1,
        duration_us: outcome.duration_us,
        duration_min_us: outcome.duration_us,
        duration_max_us: outcome.duration_us,
        expected_us: expected::duration_us(variant, direction, cell).filter(|_| outcome.retransmits == 0),
        bandwidth_bound_us: expected::bandwidth_bound_us(outcome.data_wire_bytes, cell.bandwidth_bits_per_s),
        file_latency_p50_us: latencies.percentile_us(50),
        file_latency_p99_us: latencies.percentile_us(99),
        data_connections: outcome.data_connections,
        control_round_trips: outcome.control_round_trips,
        payload_bytes: outcome.payload_bytes,
        framing_overhead_bytes: outcome.data_wire_bytes.cast_signed() - outcome.payload_bytes.cast_signed(),
        ip_overhead_bytes: outcome.wire_bytes.saturating_sub(outcome.data_wire_bytes),
        wire_bytes: outcome.wire_bytes,
        retransmits: outcome.retransmits,
        time_wait_client: outcome.time_waits.client,
        time_wait_server: outcome.time_waits.server,
        seed: case.seed,
        case_id: case.id(),
        trace_hash: outcome.trace_hash.clone(),
        version: Version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells without losses at 10 ms and more: the simulation takes as long as counting says.
    #[test]
    fn deliveries_take_as_long_as_counting_says() {
        let scenario = Scenario::load("wan-grid").unwrap();
        let grid = scenario.grid.clone().unwrap();
        let mut checked = 0;
        for (index, cell) in (0..grid.cells()).map(|index| (index, grid.cell(index))) {
            let picked = cell.loss_ppm == 0
                && [10_000, 300_000].contains(&cell.rtt_us)
                && cell.bandwidth_bits_per_s != 1_000_000_000;
            if !picked {
                continue;
            }
            for variant in ["stream", "stream-rename", "block"] {
                for direction in 0..2 {
                    let (row, violations) = row(&scenario, &grid, variant, direction, index).unwrap();
                    assert_eq!(violations, []);
                    assert_eq!(row.files_whole, row.files);
                    let took = row.duration_us.unwrap();
                    assert!(took >= row.bandwidth_bound_us);
                    let Some(expected) = row.expected_us else { continue };
                    let off = took as f64 / expected as f64 - 1.0;
                    assert!(off.abs() < 0.03, "{variant} {direction} {cell:?}: {took} us, {expected}");
                    checked += 1;
                }
            }
        }
        assert!(checked >= 100, "{checked}");
    }

    /// Block mode: a header of three bytes for each block of at most 65,535.
    #[test]
    fn framing_is_told_apart_from_ip() {
        let scenario = Scenario::load("wan-grid").unwrap();
        let grid = scenario.grid.clone().unwrap();
        let (stream, _) = row(&scenario, &grid, "stream", 0, 0).unwrap();
        assert_eq!((stream.framing_overhead_bytes, stream.data_connections), (0, 50));
        let (block, _) = row(&scenario, &grid, "block", 0, 0).unwrap();
        assert_eq!((block.framing_overhead_bytes, block.data_connections), (3 * 50, 1));
        assert_eq!(block.ip_overhead_bytes + block.payload_bytes + 150, block.wire_bytes);
        // Who closes first keeps the socket, both where their FINs cross; the client that uploads
        // closes its data connections.
        let kept = |row: &GridRecord| (row.time_wait_client, row.time_wait_server);
        assert_eq!((kept(&stream), kept(&block)), ((51, 1), (1, 1)));
    }
}
