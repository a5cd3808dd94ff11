//! The hosts' stores, wrapped so that a [`StoreTap`] decides what becomes of each access: production code
//! has no fault hooks. It also keeps a dead process from writing on: its store is out of reach. And it knows
//! what a loss of power would take ([`super::page_cache`]).

use super::fault::Act;
use super::page_cache::{Batch, GroupCommit, Inode, Name, PageCache, Phases, Survivor};
use super::time::SimTime;
use ftp_endpoint::observe::Who;
use ftp_endpoint::store::memory::{MemoryReader, MemoryStore, MemoryWriter};
use ftp_endpoint::store::{
    Entry, Metadata, PartId, Principal, ReadFile, Store, StoreError, Write, WriteFile,
};
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use turmoil_tcp::network::SimNet;

/// An access of a program to a file of its store, by the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    /// Up to `len` bytes from `from` on are to be read, of the `left` that there are.
    Read {
        /// The file's pathname.
        name: &'a str,
        /// The offset of the first byte in the file.
        from: u64,
        /// How many bytes the reader has room for.
        len: usize,
        /// How many bytes of the file there are from `from` on.
        left: u64,
    },
    /// `len` bytes are to be written from `from` on.
    Write {
        /// The pathname under which it will be published.
        name: &'a str,
        /// The offset of the first byte in the file.
        from: u64,
        /// How many bytes come.
        len: usize,
    },
    /// The file is to get its final name.
    Publish {
        /// The final pathname.
        name: &'a str,
    },
}

impl Access<'_> {
    /// The name of the file, without its directory.
    pub fn name(&self) -> &str {
        match self {
            Access::Read { name, .. } | Access::Write { name, .. } | Access::Publish { name } => name,
        }
    }
}

/// Who decides what becomes of the accesses to the hosts' stores.
pub trait StoreTap: Send + Sync {
    /// The process that runs on the host of `who`; none while it is dead.
    fn process(&self, who: Who) -> Option<SimNet>;
    /// What becomes of an access that the process of `who` makes now.
    fn befalls(&self, at: SimTime, who: Who, access: Access<'_>) -> Act;
}

/// A disk, beside what is on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    /// When its system writes things back.
    pub phases: Phases,
    /// How long a sync takes.
    pub sync: Duration,
    /// The store answers what is published, renamed or removed when it is synced.
    pub durable: bool,
}

/// What of a store is on the platter, and the syncs under way.
struct Platter {
    cache: PageCache,
    commits: GroupCommit,
}

/// The store of one host of a run.
#[derive(Clone)]
pub struct HostStore {
    memory: MemoryStore,
    who: Who,
    tap: Arc<dyn StoreTap>,
    durable: bool,
    platter: Arc<Mutex<Platter>>,
    /// Whose failed uploads it keeps.
    owner: String,
}

impl HostStore {
    /// The store of host `who` over `memory`, what it holds having been there for long; `tap` sees every
    /// access before it takes place.
    pub fn new(memory: MemoryStore, who: Who, tap: Arc<dyn StoreTap>, disk: Disk) -> Self {
        let mut cache = PageCache::new(disk.phases);
        for (path, content) in memory.files() {
            cache.was_there(Name::Final(path), content);
        }
        let platter = Arc::new(Mutex::new(Platter { cache, commits: GroupCommit::new(disk.sync) }));
        Self { memory, who, tap, durable: disk.durable, platter, owner: String::new() }
    }

