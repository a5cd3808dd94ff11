//! Where a measurement's files come from and go to.

use super::files::{Files, PIECE_BYTES};
use crate::lab::plural::counted;
use ftp_endpoint::store::Store;
use ftp_endpoint::store::disk::DiskStore;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Directory, in the store, of the files to send, by their [`Files::name`]s.
pub const SOURCE: &str = "files";
/// Directory of the files received.
pub const RECEIVED: &str = "received";

/// Numbers what is moved aside.
static CLEARED: AtomicU64 = AtomicU64::new(0);

/// What is compared of the files that arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Their number and sizes: what costs next to nothing, so that a delivery may be timed meanwhile.
    Sizes,
    /// Every byte, too.
    Bytes,
}

/// A store that both ends of a delivery use: what is sent lies in [`SOURCE`], what arrives goes to
/// [`RECEIVED`].
pub trait Fixture: Clone + Send + Sync + 'static {
    /// The store that client and server use.
    type Store: Store;
    /// The store itself.
    fn store(&self) -> &Self::Store;
    /// Before each delivery: nothing has been received. What comes will be held against `check`.
    fn clear(&self, check: Check) -> io::Result<()>;
    /// After a delivery: whether all files have been received, each once, in full; with
    /// [`Check::Bytes`] also whether they have the right bytes.
    fn check(&self, check: Check) -> Result<(), String>;
    /// Writes all files, one behind the other, as fast as this store gives them.
    fn give(&self, to: &mut dyn Write) -> io::Result<()>;
    /// Takes them all and stores them.
    fn take(&self, from: &mut dyn Read, check: Check) -> io::Result<()>;
}

/// A directory on disk.
#[derive(Clone)]
pub struct DiskFixture {
    store: DiskStore,
    root: PathBuf,
    files: Files,
    /// What has been received is moved aside while there is space, not removed.
    keeping: bool,
    /// What it has been is written back before the next delivery begins.
    settling: bool,
}

/// Moving aside leaves at least so many times the space of all files.
const SPACE_LEFT: u64 = 4;

impl DiskFixture {
    /// Writes the files into `root`, an empty directory.
    pub fn create(root: &Path, files: &Files) -> io::Result<Self> {
        let source = root.join(SOURCE);
        fs::create_dir(&source)?;
        for index in 0..files.count {
            let mut file = File::create(source.join(Files::name(index)))?;
            let mut written = 0;
            while written < files.size_bytes {
                let piece = files.piece(index, written);
                file.write_all(piece)?;
                written += piece.len() as u64;
            }
        }
        fs::create_dir(root.join(RECEIVED))?;
        Self::open(root, files)
    }

    /// What [`Self::create`] has made.
    pub fn open(root: &Path, files: &Files) -> io::Result<Self> {
        Ok(Self {
            store: DiskStore::open(root)?,
            root: root.to_owned(),
            files: files.clone(),
            keeping: files.count > 1 && remembers_removals(root)?,
            settling: false,
        })
    }

    /// What arrives is synced before it counts.
    pub fn durable(self) -> io::Result<Self> {
        Ok(Self { store: self.store.durable()?, ..self })
    }

    /// Nothing that was written without a sync is left for the next delivery: the first sync of a durable
    /// one would wait for it.
    pub fn settling(self) -> Self {
        Self { settling: true, ..self }
    }

    /// Clearing takes as many system calls, however many files there are.
    pub fn keeping(self) -> Self {
        Self { keeping: true, ..self }
    }

    fn has_space(&self) -> io::Result<bool> {
        Ok(available_bytes(&self.root)? / SPACE_LEFT >= on_disk_bytes(&self.files))
    }

    fn received(&self, index: u64) -> PathBuf {
        self.root.join(RECEIVED).join(Files::name(index))
    }

    fn compare(&self, index: u64, buffer: &mut [u8]) -> Result<(), String> {
        let path = self.received(index);
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let mut file = File::open(&path).map_err(failed)?;
        let mut at = 0;
        loop {
            let read = file.read(buffer).map_err(failed)?;
            if read == 0 {
                return Ok(());
            }
            if !self.files.is_at(index, at, &buffer[..read]) {
                return Err(format!("{}: wrong bytes after {at}", path.display()));
            }
            at += read as u64;
        }
    }
}

/// Blocks that a file takes at least.
const BLOCK_BYTES: u64 = 4096;

/// Space that the files take.
pub fn on_disk_bytes(files: &Files) -> u64 {
    let file_bytes = files.size_bytes.div_ceil(BLOCK_BYTES).max(1).saturating_mul(BLOCK_BYTES);
    files.count.saturating_mul(file_bytes)
}

/// Free space where `directory` is.
pub fn available_bytes(directory: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    {
        let space = rustix::fs::statvfs(directory)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        Ok(u64::MAX)
    }
}

/// For minutes ext4 looks at each inode that has become free, and passes it over, whenever it makes a
/// file: after the removal of some thousand files a delivery pays several times its own cost. A tmpfs
/// does nothing of the kind, and what stays there takes memory.
fn remembers_removals(directory: &Path) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        const TMPFS: rustix::fs::FsWord = 0x0102_1994;
        Ok(rustix::fs::statfs(directory)?.f_type != TMPFS)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        Ok(true)
    }
}

/// Brings all that its file system holds to the disk.
fn settle(directory: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(directory)?)?;
    #[cfg(not(target_os = "linux"))]
    let _ = directory;
    Ok(())
}

impl Fixture for DiskFixture {
    type Store = DiskStore;

    fn store(&self) -> &DiskStore {
        &self.store
    }

    fn clear(&self, _check: Check) -> io::Result<()> {
        let directory = self.root.join(RECEIVED);
        if self.keeping && self.has_space()? {
            let number = CLEARED.fetch_add(1, Relaxed);
            fs::rename(&directory, self.root.join(format!("{RECEIVED}-{number}")))?;
        } else {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir(&directory)?;
        if self.settling { settle(&directory) } else { Ok(()) }
    }

    fn check(&self, check: Check) -> Result<(), String> {
        let mut buffer = vec![0; if check == Check::Bytes { PIECE_BYTES } else { 0 }];
        for index in 0..self.files.count {
            let path = self.received(index);
            let metadata = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if metadata.len() != self.files.size_bytes {
                let (is, should) = (metadata.len(), self.files.size_bytes);
                return Err(format!("{}: {}, not {should}", path.display(), counted(is, "byte")));
            }
            if check == Check::Bytes {
                self.compare(index, &mut buffer)?;
            }
        }
        Ok(())
    }

    fn give(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        for index in 0..self.files.count {
            let mut file = File::open(self.root.join(SOURCE).join(Files::name(index)))?;
            let mut left = self.files.size_bytes;
            while left > 0 {
                // There is no read to find the end: the size is known.
                let most = left.min(PIECE_BYTES as u64) as usize;
                let read = file.read(&mut buffer[..most])?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                to.write_all(&buffer[..read])?;
                left -= read as u64;
            }
        }
        Ok(())
    }

    fn take(&self, from: &mut dyn Read, _check: Check) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        let (mut from_at, mut filled) = (0, 0);
        for index in 0..self.files.count {
            let mut file = File::create(self.received(index))?;
            let mut left = self.files.size_bytes;
            while left > 0 {
                if from_at == filled {
                    (from_at, filled) = (0, from.read(&mut buffer)?);
                    if filled == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                let len = ((filled - from_at) as u64).min(left) as usize;
                file.write_all(&buffer[from_at..from_at + len])?;
                from_at += len;
                left -= len as u64;
            }
        }
        Ok(())
    }
}
