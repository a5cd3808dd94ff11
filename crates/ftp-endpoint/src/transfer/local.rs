//! Payload on its way into a file: converted, short pieces together.

use super::PIECE_BYTES;
use crate::store::{StoreError, WriteFile};
use ftp_proto::repr::Incoming;

/// Where discarded files go.
pub(super) struct Nowhere;

impl WriteFile for Nowhere {
    async fn write(&mut self, _bytes: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Payload received that is at least as long, and is not converted, is written by itself.
const MIN_DIRECT_BYTES: usize = 4096;

/// Blocks written together at most: more than a read brings of full ones.
const MAX_BLOCKS: usize = 8;

/// Writes long pieces at once, short ones together: the byte strings of compressed mode and short
/// records must not cost a system call each.
pub(super) struct Local<'f, 'r, W> {
    file: &'f mut W,
    incoming: &'f mut Option<Incoming>,
    /// Blocks of what was received, not yet written; the first so many. Then nothing else is waiting.
    blocks: [&'r [u8]; MAX_BLOCKS],
    block_count: usize,
    /// Bytes not yet written; the caller flushes before it goes on to something else.
    waiting: &'f mut Vec<u8>,
    /// Data that came, before conversion.
    pub payload_bytes: u64,
}

impl<'f, 'r, W: WriteFile> Local<'f, 'r, W> {
    /// `incoming`: none where the bytes are kept as they are. `waiting` is empty.
    pub(super) fn new(file: &'f mut W, incoming: &'f mut Option<Incoming>, waiting: &'f mut Vec<u8>) -> Self {
        Self { file, incoming, blocks: [&[]; MAX_BLOCKS], block_count: 0, waiting, payload_bytes: 0 }
    }

    /// Payload that stays where it is until it is written, with what follows it: a read brings several blocks.
    pub(super) async fn block(&mut self, bytes: &'r [u8]) -> Result<(), StoreError> {
        let is_short = bytes.len() < MIN_DIRECT_BYTES && self.block_count == 0;
        if self.incoming.is_some() || is_short {
            return self.data(bytes).await;
        }
        if !self.waiting.is_empty() || self.block_count == MAX_BLOCKS {
            self.flush().await?;
        }
        self.payload_bytes += bytes.len() as u64;
        self.blocks[self.block_count] = bytes;
        self.block_count += 1;
        Ok(())
    }

    pub(super) async fn data(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.payload_bytes += bytes.len() as u64;
        if self.block_count > 0 {
            self.flush().await?;
        }
        match self.incoming {
            Some(incoming) => incoming.data(bytes, self.waiting),
            None if bytes.len() < MIN_DIRECT_BYTES => self.waiting.extend_from_slice(bytes),
            None => {
                self.flush().await?;
                return self.file.write(bytes).await;
            }
        }
        if self.waiting.len() < PIECE_BYTES { Ok(()) } else { self.flush().await }
    }

    pub(super) fn end_of_record(&mut self) {
        if let Some(incoming) = self.incoming {
            incoming.end_of_record(self.waiting);
        }
    }

    pub(super) async fn end_of_file(&mut self) -> Result<(), StoreError> {
        if let Some(incoming) = self.incoming {
            incoming.end_of_file(self.waiting);
        }
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        let count = std::mem::take(&mut self.block_count);
        if count > 0 {
            self.file.write_together(&self.blocks[..count]).await?;
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = self.file.write(self.waiting).await;
        self.waiting.clear();
        written
    }

    /// Brings all that has been flushed to stable storage.
    pub(super) async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.file.checkpoint().await
    }

    /// Hands all to the file; where to go on from, if that can be said.
    pub(super) async fn place(&mut self) -> Result<Option<String>, StoreError> {
        self.flush().await?;
        let whole = self.incoming.as_ref().is_none_or(|incoming| !incoming.holds_back());
        Ok(if whole { self.file.marker() } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ftp_proto::mode::Structure;
    use ftp_proto::repr::{Conversion, RecordForm, Representation};

    #[derive(Default)]
    struct Counting {
        content: Vec<u8>,
        writes: usize,
        /// Of several blocks.
        together: usize,
        checkpoints: usize,
    }

    impl WriteFile for Counting {
        async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
            self.content.extend_from_slice(bytes);
            self.writes += 1;
            Ok(())
        }
        async fn write_together(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
            self.together += usize::from(pieces.len() > 1);
            self.write(&pieces.concat()).await
        }
        async fn publish(self) -> Result<(), StoreError> {
            Ok(())
        }
        fn marker(&self) -> Option<String> {
            Some(self.content.len().to_string())
        }
        async fn checkpoint(&mut self) -> Result<(), StoreError> {
            self.checkpoints += 1;
            Ok(())
        }
    }

    /// What a marker tells of is in the file and on stable storage; a CR may be half an end of line.
    #[tokio::test]
    async fn a_place_is_one_in_the_file_and_the_end_leaves_nothing_behind() {
        let lines = Conversion {
            representation: Representation::Ascii,
            structure: Structure::File,
            record_form: RecordForm::Plain,
        };
        let mut file = Counting::default();
        let (mut incoming, mut waiting) = (Some(Incoming::new(lines)), Vec::new());
        let mut out = Local::new(&mut file, &mut incoming, &mut waiting);
        out.data(b"one\r\n").await.unwrap();
        assert_eq!(out.place().await.unwrap().as_deref(), Some("4"));
        out.checkpoint().await.unwrap();
        out.data(b"two\r").await.unwrap();
        assert_eq!(out.place().await.unwrap(), None);
        out.end_of_file().await.unwrap();
        assert_eq!((&file.content[..], file.checkpoints), (&b"one\ntwo\r"[..], 1));
    }

    #[tokio::test]
    async fn short_pieces_share_a_write() {
        let mut file = Counting::default();
        let (mut incoming, mut waiting) = (None, Vec::new());
        let mut out = Local::new(&mut file, &mut incoming, &mut waiting);
        let mut expected = Vec::new();
        for round in 0..1000 {
            out.data(&[round as u8; 127]).await.unwrap();
            out.data(&[b' '; 63]).await.unwrap();
            expected.extend_from_slice(&[round as u8; 127]);
            expected.extend_from_slice(&[b' '; 63]);
        }
        out.data(&[1; MIN_DIRECT_BYTES]).await.unwrap();
        expected.extend_from_slice(&[1; MIN_DIRECT_BYTES]);
        out.flush().await.unwrap();
        assert!(waiting.is_empty());
        assert!(file.content == expected);
        assert_eq!(file.writes, 1000 * 190 / PIECE_BYTES + 2);
    }

    /// Whatever lies between them: nothing overtakes anything.
    #[tokio::test]
    async fn blocks_share_a_write_and_keep_their_place() {
        let received: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
        let (mut rest, mut expected) = (&received[..], Vec::new());
        let mut file = Counting::default();
        let (mut incoming, mut waiting) = (None, Vec::new());
        let mut out = Local::new(&mut file, &mut incoming, &mut waiting);
        for (round, bytes) in
            [9_000, 1, 5_000, 9, 4096, 3, 7_000, 6_000].into_iter().cycle().take(40).enumerate()
        {
            let (block, behind) = rest.split_at(bytes);
            rest = behind;
            match round % 5 {
                4 => out.data(block).await.unwrap(),
                _ => out.block(block).await.unwrap(),
            }
            out.data(&[]).await.unwrap();
            expected.extend_from_slice(block);
        }
        assert_eq!(out.payload_bytes, expected.len() as u64);
        out.flush().await.unwrap();
        assert!(file.content == expected);
        assert!(file.together > 5, "{} of {} writes", file.together, file.writes);
    }
}
