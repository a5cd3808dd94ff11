//! When a kernel's timer fires: Linux counts in ticks and sorts its timers into a wheel whose slots grow coarser
//! with their distance (kernel/time/timer.c: calc_index), so that a timer is up to an eighth late, and never early. It
//! is why a tail loss costs Linux more over a path of a millisecond than RFC 8985 says, and why its second SYN
//! comes after 1.01 to 1.04 seconds.

/// Slots of a level: those of the next are eight times as long.
const SLOTS: u64 = 64;
const COARSER: u32 = 3;
const LEVELS: u32 = 9;

/// The timers of a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wheel {
    /// 0: timers are exact.
    tick_us: u64,
    /// So long before the run began there was a tick: hosts do not start together.
    phase_us: u64,
}

impl Wheel {
    /// `phase`: any number.
    pub(crate) fn new(tick_us: u64, phase: u64) -> Self {
        Self { tick_us, phase_us: phase.checked_rem(tick_us).unwrap_or(0) }
    }

    /// When a timer fires that is set at `now_us` to `timeout_us`.
    pub(super) fn fires(&self, now_us: u64, timeout_us: u64) -> u64 {
        if self.tick_us == 0 {
            return now_us + timeout_us;
        }
        let now = (now_us + self.phase_us) / self.tick_us;
        let ticks = timeout_us.div_ceil(self.tick_us);
        let level = (0..LEVELS).find(|level| ticks < (SLOTS - 1) << (COARSER * level)).unwrap_or(LEVELS);
        let shift = COARSER * level;
        let slot = ((now + ticks) >> shift) + 1;
        (slot << shift) * self.tick_us - self.phase_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_late_by_up_to_a_slot_and_never_early() {
        let wheel = Wheel::new(4_000, 1_234_567);
        // Timeouts, and slots of their levels: 63 ticks, 504 ticks are where the coarser begin.
        for (timeout_us, slot_us) in
            [(1, 4_000), (248_000, 4_000), (252_000, 32_000), (1_000_000, 32_000), (2_016_000, 256_000)]
        {
            let mut late = Vec::new();
            for now_us in (0..5_000_000).step_by(997) {
                late.push(wheel.fires(now_us, timeout_us) - now_us - timeout_us);
            }
            let (least, most) = (*late.iter().min().unwrap(), *late.iter().max().unwrap());
            assert!(most <= slot_us + 4_000, "{timeout_us}: {most}");
            assert!(most - least >= slot_us - 4_000, "{timeout_us}: {least} to {most}");
        }
    }

    #[test]
    fn without_ticks_it_is_exact() {
        assert_eq!(Wheel::new(0, 17).fires(5, 7), 12);
    }
}
