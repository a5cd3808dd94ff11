//! Every error a client can meet, and its reply code: this is the one place that knows both.

use crate::store::StoreError;
use crate::transfer::TransferError;
use ftp_proto::command::CommandError;
use ftp_proto::path::PathError;
use ftp_proto::reply::Reply;
use std::io;

#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0}")]
    Command(#[from] CommandError),
    #[error("{0}")]
    Path(#[from] PathError),
    /// Something that reads or changes names.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// STOR, STOU, APPE, RNTO: the name to be made.
    #[error("{0}")]
    Storing(StoreError),
    #[error("please log in with USER and PASS")]
    NotLoggedIn,
    #[error("permission denied")]
    NoRight,
    #[error("permission denied")]
    NoRightToStore,
    #[error("{0}")]
    Sequence(&'static str),
    #[error("{0} is not implemented")]
    NotImplemented(&'static str),
    #[error("{0}")]
    Parameter(String),
    #[error("{0}")]
    Syntax(&'static str),
    /// OPTS, where the answer names what is wrong (draft-preston-ftpext-deflate-02 section 3.6).
    #[error("{0}")]
    Setting(String),
    /// REST's argument does not go with the transfer command or the parameters (RFC 3659 section 5).
    #[error("cannot restart there: {0}")]
    Restart(&'static str),
    /// RFC 2428 section 2.
    #[error("network protocol not supported, use ({0})")]
    Protocol(u8),
    #[error("data address refused: {0}")]
    DataAddress(&'static str),
    #[error("cannot open data connection: {0}")]
    Open(#[from] OpenError),
    #[error("{0}")]
    Transfer(#[from] TransferError),
    #[error("transfer aborted")]
    Aborted,
    /// LIST and NLST. RFC 959 section 5.4 knows 450 alone for them, by which clients understand that they
    /// are to try again; every server in use says 550.
    #[error("no such file or directory")]
    NotListed,
    /// STAT (RFC 959 section 5.4).
    #[error("no such file or directory")]
    NoStatus,
    /// USER and PASS.
    #[cfg(feature = "tls")]
    #[error("TLS is required, send AUTH TLS first")]
    TlsFirst,
    /// RFC 4217 section 10.2.
    #[cfg(feature = "tls")]
    #[error("data connection cannot be opened with this PROT setting")]
    Unprotected,
    /// RFC 2228 section 3, PROT.
    #[cfg(feature = "tls")]
    #[error("{0}")]
    Policy(&'static str),
    /// PROT S and E (RFC 4217 section 9).
    #[cfg(feature = "tls")]
    #[error("TLS has the protection levels C and P")]
    Protection,
    /// CCC (RFC 2228 section 3): a clear control connection behind a protected login is open to whoever is on
    /// the path (RFC 4217 section 15.3).
    #[error("the control connection stays as it is")]
    ClearRefused,
    /// Ends the session.
    #[error("control connection lost: {0}")]
    ControlLost(io::Error),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("no port is set, use EPSV, PASV, EPRT or PORT")]
    NoPort,
    #[error("timed out")]
    TimedOut,
    #[cfg(feature = "tls")]
    #[error("TLS: {0}")]
    Tls(io::Error),
    #[cfg(feature = "tls")]
    #[error("the data connection must resume the TLS session of the control connection")]
    NotResumed,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Refusal {
    pub(super) fn code(&self) -> u16 {
        match self {
            Refusal::Command(error) => match error {
                CommandError::Empty | CommandError::Unknown => 500,
                CommandError::Missing(_) | CommandError::Unexpected(_) | CommandError::Bad { .. } => 501,
                CommandError::NotImplemented { .. } => 504,
                CommandError::Protocol => 522,
            },
            Refusal::Path(_) => 553,
            Refusal::Store(error) => match error {
                StoreError::Full => 452,
                StoreError::TooLarge => 552,
                StoreError::Busy => 450,
                StoreError::BadOffset { .. } => 554,
                StoreError::Io(_)
                | StoreError::NotDurable(_)
                | StoreError::Changed
                | StoreError::Shrunk { .. } => 451,
                StoreError::BadName => 553,
                _ => 550,
            },
            Refusal::Storing(error) => match error {
                // It may succeed when somebody has cleared up (RFC 1123 section 4.1.2.11).
                StoreError::Full => 452,
                StoreError::TooLarge => 552,
                StoreError::Busy => 450,
                StoreError::BadOffset { .. } => 554,
                StoreError::Io(_)
                | StoreError::NotDurable(_)
                | StoreError::Changed
                | StoreError::Shrunk { .. } => 451,
                _ => 553,
            },
            Refusal::NotLoggedIn => 530,
            Refusal::NoRight => 550,
            Refusal::NoRightToStore => 553,
            Refusal::Sequence(_) => 503,
            Refusal::NotImplemented(_) => 502,
            Refusal::Parameter(_) => 504,
            Refusal::Syntax(_) | Refusal::Setting(_) => 501,
            Refusal::Restart(_) => 554,
            Refusal::Protocol(_) => 522,
            // RFC 2577 section 3 suggests 504.
            Refusal::DataAddress(_) => 504,
            Refusal::NotListed => 550,
            Refusal::NoStatus => 450,
            #[cfg(feature = "tls")]
            Refusal::TlsFirst => 530,
            #[cfg(feature = "tls")]
            Refusal::Unprotected => 521,
            #[cfg(feature = "tls")]
            Refusal::Policy(_) => 534,
            #[cfg(feature = "tls")]
            Refusal::Protection => 536,
            Refusal::ClearRefused => 533,
            Refusal::ControlLost(_) => 421,
            // RFC 4217 section 10.2.
            #[cfg(feature = "tls")]
            Refusal::Open(OpenError::Tls(_) | OpenError::NotResumed) => 522,
            Refusal::Open(_) => 425,
            // 150 has been said: what it promised has not come about, but for what the name is to blame.
            Refusal::Transfer(TransferError::Store(error)) => match error {
                StoreError::Full => 452,
                StoreError::TooLarge => 552,
                StoreError::Busy => 450,
                StoreError::Exists => 553,
                _ => 451,
            },
            Refusal::Transfer(TransferError::Convert(_) | TransferError::Marker(_)) => 451,
            Refusal::Transfer(_) | Refusal::Aborted => 426,
        }
    }

    pub(super) fn reply(&self) -> Reply {
        let text = self.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
        Reply::new(self.code(), format!("{first}{}.", letters.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a store refuses: of a name alone, of a name to store under, and when 150 has been said.
    #[test]
    fn what_a_store_refuses_has_its_code() {
        let io = || std::io::Error::other("x");
        let codes = |error: fn() -> StoreError| {
            let transfer = Refusal::Transfer(TransferError::Store(error()));
            [Refusal::Store(error()).code(), Refusal::Storing(error()).code(), transfer.code()]
        };
        // RFC 959 section 4.2.2; RFC 1123 section 4.1.2.11; RFC 3659 for 554.
        assert_eq!(codes(|| StoreError::Full), [452, 452, 452]);
        assert_eq!(codes(|| StoreError::TooLarge), [552, 552, 552]);
        assert_eq!(codes(|| StoreError::Busy), [450, 450, 450]);
        assert_eq!(codes(|| StoreError::BadOffset { offset: 2, size_bytes: 1 }), [554, 554, 451]);
        assert_eq!(codes(|| StoreError::Changed), [451, 451, 451]);
        assert_eq!(codes(|| StoreError::Shrunk { missing_bytes: 1 }), [451, 451, 451]);
        assert_eq!(codes(|| StoreError::BadName), [553, 553, 451]);
        assert_eq!(codes(|| StoreError::NotFound), [550, 553, 451]);
        assert_eq!(codes(|| StoreError::Denied), [550, 553, 451]);
        assert_eq!(codes(|| StoreError::Exists), [550, 553, 553]);
        for refused in [StoreError::Io(io()), StoreError::NotDurable(io())] {
            assert_eq!(Refusal::Store(refused).code(), 451);
        }
        for refused in [StoreError::Io(io()), StoreError::NotDurable(io())] {
            assert_eq!(Refusal::Storing(refused).code(), 451);
        }
    }
}
