//! One run of a scenario as a row of figures.

use super::compare::RunError;
use super::records::{Ppm, RunRecord, Version};
use super::stats::Latencies;
use super::summary::Run;
use crate::sim::case::Case;
use crate::sim::outcome::Outcome;
use crate::sim::scenario::{Scenario, VariantSpec};
use crate::sim::world;

/// Draws the case of `variant` and `seed` and runs it.
pub fn run(scenario: &Scenario, variant: &VariantSpec, seed: u64) -> Result<Run, RunError> {
    let case = Case::draw(scenario, &variant.name, seed)?;
    let outcome = world::run(&case)?;
    Ok(measured(&case, &outcome))
}

/// The row of a run.
pub fn measured(case: &Case, outcome: &Outcome) -> Run {
    let file_latencies_us: Vec<u64> = outcome.files.iter().filter_map(|file| file.latency_us).collect();
    let latencies: Latencies = file_latencies_us.iter().copied().collect();
    let target = case.target();
    let record = RunRecord {
        scenario: case.scenario.clone(),
        variant: case.variant.clone(),
        direction: case.policy.direction,
        mode: case.policy.mode,
        structure: case.policy.structure,
        seed: case.seed,
        case_id: case.id(),
        fault: case.fault_name.clone(),
        fault_fired: outcome.fault_fired,
        files: outcome.files.len() as u64,
        verdicts: outcome.files.iter().map(|file| file.verdict).collect(),
        exposed: outcome.exposed(),
        rtt_us: case.path.rtt_us,
        bandwidth_bits_per_s: case.path.bandwidth_bits_per_s,
        loss: Ppm(case.path.loss_ppm + case.fault.kind.loss_ppm()),
        duration_virtual_us: outcome.duration_us,
        payload_bytes: outcome.payload_bytes,
        wire_bytes: outcome.wire_bytes,
        data_connections: outcome.data_connections,
        control_round_trips: outcome.control_round_trips,
        retransmits: outcome.retransmits,
        file_latency_p50_us: latencies.percentile_us(50),
        file_latency_p90_us: latencies.percentile_us(90),
        file_latency_p99_us: latencies.percentile_us(99),
        file_latency_max_us: latencies.max_us(),
        trace_hash: outcome.trace_hash.clone(),
        version: Version,
        trigger: if target.is_some() || case.strikes_listing() { case.fault.trigger.name() } else { None },
        target_file: target.map(|_| case.fault.target),
        target_byte: target.and(case.fault.trigger.payload_byte()),
        target_size_bytes: target.map(|file| file.size_bytes),
    };
    let violations = outcome.violations.clone();
    Run { record, file_latencies_us, cut_off: outcome.cut_off, violations }
}
