//! What all trials are told.

use crate::sim::fault::FaultName;
use crate::trial::{FAULTS, Planned, Settings, Trigger, plan};
use anyhow::{anyhow, ensure};
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Args)]
pub(super) struct Options {
    /// Only these faults, parted by commas [default: all]
    #[arg(long = "fault", value_delimiter = ',', value_name = "FAULT",
        value_parser = PossibleValuesParser::new(FAULTS.map(FaultName::as_str)))]
    faults: Vec<String>,
    /// Only at these triggers: byte_0, byte_1, middle, last, after_last, byte:N, before_fin, before_preliminary,
    /// before_reply [default: all but byte:N]
    #[arg(long = "trigger", value_delimiter = ',', value_name = "TRIGGER", value_parser = trigger)]
    triggers: Vec<String>,
    /// How long blackholes, stalls and silences last [default: for good, stalls 2]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    lasts: Option<u64>,
    /// The file's size in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..=1 << 28))]
    size: u32,
    /// A client that has not ended by then is killed: `hang`
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    time_limit: u64,
    /// Under TLS, with the proxy as a party on both sides: clients have to trust {ca}
    #[arg(long)]
    tls: bool,
    /// Under TLS, early ends come with close_notify, as from a proxy, not as a FIN alone
    #[arg(long, requires = "tls")]
    close_notify: bool,
    /// What nobody can see without a hash (corrupt) counts as lost silently, too
    #[arg(long)]
    pub fail_on_hidden: bool,
    /// Runs at the same time [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// Write trials.csv, a row a run, and a page, index.html, to this directory
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print every run as JSON, with its dialogue
    #[arg(long)]
    pub json: bool,
    /// Write the results to this file as JUnit's XML: what was lost silently fails
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

const JOBS: u16 = 8;

fn trigger(word: &str) -> anyhow::Result<String> {
    let known = || Trigger::all(2).map(|(word, _)| word).join(", ");
    Trigger::parse(word, 2).ok_or_else(|| anyhow!("expected byte:N or one of {}", known()))?;
    Ok(word.to_owned())
}

impl Options {
    pub(super) fn settings(&self) -> Settings {
        Settings::new(self.size as usize, Duration::from_secs(self.time_limit), self.tls)
    }

    pub(super) fn plan(&self) -> anyhow::Result<Vec<Planned>> {
        let wanted =
            |fault: &FaultName| self.faults.is_empty() || self.faults.iter().any(|f| f == fault.as_str());
        let faults: Vec<FaultName> = FAULTS.into_iter().filter(wanted).collect();
        let lasts = self.lasts.map(Duration::from_secs);
        let plan = plan(&faults, &self.triggers, self.size.into(), lasts, self.close_notify);
        ensure!(!plan.is_empty(), "none of these faults has one of these triggers");
        Ok(plan)
    }

    pub(super) fn jobs(&self) -> usize {
        self.jobs.unwrap_or(JOBS).into()
    }

    pub(super) fn is_under_tls(&self) -> bool {
        self.tls
    }
}
