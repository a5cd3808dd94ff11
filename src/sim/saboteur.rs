//! Commits the planned fault: watches for the target file, finds the wire byte, strikes there.

use super::network::{Cut, CutKind, SimNet, Tap};
use super::path::router::RouterHandle;
use super::plan::{Fault, FaultKind, Locator, Trigger};
use super::trace::{Place, Trace};
use super::wire::{Chart, WireByte};
use crate::net::{Net, Time};
use crate::observe::{Event, Observer, Who};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How far the fault has come.
enum Stage {
    /// The target file has not been sent yet.
    Waiting,
    /// Its bytes are being counted.
    Locating { connection: (SocketAddr, SocketAddr), locator: Locator },
    /// The sender's process dies at this byte of its connection.
    Dying { connection: (SocketAddr, SocketAddr), at_offset: u64 },
    /// Armed at the middlebox, or the process is dead.
    Done,
}

struct State {
    stage: Stage,
    router: Option<RouterHandle>,
    fired_at: Option<Time>,
    /// With [`Trigger::WireByte`]: what was written until the fault was located.
    chart: Option<Chart>,
}

/// Plants one fault. It sees what the sender tells its observer and what it writes to its sockets,
/// both on the sender's host, so its order of events is the sender's own.
pub struct Saboteur {
    fault: Fault,
    sender: Who,
    target_name: String,
    target_size_bytes: u64,
    /// Of all files, in order.
    names: Vec<String>,
    trace: Arc<Trace>,
    state: Mutex<State>,
    death: Notify,
}

