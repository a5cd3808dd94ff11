//! What killed processes and failed uploads have left: hidden from clients, but not from the disk.

use super::{DiskStore, PARTIAL_END, TEMPORARY_END, is_hidden};
use cap_std::fs::Dir;
use ftp_proto::name::{from_os, to_os};
use std::io;
use std::time::{Duration, SystemTime};

/// A temporary file that nobody has written to for so long is nobody's.
const TEMPORARY_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Deeper trees are left alone.
const MAX_DEPTH: usize = 64;

impl DiskStore {
    /// Removes temporary files of uploads that ended with their process a day ago or more, and what
    /// failed uploads have left for resumption longer than `partial_age` ago. Gives how many went; what
    /// cannot be removed stays. Reads the whole tree: not for a thread that others wait for.
    pub fn remove_leftovers(&self, now: SystemTime, partial_age: Duration) -> io::Result<u64> {
        let mut removed = 0;
        let mut open = vec![(self.root.try_clone()?, 0)];
        while let Some((directory, depth)) = open.pop() {
            let Ok(entries) = directory.entries() else { continue };
            for entry in entries.flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() && depth < MAX_DEPTH {
                    open.extend(entry.open_dir().ok().map(|below| (below, depth + 1)));
                } else if kind.is_file() && is_old(&directory, &from_os(&entry.file_name()), now, partial_age)
                {
                    removed += u64::from(directory.remove_file(entry.file_name()).is_ok());
                }
            }
        }
        Ok(removed)
    }
}

fn is_old(directory: &Dir, name: &str, now: SystemTime, partial_age: Duration) -> bool {
    let limit = match name {
        _ if !is_hidden(name) => return false,
        _ if name.ends_with(TEMPORARY_END) => TEMPORARY_AGE,
        _ if name.ends_with(PARTIAL_END) => partial_age,
        _ => return false,
    };
    let modified = directory.symlink_metadata(to_os(name)).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| now.duration_since(modified.into_std()).is_ok_and(|age| age >= limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_old_leftovers_go() {
        let root = tempfile::tempdir().unwrap();
        let at = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(days * 24 * 60 * 60);
        fs::create_dir_all(root.path().join("d/e")).unwrap();
        for (name, day) in [
            ("d/e/.ftpsim-1-1.tmp", 10),
            (".ftpsim-1-2.tmp", 99),
            ("d/.ftpsim-old.part", 92),
            (".ftpsim-new.part", 95),
            ("d/file", 1),
            (".hidden.part", 1),
        ] {
            let file = fs::File::create(root.path().join(name)).unwrap();
            file.set_modified(at(day)).unwrap();
        }
        // Out of the root leads no link.
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join(".ftpsim-1-1.tmp");
        fs::File::create(&victim).unwrap().set_modified(at(1)).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        // A day and some hours after the younger temporary file.
        assert_eq!(store.remove_leftovers(at(99) + Duration::from_secs(3600), week).unwrap(), 2);
        assert!(
            root.path().join(".ftpsim-1-2.tmp").exists() && root.path().join(".ftpsim-new.part").exists()
        );
        assert!(root.path().join("d/file").exists() && root.path().join(".hidden.part").exists());
        assert_eq!(store.remove_leftovers(at(120), week).unwrap(), 2);
        assert!(root.path().join("d/file").exists() && victim.exists());
    }
}
