//! Scenarios: what is delivered, over which path, with which faults, by which contenders.
//!
//! A scenario is a TOML file that a person writes; see `sims/small-files.toml` for one with every
//! key explained. Durations are whole microseconds (`_us`), probabilities parts per million
//! (`_ppm`), so that nothing depends on how a float is printed.

mod error;
mod fault;
mod grid;
mod limit;
mod pair;
mod schema;
mod seeds;
mod source;
mod tls;
mod validity;
mod world;

pub use error::{Problem, ScenarioError};
pub use fault::FaultSpec;

use super::fault::TriggerName;
pub use grid::{Cell, DeliverySpec, GridSpec};
pub use limit::{Limits, LimitsSpec};
#[cfg(feature = "cli")]
pub(crate) use schema::schema_of;
use schema::{PLAIN_NAME, SEEDS};
pub use seeds::{NotSeeds, SeedRange};
pub use tls::{Reuse, TlsEnd, TlsSpec, TlsVersion};

pub(crate) use error::hint;
use error::parse_toml;
#[cfg(feature = "cli")]
pub(crate) use error::with_hint;
pub use ftp_endpoint::client::{Direction, Publish, Verify};
use ftp_proto::mode::{DeflateLevel, Structure, TransmissionMode};
use ftp_proto::repr::Representation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use turmoil_tcp::Algorithm;
use turmoil_tcp::path::{BurstLoss, Impairments, PathConfig};
pub(super) use validity::{MAX_DELIVERY_BYTES, MAX_FILE_BYTES, within};
pub use world::{RivalSpec, WorldSpec};

/// The scenarios that come with the program: name and text.
const EMBEDDED: [(&str, &str); 25] = [
    ("small-files", include_str!("../../sims/small-files.toml")),
    ("tiny", include_str!("../../sims/tiny.toml")),
    ("truth-table", include_str!("../../sims/truth-table.toml")),
    ("cut-twice", include_str!("../../sims/cut-twice.toml")),
    ("habits", include_str!("../../sims/habits.toml")),
    ("round-trips", include_str!("../../sims/round-trips.toml")),
    ("wan-grid", include_str!("../../sims/wan-grid.toml")),
    ("all-faults", include_str!("../../sims/all-faults.toml")),
    ("crash-restart", include_str!("../../sims/crash-restart.toml")),
    ("killed-clients", include_str!("../../sims/killed-clients.toml")),
    ("listings", include_str!("../../sims/listings.toml")),
    ("ftps", include_str!("../../sims/ftps.toml")),
    ("ftps-truth", include_str!("../../sims/ftps-truth.toml")),
    ("power-cut", include_str!("../../sims/power-cut.toml")),
    ("flaky-nat", include_str!("../../sims/flaky-nat.toml")),
    ("lossy-wifi", include_str!("../../sims/lossy-wifi.toml")),
    ("satellite", include_str!("../../sims/satellite.toml")),
    ("bbr", include_str!("../../sims/bbr.toml")),
    ("mainframe-nightly", include_str!("../../sims/mainframe-nightly.toml")),
    ("ingest-race", include_str!("../../sims/ingest-race.toml")),
    ("gridftp-pipelining", include_str!("../../sims/gridftp-pipelining.toml")),
    ("persistent-connections", include_str!("../../sims/persistent-connections.toml")),
    ("restart-markers", include_str!("../../sims/restart-markers.toml")),
    ("one-million-small-files", include_str!("../../sims/one-million-small-files.toml")),
    ("advise", include_str!("../../sims/advise.toml")),
];

/// A delivery that is cut twice has fewer wire bytes, all its attempts together.
pub const MAX_CUT_TWICE_BYTES: u64 = 4_096;

