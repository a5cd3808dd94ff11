//! The sender's timers, and what it sends again.

use super::{Fate, Flow, Recovery, Timer};
use crate::segment::Segment;
use smoltcp::wire::TcpControl;

impl Flow {
    /// When [`Flow::on_timer`] is due.
    pub(crate) fn next_timer(&self) -> Option<u64> {
        let timer = self.timer.map(|(at, _)| at);
        [timer, self.reorder_at].into_iter().flatten().min()
    }

    /// `more`: whether unsent data waits for room.
    pub(crate) fn on_timer(&mut self, now_us: u64, more: bool) {
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

    pub(super) fn retransmission_timeout(&mut self) {
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
    pub(crate) fn resend(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) {
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

    pub(super) fn resend_one(&mut self, now_us: u64, index: usize, out: &mut dyn FnMut(&[u8])) {
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

    pub(super) fn rearm(&mut self, now_us: u64) {
        self.timer = match self.in_flight.is_empty() {
            true => None,
            false => Some((now_us + self.rto_us(), Timer::Retransmit)),
        };
        self.rearm_probe(now_us);
    }

    /// A tail loss probe instead of a timeout, where one is allowed and comes earlier (RFC 8985
    /// section 7.2).
    pub(super) fn rearm_probe(&mut self, now_us: u64) {
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
