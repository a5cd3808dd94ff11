//! TYPE A, non-print (RFC 959 section 3.1.1.1), for hosts whose lines end with LF: on the wire they
//! end with CR LF.

use crate::store::{ReadFile, StoreError, WriteFile};

/// Bytes read from the file at a time.
const PIECE_BYTES: usize = 32 * 1024;

/// A file as TYPE A sends it: LF becomes CR LF, unless it follows a CR already.
pub struct AsciiReader<R> {
    inner: R,
    /// Converted and not yet handed on.
    converted: Vec<u8>,
    at: usize,
    after_return: bool,
}

impl<R: ReadFile> AsciiReader<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, converted: Vec::new(), at: 0, after_return: false }
    }

    pub fn inner(&self) -> &R {
        &self.inner
    }

    async fn refill(&mut self) -> Result<(), StoreError> {
        let mut piece = vec![0; PIECE_BYTES.min(self.inner.remaining_bytes() as usize).max(1)];
        let read = self.inner.read(&mut piece).await?;
        self.converted.clear();
        self.at = 0;
        for &byte in &piece[..read] {
            if byte == b'\n' && !self.after_return {
                self.converted.push(b'\r');
            }
            self.converted.push(byte);
            self.after_return = byte == b'\r';
        }
        Ok(())
    }
}

impl<R: ReadFile> ReadFile for AsciiReader<R> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        if self.at == self.converted.len() {
            self.refill().await?;
        }
        let rest = &self.converted[self.at..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }

    /// At least so many: zero only at the end.
    fn remaining_bytes(&self) -> u64 {
        (self.converted.len() - self.at) as u64 + self.inner.remaining_bytes()
    }

    /// Only between two pieces, and not after a CR that a LF may follow.
    fn marker(&self) -> Option<String> {
        if self.at == self.converted.len() && !self.after_return { self.inner.marker() } else { None }
    }
}

/// A file as TYPE A receives it: CR LF becomes LF.
pub struct AsciiWriter<W> {
    inner: W,
    after_return: bool,
}

/// In a marker: a CR has been received and is held back until it is known what follows.
pub const RETURN_SEEN: char = 'r';

impl<W: WriteFile> AsciiWriter<W> {
    pub fn new(inner: W) -> Self {
        Self { inner, after_return: false }
    }

    pub fn inner(&self) -> &W {
        &self.inner
    }

    /// Goes on from a marker that [`RETURN_SEEN`] stood behind.
    pub fn after_return(inner: W) -> Self {
        Self { inner, after_return: true }
    }
}

impl<W: WriteFile> WriteFile for AsciiWriter<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut converted = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            if self.after_return && byte != b'\n' {
                converted.push(b'\r');
            }
            self.after_return = byte == b'\r';
            if byte != b'\r' {
                converted.push(byte);
            }
        }
        self.inner.write(&converted).await
    }

    async fn publish(mut self) -> Result<(), StoreError> {
        if self.after_return {
            self.inner.write(b"\r").await?;
        }
        self.inner.publish().await
    }

    /// With [`RETURN_SEEN`] behind it in the middle of an end of line (RFC 1123 section 4.1.3.4).
    fn marker(&self) -> Option<String> {
        let mut marker = self.inner.marker()?;
        if self.after_return {
            marker.push(RETURN_SEEN);
        }
        Some(marker)
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.inner.checkpoint().await
    }

    async fn keep(self) -> Result<(), StoreError> {
        self.inner.keep().await
    }
}
