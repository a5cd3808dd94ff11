//! Faults of the hosts' disks, as a wrapper round their stores, so that production code has no
//! fault hooks. It also keeps a dead process from writing on: its store is out of reach.

use super::fault::{Fault, FaultKind, Trigger};
use super::watcher::Watcher;
use ftp_endpoint::net::Time;
use ftp_endpoint::observe::Who;
use ftp_endpoint::store::memory::{MemoryReader, MemoryStore, MemoryWriter};
use ftp_endpoint::store::{Entry, Metadata, ReadFile, Store, StoreError, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of a read, a write or a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Go,
    /// Only so many bytes are stored, and nobody is told; or read, which is a reader's right.
    Short(usize),
    Full,
    Error,
    Slow {
        delay_us: u64,
    },
}

enum Stage {
    /// For the byte, or for the moment.
    Waiting,
    /// The moment has come: the next write or publication is struck.
    Armed,
    Full {
        until: Time,
    },
    Slow,
    Done,
}

/// One planned fault of the disk.
pub struct DiskFault {
    fault: FaultKind,
    trigger: Trigger,
    target_name: String,
    stage: Stage,
}

impl DiskFault {
    pub fn new(fault: Fault, target_name: &str) -> Self {
        let (fault, trigger, target_name) = (fault.kind, fault.trigger, target_name.to_owned());
        Self { fault, trigger, target_name, stage: Stage::Waiting }
    }

    /// The moment has come.
    pub fn arm(&mut self) {
        self.stage = Stage::Armed;
    }

    /// `len` bytes from `from` on are to be written under `name`; what becomes of them, and whether
    /// that is the fault's first strike.
    pub fn write(&mut self, at: Time, name: &str, from: u64, len: usize) -> (Act, bool) {
        let is_target = name.contains(&self.target_name);
        let index = match (&self.stage, self.trigger) {
            (Stage::Armed, _) => Some(0),
            (Stage::Waiting, Trigger::BeforeFirstByte) if is_target => Some(0),
            (Stage::Waiting, trigger) if is_target => trigger
                .payload_byte()
                .and_then(|byte| usize::try_from(byte.checked_sub(from)?).ok())
                .filter(|index| *index < len),
            _ => None,
        };
        match index {
            Some(index) => (self.strike(at, index), true),
            None => (self.aftermath(at), false),
        }
    }

    /// A file is to be published under `name`.
    pub fn publish(&mut self, at: Time, name: &str) -> (Act, bool) {
        let is_target = name.contains(&self.target_name);
        let strikes = match (&self.stage, self.trigger) {
            (Stage::Armed, _) => true,
            // An empty file has no write before it.
            (Stage::Waiting, Trigger::BeforeFirstByte | Trigger::AfterLastByte) => is_target,
            _ => false,
        };
        // There is nothing to shorten.
        if strikes && self.fault != FaultKind::ShortWrite {
            return (self.strike(at, 0), true);
        }
        (self.aftermath(at), false)
    }

    /// Up to `len` bytes from `from` on are to be read under `name`, of the `left` that there are.
    pub fn read(&mut self, name: &str, from: u64, len: usize, left: u64) -> (Act, bool) {
        if self.fault != FaultKind::ReadError {
            return (Act::Go, false);
        }
        let is_target = name.contains(&self.target_name);
        let index = match (&self.stage, self.trigger) {
            (Stage::Armed, _) => Some(0),
            (Stage::Waiting, Trigger::BeforeFirstByte) if is_target => Some(0),
            (Stage::Waiting, Trigger::AfterLastByte) if is_target && left == 0 => Some(0),
            (Stage::Waiting, trigger) if is_target => trigger
                .payload_byte()
                .and_then(|byte| byte.checked_sub(from))
                .filter(|index| *index < left.min(len as u64))
                .and_then(|index| usize::try_from(index).ok()),
            _ => None,
        };
        match index {
            Some(0) => {
                self.stage = Stage::Done;
                (Act::Error, true)
            }
            // It comes again for the rest.
            Some(index) => (Act::Short(index), false),
            None => (Act::Go, false),
        }
    }

