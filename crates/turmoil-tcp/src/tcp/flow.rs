//! The sender's half of a TCP connection, pure: packets and microseconds in, decisions out.
//!
//! smoltcp keeps the connection's state and receives; what is sent, when and again is decided here,
//! as a Linux sender would: a congestion window over the bytes in flight (RFC 5681, 9438),
//! selective acknowledgements (RFC 2018, 6675), loss detection by time and tail loss probes (RFC
//! 8985), proportional rate reduction (RFC 6937), a retransmission timeout of the smoothed round-trip time plus at
//! least 200 ms (RFC 6298 with Linux's floor) and its undo where it was spurious (RFC 5682). The stack's own retransmissions are swallowed and duplicate
//! acknowledgements hidden from it, which also keeps its FIN alive: three of them while only a FIN
//! is outstanding would cancel the FIN's retransmission.
//!
//! Windows and what is in flight are counted in segments, as Linux does: a small one takes the place of a full one.
//!
//! Not modelled: time stamps, ECN.

mod acks;
mod pacing;
mod rate;
mod recovery;
mod timers;
mod usage;
mod wheel;

use super::buffers;
use super::congestion::{Algorithm, Congestion};
use crate::segment::{self, Segment, TcpHeader, after, before};
use pacing::Pace;
use rate::{Rate, Stamp};
use smoltcp::wire::TcpControl;
use std::collections::VecDeque;
use usage::Usage;
pub(crate) use wheel::Wheel;

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
    /// The kernel's timers fire on its ticks (Linux: CONFIG_HZ; 250 of them a second), and late ones on every
    /// eighth, and so on; 0: they are exact.
    pub tick_us: u64,
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
            tick_us: 4_000,
            retries: 15,
        }
    }
}

/// Linux's TCP_TIMEOUT_MIN_US: what tail loss probes and the wait for reordered segments take on top.
const TIMEOUT_MIN_US: u64 = 2_000;
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
    stamp: Stamp,
    packet: Vec<u8>,
    /// The payload ends where the packet ends.
    payload_at: usize,
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

/// Whether a timeout was spurious (RFC 5682).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frto {
    /// That is not asked.
    Off,
    /// Acknowledgements may show it.
    Watching,
    /// New data is to be sent now, rather than what is thought lost, to see it.
    SendNew,
}

/// A tail loss probe (RFC 8985 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    /// What was sent when it left.
    end: u32,
    /// It was sent before; else it was new data.
    again: bool,
}

#[derive(Debug)]
pub(crate) struct Flow {
    config: FlowConfig,
    wheel: Wheel,
    congestion: Congestion,
    mss: u32,
    addresses: Option<(std::net::SocketAddrV4, std::net::SocketAddrV4)>,

    syn_sent_us: Option<u64>,
    syns: u32,
    established: bool,
    una: u32,
    nxt: u32,
    in_flight: VecDeque<Sent>,
    sacked: usize,
    lost: usize,
    any_resent: bool,
    recovery: Option<(Recovery, u32)>,
    frto: Frto,
    /// A tail loss probe is out; until what it covered is acknowledged there is no other.
    probe: Option<Probe>,
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
    usage: Usage,
    rate: Rate,
    pace: Pace,

    peer_window: u32,
    peer_scale: u8,
    window_field: Option<u16>,
    ack_sent: Option<u32>,
    window_sent: u16,

    retransmits: u64,
    /// Of the last acknowledgement, for the room that it has.
    delivered: Vec<acks::Delivered>,
}

impl Flow {
    /// `luck`: what congestion control leaves to chance is decided by it.
    pub(crate) fn new(config: FlowConfig, wheel: Wheel, luck: u64) -> Self {
        Self {
            config,
            wheel,
            congestion: Congestion::new(
                config.algorithm,
                config.mss_bytes,
                config.initial_window_segments,
                luck,
            ),
            mss: config.mss_bytes,
            addresses: None,
            syn_sent_us: None,
            syns: 0,
            established: false,
            una: 0,
            nxt: 0,
            in_flight: VecDeque::new(),
            sacked: 0,
            lost: 0,
            any_resent: false,
            recovery: None,
            frto: Frto::Off,
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
            usage: Usage::default(),
            rate: Rate::default(),
            pace: Pace::default(),
            peer_window: 0,
            peer_scale: 0,
            window_field: None,
            ack_sent: None,
            window_sent: 0,
            retransmits: 0,
            delivered: Vec::new(),
        }
    }

    pub(crate) fn window(&self) -> u64 {
        self.congestion.window()
    }

    /// Segments sent again, the SYN included.
    pub(crate) fn retransmits(&self) -> u64 {
        self.retransmits
    }

    /// What a host in TIME-WAIT repeats: its next sequence number, its ACK and window field.
    pub(crate) fn last_words(&self) -> (u32, u32, u16) {
        (self.nxt, self.ack_sent.unwrap_or_default(), self.window_sent)
    }

    /// The newest ACK this end has sent.
    pub(crate) fn ack_sent(&self) -> Option<u32> {
        self.ack_sent
    }

    /// The peer can take nothing at present.
    pub(crate) fn peer_window_closed(&self) -> bool {
        self.established && self.peer_window == 0
    }

