//! How long an undisturbed delivery takes by counting: round trips, slow start, serialisation. No
//! simulation; the simulation is checked against it.

use crate::sim::scenario::{Cell, Direction, PathSpec, Publish, VariantSpec, Verify};
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
    let kept = variant.mode.is_framed() && variant.reuse_data_connection;
    let is_deflate = variant.mode == TransmissionMode::Deflate;
    let mode = u64::from(variant.mode != TransmissionMode::Stream);
    let structure = u64::from(variant.structure == Structure::Record);
    // With TYPE, or each behind it.
    let parameters = if variant.asks_ahead { 1 } else { 1 + mode + structure }
        + u64::from(is_deflate && variant.deflate_level.is_some());
    let size = u64::from(variant.verify == Verify::Size);
    let (transfer, rename) = match direction {
        Direction::Put => (2, 2 * u64::from(variant.publish == Publish::Rename)),
        Direction::Get => (1, 0),
    };
    Some(RoundTrips {
        once: 2 + 3 + parameters + 2 * u64::from(kept),
        per_file: transfer + size + rename + 2 * u64::from(!kept),
    })
}

/// The time of a delivery on a path without losses, from the first packet to the reply to QUIT.
/// `None` where that takes more than counting: losses, concurrency, a window that comes to fill the
/// path, a path so slow and short that the bytes of the dialogue matter.
pub fn duration_us(variant: &VariantSpec, direction: Direction, cell: Cell) -> Option<u64> {
    // What a file compresses to is in its bytes.
    if cell.loss_ppm > 0 || variant.mode == TransmissionMode::Deflate {
        return None;
    }
    let trips = round_trips(variant, direction)?;
    let rtt_us = cell.rtt_us as f64;
    let byte_us = 8e6 / cell.bandwidth_bits_per_s as f64;
    if DIALOGUE_BYTES * byte_us > rtt_us / 20.0 {
        return None;
    }
    let kept = variant.mode.is_framed() && variant.reuse_data_connection;
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

/// No undisturbed delivery of these files by this contender is faster, whatever is drawn: the round trips that
/// wait for one another, slow start on every new connection, the bytes on the bottleneck.
pub fn least_us(variant: &VariantSpec, direction: Direction, path: &PathSpec, sizes_bytes: &[u64]) -> u64 {
    let plain = VariantSpec {
        parallel: 1,
        pipeline_depth: 1,
        resume: false,
        marker_interval_bytes: None,
        // HASH takes at least the round trip that SIZE takes.
        verify: if variant.verify == Verify::Reply { Verify::Reply } else { Verify::Size },
        ..variant.clone()
    };
    let Some(trips) = round_trips(&plain, direction) else { return 0 };
    let kept = variant.mode.is_framed() && variant.reuse_data_connection;
    let sessions = u64::from(variant.parallel.max(1));
    // In deflate mode any file may fit into the first flight.
    let starts = !kept && variant.mode != TransmissionMode::Deflate;
    let slow_start: u64 = sizes_bytes.iter().map(|&bytes| if starts { rounds(bytes) } else { 0 }).sum();
    let files = if variant.pipeline_depth > 1 { 0 } else { sizes_bytes.len() as u64 };
    let each = trips.per_file.saturating_mul(files).saturating_add(slow_start);
    // EPSV, too, goes with TYPE then.
    let ahead = u64::from(kept && variant.asks_ahead && variant.pipeline_depth > 1);
    let waits_us = path.rtt_us.saturating_mul(trips.once - ahead + each / sessions);
    // Compressed and deflate mode may send less than there is.
    let bytes = match variant.mode {
        TransmissionMode::Compressed | TransmissionMode::Deflate => 0,
        _ => sizes_bytes.iter().fold(0u64, |sum, bytes| sum.saturating_add(*bytes)),
    };
    waits_us.max(bandwidth_bound_us(bytes, path.bandwidth_bits_per_s))
}

/// Round trips that slow start spends on a file beyond the first flight.
fn rounds(bytes: u64) -> u64 {
    u64::from((bytes.div_ceil(INITIAL_WINDOW * SEGMENT_BYTES) + 1).next_power_of_two().ilog2())
        .saturating_sub(1)
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
        let ahead = VariantSpec { asks_ahead: true, ..scenario.variant("block").unwrap().clone() };
        assert_eq!(round_trips(&ahead, Direction::Put).unwrap().once, 8);
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

    /// Ten segments at first, twice as many each round: 10, 30, 70, 150 segments are there after 0, 1, 2, 3.
    #[test]
    fn slow_start_needs_a_round_for_each_doubling() {
        for (segments, wanted) in
            [(0, 0), (1, 0), (10, 0), (11, 1), (30, 1), (31, 2), (70, 2), (71, 3), (150, 3)]
        {
            assert_eq!(rounds(segments * SEGMENT_BYTES), wanted, "{segments} segments");
        }
    }

    /// The bound is below what counting gives, for every contender that can be counted.
    #[test]
    fn the_least_time_is_no_more_than_the_expected_one() {
        let scenario = Scenario::load("wan-grid").unwrap();
        let grid = scenario.grid.as_ref().unwrap();
        let mut compared = 0;
        for index in 0..grid.cells() {
            let cell = grid.cell(index);
            let path = PathSpec {
                rtt_us: cell.rtt_us,
                bandwidth_bits_per_s: cell.bandwidth_bits_per_s,
                ..scenario.path.clone()
            };
            let sizes = vec![cell.delivery.file_size_bytes; cell.delivery.files as usize];
            for (variant, direction) in
                scenario.variants.iter().flat_map(|v| [(v, Direction::Put), (v, Direction::Get)])
            {
                let least = least_us(variant, direction, &path, &sizes);
                if let Some(expected) = duration_us(variant, direction, cell) {
                    assert!(least <= expected, "{} {direction:?} {cell:?}: {least} {expected}", variant.name);
                    compared += 1;
                }
            }
        }
        assert!(compared > 100, "{compared}");
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
