//! TCP segments in IPv4 packets, as bytes: read by the stacks and the middlebox, written where
//! they must say something of their own (RFC 791, RFC 9293 section 3.1, RFC 2018, RFC 7323).

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};
use std::net::{Ipv4Addr, SocketAddrV4};

/// IPv4 without options.
pub const IP_HEADER_BYTES: usize = 20;
/// TCP without options.
pub const TCP_HEADER_BYTES: usize = 20;

/// Sequence numbers wrap: whether `a` comes before `b`.
pub fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// Whether `a` comes after `b`.
pub fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// The later of two sequence numbers.
pub fn later(a: u32, b: u32) -> u32 {
    if before(a, b) { b } else { a }
}

/// The earlier of two sequence numbers.
pub fn earlier(a: u32, b: u32) -> u32 {
    if before(a, b) { a } else { b }
}

/// What the headers of a packet say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// Who sends it.
    pub src: SocketAddrV4,
    /// Whom it is for.
    pub dst: SocketAddrV4,
    /// Sequence number of the SYN, or of the first payload byte.
    pub seq: u32,
    /// Acknowledgement number, if there is one.
    pub ack: Option<u32>,
    /// The window field, not scaled.
    pub window: u16,
    /// It opens a connection.
    pub syn: bool,
    /// It ends its direction.
    pub fin: bool,
    /// It resets the connection.
    pub rst: bool,
    payload_at: usize,
    end: usize,
}

impl TcpHeader {
    /// `None` unless it is a whole TCP segment in an unfragmented IPv4 packet.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let ip = Ipv4Packet::new_checked(packet).ok()?;
        if ip.next_header() != IpProtocol::Tcp || ip.more_frags() || ip.frag_offset() != 0 {
            return None;
        }
        let (ip_header, end) = (usize::from(ip.header_len()), usize::from(ip.total_len()));
        let (src, dst) = (ip.src_addr(), ip.dst_addr());
        let tcp = TcpPacket::new_checked(packet.get(ip_header..end)?).ok()?;
        Some(Self {
            src: SocketAddrV4::new(src, tcp.src_port()),
            dst: SocketAddrV4::new(dst, tcp.dst_port()),
            seq: tcp.seq_number().0 as u32,
            ack: tcp.ack().then(|| tcp.ack_number().0 as u32),
            window: tcp.window_len(),
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            payload_at: ip_header + usize::from(tcp.header_len()),
            end,
        })
    }

    /// Of `packet`, the one that was read.
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        &packet[self.payload_at..self.end]
    }

    /// Bytes of payload.
    pub fn payload_len(&self) -> u32 {
        (self.end - self.payload_at) as u32
    }

    /// Sequence number of the first payload byte (a SYN takes one before it).
    pub fn payload_seq(&self) -> u32 {
        self.seq.wrapping_add(u32::from(self.syn))
    }

    /// Sequence number after the payload: that of the FIN, if there is one.
    pub fn payload_end(&self) -> u32 {
        self.payload_seq().wrapping_add(self.payload_len())
    }

    /// Sequence number after everything in it.
    pub fn seq_end(&self) -> u32 {
        self.payload_end().wrapping_add(u32::from(self.fin))
    }

    /// An ACK and nothing else: no payload, no other flag.
    pub fn is_pure_ack(&self) -> bool {
        self.ack.is_some() && self.payload_len() == 0 && !self.syn && !self.fin && !self.rst
    }
}

/// Options of a SYN segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynOptions {
    /// Largest payload the sender takes.
    pub mss: Option<u16>,
    /// Shift of later window fields.
    pub window_scale: Option<u8>,
}

impl SynOptions {
    /// The options of a packet; none if it is not a TCP segment.
    pub fn read(packet: &[u8]) -> Self {
        let Some(repr) = repr_of(packet) else { return Self::default() };
        Self { mss: repr.max_seg_size, window_scale: repr.window_scale }
    }
}

/// Selective acknowledgements: (first sequence number, sequence number after the last).
pub fn sack_ranges(packet: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let ranges = repr_of(packet).map(|repr| repr.sack_ranges).unwrap_or_default();
    ranges.into_iter().flatten()
}

fn repr_of(packet: &[u8]) -> Option<TcpRepr<'_>> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let (src, dst) = (IpAddress::Ipv4(ip.src_addr()), IpAddress::Ipv4(ip.dst_addr()));
    let tcp = packet.get(usize::from(ip.header_len())..usize::from(ip.total_len()))?;
    TcpRepr::parse(&TcpPacket::new_checked(tcp).ok()?, &src, &dst, &ChecksumCapabilities::ignored()).ok()
}

/// The packet of a pure ACK that also says that `left..right` has come, which is behind all it says already.
pub(crate) fn with_sack(packet: &[u8], left: u32, right: u32) -> Option<Vec<u8>> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let mut tcp = repr_of(packet)?;
    let range = (left, right);
    if let Some((_, end)) = tcp.sack_ranges.iter_mut().flatten().find(|(_, end)| *end == left) {
        *end = right;
    } else if let Some(free) = tcp.sack_ranges.iter_mut().find(|range| range.is_none()) {
        *free = Some(range);
    }
    let (src_addr, dst_addr) = (ip.src_addr(), ip.dst_addr());
    let payload_len = tcp.buffer_len();
    let ip = Ipv4Repr { src_addr, dst_addr, next_header: IpProtocol::Tcp, payload_len, hop_limit: 64 };
    let mut out = Vec::new();
    emit(&ip, &tcp, &mut out);
    Some(out)
}

