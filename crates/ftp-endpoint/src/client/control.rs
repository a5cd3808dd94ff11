//! The control connection: commands out, replies in, and how many are owed.

use super::error::ClientError;
use super::marker::parse_mark;
#[cfg(feature = "tls")]
use super::tls::untrusted;
use crate::net::{Channel, Net, Pace, Stream, Time, is_quiet};
use crate::observe::{Event, Watch};
use crate::transfer::RestartMarker;
use bytes::{Buf, BytesMut};
use ftp_proto::command::{Command, write_line};
use ftp_proto::reply::{Reply, ReplyParser};
use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Bytes read at a time.
const READ_BYTES: usize = 4096;
/// Preliminary replies taken before the completion of one command.
const MAX_PRELIMINARY: usize = 1000;

/// For a reply, when there is nobody left who waits for the delivery: a file that was sent whole is one if the
/// server says so at once.
const PARTING_LIMIT: Duration = Duration::from_millis(500);

/// A command as people may see it: without a password.
pub(super) fn shown(line: &str) -> Cow<'_, str> {
    let verb = line.split(' ').next().unwrap_or_default();
    let is_secret = ["PASS", "ACCT"].iter().any(|secret| secret.eq_ignore_ascii_case(verb));
    if is_secret { format!("{verb} ****").into() } else { line.into() }
}

/// What has been waited for since the last completion reply.
#[derive(Default)]
struct Wait {
    /// Preliminary replies that have come.
    preliminary: usize,
    /// Those that were waited for, one at a time.
    waited_for: usize,
    /// How long, since the last of them that was worth its time.
    spent: Duration,
    /// For an upload as well, whose server may tell of what it has got (110).
    uploads: bool,
}

/// A control connection (RFC 959 section 2.3), from the client's end.
pub struct Control<N: Net> {
    net: N,
    stream: Channel<N::Stream>,
    watch: Watch,
    parser: ReplyParser,
    unread: BytesMut,
    reply_timeout: Duration,
    /// Completion replies owed to us: one a command (the greeting counts as one).
    owed: u32,
    /// Commands that [`Pace::Together`] may hold back.
    held: u32,
    pace: Pace,
    round_trips: u64,
    wait: Wait,
    /// The latest of 110 replies.
    mark: Option<RestartMarker>,
    broken: bool,
    cancel: CancellationToken,
}

impl<N: Net> Control<N> {
    /// A connection just opened, whose greeting is owed.
    pub fn new(
        net: N,
        stream: Channel<N::Stream>,
        reply_timeout: Duration,
        watch: Watch,
    ) -> io::Result<Self> {
        let peer = stream.peer_addr()?;
        stream.control()?;
        watch.tell(net.now(), Event::SessionBegins { peer });
        Ok(Self {
            net,
            stream,
            watch,
            parser: ReplyParser::new(),
            unread: BytesMut::new(),
            reply_timeout,
            owed: 1,
            held: 0,
            pace: Pace::Now,
            round_trips: 0,
            wait: Wait::default(),
            mark: None,
            broken: false,
            cancel: CancellationToken::new(),
        })
    }

    /// When `cancel` is cancelled, replies are not waited for much longer.
    pub fn cancel_by(&mut self, cancel: CancellationToken) {
        self.cancel = cancel;
    }

    /// This end's address. Errors: the socket's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// The server's address. Errors: the socket's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Times that this side sent a command and had nothing else to wait for but its reply:
    /// pipelined commands count once.
    pub fn round_trips(&self) -> u64 {
        self.round_trips
    }

    /// The latest restart marker that the server has told by 110 since this was last asked.
    pub fn take_mark(&mut self) -> Option<RestartMarker> {
        self.mark.take()
    }

    /// Completion replies not yet read.
    pub fn owed(&self) -> u32 {
        self.owed
    }

    /// Whether the next reply will be the one to the next command. If not, the connection is only
    /// good for closing.
    pub fn in_step(&self) -> bool {
        !self.broken && self.owed == 0
    }

    /// In step, and the server has neither closed nor said anything since its last reply (a
    /// server that times out says 421 unasked).
    pub async fn is_quiet(&mut self) -> bool {
        self.in_step() && is_quiet(&mut self.stream, &mut self.unread).await
    }

    /// Sends one command without waiting for its reply.
    pub async fn send(&mut self, command: &Command) -> Result<(), ClientError> {
        if matches!(command, Command::Stor(_) | Command::Appe(_) | Command::Stou) {
            self.wait.uploads = true;
        }
        self.send_line(&command.to_string()).await
    }

