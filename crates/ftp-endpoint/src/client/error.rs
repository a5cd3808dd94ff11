//! What can go wrong for a client.

use super::untrusted::Untrusted;
use crate::store::StoreError;
use crate::transfer::TransferError;
use ftp_proto::address::AddressError;
use ftp_proto::reply::{Class, Reply, ReplyError};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Why something that was asked of a server has not been done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The control connection could not be opened, within the timeout or at all.
    #[error("cannot connect to {server}: {error}")]
    Connect {
        /// Whom it was to.
        server: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// TLS could not be agreed on with the server.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// The server's certificate is not to be trusted.
    #[error("TLS: {0}")]
    Untrusted(#[from] Untrusted),
    /// TLS was to be, and the server does not take AUTH TLS, PBSZ 0 or PROT P (RFC 4217).
    #[error("TLS is not to be had, the server said {0}")]
    TlsRefused(Reply),
    /// TLS was to be, and nothing tells by what certificate the server is known.
    #[error("TLS: there is nothing to know the server by")]
    TlsUnknown,
    /// A file has ended, under TLS, as anybody on the path can have it end, and SIZE does not tell that it is
    /// whole.
    #[error("the data connection closed without TLS close_notify, and SIZE does not tell that all has come")]
    UnmarkedEnd,
    /// The control connection broke.
    #[error("control connection: {0}")]
    Control(io::Error),
    /// The server closed the control connection while a reply was owed.
    #[error("control connection closed by the server")]
    ControlClosed,
    /// A reply took longer than the policy's `reply_timeout`.
    #[error("no reply within {0:?}")]
    NoReply(Duration),
    /// What came is not a reply (RFC 959 section 4.2).
    #[error("control connection: {0}")]
    BadReply(#[from] ReplyError),
    /// A reply of a class that the command's sequence does not have (RFC 959 section 5.4).
    #[error("{command}: reply out of sequence: {reply}")]
    OutOfSequence {
        /// As it was sent.
        command: String,
        /// What came.
        reply: Reply,
    },
    /// The first reply to a command is negative.
    #[error("{command}: {reply}")]
    Refused {
        /// As it was sent.
        command: String,
        /// 4yz or 5yz.
        reply: Reply,
    },
    /// The server's greeting is negative, or USER, PASS or ACCT is refused (RFC 959 section 5.4).
    #[error("login: {0}")]
    LoginRefused(Reply),
    /// A reply to PASV or EPSV without an address (RFC 959 section 4.1.2, RFC 2428 section 3).
    #[error("cannot understand the data address in {reply:?}: {error}")]
    Address {
        /// The whole reply.
        reply: String,
        /// What is wrong with it.
        error: AddressError,
    },
    /// The data connection could not be opened, within `connect_timeout` or at all.
    #[error("cannot open a data connection: {0}")]
    DataConnect(io::Error),
    /// The transfer failed at this end; `reply` is what the server made of it, if it said.
    #[error("{error}{}", said(reply))]
    Transfer {
        /// What failed here.
        error: TransferError,
        /// The completion reply.
        reply: Option<Reply>,
    },
    /// This end moved everything, or was still at it, when the server said that it failed.
    #[error("transfer failed: {0}")]
    TransferRefused(Reply),
    /// A completion reply came although the end of file had not been sent.
    #[error("the server replied {0} before the end of file was sent")]
    EarlyCompletion(Reply),
    /// SIZE tells another length than was moved (RFC 3659 section 4).
    #[error("the server holds {server_bytes} bytes, but {moved_bytes} were moved")]
    SizeMismatch {
        /// As the server says.
        server_bytes: u64,
        /// As was moved.
        moved_bytes: u64,
    },
    /// Less or more has come than a listing told, and SIZE does not say otherwise.
    #[error("the listing says {listed_bytes} bytes, but {moved_bytes} have come")]
    ListingMismatch {
        /// As MLSD or LIST said.
        listed_bytes: u64,
        /// As was moved.
        moved_bytes: u64,
    },
    /// SIZE or MDTM tells another size or time than before: what has come may be of two files.
    #[error("the file at the server has changed since the part was fetched that this went on from")]
    SourceChanged,
    /// HASH tells another hash than that of what was moved (draft-ietf-ftpext2-hash).
    #[error("the server's {algorithm} is {server}, ours is {ours}")]
    HashMismatch {
        /// As HASH names it.
        algorithm: &'static str,
        /// The server's, in lower-case hexadecimal.
        server: String,
        /// Ours, likewise.
        ours: String,
    },
    /// The server does not tell what verification needs.
    #[error("cannot verify by {command}, the server said: {reply}")]
    Unverifiable {
        /// SIZE or HASH.
        command: &'static str,
        /// What it said instead.
        reply: Reply,
    },
    /// What was to survive the loss of power was not sent: the server does not announce `DURABLE`.
    #[error("the server does not say that what it answers survives the loss of power (no DURABLE in FEAT)")]
    NotDurable,
    /// The store at this end failed.
    #[error("local file: {0}")]
    Local(StoreError),
    /// An earlier command was given up before its reply came, or the control connection broke then.
    #[error("control connection out of step")]
    OutOfStep,
    /// Broken off on demand, by RST on the data connection.
    #[error("interrupted")]
    Cancelled,
    /// Such a name was not sent: it would be more than one command.
    #[error("name holds a line feed or NUL, which no command can carry")]
    BadName,
    /// Such a time was not sent.
    #[error("the year has more than four digits, or is before the year 0; no command can carry it")]
    BadTime,
}

fn said(reply: &Option<Reply>) -> String {
    reply.as_ref().map(|reply| format!("; the server said {reply}")).unwrap_or_default()
}

/// [`ClientError`] as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The server could not be reached, or did not let us in.
    Connect,
    /// TLS could not be agreed on.
    Tls,
    /// TLS was to be, and the server does not have it.
    TlsRefused,
    /// The server's certificate is not to be trusted.
    Untrusted,
    /// The greeting or the login is negative.
    Login,
    /// The control connection broke, fell silent or fell out of step.
    Control,
    /// A command was refused.
    Refused,
    /// The data connection could not be opened, broke, fell silent, ended early.
    Data,
    /// What arrived is not what was sent, as SIZE or HASH tell.
    Mismatch,
    /// The server does not tell what verification needs.
    Unverifiable,
    /// The file at this end.
    Local,
    /// Given up before its turn came: the server could not be reached for an earlier file, or the
    /// delivery was cancelled.
    NotAttempted,
    /// Stopped on demand, by RST on the data connection.
    Cancelled,
}

impl ClientError {
    /// The server's reply that is the error, or came with it.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::OutOfSequence { reply, .. }
            | Self::Refused { reply, .. }
            | Self::LoginRefused(reply)
            | Self::TlsRefused(reply)
            | Self::TransferRefused(reply)
            | Self::EarlyCompletion(reply)
            | Self::Unverifiable { reply, .. } => Some(reply),
            Self::Transfer { reply, .. } => reply.as_ref(),
            _ => None,
        }
    }

    /// Which kind it is of, for reports and tables.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Connect { .. } => FailureKind::Connect,
            Self::Tls(_) | Self::TlsUnknown => FailureKind::Tls,
            Self::TlsRefused(_) => FailureKind::TlsRefused,
            Self::Untrusted(_) => FailureKind::Untrusted,
            Self::LoginRefused(_) => FailureKind::Login,
            Self::Control(_)
            | Self::ControlClosed
            | Self::NoReply(_)
            | Self::BadReply(_)
            | Self::OutOfSequence { .. }
            | Self::OutOfStep => FailureKind::Control,
            Self::Refused { .. } | Self::NotDurable => FailureKind::Refused,
            Self::Address { .. }
            | Self::DataConnect(_)
            | Self::UnmarkedEnd
            | Self::TransferRefused(_)
            | Self::EarlyCompletion(_) => FailureKind::Data,
            Self::Transfer { error: TransferError::Store(_) | TransferError::Marker(_), .. } => {
                FailureKind::Local
            }
            Self::Transfer { .. } => FailureKind::Data,
            Self::ListingMismatch { .. }
            | Self::SizeMismatch { .. }
            | Self::SourceChanged
            | Self::HashMismatch { .. } => FailureKind::Mismatch,
            Self::Unverifiable { .. } => FailureKind::Unverifiable,
            Self::Cancelled => FailureKind::Cancelled,
            Self::Local(_) | Self::BadName | Self::BadTime => FailureKind::Local,
        }
    }

    /// Whether another attempt would only meet the same: permanent refusals (5yz) and errors at
    /// this end. A 5yz after the transfer began is not permanent: servers say 500 and 550, too,
    /// when the data connection broke.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { reply, .. } | Self::LoginRefused(reply) => reply.code >= 500,
            // A certificate does not become another one by waiting.
            Self::NotDurable | Self::TlsUnknown | Self::Untrusted(_) => true,
            Self::TlsRefused(reply) => reply.code >= 500,
            Self::Tls(error) => error.kind() == io::ErrorKind::InvalidData,
            Self::Unverifiable { reply, .. } if reply.class() == Class::TransientNegative => false,
            error => matches!(
                error.kind(),
                FailureKind::Local | FailureKind::Unverifiable | FailureKind::Cancelled
            ),
        }
    }
}

/// Whether as much has come as was told. More is a file that has grown meanwhile.
pub(super) fn not_short(told_bytes: Option<u64>, moved_bytes: u64) -> Result<(), ClientError> {
    match told_bytes {
        Some(server_bytes) if moved_bytes < server_bytes => {
            Err(ClientError::SizeMismatch { server_bytes, moved_bytes })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