impl Saboteur {
    pub fn new(
        fault: Fault,
        sender: Who,
        target_name: &str,
        target_size_bytes: u64,
        names: Vec<String>,
        trace: Arc<Trace>,
    ) -> Self {
        let chart = matches!(fault.trigger, Trigger::WireByte(_)).then(Chart::default);
        let stage = if fault.fault.is_anchored() { Stage::Waiting } else { Stage::Done };
        Self {
            fault,
            sender,
            target_name: target_name.to_owned(),
            target_size_bytes,
            names,
            trace,
            state: Mutex::new(State { stage, router: None, fired_at: None, chart }),
            death: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn use_router(&self, router: RouterHandle) {
        self.lock().router = Some(router);
    }

    pub fn sender(&self) -> Who {
        self.sender
    }

    /// Returns when the sender's process has been killed.
    pub async fn death(&self) {
        self.death.notified().await;
    }

    /// The middlebox has cut.
    pub fn cut(&self, at: Time) {
        self.lock().fired_at.get_or_insert(at);
    }

    pub fn fired_at(&self) -> Option<Time> {
        self.lock().fired_at
    }

    /// With [`Trigger::WireByte`]: the sender's wire bytes, up to the one struck.
    pub fn wire(&self) -> Vec<WireByte> {
        self.lock().chart.iter().flat_map(Chart::bytes).collect()
    }

    /// Feeds the chart, if there is one, and strikes when the wire byte is known.
    fn chart(&self, state: &mut State, at: Time, feed: impl FnOnce(&mut Chart)) {
        let Trigger::WireByte(n) = self.fault.trigger else { return };
        let struck = self.fault.fault.is_anchored() && !matches!(state.stage, Stage::Waiting);
        let Some(chart) = state.chart.as_mut().filter(|_| !struck) else { return };
        feed(chart);
        let place = chart.place(n);
        if let (Some((connection, offset)), true) = (place, matches!(state.stage, Stage::Waiting)) {
            self.located(state, at, connection, offset);
        }
    }

    fn tell(&self, at: Time, what: std::fmt::Arguments<'_>) {
        self.trace.add(at, Place::Fault, what);
    }

    /// The wire byte is known: strike, or be ready to.
    fn located(&self, state: &mut State, at: Time, connection: (SocketAddr, SocketAddr), offset: u64) {
        let (from, to) = connection;
        let kind = match self.fault.fault {
            FaultKind::SenderDies { .. } => {
                state.stage = Stage::Dying { connection, at_offset: offset };
                self.tell(at, format_args!("the sender of {} dies at wire byte {offset}", self.target_name));
                return;
            }
            FaultKind::Reset => CutKind::Reset,
            FaultKind::EarlyClose => CutKind::Close { lingering: false },
            FaultKind::Blackhole => CutKind::Blackhole { for_us: None },
            FaultKind::None | FaultKind::Loss { .. } => return,
        };
        state.stage = Stage::Done;
        self.tell(
            at,
            format_args!(
                "{} of {from} -> {to} at wire byte {offset}, in {}",
                self.fault.fault.name(),
                self.target_name
            ),
        );
        if let Some(router) = &state.router {
            router.arm(Cut { from, to, stream_offset: offset, kind });
        }
    }
}

impl Observer for Saboteur {
    fn event(&self, at: Time, who: Who, _session: u64, event: &Event<'_>) {
        let Event::SendBegins { name, local, peer, wire_offset, coding } = event else { return };
        if let (true, Trigger::WireByte(_)) = (who == self.sender, self.fault.trigger) {
            let file = self.names.iter().position(|known| name.contains(known.as_str())).unwrap_or(0);
            let begins = |chart: &mut Chart| {
                chart.begins((*local, *peer), *wire_offset, u32::try_from(file).unwrap_or(u32::MAX), *coding);
            };
            return self.chart(&mut self.lock(), at, begins);
        }
        // An upload under a temporary name bears the target's name within it.
        if who != self.sender || !name.contains(&self.target_name) {
            return;
        }
        let state = &mut *self.lock();
        if !matches!(state.stage, Stage::Waiting) {
            return;
        }
        let connection = (*local, *peer);
        let locator = Locator::new(*coding, self.fault.trigger, self.target_size_bytes, *wire_offset);
        match locator.found() {
            Some(offset) => self.located(state, at, connection, offset),
            None => state.stage = Stage::Locating { connection, locator },
        }
    }
}

impl Saboteur {
    /// Kills the process when it has written its last byte.
    fn die_if_at(&self, net: &SimNet, connection: (SocketAddr, SocketAddr), offset: u64) {
        let state = &mut *self.lock();
        if let Stage::Dying { connection: dying, at_offset } = state.stage
            && dying == connection
            && offset >= at_offset
        {
            state.stage = Stage::Done;
            state.fired_at = Some(net.now());
            net.kill();
            // `notify_one` keeps the permit until somebody waits.
            self.death.notify_one();
        }
    }

    /// How many of the bytes the process lives to write; arms the fault when its place is known.
    fn room(&self, at: Time, connection: (SocketAddr, SocketAddr), offset: u64, bytes: &[u8]) -> usize {
        let state = &mut *self.lock();
        self.chart(state, at, |chart| chart.show(connection, offset, bytes));
        if let Stage::Locating { connection: target, locator } = &mut state.stage
            && *target == connection
            // What our own encoder wrote is well-formed; a codec's defect shows in other tests.
            && let Ok(Some(found)) = locator.feed(offset, bytes)
        {
            self.located(state, at, connection, found);
        }
        match state.stage {
            Stage::Dying { connection: dying, at_offset } if dying == connection => {
                let room = usize::try_from(at_offset.saturating_sub(offset)).unwrap_or(usize::MAX);
                room.min(bytes.len())
            }
            _ => bytes.len(),
        }
    }
}

impl Tap for Saboteur {
    fn on_write(
        &self,
        net: &SimNet,
        local: SocketAddr,
        peer: SocketAddr,
        offset: u64,
        bytes: &[u8],
    ) -> usize {
        let room = self.room(net.now(), (local, peer), offset, bytes);
        if room == 0 {
            self.die_if_at(net, (local, peer), offset);
        }
        room
    }

    fn on_written(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, end: u64) {
        self.die_if_at(net, (local, peer), end);
    }

    fn on_shutdown(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, offset: u64) {
        self.chart(&mut self.lock(), net.now(), |chart| chart.close((local, peer), offset));
        self.die_if_at(net, (local, peer), offset);
    }
}
