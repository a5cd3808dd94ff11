//! One session with a server: login, parameters, data connections, and single transfers.

use super::control::Control;
use super::error::ClientError;
use super::hash::parse_hash;
use super::policy::{Login, Opening, Policy};
use crate::net::{Listener, Net};
use crate::observe::Watch;
use crate::store::{ReadFile, WriteFile};
use crate::transfer::{DataConnection, Mark, Moved, TransferError};
use ftp_proto::address::{parse_extended_passive, parse_passive};
use ftp_proto::command::{Command, ExtendedPassive, StructureCode};
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::planted::{self, Bug};
use ftp_proto::reply::{Class, Reply};
use ftp_proto::repr::Representation;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Restart markers of one download that are kept until its end, when the last one counts.
const MAX_MARKS: usize = 1 << 20;

/// What the session has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub control_round_trips: u64,
    pub data_connections: u64,
    /// All bytes of data connections, failed transfers included.
    pub moved: Moved,
}

impl Cost {
    pub fn plus(self, other: Self) -> Self {
        Self {
            control_round_trips: self.control_round_trips + other.control_round_trips,
            data_connections: self.data_connections + other.data_connections,
            moved: sum(self.moved, other.moved),
        }
    }
}

pub struct Session<N: Net> {
    net: N,
    pub(super) control: Control<N>,
    policy: Policy,
    watch: Watch,
    pub(super) cancel: CancellationToken,
    /// Kept from the last transfer.
    pub(super) data: Option<DataConnection<N>>,
    /// EPSV was refused: PASV from now on.
    without_epsv: bool,
    /// The latest restart marker of a download.
    received_mark: Option<Mark>,
    /// SITE MARKERS has been sent.
    markers_chosen: bool,
    /// OPTS HASH was accepted.
    hash_chosen: bool,
    /// Whether OPTS XPIPE ON has been taken, once it has been tried.
    pipes_uploads: Option<bool>,
    features: Option<Vec<String>>,
    data_connections: u64,
    /// Of data connections that are gone.
    moved: Moved,
}

/// How the next transfer gets its data connection.
pub(super) enum Opened<N: Net> {
    /// In `Session::data`, from an earlier transfer.
    Kept,
    /// In `Session::data`, just opened.
    New,
    /// Active: the server connects when it has the transfer command.
    Awaited(N::Listener),
}

