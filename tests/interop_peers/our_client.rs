//! `ftpsim put`, `get` and `ls` with other people's servers.

use crate::common::*;
use std::fs;
use std::path::Path;
use std::process::Output;

fn sample_names() -> Vec<&'static str> {
    samples().into_iter().map(|(name, _)| name).collect()
}

fn output(command: &mut assert_cmd::Command) -> Output {
    command.output().unwrap()
}

fn clear(directory: &Path) {
    for name in names(directory) {
        fs::remove_file(directory.join(name)).unwrap();
    }
}

/// What every server has to agree with us on.
fn deliver(name: &str) -> Option<Peer> {
    let peer = Peer::start(name)?;
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_samples(there.path());
    for options in [&["--verify", "size"][..], &["--active"], &["--parallel", "3", "--publish", "rename"]] {
        let mut put = ftpsim(there.path());
        succeed(put.args(["put", &peer.url, "--retries", "0"]).args(options).args(sample_names()));
        assert_samples(&peer.root, &format!("{name} put {options:?}"));
        let mut get = ftpsim(back.path());
        succeed(
            get.args(["get", &peer.url, "--retries", "0"]).args(options_of_get(options)).args(sample_names()),
        );
        assert_samples(back.path(), &format!("{name} get {options:?}"));
        clear(&peer.root);
        clear(back.path());
    }
    peer.write_samples();
    listings(&peer, back.path());
    failures(&peer, there.path());
    tree(&peer);
    Some(peer)
}

/// `--publish` is of uploads.
fn options_of_get<'a>(options: &[&'a str]) -> Vec<&'a str> {
    options.iter().copied().filter(|option| !["--publish", "rename"].contains(option)).collect()
}

fn listings(peer: &Peer, here: &Path) {
    let long = succeed(ftpsim(here).args(["ls", &peer.url]));
    let short = succeed(ftpsim(here).args(["ls", "-1", &peer.url]));
    for (name, content) in samples() {
        let size = content.len().to_string();
        let matches = |line: &str| line.ends_with(name) && line.split_whitespace().any(|word| word == size);
        assert!(long.lines().any(matches), "{}: {name} of {size} bytes in\n{long}", peer.name);
        assert!(short.lines().any(|line| line == name), "{}: {name} in\n{short}", peer.name);
    }
}

/// Names with blanks, dashes, brackets, bytes that are no text; an empty directory.
fn tree(peer: &Peer) {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"gr\xfcn");
    // pyftpdlib speaks UTF-8 only.
    let last = if peer.name == "pyftpdlib" { "grün".as_ref() } else { odd };
    let there = tempfile::tempdir().unwrap();
    for directory in ["t/a b/-l", "t/-R", "t/none", "t/[x]"] {
        fs::create_dir_all(there.path().join(directory)).unwrap();
    }
    let files: Vec<std::path::PathBuf> = ["t/a b/-l/ f", "t/-R/-la", "t/[x]/[1]"]
        .iter()
        .map(|name| name.into())
        .chain([Path::new("t").join(last)])
        .collect();
    for file in &files {
        fs::write(there.path().join(file), "content").unwrap();
    }
    succeed(ftpsim(there.path()).args(["put", "-r", &peer.url, "t"]));
    let back = tempfile::tempdir().unwrap();
    let said = succeed(ftpsim(back.path()).args(["get", "-r", &format!("{}/t", peer.url)]));
    for file in &files {
        assert_eq!(
            fs::read(back.path().join(file)).unwrap_or_default(),
            b"content",
            "{}: {file:?}: {said}",
            peer.name
        );
    }
    for directory in ["a b/-l", "-R"] {
        let url = format!("{}/t/{}", peer.url, directory.replace(' ', "%20"));
        let listed = succeed(ftpsim(back.path()).args(["ls", "-1", "--tls", "off", &url]));
        // What is told of the password in the URL is not a name.
        let name = |line: &&str| !matches!(*line, "." | "..") && !line.starts_with("ftpsim: ");
        let listed = listed.lines().filter(name);
        assert_eq!(listed.count(), 1, "{}: {directory}", peer.name);
    }
    fs::remove_dir_all(peer.root.join("t")).unwrap();
}

