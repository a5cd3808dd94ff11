//! `rm`, `mkdir`, `mv`, `cat`, `ls --json`, stdin and stdout, and where passwords come from.

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn trees_are_deleted_and_links_are_not_followed() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let root = server.root.path();
    write_tree(root);
    fs::create_dir(root.join("kept")).unwrap();
    fs::write(root.join("kept/file"), "x").unwrap();
    // Which the server lists as a directory.
    fs::create_dir(root.join("a b/other")).unwrap();
    fs::write(root.join("a b/other/file"), "x").unwrap();
    symlink("a b/other", root.join("link")).unwrap();
    let rm = |arguments: &[&str]| {
        let mut command = ftpsim(here.path());
        output(command.arg("rm").arg(server.url("")).args(arguments))
    };
    let refused = rm(&["a b", "none"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("a b: a directory; -r deletes it"), "{}", said(&refused));
    let before = tree(root);
    let planned = rm(&["-r", "-n", "a b"]);
    assert!(
        planned.status.success() && said(&planned).contains("a b/deep/deeper/-five\n"),
        "{}",
        said(&planned)
    );
    assert_eq!(tree(root), before, "a dry run changes nothing");
    let done = rm(&["-r", "l*", "none"]);
    assert!(said(&done).contains("1 file and 1 directory deleted"), "{}", said(&done));
    assert_eq!(fs::read(root.join("a b/other/file")).unwrap(), b"x", "behind the link");
    symlink("../kept", root.join("a b/link")).unwrap();
    let done = rm(&["-r", "a b"]);
    assert!(done.status.success(), "a link out of the root goes, too: {}", said(&done));
    assert_eq!(fs::read(root.join("kept/file")).unwrap(), b"x", "behind the link");
    succeed(ftpsim(here.path()).args(["rm", &server.url("*.txt")]));
    assert_eq!(server.names(), ["kept"]);
    for all in ["", "/", "kept/..", "."] {
        let refused = output(ftpsim(here.path()).args(["rm", "-r", &server.url(all)]));
        assert_eq!(refused.status.code(), Some(2), "{all:?}: {}", said(&refused));
    }
    let none = rm(&["nothing"]);
    assert_eq!(none.status.code(), Some(1), "{}", said(&none));
    assert_eq!(names(&root.join("kept")), ["file"]);
}

/// A link that the server lists as a directory is itself what goes, named or in a tree, and the plan says no more.
#[test]
fn what_would_be_deleted_is_what_is() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let root = server.root.path();
    fs::create_dir_all(root.join("tree/real")).unwrap();
    fs::create_dir(root.join("kept")).unwrap();
    fs::write(root.join("tree/real/file"), "x").unwrap();
    fs::write(root.join("kept/file"), "x").unwrap();
    symlink("../kept", root.join("tree/link")).unwrap();
    symlink("kept", root.join("link")).unwrap();
    for (name, would_go, counts) in [
        ("link", &["link"][..], "1 file and 0 directories"),
        ("lin*", &["link"], "1 file and 0 directories"),
        ("tree", &["tree/link", "tree/real/file", "tree/real", "tree"], "2 files and 2 directories"),
    ] {
        let rm = |options| {
            let done = output(ftpsim(here.path()).args(["rm", options, &server.url(name)]));
            assert!(done.status.success(), "{}", said(&done));
            String::from_utf8(done.stdout).unwrap()
        };
        let planned = rm("-rn");
        assert_eq!(planned, format!("{}\n{counts} would be deleted\n", would_go.join("\n")));
        assert_eq!(rm("-r"), format!("{counts} deleted\n"));
        assert_eq!(names(&root.join("kept")), ["file"], "behind the link");
        if name == "link" {
            symlink("kept", root.join("link")).unwrap();
        }
    }
}

#[test]
fn directories_are_made_and_files_get_other_names() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let root = server.root.path();
    let run = |arguments: &[&str]| output(ftpsim(here.path()).args(arguments));
    assert!(run(&["mkdir", &server.url("a")]).status.success());
    assert_eq!(run(&["mkdir", &server.url("a")]).status.code(), Some(1), "it is there already");
    assert_eq!(run(&["mkdir", &server.url("x/y")]).status.code(), Some(1), "x is not there");
    assert!(run(&["mkdir", "-p", &server.url(""), "a", "x/y z"]).status.success());
    assert!(root.join("x/y z").is_dir());
    fs::write(root.join("one"), "1").unwrap();
    fs::write(root.join("two"), "2").unwrap();
    assert!(run(&["mv", &server.url(""), "one", "three"]).status.success());
    assert!(run(&["mv", &server.url(""), "two", "three", "x/y z"]).status.success());
    assert_eq!(names(&root.join("x/y z")), ["three", "two"]);
    assert!(run(&["mv", &server.url("x"), "y z", "w"]).status.success());
    assert_eq!(fs::read(root.join("x/w/three")).unwrap(), b"1");
    assert_eq!(
        run(&["mv", &server.url("x/w"), "two", "three", "four"]).status.code(),
        Some(2),
        "no directory"
    );
    assert_eq!(run(&["mv", &server.url("x/w"), "five", "six"]).status.code(), Some(1));
    assert_eq!(names(&root.join("x/w")), ["three", "two"]);
}

