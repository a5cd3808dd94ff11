//! A directory on disk. Paths are resolved beneath it by `cap-std`, so that neither `..` nor a
//! symbolic link leads out. An upload is written to a hidden file in its own directory and renamed
//! when it is whole, so that no reader ever sees a part of it under its name.
//!
//! What an upload over an existing file keeps: its permission bits; its owner and group, as far as the
//! process may give files away; a symbolic link that leads to a file beneath the root (the file it leads
//! to is replaced; a link that leads elsewhere or nowhere is). Access control lists and extended
//! attributes are not kept. A file with more than one hard link keeps them: when the upload is whole it is
//! copied over the old bytes, what is longer first. A crash during that copy leaves a mixture of both, and
//! who reads the file meanwhile may read one; everywhere else a crash leaves the old file or the new one.
//!
//! An append goes to the file itself, and so does a STOR after REST at its very end: nothing is copied.
//! Readers of this process see none of it before it is whole, and another append is refused; between
//! processes `flock` refuses it. If it fails the file is cut to its old length. A crash, of the process
//! or of the machine, leaves what had been appended by then.
//!
//! A durable store ([`DiskStore::durable`]) answers a change of files or names when it would survive the
//! loss of power. Without that the system writes in its own time: under ext4 new files may stand under
//! their names with no bytes for up to 30 seconds after they have been published.
//!
//! Uploads that follow each other within a millisecond go to the same directory without looking for it again: what
//! another process does to directories meanwhile counts as done at the same time. What this process does counts at once.
//!
//! Where there is no room, what failed uploads have left goes, and it is tried once more before anybody hears of it.
//!
//! Small reads and writes are done inline: on a local file system they take microseconds, less
//! than a hop to another thread. What may take long, and would keep other sessions waiting, has a
//! thread of its own: listings, copies of what an upload goes on from, and waits for the disk.

mod appends;
mod attributes;
mod commit;
pub(super) mod durable;
mod leftovers;
mod listing;
mod parts;
mod publish;
mod reader;
mod recent;
mod room;
mod temporary;
mod writer;

use super::listing::Listing;
use super::{Entry, Kind, Metadata, PartId, Principal, Store, StoreError, Write};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use commit::{Committer, Touched};
use ftp_proto::name::{from_os, to_os};
use ftp_proto::path::VirtualPath;
pub use reader::DiskReader;
use recent::Recent;
use room::Room;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
pub use writer::DiskWriter;

/// Names of uploads under way begin and end so; such names are hidden from and refused to clients.
const TEMPORARY_START: &str = ".ftpsim-";
const TEMPORARY_END: &str = ".tmp";
/// Names of what failed uploads have left end so.
const PARTIAL_END: &str = ".part";
/// The directory in the root where they lie.
const PARTS: &str = ".ftpsim-parts";

/// Files in a directory of the machine, which paths cannot leave.
#[derive(Clone)]
pub struct DiskStore {
    root: Arc<Dir>,
    principal: Arc<Principal>,
    /// Of a durable store.
    committer: Option<Arc<Committer>>,
    recent: Arc<Mutex<Recent>>,
    room: Arc<Room>,
}

impl DiskStore {
    /// Serves the directory at `root`, which must exist.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        let root = Arc::new(Dir::open_ambient_dir(root, ambient_authority())?);
        let (principal, recent, room) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Self { root, principal, committer: None, recent, room })
    }

    /// Whether the other is a clone of this one.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// The directory that holds `path`'s last name, and that name; the root has none.
    fn parent<'a>(&self, path: &'a VirtualPath) -> Result<(Arc<Dir>, &'a str), StoreError> {
        self.parent_by(path, |parent| Ok(Arc::new(self.root.open_dir(on_disk(parent)).map_err(error)?)))
    }

    /// The same, by what opens the directory where it is not the root.
    fn parent_by<'a>(
        &self,
        path: &'a VirtualPath,
        open: impl FnOnce(&VirtualPath) -> Result<Arc<Dir>, StoreError>,
    ) -> Result<(Arc<Dir>, &'a str), StoreError> {
        let name = checked(path)?.name().ok_or(StoreError::Denied)?;
        let parent = path.parent();
        let directory = if parent.name().is_none() { self.root.clone() } else { open(&parent)? };
        Ok((directory, name))
    }

    async fn make_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let (directory, name) = self.parent(path)?;
        let name = to_os(name);
        let durable = self.is_durable();
        self.change(None, move || {
            directory.create_dir(&name).map_err(error)?;
            let new = if durable { directory.open_dir(&name).ok() } else { None };
            Ok(Touched::directories(new.map(Arc::new).into_iter().chain([directory])))
        })
        .await
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

