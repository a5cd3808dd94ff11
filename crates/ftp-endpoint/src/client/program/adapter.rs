//! A program's readers and writers as files.

use crate::store::{ReadFile, StoreError, WriteFile};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// As long as the end has not been seen: more than any piece.
const UNKNOWN_BYTES: u64 = u32::MAX as u64;

pub(super) struct Source<R> {
    inner: R,
    ended: bool,
}

impl<R> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, ended: false }
    }
}

impl<R: AsyncRead + Unpin + Send> ReadFile for Source<R> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let read = self.inner.read(buffer).await.map_err(StoreError::Io)?;
        self.ended |= read == 0 && !buffer.is_empty();
        Ok(read)
    }

    fn remaining_bytes(&self) -> u64 {
        if self.ended { 0 } else { UNKNOWN_BYTES }
    }
}

pub(super) struct Sink<W>(W);

impl<W> Sink<W> {
    pub(super) fn new(inner: W) -> Self {
        Self(inner)
    }
}

impl<W: AsyncWrite + Unpin + Send> WriteFile for Sink<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.write_all(bytes).await.map_err(StoreError::Io)
    }

    async fn publish(mut self) -> Result<(), StoreError> {
        self.0.flush().await.map_err(StoreError::Io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A read into nothing says nothing of the end.
    #[tokio::test]
    async fn how_much_remains_is_unknown_until_the_end_has_been_seen() {
        let mut source = Source::new(&b"abc"[..]);
        for (room, read) in [(0, 0), (2, 2), (2, 1)] {
            assert_eq!(source.read(&mut vec![0; room]).await.unwrap(), read);
            assert_eq!(source.remaining_bytes(), UNKNOWN_BYTES);
        }
        for room in [2, 0] {
            assert_eq!(source.read(&mut vec![0; room]).await.unwrap(), 0);
            assert_eq!(source.remaining_bytes(), 0);
        }
    }
}
