//! What every store does, tested on each.

#[cfg(unix)]
mod durable;
mod full;
pub(super) mod on_disk;
mod promises;

use super::disk::DiskStore;
use super::memory::MemoryStore;
use super::{Kind, ReadFile, Store, StoreError, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use std::sync::{Arc, Mutex};

fn path(text: &str) -> VirtualPath {
    VirtualPath::root().join(text).unwrap()
}

async fn put(store: &impl Store, name: &str, how: Write, content: &[u8]) {
    let mut file = store.write(&path(name), how).await.unwrap();
    file.write(content).await.unwrap();
    file.publish().await.unwrap();
}

async fn get(store: &impl Store, name: &str) -> Result<Vec<u8>, StoreError> {
    let mut file = store.read(&path(name), 0).await?;
    let (mut out, mut buffer) = (Vec::new(), [0; 3]);
    loop {
        let remaining = file.remaining_bytes();
        let read = file.read(&mut buffer).await?;
        assert_eq!(remaining == 0, read == 0);
        if read == 0 {
            return Ok(out);
        }
        out.extend_from_slice(&buffer[..read]);
        assert_eq!(file.marker().unwrap(), out.len().to_string());
    }
}

async fn names(store: &impl Store, name: &str) -> Vec<String> {
    store.list(&path(name)).await.unwrap().into_iter().map(|entry| entry.name).collect()
}

fn kind_of<T>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(StoreError::BadOffset { offset, size_bytes }) => format!("{offset} beyond {size_bytes}"),
        Err(error) => format!("{error:?}"),
    }
}

async fn files(store: &impl Store) {
    put(store, "/f", Write::Replace, b"0123456789").await;
    assert_eq!(get(store, "/f").await.unwrap(), b"0123456789");
    put(store, "/f", Write::Append, b"ab").await;
    assert_eq!(get(store, "/f").await.unwrap(), b"0123456789ab");
    put(store, "/f", Write::From(4), b"xy").await;
    assert_eq!(get(store, "/f").await.unwrap(), b"0123xy");
    put(store, "/f", Write::Replace, b"").await;
    assert_eq!(get(store, "/f").await.unwrap(), b"");
    put(store, "/new", Write::Append, b"n").await;
    assert_eq!(names(store, "/").await, ["f", "new"]);
    assert_eq!(kind_of(store.write(&path("/f"), Write::From(1)).await), "1 beyond 0");
    assert_eq!(kind_of(store.read(&path("/f"), 1).await), "1 beyond 0");
    assert_eq!(kind_of(get(store, "/none").await), "NotFound");
    assert_eq!(kind_of(get(store, "/none/f").await), "NotFound");
    assert_eq!(kind_of(get(store, "/f/x").await), "NotDirectory");
    assert_eq!(kind_of(store.write(&path("/none/f"), Write::Replace).await), "NotFound");
    assert_eq!(kind_of(store.write(&path("/"), Write::Replace).await), "IsDirectory");
    let metadata = store.metadata(&path("/new")).await.unwrap();
    assert_eq!((metadata.kind, metadata.size_bytes), (Kind::File, 1));
    for time in [(-1, 500_000_000), (-86_401, 0), (-86_402, 1)] {
        store.set_modified(&path("/new"), time).await.unwrap();
        assert_eq!(store.metadata(&path("/new")).await.unwrap().modified, Some(time));
    }
}

async fn directories(store: &impl Store) {
    store.create_directory(&path("/d")).await.unwrap();
    store.create_directory(&path("/d/e")).await.unwrap();
    put(store, "/d/f", Write::Replace, b"x").await;
    assert_eq!(kind_of(store.create_directory(&path("/d")).await), "Exists");
    assert_eq!(kind_of(store.create_directory(&path("/")).await), "Exists");
    assert_eq!(kind_of(store.remove_directory(&path("/d")).await), "NotEmpty");
    assert_eq!(kind_of(store.remove_directory(&path("/d/f")).await), "NotDirectory");
    assert_eq!(kind_of(store.remove_directory(&path("/")).await), "Denied");
    assert_eq!(kind_of(store.remove_file(&path("/d")).await), "IsDirectory");
    assert_eq!(kind_of(store.read(&path("/d"), 0).await), "IsDirectory");
    assert_eq!(kind_of(store.write(&path("/d"), Write::Replace).await), "IsDirectory");
    assert_eq!(kind_of(store.list(&path("/d/f")).await), "NotDirectory");
    store.rename(&path("/d/f"), &path("/g")).await.unwrap();
    assert_eq!(kind_of(store.rename(&path("/d/f"), &path("/h")).await), "NotFound");
    put(store, "/h", Write::Replace, b"old").await;
    store.rename(&path("/g"), &path("/h")).await.unwrap();
    assert_eq!(get(store, "/h").await.unwrap(), b"x");
    assert_eq!(kind_of(store.rename(&path("/h"), &path("/d")).await), "IsDirectory");
    assert_ne!(kind_of(store.rename(&path("/d"), &path("/d/e/x")).await), "ok");
    assert_eq!(kind_of(store.rename(&path("/d"), &path("/h")).await), "NotDirectory");
    assert_eq!(get(store, "/h").await.unwrap(), b"x");
    store.rename(&path("/h"), &path("/h")).await.unwrap();
    assert_eq!(get(store, "/h").await.unwrap(), b"x");
    // A directory takes the place of an empty one, and of no other.
    store.create_directory(&path("/full")).await.unwrap();
    put(store, "/full/x", Write::Replace, b"kept").await;
    assert_eq!(kind_of(store.rename(&path("/d"), &path("/full")).await), "NotEmpty");
    assert_eq!(get(store, "/full/x").await.unwrap(), b"kept");
    store.create_directory(&path("/empty")).await.unwrap();
    store.rename(&path("/full"), &path("/empty")).await.unwrap();
    assert_eq!(names(store, "/").await, ["d", "empty", "h"]);
    store.remove_file(&path("/empty/x")).await.unwrap();
    store.remove_directory(&path("/empty")).await.unwrap();
    store.rename(&path("/d"), &path("/c")).await.unwrap();
    store.remove_directory(&path("/c/e")).await.unwrap();
    store.remove_directory(&path("/c")).await.unwrap();
    store.remove_file(&path("/h")).await.unwrap();
    assert!(names(store, "/").await.is_empty());
}

