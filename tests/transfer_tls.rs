//! `ftpsim put`, `get`, `ls` and `quote` under TLS, with a server in the test's own process.
#![cfg(feature = "cli")]

#[path = "transfer_tls/clear.rs"]
mod clear;
mod common;
#[path = "transfer_tls/server.rs"]
mod server;
#[path = "transfer_tls/trust.rs"]
mod trust;

use common::*;
use server::Server;
use std::fs;

#[test]
fn explicit_and_implicit_under_both_versions() {
    for (implicit, max, version) in
        [(false, "1.3", "TLS 1.3"), (false, "1.2", "TLS 1.2"), (true, "1.3", "TLS 1.3")]
    {
        let server = Server::secured(implicit);
        let here = server.home();
        let content = noise(300_000, 3);
        fs::create_dir(here.path().join("t")).unwrap();
        fs::write(here.path().join("t/a"), &content).unwrap();
        fs::write(here.path().join("t/b"), b"").unwrap();
        let options = ["--tls", "required", "--tls-ca", "ca.pem", "--tls-max", max];
        let tls = |command: &str| {
            let mut ftpsim = ftpsim(here.path());
            ftpsim.args([command]).args(options);
            ftpsim
        };
        succeed(tls("put").args(["-r", &server.url("up"), "t"]));
        succeed(tls("get").args([
            "-r",
            &server.url("up"),
            "--out",
            "back",
            "--mode",
            "block",
            "--parallel",
            "2",
        ]));
        assert!(fs::read(here.path().join("back/up/t/a")).unwrap() == content);
        assert_eq!(fs::read(here.path().join("back/up/t/b")).unwrap(), b"");
        let listed = tls("ls").args(["-v", "-1", &server.url("up/t")]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "a\nb\n", "{}", said(&listed));
        let told = String::from_utf8_lossy(&listed.stderr).into_owned();
        let agreed = format!("1* {version}, TLS");
        assert!(told.contains(&agreed) && told.contains(&server.fingerprint()), "{told}");
        assert!(told.contains(&format!("1* data connection under {version}, a session resumed")), "{told}");
        assert!(succeed(tls("quote").args([&server.url(""), "PROT P"])).starts_with("200 "));
    }
}

#[test]
fn auto_takes_what_is_offered_without_a_word() {
    let server = Server::secured(false);
    let here = server.home();
    server.insert("f", b"content");
    let got =
        ftpsim(here.path()).args(["get", &server.url("f"), "--tls-ca", "ca.pem", "-q"]).output().unwrap();
    assert_eq!((got.status.code(), said(&got).as_str()), (Some(0), ""));
    assert_eq!(fs::read(here.path().join("f")).unwrap(), b"content");
}

#[test]
fn options_that_contradict_each_other_are_errors_of_usage() {
    let server = Server::secured(false);
    let here = server.home();
    fs::write(here.path().join("none.pem"), "nothing").unwrap();
    fs::write(here.path().join("bad.pem"), server.identity.pem.replace('M', "N")).unwrap();
    let pin = server.fingerprint();
    let (ftp, ftps) = (server.url(""), server.url("").replace("ftp://", "ftps://"));
    for (options, what) in [
        (&["ls", &ftp, "--tls-pin", &pin, "--tls-insecure"][..], "cannot be used with"),
        (&["ls", &ftp, "--tls-pin", &pin, "--tls-ca", "ca.pem"], "cannot be used with"),
        (&["ls", &ftp, "--tls-insecure", "--tls-ca", "ca.pem"], "cannot be used with"),
        (&["ls", &ftp, "--tls-pin", "12:34"], "64 hexadecimal digits"),
        (&["ls", &ftps, "--tls", "off"], "ftps:// is always under TLS"),
        (&["ls", &ftp, "--tls-ca", "gone.pem"], "--tls-ca gone.pem"),
        (&["ls", &ftp, "--tls-ca", "none.pem"], "expected PEM"),
        (&["ls", &ftp, "--tls-ca", "bad.pem"], "--tls-ca bad.pem"),
    ] {
        let done = ftpsim(here.path()).args(options).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{options:?}: {}", said(&done));
        assert!(
            said(&done).contains(what) && !said(&done).contains(PASSWORD),
            "{options:?}: {}",
            said(&done)
        );
    }
}
