//! The rows of `runs.csv` and `summary.csv`. Units are in the columns' names; what is not known is
//! an empty cell.

use super::stats::{Interval, Ratio};
use super::verdicts::VerdictCounts;
use crate::sim::fault::TriggerName;
use crate::sim::outcome::Verdict;
use crate::sim::scenario::Direction;
use ftp_proto::mode::{Structure, TransmissionMode};
use serde::de::Error;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// This stands in every row, so that a figure can be traced to the program that made it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// [`VERSION`] where a row has it: a row of another version is not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)? {
            version if version == VERSION => Ok(Self),
            other => Err(D::Error::custom(format!("made by version {other}; this is {VERSION}"))),
        }
    }
}

/// A row with a column for each verdict where `verdicts` stands. The csv crate takes neither
/// `#[serde(flatten)]` nor a nested struct with a header, so that a row names its columns itself.
macro_rules! row {
    (
        $(#[$of_row:meta])*
        pub struct $row:ident {
            $($(#[$of_before:meta])* pub $before:ident: $type_before:ty,)*
            verdicts,
            $($(#[$of_after:meta])* pub $after:ident: $type_after:ty,)*
        }
    ) => {
        $(#[$of_row])*
        pub struct $row {
            $($(#[$of_before])* pub $before: $type_before,)*
            /// How many files came to each verdict; a column a verdict.
            pub verdicts: VerdictCounts,
            $($(#[$of_after])* pub $after: $type_after,)*
        }

        impl Serialize for $row {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let others = [$(stringify!($before),)* $(stringify!($after),)*].len();
                let mut row = serializer.serialize_struct(stringify!($row), others + Verdict::ALL.len())?;
                $(row.serialize_field(stringify!($before), &self.$before)?;)*
                for verdict in Verdict::ALL {
                    row.serialize_field(verdict.name(), &self.verdicts.of(verdict))?;
                }
                $(row.serialize_field(stringify!($after), &self.$after)?;)*
                row.end()
            }
        }
    };
}

/// The same, to be read again as well.
macro_rules! readable_row {
    (
        $(#[$of_row:meta])*
        pub struct $row:ident {
            $($(#[$of_before:meta])* pub $before:ident: $type_before:ty,)*
            verdicts,
            $($(#[$of_after:meta])* pub $after:ident: $type_after:ty,)*
        }
    ) => {
        row! {
            $(#[$of_row])*
            pub struct $row {
                $($(#[$of_before])* pub $before: $type_before,)*
                verdicts,
                $($(#[$of_after])* pub $after: $type_after,)*
            }
        }

        impl<'de> Deserialize<'de> for $row {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                struct Fields {
                    $($before: $type_before,)*
                    $($after: $type_after,)*
                    #[serde(flatten)]
                    verdicts: BTreeMap<String, u64>,
                }
                let Fields { $($before,)* $($after,)* verdicts: found } = Fields::deserialize(deserializer)?;
                let mut verdicts = VerdictCounts::default();
                for verdict in Verdict::ALL {
                    let name = verdict.name();
                    let files = found.get(name).ok_or_else(|| D::Error::missing_field(name))?;
                    verdicts.add(verdict, *files);
                }
                Ok(Self { $($before,)* verdicts, $($after,)* })
            }
        }
    };
}

readable_row! {
    /// One run: a contender on a seed. The verdicts add up to `files`. `(scenario, variant, seed)` names exactly one row.
    #[derive(Clone, Debug, PartialEq)]
    pub struct RunRecord {
        /// The name of the scenario.
        pub scenario: String,
        /// The contender's name.
        pub variant: String,
        /// Which way the files went.
        pub direction: Direction,
        /// The transmission mode, RFC 959 section 3.4.
        pub mode: TransmissionMode,
        /// The file structure, RFC 959 section 3.1.2.
        pub structure: Structure,
        /// The seed of the run.
        pub seed: u64,
        /// The id of the run's case.
        pub case_id: String,
        /// The fault's name in the scenario.
        pub fault: String,
        /// Whether the fault happened (with the fault `none`: the run did); rows where it did not are
        /// left out of proportions.
        pub fault_fired: bool,
        /// Files in the delivery.
        pub files: u64,
        verdicts,
        /// Files of which a reader of the receiving directory could see a part under the final name.
        pub exposed: u64,
        /// The round-trip time of the path.
        pub rtt_us: u64,
        /// The rate of the bottleneck, each way.
        pub bandwidth_bits_per_s: u64,
        /// The share of packets that is lost each way, by the path and by the fault together.
        pub loss: Ppm,
        /// The time from the first packet to the client's last word; absent when that never came.
        pub duration_virtual_us: Option<u64>,
        /// The size of the delivery, each file counted once.
        pub payload_bytes: u64,
        /// IP bytes that left both hosts, headers, control connection and repetitions included.
        pub wire_bytes: u64,
        /// Data connections that the client opened or accepted.
        pub data_connections: u64,
        /// Commands whose reply the client waited for; absent when it died.
        pub control_round_trips: Option<u64>,
        /// TCP segments sent again.
        pub retransmits: u64,
        /// The median of the files' latencies, each from the first attempt to the client's last word;
        /// absent when there was none.
        pub file_latency_p50_us: Option<u64>,
        /// The 90th percentile of the same.
        pub file_latency_p90_us: Option<u64>,
        /// The 99th percentile of the same.
        pub file_latency_p99_us: Option<u64>,
        /// The longest of the same.
        pub file_latency_max_us: Option<u64>,
        /// The hash of the run's trace, in hexadecimal.
        pub trace_hash: String,
        /// The version of the program that made the row.
        pub version: Version,
        /// Where in the target file the fault struck; absent for a fault without a place.
        pub trigger: Option<TriggerName>,
        /// The index of the target file; absent for a fault without one.
        pub target_file: Option<u32>,
        /// The first payload byte that does not pass, where the trigger is one.
        pub target_byte: Option<u64>,
        /// The size of the target file; absent for a fault without one.
        pub target_size_bytes: Option<u64>,
    }
}

impl RunRecord {
    /// Files that are wrong or missing at the receiver without a word to anyone.
    pub fn silently_lost(&self) -> u64 {
        Verdict::ALL.into_iter().filter(|it| it.is_silent_loss()).map(|it| self.verdicts.of(it)).sum()
    }
}

row! {
    /// A contender under a kind of fault. Proportions, times and files are of the counted runs: those
    /// whose fault fired (all runs where the fault is `none`).
    #[derive(Clone, Debug, PartialEq)]
    pub struct SummaryRecord {
        /// The name of the scenario.
        pub scenario: String,
        /// The contender's name.
        pub variant: String,
        /// Which way the files went, or that both ways are put together.
        pub direction: Directions,
        /// The transmission mode, RFC 959 section 3.4.
        pub mode: TransmissionMode,
        /// The file structure, RFC 959 section 3.1.2.
        pub structure: Structure,
        /// The fault's name in the scenario.
        pub fault: String,
        /// All its runs.
        pub runs: u64,
        /// The runs whose fault fired; with the fault `none`, all.
        pub runs_counted: u64,
        /// Runs in which at least one file was lost silently.
        pub runs_with_silent_loss: u64,
        /// `runs_with_silent_loss / runs_counted`; absent when none is counted.
        pub silent_loss_share: Option<Decimal<6>>,
        /// Wilson's interval of 95 %.
        pub silent_loss_share_low: Option<Decimal<6>>,
        /// The upper end of the same.
        pub silent_loss_share_high: Option<Decimal<6>>,
        /// The contender that the following columns compare with: the scenario's first.
        pub baseline: String,
        /// Seeds counted for both.
        pub pairs: u64,
        /// Pairs in which this contender lost files silently and the baseline did not.
        pub silent_loss_here_only: u64,
        /// Pairs in which the baseline lost files silently and this contender did not.
        pub silent_loss_baseline_only: u64,
        /// McNemar's exact test of the two columns before, two-sided.
        pub mcnemar_p: Option<Decimal<6>>,
        /// The median of the paired ratios of delivery time, here / baseline, of the seeds where both
        /// came to an end, and its bootstrap interval of 95 %.
        pub duration_ratio: Option<Decimal<4>>,
        /// The lower end of the interval; absent of fewer than six pairs.
        pub duration_ratio_low: Option<Decimal<4>>,
        /// The upper end of the interval.
        pub duration_ratio_high: Option<Decimal<4>>,
        /// The seeds of which the ratios are.
        pub duration_ratio_pairs: u64,
        /// The median of the delivery times; absent when no run came to an end.
        pub duration_median_us: Option<u64>,
        /// Files in the deliveries; this and the sums that follow are over the counted runs.
        pub files: u64,
        verdicts,
        /// Files of which a reader of the receiving directory could see a part under the final name.
        pub exposed: u64,
        /// The sizes of the deliveries, each file counted once.
        pub payload_bytes: u64,
        /// IP bytes that left both hosts, headers, control connection and repetitions included.
        pub wire_bytes: u64,
        /// Data connections that the client opened or accepted.
        pub data_connections: u64,
        /// Commands whose reply the client waited for; a client that died counts as none.
        pub control_round_trips: u64,
        /// TCP segments sent again.
        pub retransmits: u64,
        /// The median of the files' latencies, each from the first attempt to the client's last word;
        /// absent when there was none.
        pub file_latency_p50_us: Option<u64>,
        /// The 90th percentile of the same.
        pub file_latency_p90_us: Option<u64>,
        /// The 99th percentile of the same.
        pub file_latency_p99_us: Option<u64>,
        /// The longest of the same.
        pub file_latency_max_us: Option<u64>,
        /// The version of the program that made the row.
        pub version: Version,
    }
}

/// Which directions a row sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directions {
    /// Uploads and downloads together.
    Both,
    /// One of them.
    One(Direction),
}

impl Directions {
    /// `both`, `put` or `get`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::One(direction) => direction.as_str(),
        }
    }
}

impl std::fmt::Display for Directions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<Direction> for Directions {
    fn eq(&self, direction: &Direction) -> bool {
        *self == Self::One(*direction)
    }
}

/// A word that is written for it may stand for it.
impl Serialize for Directions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl SummaryRecord {
    pub(super) fn set_silent_loss_share(&mut self, interval: Option<Interval>) {
        let share = self.runs_with_silent_loss as f64 / self.runs_counted as f64;
        self.silent_loss_share = interval.map(|_| Decimal(share));
        self.silent_loss_share_low = interval.map(|i| Decimal(i.low));
        self.silent_loss_share_high = interval.map(|i| Decimal(i.high));
    }

    pub(super) fn set_mcnemar_p(&mut self, p: f64) {
        self.mcnemar_p = Some(Decimal(p));
    }

    /// The interval of the ratio of times, where there is one.
    pub fn duration_ratio_ends(&self) -> Option<(f64, f64)> {
        Some((self.duration_ratio_low?.0, self.duration_ratio_high?.0))
    }

    pub(super) fn set_duration_ratio(&mut self, ratio: Option<Ratio>) {
        self.duration_ratio = ratio.map(|r| Decimal(r.median));
        let interval = ratio.and_then(|r| r.interval);
        self.duration_ratio_low = interval.map(|i| Decimal(i.low));
        self.duration_ratio_high = interval.map(|i| Decimal(i.high));
    }
}

/// A float rounded to `PLACES` decimals where it is written.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Decimal<const PLACES: usize>(pub f64);

impl<const PLACES: usize> Serialize for Decimal<PLACES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scale = 10f64.powi(PLACES as i32);
        serializer.serialize_f64((self.0 * scale).round() / scale)
    }
}

/// Parts per million, written as a fraction of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ppm(pub u32);

impl Serialize for Ppm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1e6)
    }
}

impl<'de> Deserialize<'de> for Ppm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        Ok(Self((share * 1e6).round() as u32))
    }
}
