//! A directory on disk. Paths are resolved beneath it by `cap-std`, so that neither `..` nor a
//! symbolic link leads out. An upload is written to a hidden file in its own directory and renamed
//! when it is whole, so that no reader ever sees a part of it under its name.
//!
//! Small reads and writes are done inline: on a local file system they take microseconds, less
//! than a hop to another thread. What may take long, and would keep other sessions waiting, has a
//! thread of its own: listings, copies of what an upload goes on from, and waits for the disk.

mod leftovers;

use super::{Entry, Kind, Metadata, ReadFile, Store, StoreError, Write, WriteFile};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use ftp_proto::name::{from_os, to_os};
use ftp_proto::path::VirtualPath;
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Names of uploads under way begin and end so; such names are hidden from and refused to clients.
const TEMPORARY_START: &str = ".ftpsim-";
const TEMPORARY_END: &str = ".tmp";
/// Names of what failed uploads have left end so.
const PARTIAL_END: &str = ".part";
/// A leftover of a crashed process may hold a name; so many more are tried.
const NAME_ATTEMPTS: u32 = 1000;
/// More is copied in a thread of its own.
const INLINE_COPY_BYTES: u64 = 256 * 1024;

static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);
/// Asked for once: it is a system call.
static PROCESS: LazyLock<u32> = LazyLock::new(std::process::id);

/// Files in a directory of the machine, which paths cannot leave.
#[derive(Clone)]
pub struct DiskStore {
    root: Arc<Dir>,
}

impl DiskStore {
    /// Serves the directory at `root`, which must exist.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { root: Arc::new(Dir::open_ambient_dir(root, ambient_authority())?) })
    }

    /// Whether the other is a clone of this one.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// The directory that holds `path`'s last name, and that name; the root has none.
    fn parent<'a>(&self, path: &'a VirtualPath) -> Result<(Parent, &'a str), StoreError> {
        let name = checked(path)?.name().ok_or(StoreError::Denied)?;
        let parent = path.parent();
        let directory = if parent.name().is_none() {
            Parent::Root(self.root.clone())
        } else {
            Parent::Below(self.root.open_dir(on_disk(&parent)).map_err(error)?)
        };
        Ok((directory, name))
    }
}

/// Below the root, byte for byte what the client has named (RFC 2640 section 3.1).
fn on_disk(path: &VirtualPath) -> OsString {
    to_os(&path.relative())
}

/// Runs `work` where it may take long.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(StoreError::Io(io::Error::other(panicked))),
    }
}

/// To read. A FIFO without a writer would not open before there is one: this does not wait.
fn open(directory: &Dir, path: impl AsRef<Path>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    directory.open_with(path, &options)
}

enum Parent {
    Root(Arc<Dir>),
    Below(Dir),
}

impl std::ops::Deref for Parent {
    type Target = Dir;
    fn deref(&self) -> &Dir {
        match self {
            Parent::Root(dir) => dir,
            Parent::Below(dir) => dir,
        }
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(TEMPORARY_START) && (name.ends_with(TEMPORARY_END) || name.ends_with(PARTIAL_END))
}

/// Our own hidden names are nobody else's.
fn checked(path: &VirtualPath) -> Result<&VirtualPath, StoreError> {
    if path.components().any(is_hidden) { Err(StoreError::BadName) } else { Ok(path) }
}

/// Where a failed upload of `name` is kept.
fn partial_name(name: &str) -> String {
    format!("{TEMPORARY_START}{name}{PARTIAL_END}")
}

fn error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::NotFound,
        io::ErrorKind::IsADirectory => StoreError::IsDirectory,
        io::ErrorKind::NotADirectory => StoreError::NotDirectory,
        io::ErrorKind::AlreadyExists => StoreError::Exists,
        io::ErrorKind::DirectoryNotEmpty => StoreError::NotEmpty,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::Denied,
        io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => StoreError::BadName,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full
        }
        #[cfg(unix)]
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => StoreError::Denied,
        _ => StoreError::Io(error),
    }
}

/// `None` for what is neither a file nor a directory (sockets, devices).
fn metadata_of(metadata: &cap_std::fs::Metadata) -> Option<Metadata> {
    let kind = if metadata.is_dir() {
        Kind::Directory
    } else if metadata.is_file() {
        Kind::File
    } else {
        return None;
    };
    let modified = metadata.modified().ok().map(|time| {
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        match time.into_std().duration_since(epoch) {
            Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
            Err(before) => {
                let before = before.duration();
                match before.subsec_nanos() {
                    0 => (-(before.as_secs() as i64), 0),
                    nanos => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanos),
                }
            }
        }
    });
    Some(Metadata { kind, size_bytes: metadata.len(), modified })
}

