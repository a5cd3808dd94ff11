//! Transfers: REST RETR STOR STOU APPE ABOR, and what listings are sent by.

use super::listing::Text;
use crate::net::{Net, Time};
use crate::server::accounts::Accounts;
use crate::server::data::{DataPort, canonical};
use crate::server::log::{Movement, TransferRecord};
use crate::server::replies::Refusal;
use crate::server::session::{Attended, Session, attended};
use crate::store::{ReadFile, Store, StoreError, Write, WriteFile};
use crate::transfer::Mark;
use crate::transfer::ascii::{AsciiReader, AsciiWriter, RETURN_SEEN};
use crate::transfer::limited::Limited;
use crate::transfer::throttle::Throttled;
use ftp_proto::mode::{Coding, Structure, TransmissionMode};
use ftp_proto::path::VirtualPath;
use ftp_proto::planted::{self, Bug};
use ftp_proto::reply::Reply;
use ftp_proto::repr::Conversion;
use std::num::NonZeroU64;
use tokio::sync::mpsc;

/// 110 replies that may wait for the control connection; more are left out.
const WAITING_MARKS: usize = 64;
/// Names tried by STOU.
const UNIQUE_ATTEMPTS: u32 = 10_000;

/// Where a transfer begins, from REST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    offset: u64,
    /// TYPE A: a CR has been received before ([`RETURN_SEEN`]).
    return_seen: bool,
}

impl Restart {
    /// Digits, as the markers of this server and of RFC 3659's stream mode are.
    fn parse(marker: &str) -> Option<Self> {
        let digits = marker.strip_suffix(RETURN_SEEN);
        let text = digits.unwrap_or(marker);
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let offset = text.parse().ok().filter(|_| is_number)?;
        Some(Self { offset, return_seen: digits.is_some() })
    }
}

/// Opens the data connection and sends one file.
async fn send<N: Net>(
    port: &mut DataPort<N>,
    coding: Coding,
    conversion: Option<Conversion>,
    markers: Option<NonZeroU64>,
    name: &str,
    mut file: impl ReadFile,
    holds: bool,
) -> Result<(), Refusal> {
    port.open(coding).await?;
    if holds {
        // Another command is there already; if it sends a file, both go together.
        port.hold();
    }
    let connection = port.open(coding).await?;
    connection.set_conversion(conversion);
    connection.send_markers(markers);
    connection.send_file(name, &mut file).await?;
    if !holds {
        port.flush().await;
    }
    port.done().await;
    Ok(())
}

async fn receive<N: Net>(
    port: &mut DataPort<N>,
    coding: Coding,
    conversion: Option<Conversion>,
    marks: mpsc::Sender<Mark>,
    name: &str,
    file: &mut impl WriteFile,
) -> Result<(), Refusal> {
    port.flush().await;
    let connection = port.open(coding).await?;
    connection.set_conversion(conversion);
    connection.tell_markers(Some(marks));
    let received = connection.receive_file(name, file).await;
    connection.tell_markers(None);
    received?;
    Ok(())
}

impl<N: Net, A: Accounts> Session<N, A> {
    pub(in crate::server) fn restart(&mut self, marker: String) -> Result<Reply, Refusal> {
        let restart = Restart::parse(&marker)
            .ok_or(Refusal::Syntax("REST needs a byte offset or one of our markers"))?;
        self.restart = Some(restart);
        self.range = None;
        Ok(Reply::new(350, format!("Restarting at {marker}, send STOR or RETR.")))
    }

