//! The command-line program: one file a subcommand. Exit codes: 0 fine, 1 a file failed or a
//! property was violated, 2 wrong usage or input.

mod audit;
mod bench;
mod compare;
mod dialogue;
mod get;
mod glob;
mod ls;
mod merge;
mod progress;
mod put;
mod quote;
mod remote;
mod replay;
mod scenarios;
mod serve;
mod shrink;
mod sweep;
mod transfer;
mod url;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "ftpsim", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare the transmission modes: every contender on the same seeds, files and faults
    Compare(compare::Args),
    /// Run one row of runs.csv again and print all that happens
    Replay(replay::Args),
    /// List scenarios, faults and variants
    Scenarios(scenarios::Args),
    /// Upload files
    Put(put::Args),
    /// Download files
    Get(get::Args),
    /// Serve a directory
    Serve(serve::Args),
    /// Hash a password for the server's configuration file
    HashPassword,
    /// List a directory
    Ls(ls::Args),
    /// Measure deliveries over real sockets
    Bench(bench::Args),
    /// Send commands as they are and show the replies
    Quote(quote::Args),
    /// Hunt for runs that violate an invariant
    Sweep(sweep::Args),
    /// Put the shards of a sweep together
    Merge(merge::Args),
    /// Find the smallest case that goes wrong in the same way
    Shrink(shrink::Args),
    /// Check that a run is a function of its case
    Audit(audit::Args),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
}

pub fn main() -> ExitCode {
    survive_file_size_limit();
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        // Whoever read has read enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ftpsim: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// A write beyond the limit of file sizes (RLIMIT_FSIZE) is to fail, as one to a full disk does; by default
/// its signal kills the process. Once heard of, it does not, for the life of the process.
fn survive_file_size_limit() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        // Without it all else works.
        let _ = runtime.map(|runtime| runtime.block_on(async { signal(kind).map(drop) }));
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Each subcommand's `run` gives the exit code; an error is one of usage or input.
fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Compare(args) => compare::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Scenarios(args) => scenarios::run(args),
        Command::Put(args) => put::run(args),
        Command::Get(args) => get::run(args),
        Command::Serve(args) => serve::run(args),
        Command::HashPassword => serve::hash_password(),
        Command::Ls(args) => ls::run(args),
        Command::Bench(args) => bench::run(&args),
        Command::Quote(args) => quote::run(args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Shrink(args) => shrink::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ftpsim", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}
