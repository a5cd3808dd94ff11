use super::*;
use cap_std::ambient_authority;
use std::thread;

/// A disk that notes by which thread each file is synced, and which files were announced.
#[derive(Default)]
struct Noted {
    announced: AtomicUsize,
    threads: Mutex<Vec<Option<String>>>,
}

impl Disk for Noted {
    fn begin_sync(&self, _file: &File) {
        self.announced.fetch_add(1, Ordering::Relaxed);
    }

    fn sync_file(&self, _file: &File) -> io::Result<()> {
        self.threads.lock().unwrap().push(thread::current().name().map(str::to_owned));
        Ok(())
    }

    fn sync_directory(&self, _directory: &Dir) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn only_files_that_are_synced_together_take_threads_and_are_announced() {
    let root = tempfile::tempdir().unwrap();
    let root = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
    let files: Vec<File> = (0..3).map(|number| root.create(number.to_string()).unwrap()).collect();
    for (count, announced) in [(0, 0), (1, 0), (2, 2), (3, 3)] {
        let disk = Arc::new(Noted::default());
        let committer = Committer::new(disk.clone());
        let mut asked: Vec<Option<&File>> = files[..count].iter().map(Some).collect();
        asked.push(None);
        let synced = committer.sync_files(&asked);
        assert_eq!((synced.len(), synced.iter().filter(|it| it.is_ok()).count()), (count + 1, count + 1));
        assert_eq!(disk.announced.load(Ordering::Relaxed), announced, "{count}");
        let threads = disk.threads.lock().unwrap();
        let apart = threads.iter().filter(|name| name.as_deref() == Some("sync")).count();
        assert_eq!((threads.len(), apart), (count, announced), "{count}");
    }
}

/// Each change under way has descriptors.
#[test]
fn there_is_room_for_many_changes_and_no_more() {
    let committer = Committer::new(Arc::new(Noted::default()));
    let mut under_way: Vec<_> = (1..MANY_CHANGES).map(|_| committer.ticket.clone()).collect();
    assert!(committer.has_room());
    under_way.push(committer.ticket.clone());
    assert!(!committer.has_room());
    under_way.pop();
    assert!(committer.has_room());
}

/// Nobody waits for ever for what a panic has taken with it, and the next one leads again.
#[tokio::test]
async fn a_change_that_panics_stops_nobody_else() {
    let committer = Arc::new(Committer::new(Arc::new(Noted::default())));
    let change = |panics: bool| {
        let make = move || if panics { panic!("as it is to") } else { Ok(Touched::default()) };
        Box::new(ByFunction { file: None, make })
    };
    let given_up = committer.commit(change(true)).await;
    assert!(matches!(given_up, Err(StoreError::NotDurable(_))), "{given_up:?}");
    // The leader answers by going before it has gone.
    while committer.queue().is_led {
        tokio::task::yield_now().await;
    }
    committer.commit(change(false)).await.unwrap();
}
