//! `ftpsim ls`: the listing of a directory.

use super::access::{self, Access};
use super::credentials::warn_of_password;
use super::out::{printable_line, stdout};
use super::remote::with_remote;
use super::transfer::{interruptible, runtime};
use super::url::{FtpUrl, TypeCode, UrlParser};
use ftp_endpoint::client::{Entry, EntryKind, Policy};
use ftp_endpoint::store::{StoreError, WriteFile};
use ftp_proto::name;
use ftp_proto::repr::Representation;
use ftp_proto::time::{Timestamp, civil};
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
    /// As JSON: name, kind, size_bytes, modified (UTC) and a link's target of each entry, by MLSD where the
    /// server has it. What is not known is null; lines that are not understood are told on stderr, exit code 1
    #[arg(long, conflicts_with = "names")]
    json: bool,
    #[command(flatten)]
    access: Access,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let url = &args.url;
    warn_of_password(url);
    let names_only = args.names || url.type_code == Some(TypeCode::Directory);
    // Listings are text, and nothing else comes.
    let policy = Policy { representation: Representation::Ascii, pasv_after_epsv: true, ..Policy::default() };
    if args.json {
        return json(url, &args.access, policy);
    }
    let (login, policy) = args.access.secure(url, policy)?;
    let dialogue = Arc::new(args.access.dialogue(url, &login));
    let done = runtime()?.block_on(interruptible(async {
        let server = url.resolve().await?;
        let mut lines = Lines::default();
        let listed = loop {
            let mut session = access::open(server, &login, &policy, dialogue.clone()).await?;
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
    done.map_err(|error| args.access.tls.explained(url, error))
}

fn json(url: &FtpUrl, access: &Access, policy: Policy) -> anyhow::Result<ExitCode> {
    let (entries, missing) =
        with_remote(url, access, policy, async |remote| Ok(remote.list(&url.path).await?.entries))?;
    let mut out = stdout();
    // One by one: a listing may have a million.
    for (at, entry) in entries.iter().enumerate() {
        let text = super::out::json(&Shown::of(entry))?.replace('\n', "\n  ");
        write!(out, "{}\n  {text}", if at == 0 { "[" } else { "," })?;
    }
    writeln!(out, "{}", if entries.is_empty() { "[]" } else { "\n]" })?;
    Ok(ExitCode::from(u8::from(missing > 0)))
}

/// An entry as JSON.
#[derive(serde::Serialize)]
struct Shown<'e> {
    kind: Option<&'static str>,
    modified: Option<String>,
    name: &'e str,
    size_bytes: Option<u64>,
    target: Option<&'e str>,
}

impl<'e> Shown<'e> {
    fn of(entry: &'e Entry) -> Self {
        Self {
            kind: match entry.kind {
                EntryKind::File => Some("file"),
                EntryKind::Directory => Some("directory"),
                EntryKind::Link => Some("link"),
                EntryKind::Special => Some("special"),
                EntryKind::Unknown => None,
            },
            modified: entry.modified.map(iso_timestamp),
            name: &entry.name,
            size_bytes: entry.size_bytes,
            target: entry.target.as_deref(),
        }
    }
}

/// RFC 3339, to the second.
fn iso_timestamp((seconds, _): Timestamp) -> String {
    let (year, month, day, hour, minute, second) = civil(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
