//! Segments that leave spread over time, for congestion controls that ask for it (Linux: sk_pacing_rate, with its
//! internal timer instead of a queueing discipline).

use super::Flow;

/// As many are sent at first without (Linux: tcp_update_skb_after_send).
const UNPACED_SEGMENTS: u64 = 10;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When the next may leave.
    next_ns: u64,
    segments: u64,
    /// Something waits for that.
    pub waits: bool,
}

impl Flow {
    /// A segment leaves in a packet of so many bytes.
    pub(super) fn pace(&mut self, now_us: u64, bytes: usize) {
        let Some(pacing) = self.congestion.pacing() else { return };
        self.pace.segments += 1;
        if self.pace.segments > UNPACED_SEGMENTS {
            let takes_ns = bytes as u64 * 1_000_000_000 / pacing.bytes_per_s;
            self.pace.next_ns = self.pace.next_ns.max(now_us * 1000) + takes_ns;
        }
    }

    pub(super) fn may_leave(&self, now_us: u64) -> bool {
        self.pace.next_ns <= now_us * 1000
    }

    /// How many bytes may leave now.
    pub(super) fn paced_room(&mut self, now_us: u64, wanted: u64) -> u64 {
        let Some(pacing) = self.congestion.pacing() else { return u64::MAX };
        if !self.may_leave(now_us) {
            self.pace.waits = true;
            return 0;
        }
        let unpaced = UNPACED_SEGMENTS.saturating_sub(self.pace.segments);
        let room = pacing.bunch.max(unpaced) * u64::from(self.mss);
        // What is left waits for the timer that sending sets.
        self.pace.waits = wanted > room;
        room
    }

    /// When pacing lets the next segment leave, if one waits.
    pub(super) fn paced_until(&self) -> Option<u64> {
        self.pace.waits.then(|| self.pace.next_ns.div_ceil(1000))
    }

    /// The application is about to write, with `pending` bytes of it unsent.
    pub(crate) fn will_write(&mut self, pending: usize) {
        let in_flight = self.segments_in_flight();
        if pending < self.mss as usize && in_flight < self.congestion.segments() && self.lost == 0 {
            self.rate.is_app_limited(in_flight);
        }
    }
}
