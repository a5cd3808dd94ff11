//! Our own server, in a thread and a runtime of its own.

use ftp_endpoint::net::real::{RealNet, runtime};
use ftp_endpoint::net::{Listener, Net};
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, PASSIVE_PORTS, Rights, Table, serve};
use ftp_endpoint::store::Store;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The user that a [`LocalServer`] knows.
pub const USER: &str = "bench";
/// That user's password.
pub const PASSWORD: &str = "bench";
/// For whoever measures with more sessions than a server should take by default.
const SESSIONS: usize = 100_000;

/// Ends when it is dropped.
pub struct LocalServer {
    /// The address of its control port, on loopback.
    pub address: SocketAddr,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl LocalServer {
    /// On a free port of loopback, with one user who may do everything.
    pub fn start(store: impl Store) -> io::Result<Self> {
        let accounts = Table::new().with_user(USER, PASSWORD, store, Rights::ALL);
        let mut config = Config::new(accounts);
        config.limits.sessions = SESSIONS;
        config.limits.sessions_per_address = SESSIONS;
        config.limits.logins_per_address = SESSIONS;
        config.passive_ports = Some(PASSIVE_PORTS);
        config.passive_seed = u64::from(std::process::id());
        // Nobody guesses at passwords here.
        config.timeouts.login_failure = Duration::ZERO;
        let shutdown = config.shutdown.clone();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            runtime()?.block_on(async {
                let net = RealNet::new();
                let listener = net.listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
                // Whoever waits for it is gone only if this thread is not wanted any more.
                let _ = tell.send(Listener::local_addr(&listener)?);
                serve(net, listener, Arc::new(config), Arc::new(Nobody)).await
            })
        });
        match told.recv() {
            Ok(address) => Ok(Self { address, shutdown, thread: Some(thread) }),
            Err(_) => match thread.join() {
                Ok(Err(error)) => Err(error),
                _ => Err(io::Error::other("the server did not start")),
            },
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
