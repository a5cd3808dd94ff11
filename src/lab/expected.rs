//! How long an undisturbed delivery takes by counting: round trips, slow start, serialisation. No
//! simulation; the simulation is checked against it.

use crate::sim::scenario::{Cell, Direction, Publish, VariantSpec, Verify};
use ftp_proto::mode::{Structure, TransmissionMode};

/// RFC 6928: ten segments.
const INITIAL_WINDOW: u64 = 10;
/// An Ethernet MTU without the headers of IP and TCP.
const SEGMENT_BYTES: u64 = 1_460;
const HEADER_BYTES: u64 = 40;
/// A command and its reply, each in a packet of its own.
const DIALOGUE_BYTES: f64 = 150.0;
/// A retransmission timeout is longer than the round-trip time, by at least this (Linux).
const TIMEOUT_US: f64 = 200_000.0;

/// Round trips that a contender needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrips {
    /// Once: the control connection and its greeting (2), USER, PASS, TYPE, QUIT, and STRU, MODE
    /// and the data connection (EPSV and its handshake) where they are needed once.
    pub once: u64,
    /// For each file: EPSV and the handshake of its data connection where it has its own; RETR (1:
    /// the data follow the 150 at once) or STOR (2: its 150, then data and 226); SIZE; RNFR and RNTO.
    pub per_file: u64,
}

/// `None` for contenders that do several things at a time.
pub fn round_trips(variant: &VariantSpec, direction: Direction) -> Option<RoundTrips> {
    let plain = variant.parallel == 1 && variant.pipeline_depth == 1 && !variant.resume;
    if !plain || variant.verify == Verify::Hash || variant.marker_interval_bytes.is_some() {
        return None;
    }
    let kept = variant.mode != TransmissionMode::Stream && variant.reuse_data_connection;
    let mode = u64::from(variant.mode != TransmissionMode::Stream);
    let structure = u64::from(variant.structure == Structure::Record);
    let size = u64::from(variant.verify == Verify::Size);
    let (transfer, rename) = match direction {
        Direction::Put => (2, 2 * u64::from(variant.publish == Publish::Rename)),
        Direction::Get => (1, 0),
    };
    Some(RoundTrips {
        once: 2 + 4 + mode + structure + 2 * u64::from(kept),
        per_file: transfer + size + rename + 2 * u64::from(!kept),
    })
}

/// The time of a delivery on a path without losses, from the first packet to the reply to QUIT.
/// `None` where that takes more than counting: losses, concurrency, a window that comes to fill the
/// path, a path so slow and short that the bytes of the dialogue matter.
pub fn duration_us(variant: &VariantSpec, direction: Direction, cell: Cell) -> Option<u64> {
    if cell.loss_ppm > 0 {
        return None;
    }
    let trips = round_trips(variant, direction)?;
    let rtt_us = cell.rtt_us as f64;
    let byte_us = 8e6 / cell.bandwidth_bits_per_s as f64;
    if DIALOGUE_BYTES * byte_us > rtt_us / 20.0 {
        return None;
    }
    let kept = variant.mode != TransmissionMode::Stream && variant.reuse_data_connection;
    let mut flow = Flow { rtt_us, byte_us, window: INITIAL_WINDOW, grows: true };
    // A window not used for a retransmission timeout shrinks to the initial one (RFC 5681 section
    // 4.1); whether it comes to that depends on the timeout's history.
    let may_shrink = trips.per_file as f64 * rtt_us > rtt_us + TIMEOUT_US;
    if kept && may_shrink && cell.delivery.file_size_bytes > INITIAL_WINDOW * SEGMENT_BYTES {
        return None;
    }
    let mut flows_us = 0.0;
    for _ in 0..cell.delivery.files {
        if !kept {
            (flow.window, flow.grows) = (INITIAL_WINDOW, true);
        }
        flows_us += flow.send(cell.delivery.file_size_bytes)?;
    }
    let all = (trips.once + trips.per_file * u64::from(cell.delivery.files)) as f64;
    let us = all * (rtt_us + DIALOGUE_BYTES * byte_us) + flows_us;
    Some(us.round() as u64)
}

/// No delivery is faster: the payload at the bottleneck's rate.
pub fn bandwidth_bound_us(data_wire_bytes: u64, bandwidth_bits_per_s: u64) -> u64 {
    (u128::from(data_wire_bytes) * 8_000_000 / u128::from(bandwidth_bits_per_s.max(1))) as u64
}

