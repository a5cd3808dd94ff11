//! Attending to a listener: accepting sessions, within the limits.

use super::accounts::{Accounts, whose};
use super::config::Limits;
use super::guesses::Guesses;
use super::live::LiveConfig;
use super::session;
use crate::net::{Listener, Net, Time};
use crate::observe::Observer;
use ftp_proto::reply::Reply;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

/// Wait after a failed accept: the cause (no descriptors left) needs time to go away, and does.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Of failed accepts in a row the first is logged, and then one in so many.
const LOGGED_FAILURES: u64 = 600;
/// Between lines about sessions too many: strangers must not be able to fill a disk with them.
const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(1);
/// For the refusal of a session too many.
const REFUSAL_LIMIT: Duration = Duration::from_secs(5);

/// Serves every connection of `listener`, until `config.shutdown` is cancelled (sessions may then finish
/// their transfers), or this future is dropped, which ends all sessions at once. An accept that fails, as for
/// want of descriptors, is tried again without end: a server that strangers can bring to give up is none.
pub async fn serve<N: Net, A: Accounts>(
    net: N,
    listener: N::Listener,
    config: impl Into<LiveConfig<A>>,
    observer: Arc<dyn Observer>,
) -> io::Result<()> {
    serve_beside(net, listener, config, observer, SessionSlots::default()).await
}

/// [`serve`], for one of several threads that accept from the same socket: they share `slots`, so
/// that limits hold and sessions are numbered for all together.
pub async fn serve_beside<N: Net, A: Accounts>(
    net: N,
    listener: N::Listener,
    config: impl Into<LiveConfig<A>>,
    observer: Arc<dyn Observer>,
    slots: SessionSlots,
) -> io::Result<()> {
    let live = config.into();
    let shutdown = live.current().shutdown.clone();
    let mut sessions = JoinSet::new();
    let mut failures: u64 = 0;
    let mut refusals = Refusals::default();
    loop {
        let accepted = tokio::select! {
            biased;
            Some(ended) = sessions.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a session panicked");
                }
                continue;
            }
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if failures.is_multiple_of(LOGGED_FAILURES) {
                    tracing::warn!(%error, failures, "accept failed; trying again");
                }
                failures += 1;
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => break,
                    () = net.sleep(ACCEPT_PAUSE) => continue,
                }
            }
        };
        failures = 0;
        let slot = slots.take(whose(peer.ip()));
        if slot.is_beyond(&live.current().limits) {
            if let Some(untold) = refusals.tells_of(net.now()) {
                tracing::warn!(%peer, untold, "too many sessions");
            }
            let own = net.clone();
            net.spawn(&mut sessions, async move {
                refuse(own, stream).await;
                drop(slot);
            });
            continue;
        }
        let number = slots.next_number();
        let (own, live, observer) = (net.clone(), live.clone(), observer.clone());
        net.spawn(&mut sessions, session::run(own, stream, live, observer, number, slot));
    }
    drop(listener);
    let all = async { while sessions.join_next().await.is_some() {} };
    if net.timeout(live.current().timeouts.shutdown, all).await.is_err() {
        tracing::warn!(sessions = sessions.len(), "sessions cut off at shutdown");
    }
    Ok(())
}

/// Refused sessions, and those of them that the log tells of.
#[derive(Default)]
struct Refusals {
    told: Option<Time>,
    untold: u64,
}

impl Refusals {
    /// One more, which the log tells of if there is a number: that of those before it which it has not told of.
    fn tells_of(&mut self, now: Time) -> Option<u64> {
        if self.told.is_some_and(|told| now.saturating_sub(told) < REFUSALS_LOGGED_EVERY) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// The sessions under way.
#[derive(Clone, Default)]
pub struct SessionSlots(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: Seats,
    by_address: BTreeMap<IpAddr, Seats>,
    /// Of the session begun last.
    number: u64,
    guesses: Guesses,
}

/// Sessions of an address, or of all.
#[derive(Clone, Copy, Default)]
struct Seats {
    taken: usize,
    /// Of them, those that nobody has logged in to yet.
    unknown: usize,
}

impl SessionSlots {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, address: IpAddr) -> Slot {
        let mut taken = self.lock();
        let Taken { all, by_address, .. } = &mut *taken;
        let own = by_address.entry(address).or_default();
        for seats in [&mut *all, &mut *own] {
            seats.taken += 1;
            seats.unknown += 1;
        }
        Slot { slots: self.clone(), address, all: *all, own: *own, is_known: false }
    }

    fn next_number(&self) -> u64 {
        let mut taken = self.lock();
        taken.number += 1;
        taken.number
    }
}

/// One session, counted until it is dropped.
pub(super) struct Slot {
    slots: SessionSlots,
    address: IpAddr,
    /// With this one, when it was taken.
    all: Seats,
    own: Seats,
    /// Somebody has logged in.
    is_known: bool,
}

impl Slot {
    fn is_beyond(&self, limits: &Limits) -> bool {
        self.all.taken > limits.sessions
            || self.own.taken > limits.sessions_per_address
            || self.own.unknown > limits.logins_per_address
    }

    /// A login has succeeded: the session counts no more among those before one.
    pub(super) fn known(&mut self) {
        if !std::mem::replace(&mut self.is_known, true) {
            self.each(|seats| seats.unknown -= 1);
        }
    }

    /// How long the next attempt to log in as `user` has to wait; `None`: longer than anybody should.
    pub(super) fn wait_to_guess(&self, user: &str, now: Time, limits: &Limits) -> Option<Duration> {
        self.slots.lock().guesses.wait(self.address, user, now, limits)
    }

    /// The password was wrong.
    pub(super) fn guessed_wrong(&self, user: &str, now: Time, limits: &Limits) {
        self.slots.lock().guesses.wrong(self.address, user, now, limits);
    }

    fn each(&self, change: impl Fn(&mut Seats)) {
        let mut taken = self.slots.lock();
        let Taken { all, by_address, .. } = &mut *taken;
        change(all);
        if let Some(own) = by_address.get_mut(&self.address) {
            change(own);
            if own.taken == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let unknown = usize::from(!self.is_known);
        self.each(|seats| {
            seats.taken -= 1;
            seats.unknown -= unknown;
        });
    }
}

async fn refuse<N: Net>(net: N, mut stream: N::Stream) {
    let reply = Reply::new(421, "Too many sessions, closing control connection.").to_bytes();
    let _ = net
        .timeout(REFUSAL_LIMIT, async {
            stream.write_all(&reply).await?;
            stream.shutdown().await
        })
        .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_once_in_a_while_with_how_many_were_not() {
        let mut refusals = Refusals::default();
        let told = [0, 1, 999, 1_000, 1_001, 1_500, 5_000].map(Duration::from_millis);
        let told: Vec<_> = told.into_iter().map(|now| refusals.tells_of(now)).collect();
        assert_eq!(told, [Some(0), None, None, Some(2), None, None, Some(2)]);
    }
}
