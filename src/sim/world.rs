//! The world: the real client and the real server over the simulated network, one case at a time.

use super::case::Case;
use super::disk::HostStore;
use super::injector::{Injector, Scene};
use super::names::{FileId, FileNames, LISTING};
use super::net::ProcessNet;
use super::outcome::Outcome;
use super::ports::DataPorts;
use super::recorder::{Notes, Recorder};
use super::time::SimTime;
use super::tls::{KeyLines, Seeded};
use super::trace::{Kept, Place, Trace};
use super::truth::{self, Contents};
use ftp_endpoint::client::{Delivery, Direction, Job, Login, Opening, Report};
use ftp_endpoint::net::Net;
use ftp_endpoint::observe::Who;
use ftp_endpoint::server::{self, Config, Rights, Table};
use ftp_endpoint::store::memory::{MemoryStore, PublicationHook};
use ftp_proto::mode::TransmissionMode;
use ftp_proto::mutant;
use ftp_proto::path::VirtualPath;
use others::change;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use turmoil_tcp::network::{self, NetworkError, RunReport, SimNet};
use turmoil_tcp::path::router::RouterHandle;

/// RFC 959 section 8: the server's control port.
const CONTROL_PORT: u16 = 21;
/// When the client has come to its end, the server is watched in these steps until it has nothing
/// left to decide.
const AFTERMATH_STEP: Duration = Duration::from_millis(100);
/// Beyond the sum of its timeouts.
const AFTERMATH_SLACK: Duration = Duration::from_secs(60);

/// What is asked for beside verdicts and figures.
#[derive(Clone, Copy, Debug, Default)]
struct Keep {
    trace_hash: bool,
    stores_hash: bool,
    events: bool,
    packets: bool,
}

/// Why a case cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The simulated network could not be set up, or broke.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// This program has no planted bugs, and the case asks for one.
    #[error("a case with a planted bug needs a program built with debug assertions")]
    Mutant,
}

/// Runs a case for its verdicts and figures, without a hash.
pub fn judge(case: &Case) -> Result<Outcome, WorldError> {
    run_watched(case, Keep::default())
}

/// Runs a case, with [`Outcome::trace_hash`].
pub fn run(case: &Case) -> Result<Outcome, WorldError> {
    run_watched(case, Keep { trace_hash: true, ..Keep::default() })
}

/// Runs a case, with [`Outcome::trace_hash`] and [`Outcome::events`], which do not change the hash.
pub fn run_with_events(case: &Case) -> Result<Outcome, WorldError> {
    run_watched(case, Keep { trace_hash: true, events: true, ..Keep::default() })
}

/// Runs a case, with both hashes.
pub fn run_hashed(case: &Case) -> Result<Outcome, WorldError> {
    run_watched(case, Keep { trace_hash: true, stores_hash: true, ..Keep::default() })
}

/// Runs a case, with its trace's hash, every event and every packet.
pub fn run_captured(case: &Case) -> Result<Outcome, WorldError> {
    run_watched(case, Keep { trace_hash: true, events: true, packets: true, ..Keep::default() })
}

/// Runs a case as [`judge`] does, up to `future.from`; from then on the path's luck is another.
pub fn judge_future(case: &Case, future: Future) -> Result<Outcome, WorldError> {
    run_into(case, Keep::default(), Some(future))
}

fn run_watched(case: &Case, keep: Keep) -> Result<Outcome, WorldError> {
    run_into(case, keep, None)
}

fn run_into(case: &Case, keep: Keep, future: Option<Future>) -> Result<Outcome, WorldError> {
    if case.mutant.is_some() && !mutant::POSSIBLE {
        return Err(WorldError::Mutant);
    }
    let _mutant = mutant::plant(case.mutant);
    let _tls = case.tls.map(|_| Seeded::begin(case.seed));
    let world = Arc::new(World::new(case, keep, future));
    let config = world.network_config();
    let ended = world.clone().network(&config).run()?;
    Ok(world.outcome(&RunReport::from(ended)))
}

/// One of the ways in which a run may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Future {
    /// Until then it is the run of the case.
    pub from: SimTime,
    /// What is left to the path's luck (losses, delays, order) is drawn from this seed from then on.
    pub seed: u64,
}

/// What both hosts, the path and the oracle share; the simulation runs on one thread.
struct World {
    case: Case,
    future: Option<Future>,
    keep: Keep,
    truth: Arc<[Contents]>,
    client_store: HostStore,
    server_store: HostStore,
    recorder: Arc<Recorder>,
    ports: Arc<DataPorts>,
    key_log: Arc<KeyLines>,
}

