//! The command-line program: one file a subcommand. Exit codes: 0 fine, 1 a file failed or a
//! property was violated, 2 wrong usage or input, 130 interrupted, 143 terminated. Nothing is printed but by `out`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod access;
mod advise;
mod audit;
mod bench;
mod cat;
mod check;
mod compare;
mod credentials;
mod dialogue;
mod existing;
mod get;
mod glob;
#[cfg(target_os = "linux")]
mod link;
mod ls;
mod man;
mod merge;
mod mirror;
mod mkdir;
mod mv;
mod named;
mod netrc;
mod out;
mod progress;
mod put;
mod quote;
mod remote;
mod replay;
mod rm;
mod round;
mod scenarios;
mod serve;
mod shards;
mod shrink;
mod signals;
mod skipped;
mod sweep;
mod tls;
mod transfer;
#[cfg(unix)]
mod trial;
mod url;
mod version;
mod why;
mod written;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use ftp_endpoint::client::ClientError;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "ftpsim", version = version::SHORT, long_version = version::LONG, about, propagate_version = true, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Said by `completions --help`: each shell looks in a place of its own.
const COMPLETIONS: &str = "\
Where to put them, for yourself:
  bash        ftpsim completions bash > ~/.local/share/bash-completion/completions/ftpsim
  zsh         ftpsim completions zsh > ~/.zfunc/_ftpsim
              with fpath+=~/.zfunc before compinit in ~/.zshrc
  fish        ftpsim completions fish > ~/.config/fish/completions/ftpsim.fish
  elvish      ftpsim completions elvish > ~/.config/elvish/lib/ftpsim.elv
              with `use ftpsim` in ~/.config/elvish/rc.elv
  powershell  ftpsim completions powershell >> $PROFILE
They hold from the next shell on. The Debian package brings those of bash, zsh and fish along.";

#[derive(Subcommand)]
enum Command {
    /// Compare the transmission modes: every contender on the same seeds, files and faults
    Compare(compare::Args),
    /// Say which way to take with a server, a path and files of your own
    Advise(Box<advise::Args>),
    /// Run one row of runs.csv again and print all that happens
    Replay(replay::Args),
    /// When was a loss decided, and how likely was it until then?
    Why(why::Args),
    /// List scenarios, faults and variants
    Scenarios(scenarios::Args),
    /// Upload files
    Put(put::Args),
    /// Download files
    Get(get::Args),
    /// Make one directory tree like another: a local one like one at a server, or the other way
    Mirror(Box<mirror::Args>),
    /// Serve a directory
    Serve(serve::Args),
    /// Hash a password for the server's configuration file
    HashPassword,
    /// Ask a server, or a client, for what the RFCs require
    Check(Box<check::Args>),
    /// List a directory
    Ls(ls::Args),
    /// Write files to stdout
    Cat(cat::Args),
    /// Delete files and trees
    Rm(rm::Args),
    /// Make directories
    Mkdir(mkdir::Args),
    /// Rename and move files and directories at the server
    Mv(mv::Args),
    /// Measure deliveries over real sockets
    Bench(bench::Args),
    /// Send commands as they are and show the replies
    Quote(quote::Args),
    /// Hunt for runs that violate an invariant
    Sweep(sweep::Args),
    /// Put the shards of a sweep, or of a comparison, together
    Merge(merge::Args),
    /// Find the smallest case that goes wrong in the same way
    Shrink(shrink::Args),
    /// Check that a run is a function of its case
    Audit(audit::Args),
    /// Commit the simulation's faults on anybody's client or server
    #[cfg(unix)]
    Trial(Box<trial::Args>),
    /// Run anybody's client and server over the simulated path, with a real kernel's TCP
    #[cfg(target_os = "linux")]
    Link(Box<link::Args>),
    /// Print completions for a shell
    #[command(after_long_help = COMPLETIONS)]
    Completions { shell: clap_complete::Shell },
    /// Print a manual page, or write all of them
    Man(man::Args),
}

impl Command {
    /// Nothing of it is in anybody else's hands: it can end at any moment, if its files are seen to.
    fn only_simulates(&self) -> bool {
        use Command::{Audit, Compare, Merge, Replay, Shrink, Sweep, Why};
        matches!(self, Audit(_) | Compare(_) | Merge(_) | Replay(_) | Shrink(_) | Sweep(_) | Why(_))
    }
}

/// Runs the program with the arguments of the process; the exit code says how it went.
pub fn main() -> ExitCode {
    survive_file_size_limit();
    let matches = with_exit_codes(Cli::command()).try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = run(cli.command).and_then(|code| {
        out::stdout().flush()?;
        Ok(code)
    });
    result.unwrap_or_else(|error| failed(&error))
}

/// Tells what has ended the program, and gives its exit code.
fn failed(error: &anyhow::Error) -> ExitCode {
    let said = out::without_logins(&out::message(error));
    match out::stdout_failure(error) {
        // Whoever read has read enough, as `head` does; but not all has been read.
        Some(ErrorKind::BrokenPipe) => ExitCode::from(1),
        Some(_) => {
            out::tell(said);
            ExitCode::from(1)
        }
        None if error.chain().any(|cause| cause.is::<ClientError>()) => {
            out::tell(said);
            ExitCode::from(1)
        }
        None => {
            out::tell_own(&said);
            ExitCode::from(2)
        }
    }
}

