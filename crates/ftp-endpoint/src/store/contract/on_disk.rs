//! What only files on a disk have: links, modes, owners, limits of names and sizes, other programs.

use super::{get, kind_of, names, path, put};
use crate::store::Kind;
use crate::store::disk::DiskStore;
use crate::store::{ReadFile, Store, StoreError, Write, WriteFile};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// Symbolic links that lead out are not followed; those that stay inside are.
#[tokio::test]
async fn links_do_not_lead_out_of_the_root() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"secret").unwrap();
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("inside"), b"inside").unwrap();
    symlink(outside.path(), root.path().join("out")).unwrap();
    symlink(outside.path().join("secret"), root.path().join("file")).unwrap();
    symlink("../../../../../../etc", root.path().join("up")).unwrap();
    symlink("inside", root.path().join("alias")).unwrap();
    symlink("loop", root.path().join("loop")).unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    for name in ["/out/secret", "/file", "/up/passwd", "/loop"] {
        assert!(get(&store, name).await.is_err(), "{name}");
        assert!(store.metadata(&path(name)).await.is_err(), "{name}");
    }
    for name in ["/out/new", "/up/new"] {
        assert!(store.write(&path(name), Write::Replace).await.is_err(), "{name}");
        assert!(store.create_directory(&path(name)).await.is_err(), "{name}");
        assert!(store.rename(&path("/inside"), &path(name)).await.is_err(), "{name}");
    }
    assert!(store.list(&path("/out")).await.is_err());
    assert!(store.remove_file(&path("/out/secret")).await.is_err());
    assert_eq!(get(&store, "/alias").await.unwrap(), b"inside");
    // They are there; what they lead to is not told, not even whether it is there.
    for entry in store.list(&path("/")).await.unwrap() {
        let leads_inside = matches!(entry.name.as_str(), "alias" | "inside");
        assert_eq!(entry.metadata.kind, if leads_inside { Kind::File } else { Kind::Special }, "{entry:?}");
        assert!(leads_inside || entry.metadata.size_bytes == 0 && entry.metadata.identity.is_none());
    }
    assert_eq!(names(&store, "/").await, ["alias", "file", "inside", "loop", "out", "up"]);
    // An upload takes the place of a link, not of what it leads to.
    put(&store, "/file", Write::Replace, b"mine").await;
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert_eq!(get(&store, "/file").await.unwrap(), b"mine");
    // Nor does it take over whose a link is and who may use it: a link lets everybody.
    put(&store, "/fresh", Write::Replace, b"").await;
    assert_eq!(mode(&root.path().join("file")), mode(&root.path().join("fresh")));
}

/// Who removes a link to a directory removes no directory; of a link to a file it makes no difference.
#[tokio::test]
async fn of_a_directory_it_is_told_whether_its_name_is_a_link() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    store.create_directory(&path("/d")).await.unwrap();
    put(&store, "/f", Write::Replace, b"").await;
    for name in ["d", "f", "none"] {
        symlink(name, root.path().join(format!("to_{name}"))).unwrap();
    }
    for (name, is_link) in [("/d", false), ("/to_d", true), ("/f", false), ("/to_f", false)] {
        assert_eq!(store.metadata(&path(name)).await.unwrap().is_link, is_link, "{name}");
    }
    let listed = store.list(&path("/")).await.unwrap();
    let links: Vec<&str> =
        listed.iter().filter(|entry| entry.metadata.is_link).map(|entry| entry.name.as_str()).collect();
    assert_eq!(links, ["to_d"]);
    // What leads nowhere has a time of its own.
    let nowhere = listed.iter().find(|entry| entry.name == "to_none").unwrap();
    assert!(nowhere.metadata.modified.is_some(), "{nowhere:?}");
}

