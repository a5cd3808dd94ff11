//! What a transfer keeps: times, directories on the way, parts of what was cut; and what it refuses.

use super::*;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 987_654_321);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn seconds_of(path: &Path) -> u64 {
    fs::metadata(path).unwrap().modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn times_are_kept_where_asked() {
    let here = tempfile::tempdir().unwrap();
    write_tree(&here.path().join("tree"));
    let (file, deep) = ("tree/two.txt", "tree/a b/deep/deeper/-five");
    set_time(&here.path().join(file), 1_234_567_890);
    set_time(&here.path().join(deep), 1_000_000_000);
    for options in
        [&[][..], &["--mode", "block", "--pipeline", "8"], &["--publish", "rename", "--verify", "hash"]]
    {
        let server = Server::start(&[]);
        let root = server.root.path();
        succeed(ftpsim(here.path()).args(["put", "-r", &server.url(""), "tree"]).args(options));
        assert_ne!(seconds_of(&root.join(file)), 1_234_567_890, "not by itself");
        succeed(
            ftpsim(here.path()).args(["put", "-r", "--keep-times", &server.url(""), "tree"]).args(options),
        );
        assert_eq!(seconds_of(&root.join(file)), 1_234_567_890, "{options:?}");
        assert_eq!(seconds_of(&root.join(deep)), 1_000_000_000, "{options:?}");
        let back = tempfile::tempdir().unwrap();
        let get: Vec<&str> =
            options.iter().copied().filter(|word| !["--publish", "rename"].contains(word)).collect();
        succeed(ftpsim(back.path()).args(["get", "-r", "--keep-times", &server.url("tree")]).args(&get));
        assert_eq!(seconds_of(&back.path().join(deep)), 1_000_000_000, "{options:?}");
        // By its name, without a listing.
        succeed(ftpsim(back.path()).args(["get", "--keep-times", &server.url(file)]).args(&get));
        assert_eq!(seconds_of(&back.path().join("two.txt")), 1_234_567_890, "{options:?}");
    }
}

#[test]
fn directories_on_the_way_are_made_where_asked() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    fs::write(here.path().join("one"), "1").unwrap();
    let put = |arguments: &[&str]| {
        output(
            ftpsim(here.path()).args(["put", &server.url("x/y z")]).args(arguments).args(["--retries", "0"]),
        )
    };
    assert_eq!(put(&["one"]).status.code(), Some(1), "the directory is not there");
    let made = put(&["one", "--make-dirs"]);
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!(fs::read(server.root.path().join("x/y z/one")).unwrap(), b"1");
    let mut command = ftpsim(here.path());
    let url = server.url("p/q/file");
    succeed(command.args(["put", &url, "-", "--make-dirs"]).write_stdin("in"));
    assert_eq!(fs::read(server.root.path().join("p/q/file")).unwrap(), b"in");
    // At this end they are made in any case.
    succeed(ftpsim(here.path()).args(["get", &server.url("p/q/file"), "-o", "new/deep"]));
    assert_eq!(fs::read(here.path().join("new/deep/file")).unwrap(), b"in");
}

#[test]
fn what_is_skipped_is_said_with_its_reason() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    for name in ["a", "b", "c", "d"] {
        fs::write(server.root.path().join(name), name).unwrap();
    }
    succeed(ftpsim(here.path()).args(["get", &server.url("*"), "--keep-times"]));
    let told = succeed(ftpsim(here.path()).args(["get", &server.url("*"), "--update"]));
    assert!(
        told.contains("0 of 0 files") && told.contains("skipped: 4, unchanged (--update) (a, b, c, ...)"),
        "{told}"
    );
    let told = output(ftpsim(here.path()).args(["get", &server.url("a"), "--no-clobber", "--json"]));
    let value: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(value["skipped"]["here already (--no-clobber)"][0], "a", "{value}");
}

