//! The delivery of many files, with retries and verification: what the command line and the
//! simulation both run.

use super::policy::{Login, Policy};
use super::queue::Shared;
use super::report::{FileReport, Job, Report};
use super::worker::{Done, Ends, Worker};
use crate::net::Net;
use crate::observe::{Nobody, Observer};
use crate::store::Store;
use ftp_proto::time::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Delivers every job and says what became of each: [`Delivery`] with nobody watching.
pub async fn deliver<N: Net, S: Store>(
    net: &N,
    store: &S,
    server: SocketAddr,
    login: &Login,
    jobs: &[Job],
    policy: &Policy,
) -> Report {
    Delivery::new(net, store, server, login).policy(policy).deliver(jobs).await
}

/// A delivery of files between a store and a server, before it begins. It ends: every wait is bounded by
/// the policy's timeouts, every file by its attempts.
pub struct Delivery<'a, N: Net, S: Store> {
    net: &'a N,
    store: &'a S,
    server: SocketAddr,
    login: &'a Login,
    policy: Policy,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    listed_bytes: Arc<BTreeMap<String, u64>>,
    modified: Arc<BTreeMap<String, Timestamp>>,
    sessions: u64,
}

impl<'a, N: Net, S: Store> Delivery<'a, N, S> {
    /// By [`Policy::default`], watched by nobody.
    pub fn new(net: &'a N, store: &'a S, server: SocketAddr, login: &'a Login) -> Self {
        let (observer, cancel) = (Arc::new(Nobody), CancellationToken::new());
        let (listed_bytes, modified) = (Arc::default(), Arc::default());
        let policy = Policy::default();
        Self { net, store, server, login, policy, observer, cancel, listed_bytes, modified, sessions: 0 }
    }

    /// How it is gone about.
    pub fn policy(self, policy: &Policy) -> Self {
        Self { policy: policy.clone(), ..self }
    }

    /// Who is told of commands, replies and files.
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// When `cancel` is cancelled, what is under way is broken off in a way that no server takes for an
    /// end of file, and the rest is reported as not attempted.
    pub fn cancel_by(self, cancel: CancellationToken) -> Self {
        Self { cancel, ..self }
    }

    /// The observer has been told of so many control connections before, for instance of those that listed the
    /// directory: those of the delivery are numbered behind them.
    pub fn after_sessions(self, sessions: u64) -> Self {
        Self { sessions, ..self }
    }

    /// Sizes that a listing told, by the names of downloads as their jobs have them; in type I, as the
    /// bytes of a download in type I and file structure are counted. One that is not met is a failure,
    /// whatever the server replies.
    pub fn listed_bytes(self, listed_bytes: BTreeMap<String, u64>) -> Self {
        Self { listed_bytes: Arc::new(listed_bytes), ..self }
    }

    /// Times of modification that delivered files are to have, by the names of jobs at the server: each is
    /// set in whole seconds once its file is there ([`Session::set_modified`](super::Session::set_modified)
    /// after uploads). Where that cannot be, [`FileReport::untimed`] says why.
    pub fn modified(self, modified: BTreeMap<String, Timestamp>) -> Self {
        Self { modified: Arc::new(modified), ..self }
    }

    /// Delivers every job and says what became of each, in the order of the jobs.
    pub async fn deliver(self, jobs: &[Job]) -> Report {
        let files = Arc::new(Mutex::new(Vec::with_capacity(jobs.len())));
        let told = {
            let files = files.clone();
            move |index, file| files.lock().unwrap_or_else(PoisonError::into_inner).push((index, file))
        };
        let jobs = jobs.to_vec();
        let mut report = self.deliver_each(jobs.into_iter(), told).await;
        let mut files = std::mem::take(&mut *files.lock().unwrap_or_else(PoisonError::into_inner));
        files.sort_by_key(|(index, _): &(usize, FileReport)| *index);
        report.files = files.into_iter().map(|(_, file)| file).collect();
        report
    }

    /// [`Self::deliver`] for more files than a list should hold: a job is asked for when its turn comes,
    /// and `told` what became of it, with its index, when it ends. Memory does not grow with the number
    /// of files. The report lists none.
    pub async fn deliver_each(
        self,
        jobs: impl Iterator<Item = Job> + Send + 'static,
        told: impl FnMut(usize, FileReport) + Send + 'static,
    ) -> Report {
        let parallel = self.policy.parallel;
        let at_most = jobs.size_hint().1.unwrap_or(usize::MAX);
        let shared = Shared::new(Box::new(jobs.fuse()), Box::new(told), self.cancel);
        let shared = Arc::new(shared.after_sessions(self.sessions));
        let worker = || {
            let ends = Ends {
                net: self.net.clone(),
                store: self.store.clone(),
                server: self.server,
                login: self.login.clone(),
                policy: self.policy.clone(),
                observer: self.observer.clone(),
                listed_bytes: self.listed_bytes.clone(),
                modified: self.modified.clone(),
            };
            Worker::new(ends, shared.clone())
        };
        let mut report = Report::default();
        let mut add = |done: Done| {
            report.control_round_trips += done.cost.control_round_trips;
            report.data_connections += done.cost.data_connections;
            report.control_connections += done.control_connections;
        };
        if parallel <= 1 {
            add(worker().run().await);
        } else {
            let mut workers = JoinSet::new();
            for _ in 0..parallel.min(at_most.try_into().unwrap_or(u32::MAX)) {
                self.net.spawn(&mut workers, worker().run());
            }
            workers.join_all().await.into_iter().for_each(&mut add);
        }
        report
    }
}