    /// The peer has not answered for so long that the connection is over.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// The connection was reset: nothing is outstanding any more.
    pub(crate) fn clear(&mut self) {
        self.in_flight.clear();
        (self.sacked, self.lost) = (0, 0);
        self.una = self.nxt;
        self.timer = None;
        self.reorder_at = None;
    }

    /// Segments thought to be in the network.
    fn segments_in_flight(&self) -> u64 {
        (self.in_flight.len() - self.sacked - self.lost) as u64
    }

    fn has_sent(&mut self, now_us: u64) {
        self.last_send_us = Some(now_us);
        self.usage.sent = true;
        self.congestion.sent();
    }

    pub(crate) fn rto_us(&self) -> u64 {
        let base = match self.srtt_us {
            Some(srtt) => srtt + (4 * self.rttvar_us).max(self.config.min_rto_us),
            None => INITIAL_RTO_US,
        };
        (base << self.backoff.min(16)).min(self.config.max_rto_us)
    }

    /// How many of `pending` bytes may be given to the stack now, which holds `queued` bytes
    /// already that it has not sent or that are not acknowledged.
    pub(crate) fn room(&mut self, now_us: u64, pending: u64, queued: u64) -> u64 {
        if pending == 0 || !self.established || self.dead {
            return 0;
        }
        if self.in_flight.is_empty()
            && let Some(last) = self.last_send_us
        {
            self.congestion.resumed(now_us, now_us.saturating_sub(last), self.rto_us());
            self.last_send_us = Some(now_us);
        }
        let outstanding = u64::from(self.nxt.wrapping_sub(self.una));
        let unsent = queued.saturating_sub(outstanding);
        let mss = u64::from(self.mss);
        let quota = self.congestion.segments().saturating_sub(self.segments_in_flight());
        // What is lost goes first.
        let lost_first = self.lost > 0 && self.frto != Frto::SendNew;
        let by_window = if lost_first { 0 } else { quota * mss }.saturating_sub(unsent) + self.probe_credit;
        let by_peer = u64::from(self.peer_window).saturating_sub(outstanding + unsent);
        let idle = outstanding + unsent == 0;
        if by_peer == 0 && idle {
            // One byte is left for the stack to probe the closed window with (RFC 9293 section 3.8.6.1).
            return 1;
        }
        self.usage.held_back |= quota == 0;
        let room = pending.min(by_window).min(by_peer).min(self.paced_room(now_us, pending));
        if room == pending || (room < mss && idle) { room } else { room - room % mss }
    }

    /// A packet leaves the stack. What goes on the wire is given to `out`.
    pub(crate) fn on_egress(&mut self, now_us: u64, mut packet: Vec<u8>, out: &mut dyn FnMut(&[u8])) {
        let Some(header) = TcpHeader::read(&packet) else {
            out(&packet);
            return buffers::give_back(packet);
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
            return buffers::give_back(packet);
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
            return buffers::give_back(packet);
        }
        let edge = self.una.wrapping_add(self.peer_window);
        let is_probe = header.payload_len() == 1 && !before(header.seq, edge);
        let is_keep_alive = !after(end, self.una);
        if is_probe || is_keep_alive {
            out(&packet);
            return buffers::give_back(packet);
        }
        if !after(end, self.nxt) {
            // It is the stack's own retransmission.
            if news {
                self.bare_ack(out);
            }
            return buffers::give_back(packet);
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
        let stamp = self.rate.sent(now_us, self.in_flight.is_empty());
        self.pace(now_us, packet.len());
        let sent = Sent {
            stamp,
            seq: header.seq,
            end: header.seq_end(),
            fin: header.fin,
            fate: Fate::InFlight,
            resent: false,
            sent_us: now_us,
            payload_at: packet.len() - header.payload_len() as usize,
            packet,
        };
        self.in_flight.push_back(sent);
        self.has_sent(now_us);
        if self.frto == Frto::SendNew {
            self.frto = Frto::Watching;
        }
        if std::mem::take(&mut self.probe_credit) > 0 {
            self.probe = Some(Probe { end: self.nxt, again: false });
        }
        self.rearm_probe(now_us);
        if self.timer.is_none() {
            self.rearm(now_us);
        }
    }

    /// Acknowledges up to `ack` at once.
    pub(crate) fn acknowledge(&mut self, ack: u32, out: &mut dyn FnMut(&[u8])) {
        if self.ack_sent != Some(ack) {
            self.ack_sent = Some(ack);
            self.bare_ack(out);
        }
    }

    /// Acknowledges what it has acknowledged.
    pub(crate) fn acknowledge_again(&self, out: &mut dyn FnMut(&[u8])) {
        self.bare_ack(out);
    }

    fn bare_ack(&self, out: &mut dyn FnMut(&[u8])) {
        let Some((src, dst)) = self.addresses else { return };
        let (seq, ack, window) = (self.nxt, self.ack_sent, self.window_sent);
        let ack = Segment { src, dst, seq, ack, window, control: TcpControl::None, payload: &[] };
        out(&ack.to_vec());
    }
}

#[cfg(test)]
mod linux_tests;
#[cfg(test)]
mod tests;
