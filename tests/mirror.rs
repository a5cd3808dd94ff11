//! `ftpsim mirror`: trees become like others, and nothing else happens to them.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;
#[path = "mirror/deletions.rs"]
mod deletions;
#[path = "mirror/directory_times.rs"]
mod directory_times;
#[path = "field/fake.rs"]
mod fake;
#[path = "mirror/folded_names.rs"]
mod folded_names;
#[path = "mirror/peers.rs"]
mod peers;
#[path = "mirror/trees.rs"]
mod trees;

use common::*;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

/// Names that a path may have, each with a file of its own size; a directory with nothing in it.
fn write_odd_tree(root: &Path) {
    fs::create_dir_all(root.join("a b/deep/deeper")).unwrap();
    fs::create_dir_all(root.join("-empty/none")).unwrap();
    let odd = [
        &b"one.txt"[..],
        b"a b/two three",
        b"a b/deep/-five",
        b"a b/deep/deeper/.hidden",
        b"gr\xfcn \xff",
        b"star*[x]?",
        b"quote\"d",
        b"semi;type=i",
        b"empty",
    ];
    for (index, name) in odd.iter().enumerate() {
        let bytes = if *name == b"empty" { 0 } else { 1000 * index + 1 };
        fs::write(root.join(OsStr::from_bytes(name)), noise(bytes, index as u64)).unwrap();
        set_time(&root.join(OsStr::from_bytes(name)), 1_000_000_000 + index as u64 * 1_000);
    }
}

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn seconds_of(path: &Path) -> u64 {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Length, a sum of the content, and time.
type Is = (usize, u64, u64);

/// Paths below `root`: files with length, sum of the content, and time; directories with none of them.
fn tree(root: &Path) -> Vec<(PathBuf, Option<Is>)> {
    let mut all = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if name.to_string_lossy().starts_with(".ftpsim-") {
                continue;
            }
            if path.is_dir() {
                all.push((name, None));
                open.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                let sum =
                    bytes.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
                all.push((name, Some((bytes.len(), sum, seconds_of(&path)))));
            }
        }
    }
    all.sort();
    all
}

fn mirror(here: &Path, from: &str, to: &str, options: &[&str]) -> Output {
    ftpsim(here).args(["mirror", from, to]).args(options).output().unwrap()
}

/// What it says as JSON, and its exit code.
fn mirror_json(here: &Path, from: &str, to: &str, options: &[&str]) -> (serde_json::Value, Option<i32>) {
    let output = ftpsim(here).args(["mirror", from, to, "--json"]).args(options).output().unwrap();
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    (value, output.status.code())
}

/// The names of the files that were moved.
fn moved(value: &serde_json::Value) -> Vec<&str> {
    value["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect()
}
