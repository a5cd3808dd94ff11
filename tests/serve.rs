//! `ftpsim serve` as a process: each of its options does what it says.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::*;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn sessions_are_limited_in_all_and_by_address() {
    for (options, limit) in [(["--max-sessions", "3"], 3), (["--max-sessions-per-address", "2"], 2)] {
        let server = Server::start(&options);
        let mut held: Vec<Raw> = (0..limit).map(|_| Raw::log_in(server.address)).collect();
        let mut refused = Raw::connect(server.address);
        refused.expect("421");
        assert!(refused.is_closed());
        held.pop().unwrap().ask("QUIT", "221");
        // The place is free as soon as the server has seen the end.
        std::thread::sleep(Duration::from_millis(200));
        Raw::log_in(server.address);
    }
}

/// They have been there for more than the five seconds in which they are let be.
#[test]
fn who_does_not_log_in_makes_room_for_who_does() {
    let server = Server::start(&["--max-sessions", "2"]);
    let mut silent = [Raw::connect(server.address), Raw::connect(server.address)];
    for raw in &mut silent {
        raw.expect("220");
    }
    std::thread::sleep(Duration::from_millis(5_500));
    let mut first = Raw::log_in(server.address);
    silent[0].expect("421");
    assert!(silent[0].is_closed());
    first.ask("NOOP", "200");
}

#[test]
fn wrong_passwords_take_time() {
    let server = Server::start(&["--max-login-failures", "2", "--login-failure-delay", "1"]);
    let mut client = Raw::connect(server.address);
    client.expect("220");
    let begun = Instant::now();
    for code in ["530", "421"] {
        client.ask("USER tester", "331");
        client.ask("PASS guess", code);
    }
    assert!(begun.elapsed() >= Duration::from_secs(2) && client.is_closed());
}

#[test]
fn silence_ends_logins_sessions_and_transfers() {
    let server = Server::start(&["--login-timeout", "1", "--idle-timeout", "2", "--data-timeout", "1"]);
    let mut stranger = Raw::connect(server.address);
    stranger.expect("220");
    let mut idle = Raw::log_in(server.address);
    let mut uploading = Raw::log_in(server.address);
    let begun = Instant::now();
    let mut data = uploading.passive();
    uploading.ask("STOR f", "150");
    data.write_all(b"x").unwrap();
    uploading.expect("426");
    stranger.expect("421");
    assert!((Duration::from_millis(900)..Duration::from_secs(10)).contains(&begun.elapsed()));
    idle.expect("421");
    assert!(begun.elapsed() >= Duration::from_millis(1900) && idle.is_closed());
}

#[test]
fn passive_ports_and_the_advertised_address() {
    let server = Server::start(&["--passive-ports", "23450-23459", "--advertise", "192.0.2.7"]);
    let mut client = Raw::log_in(server.address);
    for _ in 0..20 {
        let reply = client.ask("PASV", "227");
        let address = ftp_proto::address::parse_passive(&reply).unwrap();
        assert_eq!(address.ip().octets(), [192, 0, 2, 7]);
        assert!((23450..=23459).contains(&address.port()), "{reply}");
    }
}

#[test]
fn the_rate_is_limited() {
    let server = Server::start(&["--rate", "200000"]);
    fs::write(server.root.path().join("f"), vec![0; 400_000]).unwrap();
    let mut client = Raw::log_in(server.address);
    client.ask("TYPE I", "200");
    let begun = Instant::now();
    let data = client.passive();
    client.ask("RETR f", "150");
    assert_eq!(read_all(data).len(), 400_000);
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(10)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
}