    fn strike(&mut self, at: Time, index: usize) -> Act {
        let (stage, act) = match self.fault {
            FaultKind::DiskFull { for_us } => {
                (Stage::Full { until: at + Duration::from_micros(for_us) }, Act::Full)
            }
            FaultKind::ShortWrite => (Stage::Done, Act::Short(index)),
            FaultKind::WriteError => (Stage::Done, Act::Error),
            FaultKind::SlowDisk { delay_us } => (Stage::Slow, Act::Slow { delay_us }),
            _ => (Stage::Done, Act::Go),
        };
        self.stage = stage;
        act
    }

    fn aftermath(&mut self, at: Time) -> Act {
        match (&self.stage, self.fault) {
            (Stage::Full { until }, _) if at < *until => Act::Full,
            (Stage::Slow, FaultKind::SlowDisk { delay_us }) => Act::Slow { delay_us },
            _ => Act::Go,
        }
    }
}

/// The store of one host of a run.
#[derive(Clone)]
pub struct HostStore {
    memory: MemoryStore,
    who: Who,
    watcher: Arc<Watcher>,
}

impl HostStore {
    pub fn new(memory: MemoryStore, who: Who, watcher: Arc<Watcher>) -> Self {
        Self { memory, who, watcher }
    }

    pub fn memory(&self) -> &MemoryStore {
        &self.memory
    }

    fn receiver(&self) -> Who {
        self.watcher.saboteur.receiver()
    }

