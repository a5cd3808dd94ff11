//! What is excused, and what is not though it is nearly so: an excuse that is too wide finds nothing.

use super::*;
use crate::sim::oracle::tests::{Ended, ended};
use crate::sim::others::{Deed, Ingest, Rival, RivalUser, Stranger, StrangerPlace};
use crate::sim::scenario::TlsSpec;
use Verdict::{Destroyed, Evaporated, SilentCorruption, SilentTruncation};
use ftp_proto::mode::{Structure, TransmissionMode};

/// Of a put in block mode with nobody else about, which has lost its first file so.
fn excused(verdict: Verdict, change: impl FnOnce(&mut Case)) -> bool {
    let mut end: Ended = ended();
    let case = &mut end.case;
    (case.fault.kind, case.path.loss_ppm, case.path.reorder_ppm) = (FaultKind::None, 0, 0);
    (case.ingest, case.rival, case.writes_in_place, case.durable) = (None, None, false, false);
    let policy = &mut case.policy;
    (policy.direction, policy.mode, policy.structure) =
        (Direction::Put, TransmissionMode::Block, Structure::File);
    (policy.verify, policy.opening, policy.parallel) = (Verify::Reply, Opening::Passive, 1);
    change(case);
    end.outcome.files[0].verdict = verdict;
    Agreement.conclude(&end.borrow()).is_none()
}

fn stream(case: &mut Case, kind: FaultKind) {
    (case.policy.mode, case.fault.kind) = (TransmissionMode::Stream, kind);
}

const INGEST: Option<Ingest> = Some(Ingest { poll_us: 1_000 });
const DIES: FaultKind = FaultKind::SenderDies { restart_after_us: 1 };
const STOPS: FaultKind = FaultKind::ReadError { restart_after_us: Some(1) };
const CHANGED: FaultKind = FaultKind::Corrupt { xor: 1 };

#[test]
fn a_close_is_taken_for_the_end_where_nothing_else_marks_it() {
    for kind in [FaultKind::EarlyClose, FaultKind::SplitClose] {
        assert!(excused(SilentTruncation, |case| stream(case, kind)));
        assert!(!excused(SilentCorruption, |case| stream(case, kind)));
        assert!(!excused(SilentTruncation, |case| case.fault.kind = kind), "block mode marks it");
        let compares = |case: &mut Case| {
            stream(case, kind);
            case.policy.verify = Verify::Size;
        };
        assert!(!excused(SilentTruncation, compares));
    }
    for kind in [FaultKind::None, FaultKind::Reset] {
        assert!(!excused(SilentTruncation, |case| stream(case, kind)), "{kind:?}");
    }
    // A dead sender compares nothing.
    let compares = |case: &mut Case| {
        stream(case, DIES);
        case.policy.verify = Verify::Hash;
    };
    assert!(excused(SilentTruncation, compares));
}

#[test]
fn a_sender_that_stops_ends_as_it_likes() {
    let stops = |restart_after_us, direction, parallel, ends_unfinished| {
        excused(SilentTruncation, |case| {
            stream(case, FaultKind::ReadError { restart_after_us });
            (case.policy.direction, case.policy.parallel) = (direction, parallel);
            case.policy.ends_unfinished = ends_unfinished;
        })
    };
    assert!(stops(Some(1), Direction::Put, 1, true));
    assert!(stops(Some(1), Direction::Put, 2, false), "its other sessions end as when it dies");
    assert!(!stops(Some(1), Direction::Put, 1, false));
    assert!(!stops(Some(1), Direction::Get, 2, false));
    assert!(!stops(None, Direction::Put, 2, true), "it goes on, and says so");
    assert!(!excused(SilentTruncation, |case| case.fault.kind = STOPS));
}

#[test]
fn under_tls_it_hangs_on_who_is_believed() {
    let cut = |direction, server_end, client_end| {
        excused(SilentTruncation, |case| {
            stream(case, FaultKind::EarlyClose);
            case.policy.direction = direction;
            case.tls = Some(TlsSpec { server_end, client_end, ..TlsSpec::default() });
        })
    };
    use TlsEnd::{Lax, Strict, Unasked};
    assert!(!cut(Direction::Put, Strict, Unasked) && !cut(Direction::Get, Unasked, Strict));
    assert!(cut(Direction::Put, Lax, Strict), "a server has nobody to ask");
    assert!(!cut(Direction::Get, Strict, Lax), "a client asks for the size");
    assert!(cut(Direction::Get, Strict, Unasked));
    let any = |server_end| {
        excused(SilentTruncation, |case| {
            case.tls = Some(TlsSpec { server_end, ..TlsSpec::default() });
        })
    };
    assert!(any(TlsEnd::Any) && !any(Lax), "who takes any end takes all of them, without a fault");
}

