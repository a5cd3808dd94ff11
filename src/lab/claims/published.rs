//! Figures that others have published, theirs beside ours. Each has a scenario of its own name, which says
//! whose figure it is and what is otherwise here.

use super::grid::Evidence;
use super::untested;
use crate::lab::claim::{Claim, Standing};
use crate::lab::grid::{Grid, GridRecord};
use crate::lab::plural::counted;
use crate::sim::scenario::VariantSpec;

const PIPELINING: &str = "With pipelining the rate holds down to files of 100 kB; without it, it does not.";
const ONE_CONNECTION: &str =
    "One connection, kept and pipelined, is faster than several in parallel that open anew for each file.";
const MARKERS: &str = "On the wire restart markers cost their texts and three bytes for each block, theirs and those that they cut.";

/// The smallest files at which pipelining is to keep the rate.
const KEPT_TO_BYTES: u64 = 100_000;
/// From so long a round trip on a path is a wide area.
const WIDE_AREA_US: u64 = 10_000;
/// Of the rate of large files: what counts as holding it.
const HOLDS_SHARE: f64 = 0.9;
/// What counts as losing it.
const LOST_SHARE: f64 = 0.5;
/// RFC 959 section 3.4.2.
const HEADER_BYTES: u64 = 3;
/// The largest block: its length is of 16 bits.
const BLOCK_BYTES: u64 = 65_535;

/// Judged in the scenario that is made for it.
pub(super) fn published(grid: &Grid) -> Option<Claim> {
    let evidence = Evidence { grid };
    match grid.scenario.name.as_str() {
        "gridftp-pipelining" => Some(pipelining(&evidence)),
        "persistent-connections" => Some(one_connection(&evidence)),
        "restart-markers" => Some(markers(&evidence)),
        _ => None,
    }
}

fn rate(row: &GridRecord) -> Option<f64> {
    Some(row.payload_bytes as f64 * 8.0 / row.duration_us? as f64)
}

/// How much of the rate of its largest files is left at each smaller size, by size; over the longest round trip.
struct Decay {
    largest_mbit_per_s: f64,
    shares: Vec<(u64, f64)>,
}

impl Decay {
    fn of(evidence: &Evidence<'_>, variant: &VariantSpec) -> Option<Self> {
        let rows = || evidence.rows(variant).filter(|row| row.rtt_us >= WIDE_AREA_US);
        let rtt_us = rows().map(|row| row.rtt_us).max()?;
        let mut rates: Vec<(u64, f64)> = rows()
            .filter(|row| row.rtt_us == rtt_us)
            .filter_map(|row| Some((row.file_size_bytes, rate(row)?)))
            .collect();
        rates.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let &(_, largest) = rates.first()?;
        let shares = rates.iter().map(|(size, rate)| (*size, rate / largest)).collect();
        Some(Self { largest_mbit_per_s: largest, shares })
    }

    fn at(&self, size_bytes: u64) -> Option<f64> {
        self.shares.iter().find(|(size, _)| *size == size_bytes).map(|(_, share)| *share)
    }

