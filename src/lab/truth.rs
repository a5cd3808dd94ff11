//! The truth table: a small delivery cut at every wire byte, with each kind of cut, for each
//! contender and direction. Who noticed, what was left, what the client said.
//!
//! [`plan`] counts the wire bytes of each contender (a run without a fault each), [`truth`] cuts at
//! each of them. Rows come in order of contender, direction, cut, wire byte, so that
//! [`TruthTable::strips`] can hand them out as strips over the wire bytes. A fault with `after_reply_us` strikes
//! so long after each file instead, once a file.

use super::compare::{CompareError, Options, RunError, Violation};
use super::limits::{self, LimitTooShort};
use super::records::Version;
use super::shards::Experiment;
use super::table::Table;
use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::outcome::Outcome;
use crate::sim::outcome::{Left, Verdict};
use crate::sim::scenario::{Direction, Scenario};
use crate::sim::wire::Part;
use crate::sim::world;
use ftp_endpoint::observe::Who;
use ftp_proto::mode::{Structure, TransmissionMode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the client said of the file in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reported {
    /// It arrived.
    Delivered,
    /// It did not arrive, by all the client knows.
    Failed,
    /// Nothing: it had died, or had not come to an end.
    Nothing,
}

/// What a cut did, in one word, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A file is short, wrong or missing, and nobody was told.
    Silent,
    /// A file was neither delivered nor reported when the virtual time ran out.
    Stuck,
    /// The file was not delivered, and is known not to be.
    Told,
    /// The file was reported failed, yet is whole.
    FalseAlarm,
    /// The file is whole after a further attempt.
    Recovered,
    /// The file is whole at the first attempt.
    Unharmed,
}

impl Effect {
    /// Every effect, the worst first.
    pub const ALL: [Self; 6] =
        [Self::Silent, Self::Stuck, Self::Told, Self::FalseAlarm, Self::Recovered, Self::Unharmed];

    /// What a cut did that left a file with this verdict.
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            _ if verdict.is_silent_loss() => Self::Silent,
            Verdict::Stuck => Self::Stuck,
            Verdict::Detected => Self::Told,
            Verdict::FalseAlarm => Self::FalseAlarm,
            Verdict::Recovered => Self::Recovered,
            _ => Self::Unharmed,
        }
    }

    /// The name that the CSV file has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Stuck => "stuck",
            Self::Told => "told",
            Self::FalseAlarm => "false_alarm",
            Self::Recovered => "recovered",
            Self::Unharmed => "unharmed",
        }
    }
}

/// A row of `truth-table.csv`: one cut. `file` is the one whose bytes were cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthRecord {
    /// The contender's name.
    pub variant: String,
    /// Which way the files went.
    pub direction: Direction,
    /// The transmission mode, RFC 959 section 3.4.
    pub mode: TransmissionMode,
    /// The file structure, RFC 959 section 3.1.2.
    pub structure: Structure,
    /// The fault's name in the scenario.
    pub cut: String,
    /// The moment after the file was reported delivered at which it struck; absent when it struck at a wire byte.
    pub after_reply_us: Option<u64>,
    /// Wire bytes count from 0, over all data connections in the order of writing, and each FIN counts as one. The bytes
    /// before this one pass, this one does not. Absent, with what follows from it, where a moment is given, or a disk
    /// was struck.
    pub wire_byte: Option<u64>,
    /// Whether the cut happened; where it did not, the run was undisturbed.
    pub fault_fired: bool,
    /// The data connection, from 0, and the stream offset on it.
    pub connection: Option<u32>,
    /// The offset of the byte in the stream of that connection, from 0.
    pub connection_byte: Option<u64>,
    /// Files count from 0; a FIN has the last one on its connection.
    pub file: u32,
    /// What the byte is.
    pub position: Option<Part>,
    /// Payload bytes of the file before it, or before what the disk did not give.
    pub payload_byte: Option<u64>,
    /// [`crate::sim::notice`] says what that means.
    pub noticed_by_sender: bool,
    /// The same of the receiver.
    pub noticed_by_receiver: bool,
    /// What stands under the file's final name at the receiver in the end.
    pub left: Left,
    /// What the client said of the file in the end.
    pub reported: Reported,
    /// Attempts at the file; 0 when the client never reported any.
    pub attempts: u32,
    /// The verdict on the file.
    pub verdict: Verdict,
    /// Files of the delivery that a reader of the receiver's directory could see incomplete.
    pub exposed: u64,
    /// Files of the delivery that were lost silently, whichever was cut.
    pub files_lost_silently: u64,
    /// What the cut did to the delivery.
    pub effect: Effect,
    /// `ftpsim replay SCENARIO --variant V --seed N` is this run again.
    pub seed: u64,
    /// The id of the run's case.
    pub case_id: String,
    /// The hash of the run's trace, in hexadecimal.
    pub trace_hash: String,
    /// The version of the program that made the row.
    pub version: Version,
}

