//! The runs behind an advice: each way that is open, undisturbed for its time and with each fault for its losses.

use super::advice::{Advice, Closed, Question, Risk, Way};
use super::case::{At, SimFile, Stage};
use super::estimate::Times;
use super::plan::{FAULTY_BYTES, FAULTY_FILES, MOST_BYTES, Plan, SAMPLED, WHOLE};
use super::ways::{all as all_ways, round_trips_before, with_server};
use crate::advise::advice::Harm;
use crate::lab::compare::RunError;
use crate::lab::pool;
use crate::sim::outcome::Outcome;
use crate::sim::scenario::VariantSpec;
use crate::sim::workload::Content;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

/// Undisturbed runs of a contender, where packets are lost and where none is.
const RUNS_WITH_LOSS: u64 = 9;
const RUNS_WITHOUT_LOSS: u64 = 3;
/// Of large files.
const BULK_RUNS: u64 = 3;
const BULK_LEAST_BYTES: u64 = 4 << 20;
const BULK_MOST_BYTES: u64 = 32 << 20;
/// Runs of a fault: most of them with small files, the least with large ones; triggers come in fours.
const FAULT_RUNS: u64 = 24;
const LEAST_FAULT_RUNS: u64 = 12;
/// From here on files are large: fewer of them stand in a run with a fault, so that each has more bytes than
/// are under way.
const LARGE_BYTES: u64 = 256 << 10;

/// One run.
#[derive(Clone, Copy, Debug)]
enum Task {
    Whole(At),
    Half,
    Bulk { large: bool },
    Faulty,
}

/// All runs of a question, and what they are made of.
pub struct Simulation<'a> {
    question: &'a Question,
    plan: Plan,
    faulty: Plan,
    compressibility: super::files::Compressibility,
    /// As the scenario has them, and as they are with the server.
    open: Vec<(VariantSpec, VariantSpec)>,
    closed: Vec<Closed>,
    stages: Stages,
    bulk_bytes: u64,
    tasks: Vec<(usize, Task, u64)>,
}

struct Stages {
    whole: [Stage; 3],
    half: Option<Stage>,
    faulty: Stage,
    /// By sessions: large files, and of half the size.
    bulk: BTreeMap<u32, [Stage; 2]>,
}