/// To read and change what is there.
fn open_to_change(directory: &Dir, path: impl AsRef<Path>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    directory.open_with(path, &options)
}

/// Who has a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Locked {
    Here,
    Elsewhere,
    /// Files cannot be locked here.
    Unknown,
}

/// Claims a file until it is closed, also when the process dies.
#[cfg(unix)]
fn lock(file: &File) -> Locked {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Locked::Here,
        Err(rustix::io::Errno::WOULDBLOCK) => Locked::Elsewhere,
        Err(_) => Locked::Unknown,
    }
}

#[cfg(not(unix))]
fn lock(_file: &File) -> Locked {
    Locked::Unknown
}

/// Whether a name is one of our own: of uploads under way and what failed ones have left. They are not
/// shown, and refused to whoever asks for them.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with(TEMPORARY_START)
        && (name.ends_with(TEMPORARY_END) || name.ends_with(PARTIAL_END) || name == PARTS)
}

/// Our own hidden names are nobody else's.
fn checked(path: &VirtualPath) -> Result<&VirtualPath, StoreError> {
    if path.components().any(is_hidden) { Err(StoreError::BadName) } else { Ok(path) }
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
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        io::ErrorKind::FileTooLarge => StoreError::TooLarge,
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
    // Where files have none, it is nothing.
    let identity = Some(appends::identity(metadata)).filter(|identity| *identity != (0, 0));
    let modified = modified(metadata);
    let size_bytes = appends::visible_bytes(metadata);
    Some(Metadata { kind, size_bytes, modified, identity, is_link: false })
}

/// Of what has no bytes and no names to give.
fn special(metadata: &cap_std::fs::Metadata) -> Metadata {
    Metadata { modified: modified(metadata), ..Metadata::new(Kind::Special, 0) }
}

fn modified(metadata: &cap_std::fs::Metadata) -> Option<ftp_proto::time::Timestamp> {
    metadata.modified().ok().map(|time| {
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
    })
}

/// If a directory holds nothing that anyone can see, removes what uploads have left in it that are over.
fn empty(directory: &Dir) -> Result<(), StoreError> {
    let mut leftovers = Vec::new();
    for entry in directory.entries().map_err(error)? {
        let name = entry.map_err(error)?.file_name();
        let text = from_os(&name);
        if !is_hidden(&text) || !leftovers::is_nobodys(directory, &text) {
            return Err(StoreError::NotEmpty);
        }
        leftovers.push(name);
    }
    for name in leftovers {
        directory.remove_file(name).map_err(error)?;
    }
    Ok(())
}

impl Store for DiskStore {
    type Reader = DiskReader;
    type Writer = DiskWriter;

    fn acting_for(&self, principal: &Principal) -> Self {
        Self { principal: Arc::new(principal.clone()), ..self.clone() }
    }

    fn is_durable(&self) -> bool {
        self.committer.is_some()
    }

    fn publishes_together(&self) -> bool {
        self.committer.as_ref().is_some_and(|committer| committer.has_room())
    }

