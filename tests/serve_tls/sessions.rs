//! What clients see.

use crate::common::described::{Described, log_in};
use crate::common::*;
use crate::harness::*;
use ftp_endpoint::client::TlsWhen;
use std::fs;
use std::net::TcpStream;

/// What the log says of each transfer's TLS.
fn logged(server: &Described) -> Vec<(String, serde_json::Value)> {
    let text = fs::read_to_string(server.path("logs/log")).unwrap();
    let line = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        (record["path"].as_str().unwrap().to_owned(), record["tls"].clone())
    };
    text.lines().map(line).collect()
}

#[test]
fn our_client_both_ways_explicitly_and_implicitly() {
    let made = Made::new();
    for (options, when) in [
        (&[][..], TlsWhen::Required),
        (&["--tls", "required", "--tls-reuse", "require"], TlsWhen::Required),
        (&["--tls-implicit"], TlsWhen::Implicit),
    ] {
        let server = started(&made, options);
        for (versions, version) in [(TLS12, "TLS 1.2"), (TLS13, "TLS 1.3")] {
            let content = noise(300_000, 1);
            run(async {
                let mut client = connect(server.address, pin(&made), versions, when).await.unwrap();
                client.store(version, &content[..]).await.unwrap();
                let mut got = Vec::new();
                client.fetch(version, &mut got).await.unwrap();
                assert!(got == content, "{version} {when:?}");
                client.quit().await;
            });
            let path = format!("/{version}");
            let both = vec![(path.clone(), version.into()), (path, version.into())];
            assert_eq!(logged(&server)[logged(&server).len() - 2..], both);
            let said = server.said();
            assert!(
                said.contains("under TLS") && said.contains(&format!("tls_version=\"{version}\"")),
                "{said}"
            );
        }
    }
}

#[test]
fn what_is_required_is_refused_in_clear() {
    let made = Made::new();
    let server = started(&made, &["--tls", "required"]);
    let mut clear = Raw::connect(server.address);
    clear.expect("220");
    clear.ask(&format!("USER {USER}"), "530");
    clear.ask(&format!("PASS {PASSWORD}"), "503");
    let mut secure = Secure::log_in(server.address, Secure::config(&made, TLS13));
    secure.ask("PROT C", "534");
    assert!(secure.ask_all("STAT", "211").contains("TLS 1.3, data protected"));
    // Offered: who does not want it goes without.
    let server = started(&made, &[]);
    let mut clear = log_in(server.address, USER, PASSWORD, "230");
    clear.store("f", b"abc", "226");
    clear.ask("STAT", "211-");
    let mut said = String::new();
    while !said.contains("End of status") {
        said.push_str(&clear.expect(""));
    }
    assert!(said.contains(", clear"), "{said}");
    let mut secure = Secure::log_in(server.address, Secure::config(&made, TLS12));
    secure.ask("PROT C", "200");
    assert!(secure.ask_all("STAT", "211").contains("TLS 1.2, data in clear"));
    assert_eq!(logged(&server), [("/f".to_owned(), serde_json::Value::Null)]);
}

#[test]
fn curl_both_ways() {
    if !has("curl") {
        return;
    }
    let made = Made::new();
    for (options, scheme) in [(&["--tls", "required"][..], "ftp"), (&["--tls-implicit"], "ftps")] {
        let server = started(&made, options);
        let here = server.here.path();
        let content = noise(300_000, 2);
        fs::write(here.join("file"), &content).unwrap();
        let url = format!("{scheme}://{USER}:{PASSWORD}@localhost:{}/up", server.address.port());
        for version in ["--tlsv1.2", "--tlsv1.3"] {
            let curl = |more: &[&str]| {
                let mut curl = bounded("curl", here);
                curl.args(["--silent", "--show-error", "--ipv4", "--ssl-reqd", version]);
                curl.args(["--tls-max", &version[6..], "--cacert", "etc/chain.pem"]).args(more);
                succeed(curl.arg(&url));
            };
            curl(&["--upload-file", "file"]);
            assert!(fs::read(server.path("root/up")).unwrap() == content, "{scheme} {version}");
            curl(&["--output", "back"]);
            assert!(fs::read(here.join("back")).unwrap() == content, "{scheme} {version}");
            fs::remove_file(here.join("back")).unwrap();
            assert!(logged(&server).iter().all(|(_, tls)| !tls.is_null()));
        }
    }
}

#[test]
fn options_of_tls_reach_the_sessions() {
    let made = Made::new();
    // The oldest version.
    for (oldest, is_taken) in [("1.2", true), ("1.3", false)] {
        let server = started(&made, &["--tls-min", oldest, "--tls-implicit"]);
        let stream = TcpStream::connect(server.address).unwrap();
        assert_eq!(Secure::over(stream, Secure::config(&made, TLS12)).is_ok(), is_taken, "{oldest}");
        let stream = TcpStream::connect(server.address).unwrap();
        Secure::over(stream, Secure::config(&made, TLS13)).unwrap().expect("220");
    }
    // What ends an upload.
    for (end, code) in [("strict", "426"), ("lax", "226")] {
        let server = started(&made, &["--tls-end", end]);
        for versions in [TLS12, TLS13] {
            let mut secure = Secure::log_in(server.address, Secure::config(&made, versions));
            secure.store("cut", b"half a f", false, code);
            secure.store("whole", b"a file", true, "226");
        }
        assert_eq!(server.path("root/cut").exists(), end == "lax");
    }
    // Whose data connection it is.
    for (reuse, code) in [("require", "522"), ("prefer", "226"), ("off", "226")] {
        let server = started(&made, &["--tls-reuse", reuse]);
        let mut secure = Secure::log_in(server.address, Secure::without_resumption(&made));
        let stream = secure.passive();
        secure.ask("STOR f", "150");
        let mut data = secure.secure(stream).unwrap();
        data.conn.send_close_notify();
        let _ = std::io::Write::flush(&mut data);
        secure.expect(code);
    }
    // Resumed where it may be, and not where it is off.
    for (reuse, wanted) in [
        ("require", rustls::HandshakeKind::Resumed),
        ("prefer", rustls::HandshakeKind::Resumed),
        ("off", rustls::HandshakeKind::Full),
    ] {
        let server = started(&made, &["--tls-reuse", reuse]);
        let mut secure = Secure::log_in(server.address, Secure::config(&made, TLS13));
        let stream = secure.passive();
        secure.ask("NLST", "150");
        let mut data = secure.secure(stream).unwrap();
        assert_eq!(data.conn.handshake_kind(), Some(wanted), "{reuse}");
        std::io::Read::read_to_end(&mut data, &mut Vec::new()).unwrap();
        drop(data);
        secure.expect("226");
    }
}

/// Nobody is asked for a certificate's file while TLS is off.
#[test]
fn off_is_off() {
    let made = Made::new();
    let server = started(&made, &["--tls", "off"]);
    let mut clear = Raw::connect(server.address);
    clear.expect("220");
    clear.ask("AUTH TLS", "502");
    let here = server.here.path();
    fs::remove_file(here.join("etc/key.pem")).unwrap();
    server.reload(&with_files(here, ""), "has been read again");
    let offers = |server: &Described| {
        let mut client = Raw::connect(server.address);
        client.expect("220");
        client.ask("FEAT", "211-");
        let mut said = String::new();
        while !said.contains("211 ") {
            said.push_str(&client.expect(""));
        }
        said.contains("AUTH TLS")
    };
    assert!(!offers(&server));
    assert!(offers(&started(&made, &[])));
}
