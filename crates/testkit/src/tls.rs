//! A certificate made for the test, and the two ends that know it.

use ftp_endpoint::client::{ClientTls, Trust};
use ftp_endpoint::server::ServerTls;
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
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        Self { certificate: made.cert.der().clone(), key }
    }

    pub fn server(&self, versions: Versions) -> ServerTls {
        let chain = vec![self.certificate.clone()];
        ServerTls::new(Arc::new(default_provider()), versions, chain, self.key.clone_key()).unwrap()
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