/// A file of a [`DiskStore`], being read.
pub struct DiskReader {
    file: File,
    at: u64,
    remaining_bytes: u64,
}

impl ReadFile for DiskReader {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let read = loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(error)?,
            }
        };
        self.at += read as u64;
        // A file that shrinks ends at its new end; one that grows ends where it ended when opened.
        self.remaining_bytes = if read == 0 { 0 } else { self.remaining_bytes.saturating_sub(read as u64) };
        Ok(read)
    }

    fn remaining_bytes(&self) -> u64 {
        self.remaining_bytes
    }

    fn marker(&self) -> Option<String> {
        Some(self.at.to_string())
    }
}

/// A file of a [`DiskStore`], being written.
pub struct DiskWriter {
    directory: Parent,
    file: File,
    /// Length so far.
    at: u64,
    temporary: String,
    name: String,
    published: bool,
}

impl Drop for DiskWriter {
    fn drop(&mut self) {
        if !self.published {
            // Nothing better can be done about a leftover than to leave it hidden.
            let _ = self.directory.remove_file(&self.temporary);
        }
    }
}

impl WriteFile for DiskWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(error)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    async fn publish(mut self) -> Result<(), StoreError> {
        self.directory.rename(&self.temporary, &self.directory, to_os(&self.name)).map_err(error)?;
        self.published = true;
        // An older, failed upload must not be taken for a part of this one.
        let _ = self.directory.remove_file(to_os(&partial_name(&self.name)));
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        let file = self.file.try_clone().map_err(error)?;
        aside(move || file.sync_data().map_err(error)).await
    }

    fn marker(&self) -> Option<String> {
        Some(self.at.to_string())
    }

    async fn keep(mut self) -> Result<(), StoreError> {
        let partial = to_os(&partial_name(&self.name));
        self.directory.rename(&self.temporary, &self.directory, partial).map_err(error)?;
        self.published = true;
        Ok(())
    }
}

fn create_temporary(directory: &Dir) -> Result<(File, String), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).read(true).create_new(true);
    for _ in 0..NAME_ATTEMPTS {
        let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TEMPORARY_START}{}-{number}{TEMPORARY_END}", *PROCESS);
        match directory.open_with(&name, &options) {
            Ok(file) => return Ok((file, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(other) => return Err(error(other)),
        }
    }
    Err(StoreError::Exists)
}

