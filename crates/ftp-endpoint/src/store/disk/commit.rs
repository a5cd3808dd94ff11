//! Changes that survive the loss of power, many at the cost of few syncs (group commit): what is asked for
//! while the disk works is done together when it is ready again. Nothing waits for company.
//!
//! The order keeps a name from ever standing without its bytes: the files' bytes, then the changes of names
//! in the order they were asked for, then the directories, then the answers. A sync that has failed fails
//! what it was for: it is not tried again, for the kernel may have dropped what could not be written, and
//! would then call a second sync a success.

use super::appends::identity;
use super::aside;
use super::durable::Disk;
use crate::store::StoreError;
use cap_std::fs::{Dir, File};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Files synced at a time: the file system writes one journal entry for those that wait together.
const SYNC_THREADS: usize = 8;
/// Files as long as this are synced before their turn comes.
pub(super) const LONG_BYTES: u64 = 4 << 20;
/// Changes under way at a time, each with two descriptors, before those to come had better wait.
const MANY_CHANGES: usize = 256;

/// What is to be done, and to stay done.
pub(super) trait Change: Send {
    /// Synced first: the file that is to have the name.
    fn file(&self) -> Option<&File>;
    /// Does it, and gives what it has touched. Dropped instead if the file cannot be synced.
    fn make(self: Box<Self>) -> Result<Touched, StoreError>;
}

/// Synced after a change.
#[derive(Default)]
pub(super) struct Touched {
    pub files: Vec<File>,
    /// In this order.
    pub directories: Vec<Arc<Dir>>,
}

impl Touched {
    pub(super) fn directories(directories: impl IntoIterator<Item = Arc<Dir>>) -> Self {
        Self { files: Vec::new(), directories: directories.into_iter().collect() }
    }

    pub(super) fn and(mut self, directories: impl IntoIterator<Item = Arc<Dir>>) -> Self {
        self.directories.extend(directories);
        self
    }
}

/// A change by a function.
pub(super) struct ByFunction<F> {
    pub file: Option<File>,
    pub make: F,
}

impl<F: FnOnce() -> Result<Touched, StoreError> + Send> Change for ByFunction<F> {
    fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    fn make(self: Box<Self>) -> Result<Touched, StoreError> {
        (self.make)()
    }
}

type Answer = oneshot::Sender<Result<(), StoreError>>;

struct Request {
    change: Box<dyn Change>,
    answer: Answer,
    /// Counts it.
    ticket: Arc<()>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Request>,
    /// Somebody takes what comes into the queue.
    is_led: bool,
}

/// Shared by all clones of a store.
pub(super) struct Committer {
    disk: Arc<dyn Disk>,
    queue: Mutex<Queue>,
    /// Lent to each change under way.
    ticket: Arc<()>,
    batches: AtomicUsize,
}