impl World {
    fn new(case: &Case, keep: Keep, future: Option<Future>) -> Self {
        let truth: Arc<[Contents]> = truth::of(case).into();
        let sender = match case.policy.direction {
            Direction::Put => Who::Client,
            Direction::Get => Who::Server,
        };
        let trace = Arc::new(Trace::new(Kept { hash: keep.trace_hash, events: keep.events }));
        let listing = case.listed.then(|| LISTING.to_owned());
        let names = case.files.iter().map(|file| file.name.clone()).chain(listing);
        let names = Arc::new(FileNames::new(names));
        let scene = Scene {
            sender,
            target: (case.target().is_some() || case.strikes_listing()).then_some(FileId(case.fault.target)),
            target_sent_bytes: match case.target() {
                Some(file) => file.sent_bytes(case.policy.conversion()),
                // A listing's last byte is that of its last line.
                None => u64::MAX,
            },
            names: names.clone(),
            one_way: Duration::from_micros(case.path.rtt_us / 2),
            control: control(),
            second_wire_byte: case.second_wire_byte,
            tls: case.tls.is_some(),
        };
        let injector = Arc::new(Injector::new(case.fault, scene, trace.clone()));
        let sending = MemoryStore::new();
        for (file, contents) in case.files.iter().zip(&*truth) {
            sending.insert(&path(&file.name), contents.versions[0].clone());
        }
        let ports = Arc::new(DataPorts::new(control().ip()));
        let recorder = Recorder::new(trace, injector, names, truth.clone(), ports.clone());
        let recorder = if keep.packets { recorder.capturing() } else { recorder };
        let target = case.fault.target as usize;
        let recorder = Arc::new(match case.source_change {
            Some(_) => {
                let name = path(&case.files[target].name);
                recorder.changing(change(sending.clone(), name, &truth[target]))
            }
            None => recorder,
        });
        let mut receiving = MemoryStore::new().with_hook(publications(recorder.clone()));
        for (file, contents) in case.files.iter().zip(&*truth) {
            if let Some(old) = &contents.old {
                receiving.insert(&path(&file.name), old.clone());
            }
        }
        if case.writes_in_place {
            receiving = receiving.writing_in_place();
        }
        let (client_store, server_store) = match sender {
            Who::Client => (sending, receiving),
            Who::Server => (receiving, sending),
        };
        let disk = power::disk(case);
        let client_store = HostStore::new(client_store, Who::Client, recorder.clone(), disk);
        let server_store = HostStore::new(server_store, Who::Server, recorder.clone(), disk);
        Self {
            case: case.clone(),
            future,
            keep,
            truth,
            client_store,
            server_store,
            recorder,
            ports,
            key_log: Arc::default(),
        }
    }

    fn receiving_host(&self) -> &HostStore {
        match self.case.policy.direction {
            Direction::Put => &self.server_store,
            Direction::Get => &self.client_store,
        }
    }

    fn receiving_store(&self) -> &MemoryStore {
        self.receiving_host().memory()
    }

    async fn client_host(self: Arc<Self>, net: SimNet, router: RouterHandle) {
        if let Some(Future { from, seed }) = self.future {
            router.redraw(from.as_ns(), seed);
        }
        self.recorder.use_router(router);
        net.set_tap(Arc::new(self.tap(Who::Client)));
        let receives = self.case.policy.direction == Direction::Get;
        tokio::select! {
            biased;
            () = self.deliver(&net) => {}
            () = self.watch_arrivals(&net), if receives => {}
            () = self.neighbour(&net, Opening::Passive) => {}
        }
        self.ports.close();
    }

    async fn deliver(&self, net: &SimNet) {
        let process = net.process();
        self.recorder.injector.runs(Who::Client, process.clone());
        let net_of_client = ProcessNet(process);
        let delivery = async {
            if let Some(crowd) = self.crowd_ahead() {
                net_of_client.sleep(Duration::from_micros(crowd.after_us)).await;
            }
            if self.case.listed {
                self.fetch_listed(&net_of_client).await
            } else {
                self.deliver_all(&net_of_client).await
            }
        };
        let report = tokio::select! {
            biased;
            () = self.recorder.injector.doom(Who::Client, net) => None,
            report = delivery => Some(report),
        };
        match report {
            Some(report) => {
                self.recorder.notes().finished = Some((net.now().into(), report));
                if self.recorder.injector.is_doomed(Who::Client) {
                    // Nothing is left to do but to lose what has been received.
                    self.recorder.injector.doom(Who::Client, net).await;
                    self.died(Who::Client, net.now().into());
                }
                self.aftermath(net).await;
            }
            None => {
                self.died(Who::Client, net.now().into());
                self.recorder.notes().client_died = true;
                let restart_after_us = self.case.fault.kind.restart_after_us();
                if let (true, Some(us)) = (self.case.fault.kind.takes_power(), restart_after_us) {
                    // The host comes up again; nobody starts the delivery again.
                    net.outside_sleep(Duration::from_micros(us)).await;
                    net.power_on();
                    self.recorder.trace.add(
                        net.now(),
                        Place::Fault,
                        format_args!("the client's host is up again"),
                    );
                }
                self.aftermath(net).await;
            }
        }
    }

    async fn deliver_all(&self, net: &ProcessNet) -> Report {
        let names = self.case.files.iter().map(|file| file.name.clone());
        let jobs: Vec<Job> = names.map(|name| Job { local: path(&name), remote: name }).collect();
        let login = self.login();
        self.delivery(net, &login).deliver(&jobs).await
    }

