//! The claims about cost, judged over a grid of paths and sizes.

use super::published::published;
use super::{CONNECTION_PER_FILE, FASTER, SMALL_OVERHEAD, is_stream, the_modes, untested};
use crate::lab::claim::{Claim, Standing};
use crate::lab::grid::{Grid, GridRecord};
use crate::lab::plural::counted;
use crate::lab::records::Ppm;
use crate::sim::scenario::VariantSpec;
use ftp_proto::mode::TransmissionMode;

/// Files up to this size count as small.
const SMALL_BYTES: u64 = 16_384;

/// Those claims that a grid can tell about, and in the scenario of a published figure that one.
pub fn judge_grid(grid: &Grid) -> Vec<Claim> {
    let evidence = Evidence { grid };
    let mut claims = vec![evidence.connection_per_file(), evidence.faster(), evidence.small_overhead()];
    claims.extend(published(grid));
    claims
}

pub(super) struct Evidence<'a> {
    pub(super) grid: &'a Grid,
}

/// Lowest, highest and number of what was counted.
#[derive(Clone, Copy)]
struct Span {
    low: f64,
    high: f64,
    n: usize,
}

impl Span {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        values.fold(None, |span: Option<Self>, value| {
            let Self { low, high, n } = span.unwrap_or(Self { low: value, high: value, n: 0 });
            Some(Self { low: low.min(value), high: high.max(value), n: n + 1 })
        })
    }

    /// Both ends with so many decimals; one figure where they come to the same.
    fn told(self, decimals: usize) -> String {
        let (low, high) = (format!("{:.decimals$}", self.low), format!("{:.decimals$}", self.high));
        if low == high { low } else { format!("{low} to {high}") }
    }
}

impl<'a> Evidence<'a> {
    pub(super) fn command(&self) -> String {
        format!("ftpsim compare {}", self.grid.scenario.word())
    }

