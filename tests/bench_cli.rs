//! `ftpsim bench` as a user runs it. No figure is checked: they are this machine's.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::*;
use serde_json::Value;
use std::process::{Output, Stdio};
use tempfile::TempDir;

fn bench(home: &TempDir, options: &[&str]) -> Output {
    let small = ["bench", "--files", "20", "--size", "100", "--repetitions", "2", "--warm-up", "0"];
    ftpsim(home.path()).args(small).args(options).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    serde_json::from_slice(&output.stdout).expect("nothing but JSON on stdout")
}

/// Names and types, those of a row once.
fn schema(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(all) => Value::Array(all.first().map(schema).into_iter().collect()),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), schema(field))).collect(),
    }
}

#[test]
fn json_has_every_way_and_a_stable_form() {
    let home = TempDir::new().unwrap();
    let mut result = json(&bench(&home, &["--json"]));
    let ways: Vec<String> = result["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", row["direction"], row["mode"], row["pipeline_depth"]).replace('"', ""))
        .collect();
    let modes = ["stream 1", "block 1", "block 32", "compressed 1", "compressed 32", "deflate 1"];
    let expected: Vec<String> =
        ["put", "get"].iter().flat_map(|way| modes.map(|mode| format!("{way} {mode}"))).collect();
    assert_eq!(ways, expected);
    for row in result["rows"].as_array().unwrap() {
        assert_eq!(row["files"], 20);
        assert!(row["duration_min_us"].as_u64() <= row["duration_us"].as_u64(), "{row}");
        assert!(row["duration_us"].as_u64() <= row["duration_max_us"].as_u64(), "{row}");
        assert!(row["speed_to_bare"].as_f64() > Some(0.0), "{row}");
    }
    assert!(result["warnings"].is_array());
    // As noise has it.
    result["warnings"] = Value::Null;
    if cfg!(target_os = "linux") {
        insta::assert_snapshot!(serde_json::to_string_pretty(&schema(&result)).unwrap());
    }
}

/// Of one delivery nobody knows how far others are from it.
#[test]
fn a_single_repetition_has_no_spread() {
    let home = TempDir::new().unwrap();
    let once = ["bench", "--files", "5", "--size", "100", "--repetitions", "1", "--warm-up", "0"];
    let way = ["--mode", "stream", "--direction", "put", "--csv", "bench.csv"];
    let ran = ftpsim(home.path()).args(once).args(way).output().unwrap();
    let table = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && table.contains("n/a") && !table.contains(" 0 %"), "{table}");
    let text = std::fs::read_to_string(home.path().join("bench.csv")).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let spread = rows.next().unwrap().iter().position(|name| *name == "spread").unwrap();
    assert_eq!(rows.next().unwrap()[spread], "");
}

#[test]
fn csv_has_a_row_a_contender_and_the_table_names_the_file() {
    let home = TempDir::new().unwrap();
    let ran = bench(&home, &["--mode", "block", "--direction", "put", "--csv", "out/bench.csv"]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let table = String::from_utf8(ran.stdout).unwrap();
    for part in ["20 files of 100 B (text)", "block, 32 ahead", "to bare", "Written: out/bench.csv."] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let text = std::fs::read_to_string(home.path().join("out/bench.csv")).unwrap();
    assert_eq!(text.lines().count(), 3);
    assert!(
        text.lines().nth(1).unwrap().starts_with("put,block,1,1,true,20,100,text,memory,in-process,2,0,")
    );
    insta::assert_snapshot!(text.lines().next().unwrap());
}

#[test]
fn a_disk_is_left_as_it_was() {
    let (home, disk) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let result =
        json(&bench(&home, &["--store", disk.path().to_str().unwrap(), "--parallel", "3", "--json"]));
    assert_eq!(result["rows"][0]["parallel"], 3);
    assert_eq!(result["rows"][0]["store"], disk.path().to_str().unwrap());
    assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 0);
}

