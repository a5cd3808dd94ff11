//! A real TCP for turmoil: hosts with a TCP that behaves as Linux's, the path between them, and faults
//! at stream offsets, deterministic to the microsecond.

pub mod capture;
pub mod network;
pub mod path;
#[cfg(feature = "pcap")]
pub mod pcap;
pub mod seeds;
pub mod tcp;
