use super::*;
use crate::store::disk::DiskStore;
use crate::store::{Store, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use std::fs;
use std::path::PathBuf;

#[test]
fn only_a_read_that_was_interrupted_is_tried_again() {
    let mut results = vec![Ok(3), Err(io::ErrorKind::Interrupted), Err(io::ErrorKind::Interrupted)];
    assert_eq!(uninterrupted(|| results.pop().unwrap().map_err(io::Error::from)).unwrap(), 3);
    let mut tries = 0;
    let failed = uninterrupted(|| {
        tries += 1;
        Err(io::ErrorKind::BrokenPipe.into())
    });
    assert!(failed.is_err());
    assert_eq!(tries, 1);
}

/// A file of 100 bytes at which somebody has begun to read.
async fn begun() -> (tempfile::TempDir, PathBuf, DiskStore, DiskReader) {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    let file = root.path().join("f");
    fs::write(&file, [b'x'; 100]).unwrap();
    let reader = store.read(&path(), 0).await.unwrap();
    (root, file, store, reader)
}

fn path() -> VirtualPath {
    VirtualPath::root().join("f").unwrap()
}

fn grow(file: &Path, bytes: u64) {
    fs::File::options().write(true).open(file).unwrap().set_len(bytes).unwrap();
}

/// Each time that it is found longer, it says how much longer.
#[tokio::test]
async fn a_file_that_grows_twice_is_read_to_its_end() {
    let (_root, file, _store, mut reader) = begun().await;
    grow(&file, 150);
    let mut buffer = [0; 1000];
    assert_eq!((reader.read(&mut buffer).await.unwrap(), reader.remaining_bytes()), (100, 50));
    grow(&file, 170);
    assert_eq!((reader.read(&mut buffer).await.unwrap(), reader.remaining_bytes()), (50, 20));
    assert_eq!((reader.read(&mut buffer).await.unwrap(), reader.remaining_bytes()), (20, 0));
}

#[tokio::test]
async fn what_is_missing_of_a_file_that_has_shrunk_is_told() {
    let (_root, file, _store, mut reader) = begun().await;
    grow(&file, 30);
    assert_eq!(reader.read(&mut [0; 40]).await.unwrap(), 30);
    let missing = reader.read(&mut [0; 40]).await;
    assert!(matches!(missing, Err(StoreError::Shrunk { missing_bytes: 70 })), "{missing:?}");
    assert_eq!(reader.remaining_bytes(), 0);
}

/// One append has been published since the file was opened, and is a part of it; of the next one nobody sees
/// anything before all of it is there.
#[tokio::test]
async fn a_file_is_read_as_far_as_its_appends_are_published() {
    let (_root, _file, store, mut reader) = begun().await;
    for (content, is_published) in [([b'y'; 50], true), ([b'z'; 50], false)] {
        let mut append = store.write(&path(), Write::Append).await.unwrap();
        append.write(&content).await.unwrap();
        if is_published {
            append.publish().await.unwrap();
            continue;
        }
        let mut buffer = [0; 1000];
        let mut came = Vec::new();
        while reader.remaining_bytes() > 0 {
            let read = reader.read(&mut buffer).await.unwrap();
            came.extend_from_slice(&buffer[..read]);
        }
        assert_eq!(came, [&[b'x'; 100][..], &[b'y'; 50]].concat());
    }
}

/// What is appended behind it is not seen yet when it is found longer, and comes in its place when it is.
#[tokio::test]
async fn a_file_that_is_appended_to_again_and_again_is_read_without_a_gap() {
    let (_root, file, store, mut reader) = begun().await;
    let append = async |content: &[u8]| {
        let mut append = store.write(&path(), Write::Append).await.unwrap();
        append.write(content).await.unwrap();
        append
    };
    append(b"first").await.publish().await.unwrap();
    let second = append(b"second").await;
    let mut buffer = [0; 1000];
    assert_eq!((reader.read(&mut buffer).await.unwrap(), reader.remaining_bytes()), (100, 5));
    second.publish().await.unwrap();
    append(b"third").await.publish().await.unwrap();
    let mut content = vec![b'x'; 100];
    loop {
        match reader.read(&mut buffer).await.unwrap() {
            0 => break,
            read => content.extend_from_slice(&buffer[..read]),
        }
    }
    assert!(content == fs::read(&file).unwrap(), "{}", String::from_utf8_lossy(&content[100..]));
}
