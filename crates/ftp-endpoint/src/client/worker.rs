//! One of the parallel parts of a delivery: takes jobs, holds a session, counts attempts. How it goes from
//! file to file is one of two strategies, `sequential` and `pipelined`.

use super::error::{ClientError, FailureKind};
use super::policy::{Direction, Login, Policy};
use super::queue::{Pending, Queue, Shared};
use super::report::Failure;
use super::session::{Cost, Session, can_be_told};
use crate::net::Net;
use crate::observe::{Event, Observer, Watch, Who};
use crate::store::{Store, StoreError};
use ftp_proto::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

/// Between what, and how, a worker delivers.
pub(super) struct Ends<N: Net, S: Store> {
    pub net: N,
    pub store: S,
    pub server: SocketAddr,
    pub login: Login,
    pub policy: Policy,
    pub observer: Arc<dyn Observer>,
    pub listed_bytes: Arc<BTreeMap<String, u64>>,
    pub modified: Arc<BTreeMap<String, Timestamp>>,
}

pub(super) struct Worker<N: Net, S: Store> {
    pub(super) net: N,
    pub(super) store: S,
    pub(super) server: SocketAddr,
    pub(super) login: Login,
    pub(super) policy: Policy,
    observer: Arc<dyn Observer>,
    /// By the names of jobs: what listings said.
    listed_bytes: Arc<BTreeMap<String, u64>>,
    /// By the names of jobs: what delivered files are to have.
    modified: Arc<BTreeMap<String, Timestamp>>,
    pub(super) queue: Queue,
    pub(super) session: Option<Session<N>>,
    /// What came over the data connection that a burst has taken was not what was sent.
    pub(super) doubts_data: bool,
    pub(super) publications: VecDeque<Publication>,
    /// Of the latest session.
    number: u64,
    /// In sessions that are over.
    spent: Cost,
    connections: u64,
    /// Attempts in a row at which the server did not let us in.
    unreached: u32,
}

/// A download that has come whole and is being published.
pub(super) struct Publication {
    pub pending: Pending,
    pub payload_bytes: u64,
    pub work: Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>,
}

pub(super) struct Done {
    pub cost: Cost,
    pub control_connections: u64,
}

impl<N: Net, S: Store> Worker<N, S> {
    pub(super) fn new(ends: Ends<N, S>, shared: Arc<Shared>) -> Self {
        let Ends { net, store, server, login, policy, observer, listed_bytes, modified } = ends;
        Self {
            net,
            store,
            server,
            login,
            policy,
            observer,
            listed_bytes,
            modified,
            queue: Queue::new(shared),
            session: None,
            doubts_data: false,
            publications: VecDeque::new(),
            number: 0,
            spent: Cost::default(),
            connections: 0,
            unreached: 0,
        }
    }

    pub(super) async fn run(mut self) -> Done {
        if self.policy.is_pipelined() {
            self.run_pipelined().await;
        } else {
            self.run_sequential().await;
        }
        self.store.rest();
        if let Some(session) = self.session.take() {
            let cost = session.quit().await;
            self.spent = self.spent.plus(cost);
        }
        Done { cost: self.spent, control_connections: self.connections }
    }

