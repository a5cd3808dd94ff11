//! `ftpsim trial`: the simulation's faults on anybody's software.

mod client;
mod options;
mod pairs;
mod server;
mod truth;

use super::out::{json, stdout, tell};
use super::progress;
use super::signals::asked_to_end;
use super::written::write;
use crate::lab::export::write_rows;
use crate::report::trial::{Told, html, junit, terminal};
use crate::trial::{Pair, Progress, Row, Tried, quoted, try_all};
use anyhow::{Context, ensure};
use options::Options;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    of: Of,
}

#[derive(clap::Subcommand)]
enum Of {
    /// Try a client's command, with our server or another
    Client(client::Args),
    /// Try a server, with our client or others
    Server(server::Args),
    /// Try every client with every server that is known and found on this machine
    Pairs(pairs::Args),
    /// Cut deliveries of our own client and server on real sockets where the truth table cuts them in the
    /// simulation, and hold the verdicts against each other
    Truth(truth::Args),
}

/// Exit code 1 when something was lost silently, 2 when nothing could be tried.
pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let code = runtime.block_on(async {
        tokio::select! {
            biased;
            asked = asked_to_end() => {
                tell("interrupted");
                Ok(ExitCode::from(asked.code()))
            }
            done = async {
                match args.of {
                    Of::Client(args) => client::run(args).await,
                    Of::Server(args) => server::run(args).await,
                    Of::Pairs(args) => pairs::run(args).await,
                    Of::Truth(args) => truth::run(args).await,
                }
            } => done,
        }
    });
    // What was started for a run ends with its task, which the runtime drops.
    drop(runtime);
    code
}

/// Words of a command that says the option once for each path.
fn repeated<'a>(option: &str, paths: impl IntoIterator<Item = &'a PathBuf>) -> String {
    paths.into_iter().map(|path| format!(" {option} {}", quoted(&path.display().to_string()))).collect()
}

/// Tries the pairs, and tells what came of it.
async fn tried(pairs: Vec<Pair>, options: &Options) -> anyhow::Result<ExitCode> {
    let plan = options.plan()?;
    let bar = progress::bar(Some(0), "runs");
    let jobs = options.jobs();
    let done = try_all(pairs, options.settings(), &plan, jobs, |progress| match progress {
        Progress::Planned(runs) => bar.inc_length(runs as u64),
        Progress::Ended => bar.inc(1),
    })
    .await;
    bar.finish_and_clear();
    report(&done?, options)
}

/// A row with what passed over the control connection.
#[derive(serde::Serialize)]
struct WithDialogue<'a> {
    #[serde(flatten)]
    row: &'a Row,
    dialogue: &'a [String],
}

fn report(tried: &Tried, options: &Options) -> anyhow::Result<ExitCode> {
    let told = Told { tried, hidden_fails: options.fail_on_hidden };
    if let Some(directory) = &options.out {
        write_rows(directory, "trials.csv", &tried.rows)?;
        write(&directory.join("index.html"), &html::render(&told))?;
    }
    if let Some(file) = &options.junit {
        write(file, &junit::render(&told))?;
    }
    if options.json {
        let rows: Vec<_> =
            tried.rows.iter().map(|row| WithDialogue { row, dialogue: &row.dialogue }).collect();
        writeln!(stdout(), "{}", json(&rows)?)?;
        for left in &tried.left_out {
            tell(format_args!("left out: {}: {}", left.pair, left.why));
        }
    } else {
        write!(stdout(), "{}", terminal::render(&told))?;
    }
    if let (true, Some(left)) = (tried.rows.is_empty(), tried.left_out.first()) {
        ensure!(false, "nothing could be tried: {}: {}", left.pair, left.why);
    }
    Ok(ExitCode::from(u8::from(told.failures().next().is_some())))
}
