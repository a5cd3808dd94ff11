//! `ftpsim put`, `get` and `ls` under TLS with other people's servers. vsftpd and proftpd demand, by their
//! defaults, that each data connection resumes the session of its control connection.

use crate::common::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Among them what ends within a record, what is longer than what a kernel holds, and nothing.
const SIZES: [usize; 5] = [0, 1, 1_000, 65_536, 300_000];
const FILES: usize = 20;

/// In five directories, so that as many listings come before the files.
fn files() -> impl Iterator<Item = (PathBuf, Vec<u8>)> {
    (0..FILES).map(|index| {
        let path = format!("d{}/file-{index}", index % 4);
        (path.into(), noise(SIZES[index % SIZES.len()], index as u64 + 1))
    })
}

fn has_all(tree: &Path, who: &str) {
    for (path, content) in files() {
        let got = fs::read(tree.join(&path)).unwrap_or_else(|error| panic!("{who}: {path:?}: {error}"));
        assert!(got == content, "{who}: {path:?}: {} bytes, expected {}", got.len(), content.len());
    }
}

fn deliver(name: &str) {
    let Some(peer) = Peer::start_with(name, &["--tls"]) else { return };
    let here = tempfile::tempdir().unwrap();
    for (path, content) in files() {
        let path = here.path().join("t").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let certificate = peer.certificate.clone().unwrap();
    let ftpsim = |command: &str, options: &[&str]| {
        let mut ftpsim = ftpsim(here.path());
        ftpsim.args([command, "--tls", "required", "--tls-ca"]).arg(&certificate).args(options);
        ftpsim
    };
    for (max, parallel) in [("1.3", "1"), ("1.3", "2"), ("1.2", "1"), ("1.2", "2")] {
        let who = format!("{name}, TLS {max}, {parallel} at a time");
        let options = ["--tls-max", max, "--parallel", parallel, "--retries", "0"];
        succeed(ftpsim("put", &options).args(["-r", &peer.url, "t"]));
        has_all(&peer.root.join("t"), &format!("{who}, put"));
        let back = tempfile::tempdir().unwrap();
        succeed(ftpsim("get", &options).args(["-r", &format!("{}/t", peer.url), "-o"]).arg(back.path()));
        has_all(&back.path().join("t"), &format!("{who}, get"));
        fs::remove_dir_all(peer.root.join("t")).unwrap();
        let said = succeed(&mut ftpsim("ls", &["--tls-max", max, "-v", &peer.url]));
        assert!(said.contains(&format!("1* TLS {max}, ")), "{who}: {said}");
    }
    // Without TLS it does nothing: what went before was under it.
    let clear = crate::common::ftpsim(here.path()).args(["ls", &peer.url, "--tls", "off"]).output().unwrap();
    assert_eq!(clear.status.code(), Some(1), "{name}: {}", said(&clear));
    // And unless it is told to, the program does not take a certificate that nobody vouches for.
    let auto = crate::common::ftpsim(here.path()).args(["ls", &peer.url]).output().unwrap();
    assert_eq!(auto.status.code(), Some(1), "{name}: {}", said(&auto));
    assert!(said(&auto).contains("--tls-pin SHA256"), "{name}: {}", said(&auto));
}

#[test]
fn vsftpd_under_tls() {
    deliver("vsftpd");
}

#[test]
fn proftpd_under_tls() {
    deliver("proftpd");
}

#[test]
fn pure_ftpd_under_tls() {
    deliver("pure-ftpd");
}

#[test]
fn pyftpdlib_under_tls() {
    deliver("pyftpdlib");
}
