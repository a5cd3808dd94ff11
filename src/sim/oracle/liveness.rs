//! Liveness: a fault strikes once; the delivery comes to an end within the case's virtual time, and
//! when retries are left and the client lives, with every file delivered.

use super::{End, Oracle};
use crate::sim::case::Case;
use crate::sim::fault::Side;
use crate::sim::others::StrangerPlace;
use crate::sim::outcome::Verdict;
use ftp_endpoint::client::Direction;

/// Finds deliveries that do not come to an end, or fail although a further attempt would have succeeded.
pub struct Liveness;

impl Oracle for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        let stuck = end.outcome.count(Verdict::Stuck);
        if stuck > 0 {
            let limit_us = end.case.limits.virtual_time_us;
            return Some(format!("{stuck} files without a word after {limit_us} us"));
        }
        if !must_deliver(end.case) {
            return None;
        }
        let failed = end
            .outcome
            .files
            .iter()
            .find(|file| matches!(file.verdict, Verdict::Detected | Verdict::FalseAlarm))?;
        Some(format!(
            "{} is {} although the fault struck once and retries were left",
            failed.name, failed.verdict
        ))
    }
}

/// Whether the fault leaves a client that lives and has a retry to which nothing happens.
fn must_deliver(case: &Case) -> bool {
    let fault = case.fault.kind;
    let client = match case.policy.direction {
        Direction::Put => Side::Sender,
        Direction::Get => Side::Receiver,
    };
    let survives = match fault.victim() {
        Some(victim) if victim == client => false,
        Some(_) => fault.restart_after_us().is_some_and(|us| us < case.policy.retry_delay.as_micros() as u64),
        None => true,
    };
    // Random loss may strike all attempts, and what lasts may outlast them; a fault that strikes once
    // and is over cannot.
    let strikes_once = !fault.about().lasts;
    // A client reports the failure of its own disk and does not try again.
    let own_disk = fault.disk() == Some(client);
    // A host that has lost its power says nothing of it: the data connection that it does not know fails one
    // attempt, and only the next finds that it does not know the control connection either.
    let enough = if fault.takes_power() { 2 } else { 1 };
    // Who can take the place of a connection costs an attempt each time.
    let displaced = case.stranger.filter(|stranger| stranger.place == StrangerPlace::Neighbour);
    let enough = enough + displaced.map_or(0, |stranger| stranger.visits);
    let undisturbed = !case.path.loses() && !waits_behind_others(case) && !waits_behind_answers(case);
    survives && !own_disk && strikes_once && undisturbed && case.policy.retries >= enough
}

/// Whether what other sessions have in the bottleneck's queue can make the setting up of a connection take longer than
/// anybody waits for it: a round trip for TCP's handshake, and one for TLS's.
fn waits_behind_others(case: &Case) -> bool {
    let round_trips = 1 + u64::from(case.tls.is_some());
    case.policy.parallel > 1
        && case.path.longest_queue_us().saturating_mul(round_trips) >= case.timeouts.connect_us
}

/// Whether the answers to markers (RFC 959 section 4.2, 110) can hold up the acknowledgements of the data that they are
/// about, in the queue that both are in, for longer than the server waits for data: where an answer is longer than what
/// it answers, they fill it.
fn waits_behind_answers(case: &Case) -> bool {
    let policy = &case.policy;
    let answered_at_length =
        policy.marker_interval_bytes.is_some_and(|interval| interval.get() < MARK_REPLY_BYTES);
    policy.direction == Direction::Put
        && answered_at_length
        && case.path.longest_queue_us() >= case.timeouts.data_idle_us
}

/// What an answer to a marker is on the wire, with the headers of TCP and a record of TLS.
const MARK_REPLY_BYTES: u64 = 100;

#[cfg(test)]
mod tests;
