//! The sender's half of a TCP connection, pure: packets and microseconds in, decisions out.
//!
//! smoltcp keeps the connection's state and receives; what is sent, when and again is decided here,
//! as a Linux sender would: a congestion window over the bytes in flight (RFC 5681, 9438),
//! selective acknowledgements (RFC 2018, 6675), loss detection by time and tail loss probes (RFC
//! 8985), a retransmission timeout of the smoothed round-trip time plus at least 200 ms (RFC 6298
//! with Linux's floor). The stack's own retransmissions are swallowed and duplicate
//! acknowledgements hidden from it, which also keeps its FIN alive: three of them while only a FIN
//! is outstanding would cancel the FIN's retransmission.
//!
//! Not modelled: PRR, undo of spurious retransmissions, timestamps, ECN.

use super::congestion::{Algorithm, Congestion};
use crate::segment::{self, Segment, SynOptions, TcpHeader, after, before, later};
use smoltcp::wire::TcpControl;
use std::collections::VecDeque;

/// How the sender is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowConfig {
    /// Its congestion control.
    pub algorithm: Algorithm,
    /// Segments sent before the first acknowledgement.
    pub initial_window_segments: u32,
    /// Payload of a full segment.
    pub mss_bytes: u32,
    /// The least that is added to the smoothed round-trip time for a retransmission timeout.
    pub min_rto_us: u64,
    /// Retransmission timeouts grow no longer than this.
    pub max_rto_us: u64,
    /// So many timeouts in a row end the connection (Linux: tcp_retries2).
    pub retries: u32,
}

impl Default for FlowConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Cubic,
            initial_window_segments: 10,
            mss_bytes: 1460,
            min_rto_us: 200_000,
            max_rto_us: 120_000_000,
            retries: 15,
        }
    }
}

const INITIAL_RTO_US: u64 = 1_000_000;
/// Segments reported above a hole before it counts as lost at once (RFC 8985 section 6.2).
const DUP_THRESH: usize = 3;

/// What to do with a packet that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    /// It says nothing the stack should act on.
    Hide,
    /// Its ACK is older than one already seen: the stack would drop its payload, so the newest ACK
    /// goes into it.
    Refresh(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    InFlight,
    Sacked,
    Lost,
}

/// A segment that is not yet acknowledged.
#[derive(Debug)]
struct Sent {
    seq: u32,
    end: u32,
    fin: bool,
    fate: Fate,
    resent: bool,
    sent_us: u64,
    packet: Vec<u8>,
    /// The payload ends where the packet ends.
    payload_at: usize,
}

