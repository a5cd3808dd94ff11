//! What is under way over one data connection: files whose commands have been sent, and replies owed.

use super::error::ClientError;
use super::hash::parse_hash;
use super::local::{LocalReader, LocalWriter};
use super::policy::{Direction, Verify};
use super::queue::Pending;
use super::session::{Session, parse_size, refused, time_was_set};
use super::verify::{same_hash, same_size};
use crate::net::Net;
use crate::store::{Store, StoreError, WriteFile};
use crate::transfer::{DataConnection, TransferError, TransferStats};
use ftp_proto::command::Command;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::reply::{Class, Reply};
use std::collections::{BTreeMap, VecDeque};
use std::io;

/// A file whose commands have been sent.
pub(super) struct Flight<S: Store> {
    pub pending: Pending,
    /// Commands whose completion replies are owed.
    pub owed: u32,
    /// Of an upload, until it is sent.
    pub reader: Option<LocalReader<S::Reader>>,
    /// The server's 125 or 150 has come.
    pub begun: bool,
    /// Its completion reply has come.
    pub completed: bool,
    /// That was negative.
    pub refused: bool,
    pub moved: Option<TransferStats>,
    /// Of a download: to be published when everything else is right.
    pub writer: Option<LocalWriter<S::Writer>>,
    pub our_hash: Option<String>,
    pub server_hash: Option<String>,
    pub server_bytes: Option<u64>,
    /// A listing has told another size than has come, and the server is asked again.
    pub sized_again: bool,
    pub renaming: bool,
    /// It has been verified, and is given its time.
    pub timing: bool,
    pub error: Option<ClientError>,
}

impl<S: Store> Flight<S> {
    pub(super) fn new(pending: Pending, reader: Option<LocalReader<S::Reader>>) -> Self {
        Self {
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
            sized_again: false,
            renaming: false,
            timing: false,
            error: None,
        }
    }

    /// Whether data have to be moved, now or later.
    pub(super) fn is_unmoved(&self, direction: Direction) -> bool {
        match direction {
            Direction::Put => self.reader.is_some(),
            Direction::Get => self.moved.is_none() && !self.refused,
        }
    }

    /// Its first error is the one that counts.
    pub(super) fn fail(&mut self, error: ClientError) {
        self.error.get_or_insert(error);
    }

