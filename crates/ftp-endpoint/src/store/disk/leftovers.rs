//! What killed processes and failed uploads have left: hidden from clients, but not from the disk.

use super::appends::identity;
use super::{
    DiskStore, Locked, PARTIAL_END, PARTS, TEMPORARY_END, is_hidden, lock, on_disk, open_to_change, parts,
};
use cap_std::fs::Dir;
use ftp_proto::path::VirtualPath;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where files cannot be locked, a temporary file that nobody has written to for so long is nobody's.
const TEMPORARY_AGE: Duration = Duration::from_secs(24 * 60 * 60);

impl DiskStore {
    /// Removes what failed uploads have left for resumption longer than `partial_age` ago. Gives how many
    /// went.
    pub fn remove_old_partials(&self, now: SystemTime, partial_age: Duration) -> io::Result<u64> {
        let parts = match self.root.open_dir(PARTS) {
            Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        let names = parts.entries()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let hidden = names.filter(|name| is_hidden(name)).collect::<Vec<_>>();
        let removed = hidden.iter().filter(|name| remove_old(&parts, name, now, partial_age)).count();
        parts::tidy(&self.root);
        Ok(removed as u64)
    }

    /// Removes temporary files of transfers into one directory whose process has ended. Gives how many went.
    pub fn remove_dead_temporaries(&self, directory: &VirtualPath, now: SystemTime) -> io::Result<u64> {
        let directory = match directory.name() {
            Some(_) => self.root.open_dir(on_disk(directory))?,
            None => self.root.try_clone()?,
        };
        let mut removed = 0;
        for entry in directory.entries()?.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_ours = is_hidden(name) && name.ends_with(TEMPORARY_END);
            if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                removed += u64::from(remove_old(&directory, name, now, TEMPORARY_AGE));
            }
        }
        Ok(removed)
    }

    /// Removes temporary files of uploads whose process has ended, and what failed uploads have left for
    /// resumption longer than `partial_age` ago. Gives how many went; what cannot be removed stays. Reads
    /// the whole tree: not for a thread that others wait for.
    pub fn remove_leftovers(&self, now: SystemTime, partial_age: Duration) -> io::Result<u64> {
        let mut removed = 0;
        // By their paths, which no transfer goes beyond either: one is open at a time, however deep and wide the tree.
        let mut found = vec![(PathBuf::new(), None)];
        while let Some((path, seen)) = found.pop() {
            let Some(directory) = self.as_seen(&path, seen)? else { continue };
            let Ok(entries) = directory.entries() else { continue };
            for entry in entries.flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    let seen = entry.metadata().ok().map(|metadata| identity(&metadata));
                    found.extend(seen.map(|seen| (path.join(entry.file_name()), Some(seen))));
                } else if kind.is_file()
                    && let Some(name) = entry.file_name().to_str()
                    && is_hidden(name)
                {
                    removed += u64::from(remove_old(&directory, name, now, partial_age));
                }
            }
        }
        parts::tidy(&self.root);
        Ok(removed)
    }

    /// A directory that still is the one that was seen there: a link in its place, which somebody has put there
    /// meanwhile, could lead round for ever. The root by no path.
    fn as_seen(&self, path: &Path, seen: Option<(u64, u64)>) -> io::Result<Option<Dir>> {
        let Some(seen) = seen else { return self.root.try_clone().map(Some) };
        let is_it = |directory: &Dir| directory.dir_metadata().is_ok_and(|found| identity(&found) == seen);
        Ok(self.root.open_dir(path).ok().filter(is_it))
    }
}

fn remove_old(directory: &Dir, name: &str, now: SystemTime, partial_age: Duration) -> bool {
    let modified = || directory.symlink_metadata(name).and_then(|metadata| metadata.modified());
    let is_older = |limit: Duration| {
        modified().is_ok_and(|time| now.duration_since(time.into_std()).is_ok_and(|age| age >= limit))
    };
    if name.ends_with(PARTIAL_END) {
        return is_older(partial_age) && directory.remove_file(name).is_ok();
    }
    // It stays open until it is gone: its lock tells an upload that would use the name meanwhile.
    let Ok(file) = open_to_change(directory, name) else { return false };
    match lock(&file) {
        Locked::Here => directory.remove_file(name).is_ok(),
        Locked::Elsewhere => false,
        Locked::Unknown => is_older(TEMPORARY_AGE) && directory.remove_file(name).is_ok(),
    }
}

