//! What a store promises beyond its operations, of both: whole or not at all, the old file lives, what
//! you see is what you extend, two at a time.

use super::{get, kind_of, names, path, put};
use crate::store::disk::DiskStore;
use crate::store::memory::MemoryStore;
use crate::store::{Principal, ReadFile, Store, Write, WriteFile};

fn user(name: &str) -> Principal {
    Principal { name: name.to_owned(), ..Principal::default() }
}

/// Leaves an upload that has failed after `content`.
async fn leave(store: &impl Store, name: &str, content: &[u8]) {
    let mut file = store.write(&path(name), Write::Replace).await.unwrap();
    file.write(content).await.unwrap();
    file.keep().await.unwrap();
}

async fn left(store: &impl Store, name: &str) -> Option<u64> {
    store.partial_bytes(&path(name)).await.unwrap()
}

/// What is noted of a part is of that part, and of no later one.
async fn a_note_is_of_one_part(store: &impl Store) {
    let (ann, bob) = (store.acting_for(&user("ann")), store.acting_for(&user("bob")));
    let carl = store.acting_for(&user("carl"));
    let (name, noted) = (&path("/noted"), Some("version one\nof it".to_owned()));
    ann.note_partial(name, "of nothing").await.unwrap();
    assert_eq!(ann.partial_note(name).await.unwrap(), None);
    leave(&ann, "/noted", b"aaaa").await;
    assert_eq!(ann.partial_note(name).await.unwrap(), None);
    ann.note_partial(name, "version one\nof it").await.unwrap();
    leave(&bob, "/noted", b"aaaa").await;
    assert_eq!(
        (ann.partial_note(name).await.unwrap(), bob.partial_note(name).await.unwrap()),
        (noted.clone(), None)
    );
    bob.note_partial(name, "of bob").await.unwrap();
    assert_eq!(ann.partial_note(name).await.unwrap(), noted);
    assert_eq!(bob.partial_note(name).await.unwrap().as_deref(), Some("of bob"));
    carl.note_partial(name, "of nothing").await.unwrap();
    assert_eq!(carl.partial_note(name).await.unwrap(), None, "others have parts, carl has none");
    leave(&ann, "/noted", b"aaaa").await;
    assert_eq!(ann.partial_note(name).await.unwrap(), None, "a later part of the same size");
    ann.note_partial(name, "version two").await.unwrap();
    put(&ann, "/noted", Write::resume(4), b"!").await;
    leave(&ann, "/noted", b"aaaa!").await;
    assert_eq!(ann.partial_note(name).await.unwrap(), None, "it was used up");
    ann.note_partial(name, "version three").await.unwrap();
    put(&bob, "/noted", Write::Replace, b"b").await;
    ann.remove_file(name).await.unwrap();
}

/// REST goes on from the file that is visible, or from one's own failed upload if that is asked for.
async fn you_extend_what_you_see(store: &impl Store) {
    let (ann, bob) = (store.acting_for(&user("ann")), store.acting_for(&user("bob")));
    put(store, "/f", Write::Replace, b"AAAA").await;
    leave(&ann, "/f", b"aaaaaaaa").await;
    leave(&bob, "/f", b"bbb").await;
    assert_eq!((left(&ann, "/f").await, left(&bob, "/f").await), (Some(8), Some(3)));
    assert_eq!(left(store, "/f").await, None);
    assert_eq!(names(store, "/").await, ["f"]);
    for (offset, whole) in [(4, &b"AAAA!"[..]), (2, b"AA!"), (0, b"!")] {
        put(store, "/f", Write::From(offset), b"!").await;
        assert_eq!(get(store, "/f").await.unwrap(), whole);
        assert_eq!(left(&ann, "/f").await, Some(8), "not its own");
        put(store, "/f", Write::Replace, b"AAAA").await;
    }
    assert_eq!(kind_of(ann.write(&path("/f"), Write::From(8)).await), "8 beyond 4");
    assert_eq!(kind_of(bob.write(&path("/f"), Write::resume(4)).await), "4 beyond 3");
    assert_eq!(kind_of(store.write(&path("/f"), Write::resume(1)).await), "1 beyond 0");
    assert_eq!(kind_of(store.read_partial(&path("/f")).await), "NotFound");

    // Who has looked at one part does not go on from another: one left later, of the same size even.
    let (mut looked_at, part) = ann.read_partial(&path("/f")).await.unwrap();
    let mut begin = [0; 8];
    assert_eq!((looked_at.read(&mut begin).await.unwrap(), &begin), (8, b"aaaaaaaa"));
    leave(&ann, "/f", b"aaaaaaaa").await;
    let (_, later) = ann.read_partial(&path("/f")).await.unwrap();
    assert_ne!(part, later);
    let stale = Write::Resume { offset: 6, part: Some(part) };
    assert_eq!(kind_of(ann.write(&path("/f"), stale).await), "Changed");
    assert_eq!(left(&ann, "/f").await, Some(8), "as it was");
    let kept = Write::Resume { offset: 8, part: Some(later) };
    drop(ann.write(&path("/f"), kept).await.unwrap());
    assert_eq!(left(&ann, "/f").await, Some(8));

    // Broken off before it came to anything, it is there still; used up, it is not.
    drop(ann.write(&path("/f"), Write::resume(6)).await.unwrap());
    assert_eq!(left(&ann, "/f").await, Some(6));
    let resumed = ann.write(&path("/f"), Write::resume(5)).await.unwrap();
    assert_eq!(kind_of(ann.write(&path("/f"), Write::resume(5)).await), "5 beyond 0", "taken");
    resumed.publish().await.unwrap();
    assert_eq!(get(store, "/f").await.unwrap(), b"aaaaa");
    assert_eq!((left(&ann, "/f").await, left(&bob, "/f").await), (None, Some(3)));
    store.remove_file(&path("/f")).await.unwrap();
    assert_eq!(left(&bob, "/f").await, None);
}

