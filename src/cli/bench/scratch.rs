//! Room on disk for a measurement.

use super::super::out::tell;
use crate::measure::files::Files;
use crate::measure::fixture::{self, DiskFixture};
use crate::report::format;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Made by this process so far.
static ROOMS: AtomicU64 = AtomicU64::new(0);

/// A directory of our own, removed with all that is in it when this is dropped.
pub(super) struct Room(PathBuf);

impl Room {
    /// In the system's directory for temporary files (`disk`) or in `store`, if there is space.
    pub(super) fn make(store: &Path, files: &Files) -> Result<Self> {
        let parent = if store == Path::new("disk") { std::env::temp_dir() } else { store.to_owned() };
        ensure!(
            parent.is_dir(),
            "--store {}: no such directory; give memory, disk, or a directory that exists",
            parent.display()
        );
        ensure_space(&parent, files)?;
        let number = ROOMS.fetch_add(1, Relaxed);
        let room = parent.join(format!("ftpsim-bench-{}-{number}", std::process::id()));
        std::fs::create_dir(&room).with_context(|| format!("cannot make {}", room.display()))?;
        Ok(Self(room))
    }

    pub(super) fn fill(&self, files: &Files) -> Result<DiskFixture> {
        DiskFixture::create(&self.0, files)
            .with_context(|| format!("cannot write files into {}", self.0.display()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tell(format_args!("cannot remove {}: {error}", self.0.display()));
        }
    }
}

/// All files are there twice: to be sent, and received.
fn ensure_space(directory: &Path, files: &Files) -> Result<()> {
    let needed = fixture::on_disk_bytes(files).saturating_mul(2);
    let free = fixture::available_bytes(directory).with_context(|| directory.display().to_string())?;
    ensure!(
        needed <= free,
        "{} has {} free, and {} are needed; take fewer --files or a smaller --size, or another --store DIR",
        directory.display(),
        format::bytes(free),
        format::bytes(needed)
    );
    Ok(())
}
