//! Seats of those who do not log in go to others when there are no more.

use ftp_endpoint::server::Limits;
use std::time::Duration;
use testkit::server::{Client, World, settle, world_with};
use tokio::time::sleep;

const SEATS: usize = 6;
/// So long a session before its login is let be.
const UNDISTURBED: Duration = Duration::from_secs(5);

async fn small_world() -> World {
    world_with(|config| config.limits = Limits { sessions: SEATS, ..Limits::default() }).await
}

/// The `nth` of many strangers, each with an address of its own.
async fn stranger(world: &World, nth: usize) -> Client {
    let [.., high, low] = (nth as u32).to_be_bytes();
    Client::of(&world.net, [10, 1, high, low]).await
}

async fn log_in(world: &World, nth: usize) -> Client {
    let mut client = stranger(world, nth).await;
    client.script(&[("USER u", &[220, 331]), ("PASS p", &[230])]).await;
    client
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_log_in_keeps_nobody_out_who_does() {
    let world = small_world().await;
    let mut silent = Vec::new();
    for nth in 0..SEATS {
        let mut client = stranger(&world, nth).await;
        client.expect(220).await;
        silent.push(client);
        sleep(Duration::from_millis(1)).await;
    }
    // Who has just come may be about to.
    stranger(&world, 100).await.expect(421).await;
    sleep(UNDISTURBED).await;
    let mut client = log_in(&world, 101).await;
    // The oldest has made room, and was told so.
    silent[0].expect(421).await;
    assert!(silent[0].is_closed().await);
    silent[1].ask("NOOP", 200).await;
    // Where one address has more than others, it is one of its sessions.
    drop(silent.pop());
    settle().await;
    let mut another = stranger(&world, 3).await;
    another.expect(220).await;
    let mut second = log_in(&world, 102).await;
    silent[3].expect(421).await;
    for client in silent[1..3].iter_mut().chain([&mut client, &mut second, &mut another]) {
        client.ask("NOOP", 200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_logged_in_keeps_the_seat() {
    let world = small_world().await;
    let mut known = Vec::new();
    for nth in 0..SEATS {
        known.push(log_in(&world, nth).await);
    }
    sleep(10 * UNDISTURBED).await;
    stranger(&world, 100).await.expect(421).await;
    for client in &mut known {
        client.ask("NOOP", 200).await;
    }
}

/// Each takes a seat from a new address when the last is gone; nobody has to log in at the right moment.
#[tokio::test(start_paused = true)]
async fn strangers_from_everywhere_keep_nobody_out() {
    let world = std::sync::Arc::new(small_world().await);
    let attacks = |nth| {
        let world = world.clone();
        async move {
            sleep(Duration::from_millis(1_500 * nth as u64)).await;
            for again in 0..usize::MAX {
                let mut client = stranger(&world, 1_000 + 50 * again + nth).await;
                client.reply().await;
                while !client.reply().await.is_empty() {}
                sleep(Duration::from_secs(30)).await;
            }
        }
    };
    let attacking: Vec<_> = (0..20).map(attacks).map(tokio::spawn).collect();
    for nth in 0..20 {
        sleep(Duration::from_secs(17)).await;
        let mut client = log_in(&world, nth).await;
        client.ask("QUIT", 221).await;
    }
    attacking.iter().for_each(tokio::task::JoinHandle::abort);
}
