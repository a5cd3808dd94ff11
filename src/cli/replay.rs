//! `ftpsim replay`: one run again, with everything that happened in it.

use super::compare::style;
use super::out::{note, quoted, stdout};
use super::sweep::read_case;
use crate::lab::export::AtomicFile;
use crate::lab::records::RunRecord;
use crate::lab::run::measured;
use crate::report::timeline::{self, View};
use crate::sim::case::Case;
use crate::sim::outcome::Outcome;
use crate::sim::scenario::Scenario;
use crate::sim::signature::Signature;
use crate::sim::world;
use anyhow::Context;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use turmoil_tcp::pcap;

#[derive(clap::Args)]
pub(super) struct Args {
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
    /// Another value for a key of the scenario, as ftpsim compare takes it
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Print every event, not only the twenty around the fault
    #[arg(long, conflicts_with_all = ["file", "around"])]
    all: bool,
    /// Print the events that name this file of the delivery, and the fault's
    #[arg(long, value_name = "NAME", conflicts_with = "around")]
    file: Option<String>,
    /// Print the twenty events around this virtual time
    #[arg(long, value_name = "SECONDS", value_parser = virtual_time_us)]
    around: Option<u64>,
    /// Print the row of runs.csv, the files and all events as JSON
    #[arg(long)]
    json: bool,
    /// Draw what happened as a page, around the fault packet by packet
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write every packet, as pcapng for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Write every event, as JSON Lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let case = case(&args)?;
    let outcome = world::run_captured(&case)?;
    let run = measured(&case, &outcome);
    write_files(&args, &case, &outcome, &run.record)?;
    let mut stdout = stdout();
    if args.json {
        let json = timeline::to_json(&case, &outcome, &run.record);
        serde_json::to_writer_pretty(&mut stdout, &json)?;
        writeln!(stdout)?;
    } else {
        let view = view(&args, &case)?;
        write!(stdout, "{}", timeline::render(&case, &outcome, &run.record, style(), &view))?;
    }
    stdout.flush()?;
    if let Some(expected) = &case.expected
        && *expected != Signature::of(&outcome)
    {
        note(format_args!("The case says: {expected}; this run: {}", Signature::of(&outcome)));
    }
    Ok(ExitCode::from(u8::from(!run.violations.is_empty())))
}

/// Seconds as the timeline prints them, in microseconds.
fn virtual_time_us(text: &str) -> Result<u64, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds, for instance 1.25".to_owned())?;
    if (0.0..1e9).contains(&seconds) {
        Ok((seconds * 1e6).round() as u64)
    } else {
        Err("expected seconds of the run, from 0".to_owned())
    }
}

fn view(args: &Args, case: &Case) -> anyhow::Result<View> {
    Ok(match (&args.file, args.around) {
        _ if args.all => View::All,
        (Some(name), _) => {
            let first = case.files.first().map_or("", |file| file.name.as_str());
            let known = case.files.iter().any(|file| file.name == *name);
            anyhow::ensure!(
                known,
                "--file {name}: the delivery has {} file(s), the first is {first}",
                case.files.len()
            );
            View::File(name.clone())
        }
        (None, Some(at_us)) => View::Around(at_us),
        (None, None) => View::Fault,
    })
}

fn write_files(args: &Args, case: &Case, outcome: &Outcome, record: &RunRecord) -> anyhow::Result<()> {
    let command = match (&args.variant, args.seed) {
        (Some(variant), Some(seed)) => {
            let scenario = Scenario::load_with(&args.scenario, &args.settings)?.word();
            format!("ftpsim replay {scenario} --variant {} --seed {seed}", quoted(variant))
        }
        _ => format!("ftpsim replay {}", quoted(&args.scenario)),
    };
    if let Some(path) = &args.html {
        let page = timeline::html::render(case, outcome, record, &command);
        write_whole(path, |file| Ok(file.write_all(page.as_bytes())?))?;
    }
    if let Some(path) = &args.pcap {
        let secrets = Some(outcome.key_log.as_str()).filter(|lines| !lines.is_empty());
        write_whole(path, |file| Ok(pcap::write(&outcome.captured, &command, secrets, file)?))?;
    }
    if let Some(path) = &args.trace {
        let lines = timeline::to_json_lines(case, outcome, record);
        write_whole(path, |file| Ok(file.write_all(lines.as_bytes())?))?;
    }
    Ok(())
}

/// The file appears when it is whole; its directory is made if there is none.
fn write_whole(path: &Path, write: impl FnOnce(&mut AtomicFile) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{}: not a file's name", path.display()))?;
    let whole = || {
        let mut file = AtomicFile::create(directory, name)?;
        write(&mut file)?;
        file.publish()?;
        note(format_args!("Written: {}.", path.display()));
        anyhow::Ok(())
    };
    whole().with_context(|| path.display().to_string())
}

fn case(args: &Args) -> anyhow::Result<Case> {
    if args.scenario.ends_with(".json") {
        anyhow::ensure!(
            args.variant.is_none() && args.seed.is_none() && args.settings.is_empty(),
            "a case says its variant, seed and all else itself: leave out --variant, --seed and --set"
        );
        return read_case(Path::new(&args.scenario));
    }
    let scenario = Scenario::load_with(&args.scenario, &args.settings)?;
    let (Some(variant), Some(seed)) = (&args.variant, args.seed) else {
        anyhow::bail!("a run of a scenario is named by --variant and --seed, too");
    };
    Ok(Case::draw(&scenario, variant, seed)?)
}
