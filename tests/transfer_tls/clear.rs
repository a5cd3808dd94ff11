//! Servers without TLS, and who makes them look as if they were.

use crate::common::*;
use crate::server::Server;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;

const WARNING: &str = "warning: the server offers no TLS, and the password goes in clear";

fn run(url: &str, command: &[&str]) -> Output {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("t")).unwrap();
    for name in ["t/a", "t/b"] {
        fs::write(here.path().join(name), b"x").unwrap();
    }
    ftpsim(here.path()).args([command[0], url]).args(&command[1..]).output().unwrap()
}

fn warnings(done: &Output) -> usize {
    assert!(!String::from_utf8_lossy(&done.stdout).contains("warning"), "{}", said(done));
    said(done).matches(WARNING).count()
}

#[test]
fn auto_warns_once_of_somebody_s_password_in_clear() {
    let server = Server::in_clear();
    let url = server.url("");
    // More than one session each.
    for command in
        [&["put", "-r", "t", "--parallel", "2"][..], &["ls", "-1"], &["quote", "NOOP"], &["get", "-r"]]
    {
        let done = run(&url, command);
        assert_eq!((done.status.code(), warnings(&done)), (Some(0), 1), "{}", said(&done));
        let done = run(&url, &[command, &["--tls", "off"]].concat());
        assert_eq!((done.status.code(), warnings(&done)), (Some(0), 0), "{}", said(&done));
    }
    let nobody = format!("ftp://{}/", server.address);
    let done = run(&nobody, &["ls"]);
    assert_eq!((done.status.code(), warnings(&done)), (Some(0), 0), "{}", said(&done));
}

#[test]
fn required_where_there_is_none_fails_with_the_remedy_and_without_a_password() {
    let server = Server::in_clear();
    for command in [&["ls"][..], &["get", "f"], &["get", "-r"], &["put", "t/a"]] {
        let done = run(&server.url(""), &[command, &["--tls", "required", "-v"]].concat());
        assert_eq!(done.status.code(), Some(1), "{}", said(&done));
        assert_eq!(said(&done).matches("--tls off goes on without TLS").count(), 1, "{}", said(&done));
        assert!(!said(&done).contains("> USER") && !said(&done).contains("> PASS"), "{}", said(&done));
    }
}

#[test]
fn ftps_with_a_server_that_begins_in_clear_says_so() {
    let server = Server::in_clear();
    let done = run(&server.url("").replace("ftp://", "ftps://"), &["ls"]);
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(said(&done).contains("ftp:// with --tls required"), "{}", said(&done));
}

/// Who is on the path, and has the server's offer of TLS look like none; with `hides` in FEAT, too, which some
/// servers that have no certificate leave as it is.
fn stripping(server: SocketAddr, hides: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            let (from_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let to_client = client.try_clone().unwrap();
            std::thread::spawn(move || {
                pass_on(from_server, client, move |line| !hides || !line.starts_with(" AUTH "));
            });
            std::thread::spawn(move || {
                pass_on(from_client, server, |line| {
                    let is_auth = line.starts_with("AUTH ");
                    if is_auth {
                        (&to_client).write_all(b"502 Not known.\r\n").unwrap();
                    }
                    !is_auth
                });
            });
        }
    });
    address
}

fn pass_on(from: TcpStream, mut to: TcpStream, mut passes: impl FnMut(&str) -> bool) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if passes(&line) && to.write_all(format!("{line}\r\n").as_bytes()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn whoever_strips_the_offer_gets_a_warning_out_of_auto_and_nothing_out_of_required() {
    let server = Server::with(testkit::tls::Identity::of("127.0.0.1"));
    for hides in [true, false] {
        let between = stripping(server.address, hides).to_string();
        let url = server.url("").replace(&server.address.to_string(), &between);
        let done = run(&url, &["quote", "NOOP"]);
        assert_eq!((done.status.code(), warnings(&done)), (Some(0), 1), "{}", said(&done));
        let done = run(&url, &["quote", "NOOP", "--tls", "required", "-v"]);
        assert_eq!((done.status.code(), warnings(&done)), (Some(1), 0), "{}", said(&done));
        assert!(!said(&done).contains("> PASS"), "{}", said(&done));
    }
}
