//! What client and server tell whoever watches: progress bars, transfer logs, the simulation.
//! An observer sees, it cannot act: production code has no fault hooks.

use crate::net::Time;
use ftp_proto::mode::Coding;
use std::net::SocketAddr;
use std::sync::Arc;

/// Which end speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Who asked for the control connection.
    Client,
    /// Who accepted it.
    Server,
}

/// What has happened at one end. Lengths are in bytes.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A control connection is up. `session` counts from 1 in the order of connections.
    SessionBegins {
        /// The other end.
        peer: SocketAddr,
    },
    /// The control connection is over.
    SessionEnds {
        /// For people.
        reason: &'a str,
    },
    /// A command line, as sent by the client or as received by the server (PASS's argument masked).
    Command {
        /// Without its end.
        line: &'a str,
    },
    /// A reply, as sent by the server or as received by the client.
    Reply {
        /// Its three digits.
        code: u16,
        /// Its lines, without the code.
        text: &'a str,
    },
    /// A data connection is up.
    DataOpens {
        /// This end.
        local: SocketAddr,
        /// The other end.
        peer: SocketAddr,
    },
    /// A connection of the client's goes on under TLS.
    TlsBegins {
        /// The data connection, not the control connection.
        on_data: bool,
        /// `TLS 1.2` or `TLS 1.3`.
        version: &'a str,
        /// As IANA names it, but for TLS 1.3's `TLS13_` instead of `TLS_`.
        cipher_suite: &'a str,
        /// The SHA-256 of the server's certificate in DER.
        certificate_sha256: [u8; 32],
        /// Whether a session was resumed, rather than begun.
        resumed: bool,
    },
    /// A data connection is over at this end.
    DataCloses {
        /// This end.
        local: SocketAddr,
        /// The other end.
        peer: SocketAddr,
        /// `closed` or `aborted`.
        how: &'a str,
    },
    /// The sender is about to write the first byte of a file on a data connection on which it has
    /// written `wire_offset` bytes before. Emitted before that write, also for an empty file.
    SendBegins {
        /// As the transfer command names it.
        name: &'a str,
        /// This end.
        local: SocketAddr,
        /// The other end.
        peer: SocketAddr,
        /// Bytes written before.
        wire_offset: u64,
        /// MODE, STRU and filler.
        coding: Coding,
    },
    /// The receiver expects the first byte of a file.
    ReceiveBegins {
        /// As the transfer command names it.
        name: &'a str,
        /// This end.
        local: SocketAddr,
        /// The other end.
        peer: SocketAddr,
    },
    /// So many more bytes of payload and of wire have been moved.
    Progress {
        /// Of the file.
        payload_bytes: u64,
        /// On the data connection.
        wire_bytes: u64,
    },
    /// The end of a transfer as this side sees it.
    FileEnds {
        /// As the transfer command names it.
        name: &'a str,
        /// Moved of the file.
        payload_bytes: u64,
        /// Why it failed.
        error: Option<&'a str>,
    },
    /// The client's word on a file after all retries.
    FileReported {
        /// The job's remote name.
        name: &'a str,
        /// How many times it was tried.
        attempts: u32,
        /// Why it failed.
        error: Option<&'a str>,
    },
}

#[cfg(feature = "tls")]
impl Event<'_> {
    /// What has been agreed on, at the client.
    pub(crate) fn of_tls(agreed: &rustls::CommonState, on_data: bool) -> Self {
        use sha2::{Digest, Sha256};
        let certificate = agreed.peer_certificates().and_then(|chain| chain.first());
        Self::TlsBegins {
            on_data,
            version: match agreed.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                _ => "TLS",
            },
            cipher_suite: agreed
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or_default(),
            certificate_sha256: Sha256::digest(certificate.map(AsRef::as_ref).unwrap_or_default()).into(),
            resumed: agreed.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        }
    }
}

/// Who watches. Called where it happens: it must not block.
pub trait Observer: Send + Sync + 'static {
    /// `session` numbers the control connections of `who` from 1.
    fn event(&self, at: Time, who: Who, session: u64, event: &Event<'_>);
}

/// Watches nothing.
pub struct Nobody;
impl Observer for Nobody {
    fn event(&self, _at: Time, _who: Who, _session: u64, _event: &Event<'_>) {}
}

/// One session's line to the observer, stamped with its clock.
#[derive(Clone)]
pub struct Watch {
    observer: Arc<dyn Observer>,
    who: Who,
    session: u64,
}

impl Watch {
    /// Of the session that `who` numbers so.
    pub fn new(observer: Arc<dyn Observer>, who: Who, session: u64) -> Self {
        Self { observer, who, session }
    }
    /// Hands an event on.
    pub fn tell(&self, at: Time, event: Event<'_>) {
        self.observer.event(at, self.who, self.session, &event);
    }
}
