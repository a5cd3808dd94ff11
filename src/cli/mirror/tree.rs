//! A directory tree, at this end or at the server, as far as a mirror looks at it.

use crate::cli::skipped::Reason;
use ftp_proto::time::Timestamp;
use std::collections::BTreeMap;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// At the end that is written to: a link, a socket, a device. Never written through or gone into.
    Other,
}

/// A name of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub kind: Kind,
    /// In type I; `None` where nobody has told.
    pub size_bytes: Option<u64>,
    pub modified: Option<Timestamp>,
    /// Of a local link: the file in the tree that it leads to.
    pub read_as: Option<String>,
}

impl Node {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, size_bytes: None, modified: None, read_as: None }
    }
}

/// What lies below a directory, by paths with `/` in them; each directory before what is in it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub nodes: BTreeMap<String, Node>,
    /// What is left alone at both ends.
    pub skipped: BTreeMap<String, Reason>,
    /// What could not be listed or understood; it has been told.
    pub unknown: u64,
}

impl Tree {
    pub(super) fn skip(&mut self, path: String, reason: Reason) {
        self.skipped.insert(path, reason);
    }
}

/// `a` and `a/b` of `a/b/c`.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Whether a link in the directory `directory` of a tree stays in the tree, going by its words.
pub(super) fn leads_inside(directory: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') {
        return false;
    }
    let mut depth = if directory.is_empty() { 0 } else { 1 + directory.matches('/').count() };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_by_their_words() {
        for (directory, target, inside) in [
            ("", "f", true),
            ("", "../f", false),
            ("a", "../f", true),
            ("a/b", "../../f", true),
            ("a/b", "../../../f", false),
            ("a", "b/../../../a/f", false),
            ("a", "/a/f", false),
            ("a", "", false),
        ] {
            assert_eq!(leads_inside(directory, target), inside, "{directory} {target}");
        }
        assert_eq!(above("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
    }
}