/// Where the years of the file system end before that, it sets its last one without a word.
#[tokio::test]
async fn a_time_that_is_kept_as_another_is_told() {
    const YEAR_9999: i64 = 253_402_300_799;
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    put(&store, "/f", Write::Replace, b"").await;
    store.keep_modified(&path("/f"), (1_000_000_000, 0)).await.unwrap();
    let done = store.keep_modified(&path("/f"), (YEAR_9999, 0)).await;
    match store.metadata(&path("/f")).await.unwrap().modified.unwrap() {
        (YEAR_9999, _) => done.unwrap(),
        (last_s, _) => assert!(matches!(done, Err(StoreError::OtherTime { kept_s }) if kept_s == last_s)),
    }
}

#[tokio::test]
async fn names_that_cannot_be() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    let long = format!("/{}", "n".repeat(256));
    for name in ["/.ftpsim-1-1.tmp", "/.ftpsim-x.part", long.as_str()] {
        assert_eq!(kind_of(store.write(&path(name), Write::Replace).await), "BadName", "{name}");
        assert_eq!(kind_of(store.create_directory(&path(name)).await), "BadName", "{name}");
    }
    // What a failed upload leaves has a short name of its own.
    let long = format!("/{}", "n".repeat(255));
    let mut file = store.write(&path(&long), Write::Replace).await.unwrap();
    file.write(b"x").await.unwrap();
    file.keep().await.unwrap();
    assert_eq!(store.partial_bytes(&path(&long)).await.unwrap(), Some(1));
    put(&store, &long, Write::resume(1), b"y").await;
    assert_eq!(get(&store, &long).await.unwrap(), b"xy");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
}

/// Whatever stood there: from the beginning is anew.
#[tokio::test]
async fn an_upload_that_begins_an_empty_file_anew_can_be_resumed() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    put(&store, "/f", Write::Replace, b"").await;
    let mut file = store.write(&path("/f"), Write::From(0)).await.unwrap();
    file.write(b"half").await.unwrap();
    file.keep().await.unwrap();
    assert_eq!(store.partial_bytes(&path("/f")).await.unwrap(), Some(4));
    // With its part, what was noted of it is used up, and nothing is left of either.
    store.note_partial(&path("/f"), "a note").await.unwrap();
    put(&store, "/f", Write::resume(4), b" whole").await;
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

/// What nobody can see does not keep a directory from being removed.
#[tokio::test]
async fn leftovers_do_not_keep_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    store.create_directory(&path("/d")).await.unwrap();
    let mut file = store.write(&path("/d/f"), Write::Replace).await.unwrap();
    file.write(b"x").await.unwrap();
    file.keep().await.unwrap();
    store.remove_directory(&path("/d")).await.unwrap();
    assert!(names(&store, "/").await.is_empty());
}

/// What a dead process has left in the directory itself goes with it; what a live one holds, or what can be seen, keeps it.
#[tokio::test]
async fn temporary_files_of_the_dead_do_not_keep_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let (store, at) = (DiskStore::open(root.path()).unwrap(), |name: &str| root.path().join(name));
    let remove = || async { kind_of(store.remove_directory(&path("/d")).await) };
    store.create_directory(&path("/d")).await.unwrap();
    for name in ["d/.ftpsim-1-1.tmp", "d/.ftpsim-x.part", "d/seen"] {
        fs::write(at(name), "x").unwrap();
    }
    assert_eq!(remove().await, "NotEmpty");
    assert_eq!(fs::read_dir(at("d")).unwrap().count(), 3, "nothing has gone");
    fs::remove_file(at("d/seen")).unwrap();
    let held = fs::File::open(at("d/.ftpsim-1-1.tmp")).unwrap();
    held.try_lock().unwrap();
    assert_eq!(remove().await, "NotEmpty");
    assert!(at("d/.ftpsim-1-1.tmp").exists());
    drop(held);
    assert_eq!(remove().await, "ok");
    assert!(names(&store, "/").await.is_empty());
    assert_eq!(remove().await, "NotFound");
}

