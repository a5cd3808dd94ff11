//! The path between clients and servers: two links with loss, bandwidth, a drop-tail queue and delay
//! (`link`), further impairments ([`impair`]), faults as rules ([`rule`]) and the middlebox, which is one
//! (`middlebox`), put together by the [`router`]. No I/O: packets with their times in, packets with their times out.

pub mod impair;
mod link;
pub mod live;
mod middlebox;
pub mod router;
pub mod rule;
mod split_proxy;
mod stream;

pub use impair::{BurstLoss, Impairments};
use std::net::SocketAddr;
use std::ops::{Index, IndexMut};

/// The way a packet goes. A path has two sides, however many hosts are on each: a connection is between
/// a client's side and a server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From a client to a server.
    Up,
    /// From a server to a client.
    Down,
}

impl Direction {
    /// The other way.
    pub fn back(self) -> Self {
        match self {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        }
    }

    /// "up" or "down".
    pub fn name(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// What there is one of for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerDirection<T> {
    up: T,
    down: T,
}

impl<T> PerDirection<T> {
    pub(crate) fn of(mut make: impl FnMut(Direction) -> T) -> Self {
        Self { up: make(Direction::Up), down: make(Direction::Down) }
    }

    pub(crate) fn both(&self) -> [&T; 2] {
        [&self.up, &self.down]
    }
}

impl<T> Index<Direction> for PerDirection<T> {
    type Output = T;

    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }
}

impl<T> IndexMut<Direction> for PerDirection<T> {
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

/// The path, the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathConfig {
    /// Round-trip time without queueing and serialisation; at least [`PathConfig::MIN_RTT_US`].
    pub rtt_us: u64,
    /// Of the bottleneck, each way; counts IP packets.
    pub bandwidth_bits_per_s: u64,
    /// Drop-tail queue before the bottleneck, each way.
    pub queue_bytes: u64,
    /// Independent loss of each packet, each way.
    pub loss_ppm: u32,
    /// What else the path does to packets; nothing by default.
    pub impairments: Impairments,
}

impl PathConfig {
    /// The simulation is exact only if every message crosses a hop (a quarter of it) in more than
    /// two microseconds.
    pub const MIN_RTT_US: u64 = 16;

    /// What fits on the path, each way: its bandwidth-delay product and a full queue.
    pub fn most_bytes_in_flight(&self) -> u64 {
        bandwidth_delay_bytes(self.rtt_us, self.bandwidth_bits_per_s).saturating_add(self.queue_bytes)
    }
}

/// What is under way when a path of this round trip and rate is full, each way: its bandwidth-delay product.
pub fn bandwidth_delay_bytes(rtt_us: u64, bandwidth_bits_per_s: u64) -> u64 {
    let bytes = u128::from(bandwidth_bits_per_s) * u128::from(rtt_us) / 8_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// What a cut does when the byte comes that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutKind {
    /// A firewall resets the connection. The bytes before the cut pass, then a RST goes to either
    /// end: both observe `ConnectionReset`, the receiver after the bytes it has got by then.
    /// Whatever is sent later on this connection is answered with a RST.
    Reset,
    /// A proxy ends the connection early and gracefully: FIN to both ends. The receiver gets every
    /// byte before the cut (also those that had to be sent again), then a clean end of file. The
    /// sender reads a clean end of file, too; what becomes of the bytes it sends beyond the cut is
    /// the proxy's manner: `lingering`, it reads and discards them until the sender closes
    /// (nginx's lingering close), and the sender's kernel reports success all the way; otherwise
    /// its socket is closed at once and the first such byte is answered with RST, so that a sender
    /// that still writes observes `ConnectionReset`, one that has closed already observes nothing.
    Close {
        /// Bytes beyond the cut are read and discarded.
        lingering: bool,
    },
    /// A translator loses its state for the connection: the bytes before the cut pass, then its
    /// packets vanish, both ways, for so long or for good. Neither end observes anything but
    /// silence; after it, retransmissions go on where they were.
    Blackhole {
        /// Until then; `None` for good.
        for_us: Option<u64>,
    },
    /// The connection's packets, both ways, wait until the stall ends, then all pass.
    Stall {
        /// How long packets wait.
        for_us: u64,
    },
    /// The byte is changed and the checksums are set right: nobody observes anything.
    Corrupt {
        /// The bits of the byte that flip.
        xor: u8,
    },
    /// The byte sets off something else; of this connection everything passes (but for a
    /// [`Order::Partition`], which takes the byte with it).
    Order(Order),
}

