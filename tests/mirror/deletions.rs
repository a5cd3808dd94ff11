//! What goes, and when nothing does.

use super::*;
use crate::fake::{Answer, Fake, unix};
use std::os::unix::fs::symlink;

/// A tree at this end, and a copy with more in it at the server.
fn with_more() -> (Server, tempfile::TempDir, PathBuf) {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let (from, to) = (here.path().join("tree"), server.root.path().join("to"));
    fs::create_dir_all(&from).unwrap();
    fs::write(from.join("f"), "f").unwrap();
    fs::create_dir_all(to.join("old/deep")).unwrap();
    fs::write(to.join("old/deep/x"), "x").unwrap();
    fs::write(to.join("extra"), "e").unwrap();
    (server, here, to)
}

#[test]
fn what_the_source_has_not_goes_only_where_asked() {
    let (server, here, to) = with_more();
    let url = server.url("to");
    let output = mirror(here.path(), "tree", &url, &[]);
    assert!(output.status.success() && to.join("old/deep/x").is_file(), "{}", said(&output));
    let before = tree(&to);
    let output = mirror(here.path(), "tree", &url, &["--delete", "-n"]);
    assert!(output.status.success(), "{}", said(&output));
    let planned = said(&output);
    for line in ["delete old/deep/x\n", "delete old/deep/\n", "delete old/\n", "delete extra\n"] {
        assert!(planned.contains(line), "{line} in {planned}");
    }
    let output = mirror(here.path(), "tree", &url, &["--delete", "--max-delete", "3"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("2 files and 2 directories, more than --max-delete 3"));
    assert_eq!(tree(&to), before, "neither has changed anything");
    let (done, code) = mirror_json(here.path(), "tree", &url, &["--delete", "--max-delete", "4"]);
    assert_eq!((code, done["deleted"].as_array().unwrap().len()), (Some(0), 4), "{done}");
    assert_eq!(names(&to), ["f"]);
    // And at this end.
    fs::create_dir_all(here.path().join("tree/old/deep")).unwrap();
    fs::write(here.path().join("tree/old/deep/x"), "x").unwrap();
    symlink("../outside", here.path().join("tree/link")).unwrap();
    fs::write(here.path().join("outside"), "o").unwrap();
    let (done, code) = mirror_json(here.path(), &url, "tree", &["--delete"]);
    assert_eq!((code, done["deleted"].as_array().unwrap().len()), (Some(0), 4), "{done}");
    assert_eq!(names(&here.path().join("tree")), ["f"]);
    assert_eq!(fs::read(here.path().join("outside")).unwrap(), b"o");
}

#[test]
fn an_empty_source_deletes_nothing_by_itself() {
    let (server, here, to) = with_more();
    fs::create_dir(here.path().join("empty")).unwrap();
    let output = mirror(here.path(), "empty", &server.url("to"), &["--delete"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("SRC is empty") && to.join("extra").is_file(), "{}", said(&output));
    let output = mirror(here.path(), "empty", &server.url("to"), &["--delete", "--max-delete", "10"]);
    assert!(output.status.success() && names(&to).is_empty(), "{}", said(&output));
}

#[test]
fn nothing_is_deleted_where_a_file_has_failed() {
    let (server, here, to) = with_more();
    fs::write(here.path().join("tree/new\nline"), "n").unwrap();
    let output = mirror(here.path(), "tree", &server.url("to"), &["--delete"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("nothing was deleted: something has gone wrong"), "{}", said(&output));
    assert!(to.join("extra").is_file() && to.join("f").is_file(), "{}", said(&output));
}

/// Lines that are not understood, a directory that is not listed, and a listing that was cut between lines.
#[test]
fn nothing_is_deleted_where_a_listing_may_be_incomplete() {
    type Lines = fn(&str) -> Vec<u8>;
    let odd: Lines = |directory| match directory {
        "/" => [unix('-', 5, "f"), b"one odd line\r\n".to_vec()].concat(),
        _ => unix('-', 5, "g"),
    };
    let closed: Lines = |directory| match directory {
        "/" => [unix('-', 5, "f"), unix('d', 0, "closed")].concat(),
        _ => b"550 no".to_vec(),
    };
    let cut: Lines = |_| unix('-', 5, "f");
    for (lines, told) in [
        (odd, "something has gone wrong"),
        (closed, "something has gone wrong"),
        (cut, "extra: is at the server, though not in its listing"),
    ] {
        let server = Fake::start(move |verb, argument, state| match verb {
            "FEAT" => Some(Answer::Reply("211-Features:\r\n SIZE\r\n211 End")),
            "LIST" => match lines(&state.directory) {
                refused if refused.starts_with(b"550") => Some(Answer::Reply("550 no")),
                lines => Some(Answer::Data(lines)),
            },
            "SIZE" if argument == "gone" => Some(Answer::Reply("550 not there")),
            "SIZE" => Some(Answer::Reply("213 5")),
            "RETR" => Some(Answer::Data(b"hello".to_vec())),
            _ => None,
        });
        let here = tempfile::tempdir().unwrap();
        let to = here.path().join("to");
        fs::create_dir(&to).unwrap();
        fs::write(to.join("extra"), "e").unwrap();
        let output = mirror(here.path(), &server.url(""), "to", &["--delete"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(told), "{told} in {}", said(&output));
        assert_eq!(fs::read(to.join("extra")).unwrap(), b"e");
        assert_eq!(fs::read(to.join("f")).unwrap(), b"hello", "the rest goes on");
        if told.contains("extra") {
            fs::rename(to.join("extra"), to.join("gone")).unwrap();
            let output = mirror(here.path(), &server.url(""), "to", &["--delete"]);
            assert!(output.status.success() && !to.join("gone").exists(), "{}", said(&output));
        }
    }
}

/// Who may not look, or comes at a bad time, has not been told that something is gone.
#[test]
fn nothing_is_deleted_where_the_server_does_not_say_that_it_is_gone() {
    const LIST: &str = "211-Features:\r\n SIZE\r\n211 End";
    const MLST: &str = "211-Features:\r\n MLST type*;size*;\r\n211 End";
    for (features, question, refusal, goes) in [
        (LIST, "CWD", "450 busy", false),
        (LIST, "CWD", "550 Permission denied", false),
        (LIST, "PWD", "502 what", false),
        (LIST, "CWD", "550 no such directory", true),
        (LIST, "SIZE", "550 Access is denied.", false),
        (MLST, "MLST", "550 old: permission denied", false),
        (MLST, "MLST", "450 busy", false),
        (MLST, "MLST", "550 old: not found", true),
    ] {
        let server = Fake::start(move |verb, argument, state| match verb {
            "FEAT" => Some(Answer::Reply(features)),
            "LIST" if state.directory == "/" => Some(Answer::Data(unix('-', 5, "f"))),
            "MLSD" => Some(Answer::Data(b"type=file;size=5; f\r\n".to_vec())),
            "RETR" => Some(Answer::Data(b"hello".to_vec())),
            "SIZE" if argument == "f" => Some(Answer::Reply("213 5")),
            "PWD" if question == verb => Some(Answer::Reply(refusal)),
            _ if question == verb && argument == "old" => Some(Answer::Reply(refusal)),
            _ => None,
        });
        let here = tempfile::tempdir().unwrap();
        let old = here.path().join("to/old");
        if question == "SIZE" {
            fs::create_dir(here.path().join("to")).unwrap();
            fs::write(&old, "o").unwrap();
        } else {
            fs::create_dir_all(old.join("deep")).unwrap();
        }
        let output = mirror(here.path(), &server.url(""), "to", &["--delete"]);
        let what = format!("{question} {refusal}: {}", said(&output));
        assert_eq!((output.status.code(), old.exists()), (Some(i32::from(!goes)), !goes), "{what}");
        let is_told = said(&output).contains("old: the server does not say whether it is there");
        assert_eq!(is_told, !goes, "{what}");
    }
}

/// Which our server lists as a directory if it leads into the directory that is listed, else as nothing that has
/// anything to give.
#[test]
fn behind_a_link_at_the_server_nothing_is_deleted() {
    let (server, here, to) = with_more();
    fs::create_dir(server.root.path().join("kept")).unwrap();
    fs::write(server.root.path().join("kept/x"), "x").unwrap();
    symlink("../kept", to.join("link")).unwrap();
    fs::create_dir(to.join("inner")).unwrap();
    fs::write(to.join("inner/y"), "y").unwrap();
    symlink("inner", to.join("round")).unwrap();
    let output = mirror(here.path(), "tree", &server.url("to"), &["--delete"]);
    assert_eq!(names(&to), ["f"], "{}", said(&output));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read(server.root.path().join("kept/x")).unwrap(), b"x", "{}", said(&output));
}

#[test]
fn wrong_usage_changes_nothing_and_says_what_to_do() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("tree")).unwrap();
    for (arguments, hint) in [
        (vec!["tree", "other"], "one of SRC and DST is to be a URL"),
        (vec!["ftp://h/a", "ftp://h/b"], "one of SRC and DST is to be a URL"),
        (vec!["tree", "sftp://h/a"], "expected ftp://"),
        (vec!["none", "ftp://127.0.0.1:9/a"], "cannot read none"),
        (vec!["tree", "ftp://127.0.0.1:9/a", "--type", "a"], "a mirror compares sizes"),
        (vec!["tree", "ftp://127.0.0.1:9/a", "--max-delete", "3"], "--delete"),
    ] {
        let output = ftpsim(here.path()).arg("mirror").args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(hint), "{arguments:?}: {}", said(&output));
    }
    let unreachable = ftpsim(here.path()).args(["mirror", "tree", "ftp://127.0.0.1:9/a"]).output().unwrap();
    assert_eq!(unreachable.status.code(), Some(1), "{}", said(&unreachable));
}
