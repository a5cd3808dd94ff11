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
