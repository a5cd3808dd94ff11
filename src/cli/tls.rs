//! TLS of whoever talks to a server (RFC 4217): whether it is to be, and by what the server is known.

use super::credentials::is_anonymous;
use super::out::{message, tell};
use super::transfer::choice;
use super::url::FtpUrl;
use crate::check::server::Tls;
use anyhow::{Context, bail, ensure};
use clap::Args;
use ftp_endpoint::client::{ClientError, ClientTls, FailureKind, Fingerprint, Login, Policy, TlsWhen, Trust};
use ftp_endpoint::transfer::TlsEnd;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{RootCertStore, SupportedProtocolVersion};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

#[derive(Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsArgs {
    /// With ftp:// URLs: TLS by AUTH where the server offers it (auto), always or never. ftps:// is always
    /// under TLS, from the first byte
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = choice(&WHEN))]
    tls: TlsWhen,
    /// Take certificates that those in this file (PEM) vouch for, instead of the system's authorities
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tls_pin", "tls_insecure"])]
    tls_ca: Option<PathBuf>,
    /// Take the certificate of this SHA-256 only, whoever made it, whatever its name and dates: 64
    /// hexadecimal digits, with colons or without
    #[arg(long, value_name = "SHA256", conflicts_with = "tls_insecure")]
    tls_pin: Option<Fingerprint>,
    /// Take any certificate: whoever is on the path may be taken for the server
    #[arg(long)]
    tls_insecure: bool,
    /// What ends a download of stream mode: TLS's close_notify alone (strict), or any end of the connection if
    /// SIZE tells that all has come (lax), for servers that leave close_notify out
    #[arg(long, value_name = "END", default_value = "strict", value_parser = choice(&TLS_ENDS))]
    pub tls_end: TlsEnd,
    /// Newest version of TLS, for servers that do not get along with 1.3
    #[arg(long, value_name = "VERSION", default_value = "1.3", value_parser = choice(&VERSIONS))]
    tls_max: Versions,
    /// One for all sessions, so that they share what has been learnt of the server.
    #[arg(skip)]
    client: OnceLock<ClientTls>,
}

type Versions = &'static [&'static SupportedProtocolVersion];

const WHEN: [(&str, TlsWhen); 3] =
    [("auto", TlsWhen::Auto), ("required", TlsWhen::Required), ("off", TlsWhen::Off)];
/// Those that a user may choose.
pub(super) const TLS_ENDS: [(&str, TlsEnd); 2] = [("strict", TlsEnd::Strict), ("lax", TlsEnd::Lax)];
const TLS12: Versions = &[&rustls::version::TLS12];
const TLS13: Versions = &[&rustls::version::TLS13, &rustls::version::TLS12];
const VERSIONS: [(&str, Versions); 2] = [("1.2", TLS12), ("1.3", TLS13)];

impl TlsArgs {
    pub(super) fn when(&self, url: &FtpUrl) -> anyhow::Result<TlsWhen> {
        match self.tls {
            TlsWhen::Off if url.implicit_tls => {
                bail!("ftps:// is always under TLS; without it, it is ftp://")
            }
            _ if url.implicit_tls => Ok(TlsWhen::Implicit),
            when => Ok(when),
        }
    }

    /// Whether somebody's password may go in clear without having been told to.
    pub(super) fn warns(&self, url: &FtpUrl, login: &Login) -> bool {
        self.tls == TlsWhen::Auto && !url.implicit_tls && !is_anonymous(&login.user)
    }

    /// `login`, knowing the server by its certificate, and `policy` with what is to be of TLS.
    pub(super) fn secure(
        &self,
        url: &FtpUrl,
        login: Login,
        policy: Policy,
    ) -> anyhow::Result<(Login, Policy)> {
        let tls = self.when(url)?;
        let known = if tls == TlsWhen::Off { None } else { Some(self.client(url)?) };
        let login = Login { tls: known, ..login };
        Ok((login, Policy { tls, tls_end: self.tls_end, ..policy }))
    }

