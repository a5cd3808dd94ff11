//! TLS on a session (RFC 4217): AUTH before the login, PBSZ and PROT after it.

use super::Session;
use crate::client::error::ClientError;
use crate::client::policy::{Login, TlsWhen};
use crate::client::tls::{ClientTls, SessionTls};
use crate::net::Net;
use crate::transfer::DataConnection;
use ftp_proto::command::{Command, ProtectionLevel};

impl<N: Net> Session<N> {
    /// The greeting, and TLS before or after it, where it is to be.
    pub(super) async fn greeted(&mut self, login: &Login) -> Result<(), ClientError> {
        let when = self.policy.tls;
        if when == TlsWhen::Off {
            return self.greeting().await;
        }
        let tls = login.tls.as_ref().ok_or(ClientError::TlsUnknown)?;
        if when == TlsWhen::Implicit {
            self.begin_tls(tls).await?;
            return self.greeting().await;
        }
        self.greeting().await?;
        if when == TlsWhen::Auto && !self.may_offer_tls().await? {
            return Ok(());
        }
        let reply = self.control.command(&Command::Auth("TLS".to_owned())).await?;
        if reply.code == 234 {
            return self.begin_tls(tls).await;
        }
        // FEAT names it at pure-ftpd that has no certificate, too.
        if when == TlsWhen::Auto { Ok(()) } else { Err(ClientError::TlsRefused(reply)) }
    }

    /// Whether FEAT names AUTH with TLS among its mechanisms, or is not for those who have not logged in.
    async fn may_offer_tls(&mut self) -> Result<bool, ClientError> {
        let names = |line: &String| {
            let line = line.to_ascii_uppercase();
            line.strip_prefix("AUTH").is_some_and(|mechanisms| mechanisms.contains("TLS"))
        };
        let features = self.features().await?;
        let offered = features.is_empty() || features.iter().any(names);
        // Who has logged in may be told more.
        self.features = None;
        Ok(offered)
    }

    async fn begin_tls(&mut self, tls: &ClientTls) -> Result<(), ClientError> {
        let own = tls.session();
        self.control.secure(own.config.clone(), own.name()).await?;
        // What was told in clear may have been told by anybody.
        self.features = None;
        self.tls = Some(own);
        Ok(())
    }

    /// PBSZ and PROT P: data connections are protected whenever the control connection is.
    pub(super) async fn protect_data(&mut self) -> Result<(), ClientError> {
        if self.tls.is_none() {
            return Ok(());
        }
        for command in [Command::Pbsz(0), Command::Prot(ProtectionLevel::Private)] {
            let reply = self.control.command(&command).await?;
            if !reply.is_completion() {
                return Err(ClientError::TlsRefused(reply));
            }
        }
        Ok(())
    }

    pub(super) fn secure(&self, data: &mut DataConnection<N>) {
        if let Some(tls) = &self.tls {
            let certificates = self.control.agreed().and_then(|agreed| agreed.peer_certificates());
            let certificate = certificates.and_then(|chain| chain.first());
            let read_out = self.policy.tls_lingers && !data.outlives_file();
            data.secure_first(tls.handshake(certificate.map(|it| it.clone().into_owned()), read_out));
            data.end_by(self.policy.tls_end);
        }
    }

    /// Whether another session may do what this one could not by `error`: the server demands that each data
    /// connection resumes a TLS session (it has said 425 or 522), and has given too few tickets for that.
    /// Opened with the same [`Login`], it has TLS 1.2, under which one session is resumed without end.
    pub fn another_may_do_better(&self, error: &ClientError) -> bool {
        let refused = matches!(error.reply(), Some(reply) if matches!(reply.code, 425 | 522));
        let version = self.tls().and_then(rustls::CommonState::protocol_version);
        refused
            && version == Some(rustls::ProtocolVersion::TLSv1_3)
            && self.tls.as_ref().is_some_and(SessionTls::prefer_older)
    }

    /// What the control connection's TLS has agreed on; none without TLS.
    pub fn tls(&self) -> Option<&rustls::CommonState> {
        self.control.agreed()
    }
}
