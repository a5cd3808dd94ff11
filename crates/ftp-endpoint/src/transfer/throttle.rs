//! A file that is read or written no faster than a rate.

use crate::net::{Net, Time};
use crate::store::{ReadFile, StoreError, WriteFile};
use std::num::NonZeroU64;
use std::time::Duration;

/// Pieces are so small that the wait for one is no longer than this, in fractions of a second.
const PIECES_PER_SECOND: u64 = 10;

/// Over its whole life the file moves at most `rate` bytes per second. `None` does not limit.
pub struct Throttled<N, F> {
    net: N,
    inner: F,
    rate: Option<NonZeroU64>,
    begun: Time,
    moved_bytes: u64,
}

impl<N: Net, F> Throttled<N, F> {
    /// Time counts from now.
    pub fn new(net: N, inner: F, bytes_per_s: Option<NonZeroU64>) -> Self {
        let begun = net.now();
        Self { net, inner, rate: bytes_per_s, begun, moved_bytes: 0 }
    }

    /// Waits until so many bytes more are due.
    async fn wait(&mut self, bytes: u64) {
        let Some(rate) = self.rate else { return };
        self.moved_bytes += bytes;
        let due_us = u128::from(self.moved_bytes) * 1_000_000 / u128::from(rate.get());
        let due = self.begun + Duration::from_micros(u64::try_from(due_us).unwrap_or(u64::MAX));
        let early = due.saturating_sub(self.net.now());
        if !early.is_zero() {
            self.net.sleep(early).await;
        }
    }

    fn piece_bytes(&self) -> usize {
        match self.rate {
            Some(rate) => usize::try_from(rate.get() / PIECES_PER_SECOND).unwrap_or(usize::MAX).max(1),
            None => usize::MAX,
        }
    }
}

impl<N: Net, F: ReadFile> ReadFile for Throttled<N, F> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let len = buffer.len().min(self.piece_bytes());
        let read = self.inner.read(&mut buffer[..len]).await?;
        self.wait(read as u64).await;
        Ok(read)
    }

    fn remaining_bytes(&self) -> u64 {
        self.inner.remaining_bytes()
    }

    fn marker(&self) -> Option<String> {
        self.inner.marker()
    }
}

impl<N: Net, F: WriteFile> WriteFile for Throttled<N, F> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        for piece in bytes.chunks(self.piece_bytes()) {
            self.inner.write(piece).await?;
            self.wait(piece.len() as u64).await;
        }
        Ok(())
    }

    async fn write_together(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
        if self.rate.is_none() {
            return self.inner.write_together(pieces).await;
        }
        for piece in pieces {
            self.write(piece).await?;
        }
        Ok(())
    }

    async fn publish(self) -> Result<(), StoreError> {
        self.inner.publish().await
    }

    fn marker(&self) -> Option<String> {
        self.inner.marker()
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.inner.checkpoint().await
    }

    async fn keep(self) -> Result<(), StoreError> {
        self.inner.keep().await
    }
}
