//! `ftpsim quote`: any command, as it is (RFC 1123 section 4.1.4.2).

use super::dialogue::{Dialogue, reply_lines};
use super::out::{printable_line, stdout};
use super::tls::TlsArgs;
use super::transfer::{interruptible, runtime, warn_of_password};
use super::url::{FtpUrl, UrlParser};
use anyhow::Context;
use ftp_endpoint::client::{Policy, Session};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::{Watch, Who};
use ftp_proto::repr::Representation;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER:PASSWORD@HOST:PORT
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Commands, each one argument; without any, lines of stdin. Each is sent at once, before the
    /// next is read. Exit code 1 when a reply is negative
    commands: Vec<String>,
    /// Show the login, too, on stderr
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    tls: TlsArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    warn_of_password(&args.url);
    // Nothing goes before the user's own commands.
    let policy = Policy { representation: Representation::Ascii, ..Policy::default() };
    let (login, policy) = args.tls.secure(&args.url, policy)?;
    let dialogue = Arc::new(Dialogue::new(args.verbose, args.tls.warns(&args.url)));
    let done = runtime()?.block_on(interruptible(async {
        let server = args.url.resolve().await?;
        let watch = || Watch::new(dialogue, Who::Client, 1);
        let mut session = Session::open(RealNet::new(), server, &login, &policy, watch).await?;
        let mut negative = false;
        let typed = std::io::stdin().lock().lines().map(|line| line.context("cannot read stdin"));
        let given = args.commands.iter().cloned().map(Ok);
        let lines: Box<dyn Iterator<Item = anyhow::Result<String>>> =
            if args.commands.is_empty() { Box::new(typed) } else { Box::new(given) };
        for line in lines {
            for reply in session.quote(&line?).await? {
                negative |= reply.code >= 400;
                for line in reply_lines(reply.code, &reply.text()).split('\n') {
                    writeln!(stdout(), "{}", printable_line(line))?;
                }
            }
            if !session.is_usable().await {
                // QUIT, most likely.
                return Ok(code(negative));
            }
        }
        session.quit().await;
        Ok(code(negative))
    }));
    done.map_err(|error| args.tls.explained(&args.url, error))
}

fn code(negative: bool) -> ExitCode {
    if negative { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
