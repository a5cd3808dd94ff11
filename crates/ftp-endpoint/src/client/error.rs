//! What can go wrong for a client.

use crate::store::StoreError;
use crate::transfer::TransferError;
use ftp_proto::address::AddressError;
use ftp_proto::reply::{Class, Reply, ReplyError};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot connect to {server}: {error}")]
    Connect { server: SocketAddr, error: io::Error },
    #[error("control connection: {0}")]
    Control(io::Error),
    #[error("control connection closed by the server")]
    ControlClosed,
    #[error("no reply within {0:?}")]
    NoReply(Duration),
    #[error("control connection: {0}")]
    BadReply(#[from] ReplyError),
    /// A reply of a class that the command's sequence does not have (RFC 959 section 5.4).
    #[error("{command}: reply out of sequence: {reply}")]
    OutOfSequence { command: String, reply: Reply },
    /// The first reply to a command is negative.
    #[error("{command}: {reply}")]
    Refused { command: String, reply: Reply },
    #[error("login: {0}")]
    LoginRefused(Reply),
    #[error("cannot understand the data address in {reply:?}: {error}")]
    Address { reply: String, error: AddressError },
    #[error("cannot open a data connection: {0}")]
    DataConnect(io::Error),
    #[error("data connection from {found}, which is not the server")]
    DataPeer { found: SocketAddr },
    /// The transfer failed at this end; `reply` is what the server made of it, if it said.
    #[error("{error}{}", said(reply))]
    Transfer { error: TransferError, reply: Option<Reply> },
    /// This end moved everything, or was still at it, when the server said that it failed.
    #[error("transfer failed: {0}")]
    TransferRefused(Reply),
    /// A completion reply came although the end of file had not been sent.
    #[error("the server replied {0} before the end of file was sent")]
    EarlyCompletion(Reply),
    #[error("the server holds {server_bytes} bytes, but {moved_bytes} were moved")]
    SizeMismatch { server_bytes: u64, moved_bytes: u64 },
    #[error("the server's {algorithm} is {server}, ours is {ours}")]
    HashMismatch { algorithm: &'static str, server: String, ours: String },
    #[error("cannot verify by {command}, the server said: {reply}")]
    Unverifiable { command: &'static str, reply: Reply },
    #[error("local file: {0}")]
    Local(StoreError),
    /// What a listing brought.
    #[error("the listing is not UTF-8")]
    ListingNotUtf8,
    /// An earlier command was given up before its reply came, or the control connection broke then.
    #[error("control connection out of step")]
    OutOfStep,
    #[error("interrupted")]
    Cancelled,
    #[error("name holds a line feed or NUL, which no command can carry")]
    BadName,
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
    Login,
    /// The control connection broke, fell silent or fell out of step.
    Control,
    /// A command was refused.
    Refused,
    /// The data connection could not be opened, broke, fell silent, ended early.
    Data,
    /// What arrived is not what was sent, as SIZE or HASH tell.
    Mismatch,
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
            | Self::TransferRefused(reply)
            | Self::EarlyCompletion(reply)
            | Self::Unverifiable { reply, .. } => Some(reply),
            Self::Transfer { reply, .. } => reply.as_ref(),
            _ => None,
        }
    }

    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Connect { .. } => FailureKind::Connect,
            Self::LoginRefused(_) => FailureKind::Login,
            Self::Control(_)
            | Self::ControlClosed
            | Self::NoReply(_)
            | Self::BadReply(_)
            | Self::OutOfSequence { .. }
            | Self::OutOfStep => FailureKind::Control,
            Self::Refused { .. } => FailureKind::Refused,
            Self::Address { .. }
            | Self::DataConnect(_)
            | Self::DataPeer { .. }
            | Self::TransferRefused(_)
            | Self::EarlyCompletion(_)
            | Self::ListingNotUtf8 => FailureKind::Data,
            Self::Transfer { error: TransferError::Store(_) | TransferError::Marker(_), .. } => {
                FailureKind::Local
            }
            Self::Transfer { .. } => FailureKind::Data,
            Self::SizeMismatch { .. } | Self::HashMismatch { .. } => FailureKind::Mismatch,
            Self::Unverifiable { .. } => FailureKind::Unverifiable,
            Self::Cancelled => FailureKind::Cancelled,
            Self::Local(_) | Self::BadName => FailureKind::Local,
        }
    }

    /// Whether another attempt would only meet the same: permanent refusals (5yz) and errors at
    /// this end. A 5yz after the transfer began is not permanent: servers say 500 and 550, too,
    /// when the data connection broke.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { reply, .. } | Self::LoginRefused(reply) => reply.code >= 500,
            Self::Unverifiable { reply, .. } if reply.class() == Class::TransientNegative => false,
            error => matches!(
                error.kind(),
                FailureKind::Local | FailureKind::Unverifiable | FailureKind::Cancelled
            ),
        }
    }
}
