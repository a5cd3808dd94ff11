//! What is copied, what is not, and that a second run finds nothing to do.

use super::*;
use crate::fake::{Answer, Fake, unix};
use std::os::unix::fs::symlink;

#[test]
fn both_ways_in_every_mode_and_the_second_run_skips_all() {
    let here = tempfile::tempdir().unwrap();
    write_odd_tree(&here.path().join("tree"));
    let expected = tree(&here.path().join("tree"));
    for options in [
        &[][..],
        &["--mode", "block", "--pipeline", "8", "--verify", "hash"],
        &["--mode", "block", "--pipeline", "8", "--publish", "rename"],
        &["--mode", "compressed", "--parallel", "2", "--verify", "size", "--publish", "rename"],
        &["--mode", "deflate", "--resume"],
    ] {
        let server = Server::start(&[]);
        let url = server.url("to/there");
        let (first, code) = mirror_json(here.path(), "tree", &url, options);
        assert_eq!((code, moved(&first).len()), (Some(0), 9), "{options:?}: {first}");
        assert_eq!(tree(&server.root.path().join("to/there")), expected, "{options:?}");
        let (second, code) = mirror_json(here.path(), "tree", &url, options);
        assert_eq!((code, moved(&second).len()), (Some(0), 0), "{options:?}: {second}");
        assert_eq!(
            (&second["unchanged"], &second["directories_made"][0]),
            (&9.into(), &serde_json::Value::Null)
        );
        let back = tempfile::tempdir().unwrap();
        let (first, code) = mirror_json(back.path(), &url, "new/back", options);
        assert_eq!((code, moved(&first).len()), (Some(0), 9), "{options:?}: {first}");
        assert_eq!(tree(&back.path().join("new/back")), expected, "{options:?}");
        let (second, code) = mirror_json(back.path(), &url, "new/back", options);
        assert_eq!((code, &second["unchanged"]), (Some(0), &9.into()), "{options:?}: {second}");
    }
}

#[test]
fn only_what_has_changed_is_moved() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let from = here.path().join("tree");
    write_odd_tree(&from);
    let url = server.url("to");
    assert!(mirror(here.path(), "tree", &url, &[]).status.success());
    // The same size and another time; another size and the same time; new.
    fs::write(from.join("one.txt"), "x").unwrap();
    let two = from.join("a b/two three");
    fs::write(&two, "longer or shorter").unwrap();
    set_time(&two, 1_000_001_000);
    fs::write(from.join("new"), "new").unwrap();
    let (done, code) = mirror_json(here.path(), "tree", &url, &[]);
    assert_eq!((code, moved(&done)), (Some(0), vec!["a b/two three", "new", "one.txt"]), "{done}");
    let why: Vec<_> = (0..3).map(|n| done["files"][n]["why"].as_str().unwrap()).collect();
    assert_eq!(why, ["another size", "new", "another time"]);
    assert_eq!(tree(&server.root.path().join("to")), tree(&from));
    // Another content of the same size and time is seen by --checksum only.
    set_time(&from.join("one.txt"), 1_000_000_500);
    fs::write(server.root.path().join("to/one.txt"), "y").unwrap();
    set_time(&server.root.path().join("to/one.txt"), 1_000_000_500);
    for (options, sent) in [(&[][..], 0), (&["--size-only"], 0), (&["--checksum"], 1)] {
        let (done, _) = mirror_json(here.path(), "tree", &url, options);
        assert_eq!(moved(&done).len(), sent, "{options:?}: {done}");
    }
    // The same content and another time: the time alone.
    set_time(&from.join("one.txt"), 1_000_000_900);
    let (done, _) = mirror_json(here.path(), "tree", &url, &["--checksum"]);
    assert_eq!((moved(&done).len(), &done["times_set"][0]), (0, &"one.txt".into()), "{done}");
    assert_eq!(seconds_of(&server.root.path().join("to/one.txt")), 1_000_000_900);
    set_time(&from.join("one.txt"), 1_000_000_901);
    let (done, _) = mirror_json(here.path(), &url, "tree", &["--checksum"]);
    assert_eq!((moved(&done).len(), seconds_of(&from.join("one.txt"))), (0, 1_000_000_900), "{done}");
}

