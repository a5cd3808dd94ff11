//! Listings: each line is told once, whatever it is; no name leads out of its directory; what is read of
//! a line can be written as a line, and is read as the same; names come back byte for byte.

use ftp_proto::listing::{Entry, Facts, Line, ListParser, Listed, long_line, parse_facts};
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
    let (is_directory, modified) = (entry.is_directory(), entry.modified);
    Listed { name, is_directory, size_bytes: entry.size_bytes.unwrap_or_default(), modified, unique: None }
}

fn check_facts(entry: Entry) {
    let listed = listed(&entry);
    let kind = if listed.is_directory { "dir" } else { "file" };
    let written = Facts::default().line(kind, &listed, "");
    let Line::Entry(again) = parse_facts(&name::encode(&written)) else { panic!("{written}") };
    let seconds = |(seconds, _): (i64, u32)| (seconds, 0);
    assert_eq!(again.name, listed.name, "{written}");
    assert_eq!(again.size_bytes, (!listed.is_directory).then_some(listed.size_bytes), "{written}");
    assert_eq!(again.modified, listed.modified.map(seconds), "{written}");
}

fn check_long(entry: Entry) {
    let listed = listed(&entry);
    let written = long_line(&Listed { modified: None, ..listed.clone() }, true, None);
    let mut again = Vec::new();
    ListParser::new().line(&name::encode(&written), |_, line| again.push(line));
    let [Line::Entry(again)] = &again[..] else { panic!("{written}: {again:?}") };
    assert_eq!((&again.name, again.is_directory()), (&listed.name, listed.is_directory), "{written}");
}
