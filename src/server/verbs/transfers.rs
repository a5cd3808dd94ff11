//! Transfers: REST RETR STOR APPE ABOR, and what listings are sent by.

use super::listing::Text;
use crate::net::Net;
use crate::proto::mode::Coding;
use crate::proto::path::VirtualPath;
use crate::proto::reply::Reply;
use crate::server::accounts::Accounts;
use crate::server::data::DataPort;
use crate::server::replies::Refusal;
use crate::server::session::{Attended, Session, attended};
use crate::store::{ReadFile, Store, Write, WriteFile};
use crate::transfer::ascii::{AsciiReader, AsciiWriter};

/// Opens the data connection and sends one file.
async fn send<N: Net>(
    port: &mut DataPort<N>,
    coding: Coding,
    name: &str,
    mut file: impl ReadFile,
) -> Result<(), Refusal> {
    port.open(coding).await?.send_file(name, &mut file).await?;
    port.done().await;
    Ok(())
}

async fn receive<N: Net>(
    port: &mut DataPort<N>,
    coding: Coding,
    name: &str,
    file: &mut impl WriteFile,
) -> Result<(), Refusal> {
    port.open(coding).await?.receive_file(name, file).await?;
    Ok(())
}

impl<N: Net, A: Accounts> Session<N, A> {
    pub(in crate::server) fn restart(&mut self, marker: String) -> Result<Reply, Refusal> {
        if marker.parse::<u64>().is_err() {
            return Err(Refusal::Syntax("REST needs a byte offset"));
        }
        let reply = Reply::new(350, format!("Restarting at {marker}, send STOR or RETR."));
        self.restart = Some(marker);
        Ok(reply)
    }

    fn take_offset(&mut self) -> u64 {
        self.restart.take().and_then(|marker| marker.parse().ok()).unwrap_or(0)
    }

    pub(in crate::server) async fn retrieve(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let offset = self.take_offset();
        let opened = self.open_to_read(argument, offset).await;
        let (path, reader) = opened.inspect_err(|_| self.data.refused(self.parameters.mode))?;
        let name = path.to_string();
        if self.parameters.is_ascii() {
            self.send(&name, AsciiReader::new(reader), self.parameters.coding()).await
        } else {
            self.send(&name, reader, self.parameters.coding()).await
        }
    }

    async fn open_to_read(
        &mut self,
        argument: &str,
        offset: u64,
    ) -> Result<(VirtualPath, <A::Store as Store>::Reader), Refusal> {
        let (store, rights) = self.store_and_rights()?;
        let path = self.path(argument)?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let reader = store.read(&path, offset).await?;
        Ok((path, reader))
    }

    /// Sends lines that end with CR LF: implied TYPE A, whatever the session's.
    pub(super) async fn send_text(&mut self, name: &str, text: Vec<u8>) -> Result<Reply, Refusal> {
        self.restart = None;
        let coding = Coding { filler: b' ', ..self.parameters.coding() };
        self.send(name, Text::new(text), coding).await
    }

    async fn send(&mut self, name: &str, file: impl ReadFile, coding: Coding) -> Result<Reply, Refusal> {
        self.announce(name, coding).await?;
        let counting = self.counting.clone();
        let status = || under_way("sending", name, counting.payload_bytes());
        let work = send(&mut self.data, coding, name, file);
        match attended(&mut self.control, &mut self.aborting, status, work).await {
            Attended::Done(Ok(())) => Ok(self.completed()),
            failed => Err(self.failed(failed)),
        }
    }

    pub(in crate::server) async fn store(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let how = match self.take_offset() {
            0 => Write::Replace,
            offset => Write::From(offset),
        };
        self.receive(argument, how).await
    }

    pub(in crate::server) async fn append(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let how = match self.take_offset() {
            0 => Write::Append,
            offset => Write::From(offset),
        };
        self.receive(argument, how).await
    }

    async fn receive(&mut self, argument: &str, how: Write) -> Result<Reply, Refusal> {
        let opened = self.open_to_write(argument, how).await;
        let (path, writer) = opened.inspect_err(|_| self.data.refused(self.parameters.mode))?;
        let name = path.to_string();
        if self.parameters.is_ascii() {
            self.receive_into(&name, AsciiWriter::new(writer)).await
        } else {
            self.receive_into(&name, writer).await
        }
    }

    async fn open_to_write(
        &mut self,
        argument: &str,
        how: Write,
    ) -> Result<(VirtualPath, <A::Store as Store>::Writer), Refusal> {
        let (store, rights) = self.store_and_rights()?;
        let path = self.path(argument)?;
        if !rights.write {
            return Err(Refusal::NoRightToStore);
        }
        if !rights.delete && store.metadata(&path).await.is_ok() {
            return Err(Refusal::NoRightToStore);
        }
        let writer = store.write(&path, how).await.map_err(Refusal::Storing)?;
        Ok((path, writer))
    }

    /// The file appears under its name when its end has come, and not before. In stream mode with
    /// file structure that end is the closing of the connection, whatever its cause.
    async fn receive_into(&mut self, name: &str, mut file: impl WriteFile) -> Result<Reply, Refusal> {
        let coding = self.parameters.coding();
        self.announce(name, coding).await?;
        let counting = self.counting.clone();
        let status = || under_way("receiving", name, counting.payload_bytes());
        let work = receive(&mut self.data, coding, name, &mut file);
        match attended(&mut self.control, &mut self.aborting, status, work).await {
            Attended::Done(Ok(())) => {
                let published = file.publish().await.map_err(|error| Refusal::Transfer(error.into()));
                if published.is_err() {
                    self.data.discard();
                }
                published?;
                self.data.done().await;
                Ok(self.completed())
            }
            failed => {
                if counting.payload_bytes() > 0 {
                    // Only a help for resuming: the upload has failed in any case.
                    let _ = file.keep().await;
                }
                Err(self.failed(failed))
            }
        }
    }

    /// 125 or 150, sent before anything moves.
    async fn announce(&mut self, name: &str, coding: Coding) -> Result<(), Refusal> {
        self.counting.reset();
        if self.data.is_open(coding).await {
            self.say(125, format!("Data connection already open; transfer starting for {name}."));
        } else {
            self.say(150, format!("File status okay; about to open data connection for {name}."));
        }
        self.control.flush().await.map_err(Refusal::ControlLost)
    }

    /// 226 says that the data connection is closed, 250 that it is not (RFC 959 section 3.2).
    fn completed(&self) -> Reply {
        if self.data.is_kept() {
            Reply::new(250, "File transfer completed, data connection stays open.")
        } else {
            Reply::new(226, "File transfer completed, closing data connection.")
        }
    }

    fn failed<T>(&mut self, how: Attended<Result<T, Refusal>>) -> Refusal {
        self.data.discard();
        match how {
            Attended::Done(Err(refusal)) => refusal,
            Attended::Done(Ok(_)) | Attended::Aborted => Refusal::Aborted,
            Attended::Lost(error) => Refusal::ControlLost(error),
        }
    }

    /// The transfer, if there was one, has ended and been answered by 426 (RFC 959 section 4.1.3).
    pub(in crate::server) fn abort(&mut self) -> Reply {
        self.aborting = false;
        self.data.discard();
        Reply::new(226, "Abort successful, data connection closed.")
    }
}

fn under_way(verb: &str, name: &str, payload_bytes: u64) -> Reply {
    Reply::multi(
        211,
        vec![
            "Transfer in progress:".to_owned(),
            format!(" {verb} {name}, {payload_bytes} bytes so far"),
            "End of status".to_owned(),
        ],
    )
}
