//! Strangers: who has no part in the delivery is given no byte of its files, leaves none of its own in
//! them, and from another address cannot make one fail. Under TLS nothing is taken from who is on the path
//! before the handshake, and nothing moved in clear.

use super::{End, Oracle, may_be_displaced};
use crate::sim::fault::FaultKind;
use crate::sim::others::{StrangerDeed, StrangerPlace};
use crate::sim::outcome::Verdict;

/// See the module.
pub struct Strangers;

impl Oracle for Strangers {
    fn name(&self) -> &'static str {
        "strangers"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        let stranger = end.case.stranger?;
        let seen = end.strangers;
        if seen.injected {
            return Some("a command that was said in clear behind AUTH was answered under TLS".to_owned());
        }
        if seen.bared {
            return Some("data in clear were granted where they have to be protected".to_owned());
        }
        if seen.overrun {
            return Some("an upload was taken whole, with more behind the end of its zlib stream".to_owned());
        }
        if !may_be_displaced(end.case) {
            if seen.taken_bytes > 0 {
                return Some(format!("a stranger was given {} bytes", seen.taken_bytes));
            }
            if let Some(name) = seen.stored.first() {
                return Some(format!("a stranger's bytes stood under {name}"));
            }
        }
        // Who has the right address can take the place of a connection; others do nothing at all.
        let undisturbed = end.case.fault.kind == FaultKind::None && !end.case.path.loses();
        let harmless = stranger.place == StrangerPlace::Elsewhere || stranger.deed == StrangerDeed::Bares;
        let alone = end.case.ingest.is_none() && end.case.rival.is_none();
        if undisturbed && harmless && alone {
            let failed = end.outcome.files.iter().find(|file| {
                matches!(file.verdict, Verdict::Detected | Verdict::FalseAlarm | Verdict::Destroyed)
            })?;
            return Some(format!(
                "{} is {}, and nothing but a stranger was there",
                failed.name, failed.verdict
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::tests::{Ended, ended};
    use crate::sim::others::{Deed, Ingest, Rival, RivalUser, Stranger};
    use crate::sim::scenario::{Reuse, TlsSpec};

    fn told(place: StrangerPlace, change: impl FnOnce(&mut Ended)) -> Option<String> {
        let mut end = ended();
        end.case.stranger = Some(Stranger::that_moves(place));
        (end.case.fault.kind, end.case.path.loss_ppm) = (FaultKind::None, 0);
        (end.case.rival, end.case.ingest) = (None, None);
        change(&mut end);
        Strangers.conclude(&end.borrow())
    }

    fn takes(end: &mut Ended) {
        end.strangers.taken_bytes = 7;
    }

    #[test]
    fn what_a_stranger_comes_to_is_told() {
        use StrangerPlace::{Elsewhere, Neighbour};
        assert_eq!(told(Elsewhere, |_| ()), None);
        assert!(told(Elsewhere, takes).unwrap().contains("given 7 bytes"));
        let stores = |end: &mut Ended| end.strangers.stored = ["f".to_owned()].into();
        assert!(told(Elsewhere, stores).unwrap().contains("stood under f"));
        assert!(told(Elsewhere, |end| end.strangers.injected = true).unwrap().contains("behind AUTH"));
        assert!(told(Elsewhere, |end| end.strangers.bared = true).unwrap().contains("in clear"));
        assert!(told(Elsewhere, |end| end.strangers.overrun = true).unwrap().contains("zlib"));
        let fails = |end: &mut Ended| end.outcome.files[0].verdict = Verdict::Detected;
        assert!(told(Elsewhere, fails).unwrap().contains("nothing but a stranger"));
        // In clear nothing tells a neighbour's connection from the client's.
        assert_eq!(told(Neighbour, takes), None);
        assert_eq!(told(Neighbour, fails), None);
        // Who else was there may be why it failed.
        let rivalled = |end: &mut Ended| {
            end.case.rival =
                Some(Rival { user: RivalUser::Same, deed: Deed::Replaces, at_us: 0, lasts_us: 1 });
            fails(end);
        };
        assert_eq!(told(Elsewhere, rivalled), None);
        let ingested = |end: &mut Ended| {
            end.case.ingest = Some(Ingest { poll_us: 1_000 });
            fails(end);
        };
        assert_eq!(told(Elsewhere, ingested), None);
    }

    #[test]
    fn only_a_session_that_has_to_be_resumed_tells_neighbours_apart() {
        let told = |tls: bool, reuse| {
            told(StrangerPlace::Neighbour, |end| {
                end.case.tls = Some(TlsSpec { reuse, ..TlsSpec::default() });
                end.case.stranger = end.case.stranger.map(|stranger| Stranger { tls, ..stranger });
                takes(end);
            })
        };
        assert_eq!(told(true, Reuse::Prefer), None);
        assert!(told(true, Reuse::Require).is_some() && told(false, Reuse::Prefer).is_some());
    }
}
