//! One control connection from greeting to goodbye.

use super::accounts::{Accounts, Rights, User};
use super::config::Config;
use super::control::{Control, Line};
use super::counting::Counting;
use super::data::DataPort;
use super::replies::Refusal;
use super::verbs;
use super::verbs::hash::Algorithm;
use super::verbs::transfers::Restart;
use crate::net::{Net, Stream};
use crate::observe::{Event, Observer, Watch, Who};
use crate::transfer::Mark;
use ftp_proto::command::{Command, CommandError, DataType};
use ftp_proto::listing::Facts;
use ftp_proto::mode::{Coding, Structure, TransmissionMode};
use ftp_proto::path::VirtualPath;
use ftp_proto::planted::{self, Bug};
use ftp_proto::reply::Reply;
use ftp_proto::repr::Representation;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use tokio::sync::mpsc;

/// TYPE, STRU and MODE with their defaults (RFC 959 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub data_type: DataType,
    pub structure: Structure,
    pub mode: TransmissionMode,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { data_type: DataType::default(), structure: Structure::File, mode: TransmissionMode::Stream }
    }
}

impl Parameters {
    pub fn coding(&self) -> Coding {
        // RFC 959 section 3.4.3: space for text, zero otherwise.
        let filler = match self.data_type {
            DataType::Ascii(_) => b' ',
            DataType::Ebcdic(_) => 0x40,
            DataType::Image | DataType::Local(_) => 0,
        };
        Coding { mode: self.mode, structure: self.structure, filler }
    }

    pub fn representation(&self) -> Representation {
        match self.data_type {
            DataType::Ascii(_) => Representation::Ascii,
            DataType::Ebcdic(_) => Representation::Ebcdic,
            DataType::Image => Representation::Image,
            DataType::Local(_) => Representation::Local8,
        }
    }
}

pub struct Session<N: Net, A: Accounts> {
    pub(super) net: N,
    pub(super) config: Arc<Config<A>>,
    pub(super) control: Control<N>,
    pub(super) data: DataPort<N>,
    pub(super) watch: Watch,
    pub(super) counting: Arc<Counting>,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) number: u64,
    /// USER's argument, until PASS.
    pub(super) user_name: Option<String>,
    pub(super) user: Option<User<A::Store>>,
    pub(super) login_failures: u32,
    pub(super) working: VirtualPath,
    pub(super) parameters: Parameters,
    /// REST's argument, until the transfer command.
    pub(super) restart: Option<Restart>,
    /// SITE MARKERS: restart markers in downloads, each so many bytes.
    pub(super) marker_interval_bytes: Option<NonZeroU64>,
    /// RNFR's argument, until the next command.
    pub(super) rename_from: Option<VirtualPath>,
    /// EPSV ALL has been said (RFC 2428 section 4).
    pub(super) only_epsv: bool,
    pub(super) facts: Facts,
    pub(super) algorithm: Algorithm,
    /// RANG's first and last byte, until the transfer command.
    pub(super) range: Option<(u64, u64)>,
    /// OPTS XPIPE ON has been said.
    pub(super) pipelined_uploads: bool,
    /// An ABOR waits behind commands that came before it: their transfers do not begin.
    pub(super) aborting: bool,
    pub(super) passive_tries: u64,
}

