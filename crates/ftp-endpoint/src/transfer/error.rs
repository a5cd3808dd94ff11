//! What can go wrong with the moving of a file.

use super::MinRate;
use crate::store::StoreError;
use ftp_proto::mode::DecodeError;
use ftp_proto::repr::ConvertError;
use std::io;
use std::time::Duration;

/// Why a transfer failed at this end.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The data connection failed (reset, broken pipe ...).
    #[error("data connection: {0}")]
    Connection(io::Error),
    /// The data connection closed before the mode's end of file.
    #[error("data connection closed before the end of file")]
    Truncated,
    /// The TLS handshake of the data connection failed.
    #[error("TLS on the data connection: {0}")]
    Tls(io::Error),
    /// Under TLS, in stream mode: the data connection closed without close_notify, by whomever.
    #[error("data connection closed without TLS close_notify: the file may not be whole")]
    NoCloseNotify,
    /// Nothing moved for the data timeout.
    #[error("data connection silent for {0:?}")]
    Silent(Duration),
    /// Less has moved than the peer has to move.
    #[error("data connection slower than {} bytes per second for {:?}", .0.bytes_per_s, .0.window)]
    TooSlow(MinRate),
    /// What came is not what the mode sends (RFC 959 section 3.4).
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    /// The file at this end failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The store names a place in its file by what no restart marker may hold.
    #[error("not a restart marker: {0:?}")]
    Marker(String),
    /// The local file is not what TYPE and STRU need.
    #[error("{0}")]
    Convert(#[from] ConvertError),
}
