//! One of the parallel parts of a delivery: takes jobs, holds a session, counts attempts.

use super::error::{ClientError, FailureKind};
use super::local::{LocalReader, LocalWriter};
use super::pipeline;
use super::policy::{Direction, Login, Policy, Publish, Verify};
use super::report::{Failure, FileReport, Job};
use super::resume::Start;
use super::session::{Cost, Session};
use crate::net::Net;
use crate::observe::{Event, Observer, Watch, Who};
use crate::store::{Store, StoreError, WriteFile};
use crate::transfer::Mark;
use ftp_proto::planted::{self, Bug};
use std::collections::VecDeque;
use std::iter::Enumerate;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// The jobs still to come, with their indices.
type Jobs = Enumerate<Box<dyn Iterator<Item = Job> + Send>>;
/// Told of each job's end.
type Told = Box<dyn FnMut(usize, FileReport) + Send>;

/// What the workers of one delivery share.
pub struct Shared {
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
    pub fn new(jobs: Box<dyn Iterator<Item = Job> + Send>, told: Told, cancel: CancellationToken) -> Self {
        let (jobs, told) = (Mutex::new(jobs.enumerate()), Mutex::new(told));
        Self { jobs, told, sessions: AtomicU64::new(0), given_up: AtomicBool::new(false), cancel }
    }
}

/// A job without a verdict.
pub struct Pending {
    index: usize,
    pub job: Job,
    pub report: FileReport,
    /// The latest restart marker of its last attempt.
    pub(super) mark: Option<Mark>,
    /// The server let us in at some attempt.
    pub connected: bool,
}

/// Between what, and how, a worker delivers.
pub struct Ends<N: Net, S: Store> {
    pub net: N,
    pub store: S,
    pub server: SocketAddr,
    pub login: Login,
    pub policy: Policy,
    pub observer: Arc<dyn Observer>,
}

pub struct Worker<N: Net, S: Store> {
    pub(super) net: N,
    pub(super) store: S,
    server: SocketAddr,
    login: Login,
    pub(super) policy: Policy,
    observer: Arc<dyn Observer>,
    shared: Arc<Shared>,
    pub(super) session: Option<Session<N>>,
    /// Of the latest session.
    number: u64,
    /// In sessions that are over.
    spent: Cost,
    connections: u64,
    /// To be delivered before jobs not yet begun.
    pub(super) again: VecDeque<Pending>,
    /// To be tried again when there is nothing else to do.
    pub(super) later: Vec<Pending>,
}

pub struct Done {
    pub cost: Cost,
    pub control_connections: u64,
}

impl<N: Net, S: Store> Worker<N, S> {
    pub fn new(ends: Ends<N, S>, shared: Arc<Shared>) -> Self {
        let Ends { net, store, server, login, policy, observer } = ends;
        Self {
            net,
            store,
            server,
            login,
            policy,
            observer,
            shared,
            session: None,
            number: 0,
            spent: Cost::default(),
            connections: 0,
            again: VecDeque::new(),
            later: Vec::new(),
        }
    }

    pub async fn run(mut self) -> Done {
        if pipeline::applies(&self.policy) {
            self.run_pipelined().await;
        } else {
            while let Some(pending) = self.take() {
                self.deliver_one(pending).await;
            }
        }
        if let Some(session) = self.session.take() {
            let cost = session.quit().await;
            self.spent = self.spent.plus(cost);
        }
        Done { cost: self.spent, control_connections: self.connections }
    }

