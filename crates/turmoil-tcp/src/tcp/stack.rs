//! The TCP of one simulated host, without I/O: packets with their arrival times in, packets with
//! their departure times out, and the operations of its applications between them. Everything is
//! handled in the order of time, each event at its own.

mod sockets;

use super::buffers;
use super::conn::{Conn, ConnId, ListenerId, Phase, ProcessId, Transition};
use super::engine::Engine;
use super::flow::{Flow, FlowConfig, Wheel};
use super::pool::SocketPool;
use crate::seeds;
use crate::segment::{self, Segment, TcpHeader};
use crate::timeline::Timeline;
use rand::Rng;
use rand_chacha::ChaCha12Rng;
use smoltcp::wire::TcpControl;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::Waker;

/// In which order the kernel of a host closes the connections of a process that dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseOrder {
    /// As Linux does: it puts the closings of the descriptor table on a stack and takes them from its top,
    /// so that of a killed program the FIN of the connection opened last leaves first.
    #[default]
    NewestFirst,
    /// As they were opened.
    OldestFirst,
}

/// How the hosts' TCP is set; the defaults are Linux's where it has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// The sender's side.
    pub flow: FlowConfig,
    /// The receive window at its largest.
    pub receive_buffer_bytes: usize,
    /// The most that can be in flight.
    pub send_buffer_bytes: usize,
    /// Delayed acknowledgements wait so long; 0: none are delayed.
    pub ack_delay_us: u64,
    /// Connections that wait to be accepted, per listener; more SYNs are dropped.
    pub backlog: usize,
    /// A connection attempt gives up (Linux: six SYN retries).
    pub connect_timeout_us: u64,
    /// A half-open connection is forgotten (Linux: five SYN-ACK retries).
    pub syn_received_timeout_us: u64,
    /// Time a closed connection is remembered in TIME-WAIT.
    pub time_wait_us: u64,
    /// FIN-WAIT-2 of a connection nobody has open (Linux: tcp_fin_timeout).
    pub fin_wait_us: u64,
    /// First and last port that connections leave from.
    pub ephemeral_ports: (u16, u16),
    /// Whose FIN leaves first when a process dies.
    pub close_order: CloseOrder,
    /// Segments carry right TCP checksums. Nobody but who looks at packets from outside needs them, and they
    /// take their time; without, what the hosts send says 0.
    pub checksums: bool,
}

impl Default for TcpConfig {
    fn default() -> Self {
        Self {
            flow: FlowConfig::default(),
            receive_buffer_bytes: 2 << 20,
            send_buffer_bytes: 2 << 20,
            ack_delay_us: 10_000,
            backlog: 1024,
            connect_timeout_us: 127_000_000,
            syn_received_timeout_us: 63_000_000,
            time_wait_us: 60_000_000,
            fin_wait_us: 60_000_000,
            ephemeral_ports: (32_768, 60_999),
            close_order: CloseOrder::default(),
            checksums: true,
        }
    }
}

impl TcpConfig {
    /// Buffers that hold at least twice the most that the network between the hosts can: they are never the
    /// limit, and no larger than a power of two above it, as every connection has its own. They are of few sizes, so
    /// that runs over other paths can use those of earlier ones again.
    pub fn for_bytes_in_flight(most: u64) -> Self {
        let bytes = most.saturating_mul(2).clamp(128 << 10, 6 << 20).next_power_of_two() as usize;
        Self { receive_buffer_bytes: bytes, send_buffer_bytes: bytes, ..Self::default() }
    }
}

/// What the TCP of a host has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Connections opened by this host.
    pub connected: u64,
    /// Connections whose handshake a listener of this host completed.
    pub accepted: u64,
    /// Packets sent, whatever they carry.
    pub packets_sent: u64,
    /// Segments sent again, SYNs included.
    pub retransmits: u64,
    /// Segments with RST.
    pub resets_sent: u64,
    /// Connections that went through TIME-WAIT here.
    pub time_waits: u64,
}

/// Sockets that the applications of a host have not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Connections.
    pub connections: usize,
    /// Listening sockets.
    pub listeners: usize,
}

