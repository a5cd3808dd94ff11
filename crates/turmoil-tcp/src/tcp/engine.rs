//! One smoltcp interface with one TCP socket: the state machine and receiver of one connection.
//! One each, so that the work per packet does not grow with the number of connections.

use super::buffers;
use super::pool::{Sizes, SocketPool, Used};
use crate::segment::TcpHeader;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Bytes of an IP packet on the path.
pub(super) const MTU_BYTES: usize = 1500;

/// The device: one packet in, a queue of packets out.
#[derive(Debug, Default)]
struct Port {
    arrived: Option<Vec<u8>>,
    leaving: VecDeque<Vec<u8>>,
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
        let result = f(&self.0);
        buffers::give_back(self.0);
        result
    }
}

struct Leaving<'a>(&'a mut Port);

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = buffers::take();
        packet.resize(len, 0);
        let result = f(&mut packet);
        self.0.leaving.push_back(packet);
        result
    }
}

pub(super) struct Engine {
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    port: Port,
    pool: SocketPool,
    /// How far into its buffers anything was written, now and in earlier connections.
    written: Sizes,
    /// Bytes that have gone into the send buffer.
    sent: usize,
    /// The sequence number of the first byte for the receive buffer.
    first: u32,
}

/// However a connection ends, by the end of its run as well, its socket goes back.
impl Drop for Engine {
    fn drop(&mut self) {
        let smoltcp::socket::Socket::Tcp(socket) = self.sockets.remove(self.handle);
        self.pool.give_back(Used { socket, written: self.written });
    }
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
        let mut port = Port { checksums: pool.checksums(), ..Port::default() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut iface = Interface::new(config, &mut port, instant(now_us));
        // With a prefix of length 0 every peer is on the link: no routes.
        iface.update_ip_addrs(|addrs| {
            // The list of a new interface has room.
            let _ = addrs.push(IpCidr::new(IpAddress::Ipv4(addr), 0));
        });
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let Used { socket, written } = pool.take();
        let handle = sockets.add(socket);
        Self { iface, sockets, handle, port, pool: *pool, written, sent: 0, first: 0 }
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
        let delay = self.pool.ack_delay().filter(|_| delayed);
        self.socket_mut().set_ack_delay(delay);
    }

    /// Puts bytes into the send buffer; how many it took.
    pub(super) fn send(&mut self, bytes: &[u8]) -> usize {
        let taken = self.socket_mut().send_slice(bytes).unwrap_or(0);
        self.sent = self.sent.saturating_add(taken);
        self.written.1 = self.written.1.max(self.sent.min(self.pool.sizes().1));
        taken
    }

    /// A packet with this header comes next. A receive buffer that is empty begins anew, so that no byte
    /// stands further in than all that were received.
    pub(super) fn announce(&mut self, header: &TcpHeader) {
        if header.syn {
            self.first = header.seq.wrapping_add(1);
        } else if header.payload_len() > 0 {
            let end = header.payload_end().wrapping_sub(self.first) as usize;
            self.written.0 = self.written.0.max(end.min(self.pool.sizes().0));
        }
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

    /// When the socket wants [`Engine::egress`] next.
    pub(super) fn next_poll_us(&mut self, now_us: u64) -> Option<u64> {
        let at = self.iface.poll_at(instant(now_us), &self.sockets)?;
        Some(u64::try_from(at.total_micros()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::{KEPT_BYTES, kept};
    use super::super::stack::TcpConfig;
    use super::*;
    use crate::segment::Segment;
    use smoltcp::wire::TcpControl;

    const LARGE_BYTES: usize = 8 << 20;

    fn large(count: usize) -> Vec<Engine> {
        let (receive_buffer_bytes, send_buffer_bytes) = (LARGE_BYTES, LARGE_BYTES);
        let config = TcpConfig { receive_buffer_bytes, send_buffer_bytes, ..TcpConfig::default() };
        let pool = SocketPool::new(&config);
        (0..count).map(|seed| Engine::new(&pool, Ipv4Addr::LOCALHOST, seed as u64, 0)).collect()
    }

    /// A header as it announces a byte so far into the connection.
    fn at(seq: u32, control: TcpControl, payload: &[u8]) -> TcpHeader {
        let src = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let packet = Segment { src, dst: src, seq, ack: None, window: 1, control, payload }.to_vec();
        TcpHeader::read(&packet).expect("a segment")
    }

    #[test]
    fn untouched_buffers_are_kept_however_large() {
        let engines = large(40);
        assert!(engines.len() * 2 * LARGE_BYTES > 2 * KEPT_BYTES);
        drop(engines);
        assert_eq!(kept(), (40, 0));
        drop(large(40));
        assert_eq!(kept(), (40, 0), "the same ones");
    }

    #[test]
    fn what_was_written_counts_and_is_bounded() {
        let mut engines = large(40);
        let start = u32::MAX - 5;
        engines[0].announce(&at(start, TcpControl::Syn, &[]));
        engines[0].announce(&at(start.wrapping_add(1_001), TcpControl::None, b"later"));
        drop(engines.remove(0));
        assert_eq!(
            kept(),
            (1, 1_005),
            "from the start to the end of what came, over the wrap of the numbers"
        );
        engines.push(large(1).remove(0));
        assert_eq!(kept(), (0, 0));
        for engine in &mut engines {
            engine.announce(&at(start, TcpControl::Syn, &[]));
            engine.announce(&at(start.wrapping_add(LARGE_BYTES as u32 * 3), TcpControl::None, b"end"));
        }
        drop(engines);
        assert_eq!(
            kept(),
            (KEPT_BYTES / LARGE_BYTES, KEPT_BYTES),
            "a buffer holds no more than it has room for"
        );
    }
}