    /// Likewise, a line that need not be a command of ours.
    pub async fn send_line(&mut self, text: &str) -> Result<(), ClientError> {
        let mut line = Vec::with_capacity(text.len() + 2);
        write_line(text, &mut line).map_err(|_| ClientError::BadName)?;
        self.nothing_unasked().await?;
        self.watch.tell(self.net.now(), Event::Command { line: &shown(text) });
        if self.owed == 0 {
            self.round_trips += 1;
        }
        self.owed += 1;
        self.held += u32::from(self.pace == Pace::Together);
        let sending = async {
            self.stream.write_all(&line).await?;
            self.stream.settle().await
        };
        match self.net.timeout(self.reply_timeout, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broke(ClientError::Control(error))),
            Err(_) => Err(self.broke(ClientError::NoReply(self.reply_timeout))),
        }
    }

    /// Before a command, where nothing is owed: what has come all the same would be taken for its reply, and its reply for
    /// the next one's. A server that leaves may say so at any time (421, RFC 959 section 5.4).
    async fn nothing_unasked(&mut self) -> Result<(), ClientError> {
        if !self.in_step()
            || self.is_quiet().await
            || self.unread.is_empty()
            || self.unread.starts_with(b"421")
        {
            return Ok(());
        }
        Err(self.broke(ClientError::OutOfStep))
    }

    /// Goes on under TLS. What has come in clear behind the reply that allowed it need not be the server's.
    #[cfg(feature = "tls")]
    pub(super) async fn secure(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> Result<(), ClientError> {
        if !self.unread.is_empty() {
            return Err(self.broke(ClientError::Tls(io::ErrorKind::InvalidData.into())));
        }
        match self.net.timeout(self.reply_timeout, self.stream.connect_tls(config, name)).await {
            Ok(Ok(())) => {
                if let Some(agreed) = self.agreed() {
                    self.watch.tell(self.net.now(), Event::of_tls(agreed, false));
                }
                Ok(())
            }
            Ok(Err(error)) => Err(self.broke(match untrusted(&error) {
                Some(untrusted) => untrusted.clone().into(),
                None => ClientError::Tls(error),
            })),
            Err(_) => Err(self.broke(ClientError::NoReply(self.reply_timeout))),
        }
    }

    /// What TLS has agreed on; none without it.
    #[cfg(feature = "tls")]
    pub(super) fn agreed(&self) -> Option<&rustls::CommonState> {
        self.stream.agreed()
    }

    /// Commands to come may leave together, by the next flush or wait for a reply.
    pub fn pace(&mut self, pace: Pace) {
        self.pace = pace;
        self.stream.pace(pace);
    }

    /// Commands that may not have left yet.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// Sends what [`Pace::Together`] has held back.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        match self.net.timeout(self.reply_timeout, self.stream.flush()).await {
            Ok(Ok(())) => {
                self.held = 0;
                Ok(())
            }
            Ok(Err(error)) => Err(self.broke(ClientError::Control(error))),
            Err(_) => Err(self.broke(ClientError::NoReply(self.reply_timeout))),
        }
    }

    /// The next reply, if all of it has been read already.
    pub fn reply_at_hand(&mut self) -> Result<Option<Reply>, ClientError> {
        let mut input = &self.unread[..];
        let parsed = self.parser.parse(&mut input);
        let taken = self.unread.len() - input.len();
        self.unread.advance(taken);
        match parsed {
            Ok(reply) => Ok(reply.map(|reply| self.took(reply))),
            Err(error) => Err(self.broke(error.into())),
        }
    }

    /// The next reply, however long it takes. May be dropped without losing any of it.
    pub async fn next_reply(&mut self) -> Result<Reply, ClientError> {
        loop {
            if let Some(reply) = self.reply_at_hand()? {
                return Ok(reply);
            }
            if self.held > 0 {
                // What has not left is not answered.
                if let Err(error) = self.stream.flush().await {
                    return Err(self.broke(ClientError::Control(error)));
                }
                self.held = 0;
            }
            self.unread.reserve(READ_BYTES);
            match self.stream.read_buf(&mut self.unread).await {
                Ok(0) => return Err(self.broke(ClientError::ControlClosed)),
                // Under TLS: without close_notify.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.broke(ClientError::ControlClosed));
                }
                Ok(_) => {}
                Err(error) => return Err(self.broke(ClientError::Control(error))),
            }
        }
    }

    /// The next reply, within the reply timeout of `since`; soon, once the session is cancelled.
    async fn reply_in_time(&mut self, since: Time) -> Result<Reply, ClientError> {
        let (net, cancel) = (self.net.clone(), self.cancel.clone());
        let limit = self.reply_timeout.saturating_sub(net.now().saturating_sub(since));
        let parted = async {
            cancel.cancelled().await;
            net.sleep(PARTING_LIMIT).await;
        };
        let reply = net.timeout(limit, async {
            tokio::select! {
                biased;
                reply = self.next_reply() => Some(reply),
                () = parted => None,
            }
        });
        match reply.await {
            Ok(Some(reply)) => reply,
            Ok(None) => Err(self.broke(ClientError::Cancelled)),
            Err(_) => Err(self.no_reply()),
        }
    }

    /// The next reply, within the reply timeout: of the preliminary ones before a completion the first has that for
    /// itself (the 150 of a transfer), and those after it together. After an error the connection is out of step.
    pub async fn read_reply(&mut self) -> Result<Reply, ClientError> {
        let since = self.net.now().saturating_sub(self.wait.spent);
        let reply = self.reply_in_time(since).await?;
        if reply.is_preliminary() {
            self.wait.waited_for += 1;
            if self.wait.waited_for > MAX_PRELIMINARY {
                return Err(self.no_reply());
            }
            let is_worth_its_time = self.wait.preliminary == 1 || self.gets_on(&reply);
            self.wait.spent =
                if is_worth_its_time { Duration::ZERO } else { self.net.now().saturating_sub(since) };
        }
        Ok(reply)
    }

    /// The next reply that is not preliminary, within the reply timeout: whoever says each second that it will take a
    /// moment (RFC 959 section 4.2, 1yz) would else keep a client for as long as it likes.
    pub async fn read_completion(&mut self) -> Result<Reply, ClientError> {
        self.completion_after(drop).await
    }

    async fn completion_after(
        &mut self,
        mut preliminary: impl FnMut(Reply) + Send,
    ) -> Result<Reply, ClientError> {
        let mut since = self.net.now();
        for _ in 0..MAX_PRELIMINARY {
            let reply = self.reply_in_time(since).await?;
            if !reply.is_preliminary() {
                return Ok(reply);
            }
            if self.gets_on(&reply) {
                since = self.net.now();
            }
            preliminary(reply);
        }
        Err(self.no_reply())
    }

    /// Whether a reply tells that more of an upload has come to where it goes.
    fn gets_on(&self, reply: &Reply) -> bool {
        reply.code == 110 && self.wait.uploads
    }

    fn no_reply(&mut self) -> ClientError {
        self.broke(ClientError::NoReply(self.reply_timeout))
    }

    /// Sends a line as it is and reads all replies to it.
    pub async fn quote(&mut self, line: &str) -> Result<Vec<Reply>, ClientError> {
        self.send_line(line).await?;
        let mut replies = Vec::new();
        let last = self.completion_after(|reply| replies.push(reply)).await?;
        replies.push(last);
        Ok(replies)
    }

    /// Sends a command and reads its reply.
    pub async fn command(&mut self, command: &Command) -> Result<Reply, ClientError> {
        self.send(command).await?;
        self.read_completion().await
    }

    /// Sends FIN; what the server still says is not read.
    pub async fn close(mut self, reason: &str) {
        // The peer may be gone already; there is nothing left to do about it.
        let _ = self.net.timeout(self.reply_timeout, self.stream.shutdown()).await;
        self.watch.tell(self.net.now(), Event::SessionEnds { reason });
    }

    /// Ends the connection with RST.
    pub fn abort(self, reason: &str) {
        self.watch.tell(self.net.now(), Event::SessionEnds { reason });
        self.stream.abort();
    }

    fn took(&mut self, reply: Reply) -> Reply {
        self.watch.tell(self.net.now(), Event::Reply { code: reply.code, text: &reply.text() });
        if reply.code == 110 {
            self.mark = parse_mark(&reply.text()).or(self.mark.take());
        }
        if reply.is_preliminary() {
            self.wait.preliminary += 1;
        } else {
            // An unasked reply (421) is not owed.
            self.owed = self.owed.saturating_sub(1);
            let uploads = self.wait.uploads && self.owed > 0;
            self.wait = Wait { uploads, ..Wait::default() };
        }
        reply
    }

    /// The state at the server is not the one that later commands would need.
    pub fn give_up(&mut self) {
        self.broken = true;
    }

    fn broke(&mut self, error: ClientError) -> ClientError {
        self.broken = true;
        error
    }
}
