//! Clients that list a directory before they fetch what is in it: one seed of sixteen, whatever else it has, so that
//! the other seeds keep their cases.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::workload;
use ftp_endpoint::client::{Direction, Policy};
use ftp_proto::mode::{Structure, TransmissionMode};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use turmoil_tcp::seeds;

const EVERY: u64 = 16;
const AMONG: u64 = 12;
/// A line of MLSD has about so many.
const LINE_BYTES: u64 = 60;

/// Makes the case of one seed of sixteen a download of what is listed. In three of four of these the fault is aimed at the
/// listing; in three of four of the others it strikes it, too.
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
    let nth = seed / EVERY;
    if nth.is_multiple_of(4) && case.tls.is_none() {
        plain(&mut case.policy);
    }
    if nth % 4 < 3 {
        let marked =
            case.policy.mode != TransmissionMode::Stream || case.policy.structure == Structure::Record;
        case.fault = aimed(rng, files, marked, nth % 4 != 1);
    }
    case.fault_name = case.fault.kind.name().to_owned();
}

/// Stream mode with file structure, where nothing marks the end.
fn plain(policy: &mut Policy) {
    (policy.mode, policy.structure) = (TransmissionMode::Stream, Structure::File);
    (policy.pipeline_depth, policy.marker_interval_bytes) = (1, None);
}

/// What a listing can lose without its mark: its end, told by nobody, within a line (which has to be told) or behind one (which
/// cannot be); with its mark the client has to hear of what breaks behind a line. Drawn alone, hundreds of seeds met
/// neither.
fn aimed(rng: &mut ChaCha12Rng, files: u32, marked: bool, in_a_line: bool) -> Fault {
    let line = Trigger::AfterLine(rng.random_range(1..=files));
    let byte = Trigger::PayloadByte(rng.random_range(0..LINE_BYTES * u64::from(files)));
    let kinds: &[FaultKind] = if marked {
        &[FaultKind::Blackhole { for_us: None }, FaultKind::Reset, FaultKind::EarlyClose]
    } else {
        &[FaultKind::EarlyClose, FaultKind::SplitClose]
    };
    let trigger = if in_a_line && !marked { byte } else { line };
    Fault { kind: one_of(rng, kinds), target: files, trigger }
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
    let lines = Case::lines_of_listing(files as usize);
    let line = Trigger::AfterLine(rng.random_range(0..=lines));
    let byte = rng.random_range(0..LINE_BYTES * u64::from(lines));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::swarm;

    fn listed() -> impl Iterator<Item = Case> {
        (0..1_600).map(|nth| swarm::draw(EVERY * nth + AMONG))
    }

    #[test]
    fn one_seed_of_sixteen_lists() {
        for seed in 0..3 * EVERY {
            assert_eq!(swarm::draw(seed).listed, seed % EVERY == AMONG, "{seed}");
        }
    }

    #[test]
    fn a_fault_strikes_the_listing_or_a_byte_that_there_is() {
        let (mut of_listings, mut lines) = (0, [0, 0]);
        for case in listed() {
            let (files, fault) = (case.files.len() as u32, &case.fault);
            assert!((3..=40).contains(&files) && fault.target <= files, "{case:?}");
            assert_eq!(case.policy.direction, Direction::Get);
            assert_eq!(case.fault_name, fault.kind.name());
            let Some(file) = case.files.get(fault.target as usize) else {
                of_listings += 1;
                match fault.trigger {
                    Trigger::AfterLine(line) => {
                        assert!(line <= files + 1, "{case:?}");
                        lines[0] += u32::from(line == files + 1);
                    }
                    Trigger::PayloadByte(byte) | Trigger::InsideHeader(byte) => {
                        assert!(byte < LINE_BYTES * u64::from(files + 1), "{case:?}");
                        lines[1] += u32::from(byte >= LINE_BYTES * u64::from(files));
                    }
                    _ => {}
                }
                continue;
            };
            assert!(fault.trigger.payload_byte().is_none_or(|byte| byte < file.size_bytes), "{case:?}");
        }
        // 15 of 16; and the last line and its end are struck, too.
        assert!((1_440..1_560).contains(&of_listings), "{of_listings}");
        assert!(lines.iter().all(|last| *last > 0), "{lines:?}");
    }

    /// Half of those in deflate mode go on in stream mode, where most can be lost.
    #[test]
    fn other_modes_stay_what_they_were() {
        let cases = |mode| listed().filter(|case| case.policy.mode == mode).count();
        let modes = [TransmissionMode::Block, TransmissionMode::Compressed, TransmissionMode::Deflate];
        assert!(modes.into_iter().all(|mode| cases(mode) > 4), "{:?}", modes.map(cases));
        assert!(cases(TransmissionMode::Stream) > 100, "{}", cases(TransmissionMode::Stream));
    }

    /// All but those that are made plain; of deflate mode half, and which half hangs on the seed alone.
    #[test]
    fn block_mode_stays_block_mode() {
        let of = |mode, nth: u64| {
            let seed = EVERY * nth + AMONG;
            let mut case = swarm::draw(seed + 1);
            case.policy.mode = mode;
            apply(seed, &mut case);
            case.policy.mode
        };
        let not_plain = || (0..16).filter(|nth| nth % 4 != 0);
        assert!(not_plain().all(|nth| of(TransmissionMode::Block, nth) == TransmissionMode::Block));
        let deflated =
            not_plain().filter(|nth| of(TransmissionMode::Deflate, *nth) == TransmissionMode::Deflate);
        assert_eq!(deflated.collect::<Vec<u64>>(), [1, 2, 5, 9, 10, 13, 15]);
    }

    /// The byte that was drawn stays where the file has it.
    #[test]
    fn a_fault_of_a_file_keeps_its_place() {
        let of_files = || listed().filter(|case| (case.fault.target as usize) < case.files.len());
        assert!(of_files().any(|case| case.fault.trigger.payload_byte().is_some()));
        assert!(of_files().any(|case| case.fault.trigger == Trigger::BeforeFirstByte));
        let targets: std::collections::BTreeSet<u32> = of_files().map(|case| case.fault.target).collect();
        assert!(targets.len() > 5, "{targets:?}");
    }
}
