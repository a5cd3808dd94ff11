//! Agreement: what the client reported delivered stands at the receiver, whole, wherever the mode
//! lets the two ends know; what cannot be known in stream mode is named here and nowhere else.

use super::{End, Oracle, is_hidden, loses_unsynced, marks_end_of_file, may_be_displaced, receiver_end};
use crate::sim::case::Case;
use crate::sim::fault::FaultKind;
use crate::sim::outcome::Verdict;
use crate::sim::scenario::TlsEnd;
use ftp_endpoint::client::{Direction, Opening, Verify};

/// Finds files whose state at the receiver is not what the client said of them.
pub struct Agreement;

impl Oracle for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        let truncates = may_truncate_silently(end) || may_be_taken_in_part(end);
        let is_excused = |verdict| {
            // What is reported failed and destroys the old file is for `preservation`.
            verdict == Verdict::Destroyed
                || may_evaporate(end, verdict)
                || truncates && (verdict == Verdict::SilentTruncation || is_added_to(end, verdict))
                || may_differ_silently(end)
                || may_be_mixed(end)
                || may_be_anothers(end)
        };
        let files = &mut end.outcome.files.iter();
        // What nobody asked for is for `listings`.
        let lost = files
            .find(|file| file.verdict.is_silent_loss() && !file.forgotten && !is_excused(file.verdict))?;
        Some(format!("{} is {} and nobody said so", lost.name, lost.verdict))
    }
}

/// Without syncs a receiver promises nothing about its power: what it has published may be missing or empty,
/// whether it was answered (evaporated) or not (and then stands short under its name, in a delivery that has
/// broken off with the receiver). A durable one may lose nothing that way.
fn may_evaporate(end: &End<'_>, verdict: Verdict) -> bool {
    loses_unsynced(end.case) && matches!(verdict, Verdict::Evaporated | Verdict::SilentTruncation)
}

/// In stream mode the close is the end of file (RFC 959 section 3.4.1), so a close that comes
/// early goes unnoticed: when a middlebox makes it, unless sizes or hashes are compared; when the
/// sender's death makes it, even then, for who would compare? A server that stops in order owes a client its reply.
fn may_truncate_silently(end: &End<'_>) -> bool {
    // Who takes a reset for the end takes whatever ends a connection for it, with or without a fault.
    receiver_end(end.case) == Some(TlsEnd::Any)
        || !marks_end_of_file(end.case)
            && match end.case.fault.kind {
                FaultKind::SenderDies { .. } => true,
                // Its other sessions end as they do when it dies.
                FaultKind::ReadError { restart_after_us: Some(_) } => {
                    let policy = &end.case.policy;
                    policy.ends_unfinished || policy.direction == Direction::Put && policy.parallel > 1
                }
                FaultKind::EarlyClose | FaultKind::SplitClose => end.case.policy.verify == Verify::Reply,
                _ => false,
            }
}

/// A changed byte that no checksum of TLS or of a zlib stream tells, and a disk that stores less than it says, are noticed by
/// no other mode, for none has a checksum of the file; only by whoever reads the stored file back and
/// compares. HASH reads what stands at the server (draft-ietf-ftpext2-hash), so on an upload it tells
/// either. On a download it tells what came from what was sent, not what the client's disk made of
/// it. SIZE tells a short write at the server, and a byte changed only if a header's count was.
fn may_differ_silently(end: &End<'_>) -> bool {
    let policy = &end.case.policy;
    if !is_hidden(end.case) {
        return may_be_taken_changed(end);
    }
    match end.case.fault.kind {
        // Taken before anybody can compare it.
        FaultKind::Corrupt { .. } | FaultKind::ShortWrite if end.case.ingest.is_some() => true,
        FaultKind::Corrupt { .. } => policy.verify != Verify::Hash,
        FaultKind::ShortWrite => policy.direction == Direction::Get || policy.verify == Verify::Reply,
        _ => false,
    }
}

/// The checksum of a zlib stream stands at its end (RFC 1950): what comes before it has been written in place by then,
/// and been taken by who takes files as they appear. A record of TLS is opened whole or not at all.
fn may_be_taken_changed(end: &End<'_>) -> bool {
    let is_changed = matches!(end.case.fault.kind, FaultKind::Corrupt { .. }) && end.case.tls.is_none();
    is_changed && end.case.ingest.is_some() && end.case.writes_in_place
}

/// Who takes files as they appear takes parts of them where they appear in part: where the receiver
/// writes in place, and in stream mode, where a file ends when its connection does.
fn may_be_taken_in_part(end: &End<'_>) -> bool {
    end.case.ingest.is_some() && (end.case.writes_in_place || !marks_end_of_file(end.case))
}

/// In clear, what comes from the right address first is the file (RFC 2577 section 8), where nobody can see that two
/// have come: when the packets by which the right one comes are lost, or late. The sender of a file that has a connection of
/// its own waits for the end of that, which only its reader makes; who keeps the connection, and a client
/// that is connected to, go by the reply.
fn may_be_anothers(end: &End<'_>) -> bool {
    let Case { policy, path, fault, .. } = end.case;
    let undisturbed = fault.kind == FaultKind::None && !path.loses() && path.reorder_ppm == 0;
    let by_reply = match policy.direction {
        Direction::Put => policy.mode.is_framed(),
        Direction::Get => policy.opening == Opening::Active,
    };
    // Who takes files as they appear has taken what stood there before it was known whose it is: in place at once,
    // and whole when only the other could be seen to come.
    let is_taken = end.case.ingest.is_some() && (end.case.writes_in_place || !undisturbed);
    may_be_displaced(end.case) && (is_taken || policy.verify == Verify::Reply && by_reply && !undisturbed)
}

/// What another adds to the part that stands there makes it no beginning of the file.
fn is_added_to(end: &End<'_>, verdict: Verdict) -> bool {
    verdict == Verdict::SilentCorruption && end.case.rival.is_some()
}

/// Two who write into one file in place mix their bytes.
fn may_be_mixed(end: &End<'_>) -> bool {
    end.case.rival.is_some() && end.case.writes_in_place
}

#[cfg(test)]
mod tests;
