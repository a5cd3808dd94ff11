//! Pipelined deliveries: several transfer commands under way on one control connection, their
//! files one after the other on one data connection (block and compressed mode).
//!
//! The server answers in order. A download's command may be sent long before its turn. An upload's
//! data follow its 125 or 150, unless the server announces `XPIPE` in FEAT and takes `OPTS XPIPE
//! ON` (our extension): then they are sent at once, and a server that refuses the file reads and
//! discards up to its end.
//!
//! When the data connection fails, the file whose turn it was has failed an attempt; those behind
//! it have not, and go again over another connection. All replies owed are read first, so that
//! the control connection stays in step.

use super::error::ClientError;
use super::hash::parse_hash;
use super::local::{LocalReader, LocalWriter};
use super::policy::{Direction, Opening, Policy, Publish, Verify};
use super::session::{Opened, Session, parse_size, refused};
use super::worker::{Pending, Worker, part_name, same_hash, same_size};
use crate::net::{Net, Pace};
use crate::store::{Store, StoreError, Write, WriteFile};
use crate::transfer::{DataConnection, Moved, TransferError};
use ftp_proto::command::Command;
use ftp_proto::mode::TransmissionMode;
use ftp_proto::planted::{self, Bug};
use ftp_proto::reply::{Class, Reply};
use std::collections::{BTreeMap, VecDeque};
use std::io;

/// Command bytes sent ahead: less than a control connection's buffers hold, so that a server that
/// is busy sending data never blocks us in sending commands.
const MAX_AHEAD_BYTES: usize = 16 * 1024;

/// Whether the policy can be pipelined.
pub fn applies(policy: &Policy) -> bool {
    policy.pipeline_depth > 1
        && policy.mode != TransmissionMode::Stream
        && policy.reuse_data_connection
        && !policy.resume
        && policy.opening == Opening::Passive
}

/// A file whose commands have been sent.
struct Flight<S: Store> {
    pending: Pending,
    /// Commands whose completion replies are owed.
    owed: u32,
    /// Of an upload, until it is sent.
    reader: Option<LocalReader<S::Reader>>,
    /// The server's 125 or 150 has come.
    begun: bool,
    /// Its completion reply has come.
    completed: bool,
    /// That was negative.
    refused: bool,
    moved: Option<Moved>,
    /// Of a download: to be published when everything else is right.
    writer: Option<LocalWriter<S::Writer>>,
    our_hash: Option<String>,
    server_hash: Option<String>,
    server_bytes: Option<u64>,
    renaming: bool,
    error: Option<ClientError>,
}

impl<S: Store> Flight<S> {
    /// Whether data have to be moved, now or later.
    fn is_unmoved(&self, direction: Direction) -> bool {
        match direction {
            Direction::Put => self.reader.is_some(),
            Direction::Get => self.moved.is_none() && !self.refused,
        }
    }

    /// Its first error is the one that counts.
    fn fail(&mut self, error: ClientError) {
        self.error.get_or_insert(error);
    }

    fn verified(&mut self, verify: Verify) -> Result<Moved, ClientError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let moved = self.moved.unwrap_or_default();
        match verify {
            Verify::Reply => Ok(moved),
            Verify::Size => {
                same_size(self.server_bytes.unwrap_or_default(), moved.payload_bytes).map(|()| moved)
            }
            Verify::Hash => {
                let server = self.server_hash.take().unwrap_or_default();
                same_hash(server, self.our_hash.take()).map(|()| moved)
            }
        }
    }
}

/// A command whose completion reply is owed.
struct Sent {
    flight: u64,
    command: Command,
    bytes: usize,
}

/// What goes on over one data connection.
struct Burst<S: Store> {
    flights: BTreeMap<u64, Flight<S>>,
    next: u64,
    /// In the order sent.
    owed: VecDeque<Sent>,
    owed_bytes: usize,
    xpipe: bool,
    /// The data connection is not in step any more.
    broken: bool,
}

impl<S: Store> Burst<S> {
    fn new() -> Self {
        let (flights, owed) = (BTreeMap::new(), VecDeque::new());
        Self { flights, next: 0, owed, owed_bytes: 0, xpipe: false, broken: false }
    }

