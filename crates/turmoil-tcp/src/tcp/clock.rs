//! The clock of a simulated host: modelled time, set by the driver of the network, and who waits for it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A deadline (us) and a number: of equal deadlines, the one set first comes first.
type Entry = (u64, u64);

#[derive(Debug, Default)]
struct Sleepers {
    waiting: BTreeMap<Entry, Waker>,
    last: u64,
}

#[derive(Debug, Default)]
struct Shared {
    now_us: AtomicU64,
    sleepers: Mutex<Sleepers>,
}

/// Begins at zero. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<Shared>);

impl Clock {
    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_us(&self) -> u64 {
        // All of a run is on one thread.
        self.0.now_us.load(Ordering::Relaxed)
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now_us() * 1000
    }

    /// When the first sleep ends (us).
    pub(crate) fn next_us(&self) -> Option<u64> {
        self.sleepers().waiting.first_key_value().map(|((at_us, _), _)| *at_us)
    }

    /// It is `at_us`, unless it is later already.
    pub(crate) fn reach(&self, at_us: u64) {
        self.0.now_us.fetch_max(at_us, Ordering::Relaxed);
    }

    /// Wakes whose sleep is over.
    pub(crate) fn wake(&self) {
        let now_us = self.now_us();
        let mut sleepers = self.sleepers();
        while let Some(first) = sleepers.waiting.first_entry().filter(|first| first.key().0 <= now_us) {
            first.remove().wake();
        }
    }

    /// Sleeps for `us` from the first poll on.
    pub(crate) async fn sleep_us(&self, us: u64) {
        Sleep { clock: self, at_us: self.now_us().saturating_add(us), entry: None }.await;
    }
}

struct Sleep<'a> {
    clock: &'a Clock,
    at_us: u64,
    /// Among the sleepers.
    entry: Option<Entry>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now_us() >= self.at_us {
            return Poll::Ready(());
        }
        let mut sleepers = self.clock.sleepers();
        let entry = self.entry.unwrap_or_else(|| {
            sleepers.last += 1;
            (self.at_us, sleepers.last)
        });
        match sleepers.waiting.entry(entry) {
            std::collections::btree_map::Entry::Occupied(mut waker) => waker.get_mut().clone_from(cx.waker()),
            std::collections::btree_map::Entry::Vacant(room) => {
                room.insert(cx.waker().clone());
            }
        }
        drop(sleepers);
        self.entry = Some(entry);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry {
            self.clock.sleepers().waiting.remove(&entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_sleep_ends_at_its_time_and_leaves_nothing() {
        let (clock, count) = (Clock::default(), Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let cx = &mut Context::from_waker(&waker);
        let mut sleep = Box::pin(clock.sleep_us(10));
        let mut dropped = Box::pin(clock.sleep_us(3));
        assert!(sleep.as_mut().poll(cx).is_pending() && dropped.as_mut().poll(cx).is_pending());
        assert_eq!(clock.next_us(), Some(3));
        drop(dropped);
        assert_eq!(clock.next_us(), Some(10));
        clock.reach(9);
        clock.wake();
        assert!(sleep.as_mut().poll(cx).is_pending() && count.0.load(Ordering::Relaxed) == 0);
        clock.reach(10);
        clock.reach(4);
        clock.wake();
        assert_eq!((clock.now_us(), clock.next_us(), count.0.load(Ordering::Relaxed)), (10, None, 1));
        assert!(sleep.as_mut().poll(cx).is_ready());
        assert!(Box::pin(clock.sleep_us(0)).as_mut().poll(cx).is_ready());
    }
}
