//! What is to be delivered, and what became of it.

use super::error::FailureKind;
use ftp_proto::path::VirtualPath;
use serde::{Deserialize, Serialize};

/// One file of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// At this end.
    pub local: VirtualPath,
    /// At the server, as STOR and RETR name it.
    pub remote: String,
}

/// Why a file was not delivered, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For tables.
    pub kind: FailureKind,
    /// For people, of the last attempt's error.
    pub message: String,
}

/// What became of one file, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// The job's `remote`.
    pub name: String,
    /// 0: its turn never came.
    pub attempts: u32,
    /// `Net::now` when its first attempt began and when its last ended.
    pub started_us: u64,
    /// In microseconds, likewise.
    pub ended_us: u64,
    /// Of the file, when it succeeded.
    pub payload_bytes: u64,
    /// On data connections, in all attempts.
    pub wire_bytes: u64,
    /// Why the file has not got the time of modification that it was to have
    /// ([`Delivery::modified`](super::Delivery::modified)); it is delivered all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untimed: Option<String>,
    /// The verdict after all attempts.
    pub result: Result<(), Failure>,
}

/// What became of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In the order of the jobs.
    pub files: Vec<FileReport>,
    /// Waits for nothing but a reply.
    pub control_round_trips: u64,
    /// Control connections opened.
    pub control_connections: u64,
    /// Data connections opened.
    pub data_connections: u64,
}

impl Report {
    /// The files that were not delivered, in the order of the jobs.
    pub fn failed(&self) -> impl Iterator<Item = (&FileReport, &Failure)> {
        self.files.iter().filter_map(|file| file.result.as_ref().err().map(|failure| (file, failure)))
    }
}
