//! `ftpsim advise`: which way of delivering to take with this server, over this path, with these files.

mod ask;
mod basis;
mod given;
mod source;

use super::access::Access;
use super::credentials::warn_of_password;
use super::out::{self, stdout, tell};
use super::progress;
use super::signals::end_when_asked;
use super::written;
use crate::advise::advice::Question;
use crate::advise::amount::{Amount, Unit};
use crate::advise::features::Features;
use crate::advise::simulate::Simulation;
use crate::lab::pool;
use crate::report::advise::{Told, page};
use crate::report::terminal::{self, Style};
use crate::sim::scenario::Direction;
use anyhow::{Context, anyhow};
use basis::Basis;
use given::Given;
use source::Source;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER:PASSWORD@HOST:PORT/DIRECTORY of the server that is asked, if there is one already; and the
    /// directory (or file) that is to be delivered, or one like it. With --direction get and without a
    /// directory, the files are those that the URL names
    #[arg(value_name = "URL|DIR", num_args = 0..=2)]
    what: Vec<OsString>,
    /// Which way the files go
    #[arg(long, default_value = "put", value_parser = super::transfer::choice(&DIRECTIONS))]
    direction: Direction,
    /// Sizes from this file instead of a directory: a log (xferlog, the JSON of ftpsim serve, vsftpd's own) or a
    /// listing (ls -l, ls -lR, ftpsim ls, MLSD); - is stdin
    #[arg(long, value_name = "FILE")]
    from_log: Option<PathBuf>,
    /// Sizes in bytes instead of a directory, each with how often it comes: 1024x500,70000,5000000x2
    #[arg(long, value_name = "SIZES", conflicts_with = "from_log")]
    sizes: Option<source::Sizes>,
    /// With --sizes: in how many directories they lie
    #[arg(long, value_name = "N", requires = "sizes")]
    directories: Option<u64>,
    /// The round trip, instead of measuring it; 50ms, or with its range 50ms,48ms..55ms
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Unit::Time.parse(text))]
    rtt: Option<Amount>,
    /// The bottleneck's rate in bits a second: 100M, 1.5G, 64k, or with its range 100M,90M..105M [default: 100M,
    /// unless --sample measures it]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Amount>,
    /// The share of packets that is lost each way: 0.1%, or with its range 0.1%,0%..0.3% [default: 0, unless
    /// --sample measures it]
    #[arg(long, value_name = "SHARE", value_parser = loss)]
    loss: Option<Amount>,
    /// How long the server takes to log somebody in, beyond the round trips [default: as measured]
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Unit::Time.parse(text).map(|time| time.value))]
    login: Option<u64>,
    /// What the server has, instead of asking it: block, compressed, deflate, record, size, hash, rest, mlst,
    /// xpipe, durable, hidden (uploads are out of sight until they are whole), clear (sessions without TLS), tls,
    /// close-notify (demanded of uploads); or none. block=504 is what it refuses, and how
    #[arg(long, value_name = "LIST")]
    features: Option<Features>,
    /// Measure the rate, and of uploads the loss, by transfers of up to 16 MiB each: with --direction put into a
    /// directory of their own below the URL's, which is removed afterwards; with get, of the largest file there
    /// up to 64 MiB, which goes nowhere
    #[arg(long)]
    sample: bool,
    /// The first seed of the runs; the same seed, figures and files give the same advice
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Runs of each fault and way [default: 24, or down to 12 where the files are large]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    runs: Option<u64>,
    /// How the figures were had: a sentence to be printed with them, as the line that repeats an advice has it
    #[arg(long, value_name = "TEXT")]
    basis: Vec<String>,
    /// Write the advice as a page, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the advice as JSON, with all figures and commands
    #[arg(long)]
    json: bool,
    /// Threads; they change nothing but the time [default: all cores]
    #[arg(long, short)]
    jobs: Option<NonZeroUsize>,
    /// No progress, and nothing told but errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    access: Access,
}

const DIRECTIONS: [(&str, Direction); 2] = [("put", Direction::Put), ("get", Direction::Get)];

fn rate(text: &str) -> Result<Amount, String> {
    let rate = Unit::Rate.parse(text)?;
    match (rate.low, rate.high) {
        (1_000.., ..=1_000_000_000_000) => Ok(rate),
        _ => Err("expected 1k to 1000G".to_owned()),
    }
}

fn loss(text: &str) -> Result<Amount, String> {
    let loss = Unit::Share.parse(text)?;
    if loss.high <= 500_000 { Ok(loss) } else { Err("expected no more than 50%".to_owned()) }
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (url, directory) = given::positional(&args.what)?;
    if let Some(url) = url.as_ref().filter(|_| !args.quiet) {
        warn_of_password(url);
    }
    let source = Source::choose(&args, url.as_ref(), directory)?;
    let mut given = Given::of(&args, url.as_ref())?;
    let mut basis = Basis::new(&args);
    let mut own = source.local(args.direction, args.quiet)?;
    if let Some(url) = url.as_ref().filter(|_| given.is_to_ask() || own.is_none()) {
        given.ask(&args, url, &mut basis, &mut own)?;
    }
    given.assume(url.is_some(), &mut basis);
    let question = Question {
        direction: args.direction,
        path: given.path(),
        features: given.features.clone().unwrap_or_else(Features::ours),
        own: own.context("no files: name a directory, or give --from-log FILE or --sizes SIZES")?,
        seed: args.seed,
        fault_runs: args.runs,
    };
    basis.warn(args.quiet);
    let simulation = Simulation::new(&question);
    // What was asked of the server has heard them until now, and they would be passed over from here on.
    end_when_asked()?;
    let bar = progress::bar(Some(simulation.runs()), "runs");
    if args.quiet {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let jobs = args.jobs.unwrap_or_else(pool::all_cores);
    let advice = simulation.advise(jobs, || bar.inc(1));
    bar.finish_and_clear();
    let advice = advice.map_err(|error| anyhow!(error))?;
    let told = Told {
        advice: &advice,
        place: url.as_ref().map(|url| given::place(url, &args.access)),
        source: source.word(),
        again: given::again(&args, url.as_ref(), &source, &question, &basis),
        basis: basis.sentences,
    };
    write(&args, &told)?;
    // There is nothing to take.
    Ok(ExitCode::from(u8::from(advice.ways.is_empty())))
}

fn write(args: &Args, told: &Told<'_>) -> anyhow::Result<()> {
    if let Some(path) = &args.html {
        written::write(path, &page(told))?;
        if !args.quiet {
            tell(format_args!("wrote {}", path.display()));
        }
    }
    let mut stdout = stdout();
    if args.json {
        writeln!(stdout, "{}", out::json(&told.full())?)?;
    } else {
        write!(stdout, "{}", terminal::advice(told, style()))?;
    }
    Ok(stdout.flush()?)
}

/// Eighty columns where nobody knows better, so that an advice is the same wherever it is written to.
fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let columns = if terminal { comfy_table::Table::new().width() } else { None };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Style { width: columns.unwrap_or(80).clamp(60, 100), colour }
}