    /// Lets `what` befall a write of the receiver's, or a read of the sender's, whoever is `who`; `Ok`
    /// says how many of `len` bytes to store or read.
    async fn meet(
        &self,
        who: Who,
        len: usize,
        what: impl FnOnce(&Watcher, Time) -> (Act, bool) + Send,
    ) -> Result<usize, StoreError> {
        // None: it is dead.
        let Some(net) = self.watcher.saboteur.process(self.who) else { return pending().await };
        if who != self.who {
            return Ok(len);
        }
        let (act, struck) = what(&self.watcher, net.now());
        if struck {
            self.watcher.struck();
        }
        match act {
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

pub struct HostReader {
    store: HostStore,
    path: VirtualPath,
    file: MemoryReader,
    /// Of the next byte in the file.
    at: u64,
}

impl ReadFile for HostReader {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let (name, from, left) = (self.path.name().unwrap_or_default(), self.at, self.file.remaining_bytes());
        let (sender, len) = (self.store.watcher.saboteur.sender(), buffer.len());
        let room = self
            .store
            .meet(sender, len, |watcher, at| watcher.saboteur.on_store_read(at, name, from, len, left))
            .await?;
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

pub struct HostWriter {
    store: HostStore,
    path: VirtualPath,
    file: MemoryWriter,
    /// Of the next byte in the file.
    at: u64,
}

impl WriteFile for HostWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let (name, from) = (self.path.name().unwrap_or_default(), self.at);
        let stored = self
            .store
            .meet(self.store.receiver(), bytes.len(), |watcher, at| {
                watcher.saboteur.on_store_write(at, name, from, bytes.len())
            })
            .await?;
        self.at += bytes.len() as u64;
        self.file.write(&bytes[..stored]).await
    }

    async fn publish(self) -> Result<(), StoreError> {
        let name = self.path.name().unwrap_or_default();
        let receiver = self.store.receiver();
        self.store.meet(receiver, 0, |watcher, at| watcher.saboteur.on_store_publish(at, name)).await?;
        self.file.publish().await
    }

    fn marker(&self) -> Option<String> {
        self.file.marker()
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.file.checkpoint().await
    }

    async fn keep(self) -> Result<(), StoreError> {
        self.file.keep().await
    }
}

impl Store for HostStore {
    type Reader = HostReader;
    type Writer = HostWriter;

    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<HostReader, StoreError> {
        let file = self.memory.read(path, offset).await?;
        Ok(HostReader { store: self.clone(), path: path.clone(), file, at: offset })
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<HostWriter, StoreError> {
        let at = match how {
            Write::Replace => 0,
            Write::Append => self.memory.get(path).map_or(0, |content| content.len() as u64),
            Write::From(offset) => offset,
        };
        let file = self.memory.write(path, how).await?;
        Ok(HostWriter { store: self.clone(), path: path.clone(), file, at })
    }

    async fn metadata(&self, path: &VirtualPath) -> Result<Metadata, StoreError> {
        self.memory.metadata(path).await
    }

    async fn list(&self, path: &VirtualPath) -> Result<Vec<Entry>, StoreError> {
        self.memory.list(path).await
    }

    async fn remove_file(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.memory.remove_file(path).await
    }

    async fn create_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.memory.create_directory(path).await
    }

    async fn remove_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.memory.remove_directory(path).await
    }

    async fn rename(&self, from: &VirtualPath, to: &VirtualPath) -> Result<(), StoreError> {
        self.memory.rename(from, to).await
    }

    async fn set_modified(&self, path: &VirtualPath, modified: (i64, u32)) -> Result<(), StoreError> {
        self.memory.set_modified(path, modified).await
    }

    async fn partial_bytes(&self, path: &VirtualPath) -> Result<Option<u64>, StoreError> {
        self.memory.partial_bytes(path).await
    }

    async fn read_partial(&self, path: &VirtualPath) -> Result<HostReader, StoreError> {
        let file = self.memory.read_partial(path).await?;
        Ok(HostReader { store: self.clone(), path: path.clone(), file, at: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Time = Time::ZERO;

    fn disk(fault: FaultKind, trigger: Trigger) -> DiskFault {
        DiskFault::new(Fault { kind: fault, target: 0, trigger }, "target")
    }

    #[test]
    fn a_short_write_stores_what_comes_before_the_byte_and_says_nothing() {
        let mut disk = disk(FaultKind::ShortWrite, Trigger::PayloadByte(150));
        assert_eq!(disk.write(NEVER, "other", 100, 100), (Act::Go, false));
        assert_eq!(disk.write(NEVER, "target", 0, 100), (Act::Go, false));
        assert_eq!(disk.write(NEVER, ".target.part", 100, 100), (Act::Short(50), true));
        assert_eq!(disk.write(NEVER, "target", 100, 100), (Act::Go, false), "once");
        assert_eq!(disk.publish(NEVER, "target"), (Act::Go, false));
    }

    #[test]
    fn a_write_error_strikes_once() {
        let mut disk = disk(FaultKind::WriteError, Trigger::AfterLastByte);
        assert_eq!(disk.write(NEVER, "target", 0, 100), (Act::Go, false));
        assert_eq!(disk.publish(NEVER, "target"), (Act::Error, true));
        assert_eq!(disk.publish(NEVER, "target"), (Act::Go, false));
    }

    #[test]
    fn a_read_error_lets_pass_what_comes_before_the_byte_and_strikes_once() {
        let mut disk = disk(FaultKind::ReadError, Trigger::PayloadByte(150));
        assert_eq!(disk.read("other", 100, 100, 100), (Act::Go, false));
        assert_eq!(disk.read("target", 0, 100, 200), (Act::Go, false));
        assert_eq!(disk.read("target", 100, 100, 100), (Act::Short(50), false));
        assert_eq!(disk.read("target", 150, 100, 50), (Act::Error, true));
        assert_eq!(disk.read("target", 150, 100, 50), (Act::Go, false));
        assert_eq!(disk.write(NEVER, "target", 150, 100), (Act::Go, false), "writes are not its own");
    }

    #[test]
    fn a_read_error_after_the_last_byte_strikes_the_read_of_the_end() {
        let mut disk = disk(FaultKind::ReadError, Trigger::AfterLastByte);
        assert_eq!(disk.read("target", 0, 100, 100), (Act::Go, false));
        assert_eq!(disk.read("target", 100, 100, 0), (Act::Error, true));
    }

    #[test]
    fn a_full_disk_is_full_for_everyone_and_for_its_time() {
        let mut disk = disk(FaultKind::DiskFull { for_us: 1_000 }, Trigger::BeforeFirstByte);
        assert_eq!(disk.write(Time::from_micros(5), "target", 0, 10), (Act::Full, true));
        assert_eq!(disk.write(Time::from_micros(1_004), "other", 0, 10), (Act::Full, false));
        assert_eq!(disk.publish(Time::from_micros(1_004), "other"), (Act::Full, false));
        assert_eq!(disk.publish(Time::from_micros(1_005), "other"), (Act::Go, false));
    }

    #[test]
    fn a_slow_disk_stays_slow() {
        let mut disk = disk(FaultKind::SlowDisk { delay_us: 7 }, Trigger::BeforeFinal);
        assert_eq!(disk.write(NEVER, "target", 0, 10), (Act::Go, false));
        disk.arm();
        assert_eq!(disk.publish(NEVER, "target"), (Act::Slow { delay_us: 7 }, true));
        assert_eq!(disk.write(NEVER, "other", 0, 10), (Act::Slow { delay_us: 7 }, false));
    }
}
