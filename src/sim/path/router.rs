//! The router: holds every packet until it arrives, then passes packets strictly in the order of
//! time through loss, the middlebox and the link.

use super::link::Link;
use super::middlebox::{Middlebox, Outcome};
use super::{Cut, Direction, Fate, PathConfig, PathObserver};
use crate::sim::seeds;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes count IP packets put on the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    pub packets: u64,
    pub bytes: u64,
    pub lost: u64,
    pub queue_full: u64,
}

pub(super) enum Command {
    Arm(Cut),
    Refuse { to: SocketAddr, times: u32 },
}

/// Arms the middlebox; usable from everywhere, at any time. An order is carried out before the
/// next packet reaches the router, so that what a host arms before it sends always comes first.
#[derive(Clone, Default)]
pub struct RouterHandle {
    commands: Arc<Mutex<Vec<Command>>>,
}

impl RouterHandle {
    fn command(&self, command: Command) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
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

    fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A packet that leaves the router: the way it goes, when it is at the far host, its bytes.
pub type Departure = (Direction, u64, Vec<u8>);

pub struct Router {
    links: [Link; 2],
    loss: [ChaCha12Rng; 2],
    loss_ppm: u32,
    hop_ns: u64,
    middlebox: Middlebox,
    handle: RouterHandle,
    observer: Arc<dyn PathObserver>,
    arrivals: BTreeMap<(u64, u64), (Direction, Vec<u8>)>,
    arrived: u64,
    out: Vec<Departure>,
    counters: [LinkCounters; 2],
}

impl Router {
    /// `hop_ns`: from the router to either host.
    pub fn new(
        path: &PathConfig,
        hop_ns: u64,
        seed: u64,
        handle: RouterHandle,
        observer: Arc<dyn PathObserver>,
    ) -> Self {
        let link = Link::new(path.bandwidth_bits_per_s, path.queue_bytes);
        Self {
            links: [link.clone(), link],
            loss: [Direction::Up, Direction::Down]
                .map(|d| seeds::stream(seed, &format!("loss {}", d.name()))),
            loss_ppm: path.loss_ppm,
            hop_ns,
            middlebox: Middlebox::default(),
            handle,
            observer,
            arrivals: BTreeMap::new(),
            arrived: 0,
            out: Vec::new(),
            counters: [LinkCounters::default(); 2],
        }
    }

    pub fn counters(&self, direction: Direction) -> LinkCounters {
        self.counters[direction.index()]
    }

    pub fn is_quiet(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// A packet that will be here at `at_ns`.
    pub fn enqueue(&mut self, at_ns: u64, direction: Direction, packet: Vec<u8>) {
        self.arrived += 1;
        self.arrivals.insert((at_ns, self.arrived), (direction, packet));
    }

    pub fn next_ns(&self) -> Option<u64> {
        self.arrivals.first_key_value().map(|((at, _), _)| *at)
    }

    /// Passes every packet that is here by `now_ns`.
    pub fn advance(&mut self, now_ns: u64) {
        while let Some(entry) = self.arrivals.first_entry()
            && entry.key().0 <= now_ns
        {
            let ((at, _), (direction, packet)) = entry.remove_entry();
            self.pass(at, direction, packet);
        }
    }

    pub fn take_out(&mut self) -> Vec<Departure> {
        std::mem::take(&mut self.out)
    }

    fn pass(&mut self, at_ns: u64, direction: Direction, packet: Vec<u8>) {
        for command in self.handle.take() {
            match command {
                Command::Arm(cut) => self.middlebox.arm(cut),
                Command::Refuse { to, times } => self.middlebox.refuse(to, times),
            }
        }
        // Drawn for every packet, so that no fault moves another packet's luck.
        if self.loss_ppm > 0 && self.loss[direction.index()].random_range(0..1_000_000) < self.loss_ppm {
            self.counters[direction.index()].lost += 1;
            return self.observer.packet(at_ns, direction, &packet, Fate::Lost);
        }
        let mut fired = None;
        let outcome = self.middlebox.pass(at_ns, direction, packet, &mut fired);
        if let Some(cut) = fired {
            self.observer.cut_fired(at_ns, &cut);
        }
        match outcome {
            Outcome::Forward(packet) => self.send(at_ns, direction, packet, false),
            Outcome::Hold(until_ns, packet) => self.enqueue(until_ns.max(at_ns + 1), direction, packet),
            Outcome::Replace(packet, forged) => {
                self.observer.packet(at_ns, direction, &packet, Fate::Cut);
                for (direction, packet) in forged {
                    self.send(at_ns, direction, packet, true);
                }
            }
        }
    }

    fn send(&mut self, at_ns: u64, direction: Direction, packet: Vec<u8>, forged: bool) {
        let counters = &mut self.counters[direction.index()];
        let Some(departs) = self.links[direction.index()].send(at_ns, packet.len(), forged) else {
            counters.queue_full += 1;
            return self.observer.packet(at_ns, direction, &packet, Fate::QueueFull);
        };
        counters.packets += 1;
        counters.bytes += packet.len() as u64;
        let arrives_ns = departs + self.hop_ns;
        let fate = if forged { Fate::Forged { arrives_ns } } else { Fate::Forwarded { arrives_ns } };
        self.observer.packet(at_ns, direction, &packet, fate);
        self.out.push((direction, arrives_ns, packet));
    }
}
