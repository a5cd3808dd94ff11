//! `ftpsim mv`: other names at the server (RNFR and RNTO, RFC 959 section 4.1.3).

use super::access::Access;
use super::credentials::warn_of_password;
use super::remote::{join, name_of, with_remote};
use super::url::{FtpUrl, UrlParser};
use anyhow::ensure;
use ftp_endpoint::client::Policy;
use ftp_proto::name;
use std::ffi::OsString;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER@HOST:PORT/DIRECTORY that the names are in
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Files or directories
    #[arg(required = true)]
    from: Vec<OsString>,
    /// The new name, or a directory that is there already, to which they move. Most servers replace a file
    /// of that name
    #[arg(required = true)]
    to: OsString,
    #[command(flatten)]
    access: Access,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    warn_of_password(&args.url);
    let from: Vec<String> = args.from.iter().map(|from| args.url.below(&name::from_os(from))).collect();
    let to = args.url.below(&name::from_os(&args.to));
    let policy = Policy { pasv_after_epsv: true, ..Policy::default() };
    let ((), missing) = with_remote(&args.url, &args.access, policy, async |remote| {
        let is_directory = remote.is_directory(&to).await?;
        ensure!(
            is_directory || from.len() == 1,
            "{to} is no directory at the server; several files need one"
        );
        for from in &from {
            let from = from.trim_end_matches('/');
            let to = if is_directory { join(&to, name_of(from)) } else { to.clone() };
            if let Err(error) = remote.client().rename(from, &to).await {
                remote.refused(from, error)?;
            }
        }
        Ok(())
    })?;
    Ok(ExitCode::from(u8::from(missing > 0)))
}
