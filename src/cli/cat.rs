//! `ftpsim cat`, `put -` and `get -o -`: files from stdin and to stdout.

use super::access::{self, Access};
use super::credentials::warn_of_password;
use super::out::{printable_line, tell};
use super::remote::{name_of, wanted};
use super::signals::asked_to_end;
use super::transfer::{BREAK_OFF_LIMIT, MODES, TYPES, TransferArgs, choice, interruptible, runtime};
use super::url::{FtpUrl, UrlParser};
use anyhow::ensure;
use ftp_endpoint::client::{Client, ClientError, Login, Policy, Verify};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::repr::Representation;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER@HOST:PORT/PATH of a file, or of the directory that FILES lie in
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Files in the URL's directory, by their names
    files: Vec<OsString>,
    /// Transmission mode (RFC 959 section 3.4; deflate: MODE Z)
    #[arg(long, default_value = "stream", value_parser = choice(&MODES))]
    mode: TransmissionMode,
    /// Representation type: i(mage), a(scii), e(bcdic) or l8 (local, 8 bits)
    #[arg(long = "type", default_value = "i", value_parser = choice(&TYPES))]
    representation: Representation,
    #[command(flatten)]
    access: Access,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    warn_of_password(&args.url);
    let files = wanted(&args.url, &args.files)?;
    let files: Vec<String> = files.into_iter().map(|(path, _)| path).collect();
    let policy = Policy {
        mode: args.mode,
        representation: args.representation,
        pasv_after_epsv: true,
        ..Policy::default()
    };
    write_out(&args.url, &args.access, &[], &policy, &files)
}

/// Of a file that the server's SIZE has another number of bytes for, what has come is written all the same: it
/// cannot be taken back.
pub(super) fn write_out(
    url: &FtpUrl,
    access: &Access,
    quoted: &[String],
    policy: &Policy,
    files: &[String],
) -> anyhow::Result<ExitCode> {
    in_session(url, (access, quoted), policy, async |client| {
        for (at, path) in files.iter().enumerate() {
            let written = write_one(client, policy, path).await;
            if written.as_ref().is_err_and(|error| !matches!(error, ClientError::Cancelled)) {
                // Behind what is missing they would be taken for what follows it.
                for left in &files[at + 1..] {
                    let (left, path) = (printable_line(left), printable_line(path));
                    tell(format_args!("{left}: not written, as {path} before it is not"));
                }
            }
            written?;
        }
        Ok(())
    })
}

async fn write_one(client: &mut Client<RealNet>, policy: &Policy, path: &str) -> Result<(), ClientError> {
    let server_bytes = size_bytes(client, policy, path).await?;
    let moved_bytes = client.fetch(path, tokio::io::stdout()).await?;
    as_large(server_bytes, moved_bytes)
}

/// Uploads all that stdin gives as the file that the URL names.
pub(super) fn read_in(url: &FtpUrl, args: &TransferArgs, policy: &Policy) -> anyhow::Result<ExitCode> {
    ensure!(
        !matches!(name_of(&url.path), "" | "." | ".."),
        "- is stdin: the URL is to name the file that it becomes"
    );
    in_session(url, (&args.access, &args.quote), policy, async |client| {
        let moved_bytes = client.store(&url.path, tokio::io::stdin()).await?;
        as_large(size_bytes(client, policy, &url.path).await?, moved_bytes)
    })
}

fn as_large(server_bytes: Option<u64>, moved_bytes: u64) -> Result<(), ClientError> {
    match server_bytes {
        Some(server_bytes) if server_bytes != moved_bytes => {
            Err(ClientError::SizeMismatch { server_bytes, moved_bytes })
        }
        _ => Ok(()),
    }
}

/// SIZE, where the server has it and it counts what is transferred.
async fn size_bytes(
    client: &mut Client<RealNet>,
    policy: &Policy,
    path: &str,
) -> Result<Option<u64>, ClientError> {
    let counts = policy.representation == Representation::Image && policy.structure == Structure::File;
    if policy.verify == Verify::Size {
        // Asked for: then a server that cannot tell is a failure.
        return client.size(path).await.map(Some);
    }
    if !counts || !client.session().announces("SIZE").await? {
        return Ok(None);
    }
    match client.size(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ClientError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An interruption breaks off what is under way so that nobody takes it for the end of a file.
fn in_session(
    url: &FtpUrl,
    (access, quoted): (&Access, &[String]),
    policy: &Policy,
    work: impl AsyncFnOnce(&mut Client<RealNet>) -> Result<(), ClientError>,
) -> anyhow::Result<ExitCode> {
    let (login, policy) = access.secure(url, policy.clone())?;
    let login = Login { quoted: quoted.to_vec(), ..login };
    let dialogue = Arc::new(access.dialogue(url, &login));
    let runtime = runtime()?;
    let server = runtime.block_on(interruptible(url.resolve()))?;
    let cancel = CancellationToken::new();
    let done = runtime.block_on(async {
        let session = async {
            let opened = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(ClientError::Cancelled),
                opened = access::open(server, &login, &policy, dialogue) => opened?,
            };
            let mut client = Client::from(opened).cancel_by(cancel.clone());
            let done = work(&mut client).await;
            client.quit().await;
            done
        };
        let mut session = std::pin::pin!(session);
        tokio::select! {
            biased;
            done = &mut session => Ok(done),
            asked = asked_to_end() => {
                cancel.cancel();
                let net = RealNet::new();
                tokio::select! {
                    biased;
                    _ = session => {}
                    () = net.sleep(BREAK_OFF_LIMIT) => {}
                }
                Err(asked)
            }
        }
    });
    // A read of stdin may go on for ever.
    runtime.shutdown_background();
    match done {
        Ok(done) => done.map(|()| ExitCode::SUCCESS).map_err(|error| access.tls.explained(url, error.into())),
        Err(asked) => {
            tell("interrupted");
            Ok(ExitCode::from(asked.code()))
        }
    }
}
