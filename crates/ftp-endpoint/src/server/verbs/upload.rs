//! An upload at the server: STOR, APPE and STOU, from the name to the reply.

use super::transfers::under_way;
use crate::net::{Net, Time, at_once};
use crate::server::accounts::Accounts;
use crate::server::data::Way;
use crate::server::log::{LogRecord, Movement};
use crate::server::meanwhile::{Attended, attended};
use crate::server::negotiated::Restart;
use crate::server::promises::Promise;
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use crate::store::{Principal, ReadFile, Store, StoreError, Write, WriteFile};
use crate::transfer::OF_PARTIAL;
use crate::transfer::ascii::AsciiWriter;
use crate::transfer::throttle::Throttled;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use std::io;
use tokio::sync::mpsc;

/// 110 replies that may wait for the control connection; more are left out.
const WAITING_MARKS: usize = 64;

/// A file on its way in, out of sight until it is committed.
struct Upload<N: Net, S: Store> {
    name: String,
    path: VirtualPath,
    /// STOU made the name.
    unique: bool,
    /// [`Store::publishes_together`].
    publishes_together: bool,
    file: Throttled<N, Target<S>>,
}

impl<N: Net, S: Store> Upload<N, S> {
    /// Opens the file where REST, RANG or `how` say, if the user may.
    async fn open<A: Accounts<Store = S>>(
        session: &mut Session<N, A>,
        path: Result<VirtualPath, Refusal>,
        how: Write,
        unique: bool,
    ) -> Result<Self, Refusal> {
        let restart = session.negotiated.restart.take().unwrap_or_default();
        let range = session.negotiated.range.take();
        let path = path?;
        let asked = session.asked_partial.take_if(|asked| asked.path == path);
        let of_partial = restart.of_partial || asked.is_some() && how == Write::Replace;
        let part = asked.and_then(|asked| asked.part);
        let how = match (range, restart.offset) {
            (Some((first, _)), _) => Write::From(first),
            (None, 0) => how,
            (None, offset) if of_partial => Write::Resume { offset, part },
            (None, offset) => Write::From(offset),
        };
        let first = range.map_or(restart.offset, |(first, _)| first);
        session.can_begin_at(first, range.is_some(), true)?;
        let (store, writer) = session.open_to_write(&path, how, unique).await?;
        let (name, publishes_together) = (path.to_string(), store.publishes_together());
        let target = match (range, session.conversion().is_lines_only()) {
            (Some((first, last)), _) => Target::Range(Patch {
                inner: writer,
                store,
                path: path.clone(),
                at: first,
                end: last.saturating_add(1),
            }),
            (None, true) => Target::Lines(lines(writer, restart)),
            (None, false) => Target::Whole(writer),
        };
        let rate = session.config.limits.transfer_bytes_per_s;
        let file = Throttled::new(session.net.clone(), target, rate);
        Ok(Self { name, path, unique, publishes_together, file })
    }

    /// Says 125 or 150 and receives the file to its end. In stream mode with file structure that end is
    /// the closing of the connection, whatever its cause.
    async fn receive<A: Accounts<Store = S>>(mut self, session: &mut Session<N, A>) -> Result<Self, Refusal> {
        let coding = session.negotiated.coding();
        let name = self.name.as_str();
        if self.unique {
            session.announce_unique(name, coding).await;
        } else {
            session.announce(name, coding).await;
        }
        let counting = session.counting.clone();
        let status = || under_way("receiving", name, counting.payload_bytes());
        let conversion = Some(session.conversion()).filter(|conversion| !conversion.is_lines_only());
        let (marks, mut received_marks) =
            session.marks.take().unwrap_or_else(|| mpsc::channel(WAITING_MARKS));
        let (port, file) = (&mut session.data, &mut self.file);
        let work = async {
            port.flush().await;
            let connection = port.open(coding, Way::In).await?;
            connection.set_conversion(conversion);
            connection.tell_markers(Some(marks.clone()));
            let received = connection.receive_file(name, file).await;
            connection.tell_markers(None);
            received?;
            Ok(())
        };
        let (control, aborting) = (&mut session.control, &mut session.aborting);
        match attended(control, aborting, status, Some(&mut received_marks), false, work).await {
            Attended::Done(Ok(())) => {
                session.marks = Some((marks, received_marks));
                Ok(self)
            }
            failed => {
                if mutant::is(Mutant::PartialPublished) {
                    let _ = self.file.publish().await;
                } else if counting.payload_bytes() > 0 {
                    // This is only a help for resuming: the upload has failed in any case.
                    let _ = self.file.keep().await;
                }
                Err(session.failed(failed))
            }
        }
    }

