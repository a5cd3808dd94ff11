//! `ftpsim serve`: the server over real sockets.

mod accounts;
#[cfg(target_os = "linux")]
mod confinement;
mod hashing;
mod log_file;
#[cfg(unix)]
mod privileges;
mod reload;
mod settings;
mod tls;
mod warnings;

use super::out::{json, printable_line, stdout};
use super::signals::asked_to_stop;
use accounts::Users;
use anyhow::Context;
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::{RealListener, RealNet};
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, LiveConfig, PASSIVE_PORTS, SessionSlots, serve_beside};
use ftp_endpoint::store::disk::DiskStore;
use log_file::LogFile;
#[cfg(unix)]
use reload::Reload;
use settings::Settings;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tls::Certified;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2121);

/// Said by `serve --help`: nobody should have to find out.
const PROMISES: &str = "\
What is promised of files:
  - Whole or not at all: nothing stands under its name before its mark of the end has come. In stream mode \
that is the close of the connection.
  - The old file lives: a failed upload leaves its bytes, mode, owner and links as they were; one that succeeds \
keeps mode and links, and the owner where the server may give files away (root).
  - What you see is what you extend: REST, APPE, SIZE and DELE speak of the visible file. What a failed upload \
has left is its user's, for SITE PARTIAL.
  - Two at a time: of two uploads one stands there, whole; of two appends at the same time one is refused.
  - Read whole: a file that grows is sent to its new end; one that shrinks ends with 451.
What is not:
  - Without --durable nothing is synced: a loss of power may take what was acknowledged. On ext4 new files may stand under their names with no bytes for up to 30 s after their 226, or may not be there. With --durable 2yz means that file and name are on the disk, and 451 that they could not be brought there.
  - A crash in the middle of an append leaves what had been appended by then.
  - A file with several hard links is copied over when its upload is whole: a crash then leaves a mixture.

Signals:
  - SIGINT, SIGTERM: nobody is let in any more, transfers may finish; the second one cuts them off.
  - SIGHUP: configuration and certificate are read again, and the transfer log opened anew. Sessions go on; \
users and limits hold from the next login on, the certificate from the next handshake of a control connection. \
A mistake in any of them changes nothing, and the log says so.";

#[derive(clap::Args)]
#[command(after_long_help = PROMISES)]
pub(super) struct Args {
    /// TOML file with the same options as keys, and `[[user]]` tables of name, password or
    /// password-hash, root and rights
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the JSON Schema of that file, for editors, and serve nothing
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    settings: Settings,
}

const DEFAULT_KEEP_PARTIALS_DAYS: u64 = 7;

#[allow(clippy::disallowed_methods, reason = "files on a real disk have real ages")]
fn remove_leftovers(stores: &[DiskStore], keep_partials_days: u64, at_start: bool) {
    let partial_age = Duration::from_secs(keep_partials_days.saturating_mul(24 * 60 * 60));
    let now = SystemTime::now();
    for store in stores {
        // What processes that have died have left may be anywhere; the rest has a place of its own.
        let removed = match at_start {
            true => store.remove_leftovers(now, partial_age),
            false => store.remove_old_partials(now, partial_age),
        };
        match removed {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "removed what old uploads had left"),
            Err(error) => tracing::warn!(%error, "cannot look for what old uploads have left"),
        }
    }
}

/// Between looks for what failed uploads have left for too long.
const CLEANING_INTERVAL: Duration = Duration::from_secs(60 * 60);

async fn clean(net: RealNet, live: LiveConfig<Users>, keep_partials_days: u64) {
    let mut at_start = true;
    loop {
        let stores = live.current().accounts.stores();
        let cleaning =
            tokio::task::spawn_blocking(move || remove_leftovers(&stores, keep_partials_days, at_start));
        if cleaning.await.is_err() {
            return;
        }
        at_start = false;
        net.sleep(CLEANING_INTERVAL).await;
    }
}

