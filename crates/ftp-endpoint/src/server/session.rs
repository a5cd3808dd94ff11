//! One control connection from greeting to goodbye.

use super::accounts::{Accounts, Rights, User};
use super::attend::Slot;
use super::config::Config;
use super::control::{Control, Line};
use super::counting::Counting;
use super::data::DataPort;
use super::live::LiveConfig;
#[cfg(feature = "tls")]
use super::negotiated::Protection;
use super::negotiated::{AskedPartial, Negotiated};
use super::replies::Refusal;
#[cfg(feature = "tls")]
use super::tls::SessionTls;
use crate::net::{Net, Stream, Time, at_once};
use crate::observe::{Event, Observer, Watch, Who};
use crate::store::Store;
use crate::transfer::RestartMarker;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The way of restart markers from the data connection to the control connection.
type Marks = (mpsc::Sender<RestartMarker>, mpsc::Receiver<RestartMarker>);

pub(super) struct Session<N: Net, A: Accounts> {
    pub(super) net: N,
    /// As it was at the last USER.
    pub(super) config: Arc<Config<A>>,
    pub(super) live: LiveConfig<A>,
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
    pub(super) negotiated: Negotiated,
    /// RNFR's argument, until the next command.
    pub(super) rename_from: Option<VirtualPath>,
    /// What SITE PARTIAL has told of: a REST and STOR of this path go on from what a failed upload has left.
    pub(super) asked_partial: Option<AskedPartial>,
    /// An ABOR waits behind commands that came before it: their transfers do not begin.
    pub(super) aborting: bool,
    pub(super) passive_tries: u64,
    /// Of uploads that follow each other: all that came in one have been told before the next.
    pub(super) marks: Option<Marks>,
    pub(super) slot: Slot,
    /// Since when nobody is logged in.
    pub(super) unknown_since: Time,
    /// Of the control connection, since AUTH or from the beginning.
    #[cfg(feature = "tls")]
    pub(super) tls: Option<SessionTls>,
}

/// Serves one connection to its end; every wait is bounded.
pub(super) async fn run<N: Net, A: Accounts>(
    net: N,
    stream: N::Stream,
    live: LiveConfig<A>,
    observer: Arc<dyn Observer>,
    number: u64,
    slot: Slot,
) {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return };
    let config = live.current();
    let counting = Arc::new(Counting::new(observer));
    let watch = Watch::new(counting.clone(), Who::Server, number);
    watch.tell(net.now(), Event::SessionBegins { peer });
    let begun = net.now();
    let mut session = Session {
        control: Control::new(net.clone(), stream, watch.clone(), config.timeouts, config.limits)
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
        negotiated: Negotiated::default(),
        rename_from: None,
        asked_partial: None,
        aborting: false,
        passive_tries: 0,
        marks: None,
        slot,
        unknown_since: begun,
        #[cfg(feature = "tls")]
        tls: None,
        config,
        live,
    };
    let leaves = session.slot.leaves();
    let reason = tokio::select! {
        biased;
        () = leaves.cancelled() => {
            session.say(421, "No seat is left for who does not log in, closing control connection.");
            "no seat left"
        }
        reason = session.whole() => reason,
    };
    session.data.flush().await;
    session.data.discard();
    session.control.close().await;
    session.watch.tell(session.net.now(), Event::SessionEnds { reason });
}

/// What the session does after a command.
pub(super) enum Next {
    Reply(Reply),
    /// The reply is promised.
    Later,
    /// The reply has been given.
    #[cfg(feature = "tls")]
    Said,
    /// The last reply has been given.
    End(Reply, &'static str),
}

impl From<Reply> for Next {
    fn from(reply: Reply) -> Self {
        Next::Reply(reply)
    }
}

impl<N: Net, A: Accounts> Session<N, A> {
    /// From the greeting to the reason of the end.
    async fn whole(&mut self) -> &'static str {
        match self.begin().await {
            Ok(()) => self.dialogue().await,
            Err(_) => "no TLS",
        }
    }

    /// Implicit TLS comes before the greeting, and data connections are protected unless PROT says otherwise.
    async fn begin(&mut self) -> Result<(), Refusal> {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.config.tls.as_ref().filter(|tls| tls.implicit) {
            let tls = SessionTls::new(tls);
            self.negotiated.protection = Protection::Private;
            self.data.protect(Some(tls.data())).await;
            self.begin_tls(tls).await?;
        }
        Ok(())
    }

    /// Gives the reason of the end.
    async fn dialogue(&mut self) -> &'static str {
        let greeting = self.config.greeting.clone();
        self.say(220, greeting);
        loop {
            let timeouts = &self.config.timeouts;
            let limit = if self.user.is_some() {
                timeouts.idle
            } else {
                timeouts.login.saturating_sub(self.net.now().saturating_sub(self.unknown_since))
            };
            if limit.is_zero() {
                // This goes for however many lines are there already.
                self.say(421, "Timeout: closing control connection.");
                return "idle";
            }
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
                Ok(Ok(None)) if mutant::is(Mutant::SessionNeverEnds) => std::future::pending().await,
                Ok(Ok(None)) => return "closed by the client",
                Ok(Err(_)) => return "control connection lost",
                Err(_) => {
                    self.say(421, "Timeout: closing control connection.");
                    return "idle";
                }
            };
            match self.perform(line).await {
                Ok(Next::Reply(reply)) => self.control.say(&reply),
                Ok(Next::Later) => {}
                #[cfg(feature = "tls")]
                Ok(Next::Said) => {}
                Ok(Next::End(reply, reason)) => {
                    self.control.say(&reply);
                    return reason;
                }
                Err(Refusal::ControlLost(_)) => return "control connection lost",
                Err(refusal) => {
                    let reply = refusal.reply();
                    if mutant::is(Mutant::RefusalTwice) {
                        self.control.say(&reply);
                    }
                    self.control.say(&reply);
                    if self.data.is_leaving() {
                        let sent = self.control.flush().await;
                        self.data.left().await;
                        if sent.is_err() {
                            return "control connection lost";
                        }
                    }
                }
            }
        }
    }

    /// The next line; what downloads before it have held back is sent before it is waited for.
    async fn next_line(&mut self) -> io::Result<Option<Line>> {
        if self.data.may_hold() {
            if let Some(line) = at_once(pin!(self.control.next())).await {
                return line;
            }
            self.data.flush().await;
        }
        if let Some(user) = self.user.as_ref().filter(|_| !self.control.has_waiting()) {
            user.store.rest();
            self.marks = None;
        }
        loop {
            tokio::select! {
                biased;
                line = self.control.next() => return line,
                () = self.data.see_off() => {}
            }
        }
    }

    pub(super) fn say(&mut self, code: u16, text: impl Into<String>) {
        self.control.say(&Reply::new(code, text));
    }

    pub(super) fn store_and_rights(&self) -> Result<(A::Store, Rights), Refusal> {
        let user = self.user.as_ref().ok_or(Refusal::NotLoggedIn)?;
        Ok((user.store.clone(), user.rights))
    }

    pub(super) fn path(&self, argument: &str) -> Result<VirtualPath, Refusal> {
        Ok(self.working.join(argument)?)
    }
}
