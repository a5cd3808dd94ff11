//! Sees everything that happens in a run: writes the trace, tells the fault injector, keeps count.

use super::disk::{Access, StoreTap};
use super::fault::Act;
use super::heard::Heard;
use super::hosts::PerHost;
use super::injector::Injector;
use super::names::FileNames;
use super::notice::Noticing;
use super::oracle::{self, End, Oracle, Strange};
use super::others::STRANGERS_WORDS;
use super::outcome::Violation;
use super::phase::Phase;
use super::ports::DataPorts;
use super::time::SimTime;
use super::tls::Records;
use super::trace::{Place, Trace};
use super::truth::Contents;
use ftp_endpoint::client::Report;
use ftp_endpoint::net::Time;
use ftp_endpoint::observe::{Event, Observer, Who};
use ftp_proto::path::VirtualPath;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use turmoil_tcp::capture::{Capture, CapturedPacket};
use turmoil_tcp::network::{SimNet, Tap};
use turmoil_tcp::path::router::RouterHandle;
use turmoil_tcp::path::{Cut, Direction, Fate, Order, PathObserver};
use turmoil_tcp::segment::TcpHeader;

/// What is noted along the way.
#[derive(Default)]
pub struct Notes {
    /// The client came to the end of its list: its report, and when.
    pub finished: Option<(SimTime, Report)>,
    /// The client died and was not started again.
    pub client_died: bool,
    /// The client's word on each file it came to report: delivered or not, and after how many attempts.
    pub reported: BTreeMap<String, (bool, u32)>,
    /// What the client learned of names by a listing, when it has taken one or given up.
    pub listed: Option<Listed>,
    /// How many the client opened or accepted.
    pub data_connections: u64,
    /// How many control connections the server has open.
    pub server_sessions: u64,
    /// How many control connections opened for the client, and how many have ever opened for the server.
    pub control_opened: PerHost<u64>,
    /// Where the dialogue stands.
    pub phase: Phase,
    /// What [`Notes::phase`] was when the fault struck.
    pub fault_phase: Option<Phase>,
    /// The names under which the receiver published something else than the whole file.
    pub exposed: BTreeSet<String>,
    /// The names of files that stood whole at the receiver until it lost its power.
    pub evaporated: BTreeSet<String>,
    /// Those of them that began as one content and ended as another.
    pub joined: BTreeSet<String>,
    /// What an ingest has taken, in order of time: names and contents.
    pub taken: Vec<(String, Arc<[u8]>)>,
    /// Which sides saw an error.
    pub noticing: Noticing,
    /// What a stranger has come to.
    pub strangers: Strange,
    /// The addresses of those on hosts of their own, when they have begun.
    pub strangers_ips: BTreeSet<IpAddr>,
    /// The server's sessions that are a stranger's.
    foreign_sessions: BTreeSet<u64>,
    /// What the sender wrote on data connections, all attempts together.
    pub data_wire_bytes: u64,
}

/// What a client goes by that lists a directory before it fetches what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The names that it has got.
    pub names: BTreeSet<String>,
    /// It has said that there may be others: a listing failed, or had lines that nobody understands.
    pub told: bool,
}

impl Notes {
    /// What the client has said, by its listing alone, of a file that was never asked for: not delivered, or nothing at
    /// all, which is to say that there is none.
    pub fn unlisted(&self, name: &str) -> Option<bool> {
        let listed = self.listed.as_ref().filter(|listed| !listed.names.contains(name))?;
        self.finished.is_some().then_some(!listed.told)
    }

    /// A control connection is open for the client, and the server does not know it yet.
    pub fn control_under_way(&self) -> bool {
        self.control_opened.client > self.control_opened.server
    }

    /// Whether this is of a stranger's session at the server, which counts among the open ones and is nobody
    /// else's business.
    fn is_foreign(&mut self, session: u64, event: &Event<'_>) -> bool {
        match event {
            Event::SessionBegins { peer } if self.strangers_ips.contains(&peer.ip()) => {
                self.foreign_sessions.insert(session);
                self.server_sessions += 1;
            }
            // A server that was started again counts from 1.
            Event::SessionBegins { .. } => drop(self.foreign_sessions.remove(&session)),
            Event::SessionEnds { .. } if self.foreign_sessions.remove(&session) => {
                self.server_sessions = self.server_sessions.saturating_sub(1);
                return true;
            }
            _ => {}
        }
        self.foreign_sessions.contains(&session)
    }
}

