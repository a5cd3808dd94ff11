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

use super::burst::{Burst, Flight, Sink, in_step};
use super::error::{ClientError, FailureKind};
use super::local::{LocalReader, LocalWriter};
use super::policy::{Direction, Publish, Verify, part_name};
use super::queue::Pending;
use super::session::{Came, Session};
use super::verify::check;
use super::worker::Worker;
use crate::net::{Net, Pace};
use crate::store::{Store, StoreError, Write, WriteFile};
use crate::transfer::{DataConnection, TransferError, TransferStats};
use ftp_proto::command::Command;
use ftp_proto::mutant::{self, Mutant};
use std::collections::VecDeque;

/// Command bytes sent ahead: less than a control connection's buffers hold, so that a server that
/// is busy sending data never blocks us in sending commands.
const MAX_AHEAD_BYTES: usize = 16 * 1024;

impl<N: Net, S: Store> Worker<N, S> {
    /// Delivers all jobs there are, `pipeline_depth` at a time.
    pub(super) async fn run_pipelined(&mut self) {
        loop {
            let Some(mut pending) = self.take() else {
                self.finish_publications().await;
                if !self.queue.has_put_off() {
                    return;
                }
                self.pause().await;
                self.queue.resume_put_off();
                continue;
            };
            if let Some(reason) = self.queue.reason_to_stop() {
                self.stopped(pending, reason);
                continue;
            }
            match self.session().await.map(drop) {
                Ok(()) => self.queue.put_first(pending),
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
                session.pace(Pace::Together);
                let result = self.pump(session, &mut data, &mut burst).await;
                session.pace(Pace::Now);
                let is_in_step = !std::mem::take(&mut self.doubts_data);
                if result.is_ok() && !burst.broken && is_in_step {
                    session.keep_data(data);
                } else {
                    session.drop_data(data);
                }
                (result, kept)
            }
            Err(error) => (Err(error), false),
        };
        // What is owed nothing and has no end was answered by something else's reply.
        if result.is_ok() && !burst.broken && burst.flights.is_empty() {
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
        // Its handshake and what is asked of the server go together then.
        let opened = if self.policy.asks_ahead { Some(session.take_data().await?) } else { None };
        if self.policy.direction == Direction::Put {
            // Asks for the features as well: later their reply would come among others.
            burst.xpipe = session.pipes_uploads().await?;
        }
        match opened {
            Some(opened) => Ok(opened),
            None => session.take_data().await,
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
            // A server that takes uploads ahead is ours, which refuses the port where two have come.
            if self.policy.direction == Direction::Put && !burst.xpipe {
                burst.must_have_been_read(data).await?;
            }
            self.conclude(session, burst).await?;
            self.top_up(session, burst).await?;
            if let Some(number) = burst.next_to_move(self.policy.direction) {
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
            } else if let Some(reply) = session.reply_at_hand()? {
                // It makes room for a file, which leaves with those before it.
                burst.take_reply(reply);
            } else {
                let before = (burst.next, burst.owed.len());
                let flushed = async { data.flush().await.map(|()| TransferStats::default()) };
                if let Some(Err(error)) = self.attend(session, burst, flushed).await? {
                    burst.broken = true;
                    return Err(ClientError::Transfer { error, reply: None });
                }
                // If no reply has come meanwhile, there is nothing else to do.
                if before == (burst.next, burst.owed.len()) {
                    burst.take_reply(session.read_reply().await?);
                }
            }
            if burst.broken {
                return Ok(());
            }
        }
    }

    /// Sends commands ahead, as far as depth and buffers allow, together: when half of the depth has not left, and
    /// before anything is waited for ([`Session::moved_or_reply`]). A command by itself would cost a system call at
    /// each end and wake the server, for every file.
    async fn top_up(&mut self, session: &mut Session<N>, burst: &mut Burst<S>) -> Result<(), ClientError> {
        let filled = self.fill(session, burst).await;
        if session.held() >= self.policy.pipeline_depth.div_ceil(2) {
            session.flush().await?;
        }
        filled
    }

    async fn fill(&mut self, session: &mut Session<N>, burst: &mut Burst<S>) -> Result<(), ClientError> {
        let (depth, verify) = (self.policy.pipeline_depth as usize, self.policy.verify);
        while !burst.doubted
            && burst.in_transfer() < depth
            && burst.owed_bytes < MAX_AHEAD_BYTES
            && self.queue.reason_to_stop().is_none()
        {
            let Some(mut pending) = self.take() else { return Ok(()) };
            let remote = pending.job.remote.clone();
            pending.report.attempts += 1;
            if pending.report.attempts == 1 {
                pending.report.started_us = self.now_us();
            }
            let reader = match self.open_reader(&pending).await {
                Ok(reader) => reader,
                Err(error) => {
                    if let Some(retry) = self.failed(pending, &error) {
                        self.queue.put_off(retry);
                    }
                    continue;
                }
            };
            let number = burst.next;
            burst.next += 1;
            burst.flights.insert(number, Flight::new(pending, reader));
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
        self.look_at_publications().await;
        if burst.doubted {
            if !burst.owed.is_empty() {
                return Ok(());
            }
            self.ask_in_step(session, burst).await?;
        }
        let direction = self.policy.direction;
        let landed = |flight: &Flight<S>| flight.owed == 0 && !flight.is_unmoved(direction);
        let numbers: Vec<u64> =
            burst.flights.iter().filter(|(_, flight)| landed(flight)).map(|(&number, _)| number).collect();
        for number in numbers {
            let Some(flight) = burst.flights.get_mut(&number) else { continue };
            let rename = direction == Direction::Put && self.policy.publish == Publish::Rename;
            if rename && !mutant::is(Mutant::RenameForgotten) && !flight.renaming && flight.error.is_none() {
                match flight.verified(self.policy.verify) {
                    Ok(_) => {
                        let to = flight.pending.job.remote.clone();
                        let commands = [Command::Rnfr(part_name(&to)), Command::Rnto(to)];
                        burst.send(session, number, commands).await?;
                        // What could not be sent is owed no reply, and is not done.
                        if let Some(flight) = burst.flights.get_mut(&number) {
                            flight.renaming = true;
                        }
                        continue;
                    }
                    Err(error) => flight.fail(error),
                }
            }
            if self.is_sized_again(session, burst, number).await?
                || self.is_given_its_time(session, burst, number).await?
            {
                continue;
            }
            if let Some(flight) = burst.remove(number)
                && let Some(retry) = self.landed(flight).await
            {
                self.queue.put_off(retry);
            }
        }
        Ok(())
    }

    /// Nothing is owed: whether the server has nothing more to say than to a command that anything can be asked by.
    /// Errors: [`ClientError::OutOfStep`], and what became of no file since a refusal is known.
    async fn ask_in_step(
        &mut self,
        session: &mut Session<N>,
        burst: &mut Burst<S>,
    ) -> Result<(), ClientError> {
        session.send(&Command::Noop).await?;
        session.flush().await?;
        if !in_step(&session.read_reply().await?) {
            session.give_up();
            return Err(ClientError::OutOfStep);
        }
        burst.doubted = false;
        Ok(())
    }

    /// Whether SIZE has been sent, of a download that may have changed since it was listed.
    async fn is_sized_again(
        &mut self,
        session: &mut Session<N>,
        burst: &mut Burst<S>,
        number: u64,
    ) -> Result<bool, ClientError> {
        let Some(flight) = burst.flights.get_mut(&number) else { return Ok(false) };
        let remote = flight.pending.job.remote.clone();
        let moved_bytes = flight.moved.map_or(0, |moved| moved.payload_bytes);
        let is_whole = flight.error.is_none() && flight.writer.is_some();
        if !is_whole || flight.sized_again || self.as_listed(&remote, moved_bytes).is_ok() {
            return Ok(false);
        }
        flight.sized_again = true;
        burst.send(session, number, [Command::Size(remote)]).await?;
        Ok(true)
    }

    /// Whether the command that sets an upload's time has been sent: once it stands there, so that no other
    /// file gets it.
    async fn is_given_its_time(
        &mut self,
        session: &mut Session<N>,
        burst: &mut Burst<S>,
        number: u64,
    ) -> Result<bool, ClientError> {
        let Some(flight) = burst.flights.get_mut(&number) else { return Ok(false) };
        let remote = flight.pending.job.remote.clone();
        let Some(time) = self.time_of(&remote).filter(|_| self.policy.direction == Direction::Put) else {
            return Ok(false);
        };
        if flight.timing || flight.error.is_some() {
            return Ok(false);
        }
        let verify = if flight.renaming { Verify::Reply } else { self.policy.verify };
        if let Err(error) = flight.verified(verify) {
            flight.fail(error);
            return Ok(false);
        }
        let command = session.time_command(&remote, time).await?;
        burst.send(session, number, [command]).await?;
        if let Some(flight) = burst.flights.get_mut(&number) {
            flight.timing = true;
        }
        Ok(true)
    }

    /// The verdict on a flight that is over, or its job to be tried again.
    async fn landed(&mut self, mut flight: Flight<S>) -> Option<Pending> {
        let verify = if flight.renaming { Verify::Reply } else { self.policy.verify };
        let now_bytes = flight.server_bytes.filter(|_| flight.sized_again);
        let verified = flight.verified(verify).and_then(|moved| {
            match self.as_listed(&flight.pending.job.remote, moved.payload_bytes) {
                Err(_) if now_bytes == Some(moved.payload_bytes) => Ok(moved),
                listed => listed.map(|()| moved),
            }
        });
        let result = match verified {
            Ok(moved) => match flight.writer.take() {
                Some(writer) if self.store.publishes_together() => {
                    self.publish_later(flight.pending, moved.payload_bytes, writer).await;
                    return None;
                }
                Some(writer) => {
                    let published = writer.publish().await;
                    if published.is_ok() {
                        self.set_local_time(&mut flight.pending).await;
                    }
                    published.map(|()| moved).map_err(ClientError::Local)
                }
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
        moving: impl Future<Output = Result<TransferStats, TransferError>>,
    ) -> Result<Option<Result<TransferStats, TransferError>>, ClientError> {
        let mut moving = std::pin::pin!(moving);
        loop {
            let reply = match session.moved_or_reply(moving.as_mut()).await? {
                Came::Moved(moved) => return Ok(Some(moved)),
                Came::Reply(reply) => reply,
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
            match session.read_reply().await {
                Ok(reply) => burst.take_reply(reply),
                Err(lost) => {
                    error.get_or_insert(lost);
                    break;
                }
            }
        }
        if burst.out_of_step || burst.owed.is_empty() && error.is_none() && !burst.broken {
            session.give_up();
        }
        // A connection kept for too long is nobody's failure, if the first file had not begun.
        let mut excused = kept && burst.flights.values().all(|flight| !flight.begun);
        let mut again = VecDeque::new();
        let mut blamed = None;
        if burst.flights.is_empty()
            && let Some(mut pending) = self.take()
        {
            pending.report.attempts += 1;
            let error = error.take().unwrap_or(ClientError::ControlClosed);
            return self.failed_in_turn(pending, &error).await;
        }
        for (_, mut flight) in std::mem::take(&mut burst.flights) {
            let over = !burst.doubted
                && !burst.out_of_step
                && flight.completed
                && flight.owed == 0
                && (flight.moved.is_some() || flight.error.is_some())
                && !mutant::is(Mutant::AnsweredSentAgain);
            let renamed = self.policy.publish == Publish::Direct || flight.renaming;
            let lost = matches!(&flight.error,
                Some(ClientError::Refused { reply, .. }) if matches!(reply.code, 425 | 426))
                || matches!(flight.error.as_ref().map(ClientError::kind), Some(FailureKind::Data));
            if over && !lost && (renamed || flight.error.is_some()) {
                if let Some(retry) = self.landed(flight).await {
                    self.queue.put_off(retry);
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
        self.queue.put_all_first(again);
        if let Some((pending, error)) = blamed {
            self.failed_in_turn(pending, &error).await;
        }
    }

    /// Tries it again before the others, after the delay, if attempts are left.
    async fn failed_in_turn(&mut self, pending: Pending, error: &ClientError) {
        if let Some(retry) = self.failed(pending, error) {
            self.queue.put_first(retry);
            self.pause().await;
        }
    }
}
