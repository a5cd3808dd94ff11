//! Servers: ours, and some that are wrong.

use crate::common::certificate::Made;
use crate::common::described::{Described, users};
use crate::common::*;
use ftpsim::check::Verdict;
use ftpsim::check::server::{Check, Probe, Start, Suite, Target, Tls, all};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Results as `--json` has them, and the exit code.
fn checked(url: &str, options: &[&str]) -> (Vec<serde_json::Value>, i32, String) {
    let here = tempfile::tempdir().unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
    command.timeout(Duration::from_secs(240)).env("FTPSIM_PASSWORD", PASSWORD).current_dir(here.path());
    let output = command.args(["check", url, "--json", "--parallel", "8"]).args(options).output().unwrap();
    let results = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (results, output.status.code().unwrap(), said(&output))
}

/// What failed, with what was seen.
fn failed(results: &[serde_json::Value]) -> Vec<String> {
    let failed = results.iter().filter(|r| r["verdict"] == "fail");
    failed.map(|r| format!("{}: {}\n{:#}", r["id"], r["seen"], r["dialogue"])).collect()
}

/// Of what our server does not offer.
fn expected() -> String {
    format!("{}/results/conformance/ftpsim.expected", env!("CARGO_MANIFEST_DIR"))
}

fn assert_ours_fails_nothing(url: &str, options: &[&str]) -> Vec<serde_json::Value> {
    let expected = expected();
    let (results, code, said) = checked(url, &[options, &["--expected-failures", &expected]].concat());
    let known = std::fs::read_to_string(&expected).unwrap();
    let failed: Vec<_> = failed(&results)
        .into_iter()
        .filter(|f| !known.lines().any(|id| !id.is_empty() && f.contains(id)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(code, 0, "{said}");
    results
}

fn count(results: &[serde_json::Value], verdict: &str) -> usize {
    results.iter().filter(|result| result["verdict"] == verdict).count()
}

#[test]
fn our_server_fails_none_in_clear() {
    let server = Server::start(&[]);
    let results = assert_ours_fails_nothing(&server.url_of_user(""), &["--tls", "off"]);
    assert!(results.len() >= 150 && count(&results, "pass") >= 200, "{} pass", count(&results, "pass"));
    assert_eq!(count(&results, "untestable"), 0);
    assert_eq!(server.names(), Vec::<String>::new(), "all is taken away");
    assert!(results.iter().all(|r| !r["dialogue"].to_string().contains(PASSWORD)));
}

#[test]
fn our_server_fails_none_under_tls() {
    let made = Made::new();
    let server = Described::start(&[], |here| {
        made.write(&here.join("etc"));
        let (chain, key) = (here.join("etc/chain.pem"), here.join("etc/key.pem"));
        users(here, &[(USER, PASSWORD)], &format!("tls-certificate = {chain:?}\ntls-key = {key:?}\n"))
    });
    let url = format!("ftp://{USER}@{}/", server.address);
    let results = assert_ours_fails_nothing(&url, &["--tls", "required", "--tls-insecure"]);
    let secured = results.iter().filter(|r| r["section"].as_str().unwrap().starts_with("4217"));
    let skipped: Vec<_> = secured.filter(|r| r["verdict"] != "pass").map(|r| r.to_string()).collect();
    assert!(skipped.is_empty(), "{skipped:?}");
}

#[test]
fn read_only_makes_nothing() {
    let server = Server::start(&[]);
    let (results, code, said) = checked(&server.url_of_user(""), &["--read-only"]);
    assert_eq!((failed(&results), code), (Vec::new(), 0), "{said}");
    let changes = ["> STOR", "> STOU", "> APPE", "> MKD", "> XMKD", "> DELE", "> RMD", "> RNTO"];
    let refused = ["959/4.1.1/stor-before-login", "959/4.1.1/dele-before-login"];
    for result in results.iter().filter(|r| !refused.contains(&r["id"].as_str().unwrap())) {
        let dialogue = result["dialogue"].to_string();
        assert!(!changes.iter().any(|change| dialogue.contains(change)), "{result:#}");
    }
    assert!(count(&results, "untestable") > 50 && count(&results, "pass") > 50);
}

#[test]
fn a_server_that_lets_nobody_in_or_is_not_there_is_an_error_of_input() {
    let server = Server::start(&[]);
    let (_, code, said) = checked(&format!("ftp://nobody@{}/", server.address), &["--timeout", "30"]);
    assert!(code == 2 && said.contains("cannot be checked"), "{said}");
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_, code, said) = checked(&format!("ftp://{USER}@{nowhere}/"), &[]);
    assert!(code == 2 && said.contains("cannot be checked"), "{said}");
}

#[test]
fn expected_failures_and_selections() {
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("expected");
    std::fs::write(&file, "959/4.1.3/noop # passes\n").unwrap();
    let run = |options: &[&str]| {
        let mut command = ftpsim(here.path());
        command.env("FTPSIM_PASSWORD", PASSWORD).args(["check", &server.url_of_user("")]);
        let output = command.args(options).output().unwrap();
        (output.status.code().unwrap(), said(&output))
    };
    let expected = ["--only", "959/4.1.3/noop", "--expected-failures", file.to_str().unwrap()];
    let (code, text) = run(&[&expected[..], &["--junit", "o.xml", "--html", "o.html"]].concat());
    assert!(code == 0 && text.contains("959/4.1.3/noop was expected to fail, and passes"), "{text}");
    assert!(
        std::fs::read_to_string(here.path().join("o.xml")).unwrap().contains("tests=\"1\" failures=\"0\"")
    );
    assert!(std::fs::read_to_string(here.path().join("o.html")).unwrap().contains("959/4.1.3/noop"));
    std::fs::write(&file, "\n959/none\n").unwrap();
    let (code, text) = run(&expected);
    assert!(code == 2 && text.contains(":2:") && text.contains("959/none"), "{text}");
    assert_eq!(run(&["--only", "9/9"]).0, 2);
    let own = here.path().join("own.check");
    std::fs::write(&own, "[1/1/own] MUST\nThis server has a command of its own.\n> XOWN\n< 299\n").unwrap();
    let (code, text) = run(&["--checks", own.to_str().unwrap()]);
    assert!(code == 1 && text.contains("FAIL 1/1/own") && text.contains("> XOWN"), "{text}");
    std::fs::write(&own, "[1/1/own] MUST\nThis one cannot fail at all.\n> XOWN\n").unwrap();
    let (code, text) = run(&["--checks", own.to_str().unwrap()]);
    assert!(code == 2 && text.contains("1/1/own: nothing in it can fail"), "{text}");
    let (code, text) = (ftpsim(here.path()).args(["check", "--list", "--only", "959/5.4"]).output())
        .map(|o| (o.status.code(), said(&o)))
        .unwrap();
    assert!(
        code == Some(0) && text.lines().count() > 4 && text.lines().all(|line| line.starts_with("959/5.4/")),
        "{text}"
    );
}

#[test]
fn ctrl_c_leaves_nothing_at_the_server() {
    let server = Server::start(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpsim"));
    command.args(["check", &server.url_of_user("")]).env("FTPSIM_PASSWORD", PASSWORD);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Reaped(child);
    let begun = Instant::now();
    let has_many =
        || server.names().first().is_some_and(|name| names(&server.root.path().join(name)).len() > 3);
    while !has_many() {
        assert!(begun.elapsed() < LIMIT, "no directory was made");
        thread::sleep(Duration::from_millis(10));
    }
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(130));
    assert_eq!(server.names(), Vec::<String>::new());
}

/// How a server is wrong once a check's own steps begin.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// Lines that are no replies.
    Nonsense,
    Closes,
    Silent,
    /// Another code of no meaning.
    Meaningless,
}