/// The transfer under way ends well, idle sessions are told, nobody is let in.
#[test]
fn a_signal_lets_transfers_finish() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(&[]);
        let mut idle = Raw::log_in(server.address);
        let mut client = Raw::log_in(server.address);
        let mut data = client.passive();
        client.ask("STOR f", "150");
        data.write_all(b"first ").unwrap();
        let process = server.process().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
        idle.expect("421");
        let begun = Instant::now();
        while TcpStream::connect(server.address).is_ok() {
            assert!(begun.elapsed() < LIMIT, "nobody is let in");
        }
        data.write_all(b"and last").unwrap();
        drop(data);
        client.expect("226");
        client.expect("421");
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert_eq!(fs::read(server.root.path().join("f")).unwrap(), b"first and last");
    }
    // Which do not take longer than they may.
    let mut server = Server::start(&["--shutdown-timeout", "1"]);
    let mut client = Raw::log_in(server.address);
    let _data = client.passive();
    client.ask("STOR f", "150");
    assert!(Command::new("kill").args(["-INT", &server.process().to_string()]).status().unwrap().success());
    let begun = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10) && !server.root.path().join("f").exists());
}

#[test]
fn transfers_are_logged_in_both_forms() {
    for (form, sent, failed) in [
        ("xferlog", " 127.0.0.1 3 /f b _ o r tester ftp 0 * c", "/g b _ i r tester ftp 0 * i"),
        ("json", r#""movement":"sent","path":"/f","bytes":3"#, r#""path":"/g","bytes":1"#),
    ] {
        let here = tempfile::tempdir().unwrap();
        let log = here.path().join("log");
        let server = Server::start(&["--transfer-log", log.to_str().unwrap(), "--transfer-log-format", form]);
        fs::write(server.root.path().join("f"), "abc").unwrap();
        let mut client = Raw::log_in(server.address);
        client.ask("TYPE I", "200");
        let data = client.passive();
        client.ask("RETR f", "150");
        read_all(data);
        client.expect("226");
        client.ask("MODE B", "200");
        client.store("g", b"\0\0\x05x", "426");
        let text = fs::read_to_string(&log).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains(sent) && lines[1].contains(failed), "{text}");
        if form == "json" {
            let record: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
            assert!(record["ended_s"].as_i64().unwrap() > 1_600_000_000);
            assert_eq!((&record["mode"], record["error"].is_string()), (&"block".into(), true));
        }
    }
}

/// Users with their own roots and rights, and salted hashes; anonymous reads.
#[test]
fn users_of_a_configuration_file() {
    let here = tempfile::tempdir().unwrap();
    let mut hashing = ftpsim(here.path());
    let hash = succeed(hashing.arg("hash-password").write_stdin("s3cret\n"));
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    for directory in ["public", "station"] {
        fs::create_dir(here.path().join(directory)).unwrap();
        fs::write(here.path().join(directory).join("f"), directory).unwrap();
    }
    let config = here.path().join("server.toml");
    let text = format!(
        "root = {:?}\nanonymous = true\ngreeting = \"Welcome to FTP.\"\nidle-timeout = 100\n\
         [[user]]\nname = \"station\"\npassword-hash = {:?}\nroot = {:?}\nrights = [\"read\", \"write\"]\n\
         [[user]]\nname = \"dropbox\"\npassword = \"d\"\nrights = [\"write\"]\n",
        here.path().join("public"),
        hash.trim(),
        here.path().join("station"),
    );
    fs::write(&config, text).unwrap();
    let server = Server::start_as(&["--config", config.to_str().unwrap(), "--idle-timeout", "200"]);
    // The command line wins over the file; the file's root is not asked for, so ask for it here.
    let mut station = Raw::connect(server.address);
    assert_eq!(station.expect("220").trim_end(), "220 Welcome to FTP.");
    station.ask("USER station", "331");
    station.ask("PASS s3cret", "230");
    station.ask("SIZE f", "213");
    station.ask("DELE f", "550");
    station.ask("MKD d", "257");
    assert!(here.path().join("station/d").is_dir());
    let mut dropbox = Raw::connect(server.address);
    dropbox.expect("220");
    dropbox.ask("USER dropbox", "331");
    dropbox.ask("PASS d", "230");
    dropbox.ask("RETR f", "550");
    dropbox.store("new", b"x", "226");
    assert_eq!(fs::read(server.root.path().join("new")).unwrap(), b"x", "--root of the command line");
    let mut anonymous = Raw::connect(server.address);
    anonymous.expect("220");
    anonymous.ask("USER anonymous", "331");
    anonymous.ask("PASS me@here", "230");
    anonymous.ask("SIZE new", "213");
    anonymous.ask("STOR other", "553");
    anonymous.ask("DELE new", "550");
}

