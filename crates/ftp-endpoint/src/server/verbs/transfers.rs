//! Transfers: REST RETR STOR STOU APPE ABOR, and what listings are sent by. How an upload goes on is in
//! `upload`.

use crate::net::{Net, Time, canonical};
use crate::server::accounts::Accounts;
use crate::server::data::Way;
use crate::server::log::{LogRecord, Movement, TransferRecord};
use crate::server::meanwhile::{Attended, attended};
use crate::server::negotiated::Restart;
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use crate::store::{ReadFile, Store, StoreError, Write};
use crate::transfer::TransferError;
use crate::transfer::ascii::AsciiReader;
use crate::transfer::limited::Limited;
use crate::transfer::throttle::Throttled;
use ftp_proto::mode::{Coding, Structure, TransmissionMode};
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use ftp_proto::repr::Conversion;

/// Names tried by STOU.
const UNIQUE_ATTEMPTS: u32 = 10_000;

impl<N: Net, A: Accounts> Session<N, A> {
    pub(in crate::server) fn restart(&mut self, marker: String) -> Result<Reply, Refusal> {
        let restart = Restart::parse(&marker)
            .ok_or(Refusal::Syntax("REST needs a byte offset or one of our markers"))?;
        self.negotiated.restart = Some(restart);
        self.negotiated.range = None;
        Ok(Reply::new(350, format!("Restarting at {marker}, send STOR or RETR.")))
    }

