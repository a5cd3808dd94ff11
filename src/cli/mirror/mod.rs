//! `ftpsim mirror`: one directory tree becomes like another, of which one is at a server.

mod apply;
mod beside;
mod delete;
mod filter;
mod gone;
mod here;
mod plan;
mod survey;
mod there;
mod times;
mod told;
mod tree;

use super::transfer::{PUBLISH, TransferArgs, choice};
use super::url::FtpUrl;
use anyhow::{Context, bail, ensure};
use filter::Filter;
use ftp_endpoint::client::{Direction, Publish};
use ftp_proto::mode::Structure;
use ftp_proto::repr::Representation;
pub(super) use here::whole_seconds;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
pub(super) use told::directories;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The directory that is copied: a local one, or ftp[s]://USER@HOST:PORT/DIRECTORY. It is not changed
    #[arg(value_name = "SRC")]
    source: OsString,
    /// The directory that becomes like it; one of the two is a URL. What is in SRC comes to be in DST,
    /// which is made if it is not there
    #[arg(value_name = "DST")]
    target: OsString,
    /// Delete in DST what is not in SRC. Nothing is deleted if anything has gone wrong before (a directory
    /// could not be listed, a line not understood, a file not sent), if SRC is empty, or outside of DST
    #[arg(long)]
    delete: bool,
    /// Delete nothing if it would be more than N files and directories
    #[arg(long, value_name = "N", requires = "delete")]
    max_delete: Option<u64>,
    /// Only say what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Files of the same size are unchanged if their SHA-256 is the same, by HASH at the server. Without it,
    /// if their times are the same in whole seconds, which are set at the copy; at a server that cannot set
    /// times (no MFMT), if the copy is not older
    #[arg(long, conflicts_with = "size_only")]
    checksum: bool,
    /// Files of the same size are unchanged
    #[arg(long)]
    size_only: bool,
    #[command(flatten)]
    filter: Filter,
    /// The name of an upload while it is under way: its own, or .NAME.part, renamed when the file is whole
    #[arg(long, default_value = "direct", value_parser = choice(&PUBLISH))]
    publish: Publish,
    /// A file is delivered when it survives the loss of power where it goes: see put and get
    #[arg(long)]
    durable: bool,
    #[command(flatten)]
    transfer: TransferArgs,
}

/// Between what a mirror goes.
struct Ends {
    direction: Direction,
    url: FtpUrl,
    /// The directory at the server, as commands name it.
    base: String,
    local: PathBuf,
}

impl Ends {
    fn of(args: &Args) -> anyhow::Result<Self> {
        let is_url = |text: &OsStr| text.to_string_lossy().contains("://");
        let (direction, url, local) = match (is_url(&args.source), is_url(&args.target)) {
            (false, true) => (Direction::Put, &args.target, &args.source),
            (true, false) => (Direction::Get, &args.source, &args.target),
            _ => bail!(
                "one of SRC and DST is to be a URL, ftp://USER@HOST/DIRECTORY, and the other a local directory"
            ),
        };
        let url: FtpUrl = url.to_str().context("the URL is no text")?.parse().context("the URL is wrong")?;
        let trimmed = url.path.trim_end_matches('/');
        let base = if trimmed.is_empty() { url.path.clone() } else { trimmed.to_owned() };
        Ok(Self { direction, base, local: PathBuf::from(local), url })
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let ends = Ends::of(args)?;
    args.transfer.warn_of_password(&ends.url);
    let is_as_stored =
        matches!(args.transfer.representation(&ends.url)?, Representation::Image | Representation::Local8)
            && args.transfer.structure == Structure::File;
    ensure!(
        is_as_stored,
        "a mirror compares sizes, which are others in text types and records: it is for --type i (or l8) and \
         --structure file; put -r and get -r transfer the others"
    );
    match ends.direction {
        Direction::Put => apply::upload(args, &ends),
        Direction::Get => apply::download(args, &ends),
    }
}
