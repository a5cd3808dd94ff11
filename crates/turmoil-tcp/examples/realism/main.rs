//! How far this TCP is from Linux's: runs every cell of `realism/linux.csv`, which was measured between two
//! kernels, and prints the table that `realism/table.csv` keeps.
//!
//! ```text
//! cargo run --release -p turmoil-tcp --example realism -- [--seeds N] [--only TEXT] [--write]
//! ```
//!
//! `--seeds`: runs of a cell with loss (400; without loss one is enough). `--only`: cells whose name has this
//! text. `--write`: writes the table too. The same arguments print the same table on every machine.

mod delivery;
mod reference;
mod table;

use delivery::{Path, Times};
use reference::{Case, Cell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use table::Row;

const USAGE: &str = "usage: realism [--seeds N] [--only TEXT] [--write]";

struct Options {
    seeds: u64,
    only: String,
    write: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { seeds: 400, only: String::new(), write: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => {
                let seeds = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                options.seeds = seeds.ok_or(USAGE)?;
            }
            "--only" => options.only = words.next().ok_or(USAGE)?,
            "--write" => options.write = true,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}

/// Times of every path and size that a cell asks for; those are shared, as one delivery answers several cells.
fn measure(cells: &[Cell], seeds: u64) -> BTreeMap<Path, Vec<Times>> {
    let mut paths: Vec<Path> = cells.iter().map(|cell| cell.path).collect();
    paths.sort_unstable();
    paths.dedup();
    let left = Mutex::new(paths);
    let done = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = { left.lock().expect("no thread has failed").pop() } {
                    let runs = if path.loss_ppm == 0 { 1 } else { seeds };
                    let times = (0..runs).map(|seed| delivery::run(&path, seed)).collect();
                    done.lock().expect("no thread has failed").insert(path, times);
                }
            });
        }
    });
    done.into_inner().expect("no thread has failed")
}

fn main() -> Result<(), String> {
    let options = options()?;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("realism");
    let file = folder.join("linux.csv");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut cells = reference::read(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    cells.retain(|cell| !cell.gives_the_path() && cell.name().contains(&options.only));
    let times = measure(&cells, options.seeds);
    let rows: Vec<Row> = cells
        .iter()
        .map(|cell| {
            let ours = times[&cell.path].iter().map(|times| match cell.case {
                Case::Handshake => times.handshake_us,
                Case::End => times.end_us,
                Case::Answer => times.answer_us,
            });
            Row::new(cell, ours.collect())
        })
        .collect();
    let table = table::csv(&rows);
    print!("{table}{}", table::summary(&rows));
    if options.write {
        let file = folder.join("table.csv");
        std::fs::write(&file, table).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}
