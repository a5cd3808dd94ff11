//! What a durable store holds over the loss of power: a disk is recorded that has what has been synced, and
//! of everything else whatever is worst.

#![allow(clippy::disallowed_methods, reason = "a real disk takes real time")]

use super::{get, kind_of, path, put};
use crate::store::disk::durable::Disk;
use crate::store::disk::{DiskStore, DiskWriter};
use crate::store::{Principal, Store, StoreError, Write, WriteFile};
use cap_std::fs::{Dir, File, MetadataExt};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

/// Longer than what waits for its turn.
const LONG_BYTES: usize = 5 << 20;

/// By inode.
type Contents = BTreeMap<u64, Vec<u8>>;

#[derive(Default)]
struct Safe {
    files: Contents,
    /// The names of a directory, by its inode.
    names: BTreeMap<u64, BTreeMap<String, u64>>,
    log: Vec<String>,
    /// Syncs that wait.
    held: usize,
}

/// A disk that keeps what has been synced.
struct Recorded {
    root: PathBuf,
    safe: Mutex<Safe>,
    is_held: Mutex<bool>,
    let_go: Condvar,
    /// Files with these bytes cannot be synced, and directories of this name.
    bad: Mutex<Option<&'static str>>,
}

impl Recorded {
    fn new() -> (tempfile::TempDir, Arc<Self>, DiskStore) {
        let root = tempfile::tempdir().unwrap();
        let disk = Arc::new(Self {
            root: root.path().to_owned(),
            safe: Mutex::default(),
            is_held: Mutex::new(false),
            let_go: Condvar::new(),
            bad: Mutex::new(None),
        });
        let store = DiskStore::open(root.path()).unwrap().durable_on(disk.clone()).unwrap();
        *disk.safe.lock().unwrap() = Safe::default();
        (root, disk, store)
    }

    fn hold(&self, is_held: bool) {
        *self.is_held.lock().unwrap() = is_held;
        self.let_go.notify_all();
    }

    fn wait(&self) {
        self.safe.lock().unwrap().held += 1;
        drop(self.let_go.wait_while(self.is_held.lock().unwrap(), |held| *held).unwrap());
    }

    async fn is_asked(&self) {
        while self.safe.lock().unwrap().held == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.safe.lock().unwrap().log)
    }

    /// A name may have come to the disk by itself at any time: then its bytes must be there.
    fn no_name_lacks_its_bytes(&self) -> String {
        let mut seen = Vec::new();
        let safe = self.safe.lock().unwrap();
        for (name, inode) in visible(&self.root) {
            // What is changed in place has the old ones.
            assert!(safe.files.contains_key(&inode), "{name} stands there without its bytes");
            seen.push(name);
        }
        seen.join(" ")
    }

    /// What stands under a name after the loss of power.
    fn after_power_loss(&self, name: &str) -> Option<Vec<u8>> {
        let safe = self.safe.lock().unwrap();
        let mut directory = inode(&self.root);
        let mut content = None;
        for part in name.trim_start_matches('/').split('/') {
            let found = *safe.names.get(&directory)?.get(part)?;
            content = safe.files.get(&found).cloned();
            directory = found;
        }
        content.or_else(|| safe.names.contains_key(&directory).then(Vec::new))
    }
}

fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
}

/// Files below a directory that clients see, and their inodes.
fn visible(root: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() && !name.starts_with(".ftpsim-") {
            let below = visible(&entry.path());
            found.extend(below.into_iter().map(|(below, inode)| (format!("{name}/{below}"), inode)));
        } else if !name.starts_with(".ftpsim-") {
            found.push((name, inode(&entry.path())));
        }
    }
    found.sort();
    found
}

fn leftovers(root: &Path) -> usize {
    let names = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().starts_with(".ftpsim-")).count()
}

