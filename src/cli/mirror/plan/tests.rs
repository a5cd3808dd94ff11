use super::*;
use crate::cli::skipped::Reason;

fn file(size_bytes: u64, seconds: i64) -> Node {
    Node { size_bytes: Some(size_bytes), modified: Some((seconds, 0)), ..Node::new(Kind::File) }
}

fn tree(nodes: &[(&str, Node)]) -> Tree {
    let nodes = nodes.iter().map(|(path, node)| ((*path).to_owned(), node.clone())).collect();
    Tree { nodes, ..Tree::default() }
}

fn directory() -> Node {
    Node::new(Kind::Directory)
}

fn planned(source: &Tree, target: &Tree, compare: Compare) -> Plan {
    plan(source, target, compare, &BTreeMap::new())
}

#[test]
fn what_differs_is_sent_and_says_why() {
    let source = tree(&[("a", file(1, 5)), ("b", file(1, 5)), ("c", file(1, 5)), ("d", file(1, 5))]);
    let target = tree(&[("a", file(1, 5)), ("b", file(2, 5)), ("c", file(1, 6))]);
    let sent = |compare| planned(&source, &target, compare).transfers;
    let sent_as = |list: &[(&str, Why)]| -> Vec<(String, Why)> {
        list.iter().map(|(path, why)| ((*path).to_owned(), *why)).collect()
    };
    assert_eq!(sent(Compare::SameTime), sent_as(&[("b", Why::Size), ("c", Why::Time), ("d", Why::New)]));
    assert_eq!(sent(Compare::NotOlder), sent_as(&[("b", Why::Size), ("d", Why::New)]));
    assert_eq!(sent(Compare::SizeOnly), sent_as(&[("b", Why::Size), ("d", Why::New)]));
    let older = tree(&[("c", file(1, 4))]);
    let newer = tree(&[("c", file(1, 5))]);
    assert_eq!(planned(&newer, &older, Compare::NotOlder).transfers, sent_as(&[("c", Why::Time)]));
}

#[test]
fn where_nobody_knows_the_time_the_size_decides() {
    let untimed = Node { modified: None, ..file(1, 0) };
    let unsized_ = Node { size_bytes: None, ..file(1, 0) };
    let source = tree(&[("a", file(1, 5)), ("b", file(1, 5))]);
    let done = planned(&source, &tree(&[("a", untimed), ("b", unsized_)]), Compare::SameTime);
    assert_eq!((done.unchanged, done.by_size_alone), (1, 1));
    assert_eq!(done.transfers, [("b".to_owned(), Why::Unknown)]);
}

#[test]
fn the_same_content_gets_its_time_only() {
    let source = tree(&[("a", file(1, 5)), ("b", file(1, 5)), ("c", file(1, 5))]);
    let target = tree(&[("a", file(1, 6)), ("b", file(1, 5)), ("c", file(1, 5))]);
    let same = [("a", true), ("b", true), ("c", false)];
    let same = same.iter().map(|(path, same)| ((*path).to_owned(), *same)).collect();
    let done = plan(&source, &target, Compare::Checksum, &same);
    assert_eq!((done.times, done.transfers), (vec!["a".into()], vec![("c".into(), Why::Content)]));
}

#[test]
fn files_and_directories_take_no_places_of_each_other() {
    let source = tree(&[("a", file(1, 5)), ("b", directory()), ("b/x", file(1, 5)), ("c", file(1, 5))]);
    let target =
        tree(&[("a", directory()), ("a/kept", file(1, 5)), ("b", file(1, 5)), ("c", Node::new(Kind::Other))]);
    let done = planned(&source, &target, Compare::SameTime);
    let refused: Vec<&str> = done.conflicts.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(refused, ["a", "b", "c"]);
    assert!(
        done.transfers.is_empty() && done.deletions.is_empty() && done.directories.is_empty(),
        "{done:?}"
    );
}

#[test]
fn what_is_left_alone_is_not_deleted_nor_what_it_lies_in() {
    let mut source = tree(&[("a", directory())]);
    source.skipped.insert("link".into(), Reason::LinkOut);
    let mut target = tree(&[
        ("a", directory()),
        ("a/gone", file(1, 5)),
        ("a-b", file(1, 5)),
        ("link", directory()),
        ("link/in", file(1, 5)),
        ("old", directory()),
        ("old/empty", directory()),
        ("old/kept", directory()),
        ("old/kept/x", file(1, 5)),
    ]);
    target.skipped.insert("old/kept/excluded".into(), Reason::Excluded);
    let deleted: Vec<String> =
        planned(&source, &target, Compare::SameTime).deletions.into_iter().map(|(path, _)| path).collect();
    assert_eq!(deleted, ["old/kept/x", "old/empty", "a/gone", "a-b"]);
}

#[test]
fn directories_come_before_what_is_in_them_and_go_after_it() {
    let source = tree(&[("a", directory()), ("a-", file(1, 5)), ("a/b", directory()), ("a/b/c", file(1, 5))]);
    let made = planned(&source, &Tree::default(), Compare::SameTime);
    assert_eq!(made.directories, ["a", "a/b"]);
    let gone = planned(&Tree::default(), &source, Compare::SameTime);
    let gone: Vec<&str> = gone.deletions.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(gone, ["a/b/c", "a/b", "a-", "a"]);
}