    /// The store underneath, which no fault strikes.
    pub fn memory(&self) -> &MemoryStore {
        &self.memory
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host has lost its power: what was not on the platter is gone, and no process has a file open.
    pub fn lose_power(&self, at: SimTime) -> Vec<Survivor> {
        let survivors = self.platter().cache.lose_power(at);
        let files = survivors.iter().filter_map(|file| match &file.name {
            Name::Final(path) => Some((path.clone(), file.content.clone())),
            Name::Part(..) => None,
        });
        self.memory.restore(files, |path, owner| {
            let name = Name::Part(path.clone(), owner.to_owned());
            survivors.iter().find(|file| file.name == name).map(|file| file.content.len() as u64)
        });
        survivors
    }

    /// Takes a file away, for good: whoever takes what has come sees to it that it does not come again.
    pub fn take(&self, path: &VirtualPath) {
        self.memory.take(path);
        self.platter().cache.forget(&Name::Final(path.clone()));
    }

    /// The time on the host; `None`: no process is alive to ask.
    fn now(&self) -> Option<SimTime> {
        Some(self.tap.process(self.who)?.now().into())
    }

    fn part(&self, path: &VirtualPath) -> Name {
        Name::Part(path.clone(), self.owner.clone())
    }

    /// A process that is dead waits for ever.
    async fn sleep_until(&self, at: SimTime) {
        match self.tap.process(self.who) {
            Some(net) => net.sleep(at.after(net.now())).await,
            None => pending().await,
        }
    }

    /// The batch of syncs that covers what has been written and named by now.
    fn join_batch(&self, inode: Option<Inode>) -> Option<Batch> {
        let now = self.now()?;
        let Platter { cache, commits } = &mut *self.platter();
        let batch = commits.join(now);
        if let Some(inode) = inode {
            cache.synced(batch.begins, batch.named, Some(inode));
        }
        if !mutant::is(Mutant::DirectoryNotSynced) {
            cache.synced(batch.named, batch.done, None);
        }
        Some(batch)
    }

    /// A name has changed: on a durable disk it is answered when that is safe.
    async fn settle_names(&self) {
        if self.durable
            && !mutant::is(Mutant::SyncForgotten)
            && let Some(batch) = self.join_batch(None)
        {
            self.sleep_until(batch.done).await;
        }
    }

    /// Lets what the tap decides befall an access; `Ok` says how many of `len` bytes to store or read.
    async fn meet(&self, access: Access<'_>, len: usize) -> Result<usize, StoreError> {
        // None: it is dead.
        let Some(net) = self.tap.process(self.who) else { return pending().await };
        match self.tap.befalls(net.now().into(), self.who, access) {
            Act::Go => Ok(len),
            Act::Short(stored) => Ok(stored.min(len)),
            Act::Full => Err(StoreError::Full),
            Act::Error => Err(StoreError::Io(io::Error::other("input/output error"))),
            Act::Slow { delay_us } => {
                net.sleep(Duration::from_micros(delay_us)).await;
                Ok(len)
            }
        }
    }
}

/// Reads a file of a [`HostStore`]; its tap sees each read.
pub struct HostReader {
    store: HostStore,
    path: VirtualPath,
    file: MemoryReader,
    /// Where the next byte stands in the file.
    at: u64,
}

impl ReadFile for HostReader {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let (name, from, left) = (self.path.name().unwrap_or_default(), self.at, self.file.remaining_bytes());
        let len = buffer.len();
        let room = self.store.meet(Access::Read { name, from, len, left }, len).await?;
        let read = self.file.read(&mut buffer[..room]).await?;
        self.at += read as u64;
        Ok(read)
    }

    fn remaining_bytes(&self) -> u64 {
        self.file.remaining_bytes()
    }

    fn marker(&self) -> Option<String> {
        self.file.marker()
    }
}

/// Writes a file of a [`HostStore`]; its tap sees each write and the publication.
pub struct HostWriter {
    store: HostStore,
    path: VirtualPath,
    file: MemoryWriter,
    /// Where the next byte stands in the file.
    at: u64,
    inode: Inode,
    /// Bytes of the file so far.
    stored_bytes: u64,
    /// They are added to a file that is there, when they are published.
    appends: bool,
    /// It stands under its name while it is written; whether in place of another file.
    in_place: Option<bool>,
}

impl HostWriter {
    async fn open(store: &HostStore, path: &VirtualPath, how: Write) -> Result<Self, StoreError> {
        let old_bytes = store.memory.get(path).map_or(0, |content| content.len() as u64);
        let at = match how {
            Write::Replace => 0,
            Write::Append => old_bytes,
            Write::From(offset) | Write::Resume { offset, .. } => offset,
        };
        let file = store.memory.write(path, how).await?;
        let now = store.now().unwrap_or_default();
        let name = Name::Final(path.clone());
        let in_place = store.memory.is_unfinished(path);
        let cache = &mut store.platter().cache;
        let appends = how == Write::Append;
        let known = match how {
            Write::Append => cache.find(&name),
            Write::Resume { .. } if in_place => cache.find(&name),
            Write::Resume { .. } => cache.find(&store.part(path)),
            Write::Replace | Write::From(_) => None,
        };
        let inode = known.unwrap_or_else(|| cache.create());
        match how {
            Write::Resume { offset, .. } if known.is_some() => cache.cut(inode, offset),
            // Copied.
            Write::From(offset) if offset > 0 => cache.written(now, inode, offset),
            _ => {}
        }
        let in_place = in_place.then(|| cache.name(now, name, inode));
        Ok(Self {
            store: store.clone(),
            path: path.clone(),
            file,
            at,
            inode,
            stored_bytes: at,
            appends,
            in_place,
        })
    }

    /// The bytes stand under their name for whoever reads.
    async fn show(
        path: VirtualPath,
        file: MemoryWriter,
        shown: Shown,
        at: SimTime,
    ) -> Result<(), StoreError> {
        let Shown { store, inode, stored_bytes, appends, in_place } = shown;
        file.publish().await?;
        let content = store.memory.get(&path).unwrap_or_default();
        let cache = &mut store.platter().cache;
        if appends {
            cache.written(at, inode, stored_bytes);
        }
        cache.holds(inode, content);
        let replaces = match in_place {
            Some(replaced) => replaced,
            None => cache.name(at, Name::Final(path.clone()), inode),
        };
        if replaces {
            cache.allocate(at, inode);
        }
        cache.remove(at, &store.part(&path));
        Ok(())
    }
}

/// What a publication changes on the disk.
struct Shown {
    store: HostStore,
    inode: Inode,
    stored_bytes: u64,
    appends: bool,
    in_place: Option<bool>,
}

