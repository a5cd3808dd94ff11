//! A run as `trials.csv` has it.

use super::fault::{Planned, Strike, Trigger};
use super::pair::{Pair, Settings};
use super::proxy::Seen;
use super::verdict::{Content, Ended, Fate};
use crate::sim::fault::FaultName;
use serde::Serialize;

/// Of what a client prints, so many lines are told, of so many characters.
const SAID_LINES: usize = 4;
const SAID_CHARS: usize = 200;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The client's software.
    pub client: String,
    /// Its version, as it says itself; empty where nobody knows.
    pub client_version: String,
    /// Its settings: `default`, or a variant's name.
    pub client_settings: String,
    /// The server's software.
    pub server: String,
    /// Its version.
    pub server_version: String,
    /// Its settings.
    pub server_settings: String,
    /// `put` or `get`.
    pub direction: &'static str,
    /// Under TLS.
    pub tls: bool,
    /// The file's size.
    pub size_bytes: usize,
    /// The fault's name in the simulation.
    pub fault: &'static str,
    /// The trigger's word, or `never`.
    pub trigger: String,
    /// The byte of the trigger, where it has one.
    pub at_byte: Option<u64>,
    /// Where the fault has a length: its length.
    pub lasts_ms: Option<u128>,
    /// Nobody can know of it without a hash of the file.
    pub hidden: bool,
    /// The first witness: a status, `signal`, `killed` or `time_limit`.
    pub exit_status: String,
    /// The second: the final reply the proxy saw.
    pub final_reply: String,
    /// The third: what stands under the final name.
    pub content: &'static str,
    /// What follows from them.
    pub verdict: &'static str,
    /// Whether something was lost and nobody said so.
    pub silent: bool,
    /// Commands that began a transfer of the file.
    pub attempts: u32,
    /// From start to end of the client.
    pub seconds: f64,
    /// The last lines that the client printed.
    pub said: String,
    /// The command that does it again.
    pub command: String,
    /// What passed over the control connection; not in CSV.
    #[serde(skip)]
    pub dialogue: Vec<String>,
}

impl Row {
    /// Whether it lost something silently that somebody could have known of; with `hidden`, anything.
    pub fn is_failure(&self, hidden: bool) -> bool {
        self.silent && (hidden || !self.hidden)
    }

    /// The fault's place, for a column.
    pub fn place(&self) -> String {
        if self.trigger == "never" { String::new() } else { self.trigger.clone() }
    }

    /// Whether client, server and direction are these.
    pub fn is_of(&self, other: &Self) -> bool {
        let key = |row: &Self| {
            let names = [&row.client, &row.client_settings, &row.server, &row.server_settings];
            (names.map(String::clone), row.direction, row.tls)
        };
        key(self) == key(other)
    }
}

/// What one run has brought.
pub(super) struct Brought {
    pub ended: Ended,
    pub content: Content,
    pub fate: Fate,
    pub seen: Seen,
    pub seconds: f64,
    pub output: String,
}

pub(super) fn row(pair: &Pair, settings: &Settings, planned: Option<&Planned>, brought: Brought) -> Row {
    let strike = planned.map(|planned| planned.strike);
    let fault = strike.map_or(FaultName::None, |strike| strike.fault);
    let (client, server) = (&pair.client.software, pair.server.software());
    Row {
        client: client.name.clone(),
        client_version: client.version.clone(),
        client_settings: client.settings.clone(),
        server: server.name.clone(),
        server_version: server.version.clone(),
        server_settings: server.settings.clone(),
        direction: pair.direction.name(),
        tls: settings.tls,
        size_bytes: settings.bytes.len(),
        fault: fault.as_str(),
        trigger: planned.map_or("never".to_owned(), |planned| planned.word.clone()),
        at_byte: strike.and_then(|strike| match strike.trigger {
            Trigger::Byte(at) => Some(at),
            _ => None,
        }),
        lasts_ms: strike.and_then(|strike| strike.lasts).map(|lasts| lasts.as_millis()),
        hidden: fault.about().hidden,
        exit_status: match brought.ended {
            Ended::Exit(Some(status)) => status.to_string(),
            Ended::Exit(None) => "signal".to_owned(),
            Ended::Struck => "killed".to_owned(),
            Ended::TimeLimit => "time_limit".to_owned(),
        },
        final_reply: brought.seen.final_reply.unwrap_or_default(),
        content: brought.content.name(),
        verdict: brought.fate.name(),
        silent: brought.fate.is_silent(),
        attempts: brought.seen.attempts,
        seconds: (brought.seconds * 1000.0).round() / 1000.0,
        said: said(&brought.output),
        command: again(pair, settings, planned),
        dialogue: brought.seen.dialogue,
    }
}

fn said(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(SAID_LINES)..];
    let short = |line: &&str| line.chars().take(SAID_CHARS).collect::<String>();
    last.iter().map(short).collect::<Vec<_>>().join(" / ")
}

/// The command line that does the run again.
fn again(pair: &Pair, settings: &Settings, planned: Option<&Planned>) -> String {
    let (before, behind) = &pair.again;
    let mut words = vec![before.clone(), format!("--size {}", settings.bytes.len())];
    words.push(format!("--time-limit {}", settings.time_limit.as_secs()));
    if settings.tls {
        words.push("--tls".to_owned());
    }
    if let Some(Planned { strike, word }) = planned {
        words.push(format!("--fault {} --trigger {word}", strike.fault));
        if let Some(lasts) = strike.lasts.filter(|lasts| *lasts != Strike::STALL) {
            words.push(format!("--lasts {}", lasts.as_secs()));
        }
        if strike.close_notify {
            words.push("--close-notify".to_owned());
        }
    }
    words.push(behind.clone());
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// For a shell.
pub fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |word| word.into_owned())
}
