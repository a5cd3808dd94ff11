//! `ftpsim serve`: the server over real sockets.

use crate::net::Net;
use crate::net::real::RealNet;
use crate::observe::Nobody;
use crate::server::{Config, Rights, Table, serve};
use crate::store::disk::DiskStore;
use anyhow::{Context, bail};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

#[derive(clap::Args)]
pub struct Args {
    /// Directory to serve
    #[arg(long)]
    root: PathBuf,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:2121")]
    listen: SocketAddr,
    /// NAME:PASSWORD of a user, who may read and write; may be given several times
    #[arg(long = "user", value_name = "NAME:PASSWORD", value_parser = user)]
    users: Vec<(String, String)>,
    /// Let `anonymous` in, to read
    #[arg(long)]
    anonymous: bool,
}

fn user(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() => Ok((name.to_owned(), password.to_owned())),
        _ => Err("expected NAME:PASSWORD".to_owned()),
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

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.users.is_empty() && !args.anonymous {
        bail!("nobody could log in: give --user NAME:PASSWORD or --anonymous");
    }
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    let store = DiskStore::open(&args.root)
        .with_context(|| format!("cannot serve the directory {}", args.root.display()))?;
    let mut accounts = Table::new();
    for (name, password) in &args.users {
        accounts = accounts.with_user(name, password, store.clone(), Rights::ALL);
    }
    if args.anonymous {
        accounts = accounts.with_anonymous(store);
    }
    let mut config = Config::new(accounts);
    config.calendar = Some(Arc::new(calendar));
    // Two servers started at different times try the passive ports in different orders.
    let (seconds, nanoseconds) = calendar();
    config.passive_seed =
        (seconds as u64) << 30 ^ u64::from(nanoseconds) ^ u64::from(std::process::id()) << 48;
    let shutdown = config.shutdown.clone();

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let net = RealNet::new();
        let listener =
            net.listen(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
        let address = crate::net::Listener::local_addr(&listener)?;
        tracing::info!(listen = %address, root = %args.root.display(), "serving");
        // For scripts, which may have asked for port 0; whether anyone reads it is no concern.
        let _ = writeln!(std::io::stdout(), "listening on {address}");
        tokio::spawn(until_interrupted(shutdown));
        serve(net, listener, Arc::new(config), Arc::new(Nobody)).await.context("the server gave up")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The first interrupt lets transfers finish, the second does not.
async fn until_interrupted(shutdown: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    tracing::info!("shutting down; interrupt again to cut transfers off");
    shutdown.cancel();
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}
