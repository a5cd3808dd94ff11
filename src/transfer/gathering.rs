//! Payload on its way into a file.

use super::PIECE_BYTES;
use crate::store::{StoreError, WriteFile};

/// Payload received that is at least as long is written by itself.
const MIN_DIRECT_BYTES: usize = 4096;

/// Writes long pieces at once, short ones together: the byte strings of compressed mode must not
/// cost a system call each.
pub struct Gathering<'a, F> {
    pub file: &'a mut F,
    /// Bytes not yet written; the caller flushes before it goes on to something else.
    pub short: &'a mut Vec<u8>,
}

impl<F: WriteFile> Gathering<'_, F> {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() < MIN_DIRECT_BYTES {
            self.short.extend_from_slice(bytes);
            return self.flush_if_long().await;
        }
        self.flush().await?;
        self.file.write(bytes).await
    }

    pub async fn write_run(&mut self, byte: u8, len: usize) -> Result<(), StoreError> {
        self.short.resize(self.short.len() + len, byte);
        self.flush_if_long().await
    }

    async fn flush_if_long(&mut self) -> Result<(), StoreError> {
        if self.short.len() < PIECE_BYTES { Ok(()) } else { self.flush().await }
    }

    pub async fn flush(&mut self) -> Result<(), StoreError> {
        if self.short.is_empty() {
            return Ok(());
        }
        let written = self.file.write(self.short).await;
        self.short.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counting {
        content: Vec<u8>,
        writes: usize,
    }

    impl WriteFile for Counting {
        async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
            self.content.extend_from_slice(bytes);
            self.writes += 1;
            Ok(())
        }
        async fn publish(self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn short_pieces_share_a_write() {
        let mut file = Counting::default();
        let mut short = Vec::new();
        let mut out = Gathering { file: &mut file, short: &mut short };
        let mut expected = Vec::new();
        for round in 0..1000 {
            out.write(&[round as u8; 127]).await.unwrap();
            out.write_run(b' ', 63).await.unwrap();
            expected.extend_from_slice(&[round as u8; 127]);
            expected.extend_from_slice(&[b' '; 63]);
        }
        out.write(&[1; MIN_DIRECT_BYTES]).await.unwrap();
        expected.extend_from_slice(&[1; MIN_DIRECT_BYTES]);
        out.flush().await.unwrap();
        assert!(short.is_empty());
        assert!(file.content == expected);
        assert_eq!(file.writes, 1000 * 190 / PIECE_BYTES + 2);
    }
}
