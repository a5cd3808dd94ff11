//! Deflate mode (draft-preston-ftpext-deflate-02) against another implementation of zlib's format.

use ftp_endpoint::net::Stream;
use ftp_endpoint::server::Timeouts;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib;
use std::time::Duration;
use testkit::memory_net::MemoryStream;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn in_mode_z(world: &World, more: &[&str]) -> Client {
    let mut client = world.client().await;
    client.script(&[("TYPE I", &[200]), ("MODE Z", &[200])]).await;
    for command in more {
        client.ask(command, 200).await;
    }
    client
}

fn text() -> Vec<u8> {
    (0..3000).map(|line| format!("{line}: a line among others\n")).collect::<String>().into_bytes()
}

/// All until the close, inflated.
async fn inflated(data: MemoryStream) -> Vec<u8> {
    decompress_to_vec_zlib(&read_all(data).await.unwrap()).expect("one whole stream")
}

/// Sends these wire bytes as an upload, and gives the reply to it.
async fn upload(client: &mut Client, wire: &[u8]) -> String {
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(wire).await.unwrap();
    settle().await;
    drop(data);
    client.reply().await
}

#[tokio::test(start_paused = true)]
async fn files_go_both_ways_each_on_its_connection() {
    let world = world().await;
    let mut client = in_mode_z(&world, &[]).await;
    for content in [Vec::new(), b"x".to_vec(), text(), vec![0; 1_000_000]] {
        let reply = upload(&mut client, &compress_to_vec_zlib(&content, 6)).await;
        assert!(reply.starts_with("226"), "{reply}");
        assert!(world.get("/f").unwrap() == content);
        let data = client.passive().await;
        client.ask("RETR f", 150).await;
        assert!(inflated(data).await == content);
        client.expect(226).await;
    }
    let status = client.ask("STAT", 211).await;
    assert!(status.contains("MODE Z"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn listings_are_compressed() {
    let world = world().await;
    for number in 0..500 {
        world.put(&format!("/file {number:03}"), b"x");
    }
    let mut client = in_mode_z(&world, &["TYPE A"]).await;
    for command in ["LIST", "NLST", "MLSD"] {
        let data = client.passive().await;
        client.ask(command, 150).await;
        let wire = read_all(data).await.unwrap();
        let listing = String::from_utf8(decompress_to_vec_zlib(&wire).unwrap()).unwrap();
        let names = listing.lines().filter(|line| line.contains("file ")).count();
        assert!(listing.contains("file 000\r\n") && names == 500, "{command}: {listing}");
        assert!(wire.len() < listing.len() / 2, "{command}");
        client.expect(226).await;
    }
}

/// Section 3.7 of the draft: an offset counts what is not compressed yet.
#[tokio::test(start_paused = true)]
async fn a_restart_counts_uncompressed_bytes() {
    let world = world().await;
    let content = text();
    world.put("/f", &content);
    let mut client = in_mode_z(&world, &[]).await;
    let data = client.passive().await;
    client.script(&[("REST 50000", &[350]), ("RETR f", &[150])]).await;
    assert!(inflated(data).await == content[50_000..]);
    client.expect(226).await;
    let mut data = client.passive().await;
    client.script(&[("REST 10", &[350]), ("STOR f", &[150])]).await;
    data.write_all(&compress_to_vec_zlib(b"end", 6)).await.unwrap();
    drop(data);
    client.expect(226).await;
    assert!(world.get("/f").unwrap() == [&content[..10], b"end"].concat());
    client.script(&[("STRU R", &[200]), ("REST 1", &[350]), ("RETR f", &[554])]).await;
}

#[tokio::test(start_paused = true)]
async fn types_and_records_are_inside_the_stream() {
    let world = world().await;
    let mut client = in_mode_z(&world, &["TYPE A"]).await;
    upload(&mut client, &compress_to_vec_zlib(b"one\r\ntwo\r\n", 6)).await;
    assert_eq!(world.get("/f").unwrap(), b"one\ntwo\n");
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    assert_eq!(inflated(data).await, b"one\r\ntwo\r\n");
    client.expect(226).await;
    client.ask("STRU R", 200).await;
    let reply = upload(&mut client, &compress_to_vec_zlib(b"three\xFF\x01four\xFF\x03", 6)).await;
    assert!(reply.starts_with("226"), "{reply}");
    assert_eq!(world.get("/f").unwrap(), b"three\nfour\n");
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    assert_eq!(inflated(data).await, b"three\xFF\x01four\xFF\x03");
    client.expect(226).await;
    let reply = upload(&mut client, &compress_to_vec_zlib(b"half a record", 6)).await;
    assert!(reply.starts_with("426"), "{reply}");
}

/// Neither a close nor a reset makes a file of a part of its stream.
#[tokio::test(start_paused = true)]
async fn a_cut_at_any_wire_byte_publishes_nothing() {
    let wire = compress_to_vec_zlib(b"the whole of it, the whole of it", 6);
    for len in 0..wire.len() {
        for reset in [false, true] {
            let world = world().await;
            world.put("/f", b"old");
            let mut client = in_mode_z(&world, &[]).await;
            let mut data = client.passive().await;
            client.ask("STOR f", 150).await;
            data.write_all(&wire[..len]).await.unwrap();
            settle().await;
            if reset {
                data.abort();
            } else {
                drop(data);
            }
            client.expect(426).await;
            assert_eq!(world.get("/f").unwrap(), b"old", "{len} bytes, reset {reset}");
            client.ask("NOOP", 200).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_stream_or_more_than_one_publishes_nothing() {
    let good = compress_to_vec_zlib(b"content", 6);
    let mut checksum = good.clone();
    *checksum.last_mut().unwrap() ^= 1;
    for (what, wire) in [
        ("plain", b"content".to_vec()),
        ("raw deflate", miniz_oxide::deflate::compress_to_vec(b"content", 6)),
        ("a wrong checksum", checksum),
        ("junk behind", [&good[..], b"junk"].concat()),
        ("two streams", good.repeat(2)),
    ] {
        let world = world().await;
        world.put("/f", b"old");
        let mut client = in_mode_z(&world, &[]).await;
        let reply = upload(&mut client, &wire).await;
        assert!(reply.starts_with("426"), "{what}: {reply}");
        assert_eq!(world.get("/f").unwrap(), b"old", "{what}");
        // The next transfer is none the worse for it.
        let reply = upload(&mut client, &good).await;
        assert!(reply.starts_with("226"), "{what}: {reply}");
        assert_eq!(world.get("/f").unwrap(), b"content", "{what}");
    }
}

/// The end of the stream is not yet the end of the transfer: more could come.
#[tokio::test(start_paused = true)]
async fn the_close_is_waited_for() {
    let world = world_with(|config| {
        config.timeouts = Timeouts { data: Duration::from_secs(7), ..Timeouts::default() };
    })
    .await;
    let mut client = in_mode_z(&world, &[]).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(&compress_to_vec_zlib(b"content", 6)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.get("/f"), None);
    drop(data);
    client.expect(226).await;
    assert_eq!(world.get("/f").unwrap(), b"content");
    let mut data = client.passive().await;
    client.ask("STOR g", 150).await;
    data.write_all(&compress_to_vec_zlib(b"content", 6)).await.unwrap();
    client.expect(426).await;
    assert_eq!(world.get("/g"), None, "a client that never closes");
}

/// A store that is full stops what would have been a gigabyte, however little came for it.
#[tokio::test(start_paused = true)]
async fn a_bomb_stops_at_the_limit_of_the_store() {
    let world = world().await;
    world.store.set_capacity_bytes(300_000);
    let mut client = in_mode_z(&world, &[]).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    let bomb = compress_to_vec_zlib(&vec![0; 50_000_000], 9);
    // The server need not take it all.
    let _ = data.write_all(&bomb).await;
    client.expect(452).await;
    assert_eq!(world.get("/f"), None);
    world.store.set_capacity_bytes(u64::MAX);
    let reply = upload(&mut client, &compress_to_vec_zlib(&[0; 299_000], 9)).await;
    assert!(reply.starts_with("226"), "an honest file of zeros: {reply}");
}

/// Neither is the server's limit of the rate: it counts what is inflated.
#[tokio::test(start_paused = true)]
async fn the_rate_limit_counts_what_is_inflated() {
    let world =
        world_with(|config| config.limits.transfer_bytes_per_s = std::num::NonZeroU64::new(100_000)).await;
    let mut client = in_mode_z(&world, &[]).await;
    let begun = tokio::time::Instant::now();
    let reply = upload(&mut client, &compress_to_vec_zlib(&[0; 2_000_000], 9)).await;
    assert!(reply.starts_with("226"), "{reply}");
    assert!(begun.elapsed() > Duration::from_secs(15), "{:?}", begun.elapsed());
}

/// Section 3.6: all settings of a command are taken or none.
#[tokio::test(start_paused = true)]
async fn levels_are_set_by_opts() {
    let world = world().await;
    let content = text();
    world.put("/f", &content);
    let mut client = in_mode_z(&world, &[]).await;
    let mut sizes = Vec::new();
    for (options, code) in [
        ("LEVEL 0", 200),
        ("level 9", 200),
        ("LEVEL 10", 501),
        ("LEVEL +1", 501),
        ("LEVEL", 501),
        ("LEVEL 1 BLOCKSIZE 8192", 501),
        ("METHOD 9", 501),
        ("ENGINE BZIP2", 501),
        ("ENGINE ZLIB, METHOD 8, LEVEL 1", 200),
        ("METHOD 8", 200),
        ("", 200),
    ] {
        let reply = client.ask(format!("OPTS MODE Z {options}").trim_end(), code).await;
        assert!(!options.contains("BLOCKSIZE") || reply.contains("BLOCKSIZE"), "it is named: {reply}");
        let data = client.passive().await;
        client.ask("RETR f", 150).await;
        let wire = read_all(data).await.unwrap();
        assert!(decompress_to_vec_zlib(&wire).unwrap() == content);
        sizes.push(wire.len());
        client.expect(226).await;
    }
    assert!(sizes[0] > content.len() && sizes[1] < content.len() / 4, "{sizes:?}");
    assert!(sizes[2..8].iter().all(|size| *size == sizes[1]), "refused, nothing changed: {sizes:?}");
    assert!(sizes[8] > sizes[1] && sizes[9] == sizes[8] && sizes[10] < sizes[8], "{sizes:?}");
    client.script(&[("OPTS MODE B", &[501]), ("OPTS MODE", &[501]), ("mode z", &[200])]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_need_not_offer_it() {
    let world = world_with(|config| config.deflate = false).await;
    let mut client = world.client().await;
    client.script(&[("MODE Z", &[504]), ("OPTS MODE Z LEVEL 1", &[501])]).await;
    assert!(!client.ask("FEAT", 211).await.contains("MODE Z"));
}

/// What half-closes and reads on gets its answer all the same.
#[tokio::test(start_paused = true)]
async fn a_half_close_ends_an_upload() {
    let world = world().await;
    let mut client = in_mode_z(&world, &[]).await;
    let mut data = client.passive().await;
    client.ask("STOR f", 150).await;
    data.write_all(&compress_to_vec_zlib(b"content", 6)).await.unwrap();
    data.shutdown().await.unwrap();
    client.expect(226).await;
    let mut rest = Vec::new();
    data.read_to_end(&mut rest).await.unwrap();
    assert_eq!((rest.len(), world.get("/f").unwrap()), (0, b"content".to_vec()));
}

/// As some servers do: it is for comparisons, and must be asked for.
#[tokio::test(start_paused = true)]
async fn a_server_that_takes_cut_streams_takes_what_has_come() {
    let world = world_with(|config| config.takes_cut_deflate = true).await;
    let mut client = in_mode_z(&world, &[]).await;
    let wire = compress_to_vec_zlib(b"the whole of it", 6);
    let reply = upload(&mut client, &wire[..wire.len() - 1]).await;
    assert!(reply.starts_with("226"), "{reply}");
    assert_eq!(world.get("/f").unwrap(), b"the whole of it");
    client.ask("MODE B", 200).await;
    let reply = upload(&mut client, b"\0\0\x05half ").await;
    assert!(reply.starts_with("426"), "of no other mode: {reply}");
}
