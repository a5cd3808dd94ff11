//! One file after the other: the next command is sent when the last file is done.

use super::error::{ClientError, not_short};
use super::local::{LocalReader, LocalWriter};
use super::marker::Start;
use super::policy::{Direction, Publish, Verify, part_name};
use super::queue::Pending;
use super::verify::{same_hash, same_size};
use super::worker::Worker;
use crate::net::Net;
use crate::store::{Store, StoreError, WriteFile};
use ftp_proto::mutant::{self, Mutant};

impl<N: Net, S: Store> Worker<N, S> {
    /// Delivers all jobs there are.
    pub(super) async fn run_sequential(&mut self) {
        while let Some(pending) = self.take() {
            self.deliver_one(pending).await;
        }
    }

    async fn deliver_one(&mut self, mut pending: Pending) {
        if let Some(reason) = self.queue.reason_to_stop() {
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
            match result {
                Ok(payload_bytes) => return self.delivered(pending, payload_bytes),
                Err(error) => match self.failed(pending, &error) {
                    Some(retry) => pending = retry,
                    None => return,
                },
            }
            self.pause().await;
        }
    }

    /// Gives the file's payload bytes.
    async fn put(&mut self, pending: &mut Pending) -> Result<u64, ClientError> {
        let start = self.start(pending).await?;
        match self.put_from(pending, &start).await {
            Err(error) if self.begins_anew(&start, &error) => {
                pending.mark = None;
                self.put_from(pending, &Start::default()).await
            }
            result => result,
        }
    }

    async fn put_from(&mut self, pending: &mut Pending, start: &Start) -> Result<u64, ClientError> {
        let policy = self.policy_from(start).await?;
        let (verify, publish) = (policy.verify, policy.publish);
        let job = &pending.job;
        let part = part_name(&job.remote);
        let other = format!("{}.{}", job.remote, pending.report.attempts);
        let stored_as = match publish {
            Publish::Rename => &part,
            Publish::Direct if other_name(pending) => &other,
            Publish::Direct => &job.remote,
        };
        let left = self.part_hash(start, stored_as).await?;
        let mut file = LocalReader::open(&self.store, &job.local, start.offset_bytes, &policy, left).await?;
        let session = self.session().await?;
        let result = session.put_file(&job.remote, stored_as, start.marker.as_deref(), &mut file).await;
        // Of a later place in the file than the one it began from, or else that one is still good.
        pending.mark = session.take_mark().or(pending.mark.take());
        let payload_bytes = start.offset_bytes + result?.payload_bytes;
        match verify {
            Verify::Reply => {}
            Verify::Size => same_size(session.size_bytes(stored_as).await?, payload_bytes)?,
            Verify::Hash => same_hash(session.hash(stored_as).await?, file.hash())?,
        }
        if publish == Publish::Rename && !mutant::is(Mutant::RenameForgotten) {
            session.rename(&part, &job.remote).await?;
        }
        self.set_remote_time(pending).await;
        Ok(payload_bytes)
    }

    /// Of a file that stands there, and is delivered whatever becomes of its time.
    async fn set_remote_time(&mut self, pending: &mut Pending) {
        let Some(time) = self.time_of(&pending.job.remote) else { return };
        let set = match self.session().await {
            Ok(session) => session.set_modified(&pending.job.remote, time).await,
            Err(error) => Err(error),
        };
        pending.report.untimed = set.err().map(|error| error.to_string());
    }

    /// Whether what there is to go on from is not of this file, or nobody can tell that it is.
    fn begins_anew(&self, start: &Start, error: &ClientError) -> bool {
        let of_another = match error {
            ClientError::Refused { .. } | ClientError::HashMismatch { .. } => true,
            ClientError::Unverifiable { .. } => self.policy.verify != Verify::Hash,
            ClientError::Local(StoreError::BadOffset { .. } | StoreError::NotFound) => {
                self.policy.direction == Direction::Get
            }
            _ => false,
        };
        of_another && start.marker.is_some()
    }

    async fn get(&mut self, pending: &mut Pending) -> Result<u64, ClientError> {
        let start = self.start(pending).await?;
        match self.get_from(pending, &start).await {
            Err(error) if self.begins_anew(&start, &error) => {
                pending.mark = None;
                self.get_from(pending, &Start::default()).await
            }
            result => result,
        }
    }

    async fn get_from(&mut self, pending: &mut Pending, start: &Start) -> Result<u64, ClientError> {
        let policy = self.policy_from(start).await?;
        let job = &pending.job;
        let opened = LocalWriter::open(&self.store, &job.local, start, &policy).await;
        let mut file = opened.map_err(ClientError::Local)?;
        let verify = policy.verify;
        let is_listed = self.is_listed(&job.remote);
        let session = self.session().await?;
        let (mut size_bytes, mut told_bytes) = (None, None);
        match verify {
            Verify::Size => size_bytes = Some(session.size_bytes(&job.remote).await?),
            Verify::Reply if !is_listed => {
                told_bytes = match policy.minds_size.then_some(pending.source.size_bytes).flatten() {
                    None => session.told_size(&job.remote).await?,
                    known => known,
                };
            }
            Verify::Reply | Verify::Hash => {}
        }
        let before_bytes = session.cost().moved.payload_bytes;
        let moved = match session.get_file(&job.remote, start.marker.as_deref(), &mut file).await {
            Ok(moved) => moved,
            Err(error) => {
                pending.mark = session.take_mark().or(pending.mark.take());
                let moved_bytes = start.offset_bytes + session.cost().moved.payload_bytes - before_bytes;
                let keeps = self.keeps_part(pending, moved_bytes);
                if keeps && !matches!(error, ClientError::Refused { .. }) {
                    // This is only a help for the next attempt; this one has failed in any case.
                    let _ = file.keep().await;
                    if let Some(version) = &pending.source.version {
                        let _ = self.store.note_partial(&pending.job.local, version).await;
                    }
                }
                return Err(error);
            }
        };
        let payload_bytes = start.offset_bytes + moved.payload_bytes;
        if let Some(size_bytes) = size_bytes {
            same_size(size_bytes, payload_bytes)?;
        }
        not_short(told_bytes, payload_bytes)?;
        if verify == Verify::Hash {
            same_hash(session.hash(&job.remote).await?, file.hash())?;
        }
        if let Err(mismatch) = self.as_listed(&pending.job.remote, payload_bytes) {
            // It may have changed since it was listed.
            let now = self.session().await?.size_bytes(&pending.job.remote).await;
            if !now.is_ok_and(|now| now == payload_bytes) {
                return Err(mismatch);
            }
        }
        if start.marker.is_some() && pending.source.version.is_some() && verify != Verify::Hash {
            self.is_unchanged(pending).await?;
        }
        file.publish().await.map_err(ClientError::Local)?;
        self.set_local_time(pending).await;
        Ok(payload_bytes)
    }
}

fn other_name(pending: &Pending) -> bool {
    mutant::is(Mutant::RetryUnderOtherName) && pending.report.attempts > 1
}
