//! Reply sequences of RFC 959 section 5.4.

use ftp_endpoint::server::Timeouts;
use std::time::Duration;
use testkit::server::*;

#[tokio::test(start_paused = true)]
async fn login() {
    let world = world().await;
    let mut client = world.connect().await;
    client.expect(220).await;
    client
        .script(&[
            ("PASS p", &[503]),
            ("PWD", &[530]),
            ("RETR a", &[530]),
            ("NOOP", &[200]),
            ("SYST", &[215]),
            ("FEAT", &[211]),
            ("USER u", &[331]),
            ("PASS wrong", &[530]),
            ("PASS p", &[503]),
            ("user u", &[331]),
            ("PaSs p", &[230]),
            ("PASS p", &[202]),
            ("PWD", &[257]),
            ("USER anonymous", &[331]),
            ("PWD", &[530]),
            ("PASS me@here", &[230]),
            ("MKD d", &[550]),
            ("REIN", &[220]),
            ("PWD", &[530]),
            ("QUIT", &[221]),
        ])
        .await;
    assert!(client.is_closed().await);
    settle().await;
    let notes = world.notes.all();
    assert_eq!(notes.first().unwrap(), "begin 1");
    assert_eq!(notes.last().unwrap(), "end 1 quit");
    assert!(notes.contains(&"> PASS ****".to_owned()));
    assert!(!notes.iter().any(|note| note.contains("wrong") || note.contains("me@here")));
}

#[tokio::test(start_paused = true)]
async fn names() {
    let world = world().await;
    world.put("/dir/a b", b"12345");
    let mut client = world.client().await;
    client
        .script(&[
            ("CWD nowhere", &[550]),
            ("CWD dir", &[250]),
            ("SIZE a b", &[213]),
            ("CDUP", &[250]),
            ("CDUP", &[250]),
            ("XCWD /dir", &[250]),
            ("CWD a b", &[550]),
            ("MKD new", &[257]),
            ("MKD new", &[550]),
            ("RMD new", &[250]),
            ("RMD new", &[550]),
            ("RNTO x", &[503]),
            ("RNFR nothing", &[550]),
            ("RNFR a b", &[350]),
            ("NOOP", &[200]),
            ("RNTO x", &[503]),
            ("RNFR a b", &[350]),
            ("RNTO x", &[250]),
            ("DELE a b", &[550]),
            ("DELE x", &[250]),
            ("SIZE /dir", &[550]),
        ])
        .await;
    let reply = client.ask("MKD say \"hi\"", 257).await;
    assert!(reply.starts_with("257 \"/dir/say \"\"hi\"\"\" "), "{reply}");
    client.ask("CWD say \"hi\"", 250).await;
    let reply = client.ask("PWD", 257).await;
    assert!(reply.starts_with("257 \"/dir/say \"\"hi\"\"\" "), "{reply}");
}

#[tokio::test(start_paused = true)]
async fn parameters() {
    let world = world().await;
    let mut client = world.client().await;
    client
        .script(&[
            ("TYPE I", &[200]),
            ("TYPE A N", &[200]),
            ("TYPE a t", &[200]),
            ("TYPE L 8", &[200]),
            ("TYPE L 36", &[504]),
            ("TYPE L", &[501]),
            ("TYPE", &[501]),
            ("TYPE Q", &[504]),
            ("STRU F", &[200]),
            ("STRU R", &[200]),
            ("STRU P", &[504]),
            ("STRU X", &[504]),
            ("MODE B", &[200]),
            ("MODE C", &[200]),
            ("MODE s", &[200]),
            ("MODE Q", &[504]),
            ("PORT 1,2,3", &[501]),
            ("PORT 10,0,0,2,80,80", &[200]),
            ("EPRT |1|10.0.0.2|5000|", &[200]),
            ("EPRT |2|::1|5000|", &[522]),
            ("EPRT |7|x|5000|", &[522]),
            ("EPRT nonsense", &[501]),
            ("PASV", &[227]),
            ("EPSV", &[229]),
            ("EPSV 1", &[229]),
            ("EPSV 2", &[522]),
            ("REST 5", &[350]),
            ("REST x", &[501]),
            ("EPSV ALL", &[200]),
            ("PASV", &[503]),
            ("PORT 10,0,0,2,80,80", &[503]),
            ("EPSV", &[229]),
            ("ABOR", &[226]),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_command() {
    let world = world().await;
    let mut client = world.client().await;
    client
        .script(&[
            ("", &[500]),
            ("FROB", &[500]),
            ("QUIT now", &[501]),
            ("RETR", &[501]),
            ("PWD\x01", &[500]),
            ("PWD", &[257]),
        ])
        .await;
    // A name is bytes (RFC 2640 section 3.1); this one is only not there.
    client.send(b"RETR \xc3\x28\r\n").await;
    client.expect(550).await;
}

/// RFC 1123 section 4.1.2.10: commands come in any cut, several at a time; replies in order.
#[tokio::test(start_paused = true)]
async fn commands_in_any_cut() {
    let world = world().await;
    let script = b"USER u\r\nPASS p\r\nNOOP\r\nPWD\r\nFROB\r\nSYST\r\nQUIT\r\n";
    for cut in [1, 2, 3, 7, 100] {
        let mut client = world.connect().await;
        client.expect(220).await;
        for piece in script.chunks(cut) {
            client.send(piece).await;
            settle().await;
        }
        for code in [331, 230, 200, 257, 500, 215, 221] {
            client.expect(code).await;
        }
        assert!(client.is_closed().await);
    }
}

#[tokio::test(start_paused = true)]
async fn telnet() {
    let world = world().await;
    let mut client = world.client().await;
    client.send(b"NO\xff\xfd\x06OP\r\n").await;
    client.stream_prefix(&[255, 252, 6]).await;
    client.expect(200).await;
    // CR NUL is a CR, IAC IAC the byte 255; both belong to the name.
    client.send(b"MKD a\r\0b\r\n").await;
    let reply = client.expect(257).await;
    assert!(reply.contains("/a\r\0b"), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_told() {
    let short = |config: &mut TestConfig| {
        config.timeouts =
            Timeouts { login: Duration::from_secs(10), idle: Duration::from_secs(20), ..Timeouts::default() };
    };
    let world = world_with(short).await;
    let mut idle = world.client().await;
    let begun = tokio::time::Instant::now();
    idle.expect(421).await;
    assert_eq!(begun.elapsed().as_secs(), 20);
    assert!(idle.is_closed().await);

    // Commands other than a login do not prolong the time for it.
    let mut stranger = world.connect().await;
    stranger.expect(220).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stranger.ask("NOOP", 200).await;
    }
    stranger.expect(421).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
}
