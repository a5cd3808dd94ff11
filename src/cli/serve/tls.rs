//! TLS of `ftpsim serve`: the certificate and its key, out of files or made at the start.

use super::settings::Settings;
use anyhow::{Context, anyhow, bail, ensure};
use ftp_endpoint::client::fingerprint;
use ftp_endpoint::server::{Reuse, ServerTls, TlsUse, read_certificates, read_key};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, SupportedProtocolVersion};
use schemars::JsonSchema;
use serde::Deserialize;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whether clients may, or have to, use TLS.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum TlsChoice {
    Offered,
    Required,
    Off,
}

/// Of TLS sessions by data connections.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReuseChoice {
    Off,
    Prefer,
    Require,
}

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OldestVersion {
    #[default]
    #[serde(rename = "1.2")]
    #[value(name = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    #[value(name = "1.3")]
    Tls13,
}

static TLS13_ALONE: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

impl OldestVersion {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Tls12 => rustls::ALL_VERSIONS,
            Self::Tls13 => &TLS13_ALONE,
        }
    }
}

impl From<ReuseChoice> for Reuse {
    fn from(choice: ReuseChoice) -> Self {
        match choice {
            ReuseChoice::Off => Self::Off,
            ReuseChoice::Prefer => Self::Prefer,
            ReuseChoice::Require => Self::Require,
        }
    }
}

impl Settings {
    /// Whether clients may, or have to, use TLS; none: they cannot. Errors: options that contradict each other.
    pub(super) fn tls_demand(&self) -> anyhow::Result<Option<TlsUse>> {
        let from_files = self.tls_certificate.is_some();
        ensure!(
            !(from_files && self.tls_self_signed),
            "--tls-certificate and --tls-self-signed: give one of them"
        );
        ensure!(
            from_files || self.tls_key.is_none(),
            "--tls-key is of no use without its certificate: give --tls-certificate FILE, too"
        );
        let has_certificate = from_files || self.tls_self_signed;
        // Who has asked for them believes in TLS that is not there.
        let of_tls = [
            ("--tls-reuse", self.tls_reuse.is_some()),
            ("--tls-end", self.tls_end.is_some()),
            ("--tls-min", self.tls_min.is_some()),
        ];
        if let Some((option, _)) = of_tls.iter().find(|(_, is_given)| *is_given && !has_certificate) {
            bail!(
                "{option} is of no use without a certificate: give --tls-certificate FILE or --tls-self-signed, too"
            );
        }
        let wanted = match self.tls {
            Some(TlsChoice::Off) => None,
            Some(TlsChoice::Required) => Some(TlsUse::Required),
            Some(TlsChoice::Offered) => Some(TlsUse::Offered),
            None => has_certificate.then_some(TlsUse::Offered),
        };
        ensure!(
            wanted.is_none() || has_certificate,
            "--tls {} needs a certificate: give --tls-certificate FILE (and --tls-key FILE, if the key is in \
             another one), or --tls-self-signed",
            if wanted == Some(TlsUse::Required) { "required" } else { "offered" }
        );
        ensure!(
            wanted.is_some() || !self.tls_implicit,
            "--tls-implicit needs TLS: give --tls-certificate FILE or --tls-self-signed, and no --tls off"
        );
        ensure!(
            !(self.tls_self_signed && self.tls == Some(TlsChoice::Off)),
            "--tls off and --tls-self-signed contradict each other: leave one of them out"
        );
        Ok(wanted)
    }

    /// The files of certificate and key that are in use, the certificate's first.
    pub(super) fn tls_files(&self) -> Vec<&Path> {
        match self.tls {
            Some(TlsChoice::Off) => Vec::new(),
            _ => [&self.tls_certificate, &self.tls_key].into_iter().flatten().map(PathBuf::as_path).collect(),
        }
    }

    /// Of these, the one that has the key.
    pub(super) fn tls_key_file(&self) -> Option<&Path> {
        self.tls_files().last().copied()
    }
}

/// A certificate, those that vouch for it, and its key.
pub(super) struct Certified {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// Where it is from; none of one that was made here.
    files: Vec<PathBuf>,
}

impl Certified {
    /// As the settings say; `old` is what was in use before. Gives none without TLS.
    ///
    /// One that was made here stays as it is, for clients know it. Files that were readable at the start may
    /// not be so for whom the server has become since: then what they had stays in use, and the log says so.
    pub(super) fn of(settings: &Settings, old: Option<&Arc<Self>>) -> anyhow::Result<Option<Arc<Self>>> {
        if settings.tls_demand()?.is_none() {
            return Ok(None);
        }
        let files: Vec<PathBuf> = settings.tls_files().into_iter().map(Path::to_owned).collect();
        let same = old.filter(|old| old.files == files);
        if files.is_empty() {
            return same
                .map_or_else(|| Self::made(settings).map(Arc::new), |same| Ok(same.clone()))
                .map(Some);
        }
        match (Self::read(files), same) {
            (Ok(read), _) => Ok(Some(Arc::new(read))),
            (Err(Unusable { error, unreadable: true }), Some(same)) => {
                tracing::warn!(
                    error = crate::cli::out::message(&error),
                    "the certificate stays as it was read before"
                );
                Ok(Some(same.clone()))
            }
            (Err(Unusable { error, .. }), _) => Err(error),
        }
    }

