//! The middlebox: follows every connection and commits the faults it was armed with.

use super::split_proxy::SplitProxy;
use super::{Cut, CutKind, Direction, Order};
use crate::segment::{self, Segment, TcpHeader, after, later};
use smoltcp::wire::TcpControl;
use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};

/// What becomes of a packet.
pub(super) enum Outcome {
    Forward(Vec<u8>),
    /// It passes at that time (ns), if nothing else happens to it then.
    Hold(u64, Vec<u8>),
    /// It does not pass; these go instead.
    Replace(Vec<u8>, Vec<(Direction, Vec<u8>)>),
    /// It passes, and these go, too.
    Beside(Vec<u8>, Vec<(Direction, Vec<u8>)>),
}

/// What has struck.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fired {
    Cut(Cut),
    Order(Order),
}

/// One direction of a connection, as seen in passing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Half {
    pub isn: Option<u32>,
    /// After the highest sequence number seen, and the stream offset it stands for.
    pub nxt: u32,
    nxt_offset: u64,
    pub fin_seen: bool,
    /// The newest ACK and window of this direction's packets: what its sender has received.
    pub ack: Option<u32>,
    pub window: u16,
}

impl Half {
    /// Stream offset of a sequence number; negative before the first byte.
    fn offset_of(&self, seq: u32) -> i64 {
        self.nxt_offset as i64 + i64::from(seq.wrapping_sub(self.nxt) as i32)
    }

    fn seq_of(&self, offset: u64) -> u32 {
        self.nxt.wrapping_add(offset.wrapping_sub(self.nxt_offset) as u32)
    }

    fn saw(&mut self, header: &TcpHeader) {
        if header.syn {
            self.isn = Some(header.seq);
            self.nxt = header.seq.wrapping_add(1);
            self.nxt_offset = 0;
            self.fin_seen = false;
        } else if self.isn.is_some() && after(header.seq_end(), self.nxt) {
            self.nxt_offset += u64::from(header.seq_end().wrapping_sub(self.nxt));
            self.nxt = header.seq_end();
        }
        self.fin_seen |= header.fin;
        if let Some(ack) = header.ack {
            self.ack = Some(self.ack.map_or(ack, |old| later(old, ack)));
            self.window = header.window;
        }
    }
}

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
    halves: [Half; 2],
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
    pub fn arm(&mut self, cut: Cut) {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (cut.from, cut.to) else { return };
        // Which end is the client shows when a packet comes; it is looked up under both.
        self.armed.entry((from, to)).or_default().push((Direction::Up, cut));
        self.armed.entry((to, from)).or_default().push((Direction::Down, cut));
    }

    pub fn refuse(&mut self, to: SocketAddr, times: u32) {
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
    fn refuses_anywhere(&mut self, header: &TcpHeader, fired: &mut Option<Fired>) -> bool {
        let Some((left, order, told)) = &mut self.refused_anywhere else { return false };
        let Order::RefuseConnections { except_port, .. } = *order else { return false };
        if *left == 0 || header.dst.port() == except_port {
            return false;
        }
        *left -= 1;
        if !std::mem::replace(told, true) {
            *fired = Some(Fired::Order(*order));
        }
        true
    }

    /// Whether the hosts are cut off from one another.
    fn is_partitioned(&mut self, at_ns: u64, fired: &mut Option<Fired>) -> bool {
        let Some((until_ns, order, told)) = &mut self.partition else { return false };
        if at_ns >= *until_ns {
            self.partition = None;
            return false;
        }
        if !std::mem::replace(told, true) {
            *fired = Some(Fired::Order(*order));
        }
        true
    }

    /// Carries out an order: what it sends, and whether it has had its effect (a partition has it
    /// with the first packet, a refusal with the first SYN).
    pub fn obey(&mut self, at_ns: u64, order: Order) -> (Vec<(Direction, Vec<u8>)>, bool) {
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
            && conn.halves.iter().all(|half| half.isn.is_some())
            && !conn.halves.iter().all(|half| half.fin_seen)
            && !conn.reset_seen;
        stands.then_some((key, conn))
    }

    /// `fired` is set when a cut or an order strikes.
    pub fn pass(
        &mut self,
        at_ns: u64,
        direction: Direction,
        packet: Vec<u8>,
        fired: &mut Option<Fired>,
    ) -> Outcome {
        let Some(header) = TcpHeader::read(&packet) else { return Outcome::Forward(packet) };
        if self.is_partitioned(at_ns, fired) {
            return Outcome::Replace(packet, Vec::new());
        }
        let key = match direction {
            Direction::Up => (header.src, header.dst),
            Direction::Down => (header.dst, header.src),
        };
        if header.syn && header.ack.is_none() {
            if self.refuses(header.dst) || self.refuses_anywhere(&header, fired) {
                return reject(direction, &header, packet);
            }
            let again = self
                .conns
                .get(&key)
                .is_some_and(|conn| conn.halves[direction.index()].isn == Some(header.seq));
            if !again {
                let (halves, corrupted) = ([Half::default(); 2], Vec::new());
                self.conns.insert(key, Tracked { halves, state: State::Open, reset_seen: false, corrupted });
            }
        }
        let Some(conn) = self.conns.get_mut(&key) else { return Outcome::Forward(packet) };
        match &mut conn.state {
            State::Open => {}
            State::Rejecting => return reject(direction, &header, packet),
            State::Hole(until) if until.is_none_or(|until| at_ns < until) => {
                return Outcome::Replace(packet, Vec::new());
            }
            State::Stalled(until) if at_ns < *until => return Outcome::Hold(*until, packet),
            State::Hole(_) | State::Stalled(_) => conn.state = State::Open,
            State::Closed(proxy) => {
                conn.halves[direction.index()].saw(&header);
                let forged = proxy.pass(direction, &header, &packet);
                return Outcome::Replace(packet, forged);
            }
        }
        if let Some(cut) = strikes(&mut self.armed, key, direction, &header, conn) {
            if let CutKind::Order(order) = cut.kind {
                let at = conn.halves[direction.index()].seq_of(cut.stream_offset);
                return self.set_off(at_ns, direction, order, &header, (key, at), packet, fired);
            }
            *fired = Some(Fired::Cut(cut));
            return conn.strike(at_ns, direction, cut, &header, packet);
        }
        conn.reset_seen |= header.rst;
        conn.halves[direction.index()].saw(&header);
        Outcome::Forward(conn.corrupt(direction, &header, packet))
    }
}

