//! Oracles: one invariant a file, judged from outside by one who knows the truth.

pub mod agreement;
pub mod exposure;
pub mod framing;
pub mod integrity;
pub mod leaks;
pub mod listings;
pub mod liveness;
pub mod once;
mod payload;
pub mod preservation;
pub mod replies;
pub mod strangers;

use super::case::Case;
use super::fault::{FaultKind, Side};
use super::heard::Heard;
use super::others::{Stranger, StrangerPlace};
use super::outcome::Outcome;
use super::scenario::{Reuse, TlsEnd};
use super::truth::Contents;
use ftp_endpoint::client::Direction;
use ftp_endpoint::observe::Who;
use ftp_proto::mode::{Structure, TransmissionMode};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use turmoil_tcp::network::RunReport;

/// An invariant of every run, whatever the faults.
pub trait Oracle: Send {
    /// The name that violations and saved cases have for it: one lower-case word.
    fn name(&self) -> &'static str;
    /// What client and server told their observers, in order.
    fn event(&mut self, _heard: &Heard<'_>) {}
    /// What `who` has written on a connection, every byte once and in order.
    fn written(&mut self, _who: Who, _local: SocketAddr, _peer: SocketAddr, _bytes: &[u8]) {}
    /// Says, after the run, in one line why the invariant was violated.
    fn conclude(&mut self, end: &End<'_>) -> Option<String>;
}

/// What is known when a run has ended.
pub struct End<'a> {
    /// The case that was run.
    pub case: &'a Case,
    /// What became of it, without the violations.
    pub outcome: &'a Outcome,
    /// What belongs under the names of the case's files, in order.
    pub truth: &'a [Contents],
    /// What the network saw, and what either host still holds.
    pub network: &'a RunReport,
    /// The pathnames that the receiver's store holds.
    pub received: &'a [String],
    /// Names under which two contents stood joined, if only for a while.
    pub joined: &'a [String],
    /// Names that an ingest has taken, and that are none of the delivery's.
    pub astray: &'a [String],
    /// What a stranger has come to.
    pub strangers: &'a Strange,
    /// Control connections that the server had open.
    pub server_sessions: u64,
    /// How the client came to its end.
    pub ending: integrity::Ending,
}

/// What a stranger has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strange {
    /// What it was given on data connections.
    pub taken_bytes: u64,
    /// Names under which bytes of its own were published.
    pub stored: BTreeSet<String>,
    /// What it had said in clear was answered under TLS.
    pub injected: bool,
    /// It was granted a data connection in clear.
    pub bared: bool,
    /// An upload of its own was taken, with more behind the end of its zlib stream.
    pub overrun: bool,
}

/// Makes every oracle anew for a run of files with these contents.
pub fn all(truth: &Arc<[Contents]>) -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(agreement::Agreement),
        Box::new(exposure::Exposure),
        Box::new(framing::Framing::new(truth.clone())),
        Box::new(leaks::Leaks),
        Box::<listings::Listings>::default(),
        Box::new(liveness::Liveness),
        Box::<once::Once>::default(),
        Box::new(preservation::Preservation),
        Box::<replies::Replies>::default(),
        Box::new(strangers::Strangers),
    ]
}

/// Whether the end of a file is marked, and the receiver looks for the mark. All modes have one but stream mode
/// with file structure (RFC 959 section 3.4), and that one has close_notify where it goes under TLS and its sender gives
/// none but at the end of a file; a client that takes a FIN as well asks for the size.
pub fn marks_end_of_file(case: &Case) -> bool {
    let policy = &case.policy;
    match (policy.mode, policy.structure) {
        (TransmissionMode::Stream, Structure::File) => {
            let ends_unfinished = policy.ends_unfinished || case.server.ends_unfinished;
            let asks_size = policy.direction == Direction::Get && receiver_end(case) == Some(TlsEnd::Lax);
            (asks_size || receiver_end(case) == Some(TlsEnd::Strict)) && !ends_unfinished
        }
        (TransmissionMode::Deflate, _) => !match policy.direction {
            Direction::Put => case.server.takes_cut_deflate,
            Direction::Get => policy.takes_cut_deflate,
        },
        _ => true,
    }
}

/// What the receiver takes for the end of a file of stream mode under TLS; none without TLS.
pub fn receiver_end(case: &Case) -> Option<TlsEnd> {
    let tls = case.tls?;
    Some(match case.policy.direction {
        Direction::Put => tls.server_end,
        Direction::Get => tls.client_end,
    })
}