    fn read(files: Vec<PathBuf>) -> Result<Self, Unusable> {
        let (certificate, key) = (&files[0], &files[files.len() - 1]);
        let chain = part(certificate, read_certificates)?;
        let key = part(key, read_key)?;
        Ok(Self { chain, key, files })
    }

    /// Vouched for by nobody but itself.
    fn made(settings: &Settings) -> anyhow::Result<Self> {
        let names = names(settings);
        let mut distinguished = DistinguishedName::new();
        distinguished.push(DnType::CommonName, names[0].as_str());
        let mut params = CertificateParams::new(names).context("tls-self-signed")?;
        params.distinguished_name = distinguished;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().context("tls-self-signed")?;
        let made = params.self_signed(&key).context("tls-self-signed")?;
        let chain = vec![made.der().clone()];
        Ok(Self { chain, key: PrivateKeyDer::Pkcs8(key.serialize_der().into()), files: Vec::new() })
    }

    /// To the log.
    pub(super) fn tell(&self) {
        let file = self.files.first().map_or("made at the start", |file| file.to_str().unwrap_or("a file"));
        tracing::info!(certificate = file, sha256 = self.fingerprint(), "TLS");
    }

    pub(super) fn is_made_here(&self) -> bool {
        self.files.is_empty()
    }

    /// By which a client can know it, in lower-case hexadecimal digits: what `--tls-pin` of `put`, `get` and
    /// `ls` takes, and `openssl x509 -fingerprint -sha256` prints otherwise written.
    pub(super) fn fingerprint(&self) -> String {
        fingerprint(&self.chain[0]).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// With the settings' other words on TLS. Errors: a key of another certificate.
    pub(super) fn server(&self, settings: &Settings) -> anyhow::Result<Option<ServerTls>> {
        let Some(demand) = settings.tls_demand()? else { return Ok(None) };
        let versions = settings.tls_min.unwrap_or_default().versions();
        let (chain, key) = (self.chain.clone(), self.key.clone_key());
        let tls = ServerTls::new(Arc::new(default_provider()), versions, chain, key);
        let mut tls = tls.map_err(|error| self.unfit(error))?;
        tls.demand = demand;
        tls.implicit = settings.tls_implicit;
        tls.reuse = settings.tls_reuse.map_or_else(Reuse::default, Reuse::from);
        tls.end = settings.tls_end.unwrap_or_default();
        Ok(Some(tls))
    }

    fn unfit(&self, error: rustls::Error) -> anyhow::Error {
        let name = |file: Option<&PathBuf>| file.map_or_else(String::new, |file| file.display().to_string());
        let (certificate, key) = (name(self.files.first()), name(self.files.last()));
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                anyhow!("{key}: the key does not belong to the (first) certificate of {certificate}")
            }
            rustls::Error::InvalidCertificate(why) => anyhow!("{certificate}: not a certificate: {why:?}"),
            other => anyhow!("{key}: {other}"),
        }
    }
}

struct Unusable {
    error: anyhow::Error,
    /// It may not be read, which says nothing of what is in it.
    unreadable: bool,
}

fn part<T>(path: &Path, parse: fn(&[u8]) -> io::Result<T>) -> Result<T, Unusable> {
    let read = std::fs::read(path);
    let unreadable = read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    let parsed = match read {
        Ok(text) => parse(&text).with_context(|| path.display().to_string()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    parsed.map_err(|error| Unusable { error, unreadable })
}

/// By which clients may call the server: the first one is its certificate's.
fn names(settings: &Settings) -> Vec<String> {
    let listen = settings.listen.unwrap_or(super::DEFAULT_LISTEN).ip().to_canonical();
    let addresses = [
        (!listen.is_unspecified()).then_some(listen),
        settings.advertise.map(IpAddr::V4),
        Some(Ipv4Addr::LOCALHOST.into()),
        Some(Ipv6Addr::LOCALHOST.into()),
    ];
    let mut names: Vec<String> = host_name().into_iter().collect();
    names.push("localhost".to_owned());
    names.extend(addresses.into_iter().flatten().map(|address| address.to_string()));
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// One that a certificate can have.
#[cfg(unix)]
fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!name.is_empty() && name.bytes().all(fits)).then_some(name)
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    None
}
