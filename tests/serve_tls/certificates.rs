//! Certificates: out of files, made at the start, read again.

use crate::common::described::{Described, is_root};
use crate::common::*;
use crate::harness::*;
use ftp_endpoint::client::{ClientError, TlsWhen};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Whether who comes now meets the certificate of this pin.
fn meets(to: SocketAddr, pin: [u8; 32]) -> bool {
    run(async {
        match connect(to, pin, rustls::ALL_VERSIONS, TlsWhen::Required).await {
            Ok(client) => {
                client.quit().await;
                true
            }
            Err(ClientError::Untrusted(_)) => false,
            Err(error) => panic!("{error}"),
        }
    })
}

const STAYS: &str = "the configuration stays as it was";
const READ_AGAIN: &str = "has been read again";

#[test]
fn a_hangup_reads_the_certificate_again_and_sessions_go_on() {
    let (old, new) = (Made::new(), Made::new());
    let server = started(&old, &[]);
    let here = server.here.path();
    let configuration = with_files(here, "");
    let mut session = Secure::log_in(server.address, Secure::config(&old, TLS13));
    let stream = session.passive();
    session.ask("STOR f", "150");
    let mut data = session.secure(stream).unwrap();
    std::io::Write::write_all(&mut data, b"first ").unwrap();
    std::io::Write::flush(&mut data).unwrap();
    new.write(&here.join("etc"));
    server.reload(&configuration, READ_AGAIN);
    assert!(meets(server.address, pin(&new)) && !meets(server.address, pin(&old)));
    std::io::Write::write_all(&mut data, b"and last").unwrap();
    data.conn.send_close_notify();
    std::io::Write::flush(&mut data).unwrap();
    drop(data);
    session.expect("226");
    assert_eq!(fs::read(server.path("root/f")).unwrap(), b"first and last");
    // Its further data connections resume what the old certificate has begun.
    session.store("g", b"abc", true, "226");

    // What is broken changes nothing, and is told by its file.
    let breaks: [(&str, &str, &str, &str); 5] = [
        ("etc/chain.pem", "", "chain.pem", "no certificate"),
        ("etc/key.pem", "", "key.pem", "no private key"),
        ("etc/key.pem", &old.key_pem, "key.pem", "does not belong"),
        ("etc/chain.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", "chain.pem", "PEM"),
        (
            "etc/chain.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "chain.pem",
            "not a certificate",
        ),
    ];
    for (file, text, named, word) in breaks {
        fs::write(here.join(file), text).unwrap();
        server.reload(&configuration, STAYS);
        let said = server.said();
        let last = said.lines().last().unwrap();
        assert!(last.contains(named) && last.contains(word), "{word}: {said}");
        assert!(meets(server.address, pin(&new)));
        new.write(&here.join("etc"));
    }
    fs::remove_file(here.join("etc/key.pem")).unwrap();
    server.reload(&configuration, STAYS);
    assert!(server.said().lines().last().unwrap().contains("cannot read"), "{}", server.said());
    assert!(meets(server.address, pin(&new)));
    session.ask("NOOP", "200");
}

