//! The middlebox: follows every connection and commits the faults it was armed with.

use super::rule::{FaultRule, Forged, PacketAtRouter, Verdict};
use super::split_proxy::SplitProxy;
use super::stream::{Stream, prefix};
use super::{Cut, CutKind, Direction, Order, PathObserver, PerDirection};
use crate::segment::{self, Segment, TcpHeader};
use smoltcp::wire::TcpControl;
use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};

#[derive(Debug)]
enum State {
    Open,
    /// Every packet is answered with RST.
    Rejecting,
    /// Every packet vanishes; until then, or for good.
    Hole(Option<u64>),
    /// Every packet waits until then.
    Stalled(u64),
    /// A proxy has closed it towards both ends.
    Closed(SplitProxy),
}

#[derive(Debug)]
struct Tracked {
    streams: PerDirection<Stream>,
    state: State,
    /// One end has reset it.
    reset_seen: bool,
    /// Bytes that are changed in every copy of them that passes.
    corrupted: Vec<(Direction, u32, u8)>,
}

/// (client's address, server's address).
type Key = (SocketAddrV4, SocketAddrV4);

#[derive(Default)]
pub(super) struct Middlebox {
    conns: BTreeMap<Key, Tracked>,
    armed: BTreeMap<Key, Vec<(Direction, Cut)>>,
    /// How many more SYNs to these are answered with RST.
    refused: BTreeMap<SocketAddrV4, u32>,
    /// Nothing passes until then; the order and whether it has taken a packet.
    partition: Option<(u64, Order, bool)>,
    /// How many more connections are refused, whatever their port (but for one); the order and whether it has refused one.
    refused_anywhere: Option<(u32, Order, bool)>,
}

impl Middlebox {
    pub(super) fn arm(&mut self, cut: Cut) {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (cut.from, cut.to) else { return };
        // Which end is the client shows when a packet comes; it is looked up under both.
        self.armed.entry((from, to)).or_default().push((Direction::Up, cut));
        self.armed.entry((to, from)).or_default().push((Direction::Down, cut));
    }

    pub(super) fn refuse(&mut self, to: SocketAddr, times: u32) {
        if let SocketAddr::V4(to) = to {
            *self.refused.entry(to).or_default() += times;
        }
    }

    fn refuses(&mut self, to: SocketAddrV4) -> bool {
        let Some(times) = self.refused.get_mut(&to).filter(|times| **times > 0) else { return false };
        *times -= 1;
        true
    }

    /// Whether this SYN is refused by [`Order::RefuseConnections`].
    fn refuses_anywhere(&mut self, packet: &PacketAtRouter<'_>, observer: &dyn PathObserver) -> bool {
        let Some((left, order, told)) = &mut self.refused_anywhere else { return false };
        let Order::RefuseConnections { except_port, .. } = *order else { return false };
        if *left == 0 || packet.header.dst.port() == except_port {
            return false;
        }
        *left -= 1;
        if !std::mem::replace(told, true) {
            observer.order_fired(packet.at_ns, order);
        }
        true
    }

    /// Whether the hosts are cut off from one another.
    fn is_partitioned(&mut self, at_ns: u64, observer: &dyn PathObserver) -> bool {
        let Some((until_ns, order, told)) = &mut self.partition else { return false };
        if at_ns >= *until_ns {
            self.partition = None;
            return false;
        }
        if !std::mem::replace(told, true) {
            observer.order_fired(at_ns, order);
        }
        true
    }

    /// Carries out an order: what it sends, and whether it has had its effect (a partition has it
    /// with the first packet, a refusal with the first SYN).
    pub(super) fn obey(&mut self, at_ns: u64, order: Order) -> (Vec<Forged>, bool) {
        match order {
            Order::Partition { for_us } => {
                self.partition = Some((at_ns + for_us * 1000, order, false));
                (Vec::new(), false)
            }
            Order::RefuseConnections { times, .. } => {
                self.refused_anywhere = Some((times, order, false));
                (Vec::new(), false)
            }
            Order::Reset { from, to } => match self.open(from, to) {
                Some((key, conn)) => {
                    conn.state = State::Rejecting;
                    (conn.resets(key), true)
                }
                None => (Vec::new(), false),
            },
            Order::Blackhole { from, to, for_us } => match self.open(from, to) {
                Some((_, conn)) => {
                    conn.state = State::Hole(for_us.map(|us| at_ns + us * 1000));
                    (Vec::new(), true)
                }
                None => (Vec::new(), false),
            },
        }
    }