/// Who cleans up takes a file for abandoned, which comes back; who moves it away (a scanner, into quarantine) keeps it.
#[tokio::test]
async fn an_upload_that_somebody_moves_away_is_not_made_again() {
    let root = tempfile::tempdir().unwrap();
    let (store, at) = (DiskStore::open(root.path()).unwrap(), |name: &str| root.path().join(name));
    let hidden = || {
        let mut names = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path());
        names.find(|path| path.to_string_lossy().contains("/.ftpsim-")).unwrap()
    };
    let upload = || async {
        let mut writer = store.write(&path("/f"), Write::Replace).await.unwrap();
        writer.write(b"whole").await.unwrap();
        writer
    };
    let removed = upload().await;
    fs::remove_file(hidden()).unwrap();
    assert_eq!(kind_of(removed.publish().await), "ok");
    assert_eq!(fs::read(at("f")).unwrap(), b"whole");
    fs::remove_file(at("f")).unwrap();
    let moved = upload().await;
    fs::rename(hidden(), at("aside")).unwrap();
    assert_eq!(kind_of(moved.publish().await), "NotFound");
    assert_eq!(names(&store, "/").await, ["aside"]);
}

/// Clones are of one directory, whatever they act for; another opening of it is not known to be.
#[test]
fn clones_are_the_same() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (DiskStore::open(root.path()).unwrap(), DiskStore::open(root.path()).unwrap());
    assert!(one.is_same(&one.clone()) && !one.is_same(&two));
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o7777
}

/// POSIX.1e, as Linux stores it: the owner and the group as the mode has them, one more user, and the mask.
#[cfg(target_os = "linux")]
pub(in crate::store) fn access_list(group: u16, mask: u16) -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let entries = [(1, 6, NOBODY), (2, 6, 1000), (4, group, NOBODY), (0x10, mask, NOBODY), (0x20, 0, NOBODY)];
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, allowed, who) in entries {
        list.extend_from_slice(&u16::to_le_bytes(tag));
        list.extend_from_slice(&u16::to_le_bytes(allowed));
        list.extend_from_slice(&u32::to_le_bytes(who));
    }
    list
}

/// With an access control list, the mode's bits of the group say what others may: without the list, they would be the
/// group's, which may have been let do less.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_upload_keeps_who_may_use_a_file_by_a_list_and_what_is_noted_of_it() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    const ACCESS: &str = "system.posix_acl_access";
    let root = tempfile::tempdir().unwrap();
    let (store, file) = (DiskStore::open(root.path()).unwrap(), root.path().join("f"));
    let set = |at: &Path, name: &str, value: &[u8]| setxattr(at, name, value, XattrFlags::empty());
    let value = |name: &str| {
        let mut value = vec![0; 1000];
        getxattr(&file, name, &mut value).ok().map(|len| value[..len].to_vec())
    };
    fs::write(&file, "old").unwrap();
    if set(&file, ACCESS, &access_list(0, 6)).is_err() {
        println!("skipped: the file system of temporary files has no access control lists");
        return;
    }
    let notes = set(&file, "user.note", b"keep").is_ok();
    for how in [Write::Replace, Write::From(2), Write::Append] {
        put(&store, "/f", how, b"new").await;
        assert_eq!((value(ACCESS).unwrap(), mode(&file)), (access_list(0, 6), 0o660));
        assert_eq!(value("user.note").is_some(), notes);
    }
    let mut part = store.write(&path("/f"), Write::Replace).await.unwrap();
    part.write(b"pa").await.unwrap();
    part.keep().await.unwrap();
    put(&store, "/f", Write::resume(2), b"rt").await;
    assert_eq!((value(ACCESS).unwrap(), mode(&file)), (access_list(0, 6), 0o660));
    // What the directory gives to new files is more than this one has let anybody do.
    fs::remove_file(&file).unwrap();
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    set(root.path(), "system.posix_acl_default", &access_list(6, 6)).unwrap();
    put(&store, "/f", Write::Replace, b"new").await;
    assert_eq!((value(ACCESS), mode(&file)), (None, 0o640));
}

