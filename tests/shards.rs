//! A sweep in shards, merged, is the sweep: the same bytes.
#![cfg(feature = "cli")]

use assert_cmd::Command;
use std::path::Path;
use tempfile::TempDir;

fn ftpsim(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::cargo_bin("ftpsim").unwrap();
    command.args(arguments).envs(variables.iter().copied());
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn swept(directory: &Path) -> Vec<u8> {
    std::fs::read(directory.join("sweep.json")).unwrap()
}

#[test]
fn shards_merge_into_the_bytes_of_the_whole() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let (whole, parts, merged) = (at("whole"), at("parts"), at("merged"));
    let sweep = |out: &str, more: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["sweep", "--seeds", "0..8", "--jobs", "1", "--out", out][..], more].concat();
        assert_eq!(ftpsim(&arguments, variables), (0, String::new()));
    };
    sweep(&whole, &[], &[]);
    sweep(&parts, &["--shard", "1/3"], &[]);
    let slurm =
        [("SLURM_ARRAY_TASK_ID", "1"), ("SLURM_ARRAY_TASK_COUNT", "3"), ("SLURM_ARRAY_TASK_MIN", "0")];
    sweep(&parts, &[], &slurm);
    let shard = |index: u32| format!("{parts}/shard-{index}-of-3");

    let merge = |shards: &[&str]| ftpsim(&[&["merge", "--out", &merged][..], shards].concat(), &[]);
    let (code, error) = merge(&[&shard(1), &shard(2)]);
    assert_eq!(code, 2);
    assert!(error.contains("seeds 5..8 are missing"), "{error}");
    let (code, error) = merge(&[&shard(1), &shard(3)]);
    assert_eq!(code, 2);
    assert!(error.contains("has that shard finished?"), "{error}");

    sweep(&parts, &[], &[("JOB_COMPLETION_INDEX", "2"), ("JOB_COMPLETIONS", "3")]);
    let (code, error) = merge(&[&shard(1), &shard(2), &shard(3), &shard(2)]);
    assert_eq!(code, 2);
    assert!(error.contains("have both swept seeds 2..5"), "{error}");
    // Twice: it can be run again.
    for _ in 0..2 {
        assert_eq!(merge(&[&shard(3), &shard(1), &shard(2)]), (0, String::new()));
        assert_eq!(swept(merged.as_ref()), swept(whole.as_ref()));
    }
}

/// Every file of a directory, by its name.
fn files(directory: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let plain = entries.filter(|entry| entry.path().is_file());
    plain
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// A comparison, a truth table and a grid: the report as well as the rows.
#[test]
fn comparisons_in_shards_are_those_of_one_machine() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let scenario = |name: &str| ftpsim::sim::scenario::Scenario::load(name).unwrap();
    let mut tiny = scenario("tiny");
    tiny.variants.truncate(2);
    tiny.seeds = "0..14".to_owned().try_into().unwrap();
    let mut truth = scenario("truth-table");
    truth.variants.truncate(1);
    truth.faults.truncate(1);
    let mut grid = scenario("wan-grid");
    grid.variants.truncate(2);
    let spec = grid.grid.as_mut().unwrap();
    spec.rtt_us.truncate(2);
    spec.bandwidth_bits_per_s.truncate(1);
    spec.loss_ppm.truncate(1);
    spec.deliveries.truncate(1);
    for (name, scenario) in [("tiny", tiny), ("truth", truth), ("grid", grid)] {
        let (file, whole, parts) =
            (at(&format!("{name}.toml")), at(&format!("{name}-whole")), at(&format!("{name}-parts")));
        std::fs::write(&file, toml::to_string(&scenario).unwrap()).unwrap();
        assert_eq!(ftpsim(&["compare", &file, "--out", &whole], &[]), (0, String::new()), "{name}");
        let one = ["compare", &file, "--out", &parts, "--shard"];
        assert_eq!(ftpsim(&[&one[..], &["1/2"]].concat(), &[]), (0, String::new()));
        let shard = |index: u32| format!("{parts}/shard-{index}-of-2");
        let merge = |shards: &[&str]| ftpsim(&[&["merge", "--out", &parts][..], shards].concat(), &[]);
        let (code, error) = merge(&[&shard(1)]);
        assert!(code == 2 && error.contains("shard 2 of 2 is missing"), "{error}");
        let (code, error) = merge(&[&shard(1), &shard(2)]);
        assert!(code == 2 && error.contains("has that shard finished?"), "{error}");
        let job = [("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "2")];
        assert_eq!(ftpsim(&["compare", &file, "--out", &parts], &job), (0, String::new()));
        let (code, error) = merge(&[&shard(1), &shard(1), &shard(2)]);
        assert!(code == 2 && error.contains("given twice"), "{error}");
        assert_eq!(merge(&[&shard(2), &shard(1)]), (0, String::new()));
        let (whole, parts) = (files(whole.as_ref()), files(parts.as_ref()));
        assert!(whole.keys().eq(parts.keys()) && whole.len() >= 2, "{:?} {:?}", whole.keys(), parts.keys());
        let differing: Vec<&String> = whole.keys().filter(|name| whole[*name] != parts[*name]).collect();
        assert!(differing.is_empty(), "{name}: {differing:?}");
    }
}