    /// `100 % of 60 Mbit/s at 100 kB, 31 % at 10 kB`, without the largest.
    fn told(&self) -> String {
        let told = self.shares.iter().skip(1).enumerate().map(|(index, (size, share))| {
            let of =
                if index == 0 { format!(" of {:.0} Mbit/s", self.largest_mbit_per_s) } else { String::new() };
            format!("{:.0} %{of} at {} kB", share * 100.0, size / 1_000)
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// Bresnahan et al., TeraGrid 2007.
fn pipelining(evidence: &Evidence<'_>) -> Claim {
    let mut variants = evidence.grid.scenario.variants.iter();
    let ahead = variants.find(|variant| variant.pipeline_depth > 1);
    let (Some(ahead), Some(one)) = (ahead, evidence.marked().next()) else {
        return untested(PIPELINING, evidence.command());
    };
    let (Some(with), Some(without)) = (Decay::of(evidence, ahead), Decay::of(evidence, one)) else {
        return untested(PIPELINING, evidence.command());
    };
    let (Some(kept), Some(lost)) = (with.at(KEPT_TO_BYTES), without.at(KEPT_TO_BYTES)) else {
        return untested(PIPELINING, evidence.command());
    };
    let holds = kept >= HOLDS_SHARE && lost <= LOST_SHARE;
    Claim {
        claim: PIPELINING,
        standing: if holds { Standing::Holds } else { Standing::Fails },
        figure: format!(
            "Published (Bresnahan et al., GridFTP Pipelining, TeraGrid 2007): 1 GB in files of equal size does not \
             tail off until they become smaller than 100 kB. Here, over the longest round trip, files smaller than the \
             largest come with {} in {}, with {} in {}.",
            with.told(),
            ahead.name,
            without.told(),
            one.name
        ),
        command: evidence.command(),
    }
}

/// Nielsen et al., SIGCOMM 1997.
fn one_connection(evidence: &Evidence<'_>) -> Claim {
    let variants = || evidence.grid.scenario.variants.iter();
    let ahead = variants().find(|variant| variant.pipeline_depth > 1);
    let several = variants().find(|variant| variant.parallel > 1);
    let (Some(ahead), Some(several)) = (ahead, several) else {
        return untested(ONE_CONNECTION, evidence.command());
    };
    let mut told = Vec::new();
    let (mut paths, mut faster) = (0_usize, 0_usize);
    for row in evidence.rows(ahead) {
        let Some(other) = evidence.base(several, row) else { continue };
        let (Some(ours), Some(theirs)) = (row.duration_us, other.duration_us) else { continue };
        paths += 1;
        faster += usize::from(ours < theirs);
        told.push(format!(
            "{:.2} instead of {:.2} s over {:.1} ms",
            ours as f64 / 1e6,
            theirs as f64 / 1e6,
            row.rtt_us as f64 / 1e3
        ));
    }
    if paths == 0 {
        return untested(ONE_CONNECTION, evidence.command());
    }
    Claim {
        claim: ONE_CONNECTION,
        standing: match faster {
            all if all == paths => Standing::Holds,
            0 => Standing::Fails,
            _ => Standing::Conditional,
        },
        figure: format!(
            "Published (Nielsen et al., Network Performance Effects of HTTP/1.1, CSS1, and PNG, SIGCOMM 1997): pipelined \
             HTTP/1.1 outperformed HTTP/1.0 with several connections in all environments tested. Here {} was faster than \
             {} over {faster} of {}: {}.",
            ahead.name,
            several.name,
            counted(paths, "path"),
            told.join(", ")
        ),
        command: evidence.command(),
    }
}

/// What the markers of a delivery cost beside the same one without.
struct Marked<'a> {
    variant: &'a VariantSpec,
    markers: u64,
    wire_bytes: i64,
    /// Of markers, blocks and their texts, as the RFC counts them.
    counted_bytes: i64,
    time_us: i64,
}

impl<'a> Marked<'a> {
    fn of(
        evidence: &Evidence<'a>,
        plain: &VariantSpec,
        variant: &'a VariantSpec,
        row: &GridRecord,
    ) -> Option<Self> {
        let interval_bytes = variant.marker_interval_bytes?.get();
        let base = evidence.base(plain, row)?;
        // At the end of a file there is nothing to go on to.
        let offsets = || (1..).map(|n| n * interval_bytes).take_while(|at| *at < row.file_size_bytes);
        let markers = offsets().count() as u64;
        let text_bytes: u64 = offsets().map(|at| at.to_string().len() as u64).sum();
        let last_bytes = row.file_size_bytes - markers * interval_bytes;
        let blocks = markers * interval_bytes.div_ceil(BLOCK_BYTES) + last_bytes.div_ceil(BLOCK_BYTES);
        let more_blocks = markers + blocks - row.file_size_bytes.div_ceil(BLOCK_BYTES);
        let counted_bytes = (more_blocks * HEADER_BYTES + text_bytes) * row.files;
        Some(Self {
            variant,
            markers: markers * row.files,
            wire_bytes: row.framing_overhead_bytes - base.framing_overhead_bytes,
            counted_bytes: counted_bytes.cast_signed(),
            time_us: row.duration_us?.cast_signed() - base.duration_us?.cast_signed(),
        })
    }
}

/// RFC 959 section 3.4.2, which is as good as a measurement: a marker's block is counted.
fn markers(evidence: &Evidence<'_>) -> Claim {
    let variants = || evidence.grid.scenario.variants.iter();
    let Some(plain) = evidence.marked().find(|variant| variant.marker_interval_bytes.is_none()) else {
        return untested(MARKERS, evidence.command());
    };
    let mut all = Vec::new();
    for variant in variants().filter(|variant| variant.marker_interval_bytes.is_some()) {
        all.extend(evidence.rows(variant).filter_map(|row| Marked::of(evidence, plain, variant, row)));
    }
    let (Some(most), true) =
        (all.iter().max_by_key(|marked| marked.markers), all.iter().any(|m| m.markers > 0))
    else {
        return untested(MARKERS, evidence.command());
    };
    let exact = all.iter().filter(|marked| marked.wire_bytes == marked.counted_bytes).count();
    let each = most.wire_bytes as f64 / most.markers as f64;
    Claim {
        claim: MARKERS,
        standing: match exact {
            n if n == all.len() => Standing::Holds,
            0 => Standing::Fails,
            _ => Standing::Conditional,
        },
        figure: format!(
            "Published (RFC 959 section 3.4.2): a marker is a block of its own, and a block's header is three bytes. Here \
             {exact} of {} take exactly what that makes; {}, with {}, takes {} bytes more where {} are counted, {each:.1} a marker, and {:.2} ms \
             more: what is answered is synced before (RFC 1123 section 4.1.3.4).",
            counted(all.len(), "cell"),
            most.variant.name,
            counted(most.markers as usize, "marker"),
            most.wire_bytes,
            most.counted_bytes,
            most.time_us as f64 / 1e3
        ),
        command: evidence.command(),
    }
}

#[cfg(test)]
mod tests;
