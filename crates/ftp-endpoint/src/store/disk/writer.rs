//! A file of a [`DiskStore`], being written.

use super::appends::{InPlace, visible_bytes};
use super::commit::{Change, LONG_BYTES};
use super::publish::{Keep, Publish};
use super::temporary::{Old, Temporary, inherit};
use super::{DiskStore, aside, error, is_hidden, on_disk, open, parts};
use crate::store::{PartId, StoreError, Write, WriteFile};
use cap_std::fs::{Dir, Metadata};
use ftp_proto::name::{from_os, to_os};
use ftp_proto::path::VirtualPath;
use std::io::{self, IoSlice, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// Pieces written by one system call.
const MAX_SLICES: usize = 8;

/// A file of a [`DiskStore`], being written.
pub struct DiskWriter {
    pub(super) store: DiskStore,
    pub(super) path: VirtualPath,
    pub(super) directory: Arc<Dir>,
    pub(super) name: String,
    /// Length so far.
    at: u64,
    pub(super) target: Target,
    /// A write has failed: how much of it is there is not known.
    spoilt: bool,
}

pub(super) enum Target {
    Temporary {
        file: Temporary,
        publication: Publication,
        /// A part that is put back.
        resumed: bool,
    },
    /// At the end of the old file, which is claimed when there is something to add. REST has said how
    /// long it is.
    Follow(Option<u64>),
    /// At the end of this old file.
    Append(InPlace),
    /// Published, kept or gone.
    Nothing,
}

/// How the whole file gets its name.
#[derive(Clone, Copy)]
pub(super) enum Publication {
    /// In place of what has it.
    Rename,
    /// Only if nothing has it.
    New,
    /// The same, for an append that has found no file.
    Append,
    /// Over the bytes of a file that has other names, too.
    Copy,
}

/// Where an upload goes, and what is there.
struct Place {
    directory: Arc<Dir>,
    name: String,
    /// Of a file; `None` also for what a new file replaces as a name: a link that leads out of the root.
    old: Option<Metadata>,
    is_taken: bool,
}

impl Place {
    /// A link beneath the root stands for the file that it leads to.
    fn of(store: &DiskStore, path: &VirtualPath) -> Result<Self, StoreError> {
        let (directory, name) = store.parent_by(path, |parent| store.directory(parent))?;
        let place = Self::at(directory, name)?;
        if !place.old.as_ref().is_some_and(Metadata::is_symlink) {
            return Ok(place);
        }
        if let Ok(real) = store.root.canonicalize(on_disk(path))
            && let Some(name) = real.file_name().map(from_os)
            && !is_hidden(&name)
        {
            let parent = real.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = store.root.open_dir(parent.unwrap_or(Path::new("."))).map_err(error)?;
            return Self::at(Arc::new(directory), &name);
        }
        Ok(Self { old: None, ..place })
    }

    fn at(directory: Arc<Dir>, name: &str) -> Result<Self, StoreError> {
        let old = match directory.symlink_metadata(to_os(name)) {
            Ok(metadata) if metadata.is_dir() => return Err(StoreError::IsDirectory),
            Ok(metadata) => Some(metadata),
            Err(other) if other.kind() == io::ErrorKind::NotFound => None,
            Err(other) => return Err(error(other)),
        };
        Ok(Self { directory, name: name.to_owned(), is_taken: old.is_some(), old })
    }

    fn size_bytes(&self) -> u64 {
        self.old.as_ref().map_or(0, visible_bytes)
    }

    fn has_other_names(&self) -> bool {
        #[cfg(unix)]
        {
            use cap_std::fs::MetadataExt;
            self.old.as_ref().is_some_and(|old| old.is_file() && old.nlink() > 1)
        }
        #[cfg(not(unix))]
        false
    }

    /// A target and the length that it begins with.
    fn target(&self, store: &DiskStore, path: &VirtualPath, how: Write) -> Result<(Target, u64), StoreError> {
        match how {
            Write::Append if store.principal.may_replace => {
                // It is refused now if it cannot be, whoever has it.
                InPlace::open(&self.directory, &self.name)?;
                return Ok((Target::Follow(None), 0));
            }
            // REST at the very end is an append by another name; but what may be replaced and not be
            // changed is copied.
            Write::From(offset) if offset > 0 && offset == self.size_bytes() => {
                match InPlace::open(&self.directory, &self.name) {
                    Ok(Some(_)) => return Ok((Target::Follow(Some(offset)), offset)),
                    Ok(None) | Err(StoreError::Denied) => {}
                    Err(other) => return Err(other),
                }
            }
            _ => {}
        }
        let publication = match how {
            _ if !store.principal.may_replace => Publication::New,
            _ if self.has_other_names() => {
                // It will be written to: refused now if it may not be.
                InPlace::open(&self.directory, &self.name)?;
                Publication::Copy
            }
            _ => Publication::Rename,
        };
        let (file, at, resumed) = match how {
            Write::Replace | Write::Append | Write::From(0) => (self.create()?, 0, false),
            Write::From(offset) => (self.begin_with_old(offset)?, offset, false),
            Write::Resume { offset, part } => {
                let file = take_over(store, path, &self.directory, offset, part)?;
                if let Some(old) = self.old_file() {
                    inherit(&file.file, &old)?;
                }
                (file, offset, true)
            }
        };
        Ok((Target::Temporary { file, publication, resumed }, at))
    }

    fn old_file(&self) -> Option<Old<'_>> {
        let old = self.old.as_ref().filter(|old| old.is_file())?;
        Some(Old::of(&self.directory, &self.name, old))
    }

    fn create(&self) -> Result<Temporary, StoreError> {
        Temporary::create(&self.directory, self.old_file().as_ref())
    }

    fn begin_with_old(&self, offset: u64) -> Result<Temporary, StoreError> {
        let size_bytes = self.size_bytes();
        if offset > size_bytes {
            return Err(StoreError::BadOffset { offset, size_bytes });
        }
        let old = open(&self.directory, to_os(&self.name)).map_err(error)?;
        if !old.metadata().map_err(error)?.is_file() {
            return Err(StoreError::Denied);
        }
        let mut file = self.create()?;
        match file.begin_with(old, offset) {
            Ok(()) => Ok(file),
            Err(other) => {
                remove(&self.directory, &file.name);
                Err(other)
            }
        }
    }
}

