//! What becomes of the receiver's disk when its power goes.

use super::{World, path};
use crate::sim::case::Case;
use crate::sim::disk::Disk;
use crate::sim::page_cache::{Name, Phases};
use crate::sim::time::SimTime;
use crate::sim::trace::Place;
use ftp_endpoint::observe::Who;
use rand::RngExt;
use std::time::Duration;
use turmoil_tcp::seeds;

/// The disk of each host, whose phases are the seed's own.
pub(super) fn disk(case: &Case) -> Disk {
    let rng = &mut seeds::stream(case.seed, "disk");
    let phases = Phases {
        commit_us: rng.random_range(0..Phases::MAX_US),
        flusher_us: rng.random_range(0..Phases::MAX_US),
    };
    Disk { phases, sync: Duration::from_micros(case.disk.sync_us), durable: case.durable }
}

impl World {
    /// The process of `who` is gone, and with it perhaps what the receiver's disk had in memory only. What the
    /// sender sends has been on its disk for long.
    pub(super) fn died(&self, who: Who, now: SimTime) {
        self.recorder.struck();
        let injector = &self.recorder.injector;
        if !self.case.fault.kind.takes_power() || injector.receiver() != who {
            return;
        }
        let store = self.receiving_store();
        // Whole, or whole until another's came in its place: in either case it had arrived.
        let has_arrived = |index: usize| {
            let found = store.get(&path(&self.case.files[index].name));
            let truth = &self.truth[index];
            found.is_some_and(|found| truth.is_whole(&found) || truth.is_replaced(&found))
        };
        let arrived: Vec<usize> = (0..self.truth.len()).filter(|index| has_arrived(*index)).collect();
        let survivors = self.receiving_host().lose_power(injector.fired_at().unwrap_or(now));
        let lost = arrived.into_iter().filter(|index| !has_arrived(*index));
        let lost: Vec<&String> = lost.map(|index| &self.case.files[index].name).collect();
        for name in &lost {
            self.recorder.trace.add(now, Place::Fault, format_args!("{name} was not on the disk"));
        }
        self.recorder.notes().evaporated.extend(lost.into_iter().cloned());
        // Whoever looks when the power is back.
        for file in survivors.iter().filter(|file| !file.is_old) {
            if let Name::Final(path) = &file.name {
                self.recorder.published(path, &file.content);
            }
        }
    }
}
