//! The server: RFC 959 as corrected by RFC 1123, over any [`Net`], serving any [`Store`].
//!
//! Where the RFCs leave room:
//! - A transfer is answered by 226 when the data connection is closed with it, by 250 when it stays
//!   open (RFC 959 sections 3.2 and 5.2).
//! - The kept connection of block and compressed mode is closed by PORT, PASV, EPRT, EPSV, another
//!   MODE or STRU, ABOR, REIN and any failed transfer; not by TYPE, nor by a refused command.
//! - PASV and EPSV serve for one connection; PORT stands until it is changed.
//! - ABOR stops the transfers that were sent ahead of it, too: each is answered by 426, then 226.
//! - What a failed upload has left is out of sight, for REST and STOR of the same name; `SITE PARTIAL
//!   path` tells its length. REST takes the markers of 110 replies, offsets in the file, in block and
//!   compressed mode; in stream mode offsets of what is sent (RFC 3659 section 5.3). What has none is
//!   refused by 554: stream mode with STRU R, uploads of stream mode in TYPE A, and downloads of files
//!   of records.
//! - SIZE counts what TYPE and STRU make of a file, without the mode's framing.
//! - TYPE A and E take the formats N, T and C: files have no print format here, so that the control
//!   characters of C are the first of their lines.
//! - Over IPv6 PASV is refused by 502, for a 227 reply has no room for the address; EPRT and EPSV for the
//!   other protocol by 522 (RFC 2428). An unspecified address in PORT or EPRT means the client's own.
//! - `SITE MARKERS bytes` asks for restart markers in downloads.
//! - `XPIPE` in FEAT: after `OPTS XPIPE ON` a client sends the data of each upload of block or
//!   compressed mode without waiting for its 125; those of a refused one are read and discarded up
//!   to its end of file, before the refusal is sent.
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
pub use config::{Config, Limits, PASSIVE_PORTS, Timeouts};
pub use log::{Movement, TransferLog, TransferRecord};

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
    serve_beside(net, listener, config, observer, Seats::default()).await
}

/// [`serve`], for one of several threads that accept from the same socket: they share `seats`, so
/// that limits hold and sessions are numbered for all together.
pub async fn serve_beside<N: Net, A: Accounts>(
    net: N,
    listener: N::Listener,
    config: Arc<Config<A>>,
    observer: Arc<dyn Observer>,
    seats: Seats,
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
        let seat = seats.take(data::canonical(peer.ip()));
        let limits = &config.limits;
        if seat.taken > limits.sessions || seat.taken_by_address > limits.sessions_per_address {
            tracing::warn!(%peer, "too many sessions");
            let net = net.clone();
            sessions.spawn(async move {
                refuse(net, stream).await;
                drop(seat);
            });
            continue;
        }
        let number = seats.next_number();
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

/// The sessions under way.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    sessions: usize,
    by_address: BTreeMap<IpAddr, usize>,
    /// Of the latest session.
    number: u64,
}

impl Seats {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, address: IpAddr) -> Seat {
        let mut taken = self.lock();
        taken.sessions += 1;
        let sessions = taken.sessions;
        let of_address = taken.by_address.entry(address).or_default();
        *of_address += 1;
        Seat { seats: self.clone(), address, taken: sessions, taken_by_address: *of_address }
    }

    fn next_number(&self) -> u64 {
        let mut taken = self.lock();
        taken.number += 1;
        taken.number
    }
}

/// One session, counted until it is dropped.
struct Seat {
    seats: Seats,
    address: IpAddr,
    /// With this one.
    taken: usize,
    taken_by_address: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
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
