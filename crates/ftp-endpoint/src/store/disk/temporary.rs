//! Hidden files that uploads are written to before they are published.

use super::appends::identity;
use super::attributes::Attributes;
use super::{Locked, TEMPORARY_END, TEMPORARY_START, aside, error, lock};
use crate::store::{PartId, StoreError};
use cap_std::fs::{Dir, File, Metadata};
use ftp_proto::name::to_os;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A leftover of a crashed process may hold a name; so many more are tried.
const NAME_ATTEMPTS: u32 = 1000;
/// More is copied in a thread of its own.
const INLINE_COPY_BYTES: u64 = 256 * 1024;

/// Begins anywhere: a process of another machine or container that has our number has other names.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
    #[allow(
        clippy::disallowed_methods,
        reason = "names of hidden files are of the disk, not of a simulation"
    )]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    AtomicU64::new(now.map_or(0, |since| since.subsec_nanos().into()))
});
/// Asked for once: it is a system call.
static PROCESS: LazyLock<u32> = LazyLock::new(std::process::id);

/// Locked as long as it is open: who can lock it finds it abandoned.
pub(super) struct Temporary {
    pub file: File,
    pub name: String,
    /// The beginning of the old file, which is to be copied first: not before the upload has been
    /// answered, for it may take long.
    prefix: Option<(File, u64)>,
}

fn next_name() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY_START}{}-{number}{TEMPORARY_END}", *PROCESS)
}

/// Whether a name still leads to the open file.
#[cfg(unix)]
pub(super) fn is_named(file: &File) -> Result<bool, StoreError> {
    use cap_std::fs::MetadataExt;
    Ok(file.metadata().map_err(error)?.nlink() > 0)
}

#[cfg(not(unix))]
use elsewhere::create_new;
#[cfg(not(unix))]
pub(super) use elsewhere::is_named;

#[cfg(not(unix))]
mod elsewhere {
    use super::{Dir, File, Old, StoreError};
    use cap_std::fs::OpenOptions;
    use std::io;

    pub(in crate::store::disk) fn is_named(_file: &File) -> Result<bool, StoreError> {
        Ok(true)
    }

    pub(super) fn create_new(directory: &Dir, name: &str, _old: Option<&Old<'_>>) -> io::Result<File> {
        let mut options = OpenOptions::new();
        directory.open_with(name, options.write(true).read(true).create_new(true))
    }
}

/// The inode of a part that is gone may be given to another one, which is written to later.
pub(super) fn id_of(part: &Metadata) -> PartId {
    let modified = part.modified().ok().map(cap_std::time::SystemTime::into_std);
    let since = modified.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    #[cfg(unix)]
    let inode = cap_std::fs::MetadataExt::ino(part);
    #[cfg(not(unix))]
    let inode = 0;
    PartId::new([inode, since.as_nanos() as u64, part.len()])
}

/// What a new file takes over of the one whose place it takes.
pub(super) struct Old<'o> {
    pub metadata: &'o Metadata,
    pub attributes: Attributes,
}

impl<'o> Old<'o> {
    pub(super) fn of(directory: &Dir, name: &str, metadata: &'o Metadata) -> Self {
        Self { metadata, attributes: Attributes::of(directory, name) }
    }
}

/// What the group may do; beside an access control list, what anybody whom it names may do at most.
#[cfg(unix)]
const GROUP_BITS: u32 = 0o070;

/// The mode of new files, of which the process's mask takes away.
#[cfg(unix)]
const NEW_BITS: u32 = 0o666;

/// A name of ours leads nowhere: there is nothing to resolve beneath the directory.
#[cfg(unix)]
fn create_new(directory: &Dir, name: &str, old: Option<&Old<'_>>) -> io::Result<File> {
    use cap_std::fs::MetadataExt;
    use rustix::fs::{Mode, OFlags};
    let mode = old.map_or(NEW_BITS, |old| {
        // The new file is never readable for more users than the old one.
        let others = if old.attributes.has_list() { !GROUP_BITS } else { !0 };
        old.metadata.mode() & 0o777 & others
    });
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let created =
        rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(mode as rustix::fs::RawMode))?;
    Ok(File::from_std(created.into()))
}

