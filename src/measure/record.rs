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
    pub direction: Direction,
    pub mode: TransmissionMode,
    pub pipeline_depth: u32,
    pub parallel: u32,
    pub data_connection_kept: bool,
    pub files: u64,
    pub file_size_bytes: u64,
    pub content: Content,
    pub store: String,
    pub server: String,
    pub repetitions: u32,
    pub warm_up: u32,
    pub duration_us: u64,
    pub duration_min_us: u64,
    pub duration_max_us: u64,
    /// (max - min) / median of the durations.
    pub spread: f64,
    pub bytes_per_s: u64,
    pub files_per_s: f64,
    /// From a file's turn (pipelined: from its command) to the word on it.
    pub file_latency_p50_us: Option<u64>,
    pub file_latency_p90_us: Option<u64>,
    pub file_latency_p99_us: Option<u64>,
    pub file_latency_max_us: Option<u64>,
    /// `both` ends where the server is in this process, else `client`: whose costs the following are.
    pub cost_of: &'static str,
    pub cpu_user_us: Option<u64>,
    pub cpu_system_us: Option<u64>,
    pub voluntary_context_switches: Option<u64>,
    pub involuntary_context_switches: Option<u64>,
    pub system_calls_per_file: Option<f64>,
    /// The client's.
    pub control_round_trips: u64,
    pub data_connections: u64,
    pub data_wire_bytes: u64,
    /// Of a bare TCP connection on loopback that carries the same bytes between the same stores.
    pub bare_duration_us: Option<u64>,
    /// `bare_duration_us / duration_us`: 1 is the limit.
    pub speed_to_bare: Option<f64>,
    pub version: &'static str,
    pub cpu: String,
    pub cores: u64,
    pub system: String,
    /// The day, UTC.
    pub date: String,
}

/// A row with what has no place in a table of single values.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub record: BenchRecord,
    /// By name, per file; only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_calls: Option<BTreeMap<String, f64>>,
    #[serde(skip)]
    pub contender: Contender,
}

#[derive(Clone, Debug, Serialize)]
pub struct Benchmark {
    pub version: &'static str,
    pub date: String,
    pub machine: Machine,
    /// Runnable processes before the measurement, averaged over a minute.
    pub load: Option<f64>,
    pub rows: Vec<Row>,
    /// The most memory this process has held; both ends' where the server is in it.
    pub peak_memory_bytes: Option<u64>,
    /// What makes the figures doubtful.
    pub warnings: Vec<String>,
}
