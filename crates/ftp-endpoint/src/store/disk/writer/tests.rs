use super::*;
use crate::store::{Principal, Store};
use cap_std::fs::File;

/// Takes three bytes at a time, after signals; full at the end.
#[derive(Default)]
struct Signalled {
    taken: Vec<u8>,
    calls: usize,
    room: usize,
}

impl io::Write for Signalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls % 2 == 1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let bytes = &bytes[..bytes.len().min(3)];
        if self.taken.len() + bytes.len() > self.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.write(&all)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn pieces_are_written_whole_and_in_order_whatever_comes_between() {
    let pieces: Vec<&[u8]> =
        "one,two,,three,f,o,u,r,five six seven,,eight".split(',').map(str::as_bytes).collect();
    for some in [&pieces[..], &pieces[..1], &pieces[2..3], &pieces[..9], &[]] {
        let mut file = Signalled { room: 1000, ..Signalled::default() };
        write_all(&mut file, some).unwrap();
        assert_eq!(file.taken, some.concat());
        let mut full = Signalled { room: some.concat().len().saturating_sub(1), ..Signalled::default() };
        let written = write_all(&mut full, some).map_err(|error| error.kind());
        let wanted = if some.concat().is_empty() { Ok(()) } else { Err(io::ErrorKind::StorageFull) };
        assert_eq!(written, wanted);
    }
}

/// An upload of which half has come, and which is to be written to another file from now on.
async fn half(store: &DiskStore, then: File) -> DiskWriter {
    let path = VirtualPath::root().join("f").unwrap();
    let mut writer = DiskWriter::open(store, &path, Write::Replace).await.unwrap();
    writer.write(b"half").await.unwrap();
    if let Target::Temporary { file, .. } = &mut writer.target {
        file.file = then;
    }
    writer
}

/// How much of the write that failed is there is not known.
#[tokio::test]
async fn nothing_is_kept_of_an_upload_that_could_not_be_written() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("other"), b"").unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    let path = VirtualPath::root().join("f").unwrap();
    let cannot_be_written = store.root.open("other").unwrap();
    let mut writer = half(&store, cannot_be_written).await;
    writer.write(b"more").await.unwrap_err();
    writer.write(b"").await.unwrap();
    writer.keep().await.unwrap();
    assert_eq!(store.partial_bytes(&path).await.unwrap(), None);
}

/// What cannot be synced says so when it is asked to.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_checkpoint_is_on_the_disk() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    let null = File::from_std(std::fs::File::open("/dev/null").unwrap());
    let mut writer = half(&store, null).await;
    writer.checkpoint().await.unwrap_err();
}

/// REST named the end of the file, which is another one by the time that the first byte comes.
#[tokio::test]
async fn what_is_to_follow_a_file_does_not_follow_another() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    let path = VirtualPath::root().join("f").unwrap();
    for (then, wanted) in [(Some("older"), false), (None, false), (Some("four"), true)] {
        std::fs::write(root.path().join("f"), b"four").unwrap();
        let mut writer = DiskWriter::open(&store, &path, Write::From(4)).await.unwrap();
        match then {
            Some(content) => std::fs::write(root.path().join("f"), content).unwrap(),
            None => std::fs::remove_file(root.path().join("f")).unwrap(),
        }
        let written = writer.write(b"!").await;
        match written {
            Ok(()) => assert!(wanted),
            other => assert!(!wanted && matches!(other, Err(StoreError::Changed)), "{other:?}"),
        }
    }
}

/// Between its making and its lock a hidden file looks as if a dead process had left it.
#[tokio::test]
#[cfg(unix)]
async fn a_file_that_has_been_taken_for_a_leftover_appears_all_the_same() {
    use cap_std::fs::{MetadataExt, Permissions, PermissionsExt};
    for (durable, may_replace, old_mode) in
        [(false, true, None), (true, true, Some(0o600)), (false, false, None), (false, true, Some(0o640))]
    {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let store = if durable { store.durable().unwrap() } else { store };
        let store = store.acting_for(&Principal { may_replace, ..Principal::default() });
        let path = VirtualPath::root().join("f").unwrap();
        if let Some(mode) = old_mode {
            store.root.write("f", "old").unwrap();
            store.root.set_permissions("f", Permissions::from_mode(mode)).unwrap();
        }
        let mut writer = DiskWriter::open(&store, &path, Write::Replace).await.unwrap();
        writer.write(b"before, ").await.unwrap();
        let Target::Temporary { file, .. } = &writer.target else { panic!("no hidden file") };
        remove(&store.root, &file.name);
        writer.write(b"behind").await.unwrap();
        writer.publish().await.unwrap();
        assert_eq!(store.root.read_to_string("f").unwrap(), "before, behind");
        let mode = store.root.metadata("f").unwrap().mode() & 0o7777;
        assert!(old_mode.is_none_or(|old| old == mode), "{old_mode:?} {mode:o}");
        assert_eq!(store.root.entries().unwrap().count(), 1, "nothing else is left");
    }
}

/// It is not there to be published in.
#[tokio::test]
async fn an_upload_whose_directory_has_gone_fails() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    std::fs::create_dir(root.path().join("d")).unwrap();
    let path = VirtualPath::root().join("d/f").unwrap();
    let writer = DiskWriter::open(&store, &path, Write::Replace).await.unwrap();
    std::fs::remove_dir_all(root.path().join("d")).unwrap();
    let published = writer.publish().await;
    assert!(matches!(published, Err(StoreError::NotFound)), "{published:?}");
}
