//! One smoltcp interface with one TCP socket: the state machine and receiver of one connection.
//! One each, so that the work per packet does not grow with the number of connections.

use super::stack::TcpConfig;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Bytes of an IP packet on the path.
pub(super) const MTU_BYTES: usize = 1500;

/// The device: one packet in, a queue of packets out.
#[derive(Debug, Default)]
struct Port {
    arrived: Option<Vec<u8>>,
    leaving: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    /// Checksums of payload are written.
    checksums: bool,
}

impl Device for Port {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived, Leaving<'_>)> {
        let packet = self.arrived.take()?;
        Some((Arrived(packet), Leaving(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Leaving<'_>> {
        Some(Leaving(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut checksum = ChecksumCapabilities::ignored();
        // Checksums are written, so that captures are right; they are not verified: damaged packets do not
        // get here.
        checksum.ipv4 = Checksum::Tx;
        if self.checksums {
            checksum.tcp = Checksum::Tx;
        }
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ip;
        caps.max_transmission_unit = MTU_BYTES;
        caps.checksum = checksum;
        caps
    }
}

struct Arrived(Vec<u8>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Leaving<'a>(&'a mut Port);

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = self.0.spare.pop().unwrap_or_default();
        packet.clear();
        packet.resize(len, 0);
        let result = f(&mut packet);
        self.0.leaving.push_back(packet);
        result
    }
}

thread_local! {
    /// Kept from connection to connection and from run to run: new buffers cost more than a small run. A used
    /// socket behaves as a new one: smoltcp resets it but for what it notes of received packets, and that
    /// is overwritten before it is read (the first ACK of a connection always changes the window,
    /// as receive buffers exceed what a SYN can announce).
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept::new()) };
}

/// A thread keeps so many bytes of buffers.
const KEPT_BYTES: usize = 256 << 20;

/// The sizes of a socket's buffers.
type Sizes = (usize, usize);

/// Sockets whose connections are over.
struct Kept {
    /// By size, with the time of the last use.
    sockets: BTreeMap<Sizes, (u64, Vec<Socket<'static>>)>,
    bytes: usize,
    /// Counts uses.
    now: u64,
}

impl Kept {
    const fn new() -> Self {
        Self { sockets: BTreeMap::new(), bytes: 0, now: 0 }
    }

    fn of(&mut self, sizes: Sizes) -> &mut Vec<Socket<'static>> {
        self.now += 1;
        let (used, sockets) = self.sockets.entry(sizes).or_default();
        *used = self.now;
        sockets
    }

    fn take(&mut self, sizes: Sizes) -> Option<Socket<'static>> {
        let socket = self.of(sizes).pop()?;
        self.bytes -= sizes.0 + sizes.1;
        Some(socket)
    }

    /// Where there are too many, those go whose sizes have not been asked for longest: other paths have others.
    fn keep(&mut self, sizes: Sizes, socket: Socket<'static>) {
        self.of(sizes).push(socket);
        self.bytes += sizes.0 + sizes.1;
        while self.bytes > KEPT_BYTES {
            let oldest = self.sockets.iter().min_by_key(|(_, (used, _))| *used).map(|(sizes, _)| *sizes);
            let Some(oldest) = oldest else { return };
            let gone = self.sockets.get_mut(&oldest).and_then(|(_, sockets)| sockets.pop());
            match gone {
                Some(_) => self.bytes -= oldest.0 + oldest.1,
                None => drop(self.sockets.remove(&oldest)),
            }
        }
    }
}

/// Where a host's sockets come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketPool {
    receive_buffer_bytes: usize,
    send_buffer_bytes: usize,
    ack_delay: Option<Duration>,
    checksums: bool,
}

impl SocketPool {
    pub(super) const LEAST_BYTES: usize = 1 << 17;

    /// Receive buffers have at least [`SocketPool::LEAST_BYTES`].
    pub(super) fn new(config: &TcpConfig) -> Self {
        Self {
            receive_buffer_bytes: config.receive_buffer_bytes.max(Self::LEAST_BYTES),
            send_buffer_bytes: config.send_buffer_bytes,
            ack_delay: (config.ack_delay_us > 0).then(|| Duration::from_micros(config.ack_delay_us)),
            checksums: config.checksums,
        }
    }

    fn sizes(&self) -> Sizes {
        (self.receive_buffer_bytes, self.send_buffer_bytes)
    }

