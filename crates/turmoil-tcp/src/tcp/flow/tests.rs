use super::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket, TcpRepr, TcpSeqNumber};
use std::net::SocketAddrV4;

const MSS: u32 = 1000;
const ISN: u32 = u32::MAX - 5_000;
pub(super) const RTT_US: u64 = 50_000;

fn here() -> SocketAddrV4 {
    "10.0.0.1:1000".parse().unwrap()
}

fn there() -> SocketAddrV4 {
    "10.0.0.2:2000".parse().unwrap()
}

/// The peer acknowledges up to stream byte `ack`.
fn bare(ack: u32) -> TcpRepr<'static> {
    TcpRepr {
        src_port: there().port(),
        dst_port: here().port(),
        control: TcpControl::None,
        seq_number: TcpSeqNumber(7_001),
        ack_number: Some(TcpSeqNumber(at(ack) as i32)),
        window_len: 60_000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    }
}

fn from_there(tcp: TcpRepr<'_>) -> Vec<u8> {
    let (src_addr, dst_addr) = (*there().ip(), *here().ip());
    let payload_len = tcp.buffer_len();
    let ip = Ipv4Repr { src_addr, dst_addr, next_header: IpProtocol::Tcp, payload_len, hop_limit: 64 };
    let mut packet = vec![0; ip.buffer_len() + tcp.buffer_len()];
    let checksums = ChecksumCapabilities::default();
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut packet[..]), &checksums);
    let (src, dst) = (IpAddress::Ipv4(src_addr), IpAddress::Ipv4(dst_addr));
    tcp.emit(&mut TcpPacket::new_unchecked(&mut packet[20..]), &src, &dst, &checksums);
    packet
}

/// A flow whose handshake ended at `RTT_US`, and the packets it has sent since.
pub(super) struct Bench {
    pub flow: Flow,
    sent: Vec<Vec<u8>>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let config = FlowConfig { mss_bytes: MSS, ..FlowConfig::default() };
        let mut bench = Self { flow: Flow::new(config, Wheel::new(0, 0), 0), sent: Vec::new() };
        let (src, dst, control) = (here(), there(), TcpControl::Syn);
        bench.egress(0, &Segment { src, dst, seq: ISN, ack: None, window: 60_000, control, payload: &[] });
        let answer = from_there(TcpRepr {
            control: TcpControl::Syn,
            seq_number: TcpSeqNumber(7_000),
            max_seg_size: Some(MSS as u16),
            ..bare(0)
        });
        bench.flow.on_ingress(RTT_US, &TcpHeader::read(&answer).unwrap(), &answer);
        bench.sent.clear();
        bench
    }

    fn egress(&mut self, now_us: u64, segment: &Segment<'_>) {
        let sent = &mut self.sent;
        self.flow.on_egress(now_us, segment.to_vec(), &mut |packet| sent.push(packet.to_vec()));
    }

    /// The stack sends the stream's bytes `from..to`.
    pub(super) fn send(&mut self, now_us: u64, from: u32, to: u32) {
        for start in (from..to).step_by(MSS as usize) {
            let payload = vec![start as u8; MSS.min(to - start) as usize];
            let seq = at(start);
            let (src, dst) = (here(), there());
            let control = TcpControl::Psh;
            self.egress(
                now_us,
                &Segment { src, dst, seq, ack: Some(7_001), window: 9, control, payload: &payload },
            );
        }
    }

    /// The peer acknowledges up to stream byte `ack`, and the `sacked` ranges.
    pub(super) fn ack(&mut self, now_us: u64, ack: u32, sacked: &[(u32, u32)]) -> Verdict {
        let mut sack_ranges = [None; 3];
        for (range, (left, right)) in sack_ranges.iter_mut().zip(sacked) {
            *range = Some((at(*left), at(*right)));
        }
        let packet = from_there(TcpRepr { sack_ranges, ..bare(ack) });
        self.flow.on_ingress(now_us, &TcpHeader::read(&packet).unwrap(), &packet)
    }

    fn timer(&mut self, now_us: u64) {
        self.flow.on_timer(now_us, false);
        self.resend(now_us);
    }

    fn resend(&mut self, now_us: u64) {
        self.resend_lost(now_us);
        // There is no new data.
        if self.flow.frto_gives_up() {
            self.resend_lost(now_us);
        }
    }

    pub(super) fn resend_lost(&mut self, now_us: u64) {
        let sent = &mut self.sent;
        self.flow.resend(now_us, &mut |packet| sent.push(packet.to_vec()));
    }

    /// First stream byte and length of each packet sent since the last call.
    pub(super) fn taken(&mut self) -> Vec<(u32, u32)> {
        let read = |packet: Vec<u8>| {
            assert!(segment::checksums_right(&packet));
            let header = TcpHeader::read(&packet).unwrap();
            (header.seq.wrapping_sub(at(0)), header.payload_len())
        };
        self.sent.drain(..).map(read).collect()
    }
}

