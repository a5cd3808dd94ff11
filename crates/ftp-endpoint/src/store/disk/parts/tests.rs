use super::*;
use cap_std::ambient_authority;

/// What is no directory holds no parts, and says so; and what is not there cannot be kept.
#[test]
fn what_is_wrong_with_the_directory_of_parts_is_told() {
    let root = tempfile::tempdir().unwrap();
    let root = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
    assert!(directory(&root).unwrap().is_none());
    let path = VirtualPath::root().join("f").unwrap();
    let kept = keep(&root, &root, "missing", &path, &Principal::default()).map(|parts| parts.is_some());
    assert!(matches!(kept, Err(StoreError::NotFound)), "{kept:?}");
    root.remove_dir(PARTS).unwrap();
    root.write(PARTS, "no directory").unwrap();
    assert!(directory(&root).is_err());
}