impl<'a> Simulation<'a> {
    /// Reads the beginnings of files that stand for others.
    pub fn new(question: &'a Question) -> Self {
        let sizes = question.own.sizes_bytes();
        let most_files = if sizes.len() > WHOLE { SAMPLED } else { WHOLE };
        let plan = Plan::of(&sizes, most_files, MOST_BYTES);
        let is_large = plan.bytes / plan.files.max(1) > LARGE_BYTES;
        let faulty = Plan::of(&sizes, if is_large { FAULTY_FILES / 3 } else { FAULTY_FILES }, FAULTY_BYTES);
        let (contents, compressibility) = question.own.contents(&plan);
        let mut open = Vec::new();
        let mut closed = Vec::new();
        for variant in all_ways(question.direction) {
            match question.features.missing(&variant, question.direction) {
                Some(missing) => closed.push(Closed { variant, missing }),
                None => {
                    let with_server = with_server(&variant, question.direction, &question.features);
                    open.push((variant, with_server));
                }
            }
        }
        let path = &question.path;
        let in_flight = u128::from(path.rate_bits_per_s.value) * u128::from(path.rtt_us.value) / 2_000_000;
        let bulk_bytes = (in_flight as u64).clamp(BULK_LEAST_BYTES, BULK_MOST_BYTES);
        let stages = Stages::new(question, (&plan, &contents), &faulty, bulk_bytes, &open);
        let mut simulation = Self {
            question,
            plan,
            faulty,
            compressibility,
            open,
            closed,
            stages,
            bulk_bytes,
            tasks: Vec::new(),
        };
        simulation.tasks = simulation.tasks();
        simulation
    }

    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        self.tasks.len() as u64
    }

    fn tasks(&self) -> Vec<(usize, Task, u64)> {
        let path = &self.question.path;
        let runs = if path.loss_ppm.high > 0 { RUNS_WITH_LOSS } else { RUNS_WITHOUT_LOSS };
        let seeds = |runs: u64| (0..runs).map(|index| self.question.seed.wrapping_add(index));
        let has_ends = [path.rtt_us, path.rate_bits_per_s, path.loss_ppm].iter().any(|it| it.has_range());
        let mut all = Vec::new();
        for way in 0..self.open.len() {
            let mut add = |task, runs| all.extend(seeds(runs).map(|seed| (way, task, seed)));
            add(Task::Whole(At::Figures), runs);
            if self.stages.half.is_some() {
                add(Task::Half, runs);
            }
            if has_ends {
                add(Task::Whole(At::Best), 1);
                add(Task::Whole(At::Worst), 1);
            }
            if self.plan.missing_bytes() != 0 {
                add(Task::Bulk { large: true }, BULK_RUNS);
                add(Task::Bulk { large: false }, BULK_RUNS);
            }
            add(Task::Faulty, self.fault_runs() * self.stages.faulty.faults());
        }
        all
    }

    /// Of each fault.
    fn fault_runs(&self) -> u64 {
        let mib = (self.faulty.simulated_bytes() >> 20).max(1);
        self.question.fault_runs.unwrap_or((FAULT_RUNS / mib / 4 * 4).max(LEAST_FAULT_RUNS))
    }

    fn run(&self, (way, task, seed): (usize, Task, u64)) -> Result<(String, Outcome), RunError> {
        let variant = &self.open[way].1;
        let stages = &self.stages;
        match task {
            Task::Whole(at) => stages.whole[at as usize].run(variant, seed),
            Task::Half => stages.half.as_ref().expect("only where there is one").run(variant, seed),
            Task::Bulk { large } => stages.bulk[&variant.parallel][usize::from(!large)].run(variant, seed),
            Task::Faulty => stages.faulty.run(variant, seed),
        }
    }

    /// Runs all, on `jobs` threads, which change nothing but the time; `finished` is called after each run.
    pub fn advise(&self, jobs: NonZeroUsize, finished: impl FnMut()) -> Result<Advice, RunError> {
        let question = self.question;
        let mut tallies: Vec<Tally> = self.open.iter().map(|_| Tally::default()).collect();
        let work = |index: u64| {
            let task = self.tasks[index as usize];
            self.run(task).map(|ran| (task, ran))
        };
        pool::in_order(jobs, self.runs(), work, finished, |((way, task, _), (fault, outcome))| {
            tallies[way].add(task, fault, &outcome);
            Ok(())
        })?;
        let mut ways: Vec<Way> =
            self.open.iter().zip(tallies).map(|((variant, _), tally)| self.way(variant, tally)).collect();
        ways.sort_by_key(Way::rank);
        Ok(Advice {
            direction: question.direction,
            path: question.path.clone(),
            features: question.features.clone(),
            files: self.plan.clone(),
            directories: question.own.directories,
            largest_bytes: question.own.files.last().map_or(0, |file| file.size_bytes),
            compressibility: self.compressibility,
            seed: question.seed,
            faulty_files: self.faulty.sizes_bytes.len() as u64,
            faulty_bytes: self.faulty.simulated_bytes(),
            ways,
            closed: self.closed.clone(),
        })
    }

    fn way(&self, variant: &VariantSpec, tally: Tally) -> Way {
        let question = self.question;
        let trips = round_trips_before(variant, question.direction, question.own.directories);
        // A tree has a session of its own before it.
        let logins = 1 + u64::from(trips > 0);
        let before_us = trips * question.path.rtt_us.value + logins * question.path.login_us;
        let mut times = Times { before_us, ..tally.times };
        times.bulk = tally.bulk.0.into_iter().zip(tally.bulk.1).collect();
        times.bulk_bytes = self.bulk_bytes / 2 * u64::from(variant.parallel);
        times.ends = tally.best.zip(tally.worst);
        Way {
            variant: variant.clone(),
            time: times.estimate(&self.plan),
            risks: tally.risks,
            exposed_files: tally.exposed,
            seen_files: tally.seen,
        }
    }
}

