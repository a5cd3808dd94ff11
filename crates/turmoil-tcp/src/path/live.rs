//! The path in real time: the same links, losses and middlebox, driven by somebody's clock and packets. A program
//! that moves packets between two real kernels by it has them talk over the simulated path.

use super::router::{Departure, LinkCounters, Router, RouterHandle};
use super::{Direction, PathConfig, PathObserver};
use std::sync::Arc;

/// A path of which somebody else keeps the time; nanoseconds count from its beginning.
pub struct LivePath {
    router: Router,
    hop_ns: u64,
}

impl LivePath {
    /// `seed` decides its losses. What the handle arms is carried out as in a simulation.
    pub fn new(path: &PathConfig, seed: u64, observer: Arc<dyn PathObserver>) -> (Self, RouterHandle) {
        let hop_ns = path.rtt_us * 1_000 / 4;
        let handle = RouterHandle::default();
        let router = Router::new(path, hop_ns, seed, handle.clone(), observer);
        (Self { router, hop_ns }, handle)
    }

    /// A host sends an IPv4 packet at `at_ns`: half of its way later it is in the middle of the path.
    pub fn enters(&mut self, at_ns: u64, direction: Direction, packet: Vec<u8>) {
        self.router.enqueue(at_ns + self.hop_ns, direction, packet);
    }

    /// When the next packet is in the middle; until then there is nothing to do.
    pub fn next_ns(&self) -> Option<u64> {
        self.router.next_ns()
    }

    /// Passes every packet that is in the middle by `now_ns`: which way each goes, when it is at its host, and its
    /// bytes.
    pub fn advance(&mut self, now_ns: u64) -> Vec<Departure> {
        self.router.hear();
        self.router.advance(now_ns);
        self.router.take_out(Vec::new())
    }

    /// What has gone this way so far.
    pub fn counters(&self, direction: Direction) -> LinkCounters {
        self.router.counters(direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_takes_half_a_round_trip_and_its_time_on_the_link() {
        let path = PathConfig {
            rtt_us: 40_000,
            bandwidth_bits_per_s: 8_000_000,
            queue_bytes: 10_000,
            loss_ppm: 0,
            impairments: Default::default(),
        };
        let (mut live, _) = LivePath::new(&path, 1, Arc::new(()));
        // No TCP: the middlebox lets it pass.
        let packet = vec![0x45; 1_000];
        live.enters(5_000_000, Direction::Up, packet.clone());
        live.enters(5_000_000, Direction::Up, packet.clone());
        live.enters(5_000_000, Direction::Down, packet.clone());
        assert_eq!(live.next_ns(), Some(15_000_000));
        assert!(live.advance(14_999_999).is_empty());
        let mut out = live.advance(15_000_000);
        out.sort_by_key(|(direction, at_ns, _)| (direction.name(), *at_ns));
        let times: Vec<(&str, u64)> = out.iter().map(|(way, at_ns, _)| (way.name(), *at_ns)).collect();
        // 1,000 bytes take 1 ms.
        assert_eq!(times, [("down", 26_000_000), ("up", 26_000_000), ("up", 27_000_000)]);
        assert!(out.iter().all(|(.., bytes)| *bytes == packet) && live.next_ns().is_none());
        assert_eq!(live.counters(Direction::Up).packets, 2);
    }
}
