use super::*;
use cap_std::ambient_authority;

/// A directory with one for parts, in which another upload's part has replaced the one that is open.
fn replaced() -> (tempfile::TempDir, Dir, Dir, File) {
    let root = tempfile::tempdir().unwrap();
    let directory = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
    directory.create_dir("parts").unwrap();
    let parts = directory.open_dir("parts").unwrap();
    parts.write("part", "older").unwrap();
    let file = crate::store::disk::open_to_change(&parts, "part").unwrap();
    parts.write("kept", "newer").unwrap();
    parts.rename("kept", &parts, "part").unwrap();
    (root, directory, parts, file)
}

#[test]
fn a_part_that_came_meanwhile_is_not_taken_for_the_one_that_was_opened() {
    let (_root, directory, parts, file) = replaced();
    let taken = take_name(&file, &parts, "part", &directory);
    assert!(matches!(taken, Err(StoreError::Changed)), "{taken:?}");
    assert_eq!(parts.read_to_string("part").unwrap(), "newer");
    let left: Vec<_> = directory.entries().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["parts"]);
}

#[test]
fn the_part_that_was_opened_is_taken() {
    let (_root, directory, parts, _) = replaced();
    let file = crate::store::disk::open_to_change(&parts, "part").unwrap();
    let name = take_name(&file, &parts, "part", &directory).unwrap();
    assert_eq!(directory.read_to_string(&name).unwrap(), "newer");
    assert!(!parts.exists("part"));
    let gone = take_name(&file, &parts, "part", &directory);
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
}

/// A crashed process of the same number has left files: their names are passed over.
#[test]
fn names_that_are_taken_are_passed_over() {
    let (root, directory, ..) = replaced();
    let next = NEXT.load(Ordering::Relaxed);
    // Other tests take names at the same time.
    for number in next..next + 200 {
        let name = format!("{TEMPORARY_START}{}-{number}{TEMPORARY_END}", *PROCESS);
        directory.write(&name, "left").unwrap();
    }
    let made = Temporary::create(&directory, None).unwrap();
    assert_eq!(directory.read_to_string(&made.name).unwrap(), "");
    drop(root);
    let gone = Temporary::create(&directory, None).map(|made| made.name);
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
}

#[test]
fn a_file_that_was_removed_has_no_name() {
    let (_root, _, parts, file) = replaced();
    assert!(!is_named(&file).unwrap(), "another one has taken its place");
    assert!(is_named(&parts.open("part").unwrap()).unwrap());
}

/// Until it has the list as well, the group's bits would be the group's own, and not what the list lets anybody do.
#[cfg(target_os = "linux")]
#[test]
fn beside_an_access_control_list_a_new_file_begins_without_the_groups_bits() {
    use crate::store::contract::on_disk::access_list;
    use cap_std::fs::MetadataExt;
    let (root, directory, ..) = replaced();
    let list = access_list(0, 6);
    let access = "system.posix_acl_access";
    directory.write("old", "x").unwrap();
    let empty = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(root.path().join("old"), access, &list, empty).is_err() {
        println!("skipped: the file system of temporary files has no access control lists");
        return;
    }
    let metadata = directory.metadata("old").unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o660);
    let new = create_new(&directory, "new", Some(&Old::of(&directory, "old", &metadata))).unwrap();
    assert_eq!(new.metadata().unwrap().mode() & 0o777, 0o600);
}

/// What is no part for another reason than that there is none is no reason to begin anew.
#[test]
fn a_part_that_cannot_be_opened_is_not_taken_for_none() {
    let (_root, directory, parts, _) = replaced();
    parts.create_dir("no part").unwrap();
    for (part, is_none) in [("missing", true), ("no part", false)] {
        let taken = Temporary::take_over(&parts, part, &directory, 1, None).map(|taken| taken.name);
        assert_eq!(matches!(taken, Err(StoreError::BadOffset { .. })), is_none, "{part}: {taken:?}");
    }
}

#[test]
fn a_short_beginning_is_copied_at_once_and_whole() {
    let (_root, directory, parts, _) = replaced();
    directory.write("old", vec![b'o'; INLINE_COPY_BYTES as usize + 1]).unwrap();
    for (bytes, is_later) in [(INLINE_COPY_BYTES, false), (INLINE_COPY_BYTES + 1, true)] {
        let mut made = Temporary::create(&directory, None).unwrap();
        made.begin_with(directory.open("old").unwrap(), bytes).unwrap();
        assert_eq!(made.lacks_prefix(), is_later, "{bytes}");
    }
    let made = Temporary::create(&directory, None).unwrap();
    let shrunk = copy(parts.open("part").unwrap(), 7, &made.file);
    assert!(matches!(shrunk, Err(StoreError::Shrunk { missing_bytes: 2 })), "{shrunk:?}");
}