impl Stages {
    fn new(
        question: &Question,
        (plan, contents): (&Plan, &[Content]),
        faulty: &Plan,
        bulk_bytes: u64,
        open: &[(VariantSpec, VariantSpec)],
    ) -> Self {
        let file = |size_bytes: u64, content: Content| SimFile { size_bytes, content };
        let all: Vec<SimFile> =
            plan.sizes_bytes.iter().zip(contents).map(|(size, content)| file(*size, *content)).collect();
        let order = plan.shuffled(question.seed);
        let chosen = |among: &[usize]| -> Vec<SimFile> {
            order.iter().filter(|index| among.contains(index)).map(|index| all[*index]).collect()
        };
        let stage =
            |at: At, files: &[SimFile]| Stage::new(question.direction, at.path(&question.path), files);
        let undisturbed = |at: At, files: &[SimFile]| stage(at, files).undisturbed();
        let whole = chosen(&order);
        let half = chosen(&plan.half());
        // The simulated file that is nearest by its place has the content.
        let near = |index: usize| contents[index * contents.len() / faulty.sizes_bytes.len()];
        let struck: Vec<SimFile> =
            faulty.sizes_bytes.iter().enumerate().map(|(index, size)| file(*size, near(index))).collect();
        let largest = *contents.last().unwrap_or(&Content::Random);
        let bulk = |sessions: u32| {
            let files = |size| vec![file(size, largest); sessions as usize];
            let of = |size| undisturbed(At::Figures, &files(size));
            (sessions, [of(bulk_bytes), of(bulk_bytes / 2)])
        };
        Self {
            whole: [At::Figures, At::Best, At::Worst].map(|at| undisturbed(at, &whole)),
            half: (!half.is_empty()).then(|| undisturbed(At::Figures, &half)),
            faulty: stage(At::Figures, &struck).struck(),
            bulk: open.iter().map(|(variant, _)| bulk(variant.parallel)).collect(),
        }
    }
}

/// What the runs of a contender add up to.
#[derive(Default)]
struct Tally {
    times: Times,
    bulk: (Vec<u64>, Vec<u64>),
    best: Option<u64>,
    worst: Option<u64>,
    risks: Vec<Risk>,
    exposed: u64,
    seen: u64,
}

impl Tally {
    fn add(&mut self, task: Task, fault: String, outcome: &Outcome) {
        let took = outcome.duration_us.filter(|_| !outcome.cut_off);
        match task {
            Task::Whole(At::Figures) => {
                self.times.whole.extend(took);
                self.see(outcome);
            }
            Task::Whole(At::Best) => self.best = took,
            Task::Whole(At::Worst) => self.worst = took,
            Task::Half => self.times.half.extend(took),
            Task::Bulk { large: true } => self.bulk.0.extend(took),
            Task::Bulk { large: false } => self.bulk.1.extend(took),
            Task::Faulty if outcome.fault_fired => self.strike(fault, outcome),
            Task::Faulty => {}
        }
    }

    fn see(&mut self, outcome: &Outcome) {
        self.exposed += outcome.exposed();
        self.seen += outcome.files.len() as u64;
    }

    fn strike(&mut self, fault: String, outcome: &Outcome) {
        if Harm::of(&fault).is_some_and(Harm::is_ranked) {
            self.see(outcome);
        }
        let lost = u64::from(outcome.files.iter().any(|file| file.verdict.is_silent_loss()));
        match self.risks.iter_mut().find(|risk| risk.fault == fault) {
            Some(risk) => (risk.runs, risk.lost) = (risk.runs + 1, risk.lost + lost),
            None => self.risks.push(Risk { fault, runs: 1, lost }),
        }
    }
}
