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
