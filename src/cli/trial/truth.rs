//! `ftpsim trial truth`.

use crate::cli::out::{json, stdout};
use crate::cli::progress;
use crate::lab::export::write_rows;
use crate::report::trial::truth::render;
use crate::sim::scenario::Scenario;
use crate::trial::truth::{Simulated, compare};
use anyhow::{Context, ensure};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A table that `ftpsim compare truth-table` has written
    #[arg(default_value = "results/truth-table/truth-table.csv")]
    table: PathBuf,
    /// Only these contenders, parted by commas
    #[arg(long = "variant", value_delimiter = ',', value_name = "NAME")]
    variants: Vec<String>,
    /// Deliveries at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Write trial-truth.csv, a row a cut, to this directory
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print every cut as JSON
    #[arg(long)]
    json: bool,
}

/// Exit code 1 when a cut differs.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let name = args.table.display();
    let mut table = csv::Reader::from_path(&args.table).with_context(|| format!("cannot read {name}"))?;
    let rows: Result<Vec<Simulated>, _> = table.deserialize().collect();
    let mut rows = rows.with_context(|| format!("{name} is no truth table"))?;
    rows.retain(Simulated::can_be_real);
    rows.retain(|row| args.variants.is_empty() || args.variants.contains(&row.variant));
    ensure!(!rows.is_empty(), "{name} has no cut that real sockets can be given");
    let bar = progress::bar(Some(rows.len() as u64), "cuts");
    let scenario = Scenario::load("truth-table")?;
    let compared = compare(scenario, rows, args.jobs.into(), || bar.inc(1)).await;
    bar.finish_and_clear();
    let compared = compared?;
    if let Some(directory) = &args.out {
        write_rows(directory, "trial-truth.csv", &compared)?;
    }
    if args.json {
        writeln!(stdout(), "{}", json(&compared)?)?;
    } else {
        write!(stdout(), "{}", render(&compared))?;
    }
    Ok(ExitCode::from(u8::from(compared.iter().any(|row| !row.agrees))))
}
