//! One delivery, measured.

use super::files::Files;
use super::fixture::{Fixture, RECEIVED, SOURCE};
use super::machine::Usage;
use crate::lab::stats::Latencies;
use ftp_endpoint::client::{Delivery, Direction, Failure, FileReport, Job, Login, Policy};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_proto::mode::TransmissionMode;
use ftp_proto::path::VirtualPath;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What becomes of the data connection when a file is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataConnection {
    /// It stays open for the next file, where the mode allows it.
    Kept,
    /// It is closed: each file has one of its own.
    PerFile,
}

/// A way to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Contender {
    /// Which way the files go.
    pub direction: Direction,
    /// The transmission mode, RFC 959 section 3.4.
    pub mode: TransmissionMode,
    /// Transfer commands under way at a time; 1 in stream mode.
    pub pipeline_depth: u32,
    /// Sessions at a time.
    pub parallel: u32,
    /// One data connection for all files of a session.
    pub data_connection_kept: bool,
}

impl Contender {
    /// `pipeline_depth` and a kept data connection count where the mode allows them.
    pub fn new(
        direction: Direction,
        mode: TransmissionMode,
        pipeline_depth: u32,
        parallel: u32,
        data_connection: DataConnection,
    ) -> Self {
        let data_connection_kept = data_connection == DataConnection::Kept && mode.is_framed();
        let pipeline_depth = if data_connection_kept { pipeline_depth } else { 1 };
        Self { direction, mode, pipeline_depth, parallel, data_connection_kept }
    }

    /// The policy by which the client delivers so.
    pub fn policy(&self) -> Policy {
        Policy {
            direction: self.direction,
            mode: self.mode,
            pipeline_depth: self.pipeline_depth,
            parallel: self.parallel,
            reuse_data_connection: self.data_connection_kept,
            retries: 0,
            ..Policy::default()
        }
    }

    /// `put block, 32 ahead`.
    pub fn name(&self) -> String {
        format!("{} {}", self.direction.as_str(), self.way())
    }

    /// `block, 32 ahead`.
    pub fn way(&self) -> String {
        let mut name = self.mode.as_str().to_owned();
        if !self.data_connection_kept && self.mode.is_framed() {
            name += ", not kept";
        }
        if self.pipeline_depth > 1 {
            name += &format!(", {} ahead", self.pipeline_depth);
        }
        if self.parallel > 1 {
            name += &format!(", {} sessions", self.parallel);
        }
        name
    }
}

/// Directories at the server.
#[derive(Clone, Debug)]
pub struct Directories {
    /// Where downloads come from.
    pub source: String,
    /// Where uploads go to.
    pub received: String,
}

impl Directories {
    /// On a server that serves the client's own fixture.
    pub fn shared() -> Self {
        Self { source: SOURCE.to_owned(), received: RECEIVED.to_owned() }
    }

    /// Each job when its turn comes.
    fn jobs(&self, direction: Direction, count: u64) -> impl Iterator<Item = Job> + Send + 'static {
        let (local, remote) = match direction {
            Direction::Put => (SOURCE, &self.received),
            Direction::Get => (RECEIVED, &self.source),
        };
        let remote = remote.clone();
        (0..count).map(move |index| {
            let name = Files::name(index);
            let local = VirtualPath::root().join(&format!("{local}/{name}"));
            Job { local: local.expect("a short path"), remote: format!("{remote}/{name}") }
        })
    }
}

/// The server, and who asks it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address of the control port.
    pub server: SocketAddr,
    /// The user and the password.
    pub login: Login,
}

/// What one delivery took and cost.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// From the first connection to the answer to QUIT.
    pub duration: Duration,
    /// Of this process.
    pub usage: Option<Usage>,
    /// Commands whose reply the client waited for.
    pub control_round_trips: u64,
    /// Data connections that the client opened or accepted.
    pub data_connections: u64,
    /// On data connections.
    pub wire_bytes: u64,
}

/// The first file that could not be delivered.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{file}: {}", failure.message)]
pub struct Failed {
    /// The file's name.
    pub file: String,
    /// The reason.
    pub failure: Failure,
}

/// What is gathered while files end.
#[derive(Default)]
struct Gathered {
    latencies: Latencies,
    wire_bytes: u64,
    failed: Option<Failed>,
}

/// Delivers all files once. The time of each goes to `latencies`. Stops at the first failure.
pub async fn deliver(
    fixture: &impl Fixture,
    files: &Files,
    target: &Target,
    directories: &Directories,
    contender: &Contender,
    latencies: &mut Latencies,
) -> Result<Sample, Failed> {
    let net = RealNet::new();
    let cancel = CancellationToken::new();
    let gathered =
        Arc::new(Mutex::new(Gathered { latencies: std::mem::take(latencies), ..Gathered::default() }));
    let told = {
        let (gathered, cancel) = (gathered.clone(), cancel.clone());
        move |_, file: FileReport| {
            let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            gathered.wire_bytes += file.wire_bytes;
            match file.result {
                Ok(()) => gathered.latencies.record(file.ended_us - file.started_us),
                Err(failure) => {
                    cancel.cancel();
                    gathered.failed.get_or_insert(Failed { file: file.name, failure });
                }
            }
        }
    };
    let jobs = directories.jobs(contender.direction, files.count);
    let (store, policy) = (fixture.store(), contender.policy());
    let (start, usage) = (net.now(), Usage::now());
    let delivery = Delivery::new(&net, store, target.server, &target.login).policy(&policy).cancel_by(cancel);
    let report = delivery.deliver_each(jobs, told).await;
    let duration = net.now() - start;
    let usage = Usage::now().zip(usage).map(|(after, before)| after.since(before));
    let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
    *latencies = std::mem::take(&mut gathered.latencies);
    match gathered.failed.take() {
        Some(failed) => Err(failed),
        None => Ok(Sample {
            duration,
            usage,
            control_round_trips: report.control_round_trips,
            data_connections: report.data_connections,
            wire_bytes: gathered.wire_bytes,
        }),
    }
}
