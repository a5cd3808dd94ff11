//! What strangers may try and do not bring about: that the server gives up, forgets its time limits, keeps
//! others out, or works for nobody.

use ftp_endpoint::net::Net;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Accounts, Config, Limits, LoginRefusal, Timeouts, User, serve};
use ftp_endpoint::store::memory::MemoryStore;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use testkit::memory_net::MemoryNet;
use testkit::server::{Client, SERVER, settle, soon, world, world_with};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// For want of descriptors nobody is let in for a while; then everybody is.
#[tokio::test(start_paused = true)]
async fn accepts_that_fail_for_ten_minutes_end_no_server() {
    let world = world().await;
    settle().await;
    world.net.fail_accepts(6_000);
    // The accept under way takes this one.
    world.connect().await.expect(220).await;
    let begun = Instant::now();
    world.connect().await.expect(220).await;
    assert!(begun.elapsed() > Duration::from_secs(500), "{:?}", begun.elapsed());
}

/// Lines that are there before they are asked for leave the server no time to look at the clock.
#[tokio::test(start_paused = true)]
async fn a_flood_of_lines_does_not_evade_the_login_timeout() {
    let limits = Limits { login_failures: 1_000, free_guesses: 1_000, ..Limits::default() };
    let world = world_with(|config| config.limits = limits).await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let begun = Instant::now();
    client.send("USER u\r\nPASS guess\r\n".repeat(200).as_bytes()).await;
    while !client.is_closed().await {}
    let limit = Timeouts::default().login + Timeouts::default().login_failure;
    assert!(begun.elapsed() <= limit, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_logs_out_has_the_whole_time_for_another_login() {
    for again in ["REIN", "USER anonymous"] {
        let world = world().await;
        let mut client = world.client().await;
        let late = Timeouts::default().login + Duration::from_secs(30);
        tokio::time::sleep(late).await;
        client.ask(again, if again == "REIN" { 220 } else { 331 }).await;
        tokio::time::sleep(Timeouts::default().login - Duration::from_secs(1)).await;
        client.ask("USER u", 331).await;
        client.ask("PASS p", 230).await;
    }
}

/// Guesses are slowed however many sessions they are spread over, and nobody else is.
#[tokio::test(start_paused = true)]
async fn guesses_over_many_sessions_are_slowed_together() {
    let world = Arc::new(world().await);
    let wrong = Arc::new(AtomicU64::new(0));
    let guess = |_| {
        let (world, wrong) = (world.clone(), wrong.clone());
        async move {
            loop {
                let mut client = world.connect().await;
                client.expect(220).await;
                for _ in 0..3 {
                    client.send(b"USER u\r\nPASS guess\r\n").await;
                    client.reply().await;
                    match client.reply().await.get(..3) {
                        Some("530") => drop(wrong.fetch_add(1, Relaxed)),
                        _ => break,
                    }
                }
            }
        }
    };
    let guessing: Vec<_> = (0..50).map(guess).map(tokio::spawn).collect();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let limits = Limits::default();
    let most = u64::from(limits.free_guesses) + 50 + 600 / limits.guess_interval.as_secs();
    assert!(wrong.load(Relaxed) <= most, "{} of {most}", wrong.load(Relaxed));
    let begun = Instant::now();
    let mut other = Client::of(&world.net, [10, 0, 0, 9]).await;
    other.expect(220).await;
    other.ask("USER u", 331).await;
    other.ask("PASS p", 230).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    guessing.iter().for_each(tokio::task::JoinHandle::abort);
}

/// The right password is not looked at earlier than a wrong one: the wait tells nothing.
#[tokio::test(start_paused = true)]
async fn who_has_guessed_waits_before_the_next_password_is_looked_at() {
    let interval = Duration::from_secs(20);
    let limits = Limits { free_guesses: 1, guess_interval: interval, ..Limits::default() };
    let world = world_with(|config| config.limits = limits).await;
    let mut client = world.connect().await;
    client.expect(220).await;
    let begun = Instant::now();
    for _ in 0..2 {
        client.script(&[("USER u", &[331]), ("PASS guess", &[530])]).await;
    }
    client.script(&[("USER u", &[331]), ("PASS p", &[230])]).await;
    assert_eq!(begun.elapsed(), interval);
}

/// Sessions before a login are counted apart; one that has logged in makes room.
#[tokio::test(start_paused = true)]
async fn an_address_takes_few_seats_before_it_logs_in() {
    let limits = Limits { logins_per_address: 3, sessions_per_address: 5, ..Limits::default() };
    let world = world_with(|config| config.limits = limits).await;
    let mut unknown = Vec::new();
    for _ in 0..3 {
        let mut client = world.connect().await;
        client.expect(220).await;
        unknown.push(client);
    }
    world.connect().await.expect(421).await;
    Client::of(&world.net, [10, 0, 0, 7]).await.expect(220).await;
    unknown[0].ask("USER u", 331).await;
    unknown[0].ask("PASS p", 230).await;
    let mut fourth = world.connect().await;
    fourth.expect(220).await;
    drop((unknown, fourth));
    settle().await;
    for _ in 0..3 {
        unknown_stays(world.connect().await).await;
    }
    world.connect().await.expect(421).await;
}

/// Who has a network of IPv6 has as many addresses as there are, and no more seats than others: neither before a
/// login nor after it.
#[tokio::test(start_paused = true)]
async fn a_network_of_ipv6_takes_the_seats_of_one_address() {
    let limits = Limits { logins_per_address: 3, sessions_per_address: 5, ..Limits::default() };
    let world = world_with(|config| config.limits = limits).await;
    let host = |network: u16, host: u16| [0x2001, 0xdb8, 0, network, 0, 0, 0, host];
    let mut taken = Vec::new();
    for last in 0..3 {
        let mut client = Client::of(&world.net, host(1, last)).await;
        client.expect(220).await;
        taken.push(client);
    }
    Client::of(&world.net, host(1, 3)).await.expect(421).await;
    Client::of(&world.net, host(2, 3)).await.expect(220).await;
    for client in &mut taken {
        client.script(&[("USER u", &[331]), ("PASS p", &[230])]).await;
    }
    for last in 4..6 {
        unknown_stays(Client::of(&world.net, host(1, last)).await).await;
    }
    Client::of(&world.net, host(1, 6)).await.expect(421).await;
    // Nor are all clients of IPv4 one behind a socket of IPv6.
    for last in 0..9 {
        let mapped = std::net::Ipv4Addr::new(10, 0, 1, last).to_ipv6_mapped();
        unknown_stays(Client::of(&world.net, mapped).await).await;
    }
}

async fn unknown_stays(mut client: Client) {
    client.expect(220).await;
    std::mem::forget(client);
}

/// Looks a user up for an hour; counts who is still being looked up.
struct Slow(Arc<AtomicU64>);

struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Accounts for Slow {
    type Store = MemoryStore;

    async fn login(&self, _: &str, _: &str, _: SocketAddr) -> Result<User<MemoryStore>, LoginRefusal> {
        self.0.fetch_add(1, Relaxed);
        let _counted = Counted(self.0.clone());
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        Err(LoginRefusal::Busy)
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_looked_up_for_a_client_that_has_gone() {
    let looked_up = Arc::new(AtomicU64::new(0));
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let config = Arc::new(Config::new(Slow(looked_up.clone())));
    let server = tokio::spawn(serve(net.clone(), listener, config, Arc::new(Nobody)));
    let mut client = Client::of(&net, [10, 0, 0, 2]).await;
    client.expect(220).await;
    client.send(b"USER u\r\nPASS p\r\nNOOP\r\n").await;
    client.expect(331).await;
    settle().await;
    assert_eq!(looked_up.load(Relaxed), 1);
    drop(client);
    settle().await;
    assert_eq!(looked_up.load(Relaxed), 0);
    // Who waits, and has said that nothing more will come, is told what came of it.
    let mut client = Client::of(&net, [10, 0, 0, 3]).await;
    client.expect(220).await;
    client.send(b"USER u\r\nPASS p\r\nQUIT\r\n").await;
    client.stream.shutdown().await.unwrap();
    client.expect(331).await;
    soon(async { tokio::time::sleep(Duration::from_secs(500)).await }).await;
    assert_eq!(looked_up.load(Relaxed), 1);
    server.abort();
}

/// While a transfer runs, what the client says beside it waits in a bounded amount of memory.
#[tokio::test(start_paused = true)]
async fn commands_ahead_of_a_transfers_end_are_bounded_in_bytes() {
    let world = world().await;
    let mut client = world.client().await;
    let _data = client.passive().await;
    client.ask("STOR f", 150).await;
    let line = [b"SIZE ".as_slice(), &[b'n'; 4_000], b"\r\n"].concat();
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_secs(1), client.stream.write_all(&line)).await.is_ok() {
        sent += line.len();
        assert!(sent < 1 << 20, "{sent} bytes are held");
    }
    // It holds what is queued, what is on the way, and what has been read but not split.
    assert!(sent >= Limits::default().queued_bytes, "{sent}");
    assert!(sent <= Limits::default().queued_bytes + 80 * 1024, "{sent}");
}
