//! `ftpsim replay`: one run again, with everything that happened in it.

use super::compare::style;
use crate::lab::run::measured;
use crate::report::timeline;
use crate::sim::case::Case;
use crate::sim::scenario::Scenario;
use crate::sim::world;
use std::io::Write;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    /// A scenario's name (see `ftpsim scenarios`) or a TOML file
    scenario: String,
    /// The contender
    #[arg(long)]
    variant: String,
    #[arg(long)]
    seed: u64,
    /// Print the row of runs.csv, the files and the events as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::load(&args.scenario)?;
    let case = Case::draw(&scenario, &args.variant, args.seed)?;
    let outcome = world::run(&case, true)?;
    let run = measured(&case, &outcome);
    let mut stdout = std::io::stdout().lock();
    if args.json {
        let json = timeline::to_json(&case, &outcome, &run.record);
        serde_json::to_writer_pretty(&mut stdout, &json)?;
        writeln!(stdout)?;
    } else {
        write!(stdout, "{}", timeline::render(&case, &outcome, &run.record, style()))?;
    }
    stdout.flush()?;
    Ok(ExitCode::from(u8::from(!run.violations.is_empty())))
}
