//! `ftpsim replay`: one run again, with everything that happened in it.

use super::compare::style;
use super::named::Named;
use super::out::{json, note, stdout};
use super::written::write_noted;
use crate::lab::records::RunRecord;
use crate::lab::run::measured;
use crate::report::timeline::{self, View};
use crate::sim::case::Case;
use crate::sim::outcome::Outcome;
use crate::sim::signature::Signature;
use crate::sim::world;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use turmoil_tcp::pcap;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
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
    let case = args.named.case()?;
    let outcome = world::run_captured(&case)?;
    let run = measured(&case, &outcome);
    write_files(&args, &case, &outcome, &run.record)?;
    let mut stdout = stdout();
    if args.json {
        let events = timeline::to_json(&case, &outcome, &run.record);
        writeln!(stdout, "{}", json(&events)?)?;
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
    let command = args.named.command("replay")?;
    if let Some(path) = &args.html {
        let page = timeline::html::render(case, outcome, record, &command);
        write_noted(path, |file| Ok(file.write_all(page.as_bytes())?))?;
    }
    if let Some(path) = &args.pcap {
        let secrets = Some(outcome.key_log.as_str()).filter(|lines| !lines.is_empty());
        write_noted(path, |file| Ok(pcap::write(&outcome.captured, &command, secrets, file)?))?;
    }
    if let Some(path) = &args.trace {
        let lines = timeline::to_json_lines(case, outcome, record);
        write_noted(path, |file| Ok(file.write_all(lines.as_bytes())?))?;
    }
    Ok(())
}
