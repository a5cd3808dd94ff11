//! Real programs over the simulated path: as root, on Linux, with a TUN device.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::*;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// Whether namespaces can be made and joined by a device here.
fn can_link() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root || !Path::new("/dev/net/tun").exists() {
        // Not a matter of what is installed.
        println!("skipped: network namespaces need root and /dev/net/tun");
        return false;
    }
    ["ip", "setpriv", "chrt"].iter().all(|program| has(program))
}

const OURS: &str = env!("CARGO_BIN_EXE_ftpsim");

/// `ftpsim link` with our server at the far end, which serves `home/root`.
fn linked(home: &Path, options: &[&str], command: &[&str]) -> Output {
    let _ = fs::create_dir(home.join("root"));
    let root = home.join("root");
    let server = format!(
        "exec {OURS} serve --root {} --listen {{host}}:2121 --user {USER}:{PASSWORD} 2>&1 >/dev/null",
        root.display()
    );
    let mut link = ftpsim(home);
    link.env("FTPSIM_PASSWORD", PASSWORD).arg("link").args(options).args(["--server", &server, "--"]);
    link.args(command).output().unwrap()
}

fn url() -> String {
    format!("ftp://{USER}@{{host}}:2121/")
}

#[test]
fn a_delivery_takes_its_round_trips_and_arrives() {
    if !can_link() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(home.path().join("sent"), &content).unwrap();
    let begin = Instant::now();
    let options = ["--rtt", "100ms", "--rate", "50M", "--pcap", "packets.pcapng"];
    let put = [OURS, "put", "-q", "--tls", "off", &url(), "sent"];
    let output = linked(home.path(), &options, &put);
    assert!(output.status.success(), "{}", said(&output));
    assert!(fs::read(home.path().join("root/sent")).unwrap() == content);
    // Connecting, the greeting, USER, PASS, TYPE, a port, connecting to it, STOR and its reply: one each.
    assert!(begin.elapsed() > Duration::from_millis(800), "{:?}", begin.elapsed());
    let said = said(&output);
    assert!(said.contains("(0 lost, 0 dropped by the queue)"), "{said}");
    let capture = fs::read(home.path().join("packets.pcapng")).unwrap();
    assert!(capture.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) && capture.len() > 200_000);
}

/// What the simulation says of stream mode, on a kernel's own TCP: of the file ten bytes arrive, and everybody says
/// that it is there. Block mode marks its end, and sends it again.
#[test]
fn an_early_close_truncates_stream_mode_silently_on_a_kernels_tcp() {
    if !can_link() {
        return;
    }
    for (mode, arrives) in [("stream", 10), ("block", 5_000)] {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("sent"), vec![b'x'; 5_000]).unwrap();
        let options = ["--rtt", "20ms", "--fault", "early_close", "--at", "10"];
        let put = [OURS, "put", "-q", "--tls", "off", "--mode", mode, &url(), "sent"];
        let output = linked(home.path(), &options, &put);
        assert!(output.status.success(), "{mode}: {}", said(&output));
        assert_eq!(fs::metadata(home.path().join("root/sent")).unwrap().len(), arrives, "{mode}");
        assert!(!said(&output).contains("did not strike"), "{}", said(&output));
    }
}

#[test]
fn a_fault_that_did_not_strike_is_told_even_quietly() {
    if !can_link() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("sent"), "short").unwrap();
    let options = ["-q", "--rtt", "1ms", "--fault", "early_close", "--at", "100000"];
    let output = linked(home.path(), &options, &[OURS, "put", "-q", "--tls", "off", &url(), "sent"]);
    assert!(output.status.success() && said(&output).contains("did not strike"), "{}", said(&output));
}

#[test]
fn the_commands_exit_code_is_told_and_nothing_is_left_behind() {
    if !can_link() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    // Whoever the server starts as well is of its group.
    let marker = format!("{}", 7_000_000 + std::process::id());
    let mut link = ftpsim(home.path());
    let server =
        format!("sleep {marker} & exec {OURS} serve --root . --listen {{host}}:2121 --user u:p 2>/dev/null");
    let ended =
        link.args(["link", "--quiet", "--server", &server, "--", "sh", "-c", "exit 7"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(7), "{}", said(&ended));
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("cmdline")).ok());
    assert!(!processes.into_iter().any(|line| line.contains(&format!("sleep\0{marker}"))));
}

#[test]
fn what_cannot_be_run_is_told_with_its_remedy() {
    if !can_link() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let output = ftpsim(home.path()).arg("link").args(arguments).output().unwrap();
        let said = said(&output);
        assert!(output.status.code() == Some(code) && said.contains(words), "{arguments:?}: {said}");
    };
    fails(&["--", "no-such-program"], 2, "no-such-program");
    fails(&["--server", "exit 3", "--", "true"], 2, "the server ended at once");
    fails(&["--congestion", "no-such", "--", "true"], 2, "congctl");
    fails(&["--fault", "sender_dies", "--", "true"], 2, "a middlebox has");
    fails(&["--fault", "stall", "--", "true"], 2, "--lasts");
    fails(&["--rtt", "fast", "--", "true"], 2, "expected a time");
}
