//! IP packets in turmoil's datagrams: each with its exact time of arrival, many in one.

use super::time_skip::TimeSkips;
use crate::path::Direction;
use crate::segment::destination;
use crate::tcp::clock::Clock;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use turmoil::net::UdpSocket;

/// The UDP port of turmoil's hosts, below the modelled network.
const PORT: u16 = 9;
/// Time of arrival (ns; 8) and length (2) before each packet.
const FRAME_BYTES: usize = 10;
const DATAGRAM_BYTES: usize = 64 * 1024;

/// An end host.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// Turmoil's address of it.
    pub underlay: Ipv4Addr,
    /// Its address on the modelled network.
    pub addr: Ipv4Addr,
    /// The way of what it sends: `Up` for a client.
    pub sends: Direction,
}

/// Who is where.
pub(super) struct Addresses {
    /// Turmoil's address of the router.
    pub router: Ipv4Addr,
    pub ends: Vec<End>,
}

impl Addresses {
    /// The way of what the host at turmoil's address `from` sends.
    pub(super) fn way_from(&self, from: Ipv4Addr) -> Direction {
        self.ends.iter().find(|end| end.underlay == from).map_or(Direction::Down, |end| end.sends)
    }

    /// Index of the host that a packet going this way reaches: on the far side the one it is for, or
    /// the first there is, which will drop it.
    pub(super) fn receiver(&self, direction: Direction, packet: &[u8]) -> Option<usize> {
        let to = destination(packet);
        let far = |end: &End| end.sends != direction;
        let addressed = self.ends.iter().position(|end| far(end) && Some(end.addr) == to);
        addressed.or_else(|| self.ends.iter().position(far))
    }
}

/// A packet and when it is at the receiving host (ns).
pub(super) type Timed = (u64, Vec<u8>);

pub(super) struct Encapsulation {
    own: Ipv4Addr,
    socket: UdpSocket,
    skips: Rc<TimeSkips>,
}

impl Encapsulation {
    /// Every host's first act. Time begins one tick later, when all of them are there to receive.
    pub(super) async fn open(own: Ipv4Addr, tick_us: u64, skips: Rc<TimeSkips>) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        Clock::start().sleep_us(tick_us).await;
        Ok(Self { own, socket, skips })
    }

    /// The skips of this host.
    pub(super) fn take_part(&self, clock: Clock) -> impl Future<Output = io::Result<()>> + use<> {
        self.skips.clone().take_part(self.own, clock)
    }

    pub(super) fn send(
        &self,
        to: Ipv4Addr,
        packets: impl Iterator<Item = Timed>,
        buffer: &mut Vec<u8>,
    ) -> io::Result<()> {
        buffer.clear();
        for (at_ns, packet) in packets {
            if buffer.len() + FRAME_BYTES + packet.len() > DATAGRAM_BYTES {
                self.flush(to, buffer)?;
            }
            buffer.extend_from_slice(&at_ns.to_le_bytes());
            buffer.extend_from_slice(&(packet.len() as u16).to_le_bytes());
            buffer.extend_from_slice(&packet);
        }
        self.flush(to, buffer)
    }

    fn flush(&self, to: Ipv4Addr, buffer: &mut Vec<u8>) -> io::Result<()> {
        if !buffer.is_empty() {
            self.socket.try_send_to(buffer, (to, PORT))?;
            self.skips.sent(to);
            buffer.clear();
        }
        Ok(())
    }

    /// Waits for packets and gives each batch that is there to `take`, with its sender.
    pub(super) async fn receive(
        &self,
        mut take: impl FnMut(Ipv4Addr, &mut dyn Iterator<Item = Timed>),
    ) -> io::Result<()> {
        let mut datagram = vec![0; DATAGRAM_BYTES];
        loop {
            self.socket.readable().await?;
            while let Ok((n, from)) = self.socket.try_recv_from(&mut datagram) {
                self.skips.received(self.own);
                if let std::net::IpAddr::V4(from) = from.ip() {
                    take(from, &mut unpack(&datagram[..n]));
                }
            }
        }
    }
}

fn unpack(mut datagram: &[u8]) -> impl Iterator<Item = Timed> {
    std::iter::from_fn(move || {
        let (at, rest) = datagram.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (packet, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        datagram = rest;
        Some((u64::from_le_bytes(*at), packet.to_vec()))
    })
}
