//! The control connection: command lines in, replies out.

use super::config::{Limits, Timeouts};
use super::promises::{Promise, Promises};
use crate::net::{Channel, Net, Stream};
use crate::observe::{Event, Watch};
use bytes::{Buf, BytesMut};
use ftp_proto::command::{Command, CommandError, MAX_LINE_BYTES};
#[cfg(feature = "tls")]
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use ftp_proto::telnet::{Item, LineSplitter};
use std::collections::VecDeque;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Replies to pipelined commands are sent together up to this size.
const BATCH_BYTES: usize = 4096;
/// Read from the connection at a time.
const READ_BYTES: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(Vec<u8>),
    TooLong,
}

impl Line {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::TooLong => 0,
        }
    }

    pub(super) fn command(&self) -> Result<Command, CommandError> {
        match self {
            Self::Text(text) => Command::parse(text),
            Self::TooLong => Err(CommandError::Unknown),
        }
    }
}

pub(super) struct Control<N: Net> {
    net: N,
    stream: Channel<N::Stream>,
    watch: Watch,
    splitter: LineSplitter,
    unread: BytesMut,
    /// Lines that came while a transfer was running.
    queue: VecDeque<Line>,
    queued_bytes: usize,
    limits: Limits,
    /// Said, and not yet taken by the client.
    unsent: BytesMut,
    promises: Promises,
    timeouts: Timeouts,
    /// The client has closed its side.
    ended: bool,
    /// The client has not taken replies in time.
    stuck: bool,
    /// [`super::config::Config::transfers_outlive_control`].
    pub transfers_outlive_it: bool,
}

impl<N: Net> Control<N> {
    pub(super) fn new(net: N, stream: N::Stream, watch: Watch, timeouts: Timeouts, limits: Limits) -> Self {
        // Without it everything works, if late.
        let _ = stream.control();
        Self {
            net,
            stream: Channel::Clear(stream),
            watch,
            splitter: LineSplitter::new(MAX_LINE_BYTES),
            unread: BytesMut::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            limits,
            unsent: BytesMut::new(),
            promises: Promises::default(),
            timeouts,
            ended: false,
            stuck: false,
            transfers_outlive_it: false,
        }
    }

    pub(super) fn outlived_by_transfers(mut self, transfers_outlive_it: bool) -> Self {
        self.transfers_outlive_it = transfers_outlive_it;
        self
    }

    /// Puts a reply behind those not yet sent, and those promised.
    pub(super) fn say(&mut self, reply: &Reply) {
        if self.promises.is_empty() {
            self.say_now(reply);
        } else if let Some(reply) = self.promises.hold_back(reply.clone()) {
            self.say_now(&reply);
        }
    }

    /// The reply to the command at hand comes later.
    pub(super) fn promise(&mut self, promise: Promise) {
        self.promises.make(promise);
    }

    /// Whether replies are owed to commands before the one at hand.
    pub(super) fn has_promised(&self) -> bool {
        !self.promises.is_empty()
    }

    /// Whether one of them is about this file.
    pub(super) fn has_promised_of(&self, path: &VirtualPath) -> bool {
        self.promises.are_about(path)
    }

    /// The connection itself.
    #[cfg(feature = "tls")]
    pub(super) fn channel(&self) -> &Channel<N::Stream> {
        &self.stream
    }

    /// Sends what has been said, forgets what has come, and goes on under TLS, agreed on within `limit`.
    #[cfg(feature = "tls")]
    pub(super) async fn secure(
        &mut self,
        config: std::sync::Arc<rustls::ServerConfig>,
        limit: std::time::Duration,
    ) -> io::Result<()> {
        self.flush().await?;
        if mutant::is(Mutant::ClearCommandsKept) {
            return self.accept_tls(config, limit).await;
        }
        self.unread.clear();
        self.queue.clear();
        self.queued_bytes = 0;
        self.splitter = LineSplitter::new(MAX_LINE_BYTES);
        self.accept_tls(config, limit).await
    }

    #[cfg(feature = "tls")]
    async fn accept_tls(
        &mut self,
        config: std::sync::Arc<rustls::ServerConfig>,
        limit: std::time::Duration,
    ) -> io::Result<()> {
        match self.net.timeout(limit, self.stream.accept_tls(config)).await {
            Ok(secured) => secured,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Waits for all that is promised, and says it.
    pub(super) async fn keep_promises(&mut self) {
        while !self.promises.is_empty() {
            self.keep_one().await;
        }
    }

    async fn keep_one(&mut self) {
        let kept = self.promises.kept().await;
        kept.iter().for_each(|reply| self.say_now(reply));
    }

    fn say_now(&mut self, reply: &Reply) {
        self.unsent.extend_from_slice(&reply.to_bytes());
        self.watch.tell(self.net.now(), Event::Reply { code: reply.code, text: &reply.text() });
    }

    /// Sends what has been said.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let net = self.net.clone();
        let limit = self.timeouts.reply;
        let sent = net.timeout(limit, self.send()).await;
        self.stuck |= sent.is_err();
        sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// May be dropped at any time: what is left is sent later.
    async fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let written = self.stream.write(&self.unsent).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unsent.advance(written);
        }
        self.stream.flush().await
    }

