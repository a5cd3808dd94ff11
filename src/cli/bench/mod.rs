//! `ftpsim bench`: how fast deliveries are over real sockets.

mod calls;
mod failure;
mod growth;
mod scratch;
mod size;

use super::credentials::{Credentials, warn_of_password};
use super::out::{stdout, tell};
use super::signals::{Asked, asked_to_end, end};
use super::transfer::{MODES, choice};
use super::url::FtpUrl;
use crate::lab::export::AtomicFile;
use crate::measure::delivery::{Contender, DataConnection, Directories, Target, deliver};
use crate::measure::files::Files;
use crate::measure::fixture::{Check, Fixture};
use crate::measure::generated::GeneratedStore;
use crate::measure::record::{Benchmark, DURABLE_SUFFIX};
use crate::measure::run::{Bed, MeasureError, Plan, measure};
use crate::measure::server::{self, LocalServer};
use crate::measure::{fixture::DiskFixture, remote};
use crate::report::terminal;
use crate::sim::workload::Content;
use anyhow::{Context, Result, ensure};
use ftp_endpoint::client::Direction;
use ftp_endpoint::net::real::runtime;
use ftp_proto::mode::TransmissionMode;
use ftp_proto::time::civil;
use scratch::Room;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Subcommand)]
enum What {
    /// Measure how time and memory grow with the number of files, of sessions, and with file size
    Growth(growth::Args),
}

#[derive(clap::Args)]
struct Options {
    /// Files of a delivery
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    files: u64,
    /// Bytes of each file; B, KiB, MiB, GiB, KB, MB and GB are understood
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = size::parse)]
    size: u64,
    /// What the files hold: text, random (incompressible) or runs (compressible)
    #[arg(long, default_value = "text", value_parser = choice(&CONTENTS))]
    content: Content,
    /// Transmission mode; may be given several times [default: all that the server has]
    #[arg(long = "mode", value_name = "MODE", value_parser = choice(&MODES))]
    modes: Vec<TransmissionMode>,
    /// Uploads, downloads or both
    #[arg(long, value_name = "put|get|both", default_value = "both", value_parser = choice(&DIRECTIONS))]
    direction: Directions,
    /// Transfer commands sent ahead in block and compressed mode; may be given several times
    #[arg(long, value_name = "DEPTH", default_values_t = [1, 32], value_parser = clap::value_parser!(u32).range(1..=1000))]
    pipeline: Vec<u32>,
    /// Sessions at a time; may be given several times
    #[arg(long, value_name = "N", default_values_t = [1], value_parser = clap::value_parser!(u32).range(1..=5000))]
    parallel: Vec<u32>,
    /// A new data connection for each file in block and compressed mode, too
    #[arg(long)]
    no_reuse: bool,
    /// Timed deliveries of each contender
    #[arg(long, value_name = "R", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repetitions: u32,
    /// Deliveries of each before these, not timed; one more, whose bytes are compared, comes first
    #[arg(long, value_name = "W", default_value_t = 1)]
    warm_up: u32,
    /// Where files come from and go to: memory (made up as they are read, counted as they arrive),
    /// disk (the system's directory for temporary files), or a directory
    #[arg(long, value_name = "memory|disk|DIR", default_value = "memory")]
    store: PathBuf,
    /// What arrives on disk counts when it survives the loss of power: uploads at our server, downloads at
    /// this end; `both` measures the same without it, too, in turn: of two runs the later one would pay for
    /// the removal of the earlier one's files, which ext4 remembers for minutes
    #[arg(long, value_name = "only|both", num_args = 0..=1, require_equals = true, default_missing_value = "only", value_parser = choice(&DURABLE))]
    durable: Option<Durable>,
    /// A server to measure instead of our own in this process
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,
    /// Who logs in there; without a password it is taken from FTPSIM_PASSWORD or asked for
    #[arg(long, value_name = "NAME[:PASSWORD]", requires = "server")]
    user: Option<String>,
    /// Directory at the server in which a directory is made, filled and removed [default: the login
    /// directory]
    #[arg(long, value_name = "DIR", requires = "server")]
    directory: Option<String>,
    /// Count system calls, too, in a further run of each contender under strace
    #[arg(long, conflicts_with = "server")]
    system_calls: bool,
    /// Write a row a contender to this file, as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print the result as JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Deliver once, verified and timed at once, without a bare connection: for what takes long
    #[arg(long, conflicts_with_all = ["repetitions", "warm_up"])]
    once: bool,
    /// Deliver so many times and say nothing: what runs under strace
    #[arg(long, hide = true)]
    deliveries: Option<u32>,
}

const CONTENTS: [(&str, Content); 3] =
    [("text", Content::Text), ("random", Content::Random), ("runs", Content::Runs)];
type Directions = &'static [Direction];
const DIRECTIONS: [(&str, Directions); 3] =
    [("put", &[Direction::Put]), ("get", &[Direction::Get]), ("both", &[Direction::Put, Direction::Get])];

