//! `ftpsim trial pairs`, and who is known.

use super::options::Options;
use super::{repeated, tried};
use crate::cli::out::{stdout, tell};
use crate::trial::{Client, Described, Direction, Pair, Server, known, quoted, with_settings};
use anyhow::{Context, bail, ensure};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) const DIRECTIONS: [Direction; 2] = [Direction::Put, Direction::Get];

#[derive(clap::Args)]
pub(super) struct Args {
    /// Only these clients, as NAME (with its default settings) or NAME/SETTINGS [default: all that are found]
    #[arg(long = "client", value_delimiter = ',', value_name = "NAME")]
    clients: Vec<String>,
    /// Only these servers, likewise
    #[arg(long = "server", value_delimiter = ',', value_name = "NAME")]
    servers: Vec<String>,
    /// All settings that are described, not the default ones alone
    #[arg(long)]
    settings: bool,
    /// Only uploads (put), or only downloads (get)
    #[arg(long, value_parser = ["put", "get"])]
    direction: Option<String>,
    /// Descriptions of your own: a TOML file each, as those in src/trial/described
    #[arg(long, value_name = "FILE")]
    describe: Vec<PathBuf>,
    /// Name who is known, with versions and settings of those that are found, and try nobody
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    options: Options,
}

/// Who is described, and which of them are here.
pub(super) struct Found(Vec<(Described, Option<String>)>);

impl Found {
    /// Asks everybody for their version.
    pub(super) async fn look(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        for described in known(files)? {
            let version = described.find().await;
            found.push((described, version));
        }
        Ok(Self(found))
    }

    /// By name, or name and settings.
    fn named<'a>(&'a self, name: &'a str) -> anyhow::Result<(&'a Described, &'a str, &'a str)> {
        let (name, settings) = name.split_once('/').unwrap_or((name, "default"));
        let entry = self.0.iter().find(|(described, _)| described.name == name);
        let (described, version) = entry
            .with_context(|| format!("nobody called {name:?} is described; trial pairs --list has all"))?;
        let version = version.as_ref().with_context(|| format!("{name} is not on this machine"))?;
        Ok((described, version, settings))
    }

    pub(super) fn client(&self, name: &str, tls: bool) -> anyhow::Result<Client> {
        let (described, version, settings) = self.named(name)?;
        described.client(version, settings, tls).with_context(|| lacks("client", name, tls))
    }

    pub(super) fn server(&self, name: &str, tls: bool) -> anyhow::Result<Server> {
        let (described, version, settings) = self.named(name)?;
        described.server(version, settings, tls).with_context(|| lacks("server", name, tls))
    }

    /// All names of clients, or of servers, that are here.
    fn all(&self, of_servers: bool, settings: bool, tls: bool) -> Vec<String> {
        let mut names = Vec::new();
        for (described, _) in self.0.iter().filter(|(_, version)| version.is_some()) {
            let all = if of_servers { described.server_settings() } else { described.client_settings() };
            for word in all.into_iter().filter(|word| settings || *word == "default") {
                let is_there = match of_servers {
                    true => described.server("", word, tls).is_some(),
                    false => described.client("", word, tls).is_some(),
                };
                if is_there {
                    names.push(with_settings(&described.name, word));
                }
            }
        }
        names
    }
}

fn lacks(what: &str, name: &str, tls: bool) -> String {
    let how = if tls { " under TLS" } else { "" };
    format!("{name} is described without such a {what}{how}; trial pairs --list has all")
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let found = Found::look(&args.describe).await?;
    if args.list {
        return list(&found);
    }
    let tls = args.options.is_under_tls();
    let or_all = |names: &[String], of_servers| match names {
        [] => found.all(of_servers, args.settings, tls),
        names => names.to_vec(),
    };
    let (clients, servers) = (or_all(&args.clients, false), or_all(&args.servers, true));
    if args.clients.is_empty() && args.servers.is_empty() {
        for (described, _) in found.0.iter().filter(|(_, version)| version.is_none()) {
            tell(format_args!("{} is not on this machine", described.name));
        }
    }
    let mut pairs = Vec::new();
    for client_name in &clients {
        let client = found.client(client_name, tls)?;
        for server_name in &servers {
            let server = found.server(server_name, tls)?;
            for direction in DIRECTIONS {
                let is_wanted = args.direction.as_deref().is_none_or(|only| only == direction.name());
                if is_wanted && client.command(direction).is_some() {
                    let again = again(&args, client_name, server_name, direction);
                    pairs.push(Pair { client: client.clone(), server: server.clone(), direction, again });
                }
            }
        }
    }
    ensure!(!pairs.is_empty(), "there is nobody to try");
    tried(pairs, &args.options).await
}

fn again(args: &Args, client: &str, server: &str, direction: Direction) -> (String, String) {
    let mut words = format!(
        "ftpsim trial pairs --client {} --server {} --direction {}",
        quoted(client),
        quoted(server),
        direction.name()
    );
    words += &repeated("--describe", &args.describe);
    (words, String::new())
}

fn list(found: &Found) -> anyhow::Result<ExitCode> {
    if found.0.is_empty() {
        bail!("nobody is described");
    }
    for (described, version) in &found.0 {
        let version = version.as_deref().unwrap_or("not on this machine");
        let (is_client, is_server) = described.has();
        let client = is_client.then(|| format!("client ({})", described.client_settings().join(", ")));
        let server = is_server.then(|| format!("server ({})", described.server_settings().join(", ")));
        let roles: Vec<String> = client.into_iter().chain(server).collect();
        writeln!(stdout(), "{:<11} {version:<20} {}", described.name, roles.join("; "))?;
    }
    Ok(ExitCode::SUCCESS)
}
