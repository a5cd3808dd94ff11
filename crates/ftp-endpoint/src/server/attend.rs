//! Attending to a listener: accepting sessions, within the limits.

use super::accounts::Accounts;
use super::config::Config;
use super::{data, session};
use crate::net::{Listener, Net};
use crate::observe::Observer;
use ftp_proto::reply::Reply;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

/// Wait after a failed accept: the cause (no descriptors left) needs time to go away.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Failed accepts in a row after which the listener is given up.
const MAX_ACCEPT_FAILURES: u32 = 100;
/// For the refusal of a session too many.
const REFUSAL_LIMIT: Duration = Duration::from_secs(5);

/// Serves every connection of `listener`, until it fails, `config.shutdown` is cancelled (sessions
/// may then finish their transfers), or this future is dropped, which ends all sessions at once.
pub async fn serve<N: Net, A: Accounts>(
    net: N,
    listener: N::Listener,
    config: Arc<Config<A>>,
    observer: Arc<dyn Observer>,
) -> io::Result<()> {
    serve_beside(net, listener, config, observer, SessionSlots::default()).await
}

/// [`serve`], for one of several threads that accept from the same socket: they share `slots`, so
/// that limits hold and sessions are numbered for all together.
pub async fn serve_beside<N: Net, A: Accounts>(
    net: N,
    listener: N::Listener,
    config: Arc<Config<A>>,
    observer: Arc<dyn Observer>,
    slots: SessionSlots,
) -> io::Result<()> {
    let mut sessions = JoinSet::new();
    let mut failures = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            Some(ended) = sessions.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a session panicked");
                }
                continue;
            }
            () = config.shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                failures += 1;
                if failures >= MAX_ACCEPT_FAILURES {
                    return Err(error);
                }
                net.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        failures = 0;
        let slot = slots.take(data::canonical(peer.ip()));
        let limits = &config.limits;
        if slot.taken > limits.sessions || slot.taken_by_address > limits.sessions_per_address {
            tracing::warn!(%peer, "too many sessions");
            let net = net.clone();
            sessions.spawn(async move {
                refuse(net, stream).await;
                drop(slot);
            });
            continue;
        }
        let number = slots.next_number();
        let (net, config, observer) = (net.clone(), config.clone(), observer.clone());
        sessions.spawn(async move {
            session::run(net, stream, config, observer, number).await;
            drop(slot);
        });
    }
    drop(listener);
    let all = async { while sessions.join_next().await.is_some() {} };
    if net.timeout(config.timeouts.shutdown, all).await.is_err() {
        tracing::warn!(sessions = sessions.len(), "sessions cut off at shutdown");
    }
    Ok(())
}

/// The sessions under way.
#[derive(Clone, Default)]
pub struct SessionSlots(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    sessions: usize,
    by_address: BTreeMap<IpAddr, usize>,
    /// Of the latest session.
    number: u64,
}

impl SessionSlots {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, address: IpAddr) -> Slot {
        let mut taken = self.lock();
        taken.sessions += 1;
        let sessions = taken.sessions;
        let of_address = taken.by_address.entry(address).or_default();
        *of_address += 1;
        Slot { slots: self.clone(), address, taken: sessions, taken_by_address: *of_address }
    }

    fn next_number(&self) -> u64 {
        let mut taken = self.lock();
        taken.number += 1;
        taken.number
    }
}

/// One session, counted until it is dropped.
struct Slot {
    slots: SessionSlots,
    address: IpAddr,
    /// With this one.
    taken: usize,
    taken_by_address: usize,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.sessions -= 1;
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
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
