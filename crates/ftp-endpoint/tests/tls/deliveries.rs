//! Deliveries of our client to our server under TLS, in every mode and direction.

use ftp_endpoint::client::{
    Client, Delivery, Direction, Job, Login, Opening, Options, Policy, Report, TlsWhen, Verify,
};
use ftp_endpoint::net::Net;
use ftp_endpoint::observe::{Nobody, Observer};
use ftp_endpoint::server::{Config, Reuse, Rights, ServerTls, Table, TlsUse, serve};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_proto::mode::TransmissionMode;
use std::net::SocketAddr;
use std::sync::Arc;
use testkit::memory_net::MemoryNet;
use testkit::server::{SERVER, path_of};
use testkit::tls::{Identity, TLS12, TLS13, Versions};
use tokio::task::JoinSet;

const MODES: [TransmissionMode; 3] =
    [TransmissionMode::Stream, TransmissionMode::Block, TransmissionMode::Compressed];

/// A server on a network in memory, and the store of a client.
pub(super) struct Ends {
    _server: JoinSet<()>,
    pub(super) net: MemoryNet,
    pub(super) address: SocketAddr,
    here: MemoryStore,
    there: MemoryStore,
}

impl Ends {
    pub(super) async fn new(change: impl FnOnce(&mut Config<Table<MemoryStore>>)) -> Self {
        let (here, there) = (MemoryStore::default(), MemoryStore::default());
        let net = MemoryNet::new(SERVER.ip());
        let listener = net.listen(SERVER).await.unwrap();
        let mut config = Config::new(Table::new().with_user("me", "secret", there.clone(), Rights::ALL));
        change(&mut config);
        let mut server = JoinSet::new();
        let servers = net.clone();
        server.spawn(async move {
            serve(servers, listener, Arc::new(config), Arc::new(Nobody)).await.unwrap();
        });
        Self { _server: server, net, address: SERVER, here, there }
    }

    async fn deliver(&self, policy: &Policy, login: &Login, files: &[(String, Vec<u8>)]) -> Report {
        self.deliver_watched(policy, login, files, Arc::new(Nobody)).await
    }

    pub(super) async fn deliver_watched(
        &self,
        policy: &Policy,
        login: &Login,
        files: &[(String, Vec<u8>)],
        observer: Arc<dyn Observer>,
    ) -> Report {
        let from = if policy.direction == Direction::Put { &self.here } else { &self.there };
        for (name, content) in files {
            from.insert(&path_of(name), &content[..]);
        }
        let jobs: Vec<Job> =
            files.iter().map(|(name, _)| Job { local: path_of(name), remote: name.clone() }).collect();
        let delivery = Delivery::new(&self.net, &self.here, self.address, login).policy(policy);
        delivery.observer(observer).deliver(&jobs).await
    }

    pub(super) fn has_all(&self, policy: &Policy, files: &[(String, Vec<u8>)]) {
        let to = if policy.direction == Direction::Put { &self.there } else { &self.here };
        for (name, content) in files {
            assert_eq!(to.get(&path_of(name)).as_deref(), Some(&content[..]), "{name} {policy:?}");
        }
    }
}

fn files() -> Vec<(String, Vec<u8>)> {
    (0..20usize)
        .map(|index| {
            let len = [0, 1, 1000, 16_384, 300_000][index % 5];
            (format!("file-{index}"), (0..len).map(|at| (at * (index + 3) % 251) as u8).collect())
        })
        .collect()
}

