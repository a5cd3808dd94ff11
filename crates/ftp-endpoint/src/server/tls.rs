//! TLS at the server (RFC 4217): whom it is demanded of, and what a session has of it.

use super::data::Way;
use super::replies::OpenError;
use crate::net::{Channel, Stream};
use crate::transfer::TlsEnd;
use ftp_proto::mutant::{self, Mutant};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, StoresServerSessions};
use rustls::{HandshakeKind, ProtocolVersion, SupportedProtocolVersion};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tickets that a control connection is given under TLS 1.3: some clients use each once, and get none on
/// data connections of uploads.
const CONTROL_TICKETS: usize = 4;
/// Tickets on the data connection of an upload, at most, for clients that ask for them (RFC 9149): they read
/// what comes. Others, to whom a ticket there is a danger, are given none.
pub const ASKED_TICKETS: usize = 1;
/// States of TLS sessions that are kept for one control session.
const MAX_STATES: usize = 16;

/// Whether clients have to use TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsUse {
    /// Who wants it.
    #[default]
    Offered,
    /// Everybody: no password is asked for, and no file moved, in clear.
    Required,
}

/// Whether a data connection resumes the TLS session of its control connection, which proves that it is from
/// the same client (RFC 4217 section 10.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reuse {
    /// It cannot.
    Off,
    /// It may.
    #[default]
    Prefer,
    /// It must; else the transfer is refused by 522.
    Require,
}

/// What a server is to do about TLS.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<rustls::ServerConfig>,
    /// Whether clients have to use it.
    pub demand: TlsUse,
    /// TLS begins with the connection, not by AUTH: port 990's way.
    pub implicit: bool,
    /// Of sessions by data connections.
    pub reuse: Reuse,
    /// What ends an upload in stream mode.
    pub end: TlsEnd,
    /// Tickets of TLS 1.3 on data connections of uploads, sent unasked, as other servers do: a client that closes
    /// with them unread has its kernel send RST, and loses what had not left it. For comparisons: with none, who
    /// asks is given one.
    pub upload_tickets: usize,
}

impl ServerTls {
    /// By `provider`'s cryptography, with a certificate, those that vouch for it, and its key; `versions`
    /// is some of [`rustls::ALL_VERSIONS`]. Offered, explicit, with reuse where the client wants it, strict.
    pub fn new(
        provider: Arc<CryptoProvider>,
        versions: &[&'static SupportedProtocolVersion],
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        config.max_tls13_tickets = ASKED_TICKETS;
        Ok(Self::of(config))
    }

    /// The same, with whatever else `config` says: all but where sessions are kept, and how many tickets are
    /// given unasked, which is each control session's own matter. It must have no ticketer. Who asks for tickets
    /// on an upload is given `config.max_tls13_tickets` at most.
    pub fn of(config: rustls::ServerConfig) -> Self {
        Self {
            config: Arc::new(config),
            demand: TlsUse::default(),
            implicit: false,
            reuse: Reuse::default(),
            end: TlsEnd::default(),
            upload_tickets: 0,
        }
    }
}

/// TLS as one control session has it: a data connection that resumes is this session's, for nobody else's
/// states are known here.
pub(super) struct SessionTls {
    pub(super) control: Arc<rustls::ServerConfig>,
    data: DataTls,
}

/// For data connections.
#[derive(Clone)]
pub(super) struct DataTls {
    sending: Arc<rustls::ServerConfig>,
    receiving: Arc<rustls::ServerConfig>,
    states: Option<Arc<DataStates>>,
    reuse: Reuse,
    end: TlsEnd,
}

impl SessionTls {
    pub(super) fn new(tls: &ServerTls) -> Self {
        let own = Arc::new(OwnStates::default());
        let states = (tls.reuse != Reuse::Off)
            .then(|| Arc::new(DataStates { own: own.clone(), left: Mutex::default() }));
        let with = |kept: Option<Arc<dyn StoresServerSessions>>, unasked: usize, asked: usize| {
            let mut config = (*tls.config).clone();
            (config.send_tls13_tickets, config.max_tls13_tickets) =
                if kept.is_some() { (unasked, asked) } else { (0, 0) };
            config.session_storage = kept.unwrap_or_else(|| Arc::new(NoServerSessionStorage {}));
            Arc::new(config)
        };
        let of_data = |unasked, asked| with(states.clone().map(|states| states as _), unasked, asked);
        let control = with(states.as_ref().map(|_| own.clone() as _), CONTROL_TICKETS, 0);
        let asked = if tls.upload_tickets == 0 { tls.config.max_tls13_tickets } else { 0 };
        let (sending, receiving) = (of_data(1, 0), of_data(tls.upload_tickets, asked));
        Self { control, data: DataTls { sending, receiving, states, reuse: tls.reuse, end: tls.end } }
    }

    pub(super) fn data(&self) -> DataTls {
        self.data.clone()
    }
}

impl DataTls {
    pub(super) fn end(&self) -> TlsEnd {
        self.end
    }

