//! What arriving acknowledgements say: what is delivered, what is lost, how long the round trip is.

use super::{DUP_THRESH, Fate, Flow, Sent, Stamp, TIMEOUT_MIN_US, Verdict};
use crate::segment::{self, SynOptions, TcpHeader, after, before, later};
use crate::tcp::buffers;
use crate::tcp::congestion::RttSample;

/// A segment that was newly delivered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    sent_us: u64,
    end: u32,
    pub resent: bool,
    stamp: Stamp,
}

/// What an acknowledgement has said.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Those acknowledged, then those selectively acknowledged.
    pub delivered: Vec<Delivered>,
    acked: usize,
    /// Something acknowledged was sent twice.
    any_resent: bool,
    /// Something was selectively acknowledged.
    pub sacked: bool,
    /// Segments in flight before.
    pub prior_in_flight: u64,
    /// The round trip of the youngest segment.
    pub rtt_us: Option<u64>,
}

impl News {
    fn deliver(&mut self, sent: &Sent) {
        self.delivered.push(Delivered {
            sent_us: sent.sent_us,
            end: sent.end,
            resent: sent.resent,
            stamp: sent.stamp,
        });
    }

    /// Of what was delivered, what was sent last: when, and what was delivered then.
    pub(super) fn newest(&self) -> Option<(u64, Stamp)> {
        let newest = self
            .delivered
            .iter()
            .reduce(|a, b| if sent_after((b.sent_us, b.end), (a.sent_us, a.end)) { b } else { a });
        newest.map(|delivered| (delivered.sent_us, delivered.stamp))
    }

    /// Something that was sent once and up to `point` has been delivered.
    pub(super) fn has_original(&self, point: u32) -> bool {
        self.delivered.iter().any(|delivered| !delivered.resent && !after(delivered.end, point))
    }
}

impl Flow {
    /// Looks at a packet that has arrived, before the stack does.
    pub(crate) fn on_ingress(&mut self, now_us: u64, header: &TcpHeader, packet: &[u8]) -> Verdict {
        if header.rst {
            return Verdict::Pass;
        }
        self.look_at_usage();
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
        self.start_usage(now_us);
        if let Some(sent) = self.syn_sent_us {
            self.rtt_sample(now_us - sent);
            self.min_rtt_us = now_us - sent;
        }
        self.congestion.established(self.srtt_us);
        if self.syns > 2 {
            self.congestion.syn_was_lost();
        }
    }

    pub(super) fn acknowledged(&mut self, now_us: u64, ack: u32, packet: &[u8]) {
        let advanced = ack != self.una;
        let delivered = std::mem::take(&mut self.delivered);
        let mut news = News { delivered, prior_in_flight: self.segments_in_flight(), ..News::default() };
        self.cumulatively_acknowledged(ack, &mut news);
        self.una = ack;
        self.nxt = later(self.nxt, ack);
        if !self.in_flight.is_empty() {
            for (left, right) in segment::sack_ranges(packet) {
                self.selectively_acknowledged(left, right, &mut news);
            }
        }
        news.sacked = news.delivered.len() > news.acked;
        self.measure(now_us, &mut news);
        for delivered in &news.delivered {
            self.rack_update(now_us, delivered.sent_us, delivered.end, delivered.resent);
        }
        self.step(now_us, advanced, &news);
        if advanced {
            self.rearm(now_us);
        }
        news.delivered.clear();
        self.delivered = news.delivered;
    }

    fn cumulatively_acknowledged(&mut self, ack: u32, news: &mut News) {
        while let Some(first) = self.in_flight.front_mut() {
            if before(ack, first.end) {
                if after(ack, first.seq) {
                    // Only a part of it is acknowledged: someone on the way has cut it.
                    let part = ack.wrapping_sub(first.seq);
                    first.seq = ack;
                    first.payload_at += part as usize;
                }
                break;
            }
            let Some(first) = self.in_flight.pop_front() else { break };
            match first.fate {
                Fate::InFlight => {}
                Fate::Sacked => self.sacked -= 1,
                Fate::Lost => self.lost -= 1,
            }
            if first.fate != Fate::Sacked {
                news.deliver(&first);
            }
            news.any_resent |= first.resent;
            buffers::give_back(first.packet);
        }
        news.acked = news.delivered.len();
    }

    pub(super) fn selectively_acknowledged(&mut self, left: u32, right: u32, news: &mut News) {
        let una = self.una;
        let start =
            self.in_flight.partition_point(|sent| sent.seq.wrapping_sub(una) < left.wrapping_sub(una));
        for sent in self.in_flight.iter_mut().skip(start) {
            if after(sent.end, right) {
                break;
            }
            match sent.fate {
                Fate::Sacked => continue,
                Fate::InFlight => {}
                Fate::Lost => self.lost -= 1,
            }
            sent.fate = Fate::Sacked;
            self.sacked += 1;
            news.deliver(sent);
        }
    }

    /// Round trips, of segments that were sent once (Karn): the oldest one acknowledged, whose acknowledgement
    /// may have been delayed, for the timers, and the youngest for congestion control (Linux: tcp_clean_rtx_queue).
    fn measure(&mut self, now_us: u64, news: &mut News) {
        let (acked, sacked) = news.delivered.split_at(news.acked);
        let of = |delivered: &[Delivered]| {
            let mut once = delivered.iter().filter(|it| !it.resent).map(|it| now_us - it.sent_us);
            once.next().map(|oldest| (oldest, once.next_back().unwrap_or(oldest)))
        };
        let (acked, sacked) = (of(acked).filter(|_| !news.any_resent), of(sacked));
        if let Some((oldest, _)) = acked.or(sacked) {
            self.rtt_sample(oldest);
        }
        if let Some((_, youngest)) = sacked.or(acked) {
            self.min_rtt_us = self.min_rtt_us.min(youngest.max(1));
            news.rtt_us = Some(youngest.max(1));
            let (una, nxt) = (self.una, self.nxt);
            self.congestion.measured(&RttSample { now_us, rtt_us: youngest, una, nxt });
        }
    }

    pub(super) fn rtt_sample(&mut self, rtt_us: u64) {
        let rtt = rtt_us.max(1);
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
    /// long enough ago, is lost. How many segments newly are.
    pub(super) fn detect_losses(&mut self, now_us: u64) -> usize {
        self.reorder_at = None;
        let Some(rack) = self.rack else { return 0 };
        if self.sacked == 0 && !self.any_resent {
            return 0;
        }
        let patience = match self.recovery.is_some() || self.sacked >= DUP_THRESH {
            true => 0,
            false if self.min_rtt_us == u64::MAX => 0,
            false => self.min_rtt_us / 4,
        };
        let before = self.lost;
        for sent in &mut self.in_flight {
            if sent.fate != Fate::InFlight || !sent_after(rack, (sent.sent_us, sent.end)) {
                continue;
            }
            let due = sent.sent_us + self.rack_rtt_us + patience;
            if now_us >= due {
                sent.fate = Fate::Lost;
                self.lost += 1;
            } else {
                // Linux waits for the last of them, and a little more (tcp_rack_mark_lost).
                let due = self.wheel.fires(now_us, due - now_us + TIMEOUT_MIN_US);
                self.reorder_at = Some(self.reorder_at.map_or(due, |at| at.max(due)));
            }
        }
        self.lost - before
    }
}

/// Whether the first of two segments (send time, end) was sent after the second.
fn sent_after(a: (u64, u32), b: (u64, u32)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && after(a.1, b.1))
}
