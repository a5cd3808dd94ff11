//! Whose certificates are taken.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Whose certificates are taken for a server's.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those that one of these vouches for (RFC 5280), for the name that was asked for.
    Roots(RootCertStore),
    /// The one of this [`fingerprint`], whoever made it, whatever its name and dates.
    Pinned([u8; 32]),
    /// Anybody's: what is sent can be read and changed by whoever is on the path.
    Anybody,
}

impl Trust {
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, Error> {
        let pin = match self {
            Self::Roots(roots) => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone());
                return match verifier.build() {
                    Ok(verifier) => Ok(verifier),
                    Err(error) => Err(Error::General(error.to_string())),
                };
            }
            Self::Pinned(pin) => Some(*pin),
            Self::Anybody => None,
        };
        Ok(Arc::new(Unvouched { pin, provider: provider.clone() }))
    }
}

/// The SHA-256 of a certificate in DER, by which servers tell theirs.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate.as_ref()).into()
}

/// Asks nobody to vouch for a certificate; that the server has its key is verified.
#[derive(Debug)]
struct Unvouched {
    pin: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unvouched {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.pin {
            Some(pin) if pin != fingerprint(certificate) => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
