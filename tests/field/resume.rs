//! Downloads go on where a server without HASH proves nothing, as long as size and time say that the part is of
//! the file that is there; and begin anew where they do not.

use crate::common::*;
use crate::fake::{Answer, Fake};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

const BYTES: usize = 3 << 20;
const CUT_AT: usize = 2 << 20;

/// A file at a server that cuts what it sends when it is told to.
struct Source {
    content: Vec<u8>,
    time: &'static str,
    cuts: bool,
    features: &'static str,
    /// What it becomes when it is next fetched.
    successor: Option<(Vec<u8>, &'static str)>,
    restarted_at: usize,
    /// Where each RETR began.
    begun_at: Vec<usize>,
}

type Shared = Arc<Mutex<Source>>;

fn start(features: &'static str) -> (Fake, Shared) {
    let source = Source {
        content: noise(BYTES, 1),
        time: "213 20200101000000",
        cuts: true,
        features,
        successor: None,
        restarted_at: 0,
        begun_at: Vec::new(),
    };
    let shared = Arc::new(Mutex::new(source));
    let source = shared.clone();
    let server = Fake::start(move |verb, argument, _| {
        let mut source = source.lock().unwrap();
        match verb {
            "FEAT" => Some(Answer::Reply(source.features)),
            // Leaked: replies are few, and live as long as the test.
            "SIZE" => Some(Answer::Reply(format!("213 {}", source.content.len()).leak())),
            "MDTM" => Some(Answer::Reply(source.time)),
            "REST" => {
                source.restarted_at = argument.parse().unwrap();
                Some(Answer::Reply("350 go on"))
            }
            "RETR" => {
                if let Some((content, time)) = source.successor.take() {
                    (source.content, source.time) = (content, time);
                }
                let from = std::mem::take(&mut source.restarted_at);
                source.begun_at.push(from);
                Some(match source.cuts {
                    true => Answer::Cut(source.content[from..CUT_AT].to_vec()),
                    false => Answer::Data(source.content[from..].to_vec()),
                })
            }
            _ => None,
        }
    });
    (server, shared)
}

const ALL: &str = "211-F\r\n SIZE\r\n MDTM\r\n REST STREAM\r\n211 end";

fn get(here: &Path, server: &Fake, options: &[&str]) -> std::process::Output {
    ftpsim(here).args(["get", &server.url("f"), "--retry-delay", "0"]).args(options).output().unwrap()
}

/// A run that is cut, then what `meanwhile` does, then one that is not; where the transfers began.
fn cut_and_again(features: &'static str, meanwhile: impl FnOnce(&mut Source)) -> Vec<usize> {
    let here = tempfile::tempdir().unwrap();
    let (server, shared) = start(features);
    let first = get(here.path(), &server, &["--retries", "0"]);
    assert_eq!(first.status.code(), Some(1), "{}", said(&first));
    let is_kept = said(&first).contains("kept for the next run");
    assert_eq!(is_kept, features == ALL, "{}", said(&first));
    {
        let mut source = shared.lock().unwrap();
        source.cuts = false;
        meanwhile(&mut source);
    }
    let second = get(here.path(), &server, &[]);
    assert!(second.status.success(), "{}", said(&second));
    let source = shared.lock().unwrap();
    assert!(fs::read(here.path().join("f")).unwrap() == source.content, "{:?}", source.begun_at);
    assert_eq!(names(here.path()), ["f"], "nothing is left of it");
    source.begun_at.clone()
}

#[test]
fn the_next_run_goes_on_with_the_same_file() {
    assert_eq!(cut_and_again(ALL, |_| {}), [0, CUT_AT]);
}

#[test]
fn the_next_attempt_goes_on_too() {
    let here = tempfile::tempdir().unwrap();
    let (server, shared) = start(ALL);
    let output = get(here.path(), &server, &["--retries", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(shared.lock().unwrap().begun_at, [0, CUT_AT]);
}

#[test]
fn a_file_that_has_changed_is_fetched_from_its_beginning() {
    let newer = |source: &mut Source| {
        (source.content, source.time) = (noise(BYTES, 2), "213 20200101000001");
    };
    assert_eq!(cut_and_again(ALL, newer), [0, 0]);
    let longer = |source: &mut Source| source.content = noise(BYTES + 1, 2);
    assert_eq!(cut_and_again(ALL, longer), [0, 0]);
}

/// After it was asked for, and before it was sent: the whole would be of two files.
#[test]
fn a_file_that_changes_at_the_last_moment_is_not_spliced() {
    let changes = |source: &mut Source| source.successor = Some((noise(BYTES, 2), "213 20200101000001"));
    assert_eq!(cut_and_again(ALL, changes), [0, CUT_AT, 0]);
}

#[test]
fn where_size_or_time_is_not_told_it_begins_anew() {
    assert_eq!(cut_and_again("211-F\r\n SIZE\r\n REST STREAM\r\n211 end", |_| {}), [0, 0]);
    assert_eq!(cut_and_again("211-F\r\n MDTM\r\n REST STREAM\r\n211 end", |_| {}), [0, 0]);
}

/// A part of the same name, size and time from elsewhere is another file's.
#[test]
fn another_servers_part_is_not_gone_on_from() {
    let here = tempfile::tempdir().unwrap();
    let (one, _) = start(ALL);
    assert_eq!(get(here.path(), &one, &["--retries", "0"]).status.code(), Some(1));
    let (other, shared) = start(ALL);
    {
        let mut source = shared.lock().unwrap();
        (source.content, source.cuts) = (noise(BYTES, 3), false);
    }
    let output = get(here.path(), &other, &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(shared.lock().unwrap().begun_at, [0]);
    assert!(fs::read(here.path().join("f")).unwrap() == noise(BYTES, 3));
}
