//! Before anything is deleted: whether it stands beside what was sent, as another file. An end that ignores case, or
//! keeps names in another Unicode form, has one file for two names, and lists it under one of them. How it folds
//! names nobody else can know; so what is to stay is looked for, and where all of it is listed, the rest is not it.

use super::tree::{Kind, Tree, above};
use std::collections::{BTreeMap, BTreeSet};

/// By directories of the source: the names that now stand in the copy's.
pub(super) type Listed<'a> = BTreeMap<&'a str, BTreeSet<String>>;

/// What a plan's deletions come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged<'a> {
    pub sure: Vec<(String, Kind)>,
    /// With the name of the source's that each may be. What lies in a directory is spared with it.
    pub spared: BTreeMap<&'a str, &'a str>,
}

/// What the source has in a directory, and the copy does not list.
#[derive(Default)]
struct Missing<'a> {
    by_folded: BTreeMap<String, &'a str>,
    plain: Option<&'a str>,
    dotted: Option<&'a str>,
}

impl<'a> Missing<'a> {
    fn add(&mut self, name: &'a str) {
        self.by_folded.insert(name.to_lowercase(), name);
        let any = if name.starts_with('.') { &mut self.dotted } else { &mut self.plain };
        any.get_or_insert(name);
    }

    /// The one that is likeliest listed as `name`. One with a dot at its beginning may just not be listed, as some
    /// servers do not; it is no name without a dot.
    fn listed_as(&self, name: &str) -> Option<&'a str> {
        let dotted = self.dotted.filter(|_| name.starts_with('.'));
        self.by_folded.get(&name.to_lowercase()).copied().or(self.plain).or(dotted)
    }
}

/// The first part of a path that the source has not.
fn strange<'a>(path: &'a str, source: &Tree) -> &'a str {
    above(path).find(|directory| !source.nodes.contains_key(*directory)).unwrap_or(path)
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Where names have to be looked at; the source has all of these directories.
pub(super) fn places<'a>(deletions: &'a [(String, Kind)], source: &Tree) -> BTreeSet<&'a str> {
    deletions.iter().map(|(path, _)| split(strange(path, source)).0).collect()
}

/// What is no longer listed, or lies where nothing could be listed, is neither sure nor spared.
pub(super) fn judge<'a>(
    deletions: &'a [(String, Kind)],
    source: &'a Tree,
    listed: &Listed<'_>,
) -> Judged<'a> {
    let mut missing: BTreeMap<&str, Missing<'_>> = BTreeMap::new();
    for path in source.nodes.keys() {
        let (directory, name) = split(path);
        if listed.get(directory).is_some_and(|names| !names.contains(name)) {
            missing.entry(directory).or_default().add(name);
        }
    }
    let mut judged = Judged::default();
    for (path, kind) in deletions {
        let strange = strange(path, source);
        let (directory, name) = split(strange);
        if !listed.get(directory).is_some_and(|names| names.contains(name)) {
            continue;
        }
        match missing.get(directory).and_then(|missing| missing.listed_as(name)) {
            Some(sent) => _ = judged.spared.insert(strange, sent),
            None => judged.sure.push((path.clone(), *kind)),
        }
    }
    judged
}

/// What is told of what is spared.
pub(super) fn doubt(path: &str, sent: &str) -> String {
    format!("{path}: not deleted: may be the same file as {sent}, which is not listed under that name")
}

#[cfg(test)]
mod tests {
    use super::super::tree::Node;
    use super::*;

    fn judged(source: &[&str], deletions: &[&str], listed: &[(&str, &[&str])]) -> (Vec<String>, Vec<String>) {
        let nodes = source.iter().map(|path| ((*path).to_owned(), Node::new(Kind::File))).collect();
        let source = Tree { nodes, ..Tree::default() };
        let deletions: Vec<_> = deletions.iter().map(|path| ((*path).to_owned(), Kind::File)).collect();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let listed: Listed<'_> = listed.iter().map(|(path, all)| (*path, names(all))).collect();
        assert_eq!(places(&deletions, &source), listed.keys().copied().collect());
        let Judged { sure, spared } = judge(&deletions, &source, &listed);
        let spared = spared.into_iter().map(|(path, sent)| format!("{path} = {sent}")).collect();
        (sure.into_iter().map(|(path, _)| path).collect(), spared)
    }

    #[test]
    fn what_stands_beside_all_that_was_sent_goes() {
        let (sure, spared) =
            judged(&["A", "d", "d/B"], &["d/b", "a"], &[("", &["A", "a", "d"]), ("d", &["B", "b"])]);
        assert_eq!((sure, spared), (vec!["d/b".into(), "a".into()], vec![]));
        // Gone, or under the name that was sent.
        assert_eq!(judged(&["A"], &["a"], &[("", &["A"])]), (vec![], vec![]));
    }

    #[test]
    fn what_may_be_what_was_sent_stays_with_all_that_is_in_it() {
        let (sure, spared) = judged(
            &["Docs", "Docs/a", "e", "e/f"],
            &["old", "e/g", "docs/a", "docs"],
            &[("", &["docs", "e", "old"]), ("e", &["f", "g"])],
        );
        assert_eq!(sure, ["e/g"]);
        assert_eq!(spared, ["docs = Docs", "old = Docs"]);
        // In a directory that stays for what else is in it.
        assert_eq!(judged(&["Docs"], &["docs/a"], &[("", &["docs"])]).1, ["docs = Docs"]);
        let (sure, spared) = judged(&["\u{e9}"], &["e\u{301}"], &[("", &["e\u{301}"])]);
        assert_eq!((sure, spared), (vec![], vec!["e\u{301} = \u{e9}".into()]));
    }

    #[test]
    fn a_dotted_name_that_is_not_listed_is_no_other() {
        let (sure, spared) = judged(&[".X", "f"], &["old", ".x"], &[("", &["f", "old", ".x"])]);
        assert_eq!((sure, spared), (vec!["old".into()], vec![".x = .X".into()]));
    }
}
