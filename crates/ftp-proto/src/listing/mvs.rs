//! z/OS: data sets, `WYOSPT 3390 2003/05/21 1 200 FB 80 8053 PS NAME`, and members of a library,
//! `NAME 01.05 1997/07/17 97/08/06 18:50 25 25 0 OWNER`, each under a heading of its own, without which a
//! line says little. Sizes are in tracks or lines, which do not tell bytes.

use super::{Entry, EntryKind, words};

/// What the lines under a heading are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    DataSets,
    Members,
}

impl Heading {
    /// `Volume Unit Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname`; ` Name VV.MM Created ...`, of load
    /// modules ` Name Size TTR Alias-of ...`.
    pub(super) fn of(line: &str) -> Option<Self> {
        let words = words(line);
        let [first, second, .., last] = words.as_slice() else { return None };
        match (first.text, second.text, last.text) {
            ("Volume", "Unit", "Dsname") => Some(Self::DataSets),
            ("Name", "VV.MM" | "Size", _) => Some(Self::Members),
            _ => None,
        }
    }

    pub(super) fn parse(self, line: &str) -> Option<Entry> {
        let words = words(line);
        let first = words.first()?.text;
        match self {
            Self::Members => is_member(first).then(|| Entry::new(first, EntryKind::File, None)),
            Self::DataSets => {
                let [.., before, name] = words.as_slice() else { return None };
                let kind = match before.text {
                    "PS" => EntryKind::File,
                    "PO" | "PO-E" | "POU" => EntryKind::Directory,
                    // `Pseudo Directory NAME`: there are data sets of this prefix.
                    "Directory" if first == "Pseudo" => EntryKind::Directory,
                    "VSAM" | "VS" | "GDG" | "PATH" | "AIX" => EntryKind::Special,
                    // Migrated to a tape, or on a device that cannot be asked: RETR brings it back.
                    "Migrated" | "MIGRAT" | "Device" => EntryKind::Unknown,
                    _ => return None,
                };
                is_data_set(name.text).then(|| Entry::new(name.text, kind, None))
            }
        }
    }
}

/// Up to eight letters, digits and national characters.
fn is_member(word: &str) -> bool {
    is_of(word, b"@#$")
}

/// Qualifiers between periods, which may have hyphens; in quotes where the name is absolute.
fn is_data_set(word: &str) -> bool {
    let bare = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(word);
    bare.split('.').all(|qualifier| is_of(qualifier, b"@#$-"))
}

fn is_of(word: &str, others: &[u8]) -> bool {
    (1..=8).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}
