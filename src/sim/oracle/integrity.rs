//! Integrity: what stands under the file's name at the receiver against what the sender had, and
//! against what the client reported.

use crate::sim::outcome::Verdict;

/// What is known of a file when the run has ended.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub sent: &'a [u8],
    /// What stands under the final name at the receiver.
    pub found: Option<&'a [u8]>,
    /// The receiver knows that what stands there is not whole.
    pub unfinished: bool,
    /// The client's word: `Some(true)` delivered, `Some(false)` failed, `None` nothing said.
    pub reported_delivered: Option<bool>,
    pub attempts: u32,
    /// It stood there whole until the receiver lost its power.
    pub evaporated: bool,
    /// How the run ended.
    pub ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client came to the end of its list.
    Finished,
    /// The client died and was not started again; whoever watches it knows that the delivery broke
    /// off, but not what the receiver made of it.
    ClientDied,
    /// The virtual time ran out.
    TimeLimit,
}

/// `others`: the other files of the delivery.
pub fn judge<'a>(evidence: &Evidence<'_>, others: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    let whole = evidence.found == Some(evidence.sent);
    match evidence.reported_delivered {
        Some(false) if whole => Verdict::FalseAlarm,
        Some(false) => Verdict::Detected,
        Some(true) if !whole && evidence.evaporated => Verdict::Evaporated,
        Some(true) if !whole => wrong(evidence, others),
        _ if whole && evidence.attempts > 1 => Verdict::Recovered,
        _ if whole => Verdict::Intact,
        // Nothing was said. What the receiver published, it holds for delivered.
        _ if evidence.ending == Ending::TimeLimit => Verdict::Stuck,
        _ if evidence.found.is_none() || evidence.unfinished => Verdict::Detected,
        _ => wrong(evidence, others),
    }
}

fn wrong<'a>(evidence: &Evidence<'_>, others: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    let found = evidence.found.unwrap_or_default();
    if evidence.sent.starts_with(found) {
        return Verdict::SilentTruncation;
    }
    let of_another = others.into_iter().any(|other| other.starts_with(found));
    if of_another { Verdict::Misfiled } else { Verdict::SilentCorruption }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"the whole file";

    fn verdict(found: Option<&[u8]>, reported: Option<bool>, ending: Ending) -> Verdict {
        let (sent, reported_delivered) = (SENT, reported);
        let evidence = Evidence {
            sent,
            found,
            unfinished: false,
            reported_delivered,
            attempts: 1,
            evaporated: false,
            ending,
        };
        judge(&evidence, [&b"another file"[..]])
    }

    #[test]
    fn every_verdict_can_be_given() {
        use Ending::{ClientDied, Finished, TimeLimit};
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(verdict(Some(SENT), yes, Finished), Verdict::Intact);
        assert_eq!(verdict(Some(b"the who"), yes, Finished), Verdict::SilentTruncation);
        assert_eq!(verdict(None, yes, Finished), Verdict::SilentTruncation);
        assert_eq!(verdict(Some(b"the whole fool"), yes, Finished), Verdict::SilentCorruption);
        assert_eq!(verdict(Some(b"another"), yes, Finished), Verdict::Misfiled);
        assert_eq!(verdict(Some(b"the who"), no, Finished), Verdict::Detected);
        assert_eq!(verdict(Some(SENT), no, Finished), Verdict::FalseAlarm);
        assert_eq!(verdict(None, None, TimeLimit), Verdict::Stuck);
        let mut again = Evidence {
            sent: SENT,
            found: Some(SENT),
            unfinished: false,
            reported_delivered: yes,
            attempts: 2,
            evaporated: false,
            ending: Finished,
        };
        assert_eq!(judge(&again, []), Verdict::Recovered);
        again.reported_delivered = None;
        again.ending = ClientDied;
        assert_eq!(judge(&again, []), Verdict::Recovered);
    }

    /// Acknowledged is what counts: what was lost before, and came again, or was not promised, is no such loss.
    #[test]
    fn what_was_acknowledged_and_went_with_the_power_has_evaporated() {
        let judged = |found, reported_delivered| {
            let evidence = Evidence {
                sent: SENT,
                found,
                unfinished: false,
                reported_delivered,
                attempts: 2,
                evaporated: true,
                ending: Ending::Finished,
            };
            judge(&evidence, [])
        };
        assert_eq!(judged(None, Some(true)), Verdict::Evaporated);
        assert_eq!(judged(Some(b""), Some(true)), Verdict::Evaporated);
        assert_eq!(judged(Some(b"what was there before"), Some(true)), Verdict::Evaporated);
        assert_eq!(judged(Some(SENT), Some(true)), Verdict::Recovered);
        assert_eq!(judged(None, Some(false)), Verdict::Detected);
        assert_eq!(judged(None, None), Verdict::Detected);
    }

    #[test]
    fn a_dead_client_says_nothing() {
        assert_eq!(verdict(Some(b"the who"), None, Ending::ClientDied), Verdict::SilentTruncation);
        assert_eq!(verdict(None, None, Ending::ClientDied), Verdict::Detected);
        let (found, reported_delivered, ending) = (Some(&b"the who"[..]), None, Ending::ClientDied);
        let known = Evidence {
            sent: SENT,
            found,
            unfinished: true,
            reported_delivered,
            attempts: 1,
            evaporated: false,
            ending,
        };
        assert_eq!(judge(&known, []), Verdict::Detected);
        assert_eq!(verdict(Some(SENT), None, Ending::ClientDied), Verdict::Intact);
    }
}
