//! The delivery of many files, with retries and verification: what the command line and the
//! simulation both run.

use super::error::FailureKind;
use super::policy::{Login, Policy};
use super::worker::{Done, Shared, Worker};
use crate::net::Net;
use crate::observe::Observer;
use crate::store::Store;
use ftp_proto::path::VirtualPath;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// One file of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// At this end.
    pub local: VirtualPath,
    /// At the server, as STOR and RETR name it.
    pub remote: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
}

/// What became of one file, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// The job's `remote`.
    pub name: String,
    /// 0: its turn never came.
    pub attempts: u32,
    /// `Net::now` when its first attempt began and when its last ended.
    pub started_us: u64,
    pub ended_us: u64,
    /// Of the file, when it succeeded.
    pub payload_bytes: u64,
    /// On data connections, in all attempts.
    pub wire_bytes: u64,
    pub result: Result<(), Failure>,
}

/// What became of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In the order of the jobs.
    pub files: Vec<FileReport>,
    pub control_round_trips: u64,
    pub control_connections: u64,
    pub data_connections: u64,
}

impl Report {
    pub fn failed(&self) -> impl Iterator<Item = (&FileReport, &Failure)> {
        self.files.iter().filter_map(|file| file.result.as_ref().err().map(|failure| (file, failure)))
    }
}

/// Delivers every job and says what became of each. It ends: every wait is bounded by the
/// policy's timeouts, every file by its attempts.
pub async fn deliver<N: Net, S: Store>(
    net: &N,
    store: &S,
    server: SocketAddr,
    login: &Login,
    jobs: &[Job],
    policy: &Policy,
    observer: Arc<dyn Observer>,
) -> Report {
    deliver_until(net, store, server, login, jobs, policy, observer, CancellationToken::new()).await
}

/// [`deliver`], until `cancel` is cancelled: then what is under way is broken off in a way that no
/// server takes for an end of file, and the rest is reported as not attempted.
#[allow(clippy::too_many_arguments)]
pub async fn deliver_until<N: Net, S: Store>(
    net: &N,
    store: &S,
    server: SocketAddr,
    login: &Login,
    jobs: &[Job],
    policy: &Policy,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
) -> Report {
    let files = Arc::new(Mutex::new(Vec::with_capacity(jobs.len())));
    let told = {
        let files = files.clone();
        move |index, file| files.lock().unwrap_or_else(PoisonError::into_inner).push((index, file))
    };
    let jobs = jobs.to_vec();
    let mut report =
        deliver_each(net, store, server, login, jobs.into_iter(), policy, observer, cancel, told).await;
    let mut files = std::mem::take(&mut *files.lock().unwrap_or_else(PoisonError::into_inner));
    files.sort_by_key(|(index, _): &(usize, FileReport)| *index);
    report.files = files.into_iter().map(|(_, file)| file).collect();
    report
}

/// [`deliver_until`] for more files than a list should hold: a job is asked for when its turn comes,
/// and `told` what became of it, with its index, when it ends. Memory does not grow with the number
/// of files. The report lists none.
#[allow(clippy::too_many_arguments)]
pub async fn deliver_each<N: Net, S: Store>(
    net: &N,
    store: &S,
    server: SocketAddr,
    login: &Login,
    jobs: impl Iterator<Item = Job> + Send + 'static,
    policy: &Policy,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    told: impl FnMut(usize, FileReport) + Send + 'static,
) -> Report {
    let at_most = jobs.size_hint().1.unwrap_or(usize::MAX);
    let shared = Arc::new(Shared::new(Box::new(jobs.fuse()), Box::new(told), cancel));
    let worker = || {
        let (net, store, observer) = (net.clone(), store.clone(), observer.clone());
        Worker::new(net, store, server, login.clone(), policy.clone(), observer, shared.clone())
    };
    let mut report = Report::default();
    let mut add = |done: Done| {
        report.control_round_trips += done.cost.control_round_trips;
        report.data_connections += done.cost.data_connections;
        report.control_connections += done.control_connections;
    };
    if policy.parallel <= 1 {
        add(worker().run().await);
    } else {
        let mut workers = JoinSet::new();
        for _ in 0..policy.parallel.min(at_most.try_into().unwrap_or(u32::MAX)) {
            workers.spawn(worker().run());
        }
        workers.join_all().await.into_iter().for_each(&mut add);
    }
    report
}
