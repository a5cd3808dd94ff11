//! The delivery of many files, with retries and verification: what the command line and the
//! simulation both run.

use super::error::{ClientError, FailureKind};
use super::hash::Hashing;
use super::policy::{Direction, Login, Policy, Publish, Verify};
use super::session::{Cost, Session};
use crate::net::Net;
use crate::observe::{Event, Observer, Watch, Who};
use crate::proto::path::VirtualPath;
use crate::store::{Store, Write, WriteFile};
use crate::transfer::Moved;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
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

/// What the workers of one delivery share.
struct Shared {
    jobs: Vec<Job>,
    next: AtomicUsize,
    /// Control connections so far.
    sessions: AtomicU64,
    /// One file used up all its attempts without the server letting us in: the rest would, too.
    given_up: AtomicBool,
    cancel: CancellationToken,
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
    let shared = Arc::new(Shared {
        jobs: jobs.to_vec(),
        next: AtomicUsize::new(0),
        sessions: AtomicU64::new(0),
        given_up: AtomicBool::new(false),
        cancel,
    });
    let worker = || Worker {
        net: net.clone(),
        store: store.clone(),
        server,
        login: login.clone(),
        policy: policy.clone(),
        observer: observer.clone(),
        shared: shared.clone(),
        session: None,
        number: 0,
        spent: Cost::default(),
        connections: 0,
        done: Vec::new(),
    };
    let mut report = Report::default();
    let mut files = Vec::with_capacity(jobs.len());
    let mut add = |done: Done| {
        files.extend(done.files);
        report.control_round_trips += done.cost.control_round_trips;
        report.data_connections += done.cost.data_connections;
        report.control_connections += done.control_connections;
    };
    if policy.parallel <= 1 {
        add(worker().run().await);
    } else {
        let mut workers = JoinSet::new();
        for _ in 0..policy.parallel.min(jobs.len().try_into().unwrap_or(u32::MAX)) {
            workers.spawn(worker().run());
        }
        workers.join_all().await.into_iter().for_each(&mut add);
    }
    files.sort_by_key(|(index, _)| *index);
    report.files = files.into_iter().map(|(_, file)| file).collect();
    report
}

/// One session after the other, until no job is left.
struct Worker<N: Net, S: Store> {
    net: N,
    store: S,
    server: SocketAddr,
    login: Login,
    policy: Policy,
    observer: Arc<dyn Observer>,
    shared: Arc<Shared>,
    session: Option<Session<N>>,
    /// Of the latest session.
    number: u64,
    /// In sessions that are over.
    spent: Cost,
    connections: u64,
    done: Vec<(usize, FileReport)>,
}

struct Done {
    files: Vec<(usize, FileReport)>,
    cost: Cost,
    control_connections: u64,
}

impl<N: Net, S: Store> Worker<N, S> {
    async fn run(mut self) -> Done {
        loop {
            let index = self.shared.next.fetch_add(1, Relaxed);
            let Some(job) = self.shared.jobs.get(index).cloned() else { break };
            let report = self.deliver_one(&job).await;
            self.report(index, report);
        }
        if let Some(session) = self.session.take() {
            let cost = session.quit().await;
            self.spend(cost);
        }
        Done { files: self.done, cost: self.spent, control_connections: self.connections }
    }

    async fn deliver_one(&mut self, job: &Job) -> FileReport {
        let started_us = self.now_us();
        let wire_before = self.cost().moved.wire_bytes;
        let mut file = FileReport {
            name: job.remote.clone(),
            attempts: 0,
            started_us,
            ended_us: started_us,
            payload_bytes: 0,
            wire_bytes: 0,
            result: Ok(()),
        };
        let reason = if self.shared.cancel.is_cancelled() {
            Some("interrupted")
        } else if self.shared.given_up.load(Relaxed) {
            Some("the server could not be reached before")
        } else {
            None
        };
        if let Some(reason) = reason {
            let message = format!("not attempted: {reason}");
            file.result = Err(Failure { kind: FailureKind::NotAttempted, message });
            return file;
        }
        let mut connected = false;
        loop {
            file.attempts += 1;
            let error = match self.attempt(job).await {
                Ok(moved) => {
                    file.payload_bytes = moved.payload_bytes;
                    file.result = Ok(());
                    break;
                }
                Err(error) => error,
            };
            connected |= !matches!(error.kind(), FailureKind::Connect | FailureKind::Login);
            file.result = Err(Failure { kind: error.kind(), message: error.to_string() });
            if error.is_final() || file.attempts > self.policy.retries {
                if !connected {
                    self.shared.given_up.store(true, Relaxed);
                }
                break;
            }
            self.net.sleep(self.policy.retry_delay).await;
        }
        file.ended_us = self.now_us();
        file.wire_bytes = self.cost().moved.wire_bytes - wire_before;
        file
    }