/// A pair of runs would not be comparable: the later one meets what the earlier one has removed.
#[test]
fn durable_and_not_durable_are_measured_in_one_run() {
    let (home, disk) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = disk.path().to_str().unwrap();
    let way =
        ["--store", store, "--durable=both", "--mode", "block", "--pipeline", "8", "--direction", "put"];
    let result = json(&bench(&home, &[&way[..], &["--json"]].concat()));
    let rows = result["rows"].as_array().unwrap();
    let stores: Vec<&str> = rows.iter().map(|row| row["store"].as_str().unwrap()).collect();
    assert_eq!(stores, [store, &format!("{store}, durable")]);
    let table = said(&bench(&home, &way));
    for part in ["block, 8 ahead, durable", "Durable speed to the same without", "put block, 8 ahead: "] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert_eq!(names(disk.path()), [""; 0]);
    // Without a word it is what it was.
    let only = json(&bench(&home, &["--store", store, "--durable", "--mode", "stream", "--json"]));
    assert!(only["rows"].as_array().unwrap().iter().all(|row| row["store"] == format!("{store}, durable")));
}

/// However a measurement is ended: nothing of it is left, and the exit code tells why.
#[cfg(unix)]
#[test]
fn an_ended_measurement_leaves_nothing_behind() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (home, disk) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
        command.args(["bench", "--files", "200", "--repetitions", "1000", "--store"]).arg(disk.path());
        command.current_dir(home.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = Reaped(command.spawn().unwrap());
        let begun = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().path().join("received/f0000000").exists()
        };
        while !std::fs::read_dir(disk.path()).unwrap().any(begun) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // It delivers; by now it should hear signals, too.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let process = child.0.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &process]).status().unwrap().success());
        assert_eq!(child.0.wait().unwrap().code(), Some(code), "{signal}");
        assert_eq!(names(disk.path()), [""; 0], "{signal}");
    }
}

#[test]
fn another_server_is_measured_and_left_as_it_was() {
    let server = Server::start(&[]);
    let home = TempDir::new().unwrap();
    std::fs::create_dir(server.root.path().join("in")).unwrap();
    let (address, user) = (server.address.to_string(), format!("{USER}:{PASSWORD}"));
    let options = ["--server", &address, "--user", &user, "--directory", "in", "--json", "--no-reuse"];
    let result = json(&bench(&home, &options));
    // Of each direction one for each mode.
    let row = &result["rows"][4];
    assert_eq!((&row["direction"], &row["cost_of"]), (&"get".into(), &"client".into()));
    assert_eq!((&row["server"], &row["speed_to_bare"]), (&address.into(), &Value::Null));
    assert_eq!(names(&server.root.path().join("in")), [] as [&str; 0]);
}

#[test]
fn what_is_wrong_is_said_with_a_remedy() {
    let server = Server::start(&["--login-failure-delay", "0"]);
    let home = TempDir::new().unwrap();
    let address = server.address.to_string();
    let wrong = format!("{USER}:wrong");
    let right = format!("{USER}:{PASSWORD}");
    for (options, hint) in [
        (vec!["--server", &address, "--user", &wrong], "give --user NAME:PASSWORD"),
        (vec!["--server", &address, "--user", &right, "--directory", "none"], "--directory names another"),
        (vec!["--server", "127.0.0.1:1"], "`ftpsim serve` starts one"),
        (vec!["--server", "127.0.0.1:x"], "expected HOST:PORT"),
        (vec!["--store", "disk", "--durable=both", "--server", "127.0.0.1:1"], "leave out --server"),
        (vec!["--store", "no-such-directory"], "give memory, disk, or a directory that exists"),
        (vec!["--store", "disk", "--size", "900000GiB"], "fewer --files"),
        (vec!["--size", "1 furlong"], "64KiB"),
        (vec!["--files", "0"], "1..="),
    ] {
        let ran = ftpsim(home.path()).arg("bench").args(&options).output().unwrap();
        assert_eq!(ran.status.code(), Some(2), "{options:?}: {}", said(&ran));
        assert!(said(&ran).contains(hint), "{options:?}: {}", said(&ran));
    }
}

