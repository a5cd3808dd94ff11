//! Every packet of a run, for a capture file or a picture.

use crate::path::{Direction, Fate, PathObserver};
use std::sync::{Mutex, PoisonError};

/// A packet and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedPacket {
    /// Virtual time when it reached the router, or when the middlebox made it.
    pub at_ns: u64,
    /// The way it went.
    pub direction: Direction,
    /// What became of it.
    pub fate: Fate,
    /// From the IPv4 header on.
    pub bytes: Vec<u8>,
}

/// Packets as they come; shared with the run that it watches.
#[derive(Default)]
pub struct Capture {
    packets: Mutex<Vec<CapturedPacket>>,
}

impl Capture {
    /// Takes one more packet.
    pub fn packet(&self, at_ns: u64, direction: Direction, bytes: &[u8], fate: Fate) {
        let packet = CapturedPacket { at_ns, direction, fate, bytes: bytes.to_vec() };
        self.packets.lock().unwrap_or_else(PoisonError::into_inner).push(packet);
    }

    /// All so far, in order of time.
    pub fn packets(&self) -> Vec<CapturedPacket> {
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        packets.sort_by_key(|packet| packet.at_ns);
        packets
    }
}

/// A capture of its own watches a whole run.
impl PathObserver for Capture {
    fn packet(&self, at_ns: u64, direction: Direction, packet: &[u8], fate: Fate) {
        Capture::packet(self, at_ns, direction, packet, fate);
    }
}