/// The observer of both programs, both stores, the sockets and the path.
pub struct Recorder {
    /// What it writes down, in order.
    pub trace: Arc<Trace>,
    /// What it tells everything, and asks for what becomes of an access to the disk.
    pub injector: Arc<Injector>,
    names: Arc<FileNames>,
    notes: Mutex<Notes>,
    oracles: Mutex<Vec<Box<dyn Oracle>>>,
    capture: Option<Capture>,
    truth: Arc<[Contents]>,
    /// Which data ports there are, for who has no part in it.
    ports: Arc<DataPorts>,
    /// What changes in the world when the fault strikes.
    at_strike: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Recorder {
    /// A recorder that has seen nothing yet; `names` and `truth` are those of the files in the case.
    pub fn new(
        trace: Arc<Trace>,
        injector: Arc<Injector>,
        names: Arc<FileNames>,
        truth: Arc<[Contents]>,
        ports: Arc<DataPorts>,
    ) -> Self {
        let oracles = Mutex::new(oracle::all(&truth));
        let (notes, at_strike) = (Mutex::default(), Mutex::default());
        Self { trace, injector, names, notes, oracles, capture: None, truth, ports, at_strike }
    }

    /// `change` is made when the fault strikes.
    pub fn changing(self, change: Box<dyn FnOnce() + Send>) -> Self {
        Self { at_strike: Mutex::new(Some(change)), ..self }
    }

    /// Makes it keep every packet.
    pub fn capturing(mut self) -> Self {
        self.capture = Some(Capture::default());
        self
    }

    /// Gives every packet so far; none unless [`Recorder::capturing`].
    pub fn captured(&self) -> Vec<CapturedPacket> {
        self.capture.as_ref().map_or_else(Vec::new, Capture::packets)
    }

    /// What was noted so far; locked until it is dropped.
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn oracles(&self) -> MutexGuard<'_, Vec<Box<dyn Oracle>>> {
        self.oracles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The invariants that the run violated.
    pub fn violations(&self, end: &End<'_>) -> Vec<Violation> {
        let mut oracles = self.oracles();
        oracles
            .iter_mut()
            .filter_map(|oracle| {
                let why = oracle.conclude(end)?;
                Some(Violation { oracle: oracle.name().to_owned(), why })
            })
            .collect()
    }

    /// The fault has struck.
    pub fn struck(&self) {
        {
            let notes = &mut *self.notes();
            notes.fault_phase.get_or_insert(notes.phase);
        }
        let change = self.at_strike.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(change) = change {
            change();
        }
    }

    /// The router whose middlebox commits the faults.
    pub fn use_router(&self, router: RouterHandle) {
        self.injector.use_router(router);
    }

    /// The receiver's store has published `found` under `path`.
    pub fn published(&self, path: &VirtualPath, found: &[u8]) {
        // A temporary name is not a final one.
        let Some(name) = path.name() else { return };
        let id = self.names.find(name).filter(|id| self.names.name(*id) == name);
        let Some(contents) = id.and_then(|id| self.truth.get(id.0 as usize)) else { return };
        if contents.is_whole(found) || contents.is_anothers(found) {
            return;
        }
        let notes = &mut *self.notes();
        if found.windows(STRANGERS_WORDS.len()).any(|words| words == STRANGERS_WORDS) {
            notes.strangers.stored.insert(name.to_owned());
        }
        notes.exposed.insert(name.to_owned());
        if contents.is_spliced(found) {
            notes.joined.insert(name.to_owned());
        }
    }
}

impl Observer for Recorder {
    fn event(&self, at: Time, who: Who, session: u64, event: &Event<'_>) {
        self.trace.event(at, who, session, event);
        let heard = Heard::new(at.into(), who, session, event, &self.names);
        if who == Who::Server && self.notes().is_foreign(session, event) {
            return;
        }
        self.ports.hear(&heard);
        self.injector.event(&heard);
        self.oracles().iter_mut().for_each(|oracle| oracle.event(&heard));
        let mut notes = self.notes();
        notes.phase = notes.phase.after(self.injector.sender(), &heard);
        notes.noticing.event(who, session, event);
        match (who, event) {
            (Who::Client, Event::FileReported { name, attempts, error }) => {
                notes.reported.insert((*name).to_owned(), (error.is_none(), *attempts));
            }
            (Who::Client, Event::DataOpens { .. }) => notes.data_connections += 1,
            (who, Event::Progress { wire_bytes, .. }) if who == self.injector.sender() => {
                notes.data_wire_bytes += wire_bytes;
            }
            (Who::Client, Event::SessionBegins { .. }) => notes.control_opened.client += 1,
            (Who::Server, Event::SessionBegins { .. }) => {
                notes.control_opened.server += 1;
                notes.server_sessions += 1;
            }
            (Who::Server, Event::SessionEnds { .. }) => {
                notes.server_sessions = notes.server_sessions.saturating_sub(1);
            }
            _ => {}
        }
    }
}

impl PathObserver for Recorder {
    fn packet(&self, at_ns: u64, direction: Direction, packet: &[u8], fate: Fate) {
        let at = SimTime::from_ns(at_ns);
        self.trace.add_bytes(at, packet);
        if let Some(capture) = &self.capture {
            capture.packet(at_ns, direction, packet, fate);
        }
        if !self.trace.is_wanted() {
            return;
        }
        let Some(head) = TcpHeader::read(packet) else { return };
        let fate = match fate {
            Fate::Forwarded { .. } => "",
            Fate::Forged { .. } => ", forged by the middlebox",
            Fate::Lost => ", lost",
            Fate::QueueFull => ", dropped by the full queue",
            Fate::Cut => ", taken by the middlebox",
        };
        // A timeline of every packet would hide what matters.
        if fate.is_empty() && !(head.syn || head.fin || head.rst) {
            return;
        }
        let flags = [(head.syn, "SYN "), (head.fin, "FIN "), (head.rst, "RST ")];
        let flags: String = flags.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
        let (name, from, to, bytes) = (direction.name(), head.src, head.dst, head.payload_len());
        self.trace.add(at, Place::Path, format_args!("{name:<4} {from} -> {to} {flags}{bytes} bytes{fate}"));
    }