impl Middlebox {
    /// A segment has come to sequence number `at`, which sets off an order.
    #[allow(clippy::too_many_arguments)]
    fn set_off(
        &mut self,
        at_ns: u64,
        direction: Direction,
        order: Order,
        header: &TcpHeader,
        (key, at): (Key, u32),
        packet: Vec<u8>,
        fired: &mut Option<Fired>,
    ) -> Outcome {
        let (forged, struck) = self.obey(at_ns, order);
        if struck {
            *fired = Some(Fired::Order(order));
        }
        if let Order::Partition { .. } = order {
            // The byte is the first to vanish.
            self.is_partitioned(at_ns, fired);
            let passes = prefix(header, &packet, at, header.ack).map(|packet| (direction, packet));
            return Outcome::Replace(packet, passes.into_iter().collect());
        }
        if let Some(conn) = self.conns.get_mut(&key) {
            conn.halves[direction.index()].saw(header);
        }
        Outcome::Beside(packet, forged)
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
    let half = &conn.halves[direction.index()];
    if header.syn || half.isn.is_none() || header.seq_end() == header.seq {
        return None;
    }
    let end = half.offset_of(header.payload_end());
    let hit = |(way, cut): &(Direction, Cut)| {
        let offset = i64::try_from(cut.stream_offset).unwrap_or(i64::MAX);
        // There is nothing to change in a FIN.
        let has_fin = header.fin && !matches!(cut.kind, CutKind::Corrupt { .. });
        *way == direction && (end > offset || (has_fin && end == offset))
    };
    // The earliest byte first.
    let index = (0..cuts.len()).filter(|i| hit(&cuts[*i])).min_by_key(|i| cuts[*i].1.stream_offset)?;
    Some(cuts.remove(index).1)
}

fn reject(direction: Direction, header: &TcpHeader, packet: Vec<u8>) -> Outcome {
    let reset = segment::reset_for(header).map(|reset| (direction.back(), reset.to_vec()));
    Outcome::Replace(packet, reset.into_iter().collect())
}

/// The part of a data segment before sequence number `cut`, without FIN; `None` if that is
/// nothing.
pub(super) fn prefix(header: &TcpHeader, packet: &[u8], cut: u32, ack: Option<u32>) -> Option<Vec<u8>> {
    let len = (cut.wrapping_sub(header.payload_seq()) as i32).clamp(0, header.payload_len() as i32) as usize;
    if len == 0 {
        return None;
    }
    let (src, dst, seq, window) = (header.src, header.dst, header.seq, header.window);
    let payload = &header.payload(packet)[..len];
    Some(Segment { src, dst, seq, ack, window, control: TcpControl::Psh, payload }.to_vec())
}

impl Tracked {
    fn strike(
        &mut self,
        at_ns: u64,
        direction: Direction,
        cut: Cut,
        header: &TcpHeader,
        packet: Vec<u8>,
    ) -> Outcome {
        let at = self.halves[direction.index()].seq_of(cut.stream_offset);
        match cut.kind {
            CutKind::Reset => {
                self.state = State::Rejecting;
                let mut forged: Vec<_> = prefix(header, &packet, at, header.ack)
                    .map(|packet| (direction, packet))
                    .into_iter()
                    .collect();
                let window = 0;
                let control = TcpControl::Rst;
                // Each end takes a RST only if its number lies in its receive window.
                let to = Segment {
                    src: header.src,
                    dst: header.dst,
                    seq: at,
                    ack: header.ack,
                    window,
                    control,
                    payload: &[],
                };
                forged.push((direction, to.to_vec()));
                let seq = header.ack.unwrap_or_default();
                let from = Segment {
                    src: header.dst,
                    dst: header.src,
                    seq,
                    ack: Some(at),
                    window,
                    control,
                    payload: &[],
                };
                forged.push((direction.back(), from.to_vec()));
                Outcome::Replace(packet, forged)
            }
            CutKind::Close { lingering } => {
                let mut proxy = SplitProxy::new(lingering, direction, at, header, &self.halves);
                self.halves[direction.index()].saw(header);
                let mut forged: Vec<_> = prefix(header, &packet, at, header.ack)
                    .map(|packet| (direction, packet))
                    .into_iter()
                    .collect();
                forged.extend(proxy.fins());
                forged.extend(proxy.beyond(direction, header));
                self.state = State::Closed(proxy);
                Outcome::Replace(packet, forged)
            }
            CutKind::Blackhole { for_us } => {
                self.state = State::Hole(for_us.map(|us| at_ns + us * 1000));
                let forged = prefix(header, &packet, at, header.ack).map(|packet| (direction, packet));
                Outcome::Replace(packet, forged.into_iter().collect())
            }
            CutKind::Stall { for_us } => {
                let until = at_ns + for_us * 1000;
                self.state = State::Stalled(until);
                Outcome::Hold(until, packet)
            }
            CutKind::Corrupt { xor } => {
                self.corrupted.push((direction, at, xor));
                self.halves[direction.index()].saw(header);
                Outcome::Forward(self.corrupt(direction, header, packet))
            }
            // Carried out by the middlebox, whose other connections it concerns.
            CutKind::Order(_) => Outcome::Forward(packet),
        }
    }

    /// RST to both ends, with the numbers they expect.
    fn resets(&self, (client, server): Key) -> Vec<(Direction, Vec<u8>)> {
        let reset = |direction: Direction| {
            let (half, back) = (&self.halves[direction.index()], &self.halves[direction.back().index()]);
            let (src, dst) = match direction {
                Direction::Up => (client, server),
                Direction::Down => (server, client),
            };
            let (seq, ack, control) = (half.nxt, Some(back.nxt), TcpControl::Rst);
            (direction, Segment { src, dst, seq, ack, window: 0, control, payload: &[] }.to_vec())
        };
        vec![reset(Direction::Up), reset(Direction::Down)]
    }

    fn corrupt(&self, direction: Direction, header: &TcpHeader, mut packet: Vec<u8>) -> Vec<u8> {
        for (way, seq, xor) in &self.corrupted {
            let index = seq.wrapping_sub(header.payload_seq());
            if *way == direction && index < header.payload_len() {
                let at = packet.len() - header.payload_len() as usize + index as usize;
                packet[at] ^= xor;
                segment::patch(&mut packet, header.seq, header.ack, header.window);
            }
        }
        packet
    }
}