async fn failed_uploads_go(store: &impl Store) {
    let (ann, bob) = (store.acting_for(&user("ann")), store.acting_for(&user("bob")));
    // They go with the name, by whatever becomes of it.
    put(store, "/f", Write::Replace, b"f").await;
    for name in ["/f", "/g"] {
        leave(&ann, name, b"a").await;
        leave(&bob, name, b"b").await;
    }
    store.rename(&path("/f"), &path("/g")).await.unwrap();
    for name in ["/f", "/g"] {
        assert_eq!((left(&ann, name).await, left(&bob, name).await), (None, None), "{name}");
    }
    store.create_directory(&path("/d")).await.unwrap();
    leave(&ann, "/d/f", b"a").await;
    store.remove_directory(&path("/d")).await.unwrap();
    store.create_directory(&path("/d")).await.unwrap();
    assert_eq!(left(&ann, "/d/f").await, None);
    // Removing what is not there takes back one's own room, nobody else's.
    leave(&ann, "/h", b"a").await;
    leave(&bob, "/h", b"b").await;
    assert_eq!(kind_of(ann.remove_file(&path("/h")).await), "NotFound");
    assert_eq!((left(&ann, "/h").await, left(&bob, "/h").await), (None, Some(1)));
    bob.remove_file(&path("/h")).await.unwrap_err();

    // Beyond the number that a user may leave, the oldest go.
    let few = Principal { max_partials: 2, ..user("carl") };
    let carl = store.acting_for(&few);
    leave(&ann, "/1", b"a").await;
    for name in ["/1", "/2", "/3"] {
        leave(&carl, name, name.as_bytes()).await;
        // A disk's times have grains.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(
        (left(&carl, "/1").await, left(&carl, "/2").await, left(&carl, "/3").await),
        (None, Some(2), Some(2))
    );
    assert_eq!(left(&ann, "/1").await, Some(1));
    let none = store.acting_for(&Principal { max_partials: 0, ..user("dora") });
    leave(&none, "/1", b"x").await;
    assert_eq!(left(&none, "/1").await, None);
    ann.remove_file(&path("/1")).await.unwrap_err();
    for name in ["/2", "/3"] {
        carl.remove_file(&path(name)).await.unwrap_err();
    }
    store.remove_directory(&path("/d")).await.unwrap();
    store.remove_file(&path("/g")).await.unwrap();
}