/// Where a run meets the calendar: listings and logs carry dates.
#[allow(clippy::disallowed_methods, reason = "a real server's listings and logs carry real dates")]
fn calendar() -> (i64, u32) {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
        Err(_) => (0, 0),
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Args { config: file, schema, settings: line } = args;
    if schema {
        writeln!(stdout(), "{}", json(&Settings::schema())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = reload::settings(&line, file.as_ref())?;
    let accounts = Users::of(&settings)?;
    #[cfg(unix)]
    let identity = settings.run_as.as_deref().map(privileges::Identity::find).transpose()?;
    trace();
    let descriptors = raise_descriptor_limit();
    let listen = settings.listen.unwrap_or(DEFAULT_LISTEN);
    let log = reload::log(&settings, None)?;
    let certified = Certified::of(&settings, None)?;
    let mut config = config(accounts, &settings, certified.as_deref())?;
    config.transfer_log = log.as_ref().map(LogFile::teller);
    config.limits.sessions = affordable(config.limits.sessions, descriptors);
    let shutdown = config.shutdown.clone();
    for warning in warnings::warnings(&line, &settings, file.as_deref(), listen) {
        tracing::warn!("{warning}");
    }

    let runtime = ftp_endpoint::net::real::runtime().context("cannot start the runtime")?;
    runtime.block_on(async {
        let net = RealNet::new();
        let listener = net.listen(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let read_again: Vec<PathBuf> =
            file.iter().map(PathBuf::as_path).chain(settings.tls_files()).map(Path::to_owned).collect();
        #[cfg(unix)]
        give_up_privileges(identity.as_ref(), log.as_deref(), &read_again)?;
        let confined_to = confine(&settings, log.as_deref(), &read_again)?;
        tracing::info!(listen = %address, durable = settings.durable, "serving");
        if let Some(certified) = &certified {
            certified.tell();
        }
        let made_here = certified.as_ref().filter(|it| it.is_made_here()).map(|it| it.fingerprint());
        tokio::spawn(until_interrupted(shutdown.clone()));
        let keep_partials = settings.keep_partials.unwrap_or(DEFAULT_KEEP_PARTIALS_DAYS);
        let live = LiveConfig::from(Arc::new(config));
        #[cfg(unix)]
        {
            let live = live.clone();
            let reload = Reload { line, file, settings, log, certified, live, descriptors, confined_to };
            let hangups = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
            tokio::spawn(reload.when_asked(hangups.context("cannot hear signals")?));
        }
        // The tasks run first: signals are heard before anyone is told that we serve.
        tokio::task::yield_now().await;
        let slots = SessionSlots::default();
        let others = other_threads(&listener, &live, &slots)?;
        // For scripts, which may have asked for port 0; whether anyone reads it is no concern.
        let _ = writeln!(stdout(), "listening on {address}");
        if let Some(sha256) = made_here {
            let _ = writeln!(stdout(), "certificate sha256 {sha256}");
        }
        tokio::spawn(clean(net, live.clone(), keep_partials));
        let mut result = serve_beside(net, listener, live, Arc::new(Nobody), slots).await;
        shutdown.cancel();
        for thread in others {
            // Not here: a second interrupt has to be heard.
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            let panicked = || std::io::Error::other("a thread panicked");
            result = result.and(ended.ok().and_then(Result::ok).unwrap_or_else(|| Err(panicked())));
        }
        result.context("the server gave up")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// To stderr, by RUST_LOG.
fn trace() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // A line that cannot be written, to a full disk or a closed pipe, is lost and no more. To tell of it
        // would be to write there, too, which panics: whoever can have lines logged could end the server.
        .log_internal_errors(false)
        // Names of users and files are what clients have sent.
        .fmt_fields(
            debug_fn(|writer, field, value| {
                let value = printable_line(&format!("{value:?}"));
                match field.name() {
                    "message" => write!(writer, "{value}"),
                    name => write!(writer, "{name}={value}"),
                }
            })
            .delimited(" "),
        )
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
}

#[cfg(unix)]
fn give_up_privileges(
    identity: Option<&privileges::Identity>,
    log: Option<&LogFile>,
    read_again: &[PathBuf],
) -> anyhow::Result<()> {
    match identity {
        Some(identity) => {
            identity.take(log)?;
            for unreadable in read_again.iter().filter_map(|path| privileges::unreadable(path)) {
                tracing::warn!("{unreadable}");
            }
        }
        None if privileges::is_root() => {
            tracing::warn!("this runs as root, and so would whatever a mistake lets in: give --run-as USER");
        }
        None => {}
    }
    Ok(())
}

/// Before there are other threads. Gives the roots beyond which none can be served from now on.
#[cfg(target_os = "linux")]
fn confine(
    settings: &Settings,
    log: Option<&LogFile>,
    read_again: &[PathBuf],
) -> anyhow::Result<Option<Vec<PathBuf>>> {
    use confinement::{Held, Reach, confine};
    if settings.landlock == Some(false) {
        return Ok(None);
    }
    let log = log.map(|log| log.path.as_path());
    let roots: Vec<&Path> = settings.roots().into_iter().collect();
    let real = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
    let read_again = read_again.iter().map(PathBuf::as_path).collect();
    match confine(&Reach { roots, log, read_again })? {
        Held::Fully => tracing::info!("confined to what is served (landlock)"),
        Held::Partially => {
            tracing::warn!("confined in part to what is served: landlock of this kernel is old")
        }
        Held::Not => {
            tracing::warn!("not confined to what is served: this kernel has no landlock");
            return Ok(None);
        }
    }
    Ok(Some(real))
}

#[cfg(not(target_os = "linux"))]
fn confine(_: &Settings, _: Option<&LogFile>, _: &[PathBuf]) -> anyhow::Result<Option<Vec<PathBuf>>> {
    Ok(None)
}

/// One for each further processor. A session stays on the thread that has accepted it: what it waits
/// for wakes that thread and no other.
fn other_threads(
    listener: &RealListener,
    live: &LiveConfig<Users>,
    slots: &SessionSlots,
) -> anyhow::Result<Vec<std::thread::JoinHandle<std::io::Result<()>>>> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let start = |number| {
        let (listener, live, slots) = (listener.try_clone()?, live.clone(), slots.clone());
        std::thread::Builder::new().name(format!("sessions-{number}")).spawn(move || {
            let shutdown = live.current().shutdown.clone();
            let result = ftp_endpoint::net::real::runtime()?.block_on(serve_beside(
                RealNet::new(),
                listener,
                live,
                Arc::new(Nobody),
                slots,
            ));
            if result.is_err() {
                shutdown.cancel();
            }
            result
        })
    };
    (1..processors).map(start).collect::<std::io::Result<_>>().context("cannot start a thread")
}

fn config(
    accounts: Users,
    settings: &Settings,
    certified: Option<&Certified>,
) -> anyhow::Result<Config<Users>> {
    let mut config = Config::new(accounts);
    if let Some(greeting) = &settings.greeting {
        config.greeting.clone_from(greeting);
    }
    config.timeouts = settings.timeouts();
    config.limits = settings.limits();
    config.record_form = settings.record_form.unwrap_or_default();
    config.deflate = settings.deflate.unwrap_or(true);
    config.passive_ports = Some(settings.passive_ports.clone().unwrap_or(PASSIVE_PORTS));
    config.advertised_address = settings.advertise;
    config.foreign_data_addresses = settings.foreign_data_addresses;
    config.calendar = Some(Arc::new(calendar));
    // Two servers started at different times try the passive ports in different orders.
    let (seconds, nanoseconds) = calendar();
    config.passive_seed =
        (seconds as u64) << 30 ^ u64::from(nanoseconds) ^ u64::from(std::process::id()) << 48;
    config.tls = certified.map(|certified| certified.server(settings)).transpose()?.flatten();
    Ok(config)
}

/// No more sessions than descriptors can be had for; what is left over is for data and files.
fn affordable(sessions: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else { return sessions };
    let most = usize::try_from(descriptors / 4 * 3).unwrap_or(usize::MAX).max(1);
    if sessions > most {
        tracing::warn!(
            sessions = most,
            descriptors,
            "fewer sessions than asked for: the limit of open files"
        );
    }
    sessions.min(most)
}

/// A session holds a descriptor, two or three while data move, and many systems start a process with
/// a limit of 1024 that it may raise itself. Gives the limit, if there is one.
pub(super) fn raise_descriptor_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        {
            tracing::warn!(%error, "cannot raise the limit of open files");
        }
        getrlimit(Resource::Nofile).current
    }
    #[cfg(not(unix))]
    None
}

/// The first SIGINT or SIGTERM lets transfers finish, the second does not.
async fn until_interrupted(shutdown: CancellationToken) {
    asked_to_stop().await;
    tracing::info!("shutting down; interrupt again to cut transfers off");
    shutdown.cancel();
    std::process::exit(asked_to_stop().await.code().into());
}

/// `ftpsim hash-password`: asks for a password and prints what `password-hash` takes.
pub(super) fn hash_password() -> anyhow::Result<ExitCode> {
    let password = if std::io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ").context("cannot read the password")?
    } else {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("cannot read the password")?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    anyhow::ensure!(!password.is_empty(), "the password is empty");
    writeln!(stdout(), "{}", accounts::hash(&password)?)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session needs one descriptor, and more while data move: those beyond would find none.
    #[test]
    fn sessions_stay_below_the_limit_of_descriptors() {
        for (asked, descriptors, had) in [
            (10_000, None, 10_000),
            (10_000, Some(1024), 768),
            (769, Some(1024), 768),
            (768, Some(1024), 768),
            (100, Some(1024), 100),
            (100, Some(3), 1),
            (10_000, Some(u64::MAX), 10_000),
        ] {
            assert_eq!(affordable(asked, descriptors), had, "{asked} of {descriptors:?}");
        }
    }
}
