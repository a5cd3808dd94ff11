//! D. J. Bernstein's "easily parsed LIST format": `+i8388621.29609,m824255902,/,<tab>name`.

use super::{Entry, EntryKind, number};

pub(super) fn parse(line: &str) -> Option<Entry> {
    let (facts, name) = line.strip_prefix('+')?.split_once('\t')?;
    let mut kind = EntryKind::Unknown;
    let mut size_bytes = None;
    let mut modified = None;
    for fact in facts.split(',').filter(|fact| !fact.is_empty()) {
        match fact.split_at_checked(1)? {
            ("/", _) => kind = EntryKind::Directory,
            ("r", _) => kind = EntryKind::File,
            ("s", size) => size_bytes = number(size),
            ("m", seconds) => modified = number(seconds).and_then(|at| i64::try_from(at).ok()),
            _ => {}
        }
    }
    Some(Entry { modified: modified.map(|at| (at, 0)), ..Entry::new(name, kind, size_bytes) })
}