/// All rows, in order of contender, direction, cut, wire byte.
pub type TruthTable = Table<TruthRecord>;

/// The rows of one contender, direction and cut: one for each wire byte, from 0 on.
#[derive(Clone, Copy, Debug)]
pub struct Strip<'a> {
    /// The contender's name.
    pub variant: &'a str,
    /// Which way the files went.
    pub direction: Direction,
    /// The fault's name in the scenario.
    pub cut: &'a str,
    /// The rows, in the order of wire bytes.
    pub rows: &'a [TruthRecord],
}

impl TruthRecord {
    /// Whether it struck at a payload byte that a disk was to give or to take, or at the end after them.
    pub fn is_of_a_disk(&self) -> bool {
        self.wire_byte.is_none() && self.after_reply_us.is_none()
    }
}

impl Strip<'_> {
    /// Cuts that happened.
    pub fn fired(&self) -> impl Iterator<Item = &TruthRecord> {
        self.rows.iter().filter(|row| row.fault_fired)
    }

    /// Cuts that happened and had this effect.
    pub fn count(&self, effect: Effect) -> usize {
        self.fired().filter(|row| row.effect == effect).count()
    }
}

impl TruthTable {
    /// The strips, in the order of the rows.
    pub fn strips(&self) -> impl Iterator<Item = Strip<'_>> {
        let same = |a: &TruthRecord, b: &TruthRecord| {
            (&a.variant, a.direction, &a.cut) == (&b.variant, b.direction, &b.cut)
        };
        self.rows.chunk_by(same).map(|rows| Strip {
            variant: &rows[0].variant,
            direction: rows[0].direction,
            cut: &rows[0].cut,
            rows,
        })
    }

    /// The strip of one contender, direction and cut; `None` when there is none.
    pub fn strip(&self, variant: &str, direction: Direction, cut: &str) -> Option<Strip<'_>> {
        self.strips().find(|s| s.variant == variant && s.direction == direction && s.cut == cut)
    }
}

/// The cuts to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For each contender and direction: their indices, and the wire bytes to cut at.
    lengths: Vec<(usize, usize, u64)>,
    /// For each fault, in how many places it strikes; none where it strikes at each wire byte.
    places: Vec<Option<u64>>,
}

impl Plan {
    /// How many cuts there are, one a run.
    pub fn runs(&self) -> u64 {
        self.strips().map(|(.., runs)| runs).sum()
    }

    /// Contender, direction, fault, and how many runs they have.
    fn strips(&self) -> impl Iterator<Item = (usize, usize, usize, u64)> + '_ {
        self.lengths.iter().flat_map(move |&(variant, direction, bytes)| {
            let faults = self.places.iter().enumerate();
            faults.map(move |(fault, places)| (variant, direction, fault, places.unwrap_or(bytes)))
        })
    }

    /// Contender, direction, fault and wire byte (or other place) of a run; the last changes fastest.
    pub(super) fn cut(&self, mut index: u64) -> (usize, usize, usize, u64) {
        for (variant, direction, fault, runs) in self.strips() {
            if index < runs {
                return (variant, direction, fault, index);
            }
            index -= runs;
        }
        unreachable!("the pool asks for as many runs as there are")
    }
}

/// Counts the wire bytes of each contender and direction of a scenario with `every_wire_byte`, and the other places
/// of its faults: the moments after files, and the payload bytes that a disk gives or takes, with the end after each
/// file's last.
pub fn plan(scenario: &Scenario) -> Result<Plan, CompareError> {
    let mut lengths = Vec::new();
    let mut reads = 0;
    for (v, variant) in scenario.variants.iter().enumerate() {
        for d in 0..scenario.directions.len() {
            let seed = scenario.seed_of(d, 0, 0);
            let mut case = Case::draw(scenario, &variant.name, seed)
                .map_err(|error| CompareError::run(&variant.name, seed)(error.into()))?;
            reads = case.files.iter().map(|file| file.size_bytes + 1).sum();
            let bytes = wire_bytes(&mut case).map_err(CompareError::run(&variant.name, seed))?;
            lengths.push((v, d, bytes));
        }
    }
    let places = scenario.faults.iter().map(|fault| match fault.after_reply_us {
        Some(_) => Some(scenario.workload.files.into()),
        None => fault.kind.is_of_a_disk().then_some(reads),
    });
    Ok(Plan { lengths, places: places.collect() })
}

