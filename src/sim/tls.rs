//! TLS (RFC 5246, RFC 8446) in the simulation: every byte of it is a function of the run's seed.
//!
//! Whoever runs a case holds a [`Seeded`] for as long as the run takes; what rustls draws and the keys
//! that it agrees on come from there. Outside of a run every handshake fails. The server's key is of
//! Ed25519, whose signatures draw nothing, and sessions are kept in memory: ring's tickets and its other
//! signatures ask the system.

mod draws;
mod key_exchange;
mod key_log;
mod noted;
mod records;

pub use draws::Seeded;
pub use key_log::KeyLines;
pub use noted::Content;
pub use records::{Record, Records};

use draws::{Drawer, Draws};
use key_exchange::X25519;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::ServerSessionMemoryCache;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, KeyLog, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use std::sync::Arc;
use std::time::Duration;

/// The name of the simulated server in its certificate; its address is there as well.
pub const SERVER_NAME: &str = "server";

/// Self-signed, for [`SERVER_NAME`] and [`turmoil_tcp::SERVER_IP`], from 1975 to 4096. Both files were
/// made once by OpenSSL 3.0; the key is the laboratory's and keeps no secret:
///
/// ```text
/// openssl genpkey -algorithm ed25519 -out key.pem
/// openssl req -new -key key.pem -subj '/CN=ftpsim laboratory' -out request.pem
/// openssl ca -batch -selfsign -notext -config ca.cnf -keyfile key.pem -in request.pem \
///     -startdate 19750101000000Z -enddate 40960101000000Z -out certificate.pem
/// openssl pkey -in key.pem -outform DER -out key.der
/// openssl x509 -in certificate.pem -outform DER -out certificate.der
/// ```
///
/// where `ca.cnf` has an empty database, `default_md = default`, `rand_serial = yes`, a policy that asks for
/// a commonName only, and `subjectAltName = IP:10.0.0.2, DNS:server` as the extensions.
const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.der");
const KEY: &[u8] = include_bytes!("tls/key.der");

/// How many sessions a side keeps to resume them; beyond, the oldest goes.
const SESSIONS: usize = 1024;

/// The versions of TLS that a side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
    /// Both; two such sides agree on TLS 1.3.
    Both,
}

impl Versions {
    fn supported(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Tls12 => vec![&version::TLS12],
            Self::Tls13 => vec![&version::TLS13],
            Self::Both => vec![&version::TLS13, &version::TLS12],
        }
    }
}

/// The simulated server's certificate, for who has to trust it.
pub fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_slice(CERTIFICATE)
}

/// A server with sessions of its own: a connection that is [`rustls::HandshakeKind::Resumed`] resumes one
/// of this very configuration, in TLS 1.2 and 1.3. After a full handshake of TLS 1.3 it sends `tickets`
/// session tickets (RFC 8446, section 4.6.1), after a resumed one, too.
///
/// # Errors
/// What rustls has against the configuration.
pub fn server_config(
    versions: Versions,
    tickets: usize,
    key_log: Arc<dyn KeyLog>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_details(provider(Drawer::Server), Arc::new(ConstantTime))
        .with_protocol_versions(&versions.supported())?
        .with_no_client_auth()
        .with_single_cert(vec![certificate()], PrivatePkcs8KeyDer::from(KEY).into())?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.send_tls13_tickets = tickets;
    config.key_log = key_log;
    Ok(config)
}

/// A client that trusts the simulated server's certificate and nothing else; it resumes sessions of this
/// very configuration.
///
/// # Errors
/// What rustls has against the configuration.
pub fn client_config(versions: Versions, key_log: Arc<dyn KeyLog>) -> Result<ClientConfig, rustls::Error> {
    client_of(Drawer::Client, versions, key_log)
}

fn client_of(
    drawer: Drawer,
    versions: Versions,
    key_log: Arc<dyn KeyLog>,
) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate())?;
    let mut config = ClientConfig::builder_with_details(provider(drawer), Arc::new(ConstantTime))
        .with_protocol_versions(&versions.supported())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    config.key_log = key_log;
    Ok(config)
}

/// A client that has nothing to do with the others, and whose certificates nobody asks for.
pub fn stranger_config(versions: Versions) -> ClientConfig {
    let nowhere = Arc::new(KeyLines::default());
    client_of(Drawer::Stranger, versions, nowhere).expect("a configuration made of constants")
}

/// ring's cryptography, with the draws of the run for one of them.
fn provider(drawer: Drawer) -> Arc<CryptoProvider> {
    let (random, group): (&'static Draws, &'static X25519) = match drawer {
        Drawer::Client => (&Draws(Drawer::Client), &X25519(Draws(Drawer::Client))),
        Drawer::Server => (&Draws(Drawer::Server), &X25519(Draws(Drawer::Server))),
        Drawer::Stranger => (&Draws(Drawer::Stranger), &X25519(Draws(Drawer::Stranger))),
    };
    let cipher_suites = noted::cipher_suites();
    Arc::new(CryptoProvider {
        secure_random: random,
        kx_groups: vec![group],
        cipher_suites,
        ..ring::default_provider()
    })
}

/// It is 2000-01-01 throughout a run: certificates are valid, and no session grows old.
#[derive(Debug)]
struct ConstantTime;

impl TimeProvider for ConstantTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(946_684_800)))
    }
}