/// Commands of a login and of going to the check's directory, before its own steps begin; and of what those need.
fn commands_before(check: &Check) -> usize {
    check.commands_of_set_up() + commands_of_start(check)
}

fn commands_of_start(check: &Check) -> usize {
    match check.start() {
        Start::Raw | Start::Fresh => 0,
        Start::LoggedIn if check.writes() => 5,
        Start::LoggedIn => 3,
    }
}

fn wrong_server(wrong: Wrong, right: usize, greets: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let Ok((stream, _)) = listener.accept() else { return };
        let _ = serve(stream, wrong, right, greets);
    });
    address
}

fn serve(stream: TcpStream, wrong: Wrong, right: usize, greets: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut lines = BufReader::new(stream.try_clone()?).split(b'\n');
    let mut out = stream;
    let be_wrong = |out: &mut TcpStream| match wrong {
        Wrong::Nonsense => out.write_all(b"nonsense\r\n"),
        Wrong::Meaningless => out.write_all(b"199 Hm\r\n"),
        Wrong::Silent => Ok(()),
        Wrong::Closes => Err(std::io::ErrorKind::ConnectionAborted.into()),
    };
    if greets {
        out.write_all(b"220 Ready\r\n")?
    } else {
        be_wrong(&mut out)?
    }
    let (mut said, mut passive) = (0, None);
    while let Some(Ok(line)) = lines.next() {
        said += 1;
        if said > right {
            be_wrong(&mut out)?;
            continue;
        }
        let reply = match &line[..3] {
            b"USE" => "331 Password\r\n".to_owned(),
            b"PAS" => "230 In\r\n".to_owned(),
            b"MKD" => "257 \"made\"\r\n".to_owned(),
            b"EPS" => {
                let listener = passive.insert(TcpListener::bind("127.0.0.1:0")?);
                format!("229 Here (|||{}|)\r\n", listener.local_addr()?.port())
            }
            b"STO" => {
                out.write_all(b"150 Go on\r\n")?;
                let listener: TcpListener = passive.take().ok_or(std::io::ErrorKind::NotConnected)?;
                std::io::copy(&mut listener.accept()?.0, &mut std::io::sink())?;
                "226 Done\r\n".to_owned()
            }
            _ => "200 Done\r\n".to_owned(),
        };
        out.write_all(reply.as_bytes())?;
    }
    Ok(())
}