/// What was logged while a client came and went, by RUST_LOG's level.
#[test]
fn events_are_traced_to_stderr() {
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpsim"));
    command.arg("serve").arg("--root").arg(root.path());
    command.args(["--listen", "127.0.0.1:0", "--user", "u:p", "--max-sessions", "1"]);
    let child = command.env("RUST_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut server = Reaped(child.unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address: SocketAddr = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let mut first = Raw::connect(address);
    first.expect("220");
    Raw::connect(address).expect("421");
    assert!(Command::new("kill").args(["-INT", &server.0.id().to_string()]).status().unwrap().success());
    first.expect("421");
    let mut text = String::new();
    server.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    for words in ["serving", "too many sessions", "shutting down"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// Strangers can have lines logged; what becomes of the lines is not to end the server.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    for stderr in [Stdio::from(closed), Stdio::from(full)] {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpsim"));
        command.arg("serve").arg("--root").arg(root.path());
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--user",
            &format!("{USER}:{PASSWORD}"),
            "--max-sessions",
            "1",
        ]);
        let mut server = Reaped(command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address: SocketAddr = line.trim().rsplit(' ').next().expect("it serves").parse().unwrap();
        let mut first = Raw::log_in(address);
        for _ in 0..8 {
            Raw::connect(address).expect("421");
        }
        first.store("f", b"x", "226");
        assert!(Command::new("kill").args(["-INT", &server.0.id().to_string()]).status().unwrap().success());
        first.expect("421");
        assert_eq!(server.0.wait().unwrap().code(), Some(0));
    }
}

/// A killed server's temporary file is out of sight, and goes when the next one starts; one that a process
/// has open, as an upload has its own, stays.
#[test]
fn leftovers_are_removed_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let old = root.path().join(".ftpsim-1-1.tmp");
    fs::write(&old, "whoever wrote this has been killed").unwrap();
    let young = root.path().join(".ftpsim-1-2.tmp");
    fs::write(&young, "under way").unwrap();
    let held = fs::File::open(&young).unwrap();
    held.lock().unwrap();
    let user = format!("{USER}:{PASSWORD}");
    let server = Server::start_as(&["--root", root.path().to_str().unwrap(), "--user", &user]);
    let begun = Instant::now();
    while old.exists() {
        assert!(begun.elapsed() < LIMIT, "the old one is there still");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(young.exists());
    let mut client = Raw::log_in(server.address);
    client.ask("SIZE .ftpsim-1-2.tmp", "553");
    let data = client.passive();
    client.ask("NLST", "150");
    assert_eq!(read_all(data), b"");
}

/// setrlimit(2): beyond the limit the kernel sends SIGXFSZ, which ends whoever does not care.
#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_file_sizes_fails_transfers_and_ends_nobody() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let server = Server::start(&[]);
    fs::write(server.root.path().join("large"), vec![b'x'; 200_000]).unwrap();
    let limit = Rlimit { current: Some(50_000), maximum: Some(50_000) };
    let process = Pid::from_raw(server.process() as i32);
    prlimit(process, Resource::Fsize, limit).unwrap();
    let mut client = Raw::log_in(server.address);
    client.ask("TYPE I", "200");
    for _ in 0..2 {
        let mut data = client.passive();
        client.ask("STOR f", "150");
        // Refused in the middle, the server may be gone from the connection.
        let _ = data.write_all(&[b'y'; 200_000]);
        drop(data);
        client.expect("552");
        assert_eq!(server.names(), ["large"], "nothing is left");
    }
    client.store("small", b"content", "226");
    let here = tempfile::tempdir().unwrap();
    let mut get = bounded("sh", here.path());
    get.args(["-c", "ulimit -f 50; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_ftpsim")]);
    let output = get.args(["get", &server.url("large"), "--tls", "off", "--retries", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(names(here.path()).is_empty(), "{:?}", names(here.path()));
}