impl Disk for Recorded {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.wait();
        let seen = self.no_name_lacks_its_bytes();
        let metadata = file.metadata()?;
        let mut content = vec![0; metadata.len() as usize];
        let std_file = file.try_clone()?.into_std();
        if metadata.is_file() {
            std_file.read_exact_at(&mut content, 0)?;
        }
        let text = String::from_utf8_lossy(&content[..content.len().min(20)]).into_owned();
        if *self.bad.lock().unwrap() == Some(&text) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let mut safe = self.safe.lock().unwrap();
        safe.log.push(format!("file {text:?} while there is [{seen}]"));
        // The system gives an inode that is free to whatever comes next, be it a file or a directory.
        safe.names.remove(&metadata.ino());
        safe.files.insert(metadata.ino(), content);
        Ok(())
    }

    fn sync_directory(&self, directory: &Dir) -> io::Result<()> {
        self.wait();
        let seen = self.no_name_lacks_its_bytes();
        if *self.bad.lock().unwrap() == Some("directory") {
            return Err(io::Error::from_raw_os_error(5));
        }
        let names = directory.entries()?.map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino())
        });
        let names = names.filter(|(name, _)| !name.ends_with(".tmp")).collect();
        let mut safe = self.safe.lock().unwrap();
        safe.log.push(format!("directory while there is [{seen}]"));
        let inode = directory.dir_metadata()?.ino();
        safe.files.remove(&inode);
        safe.names.insert(inode, names);
        Ok(())
    }
}

async fn written(store: &DiskStore, name: &str, how: Write, content: &str) -> DiskWriter {
    let mut file = store.write(&path(name), how).await.unwrap();
    file.write(content.as_bytes()).await.unwrap();
    file
}

/// Begins to publish each, in this order.
async fn begin(
    files: impl IntoIterator<Item = DiskWriter>,
) -> Vec<tokio::task::JoinHandle<Result<(), StoreError>>> {
    let begun = files.into_iter().map(|file| tokio::spawn(file.publish())).collect();
    tokio::task::yield_now().await;
    begun
}

#[tokio::test]
async fn bytes_then_names_then_the_directory_and_many_at_once() {
    let (_root, disk, store) = Recorded::new();
    disk.hold(true);
    let first = begin([written(&store, "/first", Write::Replace, "1").await]).await;
    disk.is_asked().await;
    let mut files = Vec::new();
    for name in ["a", "b", "c", "d"] {
        // On behalf of whomever.
        let store = store.acting_for(&Principal { name: name.to_owned(), ..Principal::default() });
        files.push(written(&store, &format!("/{name}"), Write::Replace, "x").await);
    }
    let others = begin(files).await;
    disk.hold(false);
    for publication in first.into_iter().chain(others) {
        publication.await.unwrap().unwrap();
    }
    let of_files = |seen| format!("file \"x\" while there is [{seen}]");
    let mut expected =
        vec!["file \"1\" while there is []".to_owned(), "directory while there is [first]".to_owned()];
    expected.extend([of_files("first"), of_files("first"), of_files("first"), of_files("first")]);
    expected.push("directory while there is [a b c d first]".to_owned());
    assert_eq!(disk.take_log(), expected);
    assert_eq!(store.sync_batches(), 2);
    for name in ["/a", "/b", "/c", "/d"] {
        assert_eq!(disk.after_power_loss(name).unwrap(), b"x");
    }
}

/// The price of a promise is the disk's syncs: what comes while it works shares the next ones.
#[tokio::test]
async fn files_that_come_together_share_the_syncs_of_their_directory() {
    const FILES: usize = 100;
    let directories = |disk: &Recorded| {
        let log = disk.take_log();
        assert_eq!(log.iter().filter(|line| line.starts_with("file")).count(), FILES);
        log.iter().filter(|line| line.starts_with("directory")).count()
    };
    let (_root, disk, store) = Recorded::new();
    for number in 0..FILES {
        put(&store, &format!("/{number}"), Write::Replace, b"x").await;
    }
    assert_eq!(directories(&disk), FILES, "one by one, each is answered before the next one comes");

    let (_root, disk, store) = Recorded::new();
    let mut files = Vec::new();
    for number in 0..FILES {
        files.push(written(&store, &format!("/{number}"), Write::Replace, "x").await);
    }
    disk.hold(true);
    let begun = begin(files).await;
    disk.is_asked().await;
    for _ in 0..FILES {
        tokio::task::yield_now().await;
    }
    disk.hold(false);
    for publication in begun {
        publication.await.unwrap().unwrap();
    }
    // Two where all have come by now; what takes its time on another thread may come later.
    let shared = directories(&disk);
    assert!(shared <= FILES / 5, "{shared}");
}

