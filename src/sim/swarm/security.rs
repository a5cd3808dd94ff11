//! What goes under TLS, and what is compressed by deflate: drawn beside all else, so that other draws are as
//! they were.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::scenario::{Reuse, TlsSpec, TlsVersion};
use ftp_endpoint::client::TlsWhen;
use ftp_proto::mode::TransmissionMode;
use rand::RngExt;
use turmoil_tcp::seeds;

/// One case in so many.
const RARITY: u32 = 8;

/// TLS with the habits that it should have, so that no fault may make it lose anything.
pub(super) fn apply(seed: u64, case: &mut Case) {
    let rng = &mut seeds::stream(seed, "swarm security");
    let (tls, deflate) = (rng.random_range(0..RARITY), rng.random_range(0..RARITY));
    let version = one_of(rng, &[TlsVersion::Tls12, TlsVersion::Tls13]);
    let reuse = one_of(rng, &[Reuse::Off, Reuse::Prefer]);
    if tls == 0 {
        case.tls = Some(TlsSpec { version, reuse, ..TlsSpec::default() });
        case.policy.tls = TlsWhen::Required;
    }
    if deflate == 0 && case.policy.mode == TransmissionMode::Stream {
        case.policy.mode = TransmissionMode::Deflate;
    }
}
