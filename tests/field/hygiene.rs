//! Terminals, pipes, signals, and passwords.

use crate::common::*;
use crate::fake::{Answer, Fake, unix};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ftpsim"))
}

#[test]
fn what_the_server_says_is_shown_escaped() {
    let evil = "a\u{1b}[2J\u{9b}1m\u{202e}b\u{7f}";
    let shown = "a\\x1b[2J\\x9b1m\\u{202e}b\\x7f";
    let server = Fake::start(move |verb, _, _| match verb {
        "LIST" | "NLST" => Some(Answer::Data(unix('-', 5, evil))),
        "SYST" => Some(Answer::Reply("215-a\u{1b}]0;owned\u{7}\r\nftpsim: b\r\n215 c")),
        "RETR" => Some(Answer::Reply("550 no\u{1b}c")),
        _ => None,
    });
    let here = tempfile::tempdir().unwrap();
    let url = server.url("");
    for (arguments, is_listed) in [
        (vec!["ls", &url, "-v"], true),
        (vec!["ls", &url, "-1"], true),
        (vec!["get", "-r", &url, "-v", "--retries", "0"], true),
        (vec!["get", "-r", &url, "--json", "--retries", "0"], true),
        (vec!["quote", &url, "SYST", "-v"], false),
    ] {
        let output = ftpsim(here.path()).args(&arguments).output().unwrap();
        let said = said(&output);
        assert!(
            !said.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7f}', '\u{7}']),
            "{arguments:?}: {said:?}"
        );
        assert!(!is_listed || said.contains(shown), "{arguments:?}: {said}");
    }
}