impl<N: Net> Session<N> {
    /// Connects, logs in, and sets TYPE, STRU and MODE where the policy's differ from the
    /// protocol's defaults (RFC 959 section 5.1). `watch` is called once a connection is up.
    pub async fn open(
        net: N,
        server: SocketAddr,
        login: &Login,
        policy: &Policy,
        watch: impl FnOnce() -> Watch,
    ) -> Result<Self, ClientError> {
        let stream = match net.timeout(policy.connect_timeout, net.connect(None, server)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let stream = stream.map_err(|error| ClientError::Connect { server, error })?;
        let watch = watch();
        let control = Control::new(net.clone(), stream, policy.reply_timeout, watch.clone())
            .map_err(|error| ClientError::Connect { server, error })?;
        let mut session = Self {
            net,
            control,
            policy: policy.clone(),
            watch,
            cancel: CancellationToken::new(),
            data: None,
            without_epsv: false,
            received_mark: None,
            markers_chosen: false,
            hash_chosen: false,
            pipes_uploads: None,
            features: None,
            data_connections: 0,
            moved: Moved::default(),
        };
        match session.begin_session(login).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.abandon();
                Err(error)
            }
        }
    }

    async fn begin_session(&mut self, login: &Login) -> Result<(), ClientError> {
        self.log_in(login).await?;
        self.set_parameters().await?;
        for line in &login.quoted {
            let refused =
                |reply: &Reply| matches!(reply.class(), Class::TransientNegative | Class::PermanentNegative);
            if let Some(reply) = self.quote(line).await?.into_iter().find(refused) {
                return Err(ClientError::Refused { command: line.clone(), reply });
            }
        }
        Ok(())
    }

    /// Sends a line as it is at once, and gives all replies to it (RFC 1123 section 4.1.4.2, QUOTE).
    pub async fn quote(&mut self, line: &str) -> Result<Vec<Reply>, ClientError> {
        self.control.quote(line).await
    }

    /// Cancelling `cancel` ends a transfer under way as a failure: in stream mode a process that
    /// merely exits would end the file, not the transfer.
    pub fn cancel_by(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// USER, PASS, ACCT as far as the server asks for them (RFC 959 section 5.4).
    async fn log_in(&mut self, login: &Login) -> Result<(), ClientError> {
        let greeting = self.control.read_completion().await?;
        if !greeting.is_completion() {
            return Err(ClientError::LoginRefused(greeting));
        }
        let mut reply = self.control.command(&Command::User(login.user.clone())).await?;
        if reply.code == 331 {
            reply = self.control.command(&Command::Pass(login.password.clone())).await?;
        }
        if reply.code == 332 {
            let account = login.account.clone().unwrap_or_default();
            reply = self.control.command(&Command::Acct(account)).await?;
        }
        if reply.is_completion() { Ok(()) } else { Err(ClientError::LoginRefused(reply)) }
    }

    async fn set_parameters(&mut self) -> Result<(), ClientError> {
        if self.policy.representation != Representation::Ascii {
            self.must(Command::Type(self.policy.representation.data_type())).await?;
        }
        if self.policy.structure != Structure::File {
            self.must(Command::Stru(StructureCode::Known(self.policy.structure))).await?;
        }
        if self.policy.mode != TransmissionMode::Stream {
            self.must(Command::Mode(self.policy.mode)).await?;
        }
        Ok(())
    }

    /// Whether the session is good for another command.
    pub async fn is_usable(&mut self) -> bool {
        self.control.is_quiet().await
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn in_step(&self) -> bool {
        self.control.in_step()
    }

    pub fn cost(&self) -> Cost {
        let kept = self.data.as_ref().map(DataConnection::total).unwrap_or_default();
        Cost {
            control_round_trips: self.control.round_trips(),
            data_connections: self.data_connections,
            moved: sum(self.moved, kept),
        }
    }

    /// Sends a command and reads its reply, whatever it is.
    pub async fn command(&mut self, command: &Command) -> Result<Reply, ClientError> {
        self.control.command(command).await
    }

    /// Sends a command; an error unless its reply is 2yz.
    pub async fn must(&mut self, command: Command) -> Result<Reply, ClientError> {
        let reply = self.control.command(&command).await?;
        if reply.is_completion() { Ok(reply) } else { Err(refused(&command, reply)) }
    }

    /// RNFR and RNTO.
    pub async fn rename(&mut self, from: &str, to: &str) -> Result<(), ClientError> {
        let command = Command::Rnfr(from.to_owned());
        let reply = self.control.command(&command).await?;
        if reply.class() != Class::Intermediate {
            return Err(refused(&command, reply));
        }
        self.must(Command::Rnto(to.to_owned())).await.map(drop)
    }

    /// SIZE (RFC 3659 section 4), in the session's TYPE.
    pub async fn size_bytes(&mut self, remote: &str) -> Result<u64, ClientError> {
        parse_size(self.control.command(&Command::Size(remote.to_owned())).await?)
    }

    /// FEAT's lines (RFC 2389 section 3.2), trimmed, asked for once; none where the server does not
    /// know FEAT.
    pub async fn features(&mut self) -> Result<&[String], ClientError> {
        if self.features.is_none() {
            let reply = self.control.command(&Command::Feat).await?;
            let lines = if reply.code == 211 { reply.lines } else { Vec::new() };
            self.features = Some(lines.iter().skip(1).map(|line| line.trim().to_owned()).collect());
        }
        Ok(self.features.as_deref().unwrap_or_default())
    }

    /// Whether FEAT names `feature`, with parameters or without.
    pub async fn announces(&mut self, feature: &str) -> Result<bool, ClientError> {
        let named =
            |line: &String| line.split(' ').next().is_some_and(|name| name.eq_ignore_ascii_case(feature));
        Ok(self.features().await?.iter().any(named))
    }

    /// HASH by SHA-256 (draft-ietf-ftpext2-hash-04), in lower-case hexadecimal.
    pub async fn hash(&mut self, remote: &str) -> Result<String, ClientError> {
        self.choose_hash().await?;
        parse_hash(self.control.command(&Command::Hash(remote.to_owned())).await?)
    }

    /// Whether uploads may be sent ahead: the server announces `XPIPE` and takes OPTS XPIPE ON, by
    /// which it knows that the data of a refused upload come all the same.
    pub(super) async fn pipes_uploads(&mut self) -> Result<bool, ClientError> {
        if self.pipes_uploads.is_none() {
            let on = Command::Opts("XPIPE ON".to_owned());
            let taken = self.announces("XPIPE").await? && self.control.command(&on).await?.is_completion();
            self.pipes_uploads = Some(taken);
        }
        Ok(self.pipes_uploads == Some(true))
    }

    pub(super) async fn choose_hash(&mut self) -> Result<(), ClientError> {
        if !self.hash_chosen {
            let reply = self.control.command(&Command::Opts("HASH SHA-256".to_owned())).await?;
            if !reply.is_completion() {
                return Err(ClientError::Unverifiable { command: "HASH", reply });
            }
            self.hash_chosen = true;
        }
        Ok(())
    }

    /// Uploads `file`: STOR, data, end of file, completion reply. The observer hears of it as `name`.
    /// `restart`: REST's argument, of which `file` is the rest.
    pub async fn put_file(
        &mut self,
        name: &str,
        remote: &str,
        restart: Option<&str>,
        file: &mut impl ReadFile,
    ) -> Result<Moved, ClientError> {
        self.control.take_mark();
        let mut data = self.begin(Command::Stor(remote.to_owned()), restart).await?;
        data.send_markers(self.policy.marker_interval_bytes);
        let ended = with_replies(&mut self.control, &self.cancel, data.send_file(name, file)).await;
        let early = match ended {
            Ended::Moved(result) => return self.finish(data, result, None).await,
            Ended::Replied(reply) => reply,
        };
        self.drop_data(data);
        match early? {
            // The sender has the end of file still to send: the server took something else for it.
            reply if reply.is_completion() => Err(ClientError::EarlyCompletion(reply)),
            reply => Err(ClientError::TransferRefused(reply)),
        }
    }

    /// Downloads into `file`, which the caller publishes after `Ok`.
    pub async fn get_file(
        &mut self,
        remote: &str,
        restart: Option<&str>,
        file: &mut impl WriteFile,
    ) -> Result<Moved, ClientError> {
        self.choose_markers().await?;
        self.receive_from(Command::Retr(remote.to_owned()), restart, remote, file).await
    }

    /// The latest restart marker of the last transfer that both ends know.
    pub fn take_mark(&mut self) -> Option<Mark> {
        self.control.take_mark().or(self.received_mark.take())
    }

    /// `SITE MARKERS` (our extension): the server sends restart markers. One that does not know it
    /// sends what it likes.
    async fn choose_markers(&mut self) -> Result<(), ClientError> {
        if let Some(interval) = self.policy.marker_interval_bytes
            && self.policy.mode != TransmissionMode::Stream
            && !self.markers_chosen
        {
            self.control.command(&Command::Site(format!("MARKERS {interval}"))).await?;
            self.markers_chosen = true;
        }
        Ok(())
    }

    /// LIST, NLST or MLSD: lines of TYPE A, whatever the session's type, kept with their ends.
    pub(super) async fn receive_text(
        &mut self,
        command: Command,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<Moved, ClientError> {
        let mut data = self.begin(command, None).await?;
        data.set_filler(Representation::Ascii.filler());
        data.set_conversion(None);
        let ended = self.move_in(&mut data, name, file).await;
        data.set_filler(self.policy.coding().filler);
        self.convert(&mut data);
        self.finish_receiving(data, ended).await
    }

    /// RETR, LIST, NLST or MLSD.
    pub async fn receive(
        &mut self,
        command: Command,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<Moved, ClientError> {
        self.receive_from(command, None, name, file).await
    }

    async fn receive_from(
        &mut self,
        command: Command,
        restart: Option<&str>,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<Moved, ClientError> {
        let mut data = self.begin(command, restart).await?;
        let (marks, mut received) = mpsc::channel(MAX_MARKS);
        data.tell_markers(Some(marks));
        let ended = self.move_in(&mut data, name, file).await;
        data.tell_markers(None);
        self.received_mark = None;
        while let Ok(mark) = received.try_recv() {
            self.received_mark = Some(mark);
        }
        self.finish_receiving(data, ended).await
    }

    /// Receives, and hears meanwhile what the server says.
    async fn move_in(
        &mut self,
        data: &mut DataConnection<N>,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Received {
        let mut receiving = std::pin::pin!(data.receive_file(name, file));
        match with_replies(&mut self.control, &self.cancel, receiving.as_mut()).await {
            // The reply may overtake the data, which go another way.
            Ended::Replied(Ok(reply)) if reply.is_completion() => Ok((receiving.await, Some(reply))),
            Ended::Replied(reply) => Err(reply),
            Ended::Moved(result) => Ok((result, None)),
        }
    }

    async fn finish_receiving(
        &mut self,
        data: DataConnection<N>,
        ended: Received,
    ) -> Result<Moved, ClientError> {
        match ended {
            Ok((result, reply)) => self.finish(data, result, reply).await,
            Err(reply) => {
                self.drop_data(data);
                Err(ClientError::TransferRefused(reply?))
            }
        }
    }

    /// Sends a transfer command and takes its first reply; gives the data connection to use.
    async fn begin(
        &mut self,
        command: Command,
        restart: Option<&str>,
    ) -> Result<DataConnection<N>, ClientError> {
        loop {
            let opened = self.data_connection().await?;
            if let Some(marker) = restart {
                self.restart(marker).await?;
            }
            self.control.send(&command).await?;
            let reply = self.control.read_reply().await?;
            match (reply.class(), opened) {
                (Class::Preliminary, Opened::Awaited(listener)) => return self.accept(listener).await,
                (Class::Preliminary, Opened::Kept | Opened::New) => {
                    if let Some(data) = self.data.take() {
                        return Ok(data);
                    }
                }
                // The server no longer has the connection that we kept; nothing has moved yet.
                (Class::TransientNegative, Opened::Kept)
                    if matches!(reply.code, 425 | 426) && !planted::is(Bug::HalfDeadReused) =>
                {
                    self.abort_kept();
                }
                (Class::TransientNegative | Class::PermanentNegative, _) => {
                    if let Some(data) = self.data.take() {
                        self.keep_or_close(data).await;
                    }
                    return Err(refused(&command, reply));
                }
                (Class::Completion | Class::Intermediate, _) => {
                    self.abort_kept();
                    return Err(ClientError::OutOfSequence { command: command.to_string(), reply });
                }
            }
        }
    }

    /// REST; it comes directly before the transfer command (RFC 959 section 4.1.3).
    async fn restart(&mut self, marker: &str) -> Result<(), ClientError> {
        let command = Command::Rest(marker.to_owned());
        let reply = self.control.command(&command).await?;
        if reply.class() == Class::Intermediate {
            return Ok(());
        }
        if let Some(data) = self.data.take() {
            self.keep_or_close(data).await;
        }
        Err(refused(&command, reply))
    }

    /// The moving is over at this end; takes the completion reply, if it has not come before.
    async fn finish(
        &mut self,
        data: DataConnection<N>,
        result: Result<Moved, TransferError>,
        reply: Option<Reply>,
    ) -> Result<Moved, ClientError> {
        let moved = match result {
            Ok(moved) => moved,
            Err(error) => {
                // Never a graceful close: the peer could take it for the end of file.
                self.drop_data(data);
                let reply = match reply {
                    Some(reply) => Some(reply),
                    None => self.control.read_completion().await.ok(),
                };
                return Err(ClientError::Transfer { error, reply });
            }
        };
        // In stream mode this close is the end of file.
        self.keep_or_close(data).await;
        let reply = match reply {
            Some(reply) => reply,
            None => self.control.read_completion().await?,
        };
        if reply.is_completion() || planted::is(Bug::AnyReplyIsSuccess) {
            return Ok(moved);
        }
        if !planted::is(Bug::HalfDeadReused) {
            self.abort_kept();
        }
        Err(ClientError::TransferRefused(reply))
    }

    async fn keep_or_close(&mut self, data: DataConnection<N>) {
        if self.policy.keeps_data_connection() {
            self.data = Some(data);
        } else {
            self.moved = sum(self.moved, data.total());
            data.close().await;
        }
    }

    pub(super) fn drop_data(&mut self, data: DataConnection<N>) {
        self.moved = sum(self.moved, data.total());
        data.abort();
    }

    pub(super) fn abort_kept(&mut self) {
        if let Some(data) = self.data.take() {
            self.drop_data(data);
        }
    }

    /// The one kept, or another.
    pub(super) async fn data_connection(&mut self) -> Result<Opened<N>, ClientError> {
        if let Some(data) = &mut self.data {
            if data.is_quiet().await || planted::is(Bug::HalfDeadReused) {
                return Ok(Opened::Kept);
            }
            self.abort_kept();
        }
        if self.policy.opening == Opening::Active {
            return self.listen().await.map(Opened::Awaited);
        }
        let to = self.passive().await?;
        let stream = match self.net.timeout(self.policy.connect_timeout, self.net.connect(None, to)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        self.data = Some(self.wrap(stream.map_err(ClientError::DataConnect)?)?);
        Ok(Opened::New)
    }

    fn wrap(&mut self, stream: N::Stream) -> Result<DataConnection<N>, ClientError> {
        self.data_connections += 1;
        let (net, watch) = (self.net.clone(), self.watch.clone());
        let coding = self.policy.coding();
        let mut data = DataConnection::new(net, stream, coding, self.policy.data_timeout, watch)
            .map_err(ClientError::DataConnect)?;
        self.convert(&mut data);
        Ok(data)
    }

    fn convert(&self, data: &mut DataConnection<N>) {
        let conversion = self.policy.conversion();
        // Lines are converted where they are read and written: `LocalReader`, `LocalWriter`.
        data.set_conversion((!conversion.is_lines_only()).then_some(conversion));
    }

    /// EPSV, or PASV where EPSV is refused. The host is always that of the control connection: the
    /// one in a 227 may be private, or an attempt to have us connect elsewhere (RFC 2577 section 3).
    async fn passive(&mut self) -> Result<SocketAddr, ClientError> {
        let mut server = self.control.peer_addr().map_err(ClientError::Control)?;
        if !self.without_epsv {
            let reply = self.control.command(&Command::Epsv(ExtendedPassive::Any)).await?;
            match reply.class() {
                Class::Completion => {
                    let port = parse_extended_passive(&reply.text())
                        .map_err(|error| ClientError::Address { reply: reply.to_string(), error })?;
                    server.set_port(port);
                    return Ok(server);
                }
                Class::PermanentNegative if server.is_ipv4() => self.without_epsv = true,
                _ => return Err(refused(&Command::Epsv(ExtendedPassive::Any), reply)),
            }
        }
        let reply = self.must(Command::Pasv).await?;
        let address = parse_passive(&reply.text())
            .map_err(|error| ClientError::Address { reply: reply.to_string(), error })?;
        server.set_port(address.port());
        Ok(server)
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
    async fn accept(&mut self, listener: N::Listener) -> Result<DataConnection<N>, ClientError> {
        let accepting = listener.accept();
        let limit = self.policy.connect_timeout;
        let net = self.net.clone();
        let accepted = net.timeout(limit, with_replies(&mut self.control, &self.cancel, accepting)).await;
        let server = self.control.peer_addr().map_err(ClientError::Control)?;
        match accepted {
            Ok(Ended::Moved(Ok((stream, peer)))) if peer.ip() == server.ip() => self.wrap(stream),
            Ok(Ended::Moved(Ok((_, found)))) => Err(ClientError::DataPeer { found }),
            Ok(Ended::Moved(Err(error))) => Err(ClientError::DataConnect(error)),
            Ok(Ended::Replied(reply)) => Err(ClientError::TransferRefused(reply?)),
            Err(_) => Err(ClientError::DataConnect(io::ErrorKind::TimedOut.into())),
        }
    }

    /// QUIT and close. Errors do not matter any more.
    pub async fn quit(mut self) -> Cost {
        if let Some(data) = self.data.take() {
            self.moved = sum(self.moved, data.total());
            data.close().await;
        }
        if self.control.in_step() {
            let _ = self.control.command(&Command::Quit).await;
        }
        let cost = self.cost();
        self.control.close("quit").await;
        cost
    }

    /// Leaves without a word: the connection is out of step.
    pub fn abandon(mut self) -> Cost {
        self.abort_kept();
        let cost = self.cost();
        self.control.abort("out of step");
        cost
    }
}

pub(super) fn parse_size(reply: Reply) -> Result<u64, ClientError> {
    match reply.text().trim().parse() {
        Ok(size) if reply.code == 213 => Ok(size),
        _ => Err(ClientError::Unverifiable { command: "SIZE", reply }),
    }
}

pub(super) fn refused(command: &Command, reply: Reply) -> ClientError {
    ClientError::Refused { command: command.to_string(), reply }
}

fn sum(a: Moved, b: Moved) -> Moved {
    Moved { payload_bytes: a.payload_bytes + b.payload_bytes, wire_bytes: a.wire_bytes + b.wire_bytes }
}

/// What became of the receiving, with the completion reply if it has come; or what the server said, or
/// what broke, before the end.
type Received = Result<(Result<Moved, TransferError>, Option<Reply>), Result<Reply, ClientError>>;

/// What came first.
enum Ended<T> {
    Moved(T),
    /// A completion reply or a broken control connection; the transfer is where it was.
    Replied(Result<Reply, ClientError>),
}

/// Watches the control connection while `transfer` is at work, so that the server's word that it
/// has failed is heard at once. Preliminary replies (110 among them) are passed over.
async fn with_replies<N: Net, F: Future>(
    control: &mut Control<N>,
    cancel: &CancellationToken,
    transfer: F,
) -> Ended<F::Output> {
    let mut transfer = std::pin::pin!(transfer);
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Ended::Replied(Err(ClientError::Cancelled)),
            done = &mut transfer => return Ended::Moved(done),
            reply = control.next_reply() => match reply {
                Ok(reply) if reply.is_preliminary() => {}
                reply => return Ended::Replied(reply),
            },
        }
    }
}