#[test]
fn a_certificate_made_at_the_start_is_told_and_stays() {
    let with = |here: &Path, more: &str| users(here, &format!("tls-self-signed = true\n{more}"));
    let configuration = |here: &Path| with(here, "");
    let mut server = Described::start(&[], configuration);
    let line = server.line();
    let told = line.trim_end().strip_prefix("certificate sha256 ").unwrap_or_else(|| panic!("{line}"));
    assert!(told.len() == 64 && told.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{told}");
    let mut told_pin = [0; 32];
    for (byte, digits) in told_pin.iter_mut().zip(told.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    }
    assert!(meets(server.address, told_pin) && !meets(server.address, [0; 32]));
    for more in ["", "max-sessions = 50"] {
        server.reload(&with(server.here.path(), more), READ_AGAIN);
        assert!(meets(server.address, told_pin));
    }
    // Another start makes another one.
    let mut other = Described::start(&[], configuration);
    assert_ne!(other.line(), line);
    // Out of files, it is in the log alone.
    let made = Made::new();
    let of_files = started(&made, &[]);
    let hex: String = pin(&made).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(of_files.said().contains(&format!("sha256=\"{hex}\"")), "{}", of_files.said());
}

/// Names and addresses that clients may ask for are in it.
#[test]
fn a_certificate_made_at_the_start_names_the_host() {
    if !has("curl") || !has("openssl") {
        return;
    }
    let server =
        Described::start(&["--advertise", "192.0.2.7"], |here| users(here, "tls-self-signed = true"));
    let here = server.here.path();
    let port = server.address.port();
    let shown = said(
        &bounded("openssl", here)
            .args(["s_client", "-starttls", "ftp", "-showcerts", "-connect", &format!("127.0.0.1:{port}")])
            .output()
            .unwrap(),
    );
    let end = "-----END CERTIFICATE-----";
    let (begin, stop) = (shown.find("-----BEGIN").unwrap(), shown.find(end).unwrap());
    fs::write(here.join("shown.pem"), &shown[begin..stop + end.len()]).unwrap();
    let text = succeed(bounded("openssl", here).args(["x509", "-in", "shown.pem", "-noout", "-text"]));
    for name in ["DNS:localhost", "IP Address:127.0.0.1", "IP Address:192.0.2.7", "TLS Web Server"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("ftp://{USER}:{PASSWORD}@{host}:{port}/");
        succeed(bounded("curl", here).args(["-sS4", "--ssl-reqd", "--cacert", "shown.pem", &url]));
    }
}

/// As certbot has it: the names are links, which lead elsewhere after each renewal.
#[test]
fn links_are_followed_under_confinement() {
    let (old, new) = (Made::new(), Made::new());
    let put = |made: &Made, here: &Path, number: u32| {
        for (name, text) in [("chain", &made.pem), ("key", &made.key_pem)] {
            write_secret(&here.join(format!("archive/{name}{number}.pem")), text);
            let link = here.join(format!("etc/{name}.pem"));
            let _ = fs::remove_file(&link);
            symlink(format!("../archive/{name}{number}.pem"), link).unwrap();
        }
    };
    let server = Described::start(&[], |here| {
        fs::create_dir(here.join("archive")).unwrap();
        put(&old, here, 1);
        with_files(here, "")
    });
    if !server.is_confined() {
        return;
    }
    put(&new, server.here.path(), 2);
    server.reload(&with_files(server.here.path(), ""), READ_AGAIN);
    assert!(meets(server.address, pin(&new)) && !meets(server.address, pin(&old)));
    // From elsewhere it cannot be taken, and what was in use is.
    fs::create_dir(server.path("outside")).unwrap();
    fs::copy(server.path("archive/chain2.pem"), server.path("outside/chain.pem")).unwrap();
    let outside = with_files(server.here.path(), "").replace("etc/chain.pem", "outside/chain.pem");
    server.reload(&outside, STAYS);
    assert!(server.said().lines().last().unwrap().contains("outside/chain.pem"), "{}", server.said());
    assert!(meets(server.address, pin(&new)));
}

/// A key that is root's alone is read before root is left, and cannot be read again.
#[test]
fn an_unreadable_key_stays_and_the_rest_is_read_again() {
    if !is_root() {
        println!("skipped: this is not root");
        return;
    }
    let (old, new) = (Made::new(), Made::new());
    let more = "run-as = \"65534:65534\"";
    let server = Described::start(&[], |here| {
        std::os::unix::fs::chown(here.join("logs"), Some(65_534), Some(65_534)).unwrap();
        old.write(&here.join("etc"));
        with_files(here, more)
    });
    let here = server.here.path();
    assert!(server.said().contains("key.pem") && server.said().contains("will change nothing of it"));
    assert!(meets(server.address, pin(&old)));
    new.write(&here.join("etc"));
    server.reload(&with_files(here, &format!("{more}\ngreeting = \"Another one.\"")), READ_AGAIN);
    assert!(server.said().contains("stays as it was read before"), "{}", server.said());
    assert!(meets(server.address, pin(&old)));
    assert!(Raw::connect(server.address).expect("220").contains("Another one."));
    // One that may be read is.
    for name in ["etc/chain.pem", "etc/key.pem"] {
        std::os::unix::fs::chown(here.join(name), Some(65_534), Some(65_534)).unwrap();
    }
    server.reload(&with_files(here, more), READ_AGAIN);
    assert!(meets(server.address, pin(&new)));
}

#[test]
fn a_key_that_everyone_can_read_is_warned_of() {
    let made = Made::new();
    for (mode, warnings) in [(0o600, 0), (0o644, 1)] {
        let server = Described::start(&[], |here| {
            made.write(&here.join("etc"));
            fs::set_permissions(here.join("etc/key.pem"), fs::Permissions::from_mode(mode)).unwrap();
            with_files(here, "")
        });
        let said = server.said();
        assert_eq!(said.matches("can read its key").count(), warnings, "{said}");
    }
}
