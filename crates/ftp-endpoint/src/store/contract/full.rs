//! A store that is full: of what failed uploads have left it is not.

use super::{kind_of, path, put};
use crate::store::memory::MemoryStore;
use crate::store::{Principal, ReadFile, Store, Write, WriteFile};

const CAPACITY_BYTES: usize = 1 << 20;

fn user(name: &str) -> Principal {
    Principal { name: name.to_owned(), ..Principal::default() }
}

/// No two pieces of it are the same.
fn content(bytes: usize, seed: u32) -> Vec<u8> {
    (0..bytes as u32 / 4 + 1).flat_map(|at| (at * 7919 + seed).to_le_bytes()).take(bytes).collect()
}

/// In pieces, so that what finds no room is in the middle of a file.
async fn write(store: &impl Store, name: &str, how: Write, content: &[u8]) -> String {
    let mut file = match store.write(&path(name), how).await {
        Ok(file) => file,
        refused => return kind_of(refused),
    };
    for piece in content.chunks(50_000) {
        let (one, other) = piece.split_at(piece.len() / 3);
        if let failed @ Err(_) = file.write_together(&[one, other]).await {
            return kind_of(failed);
        }
    }
    kind_of(file.publish().await)
}

async fn read(store: &impl Store, name: &str) -> Vec<u8> {
    let mut file = store.read(&path(name), 0).await.unwrap();
    let mut content = vec![0; file.remaining_bytes() as usize];
    let mut at = 0;
    while at < content.len() {
        at += file.read(&mut content[at..]).await.unwrap();
    }
    content
}

async fn leave(store: &impl Store, name: &str, bytes: usize) {
    let mut file = store.write(&path(name), Write::Replace).await.unwrap();
    file.write(&content(bytes, 0)).await.unwrap();
    file.keep().await.unwrap();
    assert_eq!(store.partial_bytes(&path(name)).await.unwrap(), Some(bytes as u64));
}

/// Whoever's they are: nobody sees them, and only their users could delete them.
async fn what_failed_uploads_have_left_makes_room(store: &impl Store) {
    let (ann, bob) = (store.acting_for(&user("ann")), store.acting_for(&user("bob")));
    for (user, name) in [(&ann, "/a"), (&bob, "/b"), (&ann, "/c")] {
        leave(user, name, 300_000).await;
    }
    let big = content(600_000, 1);
    assert_eq!(write(store, "/big", Write::Replace, &big).await, "ok");
    assert!(read(store, "/big").await == big);
    assert_eq!(ann.partial_bytes(&path("/a")).await.unwrap(), None);

    // What is gone on from is no leaving.
    store.remove_file(&path("/big")).await.unwrap();
    put(store, "/big", Write::Replace, &content(300_000, 1)).await;
    leave(&ann, "/a", 300_000).await;
    let mut resumed = ann.write(&path("/a"), Write::resume(300_000)).await.unwrap();
    leave(&bob, "/b", 400_000).await;
    assert_eq!(write(store, "/more", Write::Replace, &content(360_000, 2)).await, "ok");
    assert_eq!(bob.partial_bytes(&path("/b")).await.unwrap(), None);
    resumed.write(b"!").await.unwrap();
    resumed.publish().await.unwrap();
    assert!(read(store, "/a").await == [&content(300_000, 0)[..], b"!"].concat());

    // Of files it may be full, until they go.
    for _ in 0..3 {
        assert_eq!(write(store, "/f", Write::Replace, &content(200_000, 3)).await, "Full");
    }
    for name in ["/big", "/a", "/more"] {
        store.remove_file(&path(name)).await.unwrap();
    }
    assert_eq!(write(store, "/f", Write::Replace, &content(200_000, 3)).await, "ok");
    store.remove_file(&path("/f")).await.unwrap();
}