#[test]
fn the_log_of_a_server_shows_names_escaped() {
    let here = tempfile::tempdir().unwrap();
    let mut command = program();
    command
        .args(["serve", "--root", ".", "--listen", "127.0.0.1:0", "--user", "u:p"])
        .current_dir(here.path());
    command.args(["--login-failure-delay", "0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Reaped(command.spawn().unwrap());
    let mut first = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let address = first.split_whitespace().last().unwrap().parse().unwrap();
    let mut raw = Raw::connect(address);
    for line in ["USER a\r\0\u{1b}[2J\u{202e}", "PASS x"] {
        raw.lines.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }
    let mut log = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let line = log.find_map(|line| line.ok().filter(|line| line.contains("user="))).unwrap();
    assert!(line.contains("a\\x0d\\x1b[2J\\u{202e}"), "{line:?}");
}

#[test]
fn no_password_is_shown() {
    let here = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    let again = server.url("f");
    std::fs::write(here.path().join("c.toml"), "[[user]]\nname = \"u\"\npassword = s3cr3t\n").unwrap();
    for arguments in [
        &["ls", "ftp://u:s3cr3t@h:99999/"][..],
        &["get", "ftp://u:s3cr3t@[::1/x"],
        &["put", "ftp://u:a/s3cr3t@h/", "f"],
        &["ls", "ftp://h/", "ftp://u:s3cr3t@h/"],
        &["bench", "ftp://u:s3cr3t@h/"],
        &["bench", "--server", "u:s3cr3t@h:99999"],
        &["serve", "--user", ":s3cr3t"],
        &["serve", "--usr", "u:s3cr3t"],
        &["serve", "--user", "u:s3cr3t", "--max-sessions", "x"],
        &["serve", "u:s3cr3t"],
        &["hash-password", "s3cr3t"],
        &["hash-password", "--s3cr3t"],
        &["hash-password", "--password=s3cr3t"],
        &["serve", "--config", "c.toml"],
        &["get", "ftp://u:s3cr3t@no-such-host.invalid/x"],
        &["get", "ftp://u:s3cr3t@127.0.0.1:1/x", "--retries", "0"],
        &["get", "-v", &again, "--quote", "ACCT s3cr3t", "--retries", "0"],
    ] {
        let output = ftpsim(here.path()).args(arguments).output().unwrap();
        assert!(!output.status.success());
        assert!(!said(&output).contains("s3cr3t"), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_stdout_that_fails_is_an_error_and_no_panic() {
    let server = Server::start(&[]);
    std::fs::write(server.root.path().join("f"), "x").unwrap();
    let here = tempfile::tempdir().unwrap();
    let url = server.url_of_user("");
    let file = server.url_of_user("f");
    for arguments in [
        vec!["scenarios"],
        vec!["completions", "bash"],
        vec!["ls", "--tls", "off", &url],
        vec!["quote", "--tls", "off", &url, "SYST"],
        vec!["get", "--tls", "off", &file],
        vec!["get", "--tls", "off", &file, "--json"],
        vec!["sweep", "--seeds", "0..1"],
        vec!["help"],
        vec!["--help"],
        vec!["get", "--help"],
        vec!["--version"],
        vec!["scenarios", "--schema"],
        vec!["scenarios", "--json"],
        vec!["serve", "--schema"],
        vec!["compare", "tiny", "--seeds", "0..2", "--json"],
        vec!["replay", "tiny", "--variant", "stream", "--seed", "0", "--json"],
        vec![
            "why",
            "tiny",
            "--variant",
            "stream",
            "--seed",
            "0",
            "--futures",
            "2",
            "--events",
            "2",
            "--json",
        ],
    ] {
        let mut full = program();
        full.args(&arguments).env("FTPSIM_PASSWORD", PASSWORD).current_dir(here.path()).stdin(Stdio::null());
        full.stdout(File::options().write(true).open("/dev/full").unwrap());
        let output = full.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert_eq!(stderr.matches("standard output").count(), 1, "{arguments:?}: {stderr}");
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let mut closed = program();
        closed.args(&arguments).env("FTPSIM_PASSWORD", PASSWORD).current_dir(here.path()).stdout(write);
        let output = closed.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert_eq!(stderr, "", "{arguments:?}");
    }
}

/// `ps` shows arguments to everybody. Anonymous's password is nobody's secret.
#[test]
fn a_password_in_an_argument_is_warned_of_once() {
    let here = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    std::fs::write(server.root.path().join("f"), "x").unwrap();
    std::fs::create_dir(server.root.path().join("in")).unwrap();
    std::fs::write(here.path().join("f"), "x").unwrap();
    let (url, of_user) = (server.url(""), server.url_of_user(""));
    let (address, user) = (server.address.to_string(), format!("{USER}:{PASSWORD}"));
    let bench = ["bench", "--server", &address, "--files", "2", "--repetitions", "1", "--warm-up", "0"];
    let bench = [&bench[..], &["--mode", "stream", "--directory", "in", "--user"]].concat();
    for (arguments, lines) in [
        (vec!["ls", &url], 1),
        (vec!["quote", &url, "NOOP"], 1),
        (vec!["get", "-r", &url], 1),
        (vec!["get", "-r", &url, "--quiet"], 0),
        (vec!["put", "-r", &url, "f"], 1),
        (vec!["put", "-r", &url, "f", "-q"], 0),
        ([&bench[..], &[&user]].concat(), 1),
        ([&bench[..], &[USER]].concat(), 0),
        (vec!["ls", &of_user], 0),
        (vec!["get", "-r", &of_user], 0),
        (vec!["put", "-r", &of_user, "f"], 0),
    ] {
        let output = ftpsim(here.path()).args(&arguments).env("FTPSIM_PASSWORD", PASSWORD).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert_eq!(stderr.matches("a password in arguments (ps)").count(), lines, "{arguments:?}: {stderr}");
        assert_eq!(stderr.matches("FTPSIM_PASSWORD").count(), lines, "{arguments:?}: {stderr}");
        assert!(!stderr.contains(PASSWORD), "{arguments:?}: {stderr}");
    }
    let anonymous = Server::start_as(&["--anonymous"]);
    for login in ["anonymous:me@example.org@", "FTP:me@", ""] {
        let url = format!("ftp://{login}{}/", anonymous.address);
        let output = ftpsim(here.path()).args(["ls", &url]).output().unwrap();
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""), "{login}");
    }
}

/// A server whose EPSV leads to a port at which nothing is answered: its queue is full.
fn leading_nowhere() -> (Fake, Vec<TcpStream>) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&listener, 0).unwrap();
    let full = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let mut queued = vec![TcpStream::from(listener)];
    while let Ok(one) = TcpStream::connect_timeout(&full, Duration::from_millis(200)) {
        queued.push(one);
    }
    let epsv: &'static str = format!("229 there (|||{}|)", full.port()).leak();
    let server = Fake::start(move |verb, _, _| match verb {
        "EPSV" => Some(Answer::Reply(epsv)),
        "MODE" | "STRU" => Some(Answer::Reply("200 ok")),
        _ => None,
    });
    (server, queued)
}

/// The system's own look-up cannot be broken off; the command ends without it.
#[test]
fn an_interruption_is_heard_while_a_name_is_looked_up() {
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
    // A network of its own, in which what goes to the name server comes back, is nobody's, and is dropped.
    let alone = "ip link set lo up && ip address add 192.0.2.2/32 dev lo \
                 && ip route add 192.0.2.1/32 dev lo src 192.0.2.2 \
                 && mount --bind resolv.conf /etc/resolv.conf || exit 99; mkdir ready; exec \"$0\" \"$@\"";
    let url = "ftp://u:p@somewhere.example/f";
    for arguments in [&["ls", url][..], &["get", url], &["cat", url], &["quote", url, "NOOP"]] {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "--net", "sh", "-c", alone]);
        command.arg(env!("CARGO_BIN_EXE_ftpsim")).args(arguments);
        command.current_dir(here.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else { return skip("unshare") };
        let mut child = Reaped(child);
        while std::fs::remove_dir(here.path().join("ready")).is_err() {
            if child.0.try_wait().unwrap().is_some() {
                return skip("the right to a network of one's own");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(500));
        if let Some(status) = child.0.try_wait().unwrap() {
            assert_eq!(status.code(), Some(1), "{arguments:?}: {status}");
            return skip("a look-up by DNS");
        }
        let pid = child.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let begin = std::time::Instant::now();
        assert_eq!(child.0.wait().unwrap().code(), Some(130), "{arguments:?}");
        assert!(begin.elapsed() < Duration::from_secs(4), "{arguments:?}");
    }
}

#[test]
fn an_interruption_is_heard_at_any_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("ftp://u:p@{}/f", silent.local_addr().unwrap());
    let refusing = "ftp://u:p@127.0.0.1:1/f".to_owned();
    let here = tempfile::tempdir().unwrap();
    // A few bytes on the way, which the server makes many of, and takes its time for: they have gone, and its
    // reply has not come.
    std::fs::write(here.path().join("zeros"), vec![0; 1_000_000]).unwrap();
    let server = Server::start(&["--rate", "1000"]);
    let slow = server.url("");
    let (nowhere, _full) = leading_nowhere();
    let nowhere = nowhere.url("f");
    for arguments in [
        vec!["cat", &silent],
        vec!["put", &silent, "-"],
        vec!["put", &slow, "zeros", "--mode", "compressed"],
        vec!["get", &silent],
        vec!["get", &silent, "--mode", "block", "--pipeline", "4"],
        vec!["get", "-r", &silent],
        vec!["ls", &silent],
        // While a data connection opens.
        vec!["get", &nowhere],
        vec!["get", &nowhere, "--mode", "block", "--pipeline", "4"],
        vec!["put", &nowhere, "zeros"],
        vec!["cat", &nowhere],
        vec!["quote", &silent, "NOOP"],
        vec!["get", &refusing, "--retry-delay", "60"],
    ] {
        let mut command = program();
        command.args(&arguments).current_dir(here.path()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = Reaped(command.spawn().unwrap());
        std::thread::sleep(Duration::from_millis(500));
        let pid = child.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let begin = std::time::Instant::now();
        assert_eq!(child.0.wait().unwrap().code(), Some(130), "{arguments:?}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{arguments:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let here = tempfile::tempdir().unwrap();
    for option in ["--timeout", "--connect-timeout"] {
        let output = ftpsim(here.path()).args(["get", "ftp://h/x", option, "0"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("more than 0"), "{}", said(&output));
    }
    let output = ftpsim(here.path()).arg("hash-password").write_stdin("\n").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let missing = ftpsim(here.path()).args(["put", "ftp://h/", "none"]).output().unwrap();
    assert_eq!(said(&missing).matches("No such file").count(), 1, "{}", said(&missing));
}

/// Its beginning says why, and nobody's terminal is run over.
#[test]
fn a_refusal_without_end_is_cut() {
    let lines = " and so on\r\n".repeat(20_000);
    let refusal: &'static str = format!("550-why it is\r\n{lines}550 end").leak();
    let server = Fake::start(move |verb, _, _| (verb == "MKD").then_some(Answer::Reply(refusal)));
    let here = tempfile::tempdir().unwrap();
    let output = ftpsim(here.path()).args(["mkdir", &server.url("a")]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("why it is") && said.contains(" bytes more"), "{said}");
    assert!(said.len() < 64 * 1024, "{}", said.len());
}
