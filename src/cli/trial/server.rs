//! `ftpsim trial server`.

use super::options::Options;
use super::pairs::{DIRECTIONS, Found};
use super::{repeated, tried};
use crate::cli::credentials::{Credentials, warn_of_password};
use crate::cli::url::{FtpUrl, UrlParser};
use crate::trial::{Account, Pair, Running, Server, Software, quoted};
use anyhow::ensure;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The server: ftp://USER:PASSWORD@HOST:PORT/. Files come to be, and go again, where the login leads
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// The directory that the login leads to: what is left there is looked at here. Without it, by another
    /// session
    #[arg(long, value_name = "DIR")]
    server_dir: Option<PathBuf>,
    /// With whom: clients that are described, as NAME or NAME/SETTINGS
    #[arg(long = "client", value_delimiter = ',', value_name = "NAME", default_value = "ftpsim/no-retry")]
    clients: Vec<String>,
    /// Only uploads (put), or only downloads (get)
    #[arg(long, value_parser = ["put", "get"])]
    direction: Option<String>,
    /// Descriptions of your own
    #[arg(long, value_name = "FILE")]
    describe: Vec<PathBuf>,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    options: Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    warn_of_password(&args.url);
    let server = running(&args.url, args.server_dir.clone(), &args.credentials).await?;
    let found = Found::look(&args.describe).await?;
    let mut again = format!("ftpsim trial server {}", quoted(&without_password(&args.url)));
    again += &repeated("--server-dir", &args.server_dir);
    again += &repeated("--describe", &args.describe);
    let mut pairs = Vec::new();
    for name in &args.clients {
        let client = found.client(name, args.options.is_under_tls())?;
        for direction in DIRECTIONS {
            let is_wanted = args.direction.as_deref().is_none_or(|only| only == direction.name());
            if is_wanted && client.command(direction).is_some() {
                let words = format!("{again} --client {} --direction {}", quoted(name), direction.name());
                let (client, server) = (client.clone(), server.clone());
                pairs.push(Pair { client, server, direction, again: (words, String::new()) });
            }
        }
    }
    tried(pairs, &args.options).await
}

/// The URL for a command that tries it again: the password is FTPSIM_PASSWORD's.
pub(super) fn without_password(url: &FtpUrl) -> String {
    let user = url.user.as_ref().map_or(String::new(), |user| format!("{user}@"));
    // An address of IPv6 has brackets in a URL.
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    format!("ftp://{user}{host}:{}/", url.port)
}

/// A server that runs.
pub(super) async fn running(
    url: &FtpUrl,
    directory: Option<PathBuf>,
    credentials: &Credentials,
) -> anyhow::Result<Server> {
    ensure!(!url.implicit_tls, "trials go over ftp://; --tls asks for TLS by AUTH");
    ensure!(url.path.is_empty(), "files go where the login leads: the URL has to end behind the port");
    if let Some(directory) = &directory {
        ensure!(directory.is_dir(), "--server-dir {}: there is no such directory", directory.display());
    }
    let login = credentials.login(url)?;
    let address = url.resolve().await?;
    let software = Software::unknown(&format!("{}:{}", url.host, url.port));
    Ok(Server::Running(Arc::new(Running { software, address, account: Account { login, directory } })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_names_the_same_server_and_no_password() {
        for (url, again) in [
            ("ftp://me:secret@[::1]:2121/", "ftp://me@[::1]:2121/"),
            ("ftp://example.org/", "ftp://example.org:21/"),
        ] {
            assert_eq!(without_password(&url.parse().unwrap()), again);
        }
    }
}
