//! `ftpsim check`: does a server do what the RFCs say, and does a client hold against an odd or hostile one?

mod client;
mod told;

use super::credentials::{Credentials, warn_of_password};
use super::out::{note, stdout, tell};
use super::progress;
use super::signals::{Asked, asked_to_end};
use super::tls::TlsArgs;
use super::transfer::{runtime, some_seconds};
use super::url::{FtpUrl, UrlParser};
use crate::check::Outcome;
use crate::check::server::{Check, Probe, Suite, Target, all, own};
use crate::lab::plural::counted;
use anyhow::{Context, bail};
use ftp_endpoint::client::TlsWhen;
use ftp_proto::name::Printable;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use told::ToldArgs;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// The server: ftp[s]://USER:PASSWORD@HOST:PORT/DIRECTORY. In the directory another one is made, and taken
    /// away at the end
    #[arg(value_parser = UrlParser, required_unless_present = "list")]
    url: Option<FtpUrl>,
    /// Make, change and remove nothing at the server; checks that would are untestable
    #[arg(long)]
    read_only: bool,
    /// Checks of your own in this file instead, in the form of docs/check.md
    #[arg(long, value_name = "FILE")]
    checks: Option<PathBuf>,
    /// Longest wait for a reply, a connection, or data, in seconds
    #[arg(long, default_value = "5", value_parser = some_seconds)]
    timeout: Duration,
    /// Checks at a time, each in a session of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    parallel: u8,
    #[command(flatten)]
    told: ToldArgs,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    tls: TlsArgs,
}

#[derive(clap::Subcommand)]
enum Other {
    /// Run a client against a server that is odd in legal ways, fails, or is hostile
    Client(client::Args),
}

pub(super) fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    if let Some(Other::Client(client)) = args.other.take() {
        return client::run(client);
    }
    let all = match &args.checks {
        Some(file) => own_checks(file)?,
        None => all(),
    };
    args.told.every_only_names_one_of("check", all.iter().map(|check| check.id))?;
    let checks: Vec<&'static Check> = all.iter().filter(|check| args.told.wants(check.id)).collect();
    if args.told.list {
        return args.told.list(checks.iter().map(|check| (check.id, check.level, check.sentence)));
    }
    let expected = args.told.expected(&all.iter().map(|check| check.id).collect())?;
    let url = args.url.as_ref().context("the server's URL is missing")?;
    warn_of_password(url);
    let done = runtime()?.block_on(check(&args, url, &checks))?;
    match done {
        Ok((title, outcomes, amiss)) => args.told.tell(&title, &outcomes, &expected, &amiss),
        Err(asked) => {
            tell("interrupted");
            Ok(ExitCode::from(asked.code()))
        }
    }
}

fn own_checks(file: &Path) -> anyhow::Result<&'static [Check]> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    own(text).map_err(|why| anyhow::anyhow!("{name}: {why}"))
}

/// What was checked, what came of it, and what kept it from being all; or what has asked to end.
async fn check(
    args: &Args,
    url: &FtpUrl,
    checks: &[&'static Check],
) -> anyhow::Result<Result<(String, Vec<Outcome>, Vec<String>), Asked>> {
    let begun = async {
        let mut target = target(args, url).await?;
        let mut probed = Suite::probe(&target).await;
        if probed.is_err() && target.secured {
            // Under TLS 1.2 a session is resumed without end, and some servers want every data connection to
            // resume; others have 1.3 only.
            target.tls = args.tls.connector(url, false)?;
            probed = Suite::probe(&target).await;
        }
        let probe = match probed {
            Ok(probe) => probe,
            Err(why) => bail!("the server cannot be checked: {why}{}", remedy(&target)),
        };
        let title = title(url, &target, &probe);
        Ok((Suite::new(target, probe, directory()), title))
    };
    let (suite, title) = tokio::select! {
        biased;
        asked = asked_to_end() => return Ok(Err(asked)),
        begun = begun => begun?,
    };
    let bar = progress::bar(Some(checks.len() as u64), "checks");
    let work = async {
        if let Err(why) = suite.prepare().await {
            bail!("no directory can be made at the server ({why}); --read-only asks what needs none");
        }
        Ok(suite.run(checks, args.parallel.into(), |_| bar.inc(1)).await)
    };
    let done = tokio::select! {
        biased;
        asked = asked_to_end() => Ok(Err(asked)),
        outcomes = work => outcomes.map(|outcomes| Ok((title, outcomes, amiss(&suite)))),
    };
    bar.finish_and_clear();
    if let Err(why) = suite.clean().await {
        note(format_args!("ftpsim: {why}"));
    }
    done
}

/// A server that is gone is said once, however many checks could not be asked for it.
fn amiss(suite: &Suite) -> Vec<String> {
    match suite.not_asked() {
        0 => Vec::new(),
        number => {
            let checks = counted(number, "check");
            vec![format!("the server did not answer whoever connected; not asked: {checks}")]
        }
    }
}

async fn target(args: &Args, url: &FtpUrl) -> anyhow::Result<Target> {
    let login = args.credentials.login(url)?;
    let when = args.tls.when(url)?;
    let mut target = Target {
        address: url.resolve().await?,
        host: if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() },
        user: login.user,
        password: login.password,
        path: url.path.trim_end_matches('/').to_owned(),
        tls: args.tls.connector(url, true)?,
        secured: matches!(when, TlsWhen::Implicit | TlsWhen::Required),
        read_only: args.read_only,
        timeout: args.timeout,
    };
    if when == TlsWhen::Auto {
        target.secured = match Suite::offers_tls(&target).await {
            Ok(offers) => offers,
            Err(why) => bail!("the server cannot be checked: {why}"),
        };
    }
    Ok(target)
}

fn remedy(target: &Target) -> &'static str {
    if target.secured {
        " (--tls-pin or --tls-insecure take a certificate that nobody known vouches for; --tls off checks in clear)"
    } else {
        ""
    }
}

fn title(url: &FtpUrl, target: &Target, probe: &Probe) -> String {
    let how = if target.secured { "under TLS" } else { "in clear" };
    let greeting = Printable(probe.greeting.lines().next().unwrap_or_default()).to_string();
    format!("{}:{}, {how}: {greeting}", url.host, url.port)
}

/// A name that nobody else has.
#[allow(clippy::disallowed_methods, reason = "a name that is new each time")]
fn directory() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    format!("ftpsim-check-{}-{:x}", std::process::id(), now & 0xff_ffff)
}

/// Says what there is, a line each.
fn print_list(mut lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut out = stdout();
    lines.try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}