async fn uploads(store: &impl Store) {
    put(store, "/f", Write::Replace, b"old").await;
    let mut file = store.write(&path("/f"), Write::Replace).await.unwrap();
    file.write(b"new, ").await.unwrap();
    assert_eq!(get(store, "/f").await.unwrap(), b"old");
    assert_eq!(names(store, "/").await, ["f"], "out of sight");
    drop(file);
    assert_eq!(get(store, "/f").await.unwrap(), b"old");
    assert_eq!(store.partial_bytes(&path("/f")).await.unwrap(), None);

    let mut file = store.write(&path("/f"), Write::Replace).await.unwrap();
    file.write(b"new, half").await.unwrap();
    file.checkpoint().await.unwrap();
    assert_eq!(file.marker().unwrap(), "9");
    file.keep().await.unwrap();
    assert_eq!(get(store, "/f").await.unwrap(), b"old");
    assert_eq!(names(store, "/").await, ["f"]);
    assert_eq!(store.partial_bytes(&path("/f")).await.unwrap(), Some(9));
    put(store, "/f", Write::resume(5), b"whole").await;
    assert_eq!(get(store, "/f").await.unwrap(), b"new, whole");
    assert_eq!(store.partial_bytes(&path("/f")).await.unwrap(), None);

    // What is left of one upload does not turn up in a later one.
    let mut file = store.write(&path("/f"), Write::Replace).await.unwrap();
    file.write(b"stale, stale, stale").await.unwrap();
    file.keep().await.unwrap();
    put(store, "/f", Write::Replace, b"0123456789").await;
    put(store, "/f", Write::From(5), b"!").await;
    assert_eq!(get(store, "/f").await.unwrap(), b"01234!");

    // Two are under way at a time: the last to be published wins, each whole.
    let mut one = store.write(&path("/f"), Write::Replace).await.unwrap();
    let mut two = store.write(&path("/f"), Write::Replace).await.unwrap();
    one.write(b"one").await.unwrap();
    two.write(b"two").await.unwrap();
    two.publish().await.unwrap();
    one.publish().await.unwrap();
    assert_eq!(get(store, "/f").await.unwrap(), b"one");
}

#[tokio::test]
async fn memory() {
    files(&MemoryStore::new()).await;
    directories(&MemoryStore::new()).await;
    uploads(&MemoryStore::new()).await;
}

#[tokio::test]
async fn disk() {
    for (number, durable) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)] {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let store = if durable { store.durable().unwrap() } else { store };
        match number {
            0 => files(&store).await,
            1 => directories(&store).await,
            _ => uploads(&store).await,
        }
        let left: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap()).collect();
        assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".ftpsim-")));
    }
}

#[tokio::test]
async fn the_hook_hears_of_each_publication() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = heard.clone();
    let store = MemoryStore::new().with_hook(Arc::new(move |path, content: &Arc<[u8]>| {
        log.lock().unwrap().push(format!("{path} {}", content.len()));
    }));
    put(&store, "/a", Write::Replace, b"123").await;
    put(&store, "/a", Write::Append, b"4").await;
    store.rename(&path("/a"), &path("/b")).await.unwrap();
    drop(store.write(&path("/c"), Write::Replace).await.unwrap());
    assert_eq!(*heard.lock().unwrap(), ["/a 3", "/a 4", "/b 4"]);
}

#[tokio::test]
async fn memory_fills_up() {
    let store = MemoryStore::new();
    put(&store, "/a", Write::Replace, b"12345").await;
    store.set_capacity_bytes(8);
    let mut file = store.write(&path("/b"), Write::Replace).await.unwrap();
    file.write(b"123").await.unwrap();
    assert_eq!(kind_of(file.write(b"4").await), "Full");
    drop(file);
    // What is replaced gives back its room, by whatever replaces it.
    store.insert(&path("/a"), &b"123"[..]);
    store.insert(&path("/c"), &b"1"[..]);
    store.rename(&path("/c"), &path("/a")).await.unwrap();
    put(&store, "/b", Write::Replace, b"1234567").await;
    store.remove_file(&path("/a")).await.unwrap();
    put(&store, "/b", Write::Replace, b"1").await;
    store.remove_file(&path("/b")).await.unwrap();
    put(&store, "/b", Write::Replace, b"12345678").await;
}

/// Who is told that a file is safe relies on it; who may do more meanwhile does.
#[test]
fn only_a_durable_store_says_that_it_is() {
    let root = tempfile::tempdir().unwrap();
    let (memory, disk) = (MemoryStore::new(), DiskStore::open(root.path()).unwrap());
    assert!(!memory.is_durable() && !memory.publishes_together());
    assert!(!disk.is_durable() && !disk.publishes_together());
    let durable = disk.durable().unwrap();
    assert!(durable.is_durable() && durable.publishes_together());
}
