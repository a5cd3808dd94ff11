//! What a measurement gives: the rows of its CSV, and all of it as JSON. Wall-clock time.

use super::delivery::Contender;
use super::machine::Machine;
use crate::sim::workload::Content;
use ftp_endpoint::client::Direction;
use ftp_proto::mode::TransmissionMode;
use serde::Serialize;
use std::collections::BTreeMap;

/// One contender. Times and costs of one delivery of all files: medians over the repetitions, unless
/// the column's name says otherwise; file latencies are of all files of all repetitions. What is not
/// known is empty.
#[derive(Clone, Debug, Serialize)]
pub struct BenchRecord {
    /// Which way the files went.
    pub direction: Direction,
    /// The transmission mode, RFC 959 section 3.4.
    pub mode: TransmissionMode,
    /// Transfer commands under way at a time; 1 in stream mode.
    pub pipeline_depth: u32,
    /// Sessions at a time.
    pub parallel: u32,
    /// Whether the data connection is kept for the next file.
    pub data_connection_kept: bool,
    /// Files in one delivery.
    pub files: u64,
    /// The size of each.
    pub file_size_bytes: u64,
    /// What the files are full of.
    pub content: Content,
    /// Where the files lie: `memory`, `disk` or a directory; with [`DURABLE_SUFFIX`] behind it if what
    /// arrives is synced before it counts.
    pub store: String,
    /// The server's address, or `in-process`.
    pub server: String,
    /// Deliveries measured.
    pub repetitions: u32,
    /// Deliveries before them that were not measured.
    pub warm_up: u32,
    /// The time from the first connection to the answer to QUIT.
    pub duration_us: u64,
    /// The shortest of the repetitions.
    pub duration_min_us: u64,
    /// The longest of the repetitions.
    pub duration_max_us: u64,
    /// (max - min) / median of the durations; of a single one nothing is known.
    pub spread: Option<f64>,
    /// Payload delivered in a second.
    pub bytes_per_s: u64,
    /// Files delivered in a second.
    pub files_per_s: f64,
    /// From a file's turn (pipelined: from its command) to the word on it.
    pub file_latency_p50_us: Option<u64>,
    /// The 90th percentile of the same.
    pub file_latency_p90_us: Option<u64>,
    /// The 99th percentile of the same.
    pub file_latency_p99_us: Option<u64>,
    /// The longest of the same.
    pub file_latency_max_us: Option<u64>,
    /// `both` ends where the server is in this process, else `client`: whose costs the following are.
    pub cost_of: &'static str,
    /// Processor time in the program's own code.
    pub cpu_user_us: Option<u64>,
    /// Processor time in the kernel.
    pub cpu_system_us: Option<u64>,
    /// How often the processor was given up to wait for something.
    pub voluntary_context_switches: Option<u64>,
    /// How often the processor was taken away.
    pub involuntary_context_switches: Option<u64>,
    /// System calls of a delivery, by file; counted only where asked for.
    pub system_calls_per_file: Option<f64>,
    /// The client's.
    pub control_round_trips: u64,
    /// Data connections that the client opened or accepted.
    pub data_connections: u64,
    /// Bytes on data connections, framing included.
    pub data_wire_bytes: u64,
    /// Of a bare TCP connection on loopback that carries the same bytes between the same stores.
    pub bare_duration_us: Option<u64>,
    /// `bare_duration_us / duration_us`: 1 is the limit.
    pub speed_to_bare: Option<f64>,
    /// The version of the program that measured.
    pub version: &'static str,
    /// The processor's model.
    pub cpu: String,
    /// Processors that the process may use.
    pub cores: u64,
    /// The operating system and its release.
    pub system: String,
    /// The day, UTC.
    pub date: String,
}

/// Behind the name of a store.
pub const DURABLE_SUFFIX: &str = ", durable";

impl BenchRecord {
    /// Whether what arrived was synced before it counted.
    pub fn is_durable(&self) -> bool {
        self.store.ends_with(DURABLE_SUFFIX)
    }
}

/// A row with what has no place in a table of single values.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The row of single values.
    #[serde(flatten)]
    pub record: BenchRecord,
    /// By name, per file; only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_calls: Option<BTreeMap<String, f64>>,
    /// The way to deliver that was measured.
    #[serde(skip)]
    pub contender: Contender,
}

/// A whole measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Benchmark {
    /// The version of the program that measured.
    pub version: &'static str,
    /// The day, UTC.
    pub date: String,
    /// The machine that measured.
    pub machine: Machine,
    /// Runnable processes before the measurement, averaged over a minute.
    pub load: Option<f64>,
    /// A row a contender, in the order of the plan.
    pub rows: Vec<Row>,
    /// The most memory this process has held; both ends' where the server is in it.
    pub peak_memory_bytes: Option<u64>,
    /// What makes the figures doubtful.
    pub warnings: Vec<String>,
}
