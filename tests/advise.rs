//! `ftpsim advise`: a server, figures and files in, a decision and commands out.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;
#[path = "field/fake.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod fake;

use common::*;
use fake::{Answer, Fake};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

/// The simulations of an advice without optimisations.
const PATIENCE: Duration = Duration::from_secs(300);
/// All that has to be known, of a server with as few ways as most have.
const FIGURES: [&str; 8] = ["--rtt", "20ms", "--rate", "10M", "--loss", "0", "--runs", "1"];
const OTHERS: &str = "block=504,compressed=504,deflate=504,record=504,size,clear";

fn advise(home: &Path, args: &[&str]) -> assert_cmd::Command {
    let mut command = ftpsim(home);
    command.arg("advise").args(args).timeout(PATIENCE).env("FTPSIM_PASSWORD", PASSWORD);
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Of a command that has to succeed.
fn advised(home: &Path, args: &[&str]) -> String {
    let output = advise(home, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    stdout(&output)
}

fn json(home: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&advised(home, &[args, &["--json"]].concat())).unwrap()
}

/// What a usage or input error says.
fn refused(home: &Path, args: &[&str]) -> String {
    let output = advise(home, args).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    assert!(output.stdout.is_empty());
    said(&output)
}

fn names(ways: &Value) -> Vec<&str> {
    ways.as_array().unwrap().iter().map(|way| way["name"].as_str().unwrap()).collect()
}

/// The whole of what a person sees, of figures that are given: the same on any number of threads.
#[test]
fn an_advice_of_given_figures() {
    let home = tempfile::tempdir().unwrap();
    let what = ["ftp://me@ftp.example.org/in", "--sizes", "1000x3,40000", "--directories", "1"];
    let args = [&what[..], &FIGURES, &["--features", OTHERS]].concat();
    let text = advised(home.path(), &[&args[..], &["-j", "1"]].concat());
    // What is to be typed is not broken.
    let broken = |line: &&str| !line.contains("ftpsim ");
    let mut lines = text.lines().take_while(|line| !line.starts_with("How to do")).filter(broken);
    assert!(lines.all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
    assert_eq!(advised(home.path(), &[&args[..], &["-j", "3", "-q"]].concat()), text);
}

/// Asked of our server, and said again without it, byte for byte.
#[test]
fn our_server_is_asked_and_the_line_that_repeats_it_gives_the_same() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("mine/it's")).unwrap();
    fs::write(home.path().join("mine/a"), noise(700, 1)).unwrap();
    fs::write(home.path().join("mine/it's/b"), vec![b'x'; 300]).unwrap();
    let server = Server::start(&[]);
    let url = server.url("");
    let output = advise(home.path(), &[&url, "mine", "--rate", "100M", "--loss", "0", "--runs", "1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = stdout(&output);
    assert!(!said(&output).contains(PASSWORD), "{}", said(&output));
    assert!(server.names().is_empty(), "nothing is written without --sample");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let has =
        "has block, compressed, deflate, record, size, hash, rest, mlst, xpipe, hidden, clear, close-notify";
    assert!(flat.contains(has), "{text}");
    assert!(text.contains("stream-tls: the server offers no TLS"), "{text}");
    assert!(
        text.contains("block-durable: the server has no promise of durability (DURABLE: not announced)"),
        "{text}"
    );
    drop(server);
    let again = text.lines().last().unwrap().trim();
    let program = env!("CARGO_BIN_EXE_ftpsim");
    let typed = again.replacen("ftpsim", program, 1);
    let mut shell = bounded("sh", home.path());
    let repeated = shell.args(["-c", &typed]).timeout(PATIENCE).output().unwrap();
    assert!(repeated.status.success(), "{again}: {}", said(&repeated));
    assert_eq!(stdout(&repeated), text);
}

/// The server has answered, and the simulations are under way, which are the longest part.
#[test]
fn an_interruption_is_heard_when_the_server_has_been_asked() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
    command.args(["advise", &server.url(""), "--sizes", "1000000x10", "--runs", "10000"]).args(&FIGURES[..6]);
    command.current_dir(home.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Reaped(command.spawn().unwrap());
    std::thread::sleep(Duration::from_secs(2));
    let pid = child.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let begun = std::time::Instant::now();
    assert_eq!(child.0.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// What is printed for a way does it.
#[test]
fn the_commands_deliver() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("two words")).unwrap();
    fs::write(home.path().join("two words/a"), noise(5_000, 1)).unwrap();
    let server = Server::start(&[]);
    let features = ["--features", "block,size,hash,xpipe,hidden,clear"];
    let what = [&server.url_of_user("in"), "two words"];
    let told = json(home.path(), &[&what[..], &FIGURES, &features].concat());
    let program = env!("CARGO_BIN_EXE_ftpsim");
    let mut tried = 0;
    for way in told["instructions"].as_array().unwrap() {
        for instruction in way["instructions"].as_array().unwrap() {
            let text = instruction["text"].as_str().unwrap();
            let typed = match instruction["program"].as_str().unwrap() {
                "ftpsim" if text.contains(" put ") => text.replacen("ftpsim", program, 1),
                // It asks for the password at the terminal.
                "lftp" if has("lftp") => {
                    text.replacen(&format!("-u {USER}"), &format!("-u {USER},{PASSWORD}"), 1)
                }
                _ => continue,
            };
            let mut shell = bounded("sh", home.path());
            succeed(shell.args(["-c", &typed]).env("FTPSIM_PASSWORD", PASSWORD));
            let there = server.root.path().join("in/two words/a");
            assert_eq!(fs::read(&there).unwrap(), noise(5_000, 1), "{text}");
            fs::remove_file(there).unwrap();
            tried += 1;
        }
    }
    assert!(tried >= 9, "{tried}");
}

#[test]
fn a_sample_measures_the_rate_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&["--rate", "400000"]);
    let args = [&server.url(""), "--sizes", "1000", "--sample", "--runs", "1", "--features", "size,clear"];
    let told = json(home.path(), &args);
    assert!(server.names().is_empty(), "{:?}", server.names());
    // 400 kB/s are 3.2 Mbit/s of payload, and a little more on the wire.
    let rate = told["path"]["rate_bits_per_s"]["value"].as_u64().unwrap();
    assert!((2_500_000..5_000_000).contains(&rate), "{told:#}");
    let basis = told["basis"].to_string();
    assert!(basis.contains("3 uploads of") && basis.contains("sent again"), "{basis}");
}