/// Exit code 1 and the server's words; the other files of the delivery arrive.
fn failures(peer: &Peer, there: &Path) {
    let who = &peer.name;
    let back = tempfile::tempdir().unwrap();
    let got = output(ftpsim(back.path()).args(["get", &peer.url, "--retries", "0", "none", "one.bin"]));
    assert_eq!(got.status.code(), Some(1), "{who}: {}", said(&got));
    assert!(said(&got).contains("none: RETR none: 550"), "{who}: {}", said(&got));
    assert_eq!(names(back.path()), ["one.bin"], "{who}");
    let url = format!("{}/no-such-directory/", peer.url);
    let put = output(ftpsim(there).args(["put", &url, "--retries", "0", "one.bin"]));
    assert_eq!(put.status.code(), Some(1), "{who}: {}", said(&put));
    assert!(said(&put).contains(": 55"), "{who}: {}", said(&put));
    for mode in ["block", "compressed"] {
        let put = output(ftpsim(there).args(["put", &peer.url, "--retries", "0", "--mode", mode, "one.bin"]));
        assert_eq!(put.status.code(), Some(1), "{who}: {}", said(&put));
        assert!(said(&put).contains("504"), "{who} has no {mode} mode: {}", said(&put));
    }
    if who != "proftpd" {
        let deflate = ["--retries", "0", "--mode", "deflate", "one.bin"];
        let put = output(ftpsim(there).args(["put", &peer.url]).args(deflate));
        assert_eq!(put.status.code(), Some(1), "{who}: {}", said(&put));
        assert!(said(&put).contains("MODE Z: 50"), "{who} has no deflate mode: {}", said(&put));
    }
}

#[test]
fn vsftpd() {
    deliver("vsftpd");
}

#[test]
fn proftpd() {
    let Some(peer) = deliver("proftpd") else { return };
    // The one of them that has HASH.
    let here = tempfile::tempdir().unwrap();
    write_samples(here.path());
    for name in ["1m.bin", "empty.bin"] {
        succeed(ftpsim(here.path()).args(["put", &peer.url, "--retries", "0", "--verify", "hash", name]));
        succeed(ftpsim(here.path()).args(["get", &peer.url, "--retries", "0", "--verify", "hash", name]));
    }
    assert_samples(here.path(), "proftpd, verified by HASH");
    compressed_downloads(&peer);
}

/// MODE Z: files, listings, levels, a restart. No uploads: Debian's mod_deflate damages what it receives.
fn compressed_downloads(peer: &Peer) {
    clear(&peer.root);
    fs::write(peer.root.join("zeros"), vec![0; 5_000_000]).unwrap();
    peer.write_samples();
    let deflate = ["--retries", "0", "--mode", "deflate", "--verbose"];
    for more in [&["--verify", "size"][..], &["--deflate-level", "9"], &["--deflate-level", "0", "--active"]]
    {
        let back = tempfile::tempdir().unwrap();
        let said = succeed(ftpsim(back.path()).args(["get", "-r", &peer.url]).args(deflate).args(more));
        assert!(said.contains("> MODE Z") && said.contains("< 200"), "{said}");
        assert!(fs::read(back.path().join("zeros")).unwrap() == [0; 5_000_000], "{more:?}");
        fs::remove_file(back.path().join("zeros")).unwrap();
        assert_samples(back.path(), &format!("proftpd, MODE Z {more:?}"));
    }
}

#[test]
fn pure_ftpd() {
    deliver("pure-ftpd");
}

#[test]
fn pyftpdlib() {
    let Some(peer) = deliver("pyftpdlib") else { return };
    let here = tempfile::tempdir().unwrap();
    write_samples(here.path());
    let mut put = ftpsim(here.path());
    let put = output(put.args(["put", &peer.url, "--retries", "0", "--verify", "hash", "one.bin"]));
    assert_eq!(put.status.code(), Some(1), "verification asked for and not to be had: {}", said(&put));
    assert!(said(&put).contains("cannot verify by HASH"), "{}", said(&put));
}
