//! The ways in which a data connection ends.

use super::{DataConnection, TransferError};
use crate::net::{Net, Stream};
use crate::observe::Event as Seen;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

/// What ends a file of stream mode under TLS. The other modes mark the end themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsEnd {
    /// close_notify alone: nobody but the sender can make it (RFC 8446 section 6.1).
    #[default]
    Strict,
    /// Any end of the connection, as many clients and servers have it.
    Lax,
}

impl<N: Net> DataConnection<N> {
    /// After an end without close_notify: as many bytes as came with it, which is none.
    pub(super) fn unmarked_end(&mut self) -> Result<usize, TransferError> {
        if self.outlives_file() {
            return Ok(0);
        }
        match self.tls_end {
            TlsEnd::Strict => Err(TransferError::NoCloseNotify),
            TlsEnd::Lax => {
                self.unmarked = true;
                Ok(0)
            }
        }
    }

    /// No more is sent. Under TLS the connection is not closed while the peer may have sent what has not been
    /// read, which would make the kernel send RST, and lose there what has not been read (session tickets
    /// of TLS 1.3 come unasked): [`Self::linger`] reads it.
    pub async fn end(&mut self) {
        // The peer may be gone already; there is nothing left to do about it.
        let _ = self.net.timeout(self.idle_limit, self.stream.finish()).await;
    }

    /// Under TLS: reads and drops what comes, until the peer closes.
    pub async fn linger(&mut self) {
        let mut dropped = [0; 512];
        while let Ok(1..) = self.stream.read(&mut dropped).await {}
    }

    /// Whether the connection is under TLS.
    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// Sends FIN and lets the stack deliver what is queued.
    pub async fn close(mut self) {
        if self.stream.is_tls() {
            self.end().await;
        } else {
            // The peer may be gone already; there is nothing left to do about it.
            let _ = self.stream.finish().await;
        }
        self.told_close("closed");
    }

    /// Ends the connection with RST, so that the peer cannot take it for an end of file.
    pub fn abort(self) {
        self.told_close("aborted");
        self.stream.abort();
    }

    fn told_close(&self, how: &str) {
        let (local, peer) = (self.local, self.peer);
        self.watch.tell(self.net.now(), Seen::DataCloses { local, peer, how });
    }
}
