//! That a measurement notices what is wrong. No figure is checked here.

use super::bare;
use super::delivery::{Contender, DataConnection, Target};
use super::files::Files;
use super::fixture::{Check, DiskFixture, Fixture};
use super::generated::GeneratedStore;
use super::run::{Bed, MeasureError, Plan, measure};
use super::server::{LocalServer, PASSWORD, USER};
use crate::sim::workload::Content;
use ftp_endpoint::client::{Direction, Login};
use ftp_endpoint::store::{Store, Write, WriteFile};
use ftp_proto::mode::TransmissionMode;
use ftp_proto::path::VirtualPath;
use tokio_util::sync::CancellationToken;

fn plan(contenders: Vec<Contender>) -> Plan {
    let (server, date) = ("in-process".to_owned(), "2026-01-01".to_owned());
    let cancel = CancellationToken::new();
    Plan { contenders, repetitions: 2, warm_up: 0, once: false, remote_directory: None, cancel, server, date }
}

fn target(server: &LocalServer) -> Target {
    Target { server: server.address, login: Login::new(USER, PASSWORD) }
}

fn bed<'a, B: Fixture>(fixture: &'a B, target: &'a Target) -> [Bed<'a, B>; 1] {
    [Bed { fixture, target, store: "memory" }]
}

fn ways() -> Vec<Contender> {
    let mut all = Vec::new();
    for direction in [Direction::Put, Direction::Get] {
        for (mode, depth, parallel, data_connection) in [
            (TransmissionMode::Stream, 1, 1, DataConnection::Kept),
            (TransmissionMode::Block, 1, 1, DataConnection::Kept),
            (TransmissionMode::Block, 8, 2, DataConnection::Kept),
            (TransmissionMode::Compressed, 1, 1, DataConnection::PerFile),
        ] {
            all.push(Contender::new(direction, mode, depth, parallel, data_connection));
        }
    }
    all
}

#[test]
fn every_way_on_every_bed() {
    for size_bytes in [0, 1, 70_000] {
        let files = Files::new(10, size_bytes, Content::Runs);
        let directory = tempfile::tempdir().unwrap();
        run(&GeneratedStore::new(&files), &files);
        run(&DiskFixture::create(directory.path(), &files).unwrap(), &files);
    }

    fn run<B: Fixture>(fixture: &B, files: &Files) {
        let server = LocalServer::start(fixture.store().clone()).unwrap();
        let mut deliveries = 0;
        let result =
            measure(&bed(fixture, &target(&server)), files, &plan(ways()), || deliveries += 1).unwrap();
        assert_eq!(deliveries, ways().len() * 3);
        assert_eq!(result.rows.len(), ways().len());
        for row in &result.rows {
            let record = &row.record;
            assert!(record.data_wire_bytes >= files.total_bytes() / 100, "{}", row.contender.name());
            assert!(record.duration_us > 0 && record.file_latency_max_us >= record.file_latency_p50_us);
            let connections = if record.data_connection_kept { u64::from(record.parallel) } else { 10 };
            assert!(record.data_connections <= connections, "{}", row.contender.name());
        }
    }
}

#[test]
fn bytes_of_another_file_are_noticed_in_the_verification() {
    let files = |content| Files::new(5, 1000, content);
    let there = GeneratedStore::new(&files(Content::Random));
    let server = LocalServer::start(there).unwrap();
    let here = GeneratedStore::new(&files(Content::Text));
    let get = Contender::new(Direction::Get, TransmissionMode::Block, 1, 1, DataConnection::Kept);
    let result = measure(&bed(&here, &target(&server)), &files(Content::Text), &plan(vec![get]), || ());
    assert!(matches!(&result, Err(MeasureError::WrongBytes { what, .. }) if what.contains("wrong bytes")));
}

#[test]
fn short_files_are_noticed_in_timed_deliveries_too() {
    let server = LocalServer::start(GeneratedStore::new(&Files::new(5, 999, Content::Text))).unwrap();
    let files = Files::new(5, 1000, Content::Text);
    let here = GeneratedStore::new(&files);
    let get = Contender::new(Direction::Get, TransmissionMode::Stream, 1, 1, DataConnection::Kept);
    let result = measure(&bed(&here, &target(&server)), &files, &plan(vec![get]), || ());
    assert!(matches!(&result, Err(MeasureError::WrongBytes { what, .. }) if what.contains("999 bytes")));
}

#[test]
fn a_refused_login_is_told_with_its_reply() {
    let files = Files::new(1, 1, Content::Text);
    let fixture = GeneratedStore::new(&files);
    let server = LocalServer::start(fixture.clone()).unwrap();
    let target = Target { login: Login::new(USER, "wrong"), ..target(&server) };
    let put = Contender::new(Direction::Put, TransmissionMode::Stream, 1, 1, DataConnection::Kept);
    let error = measure(&bed(&fixture, &target), &files, &plan(vec![put]), || ()).unwrap_err();
    assert!(error.to_string().contains("530"), "{error}");
}

