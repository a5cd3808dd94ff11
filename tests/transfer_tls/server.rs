//! A server with TLS, or without, in the process of the test.

use crate::common::{PASSWORD, USER};
use ftp_endpoint::client::{Fingerprint, fingerprint};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, TlsUse, serve};
use ftp_endpoint::store::memory::MemoryStore;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use testkit::server::path_of;
use testkit::tls::Identity;
use tokio::runtime::{Builder, Runtime};

/// Whose certificate is for this address, and made by itself.
pub(crate) struct Server {
    _runtime: Runtime,
    pub(crate) address: SocketAddr,
    pub(crate) identity: Identity,
    store: MemoryStore,
    implicit: bool,
}

impl Server {
    /// Nothing happens in clear at this one.
    pub(crate) fn secured(implicit: bool) -> Self {
        let identity = Identity::of("127.0.0.1");
        let mut tls = identity.server(rustls::ALL_VERSIONS);
        (tls.implicit, tls.demand) = (implicit, TlsUse::Required);
        Self::start(identity, implicit, |config| config.tls = Some(tls))
    }

    /// Under TLS, with a certificate of a test's making.
    pub(crate) fn with(identity: Identity) -> Self {
        let tls = identity.server(rustls::ALL_VERSIONS);
        Self::start(identity, false, |config| config.tls = Some(tls))
    }

    pub(crate) fn in_clear() -> Self {
        Self::start(Identity::of("127.0.0.1"), false, |_| {})
    }

    fn start(
        identity: Identity,
        implicit: bool,
        change: impl FnOnce(&mut Config<Table<MemoryStore>>),
    ) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let store = MemoryStore::default();
        let users = Table::new().with_user(USER, PASSWORD, store.clone(), Rights::ALL).with_user(
            "anonymous",
            "ftpsim@",
            store.clone(),
            Rights::ALL,
        );
        let mut config = Config::new(users);
        change(&mut config);
        let listener = runtime.block_on(RealNet::new().listen("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(RealNet::new(), listener, Arc::new(config), Arc::new(Nobody)));
        Self { _runtime: runtime, address, identity, store, implicit }
    }

    /// With user and password.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.implicit { "ftps" } else { "ftp" };
        format!("{scheme}://{USER}:{PASSWORD}@{}/{path}", self.address)
    }

    /// As people write it.
    pub(crate) fn fingerprint(&self) -> String {
        Fingerprint(fingerprint(&self.identity.certificate)).to_string()
    }

    /// A directory with the server's certificate as `ca.pem`.
    pub(crate) fn home(&self) -> TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("ca.pem"), &self.identity.pem).unwrap();
        home
    }

    pub(crate) fn insert(&self, name: &str, content: &[u8]) {
        self.store.insert(&path_of(name), content);
    }
}