    pub(in crate::server) async fn retrieve(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let restart = self.negotiated.restart.take().unwrap_or_default();
        let range = self.negotiated.range.take();
        let (first, last) = range.unwrap_or((restart.offset, u64::MAX));
        let (coding, conversion) = (self.negotiated.coding(), self.conversion());
        // In TYPE A an offset, which is no marker, counts what is sent, not what is stored.
        let skipped = if conversion.is_lines_only() && !coding.mode.is_framed() { first } else { 0 };
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

    pub(super) fn log(&self, movement: Movement, name: &str, begun: Time, result: &Result<Reply, Refusal>) {
        let Some(log) = &self.config.transfer_log else { return };
        let Some(mut record) = self.record(movement, name) else { return };
        record.end(self.net.now().saturating_sub(begun), self.config.now_s());
        record.error = result.as_ref().err().map(ToString::to_string);
        log(LogRecord::Transfer(&record));
    }

    /// Of a transfer that has moved its bytes, before it is known how it has ended.
    pub(super) fn record(&self, movement: Movement, name: &str) -> Option<TransferRecord> {
        let user = self.user.as_ref()?;
        Some(TransferRecord {
            ended_s: None,
            duration_us: 0,
            session: self.number,
            peer: canonical(self.peer.ip()),
            user: user.name.clone(),
            anonymous: user.anonymous,
            movement,
            path: name.to_owned(),
            bytes: self.counting.payload_bytes(),
            data_type: self.negotiated.data_type.to_string(),
            mode: self.negotiated.mode,
            structure: self.negotiated.structure,
            tls: self.data.tls_version(),
            error: None,
        })
    }

    /// Whether a transfer can begin at an offset other than zero. A marker of block or compressed
    /// mode is an offset in the file; stream mode's is one in what is sent (RFC 3659 section 5.3), as are
    /// deflate mode's, before it is compressed, and a range's, and an upload in TYPE A would have to find
    /// it in a file that it does not read.
    pub(super) fn can_begin_at(&self, offset: u64, is_range: bool, uploading: bool) -> Result<(), Refusal> {
        let conversion = self.conversion();
        if is_range && !conversion.keeps_size() {
            return Err(Refusal::Parameter("a range needs TYPE I".to_owned()));
        }
        let is_offset = !self.negotiated.mode.is_framed();
        let is_deflate = self.negotiated.mode == TransmissionMode::Deflate;
        match offset {
            0 => Ok(()),
            _ if is_offset && conversion.structure == Structure::Record => {
                Err(Refusal::Restart(match is_deflate {
                    false => "stream mode with STRU R has no offsets",
                    true => "deflate mode with STRU R has no offsets",
                }))
            }
            _ if is_offset && uploading && !conversion.keeps_size() => {
                Err(Refusal::Restart(match is_deflate {
                    false => "an upload of stream mode in TYPE A has none, use TYPE I",
                    true => "an upload of deflate mode in TYPE A has none, use TYPE I",
                }))
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
    pub(super) async fn send_text(&mut self, name: &str, text: impl ReadFile) -> Result<Reply, Refusal> {
        self.negotiated.restart = None;
        self.negotiated.range = None;
        let coding = Coding { filler: b' ', ..self.negotiated.coding() };
        self.send(name, text, coding, None).await
    }

    pub(super) fn conversion(&self) -> Conversion {
        Conversion {
            representation: self.negotiated.representation(),
            structure: self.negotiated.structure,
            record_form: self.config.record_form,
        }
    }

    async fn send(
        &mut self,
        name: &str,
        mut file: impl ReadFile,
        coding: Coding,
        conversion: Option<Conversion>,
    ) -> Result<Reply, Refusal> {
        self.announce(name, coding).await;
        let counting = self.counting.clone();
        let status = || under_way("sending", name, counting.payload_bytes());
        let holds = self.control.has_waiting();
        let (port, markers) = (&mut self.data, self.negotiated.marker_interval_bytes);
        let level = self.negotiated.deflate_level;
        let work = async {
            port.open(coding, Way::Out).await?;
            if holds {
                // Another command is there already; if it sends a file, both go together.
                port.hold();
            }
            let connection = port.open(coding, Way::Out).await?;
            connection.set_conversion(conversion);
            connection.send_markers(markers);
            connection.set_deflate_level(level);
            connection.send_file(name, &mut file).await?;
            if !holds {
                port.flush().await;
            }
            port.done().await;
            Ok(())
        };
        match attended(&mut self.control, &mut self.aborting, status, None, true, work).await {
            Attended::Done(Ok(())) => Ok(self.completed()),
            Attended::Done(Err(Refusal::Transfer(failed @ TransferError::Store(_)))) => {
                self.data.leave();
                Err(Refusal::Transfer(failed))
            }
            failed => Err(self.failed(failed)),
        }
    }

    pub(in crate::server) async fn store(&mut self, argument: &str) -> Result<Next, Refusal> {
        let path = self.path(argument);
        self.upload(path, Write::Replace, false).await
    }

    pub(in crate::server) async fn append(&mut self, argument: &str) -> Result<Next, Refusal> {
        let path = self.path(argument);
        self.upload(path, Write::Append, false).await
    }

    /// A name that no other file of the working directory has (RFC 1123 section 4.1.2.9).
    pub(in crate::server) async fn store_unique(&mut self) -> Result<Next, Refusal> {
        let path = self.unique().await;
        self.upload(path, Write::Replace, true).await
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

    /// Says 125 or 150, sent before anything moves, but for small files: see `attended`.
    pub(super) async fn announce(&mut self, name: &str, coding: Coding) {
        self.counting.reset();
        if mutant::is(Mutant::CompletionFirst) {
            self.say(226, "File transfer completed.");
        }
        for _ in 0..1 + u8::from(mutant::is(Mutant::PreliminaryTwice)) {
            if self.data.is_open(coding).await {
                self.say(125, format!("Data connection already open; transfer starting for {name}."));
            } else {
                self.say(150, format!("File status okay; about to open data connection for {name}."));
            }
        }
    }

    /// The exact texts of RFC 1123 section 4.1.2.9.
    pub(super) async fn announce_unique(&mut self, name: &str, coding: Coding) {
        self.counting.reset();
        let code = if self.data.is_open(coding).await { 125 } else { 150 };
        self.say(code, format!("FILE: {name}"));
    }

    /// 226 says that the data connection is closed, 250 that it is not (RFC 959 section 3.2).
    pub(super) fn completed(&mut self) -> Reply {
        if mutant::is(Mutant::CompletionTwice) {
            self.say(226, "File transfer completed.");
        }
        if self.data.is_kept() {
            Reply::new(250, "File transfer completed, data connection stays open.")
        } else {
            Reply::new(226, "File transfer completed, closing data connection.")
        }
    }

    pub(super) fn failed<T>(&mut self, how: Attended<Result<T, Refusal>>) -> Refusal {
        self.data.discard();
        if let Attended::Done(Err(Refusal::Transfer(error @ TransferError::TooSlow(_)))) = &how {
            tracing::warn!(peer = %self.peer, %error, "a seat taken back");
        }
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

pub(super) fn under_way(verb: &str, name: &str, payload_bytes: u64) -> Reply {
    Reply::multi(
        211,
        vec![
            "Transfer in progress:".to_owned(),
            format!(" {verb} {name}, {payload_bytes} bytes so far"),
            "End of status".to_owned(),
        ],
    )
}