    fn plain_stream(&self) -> Option<&'a VariantSpec> {
        self.grid.scenario.variants.iter().find(|v| is_stream(v) && v.parallel == 1)
    }

    /// Block and compressed mode, the connection kept, one file after the other.
    fn plain(&self, mode: TransmissionMode) -> Option<&'a VariantSpec> {
        let mut variants = self.grid.scenario.variants.iter();
        variants.find(|v| v.mode == mode && v.reuse_data_connection && v.pipeline_depth == 1)
    }

    pub(super) fn marked(&self) -> impl Iterator<Item = &'a VariantSpec> {
        [TransmissionMode::Block, TransmissionMode::Compressed].into_iter().filter_map(|m| self.plain(m))
    }

    /// The modes of those.
    fn modes(&self) -> impl Iterator<Item = TransmissionMode> + Clone {
        let modes: Vec<TransmissionMode> = self.marked().map(|variant| variant.mode).collect();
        modes.into_iter()
    }

    pub(super) fn rows(&self, variant: &'a VariantSpec) -> impl Iterator<Item = &'a GridRecord> {
        // A delivery that did not end is no evidence.
        let ended = self.grid.rows.iter().filter(|row| row.duration_us.is_some());
        ended.filter(move |row| row.variant == variant.name)
    }

    /// The stream contender's row of the same cell and direction.
    pub(super) fn base(&self, stream: &VariantSpec, row: &GridRecord) -> Option<&'a GridRecord> {
        let key = |row: &GridRecord| {
            let path = (row.rtt_us, row.bandwidth_bits_per_s, row.loss.0);
            (row.direction, path, row.file_size_bytes)
        };
        self.grid.rows.iter().find(|base| base.variant == stream.name && key(base) == key(row))
    }

    /// Ratios of time to stream mode's, of the rows without losses that `wanted` picks.
    fn ratios(&self, wanted: impl Fn(&GridRecord) -> bool) -> Option<Span> {
        let stream = self.plain_stream()?;
        Span::of(self.marked().flat_map(|variant| self.rows(variant)).filter_map(|row| {
            let of = row.duration_us.filter(|_| row.loss == Ppm(0) && wanted(row))?;
            Some(of as f64 / self.base(stream, row)?.duration_us? as f64)
        }))
    }

    fn connection_per_file(&self) -> Claim {
        let claim = CONNECTION_PER_FILE.of(self.modes());
        let per_file = |variant: &'a VariantSpec| {
            Span::of(self.rows(variant).map(|row| row.data_connections as f64 / row.files.max(1) as f64))
        };
        let stream = self.plain_stream().and_then(per_file);
        let most = self.marked().filter_map(|variant| {
            Some(Span::of(self.rows(variant).map(|row| row.data_connections as f64))?.high)
        });
        let (Some(stream), Some(marked)) = (stream, Span::of(most)) else {
            return untested(claim, self.command());
        };
        let holds = stream.low >= 1.0 && marked.high <= 1.0;
        Claim {
            claim,
            standing: if holds { Standing::Holds } else { Standing::Fails },
            figure: format!(
                "In {} {} stream mode opened {:.0} data connection a file, {} {:.0} \
                 a delivery at the most.",
                stream.n,
                if stream.n == 1 { "delivery" } else { "deliveries" },
                stream.high,
                the_modes(self.modes()),
                marked.high
            ),
            command: self.command(),
        }
    }

    fn faster(&self) -> Claim {
        let claim = FASTER.of(self.modes());
        let small = |row: &GridRecord| row.file_size_bytes <= SMALL_BYTES;
        let far = self.ratios(|row| small(row) && row.rtt_us >= 10_000);
        let near = self.ratios(|row| small(row) && row.rtt_us < 10_000);
        let large = self.ratios(|row| !small(row));
        let (Some(far), Some(stream)) = (far, self.plain_stream()) else {
            return untested(claim, self.command());
        };
        let tell = |span: Span| span.told(2);
        let mut figure = format!(
            "Files of at most 16 KiB over 10 ms and more: {} of {}'s time in {}",
            tell(far),
            stream.name,
            counted(far.n, "cell")
        );
        if let Some(near) = near {
            figure += &format!("; in a local network {}", tell(near));
        }
        if let Some(large) = large {
            figure += &format!("; larger files {}", tell(large));
        }
        let always = far.high < 1.0;
        let everywhere =
            always && near.is_none_or(|near| near.high < 1.0) && large.is_none_or(|l| l.high < 1.0);
        Claim {
            claim,
            standing: match (always, everywhere) {
                (false, _) => Standing::Fails,
                (true, true) => Standing::Holds,
                (true, false) => Standing::Conditional,
            },
            figure: figure + ".",
            command: self.command(),
        }
    }

    fn small_overhead(&self) -> Claim {
        let claim = SMALL_OVERHEAD.of(self.modes());
        let share = |row: &GridRecord| row.framing_overhead_bytes as f64 / row.payload_bytes.max(1) as f64;
        let all = || self.marked().flat_map(|variant| self.rows(variant));
        let per_file = Span::of(all().map(|row| row.framing_overhead_bytes as f64 / row.files.max(1) as f64));
        let largest = all().map(|row| row.file_size_bytes).max();
        let large = Span::of(all().filter(|row| Some(row.file_size_bytes) == largest).map(share));
        let (Some(per_file), Some(large), Some(stream)) = (per_file, large, self.plain_stream()) else {
            return untested(claim, self.command());
        };
        let dearer = all().filter(|row| {
            row.loss == Ppm(0) && self.base(stream, row).is_some_and(|base| row.wire_bytes > base.wire_bytes)
        });
        let (dearer, cells) = (dearer.count(), all().filter(|row| row.loss == Ppm(0)).count());
        let percents = Span { low: large.low * 100.0, high: large.high * 100.0, ..large };
        Claim {
            claim,
            standing: if large.high < 0.01 { Standing::Holds } else { Standing::Conditional },
            figure: format!(
                "Of incompressible files framing takes {} bytes a file, {} % of the largest; \
                 all packets together are more than {}'s in {dearer} of {} without losses: the \
                 connections saved weigh more elsewhere.",
                per_file.told(0),
                percents.told(3),
                stream.name,
                counted(cells, "cell")
            ),
            command: self.command(),
        }
    }
}

#[cfg(test)]
mod tests;