    fn delivery<'a>(&'a self, net: &'a ProcessNet, login: &'a Login) -> Delivery<'a, ProcessNet, HostStore> {
        Delivery::new(net, &self.client_store, control(), login)
            .policy(&self.case.policy)
            .observer(self.recorder.clone())
    }

    /// Lets the server come to its conclusions, for as long as its timeouts allow and no longer.
    async fn aftermath(&self, net: &SimNet) {
        let timeouts = &self.case.timeouts;
        let longest_us = timeouts.control_idle_us + timeouts.data_idle_us + timeouts.connect_us;
        let begin = net.now();
        let end = begin + Duration::from_micros(longest_us) + AFTERMATH_SLACK;
        // What a dead client's kernel still sends, or had sent, may yet open a session.
        let arrived = begin + self.longest_way();
        let coming = |notes: &Notes| {
            notes.client_died && notes.control_under_way() && (net.now() < arrived || net.has_connections())
        };
        let goes_on = || {
            let notes = self.recorder.notes();
            notes.server_sessions > 0 || coming(&notes) || self.recorder.injector.is_doomed(Who::Server)
        };
        while goes_on() && net.now() < end {
            net.outside_sleep(AFTERMATH_STEP).await;
        }
    }

    /// The longest that a packet can be under way on the path, when no fault holds it.
    fn longest_way(&self) -> Duration {
        let path = &self.case.path;
        Duration::from_micros(path.rtt_us + path.longest_queue_us() + path.reorder_us + path.jitter_us)
    }

    async fn server_host(self: Arc<Self>, net: SimNet) {
        net.set_tap(Arc::new(self.tap(Who::Server)));
        let receives = self.case.policy.direction == Direction::Put;
        tokio::select! {
            biased;
            () = self.serve_on(&net) => {}
            () = self.watch_arrivals(&net), if receives => {}
            () = self.compete(&net), if receives => {}
            () = self.neighbour(&net, Opening::Active) => {}
        }
    }

    async fn serve_on(&self, net: &SimNet) {
        let mut host = net.clone();
        loop {
            let process = host.process();
            self.recorder.injector.runs(Who::Server, process.clone());
            tokio::select! {
                biased;
                () = self.recorder.injector.doom(Who::Server, &host) => {}
                () = self.serve(ProcessNet(process)) => return,
            }
            self.died(Who::Server, net.now().into());
            self.recorder.notes().server_sessions = 0;
            let Some(us) = self.case.fault.kind.restart_after_us() else { return };
            host.outside_sleep(Duration::from_micros(us)).await;
            if self.case.fault.kind.takes_power() {
                host = host.power_on();
            }
            self.recorder.trace.add(net.now(), Place::Fault, format_args!("the server is started again"));
        }
    }

    async fn serve(&self, net: ProcessNet) {
        let on = control();
        let listener = match net.listen(on).await {
            Ok(listener) => listener,
            Err(error) => {
                self.recorder.trace.add(
                    net.now(),
                    Place::Server,
                    format_args!("cannot listen on {on}: {error}"),
                );
                return;
            }
        };
        let accounts = Table::new().with_user("user", "password", self.server_store.clone(), Rights::ALL);
        let mut config = Config::new(accounts);
        config.tls = self.case.tls.map(|tls| security::server(tls, self.key_log.clone()));
        config.transfers_outlive_control = self.case.server.transfers_outlive_control;
        // What FEAT says takes its time on the path: contenders without it see the server as it was.
        config.deflate = self.case.policy.mode == TransmissionMode::Deflate;
        config.takes_cut_deflate = self.case.server.takes_cut_deflate;
        config.ends_unfinished = self.case.server.ends_unfinished;
        // How slow a path may be is the case's to say.
        config.limits.min_rate = None;
        if let Some(crowd) = self.crowd_ahead() {
            config.limits.sessions = crowd.visits as usize;
        }
        config.timeouts.data = Duration::from_micros(self.case.timeouts.data_idle_us);
        config.timeouts.data_open = Duration::from_micros(self.case.timeouts.connect_us);
        config.timeouts.idle = Duration::from_micros(self.case.timeouts.control_idle_us);
        if let Err(error) =
            server::serve(net.clone(), listener, Arc::new(config), self.recorder.clone()).await
        {
            self.recorder.trace.add(net.now(), Place::Server, format_args!("server ends: {error}"));
        }
    }
}

/// Where the server listens.
fn control() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(network::SERVER_IP), CONTROL_PORT)
}

/// Compares each publication with what may stand under the name.
fn publications(recorder: Arc<Recorder>) -> PublicationHook {
    Arc::new(move |path, found| recorder.published(path, found))
}

fn path(name: &str) -> VirtualPath {
    VirtualPath::root().join(name).expect("a case's file names are pathnames")
}

mod hosts;
mod listed;
mod others;
mod outcome;
mod power;
mod security;
mod strangers;

#[cfg(test)]
mod tests;