    /// The connection between these two, if it stands.
    fn open(&mut self, from: SocketAddr, to: SocketAddr) -> Option<(Key, &mut Tracked)> {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else { return None };
        let key = [(from, to), (to, from)].into_iter().find(|key| self.conns.contains_key(key))?;
        let conn = self.conns.get_mut(&key)?;
        let stands = matches!(conn.state, State::Open)
            && conn.streams.both().iter().all(|stream| stream.isn.is_some())
            && !conn.streams.both().iter().all(|stream| stream.fin_seen)
            && !conn.reset_seen;
        stands.then_some((key, conn))
    }

    /// A segment has come to sequence number `at` of the connection `key`, which sets off an order.
    fn set_off(
        &mut self,
        packet: &PacketAtRouter<'_>,
        order: Order,
        (key, at): (Key, u32),
        observer: &dyn PathObserver,
    ) -> Verdict {
        let PacketAtRouter { at_ns, direction, header, .. } = *packet;
        let (forged, struck) = self.obey(at_ns, order);
        if struck {
            observer.order_fired(at_ns, &order);
        }
        if let Order::Partition { .. } = order {
            // The byte is the first to vanish.
            self.is_partitioned(at_ns, observer);
            let passes = prefix(&header, packet.bytes, at, header.ack).map(|packet| (direction, packet));
            return Verdict::Replace(passes.into_iter().collect());
        }
        if let Some(conn) = self.conns.get_mut(&key) {
            conn.streams[direction].saw(&header);
        }
        Verdict::Beside(forged)
    }
}

impl FaultRule for Middlebox {
    fn on_packet(&mut self, packet: &PacketAtRouter<'_>, observer: &dyn PathObserver) -> Verdict {
        let PacketAtRouter { at_ns, direction, header, .. } = *packet;
        if self.is_partitioned(at_ns, observer) {
            return Verdict::Drop;
        }
        let key = match direction {
            Direction::Up => (header.src, header.dst),
            Direction::Down => (header.dst, header.src),
        };
        if header.syn && header.ack.is_none() {
            if self.refuses(header.dst) || self.refuses_anywhere(packet, observer) {
                return reject(packet);
            }
            let again =
                self.conns.get(&key).is_some_and(|conn| conn.streams[direction].isn == Some(header.seq));
            if !again {
                self.conns.insert(key, Tracked::new());
            }
        }
        let Some(conn) = self.conns.get_mut(&key) else { return Verdict::Pass };
        match &mut conn.state {
            State::Open => {}
            State::Rejecting => return reject(packet),
            State::Hole(until) if until.is_none_or(|until| at_ns < until) => return Verdict::Drop,
            State::Stalled(until) if at_ns < *until => return Verdict::Rearrive { at_ns: *until },
            State::Hole(_) | State::Stalled(_) => conn.state = State::Open,
            State::Closed(proxy) => {
                conn.streams[direction].saw(&header);
                return Verdict::Replace(proxy.pass(direction, &header, packet.bytes));
            }
        }
        if let Some(cut) = strikes(&mut self.armed, key, direction, &header, conn) {
            if let CutKind::Order(order) = cut.kind {
                let at = conn.streams[direction].seq_of(cut.stream_offset);
                return self.set_off(packet, order, (key, at), observer);
            }
            observer.cut_fired(at_ns, &cut);
            return conn.strike(packet, cut);
        }
        conn.reset_seen |= header.rst;
        conn.streams[direction].saw(&header);
        conn.corrupt(packet)
    }
}

/// The armed cut this segment sets off, which is disarmed.
fn strikes(
    armed: &mut BTreeMap<Key, Vec<(Direction, Cut)>>,
    key: Key,
    direction: Direction,
    header: &TcpHeader,
    conn: &Tracked,
) -> Option<Cut> {
    let cuts = armed.get_mut(&key)?;
    let stream = &conn.streams[direction];
    if header.syn || stream.isn.is_none() || header.seq_end() == header.seq {
        return None;
    }
    let end = stream.offset_of(header.payload_end());
    let hit = |(way, cut): &(Direction, Cut)| {
        let offset = i64::try_from(cut.stream_offset).unwrap_or(i64::MAX);
        // There is nothing to change in a FIN.
        let has_fin = header.fin && !matches!(cut.kind, CutKind::Corrupt { .. });
        *way == direction && (end > offset || (has_fin && end == offset))
    };
    // The earliest byte comes first.
    let index = (0..cuts.len()).filter(|i| hit(&cuts[*i])).min_by_key(|i| cuts[*i].1.stream_offset)?;
    Some(cuts.remove(index).1)
}

