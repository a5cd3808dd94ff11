//! The server to be checked.

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Tickets kept for a session's data connections.
const MAX_TICKETS: usize = 32;

/// How TLS is used.
#[derive(Clone)]
pub struct Tls {
    /// Whom it trusts, and the versions.
    pub config: Arc<ClientConfig>,
    /// Of the server.
    pub name: ServerName<'static>,
    /// From the first byte.
    pub implicit: bool,
}

impl Tls {
    /// For one control connection, with a store of its own for what data connections resume.
    pub(super) fn for_session(&self) -> Self {
        let mut config = (*self.config).clone();
        config.resumption = Resumption::in_memory_sessions(MAX_TICKETS);
        Self { config: Arc::new(config), ..self.clone() }
    }
}

/// Where the server is, and how one comes in.
#[derive(Clone)]
pub struct Target {
    /// Its address.
    pub address: SocketAddr,
    /// Its name, or its address, an IPv6 address in brackets.
    pub host: String,
    /// USER's argument.
    pub user: String,
    /// PASS's argument; in no dialogue that is reported.
    pub password: String,
    /// Where CWD goes after the login; empty for nowhere.
    pub path: String,
    /// By what the server is known; none if TLS is not to be used.
    pub tls: Option<Tls>,
    /// Logins are under TLS.
    pub secured: bool,
    /// Nothing is made, changed or removed at the server.
    pub read_only: bool,
    /// Longest wait for a reply, for a connection, for data.
    pub timeout: Duration,
}