    /// The file appears under its name: its end has come.
    async fn commit<A: Accounts<Store = S>>(self, session: &mut Session<N, A>) -> Result<Reply, Refusal> {
        if let Err(error) = self.file.publish().await {
            session.data.discard();
            return Err(Refusal::Transfer(error.into()));
        }
        session.data.done().await;
        Ok(session.completed())
    }

    /// The same, but the next upload may begin meanwhile: its data come on the same connection, whatever
    /// becomes of this one.
    async fn commit_later<A: Accounts<Store = S>>(
        self,
        session: &mut Session<N, A>,
        begun: Time,
    ) -> Result<Option<Reply>, Refusal> {
        session.data.done().await;
        let completed = session.completed();
        let mut publication = Box::pin(self.file.publish());
        // In its turn: before those to come.
        if let Some(published) = at_once(&mut publication).await {
            return published.map(|()| Some(completed)).map_err(|error| Refusal::Transfer(error.into()));
        }
        let record = session.record(Movement::Received, &self.name);
        let (net, config) = (session.net.clone(), session.config.clone());
        let file_bytes = session.counting.payload_bytes();
        let reply = Box::pin(async move {
            let result = publication.await.map_err(|error| Refusal::Transfer(error.into()));
            if let (Some(log), Some(mut record)) = (&config.transfer_log, record) {
                record.end(net.now().saturating_sub(begun), config.now_s());
                record.error = result.as_ref().err().map(ToString::to_string);
                log(LogRecord::Transfer(&record));
            }
            result.map_or_else(|refusal| refusal.reply(), |()| completed)
        });
        session.control.promise(Promise { path: self.path, file_bytes, reply });
        Ok(None)
    }
}

/// TYPE A goes on behind a CR that has been held back.
fn lines<W: WriteFile>(writer: W, restart: Restart) -> AsciiWriter<W> {
    if restart.return_seen { AsciiWriter::after_return(writer) } else { AsciiWriter::new(writer) }
}

impl<N: Net, A: Accounts> Session<N, A> {
    pub(super) async fn upload(
        &mut self,
        path: Result<VirtualPath, Refusal>,
        how: Write,
        unique: bool,
    ) -> Result<Next, Refusal> {
        let upload = match Upload::open(self, path, how, unique).await {
            Ok(upload) => upload,
            Err(refusal) => return Err(self.refuse_upload(refusal).await),
        };
        let (name, begun) = (upload.name.clone(), self.net.now());
        let result = match upload.receive(self).await {
            Ok(upload) if upload.publishes_together && self.takes_uploads_ahead() => {
                match upload.commit_later(self, begun).await {
                    Ok(None) => return Ok(Next::Later),
                    Ok(Some(reply)) => Ok(reply),
                    Err(refusal) => Err(refusal),
                }
            }
            Ok(upload) => upload.commit(self).await,
            Err(refusal) => Err(refusal),
        };
        self.log(Movement::Received, &name, begun, &result);
        result.map(Next::Reply)
    }

    /// After OPTS XPIPE ON the file's data come whatever we answer: they are read and dropped, up
    /// to the end of the file, so that the next file is found where it begins.
    async fn refuse_upload(&mut self, refusal: Refusal) -> Refusal {
        if !self.takes_uploads_ahead() {
            return refusal;
        }
        let coding = self.negotiated.coding();
        self.data.is_open(coding).await;
        let status = || Reply::new(211, "Discarding a refused upload.");
        let data = &mut self.data;
        let work = async {
            data.open(coding, Way::In).await?.discard_file().await?;
            Ok(())
        };
        match attended(&mut self.control, &mut self.aborting, status, None, false, work).await {
            Attended::Done(Ok(())) => refusal,
            Attended::Lost(error) => Refusal::ControlLost(error),
            failed => {
                self.failed(failed);
                refusal
            }
        }
    }

