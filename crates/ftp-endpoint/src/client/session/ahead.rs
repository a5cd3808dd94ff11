//! Commands sent ahead of their replies, and the data connection lent for what they move.

use super::Session;
use super::data::Opened;
use crate::client::error::ClientError;
use crate::net::{Net, Pace};
use crate::transfer::DataConnection;
use ftp_proto::command::Command;
use ftp_proto::reply::Reply;
use std::future::Future;
use std::io;
use std::pin::Pin;

/// What came first.
pub(crate) enum Came<T> {
    Moved(T),
    Reply(Reply),
}

impl<N: Net> Session<N> {
    /// Sends a command whose reply is read by [`Self::read_reply`] or [`Self::moved_or_reply`].
    pub(in crate::client) async fn send(&mut self, command: &Command) -> Result<(), ClientError> {
        self.control.send(command).await
    }

    /// Commands to come may leave together, by the next flush or wait for a reply.
    pub(in crate::client) fn pace(&mut self, pace: Pace) {
        self.control.pace(pace);
    }

    /// Sends what [`Pace::Together`] has held back.
    pub(in crate::client) async fn flush(&mut self) -> Result<(), ClientError> {
        self.control.flush().await
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
