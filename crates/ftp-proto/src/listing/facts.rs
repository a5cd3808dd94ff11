//! Facts of MLSD and MLST (RFC 3659 section 7.2): `type=file;size=5; name`.

use super::{Entry, EntryKind, Line, Misread, number};
use crate::name;
use crate::time::parse_timestamp;

/// Reads a line of MLSD, without its end. A fact that is malformed is as one that is not there: the
/// name still is.
pub fn parse_facts(line: &[u8]) -> Line {
    let text = name::decode(line.strip_suffix(b"\r").unwrap_or(line));
    if text.is_empty() {
        return Line::Noise;
    }
    let Some((facts, name)) = split(&text) else { return Line::Unread(Misread::Form) };
    // Words before a name with a blank in it are no facts.
    if !facts.is_empty() && !facts.contains('=') {
        return Line::Unread(Misread::Form);
    }
    let mut kind = EntryKind::Unknown;
    let mut target = None;
    let (mut size_bytes, mut modified, mut unique, mut permissions) = (None, None, None, "");
    for fact in facts.split(';') {
        let Some((key, value)) = fact.split_once('=') else { continue };
        match key.to_ascii_lowercase().as_str() {
            "type" => match type_of(value) {
                Some((found, to)) => (kind, target) = (found, to),
                None => return Line::Noise,
            },
            "size" => size_bytes = number(value),
            "modify" => modified = parse_timestamp(value),
            "perm" => permissions = value,
            "unique" => unique = Some(value).filter(|value| !value.is_empty()),
            _ => {}
        }
    }
    // Of files there are many, and nobody asks whether two of them are the same.
    let unique = unique.filter(|_| kind != EntryKind::File).map(str::to_owned);
    let may = |letter: char| permissions.contains([letter, letter.to_ascii_uppercase()]);
    let is_linked = kind == EntryKind::Directory && may('p') && !may('d');
    Line::of(Entry { modified, target, unique, is_linked, ..Entry::new(name, kind, size_bytes) })
}

/// The `unique` fact (RFC 3659 section 7.5.2) of a line that tells of what was asked for itself: of the listed
/// directory (`type=cdir`, or `.` by name) among the lines of MLSD, or of anything in the reply to MLST.
/// `None` for its parent.
pub fn unique_fact(line: &[u8]) -> Option<String> {
    let text = name::decode(line.strip_suffix(b"\r").unwrap_or(line));
    let (facts, name) = split(text.trim_start_matches(' '))?;
    let value = |wanted: &str| {
        let mut facts = facts.split(';').filter_map(|fact| fact.split_once('='));
        facts.find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let is_parent = name == ".." || value("type").is_some_and(|kind| kind.eq_ignore_ascii_case("pdir"));
    value("unique").filter(|unique| !is_parent && !unique.is_empty()).map(str::to_owned)
}

/// Facts and name, at the first blank; the target of a link, which is a fact, may have others.
fn split(text: &str) -> Option<(&str, &str)> {
    let (facts, name) = text.split_once(' ')?;
    let last = facts.rsplit(';').next().unwrap_or_default();
    if last.contains(':') && last.get(..8).is_some_and(|key| key.eq_ignore_ascii_case("type=os.")) {
        return text.split_once("; ");
    }
    Some((facts, name))
}

/// The kind, and where a link leads; `None` for the directory itself and its parent. Other systems'
/// types stand behind `OS.name=` (RFC 3659 section 7.5.1.5); links are `OS.unix=slink` or `symlink`,
/// with `:target` or without.
fn type_of(value: &str) -> Option<(EntryKind, Option<String>)> {
    let lower = value.to_ascii_lowercase();
    let kind = match lower.as_str() {
        "cdir" | "pdir" => return None,
        "file" => EntryKind::File,
        "dir" => EntryKind::Directory,
        other => match other.split_once('=').map(|(_, what)| what) {
            Some(what) if what.starts_with("slink") || what.starts_with("symlink") => {
                let target = value.split_once(':').map(|(_, target)| target.to_owned());
                return Some((EntryKind::Link, target.filter(|target| !target.is_empty())));
            }
            Some(_) => EntryKind::Special,
            None => EntryKind::Unknown,
        },
    };
    Some((kind, None))
}
