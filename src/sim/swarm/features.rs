//! What sets a seed apart: a habit of the client or a circumstance of its world, with what it needs to
//! matter. A rare precondition that is left to chance is met once in hundreds of seeds.

use super::one_of;
use crate::sim::case::Case;
use crate::sim::fault::{Fault, FaultKind, Trigger};
use crate::sim::others::{Deed, Ingest, Rival, RivalUser, SourceChange};
use crate::sim::workload;
use ftp_endpoint::client::{Direction, Opening, Publish, Verify};
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::repr::Representation;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use std::num::NonZeroU64;

/// See the module; each is one choice of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// Whatever is drawn.
    None,
    /// A data connection kept from file to file.
    Kept,
    /// Commands sent ahead.
    Pipelined,
    /// Sizes, or hashes, that are compared: what the mode does not tell.
    Compared(Verify),
    /// A peer, or a path, that falls silent.
    Silence,
    /// Several sessions.
    Parallel,
    /// A further attempt goes on where the last one ended.
    Resume,
    /// The same by restart markers.
    Markers,
    /// The server opens the data connections.
    Active,
    Type(Representation),
    InPlace,
    OldFiles,
    OldFilesInPlace,
    Ingest,
    Rival(Deed),
    /// A part left under the target's name, to a client that goes on.
    RivalsPart(RivalUser),
    /// A source that changes, and a client that goes on.
    SourceChange,
}

/// Those that need more to go wrong have more than one place.
pub(super) const FEATURES: &[Feature] = &[
    Feature::None,
    Feature::Kept,
    Feature::SourceChange,
    Feature::Compared(Verify::Size),
    Feature::Pipelined,
    Feature::OldFiles,
    Feature::Resume,
    Feature::Ingest,
    Feature::Active,
    Feature::Kept,
    Feature::Rival(Deed::Replaces),
    Feature::Kept,
    Feature::Type(Representation::Ascii),
    Feature::Markers,
    Feature::SourceChange,
    Feature::RivalsPart(RivalUser::Other),
    Feature::Parallel,
    Feature::Silence,
    Feature::None,
    Feature::InPlace,
    Feature::Active,
    Feature::Resume,
    Feature::Rival(Deed::Appends),
    Feature::Pipelined,
    Feature::OldFilesInPlace,
    Feature::Type(Representation::Ascii),
    Feature::Active,
    Feature::Ingest,
    Feature::Rival(Deed::Replaces),
    Feature::OldFiles,
    Feature::Compared(Verify::Hash),
    Feature::Type(Representation::Ebcdic),
    Feature::SourceChange,
    Feature::RivalsPart(RivalUser::Same),
    Feature::Markers,
    Feature::Type(Representation::Local8),
];

const CODED: [TransmissionMode; 2] = [TransmissionMode::Block, TransmissionMode::Compressed];

impl Feature {
    /// Whether an attempt is to be broken in the middle of the target, and another made.
    fn goes_on(self) -> bool {
        matches!(self, Self::Resume | Self::Markers | Self::RivalsPart(_) | Self::SourceChange)
    }