/// The old file's bits are the new one's from its first byte on; those that lend rights are not.
#[tokio::test]
async fn an_upload_keeps_the_mode_and_the_owner() {
    let root = tempfile::tempdir().unwrap();
    let (store, file) = (DiskStore::open(root.path()).unwrap(), root.path().join("f"));
    let hidden_modes = || {
        let entries = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap());
        let hidden = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".ftpsim-"));
        hidden.map(|entry| mode(&entry.path())).collect::<Vec<_>>()
    };
    for (old, new) in [(0o600, 0o600), (0o640, 0o640), (0o666, 0o666), (0o4755, 0o755)] {
        for how in [Write::Replace, Write::From(1), Write::Append] {
            fs::write(&file, "old").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(old)).unwrap();
            // Only root may; elsewhere it is ours and stays so.
            let given_away = std::os::unix::fs::chown(&file, Some(12_345), Some(23_456)).is_ok();
            let mut writer = store.write(&path("/f"), how).await.unwrap();
            writer.write(b"new").await.unwrap();
            assert!(hidden_modes().iter().all(|mode| *mode == new), "{old:o} {:?}", hidden_modes());
            writer.publish().await.unwrap();
            assert_eq!(mode(&file), new, "{old:o} {how:?}");
            let owner = fs::metadata(&file).unwrap();
            assert!(!given_away || (owner.uid(), owner.gid()) == (12_345, 23_456), "{how:?}");
            fs::remove_file(&file).unwrap();
        }
    }
}

#[tokio::test]
async fn an_upload_keeps_links() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    let (real, other) = (root.path().join("d/real"), root.path().join("other"));
    fs::write(&real, "0123456789").unwrap();
    symlink("d/real", root.path().join("alias")).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o604)).unwrap();
    put(&store, "/alias", Write::Replace, b"through the link").await;
    assert!(fs::symlink_metadata(root.path().join("alias")).unwrap().is_symlink());
    assert_eq!((fs::read(&real).unwrap(), mode(&real)), (b"through the link".to_vec(), 0o604));

    fs::hard_link(&real, &other).unwrap();
    let longer = vec![b'l'; 300_000];
    for content in [&b"short"[..], b"", &longer, b"0123456789"] {
        put(&store, "/other", Write::Replace, content).await;
        assert_eq!(fs::read(&real).unwrap(), content, "by its other name");
        assert_eq!(fs::metadata(&real).unwrap().nlink(), 2);
    }
    put(&store, "/other", Write::From(4), b"!").await;
    put(&store, "/alias", Write::Append, b"?").await;
    assert_eq!((fs::read(&real).unwrap(), fs::metadata(&real).unwrap().nlink()), (b"0123!?".to_vec(), 2));
    // What fails changes neither.
    let mut file = store.write(&path("/other"), Write::Replace).await.unwrap();
    file.write(b"half").await.unwrap();
    drop(file);
    assert_eq!(
        (fs::read(&real).unwrap(), fs::read_dir(root.path()).unwrap().count()),
        (b"0123!?".to_vec(), 3)
    );
    // A link that leads nowhere is itself what is replaced; it has no bytes to go on from.
    symlink("nowhere", root.path().join("dangling")).unwrap();
    let at_its_end = store.write(&path("/dangling"), Write::From(7)).await;
    assert_eq!(kind_of(at_its_end), "7 beyond 0");
    put(&store, "/dangling", Write::Replace, b"file").await;
    assert!(fs::symlink_metadata(root.path().join("dangling")).unwrap().is_file());
}

