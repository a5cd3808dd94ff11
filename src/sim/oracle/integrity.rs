//! Integrity: what stands under the file's name at the receiver against what the sender had, and
//! against what the client reported.

use crate::sim::outcome::Verdict;
use crate::sim::truth::Contents;
use std::sync::Arc;

/// What is known of a file when the run has ended.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What may stand under the name, and what it is then.
    pub contents: &'a Contents,
    /// What stands under the final name at the receiver.
    pub found: Option<&'a [u8]>,
    /// What an ingest at the receiver has taken for the file, in order of time.
    pub taken: &'a [Arc<[u8]>],
    /// The receiver knows that what stands there is not whole.
    pub unfinished: bool,
    /// The client's word: `Some(true)` delivered, `Some(false)` failed, `None` nothing said.
    pub reported_delivered: Option<bool>,
    /// How many attempts the client reported; 0 when it reported none.
    pub attempts: u32,
    /// It stood there whole until the receiver lost its power.
    pub evaporated: bool,
    /// The client took a listing for whole that has not got it.
    pub forgotten: bool,
    /// How the run ended.
    pub ending: Ending,
}

/// How a run came to its end.
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
    let contents = evidence.contents;
    if evidence.forgotten {
        return Verdict::SilentTruncation;
    }
    let whole = |found: &[u8]| contents.is_whole(found);
    // Who takes a file takes it for whole, whatever else is said of it.
    if let Some(wrong) = evidence.taken.iter().find(|taken| !whole(taken) && !contents.is_anothers(taken)) {
        return wrong_as(contents, wrong, others);
    }
    match evidence.taken.iter().filter(|taken| whole(taken)).count() {
        0 => {}
        1 => return judge_standing(&Evidence { found: Some(&contents.versions[0]), ..*evidence }, others),
        _ => return Verdict::Duplicated,
    }
    judge_standing(evidence, others)
}

/// By what stands under the name.
fn judge_standing<'a>(evidence: &Evidence<'_>, others: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    let Evidence { contents, found, .. } = *evidence;
    let anothers = found.is_some_and(|found| contents.is_anothers(found));
    // An empty file with another's behind it is the other's alone, for all that can be told.
    let alone = !anothers || evidence.reported_delivered == Some(true);
    let whole = alone && found.is_some_and(|found| contents.is_whole(found));
    let destroyed = contents.old.is_some() && !whole && !anothers;
    let broken_off = if destroyed { Verdict::Destroyed } else { Verdict::Detected };
    // Another's file came later: there were two, and one of them is there, whole.
    let delivered = whole || found.is_some_and(|found| contents.is_replaced(found));
    match evidence.reported_delivered {
        Some(false) if whole => Verdict::FalseAlarm,
        Some(false) => broken_off,
        Some(true) if !delivered && evidence.evaporated => Verdict::Evaporated,
        Some(true) if !delivered => wrong_as(contents, found.unwrap_or_default(), others),
        Some(true) if evidence.attempts > 1 => Verdict::Recovered,
        Some(true) => Verdict::Intact,
        None if whole && evidence.attempts > 1 => Verdict::Recovered,
        None if whole => Verdict::Intact,
        // Nothing was said. What the receiver published, it holds for delivered.
        None if evidence.ending == Ending::TimeLimit => Verdict::Stuck,
        None if found.is_none() || anothers || evidence.unfinished => broken_off,
        None => wrong_as(contents, found.unwrap_or_default(), others),
    }
}

