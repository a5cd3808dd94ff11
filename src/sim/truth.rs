//! What may stand under each name at the receiver, and what it is then: known to the world alone.

use super::case::Case;
use super::fault::FaultKind;
use super::others::{self, Deed, Rival};
use super::workload;
use std::sync::Arc;

/// The contents that have to do with one file of the delivery.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// What the sender has under the name: at first, and after a change of the source.
    pub versions: Vec<Arc<[u8]>>,
    /// What stood under the name at the receiver before.
    pub old: Option<Arc<[u8]>>,
    /// What another session stores under the name, and how.
    pub rival: Option<(Deed, Arc<[u8]>)>,
    /// The network changes a byte of what it carries.
    pub changed_on_the_way: bool,
    /// A line ends in CR LF on the way (TYPE A with STRU F), and what is cut between the two ends in CR.
    pub lines_end_in_two: bool,
}

/// What one changed byte of the data connection makes of a file at most, in bytes: itself and, where it was
/// or became an escape or half of an end of line, its neighbour.
const CHANGED_BYTES_MAX: usize = 2;

impl Contents {
    /// Of a file that is alone in its world.
    pub fn new(sent: impl Into<Arc<[u8]>>) -> Self {
        Self { versions: vec![sent.into()], ..Self::default() }
    }

    /// Whether `found` is a whole version of the file, with what others have added to it since.
    pub fn is_whole(&self, found: &[u8]) -> bool {
        self.versions.iter().any(|version| self.is_or_was_added_to(version, found))
    }

    /// Whether `found` is whole, and not the delivery's: what stood there before, or another's.
    pub fn is_anothers(&self, found: &[u8]) -> bool {
        let old = self.old.as_ref().is_some_and(|old| self.is_or_was_added_to(old, found));
        old || self.rivals().is_some_and(|(deed, rivals)| *deed != Deed::LeavesPart && found == rivals)
    }

    /// Whether another session has stored `found`, whole, in place of the delivery's.
    pub fn is_replaced(&self, found: &[u8]) -> bool {
        self.rivals().is_some_and(|(deed, rivals)| *deed == Deed::Replaces && found == rivals)
    }

    /// The bytes of `sent` that have come where `found` is all that has: without the half of an end of line, which is
    /// no byte of the file yet.
    pub fn come_of<'f>(&self, sent: &[u8], found: &'f [u8]) -> &'f [u8] {
        match found.strip_suffix(b"\r") {
            Some(rest) if self.lines_end_in_two && sent.get(rest.len()) == Some(&b'\n') => rest,
            _ => found,
        }
    }

    /// Whether `found` is what has come of `sent` when its connection was cut.
    pub fn is_begun(&self, sent: &[u8], found: &[u8]) -> bool {
        sent.starts_with(self.come_of(sent, found))
    }

    fn rivals(&self) -> Option<(&Deed, &[u8])> {
        self.rival.as_ref().map(|(deed, content)| (deed, &content[..]))
    }

    fn is_or_was_added_to(&self, content: &[u8], found: &[u8]) -> bool {
        match found.strip_prefix(content) {
            Some([]) => true,
            Some(rest) => self.rivals() == Some((&Deed::Appends, rest)),
            None => false,
        }
    }

    /// Whether `found` begins as one of the contents and ends as another, and is neither, nor one of them with
    /// something left out or changed on the way: that its first or last byte is another's as well is chance then.
    pub fn is_spliced(&self, found: &[u8]) -> bool {
        let rival = self.rival.iter().map(|(_, content)| content);
        let all: Vec<&[u8]> =
            self.versions.iter().chain(&self.old).chain(rival).map(|all| &all[..]).collect();
        let changed = if self.changed_on_the_way { CHANGED_BYTES_MAX } else { 0 };
        let joins = |begin: &[u8], end: &[u8]| {
            let (before, after) = (same_bytes(begin, found), same_bytes_at_end(end, found));
            found.len() == end.len() && before > 0 && after > 0 && before + after >= found.len()
        };
        let of_one = |content: &&[u8]| {
            same_bytes(content, found) + same_bytes_at_end(content, found) + changed >= found.len()
        };
        let of_two = |(nth, begin): (usize, &&[u8])| {
            all.iter().enumerate().any(|(other, end)| nth != other && joins(begin, end))
        };
        !all.iter().any(of_one) && all.iter().enumerate().any(of_two)
    }
}

