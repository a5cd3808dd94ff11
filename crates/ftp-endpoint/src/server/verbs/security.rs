//! AUTH PBSZ PROT CCC (RFC 2228 section 3, as RFC 4217 has them).

use crate::net::Net;
use crate::server::accounts::Accounts;
use crate::server::negotiated::{Negotiated, Protection};
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use crate::server::tls::{SessionTls, version};
use ftp_proto::command::ProtectionLevel;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::reply::Reply;

impl<N: Net, A: Accounts> Session<N, A> {
    /// The handshake follows the 234. Whatever has come in clear behind AUTH is dropped: it need not be from
    /// who has the keys.
    pub(super) async fn authenticate(&mut self, mechanism: &str) -> Result<Next, Refusal> {
        let config = self.live.current();
        let Some(tls) = &config.tls else { return Err(Refusal::NotImplemented("AUTH")) };
        // RFC 4217 section 4 and appendix A name TLS and TLS-C; SSL is what some clients try first.
        if !["TLS", "TLS-C", "SSL"].iter().any(|known| known.eq_ignore_ascii_case(mechanism)) {
            return Err(Refusal::Parameter(format!("AUTH {mechanism} is not implemented")));
        }
        if self.tls.is_some() {
            return Err(Refusal::Sequence("TLS is on already"));
        }
        // Everything is as after the greeting (RFC 4217 section 4.2).
        self.log_out();
        self.negotiated = Negotiated::default();
        self.data.reset().await;
        self.say(234, "Ready for TLS.");
        self.begin_tls(SessionTls::new(tls)).await?;
        Ok(Next::Said)
    }

    /// The handshake of the control connection.
    pub(in crate::server) async fn begin_tls(&mut self, tls: SessionTls) -> Result<(), Refusal> {
        let secured = self.control.secure(tls.control.clone(), self.config.timeouts.login).await;
        if let Err(error) = secured {
            tracing::warn!(session = self.number, peer = %self.peer, %error, "TLS handshake failed");
            return Err(Refusal::ControlLost(error));
        }
        tracing::info!(
            session = self.number,
            peer = %self.peer,
            tls_version = self.tls_version(),
            "under TLS"
        );
        self.tls = Some(tls);
        Ok(())
    }

    /// TLS has no buffers of its own: the answer is 0 (RFC 4217 section 9).
    pub(super) fn protection_buffer(&mut self) -> Result<Reply, Refusal> {
        if self.tls.is_none() {
            return Err(Refusal::Sequence("send AUTH TLS first"));
        }
        if self.negotiated.protection == Protection::Unsaid {
            self.negotiated.protection = Protection::Clear;
        }
        Ok(Reply::new(200, "PBSZ=0"))
    }

    /// A connection of another protection is not the one that is asked for: the one kept is closed.
    pub(super) async fn protect(&mut self, level: ProtectionLevel) -> Result<Reply, Refusal> {
        let Some(tls) = &self.tls else { return Err(Refusal::Sequence("send AUTH TLS first")) };
        if self.negotiated.protection == Protection::Unsaid {
            return Err(Refusal::Sequence("send PBSZ first"));
        }
        let protection = match level {
            ProtectionLevel::Private => Protection::Private,
            ProtectionLevel::Clear if self.config.demands_tls() => {
                return Err(Refusal::Policy("data connections have to be protected"));
            }
            ProtectionLevel::Clear => Protection::Clear,
            ProtectionLevel::Safe | ProtectionLevel::Confidential => return Err(Refusal::Protection),
        };
        let data = (protection == Protection::Private).then(|| tls.data());
        self.negotiated.protection = protection;
        self.data.protect(data).await;
        Ok(Reply::new(200, format!("Protection set to {}.", level.letter())))
    }

    /// 521 before anything else is said of a transfer (RFC 4217 section 10.2).
    pub(in crate::server) fn may_move_data(&self) -> Result<(), Refusal> {
        let unprotected = self.config.demands_tls() && self.negotiated.protection != Protection::Private;
        match unprotected && !mutant::is(Mutant::ClearDataGranted) {
            true => Err(Refusal::Unprotected),
            false => Ok(()),
        }
    }

    /// No password is asked for in clear where TLS is demanded.
    pub(in crate::server) fn may_log_in(&self) -> Result<(), Refusal> {
        if self.live.current().demands_tls() && self.tls.is_none() { Err(Refusal::TlsFirst) } else { Ok(()) }
    }

    /// Whether the control connection is under TLS.
    pub(in crate::server) fn is_under_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Of the control connection, for logs.
    pub(super) fn tls_version(&self) -> Option<&'static str> {
        version(self.control.channel())
    }

    /// What TLS there is, for STAT.
    pub(super) fn security(&self) -> String {
        match (self.tls_version(), self.negotiated.protection) {
            (Some(version), Protection::Private) => format!("{version}, data protected"),
            (Some(version), _) => format!("{version}, data in clear"),
            (None, _) => "clear".to_owned(),
        }
    }
}
