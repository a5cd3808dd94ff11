//! What became of a run and of each of its files: plain data, which a run makes and all else reads.

use super::phase::Phase;
use super::trace::TraceEvent;
use super::wire::WireByte;
use ftp_endpoint::observe::Who;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use turmoil_tcp::capture::CapturedPacket;

/// The fate of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Whole at the first attempt, and not reported failed.
    Intact,
    /// Whole after a retry.
    Recovered,
    /// Short or missing, and nobody said so.
    SilentTruncation,
    /// Other bytes than the sender's, and nobody said so.
    SilentCorruption,
    /// Bytes of another file of the delivery, and nobody said so.
    Misfiled,
    /// It was not delivered, and is known not to be: reported failed, or never published by a delivery that
    /// visibly broke off.
    Detected,
    /// Reported failed, yet whole at the receiver.
    FalseAlarm,
    /// It was neither delivered nor reported when the virtual time ran out.
    Stuck,
    /// Its upload failed, and the good file that stood under its name is gone or spoilt.
    Destroyed,
    /// A resumed file joins bytes of two versions, or of two people.
    Spliced,
    /// It was delivered once and taken twice by whoever works on what arrives, for a reply was lost.
    Duplicated,
    /// It was acknowledged, and lost with the receiver's power.
    Evaporated,
}

impl Verdict {
    /// Every verdict, in the order of the columns.
    pub const ALL: [Verdict; 12] = [
        Verdict::Intact,
        Verdict::Recovered,
        Verdict::SilentTruncation,
        Verdict::SilentCorruption,
        Verdict::Misfiled,
        Verdict::Detected,
        Verdict::FalseAlarm,
        Verdict::Stuck,
        Verdict::Destroyed,
        Verdict::Spliced,
        Verdict::Duplicated,
        Verdict::Evaporated,
    ];

    /// Those of which reports speak only where a file has come to one.
    pub const OF_CIRCUMSTANCE: [Verdict; 4] =
        [Verdict::Destroyed, Verdict::Spliced, Verdict::Duplicated, Verdict::Evaporated];

    /// The word that CSV columns have for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Intact => "intact",
            Verdict::Recovered => "recovered",
            Verdict::SilentTruncation => "silent_truncation",
            Verdict::SilentCorruption => "silent_corruption",
            Verdict::Misfiled => "misfiled",
            Verdict::Detected => "detected",
            Verdict::FalseAlarm => "false_alarm",
            Verdict::Stuck => "stuck",
            Verdict::Destroyed => "destroyed",
            Verdict::Spliced => "spliced",
            Verdict::Duplicated => "duplicated",
            Verdict::Evaporated => "evaporated",
        }
    }

    /// What became of the file, for a heading.
    pub fn describe(self) -> &'static str {
        match self {
            Verdict::Intact => "whole at the first attempt",
            Verdict::Recovered => "whole after a retry",
            Verdict::SilentTruncation => "short or missing, and nobody said so",
            Verdict::SilentCorruption => "with other bytes, and nobody said so",
            Verdict::Misfiled => "with another file's bytes, and nobody said so",
            Verdict::Detected => "not delivered, and known not to be",
            Verdict::FalseAlarm => "reported failed, yet whole",
            Verdict::Stuck => "neither delivered nor reported when time ran out",
            Verdict::Destroyed => "whose failed upload cost the good file that was there",
            Verdict::Spliced => "joined from two versions, or from two people's bytes",
            Verdict::Duplicated => "delivered once and taken twice, for a reply was lost",
            Verdict::Evaporated => "acknowledged, then lost with the receiver's power",
        }
    }

    /// Wrong bytes, or none, that nobody reported.
    pub fn is_silent_loss(self) -> bool {
        matches!(
            self,
            Verdict::SilentTruncation
                | Verdict::SilentCorruption
                | Verdict::Misfiled
                | Verdict::Destroyed
                | Verdict::Spliced
                | Verdict::Evaporated
        )
    }

    /// Nothing is lost, yet harm is done and nobody said so: what was sent once has its effect twice.
    pub fn is_silent_harm(self) -> bool {
        matches!(self, Verdict::Duplicated)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What stands under the final name at the receiver when the run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// All its bytes, and no others.
    Whole,
    /// There are its first bytes, or a file of no bytes.
    Part,
    /// There is no file.
    Nothing,
    /// There are bytes that are not the file's.
    Other,
}