    /// The options by which the server is known, as they would be typed, each behind a blank.
    pub(super) fn typed(&self) -> String {
        let mut text = String::new();
        if let Some(file) = &self.tls_ca {
            let file = file.display().to_string();
            text += &format!(
                " --tls-ca {}",
                shlex::try_quote(&file).map_or(file.clone(), |file| file.into_owned())
            );
        }
        if let Some(pin) = self.tls_pin {
            text += &format!(" --tls-pin {pin}");
        }
        if self.tls_insecure {
            text += " --tls-insecure";
        }
        if self.tls_end == TlsEnd::Lax {
            text += " --tls-end lax";
        }
        if self.tls_max.len() == 1 {
            text += " --tls-max 1.2";
        }
        text
    }

    /// For who does the handshakes himself; none where TLS is off.
    pub(super) fn connector(&self, url: &FtpUrl, older: bool) -> anyhow::Result<Option<Tls>> {
        let when = self.when(url)?;
        if when == TlsWhen::Off {
            return Ok(None);
        }
        let (config, name) = self.client(url)?.parts(older);
        Ok(Some(Tls { config, name, implicit: when == TlsWhen::Implicit }))
    }

    fn client(&self, url: &FtpUrl) -> anyhow::Result<ClientTls> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        // A link-local address's interface is of this end only.
        let host = url.host.split('%').next().unwrap_or_default();
        let name = ServerName::try_from(host.to_owned())
            .with_context(|| format!("no certificate can be for {host:?}; --tls off goes on without TLS"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientTls::new(provider, self.tls_max, &self.trust()?, name)?;
        if self.tls_insecure {
            tell("warning: --tls-insecure: whoever is on the path may be taken for the server");
        }
        Ok(self.client.get_or_init(|| client).clone())
    }

    fn trust(&self) -> anyhow::Result<Trust> {
        Ok(match (&self.tls_ca, self.tls_pin) {
            (Some(file), _) => {
                Trust::Roots(roots_of(file).with_context(|| format!("--tls-ca {}", file.display()))?)
            }
            (None, Some(Fingerprint(pin))) => Trust::Pinned(pin),
            (None, None) if self.tls_insecure => Trust::Anybody,
            (None, None) => Trust::RootsLater(roots_of_system),
        })
    }

    /// What to do about a failure, where these options have to do with it.
    pub(super) fn remedy(&self, url: &FtpUrl, kind: FailureKind) -> Option<&'static str> {
        Some(match kind {
            FailureKind::Untrusted if self.tls_pin.is_some() => {
                "ask whoever runs the server whether it has a new certificate, and pin that by --tls-pin"
            }
            FailureKind::Untrusted => {
                "if whoever runs the server says that this is its certificate, take it by --tls-pin SHA256; \
                 --tls-ca FILE names other authorities than the system's (Debian has them in ca-certificates)"
            }
            FailureKind::TlsRefused => {
                "--tls off goes on without TLS: whoever is on the path can read and change all, and read \
                 the password"
            }
            FailureKind::Tls if url.implicit_tls => {
                "ftps:// is TLS from the first byte, as on port 990; with a server that begins in clear, as \
                 on port 21, it is ftp:// with --tls required"
            }
            _ => return None,
        })
    }

    /// The error, with what to do about it.
    pub(super) fn explained(&self, url: &FtpUrl, error: anyhow::Error) -> anyhow::Error {
        let client = error.chain().find_map(|cause| cause.downcast_ref::<ClientError>());
        match client.and_then(|client| self.remedy(url, client.kind())) {
            Some(remedy) => {
                let said = message(&error);
                error.context(format!("{said}; {remedy}"))
            }
            None => error,
        }
    }
}

fn roots_of(file: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file)? {
        roots.add(certificate?)?;
    }
    ensure!(!roots.is_empty(), "there is no certificate in it; expected PEM");
    Ok(roots)
}

/// Where SSL_CERT_FILE and SSL_CERT_DIR say, or where the system has them. That there are none matters when a
/// certificate comes that nobody vouches for: a server that offers no TLS needs none.
fn roots_of_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Some systems have certificates that are no good; they vouch for nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
