//! The jobs of a delivery: those still to come, which its workers share, and those that a worker has to
//! take up again.

use super::report::{FileReport, Job};
use crate::transfer::RestartMarker;
use std::collections::VecDeque;
use std::iter::Enumerate;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// The jobs still to come, with their indices.
type Jobs = Enumerate<Box<dyn Iterator<Item = Job> + Send>>;
/// Told of each job's end.
type Told = Box<dyn FnMut(usize, FileReport) + Send>;

/// What the workers of one delivery share.
pub(super) struct Shared {
    jobs: Mutex<Jobs>,
    told: Mutex<Told>,
    /// Control connections so far.
    sessions: AtomicU64,
    /// One file used up all its attempts without the server letting us in: the rest would, too.
    given_up: AtomicBool,
    cancel: CancellationToken,
}

impl Shared {
    /// `told` is given each job's index and report, in the order in which they end.
    pub(super) fn new(
        jobs: Box<dyn Iterator<Item = Job> + Send>,
        told: Told,
        cancel: CancellationToken,
    ) -> Self {
        let (jobs, told) = (Mutex::new(jobs.enumerate()), Mutex::new(told));
        Self { jobs, told, sessions: AtomicU64::new(0), given_up: AtomicBool::new(false), cancel }
    }

    /// There were so many control connections before.
    pub(super) fn after_sessions(self, sessions: u64) -> Self {
        Self { sessions: AtomicU64::new(sessions), ..self }
    }
}

/// A job without a verdict.
pub(super) struct Pending {
    pub index: usize,
    pub job: Job,
    pub report: FileReport,
    /// The latest restart marker of its last attempt.
    pub mark: Option<RestartMarker>,
    /// Of an upload that may go on later: what the local file was when its last attempt began.
    pub version: Option<Version>,
    /// Of a download: what it is of, as far as was asked when its last attempt began.
    pub source: Source,
}

/// A file at the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// Where it was asked for.
    pub size_bytes: Option<u64>,
    /// The same as long as size and time of modification are; `None` where they are not told, or not worth it.
    pub version: Option<String>,
}

/// Of a local file: size and time of modification. Two contents with the same are not told apart.
pub(super) type Version = (u64, Option<(i64, u32)>);

/// One worker's view of the jobs.
pub(super) struct Queue {
    shared: Arc<Shared>,
    /// To be delivered before jobs not yet begun.
    again: VecDeque<Pending>,
    /// To be tried again when there is nothing else to do.
    later: Vec<Pending>,
}

impl Queue {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, again: VecDeque::new(), later: Vec::new() }
    }

    /// The next job that is not to wait.
    pub(super) fn take(&mut self, now_us: u64) -> Option<Pending> {
        if let Some(pending) = self.again.pop_front() {
            return Some(pending);
        }
        let next = self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
        let (index, job) = next?;
        let report = FileReport {
            name: job.remote.clone(),
            attempts: 0,
            started_us: now_us,
            ended_us: now_us,
            payload_bytes: 0,
            wire_bytes: 0,
            untimed: None,
            result: Ok(()),
        };
        Some(Pending { index, job, report, mark: None, version: None, source: Source::default() })
    }

    /// To be taken next.
    pub(super) fn put_first(&mut self, pending: Pending) {
        self.again.push_front(pending);
    }

    /// To be taken next, in this order.
    pub(super) fn put_all_first(&mut self, mut pending: VecDeque<Pending>) {
        pending.extend(self.again.drain(..));
        self.again = pending;
    }

    /// To be tried again when there is nothing else to do.
    pub(super) fn put_off(&mut self, pending: Pending) {
        self.later.push(pending);
    }

    pub(super) fn has_put_off(&self) -> bool {
        !self.later.is_empty()
    }

    /// It is the turn of what was put off.
    pub(super) fn resume_put_off(&mut self) {
        self.again.extend(self.later.drain(..));
    }

    /// Why nothing more is to be begun.
    pub(super) fn reason_to_stop(&self) -> Option<&'static str> {
        if self.shared.cancel.is_cancelled() {
            Some("interrupted")
        } else if self.shared.given_up.load(Relaxed) {
            Some("the server could not be reached before")
        } else {
            None
        }
    }

    pub(super) fn give_up(&self) {
        self.shared.given_up.store(true, Relaxed);
    }

    /// Numbers the control connections of the delivery, from 1 where none were before.
    pub(super) fn count_session(&self) -> u64 {
        self.shared.sessions.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn cancel(&self) -> CancellationToken {
        self.shared.cancel.clone()
    }

    /// The job is over.
    pub(super) fn tell(&self, index: usize, report: FileReport) {
        let mut told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        told(index, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_the_count_of_sessions_and_the_token() {
        let cancel = CancellationToken::new();
        let shared = Shared::new(Box::new(std::iter::empty()), Box::new(|_, _| {}), cancel.clone());
        let shared = Arc::new(shared);
        let [one, another] = [Queue::new(shared.clone()), Queue::new(shared)];
        assert_eq!([one.count_session(), another.count_session(), one.count_session()], [1, 2, 3]);
        let tokens = [one.cancel(), another.cancel()];
        assert!(!tokens.iter().any(CancellationToken::is_cancelled));
        cancel.cancel();
        assert!(tokens.iter().all(CancellationToken::is_cancelled));
    }
}