    pub(in crate::server) async fn retrieve(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let restart = self.restart.take().unwrap_or_default();
        let range = self.range.take();
        let (first, last) = range.unwrap_or((restart.offset, u64::MAX));
        let (coding, conversion) = (self.parameters.coding(), self.conversion());
        // In TYPE A an offset of stream mode counts what is sent, not what is stored.
        let skipped =
            if conversion.is_lines_only() && coding.mode == TransmissionMode::Stream { first } else { 0 };
        let opened = match self.can_begin_at(first, range.is_some(), false) {
            Ok(()) => self.open_to_read(argument, first - skipped, range.is_some()).await,
            Err(refusal) => Err(refusal),
        };
        let (path, reader) = opened?;
        let reader = Limited::new(reader, (last - first).saturating_add(1));
        let reader = Throttled::new(self.net.clone(), reader, self.config.limits.transfer_bytes_per_s);
        let name = path.to_string();
        let begun = self.net.now();
        let result = if conversion.is_lines_only() {
            let mut reader = AsciiReader::new(reader);
            let there = reader.skip(skipped).await?;
            if there < skipped {
                return Err(StoreError::BadOffset { offset: skipped, size_bytes: there }.into());
            }
            self.send(&name, reader, coding, None).await
        } else {
            self.send(&name, reader, coding, Some(conversion)).await
        };
        self.log(Movement::Sent, &name, begun, &result);
        result
    }

    fn log(&self, movement: Movement, name: &str, begun: Time, result: &Result<Reply, Refusal>) {
        let (Some(log), Some(user)) = (&self.config.transfer_log, &self.user) else { return };
        let duration_us = self.net.now().saturating_sub(begun).as_micros();
        log(&TransferRecord {
            ended_s: self.config.calendar.as_ref().map(|calendar| calendar().0),
            duration_us: u64::try_from(duration_us).unwrap_or(u64::MAX),
            session: self.number,
            peer: canonical(self.peer.ip()),
            user: user.name.clone(),
            anonymous: user.anonymous,
            movement,
            path: name.to_owned(),
            bytes: self.counting.payload_bytes(),
            data_type: self.parameters.data_type.to_string(),
            mode: self.parameters.mode,
            structure: self.parameters.structure,
            error: result.as_ref().err().map(ToString::to_string),
        });
    }

    /// Whether a transfer can begin at an offset other than zero. A marker of block or compressed
    /// mode is an offset in the file; stream mode's is one in what is sent (RFC 3659 section 5.3),
    /// as is a range's, and an upload in TYPE A would have to find it in a file that it does not read.
    fn can_begin_at(&self, offset: u64, is_range: bool, uploading: bool) -> Result<(), Refusal> {
        let conversion = self.conversion();
        if is_range && !conversion.keeps_size() {
            return Err(Refusal::Parameter("a range needs TYPE I".to_owned()));
        }
        let is_offset = self.parameters.mode == TransmissionMode::Stream;
        match offset {
            0 => Ok(()),
            _ if is_offset && conversion.structure == Structure::Record => {
                Err(Refusal::Restart("stream mode with STRU R has no offsets"))
            }
            _ if is_offset && uploading && !conversion.keeps_size() => {
                Err(Refusal::Restart("an upload of stream mode in TYPE A has none, use TYPE I"))
            }
            _ if !uploading && !conversion.restarts_anywhere() => {
                Err(Refusal::Restart("a file of records is sent from its beginning"))
            }
            _ => Ok(()),
        }
    }

    /// A range that begins beyond the end is empty (draft-bryan-ftp-range-09 section 4.3).
    async fn open_to_read(
        &mut self,
        argument: &str,
        offset: u64,
        clamped: bool,
    ) -> Result<(VirtualPath, <A::Store as Store>::Reader), Refusal> {
        let (store, rights) = self.store_and_rights()?;
        let path = self.path(argument)?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let reader = match store.read(&path, offset).await {
            Err(StoreError::BadOffset { size_bytes, .. }) if clamped => store.read(&path, size_bytes).await?,
            other => other?,
        };
        Ok((path, reader))
    }

    /// Sends lines that end with CR LF: implied TYPE A, whatever the session's.
    pub(super) async fn send_text(&mut self, name: &str, text: Vec<u8>) -> Result<Reply, Refusal> {
        self.restart = None;
        self.range = None;
        let coding = Coding { filler: b' ', ..self.parameters.coding() };
        self.send(name, Text::new(text), coding, None).await
    }