impl Committer {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, queue: Mutex::default(), ticket: Arc::default(), batches: AtomicUsize::new(0) }
    }

    /// Whether there is room for one more at a time.
    pub(super) fn has_room(&self) -> bool {
        Arc::strong_count(&self.ticket) <= MANY_CHANGES
    }

    /// How often the disk has been asked.
    pub(super) fn batches(&self) -> usize {
        self.batches.load(Ordering::Relaxed)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a change and waits until it is on the disk. Dropped while it waits, the change is made all the
    /// same.
    pub(super) async fn commit(self: &Arc<Self>, change: Box<dyn Change>) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let ticket = self.ticket.clone();
        let leads = {
            let mut queue = self.queue();
            queue.waiting.push(Request { change, answer, ticket });
            !std::mem::replace(&mut queue.is_led, true)
        };
        if leads {
            let lead = Lead { committer: self.clone(), has_ended: false };
            // By itself: who has asked first need not stay to see the others served.
            tokio::task::spawn_blocking(move || lead.run());
        }
        match answered.await {
            Ok(result) => result,
            Err(_) => Err(StoreError::NotDurable(io::Error::other("the sync has been given up"))),
        }
    }

    /// Syncs a file before its turn: others need not wait for so much.
    pub(super) async fn sync_alone(&self, file: &File) -> Result<(), StoreError> {
        let file = file.try_clone().map_err(super::error)?;
        let disk = self.disk.clone();
        aside(move || disk.sync_file(&file).map_err(not_durable)).await
    }

    fn batch(&self, requests: Vec<Request>) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        let files: Vec<Option<&File>> = requests.iter().map(|request| request.change.file()).collect();
        let synced = self.sync_files(&files);
        let mut changed = Vec::with_capacity(requests.len());
        for (Request { change, answer, ticket }, synced) in requests.into_iter().zip(synced) {
            let made = match synced {
                Ok(()) => change.make(),
                Err(failed) => Err(not_durable(failed)),
            };
            changed.push((made, answer, ticket));
        }
        let directories = self.sync_touched(&mut changed);
        for (made, answer, ticket) in changed {
            let result = made.and_then(|touched| {
                let failed =
                    touched.directories.iter().find_map(|directory| failure(&directories, directory));
                failed.map_or(Ok(()), |failed| Err(not_durable(failed)))
            });
            drop(ticket);
            // Who has gone does not want to know.
            let _ = answer.send(result);
        }
    }

    fn sync_touched(&self, changed: &mut [Changed]) -> Synced {
        for (made, ..) in &mut *changed {
            let files = made.iter().flat_map(|touched| &touched.files);
            if let Some(failed) = files.filter_map(|file| self.disk.sync_file(file).err()).next() {
                *made = Err(not_durable(failed));
            }
        }
        let mut synced = Synced::default();
        let touched = changed.iter().filter_map(|(made, ..)| made.as_ref().ok());
        for directory in touched.flat_map(|touched| &touched.directories) {
            if let Some(number) = number(directory) {
                synced.entry(number).or_insert_with(|| self.disk.sync_directory(directory));
            }
        }
        synced
    }

    /// In the order of `files`; the order in which the disk is asked does not matter.
    fn sync_files(&self, files: &[Option<&File>]) -> Vec<io::Result<()>> {
        let some = files.iter().flatten().count();
        if some > 1 {
            files.iter().flatten().for_each(|file| self.disk.begin_sync(file));
        }
        let sync = |file: &Option<&File>| file.map_or(Ok(()), |file| self.disk.sync_file(file));
        let threads = SYNC_THREADS.min(some).max(1);
        let share = files.len().div_ceil(threads).max(1);
        if threads == 1 {
            return files.iter().map(sync).collect();
        }
        std::thread::scope(|scope| {
            let parts: Vec<_> = files
                .chunks(share)
                .map(|part| {
                    let work = || part.iter().map(sync).collect::<Vec<_>>();
                    let thread = std::thread::Builder::new().name("sync".to_owned());
                    (part, thread.spawn_scoped(scope, work))
                })
                .collect();
            let joined = parts.into_iter().flat_map(|(part, thread)| match thread.map(|it| it.join()) {
                Ok(Ok(synced)) => synced,
                // No thread is to be had, or it has panicked: nothing may be taken for synced unseen.
                Ok(Err(_)) => part.iter().map(|_| Err(io::Error::other("a sync has panicked"))).collect(),
                Err(_) => part.iter().map(sync).collect(),
            });
            joined.collect()
        })
    }
}

/// What has been made of a request.
type Changed = (Result<Touched, StoreError>, Answer, Arc<()>);

/// Directories, each once, whatever handles there are of it.
type Synced = BTreeMap<(u64, u64), io::Result<()>>;

fn number(directory: &Dir) -> Option<(u64, u64)> {
    directory.dir_metadata().ok().map(|metadata| identity(&metadata))
}

fn failure(synced: &Synced, directory: &Dir) -> Option<io::Error> {
    match number(directory).and_then(|number| synced.get(&number)) {
        Some(Ok(())) => None,
        Some(Err(failed)) => Some(copy(failed)),
        None => Some(io::Error::other("a directory that tells nothing of itself")),
    }
}

/// One failure may be that of many.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Where the disk finds no room when it is asked to write, that is what is said.
pub(super) fn not_durable(failed: io::Error) -> StoreError {
    match super::error(failed) {
        StoreError::Io(failed) => StoreError::NotDurable(failed),
        said @ (StoreError::Full | StoreError::TooLarge) => said,
        other => StoreError::NotDurable(io::Error::other(other.to_string())),
    }
}

/// Whoever leads takes batch after batch until none is left.
struct Lead {
    committer: Arc<Committer>,
    has_ended: bool,
}

impl Lead {
    fn run(mut self) {
        loop {
            let batch = {
                let mut queue = self.committer.queue();
                if queue.waiting.is_empty() {
                    queue.is_led = false;
                    self.has_ended = true;
                    return;
                }
                std::mem::take(&mut queue.waiting)
            };
            self.committer.batch(batch);
        }
    }
}

/// The runtime has ended, or a change has panicked: nobody waits for ever, and the next one leads.
impl Drop for Lead {
    fn drop(&mut self) {
        if !self.has_ended {
            let mut queue = self.committer.queue();
            queue.is_led = false;
            let given_up = std::mem::take(&mut queue.waiting);
            drop(queue);
            drop(given_up);
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
