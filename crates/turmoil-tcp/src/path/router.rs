//! The router: holds every packet until it arrives, then passes packets strictly in the order of
//! time through loss, the rules (the middlebox is the last of them) and the link.

use super::impair::Impair;
use super::link::Link;
use super::middlebox::Middlebox;
use super::rule::{FaultRule, Forged, PacketAtRouter, Streams, Verdict};
use super::{Cut, Direction, Fate, Order, PathConfig, PathObserver, PerDirection};
use crate::seeds;
use crate::segment::TcpHeader;
use crate::timeline::Timeline;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes count IP packets put on the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Packets put on the link.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
    /// Packets lost on the link.
    pub lost: u64,
    /// Packets for which the queue had no room.
    pub queue_full: u64,
}

pub(super) enum Command {
    Arm(Cut),
    Refuse { to: SocketAddr, times: u32 },
    Rule(Box<dyn FaultRule>),
    Redraw { from_ns: u64, seed: u64 },
}

/// Arms the middlebox; usable from everywhere, at any time. An order is carried out before the
/// next packet reaches the router, so that what a host arms before it sends always comes first.
#[derive(Clone, Default)]
pub struct RouterHandle {
    commands: Arc<Mutex<Vec<Command>>>,
    orders: Arc<Mutex<Vec<(u64, Order)>>>,
}

impl RouterHandle {
    fn command(&self, command: Command) {
        lock(&self.commands).push(command);
    }

    /// Lies in wait for one byte of one connection.
    pub fn arm(&self, cut: Cut) {
        self.command(Command::Arm(cut));
    }

    /// Answers the next `times` connection attempts to `to` with RST: the client observes
    /// `ConnectionRefused`.
    pub fn refuse(&self, to: SocketAddr, times: u32) {
        self.command(Command::Refuse { to, times });
    }

    /// Every packet that reaches the router from now on goes past `rule`, before the middlebox and
    /// after the rules that were added earlier.
    pub fn add_rule(&self, rule: impl FaultRule + 'static) {
        self.command(Command::Rule(Box::new(rule)));
    }

    /// From `from_ns` on the path's luck (losses, bursts, order, copies, jitter) is drawn from another seed: the
    /// run is the same until then, and another of its futures behind it. To be given before the first packet.
    pub fn redraw(&self, from_ns: u64, seed: u64) {
        self.command(Command::Redraw { from_ns, seed });
    }

    /// To be carried out at `at_ns`, before any packet that reaches the router then. Whoever gives
    /// the order is heard in time if that is no sooner than a packet of its own would be there.
    pub fn order(&self, at_ns: u64, order: Order) {
        lock(&self.orders).push((at_ns, order));
    }

    fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *lock(&self.commands))
    }
}

/// A packet that leaves the router: the way it goes, when it is at the far host, its bytes.
pub type Departure = (Direction, u64, Vec<u8>);

fn losses(seed: u64) -> PerDirection<ChaCha12Rng> {
    PerDirection::of(|d| seeds::stream(seed, &format!("loss {}", d.name())))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What comes at its time; of what comes at the same time, orders first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Order,
    Packet,
}

enum Arrival {
    Order(Order),
    Packet(Direction, Vec<u8>),
    /// A rule has held it; the next rule is the one with this index.
    Held(Direction, Vec<u8>, usize),
}

pub(crate) struct Router {
    links: PerDirection<Link>,
    impair: PerDirection<Impair>,
    loss: PerDirection<ChaCha12Rng>,
    loss_ppm: u32,
    /// From when on another seed is drawn from, and which.
    redraw: Option<(u64, u64)>,
    hop_ns: u64,
    /// Those of users, before the middlebox.
    rules: Vec<Box<dyn FaultRule>>,
    /// What the users' rules are told of streams; kept up only if there are any.
    streams: Streams,
    middlebox: Middlebox,
    handle: RouterHandle,
    observer: Arc<dyn PathObserver>,
    arrivals: Timeline<(u64, Kind, u64), Arrival>,
    arrived: u64,
    out: Vec<Departure>,
    counters: PerDirection<LinkCounters>,
}

impl Router {
    /// `hop_ns`: from the router to either host.
    pub(crate) fn new(
        path: &PathConfig,
        hop_ns: u64,
        seed: u64,
        handle: RouterHandle,
        observer: Arc<dyn PathObserver>,
    ) -> Self {
        let link = Link::new(path.bandwidth_bits_per_s, path.queue_bytes);
        Self {
            links: PerDirection::of(|_| link.clone()),
            impair: PerDirection::of(|d| Impair::new(path.impairments, seed, d)),
            loss: losses(seed),
            loss_ppm: path.loss_ppm,
            redraw: None,
            hop_ns,
            rules: Vec::new(),
            streams: Streams::default(),
            middlebox: Middlebox::default(),
            handle,
            observer,
            arrivals: Timeline::default(),
            arrived: 0,
            out: Vec::new(),
            counters: PerDirection::default(),
        }
    }

    pub(crate) fn counters(&self, direction: Direction) -> LinkCounters {
        self.counters[direction]
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// A packet that will be here at `at_ns`.
    pub(crate) fn enqueue(&mut self, at_ns: u64, direction: Direction, packet: Vec<u8>) {
        self.arrived += 1;
        self.arrivals.insert((at_ns, Kind::Packet, self.arrived), Arrival::Packet(direction, packet));
    }

    /// Notes the orders given since.
    pub(crate) fn hear(&mut self) {
        for (at_ns, order) in std::mem::take(&mut *lock(&self.handle.orders)) {
            self.arrived += 1;
            self.arrivals.insert((at_ns, Kind::Order, self.arrived), Arrival::Order(order));
        }
    }

    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.arrivals.first_key().map(|(at, ..)| *at)
    }