    /// In two of three cases (always of the rarest) the fault is one, at a place, by which the feature matters.
    pub(super) fn aim(self, rng: &mut ChaCha12Rng, fault: &mut Fault, size_bytes: u64) {
        let restart_after_us = 500_000;
        let in_the_middle = [
            FaultKind::Reset,
            FaultKind::EarlyClose,
            FaultKind::ControlReset,
            FaultKind::Blackhole { for_us: None },
            FaultKind::WriteError,
            FaultKind::ReceiverDies { restart_after_us },
            FaultKind::SenderDies { restart_after_us },
        ];
        let size_bytes = size_bytes.max(1);
        let middle = Trigger::PayloadByte(rng.random_range(size_bytes / 4..size_bytes));
        let nth = rng.random_range(0..2);
        let (kinds, triggers): (&[FaultKind], &[Trigger]) = match self {
            // What has been answered when another file of the pipeline fails.
            Self::Pipelined => (
                &[FaultKind::WriteError, FaultKind::DiskFull { for_us: 200_000 }],
                &[Trigger::AfterLastByte, Trigger::BeforeFinal, middle],
            ),
            // What breaks off leaves a part of it, and the client alive.
            _ if self.goes_on() => (&in_the_middle, &[middle]),
            Self::OldFiles | Self::OldFilesInPlace => (&in_the_middle, &[middle, Trigger::AfterLastByte]),
            // A close that comes early is the end of the file, but for who compares.
            Self::Compared(Verify::Size) => (&[FaultKind::EarlyClose, FaultKind::SplitClose], &[middle]),
            Self::Compared(_) => (&[FaultKind::EarlyClose, FaultKind::Corrupt { xor: 0x20 }], &[middle]),
            Self::Silence => (
                &[FaultKind::Blackhole { for_us: None }, FaultKind::Partition { for_us: 600_000_000 }],
                &[middle, Trigger::BeforeFirstByte, Trigger::AfterLastByte],
            ),
            // Both write at a time when the disk of one is slow.
            Self::Rival(_) => {
                (&[FaultKind::SlowDisk { delay_us: 100_000 }], &[Trigger::BeforeFirstByte, middle])
            }
            // A connection that is kept dies when nobody looks.
            Self::Kept => (
                &[
                    FaultKind::EarlyClose,
                    FaultKind::Reset,
                    FaultKind::Stall { for_us: 12_000_000 },
                    FaultKind::Blackhole { for_us: None },
                    FaultKind::SplitClose,
                ],
                &[
                    Trigger::BeforeCommand(0),
                    Trigger::BeforeReply(0),
                    Trigger::BeforeFinal,
                    Trigger::BeforeFirstByte,
                    Trigger::AfterLastByte,
                ],
            ),
            // The reply is lost, not the file.
            Self::Ingest => (
                &[
                    FaultKind::ControlReset,
                    FaultKind::ControlSilent { for_us: None },
                    FaultKind::ReceiverDies { restart_after_us },
                ],
                &[Trigger::BeforeReply(1), Trigger::BeforeFinal],
            ),
            // The connection that is waited for does not come.
            Self::Active => (
                &[
                    FaultKind::Refused { times: 1 },
                    FaultKind::Refused { times: 1 },
                    FaultKind::Refused { times: 1 },
                    FaultKind::ControlReset,
                    FaultKind::SenderDies { restart_after_us },
                    FaultKind::ReceiverDies { restart_after_us },
                ],
                &[Trigger::BeforeCommand(nth), Trigger::BeforeReply(0)],
            ),
            _ => return,
        };
        if self == Self::Active || rng.random_range(0..3) > 0 {
            (fault.kind, fault.trigger) = (one_of(rng, kinds), one_of(rng, triggers));
        }
    }

    /// What the delivery is of.
    pub(super) fn workload(self, rng: &mut ChaCha12Rng, drawn: workload::Draw) -> workload::Draw {
        let files = match self {
            Self::Kept | Self::Pipelined | Self::Parallel => rng.random_range(3..=12),
            _ => drawn.files,
        };
        match self {
            // Small, so that there are many of them in a short run.
            Self::Compared(_) => workload::Draw { size_bytes: (10, drawn.size_bytes.1.max(1_000)), ..drawn },
            Self::Kept | Self::Pipelined | Self::Parallel => {
                workload::Draw { files, size_bytes: (0, drawn.size_bytes.1.min(1_000)), ..drawn }
            }
            // Enough for every kind of end of line.
            Self::Type(_) => workload::Draw { size_bytes: (0, drawn.size_bytes.1.max(1_000)), ..drawn },
            // A middle to break off in.
            _ if self.goes_on() => {
                let size_bytes = (500, drawn.size_bytes.1.max(10_000));
                workload::Draw { files: drawn.files.min(2), size_bytes, ..drawn }
            }
            _ => drawn,
        }
    }

