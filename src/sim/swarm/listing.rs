//! Clients that list a directory before they fetch what is in it: one seed of sixteen, whatever else it has, so that
//! the other seeds keep their cases.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::workload;
use ftp_endpoint::client::Direction;
use ftp_proto::mode::TransmissionMode;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use turmoil_tcp::seeds;

const EVERY: u64 = 16;
const AMONG: u64 = 12;
/// A line of MLSD has about so many.
const LINE_BYTES: u64 = 60;

/// Makes the case of one seed of sixteen a download of what is listed; in three of four the fault strikes the
/// listing.
pub(super) fn apply(seed: u64, case: &mut Case) {
    if seed % EVERY != AMONG {
        return;
    }
    let rng = &mut seeds::stream(seed, "swarm listing");
    case.listed = true;
    case.policy.direction = Direction::Get;
    // A source that changes is no longer as it was listed, and others write where there are uploads.
    (case.source_change, case.rival, case.stranger) = (None, None, None);
    (case.policy.ends_unfinished, case.server.ends_unfinished) = (false, false);
    if case.policy.mode == TransmissionMode::Deflate && rng.random_range(0..2) == 0 {
        case.policy.mode = TransmissionMode::Stream;
    }
    let files = rng.random_range(3..=40);
    let most_bytes = one_of(rng, &[1, 100, 1_000]);
    case.files =
        workload::draw(seed, workload::Draw { files, size_bytes: (0, most_bytes), weights: [1, 1, 1] });
    case.fault.target %= files;
    // A payload byte of the file that there was may lie beyond this one's.
    let size_bytes = case.files[case.fault.target as usize].size_bytes;
    if case.fault.trigger.payload_byte().is_some_and(|byte| byte >= size_bytes) {
        case.fault.trigger = Trigger::BeforeFirstByte;
    }
    let fault = of_listing(rng, files);
    if rng.random_range(0..4) > 0 {
        case.fault = fault;
    }
    case.fault_name = case.fault.kind.name().to_owned();
}

fn of_listing(rng: &mut ChaCha12Rng, files: u32) -> Fault {
    let restart_after_us = 500_000;
    let kinds = [
        FaultKind::EarlyClose,
        FaultKind::EarlyClose,
        FaultKind::SenderDies { restart_after_us },
        FaultKind::SenderDies { restart_after_us },
        FaultKind::SplitClose,
        FaultKind::Reset,
        FaultKind::Blackhole { for_us: None },
        FaultKind::Stall { for_us: 3_000_000 },
        FaultKind::ControlReset,
        FaultKind::Refused { times: 1 },
        FaultKind::ReceiverDies { restart_after_us },
        FaultKind::Corrupt { xor: 0xC0 },
        FaultKind::None,
    ];
    // The first line is the directory's own.
    let line = Trigger::AfterLine(rng.random_range(0..=files + 1));
    let byte = rng.random_range(0..LINE_BYTES * u64::from(files + 1));
    let triggers = [
        line,
        line,
        line,
        Trigger::PayloadByte(byte),
        Trigger::PayloadByte(byte),
        Trigger::InsideHeader(byte),
        Trigger::BeforeFinal,
        Trigger::BeforeReply(rng.random_range(0..2)),
    ];
    Fault { kind: one_of(rng, &kinds), target: files, trigger: one_of(rng, &triggers) }
}
