//! One direction of the bottleneck: serialisation at its rate, and a drop-tail queue before it.

/// Times are kept in units of 1/rate nanoseconds, so that departures carry their fractions.
#[derive(Clone, Debug)]
pub(super) struct Link {
    bits_per_s: u64,
    queue_bytes: u64,
    /// When the last byte accepted so far has left, in ns * bits/s.
    free: u128,
}

const NS_PER_S: u128 = 1_000_000_000;

impl Link {
    pub(super) fn new(bits_per_s: u64, queue_bytes: u64) -> Self {
        Self { bits_per_s: bits_per_s.max(1), queue_bytes, free: 0 }
    }

    fn scaled(&self, at_ns: u64) -> u128 {
        u128::from(at_ns) * u128::from(self.bits_per_s)
    }

    /// Bytes not yet sent, those of the packet on the wire included.
    pub(super) fn backlog_bytes(&self, at_ns: u64) -> u64 {
        (self.free.saturating_sub(self.scaled(at_ns)).div_ceil(8 * NS_PER_S)) as u64
    }

    /// A packet comes to the link; when its last bit leaves (ns, rounded up), or `None` if the
    /// queue is full. An idle link takes a packet of any size. `forced`: whatever the queue.
    pub(super) fn send(&mut self, at_ns: u64, bytes: usize, forced: bool) -> Option<u64> {
        let backlog = self.backlog_bytes(at_ns);
        if !forced && backlog > 0 && backlog + bytes as u64 > self.queue_bytes {
            return None;
        }
        self.free = self.free.max(self.scaled(at_ns)) + bytes as u128 * 8 * NS_PER_S;
        Some(self.free.div_ceil(u128::from(self.bits_per_s)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn departures_keep_their_fractions() {
        // 1500 bytes at 7 bit/ns-ish: 12000 bits at 7 Gbit/s is 1714.2857... ns.
        let mut link = Link::new(7_000_000_000, 1 << 30);
        let departures: Vec<u64> = (0..7).map(|_| link.send(0, 1500, false).unwrap()).collect();
        assert_eq!(departures[0], 1715);
        assert_eq!(departures[6], 12_000);
        assert_eq!(link.send(20_000, 1500, false), Some(21_715), "an idle link starts at once");
    }

    #[test]
    fn a_full_queue_drops_the_tail() {
        let mut link = Link::new(8_000_000, 3000);
        assert_eq!(link.send(0, 1500, false), Some(1_500_000));
        assert_eq!(link.send(0, 1500, false), Some(3_000_000));
        assert_eq!(link.send(0, 1500, false), None);
        assert_eq!(link.backlog_bytes(500_000), 2500);
        assert_eq!(link.send(500_000, 501, false), None);
        assert_eq!(link.send(500_000, 501, true), Some(3_501_000));
        assert_eq!(link.backlog_bytes(10_000_000), 0);
        assert_eq!(
            Link::new(8_000_000, 100).send(0, 1500, false),
            Some(1_500_000),
            "an idle link takes any packet"
        );
    }
}
