//! What programs do differently where either is right, or common.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::fault::FaultKind;
use crate::sim::scenario::TlsEnd;
use ftp_endpoint::client::Direction;
use turmoil_tcp::seeds;

/// In a stream of its own, so that it moves no other draws. Half of those who pipeline set their sessions up by
/// commands sent together, and half of the clients take a FIN under TLS where SIZE tells that all has come. Of the
/// senders that cannot read their file half stop for it, and of those half end their connection as at the end of
/// the file.
pub(super) fn apply(seed: u64, case: &mut Case) {
    let rng = &mut seeds::stream(seed, "swarm habits");
    let restart_after_us = one_of(rng, &[None, None, Some(200_000), Some(500_000)]);
    let ends_unfinished = one_of(rng, &[false, true]);
    case.policy.asks_ahead = case.policy.pipeline_depth > 1 && one_of(rng, &[false, true]);
    let client_end = one_of(rng, &[TlsEnd::Strict, TlsEnd::Lax]);
    if let Some(tls) = &mut case.tls {
        (tls.client_end, case.policy.tls_end) = (client_end, client_end);
    }
    if let FaultKind::ReadError { restart_after_us: stops } = &mut case.fault.kind {
        *stops = restart_after_us;
        case.policy.ends_unfinished = ends_unfinished && case.policy.direction == Direction::Put;
        case.server.ends_unfinished = ends_unfinished && case.policy.direction == Direction::Get;
    }
}