#[tokio::test]
async fn whatever_is_answered_survives() {
    let (root, disk, store) = Recorded::new();
    let survives = |name: &str, content: &[u8]| {
        assert_eq!(disk.after_power_loss(name).as_deref(), Some(content), "{name}");
    };
    put(&store, "/f", Write::Replace, b"old").await;
    survives("/f", b"old");
    put(&store, "/f", Write::Replace, b"new").await;
    survives("/f", b"new");
    put(&store, "/f", Write::Append, b"er").await;
    survives("/f", b"newer");
    put(&store, "/f", Write::From(5), b"!").await;
    survives("/f", b"newer!");
    put(&store, "/f", Write::From(3), b"t").await;
    survives("/f", b"newt");
    put(&store, "/g", Write::Append, b"g").await;
    survives("/g", b"g");
    put(&store, "/empty", Write::Append, b"").await;
    survives("/empty", b"");

    store.create_directory(&path("/d")).await.unwrap();
    survives("/d", b"");
    store.create_directory(&path("/d/e")).await.unwrap();
    survives("/d/e", b"");
    put(&store, "/d/e/f", Write::Replace, b"deep").await;
    survives("/d/e/f", b"deep");
    // Somebody else has written it, and synced nothing.
    std::fs::write(root.path().join("theirs"), b"theirs").unwrap();
    let shown = |names: &[&str]| names.iter().all(|name| disk.after_power_loss(name).is_none());
    disk.safe.lock().unwrap().files.insert(inode(&root.path().join("theirs")), b"theirs".to_vec());
    store.rename(&path("/theirs"), &path("/d/mine")).await.unwrap();
    survives("/d/mine", b"theirs");
    assert!(shown(&["/theirs"]));
    store.rename(&path("/d/e/f"), &path("/f")).await.unwrap();
    survives("/f", b"deep");
    assert!(shown(&["/d/e/f"]));
    store.remove_directory(&path("/d/e")).await.unwrap();
    store.remove_file(&path("/d/mine")).await.unwrap();
    assert!(shown(&["/d/e", "/d/mine"]));
    disk.take_log();
    store.set_modified(&path("/f"), (1, 0)).await.unwrap();
    assert_eq!(disk.take_log(), ["file \"deep\" while there is [empty f g]"]);
}

#[tokio::test]
async fn hard_links_get_the_new_bytes_and_keep_them() {
    let (root, disk, store) = Recorded::new();
    put(&store, "/f", Write::Replace, b"old").await;
    std::fs::hard_link(root.path().join("f"), root.path().join("g")).unwrap();
    let mut file = store.write(&path("/f"), Write::Replace).await.unwrap();
    file.write(b"new and longer").await.unwrap();
    file.publish().await.unwrap();
    assert_eq!(disk.after_power_loss("/f").unwrap(), b"new and longer");
    assert_eq!(disk.after_power_loss("/g").unwrap(), b"new and longer");
    assert_eq!(leftovers(root.path()), 0);
}

/// What another program has written and not synced is on the disk before it has its new name.
#[tokio::test]
async fn a_file_of_others_is_synced_before_it_is_renamed() {
    let (root, disk, store) = Recorded::new();
    put(&store, "/theirs", Write::Replace, b"old").await;
    std::fs::write(root.path().join("theirs"), b"changed in place").unwrap();
    assert_eq!(disk.after_power_loss("/theirs").unwrap(), b"old");
    store.rename(&path("/theirs"), &path("/ours")).await.unwrap();
    assert_eq!(disk.after_power_loss("/ours").unwrap(), b"changed in place");
    assert_eq!(disk.after_power_loss("/theirs"), None);
}

/// After the loss of power.
fn parts(disk: &Recorded) -> Option<usize> {
    let safe = disk.safe.lock().unwrap();
    let parts = safe.names.get(&inode(&disk.root))?.get(".ftpsim-parts")?;
    safe.names.get(parts).map(BTreeMap::len)
}

/// With the name that they were for; where there are none, the disk is not asked for more than the name.
#[tokio::test]
async fn parts_of_a_name_that_is_removed_go_for_good() {
    let (_root, disk, store) = Recorded::new();
    for name in ["/f", "/g"] {
        put(&store, name, Write::Replace, b"whole").await;
    }
    for name in ["/f", "/h"] {
        written(&store, name, Write::Replace, "half").await.keep().await.unwrap();
    }
    assert_eq!(parts(&disk), Some(2));
    store.remove_file(&path("/f")).await.unwrap();
    assert_eq!(parts(&disk), Some(1));
    disk.take_log();
    store.remove_file(&path("/g")).await.unwrap();
    assert_eq!(disk.take_log(), ["directory while there is []"]);
}

#[tokio::test]
async fn a_kept_part_survives_and_goes_for_good() {
    let (_root, disk, store) = Recorded::new();
    written(&store, "/f", Write::Replace, "half").await.keep().await.unwrap();
    assert_eq!(parts(&disk), Some(1));
    let bytes = disk.safe.lock().unwrap().files.values().cloned().collect::<Vec<_>>();
    assert!(bytes.contains(&b"half".to_vec()), "{bytes:?}");
    put(&store, "/f", Write::Replace, b"whole").await;
    assert_eq!(parts(&disk), None, "it is not to be resumed after the loss of power");
}

