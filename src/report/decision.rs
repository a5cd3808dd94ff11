//! What a comparison says to whoever has to decide: each contender's losses, exposure and time in one row, and
//! an answer for each situation.

use super::{findings, format, ways};
use crate::lab::claims::LOSSLESS_RUNS;
use crate::lab::compare::Comparison;
use crate::lab::records::{Directions, SummaryRecord};
use crate::sim::fault::FaultName;
use crate::sim::scenario::{Direction, FaultSpec, VariantSpec};
use ftp_proto::mode::{Structure, TransmissionMode};

/// A contender over all runs that ended and whose fault fired.
pub(super) struct Contender<'a> {
    pub variant: &'a VariantSpec,
    /// Runs with a fault in which a file was lost silently.
    pub lost: u64,
    /// Runs with a fault.
    pub runs: u64,
    /// Files that a reader could see in part under their names, in all runs.
    pub exposed: u64,
    /// Files in all runs.
    pub files: u64,
    /// The median of the deliveries' times, a direction each; absent when none came to an end.
    pub times: Vec<(Direction, Option<u64>)>,
}

impl Contender<'_> {
    /// Of both directions together; what never ends comes last.
    fn time_us(&self) -> u64 {
        self.times.iter().map(|(_, us)| us.unwrap_or(u64::MAX / 4)).sum()
    }

    /// The share of runs lost, 0 when there is none.
    pub(super) fn share(&self) -> f64 {
        self.lost as f64 / self.runs.max(1) as f64
    }

    /// How certain the share is, in words.
    pub(super) fn interval(&self) -> Option<String> {
        format::certainty(self.lost, self.runs)
    }

    fn command(&self, comparison: &Comparison) -> Option<String> {
        let direction = comparison.scenario.directions.first()?;
        ways::command(self.variant, *direction)
    }
}

/// The fault whose runs tell how long a delivery takes: none, else the first that is there all along.
pub(super) fn timed(comparison: &Comparison) -> Option<&FaultSpec> {
    let faults = || comparison.scenario.faults.iter();
    faults().find(|fault| fault.kind == FaultName::None).or(faults().find(|fault| !fault.kind.has_trigger()))
}

/// All contenders, the fastest first; those of equal time in the scenario's order.
pub(super) fn contenders(comparison: &Comparison) -> Vec<Contender<'_>> {
    let timed = timed(comparison).map(FaultSpec::name);
    let mut all: Vec<Contender<'_>> = comparison
        .scenario
        .variants
        .iter()
        .map(|variant| {
            let rows = || comparison.evidence.iter().filter(|row| row.variant == variant.name);
            let both = || rows().filter(|row| row.direction == Directions::Both);
            let disturbed = || both().filter(|row| is_disturbed(comparison, row));
            let time = |direction: &Direction| {
                let mut there = rows().filter(|row| row.direction == *direction);
                let row = there.find(|row| Some(row.fault.as_str()) == timed);
                (*direction, row.and_then(|row| row.duration_median_us))
            };
            Contender {
                variant,
                lost: disturbed().map(|row| row.runs_with_silent_loss).sum(),
                runs: disturbed().map(|row| row.runs_counted).sum(),
                exposed: both().map(|row| row.exposed).sum(),
                files: both().map(|row| row.files).sum(),
                times: comparison.scenario.directions.iter().map(time).collect(),
            }
        })
        .collect();
    all.sort_by_key(Contender::time_us);
    all
}

fn is_disturbed(comparison: &Comparison, row: &SummaryRecord) -> bool {
    findings::fault(comparison, &row.fault).is_some_and(|fault| fault.kind != FaultName::None)
}

/// What is said to who is in a situation.
pub(super) struct Answer {
    pub situation: &'static str,
    /// The contender to take, in words; absent where the comparison does not tell.
    pub pick: Option<String>,
    /// Why it, or why none.
    pub why: String,
    /// What delivers so, or what brings the runs that are missing.
    pub command: Option<String>,
}

/// One for each situation, in order.
pub(super) fn answers(comparison: &Comparison) -> Vec<Answer> {
    let all = contenders(comparison);
    let clear = |c: &&Contender<'_>| c.variant.tls.is_none();
    let plain = |c: &&Contender<'_>| {
        clear(c) && c.variant.mode == TransmissionMode::Stream && c.variant.structure == Structure::File
    };
    let over_tls = |c: &&Contender<'_>| c.variant.tls.is_some();
    let answer =
        |situation, elsewhere, among: Vec<&Contender<'_>>| answer(comparison, situation, elsewhere, &among);
    vec![
        answer("Both ends are yours", "small-files", all.iter().filter(clear).collect()),
        answer("The other end has stream mode only", "small-files", all.iter().filter(plain).collect()),
        answer("It has to be FTPS", "ftps", all.iter().filter(over_tls).collect()),
    ]
}

