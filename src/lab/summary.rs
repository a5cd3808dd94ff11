//! From runs to summary rows: sums, proportions with intervals, comparisons paired by seed.

use super::records::{Directions, RunRecord, SummaryRecord};
use super::stats::{self, Latencies};
use super::verdicts::VerdictCounts;
use crate::sim::outcome::Violation;
use crate::sim::scenario::{Direction, Scenario, VariantSpec};
use serde::{Deserialize, Serialize};
use turmoil_tcp::seeds;

/// A run as the comparison keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its row of `runs.csv`.
    pub record: RunRecord,
    /// The latency of each file that was reported delivered.
    pub file_latencies_us: Vec<u64>,
    /// The virtual time ran out before the delivery ended.
    pub cut_off: bool,
    /// What no run may do, and this one did.
    pub violations: Vec<Violation>,
}

/// How certain the median of a contender's delivery times is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The contender's name.
    pub variant: String,
    /// Which way the files went.
    pub direction: Direction,
    /// The fault's name in the scenario.
    pub fault: String,
    /// The lower end of the median's 95 % interval.
    pub low_us: u64,
    /// The upper end of the same.
    pub high_us: u64,
}

/// On how many seeds one of two contenders lost files silently and the other did not, both directions together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discordance {
    /// The contender's name.
    pub variant: String,
    /// The other's.
    pub other: String,
    /// The fault's name in the scenario.
    pub fault: String,
    /// Seeds on which the first alone did.
    pub here_only: u64,
    /// Seeds on which the other alone did.
    pub other_only: u64,
}

/// What pairing needs to know of one run.
#[derive(Clone, Copy)]
struct Paired {
    counted: bool,
    silent_loss: bool,
    duration_us: Option<u64>,
}

#[derive(Clone, Default)]
struct Sums {
    runs: u64,
    counted: u64,
    with_silent_loss: u64,
    totals: Totals,
    latencies: Latencies,
}

/// Column sums over the counted runs.
#[derive(Clone, Copy, Default)]
struct Totals {
    files: u64,
    verdicts: VerdictCounts,
    exposed: u64,
    payload_bytes: u64,
    wire_bytes: u64,
    data_connections: u64,
    control_round_trips: u64,
    retransmits: u64,
}

impl Totals {
    fn add(&mut self, r: &RunRecord) {
        self.files += r.files;
        self.verdicts += r.verdicts;
        self.exposed += r.exposed;
        self.payload_bytes += r.payload_bytes;
        self.wire_bytes += r.wire_bytes;
        self.data_connections += r.data_connections;
        self.control_round_trips += r.control_round_trips.unwrap_or_default();
        self.retransmits += r.retransmits;
    }
}

/// One kind of fault in one direction, or in both.
struct Group {
    fault: usize,
    direction: Option<Direction>,
    /// One for each variant.
    sums: Vec<Sums>,
    /// For each seed, one for each variant.
    paired: Vec<Vec<Paired>>,
}

/// Takes runs in order of (seed, variant).
pub struct Summary<'a> {
    scenario: &'a Scenario,
    groups: Vec<Group>,
    only_ended: bool,
}

impl<'a> Summary<'a> {
    /// A summary of no runs yet, over the contenders, directions and faults of `scenario`.
    pub fn new(scenario: &'a Scenario) -> Self {
        let directions = scenario.directions.iter().copied().map(Some);
        let groups = std::iter::once(None)
            .chain(directions)
            .flat_map(|direction| (0..scenario.faults.len()).map(move |fault| (direction, fault)))
            .map(|(direction, fault)| Group {
                fault,
                direction,
                sums: vec![Sums::default(); scenario.variants.len()],
                paired: Vec::new(),
            })
            .collect();
        Self { scenario, groups, only_ended: false }
    }

    /// Counts runs that ended alone: a run that was cut off is no evidence for anything.
    pub fn of_ended(scenario: &'a Scenario) -> Self {
        Self { only_ended: true, ..Self::new(scenario) }
    }

    /// `variant`: its index in the scenario; 0 begins a new seed.
    pub fn add(&mut self, variant: usize, run: &Run) {
        let record = &run.record;
        let counted = record.fault_fired && !(self.only_ended && run.cut_off);
        for group in &mut self.groups {
            let fault = &self.scenario.faults[group.fault];
            let here = fault.name() == record.fault && group.direction.is_none_or(|d| d == record.direction);
            if here {
                group.add(variant, run, counted);
            }
        }
    }

    /// A row a contender and kind of fault, both directions together.
    pub fn rows(&self) -> Vec<SummaryRecord> {
        self.collect(|group| group.direction.is_none())
    }

    /// A row a contender, kind of fault and direction.
    pub fn rows_by_direction(&self) -> Vec<SummaryRecord> {
        self.collect(|group| group.direction.is_some())
    }

    /// Of each contender, kind of fault and direction with runs enough.
    pub fn spreads(&self) -> Vec<Spread> {
        let variants = self.scenario.variants.iter().enumerate();
        let groups = || self.groups.iter().filter_map(|group| Some((group, group.direction?)));
        let spread = |index: usize, variant: &VariantSpec, group: &Group, direction| {
            let mut durations: Vec<u64> = group.durations(index).collect();
            let (low_us, high_us) = stats::median_interval(&mut durations)?;
            let fault = self.scenario.faults[group.fault].name().to_owned();
            Some(Spread { variant: variant.name.clone(), direction, fault, low_us, high_us })
        };
        let spread = &spread;
        variants
            .flat_map(|(index, variant)| {
                groups().filter_map(move |(group, direction)| spread(index, variant, group, direction))
            })
            .collect()
    }

