//! Why a file was lost: a run is repeated up to each of its events, and from there on what was left to chance is
//! drawn anew, many times. How often the file is lost from there tells when its loss was decided.
//!
//! Left to chance is the place of the fault, as long as it has not struck (another file, another byte, another
//! command: the same kind of place), and the path's luck (losses, delays, order). Where the run has passed a place,
//! the fault does not come: so a file that is nearly through is nearly safe. Everything else is the run's: the files,
//! the habits, what else there is in its world.

mod places;
mod steps;

use super::pool;
use super::records::RunRecord;
use super::run::measured;
use crate::sim::case::Case;
use crate::sim::fault::Fault;
use crate::sim::outcome::{Outcome, Verdict};
use crate::sim::time::SimTime;
use crate::sim::trace::{Place, TraceEvent};
use crate::sim::world::{self, Future, WorldError};
use places::{Places, Struck};
use rand::Rng;
use serde::Serialize;
use std::num::NonZeroUsize;
use turmoil_tcp::seeds;

/// How much is to be found out.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Futures of each event.
    pub futures: u32,
    /// Events that are looked at, at the most; the search for the point of no return adds a few.
    pub steps: usize,
    /// Names the draws of the futures.
    pub seed: u64,
    /// Threads; the result does not depend on it.
    pub jobs: NonZeroUsize,
}

/// How a run ended, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A file was lost or harmed, and nobody said so.
    Silent,
    /// A file did not arrive, or was said not to have, and somebody knew.
    Told,
    /// Every file arrived whole.
    Whole,
}

/// How the futures of a moment end; their number is the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Endings {
    /// Files were lost or harmed without a word.
    pub lost_silently: u32,
    /// Files failed, and somebody knew.
    pub told: u32,
    /// Every file arrived whole.
    pub whole: u32,
    /// Of those lost silently: [`Why::file`] was among the lost.
    pub this_file: u32,
}

impl Endings {
    /// How many futures there were.
    pub fn futures(&self) -> u32 {
        self.lost_silently + self.told + self.whole
    }

    /// [`Why::file`] is lost without a word in every one of them.
    pub fn are_all_its_loss(&self) -> bool {
        self.this_file > 0 && self.this_file == self.futures()
    }

    /// Others are lost without a word, and it is not.
    pub fn others(&self) -> u32 {
        self.lost_silently - self.this_file
    }

    fn add(&mut self, fate: Fate) {
        match fate.ending {
            Ending::Silent => self.lost_silently += 1,
            Ending::Told => self.told += 1,
            Ending::Whole => self.whole += 1,
        }
        self.this_file += u32::from(fate.this_file);
    }
}

/// An event of the run, and how the futures end that begin with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which of [`Why::events`] it is.
    pub event: usize,
    /// When it happened, in virtual time.
    pub at_us: u64,
    /// Where.
    pub place: Place,
    /// What, for a person.
    pub text: String,
    /// The fault had struck by then: its place is no longer left to chance.
    pub struck: bool,
    /// How it may go on from there.
    pub endings: Endings,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// The file that is asked about: the first that was lost silently, else the fault's target, else the first.
    pub file: String,
    /// What became of it in the run itself.
    pub verdict: Verdict,
    /// The place of the fault was left to chance, until it struck.
    pub draws_places: bool,
    /// The path's luck was.
    pub draws_luck: bool,
    /// Before the first event: what could be expected of the delivery.
    pub at_first: Endings,
    /// The events that were looked at, in order.
    pub steps: Vec<Step>,
    /// The step from which on every future loses the file silently, as the run did; none where it was not lost so.
    pub point_of_no_return: Option<usize>,
    /// Runs that it took.
    pub runs: u64,
    /// Everything that happened in the run.
    #[serde(skip)]
    pub events: Vec<TraceEvent>,
    /// The run's row of `runs.csv`.
    #[serde(skip)]
    pub record: RunRecord,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    ending: Ending,
    this_file: bool,
}

