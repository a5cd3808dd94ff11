//! `ftpsim replay`: one run again, with everything that happened in it.

use super::compare::style;
use super::sweep::read_case;
use crate::lab::run::measured;
use crate::report::timeline;
use crate::sim::case::Case;
use crate::sim::scenario::Scenario;
use crate::sim::signature::Signature;
use crate::sim::world;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    /// A scenario's name (see `ftpsim scenarios`) or a TOML file; or a case, as `ftpsim sweep` and
    /// `ftpsim shrink` save them (*.json)
    #[arg(value_name = "SCENARIO|CASE.json")]
    scenario: String,
    /// The contender [needed with a scenario]
    #[arg(long)]
    variant: Option<String>,
    /// The seed [needed with a scenario]
    #[arg(long)]
    seed: Option<u64>,
    /// Print the row of runs.csv, the files and the events as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let case = case(&args)?;
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
    if let Some(expected) = &case.expected
        && *expected != Signature::of(&outcome)
    {
        eprintln!("The case says: {expected}; this run: {}", Signature::of(&outcome));
    }
    Ok(ExitCode::from(u8::from(!run.violations.is_empty())))
}

fn case(args: &Args) -> anyhow::Result<Case> {
    if args.scenario.ends_with(".json") {
        anyhow::ensure!(
            args.variant.is_none() && args.seed.is_none(),
            "a case says its variant and seed itself: leave out --variant and --seed"
        );
        return read_case(Path::new(&args.scenario));
    }
    let scenario = Scenario::load(&args.scenario)?;
    let (Some(variant), Some(seed)) = (&args.variant, args.seed) else {
        anyhow::bail!("a run of a scenario is named by --variant and --seed, too");
    };
    Ok(Case::draw(&scenario, variant, seed)?)
}