    /// The next job that is not to wait.
    pub(super) fn take(&mut self) -> Option<Pending> {
        if let Some(pending) = self.again.pop_front() {
            return Some(pending);
        }
        let next = self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
        let (index, job) = next?;
        let now_us = self.now_us();
        let report = FileReport {
            name: job.remote.clone(),
            attempts: 0,
            started_us: now_us,
            ended_us: now_us,
            payload_bytes: 0,
            wire_bytes: 0,
            result: Ok(()),
        };
        Some(Pending { index, job, report, mark: None, connected: false })
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

    async fn deliver_one(&mut self, mut pending: Pending) {
        if let Some(reason) = self.reason_to_stop() {
            return self.stopped(pending, reason);
        }
        let wire_before = self.cost().moved.wire_bytes;
        loop {
            pending.report.attempts += 1;
            let result = match self.policy.direction {
                Direction::Put => self.put(&mut pending).await,
                Direction::Get => self.get(&mut pending).await,
            };
            pending.report.wire_bytes = self.cost().moved.wire_bytes - wire_before;
            pending.connected |= self.session.is_some();
            match result {
                Ok(payload_bytes) => return self.delivered(pending, payload_bytes),
                Err(error) => match self.failed(pending, &error) {
                    Some(retry) => pending = retry,
                    None => return,
                },
            }
            self.net.sleep(self.policy.retry_delay).await;
        }
    }

    /// Gives the file's payload bytes.
    async fn put(&mut self, pending: &mut Pending) -> Result<u64, ClientError> {
        let start = self.start(pending).await?;
        match self.put_from(pending, &start).await {
            Err(ClientError::Refused { .. }) if start.marker.is_some() && self.in_step() => {
                pending.mark = None;
                self.put_from(pending, &Start::default()).await
            }
            result => result,
        }
    }

    async fn put_from(&mut self, pending: &mut Pending, start: &Start) -> Result<u64, ClientError> {
        let job = &pending.job;
        let opened = LocalReader::open(&self.store, &job.local, start.offset_bytes, &self.policy).await;
        let mut file = opened.map_err(ClientError::Local)?;
        let (verify, publish) = (self.policy.verify, self.policy.publish);
        let session = self.session().await?;
        let part = part_name(&job.remote);
        let stored_as = if publish == Publish::Rename { &part } else { &job.remote };
        let result = session.put_file(&job.remote, stored_as, start.marker.as_deref(), &mut file).await;
        // Of a later place in the file than the one it began from, or else that one is still good.
        pending.mark = session.take_mark().or(pending.mark.take());
        let payload_bytes = start.offset_bytes + result?.payload_bytes;
        match verify {
            Verify::Reply => {}
            Verify::Size => same_size(session.size_bytes(stored_as).await?, payload_bytes)?,
            Verify::Hash => same_hash(session.hash(stored_as).await?, file.hash())?,
        }
        if publish == Publish::Rename && !planted::is(Bug::RenameForgotten) {
            session.rename(&part, &job.remote).await?;
        }
        Ok(payload_bytes)
    }

    async fn get(&mut self, pending: &mut Pending) -> Result<u64, ClientError> {
        let start = self.start(pending).await?;
        match self.get_from(pending, &start).await {
            Err(
                ClientError::Refused { .. }
                | ClientError::Local(StoreError::BadOffset { .. } | StoreError::NotFound),
            ) if start.marker.is_some() && self.in_step() => {
                pending.mark = None;
                self.get_from(pending, &Start::default()).await
            }
            result => result,
        }
    }

    async fn get_from(&mut self, pending: &mut Pending, start: &Start) -> Result<u64, ClientError> {
        let job = &pending.job;
        let opened = LocalWriter::open(&self.store, &job.local, start, &self.policy).await;
        let mut file = opened.map_err(ClientError::Local)?;
        let (verify, resume) = (self.policy.verify, self.policy.resume);
        let session = self.session().await?;
        let size_bytes = match verify {
            Verify::Size => Some(session.size_bytes(&job.remote).await?),
            Verify::Reply | Verify::Hash => None,
        };
        let moved = match session.get_file(&job.remote, start.marker.as_deref(), &mut file).await {
            Ok(moved) => moved,
            Err(error) => {
                pending.mark = session.take_mark().or(pending.mark.take());
                if resume && !matches!(error, ClientError::Refused { .. }) {
                    // Only a help for the next attempt; this one has failed in any case.
                    let _ = file.keep().await;
                }
                return Err(error);
            }
        };
        let payload_bytes = start.offset_bytes + moved.payload_bytes;
        if let Some(size_bytes) = size_bytes {
            same_size(size_bytes, payload_bytes)?;
        }
        if verify == Verify::Hash {
            same_hash(session.hash(&job.remote).await?, file.hash())?;
        }
        file.publish().await.map_err(ClientError::Local)?;
        Ok(payload_bytes)
    }

    fn in_step(&self) -> bool {
        self.session.as_ref().is_some_and(Session::in_step)
    }

    /// The session at hand, or a new one when it is gone or out of step.
    pub(super) async fn session(&mut self) -> Result<&mut Session<N>, ClientError> {
        let mut session = self.session.take();
        if let Some(open) = &mut session
            && !open.is_usable().await
            && let Some(dead) = session.take()
        {
            self.spent = self.spent.plus(dead.abandon());
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

    pub(super) fn delivered(&mut self, mut pending: Pending, payload_bytes: u64) {
        pending.report.payload_bytes = payload_bytes;
        pending.report.result = Ok(());
        self.verdict(pending);
    }

    /// Gives the job back if it is to be tried again.
    pub(super) fn failed(&mut self, mut pending: Pending, error: &ClientError) -> Option<Pending> {
        pending.report.result = Err(Failure { kind: error.kind(), message: error.to_string() });
        if !error.is_final() && pending.report.attempts <= self.policy.retries {
            return Some(pending);
        }
        let unreachable = !pending.connected && error.kind() != FailureKind::Local;
        if unreachable {
            self.shared.given_up.store(true, Relaxed);
        }
        self.verdict(pending);
        None
    }

    pub(super) fn stopped(&mut self, mut pending: Pending, reason: &str) {
        if pending.report.attempts == 0 {
            let message = format!("not attempted: {reason}");
            pending.report.result = Err(Failure { kind: FailureKind::NotAttempted, message });
        }
        self.verdict(pending);
    }

    fn verdict(&mut self, mut pending: Pending) {
        pending.report.ended_us = self.now_us();
        let report = pending.report;
        let error = report.result.as_ref().err().map(|failure| failure.message.as_str());
        let event = Event::FileReported { name: &report.name, attempts: report.attempts, error };
        Watch::new(self.observer.clone(), Who::Client, self.number).tell(self.net.now(), event);
        let mut told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        told(pending.index, report);
    }

    fn cost(&self) -> Cost {
        self.session.as_ref().map_or(self.spent, |session| self.spent.plus(session.cost()))
    }

    pub(super) fn now_us(&self) -> u64 {
        self.net.now().as_micros().try_into().unwrap_or(u64::MAX)
    }
}

/// `DIR/.NAME.part`: in the same directory, so that the rename is one.
pub fn part_name(remote: &str) -> String {
    match remote.rsplit_once('/') {
        Some((directory, name)) => format!("{directory}/.{name}.part"),
        None => format!(".{remote}.part"),
    }
}

pub fn same_size(server_bytes: u64, moved_bytes: u64) -> Result<(), ClientError> {
    if server_bytes == moved_bytes || planted::is(Bug::SizeUnchecked) {
        Ok(())
    } else {
        Err(ClientError::SizeMismatch { server_bytes, moved_bytes })
    }
}

pub fn same_hash(server: String, ours: Option<String>) -> Result<(), ClientError> {
    let ours = ours.unwrap_or_default();
    if server == ours || planted::is(Bug::HashUnchecked) {
        Ok(())
    } else {
        Err(ClientError::HashMismatch { algorithm: "SHA-256", server, ours })
    }
}
