//! `ftpsim mkdir`: directories at the server.

use super::access::Access;
use super::credentials::warn_of_password;
use super::remote::{Remote, ancestors, with_remote};
use super::url::{FtpUrl, UrlParser};
use ftp_endpoint::client::Policy;
use ftp_proto::name;
use std::ffi::OsString;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER@HOST:PORT/DIRECTORY to make, or in which DIRECTORIES are made
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Directories to make in the URL's
    directories: Vec<OsString>,
    /// Those that they lie in, too; that one is there already is no error
    #[arg(long, short)]
    parents: bool,
    #[command(flatten)]
    access: Access,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    warn_of_password(&args.url);
    let paths: Vec<String> = match &args.directories[..] {
        [] => vec![args.url.path.clone()],
        given => given.iter().map(|directory| args.url.below(&name::from_os(directory))).collect(),
    };
    let policy = Policy { pasv_after_epsv: true, ..Policy::default() };
    let ((), missing) = with_remote(&args.url, &args.access, policy, async |remote| {
        for path in &paths {
            if args.parents {
                let done = with_parents(remote, path).await;
                remote.goes_on(paths.len(), done)?;
            } else if let Err(error) = remote.client().make_dir(path.trim_end_matches('/')).await {
                remote.refused(path, error)?;
            }
        }
        Ok(())
    })?;
    Ok(ExitCode::from(u8::from(missing > 0)))
}

async fn with_parents(remote: &mut Remote, path: &str) -> anyhow::Result<()> {
    for directory in ancestors(path) {
        remote.make_directory(directory).await?;
    }
    Ok(())
}