/// What the middlebox does to others than the connection whose byte it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Resets a connection: RST to both ends, unasked, each with the sequence number that its end
    /// expects if nothing is lost. Both observe `ConnectionReset` half a one-way delay later;
    /// whatever is sent on it after that is answered with RST.
    Reset {
        /// One end.
        from: SocketAddr,
        /// The other.
        to: SocketAddr,
    },
    /// Forgets a connection, as [`CutKind::Blackhole`] does, but at once.
    Blackhole {
        /// One end.
        from: SocketAddr,
        /// The other.
        to: SocketAddr,
        /// Until then; `None` for good.
        for_us: Option<u64>,
    },
    /// Every packet of every connection, both ways, vanishes for so long. No end observes anything
    /// but silence; what is retransmitted later passes.
    Partition {
        /// How long packets vanish.
        for_us: u64,
    },
    /// The next `times` connection attempts to any port but `except_port` are answered with RST:
    /// who connects observes `ConnectionRefused`, the other end nothing.
    RefuseConnections {
        /// Attempts to this port pass.
        except_port: u16,
        /// How many are refused.
        times: u32,
    },
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Order::Reset { from, to } => write!(f, "the middlebox resets {from} - {to}"),
            Order::Blackhole { from, to, .. } => write!(f, "the middlebox forgets {from} - {to}"),
            Order::Partition { .. } => f.write_str("the hosts are cut off from one another"),
            Order::RefuseConnections { .. } => f.write_str("a connection is refused"),
        }
    }
}

/// A fault at one byte of one direction of one connection: it strikes when a segment would carry
/// byte `stream_offset` (0 is the first byte after the SYN), or the FIN if the stream ends there.
/// Nothing of that byte or FIN passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Who sends the byte.
    pub from: SocketAddr,
    /// Who would receive it.
    pub to: SocketAddr,
    /// Bytes of this direction before it.
    pub stream_offset: u64,
    /// What happens then.
    pub kind: CutKind,
}

/// What became of a packet at the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Passed; it will be at the far host then.
    Forwarded {
        /// Virtual time.
        arrives_ns: u64,
    },
    /// Made, or cut to size, by the middlebox or another rule; it will be at the far host then.
    Forged {
        /// Virtual time.
        arrives_ns: u64,
    },
    /// Lost on the link.
    Lost,
    /// The queue was full.
    QueueFull,
    /// Taken by the middlebox or another rule.
    Cut,
}

/// Watches the path. Called from the router's host: it may arm cuts, but not use a `SimNet`.
pub trait PathObserver: Send + Sync {
    /// `packet` is an IPv4 packet; `at_ns` when it reached the router.
    fn packet(&self, at_ns: u64, direction: Direction, packet: &[u8], fate: Fate) {
        let _ = (at_ns, direction, packet, fate);
    }
    /// A cut has struck, at `at_ns`.
    fn cut_fired(&self, at_ns: u64, cut: &Cut) {
        let _ = (at_ns, cut);
    }
    /// An order has had its first effect: the connection is reset or forgotten, a first packet has
    /// vanished, a first connection was refused.
    fn order_fired(&self, at_ns: u64, order: &Order) {
        let _ = (at_ns, order);
    }
}

/// Watches nothing.
impl PathObserver for () {}
