//! Syncs that are shared: one batch at a time, and who asks while one is under way shares the next.

use crate::sim::time::SimTime;
use std::time::Duration;

/// The syncs of one disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupCommit {
    sync: Duration,
    newest: Option<Batch>,
}

/// A batch of publications: the data of all are synced, then all get their names, then the directory is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// It covers what has been written by then.
    pub begins: SimTime,
    /// The data are on the platter, the names are given.
    pub named: SimTime,
    /// The names are on the platter as well.
    pub done: SimTime,
}

impl GroupCommit {
    /// On a disk where each sync takes so long.
    pub fn new(sync: Duration) -> Self {
        Self { sync, newest: None }
    }

    /// The batch that covers what has been written by now.
    pub fn join(&mut self, now: SimTime) -> Batch {
        let begins = match self.newest {
            // It has not begun: there is room for one more.
            Some(batch) if batch.begins > now => return batch,
            Some(batch) => batch.done.max(now),
            None => now,
        };
        let named = begins + self.sync;
        let batch = Batch { begins, named, done: named + self.sync };
        self.newest = Some(batch);
        batch
    }
}