/// Serves one connection to its end; every wait is bounded.
pub async fn run<N: Net, A: Accounts>(
    net: N,
    stream: N::Stream,
    config: Arc<Config<A>>,
    observer: Arc<dyn Observer>,
    number: u64,
) {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return };
    let counting = Arc::new(Counting::new(observer));
    let watch = Watch::new(counting.clone(), Who::Server, number);
    watch.tell(net.now(), Event::SessionBegins { peer });
    let limit = config.limits.queued_commands;
    let mut session = Session {
        control: Control::new(net.clone(), stream, watch.clone(), config.timeouts, limit)
            .outlived_by_transfers(config.transfers_outlive_control),
        data: DataPort::new(net.clone(), watch.clone(), local, peer, &config),
        net,
        watch,
        counting,
        local,
        peer,
        number,
        user_name: None,
        user: None,
        login_failures: 0,
        working: VirtualPath::root(),
        parameters: Parameters::default(),
        restart: None,
        marker_interval_bytes: None,
        rename_from: None,
        only_epsv: false,
        facts: Facts::default(),
        algorithm: Algorithm::default(),
        range: None,
        pipelined_uploads: false,
        aborting: false,
        passive_tries: 0,
        config,
    };
    let reason = session.dialogue().await;
    session.data.flush().await;
    session.data.discard();
    session.control.close().await;
    session.watch.tell(session.net.now(), Event::SessionEnds { reason });
}

