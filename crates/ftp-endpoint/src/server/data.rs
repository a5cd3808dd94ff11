//! Data connections: where the next one comes from, and the one that is kept.
//!
//! In stream and deflate mode there is one a file. In block and compressed mode it stays open (RFC 959
//! section 3.3) until the client closes it, a port command or MODE or STRU says otherwise, ABOR, REIN or
//! an error. TYPE leaves it alone: it changes what the bytes mean, not how they are framed (only
//! compressed mode's filler byte, which the codecs take over from one file to the next).

use super::config::Config;
use super::replies::OpenError;
#[cfg(feature = "tls")]
use super::tls::{DataTls, version};
use crate::net::{Channel, Listener, Net, Pace, Stream, accept_from, canonical, uncontested};
use crate::observe::Watch;
use crate::transfer::{DataConnection, MinRate};
use ftp_proto::mode::{Coding, TransmissionMode};
use ftp_proto::mutant::{self, Mutant};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// A privileged port is never connected to (RFC 2577 section 3).
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

enum Port<N: Net> {
    /// The client's end of the control connection (RFC 959 section 3.2).
    Default,
    /// PORT or EPRT.
    Active(SocketAddr),
    /// PASV or EPSV.
    Passive(N::Listener),
    /// PASV serves for one connection (RFC 1123 section 4.1.2.6).
    Used,
}

pub(super) struct DataPort<N: Net> {
    net: N,
    watch: Watch,
    /// Of the control connection.
    local: SocketAddr,
    peer: SocketAddr,
    foreign_addresses: bool,
    silence_limit: Duration,
    min_rate: Option<MinRate>,
    takes_cut_deflate: bool,
    ends_unfinished: bool,
    open_limit: Duration,
    port: Port<N>,
    connection: Option<DataConnection<N>>,
    holds: bool,
    /// Of a download that has failed at this end: closed when the reply has been sent.
    leaving: Option<DataConnection<N>>,
    refused: Option<Refused<N>>,
    /// PROT P.
    #[cfg(feature = "tls")]
    protection: Option<DataTls>,
    /// Of the last connection.
    tls_version: Option<&'static str>,
}

/// Which way a connection's files go, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// What the client has opened, or may yet, for a transfer that was refused.
enum Refused<N: Net> {
    Listening(N::Listener),
    /// It has had its FIN, and is held until the next port is asked for: what it sends is no business of
    /// anybody, but a reset could overtake the reply.
    Ended(N::Stream),
}

impl<N: Net> DataPort<N> {
    pub(super) fn new<A>(
        net: N,
        watch: Watch,
        local: SocketAddr,
        peer: SocketAddr,
        config: &Config<A>,
    ) -> Self {
        Self {
            net,
            watch,
            local,
            peer,
            foreign_addresses: config.foreign_data_addresses,
            silence_limit: config.timeouts.data,
            min_rate: config.limits.min_rate,
            takes_cut_deflate: config.takes_cut_deflate,
            ends_unfinished: config.ends_unfinished,
            open_limit: config.timeouts.data_open,
            port: Port::Default,
            connection: None,
            holds: false,
            leaving: None,
            refused: None,
            #[cfg(feature = "tls")]
            protection: None,
            tls_version: None,
        }
    }

    /// PROT: the connections to come.
    #[cfg(feature = "tls")]
    pub(super) async fn protect(&mut self, protection: Option<DataTls>) {
        self.close().await;
        self.protection = protection;
    }

