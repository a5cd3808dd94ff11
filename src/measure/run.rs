//! A measurement: every contender verified, warmed up and timed, a repetition of each in turn.

use super::bare;
use super::delivery::{Contender, Directories, Failed, Sample, Target, deliver};
use super::files::Files;
use super::fixture::{Check, Fixture};
use super::machine::{self, Machine, Usage};
use super::record::{BenchRecord, Benchmark, Row};
use super::remote;
use crate::lab::plural::counted;
use crate::lab::records::VERSION;
use crate::lab::stats::{Latencies, median};
use ftp_endpoint::client::{ClientError, Direction};
use ftp_endpoint::net::real::runtime;
use std::io;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// (max - min) / median of a contender's durations above which its figures are doubtful.
const WIDE_SPREAD: f64 = 0.25;
/// Load per core above which the machine is busy with other things.
const BUSY_LOAD: f64 = 0.5;
/// Times a second that a process is made to wait for its core, above which it does not have it.
const CROWDED_SWITCHES_PER_S: f64 = 1_000.0;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    /// A file could not be delivered.
    #[error("{contender}: {failed}")]
    Delivery {
        /// The way to deliver.
        contender: String,
        /// The file and the reason.
        failed: Failed,
    },
    /// What arrived is not what was sent.
    #[error("{contender}: verification failed: {what}")]
    WrongBytes {
        /// The way to deliver.
        contender: String,
        /// The first difference.
        what: String,
    },
    /// The directories at the server could not be made or removed.
    #[error("preparing the server: {0}")]
    Preparing(#[from] ClientError),
    /// The files to download could not be put there.
    #[error("preparing the server: {0}")]
    Filling(Failed),
    /// The bare connection, to which figures are compared, broke.
    #[error("a bare connection: {0}")]
    Bare(io::Error),
    /// The files to send could not be made.
    #[error("files: {0}")]
    Files(io::Error),
    /// The asynchronous runtime could not be started.
    #[error("the runtime: {0}")]
    Runtime(#[from] io::Error),
    /// It was cancelled.
    #[error("interrupted")]
    Interrupted,
}

/// A store and the server that has it; measured beside others, each in its turn.
pub(crate) struct Bed<'a, B: Fixture> {
    /// The store.
    pub fixture: &'a B,
    /// The server.
    pub target: &'a Target,
    /// What the rows say of it.
    pub store: &'a str,
}

/// What is to be measured, and how often.
pub(crate) struct Plan {
    /// The ways to deliver, in the order of rows.
    pub contenders: Vec<Contender>,
    /// At least 1.
    pub repetitions: u32,
    /// Deliveries of each contender that come first and are not measured.
    pub warm_up: u32,
    /// One delivery of each contender, verified and timed at once, and no bare connection: for what
    /// takes too long to be done twice.
    pub once: bool,
    /// Directory at a server that does not serve the fixture; it is made and removed.
    pub remote_directory: Option<String>,
    /// When cancelled, the measurement ends with [`MeasureError::Interrupted`], tidied up.
    pub cancel: CancellationToken,
    /// What the rows say of the server.
    pub server: String,
    /// The day, UTC.
    pub date: String,
}

/// A contender's samples in one of the beds.
struct Course<'a, B: Fixture> {
    bed: &'a Bed<'a, B>,
    contender: Contender,
    place: Directories,
    samples: Vec<Sample>,
    latencies: Latencies,
}

/// Whether what a delivery took counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    WarmUp,
    Timed,
}

struct Measurement<'a, B: Fixture> {
    /// A server that we only know by FTP is alone.
    beds: &'a [Bed<'a, B>],
    files: &'a Files,
    plan: &'a Plan,
    runtime: Runtime,
}

