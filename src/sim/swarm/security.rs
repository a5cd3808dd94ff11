//! What goes under TLS, and what is compressed by deflate: drawn beside all else, so that other draws are as
//! they were.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::fault::{FaultKind, Trigger};
use crate::sim::scenario::{Reuse, TlsSpec, TlsVersion};
use crate::sim::workload::Content;
use ftp_endpoint::client::{Opening, Publish, TlsWhen, Verify};
use ftp_proto::mode::{Structure, TransmissionMode};
use rand::RngExt;
use turmoil_tcp::seeds;

/// One case in so many.
const RARITY: u32 = 8;
/// One seed of so many has what TLS or deflate mode is for.
const EVERY: u64 = 8;
const AMONG: u64 = 6;

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
    if seed % EVERY == AMONG {
        aim(seed, case);
    }
}

/// A file of stream mode under TLS whose connection is closed early, one of deflate mode, and one of
/// deflate mode in which a byte is changed, in turn; nobody compares anything.
fn aim(seed: u64, case: &mut Case) {
    let turn = seed / EVERY;
    let rng = &mut seeds::stream(seed, "swarm security aim");
    let target = case.fault.target as usize;
    let file = &mut case.files[target];
    // Bytes that are not compressed are those that a change leaves alone otherwise.
    (file.size_bytes, file.content) = (file.size_bytes.max(1_000), Content::Random);
    let middle = Trigger::PayloadByte(rng.random_range(1..file.size_bytes));
    let policy = &mut case.policy;
    (policy.verify, policy.publish, policy.resume) = (Verify::Reply, Publish::Direct, false);
    (policy.opening, policy.pipeline_depth) = (Opening::Passive, 1);
    case.ingest = None;
    case.fault.trigger = middle;
    if turn.is_multiple_of(3) {
        (policy.mode, policy.structure) = (TransmissionMode::Stream, Structure::File);
        case.tls.get_or_insert_default();
        policy.tls = TlsWhen::Required;
        case.fault.kind = FaultKind::EarlyClose;
    } else {
        policy.mode = TransmissionMode::Deflate;
        (case.tls, policy.tls) = (None, TlsWhen::Off);
        let changed = FaultKind::Corrupt { xor: rng.random_range(1..=u8::MAX) };
        case.fault.kind = if turn % 3 == 1 { FaultKind::EarlyClose } else { changed };
    }
    case.fault_name = case.fault.kind.name().to_owned();
}
