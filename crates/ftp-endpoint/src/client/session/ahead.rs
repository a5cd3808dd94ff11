//! Commands sent ahead of their replies, and the data connection lent for what they move.

use super::data::Opened;
use super::{Session, parse_features, refused};
use crate::client::error::ClientError;
use crate::client::policy::Direction;
use crate::net::{Net, Pace, Stream};
use crate::transfer::DataConnection;
use ftp_proto::command::{Command, ExtendedPassive};
use ftp_proto::reply::Reply;
use std::future::Future;
use std::io;
use std::pin::Pin;

/// By which a server that announces `XPIPE` knows that the data of a refused upload come all the same.
pub(super) const XPIPE_ON: &str = "XPIPE ON";

/// What came first.
pub(crate) enum Came<T> {
    Moved(T),
    Reply(Reply),
}

impl<N: Net> Session<N> {
    /// Sends `parameters` together, and where a pipelined delivery `opens` its data connection next what that asks for;
    /// then takes the replies.
    pub(super) async fn ask_ahead(
        &mut self,
        parameters: Vec<Command>,
        opens: bool,
    ) -> Result<(), ClientError> {
        let opens = opens && self.policy.is_pipelined();
        let asks_features = opens && self.policy.direction == Direction::Put && self.features.is_none();
        let epsv = Command::Epsv(ExtendedPassive::Any);
        self.pace(Pace::Together);
        for command in &parameters {
            self.control.send(command).await?;
        }
        if asks_features {
            self.control.send(&Command::Feat).await?;
        }
        if opens {
            self.control.send(&epsv).await?;
        }
        self.pace(Pace::Now);
        self.flush().await?;
        for command in &parameters {
            let reply = self.control.read_completion().await?;
            if !reply.is_completion() {
                return Err(refused(command, reply));
            }
        }
        if asks_features {
            self.features = Some(parse_features(&self.control.read_completion().await?));
        }
        if opens {
            let reply = self.control.read_completion().await?;
            self.passive_at = self.extended_passive(reply)?;
        }
        Ok(())
    }

    /// Whether `OPTS XPIPE ON` has been sent, for the first pipelined uploads. Its reply is owed then.
    pub(super) async fn asks_to_pipe(&mut self) -> Result<bool, ClientError> {
        let is_first = self.pipes_uploads.is_none() && self.policy.direction == Direction::Put;
        let asks = self.policy.asks_ahead && self.policy.is_pipelined() && is_first;
        if !asks || !self.announces("XPIPE").await? {
            return Ok(false);
        }
        self.control.send(&Command::Opts(XPIPE_ON.to_owned())).await?;
        Ok(true)
    }

    /// Sends a command whose reply is read by [`Self::read_reply`] or [`Self::moved_or_reply`].
    pub(in crate::client) async fn send(&mut self, command: &Command) -> Result<(), ClientError> {
        self.control.send(command).await
    }

    /// Commands to come may leave together, by the next flush or wait for a reply.
    pub(in crate::client) fn pace(&mut self, pace: Pace) {
        self.control.pace(pace);
    }

    /// Commands that may not have left yet.
    pub(in crate::client) fn held(&self) -> u32 {
        self.control.held()
    }

    /// Sends what [`Pace::Together`] has held back.
    pub(in crate::client) async fn flush(&mut self) -> Result<(), ClientError> {
        self.control.flush().await
    }

    /// The next reply, if all of it has been read already, where what is written meanwhile waits for company
    /// ([`Pace::Together`]).
    pub(in crate::client) fn reply_at_hand(&mut self) -> Result<Option<Reply>, ClientError> {
        if <N::Stream as Stream>::HEEDS_PACE { self.control.reply_at_hand() } else { Ok(None) }
    }

    /// The next reply, preliminary ones included.
    pub(in crate::client) async fn read_reply(&mut self) -> Result<Reply, ClientError> {
        self.control.read_reply().await
    }

    /// Works at `moving` until it is done, or a reply comes, or the delivery is cancelled.
    pub(in crate::client) async fn moved_or_reply<F: Future>(
        &mut self,
        mut moving: Pin<&mut F>,
    ) -> Result<Came<F::Output>, ClientError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ClientError::Cancelled),
            moved = &mut moving => Ok(Came::Moved(moved)),
            reply = self.control.next_reply() => reply.map(Came::Reply),
        }
    }

    /// The data connection, and whether it was there before.
    pub(in crate::client) async fn take_data(&mut self) -> Result<(DataConnection<N>, bool), ClientError> {
        let kept = matches!(self.data_connection().await?, Opened::Kept);
        match self.data.take() {
            Some(data) => Ok((data, kept)),
            None => Err(ClientError::DataConnect(io::ErrorKind::NotConnected.into())),
        }
    }

    /// For the next transfer.
    pub(in crate::client) fn keep_data(&mut self, data: DataConnection<N>) {
        self.data = Some(data);
    }
}
