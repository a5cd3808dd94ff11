//! `--durable` at both ends, as processes: what is asked of the system, and what is said.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::path::Path;

const FILES: usize = 60;

/// The system calls that have come to their end, in that order: name and arguments, descriptors with paths.
fn calls(traced: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, String> = BTreeMap::new();
    let mut ended = Vec::new();
    for line in traced.lines() {
        let Some((thread, call)) = line.trim().split_once(' ') else { continue };
        let call = call.trim();
        if let Some((beginning, _)) = call.split_once(" <unfinished ...>") {
            begun.insert(thread, beginning.to_owned());
        } else if call.contains(" resumed>") {
            ended.extend(begun.remove(thread).filter(|_| call.ends_with("= 0")));
        } else if call.ends_with("= 0") {
            ended.push(call.to_owned());
        }
    }
    ended
}

/// Each file before its name, and the directory after it.
#[test]
fn the_system_is_asked_in_the_right_order() {
    if !has("strace") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let traced = place.path().join("calls");
    for direction in ["put", "get"] {
        let mut command = bounded("strace", place.path());
        command.args(["-f", "-y", "-e", "trace=fsync,renameat,renameat2", "-e", "signal=none", "-o"]);
        command.arg(&traced).arg(env!("CARGO_BIN_EXE_ftpsim")).args(["bench", "--durable", "--once"]);
        command.args(["--files", &FILES.to_string(), "--mode", "block", "--pipeline", "32"]);
        command.args(["--direction", direction, "--store"]).arg(place.path());
        let output = command.output().unwrap();
        if !output.status.success() && said(&output).contains("strace") {
            return skip("the right to trace");
        }
        assert!(output.status.success(), "{}", said(&output));
        let calls = calls(&fs::read_to_string(&traced).unwrap());
        let is_directory = |call: &str| call.starts_with("fsync(") && call.contains("/received>");
        let (mut named, mut directories) = (0, 0);
        for (at, call) in calls.iter().enumerate() {
            directories += usize::from(is_directory(call));
            let Some((temporary, _)) =
                call.split_once(".tmp\"").and_then(|(to, _)| to.rsplit_once('"').map(|(_, name)| (name, to)))
            else {
                continue;
            };
            named += 1;
            let of_file = |call: &&String| call.starts_with("fsync(") && call.contains(temporary);
            assert!(calls[..at].iter().any(|call| of_file(&call)), "{call} before its bytes: {calls:#?}");
            assert!(calls[at..].iter().any(|call| is_directory(call)), "{call} is not synced");
        }
        assert_eq!(named, FILES);
        // How many share one hangs on how long the disk takes; the server's tests hold that they do.
        assert!((1..=FILES).contains(&directories), "{directories} syncs for {FILES} names");
    }
}

#[test]
fn put_refuses_a_server_that_does_not_promise() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("tree")).unwrap();
    fs::write(here.path().join("tree/f"), "content").unwrap();
    let server = Server::start(&[]);
    for arguments in [&["-r", "tree"][..], &["tree/f"]] {
        let mut command = ftpsim(here.path());
        let output = command.args(["put", "--durable", &server.url("up/")]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("no DURABLE in FEAT"), "{}", said(&output));
        assert!(server.names().is_empty(), "nothing is made there");
    }
    let server = Server::start(&["--durable"]);
    for options in [&[][..], &["--mode", "block", "--pipeline", "8"], &["--publish", "rename"]] {
        succeed(
            ftpsim(here.path()).args(["put", "--durable", "-r", &server.url("up/"), "tree"]).args(options),
        );
        assert_eq!(fs::read(server.root.path().join("up/tree/f")).unwrap(), b"content");
    }
}

#[test]
fn get_takes_all_of_a_tree_to_the_disk() {
    let server = Server::start(&[]);
    fs::create_dir_all(server.root.path().join("tree/deep")).unwrap();
    for number in 0..50 {
        fs::write(server.root.path().join(format!("tree/deep/f{number}")), number.to_string()).unwrap();
    }
    let here = tempfile::tempdir().unwrap();
    for (out, options) in
        [("a/b", &["--mode", "block", "--pipeline", "20"][..]), (".", &["--parallel", "4"]), ("c", &[])]
    {
        let out = Path::new(out);
        let mut command = ftpsim(here.path());
        command.args(["get", "--durable", "-r", &server.url("tree"), "-o"]).arg(out).args(options);
        succeed(&mut command);
        for number in 0..50 {
            let path = here.path().join(out).join(format!("tree/deep/f{number}"));
            assert_eq!(fs::read_to_string(path).unwrap(), number.to_string());
        }
    }
}

#[test]
fn the_configuration_and_the_help_say_it() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("serve.toml");
    fs::write(&file, "durable = true\n").unwrap();
    let user = format!("{USER}:{PASSWORD}");
    let server = Server::start_as(&["--config", file.to_str().unwrap(), "--user", &user]);
    let mut client = Raw::log_in(server.address);
    let mut line = client.ask("FEAT", "211");
    while !line.starts_with(" DURABLE") {
        line.clear();
        client.lines.read_line(&mut line).unwrap();
        assert!(!line.starts_with("211 "), "FEAT does not say DURABLE");
    }
    let help = succeed(ftpsim(place.path()).args(["serve", "--help"]));
    for words in ["Without --durable nothing is synced", "up to 30 s", "DURABLE"] {
        assert!(help.contains(words), "{words}");
    }
    let said = said(&ftpsim(place.path()).args(["bench", "--durable"]).output().unwrap());
    assert!(said.contains("--store disk"), "{said}");
}
