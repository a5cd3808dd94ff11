//! Other people's clients against `ftpsim serve`.

use crate::harness::*;
use std::process::Command;

#[test]
fn curl() {
    if !has("curl") {
        return;
    }
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    write_samples(here.path());
    let mut put = Command::new("curl");
    put.args(["--silent", "--show-error", "--ftp-create-dirs"]).current_dir(here.path());
    for (name, _) in samples() {
        put.args(["-T", name, &server.url(&name.replace(' ', "%20"))]);
    }
    run_ok(&mut put);
    assert_samples(server.root.path(), "curl put");
    for (name, content) in samples() {
        let url = server.url(&name.replace(' ', "%20"));
        let got = run(Command::new("curl").args(["--silent", "--show-error", &url]));
        assert!(got.status.success() && got.stdout == content, "curl get {name}: {got:?}");
    }
    let listing = run_ok(Command::new("curl").args(["--silent", "--list-only", &server.url("")]));
    for (name, _) in samples() {
        assert!(listing.lines().any(|line| line == name), "{name} in {listing}");
    }
    // PORT instead of PASV, and a download resumed.
    let active = run(Command::new("curl").args(["--silent", "--ftp-port", "-", &server.url("big")]));
    assert!(active.status.success() && active.stdout == noise(3_000_001, 3));
    let rest = run(Command::new("curl").args(["--silent", "--continue-at", "1000000", &server.url("big")]));
    assert!(rest.status.success() && rest.stdout == noise(3_000_001, 3)[1_000_000..]);
    let refused = run(Command::new("curl").args(["--silent", &server.url("none")]));
    assert_eq!(refused.status.code(), Some(78), "curl's code for a file that is not there");
    let wrong = format!("ftp://{USER}:wrong@{}/one", server.address);
    let denied = run(Command::new("curl").args(["--silent", &wrong]));
    assert_eq!(denied.status.code(), Some(67), "curl's code for a refused login");
}

#[test]
fn python_ftplib() {
    if !has("python3") {
        return;
    }
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    write_samples(here.path());
    let mut client = Command::new("python3");
    client.arg(peers().join("ftplib_client.py"));
    client.args([&server.address.ip().to_string(), &server.address.port().to_string(), USER, PASSWORD]);
    let said = run_ok(client.arg(here.path()));
    assert!(said.starts_with("ok"), "{said}");
    assert_samples(server.root.path(), "ftplib");
}