#[test]
fn downloads_are_what_the_server_lists() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    fs::create_dir_all(server.root.path().join("out/deep")).unwrap();
    for (name, len) in [("out/a", 10), ("out/b", 20), ("out/deep/c", 3_000)] {
        fs::write(server.root.path().join(name), noise(len, 1)).unwrap();
    }
    let url = server.url("out");
    let args = [&[&url[..], "--direction", "get"], &FIGURES[..], &["--features", "size,clear"]].concat();
    let told = json(home.path(), &args);
    assert_eq!((&told["files"]["files"], &told["files"]["bytes"]), (&3.into(), &3_030.into()));
    assert_eq!(told["directories"], 2);
    assert!(
        told["again"].as_str().unwrap().contains("--sizes 10,20,3000 --directories 2"),
        "{:#}",
        told["again"]
    );
    // There are no temporary names to be had of downloads, and SIZE tells of what was cut.
    let ways = told["ways"].as_array().unwrap();
    assert!(ways.iter().all(|way| !way["name"].as_str().unwrap().contains("rename")));
    let careful = |way: &&Value| way["name"].as_str().unwrap().starts_with("stream-size");
    assert_eq!(
        ways.iter().filter(careful).map(|way| way["exposed_files"].as_u64()).collect::<Vec<_>>(),
        [Some(0); 2]
    );
}

