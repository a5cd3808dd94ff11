//! What stands around transfers: the observer, rates, the log, the shutdown.

use super::block::block;
use ftp_endpoint::net::Net;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(start_paused = true)]
async fn the_observer_hears_of_offsets_before_bytes() {
    let world = world().await;
    world.put("/a", b"aaa");
    world.put("/b", b"bb");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
    let mut data = client.passive().await;
    client.script(&[("RETR a", &[150, 250]), ("RETR b", &[125, 250])]).await;
    data.read_exact(&mut [0; 11]).await.unwrap();
    let notes = world.notes.all();
    assert!(notes.contains(&"send /a at 0".to_owned()), "{notes:?}");
    assert!(notes.contains(&"send /b at 6".to_owned()), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_both_ways() {
    let world = world_with(|config| {
        config.limits.transfer_bytes_per_s = std::num::NonZeroU64::new(10_000);
    })
    .await;
    world.put("/f", &[1; 50_000]);
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let data = client.passive().await;
    let begun = tokio::time::Instant::now();
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap().len(), 50_000);
    client.expect(226).await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    let mut data = client.passive().await;
    client.ask("STOR g", 150).await;
    soon(data.write_all(&[1; 50_000])).await.unwrap();
    drop(data);
    client.expect(226).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(world.get("/g").unwrap().len(), 50_000);
}

#[tokio::test(start_paused = true)]
async fn transfers_are_logged() {
    use std::sync::{Arc, Mutex};
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let world = world_with(|config| {
        config.calendar = Some(Arc::new(|| (951_782_400, 0)));
        config.transfer_log = Some(Arc::new(move |record| log.lock().unwrap().push(record.xferlog())));
    })
    .await;
    world.put("/a b", b"12345");
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let data = client.passive().await;
    client.ask("RETR a b", 150).await;
    read_all(data).await.unwrap();
    client.expect(226).await;
    client.ask("MODE B", 200).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(&block(0, b"abc")).await.unwrap();
    settle().await;
    drop(data);
    client.expect(426).await;
    client.script(&[("NLST none", &[550])]).await;
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "Tue Feb 29 00:00:00 2000 0 10.0.0.2 5 /a_b b _ o r u ftp 0 * c",
            "Tue Feb 29 00:00:00 2000 0 10.0.0.2 3 /f b _ i r u ftp 0 * i",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_transfers_finish() {
    let mut token = None;
    let world = world_with(|config| token = Some(config.shutdown.clone())).await;
    let mut idle = world.client().await;
    let mut busy = world.client().await;
    let mut data = busy.passive().await;
    busy.ask("STOR f", 150).await;
    token.unwrap().cancel();
    idle.expect(421).await;
    assert!(idle.is_closed().await);
    assert!(idle.net.connect(None, SERVER).await.is_err());
    data.write_all(b"abc").await.unwrap();
    drop(data);
    busy.expect(226).await;
    busy.expect(421).await;
    assert!(busy.is_closed().await);
    assert_eq!(world.get("/f").unwrap(), b"abc");
}