/// What is compared, under which faults and over which path: one TOML file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name by which the program and its results know it.
    #[schemars(regex(pattern = PLAIN_NAME))]
    pub name: String,
    /// The path that it was read from, unless it came with the program.
    #[serde(skip)]
    pub file: Option<String>,
    /// What the command line has set otherwise than that says, each as `KEY=VALUE`.
    #[serde(skip)]
    pub settings: Vec<String>,
    /// What the scenario is to find out, in one line.
    pub question: String,
    /// The seeds run when the command line names none; left out with `every_wire_byte` or a grid.
    #[serde(default, skip_serializing_if = "SeedRange::is_empty")]
    #[schemars(with = "String", regex(pattern = SEEDS))]
    pub seeds: SeedRange,
    /// Faults strike at every wire byte of the data connections in turn instead of
    /// at drawn ones, and the files are the same for every seed: `ftpsim compare` makes a truth table
    /// of it. A seed is ((wire byte * faults) + fault) * directions + direction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every_wire_byte: bool,
    /// With `every_wire_byte`: after each cut, the delivery is cut again at each wire byte that its further
    /// attempts write. What the seed calls the wire byte is then the first one and, 4,096 times, the second
    /// one; 0: there is no second cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_twice: bool,
    /// Many paths and deliveries: `ftpsim compare` tells the time each takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridSpec>,
    /// Scenarios that `ftpsim compare` runs along with this one, for their parts of its report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<String>,
    /// The directions of the deliveries; the seed draws one of them.
    #[schemars(length(min = 1, max = 2))]
    pub directions: Vec<Direction>,
    /// The path between client and server.
    pub path: PathSpec,
    /// The files of a delivery.
    pub workload: WorkloadSpec,
    /// How long a run may take; a multiple of what it needs where absent.
    #[serde(default, skip_serializing_if = "LimitsSpec::is_default")]
    pub limits: LimitsSpec,
    /// How long client and server wait for each other.
    pub timeouts: Timeouts,
    /// How the hosts' disks keep what is written.
    #[serde(default, skip_serializing_if = "DiskSpec::is_default")]
    pub disk: DiskSpec,
    /// What else there is beside the deliveries.
    #[serde(default, skip_serializing_if = "WorldSpec::is_default")]
    pub world: WorldSpec,
    /// The faults, of which the seed draws one.
    #[schemars(length(min = 1))]
    pub faults: Vec<FaultSpec>,
    /// Where faults strike, each in turn; when absent, a payload byte counts twice (it is the case
    /// people meet), before the first byte and after the last one once each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggers: Option<Vec<TriggerName>>,
    /// The contenders; every one delivers the same files under the same faults. The first is the
    /// baseline.
    #[schemars(length(min = 1))]
    pub variants: Vec<VariantSpec>,
}

/// The path between client and server, the same in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathSpec {
    /// Round-trip time without queueing and serialisation; half of it each way.
    #[schemars(range(min = PathConfig::MIN_RTT_US, max = 60_000_000))]
    pub rtt_us: u64,
    /// The rate of the bottleneck, each way.
    #[schemars(range(min = 1_000, max = 1_000_000_000_000_u64))]
    pub bandwidth_bits_per_s: u64,
    /// Drop-tail queue before the bottleneck, each way.
    #[schemars(range(min = 1_500, max = 1_u64 << 40))]
    pub queue_bytes: u64,
    /// Independent loss of each packet, each way.
    #[serde(default)]
    #[schemars(range(min = 0, max = 999_999))]
    pub loss_ppm: u32,
    /// Losses in bursts (Gilbert-Elliott), each way, beside the independent ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst_loss: Option<BurstLoss>,
    /// So many packets, each way, come later by `reorder_us` and are overtaken by those behind them.
    #[serde(default, skip_serializing_if = "is_zero_ppm")]
    #[schemars(range(min = 0, max = 999_999))]
    pub reorder_ppm: u32,
    /// By how much such a packet is late.
    #[serde(default, skip_serializing_if = "is_zero_us")]
    #[schemars(range(min = 0, max = 60_000_000))]
    pub reorder_us: u64,
    /// So many packets, each way, go over the link twice.
    #[serde(default, skip_serializing_if = "is_zero_ppm")]
    #[schemars(range(min = 0, max = 999_999))]
    pub duplicate_ppm: u32,
    /// Each packet comes later by up to so much; none overtakes another.
    #[serde(default, skip_serializing_if = "is_zero_us")]
    #[schemars(range(min = 0, max = 60_000_000))]
    pub jitter_us: u64,
    /// The congestion control of both hosts.
    #[serde(default, skip_serializing_if = "is_default_congestion")]
    pub congestion: Algorithm,
}

fn is_default_congestion(algorithm: &Algorithm) -> bool {
    *algorithm == Algorithm::default()
}

fn is_zero_ppm(ppm: &u32) -> bool {
    *ppm == 0
}

fn is_zero_us(us: &u64) -> bool {
    *us == 0
}