    fn rest(&self) {
        self.let_go();
    }

    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<DiskReader, StoreError> {
        DiskReader::open(&self.root, on_disk(checked(path)?), offset)
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<DiskWriter, StoreError> {
        DiskWriter::open(self, path, how).await
    }

    async fn metadata(&self, path: &VirtualPath) -> Result<Metadata, StoreError> {
        let path = on_disk(checked(path)?);
        let followed = self.root.metadata(&path).map_err(error)?;
        let metadata = metadata_of(&followed).ok_or(StoreError::Denied)?;
        let is_link = metadata.kind == Kind::Directory
            && self.root.symlink_metadata(&path).is_ok_and(|itself| itself.is_symlink());
        Ok(Metadata { is_link, ..metadata })
    }

    async fn list(&self, path: &VirtualPath) -> Result<Vec<Entry>, StoreError> {
        let mut entries = self.list_in_pieces(path).await?.all().await?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    async fn list_in_pieces(&self, path: &VirtualPath) -> Result<Listing, StoreError> {
        let directory = self.root.open_dir(on_disk(checked(path)?)).map_err(error)?;
        Ok(Listing::in_pieces(listing::Reading::new(directory)?))
    }

    async fn remove_file(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let (directory, name) = self.parent(path)?;
        let (store, path, name) = (self.clone(), path.clone(), to_os(name));
        self.change(None, move || {
            match directory.symlink_metadata(&name) {
                Ok(metadata) if metadata.is_dir() => return Err(StoreError::IsDirectory),
                Ok(_) => {}
                Err(other) => {
                    // Nothing to be seen; but whose upload has failed here may want the room back.
                    parts::forget_own(&store.root, &path, &store.principal);
                    return Err(error(other));
                }
            }
            directory.remove_file(&name).map_err(error)?;
            recent::changed();
            let parts = parts::forget(&store.root, &path);
            Ok(Touched::directories([directory]).and(parts))
        })
        .await
    }

    async fn create_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        if path.name().is_none() {
            return Err(StoreError::Exists);
        }
        match self.make_directory(path).await {
            Err(StoreError::Full) if self.makes_room().await => self.make_directory(path).await,
            made => made,
        }
    }

    async fn remove_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let (directory, name) = self.parent(path)?;
        let (root, path, name) = (self.root.clone(), path.clone(), to_os(name));
        self.change(None, move || {
            match directory.remove_dir(&name) {
                Err(other) if other.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    empty(&directory.open_dir(&name).map_err(error)?)?;
                    directory.remove_dir(&name).map_err(error)?;
                }
                other => other.map_err(error)?,
            }
            recent::changed();
            let parts = parts::forget_below(&root, &path);
            Ok(Touched::directories([directory]).and(parts))
        })
        .await
    }

    async fn rename(&self, from: &VirtualPath, to: &VirtualPath) -> Result<(), StoreError> {
        let (from_directory, from_name) = self.parent(from)?;
        let (to_directory, to_name) = self.parent(to)?;
        let (from_name, to_name) = (to_os(from_name), to_os(to_name));
        let (root, from, to) = (self.root.clone(), from.clone(), to.clone());
        // Its bytes may be somebody else's, who has synced nothing.
        let file = if self.is_durable() { open(&from_directory, &from_name).ok() } else { None };
        self.change(file, move || {
            from_directory.rename(&from_name, &to_directory, &to_name).map_err(error)?;
            recent::changed();
            let (of_old, of_new) = (parts::forget(&root, &from), parts::forget(&root, &to));
            // The new name before the old one is gone.
            Ok(Touched::directories([to_directory, from_directory]).and(of_old).and(of_new))
        })
        .await
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
        let time = time.ok_or(StoreError::Denied)?;
        self.change(None, move || {
            file.set_modified(time).map_err(error)?;
            Ok(Touched { files: vec![File::from_std(file)], directories: Vec::new() })
        })
        .await
    }

    async fn partial_bytes(&self, path: &VirtualPath) -> Result<Option<u64>, StoreError> {
        let Some(parts) = parts::directory(&self.root)? else { return Ok(None) };
        match parts.symlink_metadata(parts::name_of(checked(path)?, &self.principal)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(other) if other.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(error(other)),
        }
    }

    async fn note_partial(&self, path: &VirtualPath, note: &str) -> Result<(), StoreError> {
        parts::note(&self.root, checked(path)?, &self.principal, note)
    }

    async fn partial_note(&self, path: &VirtualPath) -> Result<Option<String>, StoreError> {
        parts::noted(&self.root, checked(path)?, &self.principal)
    }

    async fn read_partial(&self, path: &VirtualPath) -> Result<(DiskReader, PartId), StoreError> {
        let parts = parts::directory(&self.root)?.ok_or(StoreError::NotFound)?;
        let file = DiskReader::open(&parts, parts::name_of(checked(path)?, &self.principal), 0)?;
        let part = temporary::id_of(&file.metadata()?);
        Ok((file, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By these the client hears what to do: wait, ask for room, or take another name.
    #[test]
    fn what_the_system_says_is_told_as_what_it_is() {
        use io::ErrorKind;
        for (kind, told) in [
            (ErrorKind::NotFound, "NotFound"),
            (ErrorKind::IsADirectory, "IsDirectory"),
            (ErrorKind::NotADirectory, "NotDirectory"),
            (ErrorKind::AlreadyExists, "Exists"),
            (ErrorKind::DirectoryNotEmpty, "NotEmpty"),
            (ErrorKind::PermissionDenied, "Denied"),
            (ErrorKind::ReadOnlyFilesystem, "Denied"),
            (ErrorKind::InvalidFilename, "BadName"),
            (ErrorKind::InvalidInput, "BadName"),
            (ErrorKind::StorageFull, "Full"),
            (ErrorKind::QuotaExceeded, "Full"),
            (ErrorKind::FileTooLarge, "TooLarge"),
            (ErrorKind::Interrupted, "Io(Kind(Interrupted))"),
        ] {
            assert_eq!(format!("{:?}", error(kind.into())), told);
        }
        #[cfg(unix)]
        for (number, is_denied) in [(rustix::io::Errno::LOOP, true), (rustix::io::Errno::IO, false)] {
            let told = error(io::Error::from_raw_os_error(number.raw_os_error()));
            assert_eq!(matches!(told, StoreError::Denied), is_denied, "{told:?}");
        }
    }
}