async fn all_ways(versions: Versions, reuse: Reuse, server: fn(&Identity, Versions) -> ServerTls) {
    let identity = Identity::new();
    let files = files();
    for mode in MODES {
        for direction in [Direction::Put, Direction::Get] {
            for (pipeline_depth, opening) in
                [(1, Opening::Passive), (8, Opening::Passive), (1, Opening::Active)]
            {
                let ends = Ends::new(|config| {
                    let mut tls = server(&identity, versions);
                    (tls.reuse, tls.demand) = (reuse, TlsUse::Required);
                    config.tls = Some(tls);
                })
                .await;
                let policy = Policy {
                    mode,
                    direction,
                    pipeline_depth,
                    opening,
                    tls: TlsWhen::Required,
                    retries: 0,
                    verify: Verify::Size,
                    ..Policy::default()
                };
                let login = Login::new("me", "secret").with_tls(identity.client(versions));
                let report = ends.deliver(&policy, &login, &files).await;
                for file in &report.files {
                    assert_eq!(file.result, Ok(()), "{} {policy:?}", file.name);
                    assert_eq!(file.attempts, 1);
                }
                ends.has_all(&policy, &files);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_mode_and_direction_under_tls_1_2() {
    all_ways(TLS12, Reuse::Require, Identity::server).await;
}

#[tokio::test(start_paused = true)]
async fn every_mode_and_direction_under_tls_1_3() {
    all_ways(TLS13, Reuse::Prefer, Identity::server_deaf_to_requests).await;
    all_ways(TLS13, Reuse::Require, Identity::server).await;
}

/// Uploads of stream mode use up the tickets of TLS 1.3 where the server does not give more; then another session under TLS 1.2 goes on, at no
/// file's expense.
#[tokio::test(start_paused = true)]
async fn where_reuse_is_demanded_and_tickets_run_out_tls_1_2_goes_on() {
    let identity = Identity::new();
    all_ways(rustls::ALL_VERSIONS, Reuse::Require, Identity::server_deaf_to_requests).await;
    let ends = Ends::new(|config| {
        let mut tls = identity.server_deaf_to_requests(TLS13);
        tls.reuse = Reuse::Require;
        config.tls = Some(tls);
    })
    .await;
    // Without TLS 1.2 at the server there is no way out, and that is told.
    let policy = Policy { tls: TlsWhen::Required, retries: 1, ..Policy::default() };
    let login = Login::new("me", "secret").with_tls(identity.client(TLS13));
    let report = ends.deliver(&policy, &login, &files()).await;
    assert!(report.files.iter().any(|file| file.result.is_ok()));
}

/// Each of them meets the demand once, whoever met it first.
#[tokio::test(start_paused = true)]
async fn sessions_beside_each_other_go_on_under_tls_1_2_at_no_file_s_expense() {
    let identity = Identity::new();
    let ends = Ends::new(|config| {
        let mut tls = identity.server_deaf_to_requests(rustls::ALL_VERSIONS);
        tls.reuse = Reuse::Require;
        config.tls = Some(tls);
    })
    .await;
    let policy = Policy { tls: TlsWhen::Required, retries: 0, parallel: 4, ..Policy::default() };
    let login = Login::new("me", "secret").with_tls(identity.client(rustls::ALL_VERSIONS));
    let report = ends.deliver(&policy, &login, &files()).await;
    for file in &report.files {
        assert_eq!((&file.result, file.attempts), (&Ok(()), 1), "{}", file.name);
    }
    assert!(report.control_connections > 4, "the demand was met");
    ends.has_all(&policy, &files());
}

/// What a program with a session of its own can do about it.
#[tokio::test(start_paused = true)]
async fn another_session_lists_where_tickets_have_run_out() {
    let identity = Identity::new();
    let ends = Ends::new(|config| {
        let mut tls = identity.server_deaf_to_requests(rustls::ALL_VERSIONS);
        tls.reuse = Reuse::Require;
        config.tls = Some(tls);
    })
    .await;
    let login = Login::new("me", "secret").with_tls(identity.client(rustls::ALL_VERSIONS));
    let options = Options { tls: TlsWhen::Required, ..Options::default() };
    let connect = || Client::connect(ends.net.clone(), ends.address, &login, &options);
    let mut client = connect().await.unwrap();
    let mut stored = 0;
    while client.store(&format!("f{stored}"), &b"x"[..]).await.is_ok() {
        stored += 1;
    }
    assert!((1..20).contains(&stored), "{stored}");
    let error = client.list("").await.unwrap_err();
    assert_eq!(error.reply().map(|reply| reply.code), Some(522), "{error}");
    assert!(client.session().another_may_do_better(&error));
    let mut client = connect().await.unwrap();
    assert_eq!(client.list("").await.unwrap().entries.len(), stored);
    for again in 0..20 {
        client.store(&format!("g{again}"), &b"x"[..]).await.unwrap();
    }
    // There is nothing better than that.
    assert!(!client.session().another_may_do_better(&error));
}

#[tokio::test(start_paused = true)]
async fn implicit_tls_delivers() {
    let identity = Identity::new();
    let ends = Ends::new(|config| {
        let mut tls = identity.server(rustls::ALL_VERSIONS);
        tls.implicit = true;
        config.tls = Some(tls);
    })
    .await;
    let policy = Policy { tls: TlsWhen::Implicit, ..Policy::default() };
    let login = Login::new("me", "secret").with_tls(identity.client(rustls::ALL_VERSIONS));
    let report = ends.deliver(&policy, &login, &files()).await;
    assert!(report.files.iter().all(|file| file.result.is_ok()));
    ends.has_all(&policy, &files());
}
