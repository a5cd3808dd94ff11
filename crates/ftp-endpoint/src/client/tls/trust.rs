//! Whose certificates are taken.

use crate::client::untrusted::{Distrust, Fingerprint, Untrusted};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::io;
use std::sync::{Arc, LazyLock};

/// Whose certificates are taken for a server's.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those that one of these vouches for (RFC 5280), for the name that was asked for; of an empty store
    /// none.
    Roots(RootCertStore),
    /// The same, of those that this gives when the first certificate comes: to read a system's authorities takes longer
    /// than to deliver a file to a server that offers no TLS.
    RootsLater(fn() -> RootCertStore),
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
        let known = |vouching| -> Find { Box::new(move || Ok(vouching)) };
        let find = match self {
            Self::Roots(roots) => known(Vouching::by_roots(roots.clone(), provider)?),
            Self::RootsLater(load) => {
                let (load, provider) = (*load, provider.clone());
                Box::new(move || Vouching::by_roots(load(), &provider))
            }
            Self::Pinned(pin) => known(Vouching::Pin(*pin)),
            Self::Anybody => known(Vouching::Nobody),
        };
        Ok(Arc::new(Verifier { vouching: LazyLock::new(find), provider: provider.clone() }))
    }
}

/// The SHA-256 of a certificate in DER, by which servers tell theirs.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate.as_ref()).into()
}

/// What a verifier of [`Trust`] has said of a certificate, if that is why a handshake failed.
pub(in crate::client) fn untrusted(error: &io::Error) -> Option<&Untrusted> {
    match error.get_ref()?.downcast_ref()? {
        Error::InvalidCertificate(CertificateError::Other(OtherError(why))) => why.downcast_ref(),
        _ => None,
    }
}

/// Who has to vouch for a certificate.
#[derive(Debug)]
enum Vouching {
    Roots(Arc<WebPkiServerVerifier>),
    NoRoots,
    Pin([u8; 32]),
    Nobody,
}

/// Finds that out, once.
type Find = Box<dyn FnOnce() -> Result<Vouching, Error> + Send>;

impl Vouching {
    fn by_roots(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        if roots.is_empty() {
            return Ok(Self::NoRoots);
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let verifier = verifier.build().map_err(|error| Error::General(error.to_string()))?;
        Ok(Self::Roots(verifier))
    }
}

/// Tells with each refusal the certificate's fingerprint. That the server has its key is verified in any case.
#[derive(Debug)]
struct Verifier {
    /// Found out when the first certificate comes.
    vouching: LazyLock<Result<Vouching, Error>, Find>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint(fingerprint(certificate));
        let why = match self.vouching.as_ref().map_err(Clone::clone)? {
            Vouching::Roots(roots) => {
                let verified =
                    roots.verify_server_cert(certificate, intermediates, server_name, ocsp_response, now);
                match verified {
                    Err(Error::InvalidCertificate(error)) => distrust(error),
                    verified => return verified,
                }
            }
            Vouching::NoRoots => Distrust::NoRoots,
            Vouching::Pin(pin) if *pin != fingerprint.0 => Distrust::NotPinned,
            Vouching::Pin(_) | Vouching::Nobody => return Ok(ServerCertVerified::assertion()),
        };
        let untrusted = Untrusted { why, fingerprint };
        Err(CertificateError::Other(OtherError(Arc::new(untrusted))).into())
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

fn distrust(error: CertificateError) -> Distrust {
    match error {
        // Whose name one of the roots has, and not its key, is as unknown.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::UnknownIssuer,
        CertificateError::NotValidForNameContext { expected, presented } => {
            Distrust::WrongName { asked: expected.to_str().into_owned(), names: named(presented) }
        }
        CertificateError::Expired => Distrust::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => Distrust::Expired(Some(not_after.as_secs())),
        CertificateError::NotValidYet => Distrust::NotYetValid(None),
        CertificateError::NotValidYetContext { not_before, .. } => {
            Distrust::NotYetValid(Some(not_before.as_secs()))
        }
        // webpki's own error; rustls has no word for it.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => Distrust::OfAnAuthority,
        other => Distrust::Other(other.to_string()),
    }
}

/// rustls has them in the form in which they are debugged: `DnsName("a")`, `IpAddress(::1)`.
fn named(presented: Vec<String>) -> Vec<String> {
    let inner = |name: String| match name.split_once('(') {
        Some((_, rest)) => rest.trim_end_matches(')').trim_matches('"').to_owned(),
        None => name,
    };
    presented.into_iter().map(inner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2's example.
    #[test]
    fn a_fingerprint_is_the_sha_256_of_the_bytes() {
        let digits: String =
            fingerprint(&b"abc"[..].into()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn only_webpkis_word_for_it_tells_of_an_authority() {
        for (word, is_of_one) in [("CaUsedAsEndEntity", true), ("UnsupportedCertVersion", false)] {
            let error = CertificateError::Other(OtherError(Arc::new(io::Error::other(word))));
            assert_eq!(matches!(distrust(error), Distrust::OfAnAuthority), is_of_one, "{word}");
        }
    }
}
