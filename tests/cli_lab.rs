//! `ftpsim compare`, `replay` and `scenarios` as a user runs them.
#![cfg(feature = "cli")]

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn ftpsim(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ftpsim").unwrap();
    command.args(arguments).env_remove("NO_COLOR");
    command
}

/// Exit code, standard output and standard error.
fn output(arguments: &[&str]) -> (i32, String, String) {
    let output = ftpsim(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn compare(out: &Path, seeds: &str, jobs: &str) -> (i32, String, String) {
    output(&["compare", "tiny", "--seeds", seeds, "--jobs", jobs, "--out", out.to_str().unwrap()])
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn the_same_bytes_in_another_process_and_with_other_threads() {
    let (one, two, again) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    for (directory, jobs) in [(&one, "1"), (&two, "2"), (&again, "3")] {
        let (code, _, error) = compare(directory.path(), "0..14", jobs);
        assert_eq!(code, 0, "{error}");
        assert_eq!(error, "", "no progress bar where there is no terminal");
    }
    let expected = files(one.path());
    let names: Vec<&str> = expected.keys().map(String::as_str).collect();
    assert_eq!(names, ["report.html", "runs.csv", "summary-by-direction.csv", "summary.csv"]);
    assert_eq!(files(two.path()), expected);
    assert_eq!(files(again.path()), expected);
}

#[test]
fn replay_gives_the_hash_of_the_row() {
    let out = TempDir::new().unwrap();
    compare(out.path(), "2..4", "1");
    let mut rows = csv::Reader::from_path(out.path().join("runs.csv")).unwrap();
    let header = rows.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|cell| cell == name).unwrap();
    let (variant, seed, hash, case) =
        (column("variant"), column("seed"), column("trace_hash"), column("case_id"));
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 8);
    for row in rows {
        let (code, text, error) =
            output(&["replay", "tiny", "--variant", &row[variant], "--seed", &row[seed]]);
        assert_eq!(code, 0, "{error}");
        assert!(text.ends_with(&format!("trace hash {}\n", &row[hash])), "{text}");
        assert!(text.contains(&format!("(case {})", &row[case])), "{text}");
    }
}

#[test]
fn a_replay_shows_dialogue_fault_and_fates() {
    let (code, text, _) = output(&["replay", "tiny", "--variant", "stream", "--seed", "2", "--all"]);
    assert_eq!(code, 0);
    for part in
        ["-> USER", "<- 331", "data connection", "path ", "fault ", "sender", "file-0", "files intact"]
    {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_replay_shows_what_is_around_the_fault_unless_asked_otherwise() {
    let replay =
        |more: &[&str]| output(&[&["replay", "tiny", "--variant", "stream", "--seed", "8"], more].concat());
    let is_event =
        |line: &&str| line.trim_start().starts_with(|c: char| c.is_ascii_digit()) && line.starts_with("  ");
    let (code, short, _) = replay(&[]);
    let events: Vec<&str> = short.lines().filter(is_event).collect();
    assert_eq!((code, events.len()), (0, 20), "{short}");
    assert!(events.iter().any(|line| line.contains("early_close of")), "{short}");
    assert!(short.contains("silent truncation") && short.contains("events left out"), "{short}");
    let (_, all, _) = replay(&["--all"]);
    assert!(!all.contains("left out"));
    let all: Vec<&str> = all.lines().filter(is_event).collect();
    assert!(all.len() > 100 && events.iter().all(|event| all.contains(event)));
    let (_, file, _) = replay(&["--file", "file-00001.dat"]);
    let file: Vec<&str> = file.lines().filter(is_event).collect();
    assert!(
        file.len() > 5 && file.iter().all(|line| line.contains("file-00001.dat") || line.contains(" fault "))
    );
    let (_, around, _) = replay(&["--around", "0.2"]);
    assert!(around.contains("0.200414 client"), "{around}");
    for wrong in [["--file", "nobody"], ["--around", "soon"], ["--around", "-1"]] {
        assert_eq!(replay(&wrong).0, 2, "{wrong:?}");
    }
}

/// DESIGN's order of the first columns, which others' scripts rely on.
#[test]
fn runs_csv_begins_with_the_promised_columns() {
    let out = TempDir::new().unwrap();
    compare(out.path(), "0..1", "1");
    let runs = fs::read_to_string(out.path().join("runs.csv")).unwrap();
    insta::assert_snapshot!(runs.lines().next().unwrap().replace(',', "\n"));
    let summary = fs::read_to_string(out.path().join("summary.csv")).unwrap();
    insta::assert_snapshot!(summary.lines().next().unwrap().replace(',', "\n"));
}

#[test]
fn verdicts_add_up_to_the_files() {
    let out = TempDir::new().unwrap();
    compare(out.path(), "0..14", "2");
    let mut rows = csv::Reader::from_path(out.path().join("runs.csv")).unwrap();
    let header = rows.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|cell| cell == name).unwrap();
    let (first, last) = (at("intact"), at("stuck"));
    for row in rows.records().map(Result::unwrap) {
        let sum: u64 = (first..=last).map(|i| row[i].parse::<u64>().unwrap()).sum();
        assert_eq!(sum, row[at("files")].parse::<u64>().unwrap());
    }
}

#[test]
fn json_is_the_summary() {
    let out = TempDir::new().unwrap();
    let out = out.path().to_str().unwrap();
    let (code, text, _) = output(&["compare", "tiny", "--seeds", "0..2", "--json", "--out", out]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["rows"][0]["variant"], "stream");
    assert_eq!(json["violations"].as_array().unwrap().len(), 0);
}

/// One pair or a few say nothing of how far the ratio of another few would be from theirs.
#[test]
fn a_ratio_of_few_pairs_has_no_interval() {
    for (seeds, are_few) in [("0..2", true), ("0..112", false)] {
        let out = TempDir::new().unwrap();
        let (code, text, error) = compare(out.path(), seeds, "2");
        assert_eq!(code, 0, "{error}");
        let mut rows = csv::Reader::from_path(out.path().join("summary-by-direction.csv")).unwrap();
        let rows: Vec<BTreeMap<String, String>> = rows.deserialize().map(|row| row.unwrap()).collect();
        let mut ratios = 0;
        for row in rows.iter().filter(|row| !row["duration_ratio"].is_empty()) {
            let has_interval = row["duration_ratio_pairs"].parse::<u64>().unwrap() >= 6;
            for end in ["duration_ratio_low", "duration_ratio_high"] {
                assert_eq!(!row[end].is_empty(), has_interval, "{row:?}");
            }
            ratios += u32::from(has_interval != are_few);
        }
        assert!(ratios > 0);
        let page = fs::read_to_string(out.path().join("report.html")).unwrap();
        if are_few {
            let of_a_pair = "fewer than 6 pairs of runs, of which there is no interval of 95 %";
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for shown in [&text, &page] {
                assert!(shown.contains("[too few]") && shown.contains(of_a_pair), "{shown}");
            }
        }
    }
}

#[test]
fn a_failed_comparison_leaves_nothing_half_written() {
    let out = TempDir::new().unwrap();
    fs::write(out.path().join("file"), "").unwrap();
    let (code, _, error) = compare(&out.path().join("file"), "0..1", "1");
    assert_eq!(code, 2);
    assert!(error.contains("file/runs.csv"), "{error}");
    assert_eq!(files(out.path()).len(), 1);
}

#[test]
fn usage_and_input_errors() {
    let directory = TempDir::new().unwrap();
    let bad = directory.path().join("bad.toml");
    fs::write(&bad, include_str!("../sims/tiny.toml").replace("kind = \"reset\"", "kind = \"rst\"")).unwrap();
    let mut all = String::new();
    for arguments in [
        &["compare", "no-such"][..],
        &["compare", bad.to_str().unwrap()],
        &["compare", "tiny", "--seeds", "9..3"],
        &["compare", "tiny", "--jobs", "0"],
        &["replay", "tiny", "--variant", "steam", "--seed", "1"],
        &["replay", "tiny", "--variant", "stream"],
    ] {
        let (code, stdout, stderr) = output(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        all += &format!("$ ftpsim {}\n{stderr}\n", arguments.join(" "));
    }
    insta::assert_snapshot!(all.replace(directory.path().to_str().unwrap(), "DIR"));
}

/// No violations of no runs would pass for good news.
#[test]
fn a_sweep_without_time_for_a_run_is_an_error() {
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("out");
    let (code, stdout, stderr) = output(&["sweep", "--for", "0s", "--out", out.to_str().unwrap()]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("no run was begun") && !out.exists(), "{stderr}");
}

#[test]
fn scenarios_are_listed() {
    let (code, text, _) = output(&["scenarios"]);
    assert_eq!(code, 0);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    for word in ["small-files", "tiny", "early_close", "receiver_power_loss", "before_final", "compressed"] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
}

#[test]
fn a_kind_of_fault_is_told_in_full() {
    let (code, text, _) = output(&["scenarios", "--fault", "sender_dies"]);
    assert_eq!(code, 0);
    for words in ["sender_dies: the sending process dies", "Who can notice: ", "restart_after_us (required)"]
    {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let (code, _, error) = output(&["scenarios", "--fault", "gremlins"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("no kind of fault `gremlins`") && error.contains("early_close"), "{error}");
}

/// A scenario with the contenders and faults named, as a file.
fn smaller(name: &str, variants: &[&str], faults: &[&str], directory: &Path) -> String {
    let mut scenario = ftpsim::sim::scenario::Scenario::load(name).unwrap();
    scenario.variants.retain(|variant| variants.contains(&variant.name.as_str()));
    scenario.faults.retain(|fault| faults.contains(&fault.name()));
    if let Some(grid) = &mut scenario.grid {
        grid.rtt_us = vec![50_000];
        grid.bandwidth_bits_per_s = vec![100_000_000];
        grid.deliveries.truncate(1);
    }
    let path = directory.join("smaller.toml");
    fs::write(&path, toml::to_string(&scenario).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_truth_table_of_ones_own() {
    let directory = TempDir::new().unwrap();
    let file = smaller("truth-table", &["stream"], &["early_close"], directory.path());
    let out = directory.path().join("out");
    let (code, stdout, stderr) = output(&["compare", &file, "--jobs", "2", "--out", out.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("stream   33/36 92 %"), "{stdout}");
    let names: Vec<String> = files(&out).into_keys().collect();
    assert_eq!(names, ["report.html", "truth-table.csv"]);
    // Any of its rows can be run again.
    let mut rows = csv::Reader::from_path(out.join("truth-table.csv")).unwrap();
    let row: BTreeMap<String, String> = rows.deserialize().nth(20).unwrap().unwrap();
    let (_, replayed, _) = output(&["replay", &file, "--variant", "stream", "--seed", &row["seed"]]);
    assert!(replayed.contains(&row["trace_hash"]) && replayed.contains("early close at wire byte 20"));
    let (code, _, stderr) = output(&["compare", &file, "--seeds", "0..4"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cuts at every wire byte: leave out --seeds"), "{stderr}");
}

/// What is known of a scenario is not written over by a variation of it, and what is printed says all of it.
#[test]
fn variations_go_elsewhere_and_are_named() {
    let directory = TempDir::new().unwrap();
    let arguments =
        ["compare", "tiny", "--seeds", "0..2", "--set", "path.rtt_us=9000", "--set", "question=a b"];
    let run = ftpsim(&arguments).current_dir(directory.path()).output().unwrap();
    assert!(run.status.success());
    let out = directory.path().join("results/local/tiny,path.rtt_us=9000,question=a_b,seeds=0..2");
    assert!(files(&out).contains_key("runs.csv"), "{}", String::from_utf8_lossy(&run.stdout));
    assert_eq!(fs::read_dir(directory.path().join("results")).unwrap().count(), 1);
    let mut rows = csv::Reader::from_path(out.join("runs.csv")).unwrap();
    let row: BTreeMap<String, String> = rows.deserialize().next().unwrap().unwrap();
    let replayed = |settings: &[&str]| {
        let named = ["replay", "tiny", "--variant", &row["variant"], "--seed", &row["seed"]];
        output(&[&named, settings].concat()).1
    };
    assert!(replayed(&arguments[4..]).contains(&row["trace_hash"]));
    assert!(!replayed(&[]).contains(&row["trace_hash"]), "another path");
    let printed = "ftpsim replay tiny --set path.rtt_us=9000 --set 'question=a b' --variant V --seed N";
    assert!(String::from_utf8_lossy(&run.stdout).contains(printed));
}

#[test]
fn a_grid_of_ones_own() {
    let directory = TempDir::new().unwrap();
    let file = smaller("wan-grid", &["stream", "block"], &["none"], directory.path());
    let out = directory.path().join("out");
    let (code, stdout, stderr) = output(&["compare", &file, "--json", "--out", out.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 2 * 3, "contenders, directions, losses");
    let lossy = rows.iter().filter(|row| row["runs"] == 3).count();
    assert_eq!(lossy, 8);
    let written = csv::Reader::from_path(out.join("grid.csv")).unwrap().into_records().count();
    assert_eq!(written, rows.len());
}

#[test]
fn results_are_compared_with_earlier_ones() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (then, now, file) = (path("then"), path("now"), path("two.toml"));
    // Two contenders will do. Of fewer seeds a cell has too few pairs for an interval.
    let mut scenario = ftpsim::sim::scenario::Scenario::load("tiny").unwrap();
    scenario.variants.retain(|variant| ["stream", "block"].contains(&variant.name.as_str()));
    fs::write(&file, toml::to_string(&scenario).unwrap()).unwrap();
    let compare = |more: &[&str]| output(&[&["compare", &file, "--seeds", "0..112"], more].concat());
    assert_eq!(compare(&["--out", &then]).0, 0);
    let (code, same, _) = compare(&["--out", &now, "--baseline", &then]);
    assert_eq!(code, 0);
    assert!(same.contains("All 28 cells are as in "), "{same}");
    // A longer way takes longer: the ratios on the same seeds say so, and by how much.
    let (code, text, error) =
        compare(&["--out", &now, "--baseline", &then, "--set", "path.rtt_us=40000", "--json"]);
    assert_eq!(code, 0, "{error}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let changed = json["baseline"]["changed"].as_array().unwrap();
    let quiet = changed.iter().find(|c| c["variant"] == "stream" && c["fault"] == "none").unwrap();
    let ratio = quiet["ratio"].as_f64().unwrap();
    assert!((1.9..2.1).contains(&ratio), "{quiet}");
    let page = fs::read_to_string(Path::new(&now).join("report.html")).unwrap();
    assert!(page.contains("id=baseline>") && page.contains("put stream, none *"));
    // It may be where the new results go, and need not have its runs.
    fs::remove_file(Path::new(&then).join("runs.csv")).unwrap();
    let (code, text, _) = compare(&["--out", &then, "--baseline", &then, "--set", "path.rtt_us=40000"]);
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 0 && said.contains("may have no runs.csv"), "{text}");
    let (code, _, error) = compare(&["--out", &now, "--baseline", &path("nowhere")]);
    assert!(code == 2 && error.contains("nowhere"), "{error}");
}

#[test]
fn why_is_asked_of_a_row_and_of_a_case() {
    let directory = TempDir::new().unwrap();
    let page = directory.path().join("why.html");
    let few = ["--futures", "20", "--events", "6"];
    let row = ["why", "tiny", "--variant", "stream", "--seed", "8"];
    let (code, text, _) = output(&[&row[..], &few, &["--html", page.to_str().unwrap()]].concat());
    assert_eq!(code, 0);
    assert!(text.contains("The point of no return: 0.566592 s"), "{text}");
    assert!(text.contains("What happened: ftpsim replay tiny --variant stream --seed 8"), "{text}");
    assert!(fs::read_to_string(page).unwrap().contains("<svg class=why"));
    let (code, json, _) = output(&[&row[..], &few, &["--json", "--jobs", "1"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["why"]["file"]), (0, &serde_json::Value::from("file-00005.dat")));
    let case = directory.path().join("case.json");
    fs::write(&case, json["case"].to_string()).unwrap();
    let (code, again, _) = output(&[&["why", case.to_str().unwrap(), "--json"], &few[..]].concat());
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!((code, &again["why"]["steps"]), (0, &json["why"]["steps"]));
    let (code, _, error) = output(&["why", "tiny", "--variant", "stream"]);
    assert!(code == 2 && error.contains("--seed"), "{error}");
}

#[cfg(unix)]
#[allow(clippy::disallowed_methods, reason = "a real process takes real time")]
#[test]
fn who_ends_a_comparison_gets_the_exit_code_and_no_half_a_file() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let directory = TempDir::new().unwrap();
        let out = directory.path().join("out");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
        command.args(["compare", "small-files", "--seeds", "0..100000", "--out", out.to_str().unwrap()]);
        let running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        let is_there = || out.exists() && files(&out).keys().any(|name| name.ends_with(".part"));
        while !is_there() {
            assert!(begun.elapsed() < Duration::from_secs(120), "it has begun no file");
            std::thread::sleep(Duration::from_millis(10));
        }
        let pid = running.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let ended = running.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &ended.stderr[..]), (Some(code), &b"ftpsim: interrupted\n"[..]));
        assert_eq!(files(&out), BTreeMap::new());
    }
}
