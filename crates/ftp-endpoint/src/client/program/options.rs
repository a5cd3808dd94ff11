//! What a program says of its session.

use crate::client::policy::{Policy, TlsWhen};
use crate::transfer::TlsEnd;
use ftp_proto::mode::{DeflateLevel, Structure, TransmissionMode};
use ftp_proto::repr::Representation;
use std::time::Duration;

/// The session's parameters, the same for all its transfers. The default: MODE S, STRU F, TYPE I and
/// [`Policy`]'s timeouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// MODE (RFC 959 section 3.4). Block and compressed mode keep one data connection for all files.
    pub mode: TransmissionMode,
    /// As [`Policy::deflate_level`].
    pub deflate_level: Option<DeflateLevel>,
    /// STRU (RFC 959 section 3.1.2).
    pub structure: Structure,
    /// TYPE (RFC 959 section 3.1.1).
    pub representation: Representation,
    /// Only a server that announces `DURABLE` in FEAT (our extension) will do: what it answers by 2yz to an
    /// upload or another change survives the loss of power there.
    pub durable: bool,
    /// Whether the session is protected by TLS (RFC 4217); all but [`TlsWhen::Off`] needs [`Login::with_tls`].
    ///
    /// [`Login::with_tls`]: crate::client::Login::with_tls
    pub tls: TlsWhen,
    /// What ends a download of stream mode under TLS.
    pub tls_end: TlsEnd,
    /// Longest wait for a control or data connection to open.
    pub connect_timeout: Duration,
    /// Longest wait for a reply.
    pub reply_timeout: Duration,
    /// Longest silence of a data connection during a transfer.
    pub data_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let Policy {
            mode,
            deflate_level,
            structure,
            representation,
            durable,
            tls,
            tls_end,
            connect_timeout,
            reply_timeout,
            data_timeout,
            ..
        } = Policy::default();
        Self {
            mode,
            deflate_level,
            structure,
            representation,
            durable,
            tls,
            tls_end,
            connect_timeout,
            reply_timeout,
            data_timeout,
        }
    }
}

impl Options {
    pub(super) fn policy(&self) -> Policy {
        Policy {
            mode: self.mode,
            deflate_level: self.deflate_level,
            structure: self.structure,
            representation: self.representation,
            durable: self.durable,
            tls: self.tls,
            tls_end: self.tls_end,
            connect_timeout: self.connect_timeout,
            reply_timeout: self.reply_timeout,
            data_timeout: self.data_timeout,
            pasv_after_epsv: true,
            minds_size: true,
            ..Policy::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_of_its_session_is_what_the_session_goes_by() {
        let said = Options {
            mode: TransmissionMode::Deflate,
            deflate_level: Some(DeflateLevel::MAX),
            structure: Structure::Record,
            representation: Representation::Ebcdic,
            durable: true,
            tls: TlsWhen::Required,
            tls_end: TlsEnd::Lax,
            connect_timeout: Duration::from_secs(1),
            reply_timeout: Duration::from_secs(2),
            data_timeout: Duration::from_secs(3),
        };
        let policy = said.policy();
        assert!(policy.pasv_after_epsv && policy.minds_size);
        let heard = Options {
            mode: policy.mode,
            deflate_level: policy.deflate_level,
            structure: policy.structure,
            representation: policy.representation,
            durable: policy.durable,
            tls: policy.tls,
            tls_end: policy.tls_end,
            connect_timeout: policy.connect_timeout,
            reply_timeout: policy.reply_timeout,
            data_timeout: policy.data_timeout,
        };
        assert_eq!(heard, said);
    }
}
