//! TLS on a data connection of a client, which begins when the transfer command has been sent.

use super::{DataConnection, TransferError};
use crate::net::{Net, Pace, Stream};
use crate::observe::Event;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::sync::Arc;

/// What the handshake needs.
pub struct Handshake {
    /// Its sessions are those of the control connection.
    pub config: Arc<ClientConfig>,
    /// Of the server.
    pub name: ServerName<'static>,
    /// The control connection's: another one is refused.
    pub certificate: Option<CertificateDer<'static>>,
}

impl<N: Net> DataConnection<N> {
    /// TLS before the first byte that is sent or received: the server answers when it has heard of the
    /// transfer, not before.
    pub fn secure_first(&mut self, handshake: Handshake) {
        self.handshake = Some(handshake);
    }

    pub(super) async fn secured(&mut self) -> Result<(), TransferError> {
        let Some(Handshake { config, name, certificate }) = self.handshake.take() else { return Ok(()) };
        self.stream.pace(Pace::Now);
        let agreed = self.net.timeout(self.idle_limit, self.stream.connect_tls(config, name)).await;
        agreed.map_err(|_| TransferError::Silent(self.idle_limit))?.map_err(TransferError::Tls)?;
        let theirs = self.stream.agreed().and_then(|agreed| agreed.peer_certificates()?.first());
        if certificate.is_some() && theirs != certificate.as_ref() {
            let reason = "the data connection has another certificate than the control connection";
            return Err(TransferError::Tls(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        if let Some(agreed) = self.stream.agreed() {
            self.watch.tell(self.net.now(), Event::of_tls(agreed, true));
        }
        self.stream.pace(self.pace);
        Ok(())
    }
}
