//! TLS at both ends of a world.

use super::World;
use crate::sim::recorder::HostTap;
use crate::sim::scenario::{TlsSpec, TlsVersion};
use crate::sim::tls::{self, KeyLines, SERVER_NAME, Versions};
use ftp_endpoint::client::{ClientTls, Login};
use ftp_endpoint::observe::Who;
use ftp_endpoint::server::{ASKED_TICKETS, ServerTls, TlsUse};
use rustls::pki_types::ServerName;
use std::sync::Arc;

pub(super) fn versions(tls: TlsSpec) -> Versions {
    match tls.version {
        TlsVersion::Tls12 => Versions::Tls12,
        TlsVersion::Tls13 => Versions::Tls13,
    }
}

/// Only the server's secrets are logged: both sides' are the same.
pub(super) fn server(tls: TlsSpec, key_log: Arc<KeyLines>) -> ServerTls {
    // How many tickets are given is the session's to say.
    let mut config =
        tls::server_config(versions(tls), 0, key_log).expect("a configuration made of constants");
    // As of every server of ours.
    config.max_tls13_tickets = ASKED_TICKETS;
    let mut server = ServerTls::of(config);
    server.demand = TlsUse::Required;
    server.reuse = tls.reuse;
    server.end = tls.server_end;
    server.upload_tickets = tls.upload_tickets as usize;
    server
}

impl World {
    /// Reads TLS's records where there are any.
    pub(super) fn tap(&self, who: Who) -> HostTap {
        HostTap::new(who, self.recorder.clone()).under_tls(self.case.tls.is_some())
    }

    pub(super) fn login(&self) -> Login {
        let login = Login::new("user", "password");
        let Some(tls) = self.case.tls else { return login };
        let nowhere = Arc::new(KeyLines::default());
        let config = tls::client_config(versions(tls), nowhere).expect("a configuration made of constants");
        let name = ServerName::try_from(SERVER_NAME).expect("a constant name");
        login.with_tls(ClientTls::of(config, None, name))
    }
}