/// Counts the wire bytes of an undisturbed run.
fn wire_bytes(case: &mut Case) -> Result<u64, RunError> {
    case.fault = Fault { kind: FaultKind::None, target: 0, trigger: Trigger::WireByte(u64::MAX) };
    Ok(world::judge(case)?.wire.len() as u64)
}

/// Makes every cut of `plan` and writes `truth-table.csv`. Of `options` the seeds are not used. No claims are
/// judged.
pub fn truth(
    scenario: &Scenario,
    plan: &Plan,
    options: Options<'_>,
    finished: impl FnMut(),
) -> Result<TruthTable, CompareError> {
    TruthTable::make(&Cuts { scenario, plan, row: cut_at }, "truth-table.csv", options, finished)
}

/// An experiment whose units are the cuts of a plan: [`cut_at`] makes the rows of a truth table, [`super::twice::row`]
/// those of what is cut again.
#[derive(Clone, Copy, Debug)]
pub struct Cuts<'a, F> {
    /// A scenario with `every_wire_byte`.
    pub scenario: &'a Scenario,
    /// Its cuts.
    pub plan: &'a Plan,
    /// The row of a contender, and of a direction, a fault and a wire byte.
    pub row: F,
}

/// Direction and fault by their indices, and the wire byte (or file) to strike at.
pub type Place = (usize, usize, u64);

impl<F, R> Experiment for Cuts<'_, F>
where
    F: Fn(&Scenario, &str, Place) -> Result<(R, Vec<Violation>), RunError> + Sync,
    R: Serialize + DeserializeOwned + Send,
{
    type Unit = (R, Vec<Violation>);

    fn scenario(&self) -> &Scenario {
        self.scenario
    }

    fn check(&self) -> Result<(), LimitTooShort> {
        let Scenario { directions, faults, .. } = self.scenario;
        limits::check(self.scenario, 0..(directions.len() * faults.len()) as u64)
    }

    fn count(&self) -> u64 {
        self.plan.runs()
    }

    fn unit(&self, index: u64) -> Result<Self::Unit, CompareError> {
        let (variant, direction, fault, byte) = self.plan.cut(index);
        let variant = &self.scenario.variants[variant].name;
        let seed = self.scenario.seed_of(direction, fault, byte);
        let row = (self.row)(self.scenario, variant, (direction, fault, byte));
        row.map_err(CompareError::run(variant, seed))
    }
}

/// The row of the cut at a place.
pub fn cut_at(
    scenario: &Scenario,
    variant: &str,
    (direction, fault, byte): Place,
) -> Result<(TruthRecord, Vec<Violation>), RunError> {
    cut(scenario, variant, scenario.seed_of(direction, fault, byte))
}

/// The row of the cut that a seed names, and the invariants it violated.
pub fn cut(scenario: &Scenario, variant: &str, seed: u64) -> Result<(TruthRecord, Vec<Violation>), RunError> {
    let case = Case::draw(scenario, variant, seed)?;
    let outcome = world::run(&case)?;
    let violations = Violation::of(variant, seed, &outcome.violations).collect();
    Ok((record(&case, &outcome)?, violations))
}