/// `among`: the contenders that there may be, the fastest first; `elsewhere`: a scenario that has some.
fn answer(
    comparison: &Comparison,
    situation: &'static str,
    elsewhere: &str,
    among: &[&Contender<'_>],
) -> Answer {
    let none = |why: &str, command: String| Answer {
        situation,
        pick: None,
        why: why.to_owned(),
        command: Some(command),
    };
    let Some(least) = among.iter().min_by(|a, b| a.share().total_cmp(&b.share())) else {
        return none("This scenario has no such contender.", format!("ftpsim compare {elsewhere}"));
    };
    if among.iter().all(|contender| contender.runs == 0) {
        return none("No run of such a contender has had a fault.", more(comparison, LOSSLESS_RUNS));
    }
    let lossless: Vec<_> = among.iter().filter(|contender| contender.lost == 0).collect();
    if let Some(best) = lossless.iter().find(|contender| contender.runs >= LOSSLESS_RUNS) {
        return Answer {
            situation,
            pick: Some(ways::words(best.variant)),
            why: format!(
                "lost nothing silently in {} with a fault ({}){}{}.",
                format::counted(best.runs, "run"),
                best.interval().unwrap_or_default(),
                takes(comparison, best),
                seen(best),
            ),
            command: best.command(comparison),
        };
    }
    if let Some(best) = lossless.first() {
        let why = format!(
            "Not enough evidence: {} lost nothing silently in {} with a fault, and it takes {LOSSLESS_RUNS}.",
            best.variant.name,
            format::counted(best.runs, "run"),
        );
        return none(&why, more(comparison, LOSSLESS_RUNS));
    }
    Answer {
        situation,
        pick: None,
        why: format!(
            "Every such contender lost files silently here. The least: {} ({}), in {} of {} with a fault ({}){}{}.",
            least.variant.name,
            ways::words(least.variant),
            least.lost,
            format::counted(least.runs, "run"),
            least.interval().unwrap_or_default(),
            findings::worst(comparison, &least.variant.name),
            takes(comparison, least),
        ),
        command: least.command(comparison),
    }
}

/// `; 200 files take 1.31 s up, 1.12 s down`.
fn takes(comparison: &Comparison, contender: &Contender<'_>) -> String {
    let times: Vec<String> = contender
        .times
        .iter()
        .filter_map(|(direction, us)| {
            let way = if *direction == Direction::Put { "up" } else { "down" };
            Some(format!("{} {way}", format::duration((*us)?)))
        })
        .collect();
    let Some(fault) = timed(comparison).filter(|_| !times.is_empty()) else { return String::new() };
    let under = match fault.kind {
        FaultName::None => String::new(),
        _ => format!(" under {}", fault.name().replace('_', " ")),
    };
    let files = comparison.scenario.workload.files;
    let take = if files == 1 { "takes" } else { "take" };
    format!("; {} {take} {}{under}", format::counted(files.into(), "file"), times.join(", "))
}

/// What a reader of the directory could see, where there was something to see.
fn seen(contender: &Contender<'_>) -> String {
    if contender.exposed == 0 {
        return String::new();
    }
    format!(
        "; but a reader could see {} of {} in part",
        format::thousands(contender.exposed),
        format::counted(contender.files, "file")
    )
}

/// The command that brings so many runs with a fault of each contender.
fn more(comparison: &Comparison, runs: u64) -> String {
    let s = &comparison.scenario;
    let faults = s.faults.iter().filter(|fault| fault.kind != FaultName::None).count() as u64;
    let cycle = s.cycle().max(1);
    let for_each = (cycle * faults / (s.faults.len() as u64).max(1)).max(1);
    // Some faults find nothing to strike: a cycle more than it takes where all goes well.
    let cycles = (runs.div_ceil(for_each) + 1).max(2 * comparison.seeds.count() / cycle);
    let start = comparison.seeds.start;
    format!("ftpsim compare {} --seeds {start}..{}", s.word(), start + cycles * cycle)
}

#[cfg(test)]
mod tests;