impl PathSpec {
    /// What the path does to packets beside delaying them, as the simulated network takes it.
    pub fn impairments(&self) -> Impairments {
        Impairments {
            burst_loss: self.burst_loss,
            reorder_ppm: self.reorder_ppm,
            reorder_us: self.reorder_us,
            duplicate_ppm: self.duplicate_ppm,
            jitter_us: self.jitter_us,
        }
    }

    /// Whether packets are lost at random.
    pub fn loses(&self) -> bool {
        self.loss_ppm > 0 || self.burst_loss.is_some()
    }

    /// The longest that a packet can wait in the queue before the bottleneck, in microseconds.
    pub fn longest_queue_us(&self) -> u64 {
        self.queue_bytes.saturating_mul(8_000_000).div_ceil(self.bandwidth_bits_per_s.max(1))
    }
}

/// How many files, how large and of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Files in one delivery.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub files: u32,
    /// Smallest and largest size; sizes are log-uniform between them.
    #[schemars(inner(range(min = 0, max = MAX_FILE_BYTES)))]
    #[serde(deserialize_with = "pair::two")]
    pub size_bytes: [u64; 2],
    /// These sizes instead, in order, one a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 0, max = MAX_FILE_BYTES)))]
    pub sizes_bytes: Vec<u64>,
    /// What the files are full of.
    pub content: ContentMix,
}

/// Weights with which a file's content is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentMix {
    /// Incompressible.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub random: u32,
    /// Words and lines: compressed mode finds few runs.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub text: u32,
    /// Runs of one byte between short random strings: compressed mode finds many.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub runs: u32,
}

/// How long client and server wait; all in virtual time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// The longest wait for a connection to open.
    #[schemars(range(min = 1))]
    pub connect_us: u64,
    /// The longest silence of a data connection during a transfer, at both ends.
    #[schemars(range(min = 1))]
    pub data_idle_us: u64,
    /// The longest wait for a reply on the control connection (client).
    #[schemars(range(min = 1))]
    pub reply_us: u64,
    /// The longest wait for a command on the control connection (server).
    #[schemars(range(min = 1))]
    pub control_idle_us: u64,
    /// The client waits so long before it tries again.
    pub retry_delay_us: u64,
}

/// The receiver's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskSpec {
    /// How long a sync takes, of data or of a directory; those who want one at the same time share it.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub sync_us: u64,
}

impl Default for DiskSpec {
    /// A disk that has no cache of its own to lose.
    fn default() -> Self {
        Self { sync_us: 2_000 }
    }
}

impl DiskSpec {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A contender: how client and server deliver. Data, not code: a new one is a new table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    /// The contender's name, by which options and tables know it.
    #[schemars(regex(pattern = PLAIN_NAME))]
    pub name: String,
    /// One line for a person.
    pub note: String,
    /// The transmission mode, RFC 959 section 3.4.
    pub mode: TransmissionMode,
    /// How hard the sender compresses in deflate mode (0 to 9); its default otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u32>", range(min = 0, max = 9))]
    pub deflate_level: Option<DeflateLevel>,
    /// The file structure, RFC 959 section 3.1.2.
    #[serde(default = "structure_file")]
    pub structure: Structure,
    /// TYPE, RFC 959 section 3.1.1.
    #[serde(default, skip_serializing_if = "is_image")]
    pub representation: Representation,
    /// How the client makes sure that a file has arrived.
    #[serde(default)]
    pub verify: Verify,
    /// The name an upload has while it is under way.
    #[serde(default)]
    pub publish: Publish,
    /// Keep the data connection for the next file (block and compressed mode only).
    #[serde(default = "yes")]
    pub reuse_data_connection: bool,
    /// Transfer commands under way at a time; 1: the next file waits for the last one's reply.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000))]
    pub pipeline_depth: u32,
    /// What sets a session up is sent together, as `ftpsim put` and `get` do with `--pipeline`: TYPE, STRU and MODE,
    /// and where files are pipelined EPSV, and for uploads FEAT.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_ahead: bool,
    /// A further attempt goes on where the last one ended (REST).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resume: bool,
    /// Restart markers, each so many bytes of payload (block and compressed mode only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker_interval_bytes: Option<NonZeroU64>,
    /// The receiver writes files under their final names as they come, as most programs do, rather
    /// than out of sight until they are whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes_in_place: bool,
    /// Of downloads, the client learns the names from the server's listing of the directory, which comes over a data
    /// connection as files do, and fetches what is in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// The receiver answers for a file when it would survive a loss of power: its data and its name are
    /// synced before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub durable: bool,
    /// In deflate mode, both ends take a file that is cut short for whole, as proftpd and lftp do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_cut_deflate: bool,
    /// Everything goes under TLS, in this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// Sessions at a time.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub parallel: u32,
    /// How often a file that failed is tried again.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 1_000))]
    pub retries: u32,
}

