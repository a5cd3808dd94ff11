//! Downloads that have come whole and are being published, while others come: where a store publishes many
//! at the cost of few ([`Store::publishes_together`]).

use super::error::ClientError;
use super::queue::Pending;
use super::worker::{Publication, Worker};
use crate::net::{Net, at_once};
use crate::store::{Store, StoreError, WriteFile};

/// At a time: each holds a file open.
const MAX_PUBLICATIONS: usize = 256;

impl<N: Net, S: Store> Worker<N, S> {
    /// Begins to publish; the verdict comes with the next, or [`Self::finish_publications`].
    pub(super) async fn publish_later(
        &mut self,
        pending: Pending,
        payload_bytes: u64,
        file: impl WriteFile + 'static,
    ) {
        let work = Box::pin(file.publish());
        self.publications.push_back(Publication { pending, payload_bytes, work });
        // In its turn: before those to come.
        if let Some(last) = self.publications.back_mut()
            && let Some(result) = at_once(&mut last.work).await
            && let Some(last) = self.publications.pop_back()
        {
            self.published(last, result).await;
        }
        while self.publications.len() >= MAX_PUBLICATIONS {
            self.finish_one().await;
        }
    }

    /// The verdicts on those that have been published by now.
    pub(super) async fn look_at_publications(&mut self) {
        while let Some(first) = self.publications.front_mut()
            && let Some(result) = at_once(&mut first.work).await
            && let Some(first) = self.publications.pop_front()
        {
            self.published(first, result).await;
        }
    }

    /// Waits for all of them.
    pub(super) async fn finish_publications(&mut self) {
        while !self.publications.is_empty() {
            self.finish_one().await;
        }
    }

    async fn finish_one(&mut self) {
        if let Some(mut first) = self.publications.pop_front() {
            let result = first.work.as_mut().await;
            self.published(first, result).await;
        }
    }

    async fn published(&mut self, publication: Publication, result: Result<(), StoreError>) {
        let Publication { mut pending, payload_bytes, .. } = publication;
        match result {
            Ok(()) => {
                self.set_local_time(&mut pending).await;
                self.delivered(pending, payload_bytes);
            }
            Err(error) => {
                if let Some(retry) = self.failed(pending, &ClientError::Local(error)) {
                    self.queue.put_off(retry);
                }
            }
        }
    }
}