#[test]
fn files_and_directories_take_no_places_of_each_other() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let (from, to) = (here.path().join("tree"), server.root.path().join("to"));
    fs::create_dir_all(from.join("dir")).unwrap();
    fs::create_dir_all(to.join("file/in")).unwrap();
    fs::write(from.join("dir/x"), "x").unwrap();
    fs::write(from.join("file"), "f").unwrap();
    fs::write(from.join("other"), "o").unwrap();
    fs::write(to.join("dir"), "not a directory").unwrap();
    let before = tree(&from);
    for (a, b) in [("tree", server.url("to").as_str()), (server.url("to").as_str(), "tree")] {
        let output = mirror(here.path(), a, b, &["--delete"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("a directory stands where a file is to be"), "{said}");
        assert!(said.contains("a file stands where a directory is to be"), "{said}");
        assert_eq!(fs::read(to.join("dir")).unwrap(), b"not a directory");
        assert!(to.join("file/in").is_dir());
    }
    assert_eq!(tree(&from), before, "neither is touched, and nothing is deleted");
    assert_eq!(fs::read(to.join("other")).unwrap(), b"o", "the rest goes on");
}

#[test]
fn links_are_not_followed_out_of_the_tree_nor_written_through() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let from = here.path().join("tree");
    fs::create_dir_all(from.join("sub")).unwrap();
    fs::write(from.join("sub/f"), "f").unwrap();
    fs::write(here.path().join("secret"), "s").unwrap();
    symlink("sub/f", from.join("inside")).unwrap();
    symlink(from.join("sub/f"), from.join("absolute")).unwrap();
    symlink("../secret", from.join("outside")).unwrap();
    symlink("sub", from.join("directory")).unwrap();
    symlink("nowhere", from.join("dangling")).unwrap();
    let output = mirror(here.path(), "tree", &server.url("to"), &[]);
    assert!(output.status.success(), "what is left alone is no failure: {}", said(&output));
    assert_eq!(names(&server.root.path().join("to")), ["absolute", "inside", "sub"]);
    assert!(said(&output).contains("skipped: 2, a link out of the tree, or to nowhere (dangling, outside)"));
    assert!(said(&output).contains("skipped: 1, a link to a directory (directory)"), "{}", said(&output));
    // At the end that is written to.
    let back = here.path().join("back");
    fs::create_dir(&back).unwrap();
    symlink("../secret", back.join("inside")).unwrap();
    symlink("../tree", back.join("sub")).unwrap();
    let output = mirror(here.path(), &server.url("to"), "back", &["--delete"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(said(&output).matches("which is not written through").count(), 2, "{}", said(&output));
    assert_eq!(fs::read(here.path().join("secret")).unwrap(), b"s");
    assert_eq!(names(&from.join("sub")), ["f"]);
}

/// By LIST, without times to the second, MDTM and HASH.
#[test]
fn links_of_a_server_that_only_lists() {
    let server = Fake::start(|verb, argument, state| match (verb, state.directory.as_str()) {
        ("LIST", "/") => Some(Answer::Data(
            [
                unix('d', 0, "sub"),
                unix('-', 5, "f"),
                unix('l', 9, "in -> sub/g"),
                unix('l', 9, "out -> ../etc"),
                unix('l', 9, "absolute -> /etc/passwd"),
                unix('l', 9, "dir -> sub"),
            ]
            .concat(),
        )),
        ("LIST", _) => Some(Answer::Data(unix('-', 5, "g"))),
        ("CWD", _) if argument == "in" => Some(Answer::Reply("550 not a directory")),
        ("SIZE", _) => Some(Answer::Reply("213 5")),
        ("RETR", _) => Some(Answer::Data(b"hello".to_vec())),
        _ => None,
    });
    let here = tempfile::tempdir().unwrap();
    let (done, code) = mirror_json(here.path(), &server.url(""), "to", &[]);
    assert_eq!((code, moved(&done)), (Some(0), vec!["f", "in", "sub/g"]), "{done}");
    let output = mirror(here.path(), &server.url(""), "to", &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("fetched nothing; 3 unchanged"), "{}", said(&output));
    assert!(said(&output).contains("3 files taken for unchanged by size alone"), "{}", said(&output));
    let output = mirror(here.path(), &server.url(""), "to", &["--checksum"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("no HASH by SHA-256"), "{}", said(&output));
}

#[test]
fn globs_leave_files_alone_at_both_ends() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let (from, to) = (here.path().join("tree"), server.root.path().join("to"));
    fs::create_dir_all(from.join("cache/deep")).unwrap();
    fs::create_dir_all(to.join("cache")).unwrap();
    for name in ["a.txt", "b.tmp", "keep.tmp", "cache/x", "cache/deep/y"] {
        fs::write(from.join(name), name).unwrap();
    }
    fs::write(to.join("old.tmp"), "stays").unwrap();
    fs::write(to.join("cache/old"), "stays").unwrap();
    fs::write(to.join("old.txt"), "goes").unwrap();
    let options = ["--include", "keep.tmp", "--exclude", "*.tmp", "--exclude", "/cache/", "--delete"];
    let output = mirror(here.path(), "tree", &server.url("to"), &options);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(names(&to), ["a.txt", "cache", "keep.tmp", "old.tmp"], "{}", said(&output));
    assert_eq!(names(&to.join("cache")), ["old"]);
    // The order decides.
    let other = mirror_json(
        here.path(),
        "tree",
        &server.url("other"),
        &["--exclude", "*.tmp", "--include", "keep.tmp"],
    );
    assert_eq!(moved(&other.0), ["a.txt", "cache/deep/y", "cache/x"], "{}", other.0);
    let only = mirror_json(here.path(), "tree", &server.url("only"), &["--include", "*.txt"]);
    assert_eq!(moved(&only.0), ["a.txt"], "{}", only.0);
}

/// The server is so slow that the file changes while it is sent.
#[test]
fn a_file_that_changes_while_it_is_sent_is_sent_again() {
    let (server, here) = (Server::start(&["--rate", "400000"]), tempfile::tempdir().unwrap());
    let from = here.path().join("tree");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("f"), noise(400_000, 1)).unwrap();
    set_time(&from.join("f"), 1_000_000_000);
    let url = server.url("to");
    let running = std::thread::scope(|scope| {
        let running = scope.spawn(|| mirror(here.path(), "tree", &url, &[]));
        std::thread::sleep(Duration::from_millis(500));
        fs::write(from.join("f"), noise(400_000, 2)).unwrap();
        running.join().unwrap()
    });
    assert!(running.status.success(), "{}", said(&running));
    assert_eq!(tree(&server.root.path().join("to")), tree(&from));
}