/// How many bytes both begin with.
pub fn same_bytes(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// How many bytes both end with.
fn same_bytes_at_end(one: &[u8], other: &[u8]) -> usize {
    one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count()
}

/// Makes what the world of `case` knows of each of its files, in order, at the beginning of a run.
pub fn of(case: &Case) -> Vec<Contents> {
    workload::begin_run();
    let target = case.fault.target as usize;
    let contents = |(index, file): (usize, &workload::FileSpec)| {
        let mut contents = Contents::new(file.shared_bytes());
        contents.changed_on_the_way = matches!(case.fault.kind, FaultKind::Corrupt { .. });
        contents.lines_end_in_two = case.policy.conversion().is_lines_only();
        if case.old_files {
            contents.old = Some(others::old(file).into());
        }
        if index == target {
            contents.versions.extend(case.source_change.map(|change| others::changed(file, change).into()));
            contents.rival = case.rival.map(|Rival { deed, .. }| (deed, others::rivals(file).into()));
        }
        contents
    };
    case.files.iter().enumerate().map(contents).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(rival: Option<Deed>) -> Contents {
        let mut contents = Contents::new(&b"first version"[..]);
        contents.versions.push(Arc::from(&b"other content"[..]));
        contents.old = Some(Arc::from(&b"the old file"[..]));
        contents.rival = rival.map(|deed| (deed, Arc::from(&b"a rival"[..])));
        contents
    }

    #[test]
    fn what_is_whole_is_one_of_the_versions() {
        let alone = contents(None);
        assert!(alone.is_whole(b"first version") && alone.is_whole(b"other content"));
        assert!(!alone.is_whole(b"the old file") && alone.is_anothers(b"the old file"));
        assert!(!alone.is_whole(b"first") && !alone.is_anothers(b"a rival"));
        let appended = contents(Some(Deed::Appends));
        assert!(appended.is_whole(b"first versiona rival") && appended.is_anothers(b"the old filea rival"));
        assert!(appended.is_anothers(b"a rival") && !appended.is_replaced(b"a rival"));
        assert!(!appended.is_whole(b"first versiona ri"));
        assert!(contents(Some(Deed::Replaces)).is_replaced(b"a rival"));
        assert!(!contents(Some(Deed::LeavesPart)).is_anothers(b"a rival"));
    }

    /// Only where a line ends, and only where its end is two bytes on the way.
    #[test]
    fn half_an_end_of_line_is_no_byte_of_the_file() {
        let mut contents = Contents::new(&b"one\ntwo\r"[..]);
        let begun = |contents: &Contents, found: &[u8]| contents.is_begun(&contents.versions[0], found);
        assert!(!begun(&contents, b"one\r"));
        contents.lines_end_in_two = true;
        assert!(begun(&contents, b"one\r") && begun(&contents, b"one\ntwo\r") && begun(&contents, b""));
        assert!(!begun(&contents, b"on\r") && !begun(&contents, b"one\r\r") && !begun(&contents, b"\r"));
    }

    #[test]
    fn what_is_joined_of_two_is_found() {
        let alone = contents(None);
        assert!(alone.is_spliced(b"first content") && alone.is_spliced(b"the oldersion"));
        for whole in [&b"first version"[..], b"other content", b"the old file", b"first", b"content", b""] {
            assert!(!alone.is_spliced(whole));
        }
        assert!(!alone.is_spliced(b"a riv version"));
        assert!(contents(Some(Deed::LeavesPart)).is_spliced(b"a riv version"));
    }

    /// Small files have bytes in common by chance.
    #[test]
    fn what_is_left_of_one_is_not_joined_of_two() {
        let mut contents = Contents::new(&b"abcdef"[..]);
        contents.old = Some(Arc::from(&b"zef"[..]));
        assert!(!contents.is_spliced(b"aef"));
        contents.old = Some(Arc::from(&b"uvwxyz"[..]));
        assert!(contents.is_spliced(b"uvcdef") && contents.is_spliced(b"uvwdef"));
        contents.changed_on_the_way = true;
        assert!(!contents.is_spliced(b"uvcdef") && contents.is_spliced(b"uvwdef"));
    }
}