impl WriteFile for HostWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let (name, from, len) = (self.path.name().unwrap_or_default(), self.at, bytes.len());
        let stored = self.store.meet(Access::Write { name, from, len }, len).await?;
        self.at += bytes.len() as u64;
        self.file.write(&bytes[..stored]).await?;
        self.stored_bytes += stored as u64;
        if let (Some(now), false) = (self.store.now(), self.appends) {
            let cache = &mut self.store.platter().cache;
            cache.written(now, self.inode, self.stored_bytes);
            if self.in_place.is_some() {
                cache.holds(self.inode, self.store.memory.get(&self.path).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Durably: the data are synced, then the file gets its name, then the directory is synced.
    async fn publish(self) -> Result<(), StoreError> {
        let name = self.path.name().unwrap_or_default();
        self.store.meet(Access::Publish { name }, 0).await?;
        let Self { store, path, file, inode, stored_bytes, appends, in_place, .. } = self;
        let now = store.now().unwrap_or_default();
        let syncs = store.durable && !mutant::is(Mutant::SyncForgotten);
        let shown = Shown { store: store.clone(), inode, stored_bytes, appends, in_place };
        if !syncs {
            return Self::show(path, file, shown, now).await;
        }
        if mutant::is(Mutant::RenamedBeforeSync) {
            Self::show(path, file, shown, now).await?;
            store.settle_names().await;
            if let Some(batch) = store.join_batch(Some(inode)) {
                store.sleep_until(batch.done).await;
            }
            return Ok(());
        }
        if appends {
            store.platter().cache.written(now, inode, stored_bytes);
        }
        let Some(batch) = store.join_batch(Some(inode)) else { return pending().await };
        store.sleep_until(batch.done).await;
        Self::show(path, file, Shown { appends: false, ..shown }, batch.named).await
    }

    fn marker(&self) -> Option<String> {
        self.file.marker()
    }

    /// A sync whether the store is durable or not: RFC 1123 section 4.1.3.4 asks for it at each marker. It takes
    /// no time on a disk that is not.
    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.file.checkpoint().await?;
        if self.store.durable {
            if let Some(batch) = self.store.join_batch(Some(self.inode)) {
                self.store.sleep_until(batch.named).await;
            }
        } else if let Some(now) = self.store.now() {
            self.store.platter().cache.synced(now, now, Some(self.inode));
        }
        Ok(())
    }

    async fn keep(self) -> Result<(), StoreError> {
        let Self { store, path, file, inode, .. } = self;
        file.keep().await?;
        if let (Some(now), Some(left)) = (store.now(), store.memory.partial(&path)) {
            let name = store.part(&path);
            let cache = &mut store.platter().cache;
            cache.holds(inode, left);
            cache.name(now, name, inode);
        }
        Ok(())
    }
}

impl Store for HostStore {
    type Reader = HostReader;
    type Writer = HostWriter;

    fn acting_for(&self, principal: &Principal) -> Self {
        let (memory, owner) = (self.memory.acting_for(principal), principal.name.clone());
        Self { memory, owner, ..self.clone() }
    }

    fn is_durable(&self) -> bool {
        self.durable
    }

    fn publishes_together(&self) -> bool {
        self.durable
    }

    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<HostReader, StoreError> {
        let file = self.memory.read(path, offset).await?;
        Ok(HostReader { store: self.clone(), path: path.clone(), file, at: offset })
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<HostWriter, StoreError> {
        HostWriter::open(self, path, how).await
    }

    async fn metadata(&self, path: &VirtualPath) -> Result<Metadata, StoreError> {
        self.memory.metadata(path).await
    }

    async fn list(&self, path: &VirtualPath) -> Result<Vec<Entry>, StoreError> {
        self.memory.list(path).await
    }

    async fn remove_file(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.memory.remove_file(path).await?;
        if let Some(now) = self.now() {
            self.platter().cache.remove(now, &Name::Final(path.clone()));
        }
        self.settle_names().await;
        Ok(())
    }

    async fn create_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.memory.create_directory(path).await
    }

    async fn remove_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.memory.remove_directory(path).await
    }

    async fn rename(&self, from: &VirtualPath, to: &VirtualPath) -> Result<(), StoreError> {
        self.memory.rename(from, to).await?;
        if let Some(now) = self.now() {
            let [from, to] = [from, to].map(|path| Name::Final(path.clone()));
            self.platter().cache.rename(now, &from, to);
        }
        self.settle_names().await;
        Ok(())
    }

    async fn set_modified(&self, path: &VirtualPath, modified: (i64, u32)) -> Result<(), StoreError> {
        self.memory.set_modified(path, modified).await
    }

    async fn partial_bytes(&self, path: &VirtualPath) -> Result<Option<u64>, StoreError> {
        self.memory.partial_bytes(path).await
    }

    async fn read_partial(&self, path: &VirtualPath) -> Result<(HostReader, PartId), StoreError> {
        let (file, part) = self.memory.read_partial(path).await?;
        Ok((HostReader { store: self.clone(), path: path.clone(), file, at: 0 }, part))
    }
}
