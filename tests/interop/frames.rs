//! Block and compressed mode against frames built and parsed by hand in `tests/peers/frames.py`.

use crate::harness::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn our_server_with_a_handwritten_client() {
    if !has("python3") {
        return;
    }
    let server = Server::start(&[]);
    let address = server.address;
    let mut client = Command::new("python3");
    client.arg(peers().join("client.py"));
    client.args([&address.ip().to_string(), &address.port().to_string(), USER, PASSWORD]);
    let said = run_ok(&mut client);
    assert!(said.starts_with("ok"), "{said}");
    let cut: Vec<_> = server.names().into_iter().filter(|name| name.starts_with("cut")).collect();
    assert!(cut.is_empty(), "cut files must not appear: {cut:?}");
}

/// Starts `tests/peers/server.py`; gives its URL.
fn handwritten_server() -> (Reaped, String) {
    let mut command = Command::new("python3");
    command.arg(peers().join("server.py")).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = Reaped(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = format!("ftp://me:secret@127.0.0.1:{}", line.trim());
    (process, url)
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn our_client_with_a_handwritten_server() {
    if !has("python3") {
        return;
    }
    let (_process, url) = handwritten_server();
    for mode in ["block", "compressed"] {
        let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_samples(there.path());
        let names: Vec<_> = samples().into_iter().map(|(name, _)| name).collect();
        let mut put = ftpsim();
        put.args(["put", &url, "--mode", mode, "--verify", "size", "--retries", "0", "--json"]);
        let put = run(put.args(&names).current_dir(there.path()));
        assert!(put.status.success(), "{put:?}");
        // All files over one data connection.
        assert_eq!(json(&put)["data_connections"], 1);
        let mut get = ftpsim();
        get.args(["get", &url, "--mode", mode, "--retries", "0", "--json", "--out"]).arg(back.path());
        let get = run(get.args(&names));
        assert!(get.status.success(), "{get:?}");
        assert_eq!(json(&get)["data_connections"], 1);
        assert_samples(back.path(), mode);
    }
}

#[test]
fn our_client_detects_a_short_file_whatever_the_server_says() {
    if !has("python3") {
        return;
    }
    let (_process, url) = handwritten_server();
    for mode in ["block", "compressed"] {
        let here = tempfile::tempdir().unwrap();
        std::fs::write(here.path().join("drop-it"), noise(1_000_000, 7)).unwrap();
        let mut get = ftpsim();
        get.args(["get", &url, "cut-it", "random", "--mode", mode, "--retries", "1", "--retry-delay", "0"]);
        let get = run(get.args(["--json", "--out"]).arg(here.path()));
        assert_eq!(get.status.code(), Some(1), "{get:?}");
        let report = json(&get);
        let (cut, whole) = (&report["files"][0], &report["files"][1]);
        assert_eq!((&cut["error_kind"], &cut["attempts"]), (&"data".into(), &2.into()), "{report}");
        assert_eq!(whole["error"], serde_json::Value::Null, "the next file goes over a new connection");
        assert!(!here.path().join("cut-it").exists());
        let mut put = ftpsim();
        put.args(["put", &url, "drop-it", "--mode", mode, "--retries", "0", "--json"]);
        let put = run(put.current_dir(here.path()));
        assert_eq!(put.status.code(), Some(1), "{put:?}");
    }
}
