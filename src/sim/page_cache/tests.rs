use super::*;

const SECOND: u64 = 1_000_000;
/// Commits at 1 s, 6 s, 11 s, ...; the flusher wakes at 3 s, 8 s, ...
const PHASES: Phases = Phases { commit_us: SECOND, flusher_us: 3 * SECOND };

fn at(us: u64) -> SimTime {
    SimTime::from_us(us)
}

fn name(name: &str) -> Name {
    Name::Final(VirtualPath::root().join(name).unwrap())
}

/// `content` is written at 2 s and gets the name `f` then.
fn published(cache: &mut PageCache, content: &[u8]) -> Inode {
    let inode = cache.create();
    cache.written(at(2 * SECOND), inode, content.len() as u64);
    cache.holds(inode, content.into());
    if cache.name(at(2 * SECOND), name("f"), inode) {
        cache.allocate(at(2 * SECOND), inode);
    }
    inode
}

/// What a loss of power leaves of `f`.
fn left(cache: &PageCache, us: u64) -> Option<Vec<u8>> {
    let survivors = cache.clone().lose_power(at(us));
    survivors.into_iter().find(|it| it.name == name("f")).map(|it| it.content.to_vec())
}

#[test]
fn a_new_file_is_missing_then_empty_then_there() {
    let mut cache = PageCache::new(PHASES);
    published(&mut cache, b"new");
    assert_eq!(left(&cache, 2 * SECOND), None);
    assert_eq!(left(&cache, 6 * SECOND - 1), None);
    assert_eq!(left(&cache, 6 * SECOND), Some(vec![]), "the name is committed, the data are in memory");
    // Thirty seconds old at 32 s, written back at 33 s, its size committed at 36 s.
    assert_eq!(left(&cache, 36 * SECOND - 1), Some(vec![]));
    assert_eq!(left(&cache, 36 * SECOND), Some(b"new".to_vec()));
}

#[test]
fn where_a_file_is_replaced_the_old_content_is_there_or_the_new() {
    let mut cache = PageCache::new(PHASES);
    cache.was_there(name("f"), b"the old one"[..].into());
    published(&mut cache, b"new");
    assert_eq!(left(&cache, 6 * SECOND - 1), Some(b"the old one".to_vec()));
    assert_eq!(left(&cache, 6 * SECOND), Some(b"new".to_vec()));
}

#[test]
fn what_is_appended_is_written_back_by_its_own_age() {
    let mut cache = PageCache::new(PHASES);
    let inode = published(&mut cache, b"new");
    cache.written(at(20 * SECOND), inode, 8);
    cache.holds(inode, b"new, old"[..].into());
    assert_eq!(left(&cache, 10 * SECOND), Some(vec![]));
    // The flusher writes all of the file that is dirty, young pages as well.
    assert_eq!(left(&cache, 36 * SECOND), Some(b"new, old".to_vec()));
    cache.written(at(34 * SECOND), inode, 13);
    cache.holds(inode, b"new, old, odd"[..].into());
    assert_eq!(left(&cache, 66 * SECOND - 1), Some(b"new, old".to_vec()));
    assert_eq!(left(&cache, 71 * SECOND), Some(b"new, old, odd".to_vec()));
}

#[test]
fn a_sync_keeps_the_data_of_its_file_and_every_name() {
    let mut cache = PageCache::new(PHASES);
    let inode = published(&mut cache, b"new");
    let other = cache.create();
    cache.written(at(2 * SECOND), other, 5);
    cache.holds(other, b"other"[..].into());
    cache.name(at(2 * SECOND), name("g"), other);
    cache.synced(at(2 * SECOND), at(2 * SECOND + 2_000), Some(inode));
    assert_eq!(left(&cache, 2 * SECOND + 1_999), None, "it is under way");
    assert_eq!(left(&cache, 2 * SECOND + 2_000), Some(b"new".to_vec()));
    let survivors = cache.lose_power(at(3 * SECOND));
    let sizes: Vec<usize> = survivors.iter().map(|it| it.content.len()).collect();
    assert_eq!(sizes, [3, 0], "the other's name was in the same transaction");
}

#[test]
fn a_name_that_is_given_after_the_sync_of_its_data_has_them_once_it_is_committed() {
    let mut cache = PageCache::new(PHASES);
    let inode = cache.create();
    cache.written(at(2 * SECOND), inode, 3);
    cache.holds(inode, b"new"[..].into());
    cache.synced(at(2 * SECOND), at(2 * SECOND + 2_000), Some(inode));
    cache.name(at(2 * SECOND + 2_000), name("f"), inode);
    assert_eq!(left(&cache, 3 * SECOND), None);
    assert_eq!(left(&cache, 6 * SECOND), Some(b"new".to_vec()));
    cache.synced(at(2 * SECOND + 2_000), at(2 * SECOND + 4_000), None);
    assert_eq!(left(&cache, 2 * SECOND + 4_000), Some(b"new".to_vec()));
}

#[test]
fn a_rename_or_a_removal_that_was_not_committed_has_not_happened() {
    let mut cache = PageCache::new(PHASES);
    cache.was_there(name("f"), b"f"[..].into());
    cache.was_there(name("g"), b"g"[..].into());
    cache.rename(at(2 * SECOND), &name("g"), name("f"));
    assert_eq!(left(&cache, 6 * SECOND - 1), Some(b"f".to_vec()));
    assert_eq!(left(&cache, 6 * SECOND), Some(b"g".to_vec()));
    assert_eq!(cache.clone().lose_power(at(6 * SECOND)).len(), 1);
    cache.remove(at(7 * SECOND), &name("f"));
    assert_eq!(left(&cache, 8 * SECOND), Some(b"g".to_vec()));
    assert_eq!(left(&cache, 11 * SECOND), None);
}

#[test]
fn what_survives_one_loss_survives_the_next() {
    let mut cache = PageCache::new(PHASES);
    published(&mut cache, b"new");
    let first = cache.lose_power(at(36 * SECOND));
    assert_eq!(first.iter().map(|it| it.is_old).collect::<Vec<_>>(), [false]);
    let second = cache.lose_power(at(36 * SECOND + 1));
    assert_eq!((second[0].is_old, &second[0].content), (true, &first[0].content));
}

#[test]
fn who_asks_while_a_batch_is_under_way_shares_the_next() {
    let mut disk = GroupCommit::new(Duration::from_millis(1));
    let batch = |us| Batch { begins: at(us), named: at(us + 1_000), done: at(us + 2_000) };
    assert_eq!(disk.join(at(1_000)), batch(1_000));
    assert_eq!(disk.join(at(1_001)), batch(3_000));
    assert_eq!(disk.join(at(2_999)), batch(3_000));
    assert_eq!(disk.join(at(3_000)), batch(5_000), "it has begun");
    assert_eq!(disk.join(at(9_000)), batch(9_000));
}