    /// The next job that is not to wait.
    pub(super) fn take(&mut self) -> Option<Pending> {
        let now_us = self.now_us();
        self.queue.take(now_us)
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
            None => {
                self.unreached += 1;
                let session = self.open_session().await?;
                self.unreached = 0;
                session
            }
        };
        Ok(self.session.insert(session))
    }

    async fn open_session(&mut self) -> Result<Session<N>, ClientError> {
        let (queue, observer) = (&self.queue, self.observer.clone());
        let (number, connections) = (&mut self.number, &mut self.connections);
        let watch = || {
            *number = queue.count_session();
            *connections += 1;
            Watch::new(observer, Who::Client, *number)
        };
        let cancel = self.queue.cancel();
        let open = Session::open(self.net.clone(), self.server, &self.login, &self.policy, watch);
        let session = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(ClientError::Cancelled),
            session = open => session?,
        };
        Ok(session.cancel_by(cancel))
    }

    /// Before a further attempt.
    pub(super) async fn pause(&mut self) {
        let cancel = self.queue.cancel();
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            () = self.net.sleep(self.policy.retry_delay) => {}
        }
    }

    pub(super) fn is_listed(&self, remote: &str) -> bool {
        self.listed_bytes.contains_key(remote)
    }

    /// Whether as much has come as a listing told, if one did.
    pub(super) fn as_listed(&self, remote: &str, moved_bytes: u64) -> Result<(), ClientError> {
        match self.listed_bytes.get(remote) {
            Some(&listed_bytes) if listed_bytes != moved_bytes => {
                Err(ClientError::ListingMismatch { listed_bytes, moved_bytes })
            }
            _ => Ok(()),
        }
    }

    /// What a listing said of a download.
    pub(super) fn listed_bytes(&self, remote: &str) -> Option<u64> {
        self.listed_bytes.get(remote).copied()
    }

    /// The time of modification that a file is to have.
    pub(super) fn time_of(&self, remote: &str) -> Option<Timestamp> {
        let &(seconds, _) = self.modified.get(remote)?;
        Some((seconds, 0)).filter(|_| !self.cannot_be_told(seconds))
    }

    /// To the server.
    fn cannot_be_told(&self, seconds: i64) -> bool {
        self.policy.direction == Direction::Put && !can_be_told(seconds)
    }

    /// Of a file that has come.
    pub(super) async fn set_local_time(&mut self, pending: &mut Pending) {
        let Some(time) = self.time_of(&pending.job.remote) else { return };
        let set = self.store.keep_modified(&pending.job.local, time).await;
        pending.report.untimed = set.err().map(|error| error.to_string());
    }

    pub(super) fn delivered(&mut self, mut pending: Pending, payload_bytes: u64) {
        pending.report.payload_bytes = payload_bytes;
        pending.report.result = Ok(());
        let time = self.modified.get(&pending.job.remote);
        if time.is_some_and(|&(seconds, _)| self.cannot_be_told(seconds)) {
            pending.report.untimed = Some(ClientError::BadTime.to_string());
        }
        self.verdict(pending);
    }

    /// Gives the job back if it is to be tried again.
    pub(super) fn failed(&mut self, mut pending: Pending, error: &ClientError) -> Option<Pending> {
        pending.report.result = Err(Failure { kind: error.kind(), message: error.to_string() });
        if error.kind() == FailureKind::Mismatch {
            // Where a mark of an end was lost, or made, on the way, what follows on the connection is taken for another
            // file's, for as long as it lasts.
            match &mut self.session {
                Some(session) => session.abort_kept(),
                None => self.doubts_data = true,
            }
        }
        if self.may_resume_otherwise(error) {
            // The server's demand is nobody's failure; a session meets it once.
            pending.report.attempts -= 1;
            return Some(pending);
        }
        if !error.is_final() && pending.report.attempts <= self.policy.retries {
            return Some(pending);
        }
        // The next file would meet the same: a server that is gone is waited for by one file's attempts, by
        // whatever files they were made.
        let ours = error.kind() == FailureKind::Local;
        if !ours && self.unreached > 0 && (error.is_final() || self.unreached > self.policy.retries) {
            self.queue.give_up();
        }
        self.verdict(pending);
        None
    }

    /// The server demands that data connections resume a TLS session, and this one cannot.
    fn may_resume_otherwise(&mut self, error: &ClientError) -> bool {
        let otherwise = self.session.as_ref().is_some_and(|session| session.another_may_do_better(error));
        if otherwise && let Some(session) = self.session.take() {
            self.spent = self.spent.plus(session.abandon());
        }
        otherwise
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
        self.queue.tell(pending.index, report);
    }

    pub(super) fn cost(&self) -> Cost {
        self.session.as_ref().map_or(self.spent, |session| self.spent.plus(session.cost()))
    }

    pub(super) fn now_us(&self) -> u64 {
        self.net.now().as_micros().try_into().unwrap_or(u64::MAX)
    }
}