fn record(case: &Case, outcome: &Outcome) -> Result<TruthRecord, RunError> {
    let size_bytes = case.target().map(|file| file.size_bytes);
    let (wire_byte, after_reply_us, read_byte) = match case.fault.trigger {
        Trigger::WireByte(byte) => (Some(byte), None, None),
        Trigger::AfterReply(us) => (None, Some(us), None),
        Trigger::PayloadByte(byte) => (None, None, Some(byte)),
        Trigger::AfterLastByte => (None, None, size_bytes),
        _ => return Err("a truth table needs a scenario with every_wire_byte".into()),
    };
    let place = wire_byte.map(|byte| {
        let place = usize::try_from(byte).ok().and_then(|n| outcome.wire.get(n));
        place.copied().ok_or_else(|| format!("the delivery has no wire byte {byte}"))
    });
    let place = place.transpose()?;
    let file = place.map_or(case.fault.target, |place| place.file);
    let fate = outcome.files.get(file as usize).ok_or_else(|| format!("the delivery has no file {file}"))?;
    let (sender, receiver) = match case.policy.direction {
        Direction::Put => (Who::Client, Who::Server),
        Direction::Get => (Who::Server, Who::Client),
    };
    let lost = outcome.files.iter().filter(|file| file.verdict.is_silent_loss()).count() as u64;
    let stuck = outcome.count(Verdict::Stuck) > 0;
    Ok(TruthRecord {
        variant: case.variant.clone(),
        direction: case.policy.direction,
        mode: case.policy.mode,
        structure: case.policy.structure,
        cut: case.fault_name.clone(),
        after_reply_us,
        wire_byte,
        fault_fired: outcome.fault_fired,
        connection: place.map(|place| place.connection),
        connection_byte: place.map(|place| place.offset),
        file,
        position: place.map(|place| place.part),
        payload_byte: place.map(|place| place.payload_bytes).or(read_byte),
        noticed_by_sender: outcome.noticed.contains(&sender),
        noticed_by_receiver: outcome.noticed.contains(&receiver),
        left: fate.left,
        reported: match fate.reported_delivered {
            Some(true) => Reported::Delivered,
            Some(false) => Reported::Failed,
            None => Reported::Nothing,
        },
        attempts: fate.attempts,
        verdict: fate.verdict,
        exposed: outcome.exposed(),
        files_lost_silently: lost,
        effect: match () {
            () if lost > 0 => Effect::Silent,
            () if stuck => Effect::Stuck,
            () => Effect::of(fate.verdict),
        },
        seed: case.seed,
        case_id: case.id(),
        trace_hash: outcome.trace_hash.clone(),
        version: Version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        Scenario::load("truth-table").unwrap()
    }

    fn strip(variant: &str, direction: usize, cut: &str) -> Vec<TruthRecord> {
        let scenario = scenario();
        let fault = scenario.faults.iter().position(|fault| fault.name() == cut).unwrap();
        let mut case = Case::draw(&scenario, variant, scenario.seed_of(direction, 0, 0)).unwrap();
        let bytes = wire_bytes(&mut case).unwrap();
        let row = |n| super::cut_at(&scenario, variant, (direction, fault, n)).unwrap();
        (0..bytes)
            .map(|n| {
                let (row, violations) = row(n);
                assert_eq!(violations, []);
                assert_eq!((row.wire_byte, row.fault_fired), (Some(n), true), "{variant} {cut}");
                row
            })
            .collect()
    }

    fn positions(rows: &[TruthRecord]) -> String {
        rows.iter().map(|row| row.position.unwrap().as_str().chars().next().unwrap()).collect()
    }

    #[test]
    fn an_early_close_in_stream_mode_is_silent_at_each_payload_byte_and_nowhere_else() {
        for direction in [0, 1] {
            let rows = strip("stream", direction, "early_close");
            // Three files: 3 bytes, none, 30, and the FIN of each connection.
            assert_eq!(positions(&rows), format!("pppcc{}c", "p".repeat(30)));
            for row in &rows {
                let (left, effect) = match row.position {
                    Some(Part::Payload) => (Left::Part, Effect::Silent),
                    _ => (Left::Whole, Effect::Unharmed),
                };
                assert_eq!((row.left, row.effect), (left, effect), "{row:?}");
                assert_eq!((row.noticed_by_sender, row.noticed_by_receiver), (false, false), "{row:?}");
                assert_eq!(row.reported, Reported::Delivered);
            }
        }
    }

    #[test]
    fn block_mode_loses_nothing_wherever_it_is_cut() {
        for cut in ["early_close", "sender_dies"] {
            let rows = strip("block", 0, cut);
            assert!(positions(&rows).starts_with("hhhpppeeehhhp"), "{}", positions(&rows));
            assert!(rows.iter().all(|row| row.effect != Effect::Silent && row.exposed == 0));
            let inside = rows.iter().filter(|row| row.position == Some(Part::Payload) && row.file == 2);
            assert!(inside.clone().count() == 30 && inside.clone().all(|row| row.noticed_by_receiver));
        }
    }

    /// Nobody is left to compare sizes when the client that uploads dies.
    #[test]
    fn a_dead_client_checks_no_size() {
        let rows = strip("stream-size", 0, "sender_dies");
        let payload = rows.iter().filter(|row| row.position == Some(Part::Payload));
        assert!(payload.clone().all(|row| (row.effect, row.left) == (Effect::Silent, Left::Part)));
        assert!(payload.clone().all(|row| row.reported == Reported::Nothing));
        // A server that aborts with the control connection hears of the data connection's end before.
        let watched = strip("stream-size", 0, "sender_dies_watched");
        let payload = watched.iter().filter(|row| row.position == Some(Part::Payload));
        assert!(payload.clone().all(|row| (row.effect, row.left) == (Effect::Silent, Left::Part)));
    }

    #[test]
    fn a_plan_names_every_cut_once() {
        let lengths = vec![(0, 0, 3), (0, 1, 2), (1, 0, 1)];
        let plan = Plan { lengths, places: vec![None, None] };
        assert_eq!(plan.runs(), 12);
        let cuts: Vec<_> = (0..12).map(|index| plan.cut(index)).collect();
        assert_eq!(cuts[..4], [(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 2), (0, 0, 1, 0)]);
        assert_eq!(
            cuts[6..],
            [(0, 1, 0, 0), (0, 1, 0, 1), (0, 1, 1, 0), (0, 1, 1, 1), (1, 0, 0, 0), (1, 0, 1, 0)]
        );
        let plan = Plan { lengths: vec![(0, 0, 3)], places: vec![None, Some(2)] };
        assert_eq!(plan.runs(), 5);
        assert_eq!([2, 3, 4].map(|index| plan.cut(index)), [(0, 0, 0, 2), (0, 0, 1, 0), (0, 0, 1, 1)]);
    }

    /// RFC 8446 section 6.1: close_notify says that its sender sends no more, not that a file was whole.
    #[test]
    fn a_sender_that_stops_and_closes_in_order_makes_the_mark_of_tls_itself() {
        let scenario = Scenario::load("ftps-truth").unwrap();
        let row = |variant: &str, direction, cut: &str, place| {
            let fault = scenario.faults.iter().position(|fault| fault.name() == cut).unwrap();
            let (row, violations) = super::cut_at(&scenario, variant, (direction, fault, place)).unwrap();
            assert_eq!((violations.len(), row.fault_fired), (0, true), "{row:?}");
            assert_eq!((row.wire_byte, row.position), (None, None));
            row
        };
        // Files of 3 and 12 bytes: before the second byte of the one, before the last of the other, behind it.
        for (place, file, byte, ends) in [(1, 0, 1, false), (15, 1, 11, false), (16, 1, 12, true)] {
            for variant in ["stream-tls", "stream-tls12"] {
                let put = row(variant, 0, "sender_stops", place);
                assert_eq!((put.file, put.payload_byte), (file, Some(byte)));
                assert_eq!(put.left, if ends { Left::Whole } else { Left::Part }, "{put:?}");
                assert_eq!(put.effect == Effect::Silent, !ends, "{put:?}");
                assert!(!put.noticed_by_receiver);
                // Who downloads has the server's reply to wait for.
                assert_ne!(row(variant, 1, "sender_stops", place).effect, Effect::Silent);
            }
            for (variant, cut) in [
                ("block-tls", "sender_stops"),
                ("deflate-tls", "sender_stops"),
                ("stream-tls", "sender_stops_by_reset"),
                ("stream-tls-lax", "sender_stops_by_reset"),
            ] {
                let row = row(variant, 0, cut, place);
                assert_eq!((row.noticed_by_receiver, row.left == Left::Part), (!ends, false), "{row:?}");
            }
        }
    }

    /// A power cut long after the reply, or with syncs before it, takes nothing; else everything that young.
    #[test]
    fn only_what_is_synced_or_old_outlives_the_power() {
        let scenario = scenario();
        let row = |variant: &str, direction, cut: &str, file| {
            let fault = scenario.faults.iter().position(|fault| fault.name() == cut).unwrap();
            let (row, violations) = super::cut_at(&scenario, variant, (direction, fault, file)).unwrap();
            assert_eq!((violations.len(), row.fault_fired, row.file), (0, true, file as u32), "{row:?}");
            row
        };
        for direction in [0, 1] {
            for file in 0..3 {
                // A file of no bytes has none to lose, but its name.
                for variant in ["stream", "block"] {
                    let at_once = row(variant, direction, "power_cut_at_once", file);
                    assert_eq!(
                        (at_once.effect, at_once.left),
                        (Effect::Silent, Left::Nothing),
                        "{at_once:?}"
                    );
                    assert_eq!(at_once.verdict, Verdict::Evaporated);
                    assert_eq!((at_once.wire_byte, at_once.position), (None, None));
                }
                for cut in ["power_cut_at_once", "power_cut_1s", "power_cut_5s", "power_cut_10s"] {
                    for variant in ["stream-durable", "block-pipelined-durable"] {
                        let row = row(variant, direction, cut, file);
                        assert_eq!((row.effect, row.left), (Effect::Unharmed, Left::Whole), "{row:?}");
                    }
                }
            }
        }
    }
}
