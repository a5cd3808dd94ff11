//! A listing as text that is made while it is sent: a session holds little of it, however large the
//! directory is and however slowly the client reads, and others have their turn meanwhile.

use super::listing::Group;
use crate::store::{Entry, ReadFile, Store, StoreError};
use ftp_proto::mutant::{self, Mutant};

/// Text is made ahead up to so much, and a line.
const AHEAD_BYTES: usize = 16 * 1024;

/// What [`Mutant::ListingLimited`] lists at the most.
const LIMITED_ENTRIES: usize = 2;

/// The lines of a group's entries, sent as a file.
pub(super) struct LineReader<S, F> {
    group: Group<S>,
    /// Puts an entry's line behind the others.
    line: F,
    text: Vec<u8>,
    at: usize,
    listed: usize,
    is_end: bool,
}

impl<S: Store, F: FnMut(&Entry, &mut Vec<u8>) + Send> LineReader<S, F> {
    /// With lines to begin with. What fails at the beginning fails here, before anything is said.
    pub(super) async fn new(group: Group<S>, first: Vec<u8>, line: F) -> Result<Self, StoreError> {
        let mut new = Self { group, line, text: first, at: 0, listed: 0, is_end: false };
        new.fill().await?;
        Ok(new)
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        self.text.drain(..self.at);
        self.at = 0;
        while !self.is_end && self.text.len() < AHEAD_BYTES {
            match self.group.next().await? {
                Some(entry) => (self.line)(&entry, &mut self.text),
                None => self.is_end = true,
            }
            self.listed += 1;
            self.is_end |= mutant::is(Mutant::ListingLimited) && self.listed >= LIMITED_ENTRIES;
        }
        Ok(())
    }

    fn ahead(&self) -> &[u8] {
        &self.text[self.at..]
    }
}

impl<S: Store, F: FnMut(&Entry, &mut Vec<u8>) + Send> ReadFile for LineReader<S, F> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let len = self.ahead().len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.ahead()[..len]);
        self.at += len;
        if self.ahead().is_empty() {
            self.fill().await?;
        }
        Ok(len)
    }

    fn remaining_bytes(&self) -> u64 {
        self.ahead().len() as u64 + u64::from(!self.is_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::listing::{Listing, Pieces};
    use crate::store::memory::MemoryStore;
    use crate::store::{Kind, Metadata};
    use ftp_proto::path::VirtualPath;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const PIECE: usize = 500;

    /// Counts what has been asked for.
    struct Endless(Arc<AtomicUsize>);

    impl Pieces for Endless {
        fn next_piece(
            &mut self,
        ) -> Pin<Box<dyn Future<Output = Result<Vec<Entry>, StoreError>> + Send + '_>> {
            let begin = self.0.fetch_add(PIECE, Relaxed);
            let metadata = Metadata::new(Kind::File, 0);
            let entry = |n| Entry { name: format!("{n:09}"), metadata: metadata.clone() };
            Box::pin(std::future::ready(Ok((begin..begin + PIECE).map(entry).collect())))
        }
    }

    #[tokio::test]
    async fn no_more_is_made_than_is_taken_however_long_the_lines_are() {
        for prefix_bytes in [0, 4_000] {
            let (read, prefix) = (Arc::new(AtomicUsize::new(0)), vec![b'p'; prefix_bytes]);
            let listing = Listing::in_pieces(Endless(read.clone()));
            let group = Group::directory(MemoryStore::new(), VirtualPath::root(), listing);
            let mut lines = LineReader::new(group, Vec::new(), |entry: &Entry, text: &mut Vec<u8>| {
                text.extend_from_slice(&prefix);
                text.extend_from_slice(entry.name.as_bytes());
                text.extend_from_slice(b"\r\n");
            })
            .await
            .unwrap();
            let (mut taken, mut buffer) = (0, vec![0; 65_535]);
            for _ in 0..100 {
                assert!(lines.remaining_bytes() > 0);
                taken += lines.read(&mut buffer).await.unwrap();
                assert!(lines.text.capacity() < 3 * (AHEAD_BYTES + prefix_bytes));
                let lines_taken = taken / (prefix_bytes + 11);
                assert!(read.load(Relaxed) - lines_taken < PIECE + AHEAD_BYTES / 11 + 2);
            }
            assert!(taken > 100 * AHEAD_BYTES / 2);
        }
    }
}
