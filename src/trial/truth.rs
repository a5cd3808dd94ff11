//! The truth table on real sockets: the simulation's cuts, each at the same byte of the same delivery of the same
//! client and server, and the two verdicts side by side.

use super::fault::{Strike, Trigger};
use super::proxy::{Plan, Proxy};
use crate::programs::in_order;
use crate::sim::case::Case;
use crate::sim::fault::FaultName;
use crate::sim::outcome::{Left, Verdict};
use crate::sim::scenario::Scenario;
use ftp_endpoint::client::{Delivery, Direction, Job, Login};
use ftp_endpoint::net::real::{RealNet, runtime};
use ftp_endpoint::net::{Listener, Net};
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_proto::path::VirtualPath;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The cuts that a proxy commits as a middlebox does.
pub const CUTS: [FaultName; 3] = [FaultName::EarlyClose, FaultName::SplitClose, FaultName::Reset];
/// When the delivery has ended, so long connections have to end.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(5);
/// Nobody waits longer for a delivery: all of its waits are bounded.
const LIMIT: Duration = Duration::from_secs(120);

/// A row of a table that `ftpsim compare truth-table` has written, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct Simulated {
    /// The contender.
    pub variant: String,
    /// `put` or `get`.
    pub direction: String,
    /// The fault's name.
    pub cut: String,
    wire_byte: Option<u64>,
    fault_fired: bool,
    connection: Option<usize>,
    connection_byte: Option<u64>,
    file: usize,
    position: String,
    left: Left,
    attempts: u32,
    verdict: Verdict,
    seed: u64,
}

/// A cut in both worlds.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The contender.
    pub variant: String,
    /// `put` or `get`.
    pub direction: String,
    /// The fault's name.
    pub cut: String,
    /// Wire bytes count from 0, over all data connections; a FIN counts as one.
    pub wire_byte: u64,
    /// What the byte is.
    pub position: String,
    /// The verdict on its file in the simulation.
    pub simulated: Verdict,
    /// On real sockets; absent where the fault found no place.
    pub real: Option<Verdict>,
    /// What stands under the file's name at the receiver, in the simulation.
    pub simulated_left: Left,
    /// On real sockets.
    pub real_left: Left,
    /// The attempts at the file, in the simulation.
    pub simulated_attempts: u32,
    /// On real sockets.
    pub real_attempts: u32,
    /// Whether verdict and file are the same.
    pub agrees: bool,
}

/// What real sockets have brought.
struct Real {
    left: Left,
    delivered: bool,
    attempts: u32,
    struck: bool,
}

impl Simulated {
    /// Whether a proxy can do the same: a cut at a byte, of a delivery whose disk does not matter.
    pub fn can_be_real(&self) -> bool {
        let is_cut = CUTS.iter().any(|cut| cut.as_str() == self.cut);
        is_cut && self.fault_fired && self.wire_byte.is_some() && !self.variant.ends_with("-durable")
    }

    fn strike(&self) -> io::Result<Strike> {
        let fault = CUTS.into_iter().find(|cut| cut.as_str() == self.cut);
        let (Some(fault), Some(byte)) = (fault, self.connection_byte) else {
            return Err(io::Error::other("the table has no such cut"));
        };
        let trigger = if self.position == "close" { Trigger::BeforeFin } else { Trigger::Byte(byte) };
        Ok(Strike { fault, trigger, lasts: None, close_notify: false })
    }

    fn compared(&self, real: &Real) -> Compared {
        let verdict = match (real.delivered, real.left) {
            (true, Left::Whole) if real.attempts > 1 => Verdict::Recovered,
            (true, Left::Whole) => Verdict::Intact,
            (true, Left::Part | Left::Nothing) => Verdict::SilentTruncation,
            (true, Left::Other) => Verdict::SilentCorruption,
            (false, Left::Whole) => Verdict::FalseAlarm,
            (false, _) => Verdict::Detected,
        };
        let agrees = real.struck && verdict == self.verdict && real.left == self.left;
        Compared {
            variant: self.variant.clone(),
            direction: self.direction.clone(),
            cut: self.cut.clone(),
            wire_byte: self.wire_byte.unwrap_or_default(),
            position: self.position.clone(),
            simulated: self.verdict,
            real: real.struck.then_some(verdict),
            simulated_left: self.left,
            real_left: real.left,
            simulated_attempts: self.attempts,
            real_attempts: real.attempts,
            agrees,
        }
    }
}