/// What the session does after a command.
pub enum Next {
    Reply(Reply),
    /// The last reply has been given.
    End(Reply, &'static str),
}

impl From<Reply> for Next {
    fn from(reply: Reply) -> Self {
        Next::Reply(reply)
    }
}

impl<N: Net, A: Accounts> Session<N, A> {
    /// Gives the reason of the end.
    async fn dialogue(&mut self) -> &'static str {
        let greeting = self.config.greeting.clone();
        self.say(220, greeting);
        let begun = self.net.now();
        loop {
            let timeouts = &self.config.timeouts;
            let limit = if self.user.is_some() {
                timeouts.idle
            } else {
                timeouts.login.saturating_sub(self.net.now().saturating_sub(begun))
            };
            let net = self.net.clone();
            let shutdown = self.config.shutdown.clone();
            let next = tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    self.say(421, "The server is shutting down, closing control connection.");
                    return "shutdown";
                }
                next = net.timeout(limit, self.next_line()) => next,
            };
            let line = match next {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) if planted::is(Bug::SessionNeverEnds) => std::future::pending().await,
                Ok(Ok(None)) => return "closed by the client",
                Ok(Err(_)) => return "control connection lost",
                Err(_) => {
                    self.say(421, "Timeout: closing control connection.");
                    return "idle";
                }
            };
            match self.perform(line).await {
                Ok(Next::Reply(reply)) => self.control.say(&reply),
                Ok(Next::End(reply, reason)) => {
                    self.control.say(&reply);
                    return reason;
                }
                Err(Refusal::ControlLost(_)) => return "control connection lost",
                Err(refusal) => self.control.say(&refusal.reply()),
            }
        }
    }

    /// The next line; what downloads before it have held back is sent before it is waited for.
    async fn next_line(&mut self) -> io::Result<Option<Line>> {
        if self.data.may_hold() {
            let at_once = tokio::select! {
                biased;
                line = self.control.next() => Some(line),
                () = std::future::ready(()) => None,
            };
            if let Some(line) = at_once {
                return line;
            }
            self.data.flush().await;
        }
        self.control.next().await
    }

    pub(super) fn say(&mut self, code: u16, text: impl Into<String>) {
        self.control.say(&Reply::new(code, text));
    }

    async fn perform(&mut self, line: Line) -> Result<Next, Refusal> {
        let Line::Text(line) = line else {
            self.tell_command("(line too long)");
            return Ok(Reply::new(500, "Command line too long.").into());
        };
        let parsed = Command::parse(&line);
        match &parsed {
            Ok(Command::Pass(_)) => self.tell_command("PASS ****"),
            _ => self.tell_command(&String::from_utf8_lossy(&line)),
        }
        let command = parsed?;
        if self.user.is_none() && !verbs::is_allowed_before_login(&command) {
            return Err(Refusal::NotLoggedIn);
        }
        if self.aborting && verbs::is_transfer(&command) {
            return Err(Refusal::Aborted);
        }
        let rename_from = self.rename_from.take();
        let uses_data = verbs::is_transfer(&command);
        let result = self.dispatch(command, rename_from).await;
        if uses_data && result.is_err() {
            self.data.refused(self.parameters.mode);
        }
        result
    }

    fn tell_command(&self, line: &str) {
        self.watch.tell(self.net.now(), Event::Command { line });
    }

    async fn dispatch(
        &mut self,
        command: Command,
        rename_from: Option<VirtualPath>,
    ) -> Result<Next, Refusal> {
        // Boxed where the future is large: an idle session should not carry a transfer's state.
        let reply = match command {
            Command::User(name) => return self.user(name).await,
            Command::Pass(password) => return Box::pin(self.pass(password)).await,
            Command::Acct(_) => Reply::new(202, "No account is needed."),
            Command::Rein => self.reinitialize().await,
            Command::Quit => return Ok(Next::End(Reply::new(221, "Goodbye."), "quit")),

            Command::Port(address) => self.port(address.into()).await?,
            Command::Eprt(address) => self.extended_port(address).await?,
            Command::Pasv => self.passive().await?,
            Command::Epsv(protocol) => self.extended_passive(protocol).await?,
            Command::Type(data_type) => self.set_type(data_type)?,
            Command::Stru(structure) => self.set_structure(structure).await?,
            Command::Mode(mode) => self.set_mode(mode).await?,

            Command::Cwd(path) => self.change_directory(&path, 250).await?,
            Command::Cdup => self.change_directory("..", 200).await?,
            Command::Pwd => self.working_directory(),
            Command::Mkd(path) => self.make_directory(&path).await?,
            Command::Rmd(path) => self.remove_directory(&path).await?,
            Command::Dele(path) => self.delete(&path).await?,
            Command::Rnfr(path) => self.rename_from(&path).await?,
            Command::Rnto(path) => self.rename_to(rename_from, &path).await?,
            Command::Size(path) => Box::pin(self.size(&path)).await?,

            Command::Rest(marker) => self.restart(marker)?,
            Command::Retr(path) => Box::pin(self.retrieve(&path)).await?,
            Command::Stor(path) => Box::pin(self.store(&path)).await?,
            Command::Appe(path) => Box::pin(self.append(&path)).await?,
            Command::Abor => self.abort(),
            Command::List(argument) => Box::pin(self.list(argument, true)).await?,
            Command::Nlst(argument) => Box::pin(self.list(argument, false)).await?,

            Command::Mdtm(path) => self.modified(&path).await?,
            Command::Mfmt(time, path) => self.set_modified(time, &path).await?,
            Command::Mlsd(argument) => Box::pin(self.machine_list(argument)).await?,
            Command::Mlst(argument) => self.machine_list_one(argument).await?,
            Command::Hash(path) => Box::pin(self.hash(&path)).await?,
            Command::Rang(first, last) => self.choose_range(first, last)?,
            Command::Stou => Box::pin(self.store_unique()).await?,
            Command::Allo(..) => self.allocate(),

            Command::Syst => Reply::new(215, "UNIX Type: L8"),
            Command::Feat => self.features(),
            Command::Opts(argument) => self.options(&argument)?,
            Command::Stat(argument) => self.stat(argument).await?,
            Command::Help(argument) => self.help(argument),
            Command::Site(argument) => self.site(&argument).await?,
            Command::Host(argument) => self.host(&argument)?,
            Command::Lang(argument) => self.language(argument)?,
            Command::Clnt(_) => Reply::new(200, "Noted."),
            Command::Smnt(_) => Reply::new(202, "There is one file system."),
            Command::Noop => Reply::new(200, "Okay."),
        };
        Ok(reply.into())
    }

    /// REIN: everything as after the greeting (RFC 959 section 4.1.1).
    async fn reinitialize(&mut self) -> Reply {
        self.log_out();
        self.parameters = Parameters::default();
        self.restart = None;
        self.marker_interval_bytes = None;
        self.range = None;
        self.only_epsv = false;
        self.pipelined_uploads = false;
        self.facts = Facts::default();
        self.algorithm = Algorithm::default();
        self.data.reset().await;
        Reply::new(220, self.config.greeting.clone())
    }

    pub(super) fn log_out(&mut self) {
        self.user = None;
        self.user_name = None;
        self.working = VirtualPath::root();
    }

    pub(super) fn store_and_rights(&self) -> Result<(A::Store, Rights), Refusal> {
        let user = self.user.as_ref().ok_or(Refusal::NotLoggedIn)?;
        Ok((user.store.clone(), user.rights))
    }

    pub(super) fn path(&self, argument: &str) -> Result<VirtualPath, Refusal> {
        Ok(self.working.join(argument)?)
    }
}

