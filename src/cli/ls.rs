//! `ftpsim ls`: the listing of a directory.

use super::dialogue::Dialogue;
use super::out::{printable_line, stdout};
use super::tls::TlsArgs;
use super::transfer::{interruptible, runtime, warn_of_password};
use super::url::{FtpUrl, TypeCode, UrlParser};
use ftp_endpoint::client::{Policy, Session};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::{Watch, Who};
use ftp_endpoint::store::{StoreError, WriteFile};
use ftp_proto::name;
use ftp_proto::repr::Representation;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER:PASSWORD@HOST:PORT/DIRECTORY; with ;type=d at its end names only
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Names only (NLST)
    #[arg(long, short = '1')]
    names: bool,
    /// Show the dialogue with the server, and what TLS has agreed on, on stderr
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    tls: TlsArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let url = &args.url;
    warn_of_password(url);
    let names_only = args.names || url.type_code == Some(TypeCode::Directory);
    // Listings are text, and nothing else comes.
    let policy = Policy { representation: Representation::Ascii, pasv_after_epsv: true, ..Policy::default() };
    let (login, policy) = args.tls.secure(url, policy)?;
    let dialogue = Arc::new(Dialogue::new(args.verbose, args.tls.warns(url)));
    let done = runtime()?.block_on(interruptible(async {
        let server = url.resolve().await?;
        let mut lines = Lines::default();
        let listed = loop {
            let watch = || Watch::new(dialogue.clone(), Who::Client, 1);
            let mut session = Session::open(RealNet::new(), server, &login, &policy, watch).await?;
            let listed = session.list_text(&url.path, names_only, &mut lines).await;
            // Once: then it is under TLS 1.2, which no other does better than.
            let again = matches!(&listed, Err(error) if session.another_may_do_better(error));
            session.quit().await;
            if !again {
                break listed;
            }
        };
        lines.end();
        match lines.failed {
            Some(error) => Err(error.into()),
            None => Ok(listed.map(|()| ExitCode::SUCCESS)?),
        }
    }));
    done.map_err(|error| args.tls.explained(url, error))
}

/// Longer ones are written in parts.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// To stdout, line by line.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    failed: Option<io::Error>,
}

impl Lines {
    fn put(&mut self, end: &str) -> Result<(), StoreError> {
        let line = name::decode(self.line.strip_suffix(b"\r").unwrap_or(&self.line)).into_owned();
        self.line.clear();
        write!(stdout(), "{}{end}", printable_line(&line)).map_err(|error| {
            self.failed = Some(error);
            StoreError::Io(io::ErrorKind::Other.into())
        })
    }

    fn end(&mut self) {
        if !self.line.is_empty() && self.failed.is_none() {
            let _ = self.put("\n");
        }
    }
}

impl WriteFile for Lines {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, end) = piece.strip_suffix(b"\n").map_or((piece, ""), |text| (text, "\n"));
            self.line.extend_from_slice(text);
            if !end.is_empty() || self.line.len() > MAX_LINE_BYTES {
                self.put(end)?;
            }
        }
        Ok(())
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}