#[tokio::test]
async fn what_a_store_receives_is_counted_once_and_in_full() {
    let files = Files::new(3, 4, Content::Text);
    let fixture = GeneratedStore::new(&files);
    let put = async |index, bytes: &[u8]| {
        let path = VirtualPath::root().join(&Files::name(index)).unwrap();
        let mut file = fixture.write(&path, Write::Replace).await.unwrap();
        file.write(bytes).await.unwrap();
        file.publish().await.unwrap();
    };
    fixture.clear(Check::Bytes).unwrap();
    for index in 0..3 {
        assert!(fixture.check(Check::Bytes).unwrap_err().contains("files came"));
        put(index, files.piece(index, 0)).await;
    }
    assert_eq!(fixture.check(Check::Bytes), Ok(()));
    put(2, files.piece(2, 0)).await;
    assert!(fixture.check(Check::Bytes).unwrap_err().contains("came twice"));
    fixture.clear(Check::Bytes).unwrap();
    put(0, b"????").await;
    assert!(fixture.check(Check::Bytes).unwrap_err().contains("wrong bytes"));
}

#[test]
fn a_bare_connection_carries_the_same_bytes() {
    for (count, size_bytes) in [(100, 1000), (1, 3_000_000), (7, 0)] {
        let files = Files::new(count, size_bytes, Content::Random);
        let (fixture, directory) = (GeneratedStore::new(&files), tempfile::tempdir().unwrap());
        fixture.clear(Check::Bytes).unwrap();
        bare::carry(&fixture, Check::Bytes).unwrap();
        assert_eq!(fixture.check(Check::Bytes), Ok(()));
        let fixture = DiskFixture::create(directory.path(), &files).unwrap();
        assert!(fixture.check(Check::Sizes).is_err(), "nothing has come yet");
        bare::carry(&fixture, Check::Bytes).unwrap();
        assert_eq!(fixture.check(Check::Bytes), Ok(()));
        std::fs::write(directory.path().join("received/f0000000"), b"x").unwrap();
        assert!(fixture.check(Check::Sizes).is_err());
    }
}

#[test]
fn what_is_kept_is_moved_out_of_the_way() {
    let (files, directory) = (Files::new(3, 10, Content::Text), tempfile::tempdir().unwrap());
    let fixture = DiskFixture::create(directory.path(), &files).unwrap().keeping();
    bare::carry(&fixture, Check::Sizes).unwrap();
    let before = std::fs::read_dir(directory.path()).unwrap().count();
    fixture.clear(Check::Sizes).unwrap();
    assert!(fixture.check(Check::Sizes).is_err(), "nothing is there any more");
    let aside: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(aside.len(), before + 1);
    assert!(aside.iter().filter(|path| path.join(Files::name(0)).exists()).count() == 2, "sent and kept");
}

/// In one directory, one after the other: what one has received is out of the other's way.
#[test]
fn beds_are_measured_in_turn_and_rows_stand_together() {
    let (files, directory) = (Files::new(20, 100, Content::Text), tempfile::tempdir().unwrap());
    let plain = DiskFixture::create(directory.path(), &files).unwrap().settling();
    let durable = plain.clone().durable().unwrap();
    let servers = [&plain, &durable].map(|fixture| LocalServer::start(fixture.store().clone()).unwrap());
    let targets = [target(&servers[0]), target(&servers[1])];
    let beds = [
        Bed { fixture: &plain, target: &targets[0], store: "disk" },
        Bed { fixture: &durable, target: &targets[1], store: "disk, durable" },
    ];
    let mut deliveries = 0;
    let result = measure(&beds, &files, &plan(ways()), || deliveries += 1).unwrap();
    assert_eq!(deliveries, ways().len() * 2 * 3);
    let rows: Vec<_> = result.rows.iter().map(|row| (row.contender, row.record.store.as_str())).collect();
    let expected: Vec<_> =
        ways().into_iter().flat_map(|way| [(way, "disk"), (way, "disk, durable")]).collect();
    assert_eq!(rows, expected);
}

#[test]
fn an_interrupt_ends_it() {
    let files = Files::new(1_000_000, 1, Content::Text);
    let fixture = GeneratedStore::new(&files);
    let server = LocalServer::start(fixture.clone()).unwrap();
    let plan = plan(ways());
    let cancel = plan.cancel.clone();
    std::thread::spawn(move || cancel.cancel());
    let result = measure(&bed(&fixture, &target(&server)), &files, &plan, || ());
    assert!(matches!(result, Err(MeasureError::Interrupted)));
}