#[test]
fn stdin_and_stdout_are_files_too() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let bytes = noise(300_000, 7);
    for mode in ["stream", "block", "deflate"] {
        let name = format!("from {mode}");
        let url = server.url(&name.replace(' ', "%20"));
        succeed(ftpsim(here.path()).args(["put", &url, "-", "--mode", mode]).write_stdin(bytes.clone()));
        assert_eq!(fs::read(server.root.path().join(&name)).unwrap(), bytes, "{mode}");
        let cat = output(ftpsim(here.path()).args(["cat", "--mode", mode, &url]));
        assert!(cat.status.success() && cat.stdout == bytes, "{mode}");
        let get = output(ftpsim(here.path()).args(["get", "-o", "-", "--mode", mode, &url]));
        assert!(get.status.success() && get.stdout == bytes, "{mode}");
    }
    fs::write(server.root.path().join("a"), "A").unwrap();
    let both = output(ftpsim(here.path()).args(["cat", &server.url(""), "a", "none", "a"]));
    assert_eq!((both.status.code(), &both.stdout[..]), (Some(1), &b"A"[..]), "{}", said(&both));
    let nameless = output(ftpsim(here.path()).args(["put", &server.url(""), "-"]).write_stdin("x"));
    assert_eq!(nameless.status.code(), Some(2), "{}", said(&nameless));
    assert!(names(here.path()).is_empty());
}

/// What is broken off is not the file: nothing stands under its name.
#[test]
fn an_interrupted_upload_of_stdin_publishes_nothing() {
    use std::io::Write;
    let server = Server::start(&[]);
    let program = assert_cmd::cargo::cargo_bin!("ftpsim");
    let mut command = std::process::Command::new(program);
    command.args(["put", &server.url("file"), "-"]).stdin(std::process::Stdio::piped());
    let mut child = Reaped(command.stderr(std::process::Stdio::null()).spawn().unwrap());
    let mut stdin = child.0.stdin.take().unwrap();
    stdin.write_all(&noise(100_000, 1)).unwrap();
    let begun = std::time::Instant::now();
    while server.names().is_empty() {
        assert!(begun.elapsed() < LIMIT, "it does not begin");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let process = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(130));
    drop(stdin);
    // What has come is kept for whoever resumes, out of sight.
    let begun = std::time::Instant::now();
    while server.names().iter().any(|name| name != ".ftpsim-parts") {
        assert!(!server.root.path().join("file").exists(), "half a file");
        assert!(begun.elapsed() < LIMIT, "{:?}", server.names());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_listing_as_json() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    fs::write(server.root.path().join("a\u{1b}b"), "12345").unwrap();
    fs::create_dir(server.root.path().join("d")).unwrap();
    let ls = output(ftpsim(here.path()).args(["ls", "--json", &server.url("")]));
    assert!(ls.status.success() && !ls.stdout.contains(&0x1b), "{}", said(&ls));
    let entries: serde_json::Value = serde_json::from_slice(&ls.stdout).unwrap();
    let mut entries = entries.as_array().unwrap().clone();
    entries.sort_by_key(|entry| entry["name"].to_string());
    assert_eq!((&entries[0]["name"], &entries[0]["kind"]), (&"a\u{1b}b".into(), &"file".into()));
    assert_eq!(entries[0]["size_bytes"], 5);
    let modified = entries[0]["modified"].as_str().unwrap();
    assert!(modified.len() == 20 && modified.starts_with("20") && modified.ends_with('Z'), "{modified}");
    assert_eq!((&entries[1]["kind"], &entries[1]["target"]), (&"directory".into(), &serde_json::Value::Null));
    let none = output(ftpsim(here.path()).args(["ls", "--json", &server.url("none")]));
    assert_eq!(none.status.code(), Some(1), "{}", said(&none));
}

#[test]
fn empty_directories_come_along() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    write_tree(server.root.path());
    succeed(ftpsim(here.path()).args(["get", "-r", &server.url("")]));
    assert!(here.path().join("none").is_dir());
    assert_eq!(tree(here.path()), tree(server.root.path()));
}

#[test]
fn passwords_come_from_files() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str, mode: u32| {
        let path = here.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let anonymous = server.url("").replace(&format!("{USER}:{PASSWORD}@"), "");
    let run = |arguments: &[&str]| output(ftpsim(here.path()).env_remove("NETRC").args(arguments));
    file("password", &format!("{PASSWORD}\n"), 0o600);
    file("empty", "\n", 0o600);
    let with_file = run(&["ls", &server.url_of_user(""), "--password-file", "password", "--tls", "off"]);
    assert!(with_file.status.success() && said(&with_file).is_empty(), "{}", said(&with_file));
    for (name, url) in
        [("empty", server.url_of_user("")), ("none", server.url_of_user("")), ("password", anonymous.clone())]
    {
        let refused = run(&["ls", &url, "--password-file", name]);
        assert_eq!(refused.status.code(), Some(2), "{name}: {}", said(&refused));
    }
    let entry = format!(
        "machine elsewhere login x password y\nmachine 127.0.0.1\n login {USER} password {PASSWORD}\n"
    );
    file(".netrc", &entry, 0o600);
    for url in [&anonymous, &server.url_of_user("")] {
        let with_netrc = run(&["ls", url, "--tls", "off"]);
        assert!(with_netrc.status.success() && said(&with_netrc).is_empty(), "{url}: {}", said(&with_netrc));
    }
    let without = run(&["ls", &anonymous, "--no-netrc"]);
    assert_eq!(without.status.code(), Some(1), "anonymous is not known: {}", said(&without));
    file(".netrc", &entry, 0o644);
    let open = run(&["ls", &anonymous, "--tls", "off"]);
    assert!(open.status.success() && said(&open).contains("chmod 600"), "{}", said(&open));
    assert!(!said(&open).contains(PASSWORD));
}
