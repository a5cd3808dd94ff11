//! `ftpsim put`, `get` and `ls` with `ftpsim serve`: trees, wildcards, JSON, exit codes.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;
#[path = "transfer_cli/keeping.rs"]
mod keeping;
#[path = "transfer_cli/manage.rs"]
mod manage;

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
        &["--mode", "deflate", "--deflate-level", "9", "--parallel", "2", "--verify", "hash"],
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
        (
            vec!["put", "ftp://host/", "one", "--mode", "page"],
            "possible values: stream, block, compressed, deflate",
        ),
        (
            vec!["put", "ftp://host/", "one", "--deflate-level", "10"],
            "10 is no compression level: 0 to 9 are",
        ),
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
    assert_eq!(status.code(), Some(130));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let published: Vec<_> = server.names().into_iter().filter(|name| name == "big").collect();
    assert!(published.is_empty(), "the server took the interruption for the end of the file");
}

/// However a download is ended, and however often: nothing of it is left, and the exit code tells why.
#[test]
fn an_ended_download_leaves_nothing_behind() {
    let server = Server::start(&["--rate", "1000000"]);
    fs::create_dir(server.root.path().join("d")).unwrap();
    for name in ["big", "d/one", "d/two"] {
        fs::write(server.root.path().join(name), noise(20_000_000, 1)).unwrap();
    }
    for (arguments, signals, code) in [
        (&["big"][..], &["-INT"][..], 130),
        (&["big"], &["-TERM"], 143),
        (&["big"], &["-HUP"], 129),
        (&["-r", "d", "--parallel", "2"], &["-TERM"], 143),
        (&["big", "--mode", "block"], &["-TERM", "-INT"], 0),
    ] {
        if signals == ["-HUP"] && hangups_are_ignored() {
            println!("skipped: who has begun these tests ignores SIGHUP, and so do those whom they begin");
            continue;
        }
        let here = tempfile::tempdir().unwrap();
        let mut child = downloading(here.path(), &server, arguments);
        let pid = child.0.id().to_string();
        for signal in signals {
            assert!(
                std::process::Command::new("kill").args([*signal, pid.as_str()]).status().unwrap().success()
            );
        }
        let status = child.0.wait().unwrap();
        // Of two signals either may be heard first.
        assert!(status.code() == Some(code) || code == 0 && status.code() > Some(128), "{status}");
        assert_eq!(files_in(here.path()), [""; 0], "{arguments:?}");
    }
}

/// As behind nohup, whatever is between.
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}

/// Who is begun by nohup is not ended by what it is to outlive.
#[test]
fn a_download_that_is_to_outlive_its_terminal_does() {
    let server = Server::start(&["--rate", "1000000"]);
    fs::write(server.root.path().join("big"), noise(2_000_000, 1)).unwrap();
    let here = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin!("ftpsim");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(program);
    command.args(["get", &server.url("big")]).current_dir(here.path()).stderr(std::process::Stdio::null());
    let mut child = Reaped(command.spawn().unwrap());
    while files_in(here.path()).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = child.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    assert!(child.0.wait().unwrap().success());
    assert_eq!(files_in(here.path()), ["big"]);
}

/// A killed one can tidy nothing: the next one in the same place does, but for what somebody works at.
#[test]
fn a_killed_download_is_tidied_up_after_by_the_next() {
    let server = Server::start(&["--rate", "1000000"]);
    fs::write(server.root.path().join("big"), noise(20_000_000, 1)).unwrap();
    fs::write(server.root.path().join("small"), "abc").unwrap();
    let here = tempfile::tempdir().unwrap();
    let mut killed = downloading(here.path(), &server, &["big"]);
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    let left = files_in(here.path());
    assert!(left.len() == 1 && left[0].ends_with(".tmp"), "{left:?}");
    let _alive = downloading(here.path(), &server, &["big"]);
    assert_eq!(files_in(here.path()).len(), 1, "the dead one's has gone");
    succeed(ftpsim(here.path()).args(["get", &server.url(""), "small"]));
    let names = files_in(here.path());
    assert!(names.len() == 2 && names[0].ends_with(".tmp") && !left.contains(&names[0]), "{names:?}");
}

/// A download under way: its hidden file is there, and something in it.
fn downloading(here: &std::path::Path, server: &Server, arguments: &[&str]) -> Reaped {
    let before = files_in(here);
    let program = assert_cmd::cargo::cargo_bin!("ftpsim");
    let mut command = std::process::Command::new(program);
    command.arg("get").args(arguments.iter().filter(|word| word.starts_with("-r")));
    command.arg(server.url("")).args(arguments.iter().filter(|word| !word.starts_with("-r")));
    command.current_dir(here).stderr(std::process::Stdio::null());
    let child = Reaped(command.spawn().unwrap());
    let begun = std::time::Instant::now();
    while files_in(here).iter().all(|name| before.contains(name)) {
        assert!(begun.elapsed() < LIMIT, "it does not begin");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child
}

/// Beneath a directory, hidden ones too.
fn files_in(directory: &std::path::Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files.extend(files_in(&entry.path()));
        } else {
            files.push(entry.file_name().into_string().unwrap());
        }
    }
    files.sort_unstable();
    files
}

