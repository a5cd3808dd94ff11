//! Restart markers at the receiver: told of when what came before them is on stable storage (RFC 959
//! section 3.5, RFC 1123 section 4.1.3.4), which is brought there no more often than a disk stands it.

use super::TransferError;
use crate::net::Time;
use ftp_proto::mode::is_marker;
use std::time::Duration;
use tokio::sync::mpsc;

/// A restart marker received: what `110 MARK sender = receiver` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartMarker {
    /// The sender's marker, as it came.
    pub sender: String,
    /// The receiver's own marker for the same place.
    pub receiver: String,
}

/// In a marker of our server's: it is one of an upload that has failed, whose bytes are not those of the
/// file that is visible. Without it an offset is of that file (RFC 3659 section 5).
pub const OF_PARTIAL: char = 'p';

/// So many syncs may follow each other at once ...
const BURST: u32 = 16;
/// ... and one more in each of these.
const INTERVAL: Duration = Duration::from_millis(250);

/// The markers of one data connection.
pub(super) struct Marks {
    pub tell: Option<mpsc::Sender<RestartMarker>>,
    /// Syncs that may be made now, as of `counted`.
    left: u32,
    counted: Time,
    /// The last marker received, if what came before it is not on stable storage.
    held: Option<RestartMarker>,
    /// The place that is, in this file.
    synced: Option<String>,
}

impl Marks {
    pub(super) fn new(now: Time) -> Self {
        Self { tell: None, left: BURST, counted: now, held: None, synced: None }
    }

    pub(super) fn begin_file(&mut self) {
        (self.held, self.synced) = (None, None);
    }

    /// Whether what came before `mark` is to be synced now. Otherwise the next marker, or the failure of
    /// the transfer, tells of it.
    pub(super) fn is_due(&mut self, mark: &RestartMarker, now: Time) -> bool {
        if self.synced.as_ref() == Some(&mark.receiver) {
            return false;
        }
        let intervals = now.saturating_sub(self.counted).as_micros() / INTERVAL.as_micros();
        if intervals > 0 {
            self.left = self.left.saturating_add(u32::try_from(intervals).unwrap_or(BURST)).min(BURST);
            self.counted = now;
        }
        let is_due = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_due
    }

    /// A marker has come, and what came before it is on stable storage if `is_synced`.
    pub(super) fn take(&mut self, mark: RestartMarker, is_synced: bool) {
        if !is_synced && self.synced.as_ref() != Some(&mark.receiver) {
            self.held = Some(mark);
            return;
        }
        self.held = None;
        self.synced = Some(mark.receiver.clone());
        if let Some(tell) = &self.tell {
            // The queue is full: marks are a help, and the transfer does not wait for them.
            let _ = tell.try_send(mark);
        }
    }

    /// The marker that is still to be told of.
    pub(super) fn take_held(&mut self) -> Option<RestartMarker> {
        self.held.take()
    }
}

/// Stores are anybody's: an odd marker must fail its transfer, not panic in the encoder or break the
/// line of a 110 reply.
pub(super) fn checked(marker: String) -> Result<String, TransferError> {
    if is_marker(marker.as_bytes()) { Ok(marker) } else { Err(TransferError::Marker(marker)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(place: u32) -> RestartMarker {
        RestartMarker { sender: format!("s{place}"), receiver: format!("{place}{OF_PARTIAL}") }
    }

    #[test]
    fn syncs_are_few_and_only_what_is_synced_is_told() {
        let (tell, mut told) = mpsc::channel(10_000);
        let mut marks = Marks::new(Time::ZERO);
        marks.tell = Some(tell);
        let take = |marks: &mut Marks, place, at| {
            let due = marks.is_due(&mark(place), Duration::from_millis(at));
            marks.take(mark(place), due);
            due
        };
        let syncs = (0..5000).filter(|place| take(&mut marks, *place, 0)).count();
        assert_eq!(syncs, BURST as usize);
        assert_eq!(std::iter::from_fn(|| told.try_recv().ok()).count(), syncs);
        assert_eq!(marks.take_held(), Some(mark(4999)));
        // Time brings some back, but no more than at the beginning.
        assert!(take(&mut marks, 5000, 250) && !take(&mut marks, 5001, 250));
        assert_eq!((5002..6000).filter(|place| take(&mut marks, *place, 60_000)).count(), BURST as usize);
        // The same place is safe already.
        marks.begin_file();
        assert!(take(&mut marks, 1, 120_000));
        assert!((0..100).all(|_| !take(&mut marks, 1, 120_000)));
        assert_eq!(marks.take_held(), None);
        // In another file it is not, and what was held of this one is not told of that one.
        marks.begin_file();
        assert!(take(&mut marks, 1, 180_000));
        marks.take(mark(2), false);
        marks.begin_file();
        assert_eq!(marks.take_held(), None);
        // However often it is asked meanwhile, time brings one back.
        for place in 0..100 {
            take(&mut marks, place, 180_000);
        }
        let asked = [180_100, 180_200, 180_300].map(|at| take(&mut marks, 200, at));
        assert_eq!(asked, [false, false, true]);
    }
}
