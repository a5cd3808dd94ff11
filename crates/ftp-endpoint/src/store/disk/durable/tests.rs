use super::*;
use cap_std::ambient_authority;

/// What cannot be synced says so when it is asked to: that it is asked can be told by that.
#[test]
fn the_disk_at_hand_is_asked_to_sync() {
    let directory = |path: &std::path::Path| Dir::open_ambient_dir(path, ambient_authority()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let root = directory(root.path());
    Kernel.sync_file(&root.create("f").unwrap()).unwrap();
    Kernel.sync_directory(&root).unwrap();
    let null = File::from_std(std::fs::File::open("/dev/null").unwrap());
    assert_eq!(Kernel.sync_file(&null).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let error = Kernel.sync_directory(&directory("/proc".as_ref())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
