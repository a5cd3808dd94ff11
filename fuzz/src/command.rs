//! Lines and commands: the same lines under every cut, none above the limit; what parses can be
//! written and parses to the same; no pathname leads above the root.

use ftp_proto::command::Command;
use ftp_proto::path::VirtualPath;
use ftp_proto::telnet::{Item, LineSplitter};

const LIMIT_BYTES: usize = 64;

fn items(parts: &[&[u8]], limit_bytes: usize) -> Vec<Item> {
    let mut splitter = LineSplitter::new(limit_bytes);
    let mut items = Vec::new();
    for part in parts {
        let mut part = *part;
        items.extend(std::iter::from_fn(|| splitter.next(&mut part)));
        assert!(part.is_empty());
    }
    items
}

/// The first byte says where to cut.
pub(super) fn check(input: &[u8]) {
    let Some((&first, bytes)) = input.split_first() else { return };
    let cut = usize::from(first) % (bytes.len() + 1);
    let whole = items(&[bytes], LIMIT_BYTES);
    assert_eq!(items(&[&bytes[..cut], &bytes[cut..]], LIMIT_BYTES), whole);
    for item in whole {
        if let Item::Line(line) = item {
            assert!(line.len() <= LIMIT_BYTES);
            check_line(&line);
        }
    }
}

fn check_line(line: &[u8]) {
    if let Ok(text) = std::str::from_utf8(line) {
        check_path(text);
    }
    let Ok(command) = Command::parse(line) else { return };
    let mut written = Vec::new();
    if command.write_to(&mut written).is_err() {
        assert!(line.contains(&0), "a line holds no line end");
        return;
    }
    let again = items(&[&written], 8 * LIMIT_BYTES);
    let [Item::Line(line)] = again.as_slice() else { panic!("not one line: {again:?}") };
    assert_eq!(Command::parse(line).as_ref(), Ok(&command));
}

fn check_path(text: &str) {
    let Ok(path) = VirtualPath::root().join(text) else { return };
    for name in path.components() {
        assert!(!matches!(name, "" | "." | "..") && !name.contains(['/', '\0']), "{name:?}");
    }
    assert_eq!(VirtualPath::root().join(&path.to_string()).as_ref(), Ok(&path));
}
