//! Whose certificates are taken, and what is said of the others.

use crate::common::*;
use crate::server::Server;
use std::fs;
use std::path::Path;
use std::process::Output;
use testkit::tls::Identity;

fn ls(here: &Path, server: &Server, options: &[&str]) -> Output {
    ftpsim(here).args(["ls", "-1", &server.url("")]).args(options).output().unwrap()
}

/// Exit code 1, each of `words` once, and no password.
/// Without what is told of the password in the URL.
fn of_tls(told: &str) -> String {
    told.split_inclusive('\n').filter(|line| !line.contains("a password in arguments")).collect()
}

fn fails_with(done: &Output, words: &[&str]) {
    let said = said(done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    for word in words {
        assert_eq!(said.matches(word).count(), 1, "{word} in {said}");
    }
    assert!(!said.contains(PASSWORD), "{said}");
}

#[test]
fn a_pinned_certificate_is_taken_and_no_other() {
    // Neither the name nor the dates matter.
    let server = Server::with(Identity::dated(2001, 2002));
    let here = server.home();
    let pin = server.fingerprint();
    for pin in [pin.clone(), pin.to_lowercase().replace(':', "")] {
        let done = ls(here.path(), &server, &["--tls-pin", &pin]);
        assert_eq!((done.status.code(), of_tls(&said(&done)).as_str()), (Some(0), ""));
    }
    let other = pin.chars().rev().collect::<String>();
    let done = ls(here.path(), &server, &["--tls-pin", &other]);
    fails_with(&done, &["it is not the pinned one", &pin, "has a new certificate"]);
}

#[test]
fn one_that_nobody_vouches_for_is_told_once_with_its_fingerprint_and_the_remedy() {
    let (server, stranger) = (Server::secured(false), Identity::new());
    let here = server.home();
    fs::write(here.path().join("stranger.pem"), &stranger.pem).unwrap();
    let url = server.url("");
    let options = ["--tls-ca", "stranger.pem"];
    let words = ["nobody who is trusted vouches for it", &server.fingerprint(), "--tls-pin SHA256"];
    fails_with(&ls(here.path(), &server, &options), &words);
    fails_with(&ftpsim(here.path()).args(["get", "-r", &url]).args(options).output().unwrap(), &words);
    fails_with(&ftpsim(here.path()).args(["quote", &url, "NOOP"]).args(options).output().unwrap(), &words);
    let put = ["put", &url, "ca.pem", "stranger.pem"];
    let put = ftpsim(here.path()).args(put).args(options).output().unwrap();
    fails_with(&put, &words);
    fails_with(&put, &["(1 attempt)", "not attempted"]);
    let json = ["get", &url, "f", "--json"];
    let json = ftpsim(here.path()).args(json).args(options).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["files"][0]["error_kind"], "untrusted");
}

#[test]
fn wrong_names_dates_and_purposes_are_named() {
    for (identity, what) in [
        (Identity::of("ftp.example"), "it is for ftp.example, not for 127.0.0.1"),
        (Identity::dated(2001, 2002), "it expired on 2002-01-01"),
        (Identity::dated(3000, 3001), "it is not valid before 3000-01-01"),
        (Identity::of_an_authority(), "it is made for an authority (CA:TRUE)"),
    ] {
        let server = Server::with(identity);
        let here = server.home();
        fails_with(&ls(here.path(), &server, &["--tls-ca", "ca.pem"]), &[what, &server.fingerprint()]);
    }
}

#[test]
fn insecure_takes_any_and_warns_once() {
    let server = Server::with(Identity::dated(2001, 2002));
    let here = server.home();
    fs::create_dir(here.path().join("t")).unwrap();
    fs::write(here.path().join("t/f"), b"x").unwrap();
    let put =
        ftpsim(here.path()).args(["put", "-r", &server.url(""), "t", "--tls-insecure"]).output().unwrap();
    assert_eq!(put.status.code(), Some(0), "{}", said(&put));
    let told = of_tls(&String::from_utf8_lossy(&put.stderr));
    assert_eq!(told, "ftpsim: warning: --tls-insecure: whoever is on the path may be taken for the server\n");
}

#[test]
fn the_system_s_authorities_are_asked() {
    let server = Server::secured(false);
    let here = server.home();
    let ls = |file: &str| {
        let mut ls = ftpsim(here.path());
        ls.args(["ls", &server.url("")]).env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR");
        ls.output().unwrap()
    };
    assert_eq!(ls("ca.pem").status.code(), Some(0));
    fs::write(here.path().join("empty.pem"), "").unwrap();
    fails_with(&ls("empty.pem"), &["there are no roots that could vouch for it", "ca-certificates"]);
    // Who speaks no TLS needs none.
    let clear = Server::in_clear();
    let mut ls = ftpsim(here.path());
    let ls = ls.args(["ls", &clear.url("")]).env("SSL_CERT_FILE", "empty.pem").output().unwrap();
    assert_eq!(ls.status.code(), Some(0), "{}", said(&ls));
}
