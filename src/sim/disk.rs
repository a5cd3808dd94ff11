//! The hosts' stores, wrapped so that a [`StoreTap`] decides what becomes of each access: production code
//! has no fault hooks. It also keeps a dead process from writing on: its store is out of reach.

use super::fault::Act;
use super::time::SimTime;
use ftp_endpoint::observe::Who;
use ftp_endpoint::store::memory::{MemoryReader, MemoryStore, MemoryWriter};
use ftp_endpoint::store::{Entry, Metadata, Principal, ReadFile, Store, StoreError, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use std::future::pending;
use std::io;
use std::sync::Arc;
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

/// The store of one host of a run.
#[derive(Clone)]
pub struct HostStore {
    memory: MemoryStore,
    who: Who,
    tap: Arc<dyn StoreTap>,
}

impl HostStore {
    /// The store of host `who` over `memory`; `tap` sees every access before it takes place.
    pub fn new(memory: MemoryStore, who: Who, tap: Arc<dyn StoreTap>) -> Self {
        Self { memory, who, tap }
    }

    /// The store underneath, which no fault strikes.
    pub fn memory(&self) -> &MemoryStore {
        &self.memory
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
}

impl WriteFile for HostWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let (name, from, len) = (self.path.name().unwrap_or_default(), self.at, bytes.len());
        let stored = self.store.meet(Access::Write { name, from, len }, len).await?;
        self.at += bytes.len() as u64;
        self.file.write(&bytes[..stored]).await
    }

    async fn publish(self) -> Result<(), StoreError> {
        let name = self.path.name().unwrap_or_default();
        self.store.meet(Access::Publish { name }, 0).await?;
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

    fn acting_for(&self, principal: &Principal) -> Self {
        Self { memory: self.memory.acting_for(principal), ..self.clone() }
    }

    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<HostReader, StoreError> {
        let file = self.memory.read(path, offset).await?;
        Ok(HostReader { store: self.clone(), path: path.clone(), file, at: offset })
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<HostWriter, StoreError> {
        let at = match how {
            Write::Replace => 0,
            Write::Append => self.memory.get(path).map_or(0, |content| content.len() as u64),
            Write::From(offset) | Write::Resume(offset) => offset,
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
