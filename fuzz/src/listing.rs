//! Listings: what is read of a line can be written as a line, and is read as the same.

use ftp_proto::listing::{Facts, Listed, long_line, parse_facts, parse_long_line};

pub(super) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for line in text.lines() {
        if let Some(entry) = parse_facts(line) {
            let kind = if entry.is_directory { "dir" } else { "file" };
            let written = Facts::default().line(kind, &entry, "");
            let size_bytes = if entry.is_directory { 0 } else { entry.size_bytes };
            let modified =
                entry.modified.map(|(seconds, nanoseconds)| (seconds, nanoseconds / 1_000_000 * 1_000_000));
            let expected = Listed { size_bytes, modified, ..plain(entry) };
            assert_eq!(parse_facts(&written), Some(expected), "{written}");
        }
        if let Some(entry) = parse_long_line(line) {
            let written = long_line(&entry, true, None);
            assert_eq!(parse_long_line(&written), Some(plain(entry)), "{written}");
        }
        let facts = Facts::parse(line);
        assert_eq!(Facts::parse(&facts.in_use()), facts);
    }
}

/// A name cannot end its line.
fn plain(entry: Listed) -> Listed {
    Listed { name: entry.name.replace(['\r', '\n'], "?"), ..entry }
}