    /// The flight whose data move now.
    fn to_move(&self, direction: Direction) -> Option<u64> {
        let (&number, flight) = self.flights.iter().find(|(_, flight)| flight.is_unmoved(direction))?;
        let ahead = self.xpipe && direction == Direction::Put;
        (flight.begun || ahead).then_some(number)
    }

    fn in_transfer(&self) -> usize {
        self.flights.values().filter(|flight| !flight.completed).count()
    }

    async fn send<N: Net>(
        &mut self,
        session: &mut Session<N>,
        flight: u64,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<(), ClientError> {
        for command in commands {
            session.control.send(&command).await?;
            let bytes = command.to_string().len();
            self.owed_bytes += bytes;
            self.owed.push_back(Sent { flight, command, bytes });
            if let Some(flight) = self.flights.get_mut(&flight) {
                flight.owed += 1;
            }
        }
        Ok(())
    }

    /// Replies come in the order of the commands.
    fn take_reply(&mut self, reply: Reply) {
        let turn = usize::from(planted::is(Bug::RepliesOneOff) && self.owed.len() > 1);
        let Some(sent) = self.owed.get(turn) else { return };
        let Some(flight) = self.flights.get_mut(&sent.flight) else { return };
        if reply.is_preliminary() {
            flight.begun = true;
            return;
        }
        let is_put = matches!(sent.command, Command::Stor(_));
        let positive = reply.is_completion();
        match &sent.command {
            Command::Stor(_) | Command::Retr(_) => {
                flight.completed = true;
                flight.refused = !positive;
                if positive && is_put && flight.moved.is_none() {
                    self.broken = true;
                    flight.fail(ClientError::EarlyCompletion(reply));
                } else if !positive && flight.begun {
                    self.broken = true;
                    flight.fail(ClientError::TransferRefused(reply));
                } else if !positive {
                    self.broken |= matches!(reply.code, 425 | 426);
                    if !self.xpipe {
                        flight.reader = None;
                    }
                    flight.fail(refused(&sent.command, reply));
                }
            }
            Command::Size(_) => match parse_size(reply) {
                Ok(bytes) => flight.server_bytes = Some(bytes),
                Err(error) => flight.fail(error),
            },
            Command::Hash(_) => match parse_hash(reply) {
                Ok(hash) => flight.server_hash = Some(hash),
                Err(error) => flight.fail(error),
            },
            command => {
                let wanted =
                    if matches!(command, Command::Rnfr(_)) { Class::Intermediate } else { Class::Completion };
                if reply.class() != wanted {
                    flight.fail(refused(command, reply));
                }
            }
        }
        flight.owed -= 1;
        self.owed_bytes -= sent.bytes;
        self.owed.remove(turn);
    }
}

impl<N: Net, S: Store> Worker<N, S> {
    /// Delivers all jobs there are, `pipeline_depth` at a time.
    pub(super) async fn run_pipelined(&mut self) {
        loop {
            let Some(mut pending) = self.take() else {
                if self.later.is_empty() {
                    return;
                }
                self.net.sleep(self.policy.retry_delay).await;
                self.again.extend(self.later.drain(..));
                continue;
            };
            if let Some(reason) = self.reason_to_stop() {
                self.stopped(pending, reason);
                continue;
            }
            match self.session().await.map(drop) {
                Ok(()) => self.again.push_front(pending),
                Err(error) => {
                    pending.report.attempts += 1;
                    self.failed_in_turn(pending, &error).await;
                    continue;
                }
            }
            if let Some(mut session) = self.session.take() {
                self.burst(&mut session).await;
                self.session = Some(session);
            }
        }
    }

    /// Delivers over one data connection, until no job is left or the connection fails.
    async fn burst(&mut self, session: &mut Session<N>) {
        let mut burst = Burst::new();
        let (result, kept) = match self.open_pipe(session, &mut burst).await {
            Ok((mut data, kept)) => {
                let result = self.pump(session, &mut data, &mut burst).await;
                if result.is_ok() && !burst.broken {
                    session.data = Some(data);
                } else {
                    session.drop_data(data);
                }
                (result, kept)
            }
            Err(error) => (Err(error), false),
        };
        if result.is_ok() && !burst.broken {
            return;
        }
        self.settle(session, burst, result.err(), kept).await;
    }