fn take_over(
    store: &DiskStore,
    path: &VirtualPath,
    directory: &Dir,
    offset: u64,
    part: Option<PartId>,
) -> Result<Temporary, StoreError> {
    let Some(parts) = parts::directory(&store.root)? else {
        return Err(StoreError::BadOffset { offset, size_bytes: 0 });
    };
    let name = parts::name_of(path, &store.principal);
    let taken = Temporary::take_over(&parts, &name, directory, offset, part);
    if taken.is_ok() {
        parts::forget_note(&parts, path, &store.principal);
    }
    parts::tidy(&store.root);
    taken
}

/// A few pieces at a time in one system call.
fn write_all(file: &mut impl io::Write, pieces: &[&[u8]]) -> io::Result<()> {
    for some in pieces.chunks(MAX_SLICES) {
        if let [piece] = some {
            file.write_all(piece)?;
            continue;
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        some.iter().zip(&mut slices).for_each(|(piece, slice)| *slice = IoSlice::new(piece));
        let mut left = &mut slices[..some.len()];
        // Without the empty ones: nothing written is an error then.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match file.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

pub(super) fn remove(directory: &Dir, temporary: &str) {
    // Nothing better can be done about a leftover than to leave it hidden.
    let _ = directory.remove_file(temporary);
}

impl DiskWriter {
    pub(super) async fn open(store: &DiskStore, path: &VirtualPath, how: Write) -> Result<Self, StoreError> {
        match Self::open_now(store, path, how) {
            // What is to be gone on from would go as well.
            Err(StoreError::Full) if !matches!(how, Write::Resume { .. }) && store.makes_room().await => {
                Self::open_now(store, path, how)
            }
            opened => opened,
        }
    }

    fn open_now(store: &DiskStore, path: &VirtualPath, how: Write) -> Result<Self, StoreError> {
        if path.name().is_none() {
            return Err(StoreError::IsDirectory);
        }
        let place = Place::of(store, path)?;
        if place.is_taken && !store.principal.may_replace {
            return Err(StoreError::Exists);
        }
        let (target, at) = place.target(store, path, how)?;
        let Place { directory, name, .. } = place;
        Ok(Self { store: store.clone(), path: path.clone(), directory, name, at, target, spoilt: false })
    }

    /// Before the first byte of an append.
    fn claim(&mut self) -> Result<(), StoreError> {
        let Target::Follow(wanted_bytes) = self.target else { return Ok(()) };
        (self.target, self.at) = match InPlace::claim(&self.directory, &self.name)? {
            Some(file) if wanted_bytes.is_none_or(|wanted| wanted == file.begin) => {
                let begin = file.begin;
                (Target::Append(file), begin)
            }
            _ if wanted_bytes.is_some() => return Err(StoreError::Changed),
            _ => {
                let file = Temporary::create(&self.directory, None)?;
                let publication = Publication::Append;
                (Target::Temporary { file, publication, resumed: false }, 0)
            }
        };
        Ok(())
    }

    /// What there is to do before the first byte, or else before the end.
    async fn begin(&mut self) -> Result<(), StoreError> {
        self.claim()?;
        match &mut self.target {
            Target::Temporary { file, .. } => file.copy_prefix().await,
            _ => Ok(()),
        }
    }

    /// Back to the end of what is known to be there: a write that has found no room may have written some.
    fn go_back(&mut self) -> Result<(), StoreError> {
        let file = match &mut self.target {
            Target::Temporary { file, .. } => &mut file.file,
            Target::Append(append) => &mut append.file,
            Target::Follow(_) | Target::Nothing => return Ok(()),
        };
        file.seek(SeekFrom::Start(self.at)).map(drop).map_err(error)
    }

    async fn write_all(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
        self.begin().await?;
        match &mut self.target {
            Target::Temporary { file, .. } => write_all(&mut file.file, pieces).map_err(error),
            Target::Append(append) => write_all(&mut append.file, pieces).map_err(error),
            Target::Follow(_) | Target::Nothing => Err(StoreError::Denied),
        }
    }

    async fn publish_now(self) -> Result<(), StoreError> {
        match self.store.committer.clone() {
            Some(committer) => {
                let publish = Box::new(Publish(self));
                if let Some(file) = publish.file().filter(|_| publish.0.at >= LONG_BYTES) {
                    committer.sync_alone(file).await?;
                }
                committer.commit(publish).await
            }
            None if self.is_copied() => aside(move || self.take_name().map(drop)).await,
            None => self.take_name().map(drop),
        }
    }

    pub(super) fn put_aside(&self, temporary: &str) -> Result<Option<Dir>, StoreError> {
        let kept =
            parts::keep(&self.store.root, &self.directory, temporary, &self.path, &self.store.principal);
        self.store.room.has_part();
        kept
    }
}

impl Drop for DiskWriter {
    fn drop(&mut self) {
        if let Target::Temporary { file, resumed, .. } = &self.target {
            let put_back = *resumed && !self.spoilt;
            if !put_back || self.put_aside(&file.name).is_err() {
                remove(&self.directory, &file.name);
            }
        }
    }
}

impl WriteFile for DiskWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_together(&[bytes]).await
    }

    async fn write_together(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
        let was_spoilt = std::mem::replace(&mut self.spoilt, true);
        let mut written = self.write_all(pieces).await;
        if matches!(written, Err(StoreError::Full)) && self.store.makes_room().await {
            self.go_back()?;
            written = self.write_all(pieces).await;
        }
        written?;
        self.spoilt = was_spoilt;
        self.at += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        Ok(())
    }

    async fn publish(mut self) -> Result<(), StoreError> {
        let mut begun = self.begin().await;
        if matches!(begun, Err(StoreError::Full)) && self.store.makes_room().await {
            begun = self.begin().await;
        }
        begun?;
        let store = self.store.clone();
        let published = self.publish_now().await;
        if let Err(StoreError::Full) = published {
            // A sync is not tried again; but the next upload finds room.
            store.makes_room().await;
        }
        published
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        let file = match &self.target {
            Target::Temporary { file, .. } => &file.file,
            Target::Append(append) => &append.file,
            Target::Follow(_) | Target::Nothing => return Ok(()),
        };
        let file = file.try_clone().map_err(error)?;
        aside(move || file.sync_data().map_err(error)).await
    }

    fn marker(&self) -> Option<String> {
        // Of a failed append nothing is left to go on from.
        matches!(self.target, Target::Temporary { .. }).then(|| self.at.to_string())
    }

    async fn keep(self) -> Result<(), StoreError> {
        let wanted = !self.spoilt && self.store.principal.max_partials > 0;
        if let Target::Temporary { file, publication, .. } = &self.target
            && wanted
            && !matches!(publication, Publication::Append)
            && !file.lacks_prefix()
        {
            match self.store.committer.clone() {
                Some(committer) => return committer.commit(Box::new(Keep(self))).await,
                None => return self.be_kept().map(drop),
            }
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests;
