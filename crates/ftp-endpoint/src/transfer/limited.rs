//! Part of a file.

use crate::store::{ReadFile, StoreError};

/// At most so many bytes of a file.
pub struct Limited<R> {
    inner: R,
    left_bytes: u64,
}

impl<R: ReadFile> Limited<R> {
    /// The file's next `limit_bytes`, or fewer.
    pub fn new(inner: R, limit_bytes: u64) -> Self {
        Self { inner, left_bytes: limit_bytes }
    }
}

impl<R: ReadFile> ReadFile for Limited<R> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let len = (buffer.len() as u64).min(self.left_bytes) as usize;
        if len == 0 {
            return Ok(0);
        }
        let read = self.inner.read(&mut buffer[..len]).await?;
        self.left_bytes -= read as u64;
        Ok(read)
    }

    fn remaining_bytes(&self) -> u64 {
        self.inner.remaining_bytes().min(self.left_bytes)
    }

    fn marker(&self) -> Option<String> {
        self.inner.marker()
    }
}
