//! `ftpsim serve` as its administrator meets it: signals, users of the machine, confinement, warnings, logs.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::described::*;
use common::*;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_hangup_reads_users_and_limits_again_and_sessions_go_on() {
    let server = Described::start(&["--login-failure-delay", "0"], |here| users(here, &[("a", "1")], ""));
    let mut old = log_in(server.address, "a", "1", "230");
    let mut data = old.passive();
    old.ask("STOR f", "150");
    std::io::Write::write_all(&mut data, b"first ").unwrap();
    let next = users(server.here.path(), &[("a", "2"), ("b", "3")], "max-sessions = 2");
    server.reload(&next, "has been read again");
    log_in(server.address, "a", "1", "530");
    std::thread::sleep(Duration::from_millis(200));
    let second = log_in(server.address, "b", "3", "230");
    Raw::connect(server.address).expect("421");
    drop(second);
    std::io::Write::write_all(&mut data, b"and last").unwrap();
    drop(data);
    old.expect("226");
    assert_eq!(fs::read(server.path("root/f")).unwrap(), b"first and last");
    // What cannot be used changes nothing, and is told with its place.
    for (bad, word) in [("rooot = 1", "rooot"), ("[[user]]\nname = \"x\"\npassword = 4711", "line 3")] {
        server.reload(bad, "the configuration stays as it was");
        let said = server.said();
        let last = said.lines().last().unwrap();
        assert!(last.contains(word) && !last.contains("4711"), "{said}");
    }
    std::thread::sleep(Duration::from_millis(200));
    log_in(server.address, "b", "3", "230");
    server.reload(&users(server.here.path(), &[("a", "2")], "keep-partials = 1"), "started again");
}

/// As logrotate does it; changes stand in the log as transfers do.
#[test]
fn a_hangup_opens_the_log_anew() {
    let config = |here: &Path| users(here, &[("a", "1")], "");
    let server = Described::start(&[], config);
    let mut client = log_in(server.address, "a", "1", "230");
    client.ask("MKD old\u{202e}", "257");
    for (number, reloaded) in [(1, config(server.here.path())), (2, "rooot = 1".to_owned())] {
        fs::rename(server.path("logs/log"), server.path(&format!("logs/log.{number}"))).unwrap();
        let word = if number == 1 { "has been read again" } else { "stays as it was" };
        server.reload(&reloaded, word);
        client.ask(&format!("MKD new{number}"), "257");
    }
    client.ask("RNFR new1", "350");
    client.ask("RNTO new3", "250");
    client.ask("RMD new3", "250");
    client.store("f", b"abc", "226");
    client.ask("DELE f", "250");
    let events = |name: &str| {
        let text = fs::read_to_string(server.path(name)).unwrap();
        assert!(!text.contains('\u{202e}'), "{text}");
        let event = |line: &str| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["user"], "a");
            format!("{} {}", record["event"].as_str().unwrap(), record["path"].as_str().unwrap())
        };
        text.lines().map(event).collect::<Vec<_>>()
    };
    assert_eq!(events("logs/log.1"), ["make-directory /old\u{202e}"]);
    assert_eq!(events("logs/log.2"), ["make-directory /new1"]);
    let last = ["make-directory /new2", "rename /new1", "remove-directory /new3", "transfer /f", "delete /f"];
    assert_eq!(events("logs/log"), last);
}

/// User and group of the name that every system has for it.
const NOBODY: (u32, u32) = (65_534, 65_534);

