//! The server: RFC 959 as corrected by RFC 1123, over any [`Net`], serving any [`Store`].
//!
//! [`Store`]: crate::store::Store

pub mod accounts;
pub mod config;
mod control;
mod counting;
mod data;
pub mod log;
mod replies;
mod session;
mod verbs;

pub use accounts::{Accounts, Rights, Table, User};
pub use config::{Config, Limits, Timeouts};
pub use log::{Movement, TransferLog, TransferRecord};

use crate::net::{Listener, Net};
use crate::observe::Observer;
use crate::proto::reply::Reply;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
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
    let mut sessions = JoinSet::new();
    let by_address = Arc::new(Mutex::new(BTreeMap::new()));
    let (mut number, mut failures) = (0, 0);
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
        let seat = Seat::take(&by_address, data::canonical(peer.ip()));
        let limits = &config.limits;
        if sessions.len() >= limits.sessions || seat.taken > limits.sessions_per_address {
            tracing::warn!(%peer, "too many sessions");
            let net = net.clone();
            sessions.spawn(async move {
                refuse(net, stream).await;
                drop(seat);
            });
            continue;
        }
        number += 1;
        let (net, config, observer) = (net.clone(), config.clone(), observer.clone());
        sessions.spawn(async move {
            session::run(net, stream, config, observer, number).await;
            drop(seat);
        });
    }
    drop(listener);
    let all = async { while sessions.join_next().await.is_some() {} };
    if net.timeout(config.timeouts.shutdown, all).await.is_err() {
        tracing::warn!(sessions = sessions.len(), "sessions cut off at shutdown");
    }
    Ok(())
}

type Seats = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// One of the sessions of an address, counted until it is dropped.
struct Seat {
    seats: Seats,
    address: IpAddr,
    /// With this one.
    taken: usize,
}

impl Seat {
    fn take(seats: &Seats, address: IpAddr) -> Self {
        let mut by_address = seats.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let count = by_address.entry(address).or_default();
        *count += 1;
        Self { seats: seats.clone(), address, taken: *count }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut by_address = self.seats.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
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
