//! OpenVMS: `NAME.EXT;1  12/15  29-JAN-1996 03:33:12  [OWNER]  (RWED,RWED,RE,)`; a long name has its line
//! to itself. Sizes are in blocks, which do not tell bytes.

use super::dates::MONTHS;
use super::{Entry, EntryKind, Word, number, words};

pub(super) fn parse(line: &str) -> Option<Entry> {
    let words = words(line);
    let name = name_of(words.first()?.text)?;
    // The date stands behind the blocks, which some servers leave out.
    words.iter().skip(1).take(2).find(|word| is_date(word))?;
    match name.strip_suffix(".DIR").or(name.strip_suffix(".dir")) {
        Some(directory) => Some(Entry::new(directory, EntryKind::Directory, None)),
        None => Some(Entry::new(name, EntryKind::File, None)),
    }
}

/// `Directory DISK:[ROOT]`, `Total of 5 files, 1234 blocks.`
pub(super) fn is_heading(line: &str) -> bool {
    let words = words(line);
    match words.as_slice() {
        [first, place] => first.text == "Directory" && place.text.contains([':', '[']),
        [first, second, third, ..] => {
            first.text.eq_ignore_ascii_case("total")
                && second.text == "of"
                && number(third.text).is_some()
                && line.contains("file")
        }
        _ => false,
    }
}

/// `NAME.EXT;1  %RMS-E-PRV, insufficient privilege`.
pub(super) fn is_refused(line: &str) -> bool {
    let words = words(line);
    matches!(words.as_slice(), [name, why, ..] if name_of(name.text).is_some() && why.text.starts_with('%'))
}

/// A line that the next one may go on from.
pub(super) fn is_name_alone(line: &str) -> bool {
    let words = words(line);
    matches!(words.as_slice(), [name] if name_of(name.text).is_some()) && !line.starts_with([' ', '\t'])
}

/// Without its version.
fn name_of(word: &str) -> Option<&str> {
    let (name, version) = word.rsplit_once(';')?;
    number(version)?;
    (name.contains('.')).then_some(name)
}

/// `29-JAN-1996`.
fn is_date(word: &Word<'_>) -> bool {
    let mut parts = word.text.split('-');
    let day = parts.next().and_then(number).is_some_and(|day| (1..=31).contains(&day));
    let month = parts.next().is_some_and(|text| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(text)));
    day && month && parts.next().and_then(number).is_some() && parts.next().is_none()
}