/// Calls `progress` after each delivery: verification, warm-up and repetitions of each contender in each bed,
/// of which there is at least one.
pub(crate) fn measure<B: Fixture>(
    beds: &[Bed<'_, B>],
    files: &Files,
    plan: &Plan,
    progress: impl FnMut(),
) -> Result<Benchmark, MeasureError> {
    let measurement = Measurement { beds, files, plan, runtime: runtime()? };
    let load = machine::load();
    let directories = measurement.prepare()?;
    let measured = measurement.all(&directories, progress);
    if plan.remote_directory.is_some() {
        // The figures count for more than what is left behind, and an error in them for more than one here.
        let target = beds[0].target;
        let removed = measurement.runtime.block_on(remote::remove(target, &directories, files.count));
        if let (Ok(_), Err(error)) = (&measured, removed) {
            return Err(error.into());
        }
    }
    let (mut courses, mut bare_us) = measured?;
    let bare_us = median(&mut bare_us);
    let machine = Machine::read();
    let rows: Vec<Row> =
        courses.iter_mut().map(|course| measurement.row(course, &machine, bare_us)).collect();
    let warnings = warnings(&rows, &machine, load);
    let peak_memory_bytes = machine::peak_memory_bytes();
    let date = plan.date.clone();
    Ok(Benchmark { version: VERSION, date, machine, load, rows, peak_memory_bytes, warnings })
}

impl<'a, B: Fixture> Measurement<'a, B> {
    /// The directories made at a server that does not serve the fixture: that of the measurement, that
    /// of the source files, one for each contender.
    fn prepare(&self) -> Result<Vec<String>, MeasureError> {
        let Some(base) = &self.plan.remote_directory else { return Ok(Vec::new()) };
        let mut directories = vec![base.clone(), format!("{base}/files")];
        directories.extend((0..self.plan.contenders.len()).map(|number| format!("{base}/{number}")));
        self.runtime.block_on(remote::make(self.beds[0].target, &directories))?;
        Ok(directories)
    }

    fn all(
        &self,
        directories: &[String],
        mut progress: impl FnMut(),
    ) -> Result<(Vec<Course<'a, B>>, Vec<f64>), MeasureError> {
        let mut courses: Vec<Course<'a, B>> = Vec::new();
        for (number, contender) in self.plan.contenders.iter().enumerate() {
            let place = match directories {
                [_, source, received @ ..] => {
                    Directories { source: source.clone(), received: received[number].clone() }
                }
                _ => Directories::shared(),
            };
            for bed in self.beds {
                let (place, samples, latencies) = (place.clone(), Vec::new(), Latencies::default());
                courses.push(Course { bed, contender: *contender, place, samples, latencies });
            }
        }
        if let [_, source, ..] = directories
            && courses.iter().any(|course| course.contender.direction == Direction::Get)
        {
            let filled = remote::fill(self.beds[0].fixture, self.files, self.beds[0].target, source);
            self.wait(filled)?.map_err(MeasureError::Filling)?;
        }
        for course in &mut courses {
            let (sample, latencies) = self.verify(course)?;
            if self.plan.once {
                course.samples.push(sample);
                course.latencies = latencies;
            }
            progress();
        }
        if self.plan.once {
            return Ok((courses, Vec::new()));
        }
        let is_local = directories.is_empty();
        if is_local {
            self.bare(Check::Bytes)?;
        }
        let mut bare_us = Vec::new();
        for repetition in 0..self.plan.warm_up + self.plan.repetitions {
            let round = if repetition < self.plan.warm_up { Round::WarmUp } else { Round::Timed };
            // Each time another one comes first, so that none always follows the same.
            let count = courses.len();
            for step in 0..count {
                let course = &mut courses[(step + repetition as usize) % count];
                self.repeat(course, round)?;
                progress();
            }
            if is_local {
                let took_us = self.bare(Check::Sizes)?;
                bare_us.extend((round == Round::Timed).then_some(took_us));
            }
        }
        Ok((courses, bare_us))
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, MeasureError> {
        let done = self.runtime.block_on(self.plan.cancel.run_until_cancelled(work));
        done.ok_or(MeasureError::Interrupted)
    }

    fn deliver(&self, course: &Course<'_, B>, latencies: &mut Latencies) -> Result<Sample, MeasureError> {
        let Course { bed, contender, place, .. } = course;
        let delivery = deliver(bed.fixture, self.files, bed.target, place, contender, latencies);
        self.wait(delivery)?.map_err(|failed| MeasureError::Delivery { contender: contender.name(), failed })
    }

    /// Delivers once and compares every byte.
    fn verify(&self, course: &Course<'_, B>) -> Result<(Sample, Latencies), MeasureError> {
        let Bed { fixture, target, .. } = *course.bed;
        fixture.clear(Check::Bytes).map_err(MeasureError::Files)?;
        let mut latencies = Latencies::default();
        let sample = self.deliver(course, &mut latencies)?;
        let name = || course.contender.name();
        if self.plan.remote_directory.is_some() && course.contender.direction == Direction::Put {
            let fetched = remote::fetch(fixture, self.files, target, &course.place.received);
            let fetched = self.wait(fetched)?;
            fetched.map_err(|failed| MeasureError::Delivery { contender: name(), failed })?;
        }
        checked(fixture, Check::Bytes, name)?;
        Ok((sample, latencies))
    }

    fn repeat(&self, course: &mut Course<'_, B>, round: Round) -> Result<(), MeasureError> {
        course.bed.fixture.clear(Check::Sizes).map_err(MeasureError::Files)?;
        let mut latencies = std::mem::take(&mut course.latencies);
        let mut unused = Latencies::default();
        let sample =
            self.deliver(course, if round == Round::Timed { &mut latencies } else { &mut unused })?;
        course.latencies = latencies;
        let arrives_here =
            self.plan.remote_directory.is_none() || course.contender.direction == Direction::Get;
        if arrives_here {
            checked(course.bed.fixture, Check::Sizes, || course.contender.name())?;
        }
        course.samples.extend((round == Round::Timed).then_some(sample));
        Ok(())
    }

    /// Microseconds.
    fn bare(&self, check: Check) -> Result<f64, MeasureError> {
        let fixture = self.beds[0].fixture;
        fixture.clear(check).map_err(MeasureError::Files)?;
        let took = bare::carry(fixture, check).map_err(MeasureError::Bare)?;
        if check == Check::Bytes {
            checked(fixture, check, || "a bare connection".to_owned())?;
        }
        Ok(took.as_secs_f64() * 1e6)
    }

    fn row(&self, course: &mut Course<'_, B>, machine: &Machine, bare_us: Option<f64>) -> Row {
        let Course { bed, contender, samples, latencies, .. } = course;
        let (files, plan) = (self.files, self.plan);
        let us = |of: fn(&Sample) -> u64| {
            let mut values: Vec<f64> = samples.iter().map(|sample| of(sample) as f64).collect();
            median(&mut values).unwrap_or_default()
        };
        let cost = |of: fn(Usage) -> u64| {
            let values: Option<Vec<f64>> =
                samples.iter().map(|sample| sample.usage.map(|usage| of(usage) as f64)).collect();
            Some(median(&mut values?)? as u64)
        };
        let durations = || samples.iter().map(|sample| sample.duration.as_micros() as u64);
        let duration_us = us(|sample| sample.duration.as_micros() as u64);
        let (min, max) = (durations().min().unwrap_or_default(), durations().max().unwrap_or_default());
        let per_s = |amount: f64| amount / (duration_us / 1e6);
        let record = BenchRecord {
            direction: contender.direction,
            mode: contender.mode,
            pipeline_depth: contender.pipeline_depth,
            parallel: contender.parallel,
            data_connection_kept: contender.data_connection_kept,
            files: files.count,
            file_size_bytes: files.size_bytes,
            content: files.content,
            store: bed.store.to_owned(),
            server: plan.server.clone(),
            repetitions: samples.len() as u32,
            warm_up: if plan.once { 0 } else { plan.warm_up },
            duration_us: duration_us as u64,
            duration_min_us: min,
            duration_max_us: max,
            spread: (samples.len() > 1).then(|| rounded((max - min) as f64 / duration_us)),
            bytes_per_s: per_s(files.total_bytes() as f64) as u64,
            files_per_s: rounded(per_s(files.count as f64)),
            file_latency_p50_us: latencies.percentile_us(50),
            file_latency_p90_us: latencies.percentile_us(90),
            file_latency_p99_us: latencies.percentile_us(99),
            file_latency_max_us: latencies.max_us(),
            cost_of: if plan.remote_directory.is_none() { "both" } else { "client" },
            cpu_user_us: cost(|usage| usage.user.as_micros() as u64),
            cpu_system_us: cost(|usage| usage.system.as_micros() as u64),
            voluntary_context_switches: cost(|usage| usage.voluntary_switches),
            involuntary_context_switches: cost(|usage| usage.involuntary_switches),
            system_calls_per_file: None,
            control_round_trips: us(|sample| sample.control_round_trips) as u64,
            data_connections: us(|sample| sample.data_connections) as u64,
            data_wire_bytes: us(|sample| sample.wire_bytes) as u64,
            bare_duration_us: bare_us.map(|us| us as u64),
            speed_to_bare: bare_us.map(|us| significant(us / duration_us)),
            version: VERSION,
            cpu: machine.cpu.clone(),
            cores: machine.cores,
            system: machine.system.clone(),
            date: plan.date.clone(),
        };
        Row { record, system_calls: None, contender: *contender }
    }
}

fn checked(fixture: &impl Fixture, check: Check, name: impl FnOnce() -> String) -> Result<(), MeasureError> {
    fixture.check(check).map_err(|what| MeasureError::WrongBytes { contender: name(), what })
}

/// Four decimals: more are noise.
fn rounded(value: f64) -> f64 {
    if value.is_finite() { (value * 1e4).round() / 1e4 } else { 0.0 }
}

/// Four digits.
fn significant(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or_default()
}

/// What makes the figures doubtful, and what to do about it.
fn warnings(rows: &[Row], machine: &Machine, load: Option<f64>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(load) = load
        && load > BUSY_LOAD * machine.cores as f64
    {
        found.push(format!(
            "the machine was busy before: load {load:.1} on {}; end what else runs and measure again",
            counted(machine.cores, "core")
        ));
    }
    let spreads = rows.iter().filter_map(|row| Some((row, row.record.spread?)));
    let wide: Vec<(&Row, f64)> = spreads.filter(|(_, spread)| *spread > WIDE_SPREAD).collect();
    if let Some((widest, spread)) = wide.iter().max_by(|(_, a), (_, b)| a.total_cmp(b)) {
        found.push(format!(
            "{} of {} {} durations that differ by more than {:.0} % of their median (most: {}, {:.0} %); \
             measure longer (--files, --repetitions), or when the machine is quiet",
            wide.len(),
            counted(rows.len(), "row"),
            if wide.len() == 1 { "has" } else { "have" },
            WIDE_SPREAD * 100.0,
            widest.contender.name(),
            spread * 100.0
        ));
    }
    let crowded = |row: &&Row| {
        let switches = row.record.involuntary_context_switches.unwrap_or_default() as f64;
        switches / (row.record.duration_us.max(1) as f64 / 1e6) > CROWDED_SWITCHES_PER_S
    };
    if let Some(row) = rows.iter().find(crowded) {
        found.push(format!(
            "{} had to wait for a core more than {CROWDED_SWITCHES_PER_S} times a second; client and server \
             want a core each",
            row.contender.name()
        ));
    }
    found
}
