//! What every command that talks to a server has: how to log in, TLS, the dialogue to look at.

use super::credentials::Credentials;
use super::dialogue::Dialogue;
use super::tls::TlsArgs;
use super::url::FtpUrl;
use clap::Args;
use ftp_endpoint::client::{ClientError, Login, Policy, Session};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::{Watch, Who};
use std::net::SocketAddr;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Access {
    /// Show the dialogue with the server, and what TLS has agreed on, on stderr
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    pub tls: TlsArgs,
}

impl Access {
    /// A login that knows the server by its certificate, and `policy` with what is to be of TLS.
    pub(super) fn secure(&self, url: &FtpUrl, policy: Policy) -> anyhow::Result<(Login, Policy)> {
        self.tls.secure(url, self.credentials.login(url)?, policy)
    }

    pub(super) fn dialogue(&self, url: &FtpUrl, login: &Login) -> Dialogue {
        Dialogue::new(self.verbose, self.tls.warns(url, login))
    }
}

/// A session whose dialogue is shown.
pub(super) async fn open(
    server: SocketAddr,
    login: &Login,
    policy: &Policy,
    dialogue: Arc<Dialogue>,
) -> Result<Session<RealNet>, ClientError> {
    Session::open(RealNet::new(), server, login, policy, || Watch::new(dialogue, Who::Client, 1)).await
}
