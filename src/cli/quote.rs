//! `ftpsim quote`: any command, as it is (RFC 1123 section 4.1.4.2).

use super::access::{self, Access};
use super::credentials::warn_of_password;
use super::dialogue::reply_lines;
use super::out::{printable_line, stdout};
use super::transfer::{interruptible, runtime};
use super::url::{FtpUrl, UrlParser};
use anyhow::Context;
use ftp_endpoint::client::Policy;
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
    #[command(flatten)]
    access: Access,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    warn_of_password(&args.url);
    // Nothing goes before the user's own commands.
    let policy = Policy { representation: Representation::Ascii, ..Policy::default() };
    let (login, policy) = args.access.secure(&args.url, policy)?;
    let dialogue = Arc::new(args.access.dialogue(&args.url, &login));
    let done = runtime()?.block_on(interruptible(async {
        let server = args.url.resolve().await?;
        let mut session = access::open(server, &login, &policy, dialogue).await?;
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
    done.map_err(|error| args.access.tls.explained(&args.url, error))
}

fn code(negative: bool) -> ExitCode {
    if negative { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