/// Finds out why; `progress` is told of each run.
pub fn why(case: &Case, options: &Options, progress: impl FnMut()) -> Result<Why, WorldError> {
    let base = world::run_with_events(case)?;
    let file = asked_about(case, &base);
    let mut search =
        Search { case, options, base: &base, file, places: Vec::new(), undisturbed: None, progress, runs: 1 };
    search.draw_places()?;
    let at_first = search.futures(0, None)?;
    let mut steps = Vec::new();
    for event in steps::chosen(case, &base, file, options.steps) {
        steps.push(search.step(event)?);
    }
    search.close_in(&mut steps)?;
    let lost = Fate::of(&base, file).this_file;
    Ok(Why {
        file: case.files[file].name.clone(),
        verdict: base.files[file].verdict,
        draws_places: !search.places.is_empty(),
        draws_luck: has_luck(case),
        point_of_no_return: lost.then(|| first_without_return(&steps)).flatten(),
        at_first,
        steps,
        runs: search.runs,
        record: measured(case, &base).record,
        events: base.events.clone(),
    })
}

/// The first lost silently, else the target, else the first of all.
fn asked_about(case: &Case, base: &Outcome) -> usize {
    let lost = base.files.iter().position(|file| is_silent(file.verdict));
    lost.unwrap_or_else(|| case.target().map_or(0, |_| case.fault.target as usize))
}

fn is_silent(verdict: Verdict) -> bool {
    verdict.is_silent_loss() || verdict.is_silent_harm()
}

impl Fate {
    fn of(outcome: &Outcome, file: usize) -> Self {
        let failed = |verdict| matches!(verdict, Verdict::Detected | Verdict::FalseAlarm | Verdict::Stuck);
        let any = |is: &dyn Fn(Verdict) -> bool| outcome.files.iter().any(|file| is(file.verdict));
        let ending = if any(&is_silent) {
            Ending::Silent
        } else if any(&failed) {
            Ending::Told
        } else {
            Ending::Whole
        };
        Self { ending, this_file: is_silent(outcome.files[file].verdict) }
    }
}

/// Whether the path, with the fault, draws anything.
fn has_luck(case: &Case) -> bool {
    let path = &case.path;
    let lucky = path.loses() || path.reorder_ppm > 0 || path.duplicate_ppm > 0 || path.jitter_us > 0;
    lucky || case.fault.kind.loss_ppm() > 0
}

fn first_without_return(steps: &[Step]) -> Option<usize> {
    let behind = steps.iter().rposition(|step| !step.endings.are_all_its_loss()).map_or(0, |last| last + 1);
    (behind < steps.len()).then_some(behind)
}

struct Search<'a, P> {
    case: &'a Case,
    options: &'a Options,
    base: &'a Outcome,
    file: usize,
    /// Each with the time at which the fault would have struck there. Until then such a run is the run that is asked
    /// about.
    places: Vec<(Option<u64>, Struck)>,
    /// The run without its fault, where the fault has a place.
    undisturbed: Option<Struck>,
    progress: P,
    runs: u64,
}

