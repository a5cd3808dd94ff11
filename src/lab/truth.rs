//! The truth table: a small delivery cut at every wire byte, with each kind of cut, for each
//! contender and direction. Who noticed, what was left, what the client said.
//!
//! [`plan`] counts the wire bytes of each contender (a run without a fault each), [`truth`] cuts at
//! each of them. Rows come in order of contender, direction, cut, wire byte, so that
//! [`TruthTable::strips`] can hand them out as strips over the wire bytes. A fault with `after_reply_us` strikes
//! so long after each file instead, once a file.

mod cuts;

use super::compare::{CompareError, Options, RunError, Violation};
use super::records::Version;
use super::table::Table;
use crate::sim::case::Case;
use crate::sim::fault::Trigger;
use crate::sim::outcome::Outcome;
use crate::sim::outcome::{Left, Verdict};
use crate::sim::scenario::{Direction, Scenario};
use crate::sim::wire::Part;
use crate::sim::world;
use ftp_endpoint::observe::Who;
use ftp_proto::mode::{Structure, TransmissionMode};
use serde::{Deserialize, Serialize};

pub use cuts::{Cuts, Place, Plan, plan};

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
mod tests;