#[test]
fn root_becomes_somebody_else_for_good() {
    if !is_root() {
        println!("skipped: this is not root");
        return;
    }
    let config = |here: &Path| users(here, &[("a", "1")], "run-as = \"65534:65534\"");
    let server = Described::start(&[], |here| {
        std::os::unix::fs::chown(here.join("root"), Some(NOBODY.0), Some(NOBODY.1)).unwrap();
        std::os::unix::fs::chown(here.join("logs"), Some(NOBODY.0), Some(NOBODY.1)).unwrap();
        fs::write(here.join("root/secret"), "root's").unwrap();
        fs::set_permissions(here.join("root/secret"), fs::Permissions::from_mode(0o600)).unwrap();
        config(here)
    });
    let said = server.said();
    assert!(!said.contains("runs as root"), "{said}");
    // Real, effective, saved and of the file system: none leads back, and neither does a capability.
    for (key, wanted) in [
        ("Uid:", "65534 65534 65534 65534"),
        ("Gid:", "65534 65534 65534 65534"),
        ("Groups:", "65534"),
        ("CapPrm:", "0000000000000000"),
        ("CapEff:", "0000000000000000"),
    ] {
        let threads = server.of_threads(key);
        assert!(!threads.is_empty() && threads.iter().all(|it| it == wanted), "{key} {threads:?}");
    }
    let mut client = log_in(server.address, "a", "1", "230");
    client.store("f", b"abc", "226");
    let made = fs::metadata(server.path("root/f")).unwrap();
    assert_eq!((made.uid(), made.gid()), NOBODY);
    client.ask("RETR secret", "550");
    assert_eq!(fs::read_to_string(server.path("logs/log")).unwrap().lines().count(), 1);
    // The log, opened by root, can be opened again by its new owner, and a new one made.
    server.reload(&config(server.here.path()), "has been read again");
    fs::rename(server.path("logs/log"), server.path("logs/log.1")).unwrap();
    server.reload(&config(server.here.path()), "has been read again");
    client.ask("DELE f", "250");
    assert_eq!(fs::metadata(server.path("logs/log")).unwrap().uid(), NOBODY.0);
    assert!(!server.said().contains("ERROR"), "{}", server.said());

    let as_root = Described::start(&[], |here| users(here, &[("a", "1")], ""));
    assert!(as_root.said().contains("runs as root"), "{}", as_root.said());
    for (who, word) in [("root", "is root"), ("no-such-user-here", "no user")] {
        let output = ftpsim(as_root.here.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--root", "root", "--user", "a:b", "--run-as", who])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(common::said(&output).contains(word), "{}", common::said(&output));
    }
}

/// Each thread is confined: the configuration's next root, and a log elsewhere, are out of reach.
#[test]
fn the_kernel_confines_the_server_to_what_it_serves() {
    let config = |here: &Path| users(here, &[("a", "1")], "");
    let server = Described::start(&[], config);
    if !server.is_confined() {
        return;
    }
    let threads = server.of_threads("NoNewPrivs:");
    assert!(!threads.is_empty() && threads.iter().all(|it| it == "1"), "{threads:?}");
    let mut client = log_in(server.address, "a", "1", "230");
    client.ask("MKD d", "257");
    client.store("f", b"abc", "226");
    client.store("f", b"abcd", "226");
    client.ask("MFMT 20000101000000 f", "213");
    client.ask("RNFR f", "350");
    client.ask("RNTO d/g", "250");
    for command in ["NLST d", "RETR d/g"] {
        let data = client.passive();
        client.ask(command, "150");
        assert!(!read_all(data).is_empty());
        client.expect("226");
    }
    client.ask("DELE d/g", "250");
    client.ask("RMD d", "250");

    let here = server.here.path();
    fs::create_dir(here.join("outside")).unwrap();
    let outside = format!("{:?}", here.join("outside/log"));
    let log_outside = config(here).replace(&format!("{:?}", here.join("logs/log")), &outside);
    server.reload(&log_outside, "the configuration stays as it was");
    assert!(!server.path("outside/log").exists());
    let root_outside = config(here)
        .replace(&format!("root = {:?}", here.join("root")), &format!("root = {:?}", here.join("outside")));
    server.reload(&root_outside, "the configuration stays as it was");
    assert!(server.said().contains("was confined to other directories"), "{}", server.said());
    // And what it may reach, it still does.
    fs::rename(server.path("logs/log"), server.path("logs/log.1")).unwrap();
    server.reload(&config(here), "has been read again");
    client.ask("MKD e", "257");
    assert_eq!(fs::read_to_string(server.path("logs/log")).unwrap().lines().count(), 1);

    for more in [(&["--no-landlock"][..], ""), (&[], "landlock = false")] {
        let free = Described::start(more.0, |here| users(here, &[("a", "1")], more.1));
        assert!(!free.said().contains("confined"), "{}", free.said());
        fs::create_dir(free.path("outside")).unwrap();
        let outside = format!("{:?}", free.path("outside"));
        let old = format!("{:?}", free.path("root"));
        free.reload(&users(free.here.path(), &[("a", "1")], more.1).replace(&old, &outside), "read again");
    }
}

#[test]
fn what_is_open_to_others_is_warned_of_once() {
    let server = Described::start(&["--user", "x:s3cret-of-x"], |here| {
        users(here, &[("a", "1")], "").replace("logs/log", "root/log")
    });
    let said = server.said();
    for words in ["(ps)", "chmod o-r", "the log"] {
        assert_eq!(said.matches(words).count(), 1, "{words}: {said}");
    }
    assert!(!said.contains("s3cret") && !said.contains("encrypted"), "{said}");
    let root = tempfile::tempdir().unwrap();
    for (listen, warned) in [("0.0.0.0:0", 1), ("127.0.0.1:0", 0)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpsim"));
        command.args(["serve", "--listen", listen, "--anonymous", "--root"]).arg(root.path());
        let log = root.path().join("said");
        command.stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap());
        let mut process = Reaped(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = fs::read_to_string(&log).unwrap();
        assert_eq!(said.matches("nothing is encrypted").count(), warned, "{said}");
    }
}
