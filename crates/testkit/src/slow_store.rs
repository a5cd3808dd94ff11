//! A store in memory that publishes many at the cost of few, as one does that syncs.

use ftp_endpoint::store::memory::{MemoryReader, MemoryStore, MemoryWriter};
use ftp_endpoint::store::{Entry, Metadata, Store, StoreError, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Publishes when it is let; files whose names begin with `bad` never.
#[derive(Clone)]
pub struct SlowStore {
    pub inner: MemoryStore,
    open: Arc<watch::Sender<bool>>,
    asked: Arc<Mutex<Vec<String>>>,
    checkpoints: Arc<AtomicUsize>,
}

impl SlowStore {
    #[allow(clippy::new_without_default, reason = "an empty store is made where it is named")]
    pub fn new() -> Self {
        Self {
            inner: MemoryStore::new(),
            open: Arc::new(watch::Sender::new(false)),
            asked: Arc::default(),
            checkpoints: Arc::default(),
        }
    }

    /// From now on.
    pub fn publish(&self) {
        self.open.send_replace(true);
    }

    /// What was to be published so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How often a file was to be forced to the disk so far.
    pub fn checkpoints(&self) -> usize {
        self.checkpoints.load(Ordering::Relaxed)
    }
}

pub struct SlowWriter {
    inner: MemoryWriter,
    store: SlowStore,
    name: String,
}

impl WriteFile for SlowWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.write(bytes).await
    }

    fn marker(&self) -> Option<String> {
        self.inner.marker()
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.store.checkpoints.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn publish(self) -> Result<(), StoreError> {
        self.store.asked.lock().unwrap().push(self.name.clone());
        self.store.open.subscribe().wait_for(|open| *open).await.unwrap();
        if self.name.starts_with("/bad") {
            return Err(StoreError::NotDurable(io::Error::other("no disk")));
        }
        self.inner.publish().await
    }
}

impl Store for SlowStore {
    type Reader = MemoryReader;
    type Writer = SlowWriter;

    fn publishes_together(&self) -> bool {
        true
    }
    fn is_durable(&self) -> bool {
        true
    }
    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<MemoryReader, StoreError> {
        self.inner.read(path, offset).await
    }
    async fn write(&self, path: &VirtualPath, how: Write) -> Result<SlowWriter, StoreError> {
        let inner = self.inner.write(path, how).await?;
        Ok(SlowWriter { inner, store: self.clone(), name: path.to_string() })
    }
    async fn metadata(&self, path: &VirtualPath) -> Result<Metadata, StoreError> {
        self.inner.metadata(path).await
    }
    async fn list(&self, path: &VirtualPath) -> Result<Vec<Entry>, StoreError> {
        self.inner.list(path).await
    }
    async fn remove_file(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.inner.remove_file(path).await
    }
    async fn create_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.inner.create_directory(path).await
    }
    async fn remove_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        self.inner.remove_directory(path).await
    }
    async fn rename(&self, from: &VirtualPath, to: &VirtualPath) -> Result<(), StoreError> {
        self.inner.rename(from, to).await
    }
}