fn structure_file() -> Structure {
    Structure::File
}
fn is_image(representation: &Representation) -> bool {
    *representation == Representation::Image
}
fn yes() -> bool {
    true
}
fn one() -> u32 {
    1
}
fn two() -> u32 {
    2
}

/// What a seed draws before all else, for every variant alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stratum {
    /// Which way the files go.
    pub direction: Direction,
    /// What goes wrong.
    pub fault: FaultSpec,
    /// `None` for a fault without a trigger ([`FaultName::has_trigger`](super::fault::FaultName::has_trigger)).
    pub trigger: Option<TriggerName>,
}

impl Scenario {
    /// All scenarios that come with the program.
    pub fn embedded() -> Result<Vec<Self>, ScenarioError> {
        EMBEDDED.iter().map(|(name, text)| Self::parse(text, &format!("sims/{name}.toml"))).collect()
    }

    /// Reads TOML; `file` is its name in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = parse_toml(text, file)?;
        scenario.check().map_err(|problem| problem.locate(text, file))?;
        Ok(scenario)
    }

    /// The contender of that name.
    pub fn variant(&self, name: &str) -> Option<&VariantSpec> {
        self.variants.iter().find(|v| v.name == name)
    }

    /// The stratum of a seed, by mixed radix: direction changes fastest, then the fault, then the
    /// trigger. Over [`Scenario::cycle`] consecutive seeds, from any start, every combination
    /// comes up equally often (a payload byte twice).
    pub fn stratum(&self, seed: u64) -> Stratum {
        let (rest, direction) = split(seed, &self.directions);
        let (rest, fault) = split(rest, &self.faults);
        let (_, trigger) = split(rest, self.triggers());
        Stratum {
            direction: *direction,
            fault: fault.clone(),
            trigger: fault.kind.has_trigger().then_some(*trigger),
        }
    }

    /// The wire byte that a seed strikes, in a scenario of [`Scenario::every_wire_byte`].
    pub fn wire_byte(&self, seed: u64) -> Option<u64> {
        let place = self.place(seed)?;
        Some(if self.cut_twice { place % MAX_CUT_TWICE_BYTES } else { place })
    }

    /// The wire byte that it strikes thereafter, in a scenario of [`Scenario::cut_twice`].
    pub fn second_wire_byte(&self, seed: u64) -> Option<u64> {
        let place = self.place(seed).filter(|_| self.cut_twice)?;
        Some(place / MAX_CUT_TWICE_BYTES).filter(|second| *second > 0)
    }

    fn place(&self, seed: u64) -> Option<u64> {
        self.every_wire_byte.then(|| seed / (self.directions.len() * self.faults.len()) as u64)
    }

    /// The seed of a pair of cuts, as [`Self::seed_of`] has it of one; `second` is not 0.
    pub fn seed_of_pair(&self, direction: usize, fault: usize, first: u64, second: u64) -> u64 {
        self.seed_of(direction, fault, first + second * MAX_CUT_TWICE_BYTES)
    }

    /// The seed that [`Scenario::stratum`] and [`Scenario::wire_byte`] take apart.
    pub fn seed_of(&self, direction: usize, fault: usize, wire_byte: u64) -> u64 {
        let (directions, faults) = (self.directions.len() as u64, self.faults.len() as u64);
        (wire_byte * faults + fault as u64) * directions + direction as u64
    }

    /// Seeds after which the strata repeat; a range of a multiple of it is balanced.
    pub fn cycle(&self) -> u64 {
        (self.directions.len() * self.faults.len() * self.triggers().len()) as u64
    }

    /// Where faults strike, named or not.
    pub fn triggers(&self) -> &[TriggerName] {
        self.triggers.as_deref().unwrap_or(&TriggerName::USUAL)
    }
}

fn split<T>(value: u64, of: &[T]) -> (u64, &T) {
    let radix = of.len() as u64;
    (value / radix, &of[(value % radix) as usize])
}

#[cfg(test)]
mod tests;
