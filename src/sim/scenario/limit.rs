//! How long a run may take.

use super::{Cell, DeliverySpec, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More than eleven days of virtual time.
pub(super) const MAX_US: u64 = 1_000_000_000_000;

/// Round trips that no file needs more than: EPSV, the handshake of its data connection, REST, STOR and its
/// two replies, SIZE, HASH, RNFR, RNTO.
const ROUND_TRIPS_PER_FILE: u64 = 12;
/// RFC 6928's ten segments of an Ethernet MTU.
const INITIAL_WINDOW_BYTES: u64 = 14_600;
/// How much longer a delivery may take than one that nothing disturbs and everything slows: each packet
/// may be lost several times, and every retransmission waits for its timer.
const LOSSY_FACTOR: u64 = 20;
const LOSSLESS_FACTOR: u64 = 4;
/// So many waits of the longest kind, by faults and by what is tried again after them.
const WAITS: u64 = 20;

/// `[limits]` of a scenario file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    /// A run still going at this virtual time is stopped, as with [`Limits`]; files without a word are
    /// `stuck`. When absent, it follows from path, workload and timeouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_US))]
    pub virtual_time_us: Option<u64>,
}

impl LimitsSpec {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What ends a run that does not end by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// A run still going at this virtual time is stopped; files without a word are `stuck`.
    pub virtual_time_us: u64,
}

impl Scenario {
    /// The limits of its runs: what the file says, or what follows from the rest of it.
    pub fn limits(&self) -> Limits {
        let virtual_time_us = self.limits.virtual_time_us.unwrap_or_else(|| self.ample_time_us());
        Limits { virtual_time_us }
    }

    /// In whole seconds, more than any delivery of this scenario takes that comes to an end at all.
    pub fn ample_time_us(&self) -> u64 {
        let t = &self.timeouts;
        let wait_us = [t.connect_us, t.data_idle_us, t.reply_us, t.retry_delay_us]
            .into_iter()
            .fold(0, u64::saturating_add);
        let waits_us = wait_us.saturating_mul(WAITS).saturating_add(t.control_idle_us);
        let us = self.slow_delivery_us().saturating_add(waits_us);
        us.div_ceil(1_000_000).saturating_mul(1_000_000).min(MAX_US)
    }

    /// The longest that is delivered, over the worst path there is, without waits.
    fn slow_delivery_us(&self) -> u64 {
        let (path, workload) = (&self.path, &self.workload);
        let worst = match &self.grid {
            Some(grid) => Cell {
                rtt_us: grid.rtt_us.iter().copied().max().unwrap_or(path.rtt_us),
                bandwidth_bits_per_s: grid.bandwidth_bits_per_s.iter().copied().min().unwrap_or(1),
                loss_ppm: grid.loss_ppm.iter().copied().max().unwrap_or(0),
                delivery: DeliverySpec {
                    files: grid.deliveries.iter().map(|delivery| delivery.files).max().unwrap_or(0),
                    file_size_bytes: grid.deliveries.iter().map(|d| d.file_size_bytes).max().unwrap_or(0),
                },
            },
            None => Cell {
                rtt_us: path.rtt_us,
                bandwidth_bits_per_s: path.bandwidth_bits_per_s,
                loss_ppm: path.loss_ppm,
                delivery: DeliverySpec {
                    files: workload.files,
                    file_size_bytes: *workload.sizes_bytes.iter().max().unwrap_or(&workload.size_bytes[1]),
                },
            },
        };
        let rtt_us = worst.rtt_us.saturating_add(path.jitter_us).saturating_add(path.reorder_us);
        let bytes = worst.delivery.file_size_bytes;
        // Slow start doubles its window each round trip.
        let rounds = u64::from(bytes.div_ceil(INITIAL_WINDOW_BYTES).max(1).ilog2()) + 1;
        let round_trips_us = rtt_us.saturating_mul(ROUND_TRIPS_PER_FILE + rounds);
        let bits = u128::from(bytes) * 9 + 20_000;
        let link_us = bits * 1_000_000 / u128::from(worst.bandwidth_bits_per_s.max(1));
        let file_us = round_trips_us.saturating_add(link_us.try_into().unwrap_or(u64::MAX));
        let loses = worst.loss_ppm > 0 || path.loses() || self.faults.iter().any(|f| f.loss_ppm.is_some());
        let factor = if loses { LOSSY_FACTOR } else { LOSSLESS_FACTOR };
        file_us.saturating_mul(worst.delivery.files.into()).saturating_mul(factor)
    }
}