    /// Passes every packet that is here by `now_ns`.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        while let Some(((at_ns, ..), arrival)) = self.arrivals.pop_if(|(at_ns, ..)| *at_ns <= now_ns) {
            match arrival {
                Arrival::Packet(direction, packet) => self.pass(at_ns, direction, packet),
                Arrival::Held(direction, packet, next) => self.decide(at_ns, direction, packet, next),
                Arrival::Order(order) => self.obey(at_ns, order),
            }
        }
    }

    /// What leaves it, in order; `room` is what holds the next packets.
    pub(crate) fn take_out(&mut self, room: Vec<Departure>) -> Vec<Departure> {
        debug_assert!(room.is_empty());
        std::mem::replace(&mut self.out, room)
    }

    fn obey(&mut self, at_ns: u64, order: Order) {
        let (forged, fired) = self.middlebox.obey(at_ns, order);
        if fired {
            self.observer.order_fired(at_ns, &order);
        }
        self.forge(at_ns, forged);
    }

    fn pass(&mut self, at_ns: u64, direction: Direction, packet: Vec<u8>) {
        for command in self.handle.take() {
            match command {
                Command::Arm(cut) => self.middlebox.arm(cut),
                Command::Refuse { to, times } => self.middlebox.refuse(to, times),
                Command::Rule(rule) => self.rules.push(rule),
                Command::Redraw { from_ns, seed } => self.redraw = Some((from_ns, seed)),
            }
        }
        if let Some((_, seed)) = self.redraw.take_if(|(from_ns, _)| at_ns >= *from_ns) {
            self.loss = losses(seed);
            for direction in [Direction::Up, Direction::Down] {
                self.impair[direction].redraw(seed, direction);
            }
        }
        // They are drawn for every packet, so that no fault moves another packet's luck.
        if self.loss_ppm > 0 && self.loss[direction].random_range(0..1_000_000) < self.loss_ppm {
            self.counters[direction].lost += 1;
            return self.observer.packet(at_ns, direction, &packet, Fate::Lost);
        }
        if self.impair[direction].loses() {
            self.counters[direction].lost += 1;
            return self.observer.packet(at_ns, direction, &packet, Fate::Lost);
        }
        self.decide(at_ns, direction, packet, 0);
    }

    /// Shows a packet to the rules, from that with index `next` on, and does as they say.
    fn decide(&mut self, at_ns: u64, direction: Direction, mut packet: Vec<u8>, next: usize) {
        let mut beside: Option<Vec<Forged>> = None;
        for index in next..=self.rules.len() {
            match self.ask(at_ns, direction, &packet, index) {
                Verdict::Pass => {}
                Verdict::Change(bytes) => packet = bytes,
                Verdict::Beside(forged) => beside.get_or_insert_default().extend(forged),
                Verdict::Hold { until_ns } => {
                    self.arrived += 1;
                    let key = (until_ns.max(at_ns + 1), Kind::Packet, self.arrived);
                    self.arrivals.insert(key, Arrival::Held(direction, packet, index + 1));
                    return self.forge(at_ns, beside.unwrap_or_default());
                }
                Verdict::Rearrive { at_ns: again_ns } => {
                    self.enqueue(again_ns.max(at_ns + 1), direction, packet);
                    return self.forge(at_ns, beside.unwrap_or_default());
                }
                Verdict::Drop => {
                    self.observer.packet(at_ns, direction, &packet, Fate::Cut);
                    return self.forge(at_ns, beside.unwrap_or_default());
                }
                Verdict::Replace(forged) => {
                    self.observer.packet(at_ns, direction, &packet, Fate::Cut);
                    self.forge(at_ns, forged);
                    return self.forge(at_ns, beside.unwrap_or_default());
                }
            }
        }
        // What sets something off does not come twice.
        let doubles = beside.is_none() && self.impair[direction].doubles();
        let copy = doubles.then(|| packet.clone());
        self.send(at_ns, direction, packet, false);
        if let Some(copy) = copy {
            self.send(at_ns, direction, copy, false);
        }
        self.forge(at_ns, beside.unwrap_or_default());
    }

    /// What the rule with this index, or the middlebox behind them all, makes of a packet. What is
    /// no TCP segment passes.
    fn ask(&mut self, at_ns: u64, direction: Direction, packet: &[u8], index: usize) -> Verdict {
        let Some(header) = TcpHeader::read(packet) else { return Verdict::Pass };
        let stream_offset = if self.rules.is_empty() { None } else { self.streams.offset(&header) };
        let packet = PacketAtRouter { at_ns, direction, header, stream_offset, bytes: packet };
        match self.rules.get_mut(index) {
            Some(rule) => rule.on_packet(&packet, &*self.observer),
            None => self.middlebox.on_packet(&packet, &*self.observer),
        }
    }

    fn forge(&mut self, at_ns: u64, forged: Vec<Forged>) {
        forged.into_iter().for_each(|(direction, packet)| self.send(at_ns, direction, packet, true));
    }

    fn send(&mut self, at_ns: u64, direction: Direction, packet: Vec<u8>, forged: bool) {
        let counters = &mut self.counters[direction];
        let Some(departs) = self.links[direction].send(at_ns, packet.len(), forged) else {
            counters.queue_full += 1;
            return self.observer.packet(at_ns, direction, &packet, Fate::QueueFull);
        };
        counters.packets += 1;
        counters.bytes += packet.len() as u64;
        let arrives_ns = self.impair[direction].arrival_ns(departs + self.hop_ns);
        let fate = if forged { Fate::Forged { arrives_ns } } else { Fate::Forwarded { arrives_ns } };
        self.observer.packet(at_ns, direction, &packet, fate);
        self.out.push((direction, arrives_ns, packet));
    }
}
