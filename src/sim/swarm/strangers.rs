//! Strangers at data ports and at the control port: one seed of eight has one, or a crowd, beside all else, so that
//! the other seeds keep their cases.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::fault::{FaultKind, Side};
use crate::sim::others::{LEAST_BEHIND_A_CROWD_US, Stranger, StrangerDeed, StrangerPlace, least_crowd};
use crate::sim::scenario::{Reuse, TlsSpec, TlsVersion};
use ftp_endpoint::client::{Direction, Opening, TlsWhen, Verify};
use ftp_proto::mode::TransmissionMode;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use turmoil_tcp::seeds;

const EVERY: u64 = 8;
const AMONG: u64 = 2;

/// Gives the case of one seed of eight a stranger: elsewhere, beside a client whose data connections have to
/// resume its session, beside one whose do not, or at the control port, alone or in a crowd, in turn.
pub(super) fn apply(seed: u64, case: &mut Case) {
    if seed % EVERY != AMONG {
        return;
    }
    let turn = seed / EVERY;
    let rng = &mut seeds::stream(seed, "swarm strangers");
    let way_us = case.path.rtt_us / 2;
    let late_us = rng.random_range(0..=4 * way_us);
    // Before the rightful connection, at about the same time, and after it.
    let after_us = one_of(rng, &[0, 0, way_us, 2 * way_us, late_us]);
    let visits = one_of(rng, &[1, 2, 3, 12]);
    let deed =
        one_of(rng, &[StrangerDeed::Moves, StrangerDeed::Moves, StrangerDeed::Waits, StrangerDeed::Closes]);
    let elsewhere = Stranger { place: StrangerPlace::Elsewhere, deed, tls: false, after_us, visits };
    case.stranger = Some(match turn % 5 {
        3 if !turn.is_multiple_of(2) => {
            // Where it is written in place, a part of its file would have to be seen.
            case.writes_in_place = false;
            case.policy.mode = TransmissionMode::Deflate;
            (case.tls, case.policy.tls) = (None, TlsWhen::Off);
            Stranger { deed: StrangerDeed::Overruns, visits: 1, ..elsewhere }
        }
        0 | 3 => {
            let tls = case.tls.is_some() && case.policy.opening == Opening::Passive;
            Stranger { tls: tls && rng.random_range(0..2) == 0, ..elsewhere }
        }
        1 => remembered(rng, case),
        2 => {
            go_under_tls(rng, case, &[TlsVersion::Tls12, TlsVersion::Tls13]);
            let deed = if turn.is_multiple_of(2) { StrangerDeed::Injects } else { StrangerDeed::Bares };
            let after_us = rng.random_range(0..=10 * way_us);
            Stranger { deed, after_us, visits: 1, ..elsewhere }
        }
        _ if turn.is_multiple_of(2) => {
            displaced(rng, case);
            let deed = StrangerDeed::Moves;
            Stranger {
                place: StrangerPlace::Neighbour,
                deed,
                after_us: 0,
                visits: visits.max(2),
                ..elsewhere
            }
        }
        // One of two.
        _ if turn % 4 == 1 => crowd(rng, case),
        _ => Stranger { place: StrangerPlace::Neighbour, ..elsewhere },
    });
}

/// In clear, whoever is first has the place of the rightful connection, and the reply is all that the client has:
/// of an upload whose bytes have left, or of a download to its own port.
fn displaced(rng: &mut ChaCha12Rng, case: &mut Case) {
    (case.tls, case.policy.tls) = (None, TlsWhen::Off);
    let mode =
        one_of(rng, &[TransmissionMode::Stream, TransmissionMode::Block, TransmissionMode::Compressed]);
    (case.policy.mode, case.policy.verify) = (mode, Verify::Reply);
    case.policy.opening = match case.policy.direction {
        Direction::Put => Opening::Passive,
        Direction::Get => Opening::Active,
    };
    (case.policy.pipeline_depth, case.path.loss_ppm) = (1, 0);
    without_fault(case);
}

/// All seats are taken when the delivery begins. Nothing else happens to it, so that it has to find one, and at its
/// first attempt: those who wait longest without a login have waited for more than the server's five seconds.
fn crowd(rng: &mut ChaCha12Rng, case: &mut Case) -> Stranger {
    without_fault(case);
    (case.path.loss_ppm, case.policy.retries) = (0, 0);
    let after_us = rng.random_range(LEAST_BEHIND_A_CROWD_US..=20_000_000);
    let visits = least_crowd(case.policy.parallel) + rng.random_range(0..=4);
    Stranger { place: StrangerPlace::Elsewhere, deed: StrangerDeed::Crowds, tls: false, after_us, visits }
}

fn without_fault(case: &mut Case) {
    case.fault.kind = FaultKind::None;
    case.fault_name = FaultKind::None.name().to_owned();
}

fn go_under_tls(rng: &mut ChaCha12Rng, case: &mut Case, versions: &[TlsVersion]) {
    let version = one_of(rng, versions);
    case.tls = Some(TlsSpec { version, ..case.tls.unwrap_or_default() });
    case.policy.tls = TlsWhen::Required;
}

/// It comes with a TLS session of its own, is refused because that resumes nothing, and comes again, to a
/// client that tries again as often.
fn remembered(rng: &mut ChaCha12Rng, case: &mut Case) -> Stranger {
    // Under TLS 1.3 there are no tickets for uploads without end.
    go_under_tls(rng, case, &[TlsVersion::Tls12]);
    case.tls = case.tls.map(|tls| TlsSpec { reuse: Reuse::Require, ..tls });
    let stays = case.fault.kind.victim().is_none() || case.fault.kind.victim() == Some(Side::Receiver);
    if !stays || rng.random_range(0..2) == 0 {
        without_fault(case);
    }
    case.policy.opening = Opening::Passive;
    (case.policy.pipeline_depth, case.policy.parallel) = (1, 1);
    let visits = rng.random_range(2..=3);
    case.policy.retries = case.policy.retries.max(visits + 2);
    Stranger { place: StrangerPlace::Neighbour, deed: StrangerDeed::Moves, tls: true, after_us: 0, visits }
}