#[test]
fn system_calls_are_counted_where_strace_is() {
    if !has("strace") {
        return;
    }
    let home = TempDir::new().unwrap();
    let options = ["--mode", "stream", "--direction", "get", "--system-calls", "--json"];
    let result = json(&bench(&home, &options));
    let row = &result["rows"][0];
    // A file in stream mode has a data connection of its own.
    assert!(row["system_calls"]["connect"].as_f64() >= Some(1.0), "{row}");
    assert!(row["system_calls_per_file"].as_f64() > row["system_calls"]["connect"].as_f64(), "{row}");
}

/// What a pipeline has won: commands, replies and small blocks leave together, and a file's end is found by the read that
/// brings its last bytes. Before, there were 18 calls a file at both ends, two of them `writev` and two `read`. What is
/// looked up for a millisecond is looked up for each file under strace, so that `openat2` is not asked about.
#[test]
fn a_small_file_in_a_pipeline_costs_few_system_calls() {
    if !has("strace") {
        println!("no strace: nothing is counted");
        return;
    }
    let (home, disk) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let options = ["--mode", "block", "--pipeline", "32", "--store", disk.path().to_str().unwrap()];
    let more = ["--files", "400", "--size", "1KiB", "--repetitions", "1", "--warm-up", "0"];
    let mut command = ftpsim(home.path());
    command.arg("bench").args(options).args(more).args(["--system-calls", "--json"]);
    let result = json(&command.output().unwrap());
    for row in result["rows"].as_array().unwrap() {
        let of = |call: &str| row["system_calls"][call].as_f64().unwrap_or_default();
        assert!(of("writev") + of("sendmsg") <= 1.0, "{row}");
        assert!(of("read") + of("readv") <= 1.4, "{row}");
        // The sender asks for a size, the receiver what has the name.
        assert!(of("statx") <= 2.4, "{row}");
        assert!(of("renameat") >= 0.9, "every file is published: {row}");
        // In a debug build the standard library looks at each descriptor that it closes.
        let all = row["system_calls_per_file"].as_f64().unwrap() - of("fcntl");
        assert!(all <= 16.5, "{all} of {row}");
    }
}

#[test]
fn growth_is_measured_drawn_and_judged() {
    let home = TempDir::new().unwrap();
    let options =
        ["--files", "100", "--sessions", "2", "--size", "1KiB", "--repetitions", "1", "--out", "out"];
    let ran = ftpsim(home.path()).args(["bench", "growth"]).args(options).output().unwrap();
    // So few and small points say little of growth: either verdict may come.
    assert!(matches!(ran.status.code(), Some(0 | 1)), "{}", said(&ran));
    let table = String::from_utf8_lossy(&ran.stdout).to_lowercase();
    for part in
        ["over files", "over sessions", "over file size", "get block, 32 ahead", "linear", "growth.svg"]
    {
        assert!(table.contains(part), "{part}: {table}");
    }
    let csv = std::fs::read_to_string(home.path().join("out/growth.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 6 * (2 + 2 + 2), "six ways, two points on each of three curves");
    insta::assert_snapshot!(csv.lines().next().unwrap());
    let over = ["bench", "growth", "--over", "sessions", "--sessions", "1", "--out", "out"];
    let again = ftpsim(home.path()).args(over).output().unwrap();
    assert!(matches!(again.status.code(), Some(0 | 1)), "{}", said(&again));
    let merged = std::fs::read_to_string(home.path().join("out/growth.csv")).unwrap();
    let of = |csv: &str, curve: &str| -> Vec<String> {
        csv.lines().filter(|line| line.starts_with(curve)).map(str::to_owned).collect()
    };
    assert_eq!(
        (of(&merged, "files,"), of(&merged, "file_size,")),
        (of(&csv, "files,"), of(&csv, "file_size,"))
    );
    assert_eq!(of(&merged, "sessions,").len(), 6);
    let picture = std::fs::read_to_string(home.path().join("out/growth.svg")).unwrap();
    assert!(
        picture.starts_with("<svg ") && picture.contains("put stream") && picture.contains("prefers-color")
    );
}