/// Reads as a transfer does: until nothing remains, or nothing comes.
async fn read_whole(mut file: impl ReadFile, buffer_bytes: usize) -> Result<Vec<u8>, String> {
    let (mut content, mut buffer) = (Vec::new(), vec![0; buffer_bytes]);
    while file.remaining_bytes() > 0 {
        let read = file.read(&mut buffer).await.map_err(|error| error.to_string())?;
        content.extend_from_slice(&buffer[..read]);
        if read == 0 {
            break;
        }
    }
    assert_eq!(file.remaining_bytes(), 0);
    Ok(content)
}

/// The kernel says that these have no bytes, until they are read.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn files_of_unknown_size_are_read_to_their_end() {
    let store = DiskStore::open("/proc").unwrap();
    for name in ["version", "sys/kernel/pid_max", "filesystems"] {
        let wanted = fs::read(Path::new("/proc").join(name)).unwrap();
        let virtual_path = path(&format!("/{name}"));
        assert_eq!(store.metadata(&virtual_path).await.unwrap().size_bytes, 0);
        for buffer_bytes in [1, 7, 65_536] {
            let file = store.read(&virtual_path, 0).await.unwrap();
            // More than is there, and not so much that who makes room for it has none.
            assert!(file.remaining_bytes() >= wanted.len() as u64);
            assert!(file.remaining_bytes() <= u64::from(u32::MAX) + wanted.len() as u64);
            assert_eq!(read_whole(file, buffer_bytes).await.unwrap(), wanted, "{name}");
        }
        // REST counts what comes, whatever the file says of its size.
        for offset in [1, wanted.len() - 1, wanted.len()] {
            let file = store.read(&virtual_path, offset as u64).await.unwrap();
            assert_eq!(read_whole(file, 7).await.unwrap(), &wanted[offset..], "{name} {offset}");
        }
        let beyond = wanted.len() + 1;
        let known = format!("{beyond} beyond {}", wanted.len());
        assert_eq!(kind_of(store.read(&virtual_path, beyond as u64).await), known);
    }
    // More than is looked ahead for at a time.
    let all = fs::read("/proc/kallsyms").unwrap_or_default();
    if all.len() > 20_000 {
        let mut file = store.read(&path("/kallsyms"), 10_001).await.unwrap();
        let mut some = [0; 100];
        let read = file.read(&mut some).await.unwrap();
        assert_eq!(&some[..read], &all[10_001..10_001 + read]);
    }
}

#[tokio::test]
async fn files_that_change_while_they_are_read() {
    let root = tempfile::tempdir().unwrap();
    let (store, name) = (DiskStore::open(root.path()).unwrap(), root.path().join("f"));
    for (before, after, offset) in
        [(100, 200_000, 0), (100, 101, 0), (0, 5, 0), (100, 150, 100), (200_000, 100, 0), (100, 0, 40)]
    {
        for buffer_bytes in [16, 70_000] {
            fs::write(&name, vec![b'x'; before]).unwrap();
            let mut file = store.read(&path("/f"), offset).await.unwrap();
            let begun = if before > 100 { file.read(&mut [0; 16]).await.unwrap() } else { 0 };
            fs::File::options().write(true).open(&name).unwrap().set_len(after).unwrap();
            let read = read_whole(file, buffer_bytes).await;
            let case = format!("{before} to {after} from {offset}: {:?}", read.as_ref().map(Vec::len));
            if after < before as u64 {
                assert!(read.unwrap_err().contains("before its end"), "{case}");
            } else if offset == before as u64 || before == 0 {
                // It had ended when it was opened.
                assert_eq!(read.unwrap().len(), 0, "{case}");
            } else {
                assert_eq!((read.unwrap().len() + begun) as u64, after - offset, "{case}");
            }
        }
    }
}