    /// A data connection, and whether it was there before.
    async fn open_pipe(
        &mut self,
        session: &mut Session<N>,
        burst: &mut Burst<S>,
    ) -> Result<(DataConnection<N>, bool), ClientError> {
        if self.policy.verify == Verify::Hash {
            session.choose_hash().await?;
        }
        if self.policy.direction == Direction::Put {
            burst.xpipe = session.pipes_uploads().await?;
        }
        let kept = matches!(session.data_connection().await?, Opened::Kept);
        match session.data.take() {
            Some(data) => Ok((data, kept)),
            None => Err(ClientError::DataConnect(io::ErrorKind::NotConnected.into())),
        }
    }

    async fn pump(
        &mut self,
        session: &mut Session<N>,
        data: &mut DataConnection<N>,
        burst: &mut Burst<S>,
    ) -> Result<(), ClientError> {
        if burst.xpipe {
            data.pace(Pace::Together);
        }
        loop {
            self.conclude(session, burst).await?;
            self.top_up(session, burst).await?;
            if let Some(number) = burst.to_move(self.policy.direction) {
                let before = data.total().wire_bytes;
                let result = match self.policy.direction {
                    Direction::Put => self.send_one(session, data, burst, number).await,
                    Direction::Get => self.receive_one(session, data, burst, number).await,
                };
                if let Some(flight) = burst.flights.get_mut(&number) {
                    flight.pending.report.wire_bytes += data.total().wire_bytes - before;
                }
                result?;
            } else if burst.owed.is_empty() {
                data.pace(Pace::Now);
                return Ok(());
            } else {
                let before = (burst.next, burst.owed.len());
                let flushed = async { data.flush().await.map(|()| Moved::default()) };
                if let Some(Err(error)) = self.attend(session, burst, flushed).await? {
                    burst.broken = true;
                    return Err(ClientError::Transfer { error, reply: None });
                }
                // If no reply has come meanwhile, there is nothing else to do.
                if before == (burst.next, burst.owed.len()) {
                    burst.take_reply(session.control.read_reply().await?);
                }
            }
            if burst.broken {
                return Ok(());
            }
        }
    }

    /// Sends commands ahead, as far as depth and buffers allow, together.
    async fn top_up(&mut self, session: &mut Session<N>, burst: &mut Burst<S>) -> Result<(), ClientError> {
        session.control.pace(Pace::Together);
        let filled = self.fill(session, burst).await;
        session.control.pace(Pace::Now);
        session.control.flush().await?;
        filled
    }

    async fn fill(&mut self, session: &mut Session<N>, burst: &mut Burst<S>) -> Result<(), ClientError> {
        let (depth, verify) = (self.policy.pipeline_depth as usize, self.policy.verify);
        while burst.in_transfer() < depth
            && burst.owed_bytes < MAX_AHEAD_BYTES
            && self.reason_to_stop().is_none()
        {
            let Some(mut pending) = self.take() else { return Ok(()) };
            let remote = pending.job.remote.clone();
            pending.connected = true;
            pending.report.attempts += 1;
            if pending.report.attempts == 1 {
                pending.report.started_us = self.now_us();
            }
            let reader = match self.open_reader(&pending).await {
                Ok(reader) => reader,
                Err(error) => {
                    let retry = self.failed(pending, &error);
                    self.later.extend(retry);
                    continue;
                }
            };
            let number = burst.next;
            burst.next += 1;
            burst.flights.insert(
                number,
                Flight {
                    pending,
                    owed: 0,
                    reader,
                    begun: false,
                    completed: false,
                    refused: false,
                    moved: None,
                    writer: None,
                    our_hash: None,
                    server_hash: None,
                    server_bytes: None,
                    renaming: false,
                    error: None,
                },
            );
            let commands = match self.policy.direction {
                Direction::Put => {
                    let stored_as = self.stored_as(&remote);
                    [Some(Command::Stor(stored_as.clone())), check(verify, stored_as)]
                }
                // SIZE before a download tells if the file is there at all.
                Direction::Get if verify == Verify::Size => {
                    [check(verify, remote.clone()), Some(Command::Retr(remote))]
                }
                Direction::Get => [Some(Command::Retr(remote.clone())), check(verify, remote)],
            };
            burst.send(session, number, commands.into_iter().flatten()).await?;
        }
        Ok(())
    }