/// In which way `found` is not the file.
fn wrong_as<'a>(contents: &Contents, found: &[u8], others: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    if contents.versions.iter().any(|version| contents.is_begun(version, found)) {
        return Verdict::SilentTruncation;
    }
    if contents.is_spliced(found) {
        return Verdict::Spliced;
    }
    let of_another = others.into_iter().any(|other| contents.is_begun(other, found));
    if of_another { Verdict::Misfiled } else { Verdict::SilentCorruption }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"the whole file";

    fn verdict(found: Option<&[u8]>, reported: Option<bool>, ending: Ending) -> Verdict {
        verdict_among(&Contents::new(SENT), found, &[], reported, ending)
    }

    fn verdict_among(
        contents: &Contents,
        found: Option<&[u8]>,
        taken: &[&[u8]],
        reported_delivered: Option<bool>,
        ending: Ending,
    ) -> Verdict {
        let taken: Vec<Arc<[u8]>> = taken.iter().map(|taken| Arc::from(*taken)).collect();
        let evidence = Evidence {
            contents,
            found,
            taken: &taken,
            unfinished: false,
            reported_delivered,
            attempts: 1,
            evaporated: false,
            forgotten: false,
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
        let contents = Contents::new(SENT);
        let mut again = Evidence {
            contents: &contents,
            found: Some(SENT),
            taken: &[],
            unfinished: false,
            reported_delivered: yes,
            attempts: 2,
            evaporated: false,
            forgotten: false,
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
        let contents = Contents::new(SENT);
        let judged = |found, reported_delivered| {
            let evidence = Evidence {
                contents: &contents,
                found,
                taken: &[],
                unfinished: false,
                reported_delivered,
                attempts: 2,
                evaporated: true,
                forgotten: false,
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
        let contents = Contents::new(SENT);
        let known = Evidence {
            contents: &contents,
            found: Some(&b"the who"[..]),
            taken: &[],
            unfinished: true,
            reported_delivered: None,
            attempts: 1,
            evaporated: false,
            forgotten: false,
            ending: Ending::ClientDied,
        };
        assert_eq!(judge(&known, []), Verdict::Detected);
        assert_eq!(verdict(Some(SENT), None, Ending::ClientDied), Verdict::Intact);
    }

    /// What stood there is neither there nor replaced.
    #[test]
    fn a_failed_delivery_that_costs_the_old_file_destroys_it() {
        use Ending::{ClientDied, Finished};
        let mut contents = Contents::new(SENT);
        contents.old = Some(Arc::from(&b"the old one"[..]));
        let fate = |found: Option<&[u8]>, said, ending| verdict_among(&contents, found, &[], said, ending);
        assert_eq!(fate(Some(b"the old one"), Some(false), Finished), Verdict::Detected);
        assert_eq!(fate(Some(b"the old one"), None, ClientDied), Verdict::Detected);
        assert_eq!(fate(Some(SENT), Some(false), Finished), Verdict::FalseAlarm);
        for lost in [None, Some(&b""[..]), Some(b"the who"), Some(b"the old")] {
            assert_eq!(fate(lost, Some(false), Finished), Verdict::Destroyed, "{lost:?}");
        }
        assert_eq!(fate(None, None, ClientDied), Verdict::Destroyed);
        assert_eq!(fate(Some(b"the old one"), Some(true), Finished), Verdict::SilentCorruption);
    }

    #[test]
    fn either_version_is_the_file_and_two_joined_are_not() {
        let mut contents = Contents::new(SENT);
        contents.versions.push(Arc::from(&b"quite new text"[..]));
        let fate = |found: &[u8]| verdict_among(&contents, Some(found), &[], Some(true), Ending::Finished);
        assert_eq!(fate(b"quite new text"), Verdict::Intact);
        assert_eq!(fate(b"the whole text"), Verdict::Spliced);
        assert_eq!(fate(b"quite new"), Verdict::SilentTruncation);
        assert_eq!(fate(b"the whole tex"), Verdict::SilentCorruption);
    }

    #[test]
    fn what_another_appends_to_an_empty_file_is_delivered_by_the_clients_word_alone() {
        use crate::sim::others::Deed;
        let mut contents = Contents::new(&b""[..]);
        contents.rival = Some((Deed::Appends, Arc::from(&b"appended"[..])));
        let fate = |said, ending| verdict_among(&contents, Some(b"appended"), &[], said, ending);
        assert_eq!(fate(Some(true), Ending::Finished), Verdict::Intact);
        assert_eq!(fate(Some(false), Ending::Finished), Verdict::Detected);
        assert_eq!(fate(None, Ending::ClientDied), Verdict::Detected);
    }

    #[test]
    fn what_is_taken_counts_as_it_was_taken() {
        let contents = Contents::new(SENT);
        let fate =
            |taken: &[&[u8]], said| verdict_among(&contents, None, taken, Some(said), Ending::Finished);
        assert_eq!(fate(&[SENT], true), Verdict::Intact);
        assert_eq!(fate(&[SENT], false), Verdict::FalseAlarm);
        assert_eq!(fate(&[SENT, SENT], true), Verdict::Duplicated);
        assert_eq!(fate(&[b"the who", SENT], true), Verdict::SilentTruncation);
        assert_eq!(fate(&[], true), Verdict::SilentTruncation);
        assert_eq!(fate(&[], false), Verdict::Detected);
    }
}
