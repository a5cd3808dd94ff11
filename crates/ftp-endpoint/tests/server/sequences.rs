//! Every command in every state: the reply is the one expected, and one that RFC 959 section 5.4
//! (or the RFC that brought the command) allows.

use ftp_proto::command::VERBS;
use testkit::server::*;
use tokio::io::AsyncWriteExt;

struct Row {
    line: &'static str,
    before_login: u16,
    logged_in: &'static [u16],
    /// Final and preliminary replies that the RFC lists; 421, 500, 501 and 530 go without saying.
    allowed: &'static [u16],
}

const fn row(
    line: &'static str,
    before_login: u16,
    logged_in: &'static [u16],
    allowed: &'static [u16],
) -> Row {
    Row { line, before_login, logged_in, allowed }
}

/// RFC 959: 125, 150, (110), then 226, 250 or 425, 426, 451, 551, 552.
const STORING: &[u16] = &[125, 150, 226, 250, 425, 426, 451, 551, 552, 532, 450, 452, 553, 554, 555, 550];
const RETRIEVING: &[u16] = &[125, 150, 226, 250, 425, 426, 451, 450, 550, 554, 555];
/// And 550, which servers in use say.
const LISTING: &[u16] = &[125, 150, 226, 250, 425, 426, 451, 450, 550];

const TABLE: &[Row] = &[
    row("USER u", 331, &[331], &[230, 331, 332]),
    row("PASS p", 503, &[202], &[230, 202, 503, 332]),
    row("ACCT a", 202, &[202], &[230, 202, 503]),
    // RFC 2228 section 5.3, RFC 4217: a server without a certificate; with one see tests/tls.
    row("AUTH TLS", 502, &[502], &[234, 334, 502, 504, 534, 431]),
    row("PBSZ 0", 503, &[503], &[200, 503]),
    row("PROT P", 503, &[503], &[200, 503, 504, 536, 534, 431]),
    row("CCC", 533, &[533], &[200, 503, 533, 534]),
    row("CWD d", 530, &[250], &[250, 502, 550]),
    row("CWD none", 530, &[550], &[250, 502, 550]),
    row("CDUP", 530, &[250], &[200, 250, 502, 550]),
    row("SMNT d", 530, &[202], &[202, 250, 502, 550]),
    row("REIN", 220, &[220], &[120, 220, 502]),
    row("QUIT", 221, &[221], &[221]),
    row("PORT 10,0,0,2,80,80", 530, &[200], &[200]),
    // RFC 2577 section 3.
    row("PORT 10,0,0,2,0,80", 530, &[504], &[200, 504]),
    row("PASV", 530, &[227], &[227, 502]),
    row("EPRT |1|10.0.0.2|5000|", 530, &[200], &[200, 522]),
    row("EPRT |2|::1|5000|", 530, &[522], &[200, 522]),
    row("EPSV", 530, &[229], &[229, 522]),
    row("EPSV ALL", 530, &[200], &[200]),
    row("TYPE I", 530, &[200], &[200, 504]),
    row("TYPE A T", 530, &[200], &[200, 504]),
    row("TYPE A C", 530, &[200], &[200, 504]),
    row("TYPE E C", 530, &[200], &[200, 504]),
    row("TYPE L 36", 530, &[504], &[200, 504]),
    row("STRU R", 530, &[200], &[200, 504]),
    row("STRU P", 530, &[504], &[200, 504]),
    row("MODE C", 530, &[200], &[200, 504]),
    row("MODE Z", 530, &[200], &[200, 451, 504]),
    row("MODE X", 504, &[504], &[200, 504]),
    row("ALLO 5", 530, &[202], &[200, 202, 504]),
    row("REST 1", 530, &[350], &[350, 502]),
    row("RETR f", 530, &[150, 425], RETRIEVING),
    row("RETR none", 530, &[550], RETRIEVING),
    row("STOR g", 530, &[150, 425], STORING),
    row("STOR d", 530, &[553], STORING),
    row("STOU", 530, &[150, 425], STORING),
    row("APPE f", 530, &[150, 425], STORING),
    row("RNFR f", 530, &[350], &[450, 550, 502, 350]),
    row("RNFR none", 530, &[550], &[450, 550, 502, 350]),
    row("RNTO g", 530, &[503], &[250, 532, 553, 502, 503]),
    row("ABOR", 226, &[226], &[225, 226, 502]),
    row("DELE f", 530, &[250], &[250, 450, 550, 502]),
    row("DELE d", 530, &[550], &[250, 450, 550, 502]),
    row("RMD d", 530, &[550], &[250, 502, 550]),
    row("MKD e", 530, &[257], &[257, 502, 550]),
    row("MKD d", 530, &[550], &[257, 502, 550]),
    row("PWD", 530, &[257], &[257, 502, 550]),
    row("LIST", 530, &[150, 425], LISTING),
    row("LIST none", 530, &[550], LISTING),
    row("NLST d", 530, &[150, 425], LISTING),
    row("SITE HELP", 530, &[214], &[200, 202, 214]),
    row("SYST", 215, &[215], &[215, 502]),
    row("STAT", 211, &[211], &[211, 212, 213, 450, 502]),
    row("STAT d", 530, &[212], &[211, 212, 213, 450, 502]),
    row("STAT f", 530, &[213], &[211, 212, 213, 450, 502]),
    row("HELP", 214, &[214], &[211, 214, 502]),
    row("NOOP", 200, &[200], &[200]),
    // RFC 2389.
    row("FEAT", 211, &[211], &[211, 502]),
    row("OPTS UTF8 ON", 200, &[200], &[200, 451]),
    // RFC 3659 sections 3.1, 4.1, 7.2.
    row("SIZE f", 530, &[213], &[213, 550]),
    row("SIZE none", 530, &[550], &[213, 550]),
    row("MDTM f", 530, &[550], &[213, 550]),
    row("MLSD d", 530, &[150, 425], &[125, 150, 226, 250, 425, 426, 451, 550]),
    row("MLST f", 530, &[250], &[250, 550]),
    row("MFMT 20000101000000 f", 530, &[213], &[213, 550]),
    row("HASH f", 530, &[213], &[213, 450, 550, 553, 556]),
    row("RANG 0 1", 530, &[350], &[350]),
    // RFC 7151 section 3.2, RFC 2640 section 4.
    row("HOST ftp.example.org", 220, &[503], &[220, 421, 503, 504]),
    row("LANG EN", 200, &[200], &[200, 504]),
    row("CLNT test", 200, &[200], &[200]),
];

