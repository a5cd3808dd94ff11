//! `ftpsim put`, `get` and `ls` with `ftpsim serve`: trees, wildcards, JSON, exit codes.

#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::*;
use std::fs;
use std::path::Path;
use std::process::Output;

/// Files in directories in directories, an empty one, names with spaces.
fn write_tree(root: &Path) {
    fs::create_dir_all(root.join("a b/deep/deeper")).unwrap();
    fs::create_dir_all(root.join("none")).unwrap();
    for (index, name) in ["one.txt", "two.txt", "a b/three.bin", "a b/deep/four.txt", "a b/deep/deeper/-five"]
        .iter()
        .enumerate()
    {
        fs::write(root.join(name), noise(1000 * index, index as u64 + 1)).unwrap();
    }
}

/// Paths below `root` with their contents.
fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                all.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

fn output(command: &mut assert_cmd::Command) -> Output {
    command.output().unwrap()
}

#[test]
fn trees_both_ways_in_every_mode() {
    let here = tempfile::tempdir().unwrap();
    write_tree(&here.path().join("tree"));
    let expected = tree(&here.path().join("tree"));
    for options in [
        &["--mode", "stream"][..],
        &["--mode", "block", "--pipeline", "8", "--verify", "hash"],
        &["--mode", "compressed", "--parallel", "2", "--verify", "size"],
        &["--mode", "block", "--resume"],
    ] {
        let server = Server::start(&[]);
        succeed(ftpsim(here.path()).args(["put", "-r", &server.url("up"), "tree"]).args(options));
        assert_eq!(tree(&server.root.path().join("up/tree")), expected, "put {options:?}");
        assert!(server.root.path().join("up/tree/none").is_dir(), "the empty directory, too");
        // Again, over what is there.
        succeed(ftpsim(here.path()).args(["put", "-r", &server.url("up"), "tree"]).args(options));
        let back = tempfile::tempdir().unwrap();
        succeed(ftpsim(back.path()).args(["get", "-r", &server.url("up/tree")]).args(options));
        assert_eq!(tree(&back.path().join("tree")), expected, "get {options:?}");
        let all = tempfile::tempdir().unwrap();
        succeed(ftpsim(all.path()).args(["get", "-r", &server.url("")]).args(options));
        assert_eq!(tree(&all.path().join("up/tree")), expected, "get of everything {options:?}");
    }
}

#[test]
fn wildcards_are_matched_at_the_server() {
    let server = Server::start(&[]);
    write_tree(server.root.path());
    let here = tempfile::tempdir().unwrap();
    succeed(ftpsim(here.path()).args(["get", &server.url("*.txt")]));
    assert_eq!(names(here.path()), ["one.txt", "two.txt"]);
    succeed(ftpsim(here.path()).args(["get", &server.url("a%20b"), "t*.b?n", "--out", "other"]));
    assert_eq!(names(&here.path().join("other")), ["three.bin"]);
    let nothing = output(ftpsim(here.path()).args(["get", &server.url("*.none")]));
    assert_eq!(nothing.status.code(), Some(2), "{}", said(&nothing));
    assert!(said(&nothing).contains("no file matches *.none"), "{}", said(&nothing));
}

#[test]
fn json_and_exit_codes() {
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("one"), b"content").unwrap();
    let put = output(ftpsim(here.path()).args(["put", &server.url(""), "one", "--json", "--mode", "block"]));
    assert_eq!(put.status.code(), Some(0), "{}", said(&put));
    let report: serde_json::Value = serde_json::from_slice(&put.stdout).unwrap();
    assert_eq!(report["failed"], 0);
    assert_eq!(
        (&report["files"][0]["payload_bytes"], &report["files"][0]["wire_bytes"]),
        (&7.into(), &10.into())
    );
    let get =
        output(ftpsim(here.path()).args(["get", &server.url(""), "one", "none", "--json", "--retries", "0"]));
    assert_eq!(get.status.code(), Some(1), "{}", said(&get));
    let report: serde_json::Value = serde_json::from_slice(&get.stdout).unwrap();
    assert_eq!((&report["failed"], &report["files"][1]["error_kind"]), (&1.into(), &"refused".into()));
    assert!(String::from_utf8_lossy(&get.stderr).contains("none: RETR none: 550"), "the list of failures");
    for (arguments, hint) in [
        (vec!["put", "http://host/", "one"], "expected ftp://"),
        (vec!["put", "ftp://host/", "missing"], "missing"),
        (vec!["put", "ftp://host/", "."], "give -r"),
        (vec!["get", "ftp://host/"], "give -r"),
        (vec!["get", "ftp://no-such-host.invalid/x"], "check its name"),
        (vec!["put", "ftp://host/", "one", "--mode", "page"], "possible values: stream, block, compressed"),
    ] {
        let wrong = output(ftpsim(here.path()).args(&arguments));
        assert_eq!(wrong.status.code(), Some(2), "{arguments:?}: {}", said(&wrong));
        assert!(said(&wrong).contains(hint), "{arguments:?}: {}", said(&wrong));
    }
    let refused = format!("ftp://{USER}:wrong@127.0.0.1:{}/one", server.port());
    let refused = output(ftpsim(here.path()).args(["get", &refused]));
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("login: 530"), "{}", said(&refused));
}

#[test]
fn an_interrupted_upload_is_no_upload() {
    // So slow that the transfer is under way when the signal comes.
    let server = Server::start(&["--rate", "1000000"]);
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("big"), noise(20_000_000, 1)).unwrap();
    let program = assert_cmd::cargo::cargo_bin!("ftpsim");
    let child = std::process::Command::new(program)
        .args(["put", &server.url(""), "big", "--retries", "0"])
        .current_dir(here.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Reaped(child);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let pid = child.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = child.0.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let published: Vec<_> = server.names().into_iter().filter(|name| name == "big").collect();
    assert!(published.is_empty(), "the server took the interruption for the end of the file");
}
