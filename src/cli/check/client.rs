//! `ftpsim check client`: does a client hold against an odd, a failing, a hostile server?

use super::told::ToldArgs;
use crate::check::Outcome;
use crate::check::client::{Case, Commands, Fitness, Suite, Task, Template, all};
use crate::cli::out::tell;
use crate::cli::progress;
use crate::cli::signals::asked_to_end;
use crate::cli::transfer::{runtime, some_seconds};
use anyhow::{Context, bail};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// What downloads one file, word by word, without a shell: curl -sS {url} -o {local}. Placeholders: {host},
    /// {port}, {user}, {password}, {local} (a file to write or to read), {local_dir}, {remote} (its name at the
    /// server), {url} (with all of them)
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// What uploads the file {local} as {remote}, in one argument: 'curl -sS -T {local} {url}'
    #[arg(long, value_name = "COMMAND")]
    upload: Option<String>,
    /// What downloads, likewise in one argument, instead of the words behind --
    #[arg(long, value_name = "COMMAND", conflicts_with = "command")]
    download: Option<String>,
    /// What prints the listing of the directory {url}: 'curl -sS {url}'
    #[arg(long, value_name = "COMMAND")]
    listing: Option<String>,
    /// What fetches all below the directory {url} into {local_dir}: 'wget -q -r -nH {url}'
    #[arg(long, value_name = "COMMAND")]
    mirror: Option<String>,
    /// Longest run of a command, in seconds
    #[arg(long, default_value = "20", value_parser = some_seconds)]
    limit: Duration,
    /// Cases at a time, each with a server and a directory of its own
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    parallel: u8,
    #[command(flatten)]
    told: ToldArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.told.every_only_names_one_of("case", all().iter().map(|case| case.id))?;
    let cases: Vec<&'static Case> = all().iter().filter(|case| args.told.wants(case.id)).collect();
    if args.told.list {
        return args.told.list(cases.iter().map(|case| (case.id, case.level, case.sentence)));
    }
    let expected = args.told.expected(&all().iter().map(|case| case.id).collect())?;
    let commands = commands(&args)?;
    let Some(first) = commands.values().next() else {
        bail!("no command was given: ftpsim check client -- curl -sS {{url}} -o {{local}}");
    };
    let title = first.program().to_owned();
    let bar = progress::bar(Some(cases.len() as u64), "cases");
    let suite = Arc::new(Suite::new(commands, args.limit));
    let done = runtime()?.block_on(async {
        let work = async {
            let fitness = suite.fitness(&cases).await;
            let outcomes = suite.run(&cases, &fitness, args.parallel.into(), |_: &Outcome| bar.inc(1)).await;
            (outcomes, amiss(&fitness))
        };
        tokio::select! {
            biased;
            asked = asked_to_end() => Err(asked),
            done = work => Ok(done),
        }
    });
    bar.finish_and_clear();
    match done {
        Ok((outcomes, amiss)) => args.told.tell(&title, &outcomes, &expected, &amiss),
        Err(asked) => {
            tell("interrupted");
            Ok(ExitCode::from(asked.code()))
        }
    }
}

/// Commands that cannot be judged: whoever has given them thinks that they are.
fn amiss(fitness: &Fitness) -> Vec<String> {
    let sentence = |(task, why)| {
        let what = match task {
            Task::Download => "downloads",
            Task::Upload => "uploads",
            Task::List => "listings",
            Task::Mirror => "trees",
        };
        format!("no case of {what} could be tried: {why}")
    };
    fitness.unfit().map(sentence).collect()
}

fn commands(args: &Args) -> anyhow::Result<Commands> {
    let mut commands = Commands::new();
    if !args.command.is_empty() {
        let template = Template::of(args.command.clone()).context("the command behind --")?;
        commands.insert(Task::Download, template);
    }
    for (task, option, given) in [
        (Task::Download, "--download", &args.download),
        (Task::Upload, "--upload", &args.upload),
        (Task::List, "--listing", &args.listing),
        (Task::Mirror, "--mirror", &args.mirror),
    ] {
        if let Some(line) = given {
            commands.insert(task, Template::split(line).context(option)?);
        }
    }
    Ok(commands)
}
