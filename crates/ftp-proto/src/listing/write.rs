//! Listings as our server writes them.

use super::EntryKind;
use crate::time::{Timestamp, civil, timestamp};
use std::borrow::Cow;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// `ls` gives the time of day for files younger than this, else the year.
const RECENT_SECONDS: i64 = 182 * 86_400;

/// What a line says of a file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// As the line has it, without a directory before it.
    pub name: String,
    /// File, directory, or [`EntryKind::Special`].
    pub kind: EntryKind,
    /// As the server counts it; 0 where the line does not tell.
    pub size_bytes: u64,
    /// The last change, where the line tells it.
    pub modified: Option<Timestamp>,
    /// What no other file has, of letters and digits; the same under each name of the file (RFC 3659 section 7.5.2).
    pub unique: Option<String>,
}

/// A line of LIST. `now` in seconds since 1970, where it is known; names cannot hold line ends.
pub fn long_line(entry: &Listed, writable: bool, now: Option<i64>) -> String {
    let permissions = match (entry.kind, writable) {
        (EntryKind::Directory, true) => "drwxr-xr-x",
        (EntryKind::Directory, false) => "dr-xr-xr-x",
        // The letter for sockets, which clients leave alone: a link's would promise that it leads somewhere.
        (EntryKind::Special, _) => "s---------",
        (_, true) => "-rw-r--r--",
        (_, false) => "-r--r--r--",
    };
    let links = if entry.kind == EntryKind::Directory { 2 } else { 1 };
    let seconds = entry.modified.map_or(0, |(seconds, _)| seconds);
    let (year, month, day, hour, minute, _) = civil(seconds);
    let month = MONTHS[usize::from(month) - 1];
    let recent = now.is_some_and(|now| (0..RECENT_SECONDS).contains(&(now - seconds)));
    let clock = if recent { format!("{hour:02}:{minute:02}") } else { format!("{year:>5}") };
    let (size, name) = (entry.size_bytes, one_line(&entry.name));
    format!("{permissions} {links} ftp ftp {size:>12} {month} {day:>2} {clock} {name}")
}

/// A name cannot end its line, and is not to look like another one: CR and LF as escapes.
pub fn one_line(name: &str) -> Cow<'_, str> {
    if name.contains(['\r', '\n']) {
        Cow::Owned(name.replace('\r', "\\x0d").replace('\n', "\\x0a"))
    } else {
        Cow::Borrowed(name)
    }
}

/// The facts that MLSD and MLST know, in the order they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `type`: file, directory, or this directory.
    pub kind: bool,
    /// `size`, in bytes.
    pub size: bool,
    /// `modify`, in UTC.
    pub modify: bool,
    /// `perm`: what the user may do.
    pub perm: bool,
    /// `unique`: which file it is, whatever its name.
    pub unique: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self { kind: true, size: true, modify: true, perm: true, unique: true }
    }
}

impl Facts {
    /// OPTS MLST's argument: the wanted facts, each followed by `;`. Unknown ones are left out.
    pub fn parse(text: &str) -> Self {
        let wanted = |fact: &str| text.split(';').any(|word| word.trim().eq_ignore_ascii_case(fact));
        Self {
            kind: wanted("type"),
            size: wanted("size"),
            modify: wanted("modify"),
            perm: wanted("perm"),
            unique: wanted("unique"),
        }
    }

    /// All facts, and whether each is in use.
    fn all(&self) -> [(&'static str, bool); 5] {
        [
            ("type", self.kind),
            ("size", self.size),
            ("modify", self.modify),
            ("perm", self.perm),
            ("unique", self.unique),
        ]
    }

    /// The facts in use, each followed by `;`, as the reply to OPTS MLST has them.
    pub fn in_use(&self) -> String {
        self.all().into_iter().filter(|(_, used)| *used).flat_map(|(name, _)| [name, ";"]).collect()
    }

    /// All facts, each followed by `;` and those in use marked by `*`, as FEAT has them
    /// (RFC 3659 section 7.8).
    pub fn offered(&self) -> String {
        self.all().into_iter().flat_map(|(name, used)| [name, if used { "*;" } else { ";" }]).collect()
    }

    /// `facts SP name` (RFC 3659 section 7.2). `kind`: file, dir, cdir, pdir or another system's.
    pub fn line(&self, kind: &str, entry: &Listed, perm: &str) -> String {
        let mut out = String::new();
        if self.kind {
            out.extend(["type=", kind, ";"]);
        }
        if self.size && entry.kind == EntryKind::File {
            out.extend(["size=", &entry.size_bytes.to_string(), ";"]);
        }
        if let (true, Some(modified)) = (self.modify, entry.modified) {
            // Fractions are allowed (RFC 3659 section 7.5.3), but not every client reads on.
            out.extend(["modify=", &timestamp((modified.0, 0)), ";"]);
        }
        if self.perm {
            out.extend(["perm=", perm, ";"]);
        }
        if let (true, Some(unique)) = (self.unique, &entry.unique) {
            out.extend(["unique=", unique, ";"]);
        }
        out.extend([" ", &one_line(&entry.name)]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Line, ListParser, parse_facts};
    use super::*;

    fn entry(modified: Option<Timestamp>) -> Listed {
        let unique = Some("1g2a".to_owned());
        Listed { name: "a b".into(), kind: EntryKind::File, size_bytes: 1234, modified, unique }
    }

    #[test]
    fn long_lines_look_like_those_of_ls() {
        let at = 951_782_400; // The day is 2000-02-29.
        let line = long_line(&entry(Some((at, 0))), true, None);
        assert_eq!(line, "-rw-r--r-- 1 ftp ftp         1234 Feb 29  2000 a b");
        let line = long_line(&entry(Some((at, 0))), false, Some(at + 3600));
        assert_eq!(line, "-r--r--r-- 1 ftp ftp         1234 Feb 29 00:00 a b");
        let line = long_line(&entry(Some((at, 0))), true, Some(at + RECENT_SECONDS));
        assert_eq!(line, "-rw-r--r-- 1 ftp ftp         1234 Feb 29  2000 a b");
    }

    #[test]
    fn a_line_of_facts() {
        let line = Facts::default().line("file", &entry(Some((951_782_400, 0))), "r");
        assert_eq!(line, "type=file;size=1234;modify=20000229000000;perm=r;unique=1g2a; a b");
    }

    /// Nothing can be had of it, but it is there.
    #[test]
    fn what_is_neither_file_nor_directory_is_listed_as_such() {
        let special = Listed { kind: EntryKind::Special, ..entry(Some((951_782_400, 0))) };
        let special = Listed { size_bytes: 0, unique: None, ..special };
        let line = long_line(&special, true, None);
        assert_eq!(line, "s--------- 1 ftp ftp            0 Feb 29  2000 a b");
        assert_eq!(
            Facts::default().line("OS.unix=special", &special, "df"),
            "type=OS.unix=special;modify=20000229000000;perm=df; a b"
        );
        let mut found = Vec::new();
        ListParser::new().line(line.as_bytes(), |_, what| found.push(what));
        let facts = parse_facts(b"type=OS.unix=special;modify=20000229000000;perm=df; a b");
        for read in [found.remove(0), facts] {
            let Line::Entry(read) = read else { panic!("{read:?}") };
            assert_eq!((read.name.as_str(), read.kind), ("a b", EntryKind::Special));
        }
    }

    #[test]
    fn facts_chosen_by_opts() {
        let facts = Facts::parse("Size;type;unique;lang;");
        assert_eq!(facts.in_use(), "type;size;unique;");
        assert_eq!(facts.offered(), "type*;size*;modify;perm;unique*;");
    }
}