/// Append, and REST at the end of the file, which is the same by another name.
async fn appends(store: &impl Store) {
    for how in [Write::Append, Write::From(3)] {
        put(store, "/log", Write::Replace, b"old").await;
        // Who has opened it for an append, and has not begun, keeps out nobody.
        let mut two = store.write(&path("/log"), Write::Append).await.unwrap();
        let mut one = store.write(&path("/log"), how).await.unwrap();
        one.write(b" and").await.unwrap();
        assert_eq!(one.marker(), None, "nothing would be left to go on from");
        assert_eq!(kind_of(two.write(b"x").await), "Busy");
        let mut late = store.write(&path("/log"), Write::From(3)).await.unwrap();
        assert_eq!(kind_of(late.write(b"x").await), "Busy");
        drop((two, late));
        let late = store.write(&path("/log"), Write::From(3)).await.unwrap();
        let mut two = store.write(&path("/log"), Write::Append).await.unwrap();
        one.write(b" new").await.unwrap();
        // Nobody sees it before it is whole.
        assert_eq!(get(store, "/log").await.unwrap(), b"old");
        assert_eq!(store.metadata(&path("/log")).await.unwrap().size_bytes, 3);
        assert_eq!(store.list(&path("/")).await.unwrap()[0].metadata.size_bytes, 3);
        one.publish().await.unwrap();
        assert_eq!(get(store, "/log").await.unwrap(), b"old and new");
        two.write(b", and newer").await.unwrap();
        two.publish().await.unwrap();
        assert_eq!(get(store, "/log").await.unwrap(), b"old and new, and newer");
        assert_eq!(kind_of(late.publish().await), "Changed", "REST was of what was there");
        put(store, "/log", Write::Replace, b"old and new").await;
        assert_eq!(store.metadata(&path("/log")).await.unwrap().size_bytes, 11);

        // One that fails has not been.
        for keeps in [false, true] {
            let mut failed = store.write(&path("/log"), Write::Append).await.unwrap();
            failed.write(b" and half of").await.unwrap();
            if keeps {
                failed.keep().await.unwrap();
            } else {
                drop(failed);
            }
            assert_eq!(get(store, "/log").await.unwrap(), b"old and new");
            assert_eq!(left(store, "/log").await, None);
        }
        put(store, "/log", Write::Append, b"!").await;
        assert_eq!(get(store, "/log").await.unwrap(), b"old and new!");
    }

    // What it has been added to has gone: nobody is told that it has been added.
    for removed in [false, true] {
        put(store, "/log", Write::Replace, b"old").await;
        let mut file = store.write(&path("/log"), Write::Append).await.unwrap();
        file.write(b" and new").await.unwrap();
        if removed {
            store.remove_file(&path("/log")).await.unwrap();
        } else {
            put(store, "/log", Write::Replace, b"other").await;
        }
        assert_eq!(kind_of(file.publish().await), "Changed");
        let now = get(store, "/log").await;
        assert_eq!(now.ok(), (!removed).then(|| b"other".to_vec()));
    }

    // Two begin the file: one of them at least hears of it, and no byte of the other is lost.
    let mut one = store.write(&path("/new"), Write::Append).await.unwrap();
    one.write(b"one").await.unwrap();
    let mut two = store.write(&path("/new"), Write::Append).await.unwrap();
    if two.write(b"two").await.is_ok() {
        two.publish().await.unwrap();
        assert_eq!(kind_of(one.publish().await), "Changed");
        assert_eq!(get(store, "/new").await.unwrap(), b"two");
    } else {
        one.publish().await.unwrap();
        assert_eq!(get(store, "/new").await.unwrap(), b"one");
    }
    store.remove_file(&path("/new")).await.unwrap();
}

async fn nothing_is_replaced_without_the_right(store: &impl Store) {
    let guest = store.acting_for(&Principal { may_replace: false, ..user("guest") });
    put(&guest, "/f", Write::Replace, b"first").await;
    for how in [Write::Replace, Write::Append, Write::From(2), Write::resume(2)] {
        assert_eq!(kind_of(guest.write(&path("/f"), how).await), "Exists", "{how:?}");
    }
    assert_eq!(get(store, "/f").await.unwrap(), b"first");
    // So it is however late the other one has come.
    for how in [Write::Replace, Write::Append, Write::resume(2)] {
        store.remove_file(&path("/f")).await.unwrap();
        leave(&guest, "/f", b"last").await;
        let mut late = guest.write(&path("/f"), how).await.unwrap();
        late.write(b" of all").await.unwrap();
        put(store, "/f", Write::Replace, b"first").await;
        assert_eq!(kind_of(late.publish().await), "Exists", "{how:?}");
        assert_eq!(get(store, "/f").await.unwrap(), b"first");
    }
    store.remove_file(&path("/f")).await.unwrap();
}

#[tokio::test]
async fn memory() {
    you_extend_what_you_see(&MemoryStore::new()).await;
    failed_uploads_go(&MemoryStore::new()).await;
    appends(&MemoryStore::new()).await;
    nothing_is_replaced_without_the_right(&MemoryStore::new()).await;
    a_note_is_of_one_part(&MemoryStore::new()).await;
}

#[tokio::test]
async fn disk() {
    for (number, durable) in (0..5).flat_map(|number| [(number, false), (number, true)]) {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let store = if durable { store.durable().unwrap() } else { store };
        match number {
            0 => you_extend_what_you_see(&store).await,
            1 => failed_uploads_go(&store).await,
            2 => appends(&store).await,
            3 => a_note_is_of_one_part(&store).await,
            _ => nothing_is_replaced_without_the_right(&store).await,
        }
        let hidden = |name: &str| name.starts_with(".ftpsim-");
        let left: Vec<_> = std::fs::read_dir(root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| hidden(name))
            .collect();
        assert!(left.is_empty(), "{number}: {left:?}");
    }
}
