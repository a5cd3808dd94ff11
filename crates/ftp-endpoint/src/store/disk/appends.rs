//! Files that are appended to in place: by one upload at a time, and unseen until all of it has come.

use super::{error, open_to_change};
use crate::store::StoreError;
use cap_std::fs::{Dir, File, Metadata};
use ftp_proto::name::to_os;
use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

/// A file, whatever it is called: device and inode.
pub(super) type Identity = (u64, u64);

/// How long the files are for everybody else. Of the process, for stores may overlap.
static VISIBLE: Mutex<BTreeMap<Identity, u64>> = Mutex::new(BTreeMap::new());
/// How many there are: as a rule none, and then nobody need wait for the lock.
static CLAIMED: AtomicUsize = AtomicUsize::new(0);

fn visible() -> MutexGuard<'static, BTreeMap<Identity, u64>> {
    VISIBLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(unix)]
pub(super) fn identity(metadata: &Metadata) -> Identity {
    use cap_std::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// The length of a file without what is being appended to it.
#[cfg(unix)]
pub(super) fn visible_bytes(metadata: &Metadata) -> u64 {
    if CLAIMED.load(Ordering::Acquire) == 0 {
        return metadata.len();
    }
    visible().get(&identity(metadata)).map_or(metadata.len(), |bytes| metadata.len().min(*bytes))
}

#[cfg(not(unix))]
pub(super) use elsewhere::{identity, visible_bytes};

/// Files have no identity here: only one is appended to at a time, and readers see it grow.
#[cfg(not(unix))]
mod elsewhere {
    use super::{Identity, Metadata};

    pub(in crate::store::disk) fn identity(_metadata: &Metadata) -> Identity {
        (0, 0)
    }

    pub(in crate::store::disk) fn visible_bytes(metadata: &Metadata) -> u64 {
        metadata.len()
    }
}

/// A file claimed by one upload, which changes it in place. Dropped, it is cut to `begin`.
pub(super) struct InPlace {
    pub file: File,
    identity: Identity,
    /// Its length when it was claimed.
    pub begin: u64,
    undo: bool,
}

impl InPlace {
    /// A file that may be changed; `None`: there is no such file.
    pub(super) fn open(directory: &Dir, name: &str) -> Result<Option<(File, Identity)>, StoreError> {
        let file = match open_to_change(directory, to_os(name)) {
            Ok(file) => file,
            Err(other) if other.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(other) => return Err(error(other)),
        };
        let metadata = file.metadata().map_err(error)?;
        if metadata.is_file() { Ok(Some((file, identity(&metadata)))) } else { Err(StoreError::Denied) }
    }

    /// `None`: there is no such file. Errors: [`StoreError::Busy`] if another upload has it, here or in
    /// another process.
    pub(super) fn claim(directory: &Dir, name: &str) -> Result<Option<Self>, StoreError> {
        let Some((mut file, identity)) = Self::open(directory, name)? else { return Ok(None) };
        let mut visible = visible();
        if visible.contains_key(&identity) || super::lock(&file) == super::Locked::Elsewhere {
            return Err(StoreError::Busy);
        }
        // It is not asked before: another process may just have ended with it.
        let begin = file.metadata().map_err(error)?.len();
        file.seek(SeekFrom::Start(begin)).map_err(error)?;
        visible.insert(identity, begin);
        CLAIMED.store(visible.len(), Ordering::Release);
        Ok(Some(Self { file, identity, begin, undo: true }))
    }

    /// Whether this file stands under the name still.
    pub(super) fn stands_under(&self, directory: &Dir, name: &str) -> bool {
        directory.metadata(to_os(name)).is_ok_and(|now| identity(&now) == self.identity)
    }

    /// What has been done to it stays, and is seen.
    pub(super) fn commit(mut self) {
        self.undo = false;
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        if self.undo && self.file.metadata().is_ok_and(|now| now.len() > self.begin) {
            // Nothing better can be done about a disk that refuses even this.
            let _ = self.file.set_len(self.begin);
        }
        let mut visible = visible();
        visible.remove(&self.identity);
        CLAIMED.store(visible.len(), Ordering::Release);
    }
}
