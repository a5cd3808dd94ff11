//! What has just been looked up, for the many small files of a pipeline: the directory that they go to, and that
//! there are no parts of failed uploads. Whatever a store of this process does to names counts at once; what another
//! process has done within [`RECENT`] counts as done at the same time.
#![allow(clippy::disallowed_methods, reason = "other processes change a disk in real time")]

use super::{DiskStore, error, on_disk, parts};
use crate::store::StoreError;
use cap_std::fs::Dir;
use ftp_proto::path::VirtualPath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Some forty small files; less than it takes to start a program that would do something about a directory.
const RECENT: Duration = Duration::from_millis(1);

/// Of the process, for stores may overlap.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// What was looked up before counts no more: a name that is no upload's has been removed or given, or a part kept.
/// To be called before that is answered.
pub(super) fn changed() {
    CHANGES.fetch_add(1, Ordering::AcqRel);
}

struct Moment {
    at: Instant,
    changes: u64,
}

impl Moment {
    /// To be taken before the look.
    fn now() -> Self {
        let changes = CHANGES.load(Ordering::Acquire);
        Self { at: Instant::now(), changes }
    }

    fn is_recent(&self) -> bool {
        CHANGES.load(Ordering::Acquire) == self.changes && self.at.elapsed() < RECENT
    }
}

/// What a store has looked up.
#[derive(Default)]
pub(super) struct Recent {
    directory: Option<(Moment, VirtualPath, Arc<Dir>)>,
    /// When there were none.
    no_parts: Option<Moment>,
}

impl DiskStore {
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A directory below the root.
    pub(super) fn directory(&self, path: &VirtualPath) -> Result<Arc<Dir>, StoreError> {
        if let Some((moment, known, directory)) = &self.recent().directory
            && known == path
            && moment.is_recent()
        {
            return Ok(directory.clone());
        }
        let moment = Moment::now();
        let directory = Arc::new(self.root.open_dir(on_disk(path)).map_err(error)?);
        self.recent().directory = Some((moment, path.clone(), directory.clone()));
        Ok(directory)
    }

    /// A file stands under its name: an older, failed upload must not be taken for a part of it. Gives the directory
    /// that has changed.
    pub(super) fn forget_part(&self, path: &VirtualPath) -> Option<Arc<Dir>> {
        if self.recent().no_parts.as_ref().is_some_and(Moment::is_recent) {
            return None;
        }
        let moment = Moment::now();
        if let Ok(None) = parts::directory(&self.root) {
            self.recent().no_parts = Some(moment);
            return None;
        }
        parts::forget_own(&self.root, path, &self.principal)
    }

    /// Closes the directory: who waits keeps nobody from unmounting a disk.
    pub(super) fn let_go(&self) {
        self.recent().directory = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, Write, WriteFile};

    async fn put(store: &DiskStore, path: &str) -> Result<(), StoreError> {
        let mut file = store.write(&VirtualPath::root().join(path).unwrap(), Write::Replace).await?;
        file.write(b"x").await?;
        file.publish().await
    }

    /// However fast one comes after the other.
    #[tokio::test]
    async fn files_go_to_the_directory_that_has_the_name_when_they_come() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| VirtualPath::root().join(name).unwrap();
        let (store, other) = (DiskStore::open(root.path()).unwrap(), DiskStore::open(root.path()).unwrap());
        for round in 0..50 {
            let moved = format!("moved-{round}");
            other.create_directory(&path("d")).await.unwrap();
            put(&store, "d/a").await.unwrap();
            put(&store, "d/b").await.unwrap();
            other.rename(&path("d"), &path(&moved)).await.unwrap();
            assert!(matches!(put(&store, "d/c").await, Err(StoreError::NotFound)), "round {round}");
            other.create_directory(&path("d")).await.unwrap();
            put(&store, "d/c").await.unwrap();
            assert!(root.path().join("d/c").exists() && !root.path().join(&moved).join("c").exists());
            other.remove_file(&path("d/c")).await.unwrap();
            other.remove_directory(&path("d")).await.unwrap();
            assert!(matches!(put(&store, "d/e").await, Err(StoreError::NotFound)), "round {round}");
        }
    }

    #[tokio::test]
    async fn a_part_that_has_just_been_kept_is_forgotten_when_its_file_comes() {
        let root = tempfile::tempdir().unwrap();
        let (store, other) = (DiskStore::open(root.path()).unwrap(), DiskStore::open(root.path()).unwrap());
        let path = VirtualPath::root().join("f").unwrap();
        for round in 0..50 {
            put(&store, "before").await.unwrap();
            let mut failed = other.write(&path, Write::Replace).await.unwrap();
            failed.write(b"half").await.unwrap();
            failed.keep().await.unwrap();
            assert_eq!(store.partial_bytes(&path).await.unwrap(), Some(4));
            put(&store, "f").await.unwrap();
            assert_eq!(store.partial_bytes(&path).await.unwrap(), None, "round {round}");
        }
    }

    /// What another process does is seen a moment later.
    #[tokio::test]
    async fn a_directory_that_another_process_has_moved_is_not_gone_on_with() {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        std::fs::create_dir(root.path().join("d")).unwrap();
        put(&store, "d/a").await.unwrap();
        std::fs::rename(root.path().join("d"), root.path().join("e")).unwrap();
        std::thread::sleep(RECENT * 2);
        assert!(matches!(put(&store, "d/b").await, Err(StoreError::NotFound)));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_store_at_rest_holds_no_directory_open() {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let below = root.path().join("d");
        std::fs::create_dir(&below).unwrap();
        let open = || {
            let links = std::fs::read_dir("/proc/self/fd").unwrap();
            links.flatten().filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == below)).count()
        };
        put(&store, "d/a").await.unwrap();
        assert_eq!(open(), 1, "nothing is shared between files");
        store.rest();
        assert_eq!(open(), 0);
    }
}
