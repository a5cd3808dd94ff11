//! Our client against other people's servers, started by `tests/peers/launch.py`.

use crate::harness::*;

fn put_and_get(name: &str) {
    let Some(peer) = Peer::start(name) else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_samples(there.path());
    let names: Vec<_> = samples().into_iter().map(|(name, _)| name).collect();
    for options in [&["--verify", "size"][..], &["--active"], &["--parallel", "3", "--publish", "rename"]] {
        let mut put = ftpsim();
        put.args(["put", &peer.url, "--retries", "0"]).args(options);
        run_ok(put.args(&names).current_dir(there.path()));
        assert_samples(&peer.root, name);
        for (name, _) in samples() {
            std::fs::remove_file(peer.root.join(name)).unwrap();
        }
        assert_eq!(std::fs::read_dir(&peer.root).unwrap().count(), 0, "{name} {options:?}: nothing else");
    }
    write_samples(&peer.root);
    for options in [&["--verify", "size"][..], &["--active"], &["--parallel", "3"]] {
        let mut get = ftpsim();
        get.args(["get", &peer.url, "--retries", "0"]).args(options).arg("--out").arg(back.path());
        run_ok(get.args(&names));
        assert_samples(back.path(), name);
        for (name, _) in samples() {
            std::fs::remove_file(back.path().join(name)).unwrap();
        }
    }
    let listing = run_ok(ftpsim().args(["ls", &peer.url]));
    for (file, _) in samples() {
        assert!(listing.lines().any(|line| line.ends_with(file)), "{name}: {file} in {listing}");
    }
}

#[test]
fn vsftpd() {
    put_and_get("vsftpd");
}

#[test]
fn proftpd() {
    put_and_get("proftpd");
}

#[test]
fn pure_ftpd() {
    put_and_get("pure-ftpd");
}

#[test]
fn pyftpdlib() {
    put_and_get("pyftpdlib");
}
