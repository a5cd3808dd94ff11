//! The fault injector: watches for the target file, finds the wire byte or the moment,
//! strikes there.

mod dialogue;
mod taps;

use super::fault::{DiskFault, Fault, Side, Trigger};
use super::heard::Heard;
use super::hosts::PerHost;
use super::locator::Locator;
use super::names::{FileId, FileNames};
use super::time::SimTime;
use super::tls::Records;
use super::trace::{Place, Trace};
use super::wire::{Chart, WireByte};
use dialogue::Dialogue;
use ftp_endpoint::observe::{Event, Who};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use turmoil_tcp::network::{Cut, CutKind, Order, SimNet};
use turmoil_tcp::path::router::RouterHandle;

/// A data connection is known by its sender's address and its receiver's.
type Connection = (SocketAddr, SocketAddr);

/// How far the fault has come.
enum Stage {
    /// The target file has not been sent yet, or the moment has not come.
    Waiting,
    /// Its bytes are being counted.
    Locating { connection: Connection, locator: Locator },
    /// A process dies when it has written, or read, so much of this connection.
    Dying { connection: Connection, at_offset: u64 },
    /// The moment has come; the next file to be sent is struck at its first byte.
    Pending,
    /// A process or host dies then.
    Doomed { who: Who, at: SimTime },
    /// A process ends in order: it is gone when it has ended its data connection, or then.
    Stopping { who: Who, at: SimTime },
    /// A process or host is dead, and nobody has buried it yet.
    Dead { who: Who },
    /// The middlebox is armed, or all is over.
    Done,
}

struct State {
    stage: Stage,
    router: Option<RouterHandle>,
    fired_at: Option<SimTime>,
    /// How often it has struck.
    strikes: u32,
    /// The wire bytes to strike at, the next one last.
    wire_bytes: Vec<u64>,
    disk: Option<DiskFault>,
    /// The processes of client and server, while they run.
    processes: PerHost<Option<SimNet>>,
    /// The data connection of the file under way, and the bytes written on it.
    flow: Option<(Connection, u64)>,
    dialogue: Dialogue,
    /// What is written, where the trigger is a [`Trigger::WireByte`].
    chart: Option<Chart>,
    /// Of each connection of the sender's, where data connections are under TLS.
    records: Option<BTreeMap<Connection, Records>>,
}

impl State {
    /// Where the next byte of a connection stands, of which `written` were written above TLS.
    fn wire_offset(&self, connection: Connection, written: u64) -> u64 {
        let records = self.records.as_ref().and_then(|records| records.get(&connection));
        records.map_or(written, Records::next)
    }

    /// The fault has been committed, or left to the middlebox; there may be one more to come.
    fn struck(&mut self) {
        let again = self.chart.is_some() && !self.wire_bytes.is_empty();
        self.stage = if again { Stage::Waiting } else { Stage::Done };
    }
}

/// What the injector knows of the run beside the fault.
pub struct Scene {
    /// Who sends the files.
    pub sender: Who,
    /// The file that the fault is of; none of a fault that strikes whichever is under way.
    pub target: Option<FileId>,
    /// How many payload bytes the target has on the data connection: its size as its type sends it.
    pub target_sent_bytes: u64,
    /// All files of the delivery.
    pub names: Arc<FileNames>,
    /// How long a packet takes from host to host: half of the round-trip time.
    pub one_way: Duration,
    /// The server's control port.
    pub control: SocketAddr,
    /// Where a fault of a wire byte strikes again.
    pub second_wire_byte: Option<u64>,
    /// Data connections are under TLS.
    pub tls: bool,
}

/// Plants one fault. It sees what client and server tell their observers, what the sender writes to
/// its sockets and what the receiver reads.
pub struct Injector {
    fault: Fault,
    sender: Who,
    target: Option<FileId>,
    target_sent_bytes: u64,
    names: Arc<FileNames>,
    one_way: Duration,
    control: SocketAddr,
    trace: Arc<Trace>,
    state: Mutex<State>,
    /// Something has been decided about the client's, the server's life.
    doom: PerHost<Notify>,
}