    fn take(&self) -> Socket<'static> {
        let kept = KEPT.try_with(|kept| kept.borrow_mut().take(self.sizes()));
        let mut socket = kept.ok().flatten().unwrap_or_else(|| {
            let buffer = |bytes| SocketBuffer::new(vec![0; bytes]);
            Socket::new(buffer(self.receive_buffer_bytes), buffer(self.send_buffer_bytes))
        });
        // The windows, Nagle's among them, are the flow's: the real client and server set
        // TCP_NODELAY.
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(CongestionControl::None);
        socket.set_ack_delay(self.ack_delay);
        socket
    }

    pub(super) fn give_back(&self, engine: Engine) {
        let Engine { mut sockets, handle, .. } = engine;
        let smoltcp::socket::Socket::Tcp(mut socket) = sockets.remove(handle);
        socket.abort();
        // Where the thread is ending the socket is dropped.
        let _ = KEPT.try_with(|kept| kept.borrow_mut().keep(self.sizes(), socket));
    }
}

pub(super) struct Engine {
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    port: Port,
    ack_delay: Option<Duration>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.socket().state())
    }
}

fn instant(now_us: u64) -> Instant {
    Instant::from_micros(i64::try_from(now_us).unwrap_or(i64::MAX))
}

fn endpoint(addr: SocketAddrV4) -> IpEndpoint {
    IpEndpoint::new(IpAddress::Ipv4(*addr.ip()), addr.port())
}

impl Engine {
    /// `seed` decides the initial sequence number.
    pub(super) fn new(pool: &SocketPool, addr: Ipv4Addr, seed: u64, now_us: u64) -> Self {
        let mut port = Port { checksums: pool.checksums, ..Port::default() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut iface = Interface::new(config, &mut port, instant(now_us));
        // With a prefix of length 0 every peer is on the link: no routes.
        iface.update_ip_addrs(|addrs| {
            // The list of a new interface has room.
            let _ = addrs.push(IpCidr::new(IpAddress::Ipv4(addr), 0));
        });
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(pool.take());
        Self { iface, sockets, handle, port, ack_delay: pool.ack_delay }
    }

    pub(super) fn socket(&self) -> &Socket<'static> {
        self.sockets.get(self.handle)
    }

    pub(super) fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    pub(super) fn state(&self) -> State {
        self.socket().state()
    }

    /// False if the addresses cannot be used.
    pub(super) fn connect(&mut self, local: SocketAddrV4, peer: SocketAddrV4) -> bool {
        let socket = self.sockets.get_mut::<Socket>(self.handle);
        socket.connect(self.iface.context(), endpoint(peer), endpoint(local)).is_ok()
    }

    pub(super) fn listen(&mut self, local: SocketAddrV4) -> bool {
        self.socket_mut().listen(endpoint(local)).is_ok()
    }

    /// Whether the acknowledgements of what arrives next may wait.
    pub(super) fn delay_acks(&mut self, delayed: bool) {
        let delay = self.ack_delay.filter(|_| delayed);
        self.socket_mut().set_ack_delay(delay);
    }

    pub(super) fn ingress(&mut self, now_us: u64, packet: Vec<u8>) {
        self.port.arrived = Some(packet);
        self.iface.poll_ingress_single(instant(now_us), &mut self.port, &mut self.sockets);
    }

    /// Lets the socket send; false if it had nothing to.
    pub(super) fn egress(&mut self, now_us: u64) -> bool {
        use smoltcp::iface::PollResult;
        self.iface.poll_egress(instant(now_us), &mut self.port, &mut self.sockets)
            == PollResult::SocketStateChanged
    }

    /// The next packet that has left the socket.
    pub(super) fn leaving(&mut self) -> Option<Vec<u8>> {
        self.port.leaving.pop_front()
    }

    /// Takes a buffer for packets to come.
    pub(super) fn recycle(&mut self, packet: Vec<u8>) {
        if packet.capacity() > 0 && self.port.spare.len() < 64 {
            self.port.spare.push(packet);
        }
    }

    /// When the socket wants [`Engine::egress`] next.
    pub(super) fn next_poll_us(&mut self, now_us: u64) -> Option<u64> {
        let at = self.iface.poll_at(instant(now_us), &self.sockets)?;
        Some(u64::try_from(at.total_micros()).unwrap_or(0))
    }
}
