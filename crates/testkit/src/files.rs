//! Files that a test sends and receives without a store.

use ftp_endpoint::store::{ReadFile, StoreError, WriteFile};
use std::io;

/// A file to send, and how far it has been read.
pub struct Bytes(Vec<u8>, usize);

impl Bytes {
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec(), 0)
    }
}

impl ReadFile for Bytes {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let rest = &self.0[self.1..];
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.1 += read;
        Ok(read)
    }
    fn remaining_bytes(&self) -> u64 {
        (self.0.len() - self.1) as u64
    }
}

/// Gives one piece, then fails.
#[derive(Default)]
pub struct Failing(bool);

impl ReadFile for Failing {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        if std::mem::replace(&mut self.0, true) {
            return Err(StoreError::Io(io::ErrorKind::InvalidData.into()));
        }
        buffer[..10].fill(b'x');
        Ok(10)
    }
    fn remaining_bytes(&self) -> u64 {
        100
    }
}

/// A file that is received.
#[derive(Default)]
pub struct Sink(pub Vec<u8>);

impl WriteFile for Sink {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}