impl Temporary {
    /// An empty one, which is to take the place of `old`.
    pub(super) fn create(directory: &Dir, old: Option<&Old<'_>>) -> Result<Self, StoreError> {
        for _ in 0..NAME_ATTEMPTS {
            let name = next_name();
            match create_new(directory, &name, old) {
                // Who removes abandoned files may have been faster: that is seen when it is published.
                Ok(file) if lock(&file) != Locked::Elsewhere => {
                    if let Some(old) = old {
                        inherit(&file, old)?;
                    }
                    return Ok(Self { file, name, prefix: None });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(other) => return Err(error(other)),
            }
        }
        Err(StoreError::Exists)
    }

    /// The same under another name, for who removes abandoned files has taken it for one, between its making and its
    /// lock.
    pub(super) fn come_back(&mut self, directory: &Dir) -> Result<(), StoreError> {
        let metadata = self.file.metadata().map_err(error)?;
        let old = Old { metadata: &metadata, attributes: Attributes::of_open(&self.file) };
        let back = Self::create(directory, Some(&old))?;
        if let Err(other) = copy(self.file.try_clone().map_err(error)?, metadata.len(), &back.file) {
            super::writer::remove(directory, &back.name);
            return Err(other);
        }
        (self.file, self.name) = (back.file, back.name);
        Ok(())
    }

    /// What a failed upload has left, cut to `offset`.
    pub(super) fn take_over(
        parts: &Dir,
        part: &str,
        directory: &Dir,
        offset: u64,
        wanted: Option<PartId>,
    ) -> Result<Self, StoreError> {
        let gone = |size_bytes| StoreError::BadOffset { offset, size_bytes };
        let mut file = match super::open_to_change(parts, part) {
            Ok(file) => file,
            Err(other) if other.kind() == io::ErrorKind::NotFound => return Err(gone(0)),
            Err(other) => return Err(error(other)),
        };
        let metadata = file.metadata().map_err(error)?;
        if wanted.is_some_and(|wanted| wanted != id_of(&metadata)) {
            return Err(StoreError::Changed);
        }
        let size_bytes = metadata.len();
        if size_bytes < offset || lock(&file) == Locked::Elsewhere {
            return Err(gone(size_bytes));
        }
        let name = match take_name(&file, parts, part, directory) {
            Err(StoreError::NotFound) => return Err(gone(0)),
            other => other?,
        };
        file.set_len(offset).map_err(error)?;
        file.seek(SeekFrom::Start(offset)).map_err(error)?;
        Ok(Self { file, name, prefix: None })
    }

    /// It is to begin with the first `bytes` of `old`.
    pub(super) fn begin_with(&mut self, old: File, bytes: u64) -> Result<(), StoreError> {
        if bytes > INLINE_COPY_BYTES {
            self.prefix = Some((old, bytes));
            return Ok(());
        }
        copy(old, bytes, &self.file)
    }

    /// Whether what it is to begin with is not there yet.
    pub(super) fn lacks_prefix(&self) -> bool {
        self.prefix.is_some()
    }

    pub(super) async fn copy_prefix(&mut self) -> Result<(), StoreError> {
        let Some((old, bytes)) = &self.prefix else { return Ok(()) };
        let (old, bytes) = (old.try_clone().map_err(error)?, *bytes);
        let to = self.file.try_clone().map_err(error)?;
        // It lacks its beginning until all of that is there, whoever gives up meanwhile.
        aside(move || copy(old, bytes, &to)).await?;
        self.prefix = None;
        Ok(())
    }
}

/// Moves the part that is open as `file` to a temporary name, which it gives. Between the opening and this,
/// another upload may have left its own part under the name: that one is put back. Errors:
/// [`StoreError::Changed`] then, [`StoreError::NotFound`].
fn take_name(file: &File, parts: &Dir, part: &str, directory: &Dir) -> Result<String, StoreError> {
    for _ in 0..NAME_ATTEMPTS {
        let name = next_name();
        match rename_new(parts, part, directory, &name) {
            Err(StoreError::Exists) => continue,
            other => other?,
        }
        if is_under(file, directory, &name)? {
            return Ok(name);
        }
        if let Err(StoreError::Exists) = rename_new(directory, &name, parts, part) {
            // A still newer one is there, which would have replaced it.
            directory.remove_file(&name).map_err(error)?;
        }
        return Err(StoreError::Changed);
    }
    Err(StoreError::Exists)
}

/// Whether a name leads to the open file, where that can be told.
fn is_under(file: &File, directory: &Dir, name: &str) -> Result<bool, StoreError> {
    let named = directory.symlink_metadata(name).map_err(error)?;
    Ok(identity(&named) == identity(&file.metadata().map_err(error)?))
}

/// On Linux this is `copy_file_range`, which shares blocks where the file system can. What an earlier try has copied
/// is copied again.
fn copy(from: File, bytes: u64, to: &File) -> Result<(), StoreError> {
    let (mut from, mut to) = (from.into_std(), to.try_clone().map_err(error)?.into_std());
    from.rewind().map_err(error)?;
    to.rewind().map_err(error)?;
    let copied = io::copy(&mut from.take(bytes), &mut to).map_err(error)?;
    if copied == bytes { Ok(()) } else { Err(StoreError::Shrunk { missing_bytes: bytes - copied }) }
}

/// A new file takes over who may use the old one. Bits that lend the owner's rights to whoever runs the
/// file are not for new contents.
#[cfg(unix)]
pub(super) fn inherit(file: &File, old: &Old<'_>) -> Result<(), StoreError> {
    use cap_std::fs::MetadataExt;
    use cap_std::fs::{Permissions, PermissionsExt};
    use rustix::fs::{Gid, Uid, fchown};
    let new = file.metadata().map_err(error)?;
    let Old { metadata: old, attributes } = old;
    let (uid, gid) = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
    let differs = (new.uid(), new.gid()) != (old.uid(), old.gid());
    if differs && fchown(file, Some(uid), Some(gid)).is_err() {
        // Only root gives files away; a group of ours can be kept.
        let _ = fchown(file, None, Some(gid));
    }
    // Some file systems have no bits to set; more than the old file's the new one does not have in any case.
    let others = if attributes.give(file) { !0 } else { !GROUP_BITS };
    let _ = file.set_permissions(Permissions::from_mode(old.mode() & 0o1777 & others));
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn inherit(_file: &File, _old: &Old<'_>) -> Result<(), StoreError> {
    Ok(())
}

/// In place of what has the new name.
pub(super) fn rename_over(directory: &Dir, name: &str, new_name: &str) -> Result<(), StoreError> {
    #[cfg(unix)]
    return rustix::fs::renameat(directory, name, directory, to_os(new_name))
        .map_err(|errno| error(errno.into()));
    #[cfg(not(unix))]
    directory.rename(name, directory, to_os(new_name)).map_err(error)
}

/// Errors: [`StoreError::Exists`] if there is a file of that name, however late it has come.
pub(super) fn rename_new(from: &Dir, name: &str, to: &Dir, new_name: &str) -> Result<(), StoreError> {
    let new_name = &to_os(new_name);
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE) {
            // Not every file system can do it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            other => return other.map_err(|errno| error(errno.into())),
        }
    }
    from.hard_link(name, to, new_name).map_err(error)?;
    from.remove_file(name).map_err(error)
}

/// Copies `from` over the old bytes of `to`, whose hard links stay: what is longer first, for that may
/// find no room.
pub(super) fn copy_over(from: File, mut to: super::appends::InPlace) -> Result<(), StoreError> {
    let mut from = from.into_std();
    let new_bytes = from.metadata().map_err(error)?.len();
    let mut target = to.file.try_clone().map_err(error)?.into_std();
    if new_bytes > to.begin {
        from.seek(SeekFrom::Start(to.begin)).map_err(error)?;
        io::copy(&mut from, &mut target).map_err(error)?;
    }
    from.rewind().map_err(error)?;
    target.rewind().map_err(error)?;
    io::copy(&mut from.take(to.begin.min(new_bytes)), &mut target).map_err(error)?;
    target.flush().map_err(error)?;
    to.begin = to.begin.max(new_bytes);
    if new_bytes < to.begin {
        target.set_len(new_bytes).map_err(error)?;
    }
    to.commit();
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;
