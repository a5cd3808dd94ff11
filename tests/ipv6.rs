//! IPv6 (RFC 2428), over the real loopback: our server and client, curl and lftp.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::*;
use std::fs;
use std::net::{SocketAddr, TcpListener};

/// Whether this host has an IPv6 loopback; where peers are required, so is it.
fn has_ipv6() -> bool {
    let found = TcpListener::bind("[::1]:0").is_ok();
    if !found {
        skip("::1");
    }
    found
}

fn server() -> Server {
    Server::start_on("[::1]:0", &["--user", &format!("{USER}:{PASSWORD}")])
}

/// RFC 2428 sections 2 and 3: the server names the protocol that it does take (522).
#[test]
fn the_dialogue() {
    if !has_ipv6() {
        return;
    }
    let server = server();
    fs::write(server.root.path().join("f"), b"content").unwrap();
    let mut client = Raw::log_in(server.address);
    // A 227 reply has no room for the address.
    client.ask("PASV", "502");
    assert!(client.ask("EPSV 1", "522").contains("(2)"));
    assert!(client.ask("EPRT |1|127.0.0.1|5000|", "522").contains("(2)"));
    client.ask("PORT 127,0,0,1,20,80", "504");
    client.ask("EPRT |2|::2|5000|", "504");
    client.ask("EPSV 2", "229");
    let data = client.passive();
    client.ask("RETR f", "150");
    assert_eq!(read_all(data), b"content");
    client.expect("226");
    let listener = TcpListener::bind("[::1]:0").unwrap();
    client.ask(&format!("EPRT |2|::1|{}|", listener.local_addr().unwrap().port()), "200");
    client.ask("RETR f", "150");
    assert_eq!(read_all(listener.accept().unwrap().0), b"content");
    client.expect("226");
    // What lftp says: itself.
    client.ask(&format!("EPRT |2|::|{}|", listener.local_addr().unwrap().port()), "200");
    client.ask("RETR f", "150");
    assert_eq!(read_all(listener.accept().unwrap().0), b"content");
    client.expect("226");
    client.ask("EPSV ALL", "200");
    client.ask("EPRT |2|::1|5000|", "503");
}

#[test]
fn our_client_both_ways_in_every_mode() {
    if !has_ipv6() {
        return;
    }
    let content = noise(300_000, 5);
    for mode in ["stream", "block", "compressed", "deflate"] {
        for opening in [&[][..], &["--active"]] {
            let (server, here) = (server(), tempfile::tempdir().unwrap());
            fs::write(here.path().join("f"), &content).unwrap();
            let options = [&["--mode", mode, "--retries", "0", "--verbose"], opening].concat();
            let said =
                succeed(ftpsim(here.path()).args(["put", &server.url("up"), "f", "-r"]).args(&options));
            let wanted = if opening.is_empty() { "> EPSV" } else { "> EPRT |2|::1|" };
            assert!(said.contains(wanted) && !said.contains("> PASV") && !said.contains("> PORT"), "{said}");
            fs::remove_file(here.path().join("f")).unwrap();
            succeed(ftpsim(here.path()).args(["get", &server.url("up/f")]).args(&options));
            assert!(fs::read(here.path().join("f")).unwrap() == content, "{mode} {opening:?}");
        }
    }
}

/// One socket for both families: IPv4 clients look like themselves, with PASV and PORT.
#[test]
fn a_server_on_all_addresses() {
    if !has_ipv6() {
        return;
    }
    let server = Server::start_on("[::]:0", &["--user", &format!("{USER}:{PASSWORD}")]);
    let content = noise(10_000, 6);
    fs::write(server.root.path().join("f"), &content).unwrap();
    for ip in ["127.0.0.1", "::1"] {
        let to = SocketAddr::new(ip.parse().unwrap(), server.address.port());
        for opening in [&[][..], &["--active"]] {
            let here = tempfile::tempdir().unwrap();
            let url = format!("ftp://{USER}:{PASSWORD}@{to}/f");
            succeed(ftpsim(here.path()).args(["get", &url, "--retries", "0"]).args(opening));
            assert!(fs::read(here.path().join("f")).unwrap() == content, "{ip} {opening:?}");
        }
    }
    let mut client = Raw::log_in(SocketAddr::new("127.0.0.1".parse().unwrap(), server.address.port()));
    client.ask("TYPE I", "200");
    assert!(client.ask("PASV", "227").contains("(127,0,0,1,"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let [high, low] = listener.local_addr().unwrap().port().to_be_bytes();
    client.ask(&format!("PORT 127,0,0,1,{high},{low}"), "200");
    client.ask("RETR f", "150");
    assert!(read_all(listener.accept().unwrap().0) == content);
    client.expect("226");
}

#[test]
fn curl_and_lftp() {
    if !has_ipv6() || !has("curl") || !has("lftp") {
        return;
    }
    let (server, here) = (server(), tempfile::tempdir().unwrap());
    let content = noise(1024 * 1024, 2);
    fs::write(here.path().join("file"), &content).unwrap();
    let curl = ["--silent", "--show-error", "--globoff"];
    for opening in [&[][..], &["--ftp-port", "-"]] {
        let url = server.url("curl");
        succeed(bounded("curl", here.path()).args(curl).args(opening).args(["--upload-file", "file", &url]));
        assert!(fs::read(server.root.path().join("curl")).unwrap() == content, "{opening:?}");
        succeed(bounded("curl", here.path()).args(curl).args(opening).args(["--output", "back", &url]));
        assert!(fs::read(here.path().join("back")).unwrap() == content, "{opening:?}");
    }
    for passive in ["yes", "no"] {
        let script = format!(
            "set cmd:fail-exit yes; set net:max-retries 1; set net:timeout 5; set ftp:ssl-allow no; \
             set ftp:passive-mode {passive}; open -u {USER},{PASSWORD} -p {} ::1; put file -o lftp; \
             get lftp -o back-{passive}",
            server.port(),
        );
        succeed(bounded("lftp", here.path()).args(["--norc", "-c", &script]));
        assert!(fs::read(here.path().join(format!("back-{passive}"))).unwrap() == content, "{passive}");
    }
}