/// A connection in slow start, until its window fills the path.
struct Flow {
    rtt_us: f64,
    /// What a byte takes at the bottleneck.
    byte_us: f64,
    /// Segments.
    window: u64,
    /// Slow start goes on.
    grows: bool,
}

impl Flow {
    /// Time from the first byte sent to the last received, without the way itself: windows that
    /// double each round trip, and what the bottleneck needs for the last. Slow start ends when the
    /// acknowledgements of a window take half a round trip (HyStart); `None` where the window matters
    /// after that: then CUBIC decides.
    fn send(&mut self, bytes: u64) -> Option<f64> {
        let segment_us = (SEGMENT_BYTES + HEADER_BYTES) as f64 * self.byte_us;
        let wire_us =
            |bytes: u64| (bytes + bytes.div_ceil(SEGMENT_BYTES) * HEADER_BYTES) as f64 * self.byte_us;
        let mut left = bytes;
        let mut us = 0.0;
        while left > self.window * SEGMENT_BYTES {
            let round_us = self.window as f64 * segment_us;
            if round_us >= self.rtt_us {
                // The path is full: the rest goes without a pause.
                if self.window > INITIAL_WINDOW {
                    return None;
                }
                break;
            }
            if !self.grows {
                return None;
            }
            self.grows = round_us < self.rtt_us / 2.0;
            left -= self.window * SEGMENT_BYTES;
            us += self.rtt_us;
            self.window *= 2;
        }
        // Every segment acknowledged opens the window by one, those of the last flight, too.
        self.window += left.div_ceil(SEGMENT_BYTES);
        Some(us + wire_us(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::{DeliverySpec, Scenario};

    #[test]
    fn round_trips_by_contender() {
        let scenario = Scenario::load("wan-grid").unwrap();
        let trips = |name: &str, direction| {
            let trips = round_trips(scenario.variant(name).unwrap(), direction)?;
            Some((trips.once, trips.per_file))
        };
        assert_eq!(trips("stream", Direction::Put), Some((6, 4)));
        assert_eq!(trips("stream", Direction::Get), Some((6, 3)));
        assert_eq!(trips("stream-size", Direction::Put), Some((6, 5)));
        assert_eq!(trips("stream-rename", Direction::Put), Some((6, 7)));
        assert_eq!(trips("block", Direction::Put), Some((9, 2)));
        assert_eq!(trips("block", Direction::Get), Some((9, 1)));
        assert_eq!(trips("block-pipelined", Direction::Get), None);
    }

    /// The theory of slow start for one file on a new connection at 50 ms and 100 Mbit/s: 101, 152,
    /// 205 and 408 ms with the handshake (1) and the answer (1); measured on Linux: 101.0, 151.7 (of
    /// 30 kB), 205.3, 409.8.
    #[test]
    fn slow_start_as_on_linux() {
        for (bytes, linux_ms) in [(10_000, 101.0), (30_000, 151.7), (100_000, 205.3), (1_000_000, 409.8)] {
            let mut flow = Flow { rtt_us: 50_000.0, byte_us: 0.08, window: INITIAL_WINDOW, grows: true };
            let ms = (flow.send(bytes).unwrap() + 2.0 * 50_000.0) / 1e3;
            assert!((ms / linux_ms - 1.0).abs() < 0.02, "{bytes} bytes: {ms} ms, Linux {linux_ms}");
        }
    }

    #[test]
    fn losses_and_concurrency_have_no_closed_form() {
        let scenario = Scenario::load("wan-grid").unwrap();
        let delivery = DeliverySpec { files: 10, file_size_bytes: 100 };
        let cell = Cell { rtt_us: 50_000, bandwidth_bits_per_s: 1_000_000_000, loss_ppm: 0, delivery };
        let stream = scenario.variant("stream").unwrap();
        let us = duration_us(stream, Direction::Put, cell).unwrap();
        assert!((46 * 50_000..46 * 50_000 + 200).contains(&us), "{us}");
        assert_eq!(duration_us(stream, Direction::Put, Cell { loss_ppm: 1, ..cell }), None);
        assert_eq!(bandwidth_bound_us(1_250_000, 100_000_000), 100_000);
    }
}