fn emit(ip: &Ipv4Repr, tcp: &TcpRepr<'_>, out: &mut Vec<u8>) {
    let checksums = ChecksumCapabilities::default();
    out.clear();
    out.resize(ip.buffer_len() + tcp.buffer_len(), 0);
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut out[..]), &checksums);
    tcp.emit(
        &mut TcpPacket::new_unchecked(&mut out[ip.buffer_len()..]),
        &IpAddress::Ipv4(ip.src_addr),
        &IpAddress::Ipv4(ip.dst_addr),
        &checksums,
    );
}

/// A segment to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub src: SocketAddrV4,
    pub dst: SocketAddrV4,
    pub seq: u32,
    pub ack: Option<u32>,
    pub window: u16,
    pub control: TcpControl,
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// Writes the packet into `out`, which is cleared first, with both checksums right.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let tcp = TcpRepr {
            src_port: self.src.port(),
            dst_port: self.dst.port(),
            control: self.control,
            seq_number: TcpSeqNumber(self.seq as i32),
            ack_number: self.ack.map(|ack| TcpSeqNumber(ack as i32)),
            window_len: self.window,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: self.payload,
        };
        let ip = Ipv4Repr {
            src_addr: *self.src.ip(),
            dst_addr: *self.dst.ip(),
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        emit(&ip, &tcp, out);
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

/// Changes sequence number, ACK number or window of a packet in place and sets its checksum right.
pub(crate) fn patch(packet: &mut [u8], seq: u32, ack: Option<u32>, window: u16) {
    let (ip_header, src, dst) = {
        let ip = Ipv4Packet::new_unchecked(&packet[..]);
        (usize::from(ip.header_len()), ip.src_addr(), ip.dst_addr())
    };
    let mut tcp = TcpPacket::new_unchecked(&mut packet[ip_header..]);
    tcp.set_seq_number(TcpSeqNumber(seq as i32));
    if let Some(ack) = ack {
        tcp.set_ack_number(TcpSeqNumber(ack as i32));
    }
    tcp.set_window_len(window);
    tcp.fill_checksum(&IpAddress::Ipv4(src), &IpAddress::Ipv4(dst));
}

/// Whether both checksums of a packet are right.
pub fn checksums_right(packet: &[u8]) -> bool {
    let Ok(ip) = Ipv4Packet::new_checked(packet) else { return false };
    let (src, dst) = (IpAddress::Ipv4(ip.src_addr()), IpAddress::Ipv4(ip.dst_addr()));
    ip.verify_checksum()
        && TcpPacket::new_checked(ip.payload()).is_ok_and(|tcp| tcp.verify_checksum(&src, &dst))
}

/// The answer of a host that knows no such connection (RFC 9293 section 3.10.7.1): `None` to a
/// RST.
pub(crate) fn reset_for(header: &TcpHeader) -> Option<Segment<'static>> {
    if header.rst {
        return None;
    }
    let (seq, ack) = match header.ack {
        Some(ack) => (ack, None),
        None => (0, Some(header.seq_end())),
    };
    let (src, dst) = (header.dst, header.src);
    Some(Segment { src, dst, seq, ack, window: 0, control: TcpControl::Rst, payload: &[] })
}

/// The address a packet is for, without reading the rest of it.
pub(crate) fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    Some(Ipv4Addr::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let (src, dst) = ("10.0.0.1:40000".parse().unwrap(), "10.0.0.2:21".parse().unwrap());
        let segment = Segment {
            src,
            dst,
            seq: u32::MAX,
            ack: Some(7),
            window: 512,
            control: TcpControl::Fin,
            payload: b"abc",
        };
        let mut packet = segment.to_vec();
        let header = TcpHeader::read(&packet).unwrap();
        assert_eq!(
            (header.src, header.dst, header.seq, header.ack, header.window),
            (src, dst, u32::MAX, Some(7), 512)
        );
        assert_eq!(header.payload(&packet), b"abc");
        assert_eq!((header.payload_end(), header.seq_end(), header.fin), (2, 3, true));
        assert!(checksums_right(&packet));
        patch(&mut packet, 9, Some(10), 11);
        let header = TcpHeader::read(&packet).unwrap();
        assert_eq!((header.seq, header.ack, header.window), (9, Some(10), 11));
        assert!(checksums_right(&packet));
        packet[41] ^= 1;
        assert!(!checksums_right(&packet));
        assert_eq!(TcpHeader::read(&packet[..packet.len() - 1]), None);
    }

    #[test]
    fn a_range_more_is_said_in_an_ack() {
        let (src, dst) = ("10.0.0.1:40000".parse().unwrap(), "10.0.0.2:21".parse().unwrap());
        let (seq, ack, control) = (5, Some(100), TcpControl::None);
        let ack = Segment { src, dst, seq, ack, window: 512, control, payload: &[] }.to_vec();
        let said = with_sack(&ack, 300, 301).unwrap();
        assert_eq!(sack_ranges(&said).collect::<Vec<_>>(), [(300, 301)]);
        let said = with_sack(&said, 301, 302).unwrap();
        assert_eq!(sack_ranges(&said).collect::<Vec<_>>(), [(300, 302)], "it goes on where one ends");
        let said = with_sack(&said, 400, 401).unwrap();
        assert_eq!(sack_ranges(&said).collect::<Vec<_>>(), [(300, 302), (400, 401)]);
        assert!(checksums_right(&said));
        let header = TcpHeader::read(&said).unwrap();
        assert!(header.is_pure_ack() && header.ack == Some(100) && header.window == 512);
    }

    #[test]
    fn sequence_numbers_wrap() {
        assert!(before(u32::MAX, 0) && after(0, u32::MAX) && !before(5, 5));
        assert_eq!((later(u32::MAX, 3), earlier(u32::MAX, 3)), (3, u32::MAX));
    }
}
