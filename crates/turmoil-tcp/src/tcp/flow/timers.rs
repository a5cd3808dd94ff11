//! The sender's timers, and what it sends again.

use super::{Fate, Flow, Frto, Probe, Recovery, TIMEOUT_MIN_US, Timer};
use crate::segment::{Segment, before};
use crate::tcp::buffers;
use smoltcp::wire::TcpControl;

impl Flow {
    /// When [`Flow::on_timer`] is due.
    pub(crate) fn next_timer(&self) -> Option<u64> {
        let timer = self.timer.map(|(at, _)| at);
        [timer, self.reorder_at, self.paced_until()].into_iter().flatten().min()
    }

    /// `more`: whether unsent data waits for room.
    pub(crate) fn on_timer(&mut self, now_us: u64, more: bool) {
        if self.paced_until().is_some_and(|at| at <= now_us) {
            self.pace.waits = false;
        }
        if self.reorder_at.is_some_and(|at| at <= now_us) {
            let lost = self.detect_losses(now_us);
            if lost > 0 && self.recovery.is_none() {
                // Linux: tcp_rack_reo_timeout.
                self.begin_fast_recovery(now_us);
                self.congestion.recover(self.segments_in_flight(), 1, false);
            }
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
                // RFC 8985 section 7.3: new data if there is any, else the last segment again.
                let again = !more || self.peer_window <= self.nxt.wrapping_sub(self.una);
                self.probe_resend = again;
                self.probe_credit = if again { 0 } else { u64::from(self.mss) };
                self.probe = Some(Probe { end: self.nxt, again });
                self.timer = Some((self.timeout_of_head(now_us), Timer::Retransmit));
            }
            Timer::Retransmit => {
                self.retransmission_timeout(now_us);
                self.timer = Some((self.wheel.fires(now_us, self.rto_us()), Timer::Retransmit));
            }
        }
    }

    /// RFC 6298 section 5; Linux: tcp_enter_loss. What was sent less than a round trip ago is not thought lost.
    pub(super) fn retransmission_timeout(&mut self, now_us: u64) {
        let within = |point| before(self.una, point);
        let first = match self.recovery {
            Some((Recovery::Fast, point)) => !within(point),
            Some((Recovery::Timeout, point)) => !within(point) || self.backoff == 0,
            None => true,
        };
        // RFC 5682 section 3.1: not during another recovery.
        self.frto = if self.backoff > 0 || self.recovery.is_none() { Frto::Watching } else { Frto::Off };
        let recent_us = if self.rack.is_some() { self.rack_rtt_us } else { 0 };
        // The oldest was selectively acknowledged and still is not acknowledged: that was taken back, or the
        // acknowledgement is lost (RFC 2018 section 8; Linux: tcp_timeout_mark_lost).
        let reneged = self.in_flight.front().is_some_and(|head| head.fate == Fate::Sacked);
        for (index, sent) in self.in_flight.iter_mut().enumerate() {
            if reneged && sent.fate == Fate::Sacked {
                sent.fate = Fate::InFlight;
                self.sacked -= 1;
            }
            let recent = index > 0 && now_us < sent.sent_us + recent_us;
            if sent.fate == Fate::InFlight && !recent {
                sent.fate = Fate::Lost;
                self.lost += 1;
            }
        }
        self.congestion.on_timeout(first, self.segments_in_flight());
        self.backoff += 1;
        self.dead |= self.backoff > self.config.retries;
        self.recovery = Some((Recovery::Timeout, self.nxt));
        self.reorder_at = None;
        self.probe = None;
    }

    /// Sends again what is lost, as the window allows.
    pub(crate) fn resend(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) {
        if self.probe_resend {
            self.probe_resend = false;
            let last = self.in_flight.len().checked_sub(1);
            if let Some(last) = last.filter(|last| self.in_flight[*last].fate == Fate::InFlight) {
                self.resend_one(now_us, last, out);
                self.timer = Some((self.timeout_of_head(now_us), Timer::Retransmit));
            }
        }
        if self.lost == 0 || self.frto == Frto::SendNew {
            return;
        }
        let mut index = 0;
        while self.lost > 0 && index < self.in_flight.len() {
            if self.in_flight[index].fate == Fate::Lost {
                if self.segments_in_flight() >= self.congestion.segments() {
                    break;
                }
                if !self.may_leave(now_us) {
                    self.pace.waits = true;
                    break;
                }
                self.resend_one(now_us, index, out);
                if index == 0 {
                    // Linux: tcp_xmit_retransmit_queue.
                    self.timer = Some((self.wheel.fires(now_us, self.rto_us()), Timer::Retransmit));
                }
            }
            index += 1;
        }
        if self.timer.is_none() {
            self.rearm(now_us);
        }
    }

    pub(super) fn resend_one(&mut self, now_us: u64, index: usize, out: &mut dyn FnMut(&[u8])) {
        let Some((src, dst)) = self.addresses else { return };
        let mut packet = buffers::take();
        let stamp = self.rate.sent(now_us, false);
        let sent = &mut self.in_flight[index];
        let payload = &sent.packet[sent.payload_at..];
        let control = if sent.fin { TcpControl::Fin } else { TcpControl::Psh };
        let (seq, ack, window) = (sent.seq, self.ack_sent, self.window_sent);
        Segment { src, dst, seq, ack, window, control, payload }.write(&mut packet);
        out(&packet);
        self.lost -= usize::from(sent.fate == Fate::Lost);
        sent.fate = Fate::InFlight;
        sent.resent = true;
        sent.sent_us = now_us;
        sent.stamp = stamp;
        self.pace(now_us, packet.len());
        self.any_resent = true;
        self.retransmits += 1;
        self.has_sent(now_us);
        buffers::give_back(packet);
    }

    /// The timeout of the oldest segment, where a probe has waited a part of it (Linux: tcp_rto_delta_us).
    fn timeout_of_head(&self, now_us: u64) -> u64 {
        let sent_us = self.in_flight.front().map_or(now_us, |head| head.sent_us);
        self.wheel.fires(now_us, (sent_us + self.rto_us()).saturating_sub(now_us).max(1))
    }

    pub(super) fn rearm(&mut self, now_us: u64) {
        self.timer = match self.in_flight.is_empty() {
            true => None,
            false => Some((self.wheel.fires(now_us, self.rto_us()), Timer::Retransmit)),
        };
        self.rearm_probe(now_us);
    }

    /// A tail loss probe instead of a timeout, where one is allowed and comes earlier (RFC 8985
    /// section 7.2).
    pub(super) fn rearm_probe(&mut self, now_us: u64) {
        let allowed =
            !self.in_flight.is_empty() && self.recovery.is_none() && self.sacked == 0 && self.probe.is_none();
        let Some(srtt) = self.srtt_us.filter(|_| allowed) else { return };
        // Its acknowledgement may be delayed if it is alone (RFC 8985 section 7.2; Linux allows the least
        // retransmission timeout for it, else two milliseconds: tcp_schedule_loss_probe).
        let alone = if self.in_flight.len() == 1 { self.config.min_rto_us } else { TIMEOUT_MIN_US };
        let timeout = match self.timer {
            Some((at, Timer::Retransmit)) => at,
            _ => self.wheel.fires(now_us, self.rto_us()),
        };
        let probe = self.wheel.fires(now_us, 2 * srtt + alone);
        self.timer = Some((probe.min(timeout), Timer::Probe));
    }
}