    pub(super) fn verified(&mut self, verify: Verify) -> Result<TransferStats, ClientError> {
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
pub(super) struct Sent {
    pub flight: u64,
    pub command: Command,
    pub bytes: usize,
}

/// What goes on over one data connection.
pub(super) struct Burst<S: Store> {
    pub flights: BTreeMap<u64, Flight<S>>,
    pub next: u64,
    /// How many of the flights have been completed.
    completed: usize,
    /// All flights before this one have been moved.
    unmoved: u64,
    /// In the order sent.
    pub owed: VecDeque<Sent>,
    pub owed_bytes: usize,
    pub xpipe: bool,
    /// The data connection is not in step any more.
    pub broken: bool,
    /// A transfer was refused before it began. One reply too many, which nothing tells from the next one's, would from
    /// then on be taken for another file's: what became of this file and those behind it stands when the server has
    /// answered in step ([`in_step`]).
    pub doubted: bool,
    /// A reply was no answer to what it was taken for, and so none is that comes behind it.
    pub out_of_step: bool,
}

/// Whether a reply to NOOP is one, and not what a transfer, a check or a rename was answered.
pub(super) fn in_step(reply: &Reply) -> bool {
    reply.is_completion() && !matches!(reply.code, 213 | 226 | 250) || matches!(reply.code, 500 | 502)
}

impl<S: Store> Burst<S> {
    pub(super) fn new() -> Self {
        let (flights, owed) = (BTreeMap::new(), VecDeque::new());
        let (xpipe, broken, doubted, out_of_step) = (false, false, false, false);
        Self {
            flights,
            next: 0,
            completed: 0,
            unmoved: 0,
            owed,
            owed_bytes: 0,
            xpipe,
            broken,
            doubted,
            out_of_step,
        }
    }

    /// The flight whose data move now.
    pub(super) fn next_to_move(&mut self, direction: Direction) -> Option<u64> {
        let mut behind = self.flights.range(self.unmoved..);
        let (&number, flight) = behind.find(|(_, flight)| flight.is_unmoved(direction))?;
        self.unmoved = number;
        let ahead = self.xpipe && direction == Direction::Put;
        (flight.begun || ahead).then_some(number)
    }

    /// Once the server has answered an upload: whether it has read this connection. If not, nothing of what it has
    /// answered is about these files.
    pub(super) async fn must_have_been_read<N: Net>(
        &mut self,
        data: &mut DataConnection<N>,
    ) -> Result<(), ClientError> {
        if !self.flights.values().any(|flight| flight.completed && !flight.refused) {
            return Ok(());
        }
        let Err(error) = data.was_read().await else { return Ok(()) };
        self.broken = true;
        for flight in self.flights.values_mut().filter(|flight| flight.completed) {
            let error = TransferError::Connection(io::ErrorKind::ConnectionReset.into());
            flight.fail(ClientError::Transfer { error, reply: None });
        }
        Err(ClientError::Transfer { error, reply: None })
    }

    pub(super) fn in_transfer(&self) -> usize {
        self.flights.len() - self.completed
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Flight<S>> {
        let flight = self.flights.remove(&number)?;
        self.completed -= usize::from(flight.completed);
        Some(flight)
    }

    pub(super) async fn send<N: Net>(
        &mut self,
        session: &mut Session<N>,
        flight: u64,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<(), ClientError> {
        for command in commands {
            session.send(&command).await?;
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
    pub(super) fn take_reply(&mut self, reply: Reply) {
        let turn = usize::from(mutant::is(Mutant::RepliesOneOff) && self.owed.len() > 1);
        let Some(sent) = self.owed.get(turn) else { return };
        let Some(flight) = self.flights.get_mut(&sent.flight) else { return };
        if reply.is_preliminary() {
            flight.begun = true;
            return;
        }
        let is_put = matches!(sent.command, Command::Stor(_));
        let positive = reply.is_completion();
        let mut is_refused = false;
        match &sent.command {
            Command::Stor(_) | Command::Retr(_) => {
                self.completed += usize::from(!std::mem::replace(&mut flight.completed, true));
                flight.refused = !positive;
                if positive && is_put && flight.moved.is_none() {
                    (self.broken, self.out_of_step) = (true, self.out_of_step || !flight.begun);
                    flight.fail(ClientError::EarlyCompletion(reply));
                } else if positive && !flight.begun {
                    // Without a preliminary reply nobody knows whose data come (RFC 959 section 5.4).
                    (self.broken, self.out_of_step) = (true, true);
                    let command = sent.command.to_string();
                    flight.fail(ClientError::OutOfSequence { command, reply });
                } else if !positive && flight.begun {
                    self.broken = true;
                    flight.fail(ClientError::TransferRefused(reply));
                } else if !positive {
                    self.broken |= matches!(reply.code, 425 | 426);
                    is_refused = !self.broken;
                    if !self.xpipe {
                        flight.reader = None;
                    }
                    flight.fail(refused(&sent.command, reply));
                }
            }
            Command::Size(_) => match parse_size(reply) {
                Ok(bytes) => flight.server_bytes = Some(bytes),
                // What the listing has told stands.
                Err(_) if flight.sized_again => flight.server_bytes = None,
                Err(error) => flight.fail(error),
            },
            Command::Hash(_) => match parse_hash(reply) {
                Ok(hash) => flight.server_hash = Some(hash),
                Err(error) => flight.fail(error),
            },
            command @ (Command::Mfmt(..) | Command::Mdtm(_)) => {
                // It stands there all the same.
                let set = time_was_set(command, reply);
                flight.pending.report.untimed = set.err().map(|error| error.to_string());
            }
            command => {
                let wanted =
                    if matches!(command, Command::Rnfr(_)) { Class::Intermediate } else { Class::Completion };
                if reply.class() != wanted {
                    flight.fail(refused(command, reply));
                }
            }
        }
        flight.owed -= 1;
        // With nothing else under way, one reply too many is seen before the next command.
        self.doubted |= is_refused && self.in_transfer() > 0;
        self.owed_bytes -= sent.bytes;
        self.owed.remove(turn);
    }
}

/// Where a download goes.
pub(super) enum Sink<W> {
    File(W),
    Nothing,
}

impl<W: WriteFile> WriteFile for Sink<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_together(&[bytes]).await
    }
    async fn write_together(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.write_together(pieces).await,
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

#[cfg(test)]
mod tests;
