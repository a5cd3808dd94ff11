//! A directory of the disk, read in pieces on threads that may wait.

use super::{aside, error, is_hidden, metadata_of, special};
use crate::store::listing::Pieces;
use crate::store::{Entry, Kind, StoreError};
use cap_std::fs::{Dir, ReadDir};
use ftp_proto::name::from_os;
use std::future::Future;
use std::pin::Pin;

/// Up to so many entries are sorted by name; of more, nobody has to hold all.
pub(super) const SORTED_ENTRIES: usize = 2_000;
/// Of a larger directory so many are read at a time.
const PIECE_ENTRIES: usize = 500;

/// A directory read up to here.
pub(super) struct Reading {
    /// Away while a piece is read, and at the end.
    at: Option<(Dir, ReadDir)>,
    is_first: bool,
}

impl Reading {
    pub(super) fn new(directory: Dir) -> Result<Self, StoreError> {
        let entries = directory.entries().map_err(error)?;
        Ok(Self { at: Some((directory, entries)), is_first: true })
    }

    async fn piece(&mut self) -> Result<Vec<Entry>, StoreError> {
        let Some((directory, mut entries)) = self.at.take() else { return Ok(Vec::new()) };
        let is_first = std::mem::take(&mut self.is_first);
        let wanted = if is_first { SORTED_ENTRIES } else { PIECE_ENTRIES };
        let (piece, at) = aside(move || {
            let (mut piece, is_end) = read(&directory, &mut entries, wanted)?;
            if is_first && piece.is_empty() && is_gone(&directory) {
                return Err(StoreError::NotFound);
            }
            if is_first && is_end {
                piece.sort_by(|a, b| a.name.cmp(&b.name));
            }
            Ok((piece, (!is_end).then_some((directory, entries))))
        })
        .await?;
        self.at = at;
        Ok(piece)
    }
}

impl Pieces for Reading {
    fn next_piece(&mut self) -> Pin<Box<dyn Future<Output = Result<Vec<Entry>, StoreError>> + Send + '_>> {
        Box::pin(self.piece())
    }
}

/// Whether it has been removed while it was open: the system has nothing to list then, and whoever mirrors an empty
/// directory deletes everything.
fn is_gone(directory: &Dir) -> bool {
    #[cfg(unix)]
    {
        use cap_std::fs::MetadataExt;
        let is_gone = directory.dir_metadata().is_ok_and(|metadata| metadata.nlink() == 0);
        #[cfg(feature = "server")]
        if is_gone {
            tracing::warn!(
                "a directory that is to be listed has been removed: if it is a served root, SIGHUP opens its successor"
            );
        }
        is_gone
    }
    #[cfg(not(unix))]
    false
}

/// So many of those that clients may see, and whether the end has come.
fn read(directory: &Dir, entries: &mut ReadDir, wanted: usize) -> Result<(Vec<Entry>, bool), StoreError> {
    let mut piece = Vec::new();
    for entry in entries {
        let entry = entry.map_err(error)?;
        let on_disk = entry.file_name();
        let name = from_os(&on_disk).into_owned();
        if is_hidden(&name) {
            continue;
        }
        // What a symbolic link points at, if that lies beneath the root and exists.
        let followed = directory.metadata(&on_disk).ok().and_then(|metadata| metadata_of(&metadata));
        // Who fetches all of a directory is to hear of what there is besides. It may be gone by now.
        let itself = || directory.symlink_metadata(&on_disk).ok().map(|metadata| special(&metadata));
        if let Some(mut metadata) = followed.or_else(itself) {
            metadata.is_link =
                metadata.kind == Kind::Directory && entry.file_type().is_ok_and(|kind| kind.is_symlink());
            piece.push(Entry { name, metadata });
            if piece.len() == wanted {
                return Ok((piece, false));
            }
        }
    }
    Ok((piece, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::disk::DiskStore;
    use ftp_proto::path::VirtualPath;

    async fn listed(root: &std::path::Path) -> Vec<String> {
        let store = DiskStore::open(root).unwrap();
        let mut listing = store.list_in_pieces(&VirtualPath::root()).await.unwrap();
        let mut names = Vec::new();
        while let Some(entry) = listing.next().await.unwrap() {
            names.push(entry.name);
        }
        names
    }

    #[tokio::test]
    async fn all_of_a_directory_comes_in_pieces_that_are_bounded() {
        let root = tempfile::tempdir().unwrap();
        let wanted: Vec<String> =
            (0..SORTED_ENTRIES + PIECE_ENTRIES + 7).map(|n| format!("{n:05}")).collect();
        let (few, more) = wanted.split_at(SORTED_ENTRIES - 1);
        for name in few {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        assert_eq!(listed(root.path()).await, few, "in order");
        for name in more {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let mut names = listed(root.path()).await;
        names.sort_unstable();
        assert_eq!(names, wanted);
        let directory = Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        let mut reading = Reading::new(directory).unwrap();
        let mut pieces = Vec::new();
        loop {
            let piece = reading.piece().await.unwrap();
            if piece.is_empty() {
                break;
            }
            pieces.push(piece.len());
        }
        assert_eq!(pieces, [SORTED_ENTRIES, PIECE_ENTRIES, 7]);
    }
}