/// What `--durable` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durable {
    Only,
    Both,
}

const DURABLE: [(&str, Durable); 2] = [("only", Durable::Only), ("both", Durable::Both)];

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        Some(What::Growth(growth)) => growth::run(growth),
        None => run_bench(&args.options),
    }
}

fn run_bench(args: &Options) -> Result<ExitCode> {
    super::serve::raise_descriptor_limit();
    let files = Files::new(args.files, args.size, args.content);
    if args.store == Path::new("memory") {
        ensure!(
            args.durable.is_none(),
            "--durable needs --store disk or a directory: memory survives nothing"
        );
        return run_with(args, &files, &[(GeneratedStore::new(&files), "memory".to_owned())]);
    }
    if args.deliveries.is_some() {
        let fixture = DiskFixture::open(&args.store, &files)?.keeping();
        return run_with(args, &files, &beds(args, fixture)?);
    }
    let both_at_ours = args.durable != Some(Durable::Both) || args.server.is_none();
    ensure!(both_at_ours, "--durable=both is for our own server: leave out --server, or give --durable");
    let room = Room::make(&args.store, &files)?;
    run_with(args, &files, &beds(args, room.fill(&files)?)?)
}

/// The fixture as it is to be measured, or in both ways, and what rows say of each.
fn beds(args: &Options, fixture: DiskFixture) -> Result<Vec<(DiskFixture, String)>> {
    let store = args.store.display().to_string();
    let Some(durable) = args.durable else { return Ok(vec![(fixture, store)]) };
    let plain = fixture.settling();
    let synced = plain.clone().durable().context("the files cannot be synced")?;
    let plain = (durable == Durable::Both).then(|| (plain, store.clone()));
    Ok(plain.into_iter().chain([(synced, format!("{store}{DURABLE_SUFFIX}"))]).collect())
}

fn run_with(args: &Options, files: &Files, fixtures: &[(impl Fixture, String)]) -> Result<ExitCode> {
    let mut own = Vec::new();
    let mut targets = Vec::new();
    for (fixture, _) in fixtures {
        targets.push(match &args.server {
            None => {
                let server =
                    LocalServer::start(fixture.store().clone()).context("cannot start the server")?;
                let login = ftp_endpoint::client::Login::new(server::USER, server::PASSWORD);
                let target = Target { server: server.address, login };
                own.push(server);
                target
            }
            Some(address) => target(args, address)?,
        });
    }
    let address = args.server.as_deref().map(without_login);
    let contenders = contenders(args, &modes(args, &targets[0])?);
    if let Some(times) = args.deliveries {
        return only_deliver(files, &fixtures[0].0, &targets[0], &contenders[0], times);
    }
    let beds = fixtures.iter().zip(&targets);
    let beds: Vec<Bed<'_, _>> =
        beds.map(|((fixture, store), target)| Bed { fixture, target, store }).collect();
    let interrupt = Interrupt::listen()?;
    let plan = Plan {
        contenders,
        repetitions: args.repetitions,
        warm_up: args.warm_up,
        once: args.once,
        remote_directory: address.map(|_| directory(args)),
        cancel: interrupt.cancel.clone(),
        server: address.unwrap_or("in-process").to_owned(),
        date: today(),
    };
    let rounds = if args.once { 1 } else { u64::from(1 + plan.warm_up + plan.repetitions) };
    let courses = (plan.contenders.len() * beds.len()) as u64;
    let bar = super::progress::bar(Some(courses * rounds), "deliveries");
    let measured = measure(&beds, files, &plan, || bar.inc(1));
    bar.finish_and_clear();
    let mut benchmark = match measured {
        Ok(benchmark) => benchmark,
        Err(wrong @ MeasureError::WrongBytes { .. }) => {
            tell(format_args!("{wrong}"));
            return Ok(ExitCode::from(1));
        }
        Err(MeasureError::Interrupted) => return Ok(interrupt.code()),
        Err(error) => return Err(failure::explained(error, args)),
    };
    if args.system_calls {
        calls::count(args, files, &mut benchmark)?;
    }
    if let Some(path) = &args.csv {
        write_csv(path, benchmark.rows.iter().map(|row| &row.record))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(args, &benchmark)?;
    Ok(ExitCode::SUCCESS)
}

fn print(args: &Options, benchmark: &Benchmark) -> Result<()> {
    for warning in &benchmark.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let mut stdout = stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(benchmark)?)?;
    } else {
        write!(stdout, "{}", terminal::benchmark(benchmark, super::compare::style()))?;
        if let Some(path) = &args.csv {
            writeln!(stdout, "\nWritten: {}.", path.display())?;
        }
    }
    stdout.flush().context("standard output")
}

fn write_csv(path: &Path, rows: impl Iterator<Item = impl serde::Serialize>) -> Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).context("this names no file")?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut file = AtomicFile::create(directory.unwrap_or(Path::new(".")), name)?;
    {
        let mut csv = csv::Writer::from_writer(&mut file);
        for row in rows {
            csv.serialize(row)?;
        }
        csv.flush()?;
    }
    file.publish()?;
    Ok(())
}

