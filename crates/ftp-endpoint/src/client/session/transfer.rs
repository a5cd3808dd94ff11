//! A session's single transfers: the command, the data, and what the server says meanwhile and after.

use super::data::Opened;
use super::told::announced_bytes;
use super::{Session, refused};
use crate::client::control::Control;
use crate::client::error::ClientError;
use crate::net::{Listener, Net, Stream, accept_from, contested, uncontested};
use crate::observe::Event as Seen;
use crate::store::{ReadFile, WriteFile};
use crate::transfer::{DISBELIEVED, DataConnection, RestartMarker, TransferError, TransferStats};
use ftp_proto::command::Command;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::reply::{Class, Reply};
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Restart markers of one download that are kept until its end, when the last one counts.
const MAX_MARKS: usize = 1 << 20;
/// For what is still to come on a data connection after the reply that ends its upload.
const TICKET_LIMIT: Duration = Duration::from_millis(100);

impl<N: Net> Session<N> {
    /// Uploads `file`: STOR, data, end of file, completion reply. The observer hears of it as `name`.
    /// `restart`: REST's argument, of which `file` is the rest.
    pub async fn put_file(
        &mut self,
        name: &str,
        remote: &str,
        restart: Option<&str>,
        file: &mut impl ReadFile,
    ) -> Result<TransferStats, ClientError> {
        self.control.take_mark();
        let mut data = self.begin(Command::Stor(remote.to_owned()), restart).await?;
        data.send_markers(self.policy.marker_interval_bytes);
        let ended = with_replies(&mut self.control, &self.cancel, data.send_file(name, file)).await;
        let early = match ended {
            Ended::Moved(result) => return Ok(self.finish(data, result, None, Moving::Out).await?.0),
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
    ) -> Result<TransferStats, ClientError> {
        self.choose_markers().await?;
        let (moved, unmarked) =
            self.receive_from(Command::Retr(remote.to_owned()), restart, remote, file).await?;
        if unmarked {
            self.is_as_large(remote, restart, moved.payload_bytes).await?;
        }
        // Of what is left of a file, some servers tell all of it.
        if restart.is_none() {
            self.is_as_announced(remote, moved.payload_bytes).await?;
        }
        Ok(moved)
    }

    /// The latest restart marker of the last transfer that both ends know.
    pub fn take_mark(&mut self) -> Option<RestartMarker> {
        self.control.take_mark().or(self.received_mark.take())
    }

    /// `SITE MARKERS` (our extension): the server sends restart markers. One that does not know it
    /// sends what it likes.
    async fn choose_markers(&mut self) -> Result<(), ClientError> {
        if let Some(interval) = self.policy.marker_interval_bytes
            && self.policy.mode.is_framed()
            && !self.markers_chosen
        {
            self.control.command(&Command::Site(format!("MARKERS {interval}"))).await?;
            self.markers_chosen = true;
        }
        Ok(())
    }

    /// Gives, too, whether the end was one that nobody has vouched for.
    async fn receive_from(
        &mut self,
        command: Command,
        restart: Option<&str>,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<(TransferStats, bool), ClientError> {
        let mut data = self.begin(command, restart).await?;
        let (marks, mut received) = mpsc::channel(MAX_MARKS);
        data.tell_markers(Some(marks));
        let ended = self.move_in(&mut data, name, file).await;
        data.tell_markers(None);
        self.received_mark = None;
        while let Ok(mark) = received.try_recv() {
            self.received_mark = Some(mark);
        }
        let unmarked = data.ended_unmarked();
        self.finish_receiving(data, ended).await.map(|(moved, _)| (moved, unmarked))
    }

    /// Receives, and hears meanwhile what the server says.
    pub(super) async fn move_in(
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

    pub(super) async fn finish_receiving(
        &mut self,
        data: DataConnection<N>,
        ended: Received,
    ) -> Result<(TransferStats, Reply), ClientError> {
        match ended {
            Ok((result, reply)) => self.finish(data, result, reply, Moving::In).await,
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
        match self.begin_or_done(&command, restart).await? {
            Begun::Ready(data) => Ok(data),
            Begun::Done(reply) => Err(self.out_of_sequence(&command, reply)),
        }
    }

    pub(super) fn out_of_sequence(&mut self, command: &Command, reply: Reply) -> ClientError {
        self.abort_kept();
        ClientError::OutOfSequence { command: command.to_string(), reply }
    }

    pub(super) async fn begin_or_done(
        &mut self,
        command: &Command,
        restart: Option<&str>,
    ) -> Result<Begun<N>, ClientError> {
        self.listening = None;
        loop {
            let opened = self.data_connection().await?;
            if let Some(marker) = restart {
                self.restart(marker).await?;
            }
            self.control.send(command).await?;
            let reply = self.control.read_reply().await?;
            self.announced_bytes = announced_bytes(&reply);
            match (reply.class(), opened) {
                (Class::Preliminary, Opened::Awaited(listener)) => {
                    return self.accept(listener).await.map(Begun::Ready);
                }
                (Class::Preliminary, Opened::Kept | Opened::New) => {
                    if let Some(data) = self.data.take() {
                        return Ok(Begun::Ready(data));
                    }
                }
                // The server no longer has the connection that we kept; nothing has moved yet.
                (Class::TransientNegative, Opened::Kept)
                    if matches!(reply.code, 425 | 426) && !mutant::is(Mutant::HalfDeadReused) =>
                {
                    self.abort_kept();
                }
                (Class::TransientNegative | Class::PermanentNegative, opened) => {
                    if mutant::is(Mutant::ActiveListenerKept)
                        && let Opened::Awaited(listener) = opened
                    {
                        std::mem::forget(listener);
                    }
                    if let Some(data) = self.data.take() {
                        self.keep_or_close(data).await;
                    }
                    return Err(refused(command, reply));
                }
                (Class::Completion | Class::Intermediate, _) => return Ok(Begun::Done(reply)),
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
        result: Result<TransferStats, TransferError>,
        reply: Option<Reply>,
        moving: Moving,
    ) -> Result<(TransferStats, Reply), ClientError> {
        let result = match result {
            Ok(moved) => self.nobody_else_came().await.map(|()| moved),
            Err(error) => Err(error),
        };
        let moved = match result {
            Ok(moved) => moved,
            Err(error) => {
                // It is never closed gracefully: the peer could take that for the end of file.
                self.drop_data(data);
                let reply = match reply {
                    Some(reply) => Some(reply),
                    None => self.control.read_completion().await.ok(),
                };
                return Err(failed(error, reply));
            }
        };
        let reply = match reply {
            None if data.is_tls() && !data.outlives_file() && self.policy.tls_lingers => {
                self.end_under_tls(data).await?
            }
            None if moving == Moving::Out && !data.is_tls() => self.end_in_clear(data).await?,
            reply => {
                self.keep_or_close(data).await;
                let reply = match reply {
                    Some(reply) => reply,
                    None => self.completion().await?,
                };
                self.nobody_else_came().await.map_err(|error| failed(error, Some(reply.clone())))?;
                reply
            }
        };
        self.listening = None;
        if reply.is_completion() || mutant::is(Mutant::AnyReplyIsSuccess) {
            return Ok((moved, reply));
        }
        if !mutant::is(Mutant::HalfDeadReused) {
            self.abort_kept();
        }
        Err(ClientError::TransferRefused(reply))
    }

    /// close_notify and FIN are the end of file. The connection is held until the server has answered, and
    /// what comes meanwhile is read: session tickets that are left unread would make the kernel send RST, and
    /// the server could lose by that what it has not read yet.
    async fn end_under_tls(&mut self, mut data: DataConnection<N>) -> Result<Reply, ClientError> {
        data.end().await;
        let reply = {
            let mut reply = std::pin::pin!(self.control.read_completion());
            let first = tokio::select! {
                biased;
                reply = &mut reply => Some(reply),
                () = data.linger() => None,
            };
            match first {
                Some(reply) => reply,
                None => reply.await,
            }
        };
        // The reply may have overtaken the ticket by which the next data connection is to resume. Who has
        // answered has closed as a rule; who has not is not waited for long.
        let _ = self.net.timeout(TICKET_LIMIT, data.linger()).await;
        self.keep_or_close(data).await;
        reply
    }

    /// In stream mode FIN is the end of file, and goes before the reply wherever no file follows. The connection is
    /// held until the server has answered: it tells who has read it ([`DataConnection::was_read`]).
    async fn end_in_clear(&mut self, mut data: DataConnection<N>) -> Result<Reply, ClientError> {
        if !data.outlives_file() || !self.policy.keeps_data_connection() {
            data.end().await;
        }
        let reply = self.completion().await;
        if reply.as_ref().is_ok_and(Reply::is_completion) {
            let read = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(ClientError::Cancelled),
                read = data.was_read() => read,
            };
            if let Err(error) = read {
                self.drop_data(data);
                return Err(failed(error, reply.ok()));
            }
        }
        self.keep_or_close(data).await;
        reply
    }

    /// The completion reply. In active mode the server may connect meanwhile, and wait for what somebody else's
    /// connection, which came first, was given.
    async fn completion(&mut self) -> Result<Reply, ClientError> {
        let Some(listener) = self.listening.as_ref().filter(|_| !mutant::is(Mutant::ContestIgnored)) else {
            return self.control.read_completion().await;
        };
        let server = self.control.peer_addr().map_err(ClientError::Control)?;
        {
            let another = std::pin::pin!(accept_from(listener, Some(server.ip())));
            tokio::select! {
                biased;
                reply = self.control.read_completion() => return reply,
                // Its FIN would be the end of an empty file.
                another = another => another.map(Stream::abort).map_err(ClientError::DataConnect)?,
            }
        }
        self.contested();
        let reply = self.control.read_completion().await?;
        Err(failed(TransferError::Connection(contested()), Some(reply)))
    }

    /// In active mode: whether the server's is the only connection that has come from its address.
    async fn nobody_else_came(&mut self) -> Result<(), TransferError> {
        let Some(listener) = &self.listening else { return Ok(()) };
        let server = self.control.peer_addr().map_err(TransferError::Connection)?;
        let alone = uncontested(listener, Some(server.ip())).await;
        if alone.is_err() {
            self.contested();
        }
        alone.map_err(TransferError::Connection)
    }

    /// What the server says of the transfer may be about somebody else's connection.
    fn contested(&mut self) {
        let Some(listener) = self.listening.take() else { return };
        if let (Ok(local), Ok(peer)) = (listener.local_addr(), self.control.peer_addr()) {
            self.watch.tell(self.net.now(), Seen::DataCloses { local, peer, how: DISBELIEVED });
        }
    }

    /// An end that nobody has vouched for is one if SIZE tells the same (RFC 3659 section 4).
    async fn is_as_large(
        &mut self,
        remote: &str,
        restart: Option<&str>,
        moved: u64,
    ) -> Result<(), ClientError> {
        if mutant::is(Mutant::LaxEndUnasked) {
            return Ok(());
        }
        let before = match restart {
            Some(marker) => marker.parse().map_err(|_| ClientError::UnmarkedEnd)?,
            None => 0,
        };
        match self.size_bytes(remote).await {
            Ok(size_bytes) if size_bytes == before + moved => Ok(()),
            Ok(server_bytes) => Err(ClientError::SizeMismatch { server_bytes, moved_bytes: before + moved }),
            Err(ClientError::Unverifiable { .. }) => Err(ClientError::UnmarkedEnd),
            Err(error) => Err(error),
        }
    }
}

pub(super) fn failed(error: TransferError, reply: Option<Reply>) -> ClientError {
    ClientError::Transfer { error, reply }
}

/// Which way a file has gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moving {
    In,
    Out,
}

/// How a transfer command was answered first.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub(super) enum Begun<N: Net> {
    Ready(DataConnection<N>),
    /// Out of sequence (RFC 959 section 5.4); the data connection is where it was.
    Done(Reply),
}

/// What became of the receiving, with the completion reply if it has come; or what the server said, or
/// what broke, before the end.
pub(super) type Received =
    Result<(Result<TransferStats, TransferError>, Option<Reply>), Result<Reply, ClientError>>;

/// What came first.
pub(super) enum Ended<T> {
    Moved(T),
    /// A completion reply or a broken control connection; the transfer is where it was.
    Replied(Result<Reply, ClientError>),
}

/// Watches the control connection while `transfer` is at work, so that the server's word that it
/// has failed is heard at once. Preliminary replies (110 among them) are passed over.
pub(super) async fn with_replies<N: Net, F: Future>(
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