/// Sequence number of a stream byte; wraps within the first six segments.
fn at(byte: u32) -> u32 {
    ISN.wrapping_add(1).wrapping_add(byte)
}

#[test]
fn ten_segments_at_first_and_twice_as_many_after_a_round_trip() {
    let mut bench = Bench::new();
    assert_eq!(bench.flow.room(RTT_US, 1_000_000, 0), 10_000);
    bench.send(RTT_US, 0, 10_000);
    assert_eq!(bench.flow.room(RTT_US, 990_000, 10_000), 0);
    assert_eq!(bench.ack(2 * RTT_US, 10_000, &[]), Verdict::Pass);
    assert_eq!(bench.flow.room(2 * RTT_US, 990_000, 0), 20_000);
    assert_eq!(bench.flow.room(2 * RTT_US, 700, 0), 700, "a tail goes at once");
    assert_eq!(bench.flow.next_timer(), None, "nothing is outstanding");
}

#[test]
fn a_hole_below_three_segments_is_sent_again_at_once_and_duplicates_are_hidden() {
    let mut bench = Bench::new();
    bench.send(RTT_US, 0, 10_000);
    bench.taken();
    let later = 2 * RTT_US;
    assert_eq!(bench.ack(later, 2_000, &[]), Verdict::Pass);
    assert_eq!(bench.ack(later + 1, 2_000, &[(3_000, 4_000)]), Verdict::Hide);
    assert_eq!(bench.ack(later + 2, 2_000, &[(3_000, 5_000)]), Verdict::Hide);
    bench.resend(later + 2);
    assert_eq!(bench.taken(), []);
    assert_eq!(bench.ack(later + 3, 2_000, &[(3_000, 6_000)]), Verdict::Hide);
    bench.resend(later + 3);
    assert_eq!(bench.taken(), [(2_000, 1_000)]);
    // Of twelve segments eight are the threshold; the window comes down to it with what is delivered (RFC 6937).
    assert_eq!(bench.flow.window(), 5_000, "four are in flight, and the retransmission");
    // The copy is lost as well: what is sent after it shows that.
    bench.send(later + 4, 10_000, 12_000);
    bench.taken();
    bench.ack(3 * RTT_US + 10, 2_000, &[(3_000, 12_000)]);
    bench.resend(3 * RTT_US + 10);
    assert_eq!(bench.taken(), [(2_000, 1_000)]);
    assert_eq!(bench.flow.retransmits(), 2);
    bench.ack(4 * RTT_US, 12_000, &[]);
    assert_eq!(bench.flow.window(), 8_000, "one reduction per recovery: eight of twelve");
}