    /// The handshake of a data connection.
    pub(super) async fn secure<S: Stream>(&self, stream: S, way: Way) -> Result<Channel<S>, OpenError> {
        let config = match way {
            Way::Out => &self.sending,
            Way::In => &self.receiving,
        };
        if let Some(states) = &self.states {
            states.drop_left();
        }
        let mut channel = Channel::Clear(stream);
        channel.accept_tls(config.clone()).await.map_err(OpenError::Tls)?;
        if way == Way::In {
            // Nothing of ours goes there any more: a client that leaves small writes to Nagle's algorithm would hold
            // the file behind its Finished, and close_notify behind the file, for as long as our kernel holds its
            // acknowledgements, 40 ms.
            channel.acknowledge();
        }
        let kind = channel.agreed().and_then(rustls::CommonState::handshake_kind);
        if self.reuse == Reuse::Require && kind != Some(HandshakeKind::Resumed) {
            return Err(OpenError::NotResumed);
        }
        if let Some(states) = &self.states {
            states.keep_left();
        }
        Ok(channel)
    }
}

/// For logs and STAT; none without TLS.
pub(super) fn version<S: Stream>(channel: &Channel<S>) -> Option<&'static str> {
    match channel.agreed()?.protocol_version()? {
        ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
        _ => Some("TLS"),
    }
}

/// States of the TLS sessions of one control session. The first ones, which are the control connection's, are
/// never given up, and none is used up by being taken: most clients resume the same again and again. (Early
/// data, for which that would be unsafe, are not accepted.)
#[derive(Debug, Default)]
struct OwnStates(Mutex<VecDeque<(Vec<u8>, Vec<u8>)>>);

impl OwnStates {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Vec<u8>, Vec<u8>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoresServerSessions for OwnStates {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let mut states = self.lock();
        states.retain(|(kept, _)| *kept != key);
        if states.len() == MAX_STATES {
            states.remove(CONTROL_TICKETS);
        }
        states.push_back((key, value));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.lock().iter().find(|(kept, _)| kept == key).map(|(_, value)| value.clone())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// The same for data connections, of which there is one at a time. What a handshake leaves counts once its
/// connection is taken: else a stranger who is refused could come back and resume what the refused connection
/// has left.
#[derive(Debug)]
struct DataStates {
    own: Arc<OwnStates>,
    left: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl DataStates {
    fn left(&self) -> MutexGuard<'_, Vec<(Vec<u8>, Vec<u8>)>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_left(&self) {
        self.left().clear();
    }

    fn keep_left(&self) {
        for (key, value) in self.left().drain(..) {
            self.own.put(key, value);
        }
    }
}

impl StoresServerSessions for DataStates {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        if mutant::is(Mutant::StrangerRemembered) {
            return self.own.put(key, value);
        }
        self.left().push((key, value));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.own.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.own.take(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Certificates out of PEM text (RFC 7468): the server's own first, then those that vouch for it; what else
/// is in it is passed over. Errors: `InvalidData` where there is none, or one that is broken.
pub fn read_certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(broken)?;
    if chain.is_empty() {
        return Err(invalid("there is no certificate (BEGIN CERTIFICATE) in it".to_owned()));
    }
    Ok(chain)
}

/// The first private key out of PEM text (PKCS #8, PKCS #1 or SEC 1, RFC 7468). Errors: `InvalidData` where
/// there is none, or one that is broken or locked by a passphrase.
pub fn read_key(pem: &[u8]) -> io::Result<PrivateKeyDer<'static>> {
    let locked = || pem.windows(ENCRYPTED.len()).any(|words| words == ENCRYPTED);
    match PrivateKeyDer::from_pem_slice(pem) {
        Err(pem::Error::NoItemsFound) if locked() => {
            Err(invalid("its key is locked by a passphrase: `openssl pkey` unlocks it".to_owned()))
        }
        Err(pem::Error::NoItemsFound) => {
            Err(invalid("there is no private key (BEGIN PRIVATE KEY) in it".to_owned()))
        }
        other => other.map_err(broken),
    }
}

/// What stands in the place of a key that has a passphrase.
const ENCRYPTED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";

fn broken(error: pem::Error) -> io::Error {
    invalid(format!("not in PEM: {error}"))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most clients resume the control connection's session all the time.
    #[test]
    fn the_first_states_outlive_all_others() {
        let states = OwnStates::default();
        let key = |n: usize| n.to_string().into_bytes();
        for number in 0..3 * MAX_STATES {
            assert!(states.put(key(number), b"old".to_vec()));
            assert!(states.put(key(number), key(number)));
            for kept in 0..=number.min(CONTROL_TICKETS - 1) {
                assert_eq!(states.take(&key(kept)), Some(key(kept)), "{kept} after {number}");
            }
            assert_eq!(states.get(&key(number)), Some(key(number)));
        }
        assert_eq!(states.lock().len(), MAX_STATES);
        assert_eq!(states.get(&key(CONTROL_TICKETS)), None);
    }

    #[test]
    fn what_pem_holds_is_found_and_what_it_lacks_is_told() {
        let pem = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        let (certificate, key) = (pem("CERTIFICATE"), pem("PRIVATE KEY"));
        let both = format!("{certificate}{key}{certificate}");
        let chain = read_certificates(both.as_bytes()).unwrap();
        assert_eq!(chain, [vec![0x30, 0].into(), vec![0x30, 0].into()]);
        assert_eq!(read_key(both.as_bytes()).unwrap().secret_der(), [0x30, 0]);
        let error = read_certificates(key.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        for (text, told) in [(pem("ENCRYPTED PRIVATE KEY"), "passphrase"), (certificate, "no private key")] {
            let error = read_key(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
