//! What a run has come to: what its ends hold and have said, judged by the oracles.

use super::{World, path};
use crate::sim::fault::FaultKind;
use crate::sim::oracle::End;
use crate::sim::oracle::integrity::{self, Ending, Evidence};
use crate::sim::outcome::{FileFate, Left, Outcome, TimeWaits};
use crate::sim::recorder::Notes;
use crate::sim::time::SimTime;
use crate::sim::trace::{self, Place};
use ftp_endpoint::store::memory::MemoryStore;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use turmoil_tcp::network::{RunEnd, RunReport};

impl World {
    pub(super) fn outcome(&self, ended: &RunReport) -> Outcome {
        self.ingest_once();
        let notes = self.recorder.notes();
        let ending = match (&notes.finished, notes.client_died) {
            (Some(_), _) => Ending::Finished,
            (None, true) => Ending::ClientDied,
            (None, false) => Ending::TimeLimit,
        };
        let files =
            (0..self.case.files.len()).map(|index| self.fate(index, ending, &notes)).collect::<Vec<_>>();
        let at = match ended.end {
            RunEnd::Finished { at_us } => SimTime::from_us(at_us),
            RunEnd::TimeLimit => SimTime::from_us(self.case.limits.virtual_time_us),
        };
        for file in &files {
            let verdict = file.verdict;
            self.recorder.trace.add(at, Place::Oracle, format_args!("{}: {verdict}", file.name));
        }
        let report = notes.finished.as_ref();
        let mut outcome = Outcome {
            files,
            fault_fired: match self.case.fault.kind {
                FaultKind::None => true,
                FaultKind::Loss { .. } => ended.up.lost + ended.down.lost > 0,
                _ => self.recorder.injector.fired_at().is_some(),
            },
            fault_at_us: self.recorder.injector.fired_at().map(SimTime::as_us),
            strikes: self.recorder.injector.strikes(),
            cut_off: ending == Ending::TimeLimit,
            fault_phase: notes.fault_phase,
            duration_us: report.map(|(at, _)| at.as_us()),
            payload_bytes: self.case.files.iter().map(|file| file.size_bytes).sum(),
            wire_bytes: ended.wire_bytes(),
            data_connections: notes.data_connections,
            control_round_trips: report.map(|(_, report)| report.control_round_trips),
            packets: ended.up.packets + ended.down.packets,
            retransmits: ended.retransmits(),
            trace_hash: self.recorder.trace.hash(),
            stores_hash: self.stores_hash(),
            violations: Vec::new(),
            noticed: notes.noticing.noticed().clone(),
            data_wire_bytes: notes.data_wire_bytes,
            time_waits: TimeWaits { client: ended.client.time_waits, server: ended.server.time_waits },
            wire: self.recorder.injector.wire(),
            events: self.recorder.trace.events(),
            captured: self.recorder.captured(),
            key_log: self.key_log.text(),
        };
        let (server_sessions, strangers) = (notes.server_sessions, notes.strangers.clone());
        let joined: Vec<String> = notes.joined.iter().cloned().collect();
        let own = |name: &&String| self.case.files.iter().any(|file| file.name == **name);
        let taken = notes.taken.iter().map(|(name, _)| name);
        let astray: Vec<String> = taken.filter(|name| !own(name)).cloned().collect();
        drop(notes);
        let received: Vec<String> =
            self.receiving_store().files().into_iter().map(|(path, _)| path.to_string()).collect();
        outcome.violations = self.recorder.violations(&End {
            case: &self.case,
            outcome: &outcome,
            truth: &self.truth,
            network: ended,
            received: &received,
            joined: &joined,
            strangers: &strangers,
            astray: &astray,
            server_sessions,
            ending,
        });
        outcome
    }

    /// Empty unless asked for.
    fn stores_hash(&self) -> String {
        if !self.keep.stores_hash {
            return String::new();
        }
        stores_hash(&[self.client_store.memory(), self.server_store.memory()])
    }

    fn fate(&self, index: usize, ending: Ending, notes: &Notes) -> FileFate {
        let name = &self.case.files[index].name;
        let store = self.receiving_store();
        let found = store.get(&path(name));
        let reported = notes.reported.get(name).copied();
        let unlisted = notes.unlisted(name).filter(|_| reported.is_none());
        let forgotten = unlisted == Some(true);
        let reported_delivered = reported.map(|(delivered, _)| delivered).or(unlisted);
        let report = notes.finished.as_ref().map(|(_, report)| &report.files[index]);
        let attempts = reported.map_or(0, |(_, attempts)| attempts);
        let taken = notes.taken.iter().filter(|(taken, _)| taken == name);
        let taken: Vec<Arc<[u8]>> = taken.map(|(_, content)| content.clone()).collect();
        let evidence = Evidence {
            contents: &self.truth[index],
            found: found.as_deref(),
            taken: &taken,
            unfinished: store.is_unfinished(&path(name)),
            reported_delivered,
            attempts,
            evaporated: notes.evaporated.contains(name),
            forgotten,
            ending,
        };
        let others = self.truth.iter().enumerate().filter(|(other, _)| *other != index);
        FileFate {
            name: name.clone(),
            verdict: integrity::judge(&evidence, others.map(|(_, other)| &other.versions[0][..])),
            attempts,
            latency_us: report.filter(|file| file.attempts > 0).map(|file| file.ended_us - file.started_us),
            exposed: notes.exposed.contains(name),
            forgotten,
            left: self.left(index, found.as_deref()),
            reported_delivered,
        }
    }

    /// By the version that it comes closest to.
    fn left(&self, index: usize, found: Option<&[u8]>) -> Left {
        let contents = &self.truth[index];
        let of = |version: &Arc<[u8]>| Left::of(version, found.map(|found| contents.come_of(version, found)));
        let as_versions = contents.versions.iter().map(of);
        as_versions.min().unwrap_or(Left::Nothing)
    }
}

fn stores_hash(stores: &[&MemoryStore]) -> String {
    let mut hash = Sha256::new();
    for (path, content) in stores.iter().flat_map(|store| store.files()) {
        hash.update(path.to_string());
        hash.update([0]);
        hash.update(content.len().to_le_bytes());
        hash.update(&content);
    }
    trace::hex(&hash.finalize()[..8])
}
