//! `ftpsim scenarios`: what there is to compare.

use super::out::{json, stdout};
use crate::sim::fault::{About, FaultName, Need, TriggerName};
use crate::sim::scenario::{Scenario, WorldSpec, hint};
use anyhow::Context as _;
use std::io::Write;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
    /// Print the JSON Schema of scenario files, for editors: what each key is, its type and bounds
    #[arg(long, conflicts_with_all = ["json", "fault"])]
    schema: bool,
    /// Tell one kind of fault in full: what happens, who can notice, which keys a scenario gives
    #[arg(long, value_name = "KIND", conflicts_with = "json")]
    fault: Option<String>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut stdout = stdout();
    if args.schema {
        writeln!(stdout, "{}", json(&Scenario::schema())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let all = Scenario::embedded()?;
    if let Some(name) = &args.fault {
        let kind = FaultName::ALL.into_iter().find(|kind| kind.as_str() == name);
        let known = || FaultName::ALL.map(FaultName::as_str).join(", ");
        let near = hint(name, FaultName::ALL.map(FaultName::as_str));
        let kind =
            kind.with_context(|| format!("no kind of fault `{name}`{near}; there are: {}", known()))?;
        write!(stdout, "{}", in_full(kind.about()))?;
    } else if args.json {
        writeln!(stdout, "{}", json(&all)?)?;
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
    text += "\nWorlds: what else there is beside the deliveries, as keys of [world]\n";
    for (key, what) in WorldSpec::KEYS {
        text += &line(key, what);
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

fn in_full(about: &About) -> String {
    let mut text = format!("{}: {}\n\n", about.name, about.line);
    for line in about.paragraph_lines() {
        text += &format!("  {line}\n");
    }
    text += &format!("\nWho can notice: {}\n", about.noticed);
    for (key, need) in about.parameters {
        let need = match need {
            Need::Required => "required",
            Need::Optional => "may be left out",
        };
        text += &format!("Key: {key} ({need})\n");
    }
    text
}

fn line(name: &str, what: &str) -> String {
    format!("  {name:<19} {what}\n")
}