    /// The next line, in the order they came; `None` when the client has closed. Before waiting
    /// for one, sends what has been said. May be dropped at any time.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        while self.promises.is_full() {
            self.keep_one().await;
        }
        if self.has_waiting() && self.unsent.len() > BATCH_BYTES {
            self.flush().await?;
        }
        if let Some(line) = self.queue.pop_front() {
            self.queued_bytes -= line.len();
            return Ok(Some(line));
        }
        match self.split() {
            Some(line) => Ok(Some(line)),
            None => self.read_line().await,
        }
    }

    /// The next line to come after those queued. May be dropped at any time.
    pub(super) async fn attend(&mut self) -> io::Result<Option<Line>> {
        if self.is_full() {
            self.flush().await?;
            // The transfer must end first.
            return std::future::pending().await;
        }
        while self.promises.is_full() {
            self.keep_one().await;
        }
        match self.split() {
            Some(line) => Ok(Some(line)),
            None => self.read_line().await,
        }
    }

    async fn read_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if !self.unsent.is_empty() {
                self.flush().await?;
            }
            if self.ended {
                return Ok(None);
            }
            self.unread.reserve(READ_BYTES);
            let read = tokio::select! {
                biased;
                kept = self.promises.kept() => Err(kept),
                read = self.stream.read_buf(&mut self.unread) => Ok(read),
            };
            match read {
                Ok(Ok(0)) => self.ended = true,
                // Few clients send close_notify behind QUIT.
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => self.ended = true,
                Ok(read) => drop(read?),
                Err(kept) => {
                    kept.iter().for_each(|reply| self.say_now(reply));
                    continue;
                }
            }
            if let Some(line) = self.split() {
                return Ok(Some(line));
            }
            // A line is not cut short as a rule: its end may be urgent data.
            let mut rest = [0; 64];
            while let Ok(read @ 1..) = self.stream.read_past_mark(&mut rest) {
                self.unread.extend_from_slice(&rest[..read]);
                if self.unread.len() > READ_BYTES {
                    break;
                }
            }
            if let Some(line) = self.split() {
                return Ok(Some(line));
            }
        }
    }

    /// The next line among the bytes that have come.
    fn split(&mut self) -> Option<Line> {
        let mut input = &self.unread[..];
        let mut line = None;
        while let Some(item) = self.splitter.next(&mut input) {
            match item {
                Item::Line(text) => line = Some(Line::Text(text)),
                Item::TooLong => line = Some(Line::TooLong),
                Item::Refuse(bytes) => self.unsent.extend_from_slice(&bytes),
            }
            if line.is_some() {
                break;
            }
        }
        let taken = self.unread.len() - input.len();
        self.unread.advance(taken);
        if self.unread.is_empty() {
            // An idle session holds no buffer.
            self.unread = BytesMut::new();
        }
        line
    }

    /// Puts a line, come during a transfer, where `next` finds it.
    pub(super) fn queue(&mut self, line: Line) {
        self.queued_bytes += line.len();
        self.queue.push_back(line);
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= self.limits.queued_commands || self.queued_bytes >= self.limits.queued_bytes
    }

    /// Waits until the client has gone, while something is done that it may not want any more. Lines that
    /// come meanwhile wait their turn. May be dropped at any time.
    pub(super) async fn gone(&mut self) -> io::Error {
        loop {
            match self.attend().await {
                Ok(Some(line)) => self.queue(line),
                // It wants no more than the replies to what it has asked.
                Ok(None) if self.quits() => return std::future::pending().await,
                Ok(None) => return io::ErrorKind::UnexpectedEof.into(),
                Err(error) => return error,
            }
        }
    }

    /// Whether the client has sent more than what is being done.
    pub(super) fn has_waiting(&self) -> bool {
        !self.queue.is_empty() || !self.unread.is_empty()
    }

    /// Whether nothing is queued.
    pub(super) fn is_at_rest(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether QUIT is queued: the client will ask for nothing more, and wants what it has asked for.
    pub(super) fn quits(&self) -> bool {
        self.queue.iter().any(|line| line.command() == Ok(Command::Quit))
    }

    pub(super) async fn close(mut self) {
        self.keep_promises().await;
        if self.stuck {
            return self.stream.abort();
        }
        // The client may be gone; the session ends either way.
        if self.flush().await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }
}