/// By name, those that clients may see.
fn entries(directory: &Dir) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for entry in directory.entries().map_err(error)? {
        let entry = entry.map_err(error)?;
        let on_disk = entry.file_name();
        let name = from_os(&on_disk).into_owned();
        if is_hidden(&name) {
            continue;
        }
        // What a symbolic link points at, if that lies beneath the root and exists.
        let Ok(metadata) = directory.metadata(&on_disk) else { continue };
        if let Some(metadata) = metadata_of(&metadata) {
            entries.push(Entry { name, metadata });
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// If a directory holds nothing that anyone can see, removes what failed uploads have left in it.
fn remove_leftovers(directory: &Dir) -> Result<(), StoreError> {
    let mut leftovers = Vec::new();
    for entry in directory.entries().map_err(error)? {
        let name = entry.map_err(error)?.file_name();
        let text = from_os(&name);
        if !is_hidden(&text) || !text.ends_with(PARTIAL_END) {
            return Err(StoreError::NotEmpty);
        }
        leftovers.push(name);
    }
    for name in leftovers {
        directory.remove_file(name).map_err(error)?;
    }
    Ok(())
}

/// Opens what an upload starts from and says how much of it is taken over.
fn base(directory: &Dir, name: &str, how: Write) -> Result<Option<(File, u64)>, StoreError> {
    let open = |name: &str| match open(directory, to_os(name)) {
        Ok(file) => {
            let metadata = file.metadata().map_err(error)?;
            if !metadata.is_file() {
                return Err(StoreError::Denied);
            }
            Ok(Some((file, metadata.len())))
        }
        // A long name's partial has none: its name would be too long.
        Err(other) if matches!(other.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) => {
            Ok(None)
        }
        Err(other) => Err(error(other)),
    };
    match how {
        Write::Replace | Write::From(0) => Ok(None),
        Write::Append => open(name),
        Write::From(offset) => {
            let partial = open(&partial_name(name))?.filter(|(_, size_bytes)| *size_bytes >= offset);
            match partial.map_or_else(|| open(name), |partial| Ok(Some(partial)))? {
                Some((file, size_bytes)) if size_bytes >= offset => Ok(Some((file, offset))),
                other => {
                    let size_bytes = other.map_or(0, |(_, size_bytes)| size_bytes);
                    Err(StoreError::BadOffset { offset, size_bytes })
                }
            }
        }
    }
}

impl Store for DiskStore {
    type Reader = DiskReader;
    type Writer = DiskWriter;

    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<DiskReader, StoreError> {
        let mut file = open(&self.root, on_disk(checked(path)?)).map_err(error)?;
        let metadata = file.metadata().map_err(error)?;
        if metadata.is_dir() {
            return Err(StoreError::IsDirectory);
        }
        if !metadata.is_file() {
            return Err(StoreError::Denied);
        }
        let size_bytes = metadata.len();
        if offset > size_bytes {
            return Err(StoreError::BadOffset { offset, size_bytes });
        }
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(error)?;
        }
        Ok(DiskReader { file, at: offset, remaining_bytes: size_bytes - offset })
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<DiskWriter, StoreError> {
        if path.name().is_none() {
            return Err(StoreError::IsDirectory);
        }
        let (directory, name) = self.parent(path)?;
        match directory.symlink_metadata(to_os(name)) {
            Ok(metadata) if metadata.is_dir() => return Err(StoreError::IsDirectory),
            Ok(_) => {}
            Err(other) if other.kind() == io::ErrorKind::NotFound => {}
            Err(other) => return Err(error(other)),
        }
        let base = base(&directory, name, how)?;
        let (file, temporary) = create_temporary(&directory)?;
        let mut writer =
            DiskWriter { directory, file, at: 0, temporary, name: name.to_owned(), published: false };
        if let Some((old, taken_bytes)) = base {
            // On Linux this is `copy_file_range`, which shares blocks where the file system can.
            let copy = move |to: &mut File| io::copy(&mut old.take(taken_bytes), to).map_err(error);
            if taken_bytes <= INLINE_COPY_BYTES {
                writer.at = copy(&mut writer.file)?;
            } else {
                let mut to = writer.file.try_clone().map_err(error)?;
                writer.at = aside(move || copy(&mut to)).await?;
            }
        }
        Ok(writer)
    }

    async fn metadata(&self, path: &VirtualPath) -> Result<Metadata, StoreError> {
        let metadata = self.root.metadata(on_disk(checked(path)?)).map_err(error)?;
        metadata_of(&metadata).ok_or(StoreError::Denied)
    }

    async fn list(&self, path: &VirtualPath) -> Result<Vec<Entry>, StoreError> {
        let directory = self.root.open_dir(on_disk(checked(path)?)).map_err(error)?;
        aside(move || entries(&directory)).await
    }

    async fn remove_file(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let (directory, name) = self.parent(path)?;
        if directory.symlink_metadata(to_os(name)).map_err(error)?.is_dir() {
            return Err(StoreError::IsDirectory);
        }
        directory.remove_file(to_os(name)).map_err(error)
    }

    async fn create_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        if path.name().is_none() {
            return Err(StoreError::Exists);
        }
        let (directory, name) = self.parent(path)?;
        directory.create_dir(to_os(name)).map_err(error)
    }

    async fn remove_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let (directory, name) = self.parent(path)?;
        match directory.remove_dir(to_os(name)) {
            Err(other) if other.kind() == io::ErrorKind::DirectoryNotEmpty => {
                remove_leftovers(&directory.open_dir(to_os(name)).map_err(error)?)?;
                directory.remove_dir(to_os(name)).map_err(error)
            }
            other => other.map_err(error),
        }
    }

    async fn rename(&self, from: &VirtualPath, to: &VirtualPath) -> Result<(), StoreError> {
        let (from_directory, from_name) = self.parent(from)?;
        let (to_directory, to_name) = self.parent(to)?;
        from_directory.rename(to_os(from_name), &to_directory, to_os(to_name)).map_err(error)
    }

    async fn set_modified(
        &self,
        path: &VirtualPath,
        (seconds, nanoseconds): (i64, u32),
    ) -> Result<(), StoreError> {
        let file = open(&self.root, on_disk(checked(path)?)).map_err(error)?.into_std();
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        let whole = std::time::Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
        let time =
            time.and_then(|time| time.checked_add(std::time::Duration::from_nanos(nanoseconds.into())));
        file.set_modified(time.ok_or(StoreError::Denied)?).map_err(error)
    }

    async fn partial_bytes(&self, path: &VirtualPath) -> Result<Option<u64>, StoreError> {
        let (directory, name) = self.parent(path)?;
        match directory.symlink_metadata(to_os(&partial_name(name))) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(other)
                if matches!(other.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) =>
            {
                Ok(None)
            }
            Err(other) => Err(error(other)),
        }
    }

    async fn read_partial(&self, path: &VirtualPath) -> Result<DiskReader, StoreError> {
        let (directory, name) = self.parent(path)?;
        let file = open(&directory, to_os(&partial_name(name))).map_err(error)?;
        let remaining_bytes = file.metadata().map_err(error)?.len();
        Ok(DiskReader { file, at: 0, remaining_bytes })
    }
}
