//! How a contender uses TLS (RFC 4217): control and data connections both, from AUTH on.

pub use ftp_endpoint::server::Reuse;
pub use ftp_endpoint::transfer::TlsEnd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
}

/// Where programs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSpec {
    /// The one version of both sides.
    pub version: TlsVersion,
    /// What the server takes for the end of an upload in stream mode.
    pub server_end: TlsEnd,
    /// What the client takes for the end of a download in stream mode.
    pub client_end: TlsEnd,
    /// Whether data connections resume the TLS session of their control connection.
    pub reuse: Reuse,
    /// Tickets that the server sends on the data connection of an upload under TLS 1.3.
    pub upload_tickets: u32,
    /// The client holds the connection of an upload until the server has answered, and reads what comes.
    pub client_lingers: bool,
}

impl TlsSpec {
    /// Whether both ends demand close_notify.
    pub fn is_strict(&self) -> bool {
        (self.server_end, self.client_end) == (TlsEnd::Strict, TlsEnd::Strict)
    }
}

impl Default for TlsSpec {
    /// As it should be.
    fn default() -> Self {
        Self {
            version: TlsVersion::default(),
            server_end: TlsEnd::default(),
            client_end: TlsEnd::default(),
            reuse: Reuse::default(),
            upload_tickets: 0,
            client_lingers: true,
        }
    }
}
