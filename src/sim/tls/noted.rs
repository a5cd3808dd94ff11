//! What each record of a run holds, noted as it is encrypted: faults strike at a byte of a file, and oracles
//! judge what a sender wrote, neither of which ciphertext shows.

use rustls::crypto::cipher::{
    AeadKey, Iv, KeyBlockShape, MessageDecrypter, MessageEncrypter, OutboundOpaqueMessage,
    OutboundPlainMessage, Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::crypto::ring;
use rustls::{
    ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// The tag at a record's end (RFC 5116 section 5.1), which no other record of a run has.
pub(super) type Tag = [u8; 16];

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// What the application wrote.
    Data,
    /// The last one of a direction is close_notify.
    Alert,
    /// Of a handshake, or after it.
    Other,
}

/// A record as it was before it was encrypted.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub content: Content,
    pub bytes: Arc<[u8]>,
    /// What stands behind them in the record.
    pub trailer_bytes: usize,
}

thread_local! {
    static NOTED: RefCell<BTreeMap<Tag, Plain>> = const { RefCell::new(BTreeMap::new()) };
}

/// Forgets all records; gives them.
pub(super) fn forget() -> BTreeMap<Tag, Plain> {
    NOTED.take()
}

pub(super) fn restore(records: BTreeMap<Tag, Plain>) {
    NOTED.set(records);
}

/// The record that ends with this tag.
pub(super) fn find(encrypted: &[u8]) -> Option<Plain> {
    let tag: Tag = *encrypted.last_chunk()?;
    NOTED.with_borrow(|noted| noted.get(&tag).cloned())
}

fn note(message: &OutboundPlainMessage<'_>) -> (Content, Vec<u8>) {
    let content = match message.typ {
        ContentType::ApplicationData => Content::Data,
        ContentType::Alert => Content::Alert,
        _ => Content::Other,
    };
    (content, if content == Content::Data { message.payload.to_vec() } else { Vec::new() })
}

/// An encrypter that notes what it encrypts.
struct Noting {
    inner: Box<dyn MessageEncrypter>,
    trailer_bytes: usize,
}

impl MessageEncrypter for Noting {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let (content, bytes) = note(&message);
        let encrypted = self.inner.encrypt(message, sequence)?;
        if let Some(tag) = encrypted.payload.as_ref().last_chunk::<16>() {
            let plain = Plain { content, bytes: bytes.into(), trailer_bytes: self.trailer_bytes };
            NOTED.with_borrow_mut(|noted| noted.insert(*tag, plain));
        }
        Ok(encrypted)
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        self.inner.encrypted_payload_len(payload_len)
    }
}

struct Noting13(&'static dyn Tls13AeadAlgorithm);

impl Tls13AeadAlgorithm for Noting13 {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        // The content type and the tag (RFC 8446 section 5.2); nothing is padded.
        Box::new(Noting { inner: self.0.encrypter(key, iv), trailer_bytes: 1 + 16 })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.0.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

struct Noting12(&'static dyn Tls12AeadAlgorithm);

impl Tls12AeadAlgorithm for Noting12 {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Noting { inner: self.0.encrypter(key, iv, extra), trailer_bytes: 16 })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        self.0.decrypter(key, iv)
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        self.0.key_block_shape()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv, explicit)
    }
}

/// ring's cipher suites, in its order, which note what they encrypt. rustls asks for `'static` ones.
pub(super) fn cipher_suites() -> Vec<SupportedCipherSuite> {
    static SUITES: LazyLock<Vec<SupportedCipherSuite>> =
        LazyLock::new(|| ring::ALL_CIPHER_SUITES.iter().map(noting).collect());
    SUITES.clone()
}

fn noting(suite: &SupportedCipherSuite) -> SupportedCipherSuite {
    let common = |common: &rustls::CipherSuiteCommon| rustls::CipherSuiteCommon {
        suite: common.suite,
        hash_provider: common.hash_provider,
        confidentiality_limit: common.confidentiality_limit,
    };
    match suite {
        SupportedCipherSuite::Tls13(suite) => {
            let aead_alg: &'static Noting13 = Box::leak(Box::new(Noting13(suite.aead_alg)));
            let common = common(&suite.common);
            let hkdf_provider = suite.hkdf_provider;
            let noting = Tls13CipherSuite { common, hkdf_provider, aead_alg, quic: None };
            SupportedCipherSuite::Tls13(Box::leak(Box::new(noting)))
        }
        SupportedCipherSuite::Tls12(suite) => {
            let aead_alg: &'static Noting12 = Box::leak(Box::new(Noting12(suite.aead_alg)));
            let noting = Tls12CipherSuite {
                common: common(&suite.common),
                prf_provider: suite.prf_provider,
                kx: suite.kx,
                sign: suite.sign,
                aead_alg,
            };
            SupportedCipherSuite::Tls12(Box::leak(Box::new(noting)))
        }
    }
}
