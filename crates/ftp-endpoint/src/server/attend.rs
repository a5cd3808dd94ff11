//! Attending to a listener: accepting sessions, within the limits.

use super::accounts::{Accounts, whose};
use super::config::Limits;
use super::guesses::Guesses;
use super::live::LiveConfig;
use super::session;
use crate::net::{Listener, Net, Time};
use crate::observe::Observer;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::reply::Reply;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Wait after a failed accept: the cause (no descriptors left) needs time to go away, and does.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Of failed accepts in a row the first is logged, and then one in so many.
const LOGGED_FAILURES: u64 = 600;
/// Between lines about sessions too many, refused or sent away: strangers must not be able to fill a disk with them.
const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(1);
/// A session is let be for so long before its login, which takes less: those who log in do not turn each other out.
const UNDISTURBED: Duration = Duration::from_secs(5);
/// Of so many that wait longest one leaves: what strangers make the server look for is bounded.
const LOOKED_AT: usize = 64;
/// So many sessions may be there beyond the limit, since they are leaving.
const LEAVING_MAX: usize = 16;
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
        let slot = slots.take(whose(peer.ip()), net.now(), &live.current().limits);
        let Some(number) = slot.number else {
            if let Some(untold) = refusals.tells_of(net.now()) {
                tracing::warn!(%peer, untold, "too many sessions");
            }
            let own = net.clone();
            net.spawn(&mut sessions, async move {
                refuse(own, stream).await;
                drop(slot);
            });
            continue;
        };
        if slot.another_leaves
            && let Some(untold) = refusals.tells_of(net.now())
        {
            tracing::warn!(%peer, untold, "no seat free: a session that nobody had logged in to has to leave");
        }
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

/// Refused sessions and those sent away, and those of them that the log tells of.
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
    sessions: usize,
    /// Of them, those that have to leave and are there still.
    leaving: usize,
    by_address: BTreeMap<IpAddr, Seats>,
    /// Those before a login that may stay, by their numbers, which are in the order of their coming.
    waiting: BTreeMap<u64, Waiting>,
    /// Of the session begun last.
    number: u64,
    guesses: Guesses,
}

/// Sessions of an address.
#[derive(Default)]
struct Seats {
    taken: usize,
    /// Of them, those that nobody has logged in to yet.
    unknown: usize,
}

/// A session that nobody has logged in to yet.
struct Waiting {
    since: Time,
    address: IpAddr,
    /// Tells it to leave.
    leave: CancellationToken,
}

impl Taken {
    /// Where there is no seat left, one is taken from a session before its login: whoever connects and does not log in
    /// keeps nobody out who does. Of the oldest it is one of the address that has most.
    fn make_room(&mut self, now: Time) -> bool {
        if mutant::is(Mutant::SeatsKept) {
            return false;
        }
        let oldest = self.waiting.iter().take(LOOKED_AT);
        let old = oldest.take_while(|(_, one)| now.saturating_sub(one.since) >= UNDISTURBED);
        let most = old.max_by_key(|(number, one)| {
            (self.by_address.get(&one.address).map_or(0, |own| own.unknown), Reverse(**number))
        });
        let most = most.map(|(number, _)| *number).filter(|_| self.leaving < LEAVING_MAX);
        let Some(one) = most.and_then(|number| self.waiting.remove(&number)) else { return false };
        one.leave.cancel();
        self.leaving += 1;
        true
    }
}

impl SessionSlots {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session is counted in any case, and has a number if it is within the limits.
    fn take(&self, address: IpAddr, now: Time, limits: &Limits) -> Slot {
        let mut taken = self.lock();
        taken.sessions += 1;
        let own = taken.by_address.entry(address).or_default();
        own.taken += 1;
        own.unknown += 1;
        let is_too_many = own.taken > limits.sessions_per_address || own.unknown > limits.logins_per_address;
        let has_seat = taken.sessions - taken.leaving <= limits.sessions;
        let leave = CancellationToken::new();
        let another_leaves = !is_too_many && !has_seat && taken.make_room(now);
        let number = (!is_too_many && has_seat || another_leaves).then(|| {
            taken.number += 1;
            taken.number
        });
        if let Some(number) = number {
            taken.waiting.insert(number, Waiting { since: now, address, leave: leave.clone() });
        }
        Slot { slots: self.clone(), address, number, leave, another_leaves, is_known: false }
    }
}

/// One session, counted until it is dropped.
pub(super) struct Slot {
    slots: SessionSlots,
    address: IpAddr,
    /// None of one that is refused.
    number: Option<u64>,
    leave: CancellationToken,
    /// It has the seat of one that was told to leave.
    another_leaves: bool,
    /// Somebody has logged in.
    is_known: bool,
}

impl Slot {
    /// What is cancelled when somebody else is to have the seat of a session before its login.
    pub(super) fn leaves(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// A login has succeeded: the session counts no more among those before one.
    pub(super) fn known(&mut self) {
        if std::mem::replace(&mut self.is_known, true) {
            return;
        }
        let mut taken = self.slots.lock();
        if let Some(number) = self.number {
            taken.waiting.remove(&number);
        }
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            own.unknown -= 1;
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
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.known();
        let mut taken = self.slots.lock();
        taken.sessions -= 1;
        taken.leaving -= usize::from(self.leave.is_cancelled());
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            own.taken -= 1;
            if own.taken == 0 {
                taken.by_address.remove(&self.address);
            }
        }
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