/// What goes on from a file: where its beginning is copied at once, where that takes long, and at its end.
async fn what_goes_on_from_a_file_finds_room_as_well(store: &impl Store) {
    let (ann, old) = (store.acting_for(&user("ann")), content(300_000, 4));
    for (how, left_bytes) in
        [(Write::From(200_000), 600_000), (Write::From(280_000), 600_000), (Write::Append, 700_000)]
    {
        put(store, "/log", Write::Replace, &old).await;
        leave(&ann, "/left", left_bytes).await;
        let more = content(150_000, 5);
        assert_eq!(write(store, "/log", how, &more).await, "ok", "{how:?}");
        let begin = if let Write::From(offset) = how { offset as usize } else { old.len() };
        assert!(read(store, "/log").await == [&old[..begin], &more].concat(), "{how:?}");
        assert_eq!(ann.partial_bytes(&path("/left")).await.unwrap(), None, "{how:?}");
        store.remove_file(&path("/log")).await.unwrap();
    }
}

#[tokio::test]
async fn memory() {
    let store = MemoryStore::new();
    store.set_capacity_bytes(CAPACITY_BYTES as u64);
    what_failed_uploads_have_left_makes_room(&store).await;
    what_goes_on_from_a_file_finds_room_as_well(&store).await;
}

#[cfg(target_os = "linux")]
mod disk {
    use super::*;
    use crate::store::disk::DiskStore;
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Output};

    /// Tells the test that runs once more where its disk is.
    const SMALL_DISK: &str = "FTPSIM_TEST_SMALL_DISK";
    const MOUNT: &str = "mount -t tmpfs -o size=\"$1\",nr_inodes=64 none \"$2\" && shift 2 && exec \"$@\"";

    /// A directory takes an inode where a file does; where there are none left, its disk is full as well.
    async fn a_directory_finds_room_as_well(store: &DiskStore, place: &Path) {
        let filler = |nth: usize| place.join(format!("filler{nth}"));
        let fill = || (0..).find(|nth| fs::File::create(filler(*nth)).is_err()).unwrap();
        let ann = store.acting_for(&user("ann"));
        for name in ["/d", "/d/e"] {
            leave(&ann, "/left", 1).await;
            fill();
            assert_eq!(kind_of(store.create_directory(&path(name)).await), "ok", "{name}");
            assert_eq!(ann.partial_bytes(&path("/left")).await.unwrap(), None);
            // Of files it may be full.
            let fillers = fill();
            assert_eq!(kind_of(store.create_directory(&path("/none")).await), "Full");
            (0..fillers).for_each(|nth| fs::remove_file(filler(nth)).unwrap());
        }
        for name in ["/d/e", "/d"] {
            store.remove_directory(&path(name)).await.unwrap();
        }
    }

    /// Runs a program in a namespace in which a file system of this size stands at `place`.
    fn beside_a_small_disk(options: &[&str], place: &Path, program: &[&str]) -> Output {
        let mut command = Command::new("unshare");
        command.args(options).args(["--mount", "sh", "-c", MOUNT, "sh"]);
        command.arg(CAPACITY_BYTES.to_string()).arg(place).args(program);
        command.env(SMALL_DISK, place).output().unwrap()
    }

    /// Only a disk of one's own can be filled. It is mounted where that is allowed, as on most systems, to anybody.
    #[tokio::test]
    async fn disk() {
        if let Some(place) = std::env::var_os(SMALL_DISK) {
            for durable in [false, true] {
                let store = DiskStore::open(&place).unwrap();
                let store = if durable { store.durable().unwrap() } else { store };
                what_failed_uploads_have_left_makes_room(&store).await;
                what_goes_on_from_a_file_finds_room_as_well(&store).await;
                a_directory_finds_room_as_well(&store, Path::new(&place)).await;
                assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
            }
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let allowed = [&["--map-root-user"][..], &[]].into_iter().find(|options| {
            let tried = std::panic::catch_unwind(|| beside_a_small_disk(options, place.path(), &["true"]));
            tried.is_ok_and(|tried| tried.status.success())
        });
        let Some(options) = allowed else {
            eprintln!("not held: no file system can be mounted here");
            return;
        };
        let this = std::env::current_exe().unwrap();
        let name = format!("{}::disk", module_path!().split_once("::").unwrap().1);
        let again = beside_a_small_disk(options, place.path(), &[this.to_str().unwrap(), "--exact", &name]);
        let told = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && told.contains("1 passed"), "{told}");
    }
}
