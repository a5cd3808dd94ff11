//! The ways in which a data connection ends.

use super::{DataConnection, TransferError};
use crate::net::{Net, Stream, at_once};
use crate::observe::Event as Seen;
use ftp_proto::mutant::{self, Mutant};
use serde::{Deserialize, Serialize};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How a data connection closes whose sender does not believe the reply, in
/// [`Event::DataCloses`](crate::observe::Event::DataCloses).
pub const DISBELIEVED: &str = "reset or never ended by the peer";

/// What ends a file of stream mode under TLS. The other modes mark the end themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TlsEnd {
    /// close_notify alone: nobody but the sender can make it (RFC 8446 section 6.1).
    #[default]
    Strict,
    /// A FIN as well, as many servers have it. A client takes one where SIZE tells that all has come.
    Lax,
    /// A FIN as well, and nobody asks: what curl does where it knows no size. For comparisons.
    Unasked,
    /// A reset as well, as pyftpdlib has it. For comparisons.
    Any,
}

impl<N: Net> DataConnection<N> {
    /// What a failed read under TLS is: the end of a connection without close_notify gives no bytes, where that
    /// will do.
    pub(super) fn unmarked_end(&mut self, error: io::Error) -> Result<usize, TransferError> {
        match (error.kind(), self.tls_end) {
            // The mode will say that the file's mark has not come.
            (io::ErrorKind::UnexpectedEof, _) if self.outlives_file() => Ok(0),
            (io::ErrorKind::UnexpectedEof, TlsEnd::Strict) if mutant::is(Mutant::UnmarkedEndTaken) => Ok(0),
            (io::ErrorKind::UnexpectedEof, TlsEnd::Strict) => Err(TransferError::NoCloseNotify),
            (io::ErrorKind::UnexpectedEof, TlsEnd::Lax) => {
                self.unmarked = true;
                Ok(0)
            }
            (io::ErrorKind::UnexpectedEof, TlsEnd::Unasked | TlsEnd::Any) => Ok(0),
            (io::ErrorKind::ConnectionReset, TlsEnd::Any) if !self.outlives_file() => Ok(0),
            _ => Err(TransferError::Connection(error)),
        }
    }

    /// No more is sent; the peer may. Under TLS the connection is not closed while the peer may have sent what has
    /// not been read, which would make the kernel send RST, and lose there what has not been read (session
    /// tickets of TLS 1.3 come unasked): [`Self::linger`] reads it.
    pub async fn end(&mut self) {
        // The peer may be gone already; there is nothing left to do about it.
        let _ = self.net.timeout(self.idle_limit, self.stream.shutdown()).await;
        self.ended = true;
        if !self.is_tls() {
            self.told_close("closed");
        }
    }

    /// Under TLS: reads and drops what comes, until the peer closes.
    pub async fn linger(&mut self) {
        let mut dropped = [0; 512];
        while let Ok(1..) = self.stream.read(&mut dropped).await {}
    }

    /// For the sender of files in clear, once the receiver has said that it has one whole: whether the peer of this
    /// connection is who has read it. Whoever has not resets it: a server does that to the right one when
    /// somebody else's has come first, from the same address. In stream mode the peer ends it as well, in order, and
    /// is waited for; where the connection is kept, what has come is all there is to go by.
    ///
    /// # Errors
    /// The connection was reset, or has not been ended.
    pub async fn was_read(&mut self) -> Result<(), TransferError> {
        if self.is_protected()
            || std::mem::replace(&mut self.read_by_peer, true)
            || mutant::is(Mutant::ContestIgnored)
        {
            return Ok(());
        }
        let read = self.end_of_reading().await;
        if read.is_err() {
            self.told_close(DISBELIEVED);
        }
        read
    }

    async fn end_of_reading(&mut self) -> Result<(), TransferError> {
        let mut dropped = [0; 512];
        if self.outlives_file() {
            return match at_once(Box::pin(self.stream.read(&mut dropped))).await {
                Some(Err(error)) => Err(TransferError::Connection(error)),
                Some(Ok(_)) | None => Ok(()),
            };
        }
        let ended = async {
            while self.stream.read(&mut dropped).await? > 0 {}
            Ok(())
        };
        let ended = self.net.timeout(self.idle_limit, ended).await;
        ended.map_err(|_| TransferError::Silent(self.idle_limit))?.map_err(TransferError::Connection)
    }

    /// Whether the connection is under TLS, or will be before anything moves.
    pub fn is_protected(&self) -> bool {
        #[cfg(feature = "tls")]
        let awaited = self.handshake.is_some();
        #[cfg(not(feature = "tls"))]
        let awaited = false;
        awaited || self.is_tls()
    }

    /// Whether the connection is under TLS.
    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// Sends FIN and lets the stack deliver what is queued.
    pub async fn close(mut self) {
        if !self.ended {
            let _ = self.net.timeout(self.idle_limit, self.stream.finish()).await;
        }
        self.told_closed();
    }

    /// In clear, [`Self::end`] has told it.
    fn told_closed(&self) {
        if !self.ended || self.is_tls() {
            self.told_close("closed");
        }
    }

    /// Ends the connection with RST, so that the peer cannot take it for an end of file.
    pub fn abort(self) {
        if self.ends_unfinished && self.ended {
            // Nothing is left to reset: the peer has been given an end in order.
            return self.told_closed();
        }
        self.told_close("aborted");
        self.stream.abort();
    }

    fn told_close(&self, how: &str) {
        let (local, peer) = (self.local, self.peer);
        self.watch.tell(self.net.now(), Seen::DataCloses { local, peer, how });
    }
}
