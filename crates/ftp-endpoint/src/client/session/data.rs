//! A session's data connections: opened, accepted, kept, dropped.

use super::transfer::{Ended, with_replies};
use super::{Session, refused, sum};
use crate::client::error::ClientError;
use crate::client::policy::Opening;
use crate::net::{Channel, Listener, Net, accept_from};
use crate::transfer::DataConnection;
use ftp_proto::address::{parse_extended_passive, parse_passive};
use ftp_proto::command::{Command, ExtendedPassive};
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::reply::{Class, Reply};
use std::io;
use std::net::SocketAddr;

/// How the next transfer gets its data connection.
pub(crate) enum Opened<N: Net> {
    /// In `Session::data`, from an earlier transfer.
    Kept,
    /// In `Session::data`, just opened.
    New,
    /// Active: the server connects when it has the transfer command.
    Awaited(N::Listener),
}

impl<N: Net> Session<N> {
    pub(super) async fn keep_or_close(&mut self, data: DataConnection<N>) {
        if self.policy.keeps_data_connection() {
            self.data = Some(data);
        } else {
            self.moved = sum(self.moved, data.total());
            data.close().await;
        }
    }

    pub(in crate::client) fn drop_data(&mut self, data: DataConnection<N>) {
        self.moved = sum(self.moved, data.total());
        data.abort();
    }

    pub(in crate::client) fn abort_kept(&mut self) {
        if let Some(data) = self.data.take() {
            self.drop_data(data);
        }
    }

    /// The one kept, or another.
    pub(in crate::client) async fn data_connection(&mut self) -> Result<Opened<N>, ClientError> {
        if let Some(data) = &mut self.data {
            if data.is_quiet().await || mutant::is(Mutant::HalfDeadReused) {
                return Ok(Opened::Kept);
            }
            self.abort_kept();
        }
        if self.policy.opening == Opening::Active {
            return self.listen().await.map(Opened::Awaited);
        }
        let to = self.passive().await?;
        let asked = self.asks_to_pipe().await?;
        let connected = self.connect(to).await?;
        if asked {
            let reply = self.control.read_completion().await?;
            self.pipes_uploads = Some(reply.is_completion());
        }
        let stream = match connected {
            // Some routers and servers know PASV only, and what EPSV tells leads nowhere.
            Err(error) if self.may_try_pasv(to) => self.by_pasv(error).await?,
            other => other.map_err(ClientError::DataConnect)?,
        };
        self.data = Some(self.wrap(stream)?);
        Ok(Opened::New)
    }

    fn may_try_pasv(&self, to: SocketAddr) -> bool {
        self.policy.pasv_after_epsv && !self.without_epsv && to.is_ipv4() && self.in_step()
    }

