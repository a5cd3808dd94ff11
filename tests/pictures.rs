//! What ftpsim draws and captures, looked at by the programs that people look with: Chromium and
//! tshark. `tests/peers/install.sh` installs them.
#![cfg(feature = "cli")]

mod common;
#[path = "pictures/pages.rs"]
mod pages;

use common::{LIMIT, bounded, ftpsim, has, succeed};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Headless, alone, quiet; it may be shown several pages.
fn chromium(home: &Path, arguments: &[&str]) -> String {
    let profile = format!("--user-data-dir={}", home.join("profile").display());
    let mut command = bounded("chromium", home);
    command.timeout(4 * LIMIT);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--enable-logging=stderr", "--virtual-time-budget=1000", &profile]).args(arguments);
    succeed(&mut command)
}

/// The page as Chromium has it, at this fragment; what the page printed on the console fails.
fn dom(home: &Path, page: &Path, fragment: &str) -> String {
    let said = chromium(home, &["--dump-dom", &format!("file://{}{fragment}", page.display())]);
    let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{console:?}");
    said
}

/// The page of a comparison.
fn results(home: &Path, scenario: &str, seeds: &str) -> PathBuf {
    let run = ["compare", scenario, "--seeds", seeds, "--out", "out"];
    assert!(ftpsim(home).args(run).output().unwrap().status.success());
    home.join("out/report.html")
}

#[test]
fn the_report_loads_and_its_links_open_what_they_name() {
    if !has("chromium") {
        return;
    }
    let home = TempDir::new().unwrap();
    let page = results(home.path(), "tiny", "0..56");
    let shown = dom(home.path(), &page, "");
    assert!(shown.contains("<h1>tiny</h1>"));
    let link = shown
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|l| l.starts_with("#loss-"));
    let link = link.expect("stream mode loses files in these seeds");
    let open = |text: &str| {
        let all = text.split("<details ").skip(1).map(str::to_owned);
        all.filter(|part| part.split('>').next().is_some_and(|tag| tag.contains(" open"))).collect::<Vec<_>>()
    };
    assert_eq!(open(&shown).len(), 0, "closed until asked for");
    let opened = open(&dom(home.path(), &page, link));
    let cell = opened.first().expect("it opens its seeds");
    let cell = &cell[..cell.find("</details>").unwrap()];
    assert!(cell.contains(&link[1..]) && cell.contains("ftpsim replay tiny"), "{link}: {cell}");
    assert!(cell.contains("class=\"ladder\""), "the first of them is drawn");
}

#[test]
fn a_timeline_loads_in_a_browser() {
    if !has("chromium") {
        return;
    }
    let home = TempDir::new().unwrap();
    let run = ["replay", "tiny", "--variant", "block", "--seed", "10", "--html", "run.html"];
    succeed(ftpsim(home.path()).args(run));
    let shown = dom(home.path(), &home.path().join("run.html"), "#events");
    assert!(shown.contains("class=\"ladder\"") && shown.contains("250 File transfer completed"), "{shown}");
}

fn tshark(home: &Path, arguments: &[&str]) -> Vec<String> {
    let output = bounded("tshark", home).args(["-n", "-r", "run.pcapng"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", common::said(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_capture_is_ftp_to_tshark() {
    if !has("tshark") {
        return;
    }
    let home = TempDir::new().unwrap();
    let run = ["--variant", "stream", "--seed", "0", "--pcap", "run.pcapng", "--trace", "run.jsonl"];
    succeed(ftpsim(home.path()).args(["replay", "tiny"]).args(run));
    // Every command of the client, in order.
    let trace = std::fs::read_to_string(home.path().join("run.jsonl")).unwrap();
    let events = trace.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let sent: Vec<String> = events
        .filter(|event| event["place"] == "client")
        .filter_map(|event| Some(event["text"].as_str()?.split_once("] -> ")?.1.replace("****", "password")))
        .collect();
    let fields =
        ["-Y", "ftp.request.command", "-T", "fields", "-E", "separator=/s", "-e", "ftp.request.command"];
    let seen = tshark(home.path(), &[&fields[..], &["-e", "ftp.request.arg"]].concat());
    let seen: Vec<&str> = seen.iter().map(|line| line.trim_end()).collect();
    assert!(sent.len() > 10);
    assert_eq!(seen, sent);
    let checked = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-Y"];
    let bad = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0";
    assert_eq!(tshark(home.path(), &[&checked[..], &[bad]].concat()), [""; 0]);
}
