//! Data connections: who opens them, how long one stays, and who waits for it.

use super::block::{EOF, block};
use ftp_endpoint::net::{Listener, Net, Stream};
use ftp_endpoint::server::Timeouts;
use std::net::SocketAddr;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(start_paused = true)]
async fn active_mode() {
    let world = world().await;
    world.put("/f", b"hello");
    let mut client = world.client().await;
    let on = SocketAddr::new([10, 0, 0, 2].into(), 5000);
    let listener = client.net.listen(on).await.unwrap();
    client.ask("PORT 10,0,0,2,19,136", 200).await;
    for _ in 0..2 {
        client.ask("RETR f", 150).await;
        let (data, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip(), SERVER.ip());
        assert_eq!(read_all(data).await.unwrap(), b"hello");
        client.expect(226).await;
    }
    drop(listener);
    client.script(&[("RETR f", &[150, 425])]).await;
}

/// RFC 959 section 3.2: without PORT and PASV, the client's end of the control connection.
#[tokio::test(start_paused = true)]
async fn default_port() {
    let world = world().await;
    world.put("/f", b"hello");
    let mut client = world.client().await;
    let listener = client.net.listen(client.stream.local_addr().unwrap()).await.unwrap();
    client.ask("RETR f", 150).await;
    let (data, _) = listener.accept().await.unwrap();
    assert_eq!(read_all(data).await.unwrap(), b"hello");
    client.expect(226).await;
}

#[tokio::test(start_paused = true)]
async fn block_mode_keeps_the_connection() {
    let world = world().await;
    world.put("/r", b"retrieved");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
    let mut data = client.passive().await;
    client.ask("STOR a", 150).await;
    data.write_all(&block(0, b"first ")).await.unwrap();
    data.write_all(&block(EOF, b"file")).await.unwrap();
    client.expect(250).await;
    assert_eq!(world.get("/a").unwrap(), b"first file");
    client.ask("STOR empty", 125).await;
    data.write_all(&block(EOF, b"")).await.unwrap();
    client.expect(250).await;
    assert_eq!(world.get("/empty").unwrap(), b"");
    // TYPE and a refusal leave the connection alone.
    client.script(&[("TYPE A", &[200]), ("TYPE I", &[200]), ("RETR none", &[550])]).await;
    client.ask("RETR r", 125).await;
    let mut got = vec![0; 12];
    data.read_exact(&mut got).await.unwrap();
    assert_eq!(got, block(EOF, b"retrieved"));
    client.expect(250).await;
    assert_eq!(world.notes.count("data opens"), 1);
    // MODE closes it.
    client.ask("MODE S", 200).await;
    assert_eq!(data.read(&mut got).await.unwrap(), 0);
    client.script(&[("RETR r", &[150, 425])]).await;
}

#[tokio::test(start_paused = true)]
async fn the_server_notices_that_the_kept_connection_is_gone() {
    let world = world().await;
    world.put("/r", b"r");
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE B", &[200])]).await;
    let mut data = client.passive().await;
    client.ask("RETR r", 150).await;
    data.read_exact(&mut [0; 4]).await.unwrap();
    client.expect(250).await;
    drop(data);
    settle().await;
    client.script(&[("RETR r", &[150, 425])]).await;
    // With a PORT that stands, it is opened again.
    let listener = client.net.listen(SocketAddr::new([10, 0, 0, 2].into(), 5000)).await.unwrap();
    client.ask("PORT 10,0,0,2,19,136", 200).await;
    for _ in 0..2 {
        client.ask("RETR r", 150).await;
        let (mut data, _) = listener.accept().await.unwrap();
        data.read_exact(&mut [0; 4]).await.unwrap();
        client.expect(250).await;
        data.abort();
        settle().await;
    }
}

/// In stream mode a connection is for one command, also for one that was refused.
#[tokio::test(start_paused = true)]
async fn a_refused_command_has_used_its_connection() {
    for refused in ["RETR none", "STOR /none/x", "LIST none", "NLST none", "MLSD none", "MLSD f"] {
        let world = world().await;
        world.put("/f", b"x");
        let mut client = world.client().await;
        let data = client.passive().await;
        client.send(format!("{refused}\r\n").as_bytes()).await;
        let reply = client.reply().await;
        assert!(reply.starts_with(['4', '5']), "{refused}: {reply}");
        client.script(&[("RETR f", &[150, 425])]).await;
        drop(data);
    }
}

/// As clients ask for SIZE between EPSV and RETR.
#[tokio::test(start_paused = true)]
async fn another_command_that_is_refused_leaves_the_data_port_alone() {
    let world = world().await;
    world.put("/f", b"x");
    let mut client = world.client().await;
    let data = client.passive().await;
    client.script(&[("SIZE none", &[550]), ("RETR f", &[150, 226])]).await;
    assert_eq!(read_all(data).await.unwrap(), b"x");
}

#[tokio::test(start_paused = true)]
async fn nobody_connects() {
    let world = world().await;
    let mut client = world.client().await;
    client.epsv().await;
    let begun = tokio::time::Instant::now();
    client.script(&[("STOR f", &[150, 425])]).await;
    assert_eq!(begun.elapsed(), Timeouts::default().data_open);
    assert_eq!(world.net.listening(), 1, "the passive port is closed");
}

#[tokio::test(start_paused = true)]
async fn pasv_names_this_host() {
    let world = world().await;
    let mut client = world.client().await;
    let reply = client.ask("PASV", 227).await;
    let address = ftp_proto::address::parse_passive(&reply[4..]).unwrap();
    assert_eq!(SocketAddr::from(address).ip(), SERVER.ip());
    let _data = client.net.connect(None, address.into()).await.unwrap();
    client.script(&[("NLST", &[150, 226])]).await;
}
