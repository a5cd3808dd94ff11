//! What of a host's files is on its platter and what is in memory only: a model of ext4 as it is mounted by
//! default (data=ordered, delayed allocation, auto_da_alloc, commit=5), so that a loss of power takes what it
//! would take.
//!
//! - Names (a publication, a rename, a removal) go into the running transaction of the journal. It is
//!   committed every five seconds, at a phase that the seed draws, and by each sync of any file.
//! - Data stay in memory until they are written back: by a sync of the file, or when they are thirty seconds
//!   old, by a flusher that wakes every five. The flusher allocates blocks and so tells the size of the file,
//!   which again is in the running transaction. Hence a new name may be committed long before its bytes: the
//!   file stands there with no bytes, or with those of an earlier write back, never with others.
//! - Where a file takes the place of another, by rename or by truncation, ext4 allocates the new one's blocks
//!   with the rename (at the close): the old content is there or the new, whole.
//!
//! Left out: write back under memory pressure (which would save some of what is lost here), parts of a
//! write back that are on the platter when the power goes (data that arrive before their commit are not part of
//! the file), disks that lie about flushes, directories (all were there before), times and modes.

use super::time::SimTime;
use ftp_proto::path::VirtualPath;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

mod group_commit;
#[cfg(test)]
mod tests;

pub use group_commit::{Batch, GroupCommit};

/// `commit=5`, ext4's default.
const COMMIT_US: u64 = 5_000_000;
/// `vm.dirty_expire_centisecs`, Linux's default.
const EXPIRE: Duration = Duration::from_secs(30);
/// `vm.dirty_writeback_centisecs`, Linux's default.
const FLUSHER_US: u64 = 5_000_000;

/// Where something periodic falls on the clock of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// The first commit of the journal; one every five seconds follows.
    pub commit_us: u64,
    /// The first waking of the flusher; one every five seconds follows.
    pub flusher_us: u64,
}

impl Phases {
    /// The longest that a phase can be.
    pub const MAX_US: u64 = COMMIT_US;

    /// The last commit by then; none before the first.
    fn commit_until(&self, at: SimTime) -> Option<SimTime> {
        let since_first = at.as_us().checked_sub(self.commit_us)?;
        Some(SimTime::from_us(at.as_us() - since_first % COMMIT_US))
    }

    /// The first waking from then on.
    fn flusher_from(&self, at: SimTime) -> SimTime {
        let at_us = at.as_ns().div_ceil(1_000);
        match at_us.checked_sub(self.flusher_us) {
            None => SimTime::from_us(self.flusher_us),
            Some(since_first) => {
                SimTime::from_us(self.flusher_us + since_first.div_ceil(FLUSHER_US) * FLUSHER_US)
            }
        }
    }
}

/// What a directory has a name for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A file that readers see.
    Final(VirtualPath),
    /// What a failed upload has left, for the path and by the user.
    Part(VirtualPath, String),
}

/// One file, of which names come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode(usize);

/// The bytes of a file, by when they were written and by when they were safe.
#[derive(Clone, Debug, Default)]
struct Pages {
    content: Arc<[u8]>,
    /// Bytes that were on the platter before all else.
    old_bytes: u64,
    /// Each write, and the length of the file after it.
    writes: Vec<(SimTime, u64)>,
    /// When blocks were allocated for all that had been written, other than by the flusher.
    allocated: Vec<SimTime>,
    /// Syncs of this file: when each began, and when it was done.
    syncs: Vec<(SimTime, SimTime)>,
    /// It was there before the run, or the last loss of power.
    is_old: bool,
}

impl Pages {
    fn written_until(&self, at: SimTime) -> u64 {
        let written = self.writes.iter().take_while(|(when, _)| *when <= at).last();
        written.map_or(self.old_bytes, |(_, len)| *len)
    }

    /// Bytes that are there after a loss of power at `at`, when `commit` was the journal's last.
    fn safe_bytes(&self, at: SimTime, commit: Option<SimTime>, phases: &Phases) -> u64 {
        let synced = self.syncs.iter().filter(|(_, done)| *done <= at).map(|(begun, _)| *begun).max();
        let allocated = self.allocated.iter().filter(|when| Some(**when) <= commit).max().copied();
        // What these have covered is clean; the flusher sees to the rest, when it is old enough.
        let mut clean = synced.max(allocated);
        while let Some((dirty, _)) = self.writes.iter().find(|(when, _)| Some(*when) > clean) {
            let written_back = phases.flusher_from(*dirty + EXPIRE);
            if Some(written_back) > commit {
                break;
            }
            clean = Some(written_back);
        }
        clean.map_or(self.old_bytes, |clean| self.written_until(clean)).min(self.content.len() as u64)
    }
}

/// A file that is there after a loss of power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// Under which name.
    pub name: Name,
    /// What of it.
    pub content: Arc<[u8]>,
    /// It was there before the run, or before the loss of power before this one.
    pub is_old: bool,
}

