//! System calls, counted by strace: this program again, delivering once, and delivering twice; the
//! difference is one delivery.

use super::Options;
use super::scratch::Room;
use crate::measure::files::Files;
use crate::measure::record::{Benchmark, Row};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

type Counts = BTreeMap<String, u64>;

/// Adds to each row how many there are per file.
pub(super) fn count(args: &Options, files: &Files, benchmark: &mut Benchmark) -> Result<()> {
    for row in &mut benchmark.rows {
        let (once, twice) = (traced(args, files, row, 1)?, traced(args, files, row, 2)?);
        let per_file = |(name, &count): (&String, &u64)| {
            let before = once.get(name).copied().unwrap_or_default();
            let more = count.saturating_sub(before);
            (more > 0).then(|| (name.clone(), (more as f64 / files.count as f64 * 1e4).round() / 1e4))
        };
        let calls: BTreeMap<String, f64> = twice.iter().filter_map(per_file).collect();
        let total: u64 = twice.values().sum::<u64>().saturating_sub(once.values().sum());
        row.record.system_calls_per_file = Some((total as f64 / files.count as f64 * 1e4).round() / 1e4);
        row.system_calls = Some(calls);
    }
    Ok(())
}

fn traced(args: &Options, files: &Files, row: &Row, deliveries: u32) -> Result<Counts> {
    let table = tempfile_path();
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-qq", "-o"]).arg(&table).arg(std::env::current_exe()?).arg("bench");
    let room;
    if args.store == Path::new("memory") {
        command.args(["--store", "memory"]);
    } else {
        room = Room::make(&args.store, files)?;
        room.fill(files)?;
        command.arg("--store").arg(room.path());
    }
    command
        .args(super::arguments(&row.contender, files.count, files.size_bytes))
        .args(args.no_reuse.then_some("--no-reuse"))
        .args(row.record.is_durable().then_some("--durable"))
        .args(["--deliveries", &deliveries.to_string()]);
    let ran = command.stdin(Stdio::null()).output();
    let text = std::fs::read_to_string(&table).unwrap_or_default();
    // It may not have been made.
    let _ = std::fs::remove_file(&table);
    let ran = ran.context("cannot start strace; install it, or leave out --system-calls")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "strace: {}; it may not be allowed to trace here", said.trim());
    Ok(counts(&text))
}

fn tempfile_path() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("ftpsim-bench-{}.strace", std::process::id()))
}

/// Of the table that `strace -c` prints: the fourth column, and the name in the last.
fn counts(table: &str) -> Counts {
    let row = |line: &str| {
        let mut cells = line.split_whitespace();
        let count = cells.nth(3)?.parse().ok()?;
        let name = cells.last()?;
        (name != "total").then(|| (name.to_owned(), count))
    };
    table.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn the_table_of_strace() {
        let table = "% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 55.08    0.000065          65         1           write
 44.92    0.000053           8         6         4 openat
  0.00    0.000000           0         2           read
------ ----------- ----------- --------- --------- ----------------
100.00    0.000118          13         9         4 total
";
        let found: Vec<(String, u64)> = counts(table).into_iter().collect();
        let expected = [("openat", 6), ("read", 2), ("write", 1)];
        assert_eq!(found, expected.map(|(name, count)| (name.to_owned(), count)));
    }
}
