//! Time in which nothing happens passes at once: all hosts leap over the ticks that end before the
//! next timer of any of them.

use crate::sim::tcp::clock::Clock;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use tokio::sync::Notify;

#[derive(Default)]
pub(super) struct Leaps {
    hosts: RefCell<Vec<(Clock, Rc<Notify>)>>,
    us: Cell<u64>,
    /// Changes of timers on all hosts, at the end of the last tick.
    changes: Cell<u64>,
}

impl Leaps {
    /// A task of each host: leaps when told to.
    pub async fn take_part(self: Rc<Self>, clock: Clock) -> io::Result<()> {
        let told = Rc::new(Notify::new());
        self.hosts.borrow_mut().push((clock, told.clone()));
        loop {
            told.notified().await;
            Clock::leap(self.us.get()).await;
        }
    }

    /// Between two ticks, at `now_us`. In the next one so many ticks pass, at most `most`: more than
    /// one only if nothing happened in the last tick, so that nobody has been woken who has not run
    /// since and no message is under way between the hosts, and nobody has a timer in the ticks that
    /// are leaped over.
    pub fn next(&self, now_us: u64, tick_us: u64, most: u64) -> u64 {
        let hosts = self.hosts.borrow();
        let changes = hosts.iter().map(|(clock, _)| clock.changes()).sum();
        // Before the first tick of modelled time nobody takes part yet.
        if self.changes.replace(changes) != changes || hosts.is_empty() {
            return 1;
        }
        let free = match hosts.iter().filter_map(|(clock, _)| clock.next_us()).min() {
            // What is due at the very end of a tick happens in the one after.
            Some(next_us) => (next_us / tick_us).saturating_sub(now_us / tick_us),
            None => most,
        };
        let ticks = free.min(most).max(1);
        if ticks > 1 {
            self.us.set(ticks * tick_us);
            hosts.iter().for_each(|(_, told)| told.notify_one());
        }
        ticks
    }
}
