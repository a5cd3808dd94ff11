//! What arriving acknowledgements say: what is delivered, what is lost, how long the round trip is.

use super::{DUP_THRESH, Fate, Flow, INITIAL_RTO_US, Recovery, Verdict};
use crate::segment::{self, SynOptions, TcpHeader, after, before, later};

impl Flow {
    /// Looks at a packet that has arrived, before the stack does.
    pub(crate) fn on_ingress(&mut self, now_us: u64, header: &TcpHeader, packet: &[u8]) -> Verdict {
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

    pub(super) fn syn_is_acknowledged(&mut self, now_us: u64) {
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

    pub(super) fn acknowledged(&mut self, now_us: u64, ack: u32, packet: &[u8]) {
        let advanced = u64::from(ack.wrapping_sub(self.una));
        let mut delivered = Vec::new();
        let mut rtt = None;
        while let Some(first) = self.in_flight.front_mut() {
            if before(ack, first.end) {
                if after(ack, first.seq) {
                    // Only a part of it is acknowledged: someone on the way has cut it.
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

    pub(super) fn una_has_advanced(&mut self, now_us: u64, advanced: u64, rtt: Option<u64>) {
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

    pub(super) fn selectively_acknowledged(
        &mut self,
        left: u32,
        right: u32,
        delivered: &mut Vec<(u64, u32, bool)>,
    ) {
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

    pub(super) fn rtt_sample(&mut self, rtt_us: u64) {
        let rtt = rtt_us.max(1);
        self.min_rtt_us = self.min_rtt_us.min(rtt);
        self.congestion.rtt_sample(rtt);
        // The estimate is that of RFC 6298 section 2.
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

    pub(super) fn rack_update(&mut self, now_us: u64, sent_us: u64, end: u32, resent: bool) {
        let rtt = now_us - sent_us;
        if resent && rtt < self.min_rtt_us {
            // It is more likely that the original was delivered than the copy.
            return;
        }
        if self.rack.is_none_or(|rack| sent_after((sent_us, end), rack)) {
            self.rack = Some((sent_us, end));
            self.rack_rtt_us = rtt;
        }
    }

    /// RFC 8985 section 6.2, step 5: what was sent before something that has been delivered, and
    /// long enough ago, is lost.
    pub(super) fn detect_losses(&mut self, now_us: u64) {
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
}

/// Whether the first of two segments (send time, end) was sent after the second.
fn sent_after(a: (u64, u32), b: (u64, u32)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && after(a.1, b.1))
}
