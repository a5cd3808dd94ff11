//! Certificates for servers on loopback that nobody vouches for but they themselves.

use rustls::pki_types::CertificateDer;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) struct Made {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    pub key_pem: String,
}

impl Made {
    pub(crate) fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self {
            certificate: made.cert.der().clone(),
            pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
        }
    }

    /// As `chain.pem` and `key.pem`.
    pub(crate) fn write(&self, directory: &Path) {
        write_secret(&directory.join("chain.pem"), &self.pem);
        write_secret(&directory.join("key.pem"), &self.key_pem);
    }
}

/// For its owner alone.
pub(crate) fn write_secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
