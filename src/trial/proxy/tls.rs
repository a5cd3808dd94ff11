//! The proxy as a party to TLS on both sides: it has a certificate of its own for clients, and takes any of the
//! server's.

use super::leg::Leg;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Nobody waits longer for a handshake.
const LIMIT: Duration = Duration::from_secs(10);

/// What the proxy shows to clients: for 127.0.0.1, ::1 and localhost, vouched for by itself, made for one trial.
pub(in crate::trial) struct Certificate {
    /// As clients are given it to trust.
    pub pem: String,
    /// Its key, for servers that we start.
    pub key_pem: String,
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    /// With a key that is drawn now.
    pub(in crate::trial) fn make() -> io::Result<Self> {
        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let made = CertificateParams::new(names).and_then(|params| params.self_signed(&key));
        let made = made.map_err(io::Error::other)?;
        let der = made.der().clone();
        let key_der = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        Ok(Self { pem: made.pem(), key_pem: key.serialize_pem(), der, key: key_der })
    }
}

/// Both sides' configurations, of one run.
pub(in crate::trial) struct ProxyTls {
    accept: TlsAcceptor,
    connect: TlsConnector,
}

impl ProxyTls {
    /// Sessions towards the server are resumed on its data connections, as many servers want it.
    pub(in crate::trial) fn new(certificate: &Certificate) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let mut ours = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der.clone()], certificate.key.clone_key())
            .map_err(io::Error::other)?;
        // A client that uploads need not read; with a ticket unread, its close would be an RST.
        ours.send_tls13_tickets = 0;
        let theirs = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
            .with_no_client_auth();
        Ok(Self { accept: Arc::new(ours).into(), connect: Arc::new(theirs).into() })
    }

    /// Secures both sides of a connection: the client of FTP is the client of TLS on all of them (RFC 4217
    /// section 7).
    pub(super) async fn both(&self, client: TcpStream, server: TcpStream) -> io::Result<(Leg, Leg)> {
        let name = ServerName::from(server.peer_addr().map(|peer| -> IpAddr { peer.ip() })?);
        let both = async { tokio::try_join!(self.accept.accept(client), self.connect.connect(name, server)) };
        let (client, server) = timeout(LIMIT, both).await??;
        Ok((Leg::Tls(Box::new(client.into())), Leg::Tls(Box::new(server.into()))))
    }
}

/// Takes every certificate: the server under trial is no secret's keeper.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
