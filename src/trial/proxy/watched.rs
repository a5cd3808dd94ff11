//! What a run's proxy knows, does and has seen: shared by its connections.

use super::tls::ProxyTls;
use crate::sim::fault::FaultName;
use crate::trial::fault::{Strike, Trigger};
use ftp_proto::name::Printable;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// So many lines are remembered of a run.
const DIALOGUE_LINES: usize = 400;
/// Nothing that one connection waits for from another takes longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(5);

/// What the control connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Pass,
    Reset,
    Silent,
}

/// What a data connection is for, as the command that follows says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The run's file goes to the server.
    Upload,
    /// It comes from there.
    Download,
    /// A listing, or another file.
    Other,
}

/// Whose process a fault takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::trial) enum Victim {
    Client,
    Server,
}

/// What the proxy has seen of a run.
#[derive(Clone, Debug, Default)]
pub(in crate::trial) struct Seen {
    /// Commands that began a transfer of the run's file: STOR, STOU, APPE, RETR.
    pub attempts: u32,
    /// The final reply to the last of them, escaped.
    pub final_reply: Option<String>,
    /// Which of the data connections, counted from 0, carried the file first.
    pub carrier: Option<usize>,
    /// The fault has struck.
    pub struck: bool,
    /// It has struck on a data connection.
    pub on_data: bool,
    /// The file's data connection has ended for its receiver, after its sender's death.
    pub file_ended: bool,
    /// Both sides' lines, escaped, without the password.
    pub dialogue: Vec<String>,
}

/// What the proxy of one run is told.
#[derive(Default)]
pub(in crate::trial) struct Plan {
    pub strike: Option<Strike>,
    /// The file's name at the server, which nothing else has in its name.
    pub remote: String,
    /// Its size in bytes.
    pub size: u64,
    /// The data connection that is refused, counted from 0.
    pub refuse: Option<usize>,
    /// The only data connection that is struck, counted from 0.
    pub only: Option<usize>,
    pub tls: Option<ProxyTls>,
}

/// One run: its fault, and what was seen of it.
pub(in crate::trial) struct Watched {
    pub(super) strike: Option<Strike>,
    /// The file's name at the server, which nothing else has in its name.
    remote: String,
    /// Its size in bytes.
    pub(super) size: u64,
    /// The data connection that is refused, if one is.
    pub(super) refuse: Option<usize>,
    only: Option<usize>,
    pub(super) tls: Option<ProxyTls>,
    seen: Mutex<Seen>,
    victim: watch::Sender<Option<Victim>>,
    tasks: Mutex<JoinSet<()>>,
    /// Ports on which nobody listens.
    kept: Mutex<Vec<TcpSocket>>,
}

impl Watched {
    pub(super) fn new(plan: Plan) -> Self {
        let Plan { strike, remote, size, refuse, only, tls } = plan;
        Self {
            strike,
            remote,
            size,
            refuse,
            only,
            tls,
            kept: Mutex::default(),
            seen: Mutex::default(),
            victim: watch::Sender::new(None),
            tasks: Mutex::default(),
        }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been seen so far.
    pub(in crate::trial) fn report(&self) -> Seen {
        self.seen().clone()
    }

    /// What a transfer of `argument` is for.
    pub(super) fn purpose(&self, verb: &str, argument: &str) -> Purpose {
        match verb {
            "STOU" => Purpose::Upload,
            "STOR" | "APPE" if argument.contains(&self.remote) => Purpose::Upload,
            "RETR" if argument.contains(&self.remote) => Purpose::Download,
            _ => Purpose::Other,
        }
    }

    /// The fault that has yet to strike on a data connection that is for `purpose`; `number` is its own.
    pub(super) fn pending(&self, purpose: Purpose, number: usize) -> Option<Strike> {
        if self.only.is_some_and(|only| only != number) {
            return None;
        }
        let is_data = |strike: &Strike| is_on_data(strike) && strike.fault != FaultName::Refused;
        self.strike.filter(is_data).filter(|_| purpose != Purpose::Other && !self.seen().struck)
    }

    /// Likewise at a reply to a transfer of the file.
    pub(super) fn pending_at(&self, trigger: Trigger) -> Option<Strike> {
        self.strike.filter(|strike| strike.trigger == trigger && !self.seen().struck)
    }

    /// The fault strikes now; what concerns the control connection or a process is told to them. `purpose` is
    /// the transfer's, `control` its control connection's.
    pub(super) fn strike(&self, strike: Strike, purpose: Purpose, control: &watch::Sender<Control>) {
        let mut seen = self.seen();
        seen.struck = true;
        seen.dialogue.push(format!("* {strike}"));
        drop(seen);
        let (sender, receiver) = match purpose {
            Purpose::Download => (Victim::Server, Victim::Client),
            Purpose::Upload | Purpose::Other => (Victim::Client, Victim::Server),
        };
        match strike.fault {
            FaultName::ControlReset => drop(control.send_replace(Control::Reset)),
            FaultName::ControlSilent => drop(control.send_replace(Control::Silent)),
            FaultName::SenderDies => drop(self.victim.send_replace(Some(sender))),
            FaultName::ReceiverDies => drop(self.victim.send_replace(Some(receiver))),
            _ => (),
        }
    }

    /// Whether the sender's process is to die while its data connection carries the file.
    pub(super) fn takes_sender_on_data(&self) -> bool {
        self.strike.is_some_and(|strike| strike.fault == FaultName::SenderDies && is_on_data(&strike))
    }

    /// Waits until a fault that has yet to strike on the data connection has; not for ever.
    pub(super) async fn until_struck(&self) {
        self.until(|seen| seen.struck).await;
    }

    /// A dead process's connections end newest first: of one that has sent, that of the file, then the control
    /// connection. Waits for the first.
    pub(super) async fn until_dead_senders_file_has_ended(&self) {
        if self.takes_sender_on_data() && self.seen().on_data {
            self.until(|seen| seen.file_ended).await;
        }
    }

    async fn until(&self, come: impl Fn(&Seen) -> bool) {
        let waited = async {
            while !come(&self.seen()) {
                tokio::time::sleep(LOOK).await;
            }
        };
        // It may never come.
        let _ = tokio::time::timeout(LONGEST_WAIT, waited).await;
    }

    /// Waits until this process is to be killed.
    pub(in crate::trial) async fn doomed(&self, victim: Victim) {
        // The sender is this, which is held.
        let _ = self.victim.subscribe().wait_for(|who| *who == Some(victim)).await;
    }

    /// Goes on until it ends, or the run does.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    /// Holds a port to the end of the run, so that nobody else gets it.
    pub(super) fn keep(&self, socket: TcpSocket) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    }

    /// How many connections are open.
    pub(in crate::trial) fn connections(&self) -> usize {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.len()
    }

    /// Ends all connections.
    pub(super) fn end(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    pub(super) fn note(&self, who: char, line: &str) {
        let mut seen = self.seen();
        if seen.dialogue.len() < DIALOGUE_LINES {
            let line = line.trim_end_matches(['\r', '\n']);
            let secret = line.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case("PASS "));
            let line = if secret { "PASS ****" } else { line };
            seen.dialogue.push(format!("{who} {}", Printable(line)));
        }
    }
}

fn is_on_data(strike: &Strike) -> bool {
    matches!(strike.trigger, Trigger::Byte(_) | Trigger::BeforeFin)
}

/// What everybody has of it.
pub(super) type Shared = Arc<Watched>;