impl<P: FnMut()> Search<'_, P> {
    fn step(&mut self, event: usize) -> Result<Step, WorldError> {
        let TraceEvent { at_us, place, text } = self.base.events[event].clone();
        let moment = if self.is_just_before_fault(event) { at_us.checked_sub(1) } else { Some(at_us) };
        let endings = self.futures(event as u64 + 1, moment)?;
        Ok(Step { event, at_us, place, text, struck: self.has_struck(moment), endings })
    }

    /// In the microsecond of the fault, which has not struck yet.
    fn is_just_before_fault(&self, event: usize) -> bool {
        let (events, fault_at_us) = (&self.base.events, self.base.fault_at_us);
        let is_then = |event: &TraceEvent| Some(event.at_us) == fault_at_us;
        let is_fault = |event: &TraceEvent| event.place == Place::Fault && is_then(event);
        is_then(&events[event]) && events.iter().position(is_fault).is_some_and(|fault| event < fault)
    }

    /// By the end of this microsecond; `None` is before the first.
    fn has_struck(&self, at_us: Option<u64>) -> bool {
        matches!((self.base.fault_at_us, at_us), (Some(fault), Some(at)) if fault <= at)
    }

    /// The point of no return lies behind the last step with a way out: between it and the next, by halves.
    fn close_in(&mut self, steps: &mut Vec<Step>) -> Result<(), WorldError> {
        if !Fate::of(self.base, self.file).this_file {
            return Ok(());
        }
        while let Some(after) = first_without_return(steps) {
            let before = after.checked_sub(1).map_or(0, |last| steps[last].event + 1);
            let between: Vec<usize> = (before..steps[after].event)
                .filter(|event| steps::is_seen(&self.base.events[*event]))
                .collect();
            let Some(middle) = between.get(between.len() / 2) else { break };
            let step = self.step(*middle)?;
            steps.insert(after, step);
        }
        Ok(())
    }

    /// Where the fault may strike, as many places as there are futures.
    fn draw_places(&mut self) -> Result<(), WorldError> {
        let (case, file) = (self.case, self.file);
        let Some(mut places) = Places::new(case, self.options.seed)? else { return Ok(()) };
        let drawn: Vec<Fault> = (0..self.options.futures).map(|_| places.draw()).collect();
        let run = |fault: &Fault| world::judge(&Case { fault: *fault, ..case.clone() });
        let mut found = Vec::with_capacity(drawn.len());
        self.all(&drawn, run, |outcome| found.push((outcome.fault_at_us, Fate::of(&outcome, file))))?;
        let struck = |(fault, (at_us, fate))| (at_us, Struck { fault, fate });
        self.places = drawn.into_iter().zip(found).map(struck).collect();
        let fault = places::none(case);
        self.undisturbed = Some(Struck { fault, fate: Fate::of(&run(&fault)?, file) });
        self.runs += 1;
        Ok(())
    }

    /// The faults of the futures behind this microsecond.
    fn faults(&self, at_us: Option<u64>) -> Vec<Struck> {
        let Some(undisturbed) = self.undisturbed.filter(|_| !self.has_struck(at_us)) else {
            let own = Struck { fault: self.case.fault, fate: Fate::of(self.base, self.file) };
            return vec![own; self.options.futures as usize];
        };
        let is_to_come = |struck_us: &Option<u64>| match (struck_us, at_us) {
            (Some(struck), Some(at)) => *struck > at,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let or_none = |(struck_us, place): &(Option<u64>, Struck)| match is_to_come(struck_us) {
            true => *place,
            false => undisturbed,
        };
        self.places.iter().map(or_none).collect()
    }

    /// How the run may go on behind this microsecond; `purpose` keeps the draws of two moments apart.
    fn futures(&mut self, purpose: u64, at_us: Option<u64>) -> Result<Endings, WorldError> {
        let faults = self.faults(at_us);
        let mut endings = Endings::default();
        if !has_luck(self.case) {
            faults.iter().for_each(|place| endings.add(place.fate));
            return Ok(endings);
        }
        let mut seeds = seeds::stream(self.options.seed, &format!("why: futures of event {purpose}"));
        let from = at_us.map_or(SimTime::default(), |us| SimTime::from_us(us + 1));
        let jobs: Vec<(Fault, Future)> =
            faults.iter().map(|place| (place.fault, Future { from, seed: seeds.next_u64() })).collect();
        let (case, file) = (self.case, self.file);
        let run = |(fault, future): &(Fault, Future)| {
            world::judge_future(&Case { fault: *fault, ..case.clone() }, *future)
        };
        self.all(&jobs, run, |outcome| endings.add(Fate::of(&outcome, file)))?;
        Ok(endings)
    }

    /// Runs all, on threads, and hands on what became of them, in order.
    fn all<T: Sync>(
        &mut self,
        jobs: &[T],
        run: impl Fn(&T) -> Result<Outcome, WorldError> + Sync,
        mut sink: impl FnMut(Outcome),
    ) -> Result<(), WorldError> {
        self.runs += jobs.len() as u64;
        let work = |index: u64| run(&jobs[index as usize]);
        pool::in_order(self.options.jobs, jobs.len() as u64, work, &mut self.progress, |outcome| {
            sink(outcome);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
