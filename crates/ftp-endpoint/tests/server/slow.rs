//! Clients that take or give so little that they hold their seat for ever, and listings that are long.

use ftp_endpoint::net::Net;
use ftp_endpoint::server::Limits;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;
use testkit::memory_net::MemoryStream;
use testkit::server::{SERVER, read_all, soon, world, world_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Gives so many bytes each second, until nobody takes them.
async fn drip(mut data: MemoryStream, bytes: usize) {
    while data.write_all(&vec![0; bytes]).await.is_ok() {
        sleep(SECOND).await;
    }
}

/// Takes so many bytes each second, until nobody gives any; what has been taken.
async fn sip(data: &mut MemoryStream, bytes: usize) -> usize {
    let (mut buffer, mut all) = (vec![0; bytes], 0);
    loop {
        match data.read(&mut buffer).await {
            Ok(0) | Err(_) => return all,
            Ok(read) => all += read,
        }
        sleep(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_holds_no_seat() {
    let limit = Limits::default().min_rate.unwrap().window;
    for setup in [&[][..], &["MODE B"], &["MODE C"]] {
        let world = world().await;
        world.put("/f", &vec![b'x'; 10_000_000]);
        let mut client = world.client().await;
        client.ask("TYPE I", 200).await;
        for command in setup {
            client.ask(command, 200).await;
        }
        for command in ["STOR g", "RETR f"] {
            let mut data = client.passive().await;
            client.ask(command, 150).await;
            let begun = Instant::now();
            let dripping = tokio::spawn(async move {
                match command {
                    "STOR g" => drip(data, 1).await,
                    _ => {
                        sip(&mut data, 1).await;
                    }
                }
            });
            let reply = client.expect(426).await;
            assert!(reply.contains("slower than 100 bytes per second"), "{reply}");
            assert!((limit..=2 * limit).contains(&begun.elapsed()), "{:?}", begun.elapsed());
            dripping.abort();
        }
    }
}

/// Neither the server's own limit nor its disk is the client's fault.
#[tokio::test(start_paused = true)]
async fn who_is_slow_but_not_too_slow_or_slowed_by_us_comes_to_the_end() {
    let world = world_with(|config| config.limits.transfer_bytes_per_s = NonZeroU64::new(10)).await;
    world.put("/f", &[b'x'; 5_000]);
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap().len(), 5_000);
    client.expect(226).await;

    let world = world_with(|_| {}).await;
    let mut client = world.client().await;
    let mut data = client.passive().await;
    client.ask("STOR g", 150).await;
    let mut all = 0;
    for _ in 0..10 {
        // Bursts, and pauses that are shorter than the window.
        sleep(50 * SECOND).await;
        data.write_all(&[0; 9_000]).await.unwrap();
        all += 9_000;
    }
    drop(data);
    client.expect(226).await;
    assert_eq!(world.get("/g").unwrap().len(), all);
}

#[tokio::test(start_paused = true)]
async fn without_a_least_rate_a_byte_in_time_is_enough() {
    let world = world_with(|config| config.limits.min_rate = None).await;
    let mut client = world.client().await;
    let mut data = client.passive().await;
    client.ask("STOR g", 150).await;
    for _ in 0..600 {
        data.write_all(b"x").await.unwrap();
        sleep(SECOND).await;
    }
    drop(data);
    client.expect(226).await;
}

/// The client reads next to nothing; the directory is of the size that costs.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_a_listing_loses_the_seat_too() {
    let world = world().await;
    for name in 0..20_000 {
        world.put(&format!("/file-{name:06}"), b"");
    }
    for command in ["LIST", "NLST", "MLSD"] {
        let mut client = world.client().await;
        let port = client.epsv().await;
        let mut data = client.net.connect(None, SocketAddr::new(SERVER.ip(), port)).await.unwrap();
        client.ask(command, 150).await;
        let sipping = tokio::spawn(async move { sip(&mut data, 1).await });
        client.expect(426).await;
        sipping.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_a_long_listing_comes_and_each_line_is_as_short_as_it_can_be() {
    let world = world().await;
    for name in 0..3_000 {
        world.put(&format!("/d/file-{name:06}"), b"");
    }
    let mut client = world.client().await;
    for (argument, prefix) in
        [(String::new(), "d/"), (format!("{}d", "./".repeat(2_000)), "d/"), ("d/../d/*9".into(), "d/")]
    {
        let argument = if argument.is_empty() { "d".to_owned() } else { argument };
        let data = client.passive().await;
        client.ask(&format!("NLST {argument}"), 150).await;
        let text = String::from_utf8(read_all(data).await.unwrap()).unwrap();
        client.expect(226).await;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), if argument.ends_with('9') { 300 } else { 3_000 });
        let wanted = format!("{prefix}file-");
        assert!(lines.iter().all(|line| line.starts_with(&wanted) && line.len() == wanted.len() + 6));
    }
    for command in ["LIST d", "MLSD d"] {
        let data = client.passive().await;
        client.ask(command, 150).await;
        let text = String::from_utf8(soon(read_all(data)).await.unwrap()).unwrap();
        client.expect(226).await;
        assert_eq!(text.lines().filter(|line| line.contains("file-")).count(), 3_000);
    }
    let status = client.ask("STAT d", 212).await;
    assert!(status.lines().count() < 1_010 && status.contains("and more (use LIST)"));
}