    /// Whether the data of uploads come without waiting for replies.
    fn takes_uploads_ahead(&self) -> bool {
        self.negotiated.pipelined_uploads && self.negotiated.mode.is_framed()
    }

    async fn open_to_write(
        &mut self,
        path: &VirtualPath,
        mut how: Write,
        unique: bool,
    ) -> Result<(A::Store, <A::Store as Store>::Writer), Refusal> {
        let (mut store, rights) = self.store_and_rights()?;
        if !rights.write {
            return Err(Refusal::NoRightToStore);
        }
        if !rights.delete && store.metadata(path).await.is_ok() {
            return Err(Refusal::NoRightToStore);
        }
        if mutant::is(Mutant::RetryAppends)
            && let Ok(Some(left)) = store.partial_bytes(path).await
        {
            how = Write::resume(left);
        }
        if unique {
            // Somebody else may have come upon the name meanwhile.
            let keeps_nothing = Principal { may_replace: false, max_partials: 0, ..Principal::default() };
            store = store.acting_for(&keeps_nothing);
        }
        let writer = store.write(path, how).await.map_err(Refusal::Storing)?;
        Ok((store, writer))
    }
}

/// Where an upload's bytes go.
enum Target<S: Store> {
    /// As they are, or converted by the data connection.
    Whole(S::Writer),
    /// TYPE A with STRU F.
    Lines(AsciiWriter<S::Writer>),
    /// RANG.
    Range(Patch<S>),
}

impl<S: Store> WriteFile for Target<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_together(&[bytes]).await
    }

    async fn write_together(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
        match self {
            Self::Whole(file) => file.write_together(pieces).await,
            Self::Lines(file) => file.write_together(pieces).await,
            Self::Range(file) => file.write_together(pieces).await,
        }
    }

    async fn publish(self) -> Result<(), StoreError> {
        match self {
            Self::Whole(file) => file.publish().await,
            Self::Lines(file) => file.publish().await,
            Self::Range(file) => file.publish().await,
        }
    }

    /// A place in this upload, whatever stands under its name by then.
    fn marker(&self) -> Option<String> {
        let mut marker = match self {
            Self::Whole(file) => file.marker(),
            Self::Lines(file) => file.marker(),
            Self::Range(file) => file.marker(),
        }?;
        marker.push(OF_PARTIAL);
        Some(marker)
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Whole(file) => file.checkpoint().await,
            Self::Lines(file) => file.checkpoint().await,
            Self::Range(file) => file.checkpoint().await,
        }
    }

    async fn keep(self) -> Result<(), StoreError> {
        match self {
            Self::Whole(file) => file.keep().await,
            Self::Lines(file) => file.keep().await,
            Self::Range(file) => file.keep().await,
        }
    }
}

/// An upload of a range: what lies outside it stays as it is (draft-bryan-ftp-range-09 section 4.3).
struct Patch<S: Store> {
    inner: S::Writer,
    store: S,
    path: VirtualPath,
    /// Offset in the file of the next byte.
    at: u64,
    /// Offset of the first byte after the range.
    end: u64,
}

impl<S: Store> WriteFile for Patch<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.end - self.at < bytes.len() as u64 {
            let why = "more bytes than the range has";
            return Err(StoreError::Io(io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        self.at += bytes.len() as u64;
        self.inner.write(bytes).await
    }

    async fn publish(mut self) -> Result<(), StoreError> {
        let mut old = match self.store.read(&self.path, self.at).await {
            Ok(old) => old,
            // Nothing of the old file lies behind.
            Err(StoreError::BadOffset { .. } | StoreError::NotFound) => return self.inner.publish().await,
            Err(other) => return Err(other),
        };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match old.read(&mut buffer).await? {
                0 => return self.inner.publish().await,
                read => self.inner.write(&buffer[..read]).await?,
            }
        }
    }
}