    /// Of each contender beside each other, by kind of fault.
    pub fn discordances(&self) -> Vec<Discordance> {
        let mut all = Vec::new();
        for group in self.groups.iter().filter(|group| group.direction.is_none()) {
            for (index, variant) in self.scenario.variants.iter().enumerate() {
                for (base, other) in self.scenario.variants.iter().enumerate().filter(|(i, _)| *i != index) {
                    let (here_only, other_only) = group.discordant(index, base);
                    let fault = self.scenario.faults[group.fault].name().to_owned();
                    let (variant, other) = (variant.name.clone(), other.name.clone());
                    all.push(Discordance { variant, other, fault, here_only, other_only });
                }
            }
        }
        all
    }

    fn collect(&self, wanted: impl Fn(&Group) -> bool) -> Vec<SummaryRecord> {
        let groups: Vec<&Group> = self.groups.iter().filter(|group| wanted(group)).collect();
        let variants = self.scenario.variants.iter().enumerate();
        variants
            .flat_map(|(index, variant)| {
                groups.iter().map(move |group| group.row(self.scenario, index, variant))
            })
            .collect()
    }
}

impl Group {
    fn add(&mut self, variant: usize, run: &Run, counted: bool) {
        let record = &run.record;
        let silent_loss = record.silently_lost() > 0;
        if variant == 0 {
            self.paired.push(Vec::with_capacity(self.sums.len()));
        }
        if let Some(seed) = self.paired.last_mut() {
            seed.push(Paired { counted, silent_loss, duration_us: record.duration_virtual_us });
        }
        let sums = &mut self.sums[variant];
        sums.runs += 1;
        if counted {
            sums.counted += 1;
            sums.with_silent_loss += u64::from(silent_loss);
            sums.totals.add(record);
            run.file_latencies_us.iter().for_each(|&us| sums.latencies.record(us));
        }
    }

    /// This variant's run and the other's, of the seeds counted for both.
    fn pairs(&self, variant: usize, other: usize) -> impl Iterator<Item = (Paired, Paired)> + '_ {
        self.paired
            .iter()
            .filter_map(move |seed| Some((*seed.get(variant)?, *seed.get(other)?)))
            .filter(|(here, other)| here.counted && other.counted)
    }

    /// Seeds on which this variant alone lost files silently, and those on which the other did.
    fn discordant(&self, variant: usize, other: usize) -> (u64, u64) {
        self.pairs(variant, other).fold((0, 0), |(here_only, other_only), (here, other)| {
            let alone = |one: Paired, rest: Paired| u64::from(one.silent_loss && !rest.silent_loss);
            (here_only + alone(here, other), other_only + alone(other, here))
        })
    }

    /// Of this variant's counted runs that came to an end.
    fn durations(&self, variant: usize) -> impl Iterator<Item = u64> + '_ {
        self.paired.iter().filter_map(move |seed| seed.get(variant).filter(|run| run.counted)?.duration_us)
    }

    fn row(&self, scenario: &Scenario, index: usize, variant: &VariantSpec) -> SummaryRecord {
        let fault = scenario.faults[self.fault].name();
        let direction = self.direction.map_or(Directions::Both, Directions::One);
        let sums = &self.sums[index];
        let totals = &sums.totals;
        // The baseline is the first.
        let (here_only, base_only) = self.discordant(index, 0);
        let times: Vec<(u64, u64)> =
            self.pairs(index, 0).filter_map(|(h, b)| Some((h.duration_us?, b.duration_us?))).collect();
        let purpose = format!("bootstrap {} {} {fault} {direction}", scenario.name, variant.name);
        let ratio = stats::paired_ratio(&times, &mut seeds::stream(0, &purpose));
        let mut durations: Vec<f64> = self.durations(index).map(|us| us as f64).collect();
        let pairs = self.pairs(index, 0).count() as u64;
        let mut row = SummaryRecord {
            scenario: scenario.name.clone(),
            variant: variant.name.clone(),
            direction,
            mode: variant.mode,
            structure: variant.structure,
            fault: fault.to_owned(),
            runs: sums.runs,
            runs_counted: sums.counted,
            runs_with_silent_loss: sums.with_silent_loss,
            silent_loss_share: None,
            silent_loss_share_low: None,
            silent_loss_share_high: None,
            baseline: scenario.variants[0].name.clone(),
            pairs,
            silent_loss_here_only: here_only,
            silent_loss_baseline_only: base_only,
            mcnemar_p: None,
            duration_ratio: None,
            duration_ratio_low: None,
            duration_ratio_high: None,
            duration_ratio_pairs: times.len() as u64,
            duration_median_us: stats::median(&mut durations).map(|us| us.round() as u64),
            files: totals.files,
            verdicts: totals.verdicts,
            exposed: totals.exposed,
            payload_bytes: totals.payload_bytes,
            wire_bytes: totals.wire_bytes,
            data_connections: totals.data_connections,
            control_round_trips: totals.control_round_trips,
            retransmits: totals.retransmits,
            file_latency_p50_us: sums.latencies.percentile_us(50),
            file_latency_p90_us: sums.latencies.percentile_us(90),
            file_latency_p99_us: sums.latencies.percentile_us(99),
            file_latency_max_us: sums.latencies.max_us(),
            version: super::records::Version,
        };
        row.set_silent_loss_share(stats::wilson(sums.with_silent_loss, sums.counted));
        row.set_duration_ratio(ratio);
        if index > 0 && pairs > 0 {
            row.set_mcnemar_p(stats::mcnemar_exact(here_only, base_only));
        }
        row
    }
}