    async fn open_reader(
        &mut self,
        pending: &Pending,
    ) -> Result<Option<LocalReader<S::Reader>>, ClientError> {
        if pending.job.remote.contains(['\n', '\0']) {
            return Err(ClientError::BadName);
        }
        match self.policy.direction {
            Direction::Get => Ok(None),
            Direction::Put => {
                let file = self.store.read(&pending.job.local, 0).await.map_err(ClientError::Local)?;
                Ok(Some(LocalReader::new(file, &self.policy)))
            }
        }
    }

    fn stored_as(&self, remote: &str) -> String {
        if self.policy.publish == Publish::Rename { part_name(remote) } else { remote.to_owned() }
    }

    /// Ends the flights to which nothing is owed any more.
    async fn conclude(&mut self, session: &mut Session<N>, burst: &mut Burst<S>) -> Result<(), ClientError> {
        let direction = self.policy.direction;
        let landed = |flight: &Flight<S>| flight.owed == 0 && !flight.is_unmoved(direction);
        let numbers: Vec<u64> =
            burst.flights.iter().filter(|(_, flight)| landed(flight)).map(|(&number, _)| number).collect();
        for number in numbers {
            let Some(flight) = burst.flights.get_mut(&number) else { continue };
            let rename = direction == Direction::Put && self.policy.publish == Publish::Rename;
            if rename && !planted::is(Bug::RenameForgotten) && !flight.renaming && flight.error.is_none() {
                match flight.verified(self.policy.verify) {
                    Ok(_) => {
                        flight.renaming = true;
                        let to = flight.pending.job.remote.clone();
                        let commands = [Command::Rnfr(part_name(&to)), Command::Rnto(to)];
                        burst.send(session, number, commands).await?;
                        continue;
                    }
                    Err(error) => flight.fail(error),
                }
            }
            if let Some(flight) = burst.flights.remove(&number)
                && let Some(retry) = self.landed(flight).await
            {
                self.later.push(retry);
            }
        }
        Ok(())
    }

    /// The verdict on a flight that is over, or its job to be tried again.
    async fn landed(&mut self, mut flight: Flight<S>) -> Option<Pending> {
        let verify = if flight.renaming { Verify::Reply } else { self.policy.verify };
        let result = match flight.verified(verify) {
            Ok(moved) => match flight.writer.take() {
                Some(writer) => writer.publish().await.map(|()| moved).map_err(ClientError::Local),
                None => Ok(moved),
            },
            Err(error) => Err(error),
        };
        match result {
            Ok(moved) => {
                self.delivered(flight.pending, moved.payload_bytes);
                None
            }
            Err(error) => self.failed(flight.pending, &error),
        }
    }

    async fn send_one(
        &mut self,
        session: &mut Session<N>,
        data: &mut DataConnection<N>,
        burst: &mut Burst<S>,
        number: u64,
    ) -> Result<(), ClientError> {
        let Some(flight) = burst.flights.get_mut(&number) else { return Ok(()) };
        let Some(mut reader) = flight.reader.take() else { return Ok(()) };
        let name = flight.pending.job.remote.clone();
        let result = {
            let moving = data.send_file(&name, &mut reader);
            self.attend(session, burst, moving).await?
        };
        let Some(flight) = burst.flights.get_mut(&number) else { return Ok(()) };
        match result {
            None => {}
            Some(Ok(moved)) => {
                flight.moved = Some(moved);
                flight.our_hash = reader.hash();
            }
            Some(Err(error)) => {
                flight.fail(ClientError::Transfer { error, reply: None });
                burst.broken = true;
            }
        }
        Ok(())
    }

    async fn receive_one(
        &mut self,
        session: &mut Session<N>,
        data: &mut DataConnection<N>,
        burst: &mut Burst<S>,
        number: u64,
    ) -> Result<(), ClientError> {
        let Some(flight) = burst.flights.get_mut(&number) else { return Ok(()) };
        let job = flight.pending.job.clone();
        let opened = self.store.write(&job.local, Write::Replace).await;
        let (mut writer, refusal) = match opened {
            Ok(file) => (Sink::File(LocalWriter::new(file, &self.policy)), None),
            // The data come nevertheless, and have to be read away.
            Err(error) => (Sink::Nothing, Some(error)),
        };
        let result = {
            let moving = data.receive_file(&job.remote, &mut writer);
            self.attend(session, burst, moving).await?
        };
        let Some(flight) = burst.flights.get_mut(&number) else { return Ok(()) };
        match result {
            None => return Ok(()),
            Some(Ok(moved)) => flight.moved = Some(moved),
            Some(Err(error)) => {
                flight.fail(ClientError::Transfer { error, reply: None });
                burst.broken = true;
                return Ok(());
            }
        }
        match (writer, refusal) {
            (Sink::File(file), _) => {
                flight.our_hash = file.hash();
                flight.writer = Some(file);
            }
            (Sink::Nothing, error) => flight.fail(ClientError::Local(error.unwrap_or(StoreError::Denied))),
        }
        Ok(())
    }