/// The page cache and the journal of one host.
#[derive(Clone, Debug, Default)]
pub struct PageCache {
    phases: Phases,
    inodes: Vec<Pages>,
    /// The names as programs see them.
    seen: BTreeMap<Name, Inode>,
    /// The names as they were at the start.
    old: BTreeMap<Name, Inode>,
    /// Changes of names, in order of time; `None`: removed.
    journal: Vec<(SimTime, Name, Option<Inode>)>,
    /// Syncs of any file or directory: when each began, and when it was done.
    syncs: Vec<(SimTime, SimTime)>,
}

impl PageCache {
    /// An empty disk.
    pub fn new(phases: Phases) -> Self {
        Self { phases, ..Self::default() }
    }

    /// A file that has been there for long.
    pub fn was_there(&mut self, name: Name, content: Arc<[u8]>) {
        let old_bytes = content.len() as u64;
        self.inodes.push(Pages { content, old_bytes, is_old: true, ..Pages::default() });
        let inode = Inode(self.inodes.len() - 1);
        self.seen.insert(name.clone(), inode);
        self.old.insert(name, inode);
    }

    /// A new file that has no name yet.
    pub fn create(&mut self) -> Inode {
        self.inodes.push(Pages::default());
        Inode(self.inodes.len() - 1)
    }

    /// The file that has this name.
    pub fn find(&self, name: &Name) -> Option<Inode> {
        self.seen.get(name).copied()
    }

    fn pages(&mut self, Inode(index): Inode) -> &mut Pages {
        &mut self.inodes[index]
    }

    /// The file is so long now.
    pub fn written(&mut self, at: SimTime, inode: Inode, len: u64) {
        self.pages(inode).writes.push((at, len));
    }

    /// What the file holds, should it be asked for.
    pub fn holds(&mut self, inode: Inode, content: Arc<[u8]>) {
        self.pages(inode).content = content;
    }

    /// Goes on from the first `len` bytes of a file: what lies behind them is cut off.
    pub fn cut(&mut self, inode: Inode, len: u64) {
        let pages = self.pages(inode);
        pages.old_bytes = pages.old_bytes.min(len);
        pages.writes.iter_mut().for_each(|(_, end)| *end = (*end).min(len));
    }

    /// The file gets a name, in place of any other that has it; whether there was one.
    pub fn name(&mut self, at: SimTime, name: Name, inode: Inode) -> bool {
        self.journal.push((at, name.clone(), Some(inode)));
        let replaced = self.seen.insert(name, inode);
        replaced.is_some_and(|old| old != inode)
    }

    /// Blocks are allocated for all that has been written of the file.
    pub fn allocate(&mut self, at: SimTime, inode: Inode) {
        self.pages(inode).allocated.push(at);
    }

    /// The name is gone.
    pub fn remove(&mut self, at: SimTime, name: &Name) {
        if self.seen.remove(name).is_some() {
            self.journal.push((at, name.clone(), None));
        }
    }

    /// The name is gone, and no loss of power brings it back.
    pub fn forget(&mut self, name: &Name) {
        self.seen.remove(name);
        self.old.remove(name);
        self.journal.retain(|(_, other, _)| other != name);
    }

    /// One transaction: the file has another name, in place of any other that has it.
    pub fn rename(&mut self, at: SimTime, from: &Name, to: Name) {
        let Some(inode) = self.seen.get(from).copied() else { return };
        if *from == to {
            return;
        }
        self.remove(at, from);
        if self.name(at, to, inode) {
            self.allocate(at, inode);
        }
    }

    /// A sync of a file that began then is done now: its data by then, and the journal so far.
    pub fn synced(&mut self, begun: SimTime, done: SimTime, inode: Option<Inode>) {
        self.syncs.push((begun, done));
        if let Some(inode) = inode {
            self.pages(inode).syncs.push((begun, done));
        }
    }

    /// The last change of names that a loss of power at `at` leaves is not after this.
    fn last_commit(&self, at: SimTime) -> Option<SimTime> {
        let synced = self.syncs.iter().filter(|(_, done)| *done <= at).map(|(begun, _)| *begun).max();
        synced.max(self.phases.commit_until(at))
    }

    /// The power goes: what is on the platter is all there is from now on.
    pub fn lose_power(&mut self, at: SimTime) -> Vec<Survivor> {
        let commit = self.last_commit(at);
        let mut names = std::mem::take(&mut self.old);
        for (_, name, inode) in self.journal.drain(..).filter(|(when, ..)| Some(*when) <= commit) {
            match inode {
                Some(inode) => names.insert(name, inode),
                None => names.remove(&name),
            };
        }
        let survivors: Vec<Survivor> = names
            .into_iter()
            .map(|(name, Inode(index))| {
                let pages = &self.inodes[index];
                let safe = usize::try_from(pages.safe_bytes(at, commit, &self.phases)).unwrap_or(usize::MAX);
                let whole = safe >= pages.content.len();
                let content = if whole { pages.content.clone() } else { pages.content[..safe].into() };
                Survivor { name, content, is_old: pages.is_old }
            })
            .collect();
        *self = Self::new(self.phases);
        for survivor in &survivors {
            self.was_there(survivor.name.clone(), survivor.content.clone());
        }
        survivors
    }
}
