//! Listings as text: lines of TYPE A, whatever the session's type.

use super::Session;
use super::transfer::{Begun, failed};
use crate::client::error::ClientError;
use crate::net::Net;
use crate::store::{StoreError, WriteFile};
use crate::transfer::{DataConnection, TransferError};
use ftp_proto::command::{Command, DataType};
use ftp_proto::reply::Reply;
use ftp_proto::repr::Representation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// For the first of a listing that its completion reply has come before. Servers that have nothing to list, and
/// never take the connection, cost so much.
const FIRST_LIMIT: Duration = Duration::from_secs(1);

impl<N: Net> Session<N> {
    /// LIST, NLST or MLSD, and the reply at its end: lines of TYPE A, whatever the session's type, kept
    /// with their ends. LIST and NLST need TYPE A or E (RFC 959 section 4.1.3), so TYPE is A meanwhile.
    pub async fn receive_text(
        &mut self,
        command: Command,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<Reply, ClientError> {
        let needs_type =
            self.policy.representation != Representation::Ascii && !matches!(command, Command::Mlsd(_));
        if needs_type {
            // Where it is refused, LIST will tell.
            self.command(&Command::Type(DataType::default())).await?;
        }
        let ended = match self.begin_or_done(&command, None).await {
            Ok(Begun::Ready(data)) => self.move_text(data, name, file).await,
            Ok(Begun::Done(reply)) if reply.is_completion() => self.text_when_done(reply, name, file).await,
            Ok(Begun::Done(reply)) => Err(self.out_of_sequence(&command, reply)),
            Err(error) => Err(error),
        };
        if needs_type && self.in_step() {
            let back = self.must(Command::Type(self.policy.representation.data_type())).await;
            if let Err(error) = back {
                self.give_up();
                // What went wrong first says why.
                return ended.and(Err(error));
            }
        }
        ended
    }

    async fn move_text(
        &mut self,
        mut data: DataConnection<N>,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<Reply, ClientError> {
        set_text(&mut data);
        let ended = self.move_in(&mut data, name, file).await;
        self.unset_text(&mut data);
        self.finish_receiving(data, ended).await.map(|(_, reply)| reply)
    }

    /// For the files to come, what the session's type says.
    fn unset_text(&self, data: &mut DataConnection<N>) {
        data.set_filler(self.policy.coding().filler);
        self.convert(data);
    }

    /// The server says at once that it is done. Some say so in place of 150, and the lines come all the same: only
    /// where nothing does, there is nothing to list.
    async fn text_when_done(
        &mut self,
        reply: Reply,
        name: &str,
        file: &mut impl WriteFile,
    ) -> Result<Reply, ClientError> {
        let Some(mut data) = self.data.take() else { return Ok(reply) };
        set_text(&mut data);
        let has_come = AtomicBool::new(false);
        let mut file = Noticed { file, has_come: &has_come };
        let cancel = self.cancel.clone();
        let received = {
            let mut receiving = std::pin::pin!(data.receive_file(name, &mut file));
            let bounded = async {
                match self.net.timeout(FIRST_LIMIT, receiving.as_mut()).await {
                    Ok(received) => received,
                    // What goes on coming has the limits of any other transfer.
                    Err(_) if has_come.load(Ordering::Relaxed) => receiving.await,
                    Err(_) => Err(TransferError::Silent(FIRST_LIMIT)),
                }
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                received = bounded => Some(received),
            }
        };
        self.unset_text(&mut data);
        match received {
            Some(Ok(_)) => {
                self.keep_or_close(data).await;
                Ok(reply)
            }
            received => {
                self.drop_data(data);
                match received {
                    None => Err(ClientError::Cancelled),
                    Some(Err(error)) if has_come.load(Ordering::Relaxed) => Err(failed(error, Some(reply))),
                    Some(_) => Ok(reply),
                }
            }
        }
    }
}

fn set_text<N: Net>(data: &mut DataConnection<N>) {
    data.set_filler(Representation::Ascii.filler());
    data.set_conversion(None);
}

/// Tells whether anything has come.
struct Noticed<'a, W> {
    file: &'a mut W,
    has_come: &'a AtomicBool,
}

impl<W: WriteFile> WriteFile for Noticed<'_, W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.has_come.fetch_or(!bytes.is_empty(), Ordering::Relaxed);
        self.file.write(bytes).await
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}