fn store_of(world: &World) {
    world.put("/f", b"0123456789");
    world.put("/d/x", b"");
}

#[test]
fn the_table_knows_every_verb() {
    for verb in VERBS {
        assert!(TABLE.iter().any(|row| row.line.split(' ').next() == Some(verb)), "{verb}");
    }
    for row in TABLE {
        for code in row.logged_in {
            assert!(row.allowed.contains(code), "{}: {code}", row.line);
        }
        let always = [421, 500, 501, 530];
        assert!(
            always.contains(&row.before_login) || row.allowed.contains(&row.before_login),
            "{}",
            row.line
        );
    }
}

#[tokio::test(start_paused = true)]
async fn before_and_within_a_login() {
    for row in TABLE {
        let world = world().await;
        store_of(&world);
        let mut client = world.connect().await;
        client.expect(220).await;
        client.script(&[(row.line, &[row.before_login])]).await;
        if row.line == "QUIT" {
            continue;
        }
        // PASS alone differs after USER: it is the login.
        let mut client = world.connect().await;
        client.expect(220).await;
        client.ask("USER u", 331).await;
        let code = if row.line == "PASS p" { 230 } else { row.before_login };
        client.script(&[(row.line, &[code])]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn logged_in_after_rnfr_and_after_rest() {
    for row in TABLE {
        for before in [None, Some("RNFR f"), Some("REST 0")] {
            let world = world().await;
            store_of(&world);
            let mut client = world.client().await;
            if let Some(before) = before {
                client.ask(before, 350).await;
            }
            if before == Some("RNFR f") && row.line == "RNTO g" {
                client.script(&[(row.line, &[250])]).await;
                continue;
            }
            client.script(&[(row.line, row.logged_in)]).await;
            if row.line != "QUIT" {
                client.ask("NOOP", 200).await;
            }
        }
    }
}

/// What is under way when a command comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// 150 has been given, nobody has connected.
    Awaiting,
    Uploading,
    Downloading,
    Hashing,
}

/// During a transfer in each of its phases: STAT, NOOP and ABOR at once, everything else when it has
/// ended, in order.
#[tokio::test(start_paused = true)]
async fn during_a_transfer() {
    for phase in [Phase::Awaiting, Phase::Uploading, Phase::Downloading, Phase::Hashing] {
        for row in TABLE {
            let world = world().await;
            store_of(&world);
            world.put("/big", &vec![b'x'; 300_000]);
            let mut client = world.client().await;
            let mut data = None;
            let (end, aborted) = match phase {
                Phase::Awaiting => {
                    client.epsv().await;
                    client.ask("STOR upload", 150).await;
                    (425, 426)
                }
                Phase::Uploading => {
                    let mut connection = client.passive().await;
                    client.ask("STOR upload", 150).await;
                    connection.write_all(b"x").await.unwrap();
                    data = Some(connection);
                    (226, 426)
                }
                Phase::Downloading => {
                    data = Some(client.passive().await);
                    client.ask("RETR big", 150).await;
                    (226, 426)
                }
                // Both come together: the hash is computed with the other command waiting.
                Phase::Hashing => {
                    client.send(format!("HASH big\r\n{}\r\n", row.line).as_bytes()).await;
                    (213, 426)
                }
            };
            if phase != Phase::Hashing {
                settle().await;
                client.send(format!("{}\r\n", row.line).as_bytes()).await;
            }
            let codes: Vec<u16> = match row.line {
                "ABOR" => vec![aborted, 226],
                "STAT" | "NOOP" => [row.logged_in, &[end]].concat(),
                _ => [&[end], row.logged_in].concat(),
            };
            settle().await;
            match (phase, data) {
                (Phase::Downloading, Some(data)) => drop(read_all(data).await),
                (_, data) => drop(data),
            }
            for code in codes {
                let reply = client.reply().await;
                assert!(
                    reply.starts_with(&code.to_string()),
                    "{phase:?} {}: {code}, not {reply:?}",
                    row.line
                );
            }
            let published = phase == Phase::Uploading && row.line != "ABOR";
            assert_eq!(world.get("/upload").is_some(), published, "{phase:?} {}", row.line);
        }
    }
}

/// RFC 959 section 4.1.1: "All parameters are reset to the default settings", and so is all else.
#[tokio::test(start_paused = true)]
async fn rein_leaves_nothing() {
    let world = world().await;
    store_of(&world);
    let mut client = world.client().await;
    client
        .script(&[
            ("CWD d", &[250]),
            ("TYPE I", &[200]),
            ("STRU R", &[200]),
            ("MODE B", &[200]),
            ("OPTS HASH CRC32", &[200]),
            ("OPTS MLST size;", &[200]),
            ("EPSV ALL", &[200]),
            ("EPSV", &[229]),
            ("RANG 1 2", &[350]),
            ("REST 3", &[350]),
            ("RNFR x", &[350]),
            ("REIN", &[220]),
            ("RNTO y", &[530]),
            ("PWD", &[530]),
            ("PASS p", &[503]),
            ("USER u", &[331]),
            ("PASS p", &[230]),
            ("RNTO y", &[503]),
            ("PASV", &[227]),
            ("OPTS HASH", &[200]),
        ])
        .await;
    assert!(client.ask("PWD", 257).await.starts_with("257 \"/\""));
    let status = client.ask("STAT", 211).await;
    assert!(status.contains(" TYPE A, STRU F, MODE S\r\n"), "{status}");
    assert!(client.ask("HASH f", 213).await.contains("SHA-256 0-9 "), "the whole file, by the default");
    assert!(client.ask("MLST f", 250).await.contains("type=file;"));
    assert_eq!(world.net.listening(), 2, "the control port and PASV's");
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    assert_eq!(read_all(data).await.unwrap(), b"0123456789", "from the beginning");
    client.expect(226).await;
}

/// RFC 2640, and RFC 3659 section 2.2: any name comes back as it went, from every command.
#[tokio::test(start_paused = true)]
async fn names_of_every_kind() {
    let world = world().await;
    let mut client = world.client().await;
    client.ask("TYPE I", 200).await;
    for name in [
        "a b",
        " leading",
        "trailing ",
        "say \"hi\"",
        "\"",
        "tab\there",
        "carriage\rreturn",
        "-rf",
        "*?[a]",
        "%41",
        "\u{fc}ber",
        "\u{ff}",
        "\u{65e5}\u{672c}\u{8a9e}",
        "e\u{301}",
        "\u{1f4be}",
        "226 done",
        "...",
        "\u{7f}\u{1}",
    ] {
        // CR goes as CR NUL (RFC 854, RFC 2640 section 3.1).
        let wire = name.replace('\r', "\r\0");
        let quoted = name.replace('"', "\"\"").replace('\r', "\r\0");
        let reply = client.ask(&format!("MKD {wire}"), 257).await;
        assert!(reply.starts_with(&format!("257 \"/{quoted}\" ")), "{reply:?}");
        client.ask(&format!("CWD {wire}"), 250).await;
        let reply = client.ask("PWD", 257).await;
        assert!(reply.starts_with(&format!("257 \"/{quoted}\" ")), "{reply:?}");
        let mut data = client.passive().await;
        client.ask(&format!("STOR {wire}"), 150).await;
        data.write_all(b"x").await.unwrap();
        drop(data);
        client.expect(226).await;
        assert_eq!(world.get(&format!("/{name}/{name}")).unwrap(), b"x", "{name:?}");
        client.ask(&format!("SIZE {wire}"), 213).await;
        if !name.contains('\r') {
            // A listing's lines end with CR LF: a CR in a name is shown as something else there.
            let reply = client.ask(&format!("MLST {wire}"), 250).await;
            assert!(reply.contains(&format!("; /{wire}/{wire}\r\n")), "{reply:?}");
            let data = client.passive().await;
            client.ask("NLST", 150).await;
            assert_eq!(read_all(data).await.unwrap(), format!("{name}\r\n").as_bytes());
            client.expect(226).await;
        }
        client.ask(&format!("RNFR {wire}"), 350).await;
        client.ask("RNTO other", 250).await;
        client.ask("DELE other", 250).await;
        client.ask("CDUP", 250).await;
        client.ask(&format!("RMD /{wire}"), 250).await;
    }
    // The byte 255 is sent as IAC IAC (RFC 854), and is no UTF-8: a name is bytes all the same (RFC 2640).
    client.send(b"MKD a\xff\xffb\r\n").await;
    client.expect(257).await;
    client.send(b"RMD a\xff\xffb\r\n").await;
    client.expect(250).await;
}

/// RFC 959 section 4.1.3: RNTO directly behind RNFR, whatever the line between them is.
#[tokio::test(start_paused = true)]
async fn nothing_comes_between_rnfr_and_rnto() {
    let world = world().await;
    world.put("/a", b"content");
    let mut client = world.client().await;
    for between in ["FOO", "SIZE", &"x".repeat(70_000), "NOOP"] {
        client.ask("RNFR a", 350).await;
        client.send(format!("{between}\r\n").as_bytes()).await;
        client.reply().await;
        client.ask("RNTO b", 503).await;
    }
    assert_eq!(world.get("/a").unwrap(), b"content");
    client.script(&[("SITE PARTIAL", &[501])]).await;
}

/// What one user has asked to begin at is no place in another's file.
#[tokio::test(start_paused = true)]
async fn a_new_login_begins_at_the_beginning() {
    let world = world().await;
    world.put("/f", b"0123456789");
    for asked in ["REST 5", "RANG 2 4"] {
        let mut client = world.client().await;
        client.script(&[("TYPE I", &[200]), (asked, &[350]), ("USER u", &[331]), ("PASS p", &[230])]).await;
        let data = client.passive().await;
        client.script(&[("RETR f", &[150, 226])]).await;
        assert_eq!(read_all(data).await.unwrap(), b"0123456789", "{asked}");
    }
}