#[test]
fn a_tail_is_probed_and_then_times_out_with_backoff() {
    let mut bench = Bench::new();
    bench.send(RTT_US, 0, 3_000);
    bench.taken();
    let mut now = bench.flow.next_timer().unwrap();
    assert_eq!(now, RTT_US + 2 * RTT_US + 2_000, "twice the round trip and a little");
    bench.timer(now);
    assert_eq!(bench.taken(), [(2_000, 1_000)], "the last segment");
    let rto = bench.flow.rto_us();
    assert_eq!(rto, RTT_US + 200_000, "Linux's floor beyond the round trip");
    // The first timeout is that of the first segment, which was sent before the probe.
    now = RTT_US;
    for factor in [1, 2, 4, 8] {
        let next = bench.flow.next_timer().unwrap();
        assert_eq!(next - now, rto * factor);
        now = next;
        bench.timer(now);
        assert_eq!(bench.taken(), [(0, 1_000)], "one segment at a time");
        assert_eq!(bench.flow.window(), u64::from(MSS));
    }
    bench.ack(now + RTT_US, 1_000, &[]);
    bench.resend(now + RTT_US);
    assert_eq!(bench.taken(), [(1_000, 1_000), (2_000, 1_000)]);
    assert!(bench.flow.next_timer().unwrap() <= now + RTT_US + rto, "progress ends the backoff");
}

#[test]
fn sixteen_timeouts_end_the_connection() {
    let mut bench = Bench::new();
    bench.send(RTT_US, 0, 1_000);
    let mut now = 0;
    while !bench.flow.is_dead() {
        now = bench.flow.next_timer().unwrap();
        bench.timer(now);
        assert!(now < 2_000_000_000);
    }
    assert!(now > 900_000_000, "{now}");
}

#[test]
fn the_stacks_own_retransmissions_are_swallowed_but_not_their_news() {
    let mut bench = Bench::new();
    bench.send(RTT_US, 0, 3_000);
    bench.taken();
    bench.send(RTT_US + 1, 0, 2_000);
    assert_eq!(bench.taken(), []);
    // With a new ACK it goes out alone, at the right place.
    let (src, dst, control) = (here(), there(), TcpControl::Psh);
    let payload = &[0; 500];
    bench
        .egress(RTT_US + 2, &Segment { src, dst, seq: at(0), ack: Some(7_100), window: 9, control, payload });
    assert_eq!(bench.taken(), [(3_000, 0)]);
    // Of one that goes on beyond, only the new bytes go out.
    bench.send(RTT_US + 3, 2_500, 3_500);
    assert_eq!(bench.taken(), [(3_000, 500)]);
}

#[test]
fn a_segment_cut_on_the_way_is_repaired_from_the_cut() {
    let mut bench = Bench::new();
    bench.send(RTT_US, 0, 1_000);
    bench.taken();
    bench.ack(2 * RTT_US, 400, &[]);
    let at = bench.flow.next_timer().unwrap();
    bench.timer(at);
    assert_eq!(bench.taken(), [(400, 600)]);
}

#[test]
fn an_old_ack_is_refreshed_for_the_stack() {
    let mut bench = Bench::new();
    bench.send(RTT_US, 0, 2_000);
    bench.ack(2 * RTT_US, 2_000, &[]);
    assert_eq!(bench.ack(2 * RTT_US + 1, 1_000, &[]), Verdict::Refresh(at(2_000)));
}

#[test]
fn after_idling_the_window_is_the_initial_one() {
    let mut bench = Bench::new();
    let mut now = RTT_US;
    let mut byte = 0;
    for _ in 0..3 {
        let room = bench.flow.room(now, 1_000_000, 0) as u32;
        bench.send(now, byte, byte + room);
        byte += room;
        now += RTT_US;
        bench.ack(now, byte, &[]);
    }
    assert!(bench.flow.window() >= 40_000, "{}", bench.flow.window());
    assert_eq!(bench.flow.room(now + 60_000_000, 1_000_000, 0), 10_000);
}

#[test]
fn what_was_selectively_acknowledged_is_sent_again_if_its_acknowledgement_is_lost() {
    let mut bench = Bench::new();
    bench.send(RTT_US, 0, 2_000);
    bench.taken();
    bench.ack(2 * RTT_US, 0, &[(1_000, 2_000)]);
    bench.timer(bench.flow.next_timer().unwrap());
    assert_eq!(bench.taken(), [(0, 1_000)], "the hole");
    bench.ack(4 * RTT_US, 1_000, &[]);
    bench.timer(bench.flow.next_timer().unwrap());
    assert_eq!(bench.taken(), [(1_000, 1_000)]);
}