#[test]
fn changes_that_no_checksum_tells() {
    let changed = |kind, change: fn(&mut Case)| {
        excused(SilentCorruption, |case| {
            case.fault.kind = kind;
            change(case);
        })
    };
    assert!(changed(CHANGED, |_| ()) && changed(CHANGED, |case| case.policy.verify = Verify::Size));
    assert!(!changed(CHANGED, |case| case.policy.verify = Verify::Hash));
    assert!(changed(CHANGED, |case| (case.policy.verify, case.ingest) = (Verify::Hash, INGEST)));
    assert!(!changed(CHANGED, |case| case.policy.mode = TransmissionMode::Deflate));
    assert!(!changed(CHANGED, |case| case.tls = Some(TlsSpec::default())));
    let short = FaultKind::ShortWrite;
    assert!(changed(short, |_| ()) && changed(short, |case| case.policy.direction = Direction::Get));
    assert!(!changed(short, |case| case.policy.verify = Verify::Size));
    assert!(changed(short, |case| (case.policy.verify, case.ingest) = (Verify::Size, INGEST)));
    assert!(!changed(FaultKind::Reset, |_| ()));
    // A zlib stream's checksum comes last: who writes in place and is watched has shown what came before it.
    let deflate = |writes_in_place: bool, ingest, tls| {
        excused(SilentCorruption, |case| {
            (case.fault.kind, case.policy.mode) = (CHANGED, TransmissionMode::Deflate);
            (case.writes_in_place, case.ingest, case.tls) = (writes_in_place, ingest, tls);
        })
    };
    assert!(deflate(true, INGEST, None));
    assert!(!deflate(false, INGEST, None) && !deflate(true, None, None));
    assert!(!deflate(true, INGEST, Some(TlsSpec::default())));
}

#[test]
fn parts_are_taken_where_they_can_be_seen() {
    let taken = |verdict, ingest, writes_in_place, mode| {
        excused(verdict, |case| {
            (case.ingest, case.writes_in_place, case.policy.mode) = (ingest, writes_in_place, mode);
        })
    };
    use TransmissionMode::{Block, Stream};
    assert!(taken(SilentTruncation, INGEST, true, Block) && taken(SilentTruncation, INGEST, false, Stream));
    assert!(!taken(SilentTruncation, INGEST, false, Block) && !taken(SilentTruncation, None, true, Block));
    assert!(!taken(SilentCorruption, INGEST, true, Block));
}

#[test]
fn others_under_the_same_name() {
    let rival = |deed| Some(Rival { user: RivalUser::Same, deed, at_us: 0, lasts_us: 1 });
    let with_rival = |verdict, in_place: bool| {
        excused(verdict, |case| {
            (case.rival, case.writes_in_place) = (rival(Deed::Replaces), in_place);
        })
    };
    assert!(with_rival(SilentCorruption, true) && !with_rival(SilentCorruption, false));
    // What it adds to a part that may stand there makes it no beginning of the file.
    let added = |deed| {
        excused(SilentCorruption, |case| {
            stream(case, FaultKind::EarlyClose);
            case.rival = deed;
        })
    };
    assert!(added(rival(Deed::Appends)) && !added(None));
}

#[test]
fn a_neighbour_is_told_by_nothing_but_the_reply() {
    let displaced = |change: fn(&mut Case)| {
        excused(SilentCorruption, |case| {
            case.stranger = Some(Stranger::that_moves(StrangerPlace::Neighbour));
            case.fault.kind = FaultKind::Reset;
            change(case);
        })
    };
    assert!(displaced(|_| ()), "who keeps the connection goes by the reply");
    assert!(!displaced(|case| case.policy.verify = Verify::Hash));
    assert!(!displaced(|case| case.policy.mode = TransmissionMode::Stream));
    assert!(!displaced(|case| case.policy.direction = Direction::Get));
    let active = |case: &mut Case| {
        (case.policy.direction, case.policy.opening) = (Direction::Get, Opening::Active);
    };
    assert!(displaced(active));
    assert!(!displaced(|case| case.tls = Some(TlsSpec::default())), "in clear it is told from who has TLS");
    // Where nothing is lost or late, two have been seen to come.
    assert!(!displaced(|case| case.fault.kind = FaultKind::None));
    assert!(displaced(|case| (case.fault.kind, case.path.loss_ppm) = (FaultKind::None, 1)));
    assert!(displaced(|case| (case.fault.kind, case.path.reorder_ppm) = (FaultKind::None, 1)));
    // An ingest has taken it by then.
    let taken = |case: &mut Case| (case.policy.verify, case.ingest) = (Verify::Hash, INGEST);
    assert!(displaced(taken));
    let undisturbed = |in_place: bool| {
        excused(SilentCorruption, |case| {
            case.stranger = Some(Stranger::that_moves(StrangerPlace::Neighbour));
            (case.ingest, case.writes_in_place) = (INGEST, in_place);
        })
    };
    assert!(undisturbed(true) && !undisturbed(false));
}

#[test]
fn what_power_takes_of_who_has_not_synced() {
    let lost =
        |verdict, durable, kind| excused(verdict, |case| (case.durable, case.fault.kind) = (durable, kind));
    let power = FaultKind::ReceiverPowerLoss { restart_after_us: None };
    for verdict in [Evaporated, SilentTruncation] {
        assert!(lost(verdict, false, power) && !lost(verdict, true, power));
        let others = FaultKind::SenderPowerLoss { restart_after_us: None };
        assert!(!lost(verdict, false, others), "it is the receiver's disk");
        let process = FaultKind::ReceiverDies { restart_after_us: 1 };
        assert!(!lost(verdict, false, process), "the page cache outlives a process");
    }
    assert!(!lost(SilentCorruption, false, power));
    assert!(excused(Destroyed, |_| ()), "another oracle's");
}
