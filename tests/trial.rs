//! `ftpsim trial`: our own software and other people's, through the proxy.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "trial/clients.rs"]
mod clients;
mod common;
#[path = "trial/hygiene.rs"]
mod hygiene;
#[path = "trial/pairs.rs"]
mod pairs;
#[path = "trial/servers.rs"]
mod servers;

use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;

/// A trial may take as long.
const LIMIT: Duration = Duration::from_secs(280);

/// What a trial has printed and left.
struct Trial {
    output: Output,
    scratch: TempDir,
}

/// Runs `ftpsim trial`, with a directory of the test for what it makes meanwhile.
fn trial(arguments: &[&str]) -> Trial {
    let scratch = tempfile::tempdir().unwrap();
    // Other users' servers live in it, too.
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
    command.timeout(LIMIT).env("TMPDIR", scratch.path()).arg("trial").args(arguments);
    Trial { output: command.output().unwrap(), scratch }
}

impl Trial {
    fn code(&self) -> Option<i32> {
        assert_eq!(common::names(self.scratch.path()), [""; 0], "something is left behind");
        self.output.status.code()
    }

    fn said(&self) -> String {
        common::said(&self.output)
    }

    /// Its rows, of `--json`.
    fn rows(&self) -> Vec<serde_json::Value> {
        serde_json::from_slice(&self.output.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.said()))
    }

    /// The only value of `key` among the rows of this fault and trigger.
    fn of(&self, fault: &str, trigger: &str, key: &str) -> String {
        let rows = self.rows();
        let of = |row: &&serde_json::Value| row["fault"] == fault && row["trigger"] == trigger;
        let mut found = rows.iter().filter(of);
        let (Some(row), None) = (found.next(), found.next()) else { panic!("{fault} {trigger}: {rows:#?}") };
        row[key].as_str().map_or_else(|| row[key].to_string(), str::to_owned)
    }

    fn verdict(&self, fault: &str, trigger: &str) -> String {
        self.of(fault, trigger, "verdict")
    }
}

fn ours() -> &'static str {
    env!("CARGO_BIN_EXE_ftpsim")
}
