//! A store that holds nothing: files are made up as they are read; what arrives is counted, or
//! compared with what it should be, and dropped. Its memory is a bit a file, whatever their sizes.

use super::files::{Files, PIECE_BYTES};
use super::fixture::{Check, Fixture, RECEIVED, SOURCE};
use crate::lab::plural::counted;
use ftp_endpoint::store::{Entry, Kind, Metadata, ReadFile, Store, StoreError, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store that makes the files when they are read, and counts and compares what is written; it holds
/// none.
#[derive(Clone)]
pub struct GeneratedStore(Arc<Inner>);

struct Inner {
    files: Files,
    checking: AtomicBool,
    /// Of files received in full.
    bytes: AtomicU64,
    received: Mutex<Received>,
}

struct Received {
    count: u64,
    /// A bit for each file that has been received.
    seen: Vec<u64>,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

impl GeneratedStore {
    /// A store that has `files` to send and has received nothing.
    pub fn new(files: &Files) -> Self {
        let seen = vec![0; files.count.div_ceil(64) as usize];
        let received = Mutex::new(Received { count: 0, seen, wrong: None });
        let (checking, bytes) = (AtomicBool::new(false), AtomicU64::new(0));
        Self(Arc::new(Inner { files: files.clone(), checking, bytes, received }))
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.0.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrong(&self, what: impl FnOnce() -> String) {
        self.received().wrong.get_or_insert_with(what);
    }

    fn index(&self, path: &VirtualPath) -> Result<u64, StoreError> {
        path.name().and_then(|name| self.0.files.index(name)).ok_or(StoreError::NotFound)
    }

    fn compare(&self, index: u64, at: u64, bytes: &[u8]) {
        if !self.0.files.is_at(index, at, bytes) {
            self.wrong(|| format!("{}: wrong bytes after {at}", Files::name(index)));
        }
    }

    fn complete(&self, index: u64, bytes: u64) {
        let expected = self.0.files.size_bytes;
        if bytes != expected {
            self.wrong(|| format!("{}: {}, not {expected}", Files::name(index), counted(bytes, "byte")));
        }
        self.0.bytes.fetch_add(bytes, Relaxed);
        let mut received = self.received();
        received.count += 1;
        let (word, bit) = ((index / 64) as usize, 1 << (index % 64));
        if received.seen[word] & bit != 0 {
            received.wrong.get_or_insert_with(|| format!("{} came twice", Files::name(index)));
        }
        received.seen[word] |= bit;
    }
}

/// Makes a file while it is read.
pub struct Reader {
    store: GeneratedStore,
    index: u64,
    at: u64,
}

impl ReadFile for Reader {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let piece = self.store.0.files.piece(self.index, self.at);
        let len = piece.len().min(buffer.len());
        buffer[..len].copy_from_slice(&piece[..len]);
        self.at += len as u64;
        Ok(len)
    }
    fn remaining_bytes(&self) -> u64 {
        self.store.0.files.size_bytes.saturating_sub(self.at)
    }
}

/// Counts, and where asked compares, what is written to a file.
pub struct Writer {
    store: GeneratedStore,
    index: u64,
    at: u64,
    checking: bool,
}

impl WriteFile for Writer {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.checking {
            self.store.compare(self.index, self.at, bytes);
        }
        self.at += bytes.len() as u64;
        Ok(())
    }
    async fn publish(self) -> Result<(), StoreError> {
        self.store.complete(self.index, self.at);
        Ok(())
    }
}

impl Store for GeneratedStore {
    type Reader = Reader;
    type Writer = Writer;

    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<Reader, StoreError> {
        let (index, size_bytes) = (self.index(path)?, self.0.files.size_bytes);
        if offset > size_bytes {
            return Err(StoreError::BadOffset { offset, size_bytes });
        }
        Ok(Reader { store: self.clone(), index, at: offset })
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<Writer, StoreError> {
        let index = self.index(path)?;
        if how != Write::Replace {
            return Err(StoreError::Denied);
        }
        Ok(Writer { store: self.clone(), index, at: 0, checking: self.0.checking.load(Relaxed) })
    }

    async fn metadata(&self, path: &VirtualPath) -> Result<Metadata, StoreError> {
        let directory = |name: Option<&str>| matches!(name, None | Some(SOURCE | RECEIVED));
        if directory(path.name()) && path.parent().name().is_none() {
            return Ok(Metadata::new(Kind::Directory, 0));
        }
        self.index(path)?;
        Ok(Metadata::new(Kind::File, self.0.files.size_bytes))
    }

    async fn list(&self, _path: &VirtualPath) -> Result<Vec<Entry>, StoreError> {
        Err(StoreError::Denied)
    }
    async fn remove_file(&self, _path: &VirtualPath) -> Result<(), StoreError> {
        Err(StoreError::Denied)
    }
    async fn create_directory(&self, _path: &VirtualPath) -> Result<(), StoreError> {
        Err(StoreError::Denied)
    }
    async fn remove_directory(&self, _path: &VirtualPath) -> Result<(), StoreError> {
        Err(StoreError::Denied)
    }
    async fn rename(&self, _from: &VirtualPath, _to: &VirtualPath) -> Result<(), StoreError> {
        Err(StoreError::Denied)
    }
}

impl Fixture for GeneratedStore {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    fn clear(&self, check: Check) -> io::Result<()> {
        self.0.checking.store(check == Check::Bytes, Relaxed);
        self.0.bytes.store(0, Relaxed);
        let mut received = self.received();
        received.count = 0;
        received.seen.fill(0);
        received.wrong = None;
        Ok(())
    }

    fn check(&self, _check: Check) -> Result<(), String> {
        let received = self.received();
        if let Some(wrong) = &received.wrong {
            return Err(wrong.clone());
        }
        let (files, bytes) = (&self.0.files, self.0.bytes.load(Relaxed));
        if received.count != files.count || bytes != files.total_bytes() {
            let (count, total) = (received.count, files.total_bytes());
            return Err(format!(
                "{count} of {} came, {bytes} of {}",
                counted(files.count, "file"),
                counted(total, "byte")
            ));
        }
        Ok(())
    }

    fn give(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let files = &self.0.files;
        let mut buffer = Vec::with_capacity(2 * PIECE_BYTES);
        for index in 0..files.count {
            let mut at = 0;
            while at < files.size_bytes {
                let piece = files.piece(index, at);
                buffer.extend_from_slice(piece);
                at += piece.len() as u64;
                if buffer.len() >= PIECE_BYTES {
                    to.write_all(&buffer)?;
                    buffer.clear();
                }
            }
        }
        to.write_all(&buffer)
    }

    fn take(&self, from: &mut dyn io::Read, check: Check) -> io::Result<()> {
        let files = &self.0.files;
        let mut buffer = vec![0; PIECE_BYTES];
        let (mut index, mut at, mut left) = (0, 0, files.total_bytes());
        while left > 0 {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left = left.saturating_sub(read as u64);
            let mut bytes = &buffer[..if check == Check::Bytes { read } else { 0 }];
            while !bytes.is_empty() {
                let len = (files.size_bytes - at).min(bytes.len() as u64);
                self.compare(index, at, &bytes[..len as usize]);
                bytes = &bytes[len as usize..];
                at += len;
                if at == files.size_bytes {
                    self.complete(index, at);
                    (index, at) = (index + 1, 0);
                }
            }
        }
        if check == Check::Bytes && files.size_bytes == 0 {
            (0..files.count).for_each(|index| self.complete(index, 0));
        }
        Ok(())
    }
}
