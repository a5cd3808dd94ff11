//! `ftpsim trial client`.

use super::options::Options;
use super::pairs::Found;
use super::server::{running, without_password};
use super::{repeated, tried};
use crate::cli::credentials::Credentials;
use crate::cli::url::FtpUrl;
use crate::programs::Template;
use crate::trial::{Client, Direction, Pair, quoted};
use anyhow::{Context, ensure};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The command downloads {remote} to {local}; without it, it uploads {local} as {remote}
    #[arg(long)]
    get: bool,
    /// With whom: a server that is described, as NAME or NAME/SETTINGS, or one that runs, by its URL [default:
    /// ftpsim, our own]
    #[arg(long, value_name = "NAME|URL")]
    server: Option<String>,
    /// The directory that the login of the server's URL leads to: what is left there is looked at here. Without
    /// it, by another session
    #[arg(long, value_name = "DIR", requires = "server")]
    server_dir: Option<PathBuf>,
    /// Descriptions of your own
    #[arg(long, value_name = "FILE")]
    describe: Vec<PathBuf>,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    options: Options,
    /// The client, word by word, without a shell: curl -sS -T {local} {url}. Placeholders: {host}, {port}, {user},
    /// {password}, {local} (the file to read or to write), {local_dir}, {remote} (its name at the server), {size},
    /// {url} (with all of them), {home} (its HOME), {ca} (the proxy's certificate, with --tls)
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let template = Template::of(args.command.clone()).context("the command behind --")?;
    let direction = if args.get { Direction::Get } else { Direction::Put };
    let mut again = format!("ftpsim trial client{}", if args.get { " --get" } else { "" });
    let name = args.server.as_deref().unwrap_or("ftpsim");
    let server = if name.contains("://") {
        let url: FtpUrl = name.parse().context("--server")?;
        again += &format!(" --server {}", quoted(&without_password(&url)));
        again += &repeated("--server-dir", &args.server_dir);
        running(&url, args.server_dir.clone(), &args.credentials).await?
    } else {
        ensure!(
            args.server_dir.is_none(),
            "--server-dir belongs to a server's URL; {name} has a directory of its own"
        );
        if args.server.is_some() {
            again += &format!(" --server {}", quoted(name));
        }
        again += &repeated("--describe", &args.describe);
        Found::look(&args.describe).await?.server(name, args.options.is_under_tls())?
    };
    let words: Vec<String> = template.words().iter().map(|word| quoted(word)).collect();
    let again = (again, format!("-- {}", words.join(" ")));
    let pair = Pair { client: Client::of(template, direction), server, direction, again };
    tried(vec![pair], &args.options).await
}
