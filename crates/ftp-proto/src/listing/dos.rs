//! MS-DOS, as IIS writes it: `08-19-13  05:14PM       <DIR>          name`.

use super::dates::is_time;
use super::{Entry, EntryKind, number, words};

/// Blanks between `<DIR>` and the name.
const BEHIND_DIR: usize = 10;

pub(super) fn parse(line: &str) -> Option<Entry> {
    let words = words(line);
    let date = words.first()?.text;
    if !is_date(date) || line.starts_with([' ', '\t']) {
        return None;
    }
    let time = words.get(1)?.text;
    let bare = time.trim_end_matches(|c: char| "AaPpMm".contains(c));
    let half = matches!(words.get(2)?.text.to_ascii_uppercase().as_str(), "AM" | "PM");
    if !is_time(bare) || time.len() - bare.len() > 2 {
        return None;
    }
    let what = words.get(if half { 3 } else { 2 })?;
    let rest = &line[what.end..];
    let kind = match what.text.to_ascii_uppercase().as_str() {
        "<DIR>" => EntryKind::Directory,
        "<JUNCTION>" | "<SYMLINK>" | "<SYMLINKD>" => EntryKind::Link,
        size => {
            let size_bytes = number(&size.replace([',', '.'], ""))?;
            return Some(Entry::new(rest.strip_prefix([' ', '\t'])?, EntryKind::File, Some(size_bytes)));
        }
    };
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let name = &rest[if blanks >= BEHIND_DIR { BEHIND_DIR } else { blanks }..];
    if kind == EntryKind::Directory {
        return Some(Entry::new(name, kind, None));
    }
    // A link stands as `name [target]`, as `dir` shows it.
    let name = rest.trim_start_matches([' ', '\t']);
    let parts = name.strip_suffix(']').and_then(|name| name.rsplit_once(" ["));
    let (name, target) = parts.map_or((name, None), |(name, target)| (name, Some(target.to_owned())));
    Some(Entry { target, ..Entry::new(name, kind, None) })
}

/// `08-19-13`, `08-19-2013`, `2013-08-19`, with `-`, `/` or `.`.
fn is_date(text: &str) -> bool {
    let Some(between) = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| "-/.".contains(*c)) else {
        return false;
    };
    let parts: Vec<&str> = text.split(between).collect();
    parts.len() == 3
        && parts.iter().all(|part| number(part).is_some() && part.len() <= 4)
        && parts[1].len() <= 2
        && parts[0].len() + parts[2].len() <= 6
}
