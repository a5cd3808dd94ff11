//! Options that cannot be used: what is said of them.

use crate::common::certificate::Made;
use crate::common::*;
use std::fs;

#[test]
fn mistakes_name_the_file_and_the_remedy() {
    let (made, other) = (Made::new(), Made::new());
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("root")).unwrap();
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (name, text) in [
        ("chain.pem", made.pem.as_str()),
        ("key.pem", &made.key_pem),
        ("both.pem", &format!("{}{}", made.pem, made.key_pem)),
        ("other.pem", &other.key_pem),
        ("empty.pem", ""),
        ("der.pem", "\u{1}\u{2}"),
        ("broken.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n"),
        ("locked.pem", locked),
    ] {
        fs::write(here.path().join(name), text).unwrap();
    }
    let certificate = "--tls-certificate";
    for (options, words) in [
        (&["--tls", "required"][..], &["--tls required", "--tls-certificate", "--tls-self-signed"][..]),
        (&["--tls", "offered"], &["--tls offered", "--tls-certificate"]),
        (&["--tls-implicit"], &["--tls-implicit", "--tls-certificate"]),
        (&["--tls-implicit", "--tls-self-signed", "--tls", "off"], &["--tls-implicit", "off"]),
        (&["--tls-key", "key.pem"], &["--tls-key", "--tls-certificate"]),
        (&["--tls-reuse", "require"], &["--tls-reuse", "--tls-certificate", "--tls-self-signed"]),
        (&["--tls-min", "1.3"], &["--tls-min", "--tls-certificate", "--tls-self-signed"]),
        (&["--tls-end", "lax", "--tls", "off"], &["--tls-end", "--tls-certificate"]),
        (&["--tls-self-signed", "--tls", "off"], &["--tls off", "--tls-self-signed", "leave one"]),
        (&[certificate, "both.pem", "--tls-self-signed"], &["--tls-self-signed", "one of them"]),
        (&[certificate, "none.pem"], &["cannot read none.pem", "No such file"]),
        (&[certificate, "root"], &["cannot read root"]),
        (&[certificate, "chain.pem"], &["chain.pem", "no private key"]),
        (&[certificate, "chain.pem", "--tls-key", "none.pem"], &["cannot read none.pem"]),
        (&[certificate, "chain.pem", "--tls-key", "empty.pem"], &["empty.pem", "no private key"]),
        (
            &[certificate, "chain.pem", "--tls-key", "other.pem"],
            &["other.pem", "chain.pem", "does not belong"],
        ),
        (&[certificate, "chain.pem", "--tls-key", "locked.pem"], &["locked.pem", "passphrase"]),
        (&[certificate, "key.pem"], &["key.pem", "no certificate"]),
        (&[certificate, "der.pem", "--tls-key", "key.pem"], &["der.pem", "no certificate"]),
        (&[certificate, "broken.pem", "--tls-key", "key.pem"], &["broken.pem", "PEM"]),
        (&["--tls", "on"], &["on", "offered"]),
        (&["--tls-min", "1.1"], &["1.1", "1.2"]),
        (&["--tls-reuse", "maybe"], &["maybe", "prefer"]),
        (&["--tls-end", "loose"], &["loose", "strict"]),
    ] {
        let mut serve = ftpsim(here.path());
        serve.args(["serve", "--listen", "127.0.0.1:0", "--root", "root", "--user", "a:b"]).args(options);
        let output = serve.output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{options:?}: {word} in {said}");
        }
        assert!(!said.contains("PRIVATE KEY-----"), "{said}");
    }
    // The key may be in the certificate's file.
    let server = Server::start(&["--tls-certificate", here.path().join("both.pem").to_str().unwrap()]);
    let mut client = Raw::connect(server.address);
    client.expect("220");
    client.ask("AUTH TLS", "234");
}
