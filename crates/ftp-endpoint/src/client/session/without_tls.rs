//! Sessions of a build without TLS.

use super::Session;
use crate::client::error::ClientError;
use crate::client::policy::{Login, TlsWhen};
use crate::net::Net;

impl<N: Net> Session<N> {
    pub(super) async fn greeted(&mut self, _login: &Login) -> Result<(), ClientError> {
        if self.policy.tls != TlsWhen::Off {
            return Err(ClientError::TlsUnknown);
        }
        self.greeting().await
    }

    pub(super) async fn protect_data(&mut self) -> Result<(), ClientError> {
        Ok(())
    }

    /// Under TLS it could be.
    pub fn another_may_do_better(&self, _error: &ClientError) -> bool {
        false
    }
}
