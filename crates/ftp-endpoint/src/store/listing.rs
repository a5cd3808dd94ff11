//! A directory being read, in pieces: nobody needs to hold all of a large one.

use super::{Entry, StoreError};
use std::future::Future;
use std::pin::Pin;

/// The entries of a directory, one after the other. Those of a directory of moderate size come in order of
/// name; those of a large one as the store has them.
pub struct Listing {
    ready: std::vec::IntoIter<Entry>,
    rest: Option<Box<dyn Pieces>>,
}

/// Where the entries come from.
pub trait Pieces: Send {
    /// The next ones; none at the end. Where that may take long, on a thread of its own.
    fn next_piece(&mut self) -> Pin<Box<dyn Future<Output = Result<Vec<Entry>, StoreError>> + Send + '_>>;
}

impl From<Vec<Entry>> for Listing {
    fn from(entries: Vec<Entry>) -> Self {
        Self { ready: entries.into_iter(), rest: None }
    }
}

impl Listing {
    /// What `pieces` gives.
    pub fn in_pieces(pieces: impl Pieces + 'static) -> Self {
        Self { ready: Vec::new().into_iter(), rest: Some(Box::new(pieces)) }
    }

    /// `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        loop {
            if let Some(entry) = self.ready.next() {
                return Ok(Some(entry));
            }
            let Some(rest) = &mut self.rest else { return Ok(None) };
            let piece = rest.next_piece().await?;
            if piece.is_empty() {
                self.rest = None;
            }
            self.ready = piece.into_iter();
        }
    }

    /// All that is left.
    pub async fn all(mut self) -> Result<Vec<Entry>, StoreError> {
        let mut all = Vec::new();
        while let Some(entry) = self.next().await? {
            all.push(entry);
        }
        Ok(all)
    }
}
