//! Which handshakes deliveries of many files take: one is full, the control connection's.

use super::deliveries::Ends;
use super::dialogue::{config, protected, secured};
use ftp_endpoint::client::{Direction, Login, Policy, TlsWhen};
use ftp_endpoint::net::Time;
use ftp_endpoint::observe::{Event, Observer, Who};
use ftp_endpoint::server::{Reuse, ServerTls};
use ftp_proto::mode::TransmissionMode;
use rustls::HandshakeKind;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use testkit::server::{soon, world_with};
use testkit::tls::{Identity, TLS12, TLS13, Versions};
use tokio::io::AsyncReadExt;

/// More than tickets that any connection is given.
const FILES: usize = 50;
/// Of the control connection under TLS 1.3.
const CONTROL_TICKETS: usize = 4;

/// Of a client.
#[derive(Debug, Default)]
struct Handshakes {
    control: AtomicUsize,
    data_full: AtomicUsize,
    data_resumed: AtomicUsize,
    versions: Mutex<BTreeSet<String>>,
}

impl Observer for Handshakes {
    fn event(&self, _at: Time, _who: Who, _session: u64, event: &Event<'_>) {
        if let Event::TlsBegins { version, .. } = event {
            self.versions.lock().unwrap().insert(version.to_string());
        }
        let count = match event {
            Event::TlsBegins { on_data: false, .. } => &self.control,
            Event::TlsBegins { resumed: false, .. } => &self.data_full,
            Event::TlsBegins { .. } => &self.data_resumed,
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Handshakes {
    fn counted(&self) -> [usize; 3] {
        [&self.control, &self.data_full, &self.data_resumed].map(|count| count.load(Ordering::Relaxed))
    }
}

/// On the control connection, full on data connections, and resumed there.
async fn handshakes(
    server: ServerTls,
    identity: &Identity,
    versions: Versions,
    policy: Policy,
) -> [usize; 3] {
    let ends = Ends::new(|config| config.tls = Some(server)).await;
    let files: Vec<_> =
        (0..FILES).map(|index| (format!("f{index}"), vec![index as u8; 100 * (index % 3)])).collect();
    let policy = Policy { tls: TlsWhen::Required, retries: 0, ..policy };
    let login = Login::new("me", "secret").with_tls(identity.client(versions));
    let seen = Arc::new(Handshakes::default());
    let report = ends.deliver_watched(&policy, &login, &files, seen.clone()).await;
    for file in &report.files {
        assert_eq!((&file.result, file.attempts), (&Ok(()), 1), "{} {policy:?}", file.name);
    }
    ends.has_all(&policy, &files);
    let newest = if versions.contains(&&rustls::version::TLS13) { "TLS 1.3" } else { "TLS 1.2" };
    assert_eq!(*seen.versions.lock().unwrap(), BTreeSet::from([newest.to_owned()]));
    seen.counted()
}

#[tokio::test(start_paused = true)]
async fn every_data_connection_resumes() {
    let identity = Identity::new();
    for versions in [TLS12, TLS13, rustls::ALL_VERSIONS] {
        for direction in [Direction::Put, Direction::Get] {
            for reuse in [Reuse::Prefer, Reuse::Require] {
                for mode in [TransmissionMode::Stream, TransmissionMode::Deflate] {
                    let mut server = identity.server(versions);
                    server.reuse = reuse;
                    let policy = Policy { direction, mode, ..Policy::default() };
                    let counted = handshakes(server, &identity, versions, policy.clone()).await;
                    assert_eq!(counted, [1, 0, FILES], "{versions:?} {reuse:?} {policy:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_data_connection_that_is_kept_is_one_handshake() {
    let identity = Identity::new();
    for versions in [TLS12, TLS13] {
        for direction in [Direction::Put, Direction::Get] {
            for pipeline_depth in [1, 8] {
                let mode = TransmissionMode::Block;
                let policy = Policy { direction, mode, pipeline_depth, ..Policy::default() };
                let counted = handshakes(identity.server(versions), &identity, versions, policy).await;
                assert_eq!(counted, [1, 0, 1], "{versions:?} {direction:?} {pipeline_depth}");
            }
        }
    }
}

/// Under TLS 1.3 an upload brings a ticket where the server gives what is asked for (RFC 9149), and the client
/// reads it; else the control connection's have to do.
#[tokio::test(start_paused = true)]
async fn uploads_bring_tickets_where_both_ends_have_it_so() {
    let identity = Identity::new();
    let asks_not = Policy { tls_lingers: false, ..Policy::default() };
    let deaf = identity.server_deaf_to_requests(TLS13);
    for (server, policy) in [(deaf, Policy::default()), (identity.server(TLS13), asks_not)] {
        let counted = handshakes(server, &identity, TLS13, policy.clone()).await;
        assert_eq!(counted, [1, FILES - CONTROL_TICKETS, CONTROL_TICKETS], "{policy:?}");
    }
}

/// A client that knows no more than its data connections goes on from one of them to the next.
#[tokio::test(start_paused = true)]
async fn what_a_data_connection_has_agreed_on_is_resumed_by_the_next() {
    let identity = Identity::new();
    for versions in [TLS12, TLS13] {
        let mut tls = identity.server(versions);
        tls.reuse = Reuse::Prefer;
        let world = world_with(|config| config.tls = Some(tls)).await;
        world.put("f", b"content");
        let mut client = protected(&world, config(&identity, versions)).await;
        let of_data = config(&identity, versions);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let data = client.passive().await;
            client.ask("RETR f", 150).await;
            let mut data = secured(data, &of_data).await;
            assert_eq!(data.agreed().unwrap().handshake_kind(), Some(kind), "{versions:?}");
            soon(data.read_to_end(&mut Vec::new())).await.unwrap();
            assert!(client.reply().await.starts_with("226"));
        }
    }
}
