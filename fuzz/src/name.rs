//! Names as bytes (RFC 2640 section 3.1), end to end: no two become one, whatever is printed of one can
//! hurt no terminal, and commands, replies, listings and paths of this machine bring back its bytes.

use ftp_proto::command::Command;
use ftp_proto::listing::{Entry, EntryKind, Facts, Line, ListParser, Listed, long_line, parse_facts};
use ftp_proto::name::{self, Printable, is_deceptive};
use ftp_proto::path::VirtualPath;
use ftp_proto::telnet::{Item, LineSplitter};

/// The first byte says where the input falls into two names.
pub(super) fn check(input: &[u8]) {
    let Some((&first, bytes)) = input.split_first() else { return };
    let (one, other) = bytes.split_at(usize::from(first).min(bytes.len()));
    let (text, other_text) = (name::decode(one), name::decode(other));
    assert_eq!(text == other_text, one == other, "two names became one");
    for (bytes, text) in [(one, &text), (other, &other_text)] {
        assert_eq!(&name::encode(text)[..], bytes);
        assert_eq!(name::from_os(&name::to_os(text)), *text);
        assert!(!Printable(text).to_string().contains(is_deceptive), "{text:?}");
        check_command(text);
        check_path(text);
    }
}

/// What is typed in the client is what the server reads.
fn check_command(text: &str) {
    let command = Command::Stor(text.to_owned());
    let mut line = Vec::new();
    if command.write_to(&mut line).is_err() {
        assert!(text.contains(['\n', '\0']), "{text:?}");
        return;
    }
    let mut splitter = LineSplitter::new(line.len());
    let mut rest = &line[..];
    let Some(Item::Line(read)) = splitter.next(&mut rest) else { panic!("no line: {line:?}") };
    assert!(rest.is_empty(), "a name made a second command: {line:?}");
    if !text.is_empty() {
        assert_eq!(Command::parse(&read), Ok(command));
    }
}

/// As the last component of a path: in listings.
fn check_path(text: &str) {
    let Ok(path) = VirtualPath::root().join(text) else { return };
    let Some(last) = path.name() else { return };
    let (name, unique) = (last.to_owned(), Some("1g2".to_owned()));
    let listed = Listed { name, kind: EntryKind::File, size_bytes: 5, modified: None, unique };
    let mut lines = Vec::new();
    ListParser::new().line(&name::encode(&long_line(&listed, true, None)), |_, line| lines.push(line));
    lines.push(parse_facts(&name::encode(&Facts::default().line("file", &listed, ""))));
    for line in lines {
        match line {
            Line::Entry(Entry { name: found, .. }) if last.contains(['\r', '\n']) => {
                assert!(!found.contains('\n'), "{found:?}");
            }
            Line::Entry(entry) => assert_eq!(entry.name, last),
            other => panic!("{last:?} is listed as {other:?}"),
        }
    }
}