    pub(super) fn conversion(&self) -> Conversion {
        Conversion {
            representation: self.parameters.representation(),
            structure: self.parameters.structure,
            record_form: self.config.record_form,
        }
    }

    async fn send(
        &mut self,
        name: &str,
        file: impl ReadFile,
        coding: Coding,
        conversion: Option<Conversion>,
    ) -> Result<Reply, Refusal> {
        self.announce(name, coding).await;
        let may_join = self.config.joined_replies;
        if !may_join {
            self.announced().await?;
        }
        let counting = self.counting.clone();
        let status = || under_way("sending", name, counting.payload_bytes());
        let holds = self.control.has_waiting();
        let work = send(&mut self.data, coding, conversion, self.marker_interval_bytes, name, file, holds);
        match attended(&mut self.control, &mut self.aborting, status, None, may_join, work).await {
            Attended::Done(Ok(())) => Ok(self.completed()),
            failed => Err(self.failed(failed)),
        }
    }

    pub(in crate::server) async fn store(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let path = self.path(argument);
        self.receive(path, Write::Replace, false).await
    }

    pub(in crate::server) async fn append(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let path = self.path(argument);
        self.receive(path, Write::Append, false).await
    }

    /// A name that no other file of the working directory has (RFC 1123 section 4.1.2.9).
    pub(in crate::server) async fn store_unique(&mut self) -> Result<Reply, Refusal> {
        let path = self.unique().await;
        self.receive(path, Write::Replace, true).await
    }

    async fn unique(&mut self) -> Result<VirtualPath, Refusal> {
        let (store, _) = self.store_and_rights()?;
        for number in 1..=UNIQUE_ATTEMPTS {
            let path = self.path(&format!("ftp-{}-{number}", self.number))?;
            if let Err(StoreError::NotFound) = store.metadata(&path).await {
                return Ok(path);
            }
        }
        Err(Refusal::Storing(StoreError::Exists))
    }

