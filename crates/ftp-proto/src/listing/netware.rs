//! Novell NetWare: `d [R----F--] supervisor 512 Jan 16 18:53 login`.

use super::unix::size_and_end;
use super::{Entry, EntryKind, words};

pub(super) fn parse(line: &str) -> Option<Entry> {
    let words = words(line);
    let kind = match words.first()?.text {
        "d" => EntryKind::Directory,
        "-" => EntryKind::File,
        _ => return None,
    };
    let rights = words.get(1)?.text.strip_prefix('[')?.strip_suffix(']')?;
    if !rights.bytes().all(|byte| byte == b'-' || byte.is_ascii_uppercase()) {
        return None;
    }
    let (size_bytes, end) = size_and_end(&words, 3)?;
    Some(Entry::new(line[end..].trim_start_matches(' '), kind, size_bytes))
}