impl Injector {
    /// The injector of one fault, which has not struck yet; what it does stands in `trace`.
    pub fn new(fault: Fault, scene: Scene, trace: Arc<Trace>) -> Self {
        let chart = matches!(fault.trigger, Trigger::WireByte(_)).then(Chart::default);
        let first = match fault.trigger {
            Trigger::WireByte(n) => Some(n),
            _ => None,
        };
        let of_disk = fault.kind.disk().is_some();
        let anchored = fault.kind.has_trigger();
        // A fault of the disk finds its byte at the store.
        let stage =
            if anchored && (!of_disk || fault.trigger.is_moment()) { Stage::Waiting } else { Stage::Done };
        let state = State {
            stage,
            router: None,
            fired_at: None,
            strikes: 0,
            wire_bytes: scene.second_wire_byte.into_iter().chain(first).collect(),
            disk: of_disk.then(|| DiskFault::new(fault)),
            processes: PerHost::default(),
            flow: None,
            dialogue: Dialogue::default(),
            chart,
            records: scene.tls.then(BTreeMap::new),
        };
        Self {
            fault,
            sender: scene.sender,
            target: scene.target,
            target_sent_bytes: scene.target_sent_bytes,
            names: scene.names,
            one_way: scene.one_way,
            control: scene.control,
            trace,
            state: Mutex::new(state),
            doom: PerHost::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the trace calls the target.
    fn target_name(&self) -> &str {
        self.target.map_or("", |target| self.names.name(target))
    }

    /// The router whose middlebox it gives its orders to.
    pub fn use_router(&self, router: RouterHandle) {
        self.lock().router = Some(router);
    }

    /// The client, or the server, now runs as this process.
    pub fn runs(&self, who: Who, process: SimNet) {
        *self.lock().processes.of_mut(who) = Some(process);
    }

    /// The process that runs on the host now; `None` before its first start.
    pub fn process(&self, who: Who) -> Option<SimNet> {
        self.lock().processes.of(who).clone()
    }

    /// The host from which the files come.
    pub fn sender(&self) -> Who {
        self.sender
    }

    /// The host to which they go.
    pub fn receiver(&self) -> Who {
        match self.sender {
            Who::Client => Who::Server,
            Who::Server => Who::Client,
        }
    }

    /// Whose process or host the fault takes.
    pub fn victim(&self) -> Option<Who> {
        self.fault.kind.victim().map(|side| match side {
            Side::Sender => self.sender,
            Side::Receiver => self.receiver(),
        })
    }

    /// Returns when the process of `who` has been killed, or its host has lost its power. To be
    /// polled on that host.
    pub async fn doom(&self, who: Who, net: &SimNet) {
        if let Trigger::AtTimeUs(at_us) = self.fault.trigger
            && self.victim().unwrap_or(Who::Client) == who
        {
            net.outside_sleep(SimTime::from_us(at_us).after(net.now())).await;
            self.moment(&mut self.lock(), net.now().into(), who, None);
        }
        loop {
            let at = match self.lock().stage {
                Stage::Dead { who: dead } if dead == who => None,
                Stage::Doomed { who: doomed, at } | Stage::Stopping { who: doomed, at } if doomed == who => {
                    Some(at)
                }
                _ => Some(SimTime::NEVER),
            };
            match at {
                None => break,
                Some(SimTime::NEVER) => self.doom.of(who).notified().await,
                Some(at) => {
                    tokio::select! {
                        biased;
                        () = net.outside_sleep(at.after(net.now())) => {}
                        () = self.doom.of(who).notified() => continue,
                    }
                    self.kill(&mut self.lock(), net.now().into(), who);
                }
            }
        }
        self.lock().struck();
    }

    /// Whether the process or host of somebody is about to go.
    pub fn is_doomed(&self, whom: Who) -> bool {
        let stage = &self.lock().stage;
        matches!(stage, Stage::Doomed { who, .. } | Stage::Stopping { who, .. } | Stage::Dead { who } if *who == whom)
    }

    /// The fault has struck.
    pub fn fired(&self, at: SimTime) {
        let state = &mut *self.lock();
        state.fired_at.get_or_insert(at);
        state.strikes += 1;
    }

    /// How often it has struck.
    pub fn strikes(&self) -> u32 {
        self.lock().strikes
    }

    /// When the fault struck; `None` when it has not.
    pub fn fired_at(&self) -> Option<SimTime> {
        self.lock().fired_at
    }

    /// The sender's wire bytes, where the trigger is a [`Trigger::WireByte`].
    pub fn wire(&self) -> Vec<WireByte> {
        self.lock().chart.iter().flat_map(Chart::bytes).collect()
    }

    /// Feeds the chart, if there is one, and strikes when the wire byte is known.
    fn chart(&self, state: &mut State, at: SimTime, feed: impl FnOnce(&mut Chart)) {
        let Some(chart) = state.chart.as_mut() else { return };
        feed(chart);
        let place = state.wire_bytes.last().and_then(|n| chart.place(*n));
        if let (Some((connection, offset)), true) = (place, matches!(state.stage, Stage::Waiting)) {
            state.wire_bytes.pop();
            self.located(state, at, connection, offset);
        }
    }

    fn tell(&self, at: SimTime, what: std::fmt::Arguments<'_>) {
        self.trace.add(at, Place::Fault, what);
    }

    /// Takes the process, or the power of its host, now.
    fn kill(&self, state: &mut State, at: SimTime, who: Who) {
        let Some(process) = state.processes.of_mut(who).take() else { return };
        state.stage = Stage::Dead { who };
        state.fired_at.get_or_insert(at);
        state.strikes += 1;
        if self.fault.kind.takes_power() {
            self.tell(at, format_args!("the {who:?}'s host loses its power"));
            process.power_off();
        } else {
            process.kill();
        }
        // `notify_one` keeps the permit until somebody waits.
        self.doom.of(who).notify_one();
    }

    /// Lets `who` die at `at`, which its host has not passed yet.
    fn doom_at(&self, state: &mut State, at: SimTime, who: Who) {
        state.stage = Stage::Doomed { who, at };
        self.doom.of(who).notify_one();
    }

    /// What the middlebox is told; `session` of the server, if known, names the control connection.
    fn order(&self, state: &State, session: Option<u64>) -> Option<Order> {
        self.fault.kind.order(state.dialogue.control(session), self.control)
    }

    /// The server's session of a data connection.
    fn session(&self, state: &State, (from, to): Connection) -> Option<u64> {
        let (local, peer) = if self.sender == Who::Server { (from, to) } else { (to, from) };
        state.dialogue.session(local, peer)
    }

    /// The wire byte is known: strike, or be ready to.
    fn located(&self, state: &mut State, at: SimTime, connection: Connection, offset: u64) {
        let (from, to) = connection;
        let name = self.fault.kind.name();
        match self.fault.kind.victim() {
            Some(Side::Sender) => {
                state.stage = Stage::Dying { connection, at_offset: offset };
                let end = if self.fault.kind.takes_power() { "loses its power" } else { "dies" };
                self.tell(
                    at,
                    format_args!("the sender of {} {end} at wire byte {offset}", self.target_name()),
                );
                return;
            }
            Some(Side::Receiver) => {
                state.stage = Stage::Dying { connection, at_offset: offset };
                self.tell(at, format_args!("{name} of {} at wire byte {offset}", self.target_name()));
                return;
            }
            None => {}
        }
        state.struck();
        let session = self.session(state, connection);
        let kind = self.fault.kind.cut().or_else(|| self.order(state, session).map(CutKind::Order));
        let (Some(kind), Some(router)) = (kind, &state.router) else { return };
        self.tell(
            at,
            format_args!("{name} of {from} -> {to} at wire byte {offset}, in {}", self.target_name()),
        );
        router.arm(Cut { from, to, stream_offset: offset, kind });
    }

    /// The moment has come, on the host of `on`; `session` is the server's, if known.
    fn moment(&self, state: &mut State, at: SimTime, on: Who, session: Option<u64>) {
        if !matches!(state.stage, Stage::Waiting) {
            return;
        }
        state.stage = Stage::Done;
        self.tell(at, format_args!("{}: the moment has come", self.fault.kind.name()));
        if let (Trigger::AfterReply(delay_us @ 1..), Some(victim)) = (self.fault.trigger, self.victim()) {
            let least = if victim == on { Duration::ZERO } else { self.one_way };
            return self.doom_at(state, at + least.max(Duration::from_micros(delay_us)), victim);
        }
        if let Some(disk) = &mut state.disk {
            disk.arm();
        } else if let Some(victim) = self.victim() {
            if victim == on {
                self.kill(state, at, victim);
            } else {
                self.doom_at(state, at + self.one_way, victim);
            }
        } else if self.fault.kind.cut().is_some() {
            match state.flow {
                Some((connection, written)) => self.located(state, at, connection, written),
                None => state.stage = Stage::Pending,
            }
        } else {
            let session = session.or_else(|| state.flow.and_then(|(flow, _)| self.session(state, flow)));
            if let (Some(order), Some(router)) = (self.order(state, session), &state.router) {
                // It comes to the middlebox half way with what this host sends now.
                let there = at + self.one_way / 2;
                router.order(there.as_ns(), order);
            }
        }
    }

    fn send_begins(&self, state: &mut State, heard: &Heard<'_>) {
        let at = heard.at;
        let Event::SendBegins { local, peer, wire_offset, coding, .. } = heard.event else { return };
        if let Trigger::WireByte(_) = self.fault.trigger {
            let FileId(file) = heard.file.unwrap_or(FileId(0));
            let (offset, is_first) = (state.wire_offset((*local, *peer), *wire_offset), *wire_offset == 0);
            let begins = |chart: &mut Chart| chart.begins((*local, *peer), offset, is_first, file, *coding);
            return self.chart(state, at, begins);
        }
        let is_target = heard.is_of(self.target);
        let any = matches!(self.fault.trigger, Trigger::AtTimeUs(_));
        if !is_target && !any {
            return;
        }
        let connection = (*local, *peer);
        let wire_offset = state.wire_offset(connection, *wire_offset);
        if matches!(state.stage, Stage::Waiting | Stage::Pending) {
            state.flow = Some((connection, wire_offset));
        }
        match state.stage {
            Stage::Pending => self.located(state, at, connection, wire_offset),
            Stage::Waiting if !self.fault.trigger.is_moment() => {
                let locator = Locator::new(*coding, self.fault.trigger, self.target_sent_bytes, wire_offset);
                match locator.found() {
                    Some(offset) => self.located(state, at, connection, offset),
                    None => state.stage = Stage::Locating { connection, locator },
                }
            }
            _ => {}
        }
    }

    /// Whether this is the moment of the trigger.
    fn is_moment(&self, state: &mut State, heard: &Heard<'_>) -> bool {
        let dialogue = &mut state.dialogue;
        match self.fault.trigger {
            Trigger::BeforeCommand(n) => dialogue.is_command(self.target, n, heard),
            Trigger::BeforeReply(n) => dialogue.is_reply(self.target, n, heard),
            Trigger::BeforeFinal => {
                let Event::FileEnds { error: None, .. } = heard.event else { return false };
                heard.who == self.receiver() && heard.is_of(self.target)
            }
            Trigger::AfterReply(_) => {
                let Event::FileReported { error: None, .. } = heard.event else { return false };
                heard.who == Who::Client && heard.is_of(self.target)
            }
            _ => false,
        }
    }
}

impl Injector {
    /// Client or server has told its observer something.
    pub fn event(&self, heard: &Heard<'_>) {
        let state = &mut *self.lock();
        state.dialogue.hear(heard);
        if heard.who == self.sender {
            self.send_begins(state, heard);
            if matches!(heard.event, Event::FileEnds { .. })
                && matches!(self.fault.trigger, Trigger::AtTimeUs(_))
            {
                state.flow = None;
            }
        }
        if self.is_moment(state, heard) {
            let (at, who) = (heard.at, heard.who);
            self.moment(state, at, who, (who == Who::Server).then_some(heard.session));
        }
    }
}