    /// Moves one file, taking replies and sending commands ahead meanwhile. `None`: broken off.
    async fn attend(
        &mut self,
        session: &mut Session<N>,
        burst: &mut Burst<S>,
        moving: impl Future<Output = Result<Moved, TransferError>>,
    ) -> Result<Option<Result<Moved, TransferError>>, ClientError> {
        let mut moving = std::pin::pin!(moving);
        loop {
            let reply = tokio::select! {
                biased;
                () = session.cancel.cancelled() => return Err(ClientError::Cancelled),
                moved = &mut moving => return Ok(Some(moved)),
                reply = session.control.next_reply() => reply?,
            };
            burst.take_reply(reply);
            if burst.broken {
                return Ok(None);
            }
            self.top_up(session, burst).await?;
        }
    }

    /// After a failure: reads the replies owed and says what becomes of each file.
    async fn settle(
        &mut self,
        session: &mut Session<N>,
        mut burst: Burst<S>,
        mut error: Option<ClientError>,
        kept: bool,
    ) {
        while !burst.owed.is_empty() && !matches!(error, Some(ClientError::Cancelled)) {
            match session.control.read_reply().await {
                Ok(reply) => burst.take_reply(reply),
                Err(lost) => {
                    error.get_or_insert(lost);
                    break;
                }
            }
        }
        // A connection kept for too long is nobody's failure, if the first file had not begun.
        let mut excused = kept && burst.flights.values().all(|flight| !flight.begun);
        let mut again = VecDeque::new();
        let mut blamed = None;
        if burst.flights.is_empty()
            && let Some(mut pending) = self.take()
        {
            pending.connected = true;
            pending.report.attempts += 1;
            let error = error.take().unwrap_or(ClientError::ControlClosed);
            return self.failed_in_turn(pending, &error).await;
        }
        for (_, mut flight) in std::mem::take(&mut burst.flights) {
            let over =
                flight.completed && flight.owed == 0 && (flight.moved.is_some() || flight.error.is_some());
            let renamed = self.policy.publish == Publish::Direct || flight.renaming;
            let lost = matches!(&flight.error,
                Some(ClientError::Refused { reply, .. }) if matches!(reply.code, 425 | 426))
                || matches!(flight.error.as_ref().map(ClientError::kind), Some(super::FailureKind::Data));
            if over && !lost && (renamed || flight.error.is_some()) {
                if let Some(retry) = self.landed(flight).await {
                    self.later.push(retry);
                }
            } else if excused || blamed.is_some() {
                flight.pending.report.attempts -= 1;
                again.push_back(flight.pending);
            } else {
                let error =
                    flight.error.take().or_else(|| error.take()).unwrap_or(ClientError::ControlClosed);
                blamed = Some((flight.pending, error));
            }
            excused &= blamed.is_none();
        }
        again.extend(self.again.drain(..));
        self.again = again;
        if let Some((pending, error)) = blamed {
            self.failed_in_turn(pending, &error).await;
        }
    }

    /// Tries it again before the others, after the delay, if attempts are left.
    async fn failed_in_turn(&mut self, pending: Pending, error: &ClientError) {
        if let Some(retry) = self.failed(pending, error) {
            self.again.push_front(retry);
            self.net.sleep(self.policy.retry_delay).await;
        }
    }
}

fn check(verify: Verify, remote: String) -> Option<Command> {
    match verify {
        Verify::Reply => None,
        Verify::Size => Some(Command::Size(remote)),
        Verify::Hash => Some(Command::Hash(remote)),
    }
}

enum Sink<W> {
    File(W),
    Nothing,
}

impl<W: WriteFile> WriteFile for Sink<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.write(bytes).await,
            Self::Nothing => Ok(()),
        }
    }
    async fn publish(self) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.publish().await,
            Self::Nothing => Ok(()),
        }
    }
}
