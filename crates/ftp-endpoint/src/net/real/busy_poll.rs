//! Looking for a moment whether the peer answers at once, before the thread goes to sleep.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use std::cell::RefCell;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Twice what it takes to wake a sleeping processor of a virtual machine: the peer may have to be woken
/// before it can answer. With less, each side looks in vain because the other one sleeps.
const LIMIT: Duration = Duration::from_micros(100);
/// A thread that waits for more has others to serve.
const MAX_SOCKETS: usize = 4;
/// After so many looks in vain, one in two to this power of the waits begins with a look: it takes no
/// hundredth of the time, and soon finds out when answers begin to come at once.
const MAX_FAILURES: u32 = 7;
/// Between two looks; a look takes longer.
const PAUSES: u32 = 20;

#[derive(Default)]
struct Awaited {
    /// Whose readers wait since the thread last slept, each once: they are locked.
    sockets: Vec<Weak<Mutex<TcpStream>>>,
    to_skip: u32,
    failures: u32,
}

thread_local! {
    static AWAITED: RefCell<Awaited> = RefCell::default();
}

/// The current task will be woken when there is something to read.
pub(super) fn awaits(socket: &Arc<Mutex<TcpStream>>) {
    AWAITED.with_borrow_mut(|awaited| {
        let socket = Arc::downgrade(socket);
        // One too many says that there are too many.
        if awaited.sockets.len() <= MAX_SOCKETS && !awaited.sockets.iter().any(|known| known.ptr_eq(&socket))
        {
            awaited.sockets.push(socket);
        }
    });
}

/// For `tokio::runtime::Builder::on_thread_park`: every task waits.
pub(super) fn before_park() {
    AWAITED.with_borrow_mut(|awaited| {
        awaited.look();
        awaited.sockets.clear();
    });
}

impl Awaited {
    fn look(&mut self) {
        if self.sockets.is_empty() || self.sockets.len() > MAX_SOCKETS {
            return;
        }
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return;
        }
        if self.comes_at_once() {
            self.failures = 0;
        } else {
            self.failures = (self.failures + 1).min(MAX_FAILURES);
            self.to_skip = (1 << self.failures) - 1;
        }
    }

    fn comes_at_once(&self) -> bool {
        let sockets: Vec<_> = self.sockets.iter().filter_map(Weak::upgrade).collect();
        let guards: Vec<_> =
            sockets.iter().map(|socket| socket.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        let mut polled: Vec<_> =
            guards.iter().map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)).collect();
        if polled.is_empty() {
            return true;
        }
        let until = Instant::now() + LIMIT;
        loop {
            // An error ends the looking, too: the sleep that follows will tell.
            if poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) != Ok(0) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            for _ in 0..PAUSES {
                std::hint::spin_loop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_fail_are_skipped_twice_as_often_each_time() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (far, _) = listener.accept().unwrap();
            let near = Arc::new(Mutex::new(near));
            let mut awaited = Awaited { sockets: vec![Arc::downgrade(&near)], ..Awaited::default() };
            let mut waits_until_look = Vec::new();
            for _ in 0..12 {
                let mut waits = 0;
                while awaited.to_skip > 0 {
                    awaited.look();
                    waits += 1;
                }
                awaited.look();
                waits_until_look.push(waits);
            }
            assert_eq!(waits_until_look, [0, 1, 3, 7, 15, 31, 63, 127, 127, 127, 127, 127]);
            // One that finds something begins anew.
            std::io::Write::write_all(&mut &far, b"x").unwrap();
            awaited.to_skip = 0;
            awaited.look();
            assert_eq!((awaited.failures, awaited.to_skip), (0, 0));
        });
    }
}