/// Whoever names features alone has not said `--tls required`.
#[test]
fn no_way_that_is_open_is_no_success() {
    let home = tempfile::tempdir().unwrap();
    let args = [&["--sizes", "10", "--features", "block"], &FIGURES[..]].concat();
    let output = advise(home.path(), &args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = stdout(&output);
    assert!(text.contains("No way is open") && text.contains("(clear)"), "{text}");
}

/// As servers differ: no FEAT and no SIZE, and one that has more to say.
#[test]
fn what_a_server_lacks_is_said_with_its_code() {
    let home = tempfile::tempdir().unwrap();
    let old = Fake::start(|_, _, _| None);
    let figures = [&["--sizes", "500x2"][..], &FIGURES[2..], &["--login", "0us"]].concat();
    let told = json(home.path(), &[&[&old.url("")[..]], &figures[..]].concat());
    assert_eq!(told["features"], "block=502,compressed=502,deflate=502,record=502,size=502,clear");
    let mut open = names(&told["ways"]);
    open.sort_unstable();
    assert_eq!(open, ["stream", "stream-4", "stream-temp"], "every way loses files here");
    let closed = |name: &str| {
        let closed = told["closed"].as_array().unwrap().iter().find(|closed| closed["name"] == name).unwrap();
        closed["why"].as_str().unwrap().to_owned()
    };
    assert_eq!(closed("block"), "the server has no block mode (MODE B: 502)");
    assert_eq!(closed("stream-size"), "the server has no SIZE (SIZE: 502)");
    let text = advised(home.path(), &[&[&old.url("")[..]], &figures[..]].concat());
    assert!(text.contains("Every way that is open loses files silently"), "{text}");

    let modern = Fake::start(|verb, argument, _| {
        Some(Answer::Reply(match (verb, argument) {
            ("FEAT", _) => {
                "211-Features:\r\n SIZE\r\n HASH SHA-256*;MD5\r\n REST STREAM\r\n AUTH TLS\r\n211 End"
            }
            ("AUTH", _) => "534 no certificate",
            ("MODE", "Z" | "S") => "200 ok",
            ("STRU", "R") => "504 no",
            ("NOOP", _) => "200 ok",
            _ => return None,
        }))
    });
    let told = json(home.path(), &[&[&modern.url("")[..]], &figures[..]].concat());
    assert_eq!(told["features"], "block=502,compressed=502,deflate,record=504,size,hash,rest,clear");
}

#[test]
fn logs_and_listings_stand_for_files() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("transfers.log");
    let server = Server::start(&["--transfer-log", log.to_str().unwrap()]);
    fs::create_dir(home.path().join("d")).unwrap();
    fs::write(home.path().join("d/a b"), noise(1_234, 1)).unwrap();
    fs::write(home.path().join("d/c"), noise(77, 1)).unwrap();
    succeed(ftpsim(home.path()).args(["put", "-q", "-r", &server.url(""), "d"]));
    let of = |source: &[&str]| {
        let told = json(home.path(), &[source, &FIGURES, &["--features", "size,clear"]].concat());
        (told["files"]["files"].as_u64().unwrap(), told["files"]["bytes"].as_u64().unwrap())
    };
    assert_eq!(of(&["--from-log", log.to_str().unwrap()]), (2, 1_311));
    let listing = succeed(bounded("ls", home.path()).args(["-lR", "d"]));
    fs::write(home.path().join("listing"), listing).unwrap();
    assert_eq!(of(&["--from-log", "listing"]), (2, 1_311));
    let said = refused(home.path(), &["--from-log", log.to_str().unwrap(), "--direction", "get"]);
    assert!(said.contains("--direction put"), "{said}");
    fs::write(home.path().join("human"), "-rw-r--r-- 1 me me 1.2K Nov  2 10:00 a\n").unwrap();
    let said = refused(home.path(), &["--from-log", "human"]);
    assert!(said.contains("without -h") && said.contains("1.2K"), "{said}");
}

#[test]
fn what_is_wrong_is_told_with_its_remedy() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("empty")).unwrap();
    for (args, wanted) in [
        (&["empty"][..], "--from-log"),
        (&["nowhere"], "nowhere"),
        (&[], "what is to be delivered?"),
        (&["ftp://h/"], "what is to be delivered?"),
        (&["ftp://h/", "ftp://i/", "--sizes", "1"], "two URLs"),
        (&["a", "b"], "two directories"),
        (&["empty", "--sizes", "1"], "given twice"),
        (&["--sizes", "1", "--sample"], "with which server?"),
        (&["--sizes", "1", "--rtt", "50"], "for instance 50ms"),
        (&["--sizes", "1", "--loss", "60%"], "no more than 50%"),
        (&["--sizes", "1", "--rate", "1"], "1k to 1000G"),
        (&["--sizes", "1", "--features", "blok"], "none of block"),
        (&["--sizes", "1", "--features", "block=200"], "the code of a refusal"),
        (&["ftp://u:s3cret@h:99999/", "--sizes", "1"], "the URL is wrong"),
    ] {
        let said = refused(home.path(), args);
        assert!(said.contains(wanted) && !said.contains("s3cret"), "{args:?}: {said}");
    }
    // Nobody there: a failure, not a usage error.
    let output = advise(home.path(), &["ftp://me@127.0.0.1:1/", "--sizes", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn the_page_is_whole_and_names_deceive_nobody() {
    let home = tempfile::tempdir().unwrap();
    let hostile = "<b>\u{1b}[2J'x";
    fs::create_dir(home.path().join(hostile)).unwrap();
    fs::write(home.path().join(hostile).join("a"), "x").unwrap();
    let args = [&[hostile][..], &FIGURES, &["--features", "size,clear", "--html", "page.html"]].concat();
    let text = advised(home.path(), &args);
    assert!(!text.contains('\u{1b}'), "{text}");
    let page = fs::read_to_string(home.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(
        !page.contains("<b>\u{1b}") && !page.contains("<b>\\x1b") && page.contains("&lt;b&gt;"),
        "{page}"
    );
    for wanted in ["stream-rename-4", "HiddenStores on", "Again, without the network", "--publish rename"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(!page.contains("src=") && !page.contains("http"), "it needs nothing else");
}
