//! `ls -l`, as nearly all servers write it: permissions, then what differs (links, owner, group, each of
//! them missing or of several words), size, date, name.

use super::dates::{self, Language};
use super::{Entry, EntryKind, Word, number, words};

pub(super) fn parse(line: &str) -> Option<Entry> {
    let words = words(line);
    let kind = kind_of(words.first()?.text)?;
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let (size_bytes, end) = size_and_end(&words, 2)?;
    // One blank parts the name, which may begin with others; but the one before it is the date's.
    let name = line[end..].strip_prefix([' ', '\t'])?;
    let name = name.strip_prefix(dates::padding(&line[..end])).unwrap_or(name);
    if kind == EntryKind::Link {
        return Some(link(name, size_bytes));
    }
    Some(Entry::new(name, kind, size_bytes))
}

/// The size before the first date that begins at the word `from` or behind it, and where the date ends.
pub(super) fn size_and_end(words: &[Word<'_>], from: usize) -> Option<(Option<u64>, usize)> {
    [Language::English, Language::Any].into_iter().find_map(|language| {
        (from..words.len()).find_map(|at| {
            let size = words[at - 1].text;
            let size_bytes = number(size);
            if size_bytes.is_none() && !is_rounded(size) {
                return None;
            }
            let len = dates::length(&words[at..], language)?;
            Some((size_bytes, words[at + len - 1].end))
        })
    })
}

/// `4.0K`: for people, not for us.
fn is_rounded(size: &str) -> bool {
    let digits = size.trim_end_matches(['K', 'M', 'G', 'T', 'P']);
    digits.len() < size.len()
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// By the first letter of ten that are permissions; `+`, `.` and `@` behind them tell of more.
fn kind_of(permissions: &str) -> Option<EntryKind> {
    let bytes = permissions.trim_end_matches(['+', '.', '@']).as_bytes();
    let [first, rest @ ..] = bytes else { return None };
    if rest.len() != 9 || !rest.iter().all(|byte| b"-rwxsStTlL?".contains(byte)) {
        return None;
    }
    Some(match first {
        b'-' => EntryKind::File,
        b'd' => EntryKind::Directory,
        b'l' => EntryKind::Link,
        b'b' | b'c' | b'p' | b's' | b'D' | b'n' => EntryKind::Special,
        _ => return None,
    })
}

/// `name -> target`. A link's size is the length of its target, which tells names with arrows in them.
fn link(text: &str, size_bytes: Option<u64>) -> Entry {
    const ARROW: &str = " -> ";
    let parts = || text.match_indices(ARROW).map(|(at, _)| (&text[..at], &text[at + ARROW.len()..]));
    let length = |text: &str| crate::name::encode(text).len() as u64;
    let by_size = parts().find(|(_, target)| Some(length(target)) == size_bytes);
    let (name, target) = by_size.or_else(|| parts().next()).map_or((text, None), |(a, b)| (a, Some(b)));
    Entry { target: target.map(str::to_owned), ..Entry::new(name, EntryKind::Link, None) }
}