    async fn attempt(&mut self, job: &Job) -> Result<Moved, ClientError> {
        match self.policy.direction {
            Direction::Put => self.put(job).await,
            Direction::Get => self.get(job).await,
        }
    }

    async fn put(&mut self, job: &Job) -> Result<Moved, ClientError> {
        let file = self.store.read(&job.local, 0).await.map_err(ClientError::Local)?;
        let mut file = Hashing::new(file, self.policy.verify == Verify::Hash);
        let (verify, publish) = (self.policy.verify, self.policy.publish);
        let session = self.session().await?;
        let part = part_name(&job.remote);
        let stored_as = if publish == Publish::Rename { &part } else { &job.remote };
        let moved = session.put_file(&job.remote, stored_as, &mut file).await?;
        match verify {
            Verify::Reply => {}
            Verify::Size => same_size(session.size_bytes(stored_as).await?, moved)?,
            Verify::Hash => same_hash(session.hash(stored_as).await?, file.finish().1)?,
        }
        if publish == Publish::Rename {
            session.rename(&part, &job.remote).await?;
        }
        Ok(moved)
    }

    async fn get(&mut self, job: &Job) -> Result<Moved, ClientError> {
        let file = self.store.write(&job.local, Write::Replace).await.map_err(ClientError::Local)?;
        let mut file = Hashing::new(file, self.policy.verify == Verify::Hash);
        let verify = self.policy.verify;
        let session = self.session().await?;
        let size_bytes = match verify {
            Verify::Size => Some(session.size_bytes(&job.remote).await?),
            Verify::Reply | Verify::Hash => None,
        };
        let moved = session.get_file(&job.remote, &mut file).await?;
        if let Some(size_bytes) = size_bytes {
            same_size(size_bytes, moved)?;
        }
        let (file, ours) = file.finish();
        if verify == Verify::Hash {
            same_hash(session.hash(&job.remote).await?, ours)?;
        }
        file.publish().await.map_err(ClientError::Local)?;
        Ok(moved)
    }

    /// The session at hand, or a new one when it is gone or out of step.
    async fn session(&mut self) -> Result<&mut Session<N>, ClientError> {
        let mut session = self.session.take();
        if let Some(open) = &mut session
            && !open.is_usable().await
            && let Some(dead) = session.take()
        {
            self.spend(dead.abandon());
        }
        let session = match session {
            Some(session) => session,
            None => self.open_session().await?,
        };
        Ok(self.session.insert(session))
    }

    async fn open_session(&mut self) -> Result<Session<N>, ClientError> {
        let (shared, observer) = (self.shared.clone(), self.observer.clone());
        let (number, connections) = (&mut self.number, &mut self.connections);
        let watch = || {
            *number = shared.sessions.fetch_add(1, Relaxed) + 1;
            *connections += 1;
            Watch::new(observer, Who::Client, *number)
        };
        let session = Session::open(self.net.clone(), self.server, &self.login, &self.policy, watch).await?;
        Ok(session.cancel_by(self.shared.cancel.clone()))
    }

    fn report(&mut self, index: usize, file: FileReport) {
        let error = file.result.as_ref().err().map(|failure| failure.message.as_str());
        let event = Event::FileReported { name: &file.name, attempts: file.attempts, error };
        Watch::new(self.observer.clone(), Who::Client, self.number).tell(self.net.now(), event);
        self.done.push((index, file));
    }

    fn spend(&mut self, cost: Cost) {
        self.spent = self.spent.plus(cost);
    }

    fn cost(&self) -> Cost {
        self.session.as_ref().map_or(self.spent, |session| self.spent.plus(session.cost()))
    }

    fn now_us(&self) -> u64 {
        self.net.now().as_micros().try_into().unwrap_or(u64::MAX)
    }
}

/// `DIR/.NAME.part`: in the same directory, so that the rename is one.
fn part_name(remote: &str) -> String {
    match remote.rsplit_once('/') {
        Some((directory, name)) => format!("{directory}/.{name}.part"),
        None => format!(".{remote}.part"),
    }
}

fn same_size(server_bytes: u64, moved: Moved) -> Result<(), ClientError> {
    let moved_bytes = moved.payload_bytes;
    if server_bytes == moved_bytes {
        Ok(())
    } else {
        Err(ClientError::SizeMismatch { server_bytes, moved_bytes })
    }
}

fn same_hash(server: String, ours: Option<String>) -> Result<(), ClientError> {
    let ours = ours.unwrap_or_default();
    if server == ours {
        Ok(())
    } else {
        Err(ClientError::HashMismatch { algorithm: "SHA-256", server, ours })
    }
}