    async fn receive(
        &mut self,
        path: Result<VirtualPath, Refusal>,
        how: Write,
        unique: bool,
    ) -> Result<Reply, Refusal> {
        let restart = self.restart.take().unwrap_or_default();
        let range = self.range.take();
        let how = match (range, restart.offset) {
            (Some((first, _)), _) => Write::From(first),
            (None, 0) => how,
            (None, offset) => Write::From(offset),
        };
        let first = range.map_or(restart.offset, |(first, _)| first);
        let opened = match (path, self.can_begin_at(first, range.is_some(), true)) {
            (Ok(path), Ok(())) => self.open_to_write(path, how).await,
            (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
        };
        let (path, writer) = match opened {
            Ok(opened) => opened,
            Err(refusal) => return Err(self.refuse_upload(refusal).await),
        };
        let incoming = Incoming { name: path.to_string(), unique };
        match (range, self.conversion().is_lines_only()) {
            (Some((first, last)), _) => {
                let (store, _) = self.store_and_rights()?;
                let patch = Patch { inner: writer, store, path, at: first, end: last.saturating_add(1) };
                self.receive_into(&incoming, patch).await
            }
            (None, true) if restart.return_seen => {
                self.receive_into(&incoming, AsciiWriter::after_return(writer)).await
            }
            (None, true) => self.receive_into(&incoming, AsciiWriter::new(writer)).await,
            (None, false) => self.receive_into(&incoming, writer).await,
        }
    }

    /// After OPTS XPIPE ON the file's data come whatever we answer: they are read and dropped, up
    /// to the end of the file, so that the next file is found where it begins.
    async fn refuse_upload(&mut self, refusal: Refusal) -> Refusal {
        if !self.pipelined_uploads || self.parameters.mode == TransmissionMode::Stream {
            return refusal;
        }
        let coding = self.parameters.coding();
        self.data.is_open(coding).await;
        let status = || Reply::new(211, "Discarding a refused upload.");
        let data = &mut self.data;
        let work = async {
            data.open(coding).await?.discard_file().await?;
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

    async fn open_to_write(
        &mut self,
        path: VirtualPath,
        how: Write,
    ) -> Result<(VirtualPath, <A::Store as Store>::Writer), Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.write {
            return Err(Refusal::NoRightToStore);
        }
        if !rights.delete && store.metadata(&path).await.is_ok() {
            return Err(Refusal::NoRightToStore);
        }
        let mut how = how;
        if planted::is(Bug::RetryAppends)
            && let Ok(Some(left)) = store.partial_bytes(&path).await
        {
            how = Write::From(left);
        }
        let writer = store.write(&path, how).await.map_err(Refusal::Storing)?;
        Ok((path, writer))
    }

    /// The file appears under its name when its end has come, and not before. In stream mode with
    /// file structure that end is the closing of the connection, whatever its cause.
    async fn receive_into(&mut self, incoming: &Incoming, file: impl WriteFile) -> Result<Reply, Refusal> {
        let begun = self.net.now();
        let file = Throttled::new(self.net.clone(), file, self.config.limits.transfer_bytes_per_s);
        let result = self.receive_throttled(incoming, file).await;
        self.log(Movement::Received, &incoming.name, begun, &result);
        result
    }

    async fn receive_throttled(
        &mut self,
        incoming: &Incoming,
        mut file: impl WriteFile,
    ) -> Result<Reply, Refusal> {
        let coding = self.parameters.coding();
        let name = incoming.name.as_str();
        if incoming.unique {
            self.announce_unique(name, coding).await?;
        } else {
            self.announce(name, coding).await;
            self.announced().await?;
        }
        let counting = self.counting.clone();
        let status = || under_way("receiving", name, counting.payload_bytes());
        let conversion = Some(self.conversion()).filter(|conversion| !conversion.is_lines_only());
        let (marks, received_marks) = mpsc::channel(WAITING_MARKS);
        let work = receive(&mut self.data, coding, conversion, marks, name, &mut file);
        let marks = Some(received_marks);
        match attended(&mut self.control, &mut self.aborting, status, marks, false, work).await {
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
                if planted::is(Bug::PartialPublished) {
                    let _ = file.publish().await;
                } else if counting.payload_bytes() > 0 {
                    // Only a help for resuming: the upload has failed in any case.
                    let _ = file.keep().await;
                }
                Err(self.failed(failed))
            }
        }
    }

    /// Says 125 or 150, sent before anything moves, but for small files: see `attended`.
    async fn announce(&mut self, name: &str, coding: Coding) {
        self.counting.reset();
        if planted::is(Bug::CompletionFirst) {
            self.say(226, "File transfer completed.");
        }
        if self.data.is_open(coding).await {
            self.say(125, format!("Data connection already open; transfer starting for {name}."));
        } else {
            self.say(150, format!("File status okay; about to open data connection for {name}."));
        }
    }

    /// The exact texts of RFC 1123 section 4.1.2.9.
    async fn announce_unique(&mut self, name: &str, coding: Coding) -> Result<(), Refusal> {
        self.counting.reset();
        let code = if self.data.is_open(coding).await { 125 } else { 150 };
        self.say(code, format!("FILE: {name}"));
        self.announced().await
    }

    async fn announced(&mut self) -> Result<(), Refusal> {
        if self.control.has_waiting() {
            return Ok(());
        }
        self.control.flush().await.map_err(Refusal::ControlLost)
    }

    /// 226 says that the data connection is closed, 250 that it is not (RFC 959 section 3.2).
    fn completed(&mut self) -> Reply {
        if planted::is(Bug::CompletionTwice) {
            self.say(226, "File transfer completed.");
        }
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

/// An upload's name, and whether STOU made it.
struct Incoming {
    name: String,
    unique: bool,
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
            return Err(StoreError::Denied);
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
