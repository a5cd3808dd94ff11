//! `ftpsim scenarios`: what there is to compare.

use crate::sim::fault::{FaultName, TriggerName};
use crate::sim::scenario::Scenario;
use std::io::Write;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let all = Scenario::embedded()?;
    let mut stdout = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut stdout, &all)?;
        writeln!(stdout)?;
    } else {
        write!(stdout, "{}", listing(&all))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn listing(all: &[Scenario]) -> String {
    let mut text = String::from("Scenarios (or the path of a TOML file of your own; copy one of sims/)\n");
    for scenario in all {
        text += &line(&scenario.name, &scenario.question);
    }
    text += "\nFaults\n";
    for kind in FaultName::ALL {
        text += &line(kind.as_str(), kind.about().line);
    }
    text += "\nTriggers: where in the dialogue or the file a fault strikes\n";
    for kind in TriggerName::ALL {
        text += &line(kind.as_str(), kind.describe());
    }
    text += "\nVariants, by scenario\n";
    for scenario in all {
        text += &format!("  {}\n", scenario.name);
        for variant in &scenario.variants {
            text += &format!("  {}", line(&variant.name, &variant.note));
        }
    }
    text
}

fn line(name: &str, what: &str) -> String {
    format!("  {name:<19} {what}\n")
}