/// Whether what a directory holds out of sight is no upload's that is under way.
pub(super) fn is_nobodys(directory: &Dir, name: &str) -> bool {
    name.ends_with(PARTIAL_END)
        || name.ends_with(TEMPORARY_END)
            && open_to_change(directory, name).is_ok_and(|file| lock(&file) == Locked::Here)
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
        // No link leads out of the root.
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join(".ftpsim-1-1.tmp");
        fs::File::create(&victim).unwrap().set_modified(at(1)).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        // It is held as an upload under way holds it.
        let held = fs::File::open(root.path().join(".ftpsim-1-2.tmp")).unwrap();
        held.try_lock().unwrap();
        assert_eq!(store.remove_leftovers(at(99), week).unwrap(), 2);
        assert!(
            root.path().join(".ftpsim-1-2.tmp").exists() && root.path().join(".ftpsim-new.part").exists()
        );
        drop(held);
        assert!(root.path().join("d/file").exists() && root.path().join(".hidden.part").exists());
        assert_eq!(store.remove_leftovers(at(120), week).unwrap(), 2);
        assert!(root.path().join("d/file").exists() && victim.exists());
    }

    #[test]
    fn a_tree_is_tidied_however_deep_it_is() {
        const DEPTH: usize = 500;
        let root = tempfile::tempdir().unwrap();
        let mut place = root.path().to_owned();
        for depth in 0..DEPTH {
            fs::write(place.join(".ftpsim-1-1.tmp"), "").unwrap();
            place.push(format!("d{depth}"));
            fs::create_dir(&place).unwrap();
        }
        let store = DiskStore::open(root.path()).unwrap();
        let removed = store.remove_leftovers(SystemTime::UNIX_EPOCH, Duration::ZERO).unwrap();
        assert_eq!(removed, DEPTH as u64);
    }

    /// Somebody may exchange what is being walked through: each directory is that which was found.
    #[cfg(unix)]
    #[test]
    fn what_has_become_another_directory_is_not_gone_into() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let store = DiskStore::open(root.path()).unwrap();
        let seen = identity(&store.root.open_dir("a").unwrap().dir_metadata().unwrap());
        assert!(store.as_seen(Path::new("a"), Some(seen)).unwrap().is_some());
        fs::remove_dir(root.path().join("a")).unwrap();
        assert!(store.as_seen(Path::new("a"), Some(seen)).unwrap().is_none(), "it is gone");
        std::os::unix::fs::symlink("b", root.path().join("a")).unwrap();
        assert!(store.as_seen(Path::new("a"), Some(seen)).unwrap().is_none(), "a link to another");
    }

    #[tokio::test]
    async fn parts_go_when_they_are_old() {
        use super::super::super::{Principal, Store, Write, WriteFile};
        let root = tempfile::tempdir().unwrap();
        let (store, day) = (DiskStore::open(root.path()).unwrap(), Duration::from_secs(24 * 60 * 60));
        let now = SystemTime::UNIX_EPOCH + day * 100;
        assert_eq!(store.remove_old_partials(now, day).unwrap(), 0, "there are none");
        let path = |name: &str| VirtualPath::root().join(name).unwrap();
        for (name, age_days) in [("old", 3), ("new", 0)] {
            let mut file = store.write(&path(name), Write::Replace).await.unwrap();
            file.write(b"half").await.unwrap();
            file.keep().await.unwrap();
            let part = root.path().join(PARTS).join(parts::name_of(&path(name), &Principal::default()));
            fs::File::options().write(true).open(part).unwrap().set_modified(now - day * age_days).unwrap();
        }
        assert_eq!(store.remove_old_partials(now, day).unwrap(), 1);
        assert_eq!(store.partial_bytes(&path("old")).await.unwrap(), None);
        assert_eq!(store.partial_bytes(&path("new")).await.unwrap(), Some(4));
        assert_eq!(store.remove_old_partials(now + day * 2, day).unwrap(), 1);
        assert!(!root.path().join(PARTS).exists(), "an empty directory of parts goes as well");
    }

    #[test]
    fn of_one_directory_what_the_dead_have_left_goes() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("d/below")).unwrap();
        for name in ["d/.ftpsim-1-1.tmp", "d/.ftpsim-1-2.tmp", "d/.ftpsim-x.part", "d/f.tmp"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        for name in ["d/below/.ftpsim-1-1.tmp", ".ftpsim-1-1.tmp"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let held = fs::File::open(root.path().join("d/.ftpsim-1-2.tmp")).unwrap();
        held.try_lock().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let directory = |path: &str| VirtualPath::root().join(path).unwrap();
        let remove = |path| store.remove_dead_temporaries(&directory(path), SystemTime::UNIX_EPOCH);
        assert_eq!(remove("d").unwrap(), 1);
        assert!(!root.path().join("d/.ftpsim-1-1.tmp").exists());
        drop(held);
        assert_eq!((remove("d").unwrap(), remove("/").unwrap()), (1, 1));
        assert!(remove("none").is_err());
        for name in ["d/.ftpsim-x.part", "d/f.tmp", "d/below/.ftpsim-1-1.tmp"] {
            assert!(root.path().join(name).exists(), "{name}");
        }
    }

    /// Who cannot look does not say that nothing is there.
    #[test]
    fn a_directory_of_parts_that_cannot_be_read_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(PARTS), "no directory").unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        assert!(store.remove_old_partials(SystemTime::UNIX_EPOCH, Duration::ZERO).is_err());
    }
}