/// Whether the fault is of those that no side can notice: for a changed byte under a checksum of its own is
/// noticed, TLS's of each record or the zlib stream's of all that is in it.
pub fn is_hidden(case: &Case) -> bool {
    let summed = case.tls.is_some() || case.policy.mode == TransmissionMode::Deflate;
    case.fault.kind.about().hidden && !(summed && matches!(case.fault.kind, FaultKind::Corrupt { .. }))
}

/// Whether a stranger with the right address can take the place of a data connection: only that a TLS session
/// is resumed tells them apart then, and a stranger without TLS from everybody with it.
pub fn may_be_displaced(case: &Case) -> bool {
    let neighbour = |stranger: &Stranger| stranger.place == StrangerPlace::Neighbour;
    let Some(stranger) = case.stranger.filter(neighbour) else { return false };
    case.tls.is_none_or(|tls| stranger.tls && tls.reuse != Reuse::Require)
}

/// Whether the receiver's host loses its power and has promised nothing for that.
pub fn loses_unsynced(case: &Case) -> bool {
    let fault = case.fault.kind;
    !case.durable && fault.takes_power() && fault.victim() == Some(Side::Receiver)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sim::others::StrangerDeed;
    use crate::sim::outcome::{FileFate, Left, Verdict};
    use crate::sim::swarm;
    use crate::sim::truth;
    use ftp_endpoint::client::TlsWhen;
    use turmoil_tcp::network::RunEnd;

    /// All that an [`End`] borrows.
    pub(crate) struct Ended {
        pub case: Case,
        pub outcome: Outcome,
        pub truth: Vec<Contents>,
        pub network: RunReport,
        pub received: Vec<String>,
        pub astray: Vec<String>,
        pub joined: Vec<String>,
        pub strangers: Strange,
        pub server_sessions: u64,
        pub ending: integrity::Ending,
    }

    impl Ended {
        pub(crate) fn borrow(&self) -> End<'_> {
            End {
                case: &self.case,
                outcome: &self.outcome,
                truth: &self.truth,
                network: &self.network,
                received: &self.received,
                astray: &self.astray,
                joined: &self.joined,
                strangers: &self.strangers,
                server_sessions: self.server_sessions,
                ending: self.ending,
            }
        }
    }

    impl Stranger {
        /// One that comes once, at once and in clear, and moves a file.
        pub(crate) fn that_moves(place: StrangerPlace) -> Self {
            Self { place, deed: StrangerDeed::Moves, tls: false, after_us: 0, visits: 1 }
        }
    }

    /// A run in which everything went well.
    pub(crate) fn ended() -> Ended {
        let mut case = swarm::draw(0);
        // What a test says of its mode holds in clear.
        (case.tls, case.policy.tls) = (None, TlsWhen::Off);
        case.stranger = None;
        let fate = |file: &crate::sim::workload::FileSpec| FileFate {
            name: file.name.clone(),
            verdict: Verdict::Intact,
            attempts: 1,
            latency_us: Some(1),
            exposed: false,
            forgotten: false,
            left: Left::Whole,
            reported_delivered: Some(true),
        };
        let network = RunReport {
            end: RunEnd::Finished { at_us: 1 },
            quiet: true,
            client_held: Default::default(),
            server_held: Default::default(),
            client: Default::default(),
            server: Default::default(),
            up: Default::default(),
            down: Default::default(),
        };
        let outcome = Outcome {
            files: case.files.iter().map(fate).collect(),
            cut_off: false,
            fault_fired: true,
            fault_at_us: Some(1),
            strikes: 1,
            fault_phase: None,
            duration_us: Some(1),
            payload_bytes: 1,
            wire_bytes: 1,
            data_connections: 1,
            control_round_trips: Some(1),
            packets: 1,
            retransmits: 0,
            trace_hash: String::new(),
            stores_hash: String::new(),
            violations: Vec::new(),
            events: Vec::new(),
            noticed: Default::default(),
            data_wire_bytes: 1,
            time_waits: Default::default(),
            wire: Vec::new(),
            captured: Vec::new(),
            key_log: String::new(),
        };
        Ended {
            truth: truth::of(&case),
            received: case.files.iter().map(|file| format!("/{}", file.name)).collect(),
            astray: Vec::new(),
            joined: Vec::new(),
            strangers: Strange::default(),
            case,
            outcome,
            network,
            server_sessions: 0,
            ending: integrity::Ending::Finished,
        }
    }
}