fn reject(packet: &PacketAtRouter<'_>) -> Verdict {
    Verdict::Replace(packet.reset().into_iter().collect())
}

impl Tracked {
    fn new() -> Self {
        let (streams, corrupted) = (PerDirection::default(), Vec::new());
        Self { streams, state: State::Open, reset_seen: false, corrupted }
    }

    fn strike(&mut self, packet: &PacketAtRouter<'_>, cut: Cut) -> Verdict {
        let PacketAtRouter { at_ns, direction, header, .. } = *packet;
        let at = self.streams[direction].seq_of(cut.stream_offset);
        let before = || prefix(&header, packet.bytes, at, header.ack).map(|packet| (direction, packet));
        match cut.kind {
            CutKind::Reset => {
                self.state = State::Rejecting;
                let mut forged: Vec<_> = before().into_iter().collect();
                forged.extend(resets_at(direction, &header, at));
                Verdict::Replace(forged)
            }
            CutKind::Close { lingering } => {
                let mut proxy = SplitProxy::new(lingering, direction, at, &header, &self.streams);
                self.streams[direction].saw(&header);
                let mut forged: Vec<_> = before().into_iter().collect();
                forged.extend(proxy.fins());
                forged.extend(proxy.beyond(direction, &header));
                self.state = State::Closed(proxy);
                Verdict::Replace(forged)
            }
            CutKind::Blackhole { for_us } => {
                self.state = State::Hole(for_us.map(|us| at_ns + us * 1000));
                Verdict::Replace(before().into_iter().collect())
            }
            CutKind::Stall { for_us } => {
                let until = at_ns + for_us * 1000;
                self.state = State::Stalled(until);
                Verdict::Rearrive { at_ns: until }
            }
            CutKind::Corrupt { xor } => {
                self.corrupted.push((direction, at, xor));
                self.streams[direction].saw(&header);
                self.corrupt(packet)
            }
            // The middlebox carries orders out, as they concern its other connections.
            CutKind::Order(_) => Verdict::Pass,
        }
    }

    /// RST to both ends, with the numbers they expect.
    fn resets(&self, (client, server): Key) -> Vec<Forged> {
        let reset = |direction: Direction| {
            let (stream, back) = (&self.streams[direction], &self.streams[direction.back()]);
            let (src, dst) = match direction {
                Direction::Up => (client, server),
                Direction::Down => (server, client),
            };
            let (seq, ack, control) = (stream.nxt, Some(back.nxt), TcpControl::Rst);
            (direction, Segment { src, dst, seq, ack, window: 0, control, payload: &[] }.to_vec())
        };
        vec![reset(Direction::Up), reset(Direction::Down)]
    }

    fn corrupt(&self, packet: &PacketAtRouter<'_>) -> Verdict {
        let header = &packet.header;
        let mut changed: Option<Vec<u8>> = None;
        for (way, seq, xor) in &self.corrupted {
            let index = seq.wrapping_sub(header.payload_seq());
            if *way == packet.direction && index < header.payload_len() {
                let bytes = changed.get_or_insert_with(|| packet.bytes.to_vec());
                let at = bytes.len() - header.payload_len() as usize + index as usize;
                bytes[at] ^= xor;
                segment::patch(bytes, header.seq, header.ack, header.window);
            }
        }
        changed.map_or(Verdict::Pass, Verdict::Change)
    }
}

/// RST to both ends of a connection on which `header` came, cut at sequence number `at`. Each end
/// takes a RST only if its number lies in its receive window.
fn resets_at(direction: Direction, header: &TcpHeader, at: u32) -> [Forged; 2] {
    let (window, control) = (0, TcpControl::Rst);
    let (src, dst, seq, ack) = (header.src, header.dst, at, header.ack);
    let to = Segment { src, dst, seq, ack, window, control, payload: &[] };
    let (src, dst, seq, ack) = (header.dst, header.src, header.ack.unwrap_or_default(), Some(at));
    let from = Segment { src, dst, seq, ack, window, control, payload: &[] };
    [(direction, to.to_vec()), (direction.back(), from.to_vec())]
}
