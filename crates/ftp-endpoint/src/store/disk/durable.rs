//! A store whose changes survive the loss of power.

use super::DiskStore;
use super::commit::{ByFunction, Committer, Touched};
use crate::store::StoreError;
use cap_std::fs::{Dir, File};
use std::io;
use std::sync::Arc;

/// What brings files and names to stable storage.
pub(in crate::store) trait Disk: Send + Sync {
    /// Others are to be written at the same time: does not wait.
    fn begin_sync(&self, _file: &File) {}
    /// Waits until the file's bytes, and what is known of it, are there.
    fn sync_file(&self, file: &File) -> io::Result<()>;
    /// Waits until the directory's names are there.
    fn sync_directory(&self, directory: &Dir) -> io::Result<()>;
}

/// The disk at hand.
pub(super) struct Kernel;

impl Disk for Kernel {
    fn begin_sync(&self, _file: &File) {
        // Where the file system chooses blocks late, one journal entry holds all those that it knows of.
        // Only a help: what matters comes with the sync.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(_file, 0, None, rustix::fs::Advice::DontNeed);
    }

    /// Owner and permissions as well, not its bytes alone.
    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// What paths are resolved from may be no more than a place (`O_PATH`): it is opened to be synced.
    #[cfg(unix)]
    fn sync_directory(&self, directory: &Dir) -> io::Result<()> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
        std::fs::File::from(opened).sync_all()
    }

    /// Names are written with the files here.
    #[cfg(not(unix))]
    fn sync_directory(&self, _directory: &Dir) -> io::Result<()> {
        Ok(())
    }
}

impl DiskStore {
    /// From now on a change of a file or a name is answered when it survives the loss of power: an upload
    /// when its bytes and its name do. Changes that come while the disk is at work are synced together, of
    /// all clones and whoever they act for. A sync that fails is an error of what it was for
    /// ([`StoreError::NotDurable`]): of a file that has not got its name then, or of a name that is there
    /// for now. Directories above that others have made are theirs to sync.
    ///
    /// Errors: the root cannot be synced.
    pub fn durable(self) -> io::Result<Self> {
        self.durable_on(Arc::new(Kernel))
    }

    pub(in crate::store) fn durable_on(self, disk: Arc<dyn Disk>) -> io::Result<Self> {
        disk.sync_directory(&self.root)?;
        Ok(Self { committer: Some(Arc::new(Committer::new(disk))), ..self })
    }

    /// How often the disk has been asked to sync what had come by then; zero of a store that is not durable.
    pub fn sync_batches(&self) -> usize {
        self.committer.as_ref().map_or(0, |committer| committer.batches())
    }

    /// Makes a change; of a durable store with `file` synced first, and what it has touched after it.
    pub(super) async fn change(
        &self,
        file: Option<File>,
        make: impl FnOnce() -> Result<Touched, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        match &self.committer {
            Some(committer) => committer.commit(Box::new(ByFunction { file, make })).await,
            None => make().map(drop),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