    /// Gives `case`, which is drawn, what the feature is.
    pub(super) fn apply(self, rng: &mut ChaCha12Rng, case: &mut Case) {
        let policy = &mut case.policy;
        match self {
            Self::None => {}
            Self::Kept => {
                policy.mode = one_of(rng, &CODED);
                (policy.reuse_data_connection, policy.pipeline_depth, policy.parallel) = (true, 1, 1);
            }
            Self::Pipelined => {
                if policy.mode == TransmissionMode::Stream {
                    (policy.direction, policy.verify, policy.publish) =
                        (Direction::Put, Verify::Hash, Publish::Rename);
                }
                policy.mode = one_of(rng, &CODED);
                policy.reuse_data_connection = true;
                policy.pipeline_depth = one_of(rng, &[2, 4, 16]);
            }
            Self::Parallel => policy.parallel = one_of(rng, &[2, 3, 4]),
            Self::Compared(verify) => {
                policy.verify = verify;
                (policy.mode, policy.pipeline_depth) = (TransmissionMode::Stream, 1);
                policy.publish = one_of(rng, &[Publish::Direct, Publish::Rename]);
            }
            Self::Silence => {}
            Self::Resume | Self::RivalsPart(_) | Self::SourceChange => go_on(rng, case),
            Self::Markers => {
                policy.mode = one_of(rng, &CODED);
                go_on(rng, case);
                let interval = one_of(rng, &[1, 100, 1_000]);
                // What lies between markers is read and written by itself: a byte at a time, on a slow disk,
                // outlasts every run.
                let slow = matches!(case.fault.kind, FaultKind::SlowDisk { .. });
                let interval = if slow { interval.max(1_000) } else { interval };
                case.policy.marker_interval_bytes = NonZeroU64::new(interval);
            }
            Self::Active => policy.opening = Opening::Active,
            Self::Type(representation) => policy.representation = representation,
            Self::InPlace => case.writes_in_place = true,
            Self::OldFiles | Self::OldFilesInPlace => {
                (case.old_files, case.writes_in_place) = (true, self == Self::OldFilesInPlace);
                // What is tried again makes good what was lost.
                if rng.random_range(0..3) > 0 {
                    policy.retries = 0;
                }
            }
            Self::Ingest => {
                case.ingest = Some(Ingest { poll_us: one_of(rng, &[10_000, 100_000, 1_000_000]) });
                case.writes_in_place = rng.random_range(0..4) == 0;
                policy.retries = policy.retries.max(1);
                if rng.random_range(0..2) == 0 {
                    (policy.direction, policy.verify, policy.publish) =
                        (Direction::Put, Verify::Reply, Publish::Direct);
                }
                // What has been taken cannot be asked for.
                if policy.direction == Direction::Put && policy.verify != Verify::Reply {
                    policy.publish = Publish::Rename;
                }
            }
            Self::Rival(_) => policy.direction = Direction::Put,
        }
        self.apply_others(rng, case);
    }

    fn apply_others(self, rng: &mut ChaCha12Rng, case: &mut Case) {
        let round_trips_us = (8 + case.files.len() as u64) * case.path.rtt_us;
        match self {
            Self::SourceChange => {
                let changes = [SourceChange::SameSize, SourceChange::Longer, SourceChange::Shorter];
                case.source_change = Some(one_of(rng, &changes));
                // Who compares hashes finds out by them.
                case.policy.verify = Verify::Reply;
            }
            Self::Rival(deed) => {
                let user = one_of(rng, &[RivalUser::Same, RivalUser::Other]);
                // Who replaces writes for long, so that both do at a time; two appends meet at the file's end.
                let (latest_us, durations_us) = match deed {
                    Deed::Appends => (round_trips_us, 0..=round_trips_us),
                    _ => (round_trips_us / 2, round_trips_us..=4 * round_trips_us),
                };
                let at_us = rng.random_range(0..=latest_us);
                let lasts_us = rng.random_range(durations_us);
                case.rival = Some(Rival { user, deed, at_us, lasts_us });
                case.old_files = rng.random_range(0..2) == 0;
            }
            Self::RivalsPart(user) => {
                // It lies there when the client begins, or is left while the client waits.
                let at_us = one_of(rng, &[0, 0, round_trips_us]);
                if user == RivalUser::Same {
                    // Nothing but the part's own hash tells, and who looks sees what it was joined to.
                    (case.policy.verify, case.policy.publish) = (Verify::Reply, Publish::Direct);
                    case.policy.structure = Structure::File;
                }
                case.rival = Some(Rival { user, deed: Deed::LeavesPart, at_us, lasts_us: 0 });
                case.policy.direction = Direction::Put;
            }
            Self::Resume => case.old_files = rng.random_range(0..2) == 0,
            _ => {}
        }
    }
}

/// A client that goes on, and may.
fn go_on(rng: &mut ChaCha12Rng, case: &mut Case) {
    let policy = &mut case.policy;
    policy.resume = true;
    policy.retries = policy.retries.max(2);
    policy.pipeline_depth = 1;
    // A hash leaves little to be found.
    if policy.verify == Verify::Hash && rng.random_range(0..2) == 0 {
        policy.verify = Verify::Reply;
    }
    if rng.random_range(0..2) == 0 {
        policy.publish = Publish::Direct;
    }
}