impl Left {
    /// Compares what was sent with what was found; `None` when nothing stands under the name.
    pub fn of(sent: &[u8], found: Option<&[u8]>) -> Self {
        match found {
            None => Left::Nothing,
            Some(found) if found == sent => Left::Whole,
            Some(found) if sent.starts_with(found) => Left::Part,
            Some(_) => Left::Other,
        }
    }
}

/// A violated invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The name of the oracle that saw it.
    pub oracle: String,
    /// What it saw, in one line.
    pub why: String,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFate {
    /// The file's name, as the case has it.
    pub name: String,
    /// Whether it arrived, and who knew.
    pub verdict: Verdict,
    /// 0: its turn never came.
    pub attempts: u32,
    /// The time from its first attempt to its last word; `None` when there was none.
    pub latency_us: Option<u64>,
    /// Whether a reader of the receiver's directory could see something else than the whole file
    /// under its final name.
    pub exposed: bool,
    /// The client took a listing for whole that has not got it, so it was never asked for, and nobody said so.
    pub forgotten: bool,
    /// What stands under its final name at the receiver at the end.
    pub left: Left,
    /// The client's word; `None`: it said nothing.
    pub reported_delivered: Option<bool>,
}

/// Connections that went through TIME-WAIT, by the host that kept the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeWaits {
    /// At the client.
    pub client: u64,
    /// At the server.
    pub server: u64,
}

/// What became of a run; a function of the case alone.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The fate of each file of the case, in its order.
    pub files: Vec<FileFate>,
    /// The fault happened (for `none` and `loss`: the run took place, a packet was lost).
    pub fault_fired: bool,
    /// When it struck first; `None` when it did not, and for faults that have no moment.
    pub fault_at_us: Option<u64>,
    /// How often a fault of wire bytes struck.
    pub strikes: u32,
    /// The virtual time ran out before the delivery ended.
    pub cut_off: bool,
    /// Where the client's dialogue stood when the fault struck.
    pub fault_phase: Option<Phase>,
    /// The time from the first packet to the client's last word; `None` when the client died or the
    /// time ran out.
    pub duration_us: Option<u64>,
    /// The size of all files together, as they are.
    pub payload_bytes: u64,
    /// IP bytes that left both hosts, everything included.
    pub wire_bytes: u64,
    /// How many the client opened or accepted.
    pub data_connections: u64,
    /// Commands the client waited for the reply to; `None` when it died.
    pub control_round_trips: Option<u64>,
    /// How many both hosts and the middlebox put on the links.
    pub packets: u64,
    /// How many TCP segments were sent again.
    pub retransmits: u64,
    /// The hash of the trace; empty unless asked for.
    pub trace_hash: String,
    /// The hash of every path and content in both stores at the end; empty unless asked for.
    pub stores_hash: String,
    /// What no run may do, and this one did.
    pub violations: Vec<Violation>,
    /// Which sides saw an error ([`super::notice`]).
    pub noticed: BTreeSet<Who>,
    /// Bytes that the sender wrote on data connections, framing and all attempts included.
    pub data_wire_bytes: u64,
    /// How many sockets went to TIME-WAIT at either host.
    pub time_waits: TimeWaits,
    /// The sender's wire bytes, at least to the one struck, where the trigger is a
    /// [`super::fault::Trigger::WireByte`].
    pub wire: Vec<WireByte>,
    /// What happened, in order of time; empty unless asked for.
    pub events: Vec<TraceEvent>,
    /// The packets in order of time, as they reached the router; empty unless asked for.
    pub captured: Vec<CapturedPacket>,
    /// The secrets of all connections under TLS, as an NSS key log (RFC 9850); empty without TLS.
    pub key_log: String,
}

impl Outcome {
    /// How many files came to this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.files.iter().filter(|file| file.verdict == verdict).count() as u64
    }

    /// How many files a reader of the receiver's directory could see incomplete.
    pub fn exposed(&self) -> u64 {
        self.files.iter().filter(|file| file.exposed).count() as u64
    }
}