/// Other programs append, too, and are heard; other servers by their locks.
#[tokio::test]
async fn appends_of_other_processes() {
    let root = tempfile::tempdir().unwrap();
    let (store, name) = (DiskStore::open(root.path()).unwrap(), root.path().join("log"));
    fs::write(&name, "old").unwrap();
    let other = fs::File::open(&name).unwrap();
    other.lock().unwrap();
    let mut kept_out = store.write(&path("/log"), Write::Append).await.unwrap();
    assert_eq!(kind_of(kept_out.write(b"x").await), "Busy");
    drop((kept_out, other));
    put(&store, "/log", Write::Append, b" new").await;
    assert_eq!(fs::read(&name).unwrap(), b"old new");
    // It is written in place: it is the same file as before, whoever has it open.
    let inode = fs::metadata(&name).unwrap().ino();
    put(&store, "/log", Write::Append, b"!").await;
    assert_eq!(fs::metadata(&name).unwrap().ino(), inode);
    // A store over a part of the same tree knows of it.
    let below = DiskStore::open(root.path()).unwrap();
    let mut one = store.write(&path("/log"), Write::Append).await.unwrap();
    one.write(b"?").await.unwrap();
    assert_eq!(kind_of(below.write(&path("/log"), Write::Append).await.unwrap().publish().await), "Busy");
    drop(one);
    assert_eq!(fs::read(&name).unwrap(), b"old new!");
}

/// An upload does not wait for what it goes on from: that is copied when its bytes come.
#[tokio::test]
async fn a_long_beginning_is_copied_later() {
    let root = tempfile::tempdir().unwrap();
    let (store, name) = (DiskStore::open(root.path()).unwrap(), root.path().join("f"));
    let old: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    fs::write(&name, &old).unwrap();
    let hidden_bytes = || {
        let entries = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap());
        let hidden = entries.filter(|entry| entry.file_name() != "f");
        hidden.map(|entry| entry.metadata().unwrap().len()).sum::<u64>()
    };
    for bytes in [&b"end"[..], b""] {
        let mut file = store.write(&path("/f"), Write::From(600_000)).await.unwrap();
        assert_eq!((hidden_bytes(), file.marker().unwrap()), (0, "600000".to_owned()));
        if !bytes.is_empty() {
            file.write(bytes).await.unwrap();
        }
        file.publish().await.unwrap();
        assert!(fs::read(&name).unwrap() == [&old[..600_000], bytes].concat());
    }
    // Not even begun, it is no part to go on from.
    store.write(&path("/f"), Write::From(500_000)).await.unwrap().keep().await.unwrap();
    assert_eq!(store.partial_bytes(&path("/f")).await.unwrap(), None);
}

/// Nor is what it leads to emptied.
#[tokio::test]
async fn a_link_to_a_directory_is_no_directory_to_remove() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    symlink("d", root.path().join("link")).unwrap();
    let left = root.path().join("d/.ftpsim-x.part");
    fs::write(&left, "x").unwrap();
    assert_eq!(kind_of(store.remove_directory(&path("/link")).await), "NotDirectory");
    assert!(left.exists());
}

/// It is told as it is, not as a file that is not there.
#[tokio::test]
async fn nothing_is_appended_to_what_is_no_file() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    let appended = match store.write(&path("/d"), Write::Append).await {
        Ok(mut file) => kind_of(file.write(b"x").await),
        refused => kind_of(refused),
    };
    assert_eq!(appended, "IsDirectory");
    symlink("loop", root.path().join("loop")).unwrap();
    assert_eq!(kind_of(store.write(&path("/loop"), Write::Append).await), "Denied");
}

/// MLST's `unique` fact tells by it that two names are of one file (RFC 3659 section 7.5.2).
#[tokio::test]
async fn names_of_one_file_have_one_identity() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    fs::write(root.path().join("one"), "1").unwrap();
    fs::write(root.path().join("other"), "1").unwrap();
    fs::hard_link(root.path().join("one"), root.path().join("two")).unwrap();
    let identity = async |name| store.metadata(&path(name)).await.unwrap().identity;
    assert!(identity("/one").await.is_some());
    assert_eq!(identity("/one").await, identity("/two").await);
    assert_ne!(identity("/one").await, identity("/other").await);
}