struct Listener {
    local: SocketAddrV4,
    owner: ProcessId,
    half_open: usize,
    queue: VecDeque<ConnId>,
    wakers: Vec<Waker>,
}

/// All that is left of a connection in TIME-WAIT.
#[derive(Clone, Copy)]
struct TimeWait {
    nxt: u32,
    ack: u32,
    window: u16,
}

/// (local, peer).
type Tuple = (SocketAddrV4, SocketAddrV4);

/// Packets on their way out: departure (ns) and bytes.
#[derive(Default)]
struct Out {
    addr: Option<Ipv4Addr>,
    packets: Vec<(u64, Vec<u8>)>,
    /// Packets to this host itself.
    own: Vec<(u64, Vec<u8>)>,
    sent: u64,
    resets: u64,
}

impl Out {
    fn send(&mut self, now_ns: u64, packet: &[u8]) {
        self.sent += 1;
        self.resets += u64::from(packet.get(33).is_some_and(|flags| flags & 0x04 != 0));
        let to_self = segment::destination(packet) == self.addr;
        let queue = if to_self { &mut self.own } else { &mut self.packets };
        queue.push((now_ns, buffers::copied(packet)));
    }
}

pub(crate) struct Stack {
    config: TcpConfig,
    addr: Ipv4Addr,
    pool: SocketPool,
    wheel: Wheel,
    luck: ChaCha12Rng,
    isn: ChaCha12Rng,
    ports: ChaCha12Rng,
    next_id: u64,
    conns: BTreeMap<ConnId, Conn>,
    by_tuple: BTreeMap<Tuple, ConnId>,
    listeners: BTreeMap<ListenerId, Listener>,
    by_port: BTreeMap<u16, ListenerId>,
    time_wait: BTreeMap<Tuple, TimeWait>,
    time_wait_ends: VecDeque<(u64, Tuple)>,
    timers: BTreeSet<(u64, ConnId)>,
    arrivals: Timeline<(u64, u64), Vec<u8>>,
    arrived: u64,
    out: Out,
    now_ns: u64,
    retransmits: u64,
    counters: TcpCounters,
}

impl Stack {
    /// `name` and `seed` decide the initial sequence numbers and ports.
    pub(crate) fn new(config: TcpConfig, addr: Ipv4Addr, seed: u64, name: &str) -> Self {
        Self {
            config,
            addr,
            pool: SocketPool::new(&config),
            wheel: Wheel::new(config.flow.tick_us, seeds::stream(seed, &format!("{name} ticks")).next_u64()),
            luck: seeds::stream(seed, &format!("{name} luck")),
            isn: seeds::stream(seed, &format!("{name} isn")),
            ports: seeds::stream(seed, &format!("{name} ports")),
            next_id: 0,
            conns: BTreeMap::new(),
            by_tuple: BTreeMap::new(),
            listeners: BTreeMap::new(),
            by_port: BTreeMap::new(),
            time_wait: BTreeMap::new(),
            time_wait_ends: VecDeque::new(),
            timers: BTreeSet::new(),
            arrivals: Timeline::default(),
            arrived: 0,
            out: Out { addr: Some(addr), ..Out::default() },
            now_ns: 0,
            retransmits: 0,
            counters: TcpCounters::default(),
        }
    }

    pub(crate) fn addr(&self) -> Ipv4Addr {
        self.addr
    }

    pub(crate) fn counters(&self) -> TcpCounters {
        let live: u64 = self.conns.values().map(|conn| conn.flow.retransmits()).sum();
        TcpCounters {
            packets_sent: self.out.sent,
            resets_sent: self.out.resets,
            retransmits: self.retransmits + live,
            ..self.counters
        }
    }

    /// What processes of this host hold open: connections that they have not closed, listeners.
    pub(crate) fn held(&self) -> Held {
        let holds = |conn: &&Conn| matches!(conn.phase, Phase::Connecting | Phase::Open);
        Held { connections: self.conns.values().filter(holds).count(), listeners: self.listeners.len() }
    }