/// RFC 1123 section 4.1.4.2: any string goes to the server, all its replies to the user.
#[test]
fn quote_sends_what_it_is_given() {
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    let quote = ["quote", "--tls", "off", &server.url_of_user(""), "SYST", "MKD a b", "FEAT"];
    let said = succeed(ftpsim(here.path()).env("FTPSIM_PASSWORD", PASSWORD).args(quote));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["215 UNIX Type: L8", "257 \"/a b\" created."]);
    assert_eq!((lines[2], *lines.last().unwrap()), ("211-Extensions supported:", "211 End"));
    let refused = output(ftpsim(here.path()).args(["quote", &server.url(""), "FROB 1", "RETR none", "QUIT"]));
    assert_eq!(refused.status.code(), Some(1), "{}", self::said(&refused));
    let codes: Vec<&str> =
        std::str::from_utf8(&refused.stdout).unwrap().lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["500", "550", "221"], "all replies");
}

/// RFC 1123 section 4.1.4.2: commands go as the user enters them, not when there are more.
#[test]
fn quote_sends_each_line_as_it_is_entered() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};
    let server = Server::start(&[]);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ftpsim"));
    command.args(["quote", &server.url("")]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = Reaped(command.spawn().unwrap());
    let mut typing = child.0.stdin.take().unwrap();
    let mut replies = BufReader::new(child.0.stdout.take().unwrap()).lines();
    for (line, code) in [("PWD", "257"), ("MKD x", "257"), ("CWD x", "250"), ("PWD", "257")] {
        writeln!(typing, "{line}").unwrap();
        let reply = replies.next().unwrap().unwrap();
        assert!(reply.starts_with(code), "{line}: {reply}");
    }
    drop(typing);
    assert!(child.0.wait().unwrap().success());
}

/// RFC 1123 section 4.1.4.3: the whole dialogue where it is wanted, never the password.
#[test]
fn verbose_shows_the_dialogue() {
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("f"), "a\nb\n").unwrap();
    let quoted = ["put", &server.url(""), "f", "--verbose", "--quote", "SITE HELP", "--quote", "CLNT test"];
    let put = output(ftpsim(here.path()).args(quoted));
    assert!(put.status.success(), "{}", said(&put));
    let stderr = String::from_utf8_lossy(&put.stderr).into_owned();
    let mut rest = stderr.as_str();
    for line in [
        "< 220 ",
        "> USER tester",
        "< 331 ",
        "> PASS ****",
        "< 230 ",
        "> TYPE I",
        "< 200 ",
        "> SITE HELP",
        "< 214-",
        "< 214 ",
        "> CLNT test",
        "< 200 ",
        "> EPSV",
        "< 229 ",
        "> STOR f",
        "< 150 ",
        "< 226 ",
        "> QUIT",
    ] {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line} in\n{stderr}"));
        rest = &rest[at + line.len()..];
    }
    assert!(!stderr.contains(PASSWORD), "{stderr}");
    assert!(succeed(ftpsim(here.path()).args(["ls", &server.url(""), "-v"])).contains("> LIST"));
    let refused =
        output(ftpsim(here.path()).args(["get", &server.url("f"), "--quote", "FROB", "--retries", "0"]));
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("FROB: 500"), "{}", said(&refused));
}

/// Three records (one of them empty) come back as three, whatever carried them there.
#[test]
fn record_files_both_ways() {
    let records = b"\x80\0\0\x03abc\x80\0\0\0\x80\0\0\x02\xff\n";
    for mode in ["stream", "block", "compressed", "deflate"] {
        let server = Server::start(&["--record-form", "marked"]);
        let here = tempfile::tempdir().unwrap();
        fs::write(here.path().join("f"), records).unwrap();
        let options =
            ["--structure", "record", "--record-form", "marked", "--mode", mode, "--verify", "size"];
        succeed(ftpsim(here.path()).args(["put", &server.url(""), "f"]).args(options));
        assert_eq!(fs::read(server.root.path().join("f")).unwrap(), records, "{mode}");
        fs::remove_file(here.path().join("f")).unwrap();
        succeed(ftpsim(here.path()).args(["get", &server.url("f")]).args(options));
        assert_eq!(fs::read(here.path().join("f")).unwrap(), records, "{mode}");
        // A server that keeps no records gets the data.
        let plain = Server::start(&[]);
        succeed(ftpsim(here.path()).args(["put", &plain.url(""), "f"]).args(options));
        assert_eq!(fs::read(plain.root.path().join("f")).unwrap(), b"abc\xff\n", "{mode}");
    }
}

/// `--type e`: lines go as EBCDIC, and come back.
#[test]
fn ebcdic_both_ways() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    fs::write(here.path().join("f"), "HELLO 1\n").unwrap();
    succeed(ftpsim(here.path()).args(["put", &server.url(""), "f", "--type", "e"]));
    // The server takes TYPE E for text and keeps it as text; as it stood on the wire is in `--type i`
    // to a server told so by QUOTE.
    assert_eq!(fs::read(server.root.path().join("f")).unwrap(), b"HELLO 1\n");
    let raw = ["get", &server.url("f"), "--quote", "TYPE E", "--out", "raw"];
    succeed(ftpsim(here.path()).args(raw));
    assert_eq!(fs::read(here.path().join("raw/f")).unwrap(), b"\xc8\xc5\xd3\xd3\xd6\x40\xf1\x15");
}