/// Makes the cuts of `rows` on loopback, at most `jobs` at a time.
pub async fn compare(
    scenario: Scenario,
    rows: Vec<Simulated>,
    jobs: usize,
    mut ended: impl FnMut(),
) -> io::Result<Vec<Compared>> {
    let scenario = Arc::new(scenario);
    let work = rows.into_iter().map(|row| {
        let scenario = Arc::clone(&scenario);
        async move {
            let one = move || {
                let case = Case::draw(&scenario, &row.variant, row.seed).map_err(io::Error::other)?;
                let real = real(&case, &row)?;
                Ok(row.compared(&real))
            };
            tokio::task::spawn_blocking(one).await.map_err(io::Error::other)?
        }
    });
    let panicked = |_, words: String| Err(io::Error::other(words));
    in_order(work, jobs, panicked, |_| ended()).await.into_iter().collect()
}

/// One delivery, in a thread and a runtime of its own.
fn real(case: &Case, row: &Simulated) -> io::Result<Real> {
    let (sending, mut receiving) = (MemoryStore::new(), MemoryStore::new());
    if case.writes_in_place {
        receiving = receiving.writing_in_place();
    }
    let mut jobs = Vec::new();
    for file in &case.files {
        let path = VirtualPath::root().join(&file.name).map_err(io::Error::other)?;
        sending.insert(&path, file.bytes());
        jobs.push(Job { local: path, remote: file.name.clone() });
    }
    let (client, server) = match case.policy.direction {
        Direction::Put => (sending, receiving.clone()),
        Direction::Get => (receiving.clone(), sending),
    };
    let plan = Plan {
        strike: Some(row.strike()?),
        // The byte after those that pass is waited for, wherever it is.
        size: u64::MAX,
        only: row.connection,
        ..Plan::default()
    };
    let (delivered, attempts, struck) = runtime()?.block_on(async {
        let net = RealNet::new();
        let listener = net.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = Listener::local_addr(&listener)?;
        let login = Login::new("user", "password");
        let accounts = Table::new().with_user(&login.user, &login.password, server, Rights::ALL);
        let mut config = Config::new(accounts);
        config.transfers_outlive_control = case.server.transfers_outlive_control;
        config.limits.min_rate = None;
        let served = serve(net, listener, Arc::new(config), Arc::new(Nobody));
        let delivery = async {
            let proxy = Proxy::start(address, plan).await?;
            let delivery = Delivery::new(&net, &client, proxy.address, &login).policy(&case.policy);
            let report = tokio::time::timeout(LIMIT, delivery.deliver(&jobs)).await?;
            let settled = async {
                while proxy.watched.connections() > 0 {
                    tokio::time::sleep(LOOK).await;
                }
            };
            // Who is still there has had its time.
            let _ = tokio::time::timeout(SETTLE_LIMIT, settled).await;
            let file = report.files.get(row.file).ok_or_else(|| io::Error::other("no such file"))?;
            Ok((file.result.is_ok(), file.attempts, proxy.watched.report().struck))
        };
        tokio::select! {
            biased;
            served = served => Err(served.err().unwrap_or_else(|| io::Error::other("the server has ended"))),
            delivered = delivery => delivered,
        }
    })?;
    let file = case.files.get(row.file).ok_or_else(|| io::Error::other("no such file"))?;
    let path = VirtualPath::root().join(&file.name).map_err(io::Error::other)?;
    let left = Left::of(&file.bytes(), receiving.get(&path).as_deref());
    Ok(Real { left, delivered, attempts, struck })
}