    /// PORT and EPRT. The port specification changes: the kept connection is closed. A client that
    /// does not know its address (lftp over IPv6 says `::`) means its own.
    pub(super) async fn set_active(&mut self, mut address: SocketAddr) -> Result<(), &'static str> {
        if address.ip().is_unspecified() {
            address.set_ip(self.peer.ip());
        }
        self.check(address)?;
        self.close().await;
        self.port = Port::Active(address);
        Ok(())
    }

    /// Against the bounce attack (RFC 2577 section 3).
    fn check(&self, address: SocketAddr) -> Result<(), &'static str> {
        if address.port() < FIRST_UNPRIVILEGED_PORT {
            return Err("port below 1024");
        }
        if !self.foreign_addresses && canonical(address.ip()) != canonical(self.peer.ip()) {
            return Err("not the address of this client");
        }
        Ok(())
    }

    /// PASV and EPSV: listens on one of `ports` in the order tried, and gives the address.
    pub(super) async fn set_passive(&mut self, ports: impl Iterator<Item = u16>) -> io::Result<SocketAddr> {
        self.reset().await;
        let mut failure = io::ErrorKind::AddrInUse.into();
        for port in ports {
            // It is the address of the control connection, a link-local one's scope included.
            let mut on = self.local;
            on.set_port(port);
            match self.net.listen(on).await {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    self.port = Port::Passive(listener);
                    return Ok(address);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Of the connection of the last transfer, if it was under TLS.
    pub(super) fn tls_version(&self) -> Option<&'static str> {
        self.tls_version
    }

    /// Whether a connection stands open from the last transfer.
    pub(super) fn is_kept(&self) -> bool {
        self.connection.is_some()
    }

    /// Closes the kept connection, if there is one.
    pub(super) async fn close(&mut self) {
        if let Some(kept) = self.connection.take() {
            kept.close().await;
        }
    }

    /// Closes whatever is open or listening; the port is the default one again.
    pub(super) async fn reset(&mut self) {
        self.close().await;
        self.refused = None;
        self.port = Port::Default;
    }

    /// After a transfer that did not end well: the connection is reset, so that nobody can take it
    /// for an end of file, and whatever the client has opened for it is not taken for the next.
    pub(super) fn discard(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.abort();
        }
        self.discard_passive();
    }

    /// After a download whose file failed: FIN when the reply has been sent. A client in step knows by then
    /// that it has not come whole, and some take a reset for the end of their session.
    pub(super) fn leave(&mut self) {
        self.leaving = self.connection.take();
        self.discard_passive();
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// The reply has been sent.
    pub(super) async fn left(&mut self) {
        if let Some(connection) = self.leaving.take() {
            connection.close().await;
        }
    }

    /// In stream and deflate mode each transfer command has its own connection: what came for one that
    /// was refused must not be taken for the next.
    pub(super) fn refused(&mut self, mode: TransmissionMode) {
        if !mode.is_framed()
            && let Some(listener) = self.take_passive()
        {
            self.refused = Some(Refused::Listening(listener));
        }
    }

    /// Waits for what the client has opened for a transfer that was refused, and ends it without a reset.
    /// May be dropped at any time.
    pub(super) async fn see_off(&mut self) {
        let Some(Refused::Listening(listener)) = &self.refused else { return std::future::pending().await };
        self.refused = match listener.accept().await {
            Ok((mut stream, _)) => {
                // Nothing waits in it: FIN is all there is to send. It stays open at this end, and so no drop
                // sends it, on which `finish` may rely.
                let _ = stream.shutdown().await;
                Some(Refused::Ended(stream))
            }
            Err(_) => None,
        };
    }

    fn discard_passive(&mut self) {
        drop(self.take_passive());
    }

    /// The listener, which has then served.
    fn take_passive(&mut self) -> Option<N::Listener> {
        match std::mem::replace(&mut self.port, Port::Used) {
            Port::Passive(listener) => Some(listener),
            other => {
                self.port = other;
                None
            }
        }
    }

    /// Whether a connection of this coding stands open, so that the reply is 125, not 150. One that
    /// the client has closed, or that has another coding, is closed here.
    pub(super) async fn is_open(&mut self, coding: Coding) -> bool {
        let Some(kept) = &mut self.connection else { return false };
        let has = kept.coding();
        if (has.mode, has.structure) == (coding.mode, coding.structure) && kept.is_open().await {
            kept.set_filler(coding.filler);
            return true;
        }
        self.close().await;
        false
    }

    /// The kept connection, or a new one for files that go this way.
    pub(super) async fn open(
        &mut self,
        coding: Coding,
        way: Way,
    ) -> Result<&mut DataConnection<N>, OpenError> {
        let connection = match self.connection.take() {
            Some(kept) => kept,
            None => {
                let net = self.net.clone();
                let limit = self.open_limit;
                let channel =
                    net.timeout(limit, self.channel(way)).await.map_err(|_| OpenError::TimedOut)??;
                let mut new =
                    DataConnection::new(net, channel, coding, self.silence_limit, self.watch.clone())?;
                new.demand(self.min_rate);
                new.take_cut_deflate(self.takes_cut_deflate);
                new.end_unfinished(self.ends_unfinished);
                #[cfg(feature = "tls")]
                new.end_by(self.protection.as_ref().map(DataTls::end).unwrap_or_default());
                new
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Whether something may have been held back by [`Pace::Together`].
    pub(super) fn may_hold(&self) -> bool {
        self.holds && self.connection.is_some()
    }

    /// Files to come on this connection may be sent together, until the next [`Self::flush`].
    pub(super) fn hold(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.pace(Pace::Together);
            self.holds = true;
        }
    }

    /// Sends what has been held back. A failure shows when the connection is used again.
    pub(super) async fn flush(&mut self) {
        if let (true, Some(connection)) = (self.holds, &mut self.connection) {
            connection.pace(Pace::Now);
            let _ = connection.flush().await;
        }
        self.holds = false;
    }

    /// After a file that has been moved whole: a connection that does not outlive it is closed.
    pub(super) async fn done(&mut self) {
        match &mut self.connection {
            Some(connection) if connection.outlives_file() => connection.rest(),
            _ => self.close().await,
        }
    }

    #[cfg(feature = "tls")]
    async fn channel(&mut self, way: Way) -> Result<Channel<N::Stream>, OpenError> {
        self.tls_version = None;
        let stream = self.stream().await?;
        match &self.protection {
            None => Ok(Channel::Clear(stream)),
            Some(tls) => {
                let channel = tls.secure(stream, way).await?;
                self.tls_version = version(&channel);
                Ok(channel)
            }
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn channel(&mut self, _way: Way) -> Result<Channel<N::Stream>, OpenError> {
        self.stream().await.map(Channel::Clear)
    }

    fn is_protected(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.protection.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    async fn stream(&mut self) -> Result<N::Stream, OpenError> {
        let to = match &self.port {
            Port::Used => return Err(OpenError::NoPort),
            Port::Passive(listener) => {
                let client = (!self.foreign_addresses).then(|| self.peer.ip());
                let stream = accept_from(listener, client).await?;
                // Under TLS the handshake tells whose it is.
                if !self.is_protected()
                    && let Err(contested) = uncontested(listener, client).await
                {
                    stream.abort();
                    return Err(contested.into());
                }
                let served = std::mem::replace(&mut self.port, Port::Used);
                if mutant::is(Mutant::ListenerForgotten) {
                    std::mem::forget(served);
                }
                return Ok(stream);
            }
            Port::Active(address) => *address,
            Port::Default => self.peer,
        };
        if self.check(to).is_err() {
            return Err(OpenError::NoPort);
        }
        Ok(self.net.connect(Some(canonical(self.local.ip())), reachable(to, self.peer)).await?)
    }
}

/// One family for both ends, though IPv4 came to an IPv6 socket; EPRT's text has no scope, so that of a
/// link-local address is that of the control connection's `peer`.
fn reachable(to: SocketAddr, peer: SocketAddr) -> SocketAddr {
    match (to, peer) {
        (SocketAddr::V6(mut to), SocketAddr::V6(peer)) if to.ip().is_unicast_link_local() => {
            to.set_scope_id(peer.scope_id());
            to.into()
        }
        _ => SocketAddr::new(canonical(to.ip()), to.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddrV6;

    #[test]
    fn a_link_local_address_is_on_the_link_of_the_control_connection() {
        let scoped = |ip: &str, scope| SocketAddr::V6(SocketAddrV6::new(ip.parse().unwrap(), 2000, 0, scope));
        let peer = scoped("fe80::1", 3);
        assert_eq!(reachable(scoped("fe80::2", 0), peer), scoped("fe80::2", 3));
        assert_eq!(reachable(scoped("2001:db8::2", 0), peer), scoped("2001:db8::2", 0));
        let v4 = "10.0.0.2:2000".parse().unwrap();
        assert_eq!(reachable(scoped("::ffff:10.0.0.2", 0), peer), v4);
        assert_eq!(reachable(v4, "10.0.0.2:21".parse().unwrap()), v4);
    }
}