    fn cut_fired(&self, at_ns: u64, cut: &Cut) {
        let at = SimTime::from_ns(at_ns);
        let (from, to, offset) = (cut.from, cut.to, cut.stream_offset);
        self.trace.add(
            at,
            Place::Fault,
            format_args!("the middlebox cuts {from} -> {to} at wire byte {offset}"),
        );
        self.injector.fired(at);
        self.struck();
    }

    fn order_fired(&self, at_ns: u64, order: &Order) {
        let at = SimTime::from_ns(at_ns);
        match order {
            // The network knows no data connections; here all are but those to the control port.
            Order::RefuseConnections { .. } => {
                self.trace.add(at, Place::Fault, format_args!("a data connection is refused"));
            }
            order => self.trace.add(at, Place::Fault, format_args!("{order}")),
        }
        self.injector.fired(at);
        self.struck();
    }
}

impl StoreTap for Recorder {
    fn process(&self, who: Who) -> Option<SimNet> {
        self.injector.process(who)
    }

    fn befalls(&self, at: SimTime, who: Who, access: Access<'_>) -> Act {
        let (act, struck) = self.injector.on_access(at, who, access);
        if struck {
            self.struck();
        }
        act
    }
}

/// The tap of one host: the injector's on the sender's, and the oracles' on both.
pub struct HostTap {
    who: Who,
    recorder: Arc<Recorder>,
    /// What was shown and not yet taken of each connection, from a stream offset on.
    shown: Mutex<Shown>,
    /// Where data connections are under TLS: their records.
    records: Option<Mutex<BTreeMap<(SocketAddr, SocketAddr), Records>>>,
}

type Shown = BTreeMap<(SocketAddr, SocketAddr), (u64, Vec<u8>)>;

impl HostTap {
    /// The tap of the host `who`.
    pub fn new(who: Who, recorder: Arc<Recorder>) -> Self {
        Self { who, recorder, shown: Mutex::default(), records: None }
    }

    /// Data connections are under TLS.
    pub fn under_tls(self, tls: bool) -> Self {
        Self { records: tls.then(Mutex::default), ..self }
    }

    /// Shows the oracles what the application has written, of what was written.
    fn show(&self, (local, peer): (SocketAddr, SocketAddr), offset: u64, bytes: &[u8]) {
        let plain = self.records.as_ref().map(|records| {
            let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
            records.entry((local, peer)).or_default().data(offset, bytes)
        });
        let plain = plain.as_deref().unwrap_or(bytes);
        self.recorder.oracles().iter_mut().for_each(|oracle| oracle.written(self.who, local, peer, plain));
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_sender(&self) -> bool {
        self.recorder.injector.sender() == self.who
    }
}

impl Tap for HostTap {
    fn on_write(
        &self,
        net: &SimNet,
        local: SocketAddr,
        peer: SocketAddr,
        offset: u64,
        bytes: &[u8],
    ) -> usize {
        let room = match self.is_sender() {
            true => self.recorder.injector.on_write(net, local, peer, offset, bytes),
            false => bytes.len(),
        };
        let shown = &mut *self.shown();
        let (from, pending) = shown.entry((local, peer)).or_insert_with(|| (offset, Vec::new()));
        if pending.is_empty() {
            // A new connection may have the addresses of an old one.
            *from = offset;
        }
        pending.truncate(usize::try_from(offset - *from).unwrap_or(usize::MAX));
        pending.extend_from_slice(&bytes[..room]);
        room
    }

    fn on_written(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, end: u64) {
        {
            let shown = &mut *self.shown();
            let Some((from, pending)) = shown.get_mut(&(local, peer)) else { return };
            let taken = usize::try_from(end - *from).unwrap_or(usize::MAX).min(pending.len());
            self.show((local, peer), std::mem::replace(from, end), &pending[..taken]);
            pending.clear();
        }
        if self.is_sender() {
            self.recorder.injector.on_written(net, local, peer, end);
        }
    }

    fn on_shutdown(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, offset: u64) {
        if self.is_sender() {
            self.recorder.injector.on_shutdown(net, local, peer, offset);
        }
    }

    fn on_read(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, offset: u64) -> usize {
        match self.is_sender() {
            true => usize::MAX,
            false => self.recorder.injector.on_read(net, local, peer, offset),
        }
    }
}