/// At the end of every command's help.
const EXIT_CODES: &str = "\
Exit codes: 0 fine; 1 a file failed, something is missing, or a property was
violated; 2 wrong usage or input; 130 interrupted; 143 terminated";

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let long = command.get_after_long_help().map(|help| format!("{help}\n\n{EXIT_CODES}"));
    let command = match long {
        Some(long) => command.after_long_help(long),
        None => command,
    };
    command.after_help(EXIT_CODES).mut_subcommands(with_exit_codes)
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

/// Help and version, too. clap shows the words that it does not understand, and any of them may be, or
/// hold, a password.
fn usage(error: &clap::Error) -> ExitCode {
    if error.exit_code() == 0 {
        // Help shows what URLs look like, and nobody's password.
        let printed = out::written_out(error.print());
        return printed.map_or_else(|error| failed(&error.into()), |()| ExitCode::SUCCESS);
    }
    if std::env::args_os().nth(1).is_some_and(|command| command == "hash-password") {
        // Whatever was given was meant to be the password.
        out::tell_own("hash-password takes no argument: it asks for the password, or reads it from stdin");
        return ExitCode::from(2);
    }
    let mut secrets = Vec::new();
    let is_user = |value: &ContextValue| value.to_string().contains("--user");
    let of_user = error.get(ContextKind::InvalidArg).is_some_and(is_user);
    for (kind, value) in error.context() {
        let ContextValue::String(value) = value else { continue };
        let may_be = match kind {
            ContextKind::InvalidValue => of_user,
            ContextKind::InvalidArg => !value.starts_with('-') && !value.starts_with('<'),
            _ => false,
        };
        if may_be && value.contains([':', '@']) {
            secrets.push(value.clone());
        }
    }
    let plain = error.render().to_string();
    let mut shown = out::without_logins(&plain);
    for secret in secrets {
        shown = shown.replace(&secret, "****");
    }
    if shown == plain {
        // In colours, where there are some; `print` is silent about what cannot be written.
        let _ = error.print();
    } else {
        out::note(shown);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Each subcommand's `run` gives the exit code; an error is one of usage or input.
fn run(command: Command) -> anyhow::Result<ExitCode> {
    if command.only_simulates() {
        signals::end_when_asked()?;
    }
    match command {
        Command::Compare(args) => compare::run(args),
        Command::Advise(args) => advise::run(*args),
        Command::Replay(args) => replay::run(args),
        Command::Why(args) => why::run(&args),
        Command::Scenarios(args) => scenarios::run(args),
        Command::Put(args) => put::run(args),
        Command::Get(args) => get::run(args),
        Command::Mirror(args) => mirror::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::HashPassword => serve::hash_password(),
        Command::Check(args) => check::run(*args),
        Command::Ls(args) => ls::run(args),
        Command::Cat(args) => cat::run(&args),
        Command::Rm(args) => rm::run(&args),
        Command::Mkdir(args) => mkdir::run(&args),
        Command::Mv(args) => mv::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Quote(args) => quote::run(args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Shrink(args) => shrink::run(&args),
        Command::Audit(args) => audit::run(&args),
        #[cfg(unix)]
        Command::Trial(args) => trial::run(*args),
        #[cfg(target_os = "linux")]
        Command::Link(args) => link::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ftpsim", &mut script);
            out::stdout().write_all(&script)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man(args) => man::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ways;
    use crate::sim::scenario::{Direction, Scenario};

    #[test]
    fn every_help_fits_a_terminal_and_tells_the_exit_codes() {
        fn look(command: &mut clap::Command, path: &str) -> usize {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Exit codes: 0 fine"), "{path}");
            for line in help.lines().filter(|line| !line.starts_with("Usage:")) {
                assert!(line.chars().count() <= 80, "{path}: {line}");
            }
            let below = command.get_subcommands_mut().filter(|below| below.get_name() != "help");
            let subcommands = below.map(|below| {
                let path = format!("{path} {}", below.get_name());
                look(below, &path)
            });
            1 + subcommands.sum::<usize>()
        }
        let mut command = with_exit_codes(Cli::command());
        command.build();
        let seen = look(&mut command, "ftpsim");
        assert!(seen > 20, "{seen}");
    }

    /// What reports tell people to type.
    #[test]
    fn every_contenders_command_is_understood() {
        let mut tried = 0;
        for scenario in Scenario::embedded().unwrap() {
            for variant in &scenario.variants {
                for direction in [Direction::Put, Direction::Get] {
                    let Some(command) = ways::command(variant, direction) else { continue };
                    let typed = command.replace("URL", "ftp://me@127.0.0.1/in").replace("FILES", "a.txt");
                    let understood = Cli::try_parse_from(typed.split(' '));
                    assert!(understood.is_ok(), "{command}: {}", understood.err().unwrap());
                    tried += 1;
                }
            }
        }
        assert!(tried > 100, "{tried}");
    }
}
