//! TLS at the client (RFC 4217): whom it trusts, and what a session has of it.

mod trust;

use crate::transfer::Handshake;
use rustls::client::{Resumption, TicketRequest};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, SupportedProtocolVersion};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
pub(super) use trust::untrusted;
pub use trust::{Trust, fingerprint};

/// TLS 1.3 tickets kept for one control session: rustls uses each once (RFC 8446 appendix C.4).
const MAX_TICKETS: usize = 32;
/// What a data connection that is read to its end asks for (RFC 9149): the ticket by which the next one is to
/// resume. Servers that know of this send it on uploads, too, where they cannot send one unasked: who closes with
/// it unread has its kernel send RST.
const ONE_TICKET: TicketRequest = TicketRequest { new_session_count: 1, resumption_count: 1 };

/// TLS with one server. Clones share what has been learnt of it.
///
/// ```
/// use ftp_endpoint::client::{ClientTls, Login, Options, TlsWhen, Trust};
/// use std::sync::Arc;
///
/// // Or Trust::Roots, with those of the rustls-native-certs crate, say.
/// let trust = Trust::Pinned([0x5b; 32]);
/// let provider = Arc::new(rustls::crypto::ring::default_provider());
/// let tls = ClientTls::new(provider, rustls::ALL_VERSIONS, &trust, "ftp.example.org".try_into()?)?;
/// // For Client::connect, and for deliveries, where the same stands in the policy.
/// let login = Login::new("me", "secret").with_tls(tls);
/// let options = Options { tls: TlsWhen::Required, ..Options::default() };
/// # let _ = (login, options);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    /// TLS 1.2 alone.
    older: Option<Arc<ClientConfig>>,
    name: ServerName<'static>,
    /// The server wants each data connection to resume, and gives too few tickets for that: under TLS 1.2 one
    /// session is resumed without end.
    prefers_older: Arc<AtomicBool>,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config) && self.name == other.name
    }
}

impl Eq for ClientTls {}

impl ClientTls {
    /// With the server of this name (sent as SNI, unless it is an address), by `provider`'s cryptography;
    /// `versions` is some of [`rustls::ALL_VERSIONS`].
    pub fn new(
        provider: Arc<CryptoProvider>,
        versions: &[&'static SupportedProtocolVersion],
        trust: &Trust,
        name: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        let config = |versions: &[&'static SupportedProtocolVersion]| {
            let builder =
                ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
            let verifier = trust.verifier(&provider)?;
            let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
            Ok::<_, rustls::Error>(builder.with_no_client_auth())
        };
        let older = match versions {
            [_, _, ..] => Some(config(&[&rustls::version::TLS12])?),
            _ => None,
        };
        Ok(Self::of(config(versions)?, older, name))
    }

    /// The same, with whatever else `config` says; `older` is for servers under whose TLS 1.3 there are too
    /// few tickets.
    pub fn of(config: ClientConfig, older: Option<ClientConfig>, name: ServerName<'static>) -> Self {
        let (config, older) = (Arc::new(config), older.map(Arc::new));
        Self { config, older, name, prefers_older: Arc::default() }
    }

    /// For who does the handshakes himself: a configuration and the server's name; with `older` TLS 1.2 alone,
    /// if it is among the versions. What is learnt of the server (tickets) is shared by all connections that use
    /// this configuration.
    pub fn parts(&self, older: bool) -> (Arc<ClientConfig>, ServerName<'static>) {
        let config = self.older.as_ref().filter(|_| older).unwrap_or(&self.config);
        (config.clone(), self.name.clone())
    }

    /// For one session: what its data connections resume is its own control connection's.
    pub(super) fn session(&self) -> SessionTls {
        let preferred = match &self.older {
            Some(older) if self.prefers_older.load(Ordering::Relaxed) => older,
            _ => &self.config,
        };
        let mut config = (**preferred).clone();
        config.resumption = Resumption::in_memory_sessions(MAX_TICKETS);
        let mut asking = config.clone();
        asking.send_ticket_request = Some(ONE_TICKET);
        SessionTls { config: Arc::new(config), asking: Arc::new(asking), of: self.clone() }
    }
}

/// TLS as one session has it.
pub(super) struct SessionTls {
    pub(super) config: Arc<ClientConfig>,
    /// The same, for data connections that are read to their end.
    asking: Arc<ClientConfig>,
    of: ClientTls,
}

impl SessionTls {
    pub(super) fn name(&self) -> ServerName<'static> {
        self.of.name.clone()
    }

    /// The server has refused a data connection that resumed nothing, under TLS 1.3: whether sessions to come
    /// will do better.
    pub(super) fn prefer_older(&self) -> bool {
        if self.of.older.is_some() {
            self.of.prefers_older.store(true, Ordering::Relaxed);
        }
        self.of.older.is_some()
    }

    /// For a data connection, which has to be with whom the control connection is (RFC 4217 section 10.2).
    /// `read_out`: it is read to its end before it is closed.
    pub(super) fn handshake(
        &self,
        certificate: Option<CertificateDer<'static>>,
        read_out: bool,
    ) -> Handshake {
        let config = if read_out { &self.asking } else { &self.config };
        Handshake { config: config.clone(), name: self.name(), certificate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clones share what has been learnt of a server; what else has the same name may trust somebody else.
    #[test]
    fn only_clones_are_the_same() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let of = |name: &'static str| {
            let name = name.try_into().unwrap();
            ClientTls::new(provider.clone(), rustls::ALL_VERSIONS, &Trust::Anybody, name).unwrap()
        };
        let tls = of("ftp.example.org");
        assert!(tls == tls.clone());
        assert!(tls != of("ftp.example.org"));
        let elsewhere = ClientTls { name: "ftp.example.com".try_into().unwrap(), ..tls.clone() };
        assert!(tls != elsewhere);
    }
}
