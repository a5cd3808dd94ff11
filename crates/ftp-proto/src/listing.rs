//! Listings, line by line: LIST, which has no standard (each form that is met in the field has a file
//! here), and the facts of MLSD and MLST (RFC 3659 section 7). No line is lost: it is an entry, or known
//! to be none, or it is said why it is not understood.

mod dates;
mod dos;
mod eplf;
mod facts;
mod mvs;
mod netware;
mod unix;
mod vms;
mod write;

pub use facts::{parse_facts, unique_fact};
pub use write::{Facts, Listed, long_line, one_line};

use crate::name;
use crate::time::Timestamp;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// RETR brings it.
    File,
    /// More can be listed beneath it.
    Directory,
    /// A symbolic link: to a file, to a directory, or to nothing.
    Link,
    /// A device, a socket, or whatever else is neither.
    Special,
    /// The line does not say: only the server knows.
    Unknown,
}

/// What a line says of a name in the directory that was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Without `/` and NUL, neither `.` nor `..`; bytes that are no text as [`crate::name`] has them.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// In bytes as type I would transfer it; `None` where the line does not tell just that.
    pub size_bytes: Option<u64>,
    /// The last change in UTC, where the line tells it to the second.
    pub modified: Option<Timestamp>,
    /// Where a [`EntryKind::Link`] leads, as the line has it.
    pub target: Option<String>,
    /// Of what is no file: what no other has, and it has under each of its names (RFC 3659 section 7.5.2).
    pub unique: Option<String>,
    /// Whether a server that follows links tells that this directory is one by what may be done: what is in it may
    /// be removed, itself not as a directory (`perm` with `p` and without `d`, RFC 3659 section 7.5.5).
    pub is_linked: bool,
}

impl Entry {
    /// Whether the line says that it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    fn new(name: &str, kind: EntryKind, size_bytes: Option<u64>) -> Self {
        let size_bytes = size_bytes.filter(|_| kind == EntryKind::File);
        let name = name.to_owned();
        Self { name, kind, size_bytes, modified: None, target: None, unique: None, is_linked: false }
    }
}

/// Why a line gives no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// Of no form that is known.
    #[error("the line has no known form")]
    Form,
    /// More than a name: it would lead out of the directory.
    #[error("its name is a path")]
    Path,
    /// A name that no command can carry, or none.
    #[error("it names nothing that a command could")]
    Name,
    /// Only the latest version can be had by its name (VMS).
    #[error("an older version of a file")]
    OldVersion,
    /// What is there may not be looked at.
    #[error("the server could not look at it")]
    Unreadable,
    /// It has no end, as each line of MLSD has (RFC 3659 section 7.2): the listing is cut off in it.
    #[error("the listing is cut off in this line")]
    Cut,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It names something.
    Entry(Entry),
    /// Nothing is lost without it: a total, a heading, the directory itself or its parent, the first
    /// half of an entry of two lines.
    Noise,
    /// Something may be lost.
    Unread(Misread),
}

impl Line {
    /// An entry whose name is one.
    fn of(entry: Entry) -> Self {
        match entry.name.as_str() {
            "." | ".." => Self::Noise,
            "" => Self::Unread(Misread::Name),
            name if name.contains(['\0', '\n']) => Self::Unread(Misread::Name),
            name if name.contains('/') => Self::Unread(Misread::Path),
            _ => Self::Entry(entry),
        }
    }
}

/// Reads the lines of one LIST.
#[derive(Debug, Default)]
pub struct ListParser {
    /// A name of VMS that filled its line; the rest follows on the next one.
    pending: Option<String>,
    /// The latest name of VMS, whose older versions follow it.
    versioned: Option<String>,
    /// The heading of z/OS that has come.
    heading: Option<mvs::Heading>,
    lines: u64,
}