impl Sent {
    fn len(&self) -> u64 {
        u64::from(self.end.wrapping_sub(self.seq))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recovery {
    /// After a loss found by acknowledgements.
    Fast,
    /// After a timeout: slow start from one segment.
    Timeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Probe,
    Retransmit,
}

#[derive(Debug)]
pub(crate) struct Flow {
    config: FlowConfig,
    congestion: Congestion,
    mss: u32,
    addresses: Option<(std::net::SocketAddrV4, std::net::SocketAddrV4)>,

    syn_sent_us: Option<u64>,
    syns: u32,
    established: bool,
    una: u32,
    nxt: u32,
    in_flight: VecDeque<Sent>,
    /// Bytes thought to be in the network.
    pipe: u64,
    sacked: usize,
    lost: usize,
    any_resent: bool,
    recovery: Option<(Recovery, u32)>,
    /// A tail loss probe is out; until what it covered is acknowledged there is no other.
    probe: Option<u32>,
    probe_credit: u64,
    probe_resend: bool,

    srtt_us: Option<u64>,
    rttvar_us: u64,
    min_rtt_us: u64,
    backoff: u32,
    timer: Option<(u64, Timer)>,
    reorder_at: Option<u64>,
    /// Send time and end of the most recently sent segment known to be delivered, and its round
    /// trip (RFC 8985 section 6.2).
    rack: Option<(u64, u32)>,
    rack_rtt_us: u64,
    dead: bool,

    last_send_us: Option<u64>,
    round_end: u32,
    /// Most bytes in flight, and whether the window held us back: in this round trip and the last.
    most: [u64; 2],
    limited: [bool; 2],

    peer_window: u32,
    peer_scale: u8,
    window_field: Option<u16>,
    ack_sent: Option<u32>,
    window_sent: u16,

    retransmits: u64,
    spare: Vec<Vec<u8>>,
}

impl Flow {
    pub fn new(config: FlowConfig) -> Self {
        Self {
            config,
            congestion: Congestion::new(config.algorithm, config.mss_bytes, config.initial_window_segments),
            mss: config.mss_bytes,
            addresses: None,
            syn_sent_us: None,
            syns: 0,
            established: false,
            una: 0,
            nxt: 0,
            in_flight: VecDeque::new(),
            pipe: 0,
            sacked: 0,
            lost: 0,
            any_resent: false,
            recovery: None,
            probe: None,
            probe_credit: 0,
            probe_resend: false,
            srtt_us: None,
            rttvar_us: 0,
            min_rtt_us: u64::MAX,
            backoff: 0,
            timer: None,
            reorder_at: None,
            rack: None,
            rack_rtt_us: 0,
            dead: false,
            last_send_us: None,
            round_end: 0,
            most: [0; 2],
            limited: [false; 2],
            peer_window: 0,
            peer_scale: 0,
            window_field: None,
            ack_sent: None,
            window_sent: 0,
            retransmits: 0,
            spare: Vec::new(),
        }
    }

    pub fn window(&self) -> u64 {
        self.congestion.window()
    }

    /// Segments sent again, the SYN included.
    pub fn retransmits(&self) -> u64 {
        self.retransmits
    }

    /// What a host in TIME-WAIT repeats: its next sequence number, its ACK and window field.
    pub fn last_words(&self) -> (u32, u32, u16) {
        (self.nxt, self.ack_sent.unwrap_or_default(), self.window_sent)
    }

    /// The newest ACK this end has sent.
    pub fn ack_sent(&self) -> Option<u32> {
        self.ack_sent
    }

    /// The peer can take nothing at present.
    pub fn peer_window_closed(&self) -> bool {
        self.established && self.peer_window == 0
    }

    /// The peer has not answered for so long that the connection is over.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// The connection was reset: nothing is outstanding any more.
    pub fn clear(&mut self) {
        self.in_flight.clear();
        (self.pipe, self.sacked, self.lost) = (0, 0, 0);
        self.una = self.nxt;
        self.timer = None;
        self.reorder_at = None;
    }

    /// A buffer for the stack's next packet.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn recycle(&mut self, packet: Vec<u8>) {
        if self.spare.len() < 64 {
            self.spare.push(packet);
        }
    }

    pub fn rto_us(&self) -> u64 {
        let base = match self.srtt_us {
            Some(srtt) => srtt + (4 * self.rttvar_us).max(self.config.min_rto_us),
            None => INITIAL_RTO_US,
        };
        (base << self.backoff.min(16)).min(self.config.max_rto_us)
    }

    /// How many of `pending` bytes may be given to the stack now, which holds `queued` bytes
    /// already that it has not sent or that are not acknowledged.
    pub fn room(&mut self, now_us: u64, pending: u64, queued: u64) -> u64 {
        if pending == 0 || !self.established || self.dead {
            return 0;
        }
        if self.in_flight.is_empty()
            && let Some(last) = self.last_send_us
        {
            self.congestion.on_idle(now_us.saturating_sub(last), self.rto_us());
            self.last_send_us = Some(now_us);
        }
        let outstanding = u64::from(self.nxt.wrapping_sub(self.una));
        let unsent = queued.saturating_sub(outstanding);
        let window = self.congestion.window();
        let by_window =
            if self.lost > 0 { 0 } else { window.saturating_sub(self.pipe + unsent) } + self.probe_credit;
        let by_peer = u64::from(self.peer_window).saturating_sub(outstanding + unsent);
        let idle = outstanding + unsent == 0;
        if by_peer == 0 && idle {
            // One byte for the stack to probe the closed window with (RFC 9293 section 3.8.6.1).
            return 1;
        }
        if by_window < pending.min(by_peer) {
            self.limited[0] = true;
        }
        let room = pending.min(by_window).min(by_peer);
        let mss = u64::from(self.mss);
        if room == pending || (room < mss && idle) { room } else { room - room % mss }
    }

    /// A packet leaves the stack. What goes on the wire is given to `out`.
    pub fn on_egress(&mut self, now_us: u64, mut packet: Vec<u8>, out: &mut dyn FnMut(&[u8])) {
        let Some(header) = TcpHeader::read(&packet) else {
            out(&packet);
            return self.recycle(packet);
        };
        self.addresses = Some((header.src, header.dst));
        if header.rst || header.syn {
            if header.rst {
                self.clear();
                if header.seq != self.nxt && self.established {
                    segment::patch(&mut packet, self.nxt, header.ack, header.window);
                }
            } else {
                self.syn_leaves(now_us, &header);
            }
            out(&packet);
            return self.recycle(packet);
        }
        let news = header.ack != self.ack_sent || header.window != self.window_sent;
        (self.ack_sent, self.window_sent) = (header.ack, header.window);
        let end = header.seq_end();
        if end == header.seq {
            if header.seq != self.nxt {
                // Between its timeout and its retransmission the stack names an old number, which
                // would make the peer ignore the ACK.
                segment::patch(&mut packet, self.nxt, header.ack, header.window);
            }
            out(&packet);
            return self.recycle(packet);
        }
        let edge = self.una.wrapping_add(self.peer_window);
        let is_probe = header.payload_len() == 1 && !before(header.seq, edge);
        let is_keep_alive = !after(end, self.una);
        if is_probe || is_keep_alive {
            out(&packet);
            return self.recycle(packet);
        }
        if !after(end, self.nxt) {
            // The stack's own retransmission.
            if news {
                self.bare_ack(out);
            }
            return self.recycle(packet);
        }
        if before(header.seq, self.nxt) {
            // A retransmission that goes on with new data: only that is sent.
            let known = self.nxt.wrapping_sub(header.payload_seq()) as usize;
            let control = if header.fin { TcpControl::Fin } else { TcpControl::Psh };
            let payload = &header.payload(&packet)[known.min(header.payload_len() as usize)..];
            let new = Segment {
                src: header.src,
                dst: header.dst,
                seq: self.nxt,
                ack: header.ack,
                window: header.window,
                control,
                payload,
            };
            packet = new.to_vec();
        }
        self.new_data_leaves(now_us, packet, out);
    }

    fn syn_leaves(&mut self, now_us: u64, header: &TcpHeader) {
        self.syns += 1;
        if self.syns == 1 {
            self.syn_sent_us = Some(now_us);
            self.una = header.seq;
            self.nxt = header.seq.wrapping_add(1);
        } else {
            self.retransmits += 1;
            self.syn_sent_us = None;
        }
        self.ack_sent = header.ack;
    }

    fn new_data_leaves(&mut self, now_us: u64, packet: Vec<u8>, out: &mut dyn FnMut(&[u8])) {
        let Some(header) = TcpHeader::read(&packet) else { return };
        out(&packet);
        self.nxt = header.seq_end();
        let sent = Sent {
            seq: header.seq,
            end: header.seq_end(),
            fin: header.fin,
            fate: Fate::InFlight,
            resent: false,
            sent_us: now_us,
            payload_at: packet.len() - header.payload_len() as usize,
            packet,
        };
        self.pipe += sent.len();
        self.in_flight.push_back(sent);
        self.last_send_us = Some(now_us);
        self.most[0] = self.most[0].max(self.pipe);
        self.probe_credit = 0;
        self.rearm_probe(now_us);
        if self.timer.is_none() {
            self.rearm(now_us);
        }
    }

    /// Acknowledges up to `ack` at once.
    pub fn acknowledge(&mut self, ack: u32, out: &mut dyn FnMut(&[u8])) {
        if self.ack_sent != Some(ack) {
            self.ack_sent = Some(ack);
            self.bare_ack(out);
        }
    }

    fn bare_ack(&self, out: &mut dyn FnMut(&[u8])) {
        let Some((src, dst)) = self.addresses else { return };
        let (seq, ack, window) = (self.nxt, self.ack_sent, self.window_sent);
        let ack = Segment { src, dst, seq, ack, window, control: TcpControl::None, payload: &[] };
        out(&ack.to_vec());
    }

    /// Looks at a packet that has arrived, before the stack does.
    pub fn on_ingress(&mut self, now_us: u64, header: &TcpHeader, packet: &[u8]) -> Verdict {
        if header.rst {
            return Verdict::Pass;
        }
        if header.syn {
            let options = SynOptions::read(packet);
            self.peer_scale = options.window_scale.unwrap_or(0).min(14);
            let mss = options.mss.map_or(536, u32::from).clamp(48, self.config.mss_bytes);
            if mss != self.mss && !self.established {
                self.mss = mss;
                self.congestion.set_mss(mss);
            }
        }
        let Some(ack) = header.ack else { return Verdict::Pass };
        if self.syns == 0
            || after(ack, self.nxt.wrapping_add(1))
            || (after(ack, self.nxt) && !self.peer_window_closed())
        {
            return Verdict::Pass;
        }
        if !self.established {
            if ack != self.nxt {
                return Verdict::Pass;
            }
            self.syn_is_acknowledged(now_us);
        }
        if before(ack, self.una) {
            return Verdict::Refresh(self.una);
        }
        let scale = if header.syn { 0 } else { self.peer_scale };
        self.peer_window = u32::from(header.window) << scale;
        let field = (!header.syn).then_some(header.window);
        let same_window = std::mem::replace(&mut self.window_field, field) == field;
        let duplicate = ack == self.una && header.is_pure_ack() && same_window && !self.in_flight.is_empty();
        self.acknowledged(now_us, ack, packet);
        if duplicate { Verdict::Hide } else { Verdict::Pass }
    }

    fn syn_is_acknowledged(&mut self, now_us: u64) {
        self.established = true;
        self.una = self.nxt;
        self.round_end = self.nxt;
        if let Some(sent) = self.syn_sent_us {
            self.rtt_sample(now_us - sent);
        }
        if self.syns > 2 {
            self.congestion.syn_was_lost();
        }
    }

    fn acknowledged(&mut self, now_us: u64, ack: u32, packet: &[u8]) {
        let advanced = u64::from(ack.wrapping_sub(self.una));
        let mut delivered = Vec::new();
        let mut rtt = None;
        while let Some(first) = self.in_flight.front_mut() {
            if before(ack, first.end) {
                if after(ack, first.seq) {
                    // A part of it: someone on the way has cut it.
                    let part = ack.wrapping_sub(first.seq);
                    first.seq = ack;
                    first.payload_at += part as usize;
                    if first.fate == Fate::InFlight {
                        self.pipe -= u64::from(part);
                    }
                }
                break;
            }
            let Some(first) = self.in_flight.pop_front() else { break };
            match first.fate {
                Fate::InFlight => self.pipe -= first.len(),
                Fate::Sacked => self.sacked -= 1,
                Fate::Lost => self.lost -= 1,
            }
            if first.fate != Fate::Sacked {
                delivered.push((first.sent_us, first.end, first.resent));
            }
            if !first.resent && first.fate != Fate::Sacked {
                rtt = Some(now_us - first.sent_us);
            }
            self.recycle(first.packet);
        }
        self.una = ack;
        self.nxt = later(self.nxt, ack);
        if !self.in_flight.is_empty() {
            for (left, right) in segment::sack_ranges(packet) {
                self.selectively_acknowledged(left, right, &mut delivered);
            }
        }
        for (sent_us, end, resent) in delivered {
            self.rack_update(now_us, sent_us, end, resent);
        }
        if let Some(rtt) = rtt {
            self.rtt_sample(rtt);
        }
        if advanced > 0 {
            self.una_has_advanced(now_us, advanced, rtt);
        }
        self.detect_losses(now_us);
        if advanced > 0 {
            self.rearm(now_us);
        }
    }

    fn una_has_advanced(&mut self, now_us: u64, advanced: u64, rtt: Option<u64>) {
        self.backoff = 0;
        if self.probe.is_some_and(|end| !before(self.una, end)) {
            self.probe = None;
        }
        if !before(self.una, self.round_end) {
            self.round_end = self.nxt;
            self.congestion.round_begins(now_us);
            self.most = [self.pipe, self.most[0]];
            self.limited = [false, self.limited[0]];
        }
        if self.recovery.is_some_and(|(_, point)| !before(self.una, point)) {
            self.recovery = None;
        }
        if self.in_flight.is_empty() {
            self.any_resent = false;
            self.reorder_at = None;
        }
        if !matches!(self.recovery, Some((Recovery::Fast, _))) {
            let limited = if self.congestion.in_slow_start() {
                self.congestion.window() < 2 * self.most[0].max(self.most[1])
            } else {
                self.limited[0] || self.limited[1]
            };
            self.congestion.on_ack(now_us, advanced, self.srtt_us.unwrap_or(INITIAL_RTO_US), rtt, limited);
        }
    }

    fn selectively_acknowledged(&mut self, left: u32, right: u32, delivered: &mut Vec<(u64, u32, bool)>) {
        let una = self.una;
        let start =
            self.in_flight.partition_point(|sent| sent.seq.wrapping_sub(una) < left.wrapping_sub(una));
        for sent in self.in_flight.iter_mut().skip(start) {
            if after(sent.end, right) {
                break;
            }
            match sent.fate {
                Fate::Sacked => continue,
                Fate::InFlight => self.pipe -= sent.len(),
                Fate::Lost => self.lost -= 1,
            }
            sent.fate = Fate::Sacked;
            self.sacked += 1;
            delivered.push((sent.sent_us, sent.end, sent.resent));
        }
    }

    fn rtt_sample(&mut self, rtt_us: u64) {
        let rtt = rtt_us.max(1);
        self.min_rtt_us = self.min_rtt_us.min(rtt);
        self.congestion.rtt_sample(rtt);
        // RFC 6298 section 2.
        self.srtt_us = Some(match self.srtt_us {
            None => {
                self.rttvar_us = rtt / 2;
                rtt
            }
            Some(srtt) => {
                self.rttvar_us = (3 * self.rttvar_us + srtt.abs_diff(rtt)) / 4;
                (7 * srtt + rtt) / 8
            }
        });
    }

    fn rack_update(&mut self, now_us: u64, sent_us: u64, end: u32, resent: bool) {
        let rtt = now_us - sent_us;
        if resent && rtt < self.min_rtt_us {
            // More likely the original than the copy was delivered.
            return;
        }
        if self.rack.is_none_or(|rack| sent_after((sent_us, end), rack)) {
            self.rack = Some((sent_us, end));
            self.rack_rtt_us = rtt;
        }
    }

    /// RFC 8985 section 6.2, step 5: what was sent before something that has been delivered, and
    /// long enough ago, is lost.
    fn detect_losses(&mut self, now_us: u64) {
        self.reorder_at = None;
        let Some(rack) = self.rack else { return };
        if self.sacked == 0 && !self.any_resent {
            return;
        }
        let patience = match self.recovery.is_some() || self.sacked >= DUP_THRESH {
            true => 0,
            false if self.min_rtt_us == u64::MAX => 0,
            false => self.min_rtt_us / 4,
        };
        let mut found = false;
        for sent in &mut self.in_flight {
            if sent.fate != Fate::InFlight || !sent_after(rack, (sent.sent_us, sent.end)) {
                continue;
            }
            let due = sent.sent_us + self.rack_rtt_us + patience;
            if now_us >= due {
                sent.fate = Fate::Lost;
                self.lost += 1;
                self.pipe -= sent.len();
                found = true;
            } else {
                self.reorder_at = Some(self.reorder_at.map_or(due, |at| at.min(due)));
            }
        }
        if found && self.recovery.is_none() {
            self.congestion.on_loss();
            self.recovery = Some((Recovery::Fast, self.nxt));
            self.rearm(now_us);
        }
    }

    /// When [`Flow::on_timer`] is due.
    pub fn next_timer(&self) -> Option<u64> {
        let timer = self.timer.map(|(at, _)| at);
        [timer, self.reorder_at].into_iter().flatten().min()
    }

    /// `more`: whether unsent data waits for room.
    pub fn on_timer(&mut self, now_us: u64, more: bool) {
        if self.reorder_at.is_some_and(|at| at <= now_us) {
            self.detect_losses(now_us);
        }
        let Some((at, timer)) = self.timer else { return };
        if at > now_us {
            return;
        }
        if self.in_flight.is_empty() {
            self.timer = None;
            return;
        }
        match timer {
            Timer::Probe => {
                self.probe = Some(self.nxt);
                if more {
                    self.probe_credit = u64::from(self.mss);
                } else {
                    self.probe_resend = true;
                }
            }
            Timer::Retransmit => self.retransmission_timeout(),
        }
        self.timer = Some((now_us + self.rto_us(), Timer::Retransmit));
    }

    fn retransmission_timeout(&mut self) {
        self.congestion
            .on_timeout(self.backoff == 0 && self.recovery.is_none_or(|(kind, _)| kind == Recovery::Fast));
        self.backoff += 1;
        self.dead |= self.backoff > self.config.retries;
        self.recovery = Some((Recovery::Timeout, self.nxt));
        self.reorder_at = None;
        for sent in &mut self.in_flight {
            if sent.fate == Fate::InFlight {
                sent.fate = Fate::Lost;
                self.lost += 1;
            }
        }
        self.pipe = 0;
    }

    /// Sends again what is lost, as the window allows.
    pub fn resend(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) {
        if self.probe_resend {
            self.probe_resend = false;
            if let Some(last) = self.in_flight.back_mut()
                && last.fate == Fate::InFlight
            {
                self.pipe -= last.len();
                last.fate = Fate::Lost;
                self.lost += 1;
                let last = self.in_flight.len() - 1;
                self.resend_one(now_us, last, out);
            }
        }
        if self.lost == 0 {
            return;
        }
        let mut index = 0;
        while self.lost > 0 && index < self.in_flight.len() {
            let sent = &self.in_flight[index];
            if sent.fate == Fate::Lost {
                if self.pipe > 0 && self.pipe + sent.len() > self.congestion.window() {
                    break;
                }
                self.resend_one(now_us, index, out);
            }
            index += 1;
        }
        if self.timer.is_none() {
            self.rearm(now_us);
        }
    }

    fn resend_one(&mut self, now_us: u64, index: usize, out: &mut dyn FnMut(&[u8])) {
        let Some((src, dst)) = self.addresses else { return };
        let mut packet = self.buffer();
        let sent = &mut self.in_flight[index];
        let payload = &sent.packet[sent.payload_at..];
        let control = if sent.fin { TcpControl::Fin } else { TcpControl::Psh };
        let (seq, ack, window) = (sent.seq, self.ack_sent, self.window_sent);
        Segment { src, dst, seq, ack, window, control, payload }.write(&mut packet);
        out(&packet);
        sent.fate = Fate::InFlight;
        sent.resent = true;
        sent.sent_us = now_us;
        self.pipe += sent.len();
        self.lost -= 1;
        self.any_resent = true;
        self.retransmits += 1;
        self.last_send_us = Some(now_us);
        self.recycle(packet);
    }

    fn rearm(&mut self, now_us: u64) {
        self.timer = match self.in_flight.is_empty() {
            true => None,
            false => Some((now_us + self.rto_us(), Timer::Retransmit)),
        };
        self.rearm_probe(now_us);
    }

    /// A tail loss probe instead of a timeout, where one is allowed and comes earlier (RFC 8985
    /// section 7.2).
    fn rearm_probe(&mut self, now_us: u64) {
        let allowed =
            !self.in_flight.is_empty() && self.recovery.is_none() && self.sacked == 0 && self.probe.is_none();
        let Some(srtt) = self.srtt_us.filter(|_| allowed) else { return };
        let alone = if self.in_flight.len() == 1 { self.config.min_rto_us } else { 0 };
        let timeout = match self.timer {
            Some((at, Timer::Retransmit)) => at,
            _ => now_us + self.rto_us(),
        };
        self.timer = Some(((now_us + 2 * srtt + alone).min(timeout), Timer::Probe));
    }
}

/// Whether the first of two segments (send time, end) was sent after the second.
fn sent_after(a: (u64, u32), b: (u64, u32)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && after(a.1, b.1))
}

#[cfg(test)]
mod tests;