#[tokio::test]
async fn a_failed_sync_is_an_error_of_its_file_alone_and_not_tried_again() {
    let (root, disk, store) = Recorded::new();
    put(&store, "/b", Write::Replace, b"old").await;
    *disk.bad.lock().unwrap() = Some("bad");
    disk.hold(true);
    let first = begin([written(&store, "/first", Write::Replace, "1").await]).await;
    let mut files = Vec::new();
    for (name, content) in [("/a", "good"), ("/b", "bad"), ("/c", "good")] {
        files.push(written(&store, name, Write::Replace, content).await);
    }
    let asked = begin(files).await;
    disk.hold(false);
    let mut results = Vec::new();
    for publication in first.into_iter().chain(asked) {
        results.push(publication.await.unwrap());
    }
    let error = results.remove(2).unwrap_err();
    assert!(matches!(error, StoreError::NotDurable(_)), "{error:?}");
    assert!(error.to_string().starts_with("not safe on the disk"), "{error}");
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(get(&store, "/b").await.unwrap(), b"old");
    assert_eq!(leftovers(root.path()), 0);

    // An append is cut off again.
    put(&store, "/b", Write::Replace, b"b").await;
    let append = written(&store, "/b", Write::Append, "ad").await;
    assert!(kind_of(append.publish().await).starts_with("NotDurable"));
    assert_eq!(get(&store, "/b").await.unwrap(), b"b");

    *disk.bad.lock().unwrap() = Some("directory");
    let file = written(&store, "/d", Write::Replace, "d").await;
    assert!(kind_of(file.publish().await).starts_with("NotDurable"));
    for result in [
        store.create_directory(&path("/e")).await,
        store.rename(&path("/a"), &path("/z")).await,
        store.remove_file(&path("/c")).await,
    ] {
        assert!(kind_of(result).starts_with("NotDurable"));
    }
    assert!(DiskStore::open(root.path()).unwrap().durable_on(disk).is_err(), "told at once");
}

#[tokio::test]
async fn who_has_asked_and_gone_harms_nobody() {
    let (root, disk, store) = Recorded::new();
    // Nothing has happened.
    drop(written(&store, "/f", Write::Replace, "f").await.publish());
    assert_eq!((visible(root.path()).len(), leftovers(root.path())), (0, 0));
    // It goes on.
    disk.hold(true);
    let asked = begin([
        written(&store, "/f", Write::Replace, "f").await,
        written(&store, "/g", Write::Replace, "g").await,
    ])
    .await;
    disk.is_asked().await;
    asked.iter().for_each(tokio::task::JoinHandle::abort);
    tokio::task::yield_now().await;
    disk.hold(false);
    put(&store, "/h", Write::Replace, b"h").await;
    for (name, content) in [("/f", b"f"), ("/g", b"g"), ("/h", b"h")] {
        assert_eq!(get(&store, name).await.unwrap(), content);
        assert_eq!(disk.after_power_loss(name).unwrap(), content);
    }
    assert_eq!(leftovers(root.path()), 0);
}

#[test]
fn a_runtime_that_ends_leaves_nobody_waiting() {
    let (_root, disk, store) = Recorded::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    disk.hold(true);
    first.block_on(async {
        let _ = begin([written(&store, "/f", Write::Replace, "f").await]).await;
        disk.is_asked().await;
    });
    first.shutdown_background();
    disk.hold(false);
    runtime().block_on(put(&store, "/g", Write::Replace, b"g"));
    assert_eq!(disk.after_power_loss("/g").unwrap(), b"g");
}

#[tokio::test]
async fn long_files_do_not_keep_short_ones_waiting() {
    let (_root, disk, store) = Recorded::new();
    let mut long = store.write(&path("/long"), Write::Replace).await.unwrap();
    long.write(&vec![b'l'; LONG_BYTES]).await.unwrap();
    disk.hold(true);
    let asked = begin([long]).await;
    disk.is_asked().await;
    assert_eq!(store.sync_batches(), 0, "it is synced by itself");
    disk.hold(false);
    for publication in asked {
        publication.await.unwrap().unwrap();
    }
    assert_eq!(disk.after_power_loss("/long").unwrap().len(), LONG_BYTES);
}