#[test]
fn stdin_and_stdout_refuse_what_they_cannot_keep() {
    let here = tempfile::tempdir().unwrap();
    for (option, value) in [
        ("--verify", Some("hash")),
        ("--resume", None),
        ("--retries", Some("3")),
        ("--parallel", Some("2")),
        ("--json", None),
    ] {
        for words in [vec!["get", "ftp://127.0.0.1:9/f", "-o", "-"], vec!["put", "ftp://127.0.0.1:9/f", "-"]]
        {
            let mut command = ftpsim(here.path());
            let refused = output(command.args(&words).arg(option).args(value));
            assert_eq!(refused.status.code(), Some(2), "{words:?} {option}: {}", said(&refused));
            assert!(said(&refused).contains("is not for -"), "{}", said(&refused));
        }
    }
    // And what they can.
    let server = Server::start(&[]);
    fs::write(server.root.path().join("f"), "text").unwrap();
    let options = ["-o", "-", "--verify", "size", "--retries", "0", "--quote", "NOOP", "-v"];
    let shown = output(ftpsim(here.path()).args(["get", &server.url("f")]).args(options));
    assert_eq!((shown.status.code(), shown.stdout.as_slice()), (Some(0), &b"text"[..]), "{}", said(&shown));
    assert!(said(&shown).contains("> NOOP") && said(&shown).contains("> SIZE f"), "{}", said(&shown));
}

/// Runs it until so much time is over, then interrupts it; what it has said.
fn interrupted(here: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ftpsim"));
    command.args(arguments).current_dir(here).stderr(Stdio::piped()).stdout(Stdio::null());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(130), "{}", said(&done));
    said(&done)
}

/// Bytes on data connections, of one file.
fn wire_bytes(here: &Path, arguments: &[&str]) -> u64 {
    let done = output(ftpsim(here).args(arguments).arg("--json"));
    assert!(done.status.success(), "{}", said(&done));
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    value["files"][0]["wire_bytes"].as_u64().unwrap()
}

/// More than buffers between the ends hold beside what goes in two seconds.
const BIG_BYTES: usize = 30_000_000;

fn slow_server_with(name: &str, seed: u64) -> (Server, PathBuf) {
    let server = Server::start(&["--rate", "6000000"]);
    let file = server.root.path().join(name);
    fs::write(&file, noise(BIG_BYTES, seed)).unwrap();
    (server, file)
}

#[test]
fn a_cut_download_goes_on_by_itself_where_hash_proves_it() {
    let (server, file) = slow_server_with("big", 1);
    let here = tempfile::tempdir().unwrap();
    let url = server.url("big");
    let told = interrupted(here.path(), &["get", &url]);
    assert!(told.contains("kept for the next run"), "{told}");
    let moved = wire_bytes(here.path(), &["get", &url]);
    assert!(moved < BIG_BYTES as u64, "{moved}");
    assert!(fs::read(here.path().join("big")).unwrap() == fs::read(&file).unwrap());
    // What is not asked to stay does not.
    let here = tempfile::tempdir().unwrap();
    let told = interrupted(here.path(), &["get", &url, "--no-resume"]);
    assert!(!told.contains("kept") && files_in(here.path()).is_empty(), "{told}");
    // The file is another one meanwhile: nothing is joined of two.
    let told = interrupted(here.path(), &["get", &url]);
    assert!(told.contains("kept for the next run"), "{told}");
    fs::write(&file, noise(BIG_BYTES, 2)).unwrap();
    wire_bytes(here.path(), &["get", &url]);
    assert!(fs::read(here.path().join("big")).unwrap() == fs::read(&file).unwrap());
}

#[test]
fn a_cut_upload_goes_on_by_itself_where_hash_proves_it() {
    let server = Server::start(&["--rate", "6000000"]);
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("big");
    fs::write(&file, noise(BIG_BYTES, 1)).unwrap();
    let url = server.url("");
    interrupted(here.path(), &["put", &url, "big"]);
    let moved = wire_bytes(here.path(), &["put", &url, "big"]);
    assert!(moved < BIG_BYTES as u64, "{moved}");
    assert!(fs::read(server.root.path().join("big")).unwrap() == fs::read(&file).unwrap());
    interrupted(here.path(), &["put", &url, "big"]);
    fs::write(&file, noise(BIG_BYTES, 2)).unwrap();
    let moved = wire_bytes(here.path(), &["put", &url, "big"]);
    assert_eq!(moved, BIG_BYTES as u64, "another file: all of it");
    assert!(fs::read(server.root.path().join("big")).unwrap() == fs::read(&file).unwrap());
}
