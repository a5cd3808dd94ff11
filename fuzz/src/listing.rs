//! Listings: each line is told once, whatever it is; no name leads out of its directory; what is read of
//! a line can be written as a line, and is read as the same; names come back byte for byte.

use ftp_proto::listing::{Entry, EntryKind, Facts, Line, ListParser, Listed, long_line, parse_facts};
use ftp_proto::name;

pub(super) fn check(input: &[u8]) {
    assert_eq!(&name::encode(&name::decode(input))[..], input);
    let mut parser = ListParser::new();
    let (mut lines, mut told) = (0, Vec::new());
    for line in input.split(|byte| *byte == b'\n') {
        lines += 1;
        parser.line(line, |_, what| told.push(what));
        if let Line::Entry(entry) = parse_facts(line) {
            check_name(&entry);
            check_facts(entry);
        }
        let facts = Facts::parse(&name::decode(line));
        assert_eq!(Facts::parse(&facts.in_use()), facts);
    }
    parser.end(|_, what| told.push(what));
    assert_eq!(told.len(), lines);
    for line in told {
        if let Line::Entry(entry) = line {
            check_name(&entry);
            check_long(entry);
        }
    }
}

fn check_name(entry: &Entry) {
    let name = entry.name.as_str();
    assert!(!matches!(name, "" | "." | "..") && !name.contains(['/', '\0', '\n']), "{name:?}");
}

/// As our server has it, which writes neither links nor sizes that it does not know.
fn listed(entry: &Entry) -> Listed {
    let name = entry.name.replace('\r', "\\x0d");
    let kind = match entry.kind {
        EntryKind::Directory | EntryKind::Special => entry.kind,
        EntryKind::File | EntryKind::Link | EntryKind::Unknown => EntryKind::File,
    };
    let (size_bytes, modified) = (entry.size_bytes.unwrap_or_default(), entry.modified);
    Listed { name, kind, size_bytes, modified, unique: None }
}

fn check_facts(entry: Entry) {
    let listed = listed(&entry);
    let kind = match listed.kind {
        EntryKind::Directory => "dir",
        EntryKind::Special => "OS.unix=special",
        _ => "file",
    };
    let written = Facts::default().line(kind, &listed, "");
    let Line::Entry(again) = parse_facts(&name::encode(&written)) else { panic!("{written}") };
    let seconds = |(seconds, _): (i64, u32)| (seconds, 0);
    assert_eq!(again.name, listed.name, "{written}");
    let size_bytes = Some(listed.size_bytes).filter(|_| listed.kind == EntryKind::File);
    assert_eq!((again.kind, again.size_bytes), (listed.kind, size_bytes), "{written}");
    assert_eq!(again.modified, listed.modified.map(seconds), "{written}");
}

fn check_long(entry: Entry) {
    let listed = listed(&entry);
    let written = long_line(&Listed { modified: None, ..listed.clone() }, true, None);
    let mut again = Vec::new();
    ListParser::new().line(&name::encode(&written), |_, line| again.push(line));
    let [Line::Entry(again)] = &again[..] else { panic!("{written}: {again:?}") };
    assert_eq!((&again.name, again.kind), (&listed.name, listed.kind), "{written}");
}
