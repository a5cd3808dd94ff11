//! Deliveries that are to survive the loss of power.
#![allow(clippy::disallowed_methods, reason = "real sockets take real time")]

use super::{files, read, write};
use ftp_endpoint::client::{
    Client, ClientError, Delivery, Direction, FailureKind, Job, Login, Options, Policy, Report,
};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::net::{Listener, Net};
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::Store;
use ftp_endpoint::store::memory::MemoryStore;
use ftp_proto::mode::TransmissionMode;
use ftp_proto::path::VirtualPath;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use testkit::slow_store::SlowStore;

async fn served(store: impl Store) -> SocketAddr {
    let net = RealNet::new();
    let listener = net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = Listener::local_addr(&listener).unwrap();
    let table = Table::new().with_user("me", "secret", store, Rights::ALL);
    tokio::spawn(serve(net, listener, Arc::new(Config::new(table)), Arc::new(Nobody)));
    address
}

fn policy(direction: Direction) -> Policy {
    let mode = TransmissionMode::Block;
    Policy { direction, mode, pipeline_depth: 8, durable: true, retries: 0, ..Policy::default() }
}

async fn deliver(store: &impl Store, server: SocketAddr, names: &[String], policy: &Policy) -> Report {
    let login = Login::new("me", "secret");
    let job = |name: &String| Job { local: VirtualPath::root().join(name).unwrap(), remote: name.clone() };
    let jobs: Vec<Job> = names.iter().map(job).collect();
    Delivery::new(&RealNet::new(), store, server, &login).policy(policy).deliver(&jobs).await
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_does_not_promise() {
    let (here, there) = (MemoryStore::new(), MemoryStore::new());
    write(&here, "a", b"a").await;
    let server = served(there.clone()).await;
    let names = ["a".to_owned()];
    let report = deliver(&here, server, &names, &policy(Direction::Put)).await;
    let failure = report.files[0].result.as_ref().unwrap_err();
    assert_eq!((failure.kind, report.files[0].attempts), (FailureKind::Refused, 1));
    assert!(failure.message.contains("no DURABLE in FEAT"), "{}", failure.message);
    assert!(there.list(&VirtualPath::root()).await.unwrap().is_empty());

    let (login, durable) = (Login::new("me", "secret"), Options { durable: true, ..Options::default() });
    let refused = Client::connect(RealNet::new(), server, &login, &durable).await.err();
    assert!(matches!(refused, Some(ClientError::NotDurable)), "{refused:?}");

    let promising = SlowStore::new();
    promising.publish();
    let server = served(promising.clone()).await;
    let report = deliver(&here, server, &names, &policy(Direction::Put)).await;
    assert_eq!(report.failed().count(), 0);
    assert_eq!(read(&promising.inner, "a").await, b"a");
    let mut client = Client::connect(RealNet::new(), server, &login, &durable).await.unwrap();
    client.store("b", &b"b"[..]).await.unwrap();
    client.quit().await;
    // What comes is this end's matter.
    let elsewhere = served(here.clone()).await;
    let report = deliver(&there, elsewhere, &names, &policy(Direction::Get)).await;
    assert_eq!(report.failed().count(), 0);
}

/// Those that the server could not bring to its disk have failed, and no others.
#[tokio::test]
async fn uploads_that_are_not_safe_there_are_told() {
    let (here, there) = (MemoryStore::new(), SlowStore::new());
    let names: Vec<String> =
        (0..40).map(|at| format!("{}{at}", if at == 17 { "bad" } else { "f" })).collect();
    for name in &names {
        write(&here, name, name.as_bytes()).await;
    }
    there.publish();
    let server = served(there.clone()).await;
    let policy = Policy { retries: 1, retry_delay: Duration::ZERO, ..policy(Direction::Put) };
    let report = deliver(&here, server, &names, &policy).await;
    for file in &report.files {
        assert_eq!(file.result.is_err(), file.name.starts_with("bad"), "{}: {:?}", file.name, file.result);
        match &file.result {
            Ok(()) => assert_eq!(read(&there.inner, &file.name).await, file.name.as_bytes()),
            Err(failure) => assert!(failure.message.contains("451"), "{}", failure.message),
        }
    }
}

#[tokio::test]
async fn downloads_go_on_while_others_are_published() {
    let (here, there) = (SlowStore::new(), MemoryStore::new());
    let mut names = Vec::new();
    for (name, content) in files() {
        write(&there, &name, &content).await;
        names.push(name);
    }
    write(&there, "bad", b"bad").await;
    names.insert(20, "bad".to_owned());
    let server = served(there).await;
    let slow = here.clone();
    let work = tokio::spawn(async move { deliver(&slow, server, &names, &policy(Direction::Get)).await });
    let all_came = async {
        while here.asked().len() < 41 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_came).await.expect("they wait for each other");
    assert!(here.inner.list(&VirtualPath::root()).await.unwrap().is_empty());
    assert!(!work.is_finished(), "nothing counts before it is published");
    here.publish();
    let report = work.await.unwrap();
    assert_eq!(report.files.len(), 41);
    for file in &report.files {
        let failure = file.result.as_ref().err().map(|failure| failure.kind);
        assert_eq!(failure, (file.name == "bad").then_some(FailureKind::Local), "{}", file.name);
    }
    for (name, content) in files() {
        assert_eq!(read(&here.inner, &name).await, content);
    }
}