    /// No connection is open or being closed (TIME-WAIT does not count) and nothing is on its way
    /// in.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.has_connections() && self.arrivals.is_empty() && self.out.packets.is_empty()
    }

    /// Of any state but TIME-WAIT.
    pub(crate) fn has_connections(&self) -> bool {
        !self.by_tuple.is_empty()
    }

    /// A packet that will be here at `at_ns`.
    pub(crate) fn enqueue(&mut self, at_ns: u64, packet: Vec<u8>) {
        self.arrived += 1;
        self.arrivals.insert((at_ns, self.arrived), packet);
    }

    /// Packets that have left, with their departure times, in order. `room` is what holds the next ones.
    pub(crate) fn take_out(&mut self, room: Vec<(u64, Vec<u8>)>) -> Vec<(u64, Vec<u8>)> {
        debug_assert!(room.is_empty());
        std::mem::replace(&mut self.out.packets, room)
    }

    /// When something happens next without the application's doing.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        let arrival = self.arrivals.first_key().map(|(at, _)| *at);
        let timer = self.timers.first().map(|(at, _)| at * 1000);
        [arrival, timer].into_iter().flatten().min()
    }

    /// Handles everything that is due up to `now_ns`, in order.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        while let Some(at) = self.next_ns().filter(|at| *at <= now_ns) {
            // A connection served late (its timer in the past) is served now.
            self.now_ns = self.now_ns.max(at);
            if let Some((_, packet)) = self.arrivals.pop_if(|(arrives, _)| *arrives <= at) {
                self.arrive(packet);
            } else if let Some((_, id)) = self.timers.pop_first() {
                self.timer(id);
            }
        }
        self.now_ns = self.now_ns.max(now_ns);
        let now_us = self.now_us();
        while self.time_wait_ends.front().is_some_and(|(end, _)| *end <= now_us) {
            if let Some((_, tuple)) = self.time_wait_ends.pop_front() {
                self.time_wait.remove(&tuple);
            }
        }
    }

    fn now_us(&self) -> u64 {
        self.now_ns / 1000
    }

    fn send(&mut self, segment: &Segment<'_>) {
        self.out.send(self.now_ns, &segment.to_vec());
        self.loop_back();
    }

    fn loop_back(&mut self) {
        for (at, packet) in std::mem::take(&mut self.out.own) {
            self.enqueue(at, packet);
        }
    }

    fn arrive(&mut self, packet: Vec<u8>) {
        let Some(header) = TcpHeader::read(&packet) else { return };
        if *header.dst.ip() != self.addr {
            return;
        }
        let tuple = (header.dst, header.src);
        if let Some(id) = self.by_tuple.get(&tuple) {
            return self.conn_arrive(*id, &header, packet);
        }
        let is_syn = header.syn && header.ack.is_none() && !header.rst;
        if let Some(old) = self.time_wait.get(&tuple).copied() {
            // RFC 9293 section 3.10.7.4: a SYN beyond the old connection opens a new one.
            if !(is_syn && segment::after(header.seq, old.ack)) {
                return self.time_wait_answer(&header, old);
            }
            self.time_wait.remove(&tuple);
        }
        match self.by_port.get(&header.dst.port()) {
            Some(listener) if is_syn => self.syn_arrives(*listener, &header, packet),
            _ => {
                if let Some(reset) = segment::reset_for(&header) {
                    self.send(&reset);
                }
            }
        }
    }

    fn time_wait_answer(&mut self, header: &TcpHeader, old: TimeWait) {
        if !header.rst && header.seq_end() != header.seq {
            let (src, dst) = (header.dst, header.src);
            let (seq, ack, window) = (old.nxt, Some(old.ack), old.window);
            self.send(&Segment { src, dst, seq, ack, window, control: TcpControl::None, payload: &[] });
        }
    }

    fn syn_arrives(&mut self, id: ListenerId, header: &TcpHeader, packet: Vec<u8>) {
        let Some(listener) = self.listeners.get_mut(&id) else { return };
        if listener.half_open + listener.queue.len() >= self.config.backlog {
            // The client will try again.
            return;
        }
        listener.half_open += 1;
        let owner = listener.owner;
        let conn = self.new_conn(header.dst, header.src, owner, Phase::SynReceived(id));
        let deadline = self.now_us() + self.config.syn_received_timeout_us;
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.deadline_us = Some(deadline);
            if let Some(engine) = &mut conn.engine {
                engine.listen(header.dst);
            }
        }
        self.conn_arrive(conn, header, packet);
    }

    fn new_conn(
        &mut self,
        local: SocketAddrV4,
        peer: SocketAddrV4,
        owner: ProcessId,
        phase: Phase,
    ) -> ConnId {
        self.next_id += 1;
        let (id, now_us) = (self.next_id, self.now_us());
        let engine = Engine::new(&self.pool, self.addr, self.isn.next_u64(), now_us);
        self.conns.insert(
            id,
            Conn::new(
                local,
                peer,
                owner,
                phase,
                engine,
                Flow::new(self.config.flow, self.wheel, self.luck.next_u64()),
            ),
        );
        self.by_tuple.insert((local, peer), id);
        id
    }

    fn conn_arrive(&mut self, id: ConnId, header: &TcpHeader, packet: Vec<u8>) {
        let now_us = self.now_us();
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.ingress(now_us, header, packet);
            self.serve(id);
        }
    }

    fn timer(&mut self, id: ConnId) {
        let now_us = self.now_us();
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.due_us = None;
        if conn.deadline_us.is_some_and(|deadline| deadline <= now_us) {
            conn.give_up();
            return self.transition(id, Transition::Closed);
        }
        let more = conn.has_pending();
        conn.flow.on_timer(now_us, more);
        self.serve(id);
    }

    /// Lets a connection do what it can now, and sets its timer.
    fn serve(&mut self, id: ConnId) {
        let (now_ns, now_us) = (self.now_ns, self.now_us());
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let transition = conn.serve(now_us, &mut |packet| self.out.send(now_ns, packet));
        self.transition(id, transition);
    }

    fn transition(&mut self, id: ConnId, transition: Transition) {
        self.loop_back();
        let now_us = self.now_us();
        let Some(conn) = self.conns.get_mut(&id) else { return };
        match transition {
            Transition::None => {}
            Transition::Established => match conn.phase {
                Phase::SynReceived(listener) => {
                    conn.phase = Phase::Queued(listener);
                    self.counters.accepted += 1;
                    if let Some(listener) = self.listeners.get_mut(&listener) {
                        listener.half_open -= 1;
                        listener.queue.push_back(id);
                        listener.wakers.drain(..).for_each(Waker::wake);
                    }
                    return self.serve(id);
                }
                Phase::Connecting => {
                    conn.phase = Phase::Open;
                    return self.serve(id);
                }
                _ => {}
            },
            Transition::TimeWait | Transition::Closed => return self.end(id, transition),
        }
        if conn.phase == Phase::Orphan
            && conn.deadline_us.is_none()
            && conn.engine.as_ref().is_some_and(|e| e.state() == smoltcp::socket::tcp::State::FinWait2)
        {
            conn.deadline_us = Some(now_us + self.config.fin_wait_us);
        }
        let due = conn.next_us(now_us);
        if conn.due_us != due {
            if let Some(old) = conn.due_us {
                self.timers.remove(&(old, id));
            }
            if let Some(due) = due {
                self.timers.insert((due, id));
            }
            conn.due_us = due;
        }
    }

    /// A connection is over: its socket goes back, and what is left waits for the application.
    fn end(&mut self, id: ConnId, transition: Transition) {
        let now_us = self.now_us();
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let tuple = (conn.local, conn.peer);
        if let Some(due) = conn.due_us.take() {
            self.timers.remove(&(due, id));
        }
        if transition == Transition::TimeWait {
            let (nxt, ack, window) = conn.flow.last_words();
            self.time_wait.insert(tuple, TimeWait { nxt, ack, window });
            self.time_wait_ends.push_back((now_us + self.config.time_wait_us, tuple));
            self.counters.time_waits += 1;
        }
        conn.end();
        self.by_tuple.remove(&tuple);
        let phase = conn.phase;
        if let Phase::SynReceived(listener) = phase
            && let Some(listener) = self.listeners.get_mut(&listener)
        {
            listener.half_open -= 1;
        }
        if matches!(phase, Phase::SynReceived(_) | Phase::Orphan) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.remove(&id) {
            self.retransmits += conn.flow.retransmits();
        }
    }
}