fn tls() -> Tls {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Tls { config: Arc::new(config), name: "localhost".try_into().unwrap(), implicit: false }
}

fn ask(check: &'static Check, wrong: Wrong, right: usize) -> ftpsim::check::Outcome {
    let address = wrong_server(wrong, right, check.start() != Start::Raw);
    let target = Target {
        address,
        host: "localhost".to_owned(),
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        path: String::new(),
        tls: Some(tls()),
        secured: false,
        read_only: false,
        timeout: Duration::from_millis(300),
    };
    let words = ["SIZE", "MDTM", "MLST", "UTF8", "TVFS", "AUTH", "HOST", "LANG"];
    let probe = Probe { features: words.map(str::to_owned).to_vec(), ..Probe::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let suite = Suite::new(target, probe, "base".to_owned());
    runtime.block_on(suite.run(&[check], 1, |_| ())).remove(0)
}

/// Each check can fail, and what is no answer passes none. Checks that need TLS are not asked here, for these
/// servers have none.
#[test]
fn a_wrong_server_passes_nothing() {
    let (mut asked, mut wrong_verdicts) = (0, Vec::new());
    for wrong in [Wrong::Nonsense, Wrong::Closes, Wrong::Silent, Wrong::Meaningless] {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let ask = move |check| (ask(check, wrong, commands_before(check)), check);
                thread::spawn(move || all().iter().skip(worker).step_by(8).map(ask).collect::<Vec<_>>())
            })
            .collect();
        for (outcome, check) in workers.into_iter().flat_map(|worker| worker.join().unwrap()) {
            if check.needs_tls() {
                assert_eq!(outcome.verdict, Verdict::Skipped, "{}", outcome.id);
                continue;
            }
            asked += 1;
            if outcome.verdict != Verdict::Fail {
                let why = format!("{wrong:?}: {}: {:?} {}", outcome.id, outcome.verdict, outcome.seen);
                wrong_verdicts.push(format!("{why}\n  {}", outcome.dialogue.join("\n  ")));
            }
        }
    }
    assert!(wrong_verdicts.is_empty(), "{}", wrong_verdicts.join("\n"));
    assert!(asked >= 4 * 150, "{asked}");
}

/// A server that goes wrong before a check has asked anything does not fail what the check is about.
#[test]
fn what_could_not_be_asked_has_not_failed() {
    let sets_up = |check: &&'static Check| check.commands_of_set_up() > 0 && !check.needs_tls();
    let all: Vec<_> = all().iter().filter(sets_up).collect();
    assert!(all.len() >= 80, "{}", all.len());
    for wrong in [Wrong::Nonsense, Wrong::Closes, Wrong::Silent, Wrong::Meaningless] {
        // Each way to go wrong meets other checks; one in four of each is enough of those that are alike.
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let some: Vec<_> = all.iter().copied().skip(worker).step_by(32).collect();
                let ask = move |check| (ask(check, wrong, commands_of_start(check)), check);
                thread::spawn(move || some.into_iter().map(ask).collect::<Vec<_>>())
            })
            .collect();
        for (outcome, _) in workers.into_iter().flat_map(|worker| worker.join().unwrap()) {
            let why =
                format!("{wrong:?} {}: {}\n  {}", outcome.id, outcome.seen, outcome.dialogue.join("\n  "));
            assert_eq!(outcome.verdict, Verdict::Untestable, "{why}");
            assert!(outcome.seen.starts_with("not asked: "), "{why}");
        }
    }
}