impl ListParser {
    /// Before the first line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a line without its end. `told` is given each line with what it is: for this one, or, if it
    /// may be the first half of an entry, at the next call.
    pub fn line(&mut self, line: &[u8], mut told: impl FnMut(&str, Line)) {
        let text = name::decode(line.strip_suffix(b"\r").unwrap_or(line));
        self.lines += 1;
        if let Some(first) = self.pending.take() {
            let joined = format!("{first} {text}");
            if text.starts_with([' ', '\t'])
                && let Some(entry) = vms::parse(&joined)
            {
                told(&first, Line::Noise);
                return told(&joined, self.latest(entry));
            }
            told(&first, Line::Unread(Misread::Form));
        }
        if vms::is_name_alone(&text) {
            self.pending = Some(text.into_owned());
            return;
        }
        let what = self.whole(&text);
        told(&text, what);
    }

    /// There are no more lines.
    pub fn end(&mut self, mut told: impl FnMut(&str, Line)) {
        if let Some(first) = self.pending.take() {
            told(&first, Line::Unread(Misread::Form));
        }
    }

    fn whole(&mut self, text: &str) -> Line {
        if let Some(heading) = mvs::Heading::of(text) {
            self.heading = Some(heading);
            return Line::Noise;
        }
        let known = self
            .heading
            .and_then(|heading| heading.parse(text))
            .or_else(|| eplf::parse(text))
            .or_else(|| unix::parse(text))
            .or_else(|| netware::parse(text))
            .or_else(|| dos::parse(text));
        match known {
            Some(entry) => Line::of(entry),
            None if is_total(text, self.lines == 1) || vms::is_heading(text) => Line::Noise,
            None => match vms::parse(text) {
                Some(entry) => self.latest(entry),
                None if vms::is_refused(text) => Line::Unread(Misread::Unreadable),
                None => Line::Unread(Misread::Form),
            },
        }
    }

    fn latest(&mut self, entry: Entry) -> Line {
        if self.versioned.as_ref() == Some(&entry.name) {
            return Line::Unread(Misread::OldVersion);
        }
        self.versioned = Some(entry.name.clone());
        Line::of(entry)
    }
}

/// What `ls` heads its list with besides `total`, by the translations that come with it.
const TOTALS: [&str; 32] = [
    "celkem",
    "celkom",
    "guztira",
    "insgesamt",
    "iomlán",
    "jumlah",
    "kokku",
    "omugatte",
    "razem",
    "skupno",
    "sveukupno",
    "toplam",
    "totaal",
    "totale",
    "totalo",
    "totalt",
    "tổng",
    "viso",
    "yhteensä",
    "összesen",
    "σύνολο",
    "загалом",
    "итого",
    "общо",
    "укупно",
    "усяго",
    "合計",
    "总用量",
    "总计",
    "總用量",
    "總計",
    "합계",
];

/// Nothing, or the blocks of the directory, as `ls` heads its list; if it is the first line, in whatever
/// language `ls` speaks. Any other word with a number may be a name, as servers that write nothing but
/// names have it.
fn is_total(line: &str, is_first: bool) -> bool {
    let mut words = line.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) => true,
        (Some(word), Some(number), None) => {
            let is_number = number.starts_with(|c: char| c.is_ascii_digit())
                && number.chars().all(|c| c.is_ascii_digit() || "KMGTB.,".contains(c));
            let is_translated = || is_first && TOTALS.contains(&word.to_lowercase().as_str());
            is_number && (word.eq_ignore_ascii_case("total") || is_translated())
        }
        _ => false,
    }
}

/// Digits only.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A word of a line and where it stands.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    text: &'a str,
    end: usize,
}

/// Words between blanks; only the first so many, as no form has its name behind more.
fn words(line: &str) -> Vec<Word<'_>> {
    const MAX_WORDS: usize = 24;
    let mut all = Vec::new();
    let mut at = 0;
    while all.len() < MAX_WORDS {
        let Some(begin) = line[at..].find(|c| c != ' ' && c != '\t').map(|skip| at + skip) else { break };
        let end = line[begin..].find([' ', '\t']).map_or(line.len(), |len| begin + len);
        all.push(Word { text: &line[begin..end], end });
        at = end;
    }
    all
}

#[cfg(test)]
mod near_misses;
#[cfg(test)]
mod tests;
