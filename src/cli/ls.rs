//! `ftpsim ls`: the listing of a directory.

use super::dialogue::observer;
use super::transfer::{login, runtime};
use super::url::FtpUrl;
use ftp_endpoint::client::{Policy, Session};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::{Watch, Who};
use ftp_endpoint::store::{StoreError, WriteFile};
use ftp_proto::command::Command;
use std::io::Write;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp://USER:PASSWORD@HOST:PORT/DIRECTORY
    url: FtpUrl,
    /// Names only (NLST)
    #[arg(long, short = '1')]
    names: bool,
    /// Show the dialogue with the server on stderr
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let url = &args.url;
    let server = url.resolve()?;
    let login = login(url)?;
    let path = Some(url.path.clone()).filter(|path| !path.is_empty());
    let command = if args.names { Command::Nlst(path) } else { Command::List(path) };
    runtime()?.block_on(async {
        let watch = || Watch::new(observer(args.verbose), Who::Client, 1);
        let mut session = Session::open(RealNet::new(), server, &login, &Policy::default(), watch).await?;
        session.receive(command, &url.path, &mut Stdout).await?;
        session.quit().await;
        Ok(ExitCode::SUCCESS)
    })
}

struct Stdout;

impl WriteFile for Stdout {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        std::io::stdout().write_all(bytes).map_err(StoreError::Io)
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}
