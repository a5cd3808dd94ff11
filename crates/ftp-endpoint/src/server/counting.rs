//! An observer in front of another that counts the bytes of the transfer under way, for STAT.

use crate::net::Time;
use crate::observe::{Event, Observer, Who};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) struct Counting {
    inner: Arc<dyn Observer>,
    payload_bytes: AtomicU64,
}

impl Counting {
    pub(super) fn new(inner: Arc<dyn Observer>) -> Self {
        Self { inner, payload_bytes: AtomicU64::new(0) }
    }

    /// Payload moved of the file under way, or of the last.
    pub(super) fn payload_bytes(&self) -> u64 {
        self.payload_bytes.load(Ordering::Relaxed)
    }

    /// A transfer command has come; its first byte may be long in coming.
    pub(super) fn reset(&self) {
        self.payload_bytes.store(0, Ordering::Relaxed);
    }
}

impl Observer for Counting {
    fn event(&self, at: Time, who: Who, session: u64, event: &Event<'_>) {
        if let Event::Progress { payload_bytes, .. } = event {
            self.payload_bytes.fetch_add(*payload_bytes, Ordering::Relaxed);
        }
        self.inner.event(at, who, session, event);
    }
}