    async fn connect(&mut self, to: SocketAddr) -> Result<io::Result<N::Stream>, ClientError> {
        let connecting = self.net.timeout(self.policy.connect_timeout, self.net.connect(None, to));
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ClientError::Cancelled),
            connected = connecting => Ok(connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))),
        }
    }

    /// After a connection to EPSV's port has failed by `error`, which stands if PASV does no better. What
    /// leads somewhere is kept to for the session.
    async fn by_pasv(&mut self, error: io::Error) -> Result<N::Stream, ClientError> {
        self.without_epsv = true;
        let connected = match self.passive().await {
            Ok(to) => self.connect(to).await?,
            Err(refused) => Err(match refused {
                ClientError::Refused { .. } | ClientError::Address { .. } => error,
                broken => return Err(broken),
            }),
        };
        self.without_epsv = connected.is_ok();
        connected.map_err(ClientError::DataConnect)
    }

    fn wrap(&mut self, stream: N::Stream) -> Result<DataConnection<N>, ClientError> {
        self.data_connections += 1;
        let (net, watch) = (self.net.clone(), self.watch.clone());
        let coding = self.policy.coding();
        let mut data =
            DataConnection::new(net, Channel::Clear(stream), coding, self.policy.data_timeout, watch)
                .map_err(ClientError::DataConnect)?;
        data.set_deflate_level(self.policy.deflate_level.unwrap_or_default());
        data.take_cut_deflate(self.policy.takes_cut_deflate);
        data.end_unfinished(self.policy.ends_unfinished);
        self.convert(&mut data);
        #[cfg(feature = "tls")]
        self.secure(&mut data);
        Ok(data)
    }

    pub(super) fn convert(&self, data: &mut DataConnection<N>) {
        let conversion = self.policy.conversion();
        // Lines are converted where they are read and written: `LocalReader`, `LocalWriter`.
        data.set_conversion((!conversion.is_lines_only()).then_some(conversion));
    }

    /// EPSV, or PASV where EPSV is refused, for good or (421 apart, which ends the session) for now. The host is always that of the control connection: the
    /// one in a 227 may be private, or an attempt to have us connect elsewhere (RFC 2577 section 3).
    async fn passive(&mut self) -> Result<SocketAddr, ClientError> {
        if let Some(server) = self.passive_at.take() {
            return Ok(server);
        }
        if !self.without_epsv {
            let reply = self.control.command(&Command::Epsv(ExtendedPassive::Any)).await?;
            if let Some(server) = self.extended_passive(reply)? {
                return Ok(server);
            }
        }
        let mut server = self.control.peer_addr().map_err(ClientError::Control)?;
        let reply = self.must(Command::Pasv).await?;
        let address = parse_passive(&reply.text())
            .map_err(|error| ClientError::Address { reply: reply.to_string(), error })?;
        server.set_port(address.port());
        Ok(server)
    }

    /// Where EPSV's reply leads; from a refusal on it is PASV's turn.
    pub(super) fn extended_passive(&mut self, reply: Reply) -> Result<Option<SocketAddr>, ClientError> {
        let mut server = self.control.peer_addr().map_err(ClientError::Control)?;
        match reply.class() {
            Class::Completion => {
                let port = parse_extended_passive(&reply.text())
                    .map_err(|error| ClientError::Address { reply: reply.to_string(), error })?;
                server.set_port(port);
                Ok(Some(server))
            }
            Class::PermanentNegative | Class::TransientNegative if server.is_ipv4() && reply.code != 421 => {
                self.without_epsv = true;
                Ok(None)
            }
            _ => Err(refused(&Command::Epsv(ExtendedPassive::Any), reply)),
        }
    }

    async fn listen(&mut self) -> Result<N::Listener, ClientError> {
        let mut here = self.control.local_addr().map_err(ClientError::Control)?;
        here.set_port(0);
        let listening = self.net.listen(here).await.and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = listening.map_err(ClientError::DataConnect)?;
        let command = match address {
            SocketAddr::V4(address) => Command::Port(address),
            SocketAddr::V6(_) => Command::Eprt(address),
        };
        self.must(command).await?;
        Ok(listener)
    }

    /// The server's connection to us, or its word that it cannot.
    pub(super) async fn accept(&mut self, listener: N::Listener) -> Result<DataConnection<N>, ClientError> {
        let limit = self.policy.connect_timeout;
        let net = self.net.clone();
        let server = self.control.peer_addr().map_err(ClientError::Control)?;
        let coming = Box::pin(accept_from(&listener, Some(server.ip())));
        let accepted = net.timeout(limit, with_replies(&mut self.control, &self.cancel, coming)).await;
        if mutant::is(Mutant::ActiveListenerKept) && !matches!(accepted, Ok(Ended::Moved(Ok(_)))) {
            std::mem::forget(listener);
            return Err(ClientError::DataConnect(io::ErrorKind::TimedOut.into()));
        }
        match accepted {
            Ok(Ended::Moved(Ok(stream))) => {
                let data = self.wrap(stream)?;
                // Under TLS the handshake tells whose connection it is.
                self.listening = Some(listener).filter(|_| !data.is_protected());
                Ok(data)
            }
            Ok(Ended::Moved(Err(error))) => Err(ClientError::DataConnect(error)),
            Ok(Ended::Replied(reply)) => Err(ClientError::TransferRefused(reply?)),
            Err(_) => Err(ClientError::DataConnect(io::ErrorKind::TimedOut.into())),
        }
    }
}
