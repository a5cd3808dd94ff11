//! What becomes of files and links at this end.

use crate::common::*;
use crate::fake::{Answer, Fake, unix};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn nothing_is_made_outside_of_the_directory() {
    let server = Fake::start(|verb, _, state| match (verb, state.directory.as_str()) {
        ("LIST", "/") => Some(Answer::Data([unix('d', 0, "away"), unix('-', 5, "f")].concat())),
        ("LIST", "/away") => Some(Answer::Data(unix('d', 0, "deep"))),
        ("LIST", _) => Some(Answer::Data(unix('-', 5, "g"))),
        ("RETR", _) => Some(Answer::Data(b"hello".to_vec())),
        _ => None,
    });
    let (here, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(outside.path(), here.path().join("away")).unwrap();
    let output = ftpsim(here.path()).args(["get", "-r", &server.url(""), "--retries", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(names(outside.path()), [""; 0], "{}", said(&output));
    assert!(here.path().join("f").is_file());
}

#[test]
fn links_out_of_the_tree_are_not_followed_unless_asked() {
    let here = tempfile::tempdir().unwrap();
    let tree = here.path().join("tree");
    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::write(tree.join("sub/f"), "f").unwrap();
    fs::write(here.path().join("secret"), "s").unwrap();
    symlink("sub/f", tree.join("inside")).unwrap();
    symlink("../secret", tree.join("outside")).unwrap();
    symlink("sub", tree.join("directory")).unwrap();
    symlink("..", tree.join("sub/round")).unwrap();
    symlink("nowhere", tree.join("dangling")).unwrap();
    let put = |options: &[&str]| {
        let server = Server::start(&[]);
        let output =
            ftpsim(here.path()).args(["put", "-r", &server.url(""), "tree"]).args(options).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let top = names(&server.root.path().join("tree"));
        assert!(server.root.path().join("tree/sub/f").is_file());
        (top, said(&output))
    };
    let (top, said) = put(&[]);
    assert_eq!(top, ["inside", "sub"], "{said}");
    for part in ["outside: a link out of the tree", "dangling: a link that leads nowhere", "4 more"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let (top, said) = put(&["--follow-links"]);
    assert_eq!(top, ["directory", "inside", "outside", "sub"], "{said}");
    assert!(said.contains("round: a link round"), "{said}");
}

/// By put -r, get -r and mirror alike.
#[test]
fn what_is_left_out_is_in_the_summary_by_reason() {
    let here = tempfile::tempdir().unwrap();
    let tree = here.path().join("tree");
    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::write(tree.join("sub/f"), "f").unwrap();
    symlink("../../secret", tree.join("outside")).unwrap();
    symlink("nowhere", tree.join("dangling")).unwrap();
    symlink("sub", tree.join("directory")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(tree.join("socket")).unwrap());
    let server = Server::start(&[]);
    let url = server.url("to");
    let links = "skipped: 2, a link out of the tree, or to nowhere (";
    for words in [["put", "-r", &url, "tree"], ["mirror", "tree", &url, "--retries=0"]] {
        let output = ftpsim(here.path()).args(words).output().unwrap();
        // What a mirror leaves out by its rules is no failure, as with rsync and lftp.
        assert_eq!(output.status.code(), Some(i32::from(words[0] == "put")), "{}", said(&output));
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        for (start, name) in [
            (links, "dangling"),
            (links, "outside"),
            ("skipped: 1, a link to a directory (", "directory)"),
            ("skipped: 1, neither a file nor a directory (", "socket)"),
        ] {
            let line = told.lines().find(|line| line.starts_with(start));
            assert!(line.is_some_and(|line| line.contains(name)), "{words:?} {name} in {}", said(&output));
        }
        let output = ftpsim(here.path()).args(words).arg("--json").output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let skipped = &value["skipped"]["a link to a directory"][0];
        assert!(skipped.as_str().is_some_and(|name| name.ends_with("directory")), "{words:?} {value}");
    }
    let server = Fake::start(|verb, argument, _| match verb {
        "LIST" => {
            Some(Answer::Data([unix('-', 5, "f"), unix('l', 9, "dir -> sub"), unix('p', 0, "pipe")].concat()))
        }
        "CWD" if argument != "dir" && argument != "/" => Some(Answer::Reply("550 not a directory")),
        "RETR" => Some(Answer::Data(b"hello".to_vec())),
        _ => None,
    });
    let output = ftpsim(here.path()).args(["get", "-r", &server.url(""), "-o", "back"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "1 of 1 file,",
        "skipped: 1, a link to a directory (dir)",
        "skipped: 1, neither a file nor a directory (pipe)",
    ] {
        assert!(told.contains(line), "{line} in {}", said(&output));
    }
}

/// No MDTM, no MLSD: the file comes, and that its time does not is told.
#[test]
fn a_time_that_nobody_tells_is_told() {
    let server = Fake::start(|verb, _, _| match verb {
        "RETR" => Some(Answer::Data(b"hello".to_vec())),
        _ => None,
    });
    let here = tempfile::tempdir().unwrap();
    let mut command = ftpsim(here.path());
    let output = command.args(["get", "--keep-times", &server.url("f")]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("f: the server does not tell its time"), "{}", said(&output));
    assert!(here.path().join("f").is_file());
}

#[test]
fn local_files_stay_or_go_as_asked() {
    let server = Server::start(&[]);
    fs::write(server.root.path().join("f"), "theirs").unwrap();
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("f");
    let get = |options: &[&str]| {
        succeed(ftpsim(here.path()).args(["get", &server.url("f")]).args(options));
        fs::read_to_string(&file).unwrap()
    };
    for options in [&[][..], &["--overwrite"], &["--no-clobber", "--overwrite"]] {
        fs::write(&file, "ours!!").unwrap();
        assert_eq!(get(options), "theirs", "{options:?}");
    }
    fs::write(&file, "ours!!").unwrap();
    assert_eq!(get(&["--no-clobber"]), "ours!!");
    // As long, and newer.
    assert_eq!(get(&["--update"]), "ours!!");
    fs::write(&file, "longer than theirs").unwrap();
    assert_eq!(get(&["--update"]), "theirs", "another size");
    fs::write(&file, "ours!!").unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
    assert_eq!(get(&["--update", "-r"]), "theirs", "older");
    fs::remove_file(&file).unwrap();
    assert_eq!(get(&["--update"]), "theirs");
}
