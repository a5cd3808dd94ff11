//! Whether the congestion window is used: one that is not must not grow (RFC 7661; Linux: tcp_cwnd_validate).

use super::Flow;
use crate::segment::before;

#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Something was sent since the last look.
    pub sent: bool,
    /// The window kept something from being sent since then.
    pub held_back: bool,
    /// The window was the limit in the round trip that ends at `end`.
    limited: bool,
    /// Most segments outstanding in that round trip.
    most: u64,
    end: u32,
    /// When the window was last the limit, and the most that was outstanding since.
    stamp_us: u64,
    used: u64,
}

impl Flow {
    /// Looks at what the last burst has made of the window; before anything else happens.
    pub(super) fn look_at_usage(&mut self) {
        let (sent, held_back) = (self.usage.sent, self.usage.held_back);
        (self.usage.sent, self.usage.held_back) = (false, false);
        let limited = held_back || self.segments_in_flight() >= self.congestion.segments();
        let Some(now_us) = self.last_send_us.filter(|_| sent || held_back) else { return };
        let (una, nxt, outstanding) = (self.una, self.nxt, self.in_flight.len() as u64);
        let usage = &mut self.usage;
        let is_over = !before(una, usage.end);
        if is_over || limited || (!usage.limited && outstanding > usage.most) {
            (usage.limited, usage.most, usage.end) = (limited, outstanding, nxt);
        }
        if self.is_window_limited() {
            (self.usage.used, self.usage.stamp_us) = (0, now_us);
            return;
        }
        let usage = &mut self.usage;
        usage.used = usage.used.max(outstanding);
        if now_us.saturating_sub(usage.stamp_us) >= self.rto_us() {
            if self.recovery.is_none() && self.sacked == 0 {
                self.congestion.application_limited(self.usage.used);
                self.usage.used = 0;
            }
            self.usage.stamp_us = now_us;
        }
    }

    /// Linux: tcp_is_cwnd_limited. Slow start may double what is used.
    pub(super) fn is_window_limited(&self) -> bool {
        let by_slow_start =
            self.congestion.in_slow_start() && self.congestion.segments() < 2 * self.usage.most;
        self.usage.limited || by_slow_start
    }

    /// The connection is established: nothing is used yet.
    pub(super) fn start_usage(&mut self, now_us: u64) {
        self.usage = Usage { end: self.nxt, stamp_us: now_us, ..Usage::default() };
    }
}