/// The first signal lets the measurement remove its files, the second does not.
struct Interrupt {
    cancel: CancellationToken,
    asked: Arc<OnceLock<Asked>>,
}

impl Interrupt {
    fn listen() -> Result<Self> {
        let (runtime, cancel) = (runtime()?, CancellationToken::new());
        let asked = Arc::new(OnceLock::new());
        let (interrupted, first) = (cancel.clone(), asked.clone());
        std::thread::spawn(move || {
            runtime.block_on(async {
                let asked = asked_to_end().await;
                first.get_or_init(|| asked);
                tell(format_args!("interrupted; removing files"));
                interrupted.cancel();
                end(asked_to_end().await)
            });
        });
        Ok(Self { cancel, asked })
    }

    /// Of whoever has ended the measurement.
    fn code(&self) -> ExitCode {
        ExitCode::from(self.asked.get().map_or(1, |asked| asked.code()))
    }
}

/// Each way once; stream mode neither pipelines nor keeps its connection.
fn contenders(args: &Options, modes: &[TransmissionMode]) -> Vec<Contender> {
    let data_connection = if args.no_reuse { DataConnection::PerFile } else { DataConnection::Kept };
    let mut all: Vec<Contender> = Vec::new();
    for &direction in args.direction {
        for &mode in modes {
            for &depth in &args.pipeline {
                for &parallel in &args.parallel {
                    let contender = Contender::new(direction, mode, depth, parallel, data_connection);
                    if !all.contains(&contender) {
                        all.push(contender);
                    }
                }
            }
        }
    }
    all
}

/// Those asked for, or all that the server has. One that was asked for and is missing is an error.
fn modes(args: &Options, target: &Target) -> Result<Vec<TransmissionMode>> {
    let all = MODES.map(|(_, mode)| mode).to_vec();
    let wanted = if args.modes.is_empty() { &all } else { &args.modes };
    let Some(server) = args.server.as_deref().filter(|_| args.deliveries.is_none()) else {
        return Ok(wanted.clone());
    };
    let runtime = runtime()?;
    let mut found = Vec::new();
    for &mode in wanted {
        let speaks = runtime.block_on(remote::speaks(target, mode));
        let speaks = speaks.map_err(|error| failure::explained(error.into(), args))?;
        let name = mode.as_str();
        ensure!(
            speaks || args.modes.is_empty(),
            "{server} does not speak {name} mode; leave out --mode {name} (every server has stream)"
        );
        if speaks {
            found.push(mode);
        } else {
            tell(format_args!("{server} does not speak {name} mode: left out"));
        }
    }
    Ok(found)
}

/// Of USER:PASSWORD@HOST:PORT what may be shown.
fn without_login(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

fn target(args: &Options, address: &str) -> Result<Target> {
    let mut url: FtpUrl = format!("ftp://{address}/")
        .parse()
        .with_context(|| format!("--server {}: expected HOST:PORT", without_login(address)))?;
    if let Some(user) = &args.user {
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(password.to_owned())),
            None => (user.as_str(), None),
        };
        (url.user, url.password) = (Some(name.to_owned()), password);
    }
    warn_of_password(&url);
    Ok(Target { server: runtime()?.block_on(url.resolve())?, login: Credentials::default().login(&url)? })
}

/// Nobody else's.
fn directory(args: &Options) -> String {
    let name = format!("ftpsim-bench-{}", std::process::id());
    match &args.directory {
        Some(directory) => format!("{}/{name}", directory.trim_end_matches('/')),
        None => name,
    }
}

fn only_deliver(
    files: &Files,
    fixture: &impl Fixture,
    target: &Target,
    contender: &Contender,
    times: u32,
) -> Result<ExitCode> {
    let runtime = runtime()?;
    let mut latencies = Default::default();
    for _ in 0..times {
        fixture.clear(Check::Sizes)?;
        runtime.block_on(deliver(
            fixture,
            files,
            target,
            &Directories::shared(),
            contender,
            &mut latencies,
        ))?;
        // The check reads every file's size: not a part of the delivery.
    }
    Ok(ExitCode::SUCCESS)
}

/// What another process of this program is told, to deliver in the same way.
fn arguments(contender: &Contender, files: u64, file_size_bytes: u64) -> Vec<String> {
    let options = [
        ("--mode", contender.mode.as_str().to_owned()),
        ("--direction", contender.direction.as_str().to_owned()),
        ("--pipeline", contender.pipeline_depth.to_string()),
        ("--parallel", contender.parallel.to_string()),
        ("--files", files.to_string()),
        ("--size", file_size_bytes.to_string()),
    ];
    options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

/// YYYY-MM-DD, UTC.
#[allow(clippy::disallowed_methods, reason = "the day on which people measured")]
fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (year, month, day, ..) = civil(now.as_secs() as i64);
    format!("{year:04}-{month:02}-{day:02}")
}
