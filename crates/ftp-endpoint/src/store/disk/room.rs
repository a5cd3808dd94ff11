//! Room on a full disk: what failed uploads have left is no more than a help, and goes before anybody is told that
//! there is none.
#![allow(clippy::disallowed_methods, reason = "a disk fills up in real time")]

use super::{DiskStore, aside, parts};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long a look stands for those after it: on a disk that is full of files each write would look.
const RECENT: Duration = Duration::from_secs(1);

/// When a store has looked for parts to remove.
#[derive(Default)]
pub(super) struct Room {
    looks: Mutex<Looks>,
    /// A part has been kept since the last look.
    is_kept: AtomicBool,
}

#[derive(Default)]
struct Looks {
    /// The last one that has found something.
    found: Option<Instant>,
    in_vain: Option<Instant>,
}

fn is_recent(look: Option<Instant>) -> bool {
    look.is_some_and(|at| at.elapsed() < RECENT)
}

impl Room {
    pub(super) fn has_part(&self) {
        self.is_kept.store(true, Ordering::Release);
    }
}

impl DiskStore {
    /// For what has found no room: whether to try it once more, since the parts that nobody goes on from have been
    /// removed, now or just before. Reads the directory of the parts in a thread of its own.
    pub(super) async fn makes_room(&self) -> bool {
        let store = self.clone();
        aside(move || Ok(store.remove_unused_parts())).await.unwrap_or(false)
    }

    fn remove_unused_parts(&self) -> bool {
        // Whoever comes meanwhile waits, and has the room that was made.
        let mut looks = self.room.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if self.room.is_kept.swap(false, Ordering::AcqRel) || !is_recent(looks.in_vain) {
            let removed = parts::remove_unused(&self.root);
            let look = if removed > 0 {
                #[cfg(feature = "server")]
                tracing::info!(removed, "the disk is full: parts of failed uploads were removed");
                &mut looks.found
            } else {
                &mut looks.in_vain
            };
            *look = Some(Instant::now());
        }
        is_recent(looks.found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PARTIAL_END, PARTS, TEMPORARY_START};
    use super::*;
    use std::fs;

    /// A disk may be full of files for days, and written to all the time.
    #[test]
    fn a_look_in_vain_stands_for_the_next_until_a_part_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let part = root.path().join(PARTS).join(format!("{TEMPORARY_START}x{PARTIAL_END}"));
        assert!(!store.remove_unused_parts());
        fs::create_dir(root.path().join(PARTS)).unwrap();
        fs::write(&part, "x").unwrap();
        assert!(!store.clone().remove_unused_parts(), "not looked for");
        store.room.has_part();
        assert!(store.remove_unused_parts() && !root.path().join(PARTS).exists());
        assert!(store.remove_unused_parts(), "who comes at the same time has the room, too");
    }

    #[test]
    fn a_part_that_somebody_goes_on_from_stays() {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let part = |name: &str| root.path().join(PARTS).join(format!("{TEMPORARY_START}{name}{PARTIAL_END}"));
        fs::create_dir(root.path().join(PARTS)).unwrap();
        for name in ["held", "left", "left.of"] {
            fs::write(part(name), "x").unwrap();
        }
        fs::write(root.path().join(PARTS).join("anothers"), "x").unwrap();
        let held = fs::File::open(part("held")).unwrap();
        held.try_lock().unwrap();
        assert!(store.remove_unused_parts());
        assert_eq!(fs::read_dir(root.path().join(PARTS)).unwrap().count(), 2);
        assert!(part("held").exists());
    }
}