#[test]
fn what_a_name_cannot_be_costs_no_other() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let from = here.path().join("tree");
    fs::create_dir_all(from.join("line\nfeed")).unwrap();
    fs::write(from.join("line\nfeed/x"), "x").unwrap();
    fs::write(from.join("new\nline"), "n").unwrap();
    fs::write(from.join("return\r"), "r").unwrap();
    fs::write(from.join("fine"), "f").unwrap();
    let output = mirror(here.path(), "tree", &server.url("to"), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("to/new\\x0aline: ") && said(&output).contains("line\\x0afeed: "),
        "{}",
        said(&output)
    );
    assert!(names(&server.root.path().join("to")).contains(&"fine".to_owned()), "{}", said(&output));
}

/// More than buffers between the ends hold is under way. The next run goes on where HASH proves that the part is of the same file.
#[test]
fn what_was_cut_goes_on() {
    let server = Server::start(&["--rate", "6000000"]);
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("tree")).unwrap();
    fs::write(here.path().join("tree/big"), noise(30_000_000, 1)).unwrap();
    let url = server.url("to");
    for (from, to) in [("tree", url.as_str()), (url.as_str(), "back")] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
        command.args(["mirror", from, to, "-q"]).current_dir(here.path());
        let mut child = Reaped(command.stderr(std::process::Stdio::null()).spawn().unwrap());
        std::thread::sleep(Duration::from_millis(2500));
        let pid = child.0.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(child.0.wait().unwrap().code(), Some(143));
        let (done, code) = mirror_json(here.path(), from, to, &[]);
        assert_eq!(code, Some(0), "{done}");
        let moved_bytes = done["files"][0]["wire_bytes"].as_u64().unwrap();
        assert!(moved_bytes < 30_000_000, "{done}");
    }
    assert_eq!(tree(&here.path().join("back")), tree(&here.path().join("tree")));
}
