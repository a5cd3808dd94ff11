//! A certificate made for the test, and the two ends that know it.

use ftp_endpoint::client::{ClientTls, Trust};
use ftp_endpoint::server::ServerTls;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::SupportedProtocolVersion;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;

pub const NAME: &str = "ftp.example";

pub type Versions = &'static [&'static SupportedProtocolVersion];

pub const TLS12: Versions = &[&rustls::version::TLS12];
pub const TLS13: Versions = &[&rustls::version::TLS13];

pub struct Identity {
    pub certificate: CertificateDer<'static>,
    /// The certificate.
    pub pem: String,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub fn new() -> Self {
        Self::of(NAME)
    }

    /// For a server of this name or address.
    pub fn of(name: &str) -> Self {
        Self::made(name, |_| {})
    }

    /// From the beginning of one year to the beginning of another.
    pub fn dated(from_year: i32, to_year: i32) -> Self {
        Self::made(NAME, |parameters| {
            parameters.not_before = date_time_ymd(from_year, 1, 1);
            parameters.not_after = date_time_ymd(to_year, 1, 1);
        })
    }

    /// As `openssl req -x509` makes them.
    pub fn of_an_authority() -> Self {
        Self::made(NAME, |parameters| parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn made(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut parameters);
        let signing_key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&signing_key).unwrap();
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        Self { pem: certificate.pem(), certificate: certificate.der().clone(), key }
    }

    pub fn server(&self, versions: Versions) -> ServerTls {
        let chain = vec![self.certificate.clone()];
        ServerTls::new(Arc::new(default_provider()), versions, chain, self.key.clone_key()).unwrap()
    }

    /// One that knows no requests for tickets (RFC 9149), as most do not.
    pub fn server_deaf_to_requests(&self, versions: Versions) -> ServerTls {
        ServerTls::of(self.rustls_server(versions))
    }

    /// As rustls has it.
    pub fn rustls_server(&self, versions: Versions) -> rustls::ServerConfig {
        rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap()
    }

    /// Vouched for by itself.
    pub fn trust(&self) -> Trust {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Trust::Roots(roots)
    }

    pub fn client(&self, versions: Versions) -> ClientTls {
        client(versions, &self.trust(), NAME)
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}

pub fn client(versions: Versions, trust: &Trust, name: &'static str) -> ClientTls {
    let name = ServerName::try_from(name).unwrap();
    ClientTls::new(Arc::new(default_provider()), versions, trust, name).unwrap()
}