/// What came on the control connection while a transfer ran.
pub enum Attended<T> {
    Done(T),
    Aborted,
    Lost(io::Error),
}

/// Runs a transfer and answers STAT, NOOP and ABOR meanwhile (RFC 959 section 4.1.3, RFC 1123
/// section 4.1.3.3); other commands wait for its end, and so do these behind others, so that
/// replies keep the order of commands. `may_join`: the first reply has been said, but not sent.
pub async fn attended<N: Net, T>(
    control: &mut Control<N>,
    aborting: &mut bool,
    status: impl Fn() -> Reply,
    mut marks: Option<mpsc::Receiver<Mark>>,
    may_join: bool,
    work: impl Future<Output = T>,
) -> Attended<T> {
    let mut work = std::pin::pin!(work);
    if may_join || control.has_waiting() {
        // A small file may be done at once: then its replies go together, in a pipeline with others'.
        let done = tokio::select! {
            biased;
            done = &mut work => Some(done),
            () = std::future::ready(()) => None,
        };
        if let Some(done) = done {
            say_marks(control, &mut marks);
            return Attended::Done(done);
        }
    }
    loop {
        let line = tokio::select! {
            biased;
            line = control.attend() => line,
            Some(mark) = next_mark(&mut marks) => {
                control.say(&mark_reply(&mark));
                continue;
            }
            done = &mut work => {
                say_marks(control, &mut marks);
                return Attended::Done(done);
            }
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) if control.queued().any(|line| parsed(line) == Ok(Command::Quit)) => {
                // Nothing more will be asked, and the transfer's end is still wanted.
                return Attended::Done(work.await);
            }
            Ok(None) | Err(_) if control.transfers_outlive_it => return Attended::Done(work.await),
            Ok(None) => return Attended::Lost(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Attended::Lost(error),
        };
        let first = control.queued().next().is_none();
        match parsed(&line) {
            Ok(Command::Abor) => {
                *aborting = true;
                control.queue(line);
                return Attended::Aborted;
            }
            Ok(Command::Stat(None)) if first => control.say(&status()),
            Ok(Command::Noop) if first => control.say(&Reply::new(200, "Okay, transfer in progress.")),
            _ => control.queue(line),
        }
    }
}

async fn next_mark(marks: &mut Option<mpsc::Receiver<Mark>>) -> Option<Mark> {
    match marks {
        Some(marks) => marks.recv().await,
        None => None,
    }
}

/// Those of the last pieces, before the completion reply.
fn say_marks<N: Net>(control: &mut Control<N>, marks: &mut Option<mpsc::Receiver<Mark>>) {
    while let Some(Ok(mark)) = marks.as_mut().map(mpsc::Receiver::try_recv) {
        control.say(&mark_reply(&mark));
    }
}

/// "The text is exact" (RFC 959 section 4.2, as corrected by RFC 1123 section 4.1.3.4).
fn mark_reply(mark: &Mark) -> Reply {
    Reply::new(110, format!("MARK {} = {}", mark.sender, mark.receiver))
}

fn parsed(line: &Line) -> Result<Command, CommandError> {
    match line {
        Line::Text(text) => Command::parse(text),
        Line::TooLong => Err(CommandError::Unknown),
    }
}
